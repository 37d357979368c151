"""prefs.js of a Thunderbird profile: accounts, chat rooms and plain preferences.

A fragment is a prefs.js as for a fresh profile, with numbers of its own (account1, server1, id1, smtp1); the merge
finds each of its accounts in the profile by who it is for (mozilla_accounts.Identity) or gives it numbers that are free
there. So that both fragments speak of the same accounts, both hold the preferences that identify them; beyond those:

- an account that is new to the profile gets its initial and its enforced values;
- a chat account that exists gets its enforced values only; its name is never written, not even its letter case, because
  the client checks it against blist.sqlite and stops the whole chat engine if they differ;
- a mail account that exists is left alone, with its identities and its outgoing server;
- of the rooms (``autoJoin``), the enforced ones are joined in any case, an initial one once.

Thunderbird leaves out of prefs.js what equals its built-in default. Hence two additions to the client's syntax:

- a fragment may state a built-in default, ``pref("name", value);`` as in the client's own files of defaults: a wanted
  value that equals it is satisfied by absence;
- what was laid as initial is remembered in the profile, in the preference ``im_client.laid_down`` (the client keeps
  preferences that it does not know): a user who goes back to the default, or leaves a room, is not overruled.

Seen with Thunderbird 153.7.0esr on Debian 12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .base import Format, Refused, Siblings
from .mozilla_accounts import (
    ACCOUNTS,
    BRANCHES,
    DEFAULT_ACCOUNT,
    DEFAULT_SMTP,
    IDENTIFYING,
    LAST_KEY,
    LAST_NUMBER,
    SMTPS,
    XMPP,
    Fields,
    Identity,
    UsedNumbers,
    Wanted,
    WantedAccount,
    WantedIdentity,
    contact_list_keys,
    find_accounts,
    find_smtps,
    keys,
    name_of,
    parse_fragment,
)
from .mozilla_items import found_items, named, removed, wanted_items, without_taken_back
from .mozilla_lists import LAID_DOWN, appended, laid_before, remembered, room_of, rooms_of, words
from .mozilla_prefs_syntax import HEADER, PrefsError, PrefsText, Value, same

#: Files beside prefs.js that the merge looks at.
CONTACT_LIST = "blist.sqlite"
CONTACT_LIST_LOG = "blist.sqlite-wal"

_MASK = "********"
_SECRET = re.compile("password|passwd|secret|token", re.IGNORECASE)


class MozillaPrefs:
    """The format of prefs.js. Siblings it looks at: blist.sqlite, blist.sqlite-wal."""

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Lay the fragments over prefs.js; see im_formats.base.Format and the head of this module.

        What is taken back adds to what the profile itself remembers.
        """
        wanted, start = _fragment(enforced), _fragment(initial)
        if current is None and not (enforced.strip() or initial.strip()):
            return b""
        text = _read(HEADER.encode() if current is None else current)
        _Merge(text, wanted, without_taken_back(start, wanted, taken_back), siblings or {}).run()
        return text.render()

    def items(self, content: bytes, siblings: Siblings | None = None) -> dict[str, str]:
        """Accounts with what hangs on them, and plain preferences; see im_formats.base.Format and mozilla_items."""
        return found_items(_read(content).values)

    def wanted(self, fragment: str) -> dict[str, str]:
        """The same for a fragment; see im_formats.base.Format.

        A preference whose wanted value is the built-in default that the fragment states is wanted too, though items()
        need not hold it: the client drops it from the file, so its absence is that value.
        """
        return wanted_items(_fragment(fragment))

    def remove(self, current: bytes, items: Mapping[str, str], siblings: Siblings | None = None) -> bytes:
        """Take items out of prefs.js; see im_formats.base.Format and mozilla_items.removed()."""
        text = _read(current)
        removed(text, items)
        return text.render()

    def findings(self, content: bytes) -> list[str]:
        """Passwords of rooms, and preferences that hold a password; see im_formats.base.Format."""
        try:
            prefs = PrefsText(content).prefs
        except PrefsError:
            return []
        found = []
        for pref in prefs:
            if not isinstance(pref.value, str) or not pref.value:
                continue
            if pref.name.lower().endswith(("password", ".pass")):
                found.append(f"pref {named(pref.name)}")
            elif pref.name.endswith(".autoJoin"):
                entries = [words(entry) for entry in pref.value.split(",")]
                found += [f"password of room {named(room_of(' '.join(parts)))}" for parts in entries if len(parts) > 1]
        return list(dict.fromkeys(found))

    def describe(self, content: bytes | None) -> str:
        """Text of prefs.js with secrets masked; see im_formats.base.Format."""
        if content is None:
            return ""
        try:
            return PrefsText(content).mask(_masked_value, _masked_comment)
        except PrefsError:
            return f"not readable ({len(content)} bytes)\n"


FORMAT: Format = MozillaPrefs()


def _read(content: bytes) -> PrefsText:
    try:
        return PrefsText(content)
    except PrefsError as error:
        raise Refused(f"line {error.line}", f"{error.what}; repair or remove the line, the client closed") from None


def _masked_value(name: str, value: Value) -> Value:
    if _SECRET.search(name):
        return _MASK
    if name.endswith(".autoJoin") and isinstance(value, str):
        return ",".join(_masked_room(entry) for entry in value.split(","))
    return value


def _masked_room(entry: str) -> str:
    parts = words(entry)
    return f"{parts[0]} {_MASK}" if len(parts) > 1 else entry


def _masked_comment(comment: str) -> str:
    """A statement that was commented out keeps its secret: no way to cut it out for certain."""
    if _SECRET.search(comment) or "autojoin" in comment.lower():
        return f"/* {_MASK} */"
    return comment


def _fragment(text: str) -> Wanted:
    try:
        parsed = PrefsText(text.encode(), keywords=("user_pref", "pref"))
        for value in [part for pref in parsed.prefs for part in (pref.name, pref.value) if isinstance(part, str)]:
            value.encode()
    except PrefsError as error:
        raise ValueError(f"fragment: {error}") from None
    except UnicodeEncodeError:
        raise ValueError("fragment: a string is not UTF-8 text") from None
    if LAID_DOWN in parsed.values:
        raise ValueError(f"fragment: {LAID_DOWN} is kept by the merge")
    return parse_fragment(parsed.prefs)


class _Merge:
    """One merge: the profile's text, the two fragments, and the numbers given out."""

    def __init__(self, text: PrefsText, enforced: Wanted, initial: Wanted, siblings: Siblings) -> None:
        self._text = text
        self._enforced = enforced
        self._initial = initial
        self._siblings = siblings
        self._numbers = UsedNumbers(text.values)
        self._contacts_noted = False
        self._accounts = find_accounts(text.values)
        self._smtps = find_smtps(text.values)
        self._laid_before = laid_before(self._string(LAID_DOWN))
        self._laid_now: list[str] = []

    def run(self) -> None:
        # The fragment that knows more accounts gives the order of those that are new.
        first, second = sorted((self._initial.accounts, self._enforced.accounts), key=len, reverse=True)
        for identity in dict.fromkeys([*first, *second]):
            if identity not in self._accounts:
                self._add_account(identity)
            elif identity.kind == "chat":
                self._update_chat(identity)
        self._lay_free_smtps()
        self._lay_defaults()
        self._lay_plain()
        if self._laid_now:
            self._text.set(LAID_DOWN, remembered(self._string(LAID_DOWN), self._laid_now))

    def _refuse(self, name: str, what: str) -> Refused:
        line = self._text.line_of(name)
        return Refused(f"line {line}" if line else "", f"{name} {what}")

    def _string(self, name: str) -> str | None:
        value = self._text.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self._refuse(name, "is not a string, as the client writes it")
        return value

    def _append(self, name: str, entry: str) -> None:
        old = self._string(name)
        if entry not in keys(old):
            self._text.set(name, appended(old, [entry]))

    def _set_all(self, branch: str, key: str, fields: Fields) -> None:
        for field_name, value in fields.items():
            self._text.set(name_of(branch, key, field_name), value)

    def _both(self, identity: Identity) -> list[WantedAccount]:
        """What the fragments say of an account; what is said later wins."""
        return [wanted.accounts[identity] for wanted in (self._initial, self._enforced) if identity in wanted.accounts]

    def _new_key(self, branch: str) -> str:
        above = 0
        if branch == "account":
            # The client never gives out a key again, not even that of a deleted account: it goes on from the last one,
            # or from the highest there is if it did not note any (nsMsgAccountManager::GetUniqueAccountKey).
            last = self._text.values.get(LAST_KEY, 0)
            if isinstance(last, bool) or not isinstance(last, int):
                raise self._refuse(LAST_KEY, "is not a number, as the client writes it")
            above = last if last > 0 else self._numbers.highest(branch)
        if branch == "chat" and not self._contacts_noted:
            self._numbers.note("chat", self._contact_keys())
            self._contacts_noted = True
        number = self._numbers.allocate(branch, above)
        if branch == "account":
            if number > LAST_NUMBER:
                raise self._refuse(LAST_KEY, "leaves no number for one more account")
            self._text.set(LAST_KEY, number)
        return f"{BRANCHES[branch][1]}{number}"

    def _contact_keys(self) -> list[str]:
        if self._siblings.get(CONTACT_LIST_LOG):
            raise Refused(
                CONTACT_LIST_LOG, "the contact list was not closed properly; start and quit the client once, then retry"
            )
        try:
            return contact_list_keys(self._siblings.get(CONTACT_LIST, b""))
        except ValueError as error:
            raise Refused(
                CONTACT_LIST, f"{error}; without it no number for a chat account is known to be free"
            ) from None

    def _add_account(self, identity: Identity) -> None:
        said = self._both(identity)
        branches: dict[str, Fields] = {}
        for account in said:
            for branch, fields in account.branches.items():
                branches.setdefault(branch, {}).update(fields)
        server, account_key = self._new_key("server"), self._new_key("account")
        joined = {"account": account_key, "server": server}
        if identity.kind == "chat":
            joined["chat"] = self._new_key("chat")
            self._text.set(name_of("server", server, "imAccount"), joined["chat"])
            self._lay_rooms_of_new(identity, branches["chat"])
        directory = branches["server"].get("directory-rel")
        if any(name.endswith(".directory-rel") and value == directory for name, value in self._text.values.items()):
            # Another account keeps its mail there; without the preference the client finds a directory of its own.
            del branches["server"]["directory-rel"]
        for branch, fields in branches.items():
            self._set_all(branch, joined[branch], fields)
        self._text.set(name_of("account", account_key, "server"), server)
        if senders := self._add_identities(said):
            self._text.set(name_of("account", account_key, "identities"), ",".join(senders))
        self._append(ACCOUNTS, account_key)
        self._accounts[identity] = joined

    def _add_identities(self, said: list[WantedAccount]) -> list[str]:
        """Add the senders' identities of a new mail account: the first of one fragment is the first of the other."""
        added = []
        for place in range(max(len(account.identities) for account in said)):
            layers: list[WantedIdentity] = [
                account.identities[place] for account in said if place < len(account.identities)
            ]
            key = self._new_key("identity")
            for layer in layers:
                self._set_all("identity", key, layer.fields)
            if smtp := next((layer.smtp for layer in reversed(layers) if layer.smtp), None):
                self._text.set(name_of("identity", key, "smtpServer"), self._lay_smtp(smtp))
            added.append(key)
        return added

    def _lay_smtp(self, identity: Identity) -> str:
        """Find or add an outgoing server that a new account or nobody's account needs; returns its key."""
        enforced = self._enforced.smtps.get(identity, {})
        key = self._smtps.get(identity)
        if key is None:
            key = self._smtps[identity] = self._new_key("smtp")
            self._set_all("smtp", key, {**self._initial.smtps.get(identity, {}), **enforced})
        else:
            self._set_all("smtp", key, {name: enforced[name] for name in enforced if ("smtp", name) not in IDENTIFYING})
        self._append(SMTPS, key)
        return key

    def _update_chat(self, identity: Identity) -> None:
        joined = self._accounts[identity]
        prpl = name_of("chat", joined["chat"], "prpl")
        if prpl not in self._text.values:
            # Without it the client has no account here at all, and stops the others with it.
            self._text.set(prpl, XMPP)
        if identity in self._enforced.accounts:
            for branch, fields in self._enforced.accounts[identity].branches.items():
                free = {
                    name: value
                    for name, value in fields.items()
                    if (branch, name) not in IDENTIFYING and name != "autoJoin"
                }
                self._set_all(branch, joined[branch], free)
        name = name_of("chat", joined["chat"], "autoJoin")
        old = self._string(name)
        present = rooms_of(old)
        enforced, initial = self._wanted_rooms(identity)
        missing = {room: entry for room, entry in enforced.items() if room not in present}
        for room, entry in initial.items():
            memory = f"{identity.user}!{room}"
            if room not in present and memory not in self._laid_before:
                missing[room] = entry
                self._laid_now.append(memory)
        if missing:
            self._text.set(name, appended(old, missing.values()))

    def _wanted_rooms(self, identity: Identity) -> tuple[dict[str, str], dict[str, str]]:
        """The rooms that are enforced, and those that are only initial, in the fragments' order."""
        enforced, initial = (
            rooms_of(wanted.accounts[identity].branches["chat"].get("autoJoin")) if identity in wanted.accounts else {}
            for wanted in (self._enforced, self._initial)
        )
        return enforced, {room: entry for room, entry in initial.items() if room not in enforced}

    def _lay_rooms_of_new(self, identity: Identity, chat: Fields) -> None:
        enforced, initial = self._wanted_rooms(identity)
        if enforced or initial:
            chat["autoJoin"] = ",".join({**enforced, **initial}.values())
        for room in initial:
            if (memory := f"{identity.user}!{room}") not in self._laid_before:
                self._laid_now.append(memory)

    def _lay_free_smtps(self) -> None:
        """Lay the outgoing servers that no account of the fragments uses: those of an account go with it."""
        used = {
            sender.smtp
            for wanted in (self._enforced, self._initial)
            for account in wanted.accounts.values()
            for sender in account.identities
        }
        for identity in dict.fromkeys([*self._enforced.smtps, *self._initial.smtps]):
            if identity not in used:
                self._lay_smtp(identity)

    def _lay_defaults(self) -> None:
        account = self._enforced.default_account or self._initial.default_account
        if account and DEFAULT_ACCOUNT not in self._text.values:
            self._text.set(DEFAULT_ACCOUNT, self._accounts[account]["account"])
        smtp = self._enforced.default_smtp or self._initial.default_smtp
        if smtp in self._smtps and DEFAULT_SMTP not in self._text.values:
            self._text.set(DEFAULT_SMTP, self._smtps[smtp])

    def _lay_plain(self) -> None:
        defaults = {**self._initial.defaults, **self._enforced.defaults}
        for name, value in self._enforced.plain.items():
            if name in self._text.values or not same(defaults.get(name), value):
                self._text.set(name, value)
        for name, value in self._initial.plain.items():
            if name in self._enforced.plain or name in self._text.values or name in self._laid_before:
                continue
            if same(defaults.get(name), value):
                continue
            self._text.set(name, value)
            self._laid_now.append(name)
