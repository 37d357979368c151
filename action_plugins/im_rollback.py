"""Take back what one run changed in the profiles of a host: one remote call to list, one to restore.

Documented in library/im_rollback.py, where ansible-doc looks.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils import im_rollback


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Neither call carries contents: the bytes stay on the host."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return run_id, rows and known; see RETURN in library/im_rollback.py."""
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        _, args = self.validate_argument_spec(
            argument_spec={
                "run": {"type": "str", "default": im_rollback.LAST},
                "login": {"type": "str", "default": ""},
                "client": {"type": "str", "default": ""},
            }
        )
        backups = self._call("backups", action="list_backups")
        plan = im_rollback.plan_of(backups, args["run"], args["login"], args["client"])
        answers: list[dict[str, Any]] = []
        if plan.restores:
            new_run_id = time.strftime("%Y%m%dT%H%M%SZ-rollback", time.gmtime())
            restores = [restore | {"new_run_id": new_run_id} for restore in plan.restores]
            answers = self._call("answers", action="restore", restores=restores)
        rows = im_rollback.rows_of(plan, answers)
        return {
            "changed": any(row["result"] in ("restored", "deleted") for row in rows),
            "run_id": plan.run_id,
            "rows": rows,
            "known": plan.known,
        }

    def _call(self, wanted: str, **arguments: Any) -> list[dict[str, Any]]:
        result = self._execute_module(module_name="im_profile_files", module_args=arguments, task_vars=self._task_vars)
        if result.get("failed") or wanted not in result:
            raise AnsibleActionFail(f"im_profile_files: {result.get('msg', 'no answer')}")
        found: list[dict[str, Any]] = result[wanted]
        return found
