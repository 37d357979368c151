"""What the format 'shell_link' promises: a shortcut that another reader reads alike, and the user's own left alone."""

from __future__ import annotations

import io
import json
from typing import Any

import LnkParse3
import pytest
from ansible.module_utils.im_formats import Refused
from ansible.module_utils.im_formats.shell_link import FORMAT, is_ours, link_to, read
from documents import explorers_link

GAJIM = "%ProgramFiles(x86)%\\Gajim\\bin\\Gajim.exe"
GAJIMS_PLACE = "C:\\Program Files (x86)\\Gajim\\bin\\Gajim.exe"
PORTABLE = "%USERPROFILE%\\Gajim Portable\\bin\\Gajim.exe"


def fragment(*command: str, start: bool = True) -> str:
    return json.dumps({"command": command or (GAJIM,), "start": start})


def as_another_reader_reads_it(content: bytes) -> dict[str, Any]:
    told: dict[str, Any] = LnkParse3.lnk_file(io.BytesIO(content)).get_json(get_all=True)
    return told


@pytest.mark.parametrize("command", [[GAJIM], [PORTABLE, "--quiet", "-v"], ["C:\\Zoë\\été.exe", "/x"]])
def test_another_reader_finds_program_arguments_and_folder_in_a_link_of_ours(command: list[str]) -> None:
    told = as_another_reader_reads_it(link_to(command))
    assert told["extra"]["ENVIRONMENTAL_VARIABLES_LOCATION_BLOCK"]["target_unicode"] == command[0]
    assert told["data"].get("command_line_arguments", "") == " ".join(command[1:])
    assert told["data"]["working_directory"] == command[0].rpartition("\\")[0]
    assert set(told["header"]["link_flags"]) == {
        "IsUnicode",
        "ForceNoLinkInfo",
        "HasExpString",
        "ForceNoLinkTrack",
        "PreferEnvironmentPath",
        "HasWorkingDir",
        *(["HasArguments"] if command[1:] else []),
    }
    assert list(told["extra"]) == ["ENVIRONMENTAL_VARIABLES_LOCATION_BLOCK"]  # no tracker: nothing of a machine


def test_the_same_command_gives_the_same_bytes_and_they_are_known_as_ours() -> None:
    assert link_to([GAJIM]) == link_to([GAJIM])
    assert is_ours(link_to([GAJIM])) and is_ours(link_to([PORTABLE, "--quiet"]))
    assert not is_ours(explorers_link(GAJIMS_PLACE))
    changed = bytearray(link_to([GAJIM]))
    changed[60] = 7  # minimised: a user did that
    assert not is_ours(bytes(changed))


def test_what_another_reader_reads_of_explorers_link_we_read_too() -> None:
    content = explorers_link(GAJIMS_PLACE, variable="%ProgramFiles%\\Gajim\\bin\\Gajim.exe", arguments="--quiet")
    told = as_another_reader_reads_it(content)
    assert (told["link_info"]["local_base_path"], told["data"]["command_line_arguments"]) == (GAJIMS_PLACE, "--quiet")
    assert read(content)[:2] == (GAJIMS_PLACE, "--quiet")


def test_a_link_that_names_its_program_by_variables_only_is_read() -> None:
    """As Windows has them in its own Start menu."""
    assert read(link_to([PORTABLE])).target == PORTABLE


@pytest.mark.parametrize(
    ("target", "program"),
    [
        (GAJIMS_PLACE, GAJIM),
        (GAJIMS_PLACE.upper(), GAJIM),
        ("D:\\Program Files (x86)\\Gajim\\bin\\Gajim.exe", GAJIM),
        ("C:\\Users\\zoe\\Gajim Portable\\bin\\Gajim.exe", PORTABLE),
    ],
)
def test_a_link_of_the_users_own_that_starts_the_client_is_as_good(target: str, program: str) -> None:
    theirs = explorers_link(target)
    assert FORMAT.merge(theirs, fragment(program), "") is theirs
    assert FORMAT.merge(theirs, "", fragment(program)) is theirs
    assert FORMAT.remove(theirs, {"link": ""}) is theirs


@pytest.mark.parametrize("target", ["C:\\Program Files\\Gajim\\bin\\Gajim.exe", "C:\\evil\\" + GAJIMS_PLACE[3:]])
def test_a_link_of_the_users_own_that_starts_something_else_is_never_replaced(target: str) -> None:
    theirs = explorers_link(target)
    assert FORMAT.merge(theirs, "", fragment()) is theirs
    assert FORMAT.merge(theirs, fragment(start=False), "") is theirs
    with pytest.raises(Refused, match="starts something else"):
        FORMAT.merge(theirs, fragment(), "")


def test_where_the_site_forbids_it_our_link_goes_and_the_users_is_told_of() -> None:
    assert FORMAT.merge(link_to([GAJIM]), fragment(start=False), "") == b""
    assert FORMAT.merge(link_to(["C:\\old.exe"]), fragment(start=False), "") == b""
    assert FORMAT.merge(None, fragment(start=False), "") == b""
    with pytest.raises(Refused, match="which the site forbids"):
        FORMAT.merge(explorers_link(GAJIMS_PLACE), fragment(start=False), "")


def test_our_link_follows_the_client_and_a_deleted_one_is_not_laid_again() -> None:
    assert FORMAT.merge(link_to([GAJIM]), "", fragment(PORTABLE)) == link_to([PORTABLE])
    assert FORMAT.merge(None, "", fragment(), taken_back=frozenset({"link"})) == b""
    assert FORMAT.merge(None, fragment(), "", taken_back=frozenset({"link"})) == link_to([GAJIM])


def test_only_a_link_of_ours_is_removed() -> None:
    ours = link_to([GAJIM])
    assert FORMAT.remove(ours, {"link": ""}) is None
    assert FORMAT.remove(ours, {}) is ours


def test_a_broken_link_stands_for_a_choice_unless_the_site_enforces_ours() -> None:
    assert FORMAT.merge(b"junk", "", fragment()) == b"junk"
    with pytest.raises(Refused, match="no shortcut of Windows"):
        FORMAT.merge(b"junk", fragment(), "")
