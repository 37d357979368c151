"""The role im_client, unmodified, by each of the connections that Ansible has to Windows, at the same cost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from canaries import ProcessWatch, decoded, holders, packed_forms, plain_forms
from ssh_peer import SSHPeer
from test_windows_site import IDS, SERVICE, people, roaming, seats_of, with_seats
from windows_programs import PROGRAMS, install
from windows_site import Site

CONNECTIONS = ["winrm", "psrp", "ssh"]


@pytest.fixture
def site_by(site: Site) -> Iterator[Callable[[str], Site]]:
    """A site of one PC that is reached by this connection."""
    with contextlib.ExitStack() as peers:

        def make(connection: str) -> Site:
            site.connection = connection
            if connection == "ssh":
                site.ssh_peers["pc-1"] = peers.enter_context(SSHPeer(site.directory, site.pc).serving())
            return site

        yield make


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_a_ping_answers_at_the_cost_of_one_powershell(site_by: Callable[[str], Site], connection: str) -> None:
    site = site_by(connection)
    answer = site.module("ansible.windows.win_ping", {"data": 'Zoë O\'Brien & "Co" <x> \\'})
    assert answer["ping"] == 'Zoë O\'Brien & "Co" <x> \\'
    assert site.pc.starts == 1


@pytest.mark.parametrize("connection", ["psrp", "ssh"])  # winrm: test_windows_site.py
def test_a_pc_comes_from_nothing_to_compliant(site_by: Callable[[str], Site], connection: str) -> None:
    site = site_by(connection)
    pc = site.pc
    programs = PROGRAMS | {"Mozilla.Thunderbird.ESR.fr": PROGRAMS["Mozilla.Thunderbird.fr"]}
    pc.install_winget("1.28.219.0", programs=programs)
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    done = seats_of(site.deploy(**inventory))
    assert [seat["state"] for seat in done] == ["changed"] * 3, done
    assert len(pc.winget_calls) == 3
    assert "zoe.obrien" in (roaming(pc) / ".purple" / "accounts.xml").read_text(encoding="utf-8")
    before = pc.starts
    assert [seat["state"] for seat in seats_of(site.deploy(**inventory))] == ["compliant"] * 3
    assert pc.starts - before == 2  # what the PC has, read


def test_a_default_shell_of_powershell_starts_another_for_each_call(site_by: Callable[[str], Site]) -> None:
    pc = site_by("ssh").pc
    pc.default_shell = "powershell"
    for name in IDS:
        install(pc, name)
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    assert [seat["state"] for seat in seats_of(site_by("ssh").deploy(**inventory))] == ["changed"] * 3
    before = pc.starts
    assert [seat["state"] for seat in seats_of(site_by("ssh").deploy(**inventory))] == ["compliant"] * 3
    assert pc.starts - before == 2 * 2  # hence docs/inventory.md: leave it cmd.exe


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_a_secret_in_a_profile_is_shown_by_no_verbosity(
    site_by: Callable[[str], Site], connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in tests/faults/test_canary.py, which asks the server too, and of winrm only."""
    site = site_by(connection)
    pc = site.pc
    for name in IDS:
        install(pc, name)
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    canary = "CANARY0123456789abcdef"
    file = roaming(pc) / ".purple" / "accounts.xml"
    file.parent.mkdir()
    file.write_text(
        "<?xml version='1.0' encoding='UTF-8' ?>\n\n<account version='1.0'>\n\t<account>\n"
        f"\t\t<protocol>prpl-irc</protocol>\n\t\t<name>z@irc.example</name>\n\t\t<password>{canary}</password>\n"
        "\t</account>\n</account>\n",
        encoding="utf-8",
    )
    needles = [*plain_forms(canary), *packed_forms(file.read_bytes())]
    monkeypatch.setenv("ANSIBLE_LOG_PATH", str(site.directory / "ansible.log"))  # where pypsrp and others write, too
    with ProcessWatch() as processes:
        done = site.play([{"import_role": {"name": "im_client"}}], "-vvvvvv", "--diff", **inventory)
    assert done.returncode == 0, done.stdout
    needles += packed_forms(file.read_bytes())
    shown = "\n".join([done.stdout, done.stderr, processes.lines(), *map(decoded, pc.arguments)])
    assert '"distribution"' in shown, "what other modules answer is shown"
    assert [needle for needle in needles if needle in shown] == []
    assert "H4sIA" not in shown, "gzip in base64: the beginning of any content that a PC answers"
    state = pc.disk / "ProgramData" / "im_client"
    found = [Path(path) for path in holders([site.directory], needles)]
    assert [path for path in found if path != file and state not in path.parents] == []
    assert file in found and any(state in path.parents for path in found), "the search finds what is there"
