"""Look at an XMPP service with the eyes of the clients that the project knows.

The module is library/xmpp_server_info.py; this half reads what the roles of the clients say about how they connect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible import constants as C
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils.im_clients import load_connections


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One call of the module."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module answers."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("clients") is None:
            arguments["clients"] = load_connections(C.DEFAULT_ROLES_PATH)
        answer: dict[str, Any] = self._execute_module(
            module_name="xmpp_server_info", module_args=arguments, task_vars=task_vars
        )
        return answer
