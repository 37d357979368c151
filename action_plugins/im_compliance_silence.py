"""End a host of the play as one that did not answer, as it did not when it was asked.

Documented in library/im_compliance_silence.py, where ansible-doc looks.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: it asks nothing, it says again what an earlier task learned."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return that the host is unreachable."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        known = (task_vars or {}).get("__im_client_host", {})
        return result | {"changed": False, "unreachable": True, "msg": known.get("msg", "")}
