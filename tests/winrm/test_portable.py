"""Gajim portable on made-up Windows PCs: unpacked once for the PC, laid for each person, its UserData as a profile.

The unpacker is a script in the place of upstream's: it makes the folders and the last file of gajim-portable.nsi, and
as that one it would ask on a screen when it is run over a program.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_formats.shell_link import read
from module_server import ModuleServer
from test_windows_site import SERVICE, people, roaming, seats_of, tasks_of
from windows_logons import make_account
from windows_pc import WindowsPC
from windows_site import Site

UNPACKER = """#!/bin/sh
# A FAKE of Gajim-Portable.exe VERSION
[ "$1" = /S ] && [ $# = 2 ] || exit 87
to="${2#/D=}"
[ ! -e "$to/bin/Gajim.exe" ] || { touch "$to/ASKED"; exit 2; }
mkdir -p "$to/bin" "$to/lib/python" "$to/share/locale/fr"
printf 'MZ VERSION' > "$to/bin/Gajim.exe"
printf 'code VERSION' > "$to/lib/python/main-VERSION.pyc"
printf 'fr' > "$to/share/locale/fr/gajim.mo"
printf 'to the copy of the PC' > "$to/Gajim-Portable.lnk"
: > "$to/bin/is_portable"
"""


@pytest.fixture
def installer(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """What im_package_installers says of the unpacker of a version; the file stands on a share."""

    def make(version: str = "2.4.7", script: str = UNPACKER, **other: str) -> dict[str, str]:
        file = tmp_path / "share" / f"Gajim-Portable-{version}.exe"
        file.parent.mkdir(exist_ok=True)
        file.write_text(script.replace("VERSION", version), encoding="utf-8")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return {"url": str(file), "sha256": digest, "version": version, **other}

    return make


def inventory(pc: WindowsPC, installer: dict[str, str], count: int = 1, **more: Any) -> dict[str, Any]:
    seats = []
    for number, person in enumerate(people(count)):
        if not (pc.disk / "Users" / f"user{number}").exists():
            pc.add_person(f"user{number}", 2000 + number)
        seats.append({"login": f"user{number}", "person": person, "clients": ["gajim"]})
    sources = {"im_package_sources": {"gajim": "portable"}, "im_package_installers": {"gajim": installer}}
    return {"im_service": SERVICE, "im_people": people(count), "im_seats": seats, "im_language": "en", **sources} | more


def program(pc: WindowsPC, number: int = 0, folder: str = "Gajim") -> Path:
    return pc.disk / "Users" / f"user{number}" / folder


def laid(pc: WindowsPC, number: int = 0) -> dict[str, bytes]:
    """The files of a person's program, but for what the person keeps there."""
    top = program(pc, number)
    names = {path.relative_to(top).as_posix(): path for path in top.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith("UserData/")}


def stores(pc: WindowsPC) -> list[str]:
    folder = pc.disk / "Program Files" / "im_client" / "portable"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def with_junction(pc: WindowsPC, planted: str) -> Path:
    """Have the first person plant a junction in the folder of the program; returns where it leads."""
    elsewhere = pc.disk / "Windows" / "elsewhere"
    elsewhere.mkdir()
    place = program(pc) / planted
    place.parent.mkdir(parents=True, exist_ok=True)
    if planted not in ("", "bin"):  # what stands there is a program already
        (program(pc) / "bin").mkdir()
        (program(pc) / "bin" / "Gajim.exe").write_bytes(b"an older one")
    place.symlink_to(elsewhere)
    return elsewhere


def states(seats: list[dict[str, Any]]) -> list[str]:
    return [seat["state"] for seat in seats]


def test_from_nothing_it_is_laid_for_each_person_and_a_second_run_changes_nothing(
    site: Site, installer: Callable[..., dict[str, str]]
) -> None:
    pc, told = site.pc, installer()
    wish = inventory(pc, told, 2, im_preferences={"start_at_login": True})
    foretold = seats_of(site.deploy("--check", "--diff", **wish))
    assert states(foretold) == ["changed"] * 2, foretold
    assert not stores(pc) and not program(pc).exists()
    done = seats_of(site.deploy(**wish))
    assert states(done) == ["changed"] * 2, done
    assert [seat["documents"] for seat in done] == [seat["documents"] for seat in foretold]
    assert {seat["version"] for seat in done} == {"2.4.7"}
    assert stores(pc) == [f"Gajim-2.4.7-{told['sha256'][:12]}"]
    marker = f"Gajim 2.4.7\nsha256 {told['sha256']}\n".encode()
    whole = {
        "bin/Gajim.exe": b"MZ 2.4.7",
        "bin/is_portable": b"",
        "lib/python/main-2.4.7.pyc": b"code 2.4.7",
        "share/locale/fr/gajim.mo": b"fr",
        "bin/im-client.txt": marker,
    }
    for number, person in enumerate(people(2)):
        assert laid(pc, number) == whole
        settings = program(pc, number) / "UserData" / "settings.sqlite"
        assert f"{person}@univ.example".encode() in settings.read_bytes()
        owners = {name: owner for name, owner in pc.model["security"].items() if str(program(pc, number)) in name}
        assert set(owners.values()) == {f"O:{pc.sid_of(f'user{number}')}"}
        # Each file by the name that it had before it took its place; folders are what the folder above makes of them.
        assert len(owners) == 6
        menu = roaming(pc, f"user{number}") / "Microsoft/Windows/Start Menu/Programs"
        for link in (menu / "Gajim Portable.lnk", menu / "Startup" / "Gajim.lnk"):
            assert read(link.read_bytes()).target == "%USERPROFILE%\\Gajim\\bin\\Gajim.exe"
    assert not (roaming(pc) / "Gajim").exists()
    before = pc.starts
    again = seats_of(site.deploy(**wish))
    assert states(again) == ["compliant"] * 2, again
    assert pc.starts - before == 2  # what the PC has, read


def test_what_a_person_keeps_survives_a_new_version_and_what_is_old_goes(
    site: Site, installer: Callable[..., dict[str, str]]
) -> None:
    pc = site.pc
    wish = inventory(pc, installer())
    kept = program(pc) / "UserData" / "plugins" / "own.py"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"\0of her own\r\n")  # she has used a portable Gajim before, and has only her data left
    assert states(seats_of(site.deploy(**wish))) == ["changed"]
    account = (program(pc) / "UserData" / "settings.sqlite").read_bytes()
    beside = program(pc) / "notes.txt"
    beside.write_bytes(b"hers")
    newer = inventory(pc, installer("2.5.0"))
    assert states(seats_of(site.deploy("--check", **newer))) == ["changed"]
    assert laid(pc)["bin/Gajim.exe"] == b"MZ 2.4.7"
    done = seats_of(site.deploy(**newer))
    assert states(done) == ["changed"] and done[0]["version"] == "2.5.0"
    assert sorted(laid(pc)) == [
        *("bin/Gajim.exe", "bin/im-client.txt", "bin/is_portable"),
        *("lib/python/main-2.5.0.pyc", "notes.txt", "share/locale/fr/gajim.mo"),
    ]
    assert laid(pc)["bin/Gajim.exe"] == b"MZ 2.5.0"
    assert kept.read_bytes() == b"\0of her own\r\n" and beside.read_bytes() == b"hers"
    assert (program(pc) / "UserData" / "settings.sqlite").read_bytes() == account
    assert [name[:11] for name in stores(pc)] == ["Gajim-2.5.0"]
    shutil.rmtree(program(pc) / "bin")  # she threw the program away
    assert states(seats_of(site.deploy(**newer))) == ["changed"]
    assert laid(pc)["bin/Gajim.exe"] == b"MZ 2.5.0"
    assert states(seats_of(site.deploy(**newer))) == ["compliant"]


def test_the_folder_is_the_one_that_the_site_says(site: Site, installer: Callable[..., dict[str, str]]) -> None:
    pc = site.pc
    seats = seats_of(site.deploy(**inventory(pc, installer(folder="Programs/Gajim portable"))))
    assert states(seats) == ["changed"], seats
    top = program(pc, folder="Programs/Gajim portable")
    assert (top / "bin" / "Gajim.exe").exists() and (top / "UserData" / "settings.sqlite").exists()
    link = roaming(pc) / "Microsoft/Windows/Start Menu/Programs/Gajim Portable.lnk"
    assert read(link.read_bytes()).target == "%USERPROFILE%\\Programs\\Gajim portable\\bin\\Gajim.exe"


def test_what_is_in_the_way_of_one_person_is_said_and_stops_nobody_else(
    site: Site, installer: Callable[..., dict[str, str]]
) -> None:
    pc = site.pc
    wish = inventory(pc, installer(), 5)
    elsewhere = with_junction(pc, "lib/python")  # of the first person
    program(pc, 1).mkdir()
    (program(pc, 1) / "thesis.odt").write_bytes(b"hers")
    pc.start_process("Gajim.exe", "user2")
    make_account(pc, "UNIV\\newcomer", 2999)
    wish["im_seats"][3]["login"] = "UNIV\\newcomer"
    for words in (["--check"], []):
        seats = seats_of(site.deploy(*words, **wish))
        # Before the program is unpacked for the PC, nobody knows what a junction would keep it from.
        first = "changed" if words else "failed"
        assert states(seats) == [first, "failed", "deferred", "deferred", "changed"], seats
    details = [seat["detail"] for seat in seats]
    assert "Gajim/lib/python: a link, junction or placeholder" in details[0]
    assert "~/Gajim holds something else" in details[1] and "another folder" in details[1]
    assert "by the run after the first logon" in details[3]
    assert not list(elsewhere.iterdir())
    assert not (roaming(pc) / "Microsoft/Windows/Start Menu/Programs/Gajim Portable.lnk").exists()
    assert laid(pc, 1) == {"thesis.odt": b"hers"}
    assert not program(pc, 2).exists()
    assert not (pc.disk / "Program Files" / "im_client" / "first-logon.ps1").exists()
    assert laid(pc, 4)["bin/Gajim.exe"] == b"MZ 2.4.7"


def test_a_file_with_another_checksum_is_never_run(site: Site, installer: Callable[..., dict[str, str]]) -> None:
    pc = site.pc
    told = installer() | {"sha256": "0" * 64}
    done = site.deploy(**inventory(pc, told))
    assert "another file than im_package_installers says" in done.stdout and "What would do" in done.stdout
    assert not stores(pc) and not program(pc).exists()


def test_a_site_that_names_no_file_is_told_so(site: Site, installer: Callable[..., dict[str, str]]) -> None:
    wish = inventory(site.pc, installer()) | {"im_package_installers": {}}
    (seat,) = seats_of(site.deploy(**wish))
    assert seat["state"] == "failed" and "im_package_installers: {gajim:" in seat["detail"]


def test_what_was_laid_is_taken_out_again_but_not_the_program_nor_what_the_person_has(
    site: Site, installer: Callable[..., dict[str, str]]
) -> None:
    pc = site.pc
    wish = inventory(pc, installer())
    site.deploy(**wish)
    wish["im_seats"] = [seat | {"state": "absent"} for seat in wish["im_seats"]]
    done = site.deploy(im_client_purge_packages=True, **wish)
    assert states(seats_of(done)) == ["changed"]
    assert "bin/im-client.txt" not in laid(pc) and laid(pc)["bin/Gajim.exe"] == b"MZ 2.4.7"
    settings = program(pc) / "UserData" / "settings.sqlite"
    assert b"zoe.obrien@univ.example" not in settings.read_bytes()
    assert not (roaming(pc) / "Microsoft/Windows/Start Menu/Programs/Gajim Portable.lnk").exists()
    assert stores(pc) == []
    before = pc.starts
    again = site.deploy(im_client_purge_packages=True, **wish)
    assert states(seats_of(again)) == ["compliant"] and pc.starts - before == 2
    assert not any(task["hosts"]["pc-1"].get("failed") for task in tasks_of(again))


def unpack(told: dict[str, str], **other: Any) -> dict[str, Any]:
    wanted = {name: told[name] for name in ("url", "sha256")}
    folder = f"/%ProgramFiles%/im_client/portable/Gajim-{told['version']}"
    return {"name": "Gajim", "folder": folder, "proof": "bin/is_portable", **wanted, **other}


def test_the_file_is_fetched_as_system_for_whom_a_share_opens(
    site: Site, installer: Callable[..., dict[str, str]]
) -> None:
    told = installer(script=UNPACKER + 'printf "$IM_FAKE_ACCOUNT" > "$to/bin/run-by"\n')
    assert site.module("im_portable_program", unpack(told))["changed"]
    store = site.pc.disk / "Program Files" / "im_client" / "portable" / "Gajim-2.4.7"
    assert (store / "bin" / "run-by").read_text(encoding="utf-8") == "SYSTEM"


def test_what_a_cut_off_unpacking_left_is_removed_before_the_unpacker_could_ask(
    pc: WindowsPC, modules: ModuleServer, installer: Callable[..., dict[str, str]]
) -> None:
    half = pc.disk / "Program Files" / "im_client" / "portable" / "Gajim-2.4.7"
    (half / "bin").mkdir(parents=True)
    (half / "bin" / "Gajim.exe").write_bytes(b"MZ 2.")
    asked = unpack(installer())
    foretold = modules.call(pc, "im_portable_program", asked, check=True)
    assert foretold["changed"] and (half / "bin" / "Gajim.exe").read_bytes() == b"MZ 2."
    assert modules.call(pc, "im_portable_program", asked)["changed"]
    assert (half / "bin" / "Gajim.exe").read_bytes() == b"MZ 2.4.7" and not (half / "ASKED").exists()
    assert stores(pc) == ["Gajim-2.4.7"]
    assert not modules.call(pc, "im_portable_program", asked)["changed"]


def test_the_file_is_fetched_from_a_web_server_too(
    pc: WindowsPC, modules: ModuleServer, installer: Callable[..., dict[str, str]]
) -> None:
    told = installer()
    file = Path(told["url"])
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(file.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_port}"
        lost = modules.call(pc, "im_portable_program", unpack(told | {"url": f"{site}/other.exe"}))
        assert lost["failed"] and "cannot be fetched by this PC" in lost["msg"]
        done = modules.call(pc, "im_portable_program", unpack(told | {"url": f"{site}/{file.name}"}))
        server.shutdown()
    assert done["changed"] and stores(pc) == ["Gajim-2.4.7"]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("#!/bin/sh\nexit 3\n", "ended with code 3"),
        ("#!/bin/sh\nexit 0\n", "laid no bin/is_portable"),
    ],
)
def test_an_unpacker_that_does_not_do_its_work_is_told(
    pc: WindowsPC, modules: ModuleServer, installer: Callable[..., dict[str, str]], script: str, why: str
) -> None:
    failed = modules.call(pc, "im_portable_program", unpack(installer(script=script)))
    assert failed["failed"] and why in failed["msg"]
    lost = unpack(installer()) | {"url": str(pc.disk / "nowhere.exe")}
    failed = modules.call(pc, "im_portable_program", lost)
    assert failed["failed"] and "cannot be fetched by this PC" in failed["msg"]
    assert not json.dumps(stores(pc)).count(".exe")


def lay(files: list[dict[str, Any]]) -> dict[str, Any]:
    """What im_profile asks of im_profile_files for one person."""
    store = "/%ProgramFiles%/im_client/portable/Gajim-2.4.7"
    laid: dict[str, Any] = {"folder": "Gajim", "store": store, "proof": "bin/is_portable"}
    laid |= {"signs": ["bin/Gajim.exe"], "marker": "bin/im-client.txt"}
    group = {"key": "user0/gajim", "login": "user0", "run_id": "1", "files": files, "program": laid}
    return {"action": "write", "groups": [group]}


MARKER = {"path": "Gajim/bin/im-client.txt", "content": "eJwDAAAAAAE=", "before": None}


@pytest.mark.parametrize("planted", ["", "bin", "lib", "lib/python", "share/locale/fr/gajim.mo"])
def test_nothing_is_laid_behind_a_junction(
    pc: WindowsPC, modules: ModuleServer, installer: Callable[..., dict[str, str]], planted: str
) -> None:
    pc.add_person("user0", 2000)
    modules.call(pc, "im_portable_program", unpack(installer()))
    elsewhere = with_junction(pc, planted)
    for check in (True, False):
        (answer,) = modules.call(pc, "im_profile_files", lay([MARKER]), check=check)["answers"]
        assert (answer["state"], answer["error"]["code"]) == ("failed", "link"), answer
    assert not list(elsewhere.iterdir())
    assert not (program(pc) / "share").is_dir() or planted.startswith("share")


def test_without_a_whole_copy_on_the_pc_nothing_is_laid(pc: WindowsPC, modules: ModuleServer) -> None:
    pc.add_person("user0", 2000)
    (foretold,) = modules.call(pc, "im_profile_files", lay([MARKER]), check=True)["answers"]
    assert foretold["state"] == "written"  # the run unpacks first
    (answer,) = modules.call(pc, "im_profile_files", lay([MARKER]))["answers"]
    assert (answer["state"], answer["error"]["code"]) == ("failed", "no_program")
    assert not program(pc).exists()


def test_what_is_laid_is_as_old_as_the_copy_of_the_pc(
    pc: WindowsPC, modules: ModuleServer, installer: Callable[..., dict[str, str]]
) -> None:
    pc.add_person("user0", 2000)
    modules.call(pc, "im_portable_program", unpack(installer()))
    store = pc.disk / "Program Files" / "im_client" / "portable" / "Gajim-2.4.7" / "bin" / "Gajim.exe"
    os.utime(store, (1_000_000_000, 1_000_000_000))
    modules.call(pc, "im_profile_files", lay([MARKER]))
    assert (program(pc) / "bin" / "Gajim.exe").stat().st_mtime == 1_000_000_000


def test_a_copy_that_was_cut_off_is_laid_again(
    pc: WindowsPC, modules: ModuleServer, installer: Callable[..., dict[str, str]]
) -> None:
    pc.add_person("user0", 2000)
    modules.call(pc, "im_portable_program", unpack(installer()))
    (program(pc) / "bin").mkdir(parents=True)
    for name in ("Gajim.exe", ".im-client-0123456789abcdef"):
        (program(pc) / "bin" / name).write_bytes(b"MZ 2.")
    (answer,) = modules.call(pc, "im_profile_files", lay([MARKER]))["answers"]
    assert answer["state"] == "written", answer
    assert laid(pc)["bin/Gajim.exe"] == b"MZ 2.4.7" and not [name for name in laid(pc) if ".im-client-" in name]
