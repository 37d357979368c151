"""One contract, two halves: what im_profile_files promises holds on a POSIX desk and on a Windows PC alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from module_server import ModuleServer
from profile_desks import Desk, PythonDesk, WindowsDesk, sha256, unpack, wish
from windows_pc import PWSH, WindowsPC

PURPLE = "AppData/Roaming/.purple"
PREFS, ACCOUNTS = f"{PURPLE}/prefs.xml", f"{PURPLE}/accounts.xml"
OLD, NEW = "<prefs>é</prefs>\r\n".encode(), b"<prefs>\0new</prefs>"


@pytest.fixture(params=["python", "powershell"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A desk of either kind."""
    if request.param == "python":
        yield PythonDesk(request.getfixturevalue("person"))
        return
    if PWSH is None:
        pytest.skip("no pwsh on the PATH: nothing of Windows was tried")
    pc: WindowsPC = request.getfixturevalue("pc")
    modules: ModuleServer = request.getfixturevalue("modules")
    yield WindowsDesk(pc, modules)


def lay(desk: Desk, name: str, data: bytes) -> Path:
    """A file of the person, with its folders."""
    path = desk.home
    for part in Path(name).parts[:-1]:
        path = path / part
        if not path.exists():
            path.mkdir()
            desk.own(path)
    path = path / Path(name).name
    path.write_bytes(data)
    desk.own(path)
    return path


def ask(desk: Desk, *paths: str, **more: Any) -> dict[str, Any]:
    (answer,) = desk.ask([{"key": "k", "login": desk.login, "paths": list(paths), **more}])
    return answer


def look(desk: Desk, path: str) -> dict[str, Any]:
    answer = ask(desk, path)
    assert answer["error"] is None
    file: dict[str, Any] = answer["files"][path]
    return file


def group(desk: Desk, *files: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"key": "k", "login": desk.login, "run_id": "run-1", "files": list(files), **more}


def put(desk: Desk, *files: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
    (answer,) = desk.write([group(desk, *files, **more)], check)
    return answer


def back(desk: Desk, run: str, new: str, check: bool = False, **more: Any) -> dict[str, Any]:
    (answer,) = desk.restore([{"login": desk.login, "run_id": run, "new_run_id": new, **more}], check)
    return answer


def everything(top: Path) -> dict[str, bytes]:
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


# -- reading


@pytest.mark.parametrize("data", [OLD, b"", b"\0" * 100_000, bytes(range(256)) * 300])
def test_a_file_comes_back_byte_for_byte(desk: Desk, data: bytes) -> None:
    lay(desk, PREFS, data)
    answer = look(desk, PREFS)
    assert unpack(answer["content"]) == data
    assert (answer["sha256"], answer["size"], answer["writable"]) == (sha256(data), len(data), True)


def test_answers_of_a_reading_have_the_same_fields(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    answer = ask(desk, PREFS, ACCOUNTS)
    assert set(answer) == {
        *("key", "login", "home", "uid", "error", "running", "files", "memory", "memory_error", "pending")
    }
    assert (answer["key"], answer["login"], answer["home"]) == ("k", desk.login, str(desk.home))
    assert (answer["running"], answer["pending"], answer["memory"]) == ([], False, None)
    assert set(answer["files"][PREFS]) == {"content", "sha256", "size", "mode", "writable"}
    assert answer["files"][ACCOUNTS] == {"absent": True, "creatable": True, "why": None}


def test_a_directory_in_place_of_a_file_and_a_file_in_place_of_a_directory(desk: Desk) -> None:
    lay(desk, f"{PURPLE}/logs/x", b"")
    assert look(desk, f"{PURPLE}/logs")["error"]["code"] == "directory"
    assert look(desk, f"{PURPLE}/logs/x/y")["error"]["code"] == "not_a_directory"


def test_a_link_out_of_the_home_is_refused_wherever_it_stands(desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "prefs.xml").write_bytes(b"of another")
    lay(desk, f"{PURPLE}/x", b"")
    (desk.home / PREFS).symlink_to(outside / "prefs.xml")
    (desk.home / "linked").symlink_to(outside)
    for path in (PREFS, "linked/prefs.xml", "linked/*.xml"):
        answer = ask(desk, path)
        assert [file["error"]["code"] for file in answer["files"].values()] in (["link"], ["link_outside"])
    refused = put(desk, wish("linked/prefs.xml", NEW, b"of another"))
    assert refused["state"] == "failed"
    assert everything(outside) == {"prefs.xml": b"of another"}


def test_a_file_of_somebody_else_is_refused(desk: Desk) -> None:
    desk.give_to_somebody_else(lay(desk, PREFS, OLD))
    assert look(desk, PREFS)["error"]["code"] == "not_owner"
    assert put(desk, wish(PREFS, NEW, OLD))["error"]["code"] == "not_owner"


def test_a_star_stands_for_a_part_of_one_component_and_no_leading_dot(desk: Desk) -> None:
    for name in ("a.ini", "b.ini", ".hidden.ini", "c.txt", "below/d.ini"):
        lay(desk, f"Thunderbird/{name}", name.encode())
    assert set(ask(desk, "Thunderbird/*.ini")["files"]) == {"Thunderbird/a.ini", "Thunderbird/b.ini"}
    assert set(ask(desk, "Thunderbird/.*.ini")["files"]) == {"Thunderbird/.hidden.ini"}
    assert set(ask(desk, "*/below/*.ini")["files"]) == {"Thunderbird/below/d.ini"}
    assert ask(desk, "Thunderbird/*.sqlite", "nowhere/*/x")["files"] == {}


def test_only_the_star_is_special(desk: Desk) -> None:
    lay(desk, "p/a[1].x", b"")
    lay(desk, "p/a1.x", b"")
    assert set(ask(desk, "p/a[1]*")["files"]) == {"p/a[1].x"}


BAD_PATHS = ["", "/etc/passwd", "a/", "../x", "a/../b", "a/./b", "a/**/b", "."]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_is_not_plainly_below_the_home_is_refused(desk: Desk, path: str) -> None:
    assert look(desk, path)["error"]["code"] == "bad_request"
    assert put(desk, wish(path, NEW, None))["error"]["code"] == "bad_request"


@pytest.mark.parametrize("name", ["", "a/b", "..", "_machine", "a\nb"])
def test_a_login_that_could_become_a_path_is_refused(desk: Desk, name: str) -> None:
    (read,) = desk.ask([{"key": "k", "login": name, "paths": [PREFS]}])
    (written,) = desk.write([group(desk, wish(PREFS, NEW, None)) | {"login": name}])
    assert read["error"]["code"] == written["error"]["code"] == "bad_request"


def test_a_login_that_does_not_exist_is_said_so_and_costs_the_others_nothing(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    requests = [{"key": f"k{number}", "login": desk.login, "paths": [PREFS]} for number in range(5)]
    requests.insert(2, {"key": "gone", "login": "nobody-of-this-name", "paths": [PREFS]})
    answers = desk.ask(requests)
    assert [answer["key"] for answer in answers] == ["k0", "k1", "gone", "k2", "k3", "k4"]
    assert answers[2]["error"]["code"] == "no_login"
    assert all(unpack(answer["files"][PREFS]["content"]) == OLD for answer in answers if answer["key"] != "gone")


def test_a_system_file_that_this_system_does_not_have_is_absent(desk: Desk) -> None:
    path = "/etc/purple/prefs-of-no-system.xml"
    file = ask(desk, system_paths=[path])["files"][path]
    assert (file["absent"], file["creatable"]) == (True, False)


# -- writing


def test_a_file_is_replaced_and_its_previous_bytes_are_kept(desk: Desk) -> None:
    path = lay(desk, PREFS, OLD)
    answer = put(desk, wish(PREFS, NEW, OLD))
    assert set(answer) == {
        *("key", "login", "error", "running", "files", "state", "conflicts", "memory_written", "memory_error")
    }
    assert (answer["state"], answer["error"], answer["conflicts"]) == ("written", None, [])
    assert answer["files"] == {PREFS: {"backup": True, "written": True}}
    assert path.read_bytes() == NEW
    kept = everything(desk.state / "backups")
    assert [data for name, data in kept.items() if name.endswith("prefs.xml")] == [OLD]
    assert everything(desk.home) == {PREFS: NEW}


def test_a_new_file_gets_the_folders_it_needs(desk: Desk) -> None:
    assert look(desk, "a/b/c.txt")["creatable"] is True
    assert put(desk, wish("a/b/c.txt", NEW, None), wish("a/b/d.txt", b"", None))["state"] == "written"
    assert everything(desk.home) == {"a/b/c.txt": NEW, "a/b/d.txt": b""}


def test_a_call_repeated_after_a_lost_answer_finds_nothing_to_do(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    put(desk, wish(PREFS, NEW, OLD))
    answer = put(desk, wish(PREFS, NEW, OLD))
    assert answer["state"] == "unchanged"
    assert answer["files"] == {PREFS: {"backup": False, "written": False}}


@pytest.mark.parametrize("before", [None, b"what was read"])
def test_a_file_that_changed_since_it_was_read_stops_its_group_and_no_other(desk: Desk, before: bytes | None) -> None:
    lay(desk, PREFS, OLD)
    lay(desk, ACCOUNTS, OLD)
    first, second = desk.write(
        [
            group(desk, wish(ACCOUNTS, NEW, OLD), wish(PREFS, NEW, before)),
            group(desk, wish("other.txt", NEW, None), key="other"),
        ]
    )
    assert (first["state"], first["conflicts"], first["error"]["code"]) == ("conflict", [PREFS], "conflict")
    assert first["files"][ACCOUNTS] == {"backup": False, "written": False}
    assert second["state"] == "written"
    assert everything(desk.home) == {PREFS: OLD, ACCOUNTS: OLD, "other.txt": NEW}


def test_check_mode_predicts_and_leaves_no_trace(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    before = everything(desk.home)
    answer = put(desk, wish(PREFS, NEW, OLD), wish("a/b", NEW, None), check=True, memory="{}")
    assert (answer["state"], answer["memory_written"]) == ("written", True)
    assert all(file["written"] for file in answer["files"].values())
    assert everything(desk.home) == before
    assert not (desk.home / "a").exists()
    assert not desk.state.exists()


def test_a_file_is_deleted_if_it_is_the_one_that_was_read(desk: Desk) -> None:
    path = lay(desk, PREFS, OLD)
    assert put(desk, wish(PREFS, None, b"another"))["state"] == "conflict"
    assert path.exists()
    assert put(desk, wish(PREFS, None, OLD))["state"] == "written"
    assert not path.exists()
    assert put(desk, wish(PREFS, None, OLD))["state"] == "unchanged"


BAD_CONTENTS = ["SECRET", "U0VDUkVU", "eJwrTk0uSi0BAAjYAnY", "eJwrTk0uSi0BAAjYAndTRUNSRVQ="]


@pytest.mark.parametrize("content", BAD_CONTENTS)
def test_malformed_content_is_refused_without_quoting_it(desk: Desk, content: str) -> None:
    answer = put(desk, {"path": PREFS, "content": content, "before": None})
    assert (answer["state"], answer["error"]["code"]) == ("failed", "bad_request")
    assert content not in answer["error"]["message"]
    assert everything(desk.home) == {}


def test_a_path_given_twice_is_refused(desk: Desk) -> None:
    assert put(desk, wish(PREFS, NEW, None), wish(PREFS, OLD, None))["error"]["code"] == "bad_request"
    assert everything(desk.home) == {}


@pytest.mark.parametrize("run", ["../x", "a/b", "", ".x", "x" * 101, "run\n"])
def test_a_run_id_that_could_become_a_path_is_refused(desk: Desk, run: str) -> None:
    assert put(desk, wish(PREFS, NEW, None), run_id=run)["error"]["code"] == "bad_request"
    assert everything(desk.home) == {}


def test_temporary_files_of_a_killed_run_are_told_and_removed_and_nothing_else(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    stray = lay(desk, f"{PURPLE}/.im-client-0123456789abcdef", b"half")
    alike = lay(desk, f"{PURPLE}/.im-client-0123456789abcdex", b"the user's")
    assert look(desk, PREFS)["strays"] is True
    assert put(desk, wish(PREFS, OLD, OLD))["state"] == "unchanged"
    assert not stray.exists()
    assert alike.exists()
    assert "strays" not in look(desk, PREFS)


# -- running clients


def test_nothing_is_written_under_a_running_client(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    with desk.running("pidgin"):
        read = ask(desk, PREFS, processes=["pidgin", "finch"])
        answer = put(desk, wish(PREFS, NEW, OLD), processes=["pidgin", "finch"])
        other = put(desk, wish(PREFS, NEW, OLD), processes=["pidg"], check=True)
    assert [sign["what"] for sign in read["running"]] == ["process pidgin"]
    assert (answer["state"], answer["error"], answer["files"]) == ("deferred", None, {})
    assert [sign["what"] for sign in answer["running"]] == ["process pidgin"]
    assert all(isinstance(sign["pid"], int) for sign in answer["running"])
    assert other["state"] == "written"  # names are compared whole
    assert (desk.home / PREFS).read_bytes() == OLD
    assert put(desk, wish(PREFS, NEW, OLD), processes=["pidgin"])["state"] == "written"


def test_a_memory_alone_is_no_business_of_the_clients(desk: Desk) -> None:
    with desk.running("pidgin"):
        assert put(desk, memory="noted", processes=["pidgin"])["memory_written"] is True


# -- memory


def test_what_is_remembered_is_answered_to_its_key_alone_until_it_is_forgotten(desk: Desk) -> None:
    text = '{"Zoë O\'Brien & \\"Co\\" <x> \\\\": 1}'
    assert put(desk, memory=text)["memory_written"] is True
    assert ask(desk, memory=True)["memory"] == text
    assert ask(desk, memory=False)["memory"] is None
    (other,) = desk.ask([{"key": "another", "login": desk.login, "memory": True}])
    assert other["memory"] is None
    assert put(desk, memory=None)["memory_written"] is None
    assert ask(desk, memory=True)["memory"] == text
    assert put(desk, memory="")["memory_written"] is True
    assert ask(desk, memory=True)["memory"] is None


def test_a_memory_that_cannot_be_kept_does_not_fail_its_group(desk: Desk) -> None:
    answer = put(desk, wish(PREFS, NEW, None), memory="x" * (1024 * 1024 + 1))
    assert (answer["state"], answer["memory_written"]) == ("written", False)
    assert answer["memory_error"]["code"] == "too_big"


def test_nothing_is_remembered_of_a_group_that_was_not_written(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    assert put(desk, wish(PREFS, NEW, None), memory="never")["memory_written"] is False
    assert ask(desk, memory=True)["memory"] is None


def test_a_memory_that_is_no_text_says_so_and_is_none(desk: Desk) -> None:
    put(desk, memory="fine")
    (file,) = (desk.state / "memory").rglob("*.json")
    file.write_bytes(b"\xff\xfe\x00")
    answer = ask(desk, memory=True)
    assert (answer["memory"], answer["memory_error"]["code"]) == (None, "malformed")


# -- the way back


def test_the_backups_are_listed_with_what_each_run_did(desk: Desk) -> None:
    assert desk.backups() == []
    lay(desk, PREFS, OLD)
    put(desk, wish(PREFS, NEW, OLD), wish(ACCOUNTS, NEW, None))
    (listed,) = desk.backups()
    assert listed["login"] == desk.login
    (run,) = listed["runs"]
    assert (run["run_id"], run["restores"], run["groups"], run["error"]) == ("run-1", None, ["k"], None)
    assert run["when"].endswith("Z")
    assert len(run["when"]) == len("2026-11-23T02:00:00Z")
    assert [(file["path"], file["key"], file["before"], file["after"]) for file in run["files"]] == [
        (ACCOUNTS, "k", None, sha256(NEW)),
        (PREFS, "k", sha256(OLD), sha256(NEW)),
    ]


def test_a_rollback_gives_back_every_byte_and_can_itself_be_taken_back(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    put(desk, wish(PREFS, NEW, OLD), wish(ACCOUNTS, NEW, None))
    assert back(desk, "run-1", "run-2", check=True)["state"] == "written"
    assert everything(desk.home) == {PREFS: NEW, ACCOUNTS: NEW}
    assert back(desk, "run-1", "run-2")["state"] == "written"
    assert everything(desk.home) == {PREFS: OLD}
    assert back(desk, "run-1", "run-3")["state"] == "unchanged"
    assert back(desk, "run-2", "run-4")["state"] == "written"
    assert everything(desk.home) == {PREFS: NEW, ACCOUNTS: NEW}
    restores = {run["run_id"]: run["restores"] for run in desk.backups()[0]["runs"]}
    assert restores == {"run-1": None, "run-2": "run-1", "run-4": "run-2"}


def test_a_file_changed_since_the_run_is_named_and_its_group_left_alone(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    lay(desk, ACCOUNTS, OLD)
    put(desk, wish(PREFS, NEW, OLD), wish(ACCOUNTS, NEW, OLD))
    lay(desk, PREFS, b"the user's")
    answer = back(desk, "run-1", "run-2")
    assert (answer["state"], answer["conflicts"]) == ("conflict", [PREFS])
    assert "run-1" in answer["error"]["message"]
    assert everything(desk.home) == {PREFS: b"the user's", ACCOUNTS: NEW}


def test_what_was_remembered_goes_back_with_the_files(desk: Desk) -> None:
    put(desk, memory="before")
    put(desk, wish(PREFS, NEW, None), memory="after", run_id="run-2")
    assert back(desk, "run-2", "run-3")["memory_written"] is True
    assert ask(desk, memory=True)["memory"] == "before"


def test_a_run_that_remembered_nothing_leaves_the_memory_when_it_is_rolled_back(desk: Desk) -> None:
    put(desk, wish(PREFS, OLD, None), memory="mine")
    put(desk, wish(PREFS, NEW, OLD), memory=None, run_id="run-2")
    for path in (desk.state / "backups").rglob("run-2/manifest.json"):
        assert json.loads(path.read_bytes())["groups"]["k"]["memory_after"] is None
    answer = back(desk, "run-2", "run-3")
    assert (answer["state"], answer["memory_written"]) == ("written", None)
    assert ask(desk, memory=True)["memory"] == "mine"


def test_one_client_or_file_is_rolled_back_and_the_others_left(desk: Desk) -> None:
    other = group(desk, wish("x", NEW, None), wish("y", NEW, None), key="other")
    desk.write([group(desk, wish(PREFS, NEW, None)), other])
    assert back(desk, "run-1", "run-2", keys=["k"])["key"] == "k"
    assert set(everything(desk.home)) == {"x", "y"}
    assert back(desk, "run-1", "run-3", paths=["x"])["key"] == "other"
    assert set(everything(desk.home)) == {"y"}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"run_id": "run-9"}, "no_backup"),
        ({"paths": ["never"]}, "bad_request"),
        ({"keys": ["never"]}, "bad_request"),
        ({"new_run_id": "run-1"}, "bad_request"),
        ({"new_run_id": "../x"}, "bad_request"),
    ],
)
def test_what_no_run_wrote_is_refused_by_name(desk: Desk, more: dict[str, Any], code: str) -> None:
    put(desk, wish(PREFS, NEW, None))
    (answer,) = desk.restore([{"login": desk.login, "run_id": "run-1", "new_run_id": "run-2"} | more])
    assert (answer["state"], answer["error"]["code"], answer["files"]) == ("failed", code, {})
    if code == "no_backup":
        assert "run-1" in answer["error"]["message"]


def test_kept_bytes_that_are_not_those_of_the_manifest_are_not_put_back(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    put(desk, wish(PREFS, NEW, OLD))
    (kept,) = (desk.state / "backups").rglob("prefs.xml")
    kept.write_bytes(b"damaged")
    assert back(desk, "run-1", "run-2")["error"]["code"] == "backup_damaged"
    assert (desk.home / PREFS).read_bytes() == NEW


def test_the_oldest_bytes_of_a_run_are_the_ones_kept(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    put(desk, wish(PREFS, NEW, OLD))
    put(desk, wish(PREFS, b"third", NEW))
    assert back(desk, "run-1", "run-2")["state"] == "written"
    assert (desk.home / PREFS).read_bytes() == OLD


def test_only_the_newest_five_runs_of_a_login_are_kept(desk: Desk) -> None:
    before = None
    for number in range(7):
        put(desk, wish(PREFS, str(number).encode(), before), run_id=f"run-{number}")
        before = str(number).encode()
    assert [run["run_id"] for run in desk.backups()[0]["runs"]] == [f"run-{number}" for number in (6, 5, 4, 3, 2)]


def test_a_run_that_writes_nothing_leaves_no_backup(desk: Desk) -> None:
    lay(desk, PREFS, OLD)
    put(desk, wish(PREFS, NEW, None))
    put(desk, wish(PREFS, OLD, OLD))
    assert all(not listed["runs"] for listed in desk.backups())


def test_the_answers_of_writing_and_rolling_back_hold_no_contents(desk: Desk) -> None:
    secret = b"CANARY-0123456789abcdef"
    lay(desk, PREFS, secret)
    told = [put(desk, wish(PREFS, NEW, secret)), back(desk, "run-1", "run-2"), desk.backups()]
    assert "CANARY" not in str(told)
    assert "content" not in str(told)
