"""Make the report of the acceptance kit for one host, on the control node.

Documented in library/im_selftest_report.py, where ansible-doc looks.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as ansible_version

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils import im_selftest

_PROJECT = Path(__file__).resolve().parents[1]


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: reads what the earlier tasks registered."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return table, path and the counts; see RETURN in library/im_selftest_report.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args, task_vars = self._task.args, task_vars or {}
        language = args.get("language", "fr")
        looks = [look for look in args["looks"] if isinstance(look, dict) and "lines" in look]
        system = looks[0]["system"] if looks else args["expected"]
        names = _names(task_vars)
        answers = {identifier: answer for look in looks for identifier, answer in look["lines"].items()}
        about = {name: im_selftest.mask(value, names) for look in looks[:1] for name, value in look["about"].items()}
        for package in args.get("packages") or []:
            told = f"{package['code']} {package['exit_code']} {package['route']}"
            answers.get("windows-installers.install", {}).setdefault("seen", {})[package["id"]] = told.strip()
        for identifier in ("windows-winget.system", "mac-brew"):
            version = answers.get(identifier, {}).get("seen", {}).get("version")
            about |= {"package_manager": im_selftest.mask(version, names)} if version else {}
        report = {
            "schema": 1,
            "about": {"product": _product(), "ansible": ansible_version, **about},
            "change": bool(args.get("change")),
            "check_mode": bool(self._task.check_mode),
            "lines": im_selftest.rows_of(system, answers, names),
        }
        # The name of a file is sent along with it: no host's name.
        number = 1 + sorted(task_vars["ansible_play_hosts_all"]).index(task_vars["inventory_hostname"])
        name = f"{'mac' if system == 'Darwin' else system.lower()}-{number}"
        path = im_selftest.write(report, Path(args["directory"]), name, language)
        return result | {
            "changed": False,
            "path": str(path),
            "table": im_selftest.as_table(report["lines"], language),
            "lines": report["lines"],
        }


def _product() -> str:
    """The version of the project: its commit where it is a clone, else its newest heading in the change log."""
    try:
        words = ["git", "-C", str(_PROJECT), "rev-parse", "--short=12", "HEAD"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603  fixed words
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        headings = re.findall(r"^## (.+)$", (_PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
        return str(headings[0])


def _names(task_vars: dict[str, Any]) -> list[str]:
    """The names that the inventory knows and no report may hold."""
    host = str(task_vars.get("inventory_hostname", ""))
    found = [host, host.partition(".")[0]]
    found += [str(task_vars.get(name) or "") for name in ("ansible_host", "ansible_user", "ansible_ssh_user")]
    for seat in task_vars.get("im_seats") or []:
        found += [str(seat.get("login", "")), str(seat.get("person", ""))]
    for key, person in (task_vars.get("im_people") or {}).items():
        found += [str(key), str((person or {}).get("name", "")), str((person or {}).get("jid", ""))]
    return [name for name in found if name]
