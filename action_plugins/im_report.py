"""Turn what a play found into rows, a table and a JSON file on the control node.

Documented in library/im_report.py, where ansible-doc looks.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils import im_compliance, im_report
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.im_history import HistoryError, filled, open_history
from ansible.module_utils.im_provisioning import as_lines


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: reads what the earlier tasks registered, asks nothing of any host."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return rows, table, path, all_good and exit_code; see RETURN in library/im_report.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args, task_vars = self._task.args, task_vars or {}
        language, dry = args.get("language", "fr"), bool(self._task.check_mode)
        not_begun = args.get("not_begun") or []
        hosts = im_report.results_of(task_vars["hostvars"], task_vars["ansible_play_hosts_all"], not_begun)
        rows = im_report.rows_of(hosts, args["people"], args["accounts"], language)
        if args.get("history"):
            groups = {host: task_vars["hostvars"][host].get("group_names", []) for host in hosts}
            try:
                rows = _remembered(rows, args, groups, dry)
            except HistoryError as error:
                # The report stands without it; only what was known before is not told.
                result["warnings"] = [str(error)]
        provisioned = args.get("provisioned") or []
        report = im_report.as_report(rows, args["accounts"], dry, provisioned)
        path = im_report.write(report, Path(args["directory"]))
        stopped = args.get("stopped") or ""
        told = [stopped, text("lab.left", language, hosts=", ".join(not_begun))] if stopped else []
        return result | {
            "changed": False,
            "rows": rows,
            "table": im_report.as_table(rows, language),
            "path": str(path),
            "summary": "\n".join(
                [
                    *told,
                    im_report.summary(rows, language),
                    *(as_lines(provisioned, language, dry) if provisioned else []),
                ]
            ),
            "all_good": report["all_good"],
            "silent": sorted({row["host"] for row in rows if row["state"] == "unreachable"}),
            "exit_code": im_report.exit_code(rows, provisioned),
        }


def _remembered(
    rows: list[dict[str, Any]], args: dict[str, Any], groups: dict[str, list[str]], dry: bool
) -> list[dict[str, Any]]:
    """Record what was seen, as a compliance run does; return the rows with what is known of silent hosts.

    A dry run records nothing, and a host that was not begun was not looked at.
    """
    language = args.get("language", "fr")
    facts = im_compliance.Facts(
        people=args["people"],
        groups=groups,
        accounts=args["accounts"],
        provisioned=args.get("provisioned") or [],
        waivers=args.get("waivers") or [],
    )
    seen = [row for row in rows if not row["not_begun"]]
    report = im_compliance.report_of(seen, facts, True, language, datetime.now().astimezone())
    with open_history(args["history"], language) as history:
        if not dry:
            history.record(report)
        known = filled(report, history.current())["rows"]
    last = {(row["host"], row["login"], row["client"]): row["last_known"] for row in known}
    return [row | {"last_known": last.get((row["host"], row["login"], row["client"]))} for row in rows]
