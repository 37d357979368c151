"""Why a host cannot have a package as the site wishes it, and what would do: sentences of the catalogue."""

from __future__ import annotations

import ntpath
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..im_catalogue import text
from ..im_model import Client
from .answers import other_manager
from .versions import PATTERNS, PINNED, by_number
from .wishes import Wishes

#: Package managers that put no older version in the place of a newer one.
_NEVER_BACK = ("winget",)
#: Package managers, as im_host_info names them, that can hold a package for everybody: how somebody ends that by hand.
_RELEASES = {
    "apt": "apt-mark unhold {name}",
    "dnf": "dnf versionlock delete {name}",
    "dnf5": "dnf versionlock delete {name}",
    "zypper": "zypper removelock {name}",
}


class Refusal(NamedTuple):
    """Why a package cannot be had: a key of the catalogue, and what its sentences name."""

    key: str
    values: Mapping[str, Any]

    def told(self, language: str) -> dict[str, str]:
        """why and remedy, as sentences."""
        return {
            "why": text(self.key, language, **self.values),
            "remedy": text(f"{self.key}.remedy", language, **self.values),
        }


def not_to_be_had(
    client: Client,
    answers: Mapping[str, Any],
    said: Mapping[str, Any],
    wishes: Wishes,
    manager: str,
    *,
    version: str | None,
) -> Refusal | None:
    """Why the packages of a client cannot be had, whoever brings them; VERSION as in _why_not."""
    pin = wishes.versions.get(client.name, "")
    refusal = _why_not(client, answers, said["host"], manager, pin=pin, version=version)
    if not refusal and other_manager(answers) == "Flatpak":
        return _flatpak_trouble(client, said.get("flatpak"), wishes.flatpak_remote)
    if not refusal and manager == "homebrew":
        return _brew_trouble(client, said["brew"], wishes.brew_user)
    return refusal


def _why_not(
    client: Client, answers: Mapping[str, Any], host: Mapping[str, Any], manager: str, *, pin: str, version: str | None
) -> Refusal | None:
    """Why the packages of a client cannot be asked for; None when they can. A client that is there has no hole.

    VERSION: the one that is there, None when a package of the client is missing.
    """
    about = {
        "client": client.title,
        "name": client.name,
        "distribution": host["distribution"],
        "version": host["distribution_version"],
        "pin": pin,
        "installed": version or "",
        "manager": host["package_manager"] or "",
    }
    holes = answers.get("holes", ()) if version is None else ()
    for hole in holes:
        if host["distribution"].casefold() in hole["distributions"] or hole["distributions"] == ["*"]:
            return Refusal(f"hole.{hole['reason']}", about)
    if other := other_manager(answers):
        return Refusal("packages.no_pin", about | {"manager": other}) if pin else None
    if not manager:
        known = {None: "packages.no_manager", "atomic_container": "packages.image_based"}
        key = known.get(host["package_manager"], "packages.unknown_manager")
        return Refusal("packages.no_brew" if host["os_family"] == "Darwin" else key, about)
    if pin and manager not in PINNED:
        return Refusal("packages.no_pin", about)
    if "*" in pin and manager not in PATTERNS:
        return Refusal("packages.no_pattern", about)
    is_newer = manager in _NEVER_BACK and bool(pin and version) and by_number(version or "") > by_number(pin)
    return Refusal("packages.no_way_back", about) if is_newer else None


def stands_elsewhere(client: Client, answers: Mapping[str, Any], said: Mapping[str, Any]) -> Refusal | None:
    """Why a client that is there cannot be served: no policy, shortcut or profile of ours would reach it."""
    folder = said.get("elsewhere", {}).get(answers["version_package"])
    if not folder:
        return None
    wanted = ntpath.dirname(answers["command"][0])
    return Refusal("packages.elsewhere", {"client": client.title, "folder": folder, "wanted": wanted})


def no_file(client: Client, copy: Mapping[str, str]) -> Refusal | None:
    """Why a client cannot be laid into homes; None when it can, or is not to be."""
    if not copy or (copy["sha256"] and copy["version"] and copy["url"]):
        return None
    return Refusal("packages.portable_unnamed", {"client": client.title, "name": client.name})


def no_hold(client: Client, answers: Mapping[str, Any], host: Mapping[str, Any]) -> Refusal | None:
    """Why the packages of a client cannot be held at their version; None when they can."""
    manager = other_manager(answers) or ("snap" if "told_by_version" in answers else host["package_manager"])
    if manager in _RELEASES:
        return None
    about = {"client": client.title, "name": client.name, "manager": manager or "-"}
    return Refusal("packages.no_hold", about)


def held_by_somebody(client: Client, package: str, version: str | None, said: Mapping[str, Any]) -> Refusal | None:
    """Why a package stays at its version although the site wishes another: somebody holds it, and nobody told us."""
    if package not in said.get("held", ()):
        return None
    release = _RELEASES[said["host"]["package_manager"]].format(name=package)
    about = {"client": client.title, "name": client.name, "installed": version, "package": package, "release": release}
    return Refusal("packages.held", about)


def _brew_trouble(client: Client, brew: Mapping[str, Any], user: str) -> Refusal | None:
    """Why brew will not run for us; None when it will."""
    about = {"client": client.title, "prefix": brew["prefix"], "owner": brew["owner"] or "", "user": user}
    if brew["owner"] == "root":
        return Refusal("packages.brew_of_root", about)
    if brew["owner"] is None:
        return Refusal("packages.brew_of_nobody", about)
    return Refusal("packages.brew_of_another", about) if user not in ("", brew["owner"]) else None


def _flatpak_trouble(client: Client, flatpak: Mapping[str, Any] | None, remote: str) -> Refusal | None:
    """Why Flatpak cannot be asked; None when it can."""
    about = {"client": client.title, "name": client.name, "remote": remote}
    if flatpak is None:
        return Refusal("packages.no_flatpak", about)
    if remote in flatpak["remotes"]:
        return None
    return Refusal("packages.no_remote", about | {"known": ", ".join(flatpak["remotes"]) or "-"})
