"""Make the report of a compliance run of what the earlier tasks learned, and keep it on the control node.

Documented in library/im_compliance.py, where ansible-doc looks.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils import im_compliance, im_report
from ansible.module_utils.im_alert import Earlier, earlier_of_history, earlier_of_report, worse_of
from ansible.module_utils.im_exports import FILES, write_exports
from ansible.module_utils.im_history import Day, HistoryError, filled, open_history

#: What the picture of the HTML page shows.
_TREND_DAYS = 365


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: reads what the earlier tasks registered, asks nothing of any host."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return table, summary, path, silent and exit_code; see RETURN in library/im_compliance.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            argument_spec={
                "people": {"type": "dict", "required": True},
                "accounts": {"type": "list", "elements": "dict", "required": True},
                "provisioned": {"type": "list", "elements": "dict", "default": []},
                "service": {"type": "list", "elements": "dict", "default": []},
                "waivers": {"type": "list", "elements": "dict", "default": []},
                "enforced": {"type": "bool", "default": False},
                "directory": {"type": "path", "required": True},
                "history": {"type": "str", "default": "", "no_log": False},
                "history_days": {"type": "int", "default": 0},
                "exports": {"type": "list", "elements": "str", "choices": list(FILES), "default": []},
                "prometheus_directory": {"type": "path"},
                "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
            }
        )
        variables = (task_vars or {})["hostvars"]
        hosts = (task_vars or {})["ansible_play_hosts_all"]
        found = im_report.results_of(variables, hosts)
        facts = im_compliance.Facts(
            people=args["people"],
            groups={host: variables[host].get("group_names", []) for host in hosts},
            packages={place: told for host in hosts for place, told in _packages(host, variables[host]).items()},
            diffs={
                (host, seat["login"], seat["client"]): seat["diff"]
                for host, known in found.items()
                for seat in known.profile.get("seats", [])
            },
            accounts=args["accounts"],
            provisioned=args["provisioned"],
            service=[rule for rule in args["service"] if rule["status"] == "finding"],
            waivers=args["waivers"],
        )
        rows = im_report.rows_of(found, args["people"], args["accounts"], args["language"])
        report = im_compliance.report_of(rows, facts, args["enforced"], args["language"], datetime.now().astimezone())
        trend: list[Day] = []
        directory = Path(args["directory"])
        earlier = _last_report(directory)
        if args["history"]:
            try:
                report, trend, earlier = _recorded(report, args["history"], args["history_days"], args["language"])
            except HistoryError as error:
                # The report stands without it; only since when is not known.
                result["warnings"] = [str(error)]
        path = im_report.write(report, directory)
        directories = dict.fromkeys(FILES, directory)
        if args["prometheus_directory"]:
            directories["prometheus"] = Path(args["prometheus_directory"])
        try:
            exports = write_exports(report, trend, directories, args["exports"])
        except OSError as error:
            raise AnsibleActionFail(f"exports: {error.filename}: {error.strerror}") from error
        return result | {
            "changed": False,
            "table": im_compliance.as_table(report),
            "summary": im_compliance.summary(report),
            "path": str(path),
            "exports": exports,
            "silent": sorted({row["host"] for row in report["rows"] if row["state"] == "unreachable"}),
            "exit_code": im_compliance.exit_code(report),
            "worse": {"at": report["at"], "earlier": earlier.at, "items": worse_of(report, earlier)},
        }


def _recorded(report: dict[str, Any], url: str, days: int, language: str) -> tuple[dict[str, Any], list[Day], Earlier]:
    """Record the report; return it with what the history knows of each seat, the days of the trend, what was before."""
    with open_history(url, language) as history:
        earlier = earlier_of_history(history.current(), history.last_run())
        history.record(report)
        if days:
            history.prune(days)
        return filled(report, history.current()), history.trend(_TREND_DAYS), earlier


def _last_report(directory: Path) -> Earlier:
    """What the last run in this directory saw; nothing when there was none that can be read."""
    try:
        return earlier_of_report(json.loads((directory / "latest.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return Earlier("", {})


def _packages(host: str, variables: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """What im_host_info said of each client of a host; after an installation, what it said then."""
    asked = variables.get("__im_client_host", {})
    after = variables.get("__im_client_installed", {})
    last = after if "lacking" in after else asked
    lacking, outdated = last.get("lacking", {}), last.get("outdated", {})
    return {
        (host, client): {"lacking": lacking.get(client, []), "outdated": outdated.get(client)}
        for client in {*lacking, *outdated}
    }
