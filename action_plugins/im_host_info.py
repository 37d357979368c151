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

from ansible.module_utils import im_packages
from ansible.module_utils.im_clients import load_clients, load_common
from ansible.module_utils.im_model import Client


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One remote call; the answers files of the roles turn it into a plan."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the host and what its clients need, by the roles' answers; see RETURN in library/im_host_info.py."""
        super().run(tmp, task_vars)
        args = self._task.args
        known = load_clients(C.DEFAULT_ROLES_PATH)
        wanted = [known[name] for name in args.get("clients", []) if name in known]
        retired = [known[name] for name in args.get("retired", []) if name in known]
        left_alone = args.get("left_alone", [])
        wishes = im_packages.Wishes(
            {name: str(version) for name, version in (args.get("versions") or {}).items()},
            args.get("latest") or [],
            args.get("sources") or {},
            args.get("brew_user") or "",
            args.get("installers") or {},
            args.get("flatpak_remote") or "flathub",
            args.get("holds") or {},
        )
        least = {name: str(version) for name, version in (args.get("minimum_versions") or {}).items()}
        # The platform is not known yet, so ask about the packages of all; absent ones cost nothing.
        minimum = {
            one["version_package"]: least[client.name]
            for client in wanted
            if client.name in least
            for answers in client.platforms.values()
            for one in (answers, *answers.get("sources", {}).values())
            if "version_package" in one
        }
        names = im_packages.names_to_ask(wanted + retired) | set(minimum)
        if "flatpak" not in wishes.sources.values():
            names = {name for name in names if not name.startswith("flatpak/")}  # these cost a program of their own
        applications = im_packages.applications_of(wanted + retired)
        result: dict[str, Any] = self._execute_module(
            module_name="im_host_info",
            module_args={
                "packages": sorted(names),
                "minimum": minimum,
                "applications": applications,
                "portable": im_packages.copies_of(wanted + retired, wishes),
            },
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
        wanted, retired = (
            [im_packages.on_distribution(client, platform, host["distribution"]) for client in clients]
            for clients in (wanted, retired)
        )
        sources = {
            client.name: im_packages.source_of(client, platform, packages, wishes.sources)
            for client in wanted + retired
            if platform in client.platforms
        }
        strange = {
            client.title: sources[client.name]
            for client in wanted
            if sources[client.name] not in ("distribution", *client.platforms[platform].get("sources", {}))
        }
        if strange:
            told = ", ".join(f"{client}: {source!r}" for client, source in strange.items())
            known_sources = {
                client.title: ["distribution", *client.platforms[platform].get("sources", {})] for client in wanted
            }
            listed = "; ".join(f"{client}: {', '.join(names)}" for client, names in known_sources.items())
            why = f"im_package_sources: no such source on {platform} ({told}); {listed}"
            return result | {"failed": True, "msg": why}
        chosen, gone = (
            [
                im_packages.with_source(client, platform, sources[client.name], wishes.installers.get(client.name))
                for client in clients
                if platform in client.platforms
            ]
            for clients in (wanted, retired)
        )
        language = args.get("language") or "fr"
        answers = common.platforms[platform]
        served = [client for client in chosen if client.name not in left_alone]
        found = im_packages.plan(served, platform, answers, said=result, wishes=wishes, language=language)
        # What is left alone is not installed, but an audit tells that it lacks something.
        alone = [client for client in chosen if client.name in left_alone]
        of_those = im_packages.plan(alone, platform, answers, said=result, wishes=wishes, language=language)
        found["lacking"] |= of_those["lacking"]
        removable = _removable(gone, platform, packages, left_alone)
        laid_from = [client for client in gone if client.platforms[platform]["version_package"] in removable]
        portables = [copy for client in laid_from for copy in [im_packages.portable_of(client, platform)] if copy]
        found["to_release_to_remove"] = [
            name
            for client in gone
            if client.name in wishes.holds and client.name not in left_alone
            for name in client.platforms[platform]["packages"]
            if name in result.get("held", ())
        ]
        from_flatpak = [name for name in removable if name.startswith("flatpak/")]
        # Without a package manager of ours, what is there came by other hands.
        others = (
            [name for name in removable if not name.startswith(("flatpak/", "portable/"))] if found["manager"] else []
        )
        found["flatpaks"]["removable"] = from_flatpak
        if self._task.check_mode:
            # Which version will stand there, the package manager alone knows, and only when it is asked for good.
            result["packages"] = {**packages, **dict.fromkeys(found["replaced"])}
        versions = {client.name: client.platforms[platform]["version_package"] for client in chosen}
        return result | {
            **found,
            "platform": platform,
            "sources": {name: source for name, source in sources.items() if source != "distribution"},
            "trust_command": common.platforms[platform]["trust_command"],
            "trust_proof": common.platforms[platform]["trust_proof"],
            "removable": others,
            "portables_removable": portables,
            "removers": [
                name
                for name, some in ((found["manager"], others), ("flatpak", from_flatpak), ("portable", portables))
                if some
            ],
            "package_options": im_packages.options_of(chosen + retired, platform, wishes),
            "outdated": {
                client: {"installed": packages[name], "least": least[client]}
                for client, name in versions.items()
                if client in least and name in older
            },
        }


def _removable(retired: list[Client], platform: str, packages: dict[str, Any], left_alone: list[str]) -> list[str]:
    """The installed packages of the clients that nobody wants any more."""
    names = [client.platforms[platform]["version_package"] for client in retired if client.name not in left_alone]
    return [name for name in names if packages.get(name)]
