"""im_profile_files: what is kept of a run is what its manifest promises, whenever the one who keeps it is killed."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from profile_files_support import Person, load, run_killed_at, sha256, wish

MODULE = load()
RUN, LOGIN = "run-1", "p"
SIGNS: dict[str, list[str]] = {"processes": [], "locks": [], "open_files": []}
OLD = {"d/a": b"the older bytes of a" * 500, "d/e/b": b"the older bytes of b" * 500}


@pytest.fixture
def backups(tmp_path: Path) -> Any:
    return MODULE.Backups(str(tmp_path / "state"))


def keep(backups: Any, key: str, old: dict[str, bytes | None]) -> Any:
    """Keep what stood at some paths for a group, as a write does before it begins."""
    return backups.store(*kept_task(key, old), None)


def kept_task(key: str, old: dict[str, bytes | None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The group and what stood at its paths, as store() takes them."""
    previous = {path: MODULE.Previous(data, None if data is None else 0o600, 0o600) for path, data in old.items()}
    files = [{"path": path, "content": None} for path in old]
    return {"key": key, "login": LOGIN, "run_id": RUN, "files": files, "memory": None, **SIGNS}, previous


def folder(backups: Any) -> Path:
    return Path(backups.state_dir) / "backups" / LOGIN / RUN


def promised(backups: Any) -> dict[str, str | None]:
    """Path -> checksum of the bytes that the manifest promises; none without a manifest."""
    try:
        files = backups.manifest(LOGIN, RUN)["files"]
    except FileNotFoundError:
        return {}
    return {path: entry["before"] for path, entry in files.items()}


def broken_promises(backups: Any) -> list[str]:
    return [
        path
        for path, checksum in promised(backups).items()
        if checksum is not None
        and not ((folder(backups) / path).exists() and sha256((folder(backups) / path).read_bytes()) == checksum)
    ]


@pytest.mark.parametrize("others", [False, True], ids=["alone", "beside a group that was written"])
def test_killed_at_any_step_of_taking_a_group_back_no_promise_is_broken(backups: Any, others: bool) -> None:
    call, ended = 1, False
    while not ended:
        shutil.rmtree(backups.state_dir, ignore_errors=True)
        if others:
            keep(backups, "written", {"d/other": b"other", "new": None})
        kept = keep(backups, "not written", {**OLD, "d/new": None})
        ended = not run_killed_at(call, lambda kept=kept: backups.discard(LOGIN, RUN, kept))
        assert broken_promises(backups) == [], f"killed before call {call}"
        assert set(promised(backups)) >= ({"d/other", "new"} if others else set()), f"killed before call {call}"
        # The run goes on under the same name, with other bytes there by now.
        keep(backups, "again", dict.fromkeys(OLD, b"newer"))
        assert broken_promises(backups) == [], f"used again after a kill before call {call}"
        assert set(OLD) <= set(promised(backups))
        call += 1
    assert call > 10, "it was killed at many places"


def test_taken_back_to_the_end_nothing_is_left(backups: Any) -> None:
    backups.discard(LOGIN, RUN, keep(backups, "not written", {**OLD, "d/new": None}))
    assert not folder(backups).exists()
    keep(backups, "written", {"d/other": b"other"})
    seen = {path: path.read_bytes() for path in folder(backups).rglob("*") if path.is_file()}
    backups.discard(LOGIN, RUN, keep(backups, "not written", {**OLD, "d/new": None}))
    assert {path: path.read_bytes() for path in folder(backups).rglob("*") if path.is_file()} == seen
    assert [path.name for path in (folder(backups) / "d").iterdir()] == ["other"]


@pytest.mark.parametrize("others", [False, True], ids=["alone", "beside a group that was written"])
def test_killed_at_any_step_of_keeping_the_next_try_under_the_same_name_is_whole(backups: Any, others: bool) -> None:
    newer: dict[str, bytes | None] = {path: data[:100] + b"changed since" for path, data in OLD.items()}
    asked = kept_task("k", {**OLD})
    call, ended, torn = 1, False, 0
    while not ended:
        shutil.rmtree(backups.state_dir, ignore_errors=True)
        if others:
            keep(backups, "written", {"d/other": b"other"})
        ended = not run_killed_at(call, lambda: backups.store(*asked, None))
        assert broken_promises(backups) == [], f"killed before call {call}"
        first = promised(backups)
        left = [path for path in OLD if (folder(backups) / path).exists() and path not in first]
        torn += bool(left)
        keep(backups, "k", newer)
        assert broken_promises(backups) == [], f"used again after a kill before call {call}"
        # What was promised stays, it is older; what was not is what stood there the second time.
        assert {path: promised(backups)[path] for path in OLD} == {
            path: first.get(path, sha256(newer[path] or b"")) for path in OLD
        }
        call += 1
    assert call > 10, "it was killed at many places"
    assert torn > 5, "some kills left bytes without a promise"


def test_a_promise_that_cannot_be_taken_back_stays_true(backups: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(backups, "written", {"d/other": b"other"})
    kept = keep(backups, "not written", {**OLD})

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", refuse)
        backups.discard(LOGIN, RUN, kept)
    assert set(OLD) <= set(promised(backups))
    assert broken_promises(backups) == []


def test_a_manifest_that_this_version_does_not_understand_is_left_as_it_is(person: Person) -> None:
    person.file("x", b"1")
    person.put(wish("x", b"2", b"1"))
    later = json.dumps({"schema": 2}).encode()
    person.backup("manifest.json").write_bytes(later)
    answer = person.put(wish("x", b"3", b"2"))
    assert (answer["state"], answer["error"]["code"]) == ("failed", "backup_failed")
    assert person.backup("manifest.json").read_bytes() == later
    assert (person.home / "x").read_bytes() == b"2"


def test_a_run_killed_while_it_kept_its_bytes_is_finished_under_the_same_name_and_can_be_rolled_back(
    person: Person,
) -> None:
    person.file("x", b"1" * 5000)
    person.backup("").mkdir(parents=True, mode=0o700)
    (person.state / "backups").chmod(0o700)
    person.backup("x").write_bytes(b"1" * 1000)  # half of it, no manifest
    assert person.put(wish("x", b"2", b"1" * 5000))["state"] == "written"
    (answer,) = person.module.restore_runs(
        [{"login": person.login, "run_id": "run-1", "new_run_id": "back"}], str(person.state)
    )
    assert (answer["state"], (person.home / "x").read_bytes()) == ("written", b"1" * 5000)
