"""Run the slow tests in lanes side by side: two labs, and the tests that need none. They mostly wait for desks.

Usage: ``side_by_side.py PART...`` with parts of molecule, e2e, faults and winrm.

Each line says which lane it comes from. The first failure stops all lanes, as Ctrl-C does: what the tests set up is
taken away again. The last line sums up what the lanes held against the predictions of ``--check``.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock

import predictions

PROJECT = Path(__file__).resolve().parents[1]
PARTS = ("molecule", "e2e", "faults", "winrm")

#: The second lab: neither its desks' ports nor its fleet's are those of the first lab or of tests/lab/test_lab.py.
SECOND_LAB = {"LAB_PREFIX": "im-lab-2", "LAB_PORT_SHIFT": "5000"}
#: Files that heed LAB_PREFIX and LAB_PORT_SHIFT, as all of tests/faults does, and so run against the second lab: as
#: many as make both lanes equally long. All others of tests/lab and tests/e2e, new ones too, run against the first lab.
#: Those that call lab/lab come last: one lab waits while images are built for the other, which is in the first minutes.
IN_THE_SECOND_LAB = (
    "tests/e2e/test_first_login.py",
    "tests/e2e/test_login_job.py",
    "tests/e2e/test_login_sessions.py",
    "tests/e2e/test_mixed_fleet.py",
    "tests/e2e/test_platforms.py",
    "tests/e2e/test_guide.py",
    "tests/e2e/test_room.py",
)

_ELSEWHERE = tuple(f"--ignore={path}" for path in IN_THE_SECOND_LAB)
_PYTEST = ("python", "-m", "pytest", "--exitfirst", "--durations=10")
_LAB = str(PROJECT / "lab" / "lab")


@dataclass(frozen=True)
class Step:
    """One command of a lane; the part it belongs to, or "" for what every part needs."""

    part: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Lane:
    """Commands that run one after the other, in an environment of their own."""

    name: str
    steps: tuple[Step, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def of(self, parts: Sequence[str]) -> Lane | None:
        """What of this lane belongs to these parts; None if nothing does."""
        steps = tuple(step for step in self.steps if step.part in ("", *parts))
        return Lane(self.name, steps, self.environment) if any(step.part for step in steps) else None


LANES = (
    Lane(
        "lab 1",
        (
            # A run that was broken off left a note that its desks exist; `molecule test` would believe it.
            Step("molecule", ("molecule", "reset")),
            Step("molecule", ("molecule", "test", "--all", "--no-command-borders")),
            Step("e2e", (*_PYTEST, "-v", "tests/lab", "tests/e2e", *_ELSEWHERE)),
        ),
    ),
    Lane(
        "lab 2",
        (
            Step("", (_LAB, "up")),
            Step("e2e", (*_PYTEST, "-v", *IN_THE_SECOND_LAB)),
            Step("faults", (*_PYTEST, "-v", "-s", "tests/faults")),
            # After a failure it stays, for people to look at; `make lab-down` removes it too.
            Step("", (_LAB, "down")),
        ),
        SECOND_LAB,
    ),
    Lane("no lab", (Step("winrm", (*_PYTEST, "-q", "tests/winrm")),)),
)


class SideBySide:
    """Lanes that run at the same time, and whether they go on."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._lock = RLock()
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._stopped = False
        self._told: list[str] = []

    def run(self, lanes: Sequence[Lane]) -> bool:
        """Run the lanes and tell how each ended; whether all did what they should."""
        with ThreadPoolExecutor(max_workers=len(lanes)) as pool:
            try:
                passed = all(list(pool.map(self._run_lane, lanes)))
            except KeyboardInterrupt:
                self.stop()
                passed = False
        print("== side by side", *self._told, sep="\n", flush=True)
        return passed

    def stop(self) -> None:
        """Stop what runs as Ctrl-C does, so that it tidies up, and start nothing more."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            for process in self._running.values():
                os.killpg(process.pid, signal.SIGINT)

    def _run_lane(self, lane: Lane) -> bool:
        began = time.monotonic()
        verdict = "passed"
        for step in lane.steps:
            code = self._run_step(lane, step)
            if code:
                verdict = "stopped" if self._stopped else f"FAILED: {' '.join(step.command[:4])} … ended with {code}"
                self.stop()
                break
        minutes, seconds = divmod(round(time.monotonic() - began), 60)
        with self._lock:
            self._told.append(f"{lane.name}: {verdict} ({minutes}:{seconds:02})")
        return verdict == "passed"

    def _run_step(self, lane: Lane, step: Step) -> int:
        with self._lock:
            if self._stopped:
                return 1
            process = subprocess.Popen(
                # What a script starts with `&` inherits that SIGINT is ignored, and stop() would wait for ever.
                ("env", "--default-signal=INT", *step.command),
                cwd=PROJECT,
                env={**self._environment, **lane.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # a group of its own, that stop() can reach as a whole
            )
            self._running[lane.name] = process
        assert process.stdout is not None
        for line in process.stdout:
            print(f"[{lane.name}] {line}", end="", flush=True)
        code = process.wait()
        with self._lock:
            del self._running[lane.name]
        return code


def main(words: Sequence[str], lanes: Sequence[Lane] = LANES) -> int:
    """Run these parts; 0 if all passed."""
    parser = argparse.ArgumentParser(description="Run slow tests side by side.")
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART")
    parts = parser.parse_args(words).parts
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with TemporaryDirectory() as directory:
        together = SideBySide({**os.environ, predictions.KEPT_IN: directory})
        passed = together.run([chosen for lane in lanes if (chosen := lane.of(parts))])
        compared = predictions.sum_of(Path(directory))
    if compared.runs:
        print(compared)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
