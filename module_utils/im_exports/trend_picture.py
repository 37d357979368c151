"""The trend as a picture: what the page's template draws as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from .. import im_wording as wording
from ..im_history.records import Day

WIDTH, HEIGHT = 720, 200
#: The states that are drawn, from the bottom up; what is as wanted would flatten all the rest.
DRAWN = tuple(state for state in reversed(wording.BY_GRAVITY) if state not in ("compliant", "changed"))


class Band(NamedTuple):
    """One state: the points of its polygon, and its number on the last day."""

    state: str
    points: str
    last: int


class Picture(NamedTuple):
    """Bands from the bottom up, and where the marks of the axes stand: (position, text)."""

    bands: list[Band]
    vertical: list[tuple[float, str]]
    horizontal: list[tuple[float, str]]


def picture(trend: Sequence[Day], language: str) -> Picture | None:
    """Draw the seats that are not as wanted, stacked by state; None when two days are not yet there."""
    if len(trend) < 2:
        return None
    days = [date.fromisoformat(one.day).toordinal() for one in trend]
    span = days[-1] - days[0]
    places = [(day - days[0]) / span * WIDTH for day in days]
    top = _round_up(max(sum(one.counts.get(state, 0) for state in DRAWN) for one in trend))
    floor = [0] * len(trend)
    bands = []
    for state in DRAWN:
        counts = [one.counts.get(state, 0) for one in trend]
        if not any(counts):
            continue
        roof = [low + count for low, count in zip(floor, counts, strict=True)]
        upper = [(x, HEIGHT - y / top * HEIGHT) for x, y in zip(places, roof, strict=True)]
        lower = [(x, HEIGHT - y / top * HEIGHT) for x, y in zip(places, floor, strict=True)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*upper, *reversed(lower)])
        bands.append(Band(state, points, counts[-1]))
        floor = roof
    vertical = [(HEIGHT - HEIGHT * part / 2, f"{top * part / 2:g}") for part in range(3)]
    marks = sorted({0, len(trend) // 2, len(trend) - 1})
    return Picture(bands, vertical, [(places[mark], wording.day(trend[mark].day, language)) for mark in marks])


def _round_up(value: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 …: even, so that the middle mark is a whole number."""
    scale = 1
    while True:
        for step in (2, 4, 10):
            if value <= step * scale:
                return step * scale
        scale *= 10
