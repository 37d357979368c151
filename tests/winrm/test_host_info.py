"""im_host_info on made-up Windows PCs: what the registry says of the PC and of its programs."""

from __future__ import annotations

from typing import Any

import pytest
from module_server import ModuleServer
from windows_pc import WindowsPC
from windows_programs import UNINSTALL, install

THUNDERBIRD = "Mozilla.Thunderbird.fr"
ASKED = {
    "packages": [THUNDERBIRD],
    "applications": {THUNDERBIRD: "Mozilla Thunderbird*"},
    "commands": {THUNDERBIRD: "%ProgramFiles%\\Mozilla Thunderbird\\thunderbird.exe"},
}
OLD = UNINSTALL + "Mozilla Thunderbird 115.1.0 (x86 fr)"


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
