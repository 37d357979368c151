"""What a host is asked about packages, and what its answers mean for the roles: before and after one remote call."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..im_model import Client
from .answers import (
    DISTRIBUTION,
    applications_of,
    commands_of,
    copies_of,
    names_to_ask,
    on_distribution,
    options_of,
    portable_of,
    source_of,
    with_source,
)
from .planning import plan
from .wishes import Wishes


class NoAnswersError(ValueError):
    """The roles know nothing of such a host, or of such a source."""


class Order(NamedTuple):
    """What is wanted of one host.

    Attributes:
        wanted: clients that seats ask for.
        retired: clients that only absent seats name.
        left_alone: names of clients that are only looked at.
        least: client -> the least version of it that will do.
        wishes: the site's.
        language: of the sentences.
    """

    wanted: Sequence[Client]
    retired: Sequence[Client]
    left_alone: Sequence[str]
    least: Mapping[str, str]
    wishes: Wishes
    language: str


def questions(order: Order) -> dict[str, Any]:
    """The options of the module im_host_info, about packages of all platforms: which one it is, nobody knows yet."""
    clients = [*order.wanted, *order.retired]
    minimum = {
        one["version_package"]: order.least[client.name]
        for client in order.wanted
        if client.name in order.least
        for answers in client.platforms.values()
        for one in (answers, *answers.get("sources", {}).values())
        if "version_package" in one
    }
    names = names_to_ask(clients) | set(minimum)
    if "flatpak" not in order.wishes.sources.values():
        names = {name for name in names if not name.startswith("flatpak/")}  # these cost a program of their own
    return {
        "packages": sorted(names),
        "minimum": minimum,
        "applications": applications_of(clients),
        "commands": commands_of(clients),
        "portable": copies_of(clients, order.wishes),
    }


def meaning(order: Order, common: Client, said: Mapping[str, Any]) -> dict[str, Any]:
    """What the roles need to know of a host beyond what it said.

    Args:
        order: what is wanted of it.
        common: the answers that all clients share, those of the role im_client.
        said: what the module im_host_info returned.

    Returns:
        What RETURN in library/im_host_info.py names and the module does not say itself.

    Raises:
        NoAnswersError: no answers file for such a host, or none about a source that the site names.
    """
    host, packages, wishes = said["host"], said["packages"], order.wishes
    platform = host["os_family"]
    _check_platform(order.wanted, common, host)
    wanted, retired = (
        [on_distribution(client, platform, host["distribution"]) for client in clients if platform in client.platforms]
        for clients in (order.wanted, order.retired)
    )
    sources = {client.name: source_of(client, platform, packages, wishes.sources) for client in wanted + retired}
    _check_sources(wanted, platform, sources)
    chosen, gone = (
        [with_source(client, platform, sources[client.name], wishes.installers.get(client.name)) for client in clients]
        for clients in (wanted, retired)
    )
    answers = common.platforms[platform]
    served = [client for client in chosen if client.name not in order.left_alone]
    alone = [client for client in chosen if client.name in order.left_alone]
    found = plan(served, platform, answers, said=said, wishes=wishes, language=order.language)
    # What is left alone is not installed, but an audit tells that it lacks something.
    found["lacking"] |= plan(alone, platform, answers, said=said, wishes=wishes, language=order.language)["lacking"]
    gone = [client for client in gone if client.name not in order.left_alone]
    removals = _removals(gone, platform, found, said, wishes)
    versions = {client.name: client.platforms[platform]["version_package"] for client in chosen}
    return {
        **found,
        **removals,
        "homebrew": _for_homebrew(served, platform, {**found, **removals}, said["brew"], wishes),
        "platform": platform,
        "sources": {name: source for name, source in sources.items() if source != DISTRIBUTION},
        "trust_command": answers["trust_command"],
        "trust_proof": answers["trust_proof"],
        "trust_file": f"{answers['bases']['trust_anchors']}/im-service.crt",
        "package_options": options_of(chosen + retired, platform, wishes),
        "outdated": {
            client: {"installed": packages[name], "least": order.least[client]}
            for client, name in versions.items()
            if client in order.least and name in said["older"]
        },
    }


def _check_platform(wanted: Sequence[Client], common: Client, host: Mapping[str, Any]) -> None:
    platform = host["os_family"]
    unknown = [client.title for client in wanted if platform not in client.platforms]
    if platform not in common.platforms or unknown:
        raise NoAnswersError(
            f"{', '.join(unknown) or 'messaging'}: {host['distribution']} ({platform}) has no answers file; "
            f"supported: {', '.join(sorted(common.platforms))}; to add it, write vars/{platform}.yml in the roles "
            f"im_client and {', '.join(client.name for client in wanted)} (README, 'Add a platform')"
        )


def _check_sources(wanted: Sequence[Client], platform: str, sources: Mapping[str, str]) -> None:
    known = {client.name: [DISTRIBUTION, *client.platforms[platform].get("sources", {})] for client in wanted}
    strange = [client for client in wanted if sources[client.name] not in known[client.name]]
    if strange:
        told = ", ".join(f"{client.title}: {sources[client.name]!r}" for client in strange)
        listed = "; ".join(f"{client.title}: {', '.join(known[client.name])}" for client in wanted)
        raise NoAnswersError(f"im_package_sources: no such source on {platform} ({told}); {listed}")


def _removals(
    retired: Sequence[Client], platform: str, found: dict[str, Any], said: Mapping[str, Any], wishes: Wishes
) -> dict[str, Any]:
    """What nobody wants any more, by who takes it away; FOUND's flatpaks get theirs."""
    answers = [client.platforms[platform] for client in retired]
    names = [one["version_package"] for one in answers if said["packages"].get(one["version_package"])]
    copies = [portable_of(client, platform) for client in retired]
    portables = [copy for copy, one in zip(copies, answers, strict=True) if copy and one["version_package"] in names]
    from_flatpak = [name for name in names if name.startswith("flatpak/")]
    # Without a package manager of ours, what is there came by other hands.
    others = [name for name in names if not name.startswith(("flatpak/", "portable/"))] if found["manager"] else []
    by_remover = ((found["manager"], others), ("flatpak", from_flatpak), ("portable", portables))
    return {
        "removable": others,
        "flatpaks": {**found["flatpaks"], "removable": from_flatpak},
        "portables_removable": portables,
        "removers": [remover for remover, some in by_remover if some],
        "to_release_to_remove": [
            name
            for client in retired
            if client.name in wishes.holds
            for name in client.platforms[platform]["packages"]
            if name in said.get("held", ())
        ],
    }


def _for_homebrew(
    served: Sequence[Client], platform: str, found: Mapping[str, Any], brew: Mapping[str, Any], wishes: Wishes
) -> dict[str, Any]:
    """Who runs brew, and what it does, for each of its two modules: formulae and casks. {} where it is not asked."""
    if found["manager"] != "homebrew":
        return {}
    # What brew has and is not there: somebody deleted the application.
    gone = [name for name in found["missing"] if name in brew["has"]]
    todo = {**{doing: found[doing] for doing in ("missing", "latest", "removable")}, "gone": gone}

    def only(kind: str) -> dict[str, list[str]]:
        return {
            doing: [name.removeprefix(kind) for name in names if name.startswith(kind)] for doing, names in todo.items()
        }

    return {
        "user": wishes.brew_user or brew["owner"],
        "formulae": only("formula/"),
        "casks": only("cask/"),
        "authorities": _authorities_of_kegs(served, platform, brew),
    }


def _authorities_of_kegs(clients: Sequence[Client], platform: str, brew: Mapping[str, Any]) -> list[str]:
    """The directories of authorities that programs of Homebrew have of their own, of those that it has already."""
    if not brew["owner"]:
        return []  # nobody there to write in them
    return [
        posixpath.join(brew["prefix"], "opt", answers["version_package"].partition("/")[2], below)
        for answers in (client.platforms[platform] for client in clients)
        for below in [answers["bases"].get("keg_authorities")]
        if below and answers["version_package"] in brew["has"]
    ]
