"""im_profile_files: what hangs on a file besides its bytes, on a real file system; SELinux's part is faked."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from pathlib import Path

import pytest
from profile_files_support import ROOT, Person, fail_second_rename, mode, wish

ACL, DEFAULT_ACL, LABEL = "system.posix_acl_access", "system.posix_acl_default", "security.selinux"
STRANGER = 54321
#: Tags of linux/posix_acl.h.
OWNER, USER, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20


def acl(group: int, mask: int, stranger: int = 4) -> bytes:
    """The owner may read and write, STRANGER and the group what is given, at most MASK; nobody else anything."""
    nobody = 0xFFFFFFFF
    entries = [(OWNER, 6, nobody), (USER, stranger, STRANGER), (GROUP, group, nobody), (MASK, mask, nobody)]
    packed = [struct.pack("<HHI", *entry) for entry in [*entries, (OTHER, 0, nobody)]]
    return struct.pack("<I", 2) + b"".join(packed)


@pytest.fixture
def file(person: Person) -> Path:
    """A file of the person on a file system that keeps attributes and ACLs."""
    path = person.file("d/x", b"old", 0o640)
    try:
        os.setxattr(path, "user.note", b"of the user\0\xff")
        os.setxattr(path, ACL, acl(4, 4))
    except OSError:
        pytest.skip("this file system keeps no attributes")
    return path


def attributes(path: Path) -> dict[str, bytes]:
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


def test_a_replaced_file_keeps_its_acl_and_the_users_attributes(person: Person, file: Path) -> None:
    seen = attributes(file)
    inode = file.stat().st_ino
    assert person.put(wish("d/x", b"new", b"old"))["state"] == "written"
    assert (file.read_bytes(), mode(file), attributes(file)) == (b"new", 0o640, seen)
    assert file.stat().st_ino != inode


def test_a_new_file_has_none_of_its_own(person: Person, file: Path) -> None:
    assert person.put(wish("d/y", b"new", None))["state"] == "written"
    assert attributes(file.with_name("y")) == {}


def test_a_mode_that_is_asked_for_bounds_what_the_acl_gives(person: Person, file: Path) -> None:
    person.put(wish("d/x", b"new", b"old", mode="0600"))
    assert (mode(file), attributes(file)[ACL]) == (0o600, acl(4, 0))


@pytest.mark.skipif(not ROOT, reason="only root can make this")
def test_an_acl_gives_nothing_to_another_group_than_the_one_it_was_for(person: Person, file: Path) -> None:
    os.chown(file, person.uid, 4)
    person.put(wish("d/x", b"new", b"old"))
    assert (file.stat().st_gid, mode(file), attributes(file)[ACL]) == (person.gid, 0o600, acl(4, 0))


def test_a_default_acl_of_the_directory_does_not_let_more_in_than_before(person: Person, file: Path) -> None:
    os.removexattr(file, ACL)
    file.chmod(0o640)
    os.setxattr(file.parent, DEFAULT_ACL, acl(4, 7, stranger=7))
    assert person.put(wish("d/x", b"new", b"old"))["state"] == "written"
    assert (mode(file), set(attributes(file))) == (0o640, {"user.note"})


def test_a_file_that_is_put_back_has_its_attributes_again(
    person: Person, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = attributes(file)
    fail_second_rename(person, monkeypatch, errno.EIO)
    assert person.put(wish("d/x", b"new", b"old"), wish("d/y", b"new", None))["state"] == "failed"
    assert (file.read_bytes(), mode(file), attributes(file)) == (b"old", 0o640, seen)


def test_a_rollback_keeps_the_attributes_that_the_file_has_now(person: Person, file: Path) -> None:
    person.put(wish("d/x", b"new", b"old"))
    os.setxattr(file, "user.later", b"1")
    seen = attributes(file)
    back = {"login": person.login, "run_id": "run-1", "new_run_id": "back"}
    assert person.module.restore_runs([back], str(person.state))[0]["state"] == "written"
    assert (file.read_bytes(), attributes(file)) == (b"old", seen)


@pytest.mark.skipif(not ROOT, reason="only root can make this")
def test_a_label_that_the_kernel_refuses_to_set_is_no_reason_to_fail(person: Person, file: Path) -> None:
    """Where no SELinux runs, root alone may set what looks like a label; a person is refused as SELinux would."""
    try:
        os.setxattr(file, LABEL, b"system_u:object_r:special_t:s0\0")
    except OSError:
        pytest.skip("this kernel has a mind of its own about labels")
    answer = person.put(wish("d/x", b"new", b"old"))
    assert (answer["state"], answer["error"]) == ("written", None)
    assert "user.note" in attributes(file)


class FakeLabels:
    """A FAKE of SELinux's attribute: new files are `plain`, old ones `special`; what is set is noted in a file."""

    special, plain = b"system_u:object_r:special_t:s0\0", b"system_u:object_r:home_t:s0\0"

    def __init__(self, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.notes = notes
        for name in ("listxattr", "getxattr", "setxattr"):
            monkeypatch.setattr(os, name, getattr(self, name))

    def listxattr(self, _file: int) -> list[str]:
        return [LABEL]

    def getxattr(self, file: int, _name: str) -> bytes:
        writable = fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY  # the new file is, the old is not
        return self.plain if writable else self.special

    def setxattr(self, file: int, name: str, value: bytes) -> None:
        with self.notes.open("a") as notes:
            notes.write(f"{name} {value.decode()} {stat.S_IMODE(os.fstat(file).st_mode):o} {os.fstat(file).st_size}\n")


@pytest.fixture
def labels(person: Person, monkeypatch: pytest.MonkeyPatch) -> FakeLabels:
    return FakeLabels(person.file("notes", b"", 0o600), monkeypatch)


def test_the_special_label_of_a_replaced_file_is_asked_for_last_fake(person: Person, labels: FakeLabels) -> None:
    person.file("x", b"old", 0o640)
    assert person.put(wish("x", b"newer", b"old"))["state"] == "written"
    assert labels.notes.read_text() == f"{LABEL} {FakeLabels.special.decode()} 640 5\n"


def test_a_label_that_is_right_already_is_not_asked_for_fake(
    person: Person, labels: FakeLabels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeLabels, "special", FakeLabels.plain)
    person.file("x", b"old")
    assert person.put(wish("x", b"newer", b"old"))["state"] == "written"
    assert labels.notes.read_text() == ""


@pytest.mark.parametrize("refused", ["listxattr", "getxattr", "setxattr"])
@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EACCES, errno.ENOSPC])
def test_no_refusal_of_an_attribute_fails_a_group(
    person: Person, file: Path, monkeypatch: pytest.MonkeyPatch, refused: str, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, refused, refuse)
        assert person.put(wish("d/x", b"new", b"old"))["state"] == "written"
    assert (file.read_bytes(), mode(file)) == (b"new", 0o640)


def test_a_system_without_attributes_is_served_like_any(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.file("x", b"old", 0o640)
    monkeypatch.delattr(os, "listxattr")
    assert person.put(wish("x", b"new", b"old"))["state"] == "written"
    assert mode(person.home / "x") == 0o640
