"""What a desk does for a login that Ansible has never heard of: lay the profile of that person, as that person, once.

The offer of the control node (im_first_login.Offer) becomes wishes in the home of the person, and the login job does
with them what it does with those that waited for a client to be closed. Python 3.9 and its standard library.
"""

from __future__ import annotations

import functools
import os
import posixpath
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .im_documents import DocumentOutcome, recall
from .im_engine import Outcome
from .im_first_login import Offer, filled, is_person, jid_of, read_offer
from .im_formats import FORMATS
from .im_formats.gajim_sqlite import opened
from .im_formats.mozilla_accounts import ACCOUNTS, keys, name_of
from .im_formats.mozilla_prefs_syntax import PrefsText
from .im_login_job import Notes, ProfileFiles, only_one, try_each
from .im_pending_places import FIRST_LOGIN, OFFER, OFFER_LIMIT

ROOT = 0
_UNKNOWN = "no account is known for this login: neither the site's list nor the shape prenom.nom names one"
_OWN = "an account is set up already; nothing was changed"
_TAKEN_OUT = "the account was taken out or replaced since; nothing was changed"


def serve(person: pwd.struct_passwd, files: ProfileFiles, now: float, offer_path: str = OFFER) -> None:
    """Do what the desk offers whoever logs in, unless it was done for this version of it; what came of it stays below
    FIRST_LOGIN in the home.

    Args:
        person: who this process is.
        files: reads and writes.
        now: seconds since the epoch.
        offer_path: where the offer stands, if there is one.

    Raises:
        OSError: the home cannot be used, or another job hangs; nothing was written then.
    """
    offer = _offered(offer_path)
    if offer is None or not is_person(person.pw_uid, offer) or person.pw_name in offer.seats:
        return
    home = Path(person.pw_dir).stat()
    if not stat.S_ISDIR(home.st_mode) or home.st_uid != person.pw_uid:
        return  # not the person's own, such as / for an account of a service
    place = posixpath.join(person.pw_dir, FIRST_LOGIN)
    done = Path(place, f"done-{offer.version}")
    if done.exists():
        return
    Path(place).mkdir(parents=True, exist_ok=True)
    with only_one(place):
        if done.exists():
            return
        notes = Notes(place)
        jid = jid_of(person.pw_name, offer.jids, offer.domain)
        if notes.laid != offer.version:
            notes.begin(offer.version, [_wish(wish, person.pw_name, jid, notes) for wish in offer.wishes])
        if jid:
            objection = functools.partial(_objection, jid)
            try_each(notes, person.pw_name, person.pw_dir, files, now, objection=objection)
        else:
            for wish in notes.wishes():
                notes.settle(wish, {"state": "refused", "detail": _UNKNOWN})
        if not notes.wishes():
            for old in Path(place).glob("done-*"):
                old.unlink()
            done.touch()


def _offered(path: str) -> Offer | None:
    """The offer, if root wrote it and nobody else could."""
    try:
        with Path(path).open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_uid != ROOT or found.st_mode & 0o022:
                return None
            return read_offer(file.read(OFFER_LIMIT))
    except FileNotFoundError:
        return None


def _wish(wish: Mapping[str, Any], login: str, jid: str, notes: Notes) -> dict[str, Any]:
    key = f"{login}/{wish['client']['name']}"
    if not jid:
        return {"key": key, "tries": 0}
    return {**filled(wish, login, jid), "memory": notes.remembered(key)}


def _objection(jid: str, wish: Mapping[str, Any], outcome: Outcome) -> str:
    """Say why a client is to be left alone: somebody else than we set an account up in it, or took ours out."""
    if _laid(wish, jid):
        return "" if any(jid in done.accounts for done in outcome.documents) else _TAKEN_OUT
    return _OWN if any(holds_an_account(done) for done in outcome.documents) else ""


def _laid(wish: Mapping[str, Any], jid: str) -> bool:
    """Say whether an earlier first login laid this account, by what was remembered of it."""
    created = {item for kept in recall(wish["memory"]).values() for item in kept.get("created", {})}
    return not created.isdisjoint({f"account {jid}", f"chat {jid}"})


def holds_an_account(done: DocumentOutcome) -> bool:
    """Say whether a document, as it was found, holds any account at all: of any protocol, whole or in part."""
    if done.before is None:
        return False
    if done.format == "gajim_settings":
        with opened(done.before) as database:
            return bool(database.rows("account_settings"))
    if done.format == "mozilla_prefs":
        values = PrefsText(done.before).values
        servers = (values.get(name_of("account", account, "server")) for account in keys(values.get(ACCOUNTS)))
        # "none" is the type of the Local Folders, which Thunderbird makes by itself.
        return any(values.get(name_of("server", str(server), "type")) != "none" for server in servers)
    items = FORMATS[done.format].items(done.before)
    return any(not value and item.startswith("account ") for item, value in items.items())
