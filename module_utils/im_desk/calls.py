"""The calls that the module, and the job that runs at a login, are made of. Needs no Ansible."""

from __future__ import annotations

import contextlib
from typing import Any

from .backups import KEPT_DAYS, KEPT_RUNS, Backups
from .errors import Trouble
from .memory import Memory
from .private_files import default_state_dir
from .reading import read_request
from .restore import groups_of
from .running import first_look
from .service import Service
from .tasks import FILE, GROUP, REQUEST, RESTORE, completed
from .writing import write_group


def read_requests(
    requests: list[dict[str, Any]], state_dir: str | None = None, time_limit: int = 30
) -> list[dict[str, Any]]:
    """Read, as action read does. Needs no Ansible: also a library for jobs that run as the person.

    Args:
        requests: entries of the option requests; what they leave out has the documented default.
        state_dir: see the option state_dir.
        time_limit: seconds for each login.

    Returns:
        The answers documented in RETURN, in the order of REQUESTS. Run unprivileged, it serves the login that runs it.

    Raises:
        ValueError: an entry has an unknown name or lacks its key.
    """
    asked = [completed(request, REQUEST, ("key",)) for request in requests]
    seen = first_look(asked)
    memory = Memory(state_dir or default_state_dir())
    return Service(
        asked, lambda tree, request, _keep: read_request(tree, request, seen), time_limit, memory=memory
    ).run()


def write_groups(
    groups: list[dict[str, Any]],
    state_dir: str | None = None,
    check: bool = False,
    time_limit: int = 30,
    *,
    keep_runs: int = KEPT_RUNS,
    keep_days: int = KEPT_DAYS,
) -> list[dict[str, Any]]:
    """Write, as action write does. Needs no Ansible, as read_requests(), with the same arguments and these:

    Args:
        groups: entries of the option groups; what they and their files leave out has the documented default.
        check: predict, write nothing.
        keep_runs: see the option keep_runs.
        keep_days: see the option keep_days.
    """
    asked = []
    for group in groups:
        whole = completed(group, GROUP, ("key", "run_id", "files"))
        asked.append({**whole, "files": [completed(file, FILE, ("path",)) for file in whole["files"]]})
    return _write(asked, Backups(state_dir or default_state_dir(), keep_runs, keep_days), check, time_limit)


def _write(groups: list[dict[str, Any]], backups: Backups, check: bool, time_limit: int) -> list[dict[str, Any]]:
    seen = first_look(groups)
    answers = Service(
        groups,
        lambda tree, group, keep: write_group(tree, group, seen, check, keep),
        time_limit,
        memory=Memory(backups.state_dir),
        backups=backups,
        check=check,
    ).run()
    if not check:
        with contextlib.suppress(OSError):  # the answers are worth more than the room on the disk
            backups.prune()
    return answers


def list_backups(logins: list[str] | None = None, state_dir: str | None = None) -> list[dict[str, Any]]:
    """Return what action list_backups answers, backups in RETURN. Raise OSError if the backups cannot be listed."""
    return Backups(state_dir or default_state_dir()).listing(logins)


def restore_runs(
    restores: list[dict[str, Any]],
    state_dir: str | None = None,
    check: bool = False,
    time_limit: int = 30,
    *,
    keep_runs: int = KEPT_RUNS,
    keep_days: int = KEPT_DAYS,
) -> list[dict[str, Any]]:
    """Roll back, as action restore does: one answer for each group, or for an entry of RESTORES that has none.

    Args and errors as write_groups().
    """
    backups = Backups(state_dir or default_state_dir(), keep_runs, keep_days)
    groups: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for restore in restores:
        wish = completed(restore, RESTORE, ("run_id", "new_run_id"))
        try:
            groups += groups_of(backups, wish)
        except Trouble as trouble:
            lost = {"key": None, "login": wish["login"], "state": "failed", "error": trouble.as_answer(), "running": []}
            refused.append({**lost, "conflicts": [], "files": {}, "memory_written": None, "memory_error": None})
    return refused + (_write(groups, backups, check, time_limit) if groups else [])
