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


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One remote call; the answers files of the roles turn it into a plan."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the host and what its clients need, by the roles' answers; see RETURN in library/im_host_info.py."""
        super().run(tmp, task_vars)
        known = load_clients(C.DEFAULT_ROLES_PATH)
        wanted = [known[name] for name in self._task.args.get("clients", []) if name in known]
        retired = [known[name] for name in self._task.args.get("retired", []) if name in known]
        left_alone = self._task.args.get("left_alone", [])
        least = {name: str(version) for name, version in (self._task.args.get("minimum_versions") or {}).items()}
        # The platform is not known yet, so ask about the packages of all; absent ones cost nothing.
        names = {
            name for client in wanted + retired for answers in client.platforms.values() for name in answers["packages"]
        }
        minimum = {
            answers["version_package"]: least[client.name]
            for client in wanted
            if client.name in least
            for answers in client.platforms.values()
        }
        result: dict[str, Any] = self._execute_module(
            module_name="im_host_info",
            module_args={"packages": sorted(names | set(minimum)), "minimum": minimum},
            task_vars=task_vars,
        )
        if "host" not in result:
            return result
        host, common = result["host"], load_common(C.DEFAULT_ROLES_PATH)
        platform = host["os_family"]
        unknown = [client.title for client in wanted if platform not in client.platforms]
        if platform not in common.platforms or unknown:
            supported = sorted(common.platforms)
            result |= {
                "failed": True,
                "msg": f"{', '.join(unknown) or 'messaging'}: {host['distribution']} ({platform}) has no answers file; "
                f"supported: {', '.join(supported)}; to add it, write vars/{platform}.yml in the roles im_client and "
                f"{', '.join(client.name for client in wanted)} (README, 'Add a platform')",
            }
            return result
        packages, older = result["packages"], result["older"]
        versions = {client.name: client.platforms[platform]["version_package"] for client in wanted}
        lacking = {
            client.name: [name for name in client.platforms[platform]["packages"] if not packages.get(name)]
            for client in wanted
        }
        return result | {
            "platform": platform,
            "manager": common.platforms[platform]["manager"],
            "trust_command": common.platforms[platform]["trust_command"],
            "removable": [
                answers["version_package"]
                for client in retired
                for answers in [client.platforms.get(platform, {"version_package": ""})]
                if client.name not in left_alone and packages.get(answers["version_package"])
            ],
            "missing": list(
                dict.fromkeys(name for client, names in lacking.items() if client not in left_alone for name in names)
            ),
            "lacking": {client: names for client, names in lacking.items() if names},
            "outdated": {
                client: {"installed": packages[name], "least": least[client]}
                for client, name in versions.items()
                if client in least and name in older
            },
        }
