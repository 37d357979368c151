"""Ask a host the lines of the acceptance kit, with what the roles say about the clients of its platform.

The remote half is library/im_selftest.ps1 or .py, which tells both how it is used.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible import constants as C
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils import im_selftest
from ansible.module_utils.im_clients import load_clients


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One remote call."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what became of each line; see RETURN in library/im_selftest.py."""
        super().run(tmp, task_vars)
        args, clients = self._task.args, load_clients(C.DEFAULT_ROLES_PATH)
        is_windows = getattr(self._connection._shell, "SHELL_FAMILY", "") == "powershell"
        system = "Windows" if is_windows else "Darwin"
        lines = [line.id for line in im_selftest.lines_of(system, args.get("account", im_selftest.ADMINISTRATOR))]
        fresh = args.get("installed") or []
        asked = {
            "lines": args.get("lines") or lines,
            "clients": im_selftest.clients_for(clients, system, fresh),
            "logins": args.get("logins") or [],
            "connection": str(self._connection.transport),
            "echo": im_selftest.ECHO,
            "link": im_selftest.LINK,
            "authority": args.get("authority") or "",
            "change": bool(args.get("change")),
        }
        answer: dict[str, Any] = self._execute_module(
            module_name="im_selftest", module_args=asked, task_vars=task_vars or {}
        )
        if "lines" in answer:
            digest = hashlib.sha256(im_selftest.ECHO.encode()).hexdigest()
            answer["lines"] = im_selftest.with_digest(answer["lines"], digest)
            if answer["system"] == "Windows":
                answer["packages"] = im_selftest.packages_for(clients, answer["absent"])
        return answer
