"""The role im_client, unmodified, on made-up Windows PCs: from nothing to three clients, and again without a change."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_formats.shell_link import read
from documents import explorers_link
from windows_pc import WindowsPC
from windows_programs import PROGRAMS, install
from windows_site import Site

CLIENTS = ["gajim", "pidgin", "thunderbird"]
IDS = ["Gajim.Gajim", "Pidgin.Pidgin", "Mozilla.Thunderbird.fr"]
SERVICE = {"domain": "univ.example"}


def people(count: int) -> dict[str, Any]:
    hostile = {"name": 'Zoë O\'Brien & "Co" <x> \\'}
    return {"zoe.obrien": hostile} | {f"person.n{number}": {} for number in range(1, count)}


def with_seats(pc: WindowsPC, count: int) -> list[dict[str, Any]]:
    """Make people with a profile on a PC, and the seats that the inventory has of them."""
    seats = []
    for number, person in enumerate(people(count)):
        pc.add_person(f"user{number}", 2000 + number)
        seats.append({"login": f"user{number}", "person": person, "clients": CLIENTS})
    return seats


def tasks_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(done.stdout + done.stderr) from None
    tasks: list[dict[str, Any]] = report["plays"][0]["tasks"]
    return tasks


def seats_of(done: subprocess.CompletedProcess[str], name: str = "pc-1") -> list[dict[str, Any]]:
    """What im_profile said of each seat."""
    shown = tasks_of(done)[-1]["hosts"][name]
    assert "seats" in shown.get("__im_client_profile", {}), done.stdout[-6000:]
    seats: list[dict[str, Any]] = shown["__im_client_profile"]["seats"]
    return seats


def roaming(pc: WindowsPC, login: str = "user0") -> Path:
    return pc.disk / "Users" / login / "AppData" / "Roaming"


@pytest.fixture
def equipped(site: Site) -> Site:
    """A PC that has the three clients already."""
    for name in IDS:
        install(site.pc, name)
    return site


def test_a_thunderbird_in_another_folder_is_a_row_and_nothing_is_laid_for_it(equipped: Site) -> None:
    pc = equipped.pc
    folder = str(pc.disk / "Program Files (x86)" / "Mozilla Thunderbird")
    install(pc, "Mozilla.Thunderbird.fr", InstallLocation=folder)
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1), "im_language": "en"}
    seats = {seat["client"]: seat for seat in seats_of(equipped.deploy(**inventory))}
    assert {name: seat["state"] for name, seat in seats.items()} == {
        "thunderbird": "failed",
        "gajim": "changed",
        "pidgin": "changed",
    }
    assert f"is installed in {folder}" in seats["thunderbird"]["detail"]
    assert not (roaming(pc) / "Thunderbird").exists()


def test_accounts_are_laid_into_the_profiles_of_three_clients_and_a_second_run_changes_nothing(equipped: Site) -> None:
    pc = equipped.pc
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    foretold = seats_of(equipped.deploy("--check", "--diff", **inventory))
    assert [seat["state"] for seat in foretold] == ["changed"] * 3
    assert not list(roaming(pc).iterdir())
    before = pc.starts
    done = seats_of(equipped.deploy(**inventory))
    assert [seat["state"] for seat in done] == ["changed"] * 3, done
    assert pc.starts - before == 3  # what the PC has, read, write
    assert "zoe.obrien" in (roaming(pc) / ".purple" / "accounts.xml").read_text(encoding="utf-8")
    assert b"zoe.obrien@univ.example" in (roaming(pc) / "Gajim" / "settings.sqlite").read_bytes()
    assert list((roaming(pc) / "Thunderbird").rglob("prefs.js"))
    before = pc.starts
    again = seats_of(equipped.deploy(**inventory))
    assert [seat["state"] for seat in again] == ["compliant"] * 3, again
    assert pc.starts - before == 2  # what the PC has, read


def test_a_run_without_a_change_starts_powershell_as_often_for_many_people_as_for_one(equipped: Site) -> None:
    pc = equipped.pc
    inventory = {"im_service": SERVICE, "im_people": people(20), "im_seats": with_seats(pc, 20)}
    assert {seat["state"] for seat in seats_of(equipped.deploy(**inventory))} == {"changed"}
    before = pc.starts
    assert {seat["state"] for seat in seats_of(equipped.deploy(**inventory))} == {"compliant"}
    assert pc.starts - before == 2


def test_missing_packages_are_installed_before_the_profiles_are_laid(site: Site) -> None:
    pc = site.pc
    programs = PROGRAMS | {"Mozilla.Thunderbird.ESR.fr": PROGRAMS["Mozilla.Thunderbird.fr"]}
    pc.install_winget("1.28.219.0", programs=programs)
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    done = seats_of(site.deploy(**inventory))
    assert [seat["state"] for seat in done] == ["changed"] * 3, done
    assert sorted(typed[typed.index("--id") + 1] for typed in pc.winget_calls) == [
        "Gajim.Gajim",
        "Mozilla.Thunderbird.ESR.fr",
        "Pidgin.Pidgin",
    ]
    assert {seat["version"] for seat in done} == {"2.4.7", "2.14.14", "156.0.1"}


def test_pinned_versions_are_installed_but_none_in_the_place_of_a_newer_one(equipped: Site) -> None:
    pc = equipped.pc
    pc.install_winget("1.28.219.0", programs=PROGRAMS)
    install(pc, "Pidgin.Pidgin", DisplayVersion="2.14.12")
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    pins = {"pidgin": "2.14.14", "gajim": "2.3.0"}
    done = {seat["client"]: seat for seat in seats_of(equipped.deploy(im_package_versions=pins, **inventory))}
    assert {name: seat["state"] for name, seat in done.items()} == {
        "gajim": "failed",
        "pidgin": "changed",
        "thunderbird": "changed",
    }
    assert "im_package_versions" in done["gajim"]["detail"] and done["pidgin"]["version"] == "2.14.14"
    (typed,) = pc.winget_calls
    assert typed[typed.index("--version") + 1] == "2.14.14"


def test_a_pc_is_not_asked_in_python_whether_it_reaches_the_service(equipped: Site) -> None:
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(equipped.pc, 1)}
    done = equipped.deploy(im_client_check_reach=True, **inventory)
    assert all(not task["hosts"]["pc-1"].get("failed") for task in tasks_of(done))
    assert {seat["state"] for seat in seats_of(done)} == {"changed"}


STARTUP = "Microsoft/Windows/Start Menu/Programs/Startup"


def states(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {seat["client"]: seat["state"] for seat in seats_of(done)}


def test_clients_start_at_login_by_shortcuts_that_only_whoever_deletes_them_takes_back(equipped: Site) -> None:
    pc = equipped.pc
    wish = {"im_preferences": {"start_at_login": True}}
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    startup = roaming(pc) / STARTUP
    foretold = seats_of(equipped.deploy("--check", **inventory, **wish))
    assert all(f"AppData/Roaming/{STARTUP}" in json.dumps(seat["documents"]) for seat in foretold)
    assert not any(seat["warnings"] for seat in foretold)
    equipped.deploy(**inventory, **wish)
    laid = {path.name: path.read_bytes() for path in startup.iterdir()}
    targets = {name: read(content).target for name, content in laid.items()}
    assert targets == {
        "Gajim.lnk": "%ProgramFiles(x86)%\\Gajim\\bin\\Gajim.exe",
        "Pidgin.lnk": "%ProgramFiles(x86)%\\Pidgin\\pidgin.exe",
        "Thunderbird.lnk": "%ProgramFiles%\\Mozilla Thunderbird\\thunderbird.exe",
    }
    assert set(states(equipped.deploy(**inventory, **wish)).values()) == {"compliant"}
    (startup / "Gajim.lnk").unlink()  # Zoë does not want it
    assert states(equipped.deploy(**inventory, **wish))["gajim"] == "compliant"
    assert not (startup / "Gajim.lnk").exists()
    enforced = {"im_enforced_preferences": ["start_at_login"]}
    assert states(equipped.deploy(**inventory, **wish, **enforced))["gajim"] == "changed"
    assert (startup / "Gajim.lnk").read_bytes() == laid["Gajim.lnk"]


def test_a_shortcut_that_somebody_made_is_never_replaced_and_no_wish_takes_it_away(equipped: Site) -> None:
    pc = equipped.pc
    seats = with_seats(pc, 1)
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_language": "en"}
    inventory["im_enforced_preferences"] = ["start_at_login"]
    startup = roaming(pc) / STARTUP
    startup.mkdir(parents=True)
    theirs = {
        "Gajim.lnk": explorers_link("C:\\Program Files (x86)\\Gajim\\bin\\Gajim.exe"),
        "Pidgin.lnk": explorers_link("C:\\Games\\pigeon.exe"),
    }
    for name, content in theirs.items():
        (startup / name).write_bytes(content)
    done = equipped.deploy(im_seats=seats, im_preferences={"start_at_login": True}, **inventory)
    assert states(done) == {"gajim": "changed", "pidgin": "refused", "thunderbird": "changed"}
    assert "it starts something else" in json.dumps(seats_of(done))
    done = equipped.deploy(im_seats=seats, im_preferences={"start_at_login": False}, **inventory)
    assert states(done) == {"gajim": "refused", "pidgin": "changed", "thunderbird": "changed"}
    assert {path.name: path.read_bytes() for path in startup.iterdir()} == theirs  # Thunderbird's was ours
    retired = [seat | {"state": "absent"} for seat in seats]
    equipped.deploy(im_seats=retired, im_preferences={"start_at_login": True}, **inventory)
    assert {path.name: path.read_bytes() for path in startup.iterdir()} == theirs


def test_a_running_client_is_deferred_and_the_others_done(equipped: Site) -> None:
    pc = equipped.pc
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    pc.start_process("Gajim.exe", "user0")
    assert states(equipped.deploy(**inventory)) == {"gajim": "deferred", "pidgin": "changed", "thunderbird": "changed"}
    assert not (roaming(pc) / "Gajim").exists()


def test_the_pc_and_each_client_trust_the_authority_of_the_service(equipped: Site) -> None:
    pc = equipped.pc
    pem = equipped.authority.read_text(encoding="utf-8")
    service = SERVICE | {"ca_file": str(equipped.authority)}
    inventory = {"im_service": service, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    pc.let_certutil_fail()
    done = equipped.deploy(im_language="en", **inventory)
    assert "this PC does not trust the service's CA" in done.stdout and "0x80070005" in done.stdout
    pc.let_certutil_work()
    done_again = seats_of(equipped.deploy(**inventory))
    assert {seat["state"] for seat in done_again} == {"compliant"}, done_again
    laid = pc.disk / "Program Files" / "im_client" / "im-service.crt"
    typed = f"-f -addstore Root {pc.disk}/Program Files\\im_client\\im-service.crt"
    assert pc.certutil_calls == [typed] * 2
    assert laid.read_text(encoding="utf-8").strip() == pem.strip()
    pidgins = pc.disk / "Program Files (x86)" / "Pidgin" / "ca-certs" / "im-service.pem"
    assert pidgins.read_text(encoding="utf-8").strip() == pem.strip()
    policies = pc.disk / "Program Files" / "Mozilla Thunderbird" / "distribution" / "policies.json"
    wanted = {"policies": {"Certificates": {"ImportEnterpriseRoots": True}}}
    assert json.loads(policies.read_text(encoding="utf-8")) == wanted
    assert {seat["state"] for seat in seats_of(equipped.deploy(**inventory))} == {"compliant"}
    assert len(pc.certutil_calls) == 2


def test_what_is_in_a_profile_stays_byte_for_byte(equipped: Site) -> None:
    pc = equipped.pc
    inventory = {"im_service": SERVICE, "im_people": people(1), "im_seats": with_seats(pc, 1)}
    file = roaming(pc) / ".purple" / "accounts.xml"
    file.parent.mkdir()
    foreign = (
        "<?xml version='1.0' encoding='UTF-8' ?>\n\n<account version='1.0'>\n\t<account>\n"
        "\t\t<protocol>prpl-irc</protocol>\n\t\t<name>zoë@irc.example</name>\n\t</account>\n</account>\n"
    )
    file.write_bytes(foreign.encode())
    seats_of(equipped.deploy(**inventory))
    laid = file.read_text(encoding="utf-8")
    assert "\t<account>\n\t\t<protocol>prpl-irc</protocol>\n\t\t<name>zoë@irc.example</name>\n\t</account>\n" in laid
    assert "zoe.obrien@univ.example" in laid or "zoe.obrien" in laid
