"""The tables of docs/platforms.md and docs/inventory.md that are made of what the roles say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.im_model import Client
from ansible.module_utils.im_packages.answers import with_source
from rendering import CLIENTS, COMMON, PROJECT


def platforms() -> list[str]:
    """A line for each client and the platforms on which it is the same."""
    lines = _heading("client", "from", "on", "packages", "profile", "refused, and what would do")
    for client in CLIENTS.values():
        alike: dict[tuple[str, str, str, str], list[str]] = {}
        for source, platform, answers in _ways(client):
            packages = ", ".join(f"`{name.rpartition('/')[2]}`" for name in answers["packages"])
            refused = "; ".join(_refused(client, hole) for hole in answers["holes"]) or "nowhere"
            way = (source, packages, f"`{answers['bases']['profile']}`", refused)
            alike.setdefault(way, []).append(_platform(platform, source, answers))
        lines += [
            f"| {client.title} | {source} | {', '.join(names)} | {packages} | {profile} | {refused} |"
            for (source, packages, profile, refused), names in alike.items()
        ]
    return lines


def _ways(client: Client) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(source, platform, answers) of each way to have a client, the platforms' own first."""
    for platform, answers in client.platforms.items():
        yield "distribution", platform, answers
    for platform, answers in client.platforms.items():
        for source in answers["sources"]:
            yield source, platform, with_source(client, platform, source).platforms[platform]


def _platform(platform: str, source: str, answers: Mapping[str, Any]) -> str:
    """A platform with what installs there, but for what Flatpak brings everywhere, and what is laid into homes."""
    if source in ("flatpak", "portable"):
        return platform
    kinds = sorted({name.partition("/")[0] for name in answers["packages"] if "/" in name})
    return f"{platform} ({' '.join([', '.join(COMMON.platforms[platform]['managers']), *kinds])})"


def _refused(client: Client, hole: Mapping[str, Any]) -> str:
    """Where a client cannot be had, and the catalogue's remedy."""
    where = "everywhere" if hole["distributions"] == ["*"] else ", ".join(hole["distributions"])
    return f"{where}: {text('hole.' + hole['reason'] + '.remedy', 'en', name=client.name, client=client.title)}"


def variables() -> list[str]:
    """A line for each variable of a role, with the first sentence of what its argument spec says."""
    options: dict[str, dict[str, Any]] = {}
    for specs in sorted((PROJECT / "roles").glob("*/meta/argument_specs.yml")):
        for entry in yaml.safe_load(specs.read_text(encoding="utf-8"))["argument_specs"].values():
            options |= entry.get("options", {})
    return [
        *_heading("variable", "type", "default", "what it is"),
        *(
            f"| `{name}` | {_type(option)} | {_default(option)} | {_told(option)} |"
            for name, option in sorted(options.items())
        ),
    ]


def _type(option: dict[str, Any]) -> str:
    kind = str(option["type"])
    return f"{kind} of {option['elements']}" if "elements" in option else kind


def _default(option: dict[str, Any]) -> str:
    return f"`{json.dumps(option['default'], ensure_ascii=False)}`" if "default" in option else "none"


def _told(option: dict[str, Any]) -> str:
    described = option["description"]
    whole = described if isinstance(described, str) else described[0]
    in_markdown = re.sub(r"\b[A-Z]\(([^()]*(?:\([^()]*\))?[^()]*)\)", r"`\1`", whole)
    sentence = re.split(r"(?<=\.)\s+(?=[A-Z0-9`])", in_markdown)[0]
    choices = ", ".join(f"`{choice}`" for choice in option.get("choices", ()))
    return f"{sentence} One of: {choices}." if choices else sentence


def _heading(*names: str) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
