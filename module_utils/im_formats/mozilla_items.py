"""What stands in a prefs.js, by what it is and never by its number, and how to take it out again.

Items ("" is the value of a thing; a secret has "********")::

    chat <bare JID>                        room <room JID> of <bare JID>
    chat <bare JID> options.port           another preference of the chat account, or of its server (mail.server.NAME)
    mail <user>@<host>                     identity <mail address> of mail <user>@<host>
    smtp <user>@<host>                     smtp <user>@<host> port
    default account, default smtp          the account or outgoing server that they name
    pref <name>                            a preference of no account, its value as JSON

A mail account that exists is left alone by the merge, so its preferences are no items.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from .json_spans import json_text
from .mozilla_accounts import (
    ACCOUNTS,
    BRANCHES,
    DEFAULT_ACCOUNT,
    DEFAULT_SMTP,
    IDENTIFYING,
    LAST_KEY,
    SMTPS,
    Fields,
    Identity,
    Wanted,
    WantedAccount,
    find_accounts,
    find_smtps,
    is_of_an_object,
    keys,
    name_of,
)
from .mozilla_lists import LAID_DOWN, forgotten, room_of, rooms_of, without
from .mozilla_prefs_syntax import PrefsText, Value

_MASK = "********"
_SECRET = re.compile("password|passwd|secret|token", re.IGNORECASE)
_KEPT_BY_THE_CLIENT = "mail.accountmanager."
_NOT_PLAIN = {SMTPS, DEFAULT_SMTP, LAST_KEY, LAID_DOWN}
_DEFERRED_TO = ".deferred_to_account"


def named(text: str) -> str:
    """A text of the profile for an identity: bytes that are not UTF-8 are shown as ``\\xNN``."""
    return text.encode("utf-8", "backslashreplace").decode()


def _account_item(identity: Identity) -> str:
    return named(
        f"chat {identity.user}" if identity.kind == "chat" else f"{identity.kind} {identity.user}@{identity.host}"
    )


def _room_item(room: str, account: Identity) -> str:
    return named(f"room {room} of {account.user}")


def _sender_item(address: Value | None, account: Identity) -> str:
    """Item of a sender's identity; "" for one without an address."""
    return (
        named(f"identity {address.lower()} of {_account_item(account)}") if isinstance(address, str) and address else ""
    )


def _shown(name: str, value: Value) -> str:
    return _MASK if _SECRET.search(name) else json_text(value)


def _field_item(account: Identity, branch: str, field: str) -> str:
    """Item of a preference of an account; "" for those that make the account what it is."""
    if (branch, field) in IDENTIFYING or field == "autoJoin":
        return ""
    prefix = "" if branch == account.kind else BRANCHES[branch][0]
    return f"{_account_item(account)} {named(prefix + field)}"


def _is_plain(name: str) -> bool:
    return name not in _NOT_PLAIN and not name.startswith(_KEPT_BY_THE_CLIENT) and not is_of_an_object(name)


class _Profile:
    """What stands in a profile.

    Attributes:
        items: identity of an item -> its value.
        prefs: identity of an item that is one preference -> its name.
        accounts, smtps, rooms, senders: identity of a thing -> where it is.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.items: dict[str, str] = {}
        self.prefs: dict[str, str] = {}
        self.accounts: dict[str, tuple[Identity, dict[str, str]]] = {}
        self.smtps: dict[str, str] = {}
        self.rooms: dict[str, tuple[str, str, str]] = {}
        self.senders: dict[str, tuple[str, str]] = {}
        self._values = values
        self._objects: dict[tuple[str, str], list[str]] = {}
        for name in values:
            for branch, (prefix, _) in BRANCHES.items():
                if name.startswith(prefix):
                    self._objects.setdefault((branch, name[len(prefix) :].partition(".")[0]), []).append(name)
        for identity, joined in find_accounts(values).items():
            self._account(identity, joined)
        for identity, key in find_smtps(values).items():
            self._thing(_account_item(identity))
            self.smtps.setdefault(_account_item(identity), key)
            self._fields(identity, "smtp", key)
        self._default(
            "default account", DEFAULT_ACCOUNT, {one["account"]: item for item, (_, one) in self.accounts.items()}
        )
        self._default("default smtp", DEFAULT_SMTP, {key: item for item, key in self.smtps.items()})
        for name, value in values.items():
            if _is_plain(name):
                self._pref(f"pref {named(name)}", name, _shown(name, value))

    def _thing(self, item: str) -> None:
        self.items.setdefault(item, "")

    def _pref(self, item: str, name: str, value: str) -> None:
        if item not in self.items:
            self.items[item] = value
            self.prefs[item] = name

    def _account(self, identity: Identity, joined: dict[str, str]) -> None:
        self._thing(_account_item(identity))
        self.accounts.setdefault(_account_item(identity), (identity, joined))
        if identity.kind == "chat":
            auto_join = name_of("chat", joined["chat"], "autoJoin")
            for room in rooms_of(self._values.get(auto_join)):
                self._thing(_room_item(room, identity))
                self.rooms.setdefault(_room_item(room, identity), (auto_join, room, identity.user))
            for branch in ("chat", "server", "account"):
                self._fields(identity, branch, joined[branch])
        for key in keys(self._values.get(name_of("account", joined["account"], "identities"))):
            if item := _sender_item(self._values.get(name_of("identity", key, "useremail")), identity):
                self._thing(item)
                self.senders.setdefault(item, (joined["account"], key))

    def _fields(self, identity: Identity, branch: str, key: str) -> None:
        for name in self._objects.get((branch, key), []):
            if item := _field_item(identity, branch, name.removeprefix(name_of(branch, key, ""))):
                self._pref(item, name, _shown(name, self._values[name]))

    def _default(self, item: str, name: str, known: Mapping[str, str]) -> None:
        if isinstance(value := self._values.get(name), str):
            self._pref(item, name, known.get(value, "another"))


def found_items(values: Mapping[str, Value]) -> dict[str, str]:
    """Items of a profile, see the head of this module."""
    return _Profile(values).items


def wanted_items(wanted: Wanted) -> dict[str, str]:
    """Items of a fragment, built-in defaults among them, see the head of this module."""
    found: dict[str, str] = {}
    for identity, account in wanted.accounts.items():
        found[_account_item(identity)] = ""
        if identity.kind == "chat":
            found |= {_room_item(room, identity): "" for room in rooms_of(account.branches["chat"].get("autoJoin"))}
            for branch, fields in account.branches.items():
                found |= dict(_wanted_fields(identity, branch, fields))
        senders = [_sender_item(sender.fields.get("useremail"), identity) for sender in account.identities]
        found |= {item: "" for item in senders if item}
    for identity, fields in wanted.smtps.items():
        found |= {_account_item(identity): "", **dict(_wanted_fields(identity, "smtp", fields))}
    for item, default in (("default account", wanted.default_account), ("default smtp", wanted.default_smtp)):
        if default:
            found[item] = _account_item(default)
    return {**found, **{f"pref {name}": _shown(name, value) for name, value in wanted.plain.items()}}


def _wanted_fields(identity: Identity, branch: str, fields: Fields) -> Iterator[tuple[str, str]]:
    for field, value in fields.items():
        if item := _field_item(identity, branch, field):
            yield item, _shown(field, value)


def without_taken_back(initial: Wanted, enforced: Wanted, taken_back: frozenset[str]) -> Wanted:
    """An initial fragment without what the user took back.

    What the enforced fragment holds too is not only initial: its things stay, and so do the senders of a mail account.
    """
    if not taken_back:
        return initial
    accounts = {
        identity: _account_without(identity, account, taken_back)
        for identity, account in initial.accounts.items()
        if identity in enforced.accounts or _account_item(identity) not in taken_back
    }
    needed = {sender.smtp for account in accounts.values() for sender in account.identities}
    orphaned = {sender.smtp for account in initial.accounts.values() for sender in account.identities} - needed
    smtps = {
        identity: fields
        for identity, fields in initial.smtps.items()
        if identity in enforced.smtps
        or identity in needed
        or (identity not in orphaned and _account_item(identity) not in taken_back)
    }
    default_account, default_smtp = initial.default_account, initial.default_smtp
    return replace(
        initial,
        accounts=accounts,
        smtps=smtps,
        default_account=default_account
        if default_account in accounts and "default account" not in taken_back
        else None,
        default_smtp=default_smtp if default_smtp in smtps and "default smtp" not in taken_back else None,
        plain={name: value for name, value in initial.plain.items() if f"pref {name}" not in taken_back},
    )


def _account_without(identity: Identity, account: WantedAccount, taken_back: frozenset[str]) -> WantedAccount:
    branches = {
        branch: {
            field: value for field, value in fields.items() if _field_item(identity, branch, field) not in taken_back
        }
        for branch, fields in account.branches.items()
    }
    auto_join = branches.get("chat", {}).pop("autoJoin", "")
    if isinstance(auto_join, str):
        rooms = without(auto_join, lambda entry: _room_item(room_of(entry), identity) in taken_back)
        if rooms.strip():
            branches["chat"]["autoJoin"] = rooms
    return WantedAccount(branches, account.identities)


def removed(text: PrefsText, items: Mapping[str, str]) -> None:
    """Take items out of a profile.

    - An account goes with all its preferences and leaves the list; the numbers of the others, and the note of the last
      number given out, stay. What another account points to stays too. The row of a chat account in blist.sqlite
      stays: it only keeps its number from being given out again.
    - An outgoing server goes if no sender that is left uses it.
    - A preference goes while it has the given value; a secret only with its account, as its value is not known here.
    - What we remember of having laid a preference or a room goes with it.
    """
    _Removal(text, items).run()


class _Removal:
    def __init__(self, text: PrefsText, items: Mapping[str, str]) -> None:
        self._text = text
        self._values = text.values
        self._profile = _Profile(text.values)
        self._asked = {item for item, value in items.items() if self._profile.items.get(item) == value != _MASK}
        self._forgotten: set[str] = set()
        self._left: set[str] = set()

    def run(self) -> None:
        profile = self._profile
        for item in [one for one in profile.prefs if one in self._asked]:
            name = profile.prefs[item]
            self._text.unset(name)
            self._forgotten.add(name)
        for item in [one for one in profile.rooms if one in self._asked]:
            self._room(*profile.rooms[item])
        for item in [one for one in profile.accounts if one in self._asked]:
            self._account(*profile.accounts[item])
        for item in [one for one in profile.senders if one in self._asked]:
            self._sender(*profile.senders[item])
        for item in [one for one in profile.smtps if one in self._asked]:
            self._smtp(profile.smtps[item])
        memory = self._values.get(LAID_DOWN)
        if isinstance(memory, str):
            self._list(LAID_DOWN, forgotten(memory, self._is_forgotten))

    def _is_forgotten(self, entry: str) -> bool:
        return entry in self._forgotten or entry.partition("!")[0] in self._left

    def _list(self, name: str, value: str) -> None:
        """Write a list; an empty one is none, as the client writes it."""
        if value.strip():
            self._text.set(name, value)
        elif self._values.get(name) != value:
            self._text.unset(name)

    def _unlist(self, name: str, key: str) -> None:
        if isinstance(old := self._values.get(name), str):
            self._list(name, without(old, lambda entry: entry.strip() == key))

    def _object(self, branch: str, key: str) -> None:
        prefix = name_of(branch, key, "")
        for name in [one for one in self._values if one.startswith(prefix)]:
            self._text.unset(name)

    def _points_to(self, branch: str, field: str, key: str) -> bool:
        """Whether a field of an object of this branch names the key."""
        prefix = BRANCHES[branch][0]
        return any(
            name.startswith(prefix) and name.endswith(f".{field}") and key in keys(value)
            for name, value in self._values.items()
        )

    def _room(self, name: str, room: str, user: str) -> None:
        if isinstance(old := self._values.get(name), str):
            self._list(name, without(old, lambda entry: room_of(entry) == room))
        self._forgotten.add(f"{user}!{room}")

    def _account(self, identity: Identity, joined: dict[str, str]) -> None:
        account, server = joined["account"], joined["server"]
        if any(name.endswith(_DEFERRED_TO) and value == account for name, value in self._values.items()):
            return  # the mail of another account comes in here
        senders = keys(self._values.get(name_of("account", account, "identities")))
        self._object("account", account)
        self._unlist(ACCOUNTS, account)
        if self._values.get(DEFAULT_ACCOUNT) == account:
            self._text.unset(DEFAULT_ACCOUNT)
        if not self._points_to("account", "server", server):
            self._object("server", server)
        if identity.kind == "chat":
            self._left.add(identity.user)
            if not self._points_to("server", "imAccount", joined["chat"]):
                self._object("chat", joined["chat"])
        else:
            for key in senders:
                self._sender(account, key)

    def _sender(self, account: str, key: str) -> None:
        self._unlist(name_of("account", account, "identities"), key)
        if not self._points_to("account", "identities", key):
            self._object("identity", key)

    def _smtp(self, key: str) -> None:
        if self._points_to("identity", "smtpServer", key):
            return
        self._object("smtp", key)
        self._unlist(SMTPS, key)
        if self._values.get(DEFAULT_SMTP) == key:
            self._text.unset(DEFAULT_SMTP)
