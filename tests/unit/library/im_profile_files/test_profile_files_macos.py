"""im_profile_files with what a Mac's Python lacks taken away: no /proc, no O_TMPFILE, no attributes, no getresuid."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.im_desk import memory, running
from profile_files_support import Person, client, snapshot, wish

# Python 3.9's documentation: for Linux, or not for macOS.
ABSENT = ("O_TMPFILE", "listxattr", "getxattr", "setxattr", "removexattr", "getresuid", "getresgid", "pipe2")
PS = ("/bin/ps", "/usr/bin/ps")


@pytest.fixture(autouse=True)
def mac(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever these tests run under, the module finds what it would find on a Mac."""
    monkeypatch.setattr(running, "LINUX", False)
    monkeypatch.setattr(running, "PROC", "/nowhere")
    for name in ABSENT:
        monkeypatch.delattr(os, name, raising=False)

    def no_question(*_: Any) -> bytes:
        """struct flock has another layout there: who asked as on Linux would read nonsense."""
        raise AssertionError("F_GETLK was asked")

    monkeypatch.setattr(fcntl, "fcntl", no_question)


@pytest.fixture
def ps() -> Iterator[None]:
    if not any(os.access(program, os.X_OK) for program in PS):
        pytest.skip("no ps on this machine")
    yield


def test_a_profile_is_read_written_remembered_and_rolled_back(person: Person, ps: None) -> None:
    person.file("Library/Thunderbird/profiles.ini", b"theirs\n", 0o640)
    person.spec = {"processes": ["thunderbird"], "locks": ["Library/Thunderbird/*/.parentlock"], "open_files": []}
    before = snapshot(person.home)
    new = wish("Library/Thunderbird/profiles.ini", b"theirs\nours\n", b"theirs\n")
    agent = wish("Library/LaunchAgents/im-client.toy.plist", b"<plist/>", None)
    foretold = person.put(new, agent, check=True, memory="m")
    assert foretold["state"] == "written" and snapshot(person.home) == before
    done = person.put(new, agent, memory="m")
    assert (done["state"], done["error"], done["memory_error"]) == ("written", None, None)
    written = (person.home / "Library/Thunderbird/profiles.ini").stat()
    assert (written.st_uid, written.st_mode & 0o777) == (person.uid, 0o640)
    assert person.look("Library/LaunchAgents/im-client.toy.plist")["mode"] == "0600"
    assert person.ask(memory=True)["memory"] == "m"
    restores = [{"login": person.login, "run_id": "run-1", "new_run_id": "run-2"}]
    (back,) = person.module.restore_runs(restores, str(person.state))
    assert (back["state"], back["error"]) == ("written", None)
    assert person.look("Library/Thunderbird/profiles.ini")["size"] == len(b"theirs\n")
    assert person.look("Library/LaunchAgents/im-client.toy.plist")["absent"]


def test_a_client_whose_path_is_long_is_seen_with_its_whole_name(person: Person, ps: None) -> None:
    """BSD's ps cuts a line at 79 columns when it writes to no terminal, unless it is told otherwise twice."""
    place = person.folder("bin", 0o755) / ("Applications with spaces in their names" * 3)
    deep = place / "Toy.app" / "Contents" / "MacOS"
    deep.mkdir(parents=True)
    person.spec["processes"] = ["toyclient"]
    with client(person, "toyclient", deep):
        answer = person.put(wish("x", b"1", None))
    assert (answer["state"], [sign["what"] for sign in answer["running"]]) == ("deferred", ["process toyclient"])


def test_ps_is_asked_in_words_that_bsd_knows_and_its_paths_are_cut_to_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines as ps of macOS writes them: the whole path of the executable, spaces and all."""
    said = b"  501   812 /Applications/Thunderbird.app/Contents/MacOS/thunderbird\n"
    said += b"  501   900 /opt/homebrew/Cellar/pidgin/2.14.14/bin/pidgin\n    0     1 /sbin/launchd\n"
    said += b"  502   901 /Users/b/My Apps/gajim\n"
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(returncode=0, stdout=said)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "access", lambda path, _mode: path == "/bin/ps")
    assert running.listed_by_ps(501) == [(812, {b"thunderbird"}), (900, {b"pidgin"})]
    assert running.listed_by_ps(502) == [(901, {b"gajim"})]
    assert asked[0] == ["/bin/ps", "-axww", "-o", "uid=,pid=,comm="]


def test_a_lock_of_a_client_is_taken_for_a_moment_only(person: Person) -> None:
    lock = person.file("Library/Thunderbird/a/.parentlock", b"")
    assert person.ask(locks=["Library/Thunderbird/*/.parentlock"])["running"] == []
    with lock.open("r+") as again:
        fcntl.lockf(again, fcntl.LOCK_EX | fcntl.LOCK_NB)  # free: the module has let go of it


def test_without_a_nameless_file_a_check_of_the_memory_leaves_no_trace(tmp_path: Path) -> None:
    kept = memory.Memory(str(tmp_path / "state"))
    kept.write(None, "k", "m", check=True)
    assert list(tmp_path.iterdir()) == []
