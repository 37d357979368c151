"""Turn what a play found into rows, a table and a JSON file on the control node.

Documented in library/im_report.py, where ansible-doc looks.
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

from ansible.module_utils import im_report
from ansible.module_utils.im_provisioning import as_lines


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: reads what the earlier tasks registered, asks nothing of any host."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return rows, table, path and all_good; see RETURN in library/im_report.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args, task_vars = self._task.args, task_vars or {}
        hosts = im_report.results_of(task_vars["hostvars"], task_vars["ansible_play_hosts_all"])
        people = args["people"]
        rows = im_report.rows_of(hosts, people, args["accounts"])
        language = args.get("language", "fr")
        provisioned = args.get("provisioned") or []
        report = im_report.as_report(rows, args["accounts"], bool(self._task.check_mode), provisioned)
        path = im_report.write(report, Path(args["directory"]))
        return result | {
            "changed": False,
            "rows": rows,
            "table": im_report.as_table(rows, language),
            "path": str(path),
            "summary": "\n".join(
                [
                    im_report.summary(rows, language),
                    *(as_lines(provisioned, language, bool(self._task.check_mode)) if provisioned else []),
                ]
            ),
            "all_good": report["all_good"],
        }
