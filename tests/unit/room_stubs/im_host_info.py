"""Stands in for the remote half in tests of playbooks/lab.yml: a host answers as the file of the test says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Answers, or is off."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what im_host_info would."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        room = json.loads(Path(os.environ["TEST_ROOM"]).read_text(encoding="utf-8"))
        state = room[(task_vars or {})["inventory_hostname"]]
        if state == "off":
            return result | {"unreachable": True, "msg": "no route to host"}
        if state == "broken":
            return result | {"failed": True, "msg": "no package source"}
        return result | {"changed": False, "platform": "Debian", "packages": {}, "manager": "apt", "missing": []}
