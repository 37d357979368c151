"""What stands in the way of one person's client on one host, found before anything is touched. Pure functions.

Each problem is a sentence of the catalogue, ``preflight.<code>``, with the exact remedy, ``preflight.<code>.remedy``.
All that can be found is found at once, so that a colleague mends it in one go.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .im_catalogue import text

#: Gives the seats of a host, as the inventory has them.
SeatsOf = Callable[[str], Sequence[Mapping[str, Any]]]

#: The closed list of problems.
CODES = (
    "person_unknown", "machine_unknown", "client_unknown",
    "login_unknown", "login_several", "login_of_other", "machine_silent", "machine_denied", "machine_changed",
    "machine_failed", "gajim_on_macos", "package_impossible",
    "platform_unknown", "account", "proxy_refused", "proxy_silent", "source_none",
    "source_silent", "package_unknown", "source_none_rpm", "source_silent_rpm", "package_unknown_rpm",
    "profile_refused", "profile_failed",
)  # fmt: skip

#: Verdicts that say that this account will not work. Others leave it open: the run then ends without a proof.
ACCOUNT_REFUSED = frozenset(
    {"absent", "auth_failed", "account_disabled", "credentials_expired", "bad_password_characters", "bind_not_allowed"}
)

# OpenSSH's own words, in the message of Ansible's connection.
# In the words of ssh, of winrm, and of psrp.
_DENIED = (
    *("Permission denied", "Too many authentication failures"),
    *("credentials were rejected", "failed to authenticate with"),
)
_CHANGED = ("REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key verification failed", "CERTIFICATE_VERIFY_FAILED")

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LONGEST = 200
_FEW = 10


class Problem(NamedTuple):
    """code: one of CODES.  text: what is in the way.  remedy: what would do, exactly.  detail: technical, may be ""."""

    code: str
    text: str
    remedy: str
    detail: str = ""


class Wish(NamedTuple):
    """What a ticket says, each as text and "" where it says nothing."""

    person: str
    machine: str
    client: str
    login: str


class Aim(NamedTuple):
    """Whom and what a ticket is about, in the inventory's words; "" where it could not be told.

    listed: whether the inventory itself has this seat with this client.
    """

    person: str
    machine: str
    client: str
    login: str
    listed: bool
    problems: list[Problem]


def problem(code: str, language: str, detail: str = "", **values: str) -> Problem:
    """Make a problem from the catalogue; the values are shown without control characters and not in full length."""
    shown = {name: visible(value) for name, value in values.items()}
    return Problem(
        code,
        text(f"preflight.{code}", language, **shown),
        text(f"preflight.{code}.remedy", language, **shown),
        visible(detail, 1000),
    )


def visible(value: str, longest: int = _LONGEST) -> str:
    """Text of others on one line, for people to read: nothing that a terminal would obey, and no flood."""
    shown = _UNSEEN.sub(" ", str(value)).strip()
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def near(word: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Names like a word: those that it begins or ends, then those spelled nearly so; the nearest first."""
    names = {name.casefold(): name for name in sorted(known)}
    asked = word.casefold().strip()
    parts = [name for folded, name in names.items() if asked and _is_part(asked, folded)]
    alike = difflib.get_close_matches(asked, names, n=most, cutoff=0.6)
    return list(dict.fromkeys([*parts, *(names[one] for one in alike)]))[:most]


def _is_part(asked: str, name: str) -> bool:
    """bib-012 for bib-012.univ.example, martin for alice.martin."""
    return len(asked) >= 3 and (name.startswith(f"{asked}.") or name.endswith(f".{asked}") or asked in name.split("@"))


def aim(
    wish: Wish,
    people: Mapping[str, Mapping[str, Any]],
    machines: Iterable[str],
    seats_of: SeatsOf,
    *,
    clients: Iterable[str],
    language: str = "fr",
) -> Aim:
    """Find in the inventory what a ticket names. Nothing is guessed: only names that are equal but for case count.

    Args:
        wish: what the ticket says; a person may be named by its JID too.
        people: what complete_people() returned.
        machines: names of all hosts.
        seats_of: gives the seats of a host by the inventory; asked about the host of the ticket only.
        clients: names of the clients' roles.
        language: of the problems.

    Returns:
        What was found. A session that the ticket does not name is the person's on that machine.
    """
    search = _Search(language)
    identities = {person["jid"]: key for key, person in people.items()} | {key: key for key in people}
    person = search.find("person", wish.person, identities)
    machine = search.find("machine", wish.machine, {name: name for name in machines})
    client = search.find("client", wish.client, {name: name for name in clients})
    seats = seats_of(machine) if machine else []
    login = search.login(wish.login.strip(), person, machine, seats) if machine and (person or wish.login) else ""
    listed = any(
        seat.get("login") == login and seat.get("person") == person and client in seat.get("clients", [])
        for seat in seats
        if seat.get("state") != "absent"
    )
    return Aim(person, machine, client, login, listed, search.problems)


class _Search:
    """Finds names of the inventory, and keeps the problems."""

    def __init__(self, language: str) -> None:
        self._language = language
        self.problems: list[Problem] = []

    def _tell(self, code: str, **values: str) -> str:
        self.problems.append(problem(code, self._language, **values))
        return ""

    def find(self, kind: str, said: str, identities: Mapping[str, str]) -> str:
        """The name that is meant, of those that the identities stand for; "" and a problem when it is none of them."""
        asked = said.strip()
        found = {name for identity, name in identities.items() if identity.casefold() == asked.casefold()}
        if asked in identities:
            return identities[asked]
        if len(found) == 1:
            return found.pop()
        names = sorted(set(identities.values()))
        alike = near(asked, names) or (names if len(names) <= _FEW else [])
        return self._tell(f"{kind}_unknown", said=asked, near=_some(alike))

    def login(self, said: str, person: str, machine: str, seats: Sequence[Mapping[str, Any]]) -> str:
        """The session that is meant: the one that was named unless it is somebody else's, or the person's own."""
        where = {"machine": machine, "person": person}
        theirs = list(dict.fromkeys(str(seat["login"]) for seat in seats if person and seat.get("person") == person))
        if not said:
            if len(theirs) == 1:
                return theirs[0]
            return self._tell("login_several" if theirs else "login_unknown", known=_some(theirs), **where)
        owners = [str(seat.get("person")) for seat in seats if seat.get("login") == said]
        if person and owners and person not in owners:
            return self._tell("login_of_other", said=said, owner=owners[0], **where)
        return said


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_FEW]) + (", …" if len(names) > _FEW else "") or "-"


def of_host(
    machine: str, client: str, host: Mapping[str, Any], sources: Mapping[str, Any], language: str = "fr"
) -> list[Problem]:
    """Say what of a host is in the way.

    Args:
        machine: name of the host.
        client: name of the client; "" when it is not known.
        host: what im_host_info returned for that client, or how it failed, or that it was skipped.
        sources: what im_package_source_info returned; skipped when nothing has to be installed.
        language: of the problems.
    """
    if host.get("skipped"):
        return []
    said = str(host.get("msg", ""))
    if host.get("unreachable"):
        code = "machine_silent"
        if any(words in said for words in _DENIED):
            code = "machine_denied"
        elif any(words in said for words in _CHANGED):
            code = "machine_changed"
        return [problem(code, language, said, machine=machine)]
    about = host.get("host")
    if about is None:
        return [problem("machine_failed", language, said, machine=machine)]
    refused = host.get("impossible", {}).get(client)
    if refused:
        code = "gajim_on_macos" if (about["os_family"], client) == ("Darwin", "gajim") else "package_impossible"
        return [problem(code, language, machine=machine, **refused)]
    if "platform" not in host:
        system = f"{about['distribution']} {about['distribution_version']}".strip()
        return [problem("platform_unknown", language, said, machine=machine, system=system, family=about["os_family"])]
    return _of_sources(machine, sources, language, host.get("manager", ""))


def _of_sources(machine: str, sources: Mapping[str, Any], language: str, manager: str) -> list[Problem]:
    if sources.get("skipped"):
        return []
    if "failures" not in sources:
        return [problem("machine_failed", language, str(sources.get("msg", "")), machine=machine)]
    detail = "; ".join(f"{failure['uri']}: {failure['reason']}".lstrip(": ") for failure in sources["failures"])
    values = {"machine": machine, "proxy": sources["proxy"] or "-", "packages": ", ".join(sources["unknown"])}
    code = _source_code(sources)
    if code and manager in ("dnf", "zypper"):
        code += "_rpm"  # they are set, and mended, in other places than apt
        values["manager"] = manager
    return [problem(code, language, detail, **values)] if code else []


def _source_code(sources: Mapping[str, Any]) -> str:
    """Which of the problems of package sources it is; "" for none."""
    proxy = sources["proxy"]
    reasons = [failure["reason"] for failure in sources["failures"]]
    if not sources["sources"]:
        return "source_none"
    if any(reason.startswith("407") or (proxy and reason.startswith("403")) for reason in reasons):
        return "proxy_refused"  # RFC 9110: 407 asks for proxy credentials; a proxy that forbids answers 403
    if proxy and any(_place_of(proxy) in reason for reason in reasons):
        return "proxy_silent"
    if reasons:
        return "source_silent"
    return "package_unknown" if sources["unknown"] else ""


def _place_of(proxy: str) -> str:
    """Host of the URL of a proxy, which apt names in what it says about a proxy that does not answer."""
    return urlsplit(proxy).hostname or proxy


def of_account(account: Mapping[str, Any] | None, language: str = "fr") -> list[Problem]:
    """Say whether the server's answer about an account, an entry of xmpp_account_info, forbids to go on."""
    if account is None or account["verdict"] not in ACCOUNT_REFUSED:
        return []
    values = {"jid": account["jid"], "hint": account["hint"]}
    return [problem("account", language, f"{account['verdict']} {account.get('detail', '')}".strip(), **values)]


def of_row(row: Mapping[str, Any], language: str = "fr") -> list[Problem]:
    """Say whether a look at the profile, a row of im_report, foretells that nothing could be laid down."""
    if row["state"] not in ("refused", "failed"):
        return []
    values = {"login": row["login"], "machine": row["host"], "client": row["client"]}
    return [problem(f"profile_{row['state']}", language, row["detail"], **values)]
