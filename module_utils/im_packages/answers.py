"""What the answers files of the roles say of packages, with what the site wishes filled in.

Pure, as all of this package.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..im_formats.shell_link import link_to
from ..im_model import Client
from .wishes import Wishes

#: What a site may say of where a client comes from; the others are keys of the answers' ``sources``.
DISTRIBUTION = "distribution"
#: What im_package_installers says of portable programs only.
_OF_PORTABLES = ("version", "folder")


def on_distribution(client: Client, platform: str, distribution: str) -> Client:
    """The client with what the answers of a platform say of one distribution, its ``variants``, laid over the rest."""
    answers = client.platforms.get(platform, {})
    for variant in answers.get("variants", ()):
        if distribution.casefold() in variant["distributions"]:
            return client._replace(platforms={**client.platforms, platform: {**answers, **variant}})
    return client


def with_source(client: Client, platform: str, source: str, installer: Mapping[str, Any] | None = None) -> Client:
    """The client with the answers of one source laid over those of a platform; bases one by one.

    INSTALLER: what the site says of the client in im_package_installers, which names version and folder of a program
    that is laid into homes.
    """
    answers = client.platforms[platform]
    if source in ("", DISTRIBUTION):
        return client
    other = answers["sources"][source]
    if "portable" in other:
        other = _portable(other, installer or {})
    bases = {**answers["bases"], **other.get("bases", {})}
    return client._replace(platforms={**client.platforms, platform: {**answers, **other, "bases": bases}})


def _portable(answers: Mapping[str, Any], installer: Mapping[str, Any]) -> dict[str, Any]:
    """The answers about a program that is laid into homes, with what the site says of it filled in."""
    usual = answers["portable"]
    named = {name: str(installer.get(name) or usual.get(name, "")) for name in ("folder", "version", "sha256", "url")}
    digest = named["sha256"].casefold()
    filled = {
        "folder": named["folder"],
        "folder_of_windows": named["folder"].replace("/", "\\"),
        "version": re.sub(r"[^0-9A-Za-z.+-]", "_", named["version"]),  # part of a path
        "digest": re.sub(r"[^0-9a-f]", "_", digest)[:12],
    }
    return {
        **answers,
        "command": [word.format_map(filled) for word in answers["command"]],
        "bases": {name: base.format_map(filled) for name, base in answers["bases"].items()},
        "portable": {**usual, **named, "sha256": digest},
    }


def portable_of(client: Client, platform: str) -> dict[str, str]:
    """What im_portable_program is told of a client with its source laid over it; {} if it is not laid into homes."""
    answers = client.platforms[platform]
    if "portable" not in answers:
        return {}
    told = answers["portable"]
    wanted = {name: told[name] for name in ("name", "proof", "url", "sha256", "version")}
    return {**wanted, "folder": answers["bases"]["program_store"]}


def copies_of(clients: Sequence[Client], wishes: Wishes) -> dict[str, dict[str, str]]:
    """Package -> folder, proof and version of the copy that a PC keeps of a program to be laid into homes."""
    return {
        answers["version_package"]: {name: copy[name] for name in ("folder", "proof", "version")}
        for client in clients
        for platform, known in client.platforms.items()
        if wishes.sources.get(client.name) in known.get("sources", {})
        for chosen in [with_source(client, platform, wishes.sources[client.name], wishes.installers.get(client.name))]
        for answers in [chosen.platforms[platform]]
        for copy in [portable_of(chosen, platform)]
        if copy.get("sha256")
    }


def names_to_ask(clients: Sequence[Client]) -> set[str]:
    """The packages of these clients on all platforms and from all sources: absent ones cost nothing."""
    return {
        name
        for client in clients
        for answers in client.platforms.values()
        for one in (answers, *answers.get("sources", {}).values(), *answers.get("variants", ()))
        for name in (*one.get("packages", ()), one.get("version_package", ""))
        if name
    }


def applications_of(clients: Sequence[Client]) -> dict[str, str]:
    """Package -> what its application is known by, where the answers say: bundle (macOS) or product (Windows)."""
    bundles = {
        answers["version_package"]: answers["bases"]["application"]
        for client in clients
        for answers in client.platforms.values()
        if "application" in answers["bases"]
    }
    products = {
        name: options["product"]
        for client in clients
        for answers in client.platforms.values()
        for name, options in answers.get("package_options", {}).items()
        if "product" in options
    }
    return bundles | products


def commands_of(clients: Sequence[Client]) -> dict[str, str]:
    """Package -> the program that is started of it, for those that Windows may have in another folder."""
    return {
        name: answers["command"][0]
        for client in clients
        for answers in client.platforms.values()
        for name, options in answers.get("package_options", {}).items()
        if "product" in options and name == answers["version_package"]
    }


def options_of(clients: Sequence[Client], platform: str, wishes: Wishes) -> dict[str, dict[str, Any]]:
    """Package -> what its manager has to know beyond its name, a pinned version too, as winget_package takes it."""
    return {
        name: {"id": name, **options, **_shortcuts_kept(answers, options)}
        | (_wished(client, options, wishes) if name == answers["version_package"] else {})
        for client in clients
        for answers in [client.platforms.get(platform, {})]
        for name, options in answers.get("package_options", {}).items()
    }


def _shortcuts_kept(answers: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, list[str]]:
    """What tells a shortcut that we laid for somebody from one of the same name that an installer left behind."""
    if not options.get("shortcuts"):
        return {}
    return {"shortcuts_kept": [hashlib.sha256(link_to(answers["command"])).hexdigest()]}


def _wished(client: Client, options: Mapping[str, Any], wishes: Wishes) -> dict[str, Any]:
    """What the site says of the package of a client, as options of it."""
    wished: dict[str, Any] = {}
    if pin := wishes.versions.get(client.name):
        wished["version"] = pin
    if installer := wishes.installers.get(client.name):
        usual = {"product_id": product_id_of(client), "arguments": ["/S", *options.get("custom", [])]}
        wished["installer"] = usual | {name: said for name, said in installer.items() if name not in _OF_PORTABLES}
    return wished


def product_id_of(client: Client) -> str:
    """The Uninstall key of a client on Windows, "" where it differs from version to version."""
    answers = client.platforms.get("Windows", {})
    product = answers.get("package_options", {}).get(answers.get("version_package"), {}).get("product", "")
    return "" if "*" in product else str(product)


def source_of(client: Client, platform: str, packages: Mapping[str, str | None], sources: Mapping[str, str]) -> str:
    """Where a client of a host comes from: what the site says, else what the version of its package gives away.

    Ubuntu's package thunderbird, version ``2:1snap1-…``, only brings the snap.
    """
    if client.name in sources:
        return sources[client.name]
    version = packages.get(client.platforms[platform]["version_package"]) or ""
    for name, answers in client.platforms[platform].get("sources", {}).items():
        if re.search(answers.get("told_by_version", r"(?!)"), version):
            return str(name)
    return DISTRIBUTION


def other_manager(answers: Mapping[str, Any]) -> str:
    """What brings the packages of a client in place of the platform's package manager; "" if nothing does."""
    if "portable" in answers:
        return "im_package_installers"
    return "Flatpak" if any(name.startswith("flatpak/") for name in answers["packages"]) else ""
