"""The groups to write so that a run is taken back."""

from __future__ import annotations

import os
from typing import Any

from .backups import Backups
from .errors import Trouble, trouble_of
from .opening import check_regular, read_regular
from .tasks import check_task
from .tree import split
from .wire import digest, pack


def groups_of(backups: Backups, wish: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the groups to write so that what a run changed is as it was before; raise Trouble if that cannot be.

    WISH: an entry of the option restores.
    """
    login, run_id = wish["login"], wish["run_id"]
    check_task(wish)
    check_task({"login": login, "run_id": wish["new_run_id"]})
    if wish["new_run_id"] == run_id:
        raise Trouble("bad_request", f"run {run_id}: a rollback must have a run_id of its own")
    try:
        manifest = backups.manifest(login, run_id)
    except FileNotFoundError:
        known = ", ".join(backups.runs(login)) or "none"
        raise Trouble(
            "no_backup", f"{login or 'the machine'}: no backup of run {run_id} with a manifest; known: {known}"
        ) from None
    except OSError as error:
        raise trouble_of(error, f"backup {run_id}") from None
    for name, known_names in (("paths", manifest["files"]), ("keys", manifest["groups"])):
        unknown = sorted(set(wish[name] or ()) - set(known_names))
        if unknown:
            raise Trouble("bad_request", f"run {run_id} wrote no {name} {', '.join(unknown)}")
    groups = []
    for key, group in manifest["groups"].items():
        paths = [
            path
            for path, entry in manifest["files"].items()
            if entry["key"] == key and (wish["paths"] is None or path in wish["paths"])
        ]
        if paths and (wish["keys"] is None or key in wish["keys"]):
            groups.append(
                {
                    **{name: group[name] for name in ("processes", "locks", "open_files")},
                    "key": key,
                    "login": login,
                    "run_id": wish["new_run_id"],
                    "restores": run_id,
                    "files": [_way_back(backups, login, run_id, path, manifest["files"][path]) for path in paths],
                    **_memory_back(group, whole=wish["paths"] is None),
                }
            )
    return groups


def _memory_back(group: dict[str, Any], whole: bool) -> dict[str, Any]:
    """What was remembered goes back with the files: the next run must not take our rollback for the user's wish."""
    if not whole or group["memory_after"] is None:
        return {"memory": None, "memory_over": None}
    return {"memory": group["memory"] or "", "memory_over": group["memory_after"]}


def _way_back(backups: Backups, login: str | None, run_id: str, path: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the file to write, as in groups, so that PATH is as it was before the run."""
    content = None
    if entry["before"] is not None:
        name = os.path.join(backups.folder(login, run_id), *split(path, absolute=login is None))
        try:
            data, _ = read_regular(name, f"backup of {path}", lambda found: check_regular(found, "backup of " + path))
        except (Trouble, OSError):
            data = b""
        if digest(data) != entry["before"]:
            raise Trouble("backup_damaged", f"backup {run_id} of {path}: not the bytes that were kept")
        content = pack(data)
    # Unless the run changed the mode, the one that the file has now is the user's.
    mode = entry["mode"] if entry["mode"] != entry["mode_after"] else None
    return {"path": path, "content": content, "before": entry["after"], "mode": mode, "dir_mode": None}
