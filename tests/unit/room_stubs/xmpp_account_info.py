"""Stands in for the server in tests of playbooks/lab.yml: every account is there."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Asks nobody."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the verdict ``exists`` for each account."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        found = [{"jid": one["jid"], "verdict": "exists", "hint": ""} for one in self._task.args["accounts"]]
        return result | {"changed": False, "accounts": found}
