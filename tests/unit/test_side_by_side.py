"""Tests side by side: no test is lost or run twice, labs stay apart, a failure stops all lanes, figures are summed."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import predictions
import pytest
import side_by_side
from side_by_side import IN_THE_SECOND_LAB, PARTS, PROJECT, SECOND_LAB, Lane, Step

COUNTED = predictions.Tally(runs=2, rows=3, documents=5, diffs=7, not_installed=1, without=["why"])


def step(program: str, *words: str) -> Step:
    return Step("e2e", (sys.executable, "-c", program, *words))


def lanes(*steps: Step) -> list[Lane]:
    return [Lane(f"lane {number}", (each,)) for number, each in enumerate(steps, 1)]


@pytest.fixture(autouse=True)
def handler_of_sigterm() -> Iterator[None]:
    """main() sets one."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_every_part_runs_and_each_lane_has_only_what_was_asked_for() -> None:
    assert {one.part for lane in side_by_side.LANES for one in lane.steps} == {"", *PARTS}
    chosen = [lane.of(["winrm"]) for lane in side_by_side.LANES]
    assert [[one.part for one in lane.steps] for lane in chosen if lane] == [["winrm"]]


def test_what_runs_in_the_second_lab_exists_and_is_left_out_of_the_first() -> None:
    commands = [one.command for lane in side_by_side.LANES for one in lane.steps if one.part == "e2e"]
    first, second = commands
    assert {word.removeprefix("--ignore=") for word in first if "=" in word and "ignore" in word} == {
        *IN_THE_SECOND_LAB
    }
    assert [word for word in second if word.endswith(".py")] == [*IN_THE_SECOND_LAB]
    assert [path for path in IN_THE_SECOND_LAB if not (PROJECT / path).is_file()] == []


def test_the_second_lab_shares_no_port_with_the_first_or_with_the_one_that_tests_the_lab() -> None:
    table = json.loads((PROJECT / "lab" / "lab.json").read_text(encoding="utf-8"))
    ports = {row["ssh_port"] for row in table["hosts"].values()}
    ports |= {outside for server in table["servers"].values() for outside, _ in server["ports"].values()}
    first = table["fleet"]["first_ssh_port"]
    ports |= set(range(first, first + table["fleet"]["size"]))
    code = ast.parse((PROJECT / "tests" / "lab" / "test_lab.py").read_text(encoding="utf-8"))
    (other,) = [
        ast.literal_eval(node.value)
        for node in code.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "(PREFIX, PORT_SHIFT)"
    ]
    second = {port + int(SECOND_LAB["LAB_PORT_SHIFT"]) for port in ports}
    assert second & (ports | {port + other[1] for port in ports}) == set()
    assert SECOND_LAB["LAB_PREFIX"] != other[0]
    # Below those that Linux gives to connections, any of which might just then be in use.
    assert max(second) < 32768


def test_each_line_says_its_lane_and_the_last_one_is_the_sum(capfd: pytest.CaptureFixture[str]) -> None:
    keep = (
        f"import os, pathlib, sys; place = os.environ['{predictions.KEPT_IN}']; "
        "pathlib.Path(place, f'{os.getpid()}.json').write_text(sys.argv[1]); print('é')"
    )
    told = json.dumps(asdict(COUNTED))
    assert side_by_side.main(["e2e"], lanes(step(keep, told), step(keep, told))) == 0
    lines = capfd.readouterr().out.splitlines()
    assert sorted(lines[:2]) == ["[lane 1] é", "[lane 2] é"]
    assert lines[2] == "== side by side"
    assert sorted(line.partition(" (")[0] for line in lines[3:5]) == ["lane 1: passed", "lane 2: passed"]
    assert "\n".join(lines[5:]) == str(COUNTED + COUNTED)
    assert lines[5].startswith("4 runs foretold by --check: 10 (scenario, document) predictions, 6 rows and 14 diffs")


def test_a_failure_stops_the_other_lanes_which_tidy_up(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    waits = (
        "import pathlib, sys, time\n"
        "try:\n  pathlib.Path(sys.argv[1]).touch()\n  time.sleep(600)\n"
        "except KeyboardInterrupt:\n  print('tidied up', flush=True); sys.exit(2)"
    )
    fails = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)\nsys.exit(3)"
    mark = str(tmp_path / "mark")
    first, second = lanes(step(waits, mark), step(fails, mark))
    never = Lane(first.name, (*first.steps, step("print('never')")))
    assert side_by_side.main(["e2e"], [never, second]) == 1
    told = capfd.readouterr().out
    assert "[lane 1] tidied up\n" in told and "never" not in told
    assert "lane 1: stopped" in told and "lane 2: FAILED: " in told and "ended with 3" in told


def test_who_is_told_to_end_ends_its_lanes_too(tmp_path: Path) -> None:
    """As CI does when a run is cancelled; in the background of a script, where SIGINT is ignored from the start."""
    program = (
        "import signal, sys; import side_by_side as s; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "wait = (sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(600)'); "
        "sys.exit(s.main(['e2e'], [s.Lane('one', (s.Step('e2e', wait),))]))"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(PROJECT / "tests")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert running.stdout is not None
    child = int(running.stdout.readline().rpartition(" ")[2])
    running.terminate()
    told = running.communicate()[0]
    assert running.returncode == 1, told
    assert "one: stopped" in told
    assert not Path(f"/proc/{child}").exists()


def test_a_process_keeps_its_tally_only_where_it_is_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(predictions, "TALLY", COUNTED)
    monkeypatch.delenv(predictions.KEPT_IN, raising=False)
    predictions.tell(lines.append)
    assert lines == [str(COUNTED)]
    monkeypatch.setenv(predictions.KEPT_IN, str(tmp_path))
    predictions.tell(lines.append)
    assert predictions.sum_of(tmp_path) == COUNTED
