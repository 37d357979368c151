"""Ask a host what it is and which packages it has, and answer with what the roles need to install.

The remote half is library/im_host_info.py; this half knows the clients and the platforms.
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

from ansible.module_utils.im_clients import load_clients, load_common
from ansible.module_utils.im_packages import host
from ansible.module_utils.im_packages.wishes import Wishes


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One remote call; the answers files of the roles turn it into a plan."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the host and what its clients need, by the roles' answers; see RETURN in library/im_host_info.py."""
        super().run(tmp, task_vars)
        order = _order(self._task.args)
        result: dict[str, Any] = self._execute_module(
            module_name="im_host_info", module_args=host.questions(order), task_vars=task_vars
        )
        if "host" not in result:
            return result
        try:
            result |= host.meaning(order, load_common(C.DEFAULT_ROLES_PATH), result)
        except host.NoAnswersError as error:
            return result | {"failed": True, "msg": str(error)}
        if self._task.check_mode:
            # Which version will stand there, the package manager alone knows, and only when it is asked for good.
            result["packages"] |= dict.fromkeys(result["replaced"])
        return result


def _order(args: dict[str, Any]) -> host.Order:
    """What is wanted, from the task's arguments."""
    known = load_clients(C.DEFAULT_ROLES_PATH)
    wanted, retired = (
        [known[name] for name in args.get(which, []) if name in known] for which in ("clients", "retired")
    )
    wishes = Wishes(
        {name: str(version) for name, version in (args.get("versions") or {}).items()},
        args.get("latest") or [],
        args.get("sources") or {},
        args.get("brew_user") or "",
        args.get("installers") or {},
        args.get("flatpak_remote") or "flathub",
        args.get("holds") or {},
    )
    least = {name: str(version) for name, version in (args.get("minimum_versions") or {}).items()}
    return host.Order(wanted, retired, args.get("left_alone", []), least, wishes, args.get("language") or "fr")
