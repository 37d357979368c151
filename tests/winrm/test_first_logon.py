"""People who never logged on to a PC: what a run leaves for them there, and what their first logon makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from first_logons import TASK, files_below, log_on, make_account, notes_of, place, waiting
from test_windows_site import CLIENTS, IDS, SERVICE, people, roaming, seats_of, with_seats
from windows_pc import WindowsPC
from windows_programs import install
from windows_site import Site


@pytest.fixture
def equipped(site: Site) -> Site:
    """A PC that has the three clients already."""
    for name in IDS:
        install(site.pc, name)
    return site


def inventory_of(pc: WindowsPC, **more: Any) -> dict[str, Any]:
    """One person with an account and no profile."""
    make_account(pc, "newcomer", 3000)
    seats = [{"login": "newcomer", "person": "zoe.obrien", "clients": CLIENTS}]
    return {"im_service": SERVICE, "im_people": people(1), "im_seats": seats, **more}


def states(seats: list[dict[str, Any]]) -> list[str]:
    return [seat["state"] for seat in seats]


def test_what_the_first_logon_lays_is_what_a_run_lays_into_an_empty_profile(equipped: Site) -> None:
    pc = equipped.pc
    inventory = inventory_of(pc)
    foretold = seats_of(equipped.deploy("--check", "--diff", **inventory))
    assert not place(pc).exists() and not pc.model["tasks"]
    before = pc.starts
    done = seats_of(equipped.deploy(**inventory))
    assert pc.starts - before == 3  # what the PC has, read, let wait
    assert states(done) == ["changed"] * 3
    assert [seat["documents"] for seat in foretold] == [seat["documents"] for seat in done]
    assert all("première ouverture de session" in seat["detail"] for seat in done)
    before = pc.starts
    again = seats_of(equipped.deploy(**inventory))
    assert states(again) == ["compliant"] * 3
    assert pc.starts - before == 2

    ended = log_on(pc, "newcomer")
    assert ended and (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert notes_of(pc, "newcomer") == dict.fromkeys(CLIENTS, "laid")
    laid = files_below(roaming(pc, "newcomer"))
    assert ".purple/accounts.xml" in laid and "Gajim/settings.sqlite" in laid

    before = pc.starts
    after = seats_of(equipped.deploy(**inventory))
    assert states(after) == ["compliant"] * 3, after
    assert {seat["login_job"]["state"] for seat in after} == {"changed"}
    assert pc.starts - before == 4  # what the PC has, read, remember, let nothing wait
    assert not waiting(pc) and not pc.model["tasks"] and not (place(pc) / "first-logon.ps1").exists()
    before = pc.starts
    assert states(seats_of(equipped.deploy(**inventory))) == ["compliant"] * 3
    assert pc.starts - before == 2

    # The same person with an empty profile and no logon in between.
    inventory["im_seats"] = with_seats(pc, 1)
    assert states(seats_of(equipped.deploy(**inventory))) == ["changed"] * 3
    assert files_below(roaming(pc)) == laid
