"""What is Windows' own in im_profile_files: whose profile is whose, what belongs to whom, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from module_server import ModuleServer
from profile_desks import WindowsDesk, held, sha256, unpack, wish
from windows_pc import DOMAIN_SID, PROFILE_LIST, WindowsPC

PURPLE = "AppData/Roaming/.purple"
PREFS = f"{PURPLE}/prefs.xml"
OLD, NEW = b"old", b"new"
PRIVATE = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"


@pytest.fixture
def desk(pc: WindowsPC, modules: ModuleServer) -> WindowsDesk:
    return WindowsDesk(pc, modules)


def ask(desk: WindowsDesk, login: str | None, *paths: str, **more: Any) -> dict[str, Any]:
    (answer,) = desk.ask([{"key": "k", "login": login, "paths": list(paths), **more}])
    return answer


def put(desk: WindowsDesk, *files: dict[str, Any], login: str | None = "", **more: Any) -> dict[str, Any]:
    login = desk.login if login == "" else login
    (answer,) = desk.write([{"key": "k", "login": login, "run_id": "run-1", "files": list(files), **more}])
    return answer


def lay(desk: WindowsDesk, name: str, data: bytes) -> Path:
    path = desk.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# -- whose profile


def test_a_login_is_the_account_that_windows_knows_by_that_name_whatever_its_folder_is_called(
    pc: WindowsPC, desk: WindowsDesk
) -> None:
    pc.add_person("bruno", 1102, "bruno.UNIV.000")
    (pc.disk / "Users" / "bruno").mkdir()  # left of an account that is gone
    assert ask(desk, "bruno")["home"] == str(pc.disk / "Users" / "bruno.UNIV.000")


def test_an_account_that_never_logged_on_has_no_profile_yet(pc: WindowsPC, desk: WindowsDesk) -> None:
    pc.change(accounts=pc.model["accounts"] | {"celine": f"{DOMAIN_SID}-1103"})
    error = ask(desk, "celine")["error"]
    assert error["code"] == "no_home"
    assert "logged on" in error["message"]


def test_a_domain_that_cannot_be_asked_is_not_taken_for_one_that_knows_nobody(pc: WindowsPC, desk: WindowsDesk) -> None:
    pc.change(domain_silent=True)
    error = ask(desk, desk.login)["error"]
    assert error["code"] == "io"
    assert "could not ask the domain" in error["message"] and desk.login in error["message"]


def test_profiles_that_are_nobodys_are_not_served(pc: WindowsPC, desk: WindowsDesk) -> None:
    pc.add_person("temporary", 1104, State=0x800)
    pc.add_person("mandatory", 1105, State=0x1)
    pc.add_person("service", 1106, ProfileImagePath=str(pc.disk / "Windows" / "ServiceProfiles" / "x"))
    pc.set_registry(f"{PROFILE_LIST}\\{DOMAIN_SID}-1107.bak", ProfileImagePath=str(pc.disk / "Users" / "broken"))
    pc.change(accounts=pc.model["accounts"] | {"broken": f"{DOMAIN_SID}-1107", "SYSTEM": "S-1-5-18"})
    codes = {name: ask(desk, name)["error"]["code"] for name in ("temporary", "mandatory", "service", "broken")}
    assert set(codes.values()) == {"no_home"}
    assert ask(desk, "SYSTEM")["error"]["code"] == "root_refused"


def test_an_account_of_entra_id_is_a_person(pc: WindowsPC, desk: WindowsDesk) -> None:
    home = pc.add_person("AzureAD\\DenisPetit", 1108, "DenisPetit")
    sid = "S-1-12-1-1111111111-1222222222-3333333333-444444444"
    pc.change(accounts=pc.model["accounts"] | {"AzureAD\\DenisPetit": sid})
    pc.set_registry(f"{PROFILE_LIST}\\{sid}", ProfileImagePath=str(home), State=0)
    assert ask(desk, "AzureAD\\DenisPetit")["home"] == str(home)


def test_the_variables_of_the_registry_are_filled_in(pc: WindowsPC, desk: WindowsDesk) -> None:
    pc.set_registry(PROFILE_LIST, ProfilesDirectory="%SystemDrive%/Users")
    pc.set_registry(f"{PROFILE_LIST}\\{pc.sid_of(desk.login)}", ProfileImagePath="%SystemDrive%/Users/amartin")
    assert ask(desk, desk.login)["home"] == str(desk.home)


def test_a_folder_that_belongs_to_another_is_not_taken_for_the_profile(pc: WindowsPC, desk: WindowsDesk) -> None:
    pc.secure(desk.home, "O:S-1-5-21-1-2-3-9999D:")
    assert ask(desk, desk.login)["error"]["code"] == "not_owner"


def test_application_data_that_are_redirected_are_not_followed(pc: WindowsPC, desk: WindowsDesk) -> None:
    folders = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer\\User Shell Folders"
    key = f"HKEY_USERS\\{pc.sid_of(desk.login)}\\{folders}"
    pc.set_registry(key, AppData="%USERPROFILE%/AppData/Roaming")
    assert ask(desk, desk.login)["error"] is None
    pc.set_registry(key, AppData="\\\\files.univ.example\\redirected\\amartin")
    error = ask(desk, desk.login)["error"]
    assert error["code"] == "link_outside"
    assert "redirected" in error["message"]


def test_without_the_rights_of_an_administrator_nobody_is_served(pc: WindowsPC, modules: ModuleServer) -> None:
    asked = {"action": "read", "requests": [{"key": "k", "login": "amartin"}, {"key": "m"}]}
    answers = modules.call(pc, "im_profile_files", asked, USERNAME="nobody")["answers"]
    assert [answer["error"]["code"] for answer in answers] == ["needs_root", "needs_root"]


# -- paths

FORBIDDEN = ["a\\b", "prefs.xml:stream", "C:/x", "NUL", "con.txt", "COM1", "a./b", "a /b", "x?", 'a"b', "a|b", "a\x01"]


@pytest.mark.parametrize("path", FORBIDDEN)
def test_a_name_with_a_meaning_of_its_own_for_windows_is_refused(desk: WindowsDesk, path: str) -> None:
    assert ask(desk, desk.login, path)["files"][path]["error"]["code"] == "bad_request"
    assert put(desk, wish(path, NEW, None))["error"]["code"] == "bad_request"


def test_the_machines_documents_stand_below_folders_that_windows_names(pc: WindowsPC, desk: WindowsDesk) -> None:
    path = "/%ProgramFiles%/Mozilla Thunderbird/distribution/policies.json"
    file = pc.disk / "Program Files" / "Mozilla Thunderbird" / "distribution" / "policies.json"
    assert ask(desk, None, path)["files"][path]["absent"] is True
    assert put(desk, wish(path, NEW, None), login=None)["state"] == "written"
    assert file.read_bytes() == NEW
    assert unpack(ask(desk, None, path)["files"][path]["content"]) == NEW
    pattern = "/%ProgramFiles%/*/distribution/*.json"
    assert set(ask(desk, None, pattern)["files"]) == {path}
    (listed,) = desk.backups()
    assert listed["login"] is None
    for bad in ("/etc/x", "/%APPDATA%/x", "/%ProgramData%", "/C:/x"):
        file_of = ask(desk, None, bad)["files"][bad]
        assert file_of.get("error", {}).get("code") in ("bad_request", "directory"), bad


def test_a_junction_anywhere_on_the_way_is_refused_even_inside_the_profile(desk: WindowsDesk) -> None:
    real = lay(desk, "AppData/Roaming/real/prefs.xml", OLD)
    (desk.home / PURPLE).symlink_to(real.parent)  # for .NET, links of Linux are reparse points
    assert ask(desk, desk.login, PREFS)["files"][PREFS]["error"]["code"] == "link"
    assert put(desk, wish(PREFS, NEW, OLD))["error"]["code"] == "link"
    assert real.read_bytes() == OLD


def test_a_read_only_file_is_left_and_said_so_before_it_is_tried(desk: WindowsDesk) -> None:
    lay(desk, PREFS, OLD).chmod(0o444)  # for .NET, a file that nobody may write is marked as read-only
    told = ask(desk, desk.login, PREFS)["files"][PREFS]
    assert told["writable"] is False
    assert "read-only" in told["why"]
    answer = put(desk, wish(PREFS, NEW, OLD))
    assert answer["error"]["code"] == "read_only"
    assert (desk.home / PREFS).read_bytes() == OLD


# -- whose files


def test_new_bytes_are_the_persons_before_they_take_their_place(pc: WindowsPC, desk: WindowsDesk) -> None:
    lay(desk, PREFS, OLD)
    put(desk, wish(PREFS, NEW, OLD), wish("AppData/Roaming/Gajim/x/settings.sqlite", NEW, None))
    security = {Path(path): owner for path, owner in pc.model["security"].items()}
    given = [(path.name[:11], owner) for path, owner in security.items() if desk.home in path.parents]
    # Both files by their handles, before they had their names; folders are what the folder above makes of them.
    assert given == [(".im-client-", f"O:{pc.sid_of(desk.login)}")] * 2


def test_a_folder_swapped_for_a_junction_as_a_file_is_made_gets_nobody_a_file_that_was_there(
    pc: WindowsPC, desk: WindowsDesk, tmp_path: Path
) -> None:
    lay(desk, PREFS, OLD)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "prefs.xml").write_bytes(OLD)
    folder = str((desk.home / PREFS).parent)
    pc.change(swap={"folder": folder, "aim": str(elsewhere)})
    assert put(desk, wish(PREFS, NEW, OLD))["error"]["code"] == "link"
    assert [(path.name, path.read_bytes()) for path in elsewhere.iterdir()] == [("prefs.xml", OLD)]
    given = {Path(path).parent for path, owner in pc.model["security"].items() if owner.startswith("O:S-1-5-21")}
    assert given == {Path(folder)}  # as it was named then


def test_a_file_that_cannot_be_given_away_goes_again(pc: WindowsPC, desk: WindowsDesk) -> None:
    lay(desk, PREFS, OLD)
    pc.change(owner_refused=True)
    assert put(desk, wish(PREFS, NEW, OLD))["error"]["code"] == "forbidden"
    assert [path.name for path in (desk.home / PREFS).parent.iterdir()] == ["prefs.xml"]
    assert (desk.home / PREFS).read_bytes() == OLD


def test_whose_a_file_is_is_asked_of_the_file_that_was_opened(pc: WindowsPC, desk: WindowsDesk) -> None:
    path = lay(desk, PREFS, b"secret of another")
    pc.change(opened={str(path): "S-1-5-21-1-2-3-9999"})
    file = ask(desk, desk.login, PREFS)["files"][PREFS]
    assert file["error"]["code"] == "not_owner"
    assert "content" not in file


def test_what_is_kept_is_for_administrators_alone(pc: WindowsPC, desk: WindowsDesk) -> None:
    lay(desk, PREFS, OLD)
    put(desk, wish(PREFS, NEW, OLD), memory="noted")
    security = pc.model["security"]
    runs = ["backups/UNIV%5Camartin", "backups/UNIV%5Camartin/run-1"]
    folders = ["", "backups", "memory", "memory/UNIV%5Camartin", *runs]
    assert {str(security[str(desk.state / name).rstrip("/")]) for name in folders} == {"O:BA" + PRIVATE}


def test_a_manifest_that_says_nothing_of_a_memory_in_the_old_way_takes_none_away(desk: WindowsDesk) -> None:
    put(desk, wish(PREFS, OLD, None), memory="mine")
    put(desk, wish(PREFS, NEW, OLD), run_id="run-2")
    (manifest,) = desk.state.rglob("run-2/manifest.json")
    told = json.loads(manifest.read_bytes())
    told["groups"]["k"]["memory_after"] = {}  # what PowerShell made of nothing
    manifest.write_text(json.dumps(told), encoding="utf-8")
    desk.restore([{"login": desk.login, "run_id": "run-2", "new_run_id": "run-3"}])
    assert (desk.home / PREFS).read_bytes() == OLD
    assert ask(desk, desk.login, memory=True)["memory"] == "mine"


TRAPS = [
    "O:S-1-5-21-1-2-3-9999" + PRIVATE,
    "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)",
    "O:BAD:",
]


@pytest.mark.parametrize("descriptor", TRAPS)
def test_a_directory_that_somebody_laid_in_our_way_is_not_trusted_and_nothing_written(
    pc: WindowsPC, desk: WindowsDesk, descriptor: str
) -> None:
    lay(desk, PREFS, OLD)
    desk.state.mkdir()
    pc.secure(desk.state, descriptor)
    answer = put(desk, wish(PREFS, NEW, OLD), memory="secret")
    assert (answer["state"], answer["error"]["code"]) == ("failed", "backup_failed")
    assert f"{desk.state}: not a directory that only" in answer["error"]["message"]
    assert "an administrator has to look at it and remove it" in answer["error"]["message"]
    assert (desk.home / PREFS).read_bytes() == OLD
    assert list(desk.state.rglob("*")) == []


def test_a_junction_laid_in_the_place_of_the_state_directory_is_not_followed(desk: WindowsDesk, tmp_path: Path) -> None:
    lay(desk, PREFS, OLD)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    desk.state.symlink_to(elsewhere)
    assert put(desk, wish(PREFS, NEW, OLD))["error"]["code"] == "backup_failed"
    assert list(elsewhere.iterdir()) == []
    assert (desk.home / PREFS).read_bytes() == OLD


HELD_UP = """
$script:tries = 0
function Try-It {{
    Invoke-ImPatiently {{
        $script:tries++
        if ($script:tries -le {times}) {{ throw (New-Object System.IO.IOException -ArgumentList 'held', {code}) }}
        'done'
    }}
}}
try {{ $told = Try-It }} catch {{ $told = (Get-ImTrouble $_ 'x').code }}
"$told $script:tries"
"""


@pytest.mark.parametrize(
    ("times", "code", "told"),
    [
        (2, "0x80070020", "done 3"),
        (4, "0x80070498", "done 5"),
        (9, "0x80070021", "changing 5"),
        (2, "0x80070070", "no_space 1"),
        (2, "0x80131620", "io 1"),
    ],
)
def test_what_a_scanner_holds_for_a_moment_is_waited_for_and_nothing_else(
    run_powershell: Callable[[str], str], times: int, code: str, told: str
) -> None:
    assert run_powershell(HELD_UP.format(times=times, code=code)).strip() == told


def test_a_file_takes_its_place_over_an_old_one_or_none(run_powershell: Callable[[str], str], tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "new").write_bytes(NEW)
        run_powershell(f"Move-ImInto '{tmp_path}/new' '{tmp_path}/target'")
        assert {path.name: path.read_bytes() for path in tmp_path.glob("*[wt]")} == {"target": NEW}


HALF_REPLACED = """
& (Get-Module Ansible.ModuleUtils.ImChange) {{
    function script:Move-ImInto {{
        param([string]$Temp, [string]$Target)
        if ([IO.File]::Exists($Target)) {{
            [IO.File]::Delete($Target)
            throw (New-Object System.IO.IOException -ArgumentList 'replaced', 0x80070498)
        }}
        {then}
    }}
}}
$tree = @{{ login = 'amartin'; sid = ''; home = '{home}'; budget = 1MB }}
$file = @{{ path = 'file'; content = (ConvertTo-ImContent ([byte[]](110, 101, 119))); before = '{before}' }}
$task = @{{ key = 'k'; login = 'amartin'; run_id = '1'; processes = @(); locks = @(); files = @($file) }}
$answer = Write-ImGroup $tree $task @() $false '{state}'
"$($answer.state) $($answer.error.code) $($answer.files.file.written)"
"""


@pytest.mark.parametrize(
    ("then", "told", "left"),
    [
        ("[IO.File]::Move($Temp, $Target)", "failed changing False", [OLD]),
        ("throw (New-Object System.IO.IOException -ArgumentList 'held', 0x80070020)", "failed incomplete True", []),
    ],
)
def test_a_replacement_that_took_the_old_file_away_and_broke_off_loses_nothing(
    desk: WindowsDesk, run_powershell: Callable[[str], str], then: str, told: str, left: list[bytes]
) -> None:
    (desk.home / "file").write_bytes(OLD)
    words = HALF_REPLACED.format(home=desk.home, state=desk.state, before=sha256(OLD), then=then)
    assert run_powershell(words).strip() == told
    assert [path.read_bytes() for path in desk.home.iterdir() if path.is_file()] == left
    kept = [path.read_bytes() for path in desk.state.rglob("file")]
    assert kept == ([] if left else [OLD])  # what could not be put back is in the backups


# -- running clients


def test_a_client_of_somebody_else_in_another_session_does_not_count(pc: WindowsPC, desk: WindowsDesk) -> None:
    lay(desk, PREFS, OLD)
    pc.add_person("bruno", 1102)
    pc.start_process("pidgin.exe", "bruno")
    assert ask(desk, desk.login, processes=["pidgin"])["running"] == []
    assert put(desk, wish(PREFS, NEW, OLD), processes=["pidgin"])["state"] == "written"


def test_documents_of_the_machine_wait_for_the_clients_of_everybody(pc: WindowsPC, desk: WindowsDesk) -> None:
    pc.start_process("thunderbird.exe", desk.login)
    answer = put(desk, wish("/%ProgramData%/x/y", NEW, None), login=None, processes=["thunderbird"])
    assert answer["state"] == "deferred"


def test_a_process_whose_owner_nobody_can_tell_is_an_error_not_a_guess(pc: WindowsPC, desk: WindowsDesk) -> None:
    pc.change(processes=[{"pid": 7, "name": "pidgin.exe", "sid": ""}])
    assert ask(desk, desk.login, processes=["pidgin"])["error"]["code"] == "io"
    assert put(desk, wish(PREFS, NEW, None), processes=["pidgin"])["error"]["code"] == "io"


def test_a_client_that_starts_between_two_files_gets_the_old_ones_back(pc: WindowsPC, desk: WindowsDesk) -> None:
    lay(desk, PREFS, OLD)
    process = {"pid": 8, "name": "pidgin.exe", "sid": pc.sid_of(desk.login)}
    pc.change(later={"look": 3, "processes": [process]})  # one look for all, one before each file
    answer = put(desk, wish(PREFS, NEW, OLD), wish("a/b", NEW, None), processes=["pidgin"])
    assert answer["state"] == "deferred"
    assert all(file["written"] is False for file in answer["files"].values())
    assert (desk.home / PREFS).read_bytes() == OLD
    assert not (desk.home / "a").exists()
    assert not [path for path in desk.home.rglob("*") if path.name.startswith(".im-client-")]
    assert all(not listed["runs"] for listed in desk.backups())


def test_the_file_that_thunderbird_keeps_for_itself_is_a_sign(desk: WindowsDesk) -> None:
    lock = lay(desk, "AppData/Roaming/Thunderbird/Profiles/x.default/parent.lock", b"")
    locks = ["AppData/Roaming/Thunderbird/Profiles/*/parent.lock"]
    assert ask(desk, desk.login, locks=locks)["running"] == []
    with held(lock):
        (sign,) = ask(desk, desk.login, locks=locks)["running"]
        assert put(desk, wish(PREFS, NEW, None), locks=locks)["state"] == "deferred"
    assert sign["what"].startswith("lock ")


# -- the wire


def test_what_was_read_can_be_sent_back_as_it_came(desk: WindowsDesk) -> None:
    lay(desk, PREFS, OLD)
    content = ask(desk, desk.login, PREFS)["files"][PREFS]["content"]
    answer = put(desk, {"path": "copy", "content": content, "before": None})
    assert answer["state"] == "written"
    assert (desk.home / "copy").read_bytes() == OLD
    cut = put(desk, {"path": "copy", "content": content[:-8] + "AAAAAAA=", "before": sha256(OLD)})
    assert cut["error"]["code"] == "bad_request"


def test_modes_are_refused_as_windows_has_none(desk: WindowsDesk) -> None:
    assert put(desk, wish(PREFS, NEW, None) | {"mode": "0600"})["error"]["code"] == "bad_request"


@pytest.mark.parametrize("name", ["CON", "UNIV\\Zoë O'Brien"])
def test_a_login_that_is_no_name_for_a_folder_keeps_its_backups_apart(
    pc: WindowsPC, desk: WindowsDesk, name: str
) -> None:
    home = pc.add_person(name, 1110, "zoe")
    assert put(desk, wish("x", NEW, None), login=name, memory="noted")["state"] == "written"
    assert (home / "x").read_bytes() == NEW
    assert [listed["login"] for listed in desk.backups()] == [name]
    assert all(path.name.isascii() and path.name != "CON" for path in (desk.state / "backups").iterdir())
    (answer,) = desk.restore([{"login": name, "run_id": "run-1", "new_run_id": "run-2"}])
    assert answer["state"] == "written"
    assert not (home / "x").exists()
