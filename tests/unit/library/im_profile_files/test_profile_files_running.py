"""im_profile_files: does the client run? Real processes, locks and open files of a real person."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_desk import running
from profile_files_support import ROOT, Person, client, started, wish

HOLD_LOCK = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX)"
HOLD_OPEN = "import sys; f = open(sys.argv[1])"
TAKE_NAME = "import ctypes, sys; ctypes.CDLL(None).prctl(15, sys.argv[1].encode())"  # PR_SET_NAME

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc as Linux has it")


def python(person: Person, code: str, *args: str, **more: Any) -> Any:
    wait = "; print('ready', flush=True); sys.stdin.read()"
    return started(person, "/usr/bin/env", "python3", "-c", code + wait, *args, **more)


@pytest.fixture
def folder(person: Person) -> Path:
    path: Path = person.folder("bin", 0o755)
    return path


def test_a_client_of_the_person_is_seen_with_its_pid(person: Person, folder: Path) -> None:
    assert person.ask(processes=["finch", "pidgin"])["running"] == []
    with client(person, "pidgin", folder) as process:
        running = person.ask(processes=["finch", "pidgin"])["running"]
        assert running == [{"pid": process.pid, "what": "process pidgin"}]
        assert person.ask(processes=["gajim"])["running"] == []
    assert person.ask(processes=["finch", "pidgin"])["running"] == []


@linux
def test_a_script_that_took_the_name_of_the_client_is_seen(person: Person) -> None:
    """Gajim is a Python program: its executable is python3, its process is called gajim."""
    with python(person, TAKE_NAME, "gajim") as process:
        assert person.ask(processes=["gajim"])["running"] == [{"pid": process.pid, "what": "process gajim"}]


@linux
def test_a_name_that_linux_cuts_is_seen(person: Person, folder: Path) -> None:
    with python(person, TAKE_NAME, "thunderbird-esr-bin"):
        assert len(person.ask(processes=["thunderbird-esr-bin"])["running"]) == 1


@linux
def test_a_client_upgraded_while_it_runs_is_seen(person: Person, folder: Path) -> None:
    """Its executable is "thunderbird (deleted)" then; here the name of the process does not help either."""
    with client(person, "thunderbird", folder, "echo GeckoMain > /proc/$$/comm") as process:
        (folder / "thunderbird").unlink()
        assert Path(f"/proc/{process.pid}/comm").read_text().strip() == "GeckoMain"
        assert len(person.ask(processes=["thunderbird"])["running"]) == 1


def test_a_name_is_compared_whole(person: Person, folder: Path) -> None:
    with client(person, "pidgin-helper", folder):
        assert person.ask(processes=["pidgin", "idgin", "helper"])["running"] == []


@linux
def test_a_zombie_is_not_a_running_client(person: Person, folder: Path) -> None:
    with client(person, "pidgin", folder) as process:
        process.kill()
        while b") Z" not in Path(f"/proc/{process.pid}/stat").read_bytes():
            time.sleep(0.01)
        assert person.ask(processes=["pidgin"])["running"] == []


@pytest.mark.skipif(not ROOT, reason="needs processes of two users")
def test_a_client_of_somebody_else_does_not_count(person: Person, tmp_path: Path) -> None:
    # A name that no client of this machine has, not even one in a container.
    with client(person, "pidgin-of-test", tmp_path, as_person=False):
        assert person.ask(processes=["pidgin-of-test"])["running"] == []
        assert len(person.ask(processes=["pidgin-of-test"], login=None)["running"]) == 1  # the machine: anybody's


@linux
def test_a_held_lock_is_seen_with_its_holder(person: Person) -> None:
    lock = person.file(".thunderbird/a.default/.parentlock", b"")
    person.file(".thunderbird/b.default/.parentlock", b"")
    locks = [".thunderbird/*/.parentlock"]
    with python(person, HOLD_LOCK, str(lock)) as process:
        running = person.ask(locks=locks)["running"]
        assert running == [{"pid": process.pid, "what": "lock .thunderbird/a.default/.parentlock"}]
    assert person.ask(locks=locks)["running"] == []


def test_a_lock_file_is_never_created(person: Person) -> None:
    person.folder(".thunderbird/a.default")
    asked = person.ask(locks=[".thunderbird/*/.parentlock", ".thunderbird/a.default/.parentlock", "no/where"])
    assert (asked["running"], asked["error"]) == ([], None)
    assert list(person.home.rglob("*lock*")) == []


def test_a_lock_that_cannot_be_asked_about_is_an_error_not_a_guess(person: Person) -> None:
    person.file(".thunderbird/a/.parentlock", b"", 0o000)
    person.file("x", b"1")
    answer = person.ask("x", locks=[".thunderbird/*/.parentlock"])
    assert answer["error"]["code"] == "forbidden"
    answer = person.put(wish("x", b"2", b"1"), locks=[".thunderbird/*/.parentlock"])
    assert (answer["state"], answer["error"]["code"]) == ("failed", "forbidden")
    assert (person.home / "x").read_bytes() == b"1"


def test_a_lock_outside_the_home_is_an_error(person: Person) -> None:
    person.link(".thunderbird/a", "/etc")
    assert person.ask(locks=[".thunderbird/*/passwd"])["error"]["code"] == "link_outside"


@linux
def test_a_file_kept_open_is_seen(person: Person) -> None:
    database = person.file(".config/gajim/settings.sqlite", b"1")
    twin = person.file("elsewhere/settings.sqlite", b"2")
    asked = [".config/gajim/settings.sqlite"]
    with python(person, HOLD_OPEN, str(twin)):
        assert person.ask(open_files=asked)["running"] == []
    with python(person, HOLD_OPEN, str(database)) as process:
        running = person.ask(open_files=asked)["running"]
        assert running == [{"pid": process.pid, "what": "open .config/gajim/settings.sqlite"}]
        assert person.ask(open_files=["no/such"])["running"] == []


def test_without_proc_ps_and_the_lock_itself_are_asked(
    person: Person, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What macOS and BSD do."""
    if not (os.access("/bin/ps", os.X_OK) or os.access("/usr/bin/ps", os.X_OK)):
        pytest.skip("no ps on this machine")
    monkeypatch.setattr(running, "LINUX", False)
    monkeypatch.setattr(running, "PROC", "/nowhere")
    lock = person.file(".thunderbird/a/.parentlock", b"")
    asked = {"processes": ["pidgin"], "locks": [".thunderbird/*/.parentlock"], "open_files": ["x"]}
    assert person.ask(**asked)["running"] == []
    with client(person, "pidgin", folder) as process, python(person, HOLD_LOCK, str(lock)):
        assert person.ask(**asked)["running"] == [
            {"pid": process.pid, "what": "process pidgin"},
            {"pid": None, "what": "lock .thunderbird/a/.parentlock"},
        ]
    assert person.ask(**asked)["running"] == []


def test_nothing_is_written_under_a_running_client(person: Person, folder: Path) -> None:
    person.file(".purple/accounts.xml", b"old")
    files = (wish(".purple/accounts.xml", b"new", b"old"), wish(".purple/prefs.xml", b"new", None))
    with client(person, "pidgin", folder) as process:
        answer = person.put(*files, processes=["pidgin"])
    assert answer == {
        "key": "k",
        "login": person.login,
        "state": "deferred",
        "running": [{"pid": process.pid, "what": "process pidgin"}],
        "error": None,
        "conflicts": [],
        "memory_written": None,
        "memory_error": None,
        "files": {},
    }
    assert (person.home / ".purple/accounts.xml").read_bytes() == b"old"
    assert not (person.home / ".purple/prefs.xml").exists()
    assert not person.state.exists()
    assert person.put(*files, processes=["pidgin"])["state"] == "written"


def test_a_client_that_starts_between_two_files_gets_the_old_ones_back(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.file("a", b"old a")
    person.file("b", b"old b")
    looks = iter([[], [], [{"pid": 7, "what": "process pidgin"}]])  # first look, before a, before b
    monkeypatch.setattr(person.module.Lookout, "look", lambda _self: next(looks))
    answer = person.put(wish("a", b"new a", b"old a"), wish("b", b"new b", b"old b"))
    assert (answer["state"], answer["running"]) == ("deferred", [{"pid": 7, "what": "process pidgin"}])
    assert answer["files"] == {name: {"backup": False, "written": False} for name in ("a", "b")}
    assert [(person.home / name).read_bytes() for name in ("a", "b")] == [b"old a", b"old b"]
    assert person.leftovers() == []
    assert not person.backup("a").exists()
