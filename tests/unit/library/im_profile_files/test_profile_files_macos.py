"""im_profile_files with what a Mac's Python lacks taken away: no /proc, no O_TMPFILE, no attributes, no getresuid.

What it lacks, lab/images/rpm.d/says_darwin.py lists; the desk mac-lab-07 runs under the same list.
"""

from __future__ import annotations

import ast
import fcntl
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.im_desk import memory, private_files, running
from profile_files_support import PROJECT, ROOT, Person, client, snapshot, wish

SAYS_DARWIN = PROJECT / "lab" / "images" / "rpm.d" / "says_darwin.py"
PS = ("/bin/ps", "/usr/bin/ps")
# Names that a Mac's Python does not have, and where we use them nevertheless, behind a question whether they are there.
GUARDED = {
    ("im_desk/attributes.py", "os.listxattr"),
    ("im_desk/attributes.py", "os.getxattr"),
    ("im_desk/attributes.py", "os.setxattr"),
    ("im_desk/attributes.py", "os.removexattr"),
    ("im_desk/memory.py", "os.O_TMPFILE"),
    ("im_desk/person.py", "os.getresuid"),
    ("im_desk/person.py", "os.getresgid"),
    ("im_login_job.py", "signal.sigtimedwait"),
    ("im_pending.py", "os.getresuid"),
}


def absent() -> dict[str, tuple[str, ...]]:
    """Module -> the names that macOS's Python 3.9 does not have in it; read, as an import of the file is not wanted."""
    (assignment,) = [
        node
        for node in ast.parse(SAYS_DARWIN.read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ABSENT"
    ]
    found: dict[str, tuple[str, ...]] = eval(ast.unparse(assignment.value))  # noqa: S307  a literal of ours, with *
    return found


@pytest.fixture(autouse=True)
def mac(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever these tests run under, the module finds what it would find on a Mac."""
    monkeypatch.setattr(running, "LINUX", False)
    monkeypatch.setattr(running, "PROC", "/nowhere")
    for module, names in absent().items():
        for name in names:
            if module in ("os", "fcntl"):  # pytest itself needs some of the others
                monkeypatch.delattr(sys.modules[module], name, raising=False)

    def no_question(*_: Any) -> bytes:
        """struct flock has another layout there: who asked as on Linux would read nonsense."""
        raise AssertionError("F_GETLK was asked")

    monkeypatch.setattr(fcntl, "fcntl", no_question)


def test_what_a_mac_lacks_is_used_nowhere_but_behind_a_question() -> None:
    """All that runs on desks, line by line: also what no test reaches."""
    names = {f"{module}.{name}" for module, lacking in absent().items() for name in lacking}
    used = set()
    for top in (PROJECT / "module_utils", PROJECT / "library"):
        for path in sorted(top.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and ast.unparse(node) in names:
                    used.add((str(path.relative_to(top)), ast.unparse(node)))
    assert used == GUARDED


MAC = """
import importlib, json, os, pwd, sys
sys.path.insert(0, {says_darwin!r})
import says_darwin
says_darwin.be_a_mac()
import ansible.module_utils
ansible.module_utils.__path__.append({utils!r})
login, home, state = {login!r}, {home!r}, {state!r}

def refuse(event, words):
    if event in ("open", "os.listdir") and str(words[0]).startswith(("/proc", "/sys", "/run/")):
        raise RuntimeError("no Mac has " + str(words[0]))

calls = importlib.import_module("ansible.module_utils.im_desk.calls")
importlib.import_module("ansible.module_utils.im_login_job")  # the agent of the next login needs no more
if os.geteuid() != 0:
    entry = list(pwd.getpwnam(login))
    pwd.getpwnam = lambda _: pwd.struct_passwd([*entry[:5], home, *entry[6:]])
sys.addaudithook(refuse)
os.umask(0o077)
signs = {{"processes": ["Thunderbird"], "locks": ["Library/Thunderbird/*/.parentlock"], "open_files": ["x"]}}
request = {{"key": "k", "login": login, "paths": ["Library/*/profiles.ini", "x"], "memory": True, **signs}}
group = {{"key": "k", "login": login, "run_id": "a", "memory": "m", "files": {files!r}, **signs}}
back = {{"login": login, "run_id": "a", "new_run_id": "b"}}
print(json.dumps([
    calls.read_requests([request], state)[0],
    calls.write_groups([group], state, check=True)[0],
    calls.write_groups([group], state)[0],
    calls.read_requests([request], state)[0],
    calls.list_backups(None, state)[0],
    calls.restore_runs([back], state)[0],
]))
"""


def test_a_python_that_says_darwin_does_all_that_the_module_can(person: Person, ps: None, tmp_path: Path) -> None:
    """From the first import on, in an interpreter of its own; whatever looks into /proc, /sys or /run breaks it."""
    person.file("Library/Thunderbird/profiles.ini", b"theirs\n", 0o640)
    person.file("Library/Thunderbird/a/.parentlock", b"")
    state = tmp_path / "var" / "lib" / "im_client"  # a Mac has no /var/lib
    files = [wish("Library/Thunderbird/profiles.ini", b"ours\n", b"theirs\n"), wish("x", b"1", None)]
    program = MAC.format(
        says_darwin=str(SAYS_DARWIN.parent),
        utils=str(PROJECT / "module_utils"),
        login=person.login,
        home=str(person.home),
        state=str(state),
        files=files,
    )
    done = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read, foretold, written, again, listed, restored = json.loads(done.stdout)
    assert (read["error"], read["running"]) == (None, [])
    assert set(read["files"]) == {"Library/Thunderbird/profiles.ini", "x"}
    for answer in (foretold, written, restored):
        assert (answer["state"], answer["error"], answer["memory_error"]) == ("written", None, None)
    assert (again["memory"], again["files"]["x"]["size"]) == ("m", 1)
    assert [run["run_id"] for run in listed["runs"]] == ["a"]
    assert (person.home / "Library/Thunderbird/profiles.ini").read_bytes() == b"theirs\n"
    ways = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "var", tmp_path / "var" / "lib")]
    assert ways == [0o755 if ROOT else 0o700] * 2


def test_on_a_mac_the_drive_itself_is_told_to_keep_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int]] = []
    refusal = {"F_FULLFSYNC": False}

    def full(descriptor: int, command: int) -> None:
        if refusal["F_FULLFSYNC"]:
            raise OSError(45, "Operation not supported")
        told.append(("full", command))

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", full)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: told.append(("plain", 0)))
    private_files.store_file(str(tmp_path), "name", b"bytes")
    assert told == [("full", 51), ("full", 51)]  # the file, and the directory that names it
    refusal["F_FULLFSYNC"] = True  # a home on a file server
    private_files.store_file(str(tmp_path), "name", b"more")
    assert told[2:] == [("plain", 0), ("plain", 0)]


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
    said += b"  502   901 /Users/b/My Apps/Gajim.app/Contents/MacOS/Gajim\n"
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
