"""Drift that is planted by hand on a real desk: each is told with its cause, and nothing anywhere is touched."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from homes import Files, add_login, fetch, lay, remove_login
from lab_runs import PROJECT, changed_hosts, on_desk, playbook, report_of
from predictions import TRACES, left_behind

pytestmark = pytest.mark.lab
HOST = "pc-bib-01"
ACCOUNTS, BLIST, PREFS = (f".purple/{name}.xml" for name in ("accounts", "blist", "prefs"))
DOMAIN = "univ-lille.example"
SECRET = "CANARY-IN-CLEAR"
#: Login -> its person. Each login gets one kind of drift, as its name says.
PIDGIN = {
    "deleted": "alice.martin",
    "weakened": "alice.martin",
    "room": "bruno.lefevre",
    "initial": "alice.martin",
    "enforced": "alice.martin",
    "malformed": "alice.martin",
    "foreign": "alice.martin",
    "wish": "dina.haddad",
    "gone": "u00001",
    "waived": "alice.martin",
    "ended": "alice.martin",
    "running": "alice.martin",
}
GAJIM = {"package": "alice.martin"}
PEOPLE: dict[str, dict[str, Any]] = {
    "alice.martin": {},
    "bruno.lefevre": {"rooms": ["equipe"]},
    "dina.haddad": {},
    "u00001": {},
}
WAIVERS = [
    {"login": "waived", "causes": ["user"], "reason": "old server", "by": "M. Petit", "until": "2099-12-31"},
    {"login": "ended", "reason": "holidays", "by": "M. Petit", "until": "2020-01-01"},
    {"login": "nobody", "reason": "unused", "by": "M. Petit", "until": "2099-12-31"},
]


def wishes(**more: Any) -> dict[str, Any]:
    seats = [
        {"login": login, "person": person, "clients": [client]}
        for client, logins in (("pidgin", PIDGIN), ("gajim", GAJIM))
        for login, person in logins.items()
    ]
    enforced = ["auto_reply", "mail_notifications", "rooms"]
    plain = {"im_seats": seats, "im_people": PEOPLE, "im_enforced_preferences": enforced, "im_history_url": ""}
    return {**plain, **more}


def extra_accounts(count: int) -> None:
    subprocess.run([str(PROJECT / "lab" / "lab"), "accounts", str(count)], check=True, capture_output=True)


def edit(login: str, path: str, old: bytes, new: bytes) -> None:
    """Change a file as the person or the client would."""
    (content,) = fetch(HOST, login, path).values()
    assert old in content, content
    lay(HOST, login, {path: content.replace(old, new, 1)})


def between(login: str, path: str, start: bytes, end: bytes) -> bytes:
    """The first part of a file from ``start`` to ``end``, both included."""
    (content,) = fetch(HOST, login, path).values()
    begin = content.index(start)
    return content[begin : content.index(end, begin) + len(end)]


def plant() -> None:
    weaker = (b">require_tls<", b">opportunistic_tls<")
    for login in ("weakened", "waived", "ended", "running"):
        edit(login, ACCOUNTS, *weaker)
    account = between("deleted", ACCOUNTS, b"\t<account>", b"</account>\n")
    edit("deleted", ACCOUNTS, account, b"")
    edit("room", BLIST, between("room", BLIST, b"<chat ", b"</chat>"), b"")
    edit(
        "initial",
        PREFS,
        b"name='mins_before_away' type='int' value='10'",
        b"name='mins_before_away' type='int' value='25'",
    )
    edit("initial", ACCOUNTS, b"</name>", f"</name><password>{SECRET}</password>".encode())
    edit("enforced", PREFS, b"type='string' value='never'", b"type='string' value='awayidle'")
    edit("malformed", PREFS, b"</pref>\n</pref>", b"")
    other = account.replace(b"alice.martin@", b"bruno.lefevre@")
    edit("foreign", ACCOUNTS, account, account + other)
    extra_accounts(0)
    on_desk(HOST, "dpkg --remove gajim")
    on_desk(HOST, "mkdir -p /usr/local/bin/toy && cp /bin/sleep /usr/local/bin/toy/pidgin")
    on_desk(HOST, "su - running -c 'setsid /usr/local/bin/toy/pidgin 3000 >/dev/null 2>&1 < /dev/null &'")


@pytest.fixture(scope="module")
def desk() -> Iterator[None]:
    """A desk on which everything was deployed, and then something went wrong in each home but one."""
    extra_accounts(1)
    for login in (*PIDGIN, *GAJIM):
        add_login(HOST, login)
    try:
        done = playbook("site.yml", "--limit", HOST, extra=wishes())
        assert done.returncode == 0, done.stdout
        plant()
        yield
    finally:
        for login in (*PIDGIN, *GAJIM):
            remove_login(HOST, login)
        on_desk(HOST, "rm -rf /usr/local/bin/toy")
        extra_accounts(0)


def audit(**extra: Any) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Run the audit; it must leave no trace."""
    before = {HOST: on_desk(HOST, TRACES)}
    run = playbook("compliance.yml", "--limit", HOST, extra=wishes(**extra))
    assert left_behind(before, {HOST: on_desk(HOST, TRACES)}) == []
    assert set(changed_hosts(run).values()) == {0}, run.stdout
    return run, report_of(run)


def by_login(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["login"]: row for row in report["rows"]}


def causes(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(cause["code"], cause["document"]) for cause in row["causes"]]


def homes() -> dict[str, Files]:
    return {login: fetch(HOST, login) for login in (*PIDGIN, *GAJIM)}


def test_each_drift_is_told_with_its_cause_and_nothing_is_changed(desk: None) -> None:
    before = homes()
    changed_mind = {**PEOPLE, "dina.haddad": {"preferences": {"auto_reply": "away"}}}
    run, report = audit(im_people=changed_mind, im_waivers=WAIVERS)
    assert homes() == before
    assert run.returncode == 2, run.stdout
    rows = by_login(report)
    assert {login: (row["state"], causes(row)) for login, row in rows.items()} == {
        "deleted": ("drift", [("user", ACCOUNTS)]),
        "weakened": ("drift", [("user", ACCOUNTS)]),
        "room": ("drift", [("user", BLIST)]),
        "initial": ("compliant", [("clear_password", "")]),
        "enforced": ("drift", [("user", PREFS)]),
        "malformed": ("refused", [("malformed", PREFS)]),
        "foreign": ("drift", [("foreign_account", ACCOUNTS)]),
        "wish": ("drift", [("wish", PREFS)]),
        "gone": ("drift", [("account", "")]),
        "waived": ("waived", [("user", ACCOUNTS)]),
        "ended": ("drift", [("user", ACCOUNTS)]),
        "running": ("drift", [("user", ACCOUNTS), ("running", "")]),
        "package": ("drift", [("package_missing", "")]),
    }
    (weaker,) = rows["weakened"]["causes"]
    assert weaker["items"] == [f"account alice.martin@{DOMAIN} setting connection_security"]
    assert "require_tls" in rows["weakened"]["diff"][0]["after"]
    assert rows["foreign"]["causes"][0]["items"] == [f"bruno.lefevre@{DOMAIN}"]
    assert rows["gone"]["verdict"] == "absent"
    assert rows["package"]["causes"][0]["items"] == ["gajim"]
    assert rows["waived"]["waiver"] == {"reason": "old server", "by": "M. Petit", "until": "2099-12-31"}
    assert [waiver["status"] for waiver in report["waivers"]] == ["active", "expired", "unused"]
    assert "Dérogation expirée le 2020-01-01 (login ended ; M. Petit : holidays)" in run.stdout
    assert report["states"]["drift"] == 10 and report["mode"] == "audit"
    page = (PROJECT / "reports" / "compliance" / "latest.html").read_text(encoding="utf-8")
    assert f"html: {PROJECT / 'reports' / 'compliance' / 'latest.html'}" in run.stdout and "weakened" in page
    assert SECRET not in json.dumps(report) + run.stdout + page


def test_an_old_package_and_a_certificate_near_its_end_are_told(desk: None) -> None:
    seat = {"login": "initial", "person": "alice.martin", "clients": ["pidgin"]}
    # The certificate of the lab is good for a year.
    more = {"im_seats": [seat], "im_minimum_versions": {"pidgin": "9"}, "im_server_soon_days": 400}
    run, report = audit(**more)
    (row,) = report["rows"]
    assert [cause["code"] for cause in row["causes"]] == ["package_old", "certificate", "clear_password"]
    assert row["causes"][1]["items"] == ["certificate_expires_soon"]
    assert (row["state"], run.returncode) == ("drift", 2)


def test_a_host_that_is_off_shows_what_it_last_was_and_the_run_ends_with_four(desk: None, tmp_path: Path) -> None:
    seat = {"login": "initial", "person": "alice.martin", "clients": ["pidgin"]}
    more = {"im_seats": [seat], "im_history_url": str(tmp_path / "history.sqlite")}
    run, first = audit(**more)
    assert run.returncode == 0, run.stdout
    off = playbook("compliance.yml", "--limit", HOST, extra=wishes(ansible_port=9, **more))
    (row,) = report_of(off)["rows"]
    assert off.returncode == 4, off.stdout
    assert (row["state"], row["since"]) == ("unreachable", report_of(off)["at"])
    assert row["last_known"] == {"state": "compliant", "at": first["at"]}
    assert first["rows"][0]["since"] == first["at"]
    assert f"dernier état connu : conforme, le {first['at']}" in off.stdout


def test_what_may_be_mended_is_and_what_is_waived_or_not_ours_stays(desk: None) -> None:
    before = homes()
    run = playbook("compliance.yml", "--limit", HOST, extra=wishes(im_waivers=WAIVERS, im_compliance_enforce=True))
    rows = by_login(report_of(run))
    assert {login: row["state"] for login, row in rows.items()} == {
        **dict.fromkeys(("deleted", "weakened", "room", "enforced", "ended"), "changed"),
        **dict.fromkeys(("initial", "wish", "package"), "compliant"),
        **{"malformed": "refused", "foreign": "drift", "gone": "drift", "waived": "waived", "running": "deferred"},
    }, run.stdout
    assert run.returncode == 2
    after = homes()
    for login in ("initial", "malformed", "foreign", "waived", "running"):
        assert after[login] == before[login]
    assert b">require_tls<" in after["weakened"][ACCOUNTS]
    assert f"<name>alice.martin@{DOMAIN}<".encode() in after["deleted"][ACCOUNTS]
    _, report = audit(im_waivers=WAIVERS)
    assert report["states"] == {
        **dict.fromkeys(report["states"], 0),
        **{"compliant": 8, "waived": 1, "refused": 1, "drift": 3},
    }
