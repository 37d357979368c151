"""A run in which nothing changes on a PC of 200 people, beside one of a single person: Windows over WinRM.

The PC is made up (tests/winrm): real are Ansible, the bytes between, and the PowerShell that runs what it is sent.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from measuring import PROJECT, ROUNDS, line

sys.path.append(str(PROJECT / "tests" / "winrm"))

from windows_pc import PWSH, WindowsPC
from windows_programs import install
from windows_site import PASSWORD, USER, Site
from winrm_certificates import authority_and_context
from winrm_peer import Peer

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "200"))
CLIENTS = {"gajim": "Gajim.Gajim", "pidgin": "Pidgin.Pidgin", "thunderbird": "Mozilla.Thunderbird.fr"}


class Desk:
    """One PC with the three clients and so many people who use all of them."""

    def __init__(self, site: Site, people: int) -> None:
        self._site = site
        for package in CLIENTS.values():
            install(site.pc, package)
        keys = [f"person.n{number}" for number in range(people)]
        for number in range(people):
            site.pc.add_person(f"user{number}", 2000 + number)
        self._inventory = {
            "im_service": {"domain": "univ.example"},
            "im_people": {key: {} for key in keys},
            "im_seats": [
                {"login": f"user{number}", "person": key, "clients": list(CLIENTS)} for number, key in enumerate(keys)
            ],
        }

    def run(self) -> tuple[float, int]:
        """Run the role; returns seconds, and how many processes of PowerShell the PC started."""
        before, start = self._site.pc.starts, time.monotonic()
        done = self._site.play([{"import_role": {"name": "im_client"}}], **self._inventory)
        if done.returncode:
            sys.exit(f"the run ended with {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return time.monotonic() - start, self._site.pc.starts - before


def main() -> None:
    """Make both PCs compliant, then run over each in turn."""
    if PWSH is None:
        print("Windows: not measured, there is no pwsh (PowerShell 7) on the PATH")
        return
    with tempfile.TemporaryDirectory() as directory:
        authority, context = authority_and_context(Path(directory))
        pcs = {name: WindowsPC(Path(directory), name) for name in ("one", "many")}
        with Peer(pcs, USER, PASSWORD, context).serving() as peer:
            desks = []
            for (name, pc), people in zip(pcs.items(), (1, PEOPLE), strict=True):
                (Path(directory) / f"site-{name}").mkdir()
                desks.append(
                    Desk(Site(Path(directory) / f"site-{name}", {name: pc}, peer, authority, patience=None), people)
                )
                desks[-1].run()
            one, many = desks
            pairs = [(many.run(), one.run()) for _ in range(ROUNDS)]
    alone = f"1 person, {max(starts for _, (_, starts) in pairs)} starts"
    line(
        f"Windows, {PEOPLE} people no change, PowerShell",
        max(starts for (_, starts), _ in pairs),
        "starts/run",
        "<= 3",
        alone,
    )
    alone = f"1 person, median {statistics.median(seconds for _, (seconds, _) in pairs):.1f} s"
    ratio = statistics.median(a / b for (a, _), (b, _) in pairs)
    line(f"Windows, {PEOPLE} people / 1 no change, wall", ratio, "times", f"<= {PEOPLE / 10:.0f}", alone)


if __name__ == "__main__":
    main()
