"""Measure the speed claims: `make bench` prints one line each (name, value, unit, goal, peer of the same run).

Every claim is a ratio or a count, measured with its peer in one run on the same hosts: absolute times of a shared
machine prove nothing. The hosts are clones of a desk that site.yml has made compliant.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
HOSTS = int(os.environ.get("BENCH_HOSTS", "10"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SOURCE = "pc-bib-01"


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
    """Print one claim."""
    print(f"{name:34} {value:8.2f} {unit:22} goal {goal:8} peer: {peer}", flush=True)


def fleet_inventory(directory: Path) -> Path:
    """Write an inventory of the fleet, with the seats of the desk that it is cloned from; returns its path."""
    demo = PROJECT / "inventories" / "demo"
    variables = json.loads(run(BIN / "ansible-inventory", "-i", demo, "--host", SOURCE).output)
    fleet = json.loads(run(PROJECT / "lab" / "lab", "fleet", "inventory").output)
    hosts = {
        name: {"ansible_port": host["ansible_port"], "im_seats": variables["im_seats"]} for name, host in fleet.items()
    }
    (directory / "group_vars").symlink_to(demo / "group_vars")
    inventory = directory / "hosts.json"
    inventory.write_text(json.dumps({"desks": {"hosts": hosts}}), encoding="utf-8")
    return inventory


def bench(inventory: Path) -> None:
    """Compare runs in which nothing changes with a ping of the same hosts, pair by pair."""
    site = (BIN / "ansible-playbook", "-i", inventory, "playbooks/site.yml")
    ping = (BIN / "ansible", "-i", inventory, "all", "-m", "ansible.builtin.ping")
    first = run(*site)
    if re.search(r"changed=[1-9]", first.output):
        sys.exit(f"the clones of {SOURCE} are not compliant:\n{first.output}")
    pairs = [(run(*site), run(*ping)) for _ in range(ROUNDS)]
    pinged = f"ansible -m ping, {HOSTS} hosts, median {statistics.median(one.wall for _, one in pairs):.2f} s"
    line("site no change / ping, wall", statistics.median(a.wall / b.wall for a, b in pairs), "times", "<= 4", pinged)
    pinged = f"ansible -m ping, {statistics.median(one.cpu for _, one in pairs) / HOSTS * 1000:.0f} ms"
    cpu = statistics.median(a.cpu for a, _ in pairs) / HOSTS * 1000
    line("site no change, control node CPU", cpu, "ms/host", "-", pinged)
    traced = run(*site, "-vvv").output
    calls = len(re.findall(r"SSH: EXEC ", traced)) / HOSTS
    line("site no change, remote calls", calls, "calls/host", "<= 2", "a looped copy: one for each file of each login")


def main() -> None:
    """Make a desk compliant, clone it, measure, remove the clones."""
    run(BIN / "ansible-playbook", "-i", "inventories/demo", "playbooks/site.yml", "--limit", SOURCE)
    run(PROJECT / "lab" / "lab", "fleet", "up", str(HOSTS), "--from", SOURCE)
    try:
        with tempfile.TemporaryDirectory() as directory:
            bench(fleet_inventory(Path(directory)))
    finally:
        run(PROJECT / "lab" / "lab", "fleet", "down")


if __name__ == "__main__":
    main()
