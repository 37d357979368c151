"""What the guide for support staff tells its reader to type, section by section."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "guide-equipe-proximite.md"
_HEADING = re.compile(r"^##+ (.*)$", re.MULTILINE)


def sections() -> dict[str, str]:
    """Heading -> what stands below it, up to the next heading."""
    _, *parts = _HEADING.split(PAGE.read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2], strict=True))


def blocks(section: str, language: str) -> list[str]:
    """The fenced blocks of a language in a section."""
    return re.findall(rf"^```{language}\n(.*?)^```", sections()[section], re.DOTALL | re.MULTILINE)


def commands(section: str) -> list[list[str]]:
    """The words of each command of a section, in their order."""
    return [shlex.split(line) for block in blocks(section, "console") for line in block.splitlines()]
