"""The control node's half of first logins: check what the inventory says, and write down what a desk is to do.

Pure; im_first_login.py says what both halves agree on, im_first_login_job.py is the desk's half.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .im_documents import DocumentOutcome
from .im_engine import Group, Outcome, Render
from .im_first_login import ANYBODY, DOMAIN, LOCALPART, PLACEHOLDER, SCHEMA, is_fit
from .im_inventory import InventoryError
from .im_login_job import pending_wish
from .im_model import Client
from .im_pending_calls import OFFER_KEY
from .im_pending_places import OFFER
from .im_wishes import Wish

_KEYS = ("clients", "jids", "default", "uid_min", "uid_max")
_UID_MAX = 2**32 - 2


def check_first_login(
    host: str, given: Any, clients: Iterable[str], service: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Check im_first_login of a host and fill its defaults.

    Args:
        host: inventory name, for the sentences.
        given: {clients, jids?, default?, uid_min?, uid_max?}, or nothing.
        clients: the known ones.
        service: what complete_service() returned.

    Returns:
        clients, jids (login -> bare JID), domain ("" unless ``default``), uid_min, uid_max; None when nothing is asked.

    Raises:
        InventoryError: with every mistake at once.
    """
    where = f"host {host!r}: im_first_login"
    if not given:
        return None
    if not isinstance(given, Mapping):
        raise InventoryError([f"{where} is not a mapping; it is {{clients, jids, default}}"])
    problems = [f"{where}: unknown key {key!r}; known: {', '.join(_KEYS)}" for key in given if key not in _KEYS]
    known, wanted = list(clients), given.get("clients")
    if not isinstance(wanted, list) or not wanted:
        problems.append(f"{where}: clients is {wanted!r}; it takes a list of: {', '.join(sorted(known))}")
        wanted = []
    problems += [
        f"{where}: no client named {name!r}; known: {', '.join(sorted(known))}" for name in wanted if name not in known
    ]
    jids = given.get("jids") or {}
    problems += _jids_problems(jids, where)
    default = given.get("default", True)
    if not isinstance(default, bool):
        problems.append(f"{where}: default is {default!r}; it takes true or false")
    elif default and not is_fit(f"prenom.nom@{service['domain']}"):
        problems.append(
            f"{where}: the domain {service['domain']!r} of im_service cannot stand behind a login; write it in lower "
            "case (an international one in its xn-- form), or set default to false"
        )
    uids = [given.get("uid_min", 1000), given.get("uid_max", _UID_MAX)]
    if any(type(uid) is not int for uid in uids) or not 1 <= uids[0] <= uids[1] <= _UID_MAX:
        problems.append(
            f"{where}: uid_min and uid_max are {uids[0]!r} and {uids[1]!r}; they take user numbers from 1 on"
        )
    if problems:
        raise InventoryError(problems)
    return {
        "clients": list(dict.fromkeys(wanted)),
        "jids": dict(jids),
        "domain": service["domain"] if default else "",
        "uid_min": uids[0],
        "uid_max": uids[1],
    }


def _jids_problems(jids: Any, where: str) -> list[str]:
    if not isinstance(jids, Mapping):
        return [f"{where}: jids is {type(jids).__name__}; it takes a mapping of logins to JIDs"]
    problems = []
    seen: dict[str, str] = {}
    for login, jid in jids.items():
        if not isinstance(login, str) or not login or login in ("root", ANYBODY):
            problems.append(f"{where}: jids: {login!r} is not the login of a person (a number takes quotes)")
        if not isinstance(jid, str) or not is_fit(jid):
            problems.append(
                f"{where}: jids: {login!r} has {jid!r}; it takes a bare JID in lower case, of letters a to z, digits, "
                "dots, hyphens and underscores; a person with another one takes a seat (im_seats)"
            )
        elif other := seen.get(jid):
            problems.append(f"{where}: jids: {login!r} and {other!r} both have {jid}; one account, one person")
        else:
            seen[jid] = str(login)
    return problems


def seats_of(first_login: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Write whoever logs in as a seat: what makes the groups, the packages and the rows of the others serves too."""
    clients = list((first_login or {}).get("clients") or [])
    return [{"login": ANYBODY, "person": ANYBODY, "clients": clients, "state": "present"}] if clients else []


def wish_of_anybody(site: Mapping[str, Any]) -> Wish:
    """Join whoever logs in and the site's preferences.

    No name is known: neither is one invented, nor the JID shown as one. (Thunderbird would even publish it.)
    """
    person = {
        "key": LOCALPART,
        "jid": PLACEHOLDER,
        "localpart": LOCALPART,
        "domain": DOMAIN,
        "name": "",
        "nickname": "",
        "mail": PLACEHOLDER,
        **dict.fromkeys(("phone", "unit", "unit_mail", "unit_phone"), ""),
        "contacts": [],
        "rooms": [],
        "preferences": {},
        "store_password": False,
    }
    return Wish({"login": ANYBODY, "person": ANYBODY}, person, dict(site))


def offer_of(
    first_login: Mapping[str, Any],
    groups: Sequence[Group],
    renders: Callable[[Group], Render],
    seats: Iterable[Mapping[str, Any]],
) -> str:
    """Write down what a desk is to do at a first login.

    Args:
        first_login: what check_first_login() returned.
        groups: those of seats_of(), without the machine's.
        renders: gives the render of a group for the placeholder.
        seats: of the host, whatever their state.

    Returns:
        JSON of im_first_login.Offer with its schema, the same for the same wishes; lines of fragments stand apart, for
        people who look at a diff.

    Raises:
        ValueError: a fragment is malformed, or holds a secret, which everybody on the desk could read.
    """
    wishes = []
    for group in groups:
        wish = pending_wish(group, renders(group))
        if wish is None:
            raise ValueError(f"{group.key}: a secret cannot be laid down for whoever logs in")
        for document in wish["documents"]:
            for part in ("enforced", "initial"):
                document[part] = document[part].splitlines(keepends=True)
        wishes.append(wish)
    about = {name: first_login[name] for name in ("uid_min", "uid_max", "jids", "domain")} | {"wishes": wishes}
    version = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    logins = sorted({str(seat["login"]) for seat in seats})
    offer = {"schema": SCHEMA, "version": version, "seats": logins, **about}
    return json.dumps(offer, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def outcomes_of(groups: Sequence[Group], told: Mapping[str, Any], common: Client) -> dict[str, Outcome]:
    """What became of the job: one outcome for all of it, whose key is "first_login", and one for each client.

    Args:
        groups: as for offer_of(); none when the job is to go.
        told: answer of im_pending to action=offer.
        common: what all clients have in common.
    """
    documents = [
        DocumentOutcome(
            path=file["path"],
            action=file["action"],
            before=None if file["before"] is None else file["before"].encode(),
            after=None if file["after"] is None else file["after"].encode(),
            format="whole_file",
            # Nobody but root can change these files: what is there already differs since the wish is another one.
            causes={"first_login": "first" if file["action"] == "created" else "wish"},
        )
        for file in told["files"]
    ]
    state, detail = "compliant", ""
    if any(document.action != "unchanged" for document in documents):
        state = "changed"
    if groups and not told["supported"]:
        state, detail = "refused", "first logins are served on Linux with Python 3.9 or later"
        documents = [DocumentOutcome(OFFER, "refused", detail, format="whole_file")]
    whole = Group(OFFER_KEY, None, common, {})
    return {group.key: Outcome(group, documents, state, detail) for group in [whole, *groups]}
