"""The accounts in a prefs.js: which preferences make an account, who it is, and under which numbers it stands.

Thunderbird spreads an account over branches joined by keys with a number::

    mail.accountmanager.accounts = "account1,account2"        the list
    mail.account.account1.server = "server1"                  -> mail.server.server1.*
    mail.account.account1.identities = "id1"                  -> mail.identity.id1.*
    mail.identity.id1.smtpServer = "smtp1"                    -> mail.smtpserver.smtp1.* (listed in mail.smtpservers)
    mail.server.server2.type = "im", .imAccount = "account1"  -> messenger.account.account1.* (another numbering)

A number means nothing: an account is who it is for (`Identity`). Names seen with Thunderbird 153.7.0esr; the chat
branch is read in chat/components/src/imAccounts.sys.mjs.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .mozilla_prefs_syntax import Pref, Value, same
from .sqlite_bytes import limit_values, open_bytes

Fields = dict[str, Value]

ACCOUNTS = "mail.accountmanager.accounts"
DEFAULT_ACCOUNT = "mail.accountmanager.defaultaccount"
LOCAL_FOLDERS = "mail.accountmanager.localfoldersserver"
LAST_KEY = "mail.account.lastKey"
SMTPS = "mail.smtpservers"
DEFAULT_SMTP = "mail.smtp.defaultserver"
XMPP = "prpl-jabber"

#: The highest number that a preference can hold.
LAST_NUMBER = (1 << 31) - 1

#: branch -> (prefix of its preferences, word before the number of its keys)
BRANCHES = {
    "account": ("mail.account.", "account"),
    "server": ("mail.server.", "server"),
    "identity": ("mail.identity.", "id"),
    "smtp": ("mail.smtpserver.", "smtp"),
    "chat": ("messenger.account.", "account"),
}
_OBJECT = re.compile(
    r"(?P<prefix>mail\.account\.|mail\.server\.|mail\.identity\.|mail\.smtpserver\.|messenger\.account\.)"
    r"(?P<key>(?:account|server|id|smtp)[0-9][^.]*)\.(?P<field>.+)",
    re.DOTALL,
)
_BRANCH_OF = {prefix: branch for branch, (prefix, _) in BRANCHES.items()}

#: (branch, field) that say who an account is or join its branches: laid for a new account, then never written.
IDENTIFYING = {
    ("account", "server"),
    ("account", "identities"),
    ("server", "type"),
    ("server", "hostname"),
    ("server", "userName"),
    ("server", "imAccount"),
    ("identity", "smtpServer"),
    ("smtp", "hostname"),
    ("smtp", "username"),
    ("chat", "name"),
    ("chat", "prpl"),
}
_POINTERS = {("account", "server"), ("account", "identities"), ("server", "imAccount"), ("identity", "smtpServer")}


class Identity(NamedTuple):
    """Who an account or an outgoing server is for.

    Attributes:
        kind: "chat", "mail" or "smtp".
        host: "prpl-jabber" or the lower-case host name.
        user: lower-case user name; the bare JID of a chat account.
    """

    kind: str
    host: str
    user: str


@dataclass
class WantedIdentity:
    """A sender's identity of a mail account: its fields without the pointer, and its outgoing server."""

    fields: Fields
    smtp: Identity | None


@dataclass
class WantedAccount:
    """One account of a fragment, free of its numbers.

    Attributes:
        branches: "account", "server", "chat" -> field -> value, pointers left out.
        identities: in the order of the account's list.
    """

    branches: dict[str, Fields]
    identities: list[WantedIdentity]


@dataclass
class Wanted:
    """A fragment, taken apart.

    Attributes:
        accounts: in the order of the fragment's list.
        smtps: outgoing servers -> field -> value.
        default_account: account the fragment names as the default one.
        default_smtp: likewise, outgoing server.
        plain: preferences that belong to no account.
        defaults: built-in defaults that the fragment states with ``pref(...)``.
    """

    accounts: dict[Identity, WantedAccount] = field(default_factory=dict)
    smtps: dict[Identity, Fields] = field(default_factory=dict)
    default_account: Identity | None = None
    default_smtp: Identity | None = None
    plain: Fields = field(default_factory=dict)
    defaults: Fields = field(default_factory=dict)


def bare(jid: str) -> str:
    """The bare part of a JID, lower-case, as the client compares them (normalize in chat/protocols/xmpp)."""
    return jid.strip().partition("/")[0].lower()


def keys(value: Value | None) -> list[str]:
    """The keys in a comma list; none if it is no string."""
    return [key for part in value.split(",") if (key := part.strip())] if isinstance(value, str) else []


def name_of(branch: str, key: str, field_name: str) -> str:
    """Name of a preference of an object: ("server", "server2", "type") -> "mail.server.server2.type"."""
    return f"{BRANCHES[branch][0]}{key}.{field_name}"


def is_of_an_object(name: str) -> bool:
    """Whether a preference belongs to an account, server, identity or outgoing server with a number."""
    return bool(_OBJECT.fullmatch(name))


def parse_fragment(prefs: Iterable[Pref]) -> Wanted:
    """Take the statements of a fragment apart.

    Raises:
        ValueError: a preference is given twice, belongs to no listed account, or an account is not complete enough to
            be found in a profile.
    """
    wanted = Wanted()
    values: Fields = {}
    for pref in prefs:
        target = values if pref.keyword == "user_pref" else wanted.defaults
        if pref.name in target:
            raise ValueError(f"fragment: {pref.name} is given twice")
        target[pref.name] = pref.value
    for name, value in wanted.defaults.items():
        if type(values.get(name, value)) is not type(value):
            raise ValueError(f"fragment: {name} has not the type of its built-in default; the client would ignore it")
    _Reader(values, wanted).read()
    return wanted


class _Reader:
    """Follows the pointers of a fragment and takes note of what they reach."""

    def __init__(self, values: Fields, wanted: Wanted) -> None:
        self._values = values
        self._wanted = wanted
        self._objects: dict[tuple[str, str], Fields] = {}
        for name, value in values.items():
            if match := _OBJECT.fullmatch(name):
                self._objects.setdefault((_BRANCH_OF[match["prefix"]], match["key"]), {})[match["field"]] = value
        self._smtp_keys: dict[str, Identity] = {}
        self._unreached = set(self._objects)

    def read(self) -> None:
        wanted = self._wanted
        for key in keys(self._values.get(SMTPS)):
            self._smtp(key)
        account_keys = {}
        for key in keys(self._values.get(ACCOUNTS)):
            identity, account = self._account(key)
            if identity in wanted.accounts:
                raise ValueError(f"fragment: {identity.kind} account of {identity.user} is given twice")
            wanted.accounts[identity] = account
            account_keys[key] = identity
        if self._unreached:
            branch, key = min(self._unreached)
            raise ValueError(f"fragment: {BRANCHES[branch][0]}{key}.* belongs to no account of {ACCOUNTS}")
        wanted.default_account = self._default(DEFAULT_ACCOUNT, account_keys)
        wanted.default_smtp = self._default(DEFAULT_SMTP, self._smtp_keys)
        structural = {ACCOUNTS, SMTPS, DEFAULT_ACCOUNT, DEFAULT_SMTP, LAST_KEY}
        for name, value in self._values.items():
            if name.startswith("mail.accountmanager.") and name not in structural:
                raise ValueError(f"fragment: {name} cannot be given, the client keeps it")
            if name not in structural and not _OBJECT.fullmatch(name):
                wanted.plain[name] = value

    def _default(self, name: str, known: Mapping[str, Identity]) -> Identity | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"fragment: {name} names nothing that the fragment holds")
        return known[value]

    def _object(self, branch: str, key: str) -> Fields:
        if (branch, key) not in self._objects:
            raise ValueError(f"fragment: {BRANCHES[branch][0]}{key}.* is missing")
        self._unreached.discard((branch, key))
        return self._objects[branch, key]

    def _text(self, branch: str, key: str, field_name: str) -> str:
        value = self._object(branch, key).get(field_name)
        if not isinstance(value, str) or not value:
            raise ValueError(f"fragment: {name_of(branch, key, field_name)} is missing or not a string")
        return value

    def _fields(self, branch: str, key: str) -> Fields:
        return {name: value for name, value in self._object(branch, key).items() if (branch, name) not in _POINTERS}

    def _account(self, key: str) -> tuple[Identity, WantedAccount]:
        server = self._text("account", key, "server")
        kind = self._text("server", server, "type")
        host = self._text("server", server, "hostname")
        user = self._text("server", server, "userName")
        branches = {"account": self._fields("account", key), "server": self._fields("server", server)}
        if kind == "im" and host == XMPP:
            chat = self._text("server", server, "imAccount")
            if self._text("chat", chat, "prpl") != XMPP:
                raise ValueError(f"fragment: {name_of('chat', chat, 'prpl')} is not {XMPP}")
            branches["chat"] = self._fields("chat", chat)
            _check_rooms(name_of("chat", chat, "autoJoin"), branches["chat"].get("autoJoin", ""))
            identity = Identity("chat", XMPP, bare(self._text("chat", chat, "name")))
        elif kind in ("imap", "pop3"):
            identity = Identity("mail", host.lower(), user.lower())
        else:
            raise ValueError(f"fragment: {name_of('server', server, 'type')} is none of imap, pop3, im ({XMPP})")
        identities = [self._identity(one) for one in keys(self._object("account", key).get("identities"))]
        return identity, WantedAccount(branches, identities)

    def _identity(self, key: str) -> WantedIdentity:
        if ("identity", key) not in self._objects:
            # All of an identity may be left to the other fragment.
            return WantedIdentity({}, None)
        smtp = self._object("identity", key).get("smtpServer")
        if smtp is not None and not isinstance(smtp, str):
            raise ValueError(f"fragment: {name_of('identity', key, 'smtpServer')} is not a string")
        return WantedIdentity(self._fields("identity", key), self._smtp(smtp) if smtp else None)

    def _smtp(self, key: str) -> Identity:
        fields = self._object("smtp", key)
        user = fields.get("username", "")
        if not isinstance(user, str):
            raise ValueError(f"fragment: {name_of('smtp', key, 'username')} is not a string")
        identity = Identity("smtp", self._text("smtp", key, "hostname").lower(), user.lower())
        if key not in self._smtp_keys:
            if identity in self._wanted.smtps:
                raise ValueError(f"fragment: outgoing server {identity.host} of {identity.user} is given twice")
            self._smtp_keys[key] = identity
            self._wanted.smtps[identity] = fields
        return identity


def _check_rooms(name: str, value: Value) -> None:
    if not isinstance(value, str):
        raise ValueError(f"fragment: {name} is not a string")
    if any(len(entry.split()) > 2 for entry in value.split(",")):
        raise ValueError(
            f"fragment: {name} has an entry of more than two words, room and password; a nick cannot hold a blank"
        )


class UsedNumbers:
    """The numbers that a profile uses or mentions, and those given out since."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._used: dict[str, set[int]] = {branch: set() for branch in BRANCHES}
        for name, value in values.items():
            if match := _OBJECT.fullmatch(name):
                branch = _BRANCH_OF[match["prefix"]]
                self.note(branch, [match["key"]])
                # A key that something points to is taken, even if nothing stands there yet.
                pointed = {
                    ("account", "server"): "server",
                    ("account", "identities"): "identity",
                    ("identity", "smtpServer"): "smtp",
                    ("server", "imAccount"): "chat",
                }.get((branch, match["field"]))
                if pointed:
                    self.note(pointed, keys(value))
        for name, branch in (
            (ACCOUNTS, "account"),
            (DEFAULT_ACCOUNT, "account"),
            (LOCAL_FOLDERS, "server"),
            (SMTPS, "smtp"),
            (DEFAULT_SMTP, "smtp"),
        ):
            self.note(branch, keys(values.get(name)))

    def note(self, branch: str, taken: Iterable[str]) -> None:
        """Take note that the keys are taken. As to the client (parseInt), "account07" is number 7."""
        word = BRANCHES[branch][1]
        for key in taken:
            if match := re.match(f"{word}0*([0-9]{{1,10}})", key):
                self._used[branch].add(int(match[1]))

    def highest(self, branch: str) -> int:
        """The highest number taken that the client can read; 0 if none is."""
        return max((number for number in self._used[branch] if number <= LAST_NUMBER), default=0)

    def allocate(self, branch: str, above: int = 0) -> int:
        """Give out the first free number greater than ``above``."""
        number = above + 1
        while number in self._used[branch]:
            number += 1
        self._used[branch].add(number)
        return number


def contact_list_keys(database: bytes) -> list[str]:
    """Read the chat keys that the contact list knows (blist.sqlite, table accounts).

    A chat account whose number stands there under another name silently stops the whole chat engine (seen with
    Thunderbird 153.7.0esr): such a number is not free.

    Args:
        database: the bytes of blist.sqlite; it may be empty, as the client creates it.

    Raises:
        ValueError: not a database, or not of the known schema.
    """
    if not database:
        return []
    page_size, pages = (int.from_bytes(database[start:end], "big") for start, end in ((16, 18), (28, 32)))
    if len(database) < (65536 if page_size == 1 else page_size) * pages:
        raise ValueError("it was cut short")
    if database[18:20] == b"\x02\x02":
        # Write-ahead logging: bytes in memory cannot have it. What was not yet moved in is in another file.
        database = database[:18] + b"\x01\x01" + database[20:]
    connection = None
    try:
        connection = open_bytes(database)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA query_only=ON")
        # The file is the user's and may be made to last or to swell: a million steps and a megabyte a value are far
        # more than any contact list needs.
        connection.set_progress_handler(lambda: 1, 1_000_000)
        limit_values(connection, 1_000_000)
        kinds = dict(connection.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')"))
        if not kinds:
            return []
        if kinds.get("accounts") != "table":
            raise ValueError("it has no table of accounts")
        # A column that is computed could swell without limit before Python 3.11.
        if ("id", 0) not in connection.execute("SELECT name, hidden FROM pragma_table_xinfo('accounts')").fetchall():
            raise ValueError("its table of accounts has no column id")
        rows = connection.execute("SELECT id FROM accounts").fetchall()
    except (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError) as error:
        raise ValueError("it cannot be read as a database") from error
    finally:
        if connection:
            connection.close()
    return [f"account{identifier}" for (identifier,) in rows if isinstance(identifier, int) and identifier >= 0]


def find_accounts(values: Mapping[str, Value]) -> dict[Identity, dict[str, str]]:
    """Find the chat and mail accounts that a profile lists.

    Returns:
        Identity -> branch ("account", "server" and, for chat, "chat") -> key. Of two accounts of one identity, the
        one listed first. An account that is not in the list, or a chat account no server points to, is not there: the
        client does not show it either.
    """
    found: dict[Identity, dict[str, str]] = {}
    for account in keys(values.get(ACCOUNTS)):
        server = values.get(name_of("account", account, "server"))
        kind, host, user, chat = (
            values.get(name_of("server", str(server), one)) for one in ("type", "hostname", "userName", "imAccount")
        )
        joined = {"account": account, "server": str(server)}
        if same(kind, "im") and same(host, XMPP) and isinstance(chat, str):
            if isinstance(name := values.get(name_of("chat", chat, "name")), str):
                found.setdefault(Identity("chat", XMPP, bare(name)), {**joined, "chat": chat})
        elif kind in ("imap", "pop3") and isinstance(host, str) and isinstance(user, str):
            found.setdefault(Identity("mail", host.lower(), user.lower()), joined)
    return found


def find_smtps(values: Mapping[str, Value]) -> dict[Identity, str]:
    """Find the outgoing servers of a profile, listed or not. Returns identity -> key ("smtp1")."""
    found: dict[Identity, str] = {}
    for name, host in values.items():
        match = _OBJECT.fullmatch(name)
        if match and match["prefix"] == BRANCHES["smtp"][0] and match["field"] == "hostname" and isinstance(host, str):
            user = values.get(name_of("smtp", match["key"], "username"), "")
            found.setdefault(Identity("smtp", host.lower(), str(user).lower()), match["key"])
    return found
