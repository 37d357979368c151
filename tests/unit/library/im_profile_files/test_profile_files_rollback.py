"""im_profile_files: files that are deleted, runs that are kept, and runs that are taken back."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from profile_files_support import (
    ROOT,
    Person,
    children_of,
    client,
    fail_second_rename,
    mode,
    pack,
    sha256,
    snapshot,
    wait_for_end,
    wish,
)

needs_root = pytest.mark.skipif(not ROOT, reason="only root can make this")


def back(person: Person, run_id: str = "run-1", check: bool = False, **more: Any) -> list[dict[str, Any]]:
    """Roll a run back; return the answers."""
    wanted = {"login": person.login, "run_id": run_id, "new_run_id": f"back-{run_id}", **more}
    answers: list[dict[str, Any]] = person.module.restore_runs([wanted], str(person.state), check)
    return answers


def states(answers: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(answer["state"], answer["error"] and answer["error"]["code"]) for answer in answers]


def manifest(person: Person, run_id: str = "run-1") -> dict[str, Any]:
    content: dict[str, Any] = json.loads(person.backup("manifest.json", run_id).read_text())
    return content


# Deleting


def test_a_file_is_deleted_if_it_is_the_one_that_was_read(person: Person) -> None:
    path = person.file("d/x", b"1", 0o640)
    assert person.put(wish("d/x", None, b"0"))["state"] == "conflict"
    seen = snapshot(person.home)
    answer = person.put(wish("d/x", None, b"1"), check=True)
    assert (answer["state"], answer["files"]["d/x"]) == ("written", {"backup": True, "written": True})
    assert snapshot(person.home) == seen
    answer = person.put(wish("d/x", None, b"1"))
    assert (answer["state"], answer["files"]["d/x"]) == ("written", {"backup": True, "written": True})
    assert not path.exists()
    assert person.backup("d/x").read_bytes() == b"1"
    assert person.put(wish("d/x", None, b"1"))["state"] == "unchanged"


def test_deleting_what_is_not_there_changes_nothing(person: Person) -> None:
    assert person.put(wish("no/x", None, None))["state"] == "unchanged"
    assert snapshot(person.home) == {}
    person.file("x", b"made since")
    assert person.put(wish("x", None, None))["state"] == "conflict"


def test_a_link_is_not_deleted_and_neither_is_what_it_leads_to(person: Person) -> None:
    person.file("real/x", b"1")
    person.link("x", "real/x")
    person.link("d", "real")
    seen = snapshot(person.home)
    answer = person.put(wish("x", None, b"1"))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "link")
    assert snapshot(person.home) == seen
    assert person.put(wish("d/x", None, b"1"))["state"] == "written"
    assert not (person.home / "real/x").exists()


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT])
def test_a_deleted_file_comes_back_when_its_group_fails(
    person: Person, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    person.file("a", b"old a", 0o640)
    person.file("b", b"old b")
    person.file("c", b"old c")
    seen = snapshot(person.home)
    fail_second_rename(person, monkeypatch, number)
    answer = person.put(wish("b", b"new b", b"old b"), wish("a", None, b"old a"), wish("c", b"new c", b"old c"))
    assert answer["state"] == "failed"
    assert snapshot(person.home) == seen
    assert not person.backup("manifest.json").exists()


def test_a_file_made_in_the_place_of_a_deleted_one_is_not_overwritten(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = person.file("a", b"old a")
    person.file("b", b"old b")
    real = person.module.Change._rename

    def rename(change: Any, temp: bytes) -> None:
        if change.path == "b":
            path.write_bytes(b"the client's")
            raise OSError(errno.EIO, "")
        real(change, temp)

    monkeypatch.setattr(person.module.Change, "_rename", rename)
    assert person.put(wish("a", None, b"old a"), wish("b", b"new", b"old b"))["state"] == "failed"
    assert path.read_bytes() == b"the client's"


def test_a_file_in_a_directory_that_cannot_be_written_is_not_deleted(person: Person) -> None:
    person.file("d/x", b"1")
    person.folder("d", 0o500)
    for check in (True, False):
        answer = person.put(wish("d/x", None, b"1"), check=check)
        assert (answer["state"], answer["error"]["code"]) == ("failed", "forbidden")
    assert (person.home / "d/x").read_bytes() == b"1"


# What is kept


def test_the_manifest_says_what_a_run_found_and_left(person: Person) -> None:
    person.file("x", b"1", 0o640)
    person.file("gone", b"2")
    person.put(
        wish("x", b"new", b"1"), wish("d/made", b"new", None), wish("gone", None, b"2"), key="a/pidgin", memory="m"
    )
    person.put(wish("y", b"3", None), key="a/gajim", processes=["gajim"])
    kept = manifest(person)
    assert kept["files"] == {
        "x": {"key": "a/pidgin", "before": sha256(b"1"), "after": sha256(b"new"), "mode": "0640", "mode_after": "0640"},
        "d/made": {"key": "a/pidgin", "before": None, "after": sha256(b"new"), "mode": None, "mode_after": "0600"},
        "gone": {"key": "a/pidgin", "before": sha256(b"2"), "after": None, "mode": "0600", "mode_after": None},
        "y": {"key": "a/gajim", "before": None, "after": sha256(b"3"), "mode": None, "mode_after": "0600"},
    }
    assert kept["groups"]["a/gajim"] == {
        "processes": ["gajim"],
        "locks": [],
        "open_files": [],
        "memory": None,
        "memory_after": None,
    }
    assert kept["groups"]["a/pidgin"]["memory_after"] == sha256(b"m")
    assert (kept["schema"], kept["restores"]) == (1, None)
    place = person.backup("manifest.json")
    assert (mode(place), place.stat().st_uid) == (0o600, os.geteuid())


def test_a_group_that_fails_leaves_the_manifest_of_the_others(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.put(wish("x", b"1", None), key="a")
    kept = manifest(person)
    monkeypatch.setattr(person.module.Change, "swap", lambda _self: (_ for _ in ()).throw(OSError(errno.EIO, "")))
    assert person.put(wish("y", b"1", None), wish("x", b"2", b"1"), key="b")["state"] == "failed"
    assert manifest(person) == kept
    assert [path.name for path in person.backup("").iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.new"])
def test_a_file_called_as_the_manifest_is_not_mistaken_for_it(person: Person, name: str) -> None:
    person.file(name, b"the user's")
    answer = person.put(wish(name, b"2", b"the user's"))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "backup_failed")
    assert (person.home / name).read_bytes() == b"the user's"


def test_runs_go_by_number_and_by_age_but_never_the_newest_of_a_login(person: Person) -> None:
    for number in range(4):
        person.put(wish(f"x{number}", b"1", None), run_id=f"run-{number}")
    other = person.state / "backups" / "somebody-else"
    for name in ("older", "old"):
        (other / name).mkdir(parents=True)
    for age, path in ((200, person.backup("", "run-0")), (300, other / "older"), (200, other / "old")):
        os.utime(path, (time.time() - age * 86400,) * 2)
    person.module.write_groups([person.group(wish("y", b"1", None), run_id="last")], str(person.state), keep_days=100)
    names = {path.name for path in person.backup("", "x").parent.iterdir()}
    assert names == {"run-1", "run-2", "run-3", "last"}
    assert [path.name for path in other.iterdir()] == ["old"]
    person.module.write_groups([person.group(wish("z", b"1", None), run_id="end")], str(person.state), keep_runs=2)
    assert {path.name for path in person.backup("", "x").parent.iterdir()} == {"last", "end"}


def test_the_backups_are_listed_newest_first_with_what_each_run_did(person: Person) -> None:
    assert person.module.list_backups(None, str(person.state)) == []
    person.file("x", b"1")
    person.put(wish("x", b"2", b"1"), key="a/pidgin")
    (person.state / "backups" / person.login / "of-an-older-version").mkdir()
    person.put(wish("x", b"3", b"2"), key="a/pidgin", run_id="run-2")
    ((listed),) = person.module.list_backups([person.login], str(person.state))
    assert listed["login"] == person.login
    newest, bare, oldest = listed["runs"]
    assert (newest["run_id"], newest["groups"], newest["restores"], newest["error"]) == (
        "run-2",
        ["a/pidgin"],
        None,
        None,
    )
    assert newest["files"] == [
        {"path": "x", "key": "a/pidgin", "before": sha256(b"2"), "after": sha256(b"3"), "mode": "0600"}
    ]
    assert (bare["run_id"], bare["error"]["code"], bare["files"]) == ("of-an-older-version", "no_manifest", [])
    assert oldest["run_id"] == "run-1"
    assert person.module.list_backups(["nobody"], str(person.state)) == []
    person.backup("manifest.json", "run-2").write_text('{"schema": 2}')
    ((listed),) = person.module.list_backups(None, str(person.state))
    assert {run["error"] and run["error"]["code"] for run in listed["runs"]} == {None, "no_manifest", "backup_damaged"}


# Rolling back


def deploy(person: Person) -> dict[str, Any]:
    """A run that changes, creates and deletes; return what the home was before."""
    person.file("d/changed", b"user's", 0o640)
    person.file("d/deleted", b"user's too", 0o604)
    before = snapshot(person.home)
    files = (wish("d/changed", b"new", b"user's"), wish("d/made", b"new", None), wish("d/deleted", None, b"user's too"))
    assert person.put(*files)["state"] == "written"
    return before


def test_a_rollback_gives_back_every_byte_and_mode(person: Person) -> None:
    before = deploy(person)
    predicted = back(person, check=True)
    assert snapshot(person.home) != before
    done = back(person)
    assert done == predicted
    assert states(done) == [("written", None)]
    assert done[0]["files"]["d/made"] == {"backup": True, "written": True}
    assert snapshot(person.home) == before
    assert {(path.stat().st_uid, path.stat().st_gid) for path in person.home.rglob("*")} == {(person.uid, person.gid)}


def test_a_second_rollback_changes_nothing(person: Person) -> None:
    before = deploy(person)
    back(person)
    again = back(person, new_run_id="again")
    assert states(again) == [("unchanged", None)]
    assert {file["written"] for file in again[0]["files"].values()} == {False}
    assert snapshot(person.home) == before
    assert not person.backup("", "again").exists()


def test_a_rollback_can_be_rolled_back(person: Person) -> None:
    deploy(person)
    deployed = snapshot(person.home)
    back(person)
    assert manifest(person, "back-run-1")["restores"] == "run-1"
    assert states(back(person, "back-run-1")) == [("written", None)]
    assert snapshot(person.home) == deployed


@pytest.mark.parametrize("now", [b"the user's since", None])
def test_a_file_changed_since_the_run_is_named_and_its_group_left_alone(person: Person, now: bytes | None) -> None:
    deploy(person)
    (person.home / "d/changed").unlink()
    if now is not None:
        person.file("d/changed", now)
    person.file("d/deleted", b"made again")
    seen = snapshot(person.home)
    for check in (True, False):
        (answer,) = back(person, check=check)
        assert (answer["state"], answer["conflicts"]) == ("conflict", ["d/changed", "d/deleted"])
        assert answer["error"]["message"] == (
            "~/d/changed, ~/d/deleted: changed since run run-1 wrote it; left as it is"
        )
        assert snapshot(person.home) == seen
    assert states(back(person, paths=["d/made"])) == [("written", None)]
    assert not (person.home / "d/made").exists()
    assert (person.home / "d/deleted").read_bytes() == b"made again"


def test_one_client_is_rolled_back_and_the_other_left(person: Person) -> None:
    person.put(wish("a", b"1", None), key="l/pidgin")
    person.put(wish("b", b"1", None), key="l/gajim")
    (answer,) = back(person, keys=["l/gajim"])
    assert (answer["key"], answer["state"]) == ("l/gajim", "written")
    assert [path.name for path in person.home.iterdir()] == ["a"]


def test_a_mode_that_the_user_gave_since_is_kept(person: Person) -> None:
    path = person.file("x", b"1", 0o600)
    person.put(wish("x", b"2", b"1"))
    path.chmod(0o644)
    back(person)
    assert (path.read_bytes(), mode(path)) == (b"1", 0o644)


def test_nothing_is_rolled_back_under_a_running_client_as_the_run_itself_knew_it(person: Person) -> None:
    person.put(wish("x", b"1", None), processes=["pidgin"])
    folder = person.folder("bin")
    with client(person, "pidgin", folder) as process:
        (answer,) = back(person)
        assert (answer["state"], answer["running"]) == (
            "deferred",
            [{"pid": process.pid, "what": "process pidgin"}],
        )
        assert (person.home / "x").read_bytes() == b"1"
    assert states(back(person)) == [("written", None)]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"run_id": "run-9"}, "no_backup"),
        ({"run_id": "../run-1"}, "bad_request"),
        ({"new_run_id": "a/b"}, "bad_request"),
        ({"new_run_id": "run-1"}, "bad_request"),
        ({"paths": ["d/other"]}, "bad_request"),
        ({"keys": ["other"]}, "bad_request"),
        ({"login": "../x"}, "bad_request"),
        ({"login": "_machine"}, "bad_request"),
    ],
)
def test_what_no_run_wrote_is_refused_by_name(person: Person, more: dict[str, Any], code: str) -> None:
    deploy(person)
    seen = snapshot(person.home)
    (answer,) = back(person, **more)
    assert (answer["state"], answer["error"]["code"]) == ("failed", code)
    assert "run-1" in answer["error"]["message"] or code == "bad_request"
    assert snapshot(person.home) == seen


@pytest.mark.parametrize("damage", ["other bytes", "gone", "a link"])
def test_kept_bytes_that_are_not_those_of_the_manifest_are_not_put_back(person: Person, damage: str) -> None:
    deploy(person)
    kept = person.backup("d/changed")
    kept.unlink()
    if damage == "other bytes":
        kept.write_bytes(b"?")
    elif damage == "a link":
        kept.symlink_to(person.home / "d/changed")
    seen = snapshot(person.home)
    assert states(back(person)) == [("failed", "backup_damaged")]
    assert snapshot(person.home) == seen


def test_a_link_laid_in_the_way_since_is_not_followed_out_of_the_home(person: Person) -> None:
    deploy(person)
    outside = person.home.parent / "outside"
    outside.mkdir()
    (outside / "changed").write_bytes(b"new")
    (person.home / "d").rename(person.home / "aside")
    person.link("d", outside)
    assert states(back(person)) == [("failed", "link_outside")]
    assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [("changed", b"new")]


def test_a_rollback_that_fails_half_way_leaves_what_the_run_wrote(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.file("a", b"1")
    person.file("b", b"1")
    person.put(wish("a", b"2", b"1"), wish("b", b"2", b"1"))
    seen = snapshot(person.home)
    fail_second_rename(person, monkeypatch, errno.EDQUOT)
    assert states(back(person)) == [("failed", "quota")]
    assert snapshot(person.home) == seen


def test_what_was_remembered_goes_back_with_the_files(person: Person) -> None:
    person.put(wish("x", b"1", None), memory="first", run_id="run-0")
    person.put(wish("x", b"2", b"1"), memory="second")
    (answer,) = back(person)
    assert (answer["state"], answer["memory_written"]) == ("written", True)
    assert person.ask(memory=True)["memory"] == "first"
    person.put(memory="of a later run")
    assert back(person, new_run_id="again")[0]["memory_written"] is False
    assert person.ask(memory=True)["memory"] == "of a later run"
    back(person, "run-0")
    assert person.ask(memory=True)["memory"] is None


def test_a_rollback_killed_before_the_memory_finishes_it_the_next_time(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.put(wish("x", b"1", None), memory="m")
    with monkeypatch.context() as patch:
        patch.setattr(person.module.Service, "_memorize", lambda *_: None)
        back(person)
    assert person.ask(memory=True)["memory"] == "m"
    (answer,) = back(person, new_run_id="again")
    assert (answer["state"], answer["memory_written"]) == ("unchanged", True)
    assert person.ask(memory=True)["memory"] is None


@needs_root
def test_documents_of_the_machine_are_rolled_back_as_root(person: Person) -> None:
    base = Path("/var/lib") / f"im-test-{person.login}"
    base.mkdir(mode=0o755)
    try:
        path = base / "policies.json"
        person.put(wish(str(path), b"1", None), login=None)
        assert [run["login"] for run in person.module.list_backups(["_machine"], str(person.state))] == [None]
        assert states(back(person, login=None)) == [("written", None)]
        assert not path.exists()
    finally:
        base.rmdir()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc as Linux has it")
def test_a_rollback_killed_at_any_moment_leaves_old_bytes_or_new_ones_and_can_be_repeated(person: Person) -> None:
    """kill -9 of the module, of the process that serves the person, or of both, 24 times."""
    old, new = os.urandom(500_000), os.urandom(500_000)
    changed, deleted = person.file("d/x", old), person.file("d/gone", old)
    made = person.home / "d/made"
    there = (wish("d/x", new, old), wish("d/made", new, None), wish("d/gone", None, old))
    person.put(*there, run_id="there")
    begin = time.monotonic()
    assert states(back(person, "there", new_run_id="warm")) == [("written", None)]
    assert person.put(*there, run_id="warm-2")["state"] == "written"
    duration = time.monotonic() - begin  # of one round: the kills are spread over it, however slow the machine
    chance = random.Random(24)  # noqa: S311  the same moments each time, no secret
    outcomes = set()
    for number in range(24):
        pid = os.fork()
        if pid == 0:
            while True:
                back(person, "there", new_run_id=f"a-{number}")
                person.put(*there, run_id=f"b-{number}")
        time.sleep(chance.uniform(0, 2 * duration))
        workers = children_of(pid)
        for victim in [*(workers, [pid], [*workers, pid])[number % 3], pid]:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
        os.waitpid(pid, 0)
        wait_for_end(workers)
        assert changed.read_bytes() in (old, new)
        assert not made.exists() or made.read_bytes() == new
        assert not deleted.exists() or deleted.read_bytes() == old
        outcomes.add(changed.read_bytes() == old)
        os.utime(person.backup("", "there"))  # the oldest run would go first
    assert outcomes == {True, False}
    assert states(back(person, "there", new_run_id="end")) in ([("written", None)], [("unchanged", None)])
    assert (changed.read_bytes(), made.exists(), deleted.read_bytes()) == (old, False, old)
    assert person.leftovers() == []


def test_the_answer_of_a_rollback_holds_no_contents(person: Person) -> None:
    person.file("x", b"CANARY" * 20)
    person.put(wish("x", b"new", b"CANARY" * 20))
    shown = json.dumps([back(person), person.module.list_backups(None, str(person.state))])
    assert "CANARY" not in shown
    assert pack(b"CANARY" * 20) not in shown
