"""Generated (document, fragment) pairs for every format: a lived-in file of a client, and what a site asks of it.

Each pair is read from a short string of random bytes, the tape: one choice, one byte. That is a tenth of the work of
as many draws of hypothesis, so that CI can afford thousands of pairs, and a failing tape still shrinks: zeros take the
first of all options and make the shortest document, which is why the plain options stand first.
"""

from __future__ import annotations

import json
import plistlib
import sqlite3
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeVar
from xml.sax.saxutils import escape

from ansible.module_utils.im_formats.shell_link import link_to
from hypothesis import strategies as st

Option = TypeVar("Option")

CANARY = "c4n4ry-Wx7"
ZOE = "zoe.obrien@example.org"
ANN = "ann@campus.example"
TEXTS = ("a", "", 'Zoë O\'Brien & "Co" <x> \\', "1", "true", " b ", "日本 %s $x", "]]>", "/*", "a,b;c=d", "[x]", "#é")
TAPE_BYTES = 96


@dataclass(frozen=True)
class Pair:
    """A document and the two fragments for it.

    Attributes:
        document: None when there is no file. Where it holds a password, that is CANARY.
        foreign: parts of the document that no fragment speaks of, in order: bytes of a text document, or what the
            `parts` of the format's row in test_laws.CASES give.
    """

    document: bytes | None
    enforced: str
    initial: str
    foreign: tuple[bytes, ...] = ()
    siblings: Mapping[str, bytes] = field(default_factory=dict)


class Tape:
    """Choices, read one by one from bytes; all are the first one when the bytes are used up."""

    def __init__(self, data: bytes) -> None:
        self._left = iter(data)
        self._marks = 0

    def below(self, bound: int) -> int:
        return next(self._left, 0) % bound

    def once_in(self, times: int) -> bool:
        return self.below(times) == times - 1

    def pick(self, options: Sequence[Option]) -> Option:
        return options[self.below(len(options))]

    def some(self, options: Sequence[Option]) -> list[Option]:
        """A part of the options (eight at most), in an order of its own."""
        mask, start = self.below(256), self.below(len(options))
        chosen = [option for place, option in enumerate(options) if mask >> place & 1]
        return chosen[start:] + chosen[:start]

    def mark(self) -> str:
        """A word that stands nowhere else in the document."""
        self._marks += 1
        return f"x{self._marks}-{self.below(256):02x}"

    def secret(self) -> str:
        """A password, or none, as in most profiles."""
        return CANARY if self.once_in(4) else ""


def pairs(name: str) -> st.SearchStrategy[tuple[Pair, bytes | None]]:
    """Pairs for the format of this name, one in three with its document after an accident."""
    make = _MAKERS[name]

    def read(data: bytes) -> tuple[Pair, bytes | None]:
        tape = Tape(data)
        accident = bytes(tape.below(256) for _ in range(4)) if tape.once_in(3) else None
        pair = make(tape)
        return pair, _damaged(pair.document, accident) if pair.document and accident else None

    return st.binary(min_size=TAPE_BYTES, max_size=TAPE_BYTES).map(read)


def _damaged(content: bytes, accident: bytes) -> bytes:
    """The document with a few of its bytes gone and another one in their place."""
    high, low, length, byte = accident
    start = ((high << 8) + low) % (len(content) + 1)
    noise = bytes([byte]) if byte & 1 else b""
    return content[:start] + noise + content[start + length % 16 :]


class _Text:
    """A text document that is written part by part, each on a line of its own."""

    def __init__(self, tape: Tape, marks: Sequence[str] = ("", "\ufeff")) -> None:
        self._tape = tape
        self._eol = tape.pick(["\n", "\r\n"])
        self._parts = [tape.pick(marks)]
        self._foreign: list[bytes] = []

    def add(self, part: str, *, foreign: bool = True) -> None:
        self._parts.append(part + self._eol)
        if foreign:
            self._foreign.append(part.encode())

    def pair(self, enforced: str, initial: str, siblings: Mapping[str, bytes] | None = None) -> Pair:
        if self._tape.once_in(12):
            return Pair(None, enforced, initial)
        content = "".join(self._parts)
        if self._tape.once_in(6):
            content = content.removesuffix(self._eol)
        return Pair(content.encode(), enforced, initial, tuple(self._foreign), siblings or {})


# --- gajim_settings

_GAJIM_APP = {
    "autoaway": (True, False),
    "autoawaytime": (5, 7, 0),
    "autoaway_message": TEXTS,
    "use_keyring": (True, False),
    "app_font_size": (1.0, 1.25),
    "sounddnd": (False, True),
}
_GAJIM_ACCOUNT = {
    "active": (True, False),
    "account_label": TEXTS,
    "custom_port": (5222, 5223),
    "custom_type": ("START TLS", "DIRECT TLS"),
    "send_idle_time": (True, False),
}
_GAJIM_START = {"resource": ("gajim.$rand", "home"), "savepass": (True, False), "password": (CANARY, "")}


def _values(tape: Tape, keys: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {key: tape.pick(keys[key]) for key in tape.some(list(keys))}


def _gajim_fragment(tape: Tape, start: Mapping[str, Sequence[Any]]) -> str:
    fragment: dict[str, Any] = {"app": _values(tape, _GAJIM_APP)}
    for jid in tape.some([ZOE, ANN]):
        account = {"address": jid, **_values(tape, {**_GAJIM_ACCOUNT, **start})}
        fragment.setdefault("accounts", {})[jid] = {"account": account}
    return "" if tape.once_in(8) else json.dumps(fragment)


def _gajim_settings_rows(tape: Tape, version: int) -> dict[str, str]:
    app = {**_values(tape, _GAJIM_APP), **{f"{tape.mark()}_width": tape.below(9) for _ in range(tape.below(3))}}
    settings = {"app": json.dumps(app)}
    for row in tape.some(["soundevents", "status_presets", "plugins"]):
        settings[row] = json.dumps({tape.mark(): tape.pick(TEXTS)}, ensure_ascii=tape.once_in(2))
    if tape.once_in(3):
        settings["proxies"] = json.dumps({tape.mark(): {"user": "u", "pass": tape.secret()}})
    for needed_from, row in ((1, "workspaces"), (7, "window_sizes")):
        if version >= needed_from:
            settings[row] = json.dumps({tape.mark(): {}})
    return settings


def _gajim_account_rows(tape: Tape, version: int) -> dict[str, tuple[str, bool]]:
    """Row key -> text, and whether the account is one that no fragment speaks of."""
    accounts: dict[str, tuple[str, bool]] = {}
    for jid in tape.some([ZOE, ANN, "other@example.org", "x@xn--e1afmkfd.example"]):
        local, _, domain = tape.pick([jid, jid.upper()]).partition("@")
        who = {"address": f"{local}@{domain}{tape.pick(['', '/home'])}"} if version >= 6 else {}
        if version < 6 or tape.once_in(2):
            who |= {"name": local, "hostname": domain}
        values = {**who, **_values(tape, _GAJIM_ACCOUNT), "password": tape.secret(), tape.mark(): 1}
        key = tape.pick([jid, domain]) if domain not in accounts else jid
        text = json.dumps({"account": values, "contact": {tape.mark(): {}}, "group_chat": {}})
        accounts[key] = text, jid not in (ZOE, ANN)
    return accounts


def _gajim(tape: Tape) -> Pair:
    enforced, initial = _gajim_fragment(tape, {}), _gajim_fragment(tape, _GAJIM_START)
    if tape.once_in(12):
        return Pair(None, enforced, initial)
    version = tape.pick([7, 5, 0, 6, 1])
    settings, accounts = _gajim_settings_rows(tape, version), _gajim_account_rows(tape, version)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {tape.pick([4096, 1024])}")
        connection.execute("CREATE TABLE settings (name TEXT UNIQUE, settings TEXT)")
        connection.execute("CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT)")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO settings VALUES (?, ?)", settings.items())
        rows = [(name, text) for name, (text, _) in accounts.items()]
        connection.executemany("INSERT INTO account_settings VALUES (?, ?)", rows)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
        content = connection.serialize()
    foreign = [b"user_version %d" % version]
    foreign += [
        f"app {key}={json.dumps(value)}".encode()
        for key, value in json.loads(settings.pop("app")).items()
        if key not in _GAJIM_APP
    ]
    foreign += [f"settings {name} {text}".encode() for name, text in settings.items()]
    foreign += [f"account {name} {text}".encode() for name, (text, is_foreign) in accounts.items() if is_foreign]
    return Pair(content, enforced, initial, tuple(foreign))


# --- libpurple


_QUOTES = {"'": "&apos;", '"': "&quot;"}


def _attributes(tape: Tape, **values: str) -> str:
    quote = tape.pick(["'", '"'])
    return "".join(f" {name}={quote}{escape(value, _QUOTES)}{quote}" for name, value in values.items())


def _tag(name: str, content: str, /, **attributes: str) -> str:
    head = name + "".join(f" {key}='{escape(value, _QUOTES)}'" for key, value in attributes.items())
    return f"<{head}>{content}</{name}>" if content else f"<{head}/>"


class _Xml(_Text):
    """An XML document of Pidgin's, with foreign elements and comments anywhere."""

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape)
        self._depth = 0
        if tape.once_in(2):
            self.add("<?xml version='1.0' encoding='UTF-8' ?>")

    def stranger(self) -> None:
        """Now and then, something that no Pidgin of today writes."""
        kind = self._tape.below(8)
        if kind == 7:
            self.add(f"<!-- {self._tape.mark()} it's > -->")
        elif kind == 6:
            self.leaf("foreign", self._tape.pick(["", "text"]), name=self._tape.mark(), value=self._tape.pick(TEXTS))

    def open(self, tag: str, /, **attributes: str) -> None:
        self.add(f"{self._indent()}<{tag}{_attributes(self._tape, **attributes)}>")
        self._depth += 1
        self.stranger()

    def close(self, tag: str) -> None:
        self.stranger()
        self._depth -= 1
        self.add(f"{self._indent()}</{tag}>")

    def leaf(self, tag: str, text: str = "", /, *, foreign: bool = True, **attributes: str) -> None:
        head = tag + _attributes(self._tape, **attributes)
        shown = f"<{head}>{escape(text)}</{tag}>" if text or self._tape.once_in(3) else f"<{head}/>"
        self.add(self._indent() + shown, foreign=foreign)

    def _indent(self) -> str:
        return "\t" * self._depth


_PURPLE_SETTINGS: dict[str, tuple[str, Sequence[str]]] = {
    "port": ("int", ("5222", "5223", "0")),
    "connect_server": ("string", ("xmpp.example.org", "", "é&<")),
    "auth_plain_in_clear": ("bool", ("0", "1")),
}


def _purple_settings(tape: Tape, known: Mapping[str, tuple[str, Sequence[str]]]) -> str:
    chosen = [(name, *known[name]) for name in tape.some(list(known))]
    return "".join(_tag("setting", escape(tape.pick(values)), name=name, type=kind) for name, kind, values in chosen)


def _accounts_fragment(tape: Tape, parts: Sequence[str]) -> str:
    accounts = ""
    for jid in tape.some([ZOE, ANN]):
        content = _tag("protocol", "prpl-jabber") + _tag("name", tape.pick([jid, f"{jid}/desk"]))
        for part in tape.some(parts):
            if part == "password":
                content += _tag("password", CANARY)
            elif part == "alias":
                content += f"<alias>{escape(tape.pick(TEXTS))}</alias>"
            elif part == "proxy":
                content += _tag("proxy", _tag("type", tape.pick(["none", "global", "envvar"])))
            else:
                ui = {} if part == "settings" else {"ui": "gtk-gaim"}
                known = _PURPLE_SETTINGS if part == "settings" else {"auto-login": ("bool", ("0", "1"))}
                content += f"<settings{_attributes(tape, **ui)}>{_purple_settings(tape, known)}</settings>"
        accounts += _tag("account", content)
    return f"<account version='1.0'>{accounts}</account>" if accounts else ""


def _purple_account(tape: Tape, text: _Xml, protocol: str, name: str, *, ours: bool) -> None:
    text.open("account")
    text.leaf("protocol", protocol)
    text.leaf("name", name)
    if password := tape.secret():
        text.leaf("password", password)
    if tape.once_in(2):
        text.leaf("alias", tape.mark() + tape.pick(TEXTS), foreign=not ours)
    if tape.once_in(2):
        text.leaf("statuses", tape.mark())
    if tape.once_in(3):
        text.add(f"<settings{_attributes(tape, ui=tape.mark())}/>")
    if tape.once_in(2):
        text.open("settings")
        for setting in tape.some(list(_PURPLE_SETTINGS)):
            kind, values = _PURPLE_SETTINGS[setting]
            text.leaf("setting", tape.pick(values), foreign=not ours, name=setting, type=kind)
        text.leaf("setting", tape.pick(TEXTS), name=tape.mark(), type="string")
        text.close("settings")
    text.close("account")


def _accounts(tape: Tape) -> Pair:
    enforced = _accounts_fragment(tape, ["settings", "ui", "alias", "proxy"])
    initial = _accounts_fragment(tape, ["settings", "ui", "alias", "proxy", "password"])
    text = _Xml(tape)
    text.open("account", version="1.0")
    for who in tape.some(["irc", "other", ZOE, ANN]):
        if who == "irc":
            _purple_account(tape, text, "prpl-irc", f"{ZOE}/{tape.mark()}", ours=False)
        elif who == "other":
            _purple_account(tape, text, "prpl-jabber", f"{tape.mark()}@example.org/", ours=False)
        else:
            name = tape.pick([who, who.upper(), who.title()]) + tape.pick(["/home", "", "/"])
            _purple_account(tape, text, "prpl-jabber", name, ours=True)
        text.stranger()
    text.close("account")
    return text.pair(enforced, initial)


_PURPLE_PREFS: dict[tuple[str, ...], dict[str, tuple[str, Sequence[str]]]] = {
    ("purple", "away"): {"mins_before_away": ("int", ("5", "17", "0")), "away_when_idle": ("bool", ("0", "1"))},
    ("purple", "logging"): {"log_ims": ("bool", ("1", "0")), "format": ("string", ("txt", "html"))},
    ("lab",): {"name": ("string", TEXTS), "dir": ("path", ("/x", "C:\\x"))},
    ("pidgin", "plugins"): {"loaded": ("pathlist", ("/usr/lib/a.so", "b.dll", "c"))},
}


def _pref(tape: Tape, name: str, kind: str, values: Sequence[str]) -> str:
    if kind == "pathlist":
        items = "".join(_tag("item", "", value=value) for value in tape.some(list(values)))
        return _tag("pref", items, name=name, type=kind)
    return _tag("pref", "", name=name, type=kind, value=tape.pick(values))


def _prefs_fragment(tape: Tape) -> str:
    content = ""
    for path in tape.some(list(_PURPLE_PREFS)):
        leaves = _PURPLE_PREFS[path]
        inner = "".join(_pref(tape, name, *leaves[name]) for name in tape.some(list(leaves)))
        for name in reversed(path):
            inner = _tag("pref", inner, name=name)
        content += inner
    return f"<pref version='1' name='/'>{content}</pref>" if content else ""


def _prefs(tape: Tape) -> Pair:
    enforced, initial = _prefs_fragment(tape), _prefs_fragment(tape)
    text = _Xml(tape)
    text.open("pref", version="1", name="/")
    for path in tape.some(list(_PURPLE_PREFS)):
        if tape.once_in(5):
            text.leaf("pref", foreign=False, name=path[0])  # has to be opened before anything stands in it
            continue
        for name in path:
            text.open("pref", name=name)
        for name in tape.some(list(_PURPLE_PREFS[path])):
            kind, values = _PURPLE_PREFS[path][name]
            if kind == "pathlist":
                text.open("pref", name=name, type=kind)
                text.leaf("item", value=f"/theirs/{tape.mark()}.so")
                text.close("pref")
            else:
                text.leaf("pref", foreign=False, name=name, type=kind, value=tape.pick(values))
        text.leaf("pref", name=tape.mark(), type="string", value=tape.pick(TEXTS))
        for _ in path:
            text.close("pref")
    if password := tape.secret():
        text.open("pref", name="proxy")
        text.leaf("pref", name="password", type="string", value=password)
        text.close("pref")
    text.close("pref")
    return text.pair(enforced, initial)


_ROOMS = ("team", "café", "news")
_CHAT_SETTINGS: dict[str, tuple[str, Sequence[str]]] = {
    "gtk-autojoin": ("bool", ("1", "0")),
    "gtk-persistent": ("bool", ("0", "1")),
}


def _blist_fragment(tape: Tape) -> str:
    chats = ""
    for room in tape.some(_ROOMS):
        content = f"<alias>{escape(tape.pick(TEXTS))}</alias>" if tape.once_in(2) else ""
        content += _tag("component", room, name="room") + _tag("component", "rooms.example.org", name="server")
        content += _tag("component", escape(tape.pick(TEXTS)), name="handle") if tape.once_in(3) else ""
        content += _purple_settings(tape, _CHAT_SETTINGS)
        chats += _tag("chat", content, proto="prpl-jabber", account=ZOE)
    group = _tag("group", chats, name=tape.pick(["Salons", "Zoë & <x>"]))
    return f"<purple version='1.0'><blist>{group}</blist></purple>" if chats else ""


def _blist_chat(tape: Tape, text: _Xml, room: str) -> None:
    theirs = tape.once_in(2)
    account = f"{tape.mark()}@else.example" if theirs else tape.pick([ZOE, ZOE.upper()]) + tape.pick(["/home", ""])
    text.open("chat", proto="prpl-jabber", account=account)
    if tape.once_in(2):
        text.leaf("alias", tape.mark(), foreign=theirs)
    for name, value in (("handle", tape.mark()), ("server", "rooms.example.org"), ("room", room)):
        text.leaf("component", value, name=name)
    if password := tape.secret():
        text.leaf("component", password, name="password")
    for setting in tape.some(list(_CHAT_SETTINGS)):
        text.leaf("setting", tape.pick(["0", "1"]), foreign=theirs, name=setting, type="bool")
    text.leaf("setting", "1", name=tape.mark(), type="bool")
    text.close("chat")


def _blist(tape: Tape) -> Pair:
    enforced, initial = _blist_fragment(tape), _blist_fragment(tape)
    text = _Xml(tape)
    text.open("purple", version="1.0")
    if tape.once_in(6):
        text.leaf("blist", foreign=False)
    else:
        text.open("blist")
        for group in tape.some(["Buddies", "Salons", "Old"]):
            if tape.once_in(5):
                text.leaf("group", foreign=False, name=group)
                continue
            text.open("group", name=group)
            if tape.once_in(2):
                text.open("contact")
                text.leaf("buddy", "", account=ZOE, proto="prpl-jabber", name=tape.mark())
                text.close("contact")
            if tape.once_in(2):
                _blist_chat(tape, text, {"Buddies": "team", "Salons": "CAFÉ", "Old": "news"}[group])
            text.close("group")
        text.close("blist")
    if tape.once_in(3):
        text.leaf("privacy", tape.mark())
    text.close("purple")
    return text.pair(enforced, initial)


def _status_fragment(tape: Tape) -> str:
    content = ""
    for created in tape.some(["1000023", "1000024", "7"]):
        message = f"<message>{escape(tape.pick(TEXTS))}</message>" if tape.once_in(2) else ""
        state = _tag("state", tape.pick(["available", "away", "extended_away"]))
        content += _tag("status", state + message, name=f"s{created}", created=created, lastused="0", usage_count="0")
    return f"<statuses version='1.0'>{content}</statuses>" if content else ""


def _status(tape: Tape) -> Pair:
    enforced, initial = _status_fragment(tape), _status_fragment(tape)
    text = _Xml(tape)
    text.open("statuses", version="1.0")
    for created in tape.some(["1000023", "1000024", "99", "100"]):
        ours = created.startswith("10000")
        text.open("status", name=tape.mark(), created=created, lastused=str(tape.below(9)), usage_count="3")
        text.leaf("state", tape.pick(["available", "away"]), foreign=not ours)
        if tape.once_in(2):
            text.leaf("message", tape.mark() + tape.pick(TEXTS), foreign=not ours)
        if tape.once_in(3):
            text.open("substatus")
            text.leaf("message", tape.mark())
            text.close("substatus")
        text.close("status")
    text.close("statuses")
    return text.pair(enforced, initial)


# --- Mozilla


def _user_pref(name: str, value: object) -> str:
    return f"user_pref({json.dumps(name)}, {json.dumps(value, ensure_ascii=False)});"


_PLAIN_PREFS: dict[str, Sequence[Any]] = {
    "messenger.status.timeBeforeIdle": (300, 420),
    "messenger.status.reportIdle": (True, False),
    "purple.logging.log_chats": (True, False),
    "messenger.status.defaultIdleAwayMessage": TEXTS,
}
_CHAT_PREFS: dict[str, Sequence[Any]] = {
    "alias": TEXTS,
    "autoLogin": (True, False),
    "options.port": (5222, 5223),
    "options.server": ("xmpp.example.org", "x"),
    "autoJoin": ("team@rooms.example.org", "News@rooms.example.org/Zoë,team@rooms.example.org", "a@b pw"),
}


def _mozilla_fragment(tape: Tape) -> str:
    lines = [_user_pref(name, value) for name, value in _values(tape, _PLAIN_PREFS).items()]
    chats = tape.some([ZOE, ANN] if tape.once_in(4) else [ZOE])
    if chats:
        listed = ",".join(f"account{number}" for number in range(1, len(chats) + 1))
        lines.append(_user_pref("mail.accountmanager.accounts", listed))
    for number, jid in enumerate(chats, 1):
        server = {"type": "im", "hostname": "prpl-jabber", "userName": jid, "imAccount": f"account{number}"}
        chat = {"name": jid, "prpl": "prpl-jabber", **_values(tape, _CHAT_PREFS)}
        lines.append(_user_pref(f"mail.account.account{number}.server", f"server{number}"))
        lines += [_user_pref(f"mail.server.server{number}.{key}", value) for key, value in server.items()]
        lines += [_user_pref(f"messenger.account.account{number}.{key}", value) for key, value in chat.items()]
    return "\n".join(lines) + "\n" if lines else ""


def _mozilla_account(tape: Tape, kind: str, number: int) -> list[tuple[str, object, bool]]:
    """Name, value and whether it is foreign of the preferences of one account of a person."""
    server = f"mail.server.server{number + 2}."
    found: list[tuple[str, object, bool]] = [(f"mail.account.account{number}.server", f"server{number + 2}", True)]
    if kind == "imap":
        who = {"type": "imap", "hostname": "imap.example.org", "userName": "zoe", tape.mark(): tape.pick(TEXTS)}
        return found + [(server + key, value, True) for key, value in who.items()]
    theirs = kind == "irc"
    jid = "zoe@irc.example" if theirs else tape.pick([kind, kind.upper()])
    host = "prpl-irc" if theirs else "prpl-jabber"
    who = {"type": "im", "hostname": host, "userName": jid, "imAccount": f"account{number + 4}"}
    found += [(server + key, value, True) for key, value in who.items()]
    chat = {"name": jid, "prpl": host, tape.mark(): tape.below(9)}
    if password := tape.secret():
        chat["password"] = password
    branch = f"messenger.account.account{number + 4}."
    found += [(branch + key, value, True) for key, value in chat.items()]
    return found + [(branch + key, value, theirs) for key, value in _values(tape, _CHAT_PREFS).items()]


def _mozilla_prefs(tape: Tape) -> Pair:
    enforced, initial = _mozilla_fragment(tape), _mozilla_fragment(tape)
    text = _Text(tape)
    text.add(tape.pick(["// Mozilla User Preferences", "/* it's\n * mine */", "# x"]))
    accounts = tape.some([ZOE, "imap", "irc", ANN])[:2]
    prefs = [one for number, kind in enumerate(accounts, 1) for one in _mozilla_account(tape, kind, number)]
    if accounts:
        listed = tape.pick([",", ", "]).join(f"account{number}" for number in range(1, len(accounts) + 1))
        prefs.append(("mail.accountmanager.accounts", listed, False))
        if tape.once_in(2):
            prefs.append(("mail.account.lastKey", len(accounts) + tape.below(3), False))
    prefs += [(name, value, False) for name, value in _values(tape, _PLAIN_PREFS).items()]
    prefs += [(f"theirs.{tape.mark()}", tape.pick([*TEXTS, 7, True]), True) for _ in range(tape.below(4))]
    start = tape.below(len(prefs)) if prefs else 0
    for name, value, foreign in prefs[start:] + prefs[:start]:
        text.add(_user_pref(name, value), foreign=foreign)
    return text.pair(enforced, initial)


_HASHES = ("FDC34C9F024745EB", "0123456789ABCDEF", "AB")


def _mozilla_profiles(tape: Tape) -> Pair:
    path = "managed.default"
    enforced = "".join(f"[Install{name}]\nDefault={path}\nLocked=1\n\n" for name in tape.some(_HASHES))
    if enforced:
        enforced += f"[Profile0]\nName=managed\nIsRelative=1\nPath={path}\nDefault=1\n\n[General]\nVersion=2\n"
    text = _Text(tape)
    paths = tape.some(["a.default", "b.default", path])
    groups = [
        (f"Profile{number}", [f"Name={tape.mark()}", "IsRelative=1", f"Path={one}"]) for number, one in enumerate(paths)
    ]
    for name in tape.some(_HASHES):
        groups.append((f"Install{name}", [f"Default={tape.pick([*paths, 'gone'])}", "Locked=1"]))
    if tape.once_in(2):
        groups.append(("General", ["StartWithLastProfile=1", "Version=2"]))
    start = tape.below(len(groups)) if groups else 0
    for name, lines in groups[start:] + groups[:start]:
        text.add(f"[{name}]")
        if name.startswith("Profile") and tape.once_in(3):
            lines.append("Default=1")
        for line in [*lines, f"{tape.mark()}=é"] if tape.once_in(3) else lines:
            text.add(line, foreign=not line.startswith("Default="))
        text.add(tape.pick(["", "; note", "  # note"]), foreign=False)
    used = {f"{one}/compatibility.ini": b"[Compatibility]\nLastPlatformDir=\n" for one in tape.some(paths or [path])}
    return text.pair(enforced, "", used)


# --- the others

_DESKTOP_KEYS = ("Exec", "Hidden", "Name", "Comment", "X-Autostart", "NoDisplay")


def _desktop_fragment(tape: Tape) -> str:
    lines = [f"{key}={tape.pick(TEXTS).strip()}" for key in tape.some(_DESKTOP_KEYS)]
    return "\n".join(["[Desktop Entry]", "Type=Application", *lines]) + "\n" if lines else ""


def _desktop_entry(tape: Tape) -> Pair:
    enforced, initial = _desktop_fragment(tape), _desktop_fragment(tape)
    text = _Text(tape, marks=("", "# by hand\n"))
    text.add("[Desktop Entry]")
    for key in ["Type", *tape.some(_DESKTOP_KEYS)]:
        text.add(key + tape.pick(["=", " = "]) + ("Application" if key == "Type" else tape.pick(TEXTS)), foreign=False)
        if tape.once_in(3):
            text.add(tape.pick([f"# {tape.mark()}", f"{tape.mark()}[fr]=é", f"X-{tape.mark()}=a;b"]))
    if tape.once_in(3):
        text.add(f"[Desktop Action {tape.mark()}]")
        text.add(f"Exec=run --password={tape.secret()} {tape.mark()}")
    return text.pair(enforced, initial)


_POLICIES: dict[str, Sequence[Any]] = {
    "DisableTelemetry": (True, False),
    "Label": TEXTS,
    "Certificates": (
        {"Install": ["/etc/ca.crt"]},
        {"Install": ["b", "/etc/ca.crt"], "ImportEnterpriseRoots": True},
        {},
    ),
    "Proxy": ({"Mode": "none"}, {"Mode": "system", "Port": 8080}),
}


def _policies_fragment(tape: Tape) -> str:
    policies = _values(tape, _POLICIES)
    return json.dumps({"policies": policies}, ensure_ascii=tape.once_in(2)) if policies else ""


class _Json:
    """A JSON text in one of several layouts, and its foreign members."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._eol, self._unit = tape.pick([("\n", "  "), ("", ""), ("\r\n", "\t"), ("\n", "    ")])
        self._colon = tape.pick([": ", ":", " : "])
        self.foreign: list[bytes] = []

    def member(self, key: str, value: str, *, foreign: bool = False) -> str:
        text = json.dumps(key, ensure_ascii=False) + self._colon + value
        if foreign:
            self.foreign.append(text.encode())
        return text

    def stranger(self) -> list[str]:
        tape = self._tape
        if tape.once_in(2):
            return []
        value = tape.pick(["1", "1.50e+3", '"\\u00e9 \\/"', "[ 1,2 ]", '{"Install" : []}', "null", "[]", "{}"])
        secret = tape.secret()
        key = tape.mark() + ("Password" if secret else "")
        return [self.member(key, json.dumps(secret) if secret else value, foreign=True)]

    def object(self, members: Iterable[str], depth: int) -> str:
        inner, outer = (self._eol + self._unit * level if self._eol else "" for level in (depth + 1, depth))
        text = ("," + (inner or " ")).join(members)
        return "{" + inner + text + outer + "}" if text else "{}"


def _json_policies(tape: Tape) -> Pair:
    enforced, initial = _policies_fragment(tape), _policies_fragment(tape)
    if tape.once_in(12):
        return Pair(None, enforced, initial)
    text = _Json(tape)
    members = text.stranger()
    if not tape.once_in(5):
        policies = text.stranger()
        for key, value in _values(tape, _POLICIES).items():
            if isinstance(value, dict):
                inner = text.stranger()
                inner += [text.member(name, json.dumps(one)) for name, one in value.items()]
                policies.append(text.member(key, text.object(inner + text.stranger(), 2)))
            else:
                policies.append(text.member(key, json.dumps(value)))
        members.append(text.member("policies", text.object(policies + text.stranger(), 1)))
    content = text.object(members + text.stranger(), 0) + tape.pick(["\n", "", "\r\n"])
    return Pair((tape.pick(["", "\ufeff"]) + content).encode(), enforced, initial, tuple(text.foreign))


def _whole_file(tape: Tape) -> Pair:
    def text() -> str:
        return "".join(f"{tape.mark()} {tape.mark()} {tape.pick(TEXTS)}\n" for _ in range(1 + tape.below(4)))

    enforced = "" if tape.once_in(12) else text()
    theirs = bytes(tape.below(256) for _ in range(tape.below(20)))
    return Pair(tape.pick([theirs, enforced.encode() + theirs, enforced.encode(), None]), enforced, "")


def _launch_agent(tape: Tape) -> Pair:
    def text() -> str:
        words = [tape.mark(), tape.pick(TEXTS)]
        return plistlib.dumps({"Label": "toy", "ProgramArguments": words, "RunAtLoad": tape.once_in(2)}).decode()

    enforced = "" if tape.once_in(3) else text()
    initial = "" if tape.once_in(3) else text()
    theirs = bytes(tape.below(256) for _ in range(tape.below(20)))
    return Pair(tape.pick([theirs, enforced.encode(), initial.encode(), None]), enforced, initial)


def explorers_link(target: str, *, variable: str = "", arguments: str = "", wide: bool = True) -> bytes:
    """A link as Explorer makes it ([MS-SHLLINK]): item list, LinkInfo, relative path, and what it knows of the machine.

    VARIABLE: the target as its EnvironmentVariableDataBlock has it; none without. WIDE: its texts are in UTF-16.
    """
    flags = 0x1 | 0x2 | 0x8 | (0x80 if wide else 0) | (0x20 if arguments else 0) | (0x200 if variable else 0)
    clsid = bytes.fromhex("0114020000000000c000000000000046")
    times = struct.pack("<3Q", 133_000_000_000_000_000, 133_000_000_000_000_001, 132_999_999_999_999_999)
    header = struct.pack("<I16sII24sIIIHHII", 76, clsid, flags, 0x20, times, 4711, 0, 1, 0, 0, 0, 0)
    computer = bytes.fromhex("1f50e04fd020ea3a6910a2d808002b30309d")
    items = b"".join(
        struct.pack("<H", len(item) + 2) + item for item in (computer, b"/C:\\\0", b"2\0" + target.encode("cp1252"))
    )
    items += b"\0\0"
    volume = struct.pack("<IIII", 17, 3, 0xBEEF1234, 16) + b"\0"
    base = target.encode("cp1252", "replace") + b"\0"
    place = 28 + len(volume)
    info = struct.pack("<7I", place + len(base) + 1, 28, 1, 28, place, 0, place + len(base)) + volume + base + b"\0"

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value)) + value.encode("utf-16-le" if wide else "cp1252")

    blocks = b""
    if variable:
        blocks += struct.pack("<II", 0x314, 0xA0000001) + variable.encode("cp1252").ljust(260, b"\0")
        blocks += variable.encode("utf-16-le").ljust(520, b"\0")
    blocks += struct.pack("<IIII", 0x60, 0xA0000003, 0x58, 0) + b"zoes-pc".ljust(16, b"\0") + bytes(range(64))
    strings = text("..\\.." + target[2:]) + (text(arguments) if arguments else b"")
    return header + struct.pack("<H", len(items)) + items + info + strings + blocks + bytes(4)


def _shell_link(tape: Tape) -> Pair:
    program = tape.pick(["%ProgramFiles(x86)%\\Toy\\toy.exe", "C:\\Users\\Zoë\\toy.exe"])
    place = program.replace("%ProgramFiles(x86)%", "D:\\Program Files (x86)")

    def fragment() -> str:
        command = [program, *(["--quiet"] if tape.once_in(2) else [])]
        return json.dumps({"command": command, "start": True})

    enforced = "" if tape.once_in(3) else fragment()
    initial = "" if tape.once_in(3) else fragment()
    if tape.once_in(2):
        ours = [link_to([program]), link_to(["C:\\Toy\\old.exe", "-x"])]
        return Pair(tape.pick([None, *ours]), enforced, initial)
    variable = tape.pick(["", "%ProgramFiles%\\Toy\\toy.exe"])
    arguments = tape.pick(["", f"--password {CANARY}"])
    theirs = explorers_link(place, variable=variable, arguments=arguments, wide=not tape.once_in(3))
    return Pair(theirs, enforced, initial, (theirs,))


_MAKERS: dict[str, Callable[[Tape], Pair]] = {
    "gajim_settings": _gajim,
    "libpurple_accounts": _accounts,
    "libpurple_prefs": _prefs,
    "libpurple_blist": _blist,
    "libpurple_status": _status,
    "mozilla_prefs": _mozilla_prefs,
    "mozilla_profiles": _mozilla_profiles,
    "desktop_entry": _desktop_entry,
    "json_policies": _json_policies,
    "launch_agent": _launch_agent,
    "shell_link": _shell_link,
    "whole_file": _whole_file,
}
