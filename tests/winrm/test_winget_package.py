"""winget_package: the module and its Windows parts, run by a real PowerShell against a faked winget and registry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from module_server import ModuleServer
from windows_pc import WindowsPC
from windows_programs import PROGRAMS, UNINSTALL, install
from windows_site import Site

STARTUP = "Microsoft/Windows/Start Menu/Programs/Startup/Gajim.lnk"
SYSTEM_STARTUP = "Windows/System32/config/systemprofile/AppData/Roaming/" + STARTUP

GAJIM = {"id": "Gajim.Gajim", "product": "Gajim", "shortcuts": ["Gajim.lnk"]}
PIDGIN = {"id": "Pidgin.Pidgin", "product": "Pidgin", "custom": ["/L=1036", "/DS=0"]}
THUNDERBIRD = {
    "id": "Mozilla.Thunderbird.fr",
    "product": "Mozilla Thunderbird*",
    "custom": ["/RemoveDistributionDir=false", "/DesktopShortcut=false", "/MaintenanceService=false"],
}
Call = Callable[..., dict[str, Any]]


def with_winget(pc: WindowsPC, **winget: Any) -> None:
    pc.install_winget("1.9.25200.0", "1.28.219.0", programs=PROGRAMS, **winget)


@pytest.fixture
def call(pc: WindowsPC, modules: ModuleServer) -> Call:
    """Call winget_package as SYSTEM for some packages: call(*packages, check=False, runs_as="SYSTEM", **arguments)."""

    def ask(*packages: Any, check: bool = False, runs_as: str = "SYSTEM", **arguments: Any) -> dict[str, Any]:
        given = {"packages": list(packages), "delay": 0, "retries": 2} | arguments
        return modules.call(pc, "winget_package", given, check, IM_FAKE_ACCOUNT=runs_as)

    return ask


def code_of(answer: dict[str, Any]) -> str:
    (package,) = answer["packages"]
    code: str = package["code"]
    return code


def test_through_ansible_a_missing_package_is_installed_as_system_by_the_newest_winget(site: Site) -> None:
    with_winget(site.pc)
    answer = site.module("winget_package", {"packages": [PIDGIN]})
    (package,) = answer["packages"]
    assert answer["changed"] is True
    assert (package["before"], package["after"], package["route"]) == (None, "2.14.14", "system")
    assert [" ".join(typed) for typed in site.pc.winget_calls] == [
        "install --id Pidgin.Pidgin --exact --source winget --scope machine --silent --disable-interactivity "
        "--accept-source-agreements --accept-package-agreements --no-upgrade --custom /L=1036 /DS=0"
    ]
    assert site.pc.starts == 2  # that of WinRM, and the one that runs as SYSTEM


def test_what_is_installed_in_either_view_of_the_registry_is_left_and_winget_not_even_looked_for(
    pc: WindowsPC, call: Call
) -> None:
    install(pc, "Gajim.Gajim")
    install(pc, "Mozilla.Thunderbird.fr")
    pc.set_registry(UNINSTALL + "{A-KEY-WITHOUT-NAME}", SystemComponent=1)
    answer = call(GAJIM, THUNDERBIRD)
    assert answer["changed"] is False
    assert [package["code"] for package in answer["packages"]] == ["unchanged", "unchanged"]
    assert [package["before"] for package in answer["packages"]] == ["2.4.7", "156.0.1"]


def test_a_program_with_a_value_that_powershell_cannot_read_hides_no_other(pc: WindowsPC, call: Call) -> None:
    pc.set_registry(UNINSTALL + "nbi-nb-base-8.2", DisplayName="NetBeans IDE 8.2", NoModify={"dword_of_bytes": 8})
    install(pc, "Pidgin.Pidgin")
    assert code_of(call(PIDGIN)) == "unchanged"


def test_the_options_of_the_installers_reach_them(pc: WindowsPC, call: Call) -> None:
    with_winget(pc)
    call(THUNDERBIRD)
    (typed,) = pc.winget_calls
    assert typed[typed.index("--custom") + 1].startswith("/RemoveDistributionDir=false ")


def test_check_mode_foretells_and_runs_nothing(pc: WindowsPC, call: Call) -> None:
    with_winget(pc)
    answer = call(PIDGIN, check=True)
    assert answer["changed"] is True
    assert answer["diff"] == {"before": "Pidgin.Pidgin absent\n", "after": "Pidgin.Pidgin newest\n"}
    assert pc.winget_calls == []


def test_a_package_goes_when_it_is_to_be_absent(pc: WindowsPC, call: Call) -> None:
    with_winget(pc)
    install(pc, "Pidgin.Pidgin")
    answer = call(PIDGIN, state="absent")
    assert answer["changed"] is True
    assert answer["diff"]["after"] == "Pidgin.Pidgin absent\n"
    assert call(PIDGIN, state="absent")["changed"] is False
    assert [typed[0] for typed in pc.winget_calls] == ["uninstall"]


def test_an_uninstaller_that_goes_on_after_its_end_is_waited_for(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, lingers=3, client=True)
    install(pc, "Pidgin.Pidgin")
    answer = call(PIDGIN, state="absent")
    assert (code_of(answer), answer["packages"][0]["after"], answer["routes"]) == ("installed", None, [])
    assert [typed[0] for typed in pc.winget_calls] == ["uninstall"]


def test_a_removal_that_does_not_happen_is_waited_for_no_longer_than_wished(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, lies=True)
    install(pc, "Pidgin.Pidgin")
    assert code_of(call(PIDGIN, state="absent", routes=["system"], removal_timeout=1)) == "not_seen"


def test_the_newest_is_asked_for_only_where_the_site_wants_it(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, codes={"Pidgin.Pidgin": [-1978335189]})
    install(pc, "Pidgin.Pidgin")
    assert code_of(call(PIDGIN, state="latest")) == "unchanged"
    (typed,) = pc.winget_calls
    assert "--no-upgrade" not in typed
    assert code_of(call(PIDGIN, state="latest", check=True)) == "unknown"


def test_a_version_is_pinned_and_a_newer_one_is_not_taken_back(pc: WindowsPC, call: Call) -> None:
    with_winget(pc)
    install(pc, "Pidgin.Pidgin", DisplayVersion="2.14.12")
    assert call(PIDGIN | {"version": "2.14.14"})["changed"] is True
    (typed,) = pc.winget_calls
    assert typed[typed.index("--version") + 1] == "2.14.14"
    assert code_of(call(PIDGIN | {"version": "2.14.13"})) == "newer_installed"
    assert len(pc.winget_calls) == 1


def test_the_shortcut_that_gajim_leaves_for_the_account_that_installs_it_is_removed(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, files={"Gajim.Gajim": [SYSTEM_STARTUP]})
    users = pc.disk / "Users" / "amartin" / "AppData/Roaming" / STARTUP
    users.parent.mkdir(parents=True)
    users.touch()
    answer = call(GAJIM)
    assert answer["packages"][0]["shortcuts_removed"] == [str(pc.disk / SYSTEM_STARTUP)]
    assert not (pc.disk / SYSTEM_STARTUP).exists()
    assert users.exists()  # somebody chose that one
    (pc.disk / SYSTEM_STARTUP).touch()
    assert call(GAJIM, check=True)["changed"] is True
    assert (pc.disk / SYSTEM_STARTUP).exists()


# What each code of facts/packages.md A2 is taken for, as winget ends with it (signed). "installed" needs the program.
CODES = {
    -1978335189: "not_seen",  # no applicable update, yet the registry has no such program
    -1978335135: "not_seen",
    -1978334963: "not_seen",
    -1978334962: "not_seen",
    -1978335153: "not_seen",
    -1978335212: "unknown_package",
    -1978334967: "reboot",
    -1978334965: "reboot",
    -1978334975: "in_use",
    -1978334973: "in_use",
    -1978334974: "busy",
    -1978335123: "busy",
    -1978335217: "source",
    -1978335163: "source",
    -1978335157: "source",
    -1978335224: "source",  # DOWNLOAD_FAILED
    -1978334969: "source",  # INSTALL_NO_NETWORK
    -2147012889: "source",  # 0x80072EE7, WinINet: the name of the server is not resolved
    -2147012721: "source",  # 0x80072F8F, WinINet: the certificate of the server
    -2145844845: "source",  # 0x80190193, HTTP 403
    -2133839859: "source",  # 0x80D0300D, Delivery Optimization
    -1978335162: "agreements",
    -1978335167: "agreements",
    -1978335090: "technology",
    -1978335216: "no_installer",
    -2147023584: "no_session",
    -2147009287: "no_session",
    17: "failed",
}


@pytest.mark.parametrize("code", CODES)
def test_each_code_of_winget_has_its_meaning(pc: WindowsPC, call: Call, code: int) -> None:
    with_winget(pc, codes={"Pidgin.Pidgin": [code]}, lies=True)
    answer = call(PIDGIN, routes=["system"])
    assert code_of(answer) == CODES[code]
    assert answer["packages"][0]["exit_code"] == f"0x{code & 0xFFFFFFFF:08X}"
    assert answer["reboot_required"] is (CODES[code] == "reboot")


ALREADY = [-1978335189, -1978335135, -1978334963, -1978335153]


@pytest.mark.parametrize("code", ALREADY)
def test_codes_that_say_already_there_are_no_change_where_it_is_there(pc: WindowsPC, call: Call, code: int) -> None:
    with_winget(pc, codes={"Pidgin.Pidgin": [code]})
    install(pc, "Pidgin.Pidgin")
    answer = call(PIDGIN, state="latest")
    assert (code_of(answer), answer["changed"]) == ("unchanged", False)


def test_a_code_is_known_with_its_sign_and_without(run_powershell: Callable[[str], str]) -> None:
    words = "; ".join(f"Resolve-ImWingetCode {code}; Resolve-ImWingetCode {code & 0xFFFFFFFF}" for code in CODES)
    told = run_powershell(words).split()
    assert told[0::2] == told[1::2]
    assert len(told) == 2 * len(CODES)


def test_a_busy_winget_is_asked_again(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, codes={"Pidgin.Pidgin": [-1978334974, -1978335123, 0]})
    assert code_of(call(PIDGIN)) == "installed"
    assert len(pc.winget_calls) == 3


def test_success_of_which_the_registry_knows_nothing_is_none(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, lies=True)
    answer = call(PIDGIN, routes=["system"])
    assert (code_of(answer), answer["changed"]) == ("not_seen", False)


def test_where_the_source_fails_microsofts_module_is_the_next_route(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, codes={"Pidgin.Pidgin": [-1978335217, 0]}, client=True)
    answer = call(PIDGIN)
    assert code_of(answer) == "installed"
    assert answer["packages"][0]["route"] == "client"
    assert [route["name"] for route in answer["routes"]] == ["system"]
    assert pc.winget_calls[1][-2:] == ["--client-scope", "System"]


def test_an_error_of_microsofts_module_has_the_same_meanings(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, codes={"Pidgin.Pidgin": [-1978334975]}, client=True)
    answer = call(PIDGIN, routes=["client"])
    assert code_of(answer) == "in_use"
    assert answer["packages"][0]["exit_code"] == "0x8A150101"


def test_microsofts_module_installs_nothing_anew_that_is_the_newest(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, client=True)
    install(pc, "Gajim.Gajim", DisplayVersion="2.3.0")
    answer = call(GAJIM, state="latest", routes=["client"])
    assert (code_of(answer), answer["packages"][0]["exit_code"]) == ("unchanged", "0x8A15002B")
    assert pc.winget_calls == []
    pc.change(winget=pc.model["winget"] | {"newer": ["Gajim.Gajim"]})
    answer = call(GAJIM, state="latest", routes=["client"])
    assert (code_of(answer), answer["packages"][0]["after"]) == ("installed", "2.4.7")
    assert [typed[0] for typed in pc.winget_calls] == ["install"]


def test_microsofts_module_installs_the_newest_of_what_is_missing(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, client=True)
    assert code_of(call(GAJIM, state="latest", routes=["client"])) == "installed"


@pytest.mark.parametrize("inner", [-2147012889, -2147024891])
def test_a_catalogue_that_does_not_open_for_microsofts_module_is_wingets_fault(
    pc: WindowsPC, call: Call, inner: int
) -> None:
    with_winget(pc, client=True, client_catalogue=inner)
    answer = call(PIDGIN, routes=["client"])
    assert code_of(answer) == "source"
    assert answer["packages"][0]["exit_code"] == f"0x{inner & 0xFFFFFFFF:08X}"


def test_every_route_that_cannot_be_taken_says_why(pc: WindowsPC, call: Call) -> None:
    answer = call(PIDGIN)
    assert code_of(answer) == "no_route"
    reasons = {route["name"]: route["why"] for route in answer["routes"]}
    assert "WindowsApps" in reasons["system"]
    assert "Microsoft.WinGet.Client" in reasons["client"]


def test_a_winget_that_prints_nothing_is_not_trusted(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, version="", version_code=-1073741515)
    answer = call(PIDGIN, routes=["system"])
    assert code_of(answer) == "no_route"
    why = answer["routes"][0]["why"]
    assert "prints nothing (it ends with 0xC0000135)" in why and "2015-2022 redistributable (x64)" in why


def test_another_account_than_system_takes_no_route(pc: WindowsPC, call: Call) -> None:
    with_winget(pc)
    answer = call(PIDGIN, runs_as="deploy")
    assert code_of(answer) == "no_route"
    assert all("SYSTEM" in route["why"] for route in answer["routes"])


def test_what_winget_removes_from_others_is_not_called_success(pc: WindowsPC, call: Call) -> None:
    with_winget(pc, codes={"Pidgin.Pidgin": [-1978335212]})
    install(pc, "Pidgin.Pidgin")
    assert code_of(call(PIDGIN, state="absent")) == "unknown_package"


def test_through_ansible_a_failure_says_in_french_what_to_do(site: Site) -> None:
    with_winget(site.pc, codes={"Gajim.Gajim": [-1978334975]})
    answer = site.module("winget_package", {"packages": [GAJIM]})
    assert answer["failed"] is True
    assert answer["msg"].startswith("Gajim.Gajim : le logiciel ou l'un de ses fichiers est utilisé")


def test_the_shortcut_of_the_account_of_the_connection_is_removed_too(pc: WindowsPC, call: Call) -> None:
    install(pc, "Gajim.Gajim")
    left = pc.add_person("PC-1\\deploy", 1001, "deploy") / "AppData/Roaming" / STARTUP
    left.parent.mkdir(parents=True)
    left.touch()
    answer = call(GAJIM, account="PC-1\\deploy")
    assert answer["packages"][0]["shortcuts_removed"] == [str(left)]


def test_a_shortcut_that_we_laid_for_the_account_of_the_connection_stays(pc: WindowsPC, call: Call) -> None:
    install(pc, "Gajim.Gajim")
    laid = pc.add_person("PC-1\\deploy", 1001, "deploy") / "AppData/Roaming" / STARTUP
    laid.parent.mkdir(parents=True)
    laid.write_bytes(b"laid by us")
    kept = {"shortcuts_kept": [hashlib.sha256(b"laid by us").hexdigest()]}
    assert call(GAJIM | kept, account="PC-1\\deploy")["changed"] is False
    assert laid.exists()
    laid.write_bytes(b"laid by the installer over ours")
    assert call(GAJIM | kept, account="PC-1\\deploy")["packages"][0]["shortcuts_removed"] == [str(laid)]
