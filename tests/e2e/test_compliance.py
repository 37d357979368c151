"""Every kind of drift, planted by hand on real desks and a real server: told with its cause, and nothing is touched."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import compliance_lab
import people_servers
import pytest
from ansible.module_utils.im_causes import CODES
from ansible.module_utils.im_exports import FILES
from compliance_lab import ACCOUNTS, AFAR, AWAY, BLIST, DESK, FAR, LOGINS, OFF, PREFS, SECRET, SERVER, WAIVERS
from homes import Files, add_login, fetch, remove_login
from lab_runs import PROJECT, changed_hosts, on_desk, playbook, report_of
from lab_servers import lab
from predictions import TRACES, left_behind

pytestmark = pytest.mark.lab
Told = tuple[subprocess.CompletedProcess[str], dict[str, Any]]
DOMAIN = "prosody13.example"
EVERYWHERE = f"{DESK}:{FAR}:{OFF}"
EXPORTS = PROJECT / "reports" / "compliance"
#: As it was deployed, but for what was planted and a wish that changed.
CHANGED_MIND = {**compliance_lab.people(DOMAIN), "dina.haddad": {"preferences": {"auto_reply": "away"}}}


class Site:
    """Runs of the playbooks over these desks, with one history."""

    def __init__(self, directory: Path) -> None:
        self._wishes = partial(compliance_lab.wishes, directory / "history.sqlite")
        self._inventory = partial(compliance_lab.inventory, directory)

    def run(
        self, name: str, limit: str, *, fresh: bool = True, off: bool = True, **extra: Any
    ) -> subprocess.CompletedProcess[str]:
        hosts = self._inventory(fresh=fresh, off=off)
        arguments = ("-i", "inventories/demo", "-i", str(hosts), "--limit", limit)
        return playbook(name, *arguments, extra=self._wishes(**extra))

    def audit(self, limit: str = EVERYWHERE, **extra: Any) -> Told:
        """Run the audit; neither a desk nor what a person keeps on the server may be other than before it."""
        before = _seen()
        run = self.run("compliance.yml", limit, **extra)
        assert left_behind(before, _seen()) == []
        assert set(changed_hosts(run).values()) == {0}, run.stdout
        return run, report_of(run)


def _seen() -> dict[str, str]:
    """Bytes, modes, owners, inodes and times of the desks' homes and of what they keep, and a person's things."""
    looks = f"{TRACES}; {compliance_lab.SUMS}"
    kept = people_servers.kept(people_servers.server_of(SERVER), "zoe.obrien")
    return {host: on_desk(host, looks) for host in (DESK, FAR)} | {SERVER: repr(kept)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything is deployed, an audit finds it so, and then something goes wrong in each place but one."""
    people_servers.start_all_servers()
    server = people_servers.server_of(SERVER)
    lab("accounts", "2", "--server", SERVER)
    for login in LOGINS:
        add_login(DESK, login)
    for login in (AFAR, AWAY):
        add_login(FAR, login)
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        done = made.run("site.yml", f"{DESK}:{FAR}", fresh=False)
        assert done.returncode == 0, done.stdout
        _, report = made.audit(fresh=False, off=False)
        assert {row["login"]: row["state"] for row in report["rows"] if row["state"] != "compliant"} == {AWAY: "drift"}
        compliance_lab.plant_on_the_desks()
        compliance_lab.plant_on_the_server()
        with compliance_lab.certificate_near_its_end():
            yield made
    finally:
        for login in LOGINS:
            remove_login(DESK, login)
        for login in (AFAR, AWAY):
            remove_login(FAR, login)
        compliance_lab.mend_the_desks()
        lab("accounts", "0", "--server", SERVER)
        for person in ("zoe.obrien", "bruno.lefevre"):
            people_servers.clear(server, person)


@pytest.fixture(scope="module")
def told(site: Site) -> Told:
    """One audit of all that was planted."""
    everything = {"im_people": CHANGED_MIND, "im_waivers": WAIVERS, "im_minimum_versions": {"thunderbird": "9:0"}}
    return site.audit(**everything, im_compliance_exports=list(FILES))


def by_login(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["login"]: row for row in report["rows"]}


def causes(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The causes of a row but for the certificate, which all rows share."""
    found = [(cause["code"], cause["document"]) for cause in row["causes"] if cause["code"] != "certificate"]
    return list(dict.fromkeys(found))


def items(row: dict[str, Any], code: str) -> list[str]:
    return [item for cause in row["causes"] if cause["code"] == code for item in cause["items"]]


def test_each_drift_is_told_with_its_cause(told: Told) -> None:
    run, report = told
    assert run.returncode == 2, run.stdout
    rows = by_login(report)
    fresh = rows.pop("fresh")
    assert (fresh["state"], {code for code, _ in causes(fresh)}) == ("drift", {"first"})
    assert {login: (row["state"], causes(row)) for login, row in rows.items()} == {
        "deleted": ("drift", [("user", ACCOUNTS)]),
        "weakened": ("drift", [("user", ACCOUNTS)]),
        "room": ("drift", [("user", BLIST)]),
        "rewritten": ("drift", [("client", ACCOUNTS)]),
        "initial": ("compliant", [("clear_password", "")]),
        "enforced": ("drift", [("user", PREFS)]),
        "malformed": ("refused", [("malformed", PREFS)]),
        "foreign": ("drift", [("foreign_account", ACCOUNTS)]),
        "wish": ("drift", [("wish", PREFS)]),
        "disabled": ("drift", [("account", "")]),
        "gone": ("drift", [("account", "")]),
        "contact": ("drift", [("server", "")]),
        "waived": ("waived", [("user", ACCOUNTS)]),
        "ended": ("drift", [("user", ACCOUNTS)]),
        "running": ("drift", [("user", ACCOUNTS), ("running", "")]),
        "package": ("drift", [("package_missing", "")]),
        AFAR: ("drift", [("package_old", ""), ("reach", "")]),
        AWAY: ("unreachable", [("unreachable", "")]),
    }
    assert report["mode"] == "audit"
    assert items(rows["weakened"], "user") == [f"account alice.martin@{DOMAIN} setting connection_security"]
    assert "require_tls" in rows["weakened"]["diff"][0]["after"]
    assert items(rows["rewritten"], "client") == [f"account bruno.lefevre@{DOMAIN} alias"]
    assert items(rows["foreign"], "foreign_account") == [f"bruno.lefevre@{DOMAIN}"]
    assert items(rows["package"], "package_missing") == ["gajim"]
    assert items(rows["contact"], "server") == ["contacts"]
    assert items(rows[AFAR], "reach") == ["refused"]
    assert items(rows[AFAR], "package_old")[0].endswith(" < 9:0")
    # Nobody's password of these two is known: the administrator's account told.
    assert [rows[login]["verdict"] for login in ("disabled", "gone")] == ["account_disabled", "absent"]
    assert "Le compte est désactivé sur le serveur" in run.stdout


def test_a_certificate_near_its_end_is_told_everywhere_and_makes_no_seat_drift(told: Told) -> None:
    run, report = told
    assert {tuple(items(row, "certificate")) for row in report["rows"]} == {("certificate_expires_soon",)}
    (rule,) = [rule for rule in report["service"] if rule["id"] == "certificate_expires_soon"]
    assert rule["detail"] in run.stdout
    assert by_login(report)["initial"]["state"] == "compliant"


def test_waivers_are_counted_apart_and_those_that_ran_out_stand_in_every_export(told: Told) -> None:
    run, report = told
    rows = by_login(report)
    assert rows["waived"]["waiver"] == {"reason": "old server", "by": "M. Petit", "until": "2099-12-31"}
    assert [waiver["status"] for waiver in report["waivers"]] == ["active", "expired", "unused"]
    assert report["states"]["waived"] == 1
    ended = f"Dérogation expirée le 01/01/2020 (M. Petit : {compliance_lab.HOSTILE})."
    assert ended in run.stdout
    written = {kind: (EXPORTS / FILES[kind].name).read_text(encoding="utf-8") for kind in FILES}
    assert "Dérogation expirée le 01/01/2020 (M. Petit : Zoë" in written["csv"].replace("''", "'")
    assert "Dérogation expirée le 01/01/2020 (M. Petit : Zoë" in written["junit"]
    assert "Dérogation expirée le 01/01/2020 (M. Petit : Zoë" in written["html"]
    assert rows["ended"]["expired_waivers"][0]["reason"] == compliance_lab.HOSTILE
    lines = [json.loads(line) for line in written["json_lines"].splitlines()]
    assert [line["login"] for line in lines if line["expired_waivers"]] == ["ended"]
    assert 'im_compliance_waivers{status="expired"} 1' in written["prometheus"]
    assert SECRET not in json.dumps(report) + run.stdout + "".join(written.values())


def test_a_host_that_is_silent_shows_what_it_last_was_and_how_long_ago(told: Told) -> None:
    run, report = told
    row = by_login(report)[AWAY]
    known = row["last_known"]
    assert known["state"] == "drift"
    assert 0 <= known["age"] < 3600
    sentence = f"écart, le {known['at'][8:10]}/{known['at'][5:7]}/{known['at'][:4]} {known['at'][11:16]} UTC (il y a "
    assert f"dernier état connu : {sentence}" in run.stdout
    for kind in ("html", "csv", "junit"):
        assert sentence in (EXPORTS / FILES[kind].name).read_text(encoding="utf-8"), kind
    assert row["since"] == report["at"]


def test_only_silent_hosts_end_the_run_with_four(site: Site) -> None:
    run, report = site.audit(OFF)
    assert run.returncode == 4, run.stdout
    assert report["states"]["unreachable"] == len(report["rows"]) == 1


def test_what_may_be_mended_is_and_what_is_waived_or_not_ours_stays(site: Site, told: Told) -> None:
    def homes() -> dict[str, Files]:
        return {login: fetch(DESK, login) for login in LOGINS}

    before = homes()
    wishes = {"im_people": CHANGED_MIND, "im_waivers": WAIVERS}
    run = site.run("compliance.yml", f"{DESK}:{FAR}", im_compliance_enforce=True, **wishes)
    left = {"malformed": "refused", "waived": "waived", **dict.fromkeys(("foreign", "disabled", "gone", AFAR), "drift")}
    mended = ("deleted", "weakened", "room", "rewritten", "enforced", "ended", "wish", "fresh")
    fine = ("initial", "contact", "package")
    assert {login: row["state"] for login, row in by_login(report_of(run)).items()} == {
        **dict.fromkeys(mended, "changed"), **dict.fromkeys(fine, "compliant"), **left, "running": "deferred",
    }, run.stdout  # fmt: skip
    assert run.returncode == 2
    after = homes()
    for login in ("initial", "malformed", "foreign", "waived", "running"):
        assert after[login] == before[login]
    assert b">require_tls<" in after["weakened"][ACCOUNTS]
    assert f"<name>alice.martin@{DOMAIN}<".encode() in after["deleted"][ACCOUNTS]
    contacts = people_servers.kept(people_servers.server_of(SERVER), "zoe.obrien").contacts
    assert list(contacts) == [f"bruno.lefevre@{DOMAIN}"]
    # This time the account that is disabled is asked with its password.
    run, report = site.audit(
        f"{DESK}:{FAR}", **wishes, im_accounts_passwords={"u00001": compliance_lab.extra_password()}
    )
    rows = by_login(report)
    assert {login: row["state"] for login, row in rows.items()} == {
        **dict.fromkeys((*mended, *fine), "compliant"), **left, "running": "drift",
    }, run.stdout  # fmt: skip
    assert rows["disabled"]["verdict"] == "account_disabled"


def test_every_cause_of_the_list_was_planted_and_told(told: Told) -> None:
    _, report = told
    assert {cause["code"] for row in report["rows"] for cause in row["causes"]} == set(CODES)
