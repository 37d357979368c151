"""Recorded exceptions: whose seat, what about it, who said so, why, until when. Pure functions."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from .im_causes import CODES
from .im_inventory import InventoryError

#: What says whom a waiver is for: each that it names has to fit.
SELECTORS = ("host", "group", "login", "person", "client")
_KEYS = {*SELECTORS, "causes", "reason", "by", "until"}


class Known(NamedTuple):
    """The names that a waiver may use; those of logins are free."""

    hosts: Collection[str]
    groups: Collection[str]
    people: Collection[str]
    clients: Collection[str]


def check_waivers(given: Any, known: Known) -> list[dict[str, Any]]:
    """Check the waivers of the inventory and complete them.

    Args:
        given: im_waivers, [{host|group|login|person|client, causes?, reason, by, until}].
        known: the names of the inventory.

    Returns:
        Each with all selectors (None when it does not name one), causes (empty: all that is drift), reason, by and
        until (YYYY-MM-DD, the last day on which it holds).

    Raises:
        InventoryError: with every mistake at once.
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InventoryError(["im_waivers: it takes a list; each is {host, reason, by, until} or the like"])
    problems: list[str] = []
    done = []
    for position, entry in enumerate(given, 1):
        where = f"im_waivers: waiver {position}"
        if not isinstance(entry, Mapping):
            problems.append(f"{where}: {type(entry).__name__} instead of a mapping (key: value)")
            continue
        problems += [
            f"{where}: unknown key {key!r}; known: {', '.join(sorted(_KEYS))}" for key in entry if key not in _KEYS
        ]
        if not any(entry.get(name) for name in SELECTORS):
            problems.append(f"{where}: says for whom nowhere; name at least one of: {', '.join(SELECTORS)}")
        problems += _unknown_names(entry, known, where)
        problems += [
            f"{where}: {name} is {entry.get(name)!r}; it takes {what}"
            for name, what in (("reason", "why, in words"), ("by", "who said so"))
            if not isinstance(entry.get(name), str) or not entry[name].strip()
        ]
        until = _day(entry.get("until"))
        if until is None:
            problems.append(f"{where}: until is {entry.get('until')!r}; it takes the last day, such as 2027-06-30")
        causes = entry.get("causes") or []
        if not isinstance(causes, list) or (unknown := [cause for cause in causes if cause not in CODES]):
            wrong = repr(causes) if not isinstance(causes, list) else ", ".join(map(repr, unknown))
            problems.append(f"{where}: causes has {wrong}; it takes a list of: {', '.join(CODES)}")
        done.append(
            {name: entry.get(name) or None for name in SELECTORS}
            | {"causes": causes, "reason": entry.get("reason"), "by": entry.get("by"), "until": str(until)}
        )
    if problems:
        raise InventoryError(problems)
    return done


def _unknown_names(entry: Mapping[str, Any], known: Known, where: str) -> list[str]:
    listed = {"host": known.hosts, "group": known.groups, "person": known.people, "client": known.clients}
    return [
        f"{where}: no {name} named {entry[name]!r}; known: {_listing(names)}"
        for name, names in listed.items()
        if entry.get(name) and entry[name] not in names
    ]


def _listing(names: Collection[str]) -> str:
    """At most 30 of them."""
    ordered = sorted(map(str, names))
    return ", ".join(ordered[:30]) + (f", … ({len(ordered)} in all)" if len(ordered) > 30 else "")


def _day(value: Any) -> datetime.date | None:
    """YAML gives an unquoted day as a date, a quoted one as text."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        return None


def holds(waiver: Mapping[str, Any], today: datetime.date) -> bool:
    """Say whether a waiver has not run out; its last day still counts."""
    return today <= datetime.date.fromisoformat(waiver["until"])


def is_for(waiver: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Say whether a waiver is for the seat and client of a row, which names its host's groups in ``groups``."""
    named = [name for name in SELECTORS if waiver[name]]
    return all(waiver[name] in row["groups"] if name == "group" else waiver[name] == row[name] for name in named)


def covers(waiver: Mapping[str, Any], code: str) -> bool:
    """Say whether a waiver excuses a cause. One that names no causes excuses all drift, but no host that is silent."""
    return code in waiver["causes"] if waiver["causes"] else code != "unreachable"


def left_alone(
    waivers: Sequence[Mapping[str, Any]],
    host: str,
    groups: Collection[str],
    seats: Sequence[Mapping[str, Any]],
    today: datetime.date,
) -> list[str]:
    """Name the seats' clients of a host for which a waiver holds, each "<login>/<client>": nothing is mended there."""
    rows = [
        {"host": host, "groups": groups, "login": seat["login"], "person": seat["person"], "client": client}
        for seat in seats
        for client in seat["clients"]
    ]
    valid = [waiver for waiver in waivers if holds(waiver, today)]
    return [f"{row['login']}/{row['client']}" for row in rows if any(is_for(waiver, row) for waiver in valid)]
