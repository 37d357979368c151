"""Reports of compliance runs, made up: schema 1, any number of seats."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible.module_utils.im_report import STATES

HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
SCRIPT = "</script><b>Mallory</b><!--"
CLIENTS = ("pidgin", "gajim", "thunderbird")


def row(host: str = "pc-1", state: str = "compliant", **more: Any) -> dict[str, Any]:
    """One row; ``more`` replaces any of its keys."""
    plain = {
        "host": host,
        "login": "zobrien",
        "person": "zoe.obrien",
        "jid": "zoe.obrien@univ.example",
        "client": "pidgin",
        "groups": ["salle_b12"],
        "version": "2.14.12",
        "state": state,
        "causes": [],
        "remedy": "",
        "detail": "",
        "verdict": "ok",
        "hint": "",
        "documents": [],
        "findings": [],
        "warnings": [],
        "diff": [],
        "waiver": None,
        "expired_waivers": [],
        "since": None,
        "last_known": None,
    }
    return {**plain, **more}


def report(*rows: Mapping[str, Any], at: str = "2026-11-23T02:00:00Z", **more: Any) -> dict[str, Any]:
    """One report of these rows."""
    plain = {
        "schema": 1,
        "at": at,
        "mode": "audit",
        "language": "fr",
        "states": {state: sum(one["state"] == state for one in rows) for state in STATES},
        "rows": list(rows),
        "accounts": [],
        "service": [],
        "waivers": [],
    }
    return {**plain, **more}


def drifted(host: str = "pc-2", **more: Any) -> dict[str, Any]:
    """A row with everything a drill-down shows."""
    path = "/home/zobrien/.purple/accounts.xml"
    return row(
        host,
        "drift",
        **{
            "causes": [{"code": "user", "document": path, "items": ["connect_server", HOSTILE]}],
            "remedy": "Relancez avec --enforce.",
            "detail": "1 document sur 4 s'écarte",
            "documents": [{"path": path, "action": "changed", "detail": "", "causes": ["user"]}],
            "diff": [{"path": path, "before": "<a>\n <b>old</b>\n</a>\n", "after": "<a>\n <b>new</b>\n</a>\n"}],
            "since": "2026-11-20T02:00:00Z",
            **more,
        },
    )


def nights(seats: int, count: int, share: float, seed: int = 6) -> Iterator[dict[str, Any]]:
    """Nightly reports of a fleet of one seat a host, in which ``share`` of the seats changes each night."""
    chance = random.Random(seed)  # noqa: S311 - a simulation, to be the same each time
    rows = [
        row(f"pc-{number:05}", login=f"user{number}", groups=[f"salle_{number // 25:03}"]) for number in range(seats)
    ]
    first = datetime(2026, 1, 1, 2, tzinfo=UTC)
    for night in range(count):
        if night:
            for number in chance.sample(range(seats), round(seats * share)):
                rows[number] = _elsewhere(rows[number], chance)
        yield report(*rows, at=(first + timedelta(days=night)).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _elsewhere(old: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """The same seat in another state: from compliant to some trouble, from trouble back to compliant."""
    troubles: Sequence[str] = ("drift", "drift", "unreachable", "deferred", "refused", "failed")
    if old["state"] != "compliant":
        return {**old, "state": "compliant", "causes": []}
    code = chance.choice(("wish", "user", "client", "package_old", "account"))
    return {**old, "state": chance.choice(troubles), "causes": [{"code": code, "document": "", "items": []}]}
