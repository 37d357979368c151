"""Which packages a host lacks for its clients, and how its package manager is to be asked for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..im_model import Client
from . import refusals
from .answers import other_manager, portable_of
from .versions import asked, is_version
from .wishes import Wishes


def plan(
    clients: Sequence[Client],
    platform: str,
    common: Mapping[str, Any],
    *,
    said: Mapping[str, Any],
    wishes: Wishes,
    language: str,
) -> dict[str, Any]:
    """Say what to install for these clients of a host.

    Args:
        clients: those that a seat asks for and that are not left alone, with their source (see with_source).
        platform: name of the answers file.
        common: the platform's answers of im_client.
        said: what im_host_info returned: host, packages, brew, held, flatpak.
        wishes: the site's.
        language: of the sentences.

    Returns:
        lacking (client -> packages), impossible (client -> {why, remedy}), missing and latest (as the package manager
        takes them), flatpaks ({missing, latest}), portables (what im_portable_program takes), to_release and to_hold
        (packages, before and after that), to_install (whether any of these names something), replaced (packages whose
        version the run changes, or may change), manager (name of the tasks).
    """
    host, packages = said["host"], said["packages"]
    found = host["package_manager"]
    manager = common["managers"].get(found, "")
    result: dict[str, Any] = {
        "lacking": {},
        "impossible": {},
        "missing": [],
        "latest": [],
        "replaced": [],
        "to_release": [],
        "to_hold": [],
    }
    flatpaks: dict[str, list[str]] = {"missing": [], "latest": []}
    portables: list[dict[str, str]] = []
    for client in clients:
        answers = client.platforms[platform]
        pin = wishes.versions.get(client.name, "")
        lacking = [name for name in answers["packages"] if not packages.get(name)]
        version = packages.get(answers["version_package"])
        unlike = [answers["version_package"]] if pin and version and not is_version(version, pin) else []
        wanted = [f"{name} {pin}" if name in unlike else name for name in (*lacking, *unlike)]
        newest = client.name in wishes.latest and not _came_by_hand(answers["version_package"], version, said)
        if wanted:
            result["lacking"][client.name] = wanted
        if moved := refusals.stands_elsewhere(client, answers, said):
            result["impossible"][client.name] = moved.told(language)
            continue
        to_release, to_hold = _holds(answers["packages"], said.get("held", ()), wishes.holds.get(client.name), wanted)
        if not wanted and not newest and not to_release and not to_hold:
            continue
        from_flatpak = other_manager(answers) == "Flatpak"
        copy = portable_of(client, platform)
        refusal = None
        if wanted or newest:
            there = None if lacking else version
            refusal = refusals.no_file(client, copy) or refusals.not_to_be_had(
                client, answers, said, wishes, manager, version=there
            )
        if to_hold:
            refusal = refusal or refusals.no_hold(client, answers, host)
        elif client.name not in wishes.holds and (unlike or newest):
            refusal = refusal or refusals.held_by_somebody(client, answers["version_package"], version, said)
        if refusal:
            result["impossible"][client.name] = refusal.told(language)
            continue
        if copy:
            portables += [copy] if lacking else []
            continue
        pins = {answers["version_package"]: pin}
        to_ask = [asked(name, pins.get(name, ""), manager) for name in [*lacking, *unlike]]
        into = flatpaks if from_flatpak else result
        into["missing"] += [name for name in to_ask if name not in into["missing"]]
        if unlike or newest:
            result["replaced"].append(answers["version_package"])
        if newest:
            into["latest"] += [name for name in answers["packages"] if name not in into["latest"]]
        result["to_release"] += to_release
        result["to_hold"] += to_hold
    todo = (result["missing"], result["latest"], result["to_release"], result["to_hold"], portables, *flatpaks.values())
    return {**result, "flatpaks": flatpaks, "portables": portables, "to_install": any(todo), "manager": manager}


def _came_by_hand(package: str, version: str | None, said: Mapping[str, Any]) -> bool:
    """Whether others than Homebrew put an application on a Mac: it updates itself, and brew would refuse to do so."""
    is_of_homebrew = package.startswith(("cask/", "formula/"))
    return is_of_homebrew and bool(version) and package not in (said.get("brew") or {"has": ()})["has"]


def _holds(
    packages: Sequence[str], held: Sequence[str], wish: bool | None, wanted: Sequence[str]
) -> tuple[list[str], list[str]]:
    """What to release first and what to hold afterwards, of the packages of a client.

    What is on hold can be neither installed nor replaced, so that a hold which the site wishes is lifted for that long.
    """
    on_hold = [name for name in packages if name in held]
    if wish is None:
        return [], []
    if not wish:
        return on_hold, []
    return (on_hold, list(packages)) if wanted else ([], [name for name in packages if name not in held])
