"""Show what a rollback did on all hosts of the play.

Documented in library/im_rollback_report.py, where ansible-doc looks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils import im_rollback


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: reads what the role im_rollback registered, asks nothing of any host."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return rows, table, summary and all_good; see RETURN in library/im_rollback_report.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        language = self._task.args.get("language", "fr")
        rows = [
            row
            for host in task_vars["ansible_play_hosts_all"]
            for variables in [task_vars["hostvars"][host]]
            for found in [variables.get("__im_rollback_done", {})]
            for row in im_rollback.host_rows(
                host, found, variables.get("__im_rollback_failure", ""), bool(found.get("unreachable"))
            )
        ]
        return result | {
            "changed": False,
            "rows": rows,
            "table": im_rollback.as_table(rows, language),
            "summary": im_rollback.summary(rows, bool(self._task.check_mode), language),
            "all_good": im_rollback.all_good(rows),
        }
