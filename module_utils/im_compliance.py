"""The report of a compliance run: one state for each host, login and client, with why, since when and what mends it.

Pure: from the rows of im_report, and what else the play learned, to the report and the table.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import im_causes, im_waivers
from . import im_wording as wording
from .im_catalogue import text
from .im_first_login import ANYBODY
from .im_report import STATES, aligned, findings

SCHEMA = 1
#: Exit codes of the playbook, stated in docs/states.md. 4 is Ansible's own for hosts that did not answer.
ALL_GOOD, DRIFT, NOT_SEEN = 0, 2, 4
GOOD_STATES = frozenset({"compliant", "changed", "waived"})

_COLUMNS = ("host", "login", "person", "client", "version", "verdict", "state", "since")


@dataclass(frozen=True)
class Facts:
    """What the play learned besides the rows.

    Attributes:
        people: key -> JID.
        groups: host -> its inventory groups.
        packages: (host, client) -> {lacking, outdated} as im_causes.causes_of() takes it.
        diffs: (host, login, client) -> [{path, before, after}].
        accounts: what xmpp_account_info returned.
        provisioned: rows of im_provisioning.
        service: rules of xmpp_server_info with status "finding".
        waivers: what im_waivers.check_waivers() returned.
    """

    people: Mapping[str, str]
    groups: Mapping[str, Sequence[str]]
    packages: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    diffs: Mapping[tuple[str, str, str], Sequence[Mapping[str, str]]] = field(default_factory=dict)
    accounts: Sequence[Mapping[str, Any]] = ()
    provisioned: Sequence[Mapping[str, Any]] = ()
    service: Sequence[Mapping[str, Any]] = ()
    waivers: Sequence[Mapping[str, Any]] = ()


def report_of(
    rows: Sequence[Mapping[str, Any]], facts: Facts, enforced: bool, language: str, now: datetime.datetime
) -> dict[str, Any]:
    """Make the report, schema 1.

    Args:
        rows: of im_report.rows_of().
        facts: the rest.
        enforced: the run mended what it could; else it only looked.
        language: "fr" or "en".
        now: with its time zone; waivers end with the day there, ``at`` is in UTC.

    Returns:
        schema, at, mode ("audit" or "enforce"), language, states (state -> count), rows, accounts, service, waivers.
        ``since`` and ``last_known`` of the rows are None: the history knows (im_history.filled).
    """
    used: set[int] = set()
    judged = [_judge(row, facts, enforced, now.date()) for row in rows]
    told = [_told(row, found, facts, language) for row, found in zip(rows, judged, strict=True)]
    used = {position for found in judged for position in found.waivers}
    return {
        "schema": SCHEMA,
        "at": now.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "mode": "enforce" if enforced else "audit",
        "language": language,
        "states": {state: sum(row["state"] == state for row in told) for state in STATES},
        "rows": told,
        "accounts": list(facts.accounts),
        "service": list(facts.service),
        "waivers": [
            {name: value for name, value in waiver.items() if value is not None}
            | {"status": _status(waiver, position in used, now.date())}
            for position, waiver in enumerate(facts.waivers)
        ],
    }


def _status(waiver: Mapping[str, Any], is_used: bool, today: datetime.date) -> str:
    if not im_waivers.holds(waiver, today):
        return "expired"
    return "active" if is_used else "unused"


class _Judged(NamedTuple):
    """One row: where it is, why it is not as it should be, its state, which waivers excuse something of it, and which
    did until they ran out."""

    place: dict[str, Any]
    causes: list[im_causes.Cause]
    state: str
    waivers: list[int]
    expired: list[int]


def _judge(row: Mapping[str, Any], facts: Facts, enforced: bool, today: datetime.date) -> _Judged:
    place = {name: row[name] for name in ("host", "login", "person", "client")}
    place["groups"] = list(facts.groups.get(row["host"], []))
    causes = im_causes.causes_of(
        row,
        facts.packages.get((row["host"], row["client"]), {}),
        [wish for wish in facts.provisioned if wish["person"] == row["person"]],
        facts.service,
        enforced,
    )
    lasting = {one["code"] for one in causes if not _is_past(one, row["state"])}
    excused: set[str] = set()
    waivers, expired = [], []
    for position, waiver in enumerate(facts.waivers):
        if not im_waivers.is_for(waiver, place):
            continue
        covered = {code for code in lasting if im_waivers.covers(waiver, code)}
        if not im_waivers.holds(waiver, today):
            expired.append(position)
        elif covered:
            waivers.append(position)
            excused |= covered
    return _Judged(place, causes, _state(row["state"], lasting, excused), waivers, expired)


def _told(row: Mapping[str, Any], judged: _Judged, facts: Facts, language: str) -> dict[str, Any]:
    waivers = [facts.waivers[position] for position in judged.waivers]
    # What mends the service stands beside what is found about it.
    own = [one["code"] for one in judged.causes if not im_causes.is_of_the_service(one)]
    remedies = dict.fromkeys(text(f"cause.{code}.remedy", language) for code in own)
    return {
        **judged.place,
        "jid": facts.people.get(row["person"], ""),
        "version": row["version"],
        "state": judged.state,
        "causes": judged.causes,
        "remedy": " ".join(remedies),
        # Nobody knows the accounts of those who will log in.
        "verdict": "" if row["login"] == ANYBODY else row["verdict"],
        **{name: row[name] for name in ("detail", "hint", "documents", "warnings")},
        "findings": findings(row, language),
        "diff": list(facts.diffs.get((row["host"], row["login"], row["client"]), [])),
        "waiver": _said(waivers[0]) if waivers else None,
        "expired_waivers": [_said(facts.waivers[position]) for position in judged.expired],
        "since": None,
        "last_known": None,
    }


def _is_past(cause: Mapping[str, Any], state: str) -> bool:
    return im_causes.is_remark(cause) or im_causes.mended(cause, state)


def _state(found: str, lasting: set[str], excused: set[str]) -> str:
    """One state of the closed list; a failure is never excused, as nobody knows what stands behind it."""
    if found == "failed":
        return found
    if lasting and lasting <= excused:
        return "waived"
    # What the profile alone cannot tell: a package, the account, the service.
    return "drift" if lasting and found in ("compliant", "changed") else found


def exit_code(report: Mapping[str, Any]) -> int:
    """0 when every seat is compliant, brought there or waived; 4 when only silent hosts are wrong; 2 otherwise.

    No row at all is 2: nobody looked.
    """
    bad = [row for row in report["rows"] if row["state"] not in GOOD_STATES]
    if report["rows"] and not bad:
        return ALL_GOOD
    only_silent = bad and all(
        row["state"] == "unreachable"
        and {cause["code"] for cause in row["causes"] if not im_causes.is_remark(cause)} <= {"unreachable"}
        for row in bad
    )
    return NOT_SEEN if only_silent else DRIFT


def summary(report: Mapping[str, Any]) -> str:
    """One sentence for people: how many seats, and how many of each state that occurs."""
    language = report["language"]
    counts = ", ".join(
        text("compliance.count", language, state=text(f"state.{state}", language), count=count)
        for state, count in report["states"].items()
        if count
    )
    return text("compliance.summary", language, rows=len(report["rows"]), states=counts or "-")


def as_table(report: Mapping[str, Any]) -> str:
    """The rows as aligned columns, below each why and what mends it; then waivers that ended, and the service."""
    language = report["language"]
    cells = [[text(f"report.{column}", language) for column in _COLUMNS]]
    notes: list[list[str]] = [[]]
    for row in report["rows"]:
        cells.append(
            [str(row[name] or "-") for name in _COLUMNS[:-2]]
            + [wording.state(row["state"], language), wording.moment(row["since"], language)[:10] or "-"]
        )
        notes.append(_notes(row, language))
    lines = [aligned(cells, notes)]
    lines += [
        text(
            f"compliance.waiver_{waiver['status']}",
            language,
            whom=wording.whom(waiver, language),
            **_in_words(waiver, language),
        )
        for waiver in report["waivers"]
        if waiver["status"] != "active"
    ]
    lines += [
        text("compliance.service", language, what=rule["text"], remedy=rule["remedy"], detail=rule["detail"])
        for rule in report["service"]
    ]
    return "\n".join(lines)


def _notes(row: Mapping[str, Any], language: str) -> list[str]:
    lines = [row["detail"]]
    if known := wording.last_known(row, language):
        lines.append(text("compliance.last_known", language, known=known))
    lines += wording.causes(row, language)
    if row["remedy"] and row["state"] not in GOOD_STATES:
        lines.append(f"-> {row['remedy']}")
    if row["waiver"]:
        lines.append(text("compliance.waiver", language, **_in_words(row["waiver"], language)))
    lines += wording.expired_waivers(row, language)
    return [line for line in [*lines, *row["warnings"]] if line]


def _in_words(waiver: Mapping[str, Any], language: str) -> dict[str, str]:
    return _said(waiver) | {"until": wording.day(waiver["until"], language)}


def _said(waiver: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(waiver[name]) for name in ("reason", "by", "until")}
