"""Take the file of a ticket from where Ansible was started, as whoever names it on the command line expects.

A module cannot know that place: Ansible runs those of the control node in the playbook's directory. All else is in
library/im_ticket_info.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Runs the module with an absolute path."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        file = arguments.get("file")
        if isinstance(file, str) and file and not file.startswith("~"):
            arguments["file"] = str(Path.cwd() / file)
        return result | self._execute_module(module_args=arguments, task_vars=task_vars)
