"""playbooks/lab.yml itself, with hosts and a server that only pretend: order, stops, states, codes, what is shown."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rendering import PROJECT

STUBS = Path(__file__).with_name("room_stubs")
WIDTH = 60


class Run(NamedTuple):
    """What a run of the playbook left: exit code, what it printed, its report (None when it came to none)."""

    code: int
    printed: str
    report: dict[str, Any] | None

    @property
    def states(self) -> dict[str, str]:
        """Host -> state, with hosts that were not begun as such."""
        assert self.report, self.printed
        return {row["host"]: "not begun" if row["not_begun"] else row["state"] for row in self.report["rows"]}


class Room:
    """A room whose hosts come to the states that a test says."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, room: dict[str, str], *arguments: str, terminal: bool = False, **extra: Any) -> Run:
        """Run lab.yml over ``room``, host -> state; ``terminal`` when somebody watches it in one."""
        seats = [{"login": "amartin", "person": "alice.martin", "clients": ["gajim"]}]
        hosts = {host: {"ansible_connection": "local", "im_seats": seats} for host in room}
        inventory = self.directory / "hosts.json"
        inventory.write_text(json.dumps({"room": {"hosts": hosts}}), encoding="utf-8")
        (self.directory / "room.json").write_text(json.dumps(room), encoding="utf-8")
        wishes = {
            "im_service": {"domain": "univ.example"},
            "im_people": {"alice.martin": {}},
            "im_report_directory": str(self.directory / "reports"),
            "im_lab_history": "",
            **extra,
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "-i", str(inventory), "playbooks/lab.yml", "-e", json.dumps(wishes), *arguments]
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_ACTION_PLUGINS": f"{STUBS}:{PROJECT / 'action_plugins'}",
            "TEST_ROOM": str(self.directory / "room.json"),
            "TERM": "xterm",
            "COLUMNS": str(WIDTH),
            "ANSIBLE_NOCOLOR": "1",
        }
        code, printed = (_in_terminal if terminal else _in_log)(command, environment)
        found = re.findall(r"JSON: (\S+\.json)", printed)
        return Run(code, printed, json.loads(Path(found[-1]).read_text(encoding="utf-8")) if found else None)


def _in_log(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _in_terminal(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    printed = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the last program that held the terminal is gone
            break
        if not part:
            break
        printed += part
    os.close(ours)
    return running.wait(), printed.decode()


def screen(printed: str) -> list[str]:
    """The lines that a terminal would show in the end, from what was drawn anew and erased."""
    lines = printed.replace("\r\n", "\n").split("\n")
    return [line.rpartition("\r\x1b[K")[2] for line in lines]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def hosts(count: int, **others: str) -> dict[str, str]:
    return {f"pc{number}": others.get(f"pc{number}", "changed") for number in range(1, count + 1)}


def test_a_log_has_one_line_for_each_batch_and_no_control_character(room: Room) -> None:
    run = room.run(hosts(8, pc1="off", pc3="deferred", pc5="refused", pc6="compliant", pc8="silent"))
    assert run.code == 2, run.printed
    assert run.states == {
        "pc1": "unreachable",
        "pc2": "changed",
        "pc3": "deferred",
        "pc4": "changed",
        "pc5": "refused",
        "pc6": "compliant",
        "pc7": "changed",
        "pc8": "unreachable",
    }
    before_the_table, table = run.printed.split("TASK [im_lab : Show the table]")
    assert before_the_table.splitlines() == [
        "7 poste(s) à faire en 4 lot(s), témoin pc2 ; 1 éteint(s).",
        "Lot 1/4 terminé : 1 fait(s), 0 reporté(s), 0 en échec, 1 éteint(s), sur 7 ; reste moins d'une minute",
        "Lot 2/4 terminé : 2 fait(s), 1 reporté(s), 0 en échec, 1 éteint(s), sur 7 ; reste moins d'une minute",
        "Lot 3/4 terminé : 3 fait(s), 1 reporté(s), 1 en échec, 1 éteint(s), sur 7 ; reste moins d'une minute",
        "Lot 4/4 terminé : 4 fait(s), 1 reporté(s), 1 en échec, 2 éteint(s), sur 7 ; reste 0 min",
        "",
    ]
    assert "PLAY RECAP" not in table and "CANARY-NOTE" not in run.printed
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", run.printed)


def test_a_terminal_shows_one_line_that_is_drawn_anew_and_gone_in_the_end(room: Room) -> None:
    run = room.run(hosts(5, pc2="deferred"), terminal=True, im_language="en")
    assert run.code == 2, run.printed
    drawn = re.findall(r"\r\x1b\[K([^\r\n]+)", run.printed)
    assert any(line.startswith("Batch 1/3: 1 done, 0 deferred") for line in drawn), drawn
    assert any(line.startswith("Batch 3/3: 4 done, 1 deferred") for line in drawn), drawn
    assert all(len(line) < WIDTH for line in drawn)
    assert not any("done, " in line for line in screen(run.printed))
    assert "1 of 5" not in run.printed and "CANARY-NOTE" not in run.printed
    shown = "\n".join(screen(run.printed))
    assert shown.startswith("5 host(s) to do in 3 batch(es), canary pc1; 0 off.\n")
    assert "deferred (client open)" in shown


def test_with_v_all_is_printed_as_ansible_does(room: Room) -> None:
    run = room.run(hosts(1), "-v")
    assert "TASK [im_client : Lay accounts and preferences into the profiles]" in run.printed
    assert "PLAY RECAP" in run.printed and "Lot 1/1" not in run.printed


def test_the_room_stops_when_too_many_went_wrong_and_tells_the_rest_as_not_begun(room: Room) -> None:
    run = room.run(hosts(9, pc2="failed", pc3="refused"), im_lab_batch=3)
    assert run.code == 2
    assert run.states == {
        **dict.fromkeys(["pc1", "pc4"], "changed"),
        "pc2": "failed",
        "pc3": "refused",
        **dict.fromkeys(["pc5", "pc6", "pc7", "pc8", "pc9"], "not begun"),
    }
    assert run.report and run.report["states"]["deferred"] == 5 and not run.report["all_good"]
    assert "Arrêt : 2 poste(s) sur 4 en échec ou refusés, plus de 30 % (pc2, pc3)." in run.printed
    assert "Postes pas commencés : pc5, pc6, pc7, pc8, pc9." in run.printed
    assert "Lot 3/" not in run.printed


def test_a_canary_that_failed_stops_at_once(room: Room) -> None:
    run = room.run(hosts(3, pc1="broken"))
    assert (run.code, run.states) == (2, {"pc1": "failed", "pc2": "not begun", "pc3": "not begun"})
    assert "Arrêt après le poste témoin pc1" in run.printed


def test_nothing_begins_without_the_canary_that_was_named(room: Room) -> None:
    run = room.run(hosts(3, pc3="off"), im_lab_canary="pc3")
    assert (run.code, run.states) == (2, {"pc1": "not begun", "pc2": "not begun", "pc3": "unreachable"})
    assert "le poste témoin pc3 ne répond pas" in run.printed


def test_a_room_that_is_dark_is_told_as_such(room: Room) -> None:
    run = room.run(hosts(2, pc1="off", pc2="off"))
    assert (run.code, set(run.states.values())) == (4, {"unreachable"})
    assert run.printed.startswith("Aucun poste ne répond ; 2 éteint(s).")


def test_a_mistake_is_told_before_any_host_is_touched(room: Room) -> None:
    run = room.run(hosts(2), im_lab_canary="pc9")
    assert run.code == 2 and run.report is None
    assert "im_lab_canary: 'pc9' is no host of this run; known: pc1, pc2" in run.printed.replace("''", "'")


def test_what_is_off_is_remembered_with_its_last_known_state(room: Room) -> None:
    history = str(room.directory / "history.sqlite")
    first = room.run(hosts(2), im_lab_history=history)
    assert first.code == 0, first.printed
    foretold = room.run(hosts(2, pc2="off"), "--check", im_lab_history=history)
    run = room.run(hosts(2, pc2="off"), im_lab_history=history)
    for one in (foretold, run):
        assert one.code == 4 and one.report
        known = {row["host"]: row["last_known"] for row in one.report["rows"]}
        assert known["pc1"] is None and known["pc2"]["state"] == "changed"
    assert "dernier état connu : mis à jour, le " in run.printed and "UNREACHABLE" not in run.printed


def test_every_other_playbook_prints_what_it_always_did(tmp_path: Path) -> None:
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "é"}}]}]
    (tmp_path / "other.yml").write_text(json.dumps(play), encoding="utf-8")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    settings = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}
    printed = [
        subprocess.run(
            [program, "-i", "localhost,", "-c", "local", str(tmp_path / "other.yml")],
            cwd=PROJECT,
            env=settings | plugin,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for plugin in ({}, {"ANSIBLE_STDOUT_CALLBACK": "default"})
    ]
    assert "msg: é" in printed[0] and printed[0] == printed[1]
