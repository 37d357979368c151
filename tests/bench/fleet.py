"""The cost of a run in which nothing changes, on clones of a desk that site.yml has made compliant."""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path

from measuring import BIN, PROJECT, ROUNDS, line, run

HOSTS = int(os.environ.get("BENCH_HOSTS", "10"))
SOURCE = "pc-bib-01"


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
    _calls("site", site, "a looped copy: one for each file of each login")
    lab = (BIN / "ansible-playbook", "-i", inventory, "playbooks/lab.yml", "-e", "im_lab_history=")
    pairs = [(run(*lab), run(*site)) for _ in range(ROUNDS)]
    sited = f"site.yml, {HOSTS} hosts, median {statistics.median(one.wall for _, one in pairs):.2f} s"
    line("lab in batches / site, wall", statistics.median(a.wall / b.wall for a, b in pairs), "times", "<= 1.5", sited)
    line("lab in batches / site, CPU", statistics.median(a.cpu / b.cpu for a, b in pairs), "times", "<= 1.3", sited)
    _calls("lab", lab, "site.yml: the same")


def _calls(name: str, command: tuple[str | Path, ...], other: str) -> None:
    """Count the remote calls of a run in which nothing changes."""
    calls = len(re.findall(r"SSH: EXEC ", run(*command, "-vvv").output)) / HOSTS
    line(f"{name} no change, remote calls", calls, "calls/host", "<= 2", other)


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
