"""What goes into the history and comes out of it, free of any database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

#: The state of a seat whose host was looked at, but which the inventory no longer asks for.
GONE = "gone"
UNREACHABLE = "unreachable"
TIME = "%Y-%m-%dT%H:%M:%SZ"


class Seat(NamedTuple):
    """What a state belongs to: one client of one login on one host."""

    host: str
    login: str
    client: str


class Change(NamedTuple):
    """One seat came from ``before`` ("" when new) to ``state``; ``causes`` are codes, ``at`` is ISO 8601 in UTC."""

    seat: Seat
    before: str
    state: str
    causes: tuple[str, ...]
    at: str


class Known(NamedTuple):
    """What is known of one seat.

    ``state`` is the one of the last run that looked, ``since`` the run in which it began. ``last_state`` is the last
    state other than unreachable, None when the host never answered; ``last_at`` is the last run that saw it, and
    ``age`` the seconds since then. Times are ISO 8601 in UTC.
    """

    seat: Seat
    state: str
    since: str
    causes: tuple[str, ...]
    last_state: str | None
    last_at: str | None
    age: int | None


class Day(NamedTuple):
    """One day (UTC, ``2026-11-23``): the counts of its widest run, state -> seats."""

    day: str
    counts: Mapping[str, int]


def seat_of(row: Mapping[str, Any]) -> Seat:
    """The seat of one row of a report."""
    return Seat(str(row["host"]), str(row["login"]), str(row["client"]))


def moment(at: object) -> datetime:
    """Read the time of a report, ``2026-11-23T02:00:00Z``; any other shape is a ValueError."""
    return datetime.strptime(str(at), TIME).replace(tzinfo=UTC)


def filled(report: Mapping[str, Any], known: Iterable[Known]) -> dict[str, Any]:
    """Return the report with ``since`` and, for unreachable seats, ``last_known`` taken from the history: {state, at,
    age}, the age in seconds at the time of the report.

    Right both before and after the report is recorded: before, a state that is about to begin has no ``since`` yet.
    """
    by_seat = {one.seat: one for one in known}
    rows = []
    for row in report["rows"]:
        one = by_seat.get(seat_of(row))
        since = one.since if one and one.state == row["state"] else None
        last = None
        if one and one.last_state and one.last_at and row["state"] == UNREACHABLE:
            age = moment(report["at"]) - moment(one.last_at)
            last = {"state": one.last_state, "at": one.last_at, "age": max(0, int(age.total_seconds()))}
        rows.append({**row, "since": since, "last_known": last})
    return {**report, "rows": rows}
