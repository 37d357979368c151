"""A set of host ids as a short text: ranges, as a whole fleet is mostly one."""

from __future__ import annotations

from collections.abc import Iterable


def as_ranges(ids: Iterable[int]) -> str:
    """Write ``{1, 2, 3, 7}`` as ``1-3,7``."""
    ranges: list[list[int]] = []
    for one in sorted(set(ids)):
        if ranges and ranges[-1][1] == one - 1:
            ranges[-1][1] = one
        else:
            ranges.append([one, one])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def from_ranges(written: str) -> set[int]:
    """Read what as_ranges wrote."""
    ids: set[int] = set()
    for part in written.split(",") if written else []:
        first, _, last = part.partition("-")
        ids.update(range(int(first), int(last or first) + 1))
    return ids
