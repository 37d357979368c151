"""Old backups are removed; killed at any instruction of that, what is offered for a rollback is whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from profile_files_support import load, run_killed_at

OLD, NEW = "run-1", "run-2"


def keep(backups: Any, run_id: str, module: Any) -> None:
    """Keep two files under a run, as a write does before it begins."""
    previous = {path: module.Previous(b"old", 0o600, 0o600) for path in ("d/a", "d/b")}
    files = [{"path": path, "content": None} for path in previous]
    signs: dict[str, list[str]] = {"processes": [], "locks": [], "open_files": []}
    backups.store({"key": "k", "login": "p", "run_id": run_id, "files": files, "memory": None, **signs}, previous, None)


def test_killed_while_old_runs_are_removed_the_newest_run_is_first_and_each_is_whole(tmp_path: Path) -> None:
    module = load()
    wrong, call = [], 1
    while True:
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        backups = module.Backups(str(tmp_path / "state"), keep_runs=1)
        for age, run_id in ((1000, OLD), (2000, NEW)):
            keep(backups, run_id, module)
            os.utime(tmp_path / "state" / "backups" / "p" / run_id, (age, age))
        if not run_killed_at(call, backups.prune):
            break
        if backups.runs("p")[0] != NEW:
            wrong.append(f"call {call}: {backups.runs('p')[0]} is the newest")
        for run in backups.listing(["p"])[0]["runs"]:
            kept = tmp_path / "state" / "backups" / "p" / run["run_id"]
            wrong += [f"call {call}: {file['path']}" for file in run["files"] if not (kept / file["path"]).exists()]
        call += 1
    assert call > 10, "it was killed at many places"
    assert wrong == []
