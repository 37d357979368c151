"""Odd homes and profiles made by hand, all through one run of the whole playbook, and through a second one."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from homes import Files, add_login, fetch, lay, remove_login
from lab_runs import on_desk, playbook, report_of
from lived_in import GAJIM_ACCOUNT, ThunderbirdLife, read_prefs, sqlite_file, sqlite_rows

pytestmark = pytest.mark.lab

HOST = "pc-bib-01"
PERSON, JID = "alice.martin", "alice.martin@univ-lille.example"
ACCOUNTS, PREFS_XML, GAJIM = ".purple/accounts.xml", ".purple/prefs.xml", ".config/gajim/settings.sqlite"
PREFS_JS, PROFILES = ".thunderbird/perso.original/prefs.js", ".thunderbird/profiles.ini"
OTHER_PREFS_JS = ".thunderbird/autre.default/prefs.js"
MINE = "moi@ailleurs.example"


def accounts_xml(name: str, encoding: str = "UTF-8") -> bytes:
    """An accounts.xml with one XMPP account, in Pidgin's hand."""
    text = f"""<?xml version='1.0' encoding='{encoding}' ?>

<account version='1.0'>
	<account>
		<protocol>prpl-jabber</protocol>
		<name>{name}</name>
		<password>à-moi-&lt;seul&gt;</password>
		<alias>Moi, l&apos;été</alias>
		<settings>
			<setting name='connect_server' type='string'></setting>
			<setting name='unknown' type='string'>kept</setting>
		</settings>
		<settings ui='gtk-gaim'>
			<setting name='auto-login' type='bool'>1</setting>
		</settings>
	</account>
</account>
"""
    return text.encode("latin-1" if encoding != "UTF-8" else "utf-8")


def gajim(row: str = "perso", address: str = MINE, user_version: int = 7) -> bytes:
    """A settings.sqlite with one account under a row key of the person's own choice."""
    name, _, domain = address.partition("@")
    account = {"name": name, "hostname": domain, "address": address, "active": True, "account_label": "À moi"}
    rows = ["soundevents", "proxies", "plugins"] + ["workspaces", "window_sizes"] * (user_version > 6)
    return sqlite_file(
        "CREATE TABLE settings (name TEXT UNIQUE, settings TEXT)",
        "CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT)",
        ("INSERT INTO settings VALUES ('app', ?)", json.dumps({"autoawaytime": 7})),
        *[("INSERT INTO settings VALUES (?, '{}')", name) for name in rows],
        (
            GAJIM_ACCOUNT.format(row),
            json.dumps({"account": account, "contact": {}, "group_chat": {}}),
        ),
        user_version=user_version,
    )


def thunderbird(name: str = MINE, extra: bytes = b"", eol: bytes = b"\n", head: bytes = b"") -> Files:
    """A profile with one chat account, chosen by the Install section of Debian's Thunderbird among two of each."""
    ini = (
        f"[{ThunderbirdLife.INSTALL}]\nDefault=perso.original\nLocked=1\n\n"
        "[Install4F96D1932A9F858E]\nDefault=autre.default\n\n"
        "[Profile1]\nName=autre\nIsRelative=1\nPath=autre.default\nDefault=1\n\n"
        "[Profile0]\nName=à moi\nIsRelative=1\nPath=perso.original\n\n[General]\nStartWithLastProfile=1\nVersion=2\n"
    )
    prefs = "".join(
        f"user_pref({json.dumps(key)}, {json.dumps(value, ensure_ascii=False)});\n"
        for key, value in {
            "mail.account.account1.server": "server1",
            "mail.accountmanager.accounts": "account1",
            "mail.server.server1.hostname": "prpl-jabber",
            "mail.server.server1.imAccount": "account1",
            "mail.server.server1.type": "im",
            "mail.server.server1.userName": name,
            "messenger.account.account1.alias": "Moi, l'été",
            "messenger.account.account1.name": name,
            "messenger.account.account1.prpl": "prpl-jabber",
        }.items()
    )
    content = head + (prefs.encode() + extra).replace(b"\n", eol)
    return {PREFS_JS: content, PROFILES: ini.encode(), OTHER_PREFS_JS: b'user_pref("autre", "intact");\n'}


@dataclass(frozen=True)
class Case:
    """One login: what it has, what becomes of it.

    state: of the first run; "changed" has to be compliant in the second, anything else has to stay what it is.
    tells: what the report has to say.
    altered: beginnings of the lines that the merge may replace; all others stay, in their order.
    prepare: shell command of root after the files are laid, or what disk the home is on: "read-only", "full".
    home: where it is, when not where homes are.
    """

    name: str
    client: str
    files: Files
    state: str = "changed"
    tells: str = ""
    altered: tuple[bytes, ...] = ()
    prepare: str = ""
    home: str = ""

    def __str__(self) -> str:
        return self.name


LISTS = (b'user_pref("mail.accountmanager.accounts"', b'user_pref("mail.account.lastKey"')
CRLF = accounts_xml(MINE).replace(b"\n", b"\r\n")
STRANGE = "/srv/Élèves d'été"
BOM = b"\xef\xbb\xbf"
BIG = b"".join(b'user_pref("extensions.big.key%07d", "%s");\n' % (number, b"x" * 200) for number in range(42_000))

CASES = [
    Case("pidgin-same-jid-by-hand", "pidgin", {ACCOUNTS: accounts_xml(JID)}),
    Case("pidgin-same-jid-in-other-case", "pidgin", {ACCOUNTS: accounts_xml(JID.title())}),
    Case("pidgin-same-jid-with-a-resource", "pidgin", {ACCOUNTS: accounts_xml(f"{JID}/Maison d&apos;été")}),
    Case("pidgin-byte-order-mark", "pidgin", {ACCOUNTS: BOM + accounts_xml(MINE)}),
    Case("pidgin-crlf", "pidgin", {ACCOUNTS: CRLF}),
    Case("pidgin-latin-1", "pidgin", {ACCOUNTS: accounts_xml(MINE, "ISO-8859-1")}, "refused", ACCOUNTS),
    Case(
        "pidgin-accounts-behind-a-link",
        "pidgin",
        {"dotfiles/accounts.xml": accounts_xml(MINE), PREFS_XML: b"<pref version='1' name='/'>\n</pref>\n"},
        prepare="su - {login} -c 'ln -s ../dotfiles/accounts.xml .purple/accounts.xml'",
        altered=(b"<pref version",),
    ),
    Case("gajim-same-jid-under-another-key", "gajim", {GAJIM: gajim("perso", JID)}),
    Case("gajim-another-account", "gajim", {GAJIM: gajim()}),
    Case("gajim-newer-than-known", "gajim", {GAJIM: gajim(user_version=99)}, "refused", "99"),
    Case(
        "gajim-of-before-1.3",
        "gajim",
        {".config/gajim/config": b"accounts.perso.name = moi\naccounts.perso.hostname = ailleurs.example\n"},
        "refused",
        "start Gajim once so that it does",
    ),
    Case("thunderbird-two-profiles", "thunderbird", thunderbird(), altered=LISTS),
    Case("thunderbird-same-jid-in-other-case", "thunderbird", thunderbird(JID.title()), altered=LISTS),
    Case("thunderbird-byte-order-mark", "thunderbird", thunderbird(head=BOM), altered=LISTS),
    Case("thunderbird-crlf", "thunderbird", thunderbird(eol=b"\r\n"), altered=LISTS),
    Case("thunderbird-ten-megabytes", "thunderbird", thunderbird(extra=BIG), altered=LISTS),
    Case("home-of-a-strange-name", "pidgin", {ACCOUNTS: accounts_xml(MINE)}, home=f"{STRANGE}/vie à part"),
    Case("home-missing", "pidgin", {}, "failed", "home", prepare="rm -rf {home}"),
    Case("home-read-only", "pidgin", {ACCOUNTS: accounts_xml(MINE)}, "refused", "read-only", prepare="read-only"),
    Case("home-on-a-full-disk", "pidgin", {ACCOUNTS: accounts_xml(MINE)}, "failed", "no space", prepare="full"),
]
LOGINS = {case.name: f"main{number:02}" for number, case in enumerate(CASES)}


@dataclass(frozen=True)
class Results:
    """Rows of the report and files of the homes, by case: before, after the first run, after the second."""

    rows: list[dict[str, dict[str, Any]]]
    files: list[dict[str, Files]]


def home_of(case: Case) -> str:
    return case.home or f"/home/{LOGINS[case.name]}"


def mount(case: Case) -> None:
    """Give the login a small disk of its own as its home: one that is read-only, or one that is full.

    A desk's root may not mount; the lab's may, from outside.
    """
    home, login = shlex.quote(home_of(case)), LOGINS[case.name]
    script = f"mount -t tmpfs -o size=128k,uid=$(id -u {login}),mode=0700 tmpfs {home}"
    _outside(script)
    lay(HOST, login, case.files)
    if case.prepare == "full":
        on_desk(HOST, f"su - {login} -c 'head -c 1M /dev/zero > ballast' 2>/dev/null; true")
    else:
        _outside(f"mount -o remount,ro {home}")


def _outside(script: str) -> None:
    container = f"{os.environ.get('LAB_PREFIX', 'im-lab')}-{HOST}"
    done = subprocess.run(
        ["podman", "exec", "--privileged", container, "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def prepare(case: Case) -> None:
    login = LOGINS[case.name]
    add_login(HOST, login, case.home)
    if case.prepare in ("read-only", "full"):
        mount(case)
        return
    lay(HOST, login, case.files)
    if case.prepare:
        on_desk(HOST, case.prepare.format(login=login, home=shlex.quote(home_of(case))))


def files_of(case: Case) -> Files:
    return {} if case.name == "home-missing" else fetch(HOST, LOGINS[case.name])


@pytest.fixture(scope="module")
def results() -> Iterator[Results]:
    """All cases prepared, and two runs of the playbook over all of them at once."""
    seats = [{"login": LOGINS[case.name], "person": PERSON, "clients": [case.client]} for case in CASES]
    try:
        on_desk(HOST, f"mkdir -p {shlex.quote(STRANGE)}")
        for case in CASES:
            prepare(case)
        rows, files = [], [{case.name: files_of(case) for case in CASES}]
        for _ in range(2):
            run = playbook("site.yml", "--limit", HOST, extra={"im_seats": seats})
            by_login = {row["login"]: row for row in report_of(run)["rows"]}
            rows.append({case.name: by_login[LOGINS[case.name]] for case in CASES})
            files.append({case.name: files_of(case) for case in CASES})
        yield Results(rows, files)
    finally:
        for case in CASES:
            if case.prepare in ("read-only", "full"):
                _outside(f"umount {shlex.quote(home_of(case))} 2>/dev/null; true")
            remove_login(HOST, LOGINS[case.name])
        on_desk(HOST, f"rm -rf {shlex.quote(STRANGE)}")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_run_does_what_it_should_and_the_second_one_agrees(results: Results, case: Case) -> None:
    first, second = (rows[case.name] for rows in results.rows)
    assert first["state"] == case.state, first
    assert case.tells in first["detail"]
    assert second["state"] == ("compliant" if case.state == "changed" else case.state), second
    assert results.files[2][case.name] == results.files[1][case.name]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_byte_of_the_person_is_lost(results: Results, case: Case) -> None:
    before, after = results.files[0][case.name], results.files[1][case.name]
    if case.state != "changed":
        assert after == before
        return
    assert after.keys() >= before.keys()
    for path, content in before.items():
        if path == GAJIM:
            _check_gajim(case, content, after[path])
        else:
            lost = [line for line in _not_kept(content, after[path]) if not line.startswith(case.altered or (b"\0",))]
            assert lost == [], (path, lost[:3])
    assert _count_of_our_account(case, after) == 1


def _not_kept(before: bytes, after: bytes) -> list[bytes]:
    """The lines of ``before`` that ``after`` does not have in the same order, ends of lines included."""
    lines = after.splitlines(keepends=True)
    there, rest = set(lines), iter(lines)
    # "in" moves the iterator on to just behind the line.
    return [line for line in before.splitlines(keepends=True) if line not in there or line not in rest]


def _check_gajim(case: Case, before: bytes, after: bytes) -> None:
    rows = dict(sqlite_rows(after, "account_settings"))
    for key, row in sqlite_rows(before, "account_settings"):
        account, now = (json.loads(text)["account"] for text in (row, rows[key]))
        assert account.items() <= now.items()
        if account["address"] != JID:
            assert rows[key] == row
    others = dict(sqlite_rows(after, "settings"))
    for name, row in sqlite_rows(before, "settings"):
        assert others[name] == row if name != "app" else json.loads(row).items() <= json.loads(others[name]).items()


def _count_of_our_account(case: Case, files: Files) -> int:
    if case.client == "gajim":
        rows = sqlite_rows(files[GAJIM], "account_settings")
        return sum(json.loads(row)["account"]["address"].casefold() == JID for _, row in rows)
    if case.client == "thunderbird":
        names = [
            value
            for name, value in read_prefs(files[PREFS_JS]).items()
            if name.startswith("messenger.account.") and name.endswith(".name")
        ]
        return sum(value.casefold() == JID for value in names)
    link = files[ACCOUNTS].startswith(b"-> ")
    return files["dotfiles/accounts.xml" if link else ACCOUNTS].lower().count(f"<name>{JID}".encode())
