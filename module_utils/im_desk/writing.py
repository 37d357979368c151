"""Write a group of files, all of them or none, as the person."""

from __future__ import annotations

import errno
import os
from typing import Any, Callable

from .change import Change, Previous
from .errors import Conflict, Running, Trouble, trouble_of
from .running import Lookout, refuse_running
from .tree import Tree


def write_group(
    tree: Tree,
    group: dict[str, Any],
    seen: dict[int, list[int]] | None,
    check: bool,
    keep: Callable[[dict[str, Previous]], None],
) -> dict[str, Any]:
    """Return {state, running, error, conflicts, files} of one group, written if it may be.

    KEEP is given what stood there, by path, before the first file is touched; it raises Trouble if it cannot keep it.
    """
    changes: list[Change] = []
    state, signs, error = "unchanged", [], None
    conflicts: list[str] = []
    try:
        lookout = Lookout(tree, group, seen)
        if group["files"]:  # a memory alone is no business of the client's
            refuse_running(lookout)
        for wish in group["files"]:
            if any(change.path == wish["path"] for change in changes):
                raise Trouble("bad_request", "path {!r} stands twice in one group".format(wish["path"]))
            changes.append(Change(tree, wish))
        foreign = [change for change in changes if change.foreign()]
        if foreign:
            conflicts = [change.path for change in foreign]
            raise conflict_of(foreign, group)
        needed = [change for change in changes if change.needed()]
        if check:
            predict(tree, needed)
        else:
            for change in changes:
                change.sweep()
            if needed:
                keep({change.path: change.previous() for change in needed})
                replace_all(needed, lookout)
        if needed:
            state = "written"
    except (Trouble, OSError) as problem:
        trouble = trouble_of(problem, f"group {group['key']!r}") if isinstance(problem, OSError) else problem
        state, error = trouble.state, trouble.as_answer()
        if isinstance(trouble, Running):
            signs, error = trouble.signs, None
        stuck = [change.shown for change in changes if change.written]
        if stuck:
            state = "failed"
            message = "{}; new bytes that could not be taken back: {}".format(trouble.message, ", ".join(stuck))
            error = Trouble("incomplete", message).as_answer()
    files = {
        change.path: {"backup": change.written and change.old is not None, "written": change.written}
        for change in changes
    }
    return {"state": state, "running": signs, "error": error, "conflicts": conflicts, "files": files}


def conflict_of(foreign: list[Change], group: dict[str, Any]) -> Conflict:
    """Return the Conflict that names all files of a group that are not as expected."""
    shown = ", ".join(change.shown for change in foreign)
    if group.get("restores") is None:
        return Conflict(shown)
    return Conflict(shown, "run {} wrote it; left as it is".format(group["restores"]))


def predict(tree: Tree, changes: list[Change]) -> None:
    """Raise the Trouble that writing CHANGES would meet, as far as it can be seen; else mark them as written."""
    left: dict[int, int] = {}
    for change in changes:
        obstacle = tree.obstacle(change.spot) or lack_of_room(change, left)
        if obstacle is not None:
            raise obstacle
    for change in changes:
        change.written = True


def lack_of_room(change: Change, left: dict[int, int]) -> Trouble | None:
    """Return the Trouble of new bytes that do not fit; LEFT, free blocks by file system, shrinks by what they take.

    Quotas are not seen here.
    """
    disk, device = os.fstatvfs(change.spot.directory), os.fstat(change.spot.directory).st_dev
    if disk.f_blocks == 0:  # some file systems do not say
        return None
    left[device] = left.get(device, disk.f_bavail) - -(-len(change.new or b"") // disk.f_frsize)
    return trouble_of(OSError(errno.ENOSPC, ""), change.shown) if left[device] < 0 else None


def replace_all(changes: list[Change], lookout: Lookout) -> None:
    """Write all CHANGES, or raise Trouble and leave things as they were, as far as possible."""
    failed = True
    try:
        for change in changes:
            change.prepare()  # what needs room on the disk comes first: nothing is replaced yet if there is none
        for change in changes:
            refuse_running(lookout)
            change.compare_again()
            change.swap()
        failed = False
    finally:
        if failed:
            for change in reversed(changes):
                if change.written:
                    change.undo()
        for change in reversed(changes):
            change.clean(failed)
