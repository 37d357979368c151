"""What every benchmark needs: to run commands, and to print a claim.

Every claim is a ratio or a count, or stands beside its peer of the same run on the same machine: absolute times of a
shared machine prove nothing.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


class Cost(NamedTuple):
    """What one command cost: wall and CPU seconds (the command and its children), and what it printed."""

    wall: float
    cpu: float
    output: str


def run(*command: str | Path) -> Cost:
    """Run a command that must succeed."""
    settings = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [str(word) for word in command], cwd=PROJECT, env=settings, capture_output=True, text=True, check=False
    )
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout)


def line(name: str, value: float, unit: str, goal: str, peer: str) -> None:
    """Print one claim: name, value, unit, goal, peer of the same run."""
    print(f"{name:38} {value:8.2f} {unit:22} goal {goal:8} peer: {peer}", flush=True)
