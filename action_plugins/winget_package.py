"""Install programs on a Windows PC: by winget, where that fails by the vendor's own installer; and say why in words.

The remote half is library/winget_package.ps1, which knows codes only. Documented in library/winget_package.py.
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

from ansible.module_utils import im_winget


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One remote call; where no way of winget works, one for each package that the vendor installs, and a last look."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what became of each package; see RETURN in library/winget_package.py."""
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        _, args = self.validate_argument_spec(argument_spec=im_winget.ARGUMENTS)
        language = args.pop("language")
        wished = {package["id"]: package for package in args["packages"]}
        result = self._call(args, args["packages"])
        if "packages" not in result:
            return result
        again = [wished[name] for name in im_winget.for_the_vendor(result["packages"], wished, args["state"])]
        tried = {package["id"]: self._install_vendors(package["installer"]) for package in again}
        if again:
            seen = self._call(args | {"state": "present", "routes": []}, again)
            result = im_winget.with_vendors(result, tried, seen)
        return im_winget.told(result, language)

    def _call(self, args: dict[str, Any], packages: list[dict[str, Any]]) -> dict[str, Any]:
        asked = [{name: value for name, value in package.items() if name != "installer"} for package in packages]
        account = self._connection.get_option("remote_user") or ""
        answer: dict[str, Any] = self._execute_module(
            module_name="winget_package",
            module_args=args | {"packages": asked, "account": account},
            task_vars=self._task_vars,
        )
        return answer

    def _install_vendors(self, installer: dict[str, Any]) -> dict[str, Any]:
        arguments = {
            "path": installer["url"],
            "product_id": installer["product_id"],
            "arguments": installer["arguments"],
            "state": "present",
        }
        if installer["sha256"]:
            arguments |= {"checksum": installer["sha256"], "checksum_algorithm": "sha256"}
        answer: dict[str, Any] = self._execute_module(
            module_name="ansible.windows.win_package", module_args=arguments, task_vars=self._task_vars
        )
        return answer
