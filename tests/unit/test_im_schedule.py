"""The program of the nightly run, with a stand-in for ansible-playbook: codes, lock, retention, told once.

The stand-in is a shell script that notes its arguments and ends as the test says; tests/e2e/test_schedule.py runs the
program with the real one.
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rendering import PROJECT

STAND_IN = """#!/bin/sh
printf '%s\\n' "$*" >> {place}/calls
env >> {place}/environment
case "$*" in *compliance.yml*) [ ! -e {place}/report ] || touch "{reports}/2026-11-23T020000Z-$$.json" ;; esac
read -r code < {place}/code
exit "$code"
"""
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars_files: [{role}/defaults/main.yml, {role}/vars/main.yml]
  tasks:
    - ansible.builtin.template:
        src: {role}/templates/nightly.sh.j2
        dest: "{place}/nightly"
        mode: "0755"
"""


class Night:
    """The program, rendered for a directory of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.reports = place / "reports dir"
        self.program = place / "nightly"

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        more = {**os.environ, "ANSIBLE_INVENTORY": "/elsewhere", **environment}
        return subprocess.run(
            [self.program, *arguments], env=more, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def ends(self, code: int, report: bool) -> None:
        """Say how the stand-in ends from now on, and whether it leaves a report."""
        (self.place / "code").write_text(f"{code}\n")
        (self.place / "report").touch() if report else (self.place / "report").unlink(missing_ok=True)

    def calls(self) -> list[str]:
        noted = self.place / "calls"
        return noted.read_text().splitlines() if noted.exists() else []


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("night")
    variables: dict[str, Any] = {
        "im_schedule_user": getpass.getuser(),
        "im_schedule_inventory": f"{place}/inventory",
        "im_schedule_ansible": f"{place}/ansible-playbook",
        "im_schedule_vault_password_file": f"{place}/vault",
        "im_schedule_project": "/srv/im project",
        "__im_schedule_way": "cron",
        "__im_schedule_place": str(place),
        "__im_schedule_logs": f"{place}/logs",
        "__im_schedule_reports": f"{place}/reports dir",
    }
    (place / "play.yml").write_text(PLAY.format(role=PROJECT / "roles" / "im_schedule", place=place))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), place / "play.yml", "-e", json.dumps(variables)],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.fixture
def night(rendered: Path) -> Night:
    one = Night(rendered)
    for name in ("inventory", "logs", "reports dir"):
        shutil.rmtree(rendered / name, ignore_errors=True)
        (rendered / name).mkdir()
    for name in ("calls", "environment", "told", "started"):
        (rendered / name).unlink(missing_ok=True)
    stand_in = rendered / "ansible-playbook"
    stand_in.write_text(STAND_IN.format(place=rendered, reports=one.reports))
    stand_in.chmod(stat.S_IRWXU)
    one.ends(0, report=True)
    return one


@pytest.mark.parametrize("code", [0, 2, 4])
def test_a_run_with_a_report_ends_as_the_playbook_does_over_the_inventory_that_was_written_down(
    night: Night, code: int
) -> None:
    night.ends(code, report=True)
    done = night.run("run")
    assert done.returncode == code, done.stderr
    (call,) = night.calls()
    assert call == (
        f"-i {night.place}/inventory /srv/im project/playbooks/compliance.yml"
        f" --vault-password-file {night.place}/vault -e im_alert_gap_hours=30"
    )
    environment = (night.place / "environment").read_text()
    assert "ANSIBLE_CONFIG=/srv/im project/ansible.cfg" in environment and "/elsewhere" not in environment


@pytest.mark.parametrize("code", [0, 1, 2, 4])
def test_a_run_without_a_report_is_broken_whatever_its_code(night: Night, code: int) -> None:
    night.ends(code, report=False)
    done = night.run("run")
    assert done.returncode == 1 and f"aucun rapport : la cause est au-dessus. (ansible-playbook: {code})" in done.stdout


def test_a_report_of_another_night_does_not_count_whatever_the_clock_says(night: Night) -> None:
    another = night.reports / "2026-11-22T020000Z-1.json"
    another.touch()
    os.utime(another, (time.time() + 3600,) * 2)
    night.ends(0, report=False)
    assert night.run("run").returncode == 1
    night.ends(0, report=True)
    assert night.run("run").returncode == 0


def test_a_report_that_another_schedule_removes_meanwhile_is_none_of_this_night(night: Night) -> None:
    old = [night.reports / f"2026-11-2{day}T020000Z-1.json" for day in (1, 2)]
    for path in old:
        path.touch()
    stand_in = night.place / "ansible-playbook"
    stand_in.write_text(f'#!/bin/sh\nrm "{old[0]}"\n')
    assert night.run("run").returncode == 1
    assert old[1].exists() and not old[0].exists()


def test_an_inventory_that_went_away_is_told_and_no_other_one_is_taken(night: Night) -> None:
    (night.place / "inventory").rmdir()
    done = night.run("run")
    assert done.returncode == 1 and f"{night.place}/inventory n'est plus là" in done.stdout
    assert night.calls() == []


def test_two_runs_never_go_on_at_once_and_the_second_says_since_when_the_first_does(night: Night) -> None:
    (night.place / "started").touch()
    with subprocess.Popen(["flock", "--no-fork", night.place / "lock", "sleep", "60"]) as holder:
        try:
            while subprocess.run(["flock", "-n", night.place / "lock", "true"], check=False).returncode == 0:
                time.sleep(0.05)
            done = night.run("run")
        finally:
            holder.terminate()
    assert done.returncode == 75 and "encore en cours" in done.stdout and done.stdout.strip()[-1].isdigit()
    assert night.calls() == []
    assert night.run("run").returncode == 0


def test_a_broken_night_is_told_once_until_a_run_succeeds(night: Night) -> None:
    assert night.run("tell", 'exit-code 1"; rm -rf').returncode == 0
    assert night.run("tell", "exit-code 1").returncode == 0
    (call,) = night.calls()
    assert "/playbooks/alert.yml" in call
    assert '-e {"im_alert_told": "exit-code 1 rm -rf"} -e {"im_alert_log": ' in call
    assert night.run("run").returncode == 0
    assert night.run("tell", "timeout").returncode == 0
    assert ["alert.yml" in call for call in night.calls()] == [True, False, True]


def test_what_could_not_be_told_is_tried_again(night: Night) -> None:
    night.ends(2, report=False)
    assert night.run("tell", "timeout").returncode == night.run("tell", "timeout").returncode == 2
    assert len(night.calls()) == 2


def test_cron_keeps_a_log_of_each_night_and_prints_only_what_broke(night: Night) -> None:
    night.ends(2, report=True)
    quiet = night.run("cron")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    (log,) = (night.place / "logs").iterdir()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    log.unlink()
    night.ends(0, report=False)
    broken = night.run("cron")
    assert broken.returncode == 1 and "aucun rapport" in broken.stdout
    assert '"im_alert_told": "code 1"' in night.calls()[-1]


def test_old_reports_and_logs_go_and_nothing_else_does(night: Night) -> None:
    old = time.time() - 100 * 86400
    kept = [night.reports / "history.sqlite", night.reports / "alert-undelivered.json", night.reports / "notes.txt"]
    gone = [night.reports / "2026-01-01T020000Z-1.json", night.place / "logs" / "2026-01-01T020000Z.log"]
    for path in (*kept, *gone):
        path.touch()
        os.utime(path, (old, old))
    assert night.run("cron").returncode == 0
    assert all(path.exists() for path in kept) and not any(path.exists() for path in gone)


def test_another_account_and_unknown_words_are_turned_away(night: Night) -> None:
    assert night.run().returncode == night.run("other").returncode == 64
    other = night.place / "other"
    other.write_text(night.program.read_text().replace(f"!= {getpass.getuser()} ", "!= somebody ", 1))
    other.chmod(stat.S_IRWXU)
    done = subprocess.run([other, "run"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "seulement" in done.stderr and night.calls() == []
