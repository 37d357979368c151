"""What a colleague sees: predictions that hold, refusals that lose nothing, honest rows, and no secret anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from homes import add_login, remove_login
from lab_runs import PROJECT, changed_hosts, on_desk, playbook, report_of
from predictions import TALLY

pytestmark = pytest.mark.lab
HOST, LOGIN = "pc-bib-01", "essai"
OTHER_ACCOUNT = """<?xml version='1.0' encoding='UTF-8' ?>

<account version='1.0'>
	<account>
		<protocol>prpl-irc</protocol>
		<name>me@irc.example</name>
		<password>CANARY-OF-THE-USER</password>
	</account>
</account>
"""


def seats(*clients: str, person: str = "alice.martin") -> dict[str, Any]:
    return {"im_seats": [{"login": LOGIN, "person": person, "clients": list(clients)}]}


@pytest.fixture
def login() -> Iterator[str]:
    """A fresh login on the desk, removed afterwards with its home and what runs in its name."""
    add_login(HOST, LOGIN)
    yield LOGIN
    remove_login(HOST, LOGIN)
    on_desk(HOST, "rm -rf /usr/local/bin/toy")


def lay(path: str, content: str) -> None:
    """Write a file of the login's as the login would."""
    on_desk(HOST, f"su - {LOGIN} -c 'umask 077; mkdir -p $(dirname {path}) && cat > {path}'", secret=content)


def checksums() -> str:
    return on_desk(HOST, f"cd ~{LOGIN} && find . -type f -o -type l | sort | xargs -r sha256sum")


def rows(run: Any) -> dict[str, dict[str, Any]]:
    return {row["client"]: row for row in report_of(run)["rows"]}


def test_what_check_mode_predicts_is_what_the_run_does_document_by_document(login: str) -> None:
    lay(".purple/accounts.xml", OTHER_ACCOUNT)
    compared = replace(TALLY)
    done = playbook("site.yml", "--limit", HOST, extra=seats("gajim", "pidgin"))  # compares, as all of these tests do
    assert done.returncode == 0, done.stdout
    assert (TALLY.runs, TALLY.rows) == (compared.runs + 1, compared.rows + 2)
    assert TALLY.documents - compared.documents >= len(rows(done)["pidgin"]["documents"]) >= 5
    assert TALLY.diffs - compared.diffs >= 6
    again = playbook("site.yml", "--limit", HOST, "--check", extra=seats("gajim", "pidgin"))
    assert {row["state"] for row in rows(again).values()} == {"compliant"}


def test_no_secret_of_anybody_is_shown_or_kept(login: str) -> None:
    lay(".purple/accounts.xml", OTHER_ACCOUNT)
    secrets = json.loads((PROJECT / ".lab" / "secrets.json").read_text(encoding="utf-8"))
    run = playbook("site.yml", "--limit", HOST, "--diff", "-vvv", extra=seats("pidgin"))
    assert run.returncode == 0, run.stdout
    assert "CANARY-OF-THE-USER" in on_desk(HOST, f"cat ~{LOGIN}/.purple/accounts.xml")
    shown = run.stdout + run.stderr + json.dumps(report_of(run))
    shown += on_desk(HOST, "grep -rlsa CANARY-OF-THE-USER /tmp /var/tmp /root/.ansible /home/ansible /var/log; true")
    for secret in ("CANARY-OF-THE-USER", *secrets.values()):
        assert secret not in shown
    # Files travel compressed and in base64, which hides a canary but no secret: none of that may be shown either.
    assert '"content"' not in shown and "censored due to no log" in shown
    kept = on_desk(
        HOST, f"stat -c '%U %a' /var/lib/im_client/backups/{LOGIN}/*/.purple/accounts.xml /var/lib/im_client"
    )
    assert set(kept.splitlines()) == {"root 600", "root 711"}


def test_nothing_is_written_under_a_running_client_and_nothing_is_killed(login: str) -> None:
    on_desk(HOST, "mkdir -p /usr/local/bin/toy && cp /bin/sleep /usr/local/bin/toy/pidgin")
    on_desk(HOST, f"su - {LOGIN} -c 'setsid /usr/local/bin/toy/pidgin 3000 >/dev/null 2>&1 < /dev/null &'")
    before = checksums()
    run = playbook("site.yml", "--limit", HOST, extra=seats("pidgin", "gajim"))
    assert run.returncode != 0
    assert (rows(run)["pidgin"]["state"], rows(run)["gajim"]["state"]) == ("deferred", "changed")
    assert "reporté (logiciel ouvert)" in run.stdout
    assert [line for line in checksums().splitlines() if "purple" in line or "pidgin" in line] == []
    assert before.splitlines() == [line for line in checksums().splitlines() if line in before]
    assert on_desk(HOST, f"pgrep -u {LOGIN} -x pidgin").strip()
    on_desk(HOST, f"pkill -u {LOGIN} -x pidgin")
    assert rows(playbook("site.yml", "--limit", HOST, extra=seats("pidgin")))["pidgin"]["state"] == "changed"


def test_a_file_that_nobody_understands_is_refused_and_its_whole_client_left_alone(login: str) -> None:
    lay(".purple/prefs.xml", "<pref version='1' name='/'><pref name='purple'>")
    before = checksums()
    run = playbook("site.yml", "--limit", HOST, extra=seats("pidgin", "gajim"))
    assert (rows(run)["pidgin"]["state"], rows(run)["gajim"]["state"]) == ("refused", "changed")
    assert ".purple/prefs.xml" in rows(run)["pidgin"]["detail"]
    after = checksums().splitlines()
    assert set(before.splitlines()) <= set(after)
    assert [line.split("./")[1] for line in set(after) - set(before.splitlines())] and not [
        line for line in after if "accounts.xml" in line or "pidgin.desktop" in line
    ]


def test_a_link_out_of_the_home_is_refused_and_its_target_untouched(login: str) -> None:
    on_desk(
        HOST, f"mkdir -p /srv/outside && chown {LOGIN} /srv/outside && su - {LOGIN} -c 'ln -s /srv/outside .purple'"
    )
    run = playbook("site.yml", "--limit", HOST, extra=seats("pidgin"))
    assert rows(run)["pidgin"]["state"] == "refused"
    assert on_desk(HOST, "ls -A /srv/outside; rm -r /srv/outside") == ""


def test_a_login_that_the_host_does_not_have_fails_by_name() -> None:
    run = playbook("site.yml", "--limit", HOST, extra=seats("pidgin"))
    assert rows(run)["pidgin"]["state"] == "failed" and LOGIN in rows(run)["pidgin"]["detail"]


def test_a_preference_that_a_client_cannot_express_is_told_with_its_person_and_client(login: str) -> None:
    wishes = {**seats("gajim", person="dina.haddad"), "im_preferences": {"archive_format": "text"}}
    run = playbook("site.yml", "--limit", HOST, extra=wishes)
    assert "dina.haddad : le souhait « archive_format: text » n'a pas d'équivalent dans Gajim" in run.stdout


def test_a_host_that_is_off_is_a_row_and_does_not_stop_the_others(tmp_path: Path) -> None:
    off = tmp_path / "off.json"
    seat = {"login": LOGIN, "person": "alice.martin", "clients": ["gajim"]}
    off.write_text(
        json.dumps({"desks": {"hosts": {"pc-off": {"ansible_port": 9, "im_seats": [seat]}}}}), encoding="utf-8"
    )
    run = playbook("site.yml", "-i", "inventories/demo", "-i", str(off), "--limit", f"{HOST}:pc-off")
    states = {row["host"]: row["state"] for row in report_of(run)["rows"]}
    assert states == {HOST: "compliant", "pc-off": "unreachable"} and run.returncode != 0
    assert "injoignable" in run.stdout
    alone = playbook("site.yml", "-i", "inventories/demo", "-i", str(off), "--limit", "pc-off")
    assert report_of(alone)["rows"][0]["state"] == "unreachable" and alone.returncode != 0


def test_mistakes_of_the_inventory_are_told_before_any_host_is_touched() -> None:
    run = playbook("site.yml", "--limit", HOST, extra=seats("gajim", person="alice.martn"))
    assert run.returncode != 0
    assert f"seat '{HOST}/{LOGIN}': no person named 'alice.martn'; known: alice.martin, bruno.lefevre" in " ".join(
        run.stdout.replace("''", "'").split()
    )
    assert "Learn the platform" not in run.stdout


def test_an_account_that_the_server_does_not_know_is_not_good(login: str) -> None:
    people = {"alice.martin": {"jid": "nobody.at.all@univ-lille.example"}}
    run = playbook("site.yml", "--limit", HOST, extra={**seats("gajim"), "im_people": people})
    row = rows(run)["gajim"]
    assert run.returncode != 0 and row["state"] == "changed"
    assert row["verdict"] not in ("ok", "exists", "not_checked") and row["hint"] in run.stdout


def test_accounts_are_checked_without_touching_any_host() -> None:
    run = playbook("accounts.yml")
    assert run.returncode == 0, run.stdout
    for person in ("alice.martin", "bruno.lefevre", "dina.haddad", "zoe.obrien"):
        assert f"{person}@univ-lille.example: ok." in run.stdout
    assert set(changed_hosts(run)) == {"localhost"}


def test_existence_is_checked_with_no_password_of_the_person() -> None:
    run = playbook("accounts.yml", extra={"im_accounts_method": "exists", "im_accounts_passwords": {}})
    assert run.returncode == 0, run.stdout
    assert "alice.martin@univ-lille.example: exists." in run.stdout
