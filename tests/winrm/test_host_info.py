"""im_host_info on made-up Windows PCs: what the registry says of the PC and of its programs."""

from __future__ import annotations

from typing import Any

import pytest
from module_server import ModuleServer
from windows_pc import CURRENT_VERSION, WindowsPC
from windows_programs import UNINSTALL, install

THUNDERBIRD = "Mozilla.Thunderbird.fr"
ASKED = {
    "packages": [THUNDERBIRD],
    "applications": {THUNDERBIRD: "Mozilla Thunderbird*"},
    "commands": {THUNDERBIRD: "%ProgramFiles%\\Mozilla Thunderbird\\thunderbird.exe"},
}
OLD = UNINSTALL + "Mozilla Thunderbird 115.1.0 (x86 fr)"


@pytest.mark.parametrize(
    ("name", "build", "told"),
    [
        ("Windows 10 Enterprise", "26100", "Windows 11 Enterprise"),
        ("Windows 10 Pro", "19045", "Windows 10 Pro"),
        ("Windows Server 2025 Datacenter", "26100", "Windows Server 2025 Datacenter"),
    ],
)
def test_windows_11_is_called_by_its_name(
    pc: WindowsPC, modules: ModuleServer, name: str, build: str, told: str
) -> None:
    pc.set_registry(CURRENT_VERSION, ProductName=name, CurrentBuildNumber=build)
    host = modules.call(pc, "im_host_info", {})["host"]
    assert (host["distribution"], host["distribution_version"]) == (told, f"10.0.{build}")
    assert host["distribution_major"] == "10"


@pytest.mark.parametrize(
    "said",
    [
        *("", "PROGRAMS/Mozilla Thunderbird", "PROGRAMS/Mozilla Thunderbird\\", '"PROGRAMS/MOZILLA thunderbird/"'),
        "C:\\PROGRA~1\\MOZILL~1",
    ],
)
def test_a_program_in_its_usual_folder_or_in_none_that_it_names_is_in_place(
    pc: WindowsPC, modules: ModuleServer, said: str
) -> None:
    install(pc, THUNDERBIRD, InstallLocation=said.replace("PROGRAMS", str(pc.disk / "Program Files")))
    answer = modules.call(pc, "im_host_info", ASKED)
    assert (answer["packages"], answer["elsewhere"]) == ({THUNDERBIRD: "156.0.1"}, {})


@pytest.mark.parametrize("name", ["Program Files (x86)/Mozilla Thunderbird", "Program Files/Mozilla Thunderbird 156"])
def test_a_program_in_another_folder_is_told_with_it(pc: WindowsPC, modules: ModuleServer, name: str) -> None:
    folder = str(pc.disk / name)
    install(pc, THUNDERBIRD, InstallLocation=folder)
    answer = modules.call(pc, "im_host_info", ASKED)
    assert (answer["packages"], answer["elsewhere"]) == ({THUNDERBIRD: "156.0.1"}, {THUNDERBIRD: folder})


def test_of_two_programs_of_a_name_the_one_in_its_usual_folder_counts(pc: WindowsPC, modules: ModuleServer) -> None:
    old: dict[str, Any] = {"DisplayName": "Mozilla Thunderbird (x86 fr)", "DisplayVersion": "115.1.0"}
    pc.set_registry(OLD, InstallLocation=str(pc.disk / "Program Files (x86)" / "Mozilla"), **old)
    install(pc, THUNDERBIRD, InstallLocation=str(pc.disk / "Program Files" / "Mozilla Thunderbird"))
    answer = modules.call(pc, "im_host_info", ASKED)
    assert (answer["packages"], answer["elsewhere"]) == ({THUNDERBIRD: "156.0.1"}, {})
