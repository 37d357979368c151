"""The inventory model: service, people and seats, checked at the door and completed with their defaults.

Every mistake is collected before anything is said, so that one run tells them all. Each sentence says where the
mistake stands, what it is, and what would do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .im_model import Client
from .im_packages.answers import product_id_of
from .im_preferences import ENFORCEABLE, problems_of

# RFC 7622 forbids these in a localpart; spaces and controls are refused with them.
_LOCALPART = re.compile(r"[^\x00-\x20\"&'/:<>@\x7f]+")
_DOMAIN = re.compile(r"(?!-)[^\s@/:\"'&<>]+")
_LOGIN = re.compile(r"[^\s/:\x00-\x1f]+")

# Debian policy 5.6.12.
_VERSION = re.compile(r"([0-9]+:)?[0-9][A-Za-z0-9.+~-]*")
# The same with ^ (RPM) and * (anything).
_PINNED_VERSION = re.compile(r"([0-9]+:)?[0-9][A-Za-z0-9.+~^*-]*")

_SHA256 = re.compile("[0-9A-Fa-f]{64}")
_INSTALLER_KEYS = {"url", "sha256", "product_id", "arguments", "version", "folder"}
#: A folder below a home, as Windows takes one, which nothing of Windows itself is in.
_FOLDER = re.compile(
    r"(?!AppData(/|$))[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9_-])?(/[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9_-])?)*", re.I
)
_PLAIN_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")

_PERSON_KEYS = {
    "jid", "name", "nickname", "mail", "phone", "unit", "unit_mail", "unit_phone", "avatar",
    "contacts", "rooms", "preferences", "store_password",
}  # fmt: skip
_ROOM_KEYS = {"room", "name", "nick", "autojoin"}
_CONTACT_KEYS = {"jid", "name", "groups", "message"}


class InventoryError(ValueError):
    """The inventory cannot be used as it is. ``problems`` holds one sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def split_jid(jid: str) -> tuple[str, str]:
    """Part a bare JID into localpart and domain (RFC 7622); ValueError when it is not one."""
    localpart, _, domain = jid.partition("@")
    if not _LOCALPART.fullmatch(localpart) or not _DOMAIN.fullmatch(domain):
        raise ValueError(f"{jid!r} is not a bare JID; it looks like prenom.nom@domain")
    return localpart, domain


def complete_service(service: Any) -> dict[str, Any]:
    """Check the service and fill its defaults.

    Returns:
        domain, conference, host, port, tls ("starttls" or "direct"), ca_file, imap, smtp; what is not set is None.
        host and port may be None: the client then looks up SRV records, then tries the domain.
    """
    problems: list[str] = []
    service = _mapping(service, "im_service", problems)
    known = {"domain", "conference", "host", "port", "tls", "ca_file", "imap", "smtp"}
    problems += _unknown_keys(service, known, "im_service")
    domain = service.get("domain")
    if not isinstance(domain, str) or not _DOMAIN.fullmatch(domain):
        problems.append(f"im_service: domain is {domain!r}; it takes the XMPP domain, such as univ.example")
    tls = service.get("tls") or "starttls"
    if tls not in ("starttls", "direct"):
        problems.append(f"im_service: tls is {tls!r}; it takes starttls or direct (an unencrypted service is refused)")
    for name in ("imap", "smtp"):
        problems += _mail_server_problems(service.get(name), f"im_service.{name}")
    if bool(service.get("imap")) != bool(service.get("smtp")):
        problems.append("im_service: imap and smtp go together; a mail account needs both")
    problems += _port_problems(service.get("port"), "im_service")
    if service.get("port") and not service.get("host"):
        problems.append("im_service: port without host; clients take both from SRV records or neither")
    if problems:
        raise InventoryError(problems)
    return {
        "domain": domain,
        "conference": service.get("conference") or f"conference.{domain}",
        "host": service.get("host") or None,
        "port": int(service.get("port") or 0) or None,
        "tls": tls,
        "ca_file": service.get("ca_file") or None,
        "imap": _complete_mail_server(service.get("imap")),
        "smtp": _complete_mail_server(service.get("smtp")),
    }


def complete_people(people: Any, service: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Check the people and fill their defaults.

    Args:
        people: key ``prenom.nom`` -> person, as the inventory holds them.
        service: what complete_service() returned.

    Returns:
        key -> person with every attribute present; jid defaults to ``<key>@<domain>``, name to the JID, nickname to
        the name, mail to the JID. A room is {jid, room, server, name, nick, autojoin}.
    """
    problems: list[str] = []
    done: dict[str, dict[str, Any]] = {}
    seen: dict[str, str] = {}
    for key, entry in _mapping(people, "im_people", problems).items():
        where = f"person {key!r}"
        person = _mapping(entry, where, problems)
        problems += _unknown_keys(person, _PERSON_KEYS, where)
        jid = person.get("jid") or f"{key}@{service['domain']}"
        try:
            localpart, domain = split_jid(jid)
        except ValueError as error:
            problems.append(f"{where}: {error}")
            continue
        if other := seen.get(jid.casefold()):
            problems.append(f"{where}: JID {jid} is already that of person {other!r}; one account, one person")
        seen[jid.casefold()] = str(key)
        if not isinstance(person.get("store_password", False), bool):
            problems.append(f"{where}: store_password is {person['store_password']!r}; it takes true or false")
        preferences = _mapping(person.get("preferences"), f"{where}: preferences", problems)
        problems += problems_of(preferences, where)
        name = person.get("name") or jid
        done[key] = {
            "key": key,
            "jid": jid,
            "localpart": localpart,
            "domain": domain,
            "name": name,
            "nickname": person.get("nickname") or name,
            "mail": person.get("mail") or jid,
            **{field: person.get(field) or "" for field in ("phone", "unit", "unit_mail", "unit_phone")},
            "contacts": _complete_contacts(person.get("contacts"), where, problems),
            "rooms": _complete_rooms(person.get("rooms"), where, localpart, service, problems),
            "preferences": dict(preferences),
            "store_password": person.get("store_password") is True,
        }
    if problems:
        raise InventoryError(problems)
    return done


def check_seats(host: str, seats: Any, people: Iterable[str], clients: Iterable[str]) -> list[dict[str, Any]]:
    """Check the seats of one host against the known people and clients.

    Returns:
        The seats as dicts {login, person, clients, state}, in the inventory's order.
    """
    known_people, known_clients = list(people), list(clients)
    problems: list[str] = []
    done: list[dict[str, Any]] = []
    if not isinstance(seats, list):
        raise InventoryError([f"host {host!r}: im_seats is not a list; each seat is {{login, person, clients}}"])
    for position, entry in enumerate(seats, 1):
        seat = _mapping(entry, f"host {host!r}: seat {position}", problems)
        login = seat.get("login")
        if not isinstance(login, str) or not _LOGIN.fullmatch(login):
            problems.append(f"host {host!r}: seat {position}: login is {login!r}; it takes the name of the session")
            continue
        where = f"seat '{host}/{login}'"
        problems += _unknown_keys(seat, {"login", "person", "clients", "state"}, where)
        if login in ("root", "SYSTEM", "*"):
            problems.append(f"{where}: {login} is not a person; name the session of a person")
        if any(other["login"] == login for other in done):
            problems.append(f"{where}: listed twice; a seat is one login, with all its clients in one list")
        if seat.get("person") not in known_people:
            problems.append(f"{where}: no person named {seat.get('person')!r}; known: {_listing(known_people)}")
        wanted = seat.get("clients")
        if not isinstance(wanted, list) or not wanted:
            problems.append(f"{where}: clients is {wanted!r}; it takes a list of: {_listing(known_clients)}")
            wanted = []
        for client in wanted:
            if client not in known_clients:
                problems.append(f"{where}: no client named {client!r}; known: {_listing(known_clients)}")
        state = seat.get("state", "present")
        if state not in ("present", "absent"):
            problems.append(f"{where}: state is {state!r}; it takes present or absent")
        clients_once = list(dict.fromkeys(wanted))
        done.append({"login": login, "person": seat.get("person"), "clients": clients_once, "state": state})
    if problems:
        raise InventoryError(problems)
    return done


def check_preferences(preferences: Any, enforced: Any) -> tuple[dict[str, Any], list[str]]:
    """Check the site's own preferences and its list of enforced ones; returns both."""
    problems: list[str] = []
    site = _mapping(preferences, "im_preferences", problems)
    problems += problems_of(site, "im_preferences")
    if not isinstance(enforced, list):
        problems.append("im_enforced_preferences: it takes a list of preferences")
        enforced = []
    problems += [
        f"im_enforced_preferences: no preference named {name!r}; known: {', '.join(ENFORCEABLE)}"
        for name in enforced
        if name not in ENFORCEABLE
    ]
    if problems:
        raise InventoryError(problems)
    return dict(site), list(enforced)


def check_minimum_versions(given: Any, clients: Iterable[str]) -> dict[str, str]:
    """Check the least versions that will do, client -> version of its package; returns them as text."""
    problems: list[str] = []
    known = list(clients)
    done: dict[str, str] = {}
    for name, version in _mapping(given, "im_minimum_versions", problems).items():
        if name not in known:
            problems.append(f"im_minimum_versions: no client named {name!r}; known: {_listing(known)}")
        # A number may have lost a zero on its way: 1.10 is read as 1.1.
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            problems.append(f'im_minimum_versions: {name} is {version!r}; it takes a version in quotes, such as "1.7"')
        done[str(name)] = str(version)
    if problems:
        raise InventoryError(problems)
    return done


def check_packages(versions: Any, latest: Any, sources: Any, clients: Mapping[str, Client], held: Any = None) -> None:
    """Check what the site says of packages: client -> version, clients that are kept the newest, client -> source.

    HELD: client -> whether its packages are held at their version (true) or released (false).

    Whether the platform of a host has a source is told when the host is known.
    """
    problems: list[str] = []
    known = list(clients)
    pinned = _mapping(versions, "im_package_versions", problems)
    for name, version in pinned.items():
        if not isinstance(version, str) or not _PINNED_VERSION.fullmatch(version):
            problems.append(
                f'im_package_versions: {name} is {version!r}; it takes a version in quotes, such as "2.14.13"'
            )
    if not isinstance(latest or [], list):
        problems.append(f"im_package_latest is {latest!r}; it takes a list of: {_listing(known)}")
        latest = []
    chosen = _mapping(sources, "im_package_sources", problems)
    for name, source in chosen.items():
        possible = sorted(
            {
                "distribution",
                *(key for one in clients.values() for a in one.platforms.values() for key in a.get("sources", {})),
            }
        )
        if source not in possible:
            problems.append(f"im_package_sources: {name} is {source!r}; it takes one of: {', '.join(possible)}")
    holds = _mapping(held, "im_package_held", problems)
    problems += [
        f"im_package_held: {name} is {hold!r}; it takes true (stays at its version) or false (released)"
        for name, hold in holds.items()
        if not isinstance(hold, bool)
    ]
    named = {
        "im_package_versions": pinned,
        "im_package_latest": latest or [],
        "im_package_sources": chosen,
        "im_package_held": holds,
    }
    for variable, names in named.items():
        problems += [
            f"{variable}: no client named {name!r}; known: {_listing(known)}" for name in names if name not in known
        ]
    problems += [
        f"im_package_latest: {name} is in im_package_versions too; it cannot be both one version and the newest"
        for name in latest or []
        if name in pinned
    ]
    problems += [
        f"im_package_latest: {name} is held by im_package_held too; it cannot both stay and be the newest"
        for name in latest or []
        if holds.get(name) is True
    ]
    if problems:
        raise InventoryError(problems)


def check_installers(installers: Any, clients: Mapping[str, Client]) -> None:
    """Check the vendors' installers for Windows PCs: client -> {url, sha256, product_id?, arguments?}."""
    problems: list[str] = []
    for name, installer in _mapping(installers, "im_package_installers", problems).items():
        where = f"im_package_installers: {name}"
        if name not in clients:
            problems.append(f"{where}: no such client; known: {_listing(clients)}")
            continue
        if not isinstance(installer, Mapping):
            problems.append(f"{where} is {installer!r}; it takes url, sha256, and if need be product_id and arguments")
            continue
        if strange := sorted(str(key) for key in installer.keys() - _INSTALLER_KEYS):
            problems.append(f"{where}: unknown: {', '.join(strange)}; known: {', '.join(sorted(_INSTALLER_KEYS))}")
        if not str(installer.get("url") or "").startswith(("https://", "\\\\")):
            problems.append(f"{where}: url is {installer.get('url')!r}; it takes https://… or a share, \\\\server\\…")
        # The file is run with all rights of the PC.
        if not isinstance(installer.get("sha256"), str) or not _SHA256.fullmatch(installer["sha256"]):
            problems.append(f"{where}: sha256 is {installer.get('sha256')!r}; it takes the file's, 64 digits in quotes")
        version, folder = installer.get("version", "1"), installer.get("folder", "x")
        if not isinstance(version, str) or not _PLAIN_VERSION.fullmatch(version):
            problems.append(f'{where}: version is {version!r}; it takes numbers and dots in quotes, such as "2.4.7"')
        if not isinstance(folder, str) or not _FOLDER.fullmatch(folder):
            problems.append(f"{where}: folder is {folder!r}; it takes a plain name, such as Gajim, or Programs/Gajim")
        words = installer.get("arguments", [])
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            problems.append(f"{where}: arguments is {words!r}; it takes a list of texts")
        if not installer.get("product_id") and not product_id_of(clients[name]):
            problems.append(
                f"{where}: product_id is missing; it takes the name of the Uninstall key that this installer makes"
            )
    if problems:
        raise InventoryError(problems)


def check_portable(versions: Any, latest: Any, sources: Any, installers: Any, clients: Mapping[str, Client]) -> None:
    """Check what the site says of clients that are laid into homes: which file, and which version that is."""
    problems: list[str] = []
    said: list[str] = []  # what is no mapping was told by the other checks
    named = _mapping(installers, "im_package_installers", said)
    for name, source in _mapping(sources, "im_package_sources", said).items():
        known = clients[name].platforms.values() if name in clients else ()
        if not any("portable" in answers.get("sources", {}).get(source, {}) for answers in known):
            continue
        installer = named.get(name)
        if not isinstance(installer, Mapping) or not all(installer.get(key) for key in ("url", "sha256", "version")):
            problems.append(
                f"im_package_sources: {name} is {source}, so im_package_installers takes {name} with url, sha256 and "
                "version of the vendor's portable installer"
            )
        variables = {"im_package_versions": versions, "im_package_latest": latest}
        problems += [
            f"{variable}: {name} is {source} (im_package_sources): its version is the one in im_package_installers"
            for variable, names in variables.items()
            if isinstance(names, (Mapping, list)) and name in names
        ]
    if problems:
        raise InventoryError(problems)


def accounts_to_check(
    people: Mapping[str, Mapping[str, Any]], keys: Iterable[str], passwords: Mapping[str, str], reach: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Make the list that xmpp_account_info takes.

    Args:
        people: what complete_people() returned.
        keys: the people to ask about; each once, in this order.
        passwords: key or JID -> password, from the vault or a prompt; without one, existence can still be checked.
        reach: how the control node reaches the service when not by SRV: host, port, tls (each may be None).

    Returns:
        One {jid, password?, host?, port?, tls?} for each person.
    """
    accounts = []
    for key in dict.fromkeys(keys):
        account = {
            "jid": people[key]["jid"],
            "password": passwords.get(key, passwords.get(people[key]["jid"])),
            **reach,
        }
        accounts.append({name: value for name, value in account.items() if value is not None})
    return accounts


def _mapping(value: Any, where: str, problems: list[str]) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        problems.append(f"{where}: {type(value).__name__} instead of a mapping (key: value)")
        return {}
    return value


def _unknown_keys(value: Mapping[str, Any], known: set[str], where: str) -> list[str]:
    return [f"{where}: unknown key {key!r}; known: {_listing(known)}" for key in value if key not in known]


def _listing(names: Iterable[str]) -> str:
    """Names for an error: sorted, at most 30 of them."""
    names = sorted(map(str, names))
    return ", ".join(names[:30]) + (f", … ({len(names)} in all)" if len(names) > 30 else "") or "none"


def _port_problems(port: Any, where: str) -> list[str]:
    if port in (None, "") or (str(port).isdecimal() and 0 < int(port) < 65536):
        return []
    return [f"{where}: port is {port!r}; it takes a number from 1 to 65535"]


def _mail_server_problems(server: Any, where: str) -> list[str]:
    problems: list[str] = []
    server = _mapping(server, where, problems)
    if not server or problems:
        return problems
    problems += _unknown_keys(server, {"host", "port", "tls", "username"}, where)
    if not server.get("host"):
        problems.append(f"{where}: no host; it takes the name of the mail server")
    if (server.get("tls") or "direct") not in ("starttls", "direct"):
        problems.append(f"{where}: tls is {server.get('tls')!r}; it takes starttls or direct")
    if (server.get("username") or "mail") not in ("mail", "jid", "key"):
        problems.append(f"{where}: username is {server.get('username')!r}; it takes mail, jid or key")
    return problems + _port_problems(server.get("port"), where)


def _complete_mail_server(server: Any) -> dict[str, Any] | None:
    if not server:
        return None
    return {
        "host": server["host"],
        "port": int(server["port"]) if server.get("port") else None,
        "tls": server.get("tls") or "direct",
        "username": server.get("username") or "mail",
    }


def _complete_contacts(contacts: Any, where: str, problems: list[str]) -> list[dict[str, Any]]:
    done = []
    for position, entry in enumerate(contacts or [], 1):
        contact = _mapping(entry, f"{where}: contact {position}", problems)
        problems += _unknown_keys(contact, _CONTACT_KEYS, f"{where}: contact {position}")
        try:
            split_jid(str(contact.get("jid")))
        except ValueError as error:
            problems.append(f"{where}: contact {position}: {error}")
        done.append(dict(contact))
    return done


def _complete_rooms(
    rooms: Any, where: str, localpart: str, service: Mapping[str, Any], problems: list[str]
) -> list[dict[str, Any]]:
    """``room`` is a name (on the service's conference host) or a whole room JID."""
    done: list[dict[str, Any]] = []
    for position, entry in enumerate(rooms or [], 1):
        place = f"{where}: room {position}"
        room = {"room": entry} if isinstance(entry, str) else _mapping(entry, place, problems)
        problems += _unknown_keys(room, _ROOM_KEYS, place)
        name = str(room.get("room") or "")
        jid = name if "@" in name else f"{name}@{service['conference']}"
        try:
            node, server = split_jid(jid.lower())
        except ValueError:
            problems.append(f"{place}: room is {name!r}; it takes a room name or room@{service['conference']}")
            continue
        if not isinstance(room.get("autojoin", True), bool):
            problems.append(f"{place}: autojoin is {room.get('autojoin')!r}; it takes true or false")
        if any(other["jid"] == f"{node}@{server}" for other in done):
            problems.append(f"{place}: {node}@{server} is listed twice")
        done.append(
            {
                "jid": f"{node}@{server}",
                "room": node,
                "server": server,
                "name": room.get("name") or node,
                "nick": room.get("nick") or localpart,
                "autojoin": room.get("autojoin", True),
            }
        )
    return done
