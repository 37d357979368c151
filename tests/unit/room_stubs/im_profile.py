"""Stands in for the laying of profiles in tests of playbooks/lab.yml: each seat gets the state that the test says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One state for all seats of a host; "silent" for a host that was switched off meanwhile."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what im_profile would, and more that nobody may print."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        state = json.loads(Path(os.environ["TEST_ROOM"]).read_text(encoding="utf-8"))[
            (task_vars or {})["inventory_hostname"]
        ]
        if state == "silent":
            return result | {"unreachable": True, "msg": "connection reset"}
        seats = [
            {"login": seat["login"], "client": client, "state": state, "detail": "", "version": "1"}
            | {"documents": [], "warnings": [], "findings": []}
            for seat in self._task.args["seats"]
            for client in seat["clients"]
        ]
        return result | {"changed": state == "changed", "seats": seats, "trust_stale": False, "note": "CANARY-NOTE"}
