"""The seven laws of a merge, proved for every format of the registry.

1. absent in -> complete file out; 2. twice = once; 3. what is foreign survives byte for byte, order included; 4. only
what we own is ever removed; 5. nothing to do -> the very same object; 6. malformed -> refused with where and what;
7. it never fails on any bytes. And no secret of a document is ever shown.

A format enters with one row of CASES and one function of documents.py. The laws are tried with real documents, from
tests/golden, and with generated pairs of a document and its fragments; conftest.py says with how many.
"""

from __future__ import annotations

import configparser
import io
import json
import plistlib
import re
import sqlite3
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import LnkParse3
import pytest
from ansible.module_utils.im_formats import FORMATS, Refused
from ansible.module_utils.im_formats.shell_link import is_ours, link_to
from documents import CANARY, Pair, explorers_link, pairs
from hypothesis import given
from hypothesis import strategies as st

GOLDEN = Path(__file__).parents[2] / "golden"
JID = "zoe.obrien@example.org"
NAME = 'Zoë O\'Brien & "Co" <x> \\'
NAME_XML = "Zoë O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\"
NAME_JSON = json.dumps(NAME, ensure_ascii=False)


@dataclass(frozen=True)
class Case:
    """What the laws need to know of one format.

    Attributes:
        enforced: a fragment, not blank.
        changed: another enforced fragment for the same items.
        initial: a fragment; blank for the formats that have no initial values.
        documents: real documents, by name.
        complete: fails unless the bytes are a whole document for a reader that is not ours.
        shown: what a new document must hold of the fragments.
        malformed: documents that the format must refuse.
        malformed_fragments: fragments that are mistakes of a template.
        secret: a document that holds CANARY.
        foreign: the parts of a document that are not ours, in order.
        parts: all parts of a document, cut in the same way.
        restored: what of a document is the same again when all that a merge added is removed; for a text, each byte.
    """

    enforced: str
    changed: str
    initial: str
    documents: dict[str, bytes]
    complete: Callable[[bytes], object]
    shown: tuple[str, ...]
    malformed: tuple[bytes, ...]
    malformed_fragments: tuple[str, ...]
    secret: bytes
    foreign: Callable[[bytes], list[bytes]]
    parts: Callable[[bytes], list[bytes]] = field(default=lambda content: content.splitlines(keepends=True))
    restored: Callable[[bytes], object] = field(default=lambda content: content)


def golden(name: str) -> dict[str, bytes]:
    """Real documents of a file name (or a glob of it), by their place under tests/golden."""
    return {str(path.relative_to(GOLDEN)): path.read_bytes() for path in sorted(GOLDEN.rglob(name)) if path.is_file()}


def lines_without(pattern: str) -> Callable[[bytes], list[bytes]]:
    """Foreign view of a file of lines: all of them but those that speak of what the fragments manage."""
    ours = re.compile(pattern.encode())
    return lambda content: [line for line in content.splitlines(keepends=True) if not ours.search(line)]


ALL_LINES = lines_without("(?!)")


# --- gajim_settings


def gajim_rows(content: bytes) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        rows = connection.execute("SELECT 'settings', * FROM settings").fetchall()
        return rows + connection.execute("SELECT 'account', * FROM account_settings").fetchall()


def gajim_parts(content: bytes) -> list[bytes]:
    """Whole rows, but row 'app' key by key."""
    parts = [b"user_version %d" % int.from_bytes(content[60:64], "big")]
    for table, name, text in gajim_rows(content):
        if (table, name) == ("settings", "app"):
            parts += [f"app {key}={json.dumps(value)}".encode() for key, value in json.loads(text).items()]
        else:
            parts.append(f"{table} {name} {text}".encode())
    return parts


def gajim_foreign(content: bytes) -> list[bytes]:
    return [part for part in gajim_parts(content) if not part.startswith((b"app autoaway", b"account " + JID.encode()))]


def gajim_fragment(app: str, account: str) -> str:
    return f'{{"app": {{{app}}}, "accounts": {{"{JID}": {{"account": {{"address": "{JID}", {account}}}}}}}}}'


def gajim_with(content: bytes, text: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        connection.execute("UPDATE settings SET settings = ? WHERE name = 'proxies'", (text,))
        connection.commit()
        return connection.serialize()


GAJIM_DOCUMENTS = golden("*.sqlite")
GAJIM_REAL = next(iter(GAJIM_DOCUMENTS.values()))
GAJIM = Case(
    enforced=gajim_fragment('"autoawaytime": 7', f'"active": true, "account_label": {NAME_JSON}'),
    changed=gajim_fragment('"autoawaytime": 8', '"active": false, "custom_port": 5223'),
    initial=gajim_fragment('"autoaway": false, "autoawaytime": 3', '"resource": "gajim.$rand"'),
    documents=GAJIM_DOCUMENTS,
    complete=gajim_rows,
    shown=(JID, '"autoawaytime": 7', json.dumps(NAME, ensure_ascii=False)),
    malformed=(b"", b"garbage", GAJIM_REAL[:-1], gajim_with(GAJIM_REAL, "{"), GAJIM_REAL[:4096] + bytes(4096) * 4),
    malformed_fragments=("{", "[]", '{"app": {"autoaway": 1}}', '{"unknown": {}}'),
    secret=gajim_with(GAJIM_REAL, f'{{"p": {{"user": "u", "pass": "{CANARY}"}}}}'),
    foreign=gajim_foreign,
    parts=gajim_parts,
    restored=gajim_parts,  # the rows; SQLite counts its changes in the bytes
)


# --- libpurple


def purple_account(settings_: str, alias: str = "") -> str:
    return (
        "<?xml version='1.0' encoding='UTF-8' ?>\n<account version='1.0'><account><protocol>prpl-jabber</protocol>"
        f"<name>{JID}/desk</name>{alias}<settings>{settings_}</settings></account></account>"
    )


ACCOUNTS = Case(
    enforced=purple_account("<setting name='port' type='int'>5223</setting>", f"<alias>{NAME_XML}</alias>"),
    changed=purple_account("<setting name='port' type='int'>5224</setting>", "<alias>Zoë</alias>"),
    initial=purple_account("<setting name='custom_smileys' type='bool'>0</setting>"),
    documents=golden("accounts.xml"),
    complete=ET.fromstring,
    shown=(JID, "5223", "Zoë O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\"),
    malformed=(b"<account", b"<account version='1.0'/><x/>", b"<purple version='1.0'/>", b"<account version='9'/>"),
    malformed_fragments=(
        "<account",
        "<purple version='1.0'/>",
        purple_account("<setting name='p' type='int'>x</setting>"),
    ),
    secret=purple_account("", f"<password>{CANARY}</password>").encode(),
    foreign=ALL_LINES,  # a new account is only added: whatever was there is foreign
)


def purple_chat(autojoin: int, alias: str) -> str:
    return (
        f"<purple version='1.0'><blist><group name='Salons'><chat proto='prpl-jabber' account='{JID}'>"
        f"<alias>{alias}</alias><component name='room'>team</component>"
        "<component name='server'>rooms.example.org</component>"
        f"<setting name='gtk-autojoin' type='bool'>{autojoin}</setting></chat></group></blist></purple>"
    )


BLIST = Case(
    enforced=purple_chat(1, NAME_XML),
    changed=purple_chat(0, "Zoë"),
    initial=purple_chat(0, "Team"),
    documents=golden("blist.xml"),
    complete=ET.fromstring,
    shown=(JID, "rooms.example.org", "gtk-autojoin"),
    malformed=(b"<purple", b"<account version='1.0'/>", b"<purple version='9'/>", b"<purple>&x;</purple>"),
    malformed_fragments=("<purple", "<account version='1.0'/>", purple_chat(1, "x").replace("'room'", "'r'")),
    secret=purple_chat(1, "x").replace("<setting", f"<component name='password'>{CANARY}</component><setting").encode(),
    # An empty <blist/> or group has to be opened before anything can stand in it.
    foreign=lines_without("<blist/>|<group name='Salons'/>|<purple version='1.0'/>"),
)


def purple_pref(minutes: int) -> str:
    return (
        "<pref version='1' name='/'><pref name='purple'><pref name='away'>"
        f"<pref name='mins_before_away' type='int' value='{minutes}'/></pref></pref>"
        f"<pref name='lab'><pref name='name' type='string' value='{NAME_XML}'/></pref></pref>"
    )


PREFS = Case(
    enforced=purple_pref(17),
    changed=purple_pref(18),
    initial=purple_pref(3),
    documents=golden("prefs.xml"),
    complete=ET.fromstring,
    shown=("mins_before_away", "17", "O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\"),
    malformed=(b"<pref", b"<purple/>", b"<pref version='1' name='x'/>", b"<pref version='7' name='/'/>"),
    malformed_fragments=("<pref", "<purple/>", purple_pref(1).replace("type='int'", "type='float'")),
    secret=purple_pref(1)
    .replace("'mins_before_away' type='int' value='1'", f"'password' type='string' value='{CANARY}'")
    .encode(),
    foreign=lines_without("mins_before_away"),
)


def purple_status(message: str) -> str:
    return (
        "<statuses version='1.0'><status name='example.org' created='1234567' lastused='0' usage_count='0'>"
        f"<state>away</state><message>{message}</message></status></statuses>"
    )


STATUS = Case(
    enforced=purple_status(NAME_XML),
    changed=purple_status("Back soon"),
    initial=purple_status("Out"),
    documents=golden("status.xml"),
    complete=ET.fromstring,
    shown=("1234567", "away", "O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\"),
    malformed=(b"<statuses", b"<purple/>", b"<statuses version='9'/>", b"\xff<statuses/>"),
    malformed_fragments=("<statuses", "<purple/>", purple_status("x").replace("1234567", "0")),
    secret=purple_status("x").replace("<message>", f"<password>{CANARY}</password><message>").encode(),
    foreign=ALL_LINES,
)


# --- Mozilla


def mozilla_account(extra: str) -> str:
    chat = {"name": JID, "prpl": "prpl-jabber"}
    server = {"type": "im", "hostname": "prpl-jabber", "userName": JID, "imAccount": "account1"}
    lines = [
        'user_pref("mail.accountmanager.accounts", "account1");',
        'user_pref("mail.account.account1.server", "server1");',
    ]
    lines += [f'user_pref("mail.server.server1.{key}", "{value}");' for key, value in server.items()]
    lines += [f'user_pref("messenger.account.account1.{key}", "{value}");' for key, value in chat.items()]
    return "\n".join(lines) + f"\n{extra}\n"


MOZILLA_PREFS = Case(
    enforced=mozilla_account(
        'user_pref("messenger.account.account1.options.port", 5223);\n'
        f'user_pref("messenger.account.account1.alias", {NAME_JSON});\n'
        'user_pref("messenger.status.timeBeforeIdle", 420);'
    ),
    changed=mozilla_account(
        'user_pref("messenger.account.account1.options.port", 5224);\n'
        'user_pref("messenger.status.timeBeforeIdle", 480);'
    ),
    initial=mozilla_account('user_pref("messenger.account.account1.autoLogin", true);\nuser_pref("lab.first", true);'),
    documents=golden("prefs.js"),
    complete=bytes.decode,
    shown=(JID, "5223", "420", NAME_JSON, '"lab.first", true'),
    malformed=(b"user_pref(", b'user_pref("a", 1)', b'user_pref("a", x);', b"// \xff", b'user_pref("a", "b\n'),
    malformed_fragments=("user_pref(", 'user_pref("a", 1)', "garbage"),
    secret=f'user_pref("messenger.account.account7.password", "{CANARY}");\n'.encode(),
    # The lists to which an account is added, and what the fragments set.
    foreign=lines_without(
        r'"(mail\.accountmanager\.accounts|mail\.account\.lastKey|messenger\.status\.timeBeforeIdle|im_client\.laid_down)"'
    ),
    # The client never gives out the number of an account again, so the last one stays noted, in a line of its own.
    restored=lambda content: [line for line in content.splitlines() if b'"mail.account.lastKey"' not in line],
)


def mozilla_profile(hashes: Iterable[str]) -> str:
    installs = "".join(f"[Install{name}]\nDefault=im.default\nLocked=1\n\n" for name in hashes)
    return (
        f"{installs}[Profile0]\nName=im\nIsRelative=1\nPath=im.default\nDefault=1\n\n"
        "[General]\nStartWithLastProfile=1\nVersion=2\n"
    )


ANOTHER_INSTALLATION = b"[InstallABC]\r\nDefault=x\r\n\r\n[Profile0]\r\nName=x\r\nIsRelative=1\r\nPath=x\r\n"
MOZILLA_PROFILES = Case(
    enforced=mozilla_profile(["FDC34C9F024745EB"]),
    changed=mozilla_profile(["FDC34C9F024745EB", "0123456789ABCDEF"]),
    initial="",
    documents=golden("profiles.ini") | {"of another installation": ANOTHER_INSTALLATION},
    complete=lambda content: configparser.ConfigParser().read_string(content.decode()),
    shown=("[InstallFDC34C9F024745EB]", "Path=im.default"),
    malformed=(b"garbage", b"[Profile0", "[Profilé".encode(), b"[a]\n[a]\n", b"[a]\nb=\xff\n"),
    malformed_fragments=("garbage", "[Profile0]\nName=x\n", mozilla_profile([])),
    secret=f"[Profile0]\nName=x\nPassword={CANARY}\n".encode(),
    foreign=ALL_LINES,
)


# --- the others

DESKTOP = Case(
    enforced="[Desktop Entry]\nType=Application\nName=Gajim\nExec=gajim\nHidden=false\n",
    changed="[Desktop Entry]\nType=Application\nName=Gajim\nExec=gajim --quiet\nHidden=true\n",
    initial=f"[Desktop Entry]\nType=Application\nName=Gajim\nComment={NAME}\nExec=gajim\n",
    documents=golden("*.desktop")
    | {
        "of the session": b"# by hand\n[Desktop Entry]\nName=Mine\nName[fr]=Le mien\nType = Application\nX-Foo=bar\n\n"
        b"[Desktop Action new]\nExec=other\n",
        "with an empty value at its end": b"[Desktop Entry]\nType=Application\nHidden=\n",
        "with CRLF": b"[Desktop Entry]\r\nType=Application\r\nHidden=true\r\nX-Foo=bar\r\n",
    },
    complete=lambda content: configparser.ConfigParser(interpolation=None).read_string(content.decode()),
    shown=("Exec=gajim", "Hidden=false", "Comment=Zoë"),
    malformed=(
        b"",
        b"garbage",
        b"[Other]\na=b\n",
        b"[Desktop Entry\n",
        "[Desktop Entré".encode(),
        b"[Desktop Entry]\nName=\xff\n",
    ),
    malformed_fragments=("garbage", "[Other]\na=b\n", "[Desktop Entry]\nA=1\nA=2\n"),
    secret=f"[Desktop Entry]\nType=Application\nExec=gajim --password={CANARY}\nX-Token={CANARY}\n".encode(),
    foreign=lines_without("^(Type|Name|Exec|Hidden)[ =]"),
)


def json_lines(content: bytes) -> list[bytes]:
    return [line.rstrip(b",\r\n") for line in content.splitlines()]


ADMINISTRATORS_POLICIES = b"""{
    "policies": {
        "Certificates": {
            "ImportEnterpriseRoots": true
        },
        "Proxy": {"Mode": "none"},
        "Extensions": {
            "Install": ["a", "b"]
        },
        "Homepage": {"URL": "http://x.example/"}
    },
    "other": 1.50
}
"""
POLICIES = Case(
    enforced='{"policies": {"Certificates": {"Install": ["/etc/ca.crt"]}, "DisableTelemetry": true}}',
    changed='{"policies": {"Certificates": {"Install": ["/etc/other.crt"]}, "DisableTelemetry": false}}',
    initial=f'{{"policies": {{"Name": {NAME_JSON}}}}}',
    documents=golden("policies.json") | {"of an administrator": ADMINISTRATORS_POLICIES, "empty": b"{}\n"},
    complete=json.loads,
    shown=("/etc/ca.crt", "DisableTelemetry", NAME_JSON),
    malformed=(b"{", b"[]", b'{"policies": []}', b'{"a": 1, "a": 2}', b'{"a": "\xff"}', b"garbage"),
    malformed_fragments=("{", "[]", '{"a": 1,}'),
    secret=f'{{"policies": {{"Proxy": {{"Password": "{CANARY}", "Mode": "x"}}}}}}'.encode(),
    # A line may get a comma behind it; an empty object has to be opened.
    foreign=lambda content: [line for line in json_lines(content) if line != b"{}"],
    parts=json_lines,
)


def agent_fragment(run: str) -> str:
    agent = {"Label": "im-client.toy", "ProgramArguments": ["/bin/echo", NAME], "RunAtLoad": run == "true"}
    return plistlib.dumps(agent).decode()


WHOLE_FILE = Case(
    enforced="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    changed="-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n",
    initial="",
    documents=golden("*.crt") | {"an older one": b"-----BEGIN CERTIFICATE-----\nMIIA\n-----END CERTIFICATE-----\n"},
    complete=bytes.decode,
    shown=("MIIB",),
    malformed=(),  # whatever stands there is ours, so nothing can be wrong with it
    malformed_fragments=(),
    secret=f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"
    f"password = {CANARY}\nrun --password {CANARY} --port=1\n".encode(),
    foreign=lambda _content: [],
)

LAUNCH_AGENT = Case(
    enforced=agent_fragment("true"),
    changed=agent_fragment("false"),
    initial=agent_fragment("true"),
    documents={
        "an older one": agent_fragment("false").encode(),
        "not a property list": b"whatever somebody put there",
        "nothing in it": b"",
    },
    complete=plistlib.loads,
    shown=(NAME_XML.replace("&apos;", "'").replace("&quot;", '"').partition("<")[0],),
    malformed=(),  # as for a whole file
    malformed_fragments=("<plist>", "<plist><array/></plist>", "no property list"),
    secret=f"<plist><string>password = {CANARY}</string></plist>\n".encode(),
    foreign=lambda _content: [],
)

TOY = "%ProgramFiles(x86)%\\Toy\\toy.exe"
TOYS_PLACE = "C:\\Program Files (x86)\\Toy\\toy.exe"


def link_fragment(*arguments: str) -> str:
    return json.dumps({"command": [TOY, *arguments], "start": True})


SHELL_LINK = Case(
    enforced=link_fragment(),
    changed=link_fragment("--quiet"),
    initial=link_fragment(),
    documents={
        "the user's": explorers_link(TOYS_PLACE),
        "of a 32-bit installer": explorers_link(TOYS_PLACE, variable="%ProgramFiles%\\Toy\\toy.exe"),
        "ours": link_to([TOY]),
        "ours of another place": link_to(["C:\\Toy\\old.exe"]),
    },
    complete=lambda content: LnkParse3.lnk_file(io.BytesIO(content)).get_json(get_all=True),
    shown=(f"target={TOY}",),
    malformed=(
        b"",
        b"garbage",
        b"L" + bytes(75),
        link_to([TOY])[:-1],
        link_to([TOY])[:600],
        link_to([TOY]) + b"x",
        explorers_link(TOYS_PLACE)[:100],
        explorers_link("C:\\Other\\other.exe"),  # whole, but the user's and no way to the client
    ),
    malformed_fragments=("{", "[]", '{"command": []}', '{"command": [], "start": true}', link_fragment("two words")),
    secret=explorers_link(TOYS_PLACE, arguments=f"--password {CANARY}", wide=False),
    foreign=lambda content: [] if is_ours(content) else [content],
    parts=lambda content: [content],
    restored=lambda content: [] if is_ours(content) else [content],  # ours follows the client
)

CASES: dict[str, Case] = {
    "gajim_settings": GAJIM,
    "libpurple_accounts": ACCOUNTS,
    "libpurple_prefs": PREFS,
    "libpurple_blist": BLIST,
    "libpurple_status": STATUS,
    "mozilla_prefs": MOZILLA_PREFS,
    "mozilla_profiles": MOZILLA_PROFILES,
    "desktop_entry": DESKTOP,
    "json_policies": POLICIES,
    "launch_agent": LAUNCH_AGENT,
    "shell_link": SHELL_LINK,
    "whole_file": WHOLE_FILE,
}
#: What conftest.randomised gives.
Randomised = Callable[..., Callable[[Callable[..., None]], Callable[[], None]]]
#: A file that is ours alone is replaced whatever it holds: nothing in it is foreign, and there is nothing to refuse.
OURS_ALONE = {"whole_file", "launch_agent"}

every_format = pytest.mark.parametrize("name", CASES)
every_document = pytest.mark.parametrize(
    ("name", "document"), [(name, document) for name, case in CASES.items() for document in case.documents]
)


def is_subsequence(parts: Iterable[bytes], whole: Iterable[bytes]) -> bool:
    remaining = iter(whole)
    return all(part in remaining for part in parts)


def test_every_format_of_the_registry_has_a_row_here() -> None:
    assert set(CASES) == set(FORMATS)


@every_format
def test_every_format_is_proved_on_documents_that_hold_foreign_parts(name: str) -> None:
    case = CASES[name]
    assert case.documents
    assert any(map(case.foreign, case.documents.values())) is (name not in OURS_ALONE)


@every_format
def test_1_an_absent_document_becomes_a_complete_one(name: str) -> None:
    case = CASES[name]
    content = FORMATS[name].merge(None, case.enforced, case.initial)
    case.complete(content)
    text = FORMATS[name].describe(content)
    for shown in case.shown:
        assert shown in text


@every_format
def test_2_a_new_document_has_nothing_left_to_do(name: str) -> None:
    case = CASES[name]
    content = FORMATS[name].merge(None, case.enforced, case.initial)
    assert FORMATS[name].merge(content, case.enforced, case.initial) is content


@every_document
def test_2_twice_is_once(name: str, document: str) -> None:
    case = CASES[name]
    once = FORMATS[name].merge(case.documents[document], case.enforced, case.initial)
    assert FORMATS[name].merge(once, case.enforced, case.initial) is once


@every_document
def test_3_and_4_what_is_foreign_survives_byte_for_byte_and_in_order(name: str, document: str) -> None:
    case = CASES[name]
    before = case.documents[document]
    first = FORMATS[name].merge(before, case.enforced, case.initial)
    assert is_subsequence(case.foreign(before), case.parts(first))
    second = FORMATS[name].merge(first, case.changed, case.initial)
    assert is_subsequence(case.foreign(before), case.parts(second))
    case.complete(second)


Items = dict[str, str]


def created(before: Items, after: Items) -> Items:
    """The items that a merge brought into a document."""
    return {identity: value for identity, value in after.items() if identity not in before}


@every_format
def test_a_new_document_holds_all_that_the_fragments_ask_for(name: str) -> None:
    case, format_ = CASES[name], FORMATS[name]
    enforced, initial = format_.wanted(case.enforced), format_.wanted(case.initial)
    assert enforced
    assert bool(initial) is bool(case.initial)
    assert format_.wanted(" \n") == {}
    assert format_.items(format_.merge(None, case.enforced, "")).items() >= enforced.items()
    # Desktop entries: the initial fragment is the whole file, where there is none.
    if initial:
        assert format_.items(format_.merge(None, "", case.initial)).items() >= initial.items()


@every_format
def test_an_initial_item_that_the_user_took_back_is_not_laid_again(name: str) -> None:
    case, format_ = CASES[name], FORMATS[name]
    initial = format_.wanted(case.initial)
    for document in case.documents.values():
        assert format_.merge(document, "", case.initial, taken_back=frozenset(initial)) is document
        laid = format_.merge(document, "", case.initial)
        for identity, value in created(format_.items(document), format_.items(laid)).items():
            without = format_.remove(laid, {identity: value})
            assert without is not None
            again = format_.merge(
                without, "", case.initial, taken_back=frozenset(initial) - format_.items(without).keys()
            )
            assert again is without


@every_document
def test_4_only_what_we_own_is_ever_removed(name: str, document: str) -> None:
    case, format_ = CASES[name], FORMATS[name]
    content = case.documents[document]
    merged = format_.merge(content, case.enforced, case.initial)
    before, after = format_.items(content), format_.items(merged)
    without = format_.remove(merged, created(before, after))
    assert without is not None
    assert is_subsequence(case.foreign(content), case.parts(without))
    assert format_.items(without) == {identity: after[identity] for identity in before}
    assert format_.remove(without, created(before, after)) is without
    case.complete(without)
    if before.items() <= after.items():
        assert case.restored(without) == case.restored(content)


@every_document
def test_4_a_value_that_the_user_changed_is_not_removed(name: str, document: str) -> None:
    format_, content = FORMATS[name], CASES[name].documents[document]
    values = {identity: f"{value}x" for identity, value in format_.items(content).items() if value}
    assert format_.remove(content, values) is content
    assert format_.remove(content, {}) is content
    assert format_.remove(content, {"nothing of this name": "", "": "x"}) is content


@every_document
def test_5_nothing_asked_gives_back_the_very_same_object(name: str, document: str) -> None:
    content = CASES[name].documents[document]
    assert FORMATS[name].merge(content, "", " \n") is content


@every_format
def test_6_a_malformed_document_is_refused_with_where_and_what(name: str) -> None:
    case = CASES[name]
    for content in case.malformed:
        with pytest.raises(Refused) as refused:
            FORMATS[name].merge(content, case.enforced, case.initial)
        assert refused.value.where, content[:40]
        assert refused.value.what, content[:40]
    assert bool(case.malformed) is (name not in OURS_ALONE)


@every_format
def test_6_a_malformed_fragment_is_a_mistake_of_the_template_not_of_the_user(name: str) -> None:
    case = CASES[name]
    for fragment in case.malformed_fragments:
        with pytest.raises(ValueError):
            FORMATS[name].merge(None, fragment, "")


@st.composite
def mutated(draw: st.DrawFn, documents: list[bytes]) -> bytes:
    """A real document after a few accidents."""
    content = bytearray(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 64)))
        accident = draw(st.sampled_from(["replace", "cut", "repeat", "truncate", "flip"]))
        if accident == "replace":
            content[start:end] = draw(st.binary(max_size=8))
        elif accident == "cut":
            del content[start:end]
        elif accident == "repeat":
            content[start:start] = content[start:end]
        elif accident == "truncate":
            del content[start:]
        elif content:
            content[min(start, len(content) - 1)] ^= 1 << draw(st.integers(0, 7))
    return bytes(content)


def check_any_bytes(name: str, content: bytes) -> None:
    case, format_ = CASES[name], FORMATS[name]
    assert isinstance(format_.describe(content), str)
    assert all(isinstance(finding, str) for finding in format_.findings(content))
    try:
        once = format_.merge(content, case.enforced, case.initial)
        before = format_.items(content)
        after = format_.items(once)
        without = format_.remove(once, created(before, after))
    except Refused as refused:
        assert refused.what
        return
    assert isinstance(once, bytes)
    assert format_.merge(once, case.enforced, case.initial) is once
    left = format_.items(without) if without is not None else {}
    assert before.keys() <= left.keys() <= after.keys()


@every_format
def test_7_any_bytes_get_an_answer(name: str, randomised: Randomised) -> None:
    @randomised(60)
    @given(
        st.one_of(
            st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
        )
    )
    def check(content: bytes) -> None:
        check_any_bytes(name, content)

    check()


@every_format
def test_7_a_damaged_real_document_gets_an_answer(name: str, randomised: Randomised) -> None:
    @randomised(60)
    @given(mutated(list(CASES[name].documents.values())))
    def check(content: bytes) -> None:
        check_any_bytes(name, content)

    check()


#: What has an existence of its own, unlike the value of a setting or a group that only holds rooms.
THING = re.compile(r"(?:account|chat|status) \S+|room \S+ of \S+|file")


@every_format
def test_the_laws_hold_for_any_document_and_any_fragments(name: str, randomised: Randomised, tried: Any) -> None:
    @randomised()
    @given(pairs(name))
    def check(example: tuple[Pair, bytes | None]) -> None:
        pair, damaged = example
        tried.note(pair.document, pair.enforced, pair.initial)
        assert CANARY not in FORMATS[name].describe(pair.document)
        assert CANARY not in "".join(FORMATS[name].findings(pair.document or b""))
        if damaged is not None:
            check_the_damaged(name, pair, damaged)
        try:
            merged = FORMATS[name].merge(pair.document, pair.enforced, pair.initial, pair.siblings)
        except Refused as refused:
            assert refused.where
            assert refused.what
            tried.refused += 1
            return
        check_the_merge(name, pair, merged)
        check_the_way_back(name, pair, merged)

    check()


def check_the_merge(name: str, pair: Pair, merged: bytes) -> None:
    """Laws 1, 2, 3 and 5 of one merge."""
    case, format_ = CASES[name], FORMATS[name]
    assert format_.merge(merged, pair.enforced, pair.initial, pair.siblings) is merged
    if pair.document is None:
        if merged:
            case.complete(merged)
    else:
        assert_in_order(name, pair.foreign, merged)
        assert format_.merge(pair.document, "", "", pair.siblings) is pair.document


def check_the_way_back(name: str, pair: Pair, merged: bytes) -> None:
    """Law 4, and that what is asked, what is there and what is removed have the same names."""
    format_ = FORMATS[name]
    enforced, initial = format_.wanted(pair.enforced), format_.wanted(pair.initial)
    before = {} if pair.document is None else format_.items(pair.document, pair.siblings)
    # Nothing asked and no file: no bytes.
    after = {} if pair.document is None and not merged else format_.items(merged, pair.siblings)
    # A profile to which we pointed an installation of the user's stays with it.
    ours = {
        identity: value
        for identity, value in created(before, after).items()
        if identity not in {f"profile {after[one]}" for one in before}
    }
    assert created(before, after).keys() <= enforced.keys() | initial.keys(), "only what was asked for is added"
    assert before.keys() <= after.keys(), "a merge removes nothing"
    changed = {identity: value for identity, value in after.items() if before.get(identity, value) != value}
    assert {identity for identity, value in changed.items() if value} <= enforced.keys(), "only enforced values change"
    assert set(filter(THING.fullmatch, enforced)) <= after.keys(), "each thing is there"
    without = format_.remove(merged, ours, pair.siblings) if ours else merged
    if without is None:
        assert not before, "a file in which the user has something is never deleted"
    elif merged:
        left = {identity: value for identity, value in after.items() if identity not in ours}
        assert format_.items(without, pair.siblings) == left
        assert_in_order(name, pair.foreign, without)
        if pair.document is not None and left == before:
            assert CASES[name].restored(without) == CASES[name].restored(pair.document)
    again = format_.merge(pair.document, "", pair.initial, pair.siblings, taken_back=frozenset(initial))
    if pair.document is not None:
        assert again is pair.document, "what was taken back is not laid again"


def check_the_damaged(name: str, pair: Pair, damaged: bytes) -> None:
    """Law 7, and that no finding and no refusal tells a password."""
    format_ = FORMATS[name]
    assert isinstance(format_.describe(damaged), str)  # may show one: a key "assword" is no secret
    assert CANARY not in "".join(format_.findings(damaged))
    calls: list[Callable[[], object]] = [
        lambda: format_.merge(damaged, pair.enforced, pair.initial, pair.siblings),
        lambda: format_.remove(damaged, format_.items(damaged, pair.siblings), pair.siblings),
    ]
    for call in calls:
        try:
            call()
        except Refused as refused:
            assert refused.what
            assert CANARY not in str(refused)


def assert_in_order(name: str, foreign: Iterable[bytes], content: bytes) -> None:
    """Law 3: each foreign part of a generated document stands in the content, one behind the other."""
    if name == "gajim_settings":  # no text: rows
        assert is_subsequence(foreign, CASES[name].parts(content))
        return
    position = 0
    for part in foreign:
        position = content.find(part, position) + len(part)
        assert position >= len(part), part


@every_format
def test_no_secret_is_shown_whatever_is_left_of_the_document(name: str) -> None:
    case, format_ = CASES[name], FORMATS[name]
    assert CANARY.encode() in case.secret
    step = max(1, len(case.secret) // 400)
    cut = [case.secret[:end] for end in range(0, len(case.secret), step)]
    # Marks that Python takes for line ends, and the clients for a part of the secret.
    split = [case.secret.replace(CANARY.encode(), f"x{mark}{CANARY}".encode()) for mark in "\v\f\x1c\x85\u2028"]
    damaged = [case.secret + b"\xff", case.secret + b"<", b"\xef\xbb\xbf" + case.secret]
    for content in [case.secret, *split, *damaged, *cut]:
        assert CANARY not in format_.describe(content)
        assert CANARY not in "".join(format_.findings(content))
        try:
            format_.merge(content, case.enforced, case.initial)
        except Refused as refused:
            assert CANARY not in str(refused)
    assert "********" in format_.describe(case.secret)


@every_format
def test_the_description_of_an_absent_document_is_empty(name: str) -> None:
    assert FORMATS[name].describe(None) == ""
