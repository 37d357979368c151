"""The difference of two masked texts as lines to read."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

#: Lines of one difference that a page shows.
SHOWN = 80
_CONTEXT = 2


def diff_lines(change: Mapping[str, Any]) -> list[str]:
    """The lines of one {path, before, after}: "-" gone, "+" new, " " around them; "@" where lines are left out."""
    return list(_lines(str(change.get("before") or ""), str(change.get("after") or "")))


@lru_cache(maxsize=256)
def _lines(before: str, after: str) -> tuple[str, ...]:
    old, new = before.splitlines(), after.splitlines()
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    # Only the part between is compared: difflib's time grows with the square of what it is given.
    first, last = max(0, start - _CONTEXT), max(0, end - _CONTEXT)
    middle = difflib.unified_diff(old[first : len(old) - last], new[first : len(new) - last], n=_CONTEXT, lineterm="")
    told = ["@" if line.startswith("@@") else line for line in list(middle)[2:]]
    told = told[1:] if told[:1] == ["@"] else told
    return (*told[:SHOWN], "@") if len(told) > SHOWN else tuple(told)
