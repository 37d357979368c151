"""What the entries of requests, groups and restores may hold."""

from __future__ import annotations

import re
from typing import Any, Sequence

from .errors import Trouble

MACHINE = "_machine"


def check_task(task: dict[str, Any]) -> None:
    """Raise Trouble bad_request for names that must never reach a path or the password database."""
    login = task["login"]
    if login is not None and (not login or "/" in login or not login.isprintable() or login in (".", "..", MACHINE)):
        raise Trouble("bad_request", f"login {login!r} cannot be a login")
    run_id = task.get("run_id")
    if run_id is not None and not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,99}", run_id):
        raise Trouble("bad_request", f"run_id {run_id!r} must be letters, digits, '._-', at most 100")


# What the entries of requests and groups may leave out, with its default. Everything else is required.
SIGNS: dict[str, Any] = {"processes": [], "locks": [], "open_files": []}
REQUEST: dict[str, Any] = {**SIGNS, "login": None, "paths": [], "system_paths": [], "memory": False}
GROUP: dict[str, Any] = {**SIGNS, "login": None, "memory": None}
FILE: dict[str, Any] = {"content": None, "before": None, "mode": None, "dir_mode": None}
RESTORE: dict[str, Any] = {"login": None, "paths": None, "keys": None}


def completed(entry: dict[str, Any], defaults: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """Return ENTRY with its DEFAULTS; raise ValueError for a name that is unknown or missing."""
    unknown, missing = set(entry) - {*defaults, *required}, set(required) - set(entry)
    if unknown or missing:
        wrong = ", ".join(sorted(unknown | missing))
        raise ValueError(f"unknown or missing: {wrong}; known: {', '.join(sorted({*defaults, *required}))}")
    return {**defaults, **entry}
