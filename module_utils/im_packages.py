"""Which packages a host lacks for its clients, how to ask its package manager for them, and why it cannot have them.

Pure: the roles' answers, what the host said and the site's wishes in, a plan out. im_host_info carries both.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .im_catalogue import text
from .im_formats.shell_link import link_to
from .im_model import Client

#: What a site may say of where a client comes from; the others are keys of the answers' ``sources``.
DISTRIBUTION = "distribution"
#: Package managers that can be asked for one version, with the form of that question.
_PINNED = {"apt": "{name}={pin}", "dnf": "{name}-{pin}", "zypper": "{name}={pin}", "winget": "{name}"}
#: Those of them that take a pattern for a version.
_PATTERNS = ("apt", "dnf")
#: Those of them that put no older version in the place of a newer one.
_NEVER_BACK = ("winget",)
#: What im_package_installers says of portable programs only.
_OF_PORTABLES = ("version", "folder")
#: Package managers, as im_host_info names them, that can hold a package for everybody: how somebody ends that by hand.
_RELEASES = {
    "apt": "apt-mark unhold {name}",
    "dnf": "dnf versionlock delete {name}",
    "dnf5": "dnf versionlock delete {name}",
    "zypper": "zypper removelock {name}",
}


class Wishes(NamedTuple):
    """What the site says of packages.

    Attributes:
        versions: client -> the one version that it is to have; ``*`` stands for anything.
        latest: clients that are to be the newest that there is.
        sources: client -> "distribution" or a key of the answers' ``sources``.
        brew_user: who runs brew; "" for the owner of its prefix.
        installers: client -> the vendor's installer for Windows, as winget_package takes it; product_id may be left out
            where product_id_of() knows it, and arguments where "/S" and the answers' will do. Of a client that is laid
            into homes, its version and folder too.
        flatpak_remote: where applications of Flatpak come from.
        holds: client -> whether its packages are held at the version that is there (true) or released (false); a hold
            on a client that is not named is somebody else's, and stays.
    """

    versions: Mapping[str, str]
    latest: Sequence[str]
    sources: Mapping[str, str]
    brew_user: str
    installers: Mapping[str, Mapping[str, Any]] = {}
    flatpak_remote: str = "flathub"
    holds: Mapping[str, bool] = {}


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
        version the run changes, or may change), manager (name of the tasks), brew_user.
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
        "brew_user": "",
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
        newest = client.name in wishes.latest
        if wanted:
            result["lacking"][client.name] = wanted
        to_release, to_hold = _holds(answers["packages"], said.get("held", ()), wishes.holds.get(client.name), wanted)
        if not wanted and not newest and not to_release and not to_hold:
            continue
        from_flatpak = _other_manager(answers) == "Flatpak"
        copy = portable_of(client, platform)
        refusal = None
        if wanted or newest:
            there = None if lacking else version
            refusal = _which_file(client, copy) or _not_to_be_had(client, answers, said, wishes, manager, version=there)
        if to_hold:
            refusal = refusal or _hold_trouble(client, answers, host)
        elif client.name not in wishes.holds and (unlike or newest):
            refusal = refusal or _held_by_somebody(client, answers["version_package"], version, said)
        if refusal:
            result["impossible"][client.name] = refusal.told(language)
            continue
        if copy:
            portables += [copy] if lacking else []
            continue
        if manager == "homebrew":
            result["brew_user"] = said["brew"]["owner"]
        pins = {answers["version_package"]: pin}
        asked = [_asked(name, pins.get(name, ""), manager) for name in [*lacking, *unlike]]
        into = flatpaks if from_flatpak else result
        into["missing"] += [name for name in asked if name not in into["missing"]]
        if unlike or newest:
            result["replaced"].append(answers["version_package"])
        if newest:
            into["latest"] += [name for name in answers["packages"] if name not in into["latest"]]
        result["to_release"] += to_release
        result["to_hold"] += to_hold
    todo = (result["missing"], result["latest"], result["to_release"], result["to_hold"], portables, *flatpaks.values())
    return {**result, "flatpaks": flatpaks, "portables": portables, "to_install": any(todo), "manager": manager}


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


class _Refusal(NamedTuple):
    """Why a package cannot be had: a key of the catalogue, and what its sentences name."""

    key: str
    values: Mapping[str, Any]

    def told(self, language: str) -> dict[str, str]:
        """why and remedy, as sentences."""
        return {
            "why": text(self.key, language, **self.values),
            "remedy": text(f"{self.key}.remedy", language, **self.values),
        }


def _not_to_be_had(
    client: Client,
    answers: Mapping[str, Any],
    said: Mapping[str, Any],
    wishes: Wishes,
    manager: str,
    *,
    version: str | None,
) -> _Refusal | None:
    """Why the packages of a client cannot be had, whoever brings them; VERSION as in _why_not."""
    pin = wishes.versions.get(client.name, "")
    refusal = _why_not(client, answers, said["host"], manager, pin=pin, version=version)
    if not refusal and _other_manager(answers) == "Flatpak":
        return _flatpak_trouble(client, said.get("flatpak"), wishes.flatpak_remote)
    if not refusal and manager == "homebrew":
        return _brew_trouble(client, said["brew"], wishes.brew_user)
    return refusal


def _why_not(
    client: Client, answers: Mapping[str, Any], host: Mapping[str, Any], manager: str, *, pin: str, version: str | None
) -> _Refusal | None:
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
            return _Refusal(f"hole.{hole['reason']}", about)
    if other := _other_manager(answers):
        return _Refusal("packages.no_pin", about | {"manager": other}) if pin else None
    if not manager:
        known = {None: "packages.no_manager", "atomic_container": "packages.image_based"}
        key = known.get(host["package_manager"], "packages.unknown_manager")
        return _Refusal("packages.no_brew" if host["os_family"] == "Darwin" else key, about)
    if pin and manager not in _PINNED:
        return _Refusal("packages.no_pin", about)
    if "*" in pin and manager not in _PATTERNS:
        return _Refusal("packages.no_pattern", about)
    is_newer = manager in _NEVER_BACK and bool(pin and version) and _by_number(version or "") > _by_number(pin)
    return _Refusal("packages.no_way_back", about) if is_newer else None


def _which_file(client: Client, copy: Mapping[str, str]) -> _Refusal | None:
    """Why a client cannot be laid into homes; None when it can, or is not to be."""
    if not copy or (copy["sha256"] and copy["version"] and copy["url"]):
        return None
    return _Refusal("packages.portable_unnamed", {"client": client.title, "name": client.name})


def _other_manager(answers: Mapping[str, Any]) -> str:
    """What brings the packages of a client in place of the platform's package manager; "" if nothing does."""
    if "portable" in answers:
        return "im_package_installers"
    return "Flatpak" if any(name.startswith("flatpak/") for name in answers["packages"]) else ""


def _hold_trouble(client: Client, answers: Mapping[str, Any], host: Mapping[str, Any]) -> _Refusal | None:
    """Why the packages of a client cannot be held at their version; None when they can."""
    manager = _other_manager(answers) or ("snap" if "told_by_version" in answers else host["package_manager"])
    if manager in _RELEASES:
        return None
    about = {"client": client.title, "name": client.name, "manager": manager or "-"}
    return _Refusal("packages.no_hold", about)


def _held_by_somebody(client: Client, package: str, version: str | None, said: Mapping[str, Any]) -> _Refusal | None:
    """Why a package stays at its version although the site wishes another: somebody holds it, and nobody told us."""
    if package not in said.get("held", ()):
        return None
    release = _RELEASES[said["host"]["package_manager"]].format(name=package)
    about = {"client": client.title, "name": client.name, "installed": version, "package": package, "release": release}
    return _Refusal("packages.held", about)


def _brew_trouble(client: Client, brew: Mapping[str, Any], user: str) -> _Refusal | None:
    """Why brew will not run for us; None when it will."""
    about = {"client": client.title, "prefix": brew["prefix"], "owner": brew["owner"] or "", "user": user}
    if brew["owner"] == "root":
        return _Refusal("packages.brew_of_root", about)
    if brew["owner"] is None:
        return _Refusal("packages.brew_of_nobody", about)
    return _Refusal("packages.brew_of_another", about) if user not in ("", brew["owner"]) else None


def _flatpak_trouble(client: Client, flatpak: Mapping[str, Any] | None, remote: str) -> _Refusal | None:
    """Why Flatpak cannot be asked; None when it can."""
    about = {"client": client.title, "name": client.name, "remote": remote}
    if flatpak is None:
        return _Refusal("packages.no_flatpak", about)
    if remote in flatpak["remotes"]:
        return None
    return _Refusal("packages.no_remote", about | {"known": ", ".join(flatpak["remotes"]) or "-"})


def is_version(version: str, pin: str) -> bool:
    """Whether an installed version, [epoch:]version[-release], is that of a pin, with as much of it as that names."""
    without_epoch = version.partition(":")[2] or version
    return any(
        fnmatch.fnmatchcase(candidate, pin)
        for candidate in (version, without_epoch, without_epoch.rpartition("-")[0] or without_epoch)
    )


def _by_number(version: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", version)]


def _asked(name: str, pin: str, manager: str) -> str:
    """A package as its manager takes it, with its version if there is one (winget's: see options_of)."""
    if not pin:
        return name
    if manager in _PATTERNS and "-" not in pin and not pin.endswith("*"):
        pin += "-*"  # any release of this version
    return _PINNED[manager].format(name=name, pin=pin)
