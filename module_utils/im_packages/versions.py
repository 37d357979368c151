"""Versions of packages: whether one is that of a pin, and how a package manager is asked for it."""

from __future__ import annotations

import fnmatch
import re

#: Package managers that can be asked for one version, with the form of that question.
PINNED = {"apt": "{name}={pin}", "dnf": "{name}-{pin}", "zypper": "{name}={pin}", "winget": "{name}"}
#: Those of them that take a pattern for a version.
PATTERNS = ("apt", "dnf")


def is_version(version: str, pin: str) -> bool:
    """Whether an installed version, [epoch:]version[-release], is that of a pin, with as much of it as that names."""
    without_epoch = version.partition(":")[2] or version
    return any(
        fnmatch.fnmatchcase(candidate, pin)
        for candidate in (version, without_epoch, without_epoch.rpartition("-")[0] or without_epoch)
    )


def by_number(version: str) -> list[int]:
    """The numbers of a version, to compare one with another where no package manager does it for us."""
    return [int(number) for number in re.findall("[0-9]+", version)]


def asked(name: str, pin: str, manager: str) -> str:
    """A package as its manager takes it, with its version if there is one (winget's: see answers.options_of)."""
    if not pin:
        return name
    if manager in PATTERNS and "-" not in pin and not pin.endswith("*"):
        pin += "-*"  # any release of this version
    return PINNED[manager].format(name=name, pin=pin)
