"""What got worse between two runs. Pure.

Worse is a seat that came into a worse state of drift, refused and failed; an account that the server newly does not
confirm; a certificate that is newly bad. A host that does not answer is not worse: it is off. What it was when it last
answered is what its seats are compared with, so that a laptop that comes and goes is told once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from .. import im_wording as wording
from ..im_causes import is_remark
from ..im_history.records import UNREACHABLE, Known, Seat, moment, seat_of
from ..im_report import GOOD_STATES

#: How bad a state is; all others are not bad. A seat whose client runs is brought to the wish at the next login.
_RANK = {"drift": 1, "refused": 2, "failed": 3}
#: Causes that are nobody's desk's: told once for the account, or once for the service.
_ACCOUNT, _CERTIFICATE = "account", "certificate"

Item = dict[str, Any]


class Before(NamedTuple):
    """What a seat was: its last state other than unreachable ("" when none is known), and the codes of its causes."""

    state: str
    causes: frozenset[str]


class Earlier(NamedTuple):
    """The earlier run: its time (ISO 8601 in UTC, "" when there was none), and what each seat was."""

    at: str
    seats: Mapping[Seat, Before]


def earlier_of_history(known: Iterable[Known], at: str) -> Earlier:
    """What the history knew before the new run was recorded; ``at`` is its last run, "" when there was none."""
    return Earlier(at, {one.seat: Before(one.last_state or "", frozenset(one.causes)) for one in known})


def earlier_of_report(report: Mapping[str, Any]) -> Earlier:
    """The same of an earlier report, where no history is kept.

    Raises:
        KeyError, TypeError, ValueError: it is no report of schema 1.
    """
    if report["schema"] != 1:
        raise ValueError(f"schema {report['schema']!r}")
    moment(report["at"])
    return Earlier(report["at"], {seat_of(row): _before(row) for row in report["rows"]})


def _before(row: Mapping[str, Any]) -> Before:
    state = (row["last_known"] or {}).get("state", "") if row["state"] == UNREACHABLE else row["state"]
    return Before(state, frozenset(_codes(row)))


def _codes(row: Mapping[str, Any]) -> set[str]:
    return {one["code"] for one in row["causes"]}


def worse_of(report: Mapping[str, Any], earlier: Earlier) -> list[Item]:
    """Say what got worse; what there is no earlier state of is compared with a good one.

    Returns:
        Items, the service's first, then accounts, then seats with the worst first:
        {kind: "certificate", since, items: [rule or verdict], remedy},
        {kind: "account", since, jid, person, verdict, remedy, hosts},
        {kind: "seat", since, host, login, person, client, state, before, causes: [code], why: [sentence], detail,
        remedy}.
        ``since`` is ISO 8601 in UTC.
    """
    bad = [row for row in report["rows"] if row["state"] in _RANK or row["state"] == UNREACHABLE]
    certificates = _certificates(report, earlier)
    accounts = _accounts(report, bad, earlier)
    told = {item["jid"] for item in accounts}
    seats = []
    for row in bad:
        before = earlier.seats.get(seat_of(row), Before("", frozenset()))
        if _RANK.get(row["state"], 0) <= _RANK.get(before.state, 0):
            continue
        elsewhere = {_CERTIFICATE} if certificates else set()
        if row["jid"] in told:
            elsewhere.add(_ACCOUNT)
        # Not once more for each seat of an account, nor for all seats of the fleet.
        if row["state"] == "drift" and _codes(row) and _codes(row) <= elsewhere:
            continue
        seats.append(_seat(report, row, before))
    return [*certificates, *accounts, *sorted(seats, key=lambda item: -_RANK[item["state"]])]


def _seat(report: Mapping[str, Any], row: Mapping[str, Any], before: Before) -> Item:
    return {
        "kind": "seat",
        "since": row["since"] or report["at"],
        **{name: row[name] for name in ("host", "login", "person", "client", "state")},
        "before": before.state,
        "causes": list(dict.fromkeys(one["code"] for one in row["causes"])),
        "why": wording.causes(row, report["language"]),
        "detail": row["detail"],
        "remedy": row["remedy"],
    }


def _accounts(report: Mapping[str, Any], bad: Iterable[Mapping[str, Any]], earlier: Earlier) -> list[Item]:
    """One item for each account; it was bad before if it was on any seat of its person that we know of."""
    by_jid: dict[str, list[Mapping[str, Any]]] = {}
    for row in bad:
        if _ACCOUNT in _codes(row):
            by_jid.setdefault(row["jid"], []).append(row)
    items = []
    for jid, rows in by_jid.items():
        if any(_ACCOUNT in earlier.seats[seat_of(row)].causes for row in rows if seat_of(row) in earlier.seats):
            continue
        first = rows[0]
        items.append(
            {
                "kind": "account",
                "since": report["at"],
                "jid": jid,
                "person": first["person"],
                "verdict": first["verdict"],
                "remedy": first["hint"],
                "hosts": sorted({row["host"] for row in rows}),
            }
        )
    return items


def _certificates(report: Mapping[str, Any], earlier: Earlier) -> list[Item]:
    """One item for the service, which all seats share, those that are compliant until it ends as well."""
    found = [one for row in report["rows"] for one in row["causes"] if one["code"] == _CERTIFICATE]
    states = {row["state"] for row in report["rows"] if _CERTIFICATE in _codes(row)}
    before = [one for one in earlier.seats.values() if _CERTIFICATE in one.causes]
    # One that was to end soon left seats compliant; that it no longer serves is news.
    served = any(one.state in GOOD_STATES for one in before)
    serves = bool(states & set(GOOD_STATES)) or not states & set(_RANK) or all(map(is_remark, found))
    if not found or (before and (serves or not served)):
        return []
    rules = list(dict.fromkeys(name for one in found for name in one["items"]))
    remedies = [rule["remedy"] for rule in report["service"] if rule["id"] in rules]
    return [{"kind": "certificate", "since": report["at"], "items": rules, "remedy": " ".join(dict.fromkeys(remedies))}]


def gap_of(at: str, earlier: str, hours: float) -> list[Item]:
    """Say that runs are missing: [{kind: "gap", since, until}] when the earlier run is older than so many hours.

    Args:
        at: of this run, ISO 8601 in UTC.
        earlier: of the one before, "" when there was none.
        hours: 0 when no run is expected.
    """
    if not hours or not earlier or moment(at) - moment(earlier) <= timedelta(hours=hours):
        return []
    return [{"kind": "gap", "since": earlier, "until": at}]
