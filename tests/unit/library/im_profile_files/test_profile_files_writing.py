"""im_profile_files, action write: what is written, what is refused, and what is left when something fails."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from profile_files_support import (
    ROOT,
    Person,
    children_of,
    fail_second_rename,
    mode,
    sha256,
    snapshot,
    wait_for_end,
    wish,
)

needs_root = pytest.mark.skipif(not ROOT, reason="only root can make this")


def test_a_file_is_replaced_and_its_previous_bytes_are_kept(person: Person) -> None:
    path = person.file(".purple/accounts.xml", b"old", 0o640)
    answer = person.put(wish(".purple/accounts.xml", b"new", b"old"))
    assert answer == {
        "key": "k",
        "login": person.login,
        "state": "written",
        "running": [],
        "error": None,
        "conflicts": [],
        "memory_written": None,
        "memory_error": None,
        "files": {".purple/accounts.xml": {"backup": True, "written": True}},
    }
    assert (path.read_bytes(), mode(path), path.stat().st_uid) == (b"new", 0o640, person.uid)
    backup = person.backup(".purple/accounts.xml")
    assert (backup.read_bytes(), mode(backup), backup.stat().st_uid) == (b"old", 0o600, os.geteuid())
    assert {mode(folder) for folder in backup.parents if person.state in folder.parents} == {0o700}
    assert person.leftovers() == []


def test_a_new_file_and_its_directories_belong_to_the_person_alone(person: Person) -> None:
    answer = person.put(
        wish(".config/gajim/settings.sqlite", b"1", None), wish(".config/gajim/other", b"2", None, mode="0644")
    )
    assert answer["state"] == "written"
    assert answer["files"][".config/gajim/other"] == {"backup": False, "written": True}
    made = person.home / ".config/gajim"
    assert [mode(path) for path in (made.parent, made, made / "settings.sqlite", made / "other")] == [
        0o700,
        0o700,
        0o600,
        0o644,
    ]
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in person.home.rglob("*")}
    assert owners == {(person.uid, person.gid)}
    assert [path.name for path in person.backup("").rglob("*")] == ["manifest.json"]


def test_modes_can_be_asked_for(person: Person) -> None:
    person.file("x", b"1", 0o644)
    assert person.put(wish("x", b"1", b"1", mode="0600"))["state"] == "written"
    assert mode(person.home / "x") == 0o600
    person.put(wish("d/y", b"1", None, mode="640", dir_mode="0750"))
    assert (mode(person.home / "d"), mode(person.home / "d/y")) == (0o750, 0o640)


def test_setuid_is_never_carried_over(person: Person) -> None:
    person.file("x", b"1", 0o4755)
    person.put(wish("x", b"2", b"1"))
    assert mode(person.home / "x") == 0o755


def test_the_group_of_a_file_is_kept_or_loses_its_rights(person: Person) -> None:
    if not ROOT:
        pytest.skip("only root can make this")
    os.chown(person.file("x", b"1", 0o660), person.uid, 4)
    person.put(wish("x", b"2", b"1"))
    found = (person.home / "x").stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (person.gid, 0o600)


def test_the_same_bytes_change_nothing(person: Person) -> None:
    path = person.file("x", b"1")
    inode = path.stat().st_ino
    answer = person.put(wish("x", b"1", b"1"))
    assert (answer["state"], answer["files"]) == ("unchanged", {"x": {"backup": False, "written": False}})
    assert path.stat().st_ino == inode
    assert not person.state.exists()


def test_a_call_repeated_after_a_lost_answer_finds_nothing_to_do(person: Person) -> None:
    person.file("x", b"old")
    asked = (wish("x", b"new", b"old"), wish("y", b"new", None))
    assert person.put(*asked)["state"] == "written"
    assert person.put(*asked)["state"] == "unchanged"
    assert person.backup("x").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("now", "before"), [(b"somebody else's", b"what was read"), (None, b"what was read"), (b"made since", None)]
)
def test_a_file_that_changed_since_it_was_read_stops_its_group(
    person: Person, now: bytes | None, before: bytes | None
) -> None:
    person.file("first", b"1")
    if now is not None:
        person.file("second", now)
    seen = snapshot(person.home)
    answer = person.put(wish("first", b"2", b"1"), wish("second", b"new", before), wish("d/third", b"3", None))
    assert (answer["state"], answer["error"]["code"]) == ("conflict", "conflict")
    assert "~/second" in answer["error"]["message"]
    assert snapshot(person.home) == seen
    assert not person.state.exists()


def test_a_conflict_of_one_group_does_not_stop_another(person: Person) -> None:
    person.file("a", b"changed")
    groups = [person.group(wish("a", b"2", b"1"), key="a"), person.group(wish("b", b"1", None), key="b")]
    answers = person.module.write_groups(groups, str(person.state))
    assert [(answer["key"], answer["state"]) for answer in answers] == [("a", "conflict"), ("b", "written")]


def test_check_mode_predicts_and_writes_nothing(person: Person) -> None:
    person.file("x", b"1")
    person.file("d/y", b"1")
    person.folder("d", 0o500)
    seen = snapshot(person.home)
    answer = person.put(wish("x", b"2", b"1"), wish("new/z", b"2", None), check=True)
    assert (answer["state"], answer["files"]["x"]) == ("written", {"backup": True, "written": True})
    assert answer["files"]["new/z"] == {"backup": False, "written": True}
    assert person.put(wish("x", b"1", b"1"), check=True)["state"] == "unchanged"
    assert person.put(wish("x", b"2", b"0"), check=True)["state"] == "conflict"
    for path, before in (("d/y", b"1"), ("d/new", None)):
        answer = person.put(wish(path, b"2", before), check=True)
        assert (answer["state"], answer["error"]["code"]) == ("failed", "forbidden")
    assert snapshot(person.home) == seen
    assert not person.state.exists()


# Links and other things in the way


def facts(home: Path) -> dict[str, tuple[int, ...]]:
    """What says that nothing was touched, of things that cannot be read; not the time of access: looking changes it."""
    return {
        str(path): (found.st_ino, found.st_mode, found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns)
        for path in home.rglob("*")
        for found in [path.lstat()]
    }


def test_a_link_inside_the_home_stays_and_its_target_is_replaced(person: Person) -> None:
    person.file("real/x", b"old")
    link = person.link("x", "real/x")
    assert person.put(wish("x", b"new", b"old"))["state"] == "written"
    assert link.is_symlink()
    assert (person.home / "real/x").read_bytes() == b"new"
    assert person.backup("x").read_bytes() == b"old"


def test_a_directory_that_is_a_link_inside_the_home_is_written_through(person: Person) -> None:
    person.folder("store/purple")
    person.link(".purple", person.home / "store/purple")
    assert person.put(wish(".purple/sub/x", b"1", None))["state"] == "written"
    assert (person.home / "store/purple/sub/x").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        ("link_outside", "link_outside"),
        ("link_dangling", "link_dangling"),
        ("link_loop", "link_loop"),
        ("directory", "directory"),
        ("fifo", "fifo"),
        ("not_a_directory", "not_a_directory"),
        ("forbidden", "forbidden"),
        ("not_owner", "not_owner"),
    ],
)
def test_what_cannot_be_read_is_not_written_and_stops_its_group(person: Person, make: str, code: str) -> None:
    path = "d/x"
    if make == "link_outside":
        person.link(path, "../../outside")
    elif make == "link_dangling":
        person.link(path, "nowhere")
    elif make == "link_loop":
        person.link(path, "x")
    elif make == "directory":
        person.folder(path)
    elif make == "fifo":
        person.folder("d")
        os.mkfifo(person.home / path)
        person.own(person.home / path)
    elif make == "not_a_directory":
        person.file("d", b"1")
    elif make == "forbidden":
        person.file(path, b"1", 0o000)
    elif not ROOT:
        pytest.skip("only root can make this")
    else:
        os.chown(person.file(path, b"1", 0o666), 0, 0)
    seen = facts(person.home)
    answer = person.put(wish("first", b"1", None), wish(path, b"2", None))
    assert (answer["state"], answer["error"]["code"]) == ("failed", code)
    assert facts(person.home) == seen
    assert not (person.home.parent / "outside").exists()


def test_a_hard_link_elsewhere_keeps_the_old_bytes(person: Person) -> None:
    other = person.home / "other"
    os.link(person.file("x", b"old"), other)
    assert person.put(wish("x", b"new", b"old"))["state"] == "written"
    assert ((person.home / "x").read_bytes(), other.read_bytes()) == (b"new", b"old")


def test_two_names_of_one_file_in_a_group_are_a_conflict(person: Person) -> None:
    person.file("x", b"old")
    person.link("y", "x")
    answer = person.put(wish("x", b"new 1", b"old"), wish("y", b"new 2", b"old"))
    assert answer["state"] == "conflict"
    assert (person.home / "x").read_bytes() == b"old"


def test_an_unwritable_directory_is_an_error_and_nothing_is_left(person: Person) -> None:
    person.file("a", b"1")
    person.file("d/x", b"1")
    person.folder("d", 0o500)
    answer = person.put(wish("a", b"2", b"1"), wish("d/x", b"2", b"1"))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "forbidden")
    assert ((person.home / "a").read_bytes(), (person.home / "d/x").read_bytes()) == (b"1", b"1")
    assert person.leftovers() == []
    assert not person.backup("a").exists()


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "", "x/"])
def test_a_path_that_is_not_plainly_below_the_home_is_refused(person: Person, path: str) -> None:
    answer = person.put(wish(path, b"1", None))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "bad_request")


@pytest.mark.parametrize(
    "bad",
    [{"content": "hunter2!"}, {"content": "aHVudGVyMg=="}, {"mode": "384"}, {"mode": "rw-"}, {"dir_mode": "07777"}],
)
def test_a_malformed_wish_is_refused_without_quoting_contents(person: Person, bad: dict[str, str]) -> None:
    answer = person.put({**wish("x", b"1", None), **bad})
    assert (answer["state"], answer["error"]["code"]) == ("failed", "bad_request")
    assert "hunter2" not in json.dumps(answer)
    assert "aHVudGVyMg" not in json.dumps(answer)


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", ".hidden", "a b", "x" * 101])
def test_a_run_id_that_could_become_a_path_is_refused(person: Person, run_id: str) -> None:
    answer = person.put(wish("x", b"1", None), run_id=run_id)
    assert (answer["state"], answer["error"]["code"]) == ("failed", "bad_request")


def test_a_path_given_twice_is_refused(person: Person) -> None:
    answer = person.put(wish("x", b"1", None), wish("x", b"2", None))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "bad_request")
    assert snapshot(person.home) == {}


def test_a_star_in_a_written_path_is_a_star(person: Person) -> None:
    person.file("a", b"1")
    assert person.put(wish("*", b"2", None))["state"] == "written"
    assert (person.home / "*").read_bytes() == b"2"


# Failures half-way


@pytest.fixture
def tiny_disk(person: Person) -> Iterator[Path]:
    """A directory of the home on a file system of 128 KiB."""
    if not ROOT:
        pytest.skip("only root can mount")
    folder = person.folder("tiny")
    options = f"size=128k,uid={person.uid},gid={person.gid},mode=700"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=False)
    if done.returncode:
        pytest.skip("this machine lets nobody mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_whole_group_as_it_was(person: Person, tiny_disk: Path) -> None:
    person.file("first", b"1")
    person.file("tiny/x", b"old")
    seen = snapshot(person.home)
    big = os.urandom(400_000)
    wishes = wish("first", b"2", b"1"), wish("tiny/x", big, b"old"), wish("tiny/a/b/y", b"1", None)
    foretold, answer = person.put(*wishes, check=True), person.put(*wishes)
    assert foretold == answer
    assert (answer["state"], answer["error"]["code"]) == ("failed", "no_space")
    assert answer["files"]["first"] == {"backup": False, "written": False}
    assert snapshot(person.home) == seen
    assert not person.backup("first").exists()
    assert person.put(wish("tiny/x", b"new", b"old"))["state"] == "written"


def test_directories_made_for_a_group_that_failed_go_again(person: Person, tiny_disk: Path) -> None:
    seen = snapshot(person.home)
    answer = person.put(wish("tiny/a/b/x", b"1", None), wish("tiny/a/y", os.urandom(400_000), None))
    assert answer["error"]["code"] == "no_space"
    assert snapshot(person.home) == seen


def test_a_read_only_disk_is_said_so_before_and_after(person: Person, tiny_disk: Path) -> None:
    person.file("tiny/x", b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    assert person.look("tiny/x")["writable"] is False
    assert person.look("tiny/new")["creatable"] is False
    for check in (True, False):
        answer = person.put(wish("tiny/x", b"new", b"old"), check=check)
        assert (answer["state"], answer["error"]["code"]) == ("failed", "read_only")


DISK_WORDS = {
    errno.ENOSPC: ("no_space", "no space left on the disk"),
    errno.EDQUOT: ("quota", "the disk quota is used up"),
    errno.EROFS: ("read_only", "the file system is read-only"),
}


@pytest.mark.parametrize("step", ["mkdir", "open", "write", "fchmod", "fsync", "rename"])
@pytest.mark.parametrize("number", DISK_WORDS, ids=errno.errorcode.get)
def test_whatever_step_the_disk_refuses_it_is_said_in_plain_words_and_nothing_is_changed(
    person: Person, monkeypatch: pytest.MonkeyPatch, number: int, step: str
) -> None:
    person.file("a", b"old a", 0o640)
    person.folder("d")
    seen = snapshot(person.home)
    real = getattr(os, step)

    def refuse(what: Any, *more: Any, **named: Any) -> Any:
        on_pipe = step == "write" and stat.S_ISFIFO(os.fstat(what).st_mode)  # to the parent, not to the disk
        reading = step == "open" and not more[0] & os.O_CREAT
        if os.getpid() == parent or on_pipe or reading:
            return real(what, *more, **named)
        raise OSError(number, os.strerror(number))

    parent = os.getpid()
    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        answer = person.put(wish("a", b"new a", b"old a"), wish("d/e/b", b"new", None))
    code, words = DISK_WORDS[number]
    assert (answer["state"], answer["error"]["code"]) == ("failed", code)
    assert answer["error"]["message"] in (f"~/a: {words}", f"~/d/e/b: {words}")
    assert snapshot(person.home) == seen
    assert not person.backup("").exists()


@pytest.mark.parametrize(("number", "code"), [(errno.EDQUOT, "quota"), (errno.EIO, "io"), (errno.EPERM, "forbidden")])
def test_files_already_replaced_get_their_old_bytes_back(
    person: Person, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    person.file("a", b"old a", 0o640)
    person.file("c", b"old c")
    seen = snapshot(person.home)
    fail_second_rename(person, monkeypatch, number)
    answer = person.put(wish("a", b"new a", b"old a", mode="0600"), wish("b", b"new", None), wish("c", b"1", b"old c"))
    assert (answer["state"], answer["error"]["code"]) == ("failed", code)
    assert snapshot(person.home) == seen
    assert list((person.state / "backups" / person.login).glob("*")) == []


def test_a_file_made_by_a_group_that_failed_is_removed(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_second_rename(person, monkeypatch, errno.EDQUOT)
    answer = person.put(wish("d/a", b"new", None), wish("d/b", b"new", None))
    assert answer["error"]["code"] == "quota"
    assert snapshot(person.home) == {}


def test_what_somebody_wrote_after_us_is_not_taken_back(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    path = person.file("a", b"old a")
    fail_second_rename(person, monkeypatch, errno.EIO, lambda: path.write_bytes(b"the client's"))
    answer = person.put(wish("a", b"new a", b"old a"), wish("b", b"new", None))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "io")
    assert path.read_bytes() == b"the client's"


def test_bytes_that_cannot_be_taken_back_are_reported_and_the_old_ones_kept(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.file("d/a", b"old a")
    fail_second_rename(person, monkeypatch, errno.EIO, lambda: (person.home / "d").chmod(0o500))
    answer = person.put(wish("d/a", b"new a", b"old a"), wish("b", b"new", None))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "incomplete")
    assert "~/d/a" in answer["error"]["message"]
    assert answer["files"]["d/a"] == {"backup": True, "written": True}
    assert person.backup("d/a").read_bytes() == b"old a"


def test_a_file_changed_between_two_renames_stops_the_group(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.file("a", b"old a")
    second = person.file("b", b"old b")
    real = person.module.Change._rename

    def rename(change: Any, temp: bytes) -> None:
        real(change, temp)
        if change.path == "a":
            second.write_bytes(b"the client's")

    monkeypatch.setattr(person.module.Change, "_rename", rename)
    answer = person.put(wish("a", b"new a", b"old a"), wish("b", b"new b", b"old b"))
    assert answer["state"] == "conflict"
    assert ((person.home / "a").read_bytes(), second.read_bytes()) == (b"old a", b"the client's")


def test_a_process_killed_after_it_may_have_written_says_that_nobody_knows(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.file("a", b"old")
    monkeypatch.setattr(person.module.Change, "swap", lambda _self: os.kill(os.getpid(), signal.SIGKILL))
    answer = person.put(wish("a", b"new", b"old"))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "crashed")
    assert answer["files"] == {"a": {"backup": True, "written": None}}
    assert person.backup("a").read_bytes() == b"old"


# Backups


def test_only_the_newest_five_runs_of_a_login_are_kept(person: Person) -> None:
    person.file("x", b"0")
    person.file("y", b"0")
    for number in range(1, 8):
        content = str(number).encode()
        before = str(number - 1).encode()
        files = (wish("x", content, before), wish("y", content, before))
        assert person.put(*files, run_id=f"run-{number}")["state"] == "written"
    kept = sorted(path.name for path in (person.state / "backups" / person.login).iterdir())
    assert kept == [f"run-{number}" for number in range(3, 8)]
    assert person.backup("x", "run-3").read_bytes() == b"2"


def test_a_run_that_fails_every_night_does_not_push_out_good_backups(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.file("x", b"0")
    person.put(wish("x", b"1", b"0"), run_id="good")
    monkeypatch.setattr(person.module.Change, "swap", lambda _self: (_ for _ in ()).throw(OSError(errno.EIO, "")))
    for number in range(9):
        assert person.put(wish("x", b"2", b"1"), run_id=f"bad-{number}")["state"] == "failed"
    assert [path.name for path in (person.state / "backups" / person.login).iterdir()] == ["good"]


def test_the_oldest_bytes_of_a_run_are_the_ones_kept(person: Person) -> None:
    person.file("x", b"0")
    person.put(wish("x", b"1", b"0"))
    answer = person.put(wish("x", b"2", b"1"))
    assert answer["files"]["x"]["backup"] is True
    assert person.backup("x").read_bytes() == b"0"


def test_without_a_backup_nothing_is_written(person: Person) -> None:
    person.file("x", b"0")
    person.state.write_bytes(b"a file stands there")
    answer = person.put(wish("x", b"1", b"0"))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "backup_failed")
    assert (person.home / "x").read_bytes() == b"0"
    assert person.leftovers() == []


def test_backups_are_not_put_where_others_could_read_them(person: Person) -> None:
    person.file("x", b"0")
    (person.state / "backups").mkdir(parents=True)
    (person.state / "backups").chmod(0o755)
    answer = person.put(wish("x", b"1", b"0"))
    assert answer["error"]["code"] == "backup_failed"
    assert (person.home / "x").read_bytes() == b"0"


def test_only_files_of_the_group_are_kept_whatever_the_process_of_the_person_says(person: Person) -> None:
    def serve(_tree: Any, _task: Any, keep: Any) -> dict[str, Any]:
        evil = person.module.Previous(b"1", 0o600, 0o600)
        keep({"../../../evil": evil, "evil": evil, "x": evil})
        return {"state": "written", "files": {"x": {"backup": True, "written": True}}}

    backups, memory = person.module.Backups(str(person.state)), person.module.Memory(str(person.state))
    group = person.group(wish("x", b"1", None), memory=None)
    (answer,) = person.module.Service([group], serve, 30, memory=memory, backups=backups).run()
    assert answer["state"] == "written"
    assert {path.name for path in person.state.rglob("*") if path.is_file()} == {"x", "manifest.json"}
    assert list(json.loads(person.backup("manifest.json").read_text())["files"]) == ["x"]
    assert not list(person.state.parent.rglob("evil"))


# The machine


@needs_root
def test_documents_of_the_machine_are_written_as_root(person: Person) -> None:
    base = Path("/var/lib") / f"im-test-{person.login}"
    base.mkdir(mode=0o755)
    try:
        path = base / "policies" / "policies.json"
        asked: dict[str, Any] = {"login": None, "run_id": "r"}
        assert person.put(wish(str(path), b"1", None), **asked)["state"] == "written"
        assert (path.read_bytes(), mode(path), mode(path.parent)) == (b"1", 0o644, 0o755)
        assert person.put(wish(str(path), b"2", b"1"), **{**asked, "run_id": "r2"})["state"] == "written"
        backup = person.state / "backups" / "_machine" / "r2" / str(path).lstrip("/")
        assert backup.read_bytes() == b"1"
        path.parent.chmod(0o777)
        answer = person.put(wish(str(path), b"3", b"2"), **asked)
        assert (answer["state"], answer["error"]["code"]) == ("failed", "not_owner")
    finally:
        subprocess.run(["rm", "-r", str(base)], check=True)


@needs_root
def test_root_never_creates_a_file_in_a_home(person: Person) -> None:
    answer = person.put(wish(str(person.home / "x"), b"1", None), login=None)
    assert (answer["state"], answer["error"]["code"]) == ("failed", "not_owner")
    assert snapshot(person.home) == {}


# Temporary files, races, sudden death


def test_temporary_files_of_a_killed_run_are_removed_and_nothing_else(person: Person) -> None:
    stale = ".im-client-0123456789abcdef"
    for name in (stale, ".im-client-notes", f"{stale}0"):
        person.file(f"d/{name}", b"1")
    person.link("d/.im-client-aaaaaaaaaaaaaaaa", "x")
    person.file("d/.im-client-bbbbbbbbbbbbbbbb", b"", 0o400)
    person.file("d/x", b"old")
    seen = snapshot(person.home)
    person.ask("d/x")
    person.put(wish("d/x", b"new", b"old"), check=True)
    assert snapshot(person.home) == seen
    assert person.put(wish("d/x", b"old", b"old"))["state"] == "unchanged"
    left = {path.name for path in person.leftovers()}
    assert left == {".im-client-notes", f"{stale}0", ".im-client-aaaaaaaaaaaaaaaa"}


def test_the_temporary_file_of_a_living_run_is_left_alone(person: Person) -> None:
    living = person.file("d/.im-client-0123456789abcdef", b"1")
    person.file("d/x", b"old")
    holder = subprocess.Popen(["flock", str(living), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(b"locked\n")
    holder.stdin.flush()
    holder.stdout.readline()
    try:
        assert person.put(wish("d/x", b"new", b"old"))["state"] == "written"
        assert person.leftovers() == [living]
    finally:
        holder.communicate()
    person.put(wish("d/x", b"newer", b"new"))
    assert person.leftovers() == []


SWAP_FOR_EVER = """
import os, sys
home, outside = sys.argv[1:]
os.chdir(home)
print("ready", flush=True)
while True:
    os.rename("d", "aside")
    os.symlink(outside, "d")
    os.unlink("d")
    os.rename("aside", "d")
"""


def test_a_directory_swapped_for_a_link_at_any_moment_never_leads_outside(person: Person) -> None:
    """The person may write outside as well: only the walk keeps us in."""
    outside = person.home.parent / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"outside")
    person.own(outside)
    person.own(outside / "x")
    person.file("d/x", b"0")
    current = b"0"
    racer = subprocess.Popen(
        [sys.executable, "-c", SWAP_FOR_EVER, str(person.home), str(outside)], stdout=subprocess.PIPE
    )
    try:
        assert racer.stdout is not None
        racer.stdout.readline()
        states: dict[str, int] = {}
        for number in range(60):
            new = str(number).encode() + b" new"
            answer = person.put(wish("d/x", new, current))
            states[answer["state"]] = states.get(answer["state"], 0) + 1
            if answer["state"] == "written":
                current = new
            entry = person.look("d/x")
            assert entry.get("sha256") in (None, sha256(current))
            assert os.listdir(outside) == ["x"]  # noqa: PTH208
            assert (outside / "x").read_bytes() == b"outside"
    finally:
        racer.kill()
        racer.communicate()
        subprocess.run(["rm", "-r", str(outside)], check=True)
    assert set(states) <= {"written", "conflict", "failed"}


SWAP_FILE_FOR_EVER = """
import os, sys
os.chdir(sys.argv[1])
print("ready", flush=True)
while True:
    os.symlink(sys.argv[2], "link")
    os.rename("link", "x")
    os.link("keep", "plain")
    os.rename("plain", "x")
"""


def test_a_file_swapped_for_a_link_at_any_moment_is_never_read_outside(person: Person) -> None:
    outside = person.home.parent / "secret"
    outside.write_bytes(b"outside")
    person.own(outside)
    person.file("x", b"inside")
    person.file("keep", b"inside")
    racer = subprocess.Popen(
        [sys.executable, "-c", SWAP_FILE_FOR_EVER, str(person.home), str(outside)], stdout=subprocess.PIPE
    )
    try:
        assert racer.stdout is not None
        racer.stdout.readline()
        for _ in range(60):
            entry = person.look("x")
            assert entry.get("sha256") in (None, sha256(b"inside"))
            assert "error" not in entry or entry["error"]["code"] in ("link_outside", "changing")
            person.put(wish("x", b"new", b"something else"))
            assert outside.read_bytes() == b"outside"
    finally:
        racer.kill()
        racer.communicate()
        outside.unlink()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc as Linux has it")
def test_killed_at_any_moment_it_leaves_old_bytes_or_new_ones(person: Person) -> None:
    """kill -9 of the module, of the process that serves the person, or of both, 36 times."""
    old, new = os.urandom(1_000_000), os.urandom(1_000_000)
    path = person.file("d/x", old)
    there_and_back = (wish("d/x", new, old), wish("d/x", old, new))
    begin = time.monotonic()
    assert [person.put(step)["state"] for step in there_and_back] == ["written", "written"]
    duration = time.monotonic() - begin  # of one round: the kills are spread over it, however slow the machine
    chance = random.Random(36)  # noqa: S311  the same moments each time, no secret
    outcomes = set()
    for number in range(36):
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(write_end, b".")
            while True:
                for step in there_and_back:
                    person.put(step, run_id=f"run-{number}")
        os.read(read_end, 1)
        os.close(read_end)
        os.close(write_end)
        time.sleep(chance.uniform(0, 2 * duration))
        workers = children_of(pid)
        doomed = (workers, [pid], [*workers, pid])[number % 3]
        for victim in [*doomed, pid]:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
        os.waitpid(pid, 0)
        wait_for_end(workers)
        now = path.read_bytes()
        assert now in (old, new)
        outcomes.add(now == old)
    now = path.read_bytes()
    assert outcomes == {True, False}
    assert person.put(wish("d/x", b"after", now))["state"] == "written"
    assert person.leftovers() == []
    assert len(list((person.state / "backups" / person.login).iterdir())) <= 5
