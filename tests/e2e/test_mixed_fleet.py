"""One inventory, one run, one table: Debian, a desk with dnf, one with zypper, one that says it is a Mac, Windows.

The desks of Linux are the lab's; what they prove and do not stands in lab/README.md, "Other families". The Windows PC
is made up (tests/winrm): unmodified Ansible reaches it by WinRM, and a real PowerShell runs what it is sent.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from homes import add_login, lay, remove_login
from lab_runs import PROJECT, changed_hosts, on_desk, playbook, report_of
from windows_pc import PWSH, WindowsPC
from windows_programs import PROGRAMS
from windows_site import PASSWORD, USER, Site
from winrm_certificates import authority_and_context
from winrm_peer import Peer

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(PWSH is None, reason="no pwsh on the PATH: nobody saw Windows beside the others in one run"),
]
DEBIAN, ALMA, SUSE, MAC, OFF, WINDOWS = "pc-bib-01", "pc-fed-05", "pc-sus-06", "mac-lab-07", "pc-off-09", "pc-win-08"
YESTERDAY, BUSY = "mixed-yesterday", "mixed-busy"
SERVER = {"host": "127.0.0.1", "port": 15222 + int(os.environ.get("LAB_PORT_SHIFT", "0"))}
TORN = b"<?xml version='1.0' encoding='UTF-8' ?>\n\n<account version='1.0'>\n\t<account>\n\t\t<protocol>prpl-ja"
BREW = "/opt/homebrew"
ALMALINUX = 'NAME="AlmaLinux"\nID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.6"\n'

EXPECTED = {
    (DEBIAN, YESTERDAY, "pidgin"): "compliant",
    (DEBIAN, BUSY, "pidgin"): "deferred",  # it runs
    (ALMA, "blefevre", "gajim"): "failed",  # that family has none
    (ALMA, "blefevre", "pidgin"): "changed",
    (SUSE, "zobrien", "pidgin"): "refused",  # half of a file
    (SUSE, "zobrien", "thunderbird"): "changed",
    (MAC, "dhaddad", "gajim"): "failed",  # Homebrew has none
    (MAC, "dhaddad", "thunderbird"): "changed",
    (OFF, "amartin", "gajim"): "unreachable",
    (WINDOWS, "alice", "gajim"): "changed",
    (WINDOWS, "alice", "pidgin"): "changed",
    (WINDOWS, "alice", "thunderbird"): "changed",
    (WINDOWS, "zoe", "pidgin"): "deferred",  # it runs
    (WINDOWS, "bruno", "pidgin"): "refused",  # half of a file
    (WINDOWS, "nora", "gajim"): "changed",
}
VERDICTS = {
    "alice.martin": "ok",
    "bruno.lefevre": "ok",
    "zoe.obrien": "ok",
    "dina.haddad": "auth_failed",
    "nora.absente": "absent",
}


@dataclass
class Fleet:
    """The desks of this test, as a site runs playbooks over them."""

    windows: Site

    def run(self, *arguments: str, limit: str = "", not_foretold: str = "", **variables: Any) -> Any:
        """Run site.yml over all of them, or those of LIMIT."""
        hosts = limit or ":".join(dict.fromkeys(host for host, _, _ in EXPECTED))
        settings: dict[str, Any] = {
            # People are written on the server by other tests.
            "im_provisioning_writer": {},
            "im_accounts_reach": SERVER,
            "im_accounts_admin": {
                "jid": "svc-check@univ-lille.example",
                "password": "{{ vault_im_admin_password }}",
                **SERVER,
            },
        }
        inventories = ("inventories/demo", "tests/e2e/mixed_fleet", str(self.windows.write_inventory()))
        return playbook(
            "site.yml",
            *(word for one in inventories for word in ("-i", one)),
            *("--limit", hosts, *arguments),
            extra=settings | variables,
            environment=self.windows.settings(),
            not_foretold=not_foretold,
            more_traces=self.traces_of_windows,
        )

    def traces_of_windows(self) -> dict[str, str]:
        """What stands on the PC, as on_desk() tells it of the others: paths, times, and the registry."""
        pc = self.windows.pc
        kept = [path for path in pc.disk.rglob("*") if pc.temp not in (path, *path.parents)]
        found = sorted(f"{path} {path.lstat().st_mtime_ns}" for path in kept)
        return {WINDOWS: "\n".join([*found, *map(str, sorted(pc.registry.items()))])}


def states_of(report: dict[str, Any]) -> dict[tuple[str, str, str], str]:
    return {(row["host"], row["login"], row["client"]): row["state"] for row in report["rows"]}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The desks, each with what makes its state; nothing of it stays on those of the lab."""
    subprocess.run([PROJECT / "lab" / "lab", "up", DEBIAN, ALMA, SUSE, MAC], check=True, capture_output=True)
    forget = "for name in pidgin MozillaThunderbird MozillaThunderbird-translations-common; do "
    forget += (
        "rpm -q $name >/dev/null && rpm --force-debian -e $name; done; rm -rf /home/*/.purple /home/*/.thunderbird "
    )
    forget += f"/home/*/Library /home/*/.config /var/lib/im_client {BREW}/Cellar/* {BREW}/Caskroom/* {BREW}/opt/* "
    forget += "/Applications/Thunderbird.app"
    for desk in (ALMA, SUSE, MAC):
        on_desk(desk, forget)
    for login in (YESTERDAY, BUSY):
        add_login(DEBIAN, login)
    was = on_desk(ALMA, "cat /etc/os-release")
    directory = tmp_path_factory.mktemp("windows")
    authority, context = authority_and_context(directory)
    pc = WindowsPC(directory, WINDOWS)
    with Peer({WINDOWS: pc}, USER, PASSWORD, context).serving() as peer:
        try:
            on_desk(ALMA, "cat > /tmp/os-release && rm /etc/os-release && mv /tmp/os-release /etc/", secret=ALMALINUX)
            yield Fleet(Site(directory, {WINDOWS: pc}, peer, authority))
        finally:
            on_desk(ALMA, "cat > /etc/os-release", secret=was)
            for login in (YESTERDAY, BUSY):
                remove_login(DEBIAN, login)
            on_desk(SUSE, "rm -rf /home/zobrien/.purple")


def roaming(pc: WindowsPC, login: str) -> Path:
    return pc.disk / "Users" / login / "AppData" / "Roaming"


def test_one_run_one_table_and_every_state_right(fleet: Fleet) -> None:
    pc = fleet.windows.pc
    # Yesterday.
    seats = [{"login": YESTERDAY, "person": "alice.martin", "clients": ["pidgin"]}]
    fleet.run(
        limit=DEBIAN, im_seats=seats, not_foretold="what the run of the day before left, for a seat to be compliant"
    )
    # Today.
    on_desk(DEBIAN, f"su {BUSY} -c 'cp /bin/sleep ~/pidgin; setsid ~/pidgin 3600 >/dev/null 2>&1 </dev/null &'")
    lay(SUSE, "zobrien", {".purple/accounts.xml": TORN})
    programs = PROGRAMS | {"Mozilla.Thunderbird.ESR.fr": PROGRAMS["Mozilla.Thunderbird.fr"]}
    pc.install_winget("1.28.219.0", programs=programs)
    for number, login in enumerate(("alice", "zoe", "bruno", "nora")):
        pc.add_person(login, 3000 + number)
    pc.start_process("Pidgin.exe", "zoe")
    torn = roaming(pc, "bruno") / ".purple" / "accounts.xml"
    torn.parent.mkdir()
    torn.write_bytes(TORN)

    first = fleet.run()  # and before it with --check, which has to foretell every row, document and diff
    report = report_of(first)
    assert states_of(report) == EXPECTED, first.stdout
    assert {row["person"]: row["verdict"] for row in report["rows"]} == VERDICTS
    assert first.returncode == 2
    (table,) = re.findall(r"(?m)^ *poste +session +personne .*\n(?:.*\S.*\n)+", first.stdout)
    assert {host for host, _, _ in EXPECTED} <= set(table.split())
    details = {(row["host"], row["client"]): row["detail"] for row in report["rows"] if row["state"] == "failed"}
    assert "Homebrew ne le fournit pas" in details[MAC, "gajim"]
    assert "EPEL" in details[ALMA, "gajim"]
    versions = {(row["host"], row["client"]): row["version"] for row in report["rows"]}
    assert (versions[WINDOWS, "gajim"], versions[MAC, "thunderbird"], versions[ALMA, "pidgin"]) == (
        "2.4.7",
        "153.0",
        "2.14.14-1",
    )
    assert "alice.martin" in (roaming(pc, "alice") / ".purple" / "accounts.xml").read_text(encoding="utf-8")
    assert torn.read_bytes() == TORN
    assert not (roaming(pc, "zoe") / ".purple").exists()

    before = pc.starts
    second = fleet.run()
    assert states_of(report_of(second)) == {
        place: "compliant" if state == "changed" else state for place, state in EXPECTED.items()
    }, second.stdout
    assert set(changed_hosts(second).values()) == {0}
    assert pc.starts - before == 2 * 2  # --check and the run: what the PC has, read
