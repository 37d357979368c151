"""From what a play found to rows, a table for people and a JSON file for machines."""

from __future__ import annotations

import json
import os
import time
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import im_wording
from .im_catalogue import text
from .im_first_login import ANYBODY
from .im_first_login_offer import seats_of
from .im_provisioning import all_in_place

#: The closed list of states, as design and docs name them.
STATES = ("compliant", "changed", "drift", "deferred", "refused", "failed", "unreachable", "waived")
GOOD_STATES = ("compliant", "changed")
#: Verdicts that prove an account: it logged in, or the server says that it exists.
GOOD_VERDICTS = ("ok", "exists")
#: Exit codes of a room, as docs/states.md states them. 4 is Ansible's own for hosts that did not answer.
ALL_GOOD, NOT_GOOD, NOT_SEEN = 0, 2, 4

#: What the role im_client registers, as __im_client_<step>, of the remote calls without which a host is not done.
_STEPS = ("host", "packages", "installed", "profile", "trust")
#: What ssh says of a host whose key is not the one that is known, or not known at all.
_KEY_SIGNS = ("Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED")

_COLUMNS = ("host", "login", "person", "client", "version", "documents", "verdict", "state")


class HostResult(NamedTuple):
    """What the play knows of one host.

    Attributes:
        seats: of the inventory.
        profile: im_profile's result.
        failure: what broke; "" when nothing did.
        unreachable: it did not answer, or fell silent before its end.
        reach: xmpp_reach_info's result.
        anybody: whoever logs in, as a seat, where first logins are served.
        not_begun: it answered, but the play stopped before its turn.
        silence: what the connection said of its silence.
        fell_silent: it had answered before.
    """

    seats: Sequence[Mapping[str, Any]]
    profile: Mapping[str, Any]
    failure: str
    unreachable: bool
    reach: Mapping[str, Any] | None = None
    anybody: Sequence[Mapping[str, Any]] = ()
    not_begun: bool = False
    silence: str = ""
    fell_silent: bool = False


def results_of(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], not_begun: Sequence[str] = ()
) -> dict[str, HostResult]:
    """What the role im_client left in the variables of each host; ``not_begun`` are those that it did not come to."""
    return {
        host: HostResult(
            seats=variables.get("im_seats", []),
            profile=variables.get("__im_client_profile", {}),
            failure=variables.get("__im_client_failure", ""),
            unreachable=any(one.get("unreachable") for one in steps),
            reach=variables.get("__im_client_reach"),
            anybody=seats_of(variables.get("im_first_login")) if variables.get("im_client_first_login", True) else (),
            not_begun=host in not_begun,
            silence=next((str(one.get("msg", "")) for one in steps if one.get("unreachable")), ""),
            fell_silent=not steps[0].get("unreachable") and any(one.get("unreachable") for one in steps),
        )
        for host in hosts
        for variables in [hostvars[host]]
        for steps in [[variables.get(f"__im_client_{step}", {}) for step in _STEPS]]
    }


def rows_of(
    hosts: Mapping[str, HostResult],
    people: Mapping[str, str],
    accounts: Sequence[Mapping[str, Any]],
    language: str = "fr",
) -> list[dict[str, Any]]:
    """Make one row for each (host, seat, client) that the inventory asks for, found or not.

    Args:
        hosts: host -> what the play knows of it.
        people: key -> JID.
        accounts: what xmpp_account_info returned, [{jid, verdict, ...}].
        language: "fr" or "en", of what is said about a host as a whole.
    """
    answers = {account["jid"].casefold(): account for account in accounts}
    rows = []
    for host, result in hosts.items():
        reach = _reach(result)
        found = {(seat["login"], seat["client"]): seat for seat in result.profile.get("seats", [])}
        looked_at = "seats" in result.profile  # then it says whether the play was about whoever logs in, too
        anybody = [
            {**seat, "clients": [name for name in seat["clients"] if not looked_at or (ANYBODY, name) in found]}
            for seat in result.anybody
        ]
        for seat in [*result.seats, *anybody]:
            for client in seat["clients"]:
                row = found.get((seat["login"], client), {})
                row = {**row, **_of_the_host(result, bool(row), language)}
                account = answers.get(people.get(seat["person"], "").casefold(), {})
                rows.append(
                    {
                        "host": host,
                        "login": seat["login"],
                        "person": seat["person"],
                        "client": client,
                        "version": row.get("version"),
                        "documents": row.get("documents", []),
                        "verdict": account.get("verdict", "not_checked"),
                        "hint": account.get("hint", ""),
                        "state": row["state"],
                        "detail": row.get("detail", ""),
                        "retired": seat.get("state") == "absent",
                        "findings": row.get("findings", []),
                        "warnings": row.get("warnings", []),
                        "foreign_accounts": row.get("foreign_accounts", []),
                        "running": row.get("running", False),
                        "login_job": row.get("login_job"),
                        "reach": reach,
                        "not_begun": result.not_begun,
                    }
                )
    return rows


def _reach(result: HostResult) -> dict[str, Any] | None:
    """What the desk itself said about the service; None when it was not asked (or was not even there)."""
    if not result.reach or "verdict" not in result.reach:
        return None
    return {key: result.reach.get(key, "") for key in ("verdict", "detail", "hint")}


def _of_the_host(result: HostResult, looked_at: bool, language: str) -> dict[str, Any]:
    """State and detail that the host gives to each of its seats; {} where each seat has its own.

    A host is never compliant because nobody looked, or because it fell silent or broke after the profile was written.
    """
    if result.not_begun:
        return {"state": "deferred", "detail": text("report.not_begun_detail", language)}
    if result.unreachable:
        return {"state": "unreachable", "detail": _silence(result, language)}
    if result.failure:
        return {"state": "failed", "detail": result.failure}
    return {} if looked_at else {"state": "unreachable", "detail": ""}


def _silence(result: HostResult, language: str) -> str:
    """What is worth saying about a host that is not simply off; "" for one that is."""
    if any(sign in result.silence for sign in _KEY_SIGNS):
        return text("report.host_key", language)
    return text("report.fell_silent", language) if result.fell_silent else ""


def all_good(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether every seat is as wanted, every account proven, and the service reached by each desk that was asked.

    No row at all is not good: nobody looked.
    """
    return bool(rows) and all(row["state"] in GOOD_STATES and _proven(row) and _reached(row) for row in rows)


def exit_code(rows: Sequence[Mapping[str, Any]], provisioned: Sequence[Mapping[str, Any]] = ()) -> int:
    """0 when all is good; 4 when nothing but hosts that did not answer keeps it from being so; 2 otherwise."""
    answered = [row for row in rows if row["state"] != "unreachable"]
    if not rows or not all_in_place(provisioned) or (answered and not all_good(answered)):
        return NOT_GOOD
    if not all(map(_proven, rows)):
        return NOT_GOOD
    return ALL_GOOD if len(answered) == len(rows) else NOT_SEEN


def _proven(row: Mapping[str, Any]) -> bool:
    """A retired seat needs no account, and nobody knows the accounts of those who will log in."""
    return row["retired"] or row["login"] == ANYBODY or row["verdict"] in GOOD_VERDICTS


def _reached(row: Mapping[str, Any]) -> bool:
    """A desk that was not asked is not blamed, nor one that only takes things away."""
    return row["retired"] or row["reach"] is None or row["reach"]["verdict"] == "ok"


def summary(rows: Sequence[Mapping[str, Any]], language: str = "fr") -> str:
    """One sentence for people: how many seats are as wanted, how many accounts proven, which desks are cut off."""
    counts = text(
        "report.summary",
        language,
        good=sum(row["state"] in GOOD_STATES for row in rows),
        proven=len({row["person"] for row in rows if row["verdict"] in GOOD_VERDICTS and not row["retired"]}),
        rows=len(rows),
        people=len({row["person"] for row in rows if not row["retired"] and row["login"] != ANYBODY}),
    )
    cut_off = dict.fromkeys(str(row["host"]) for row in rows if not _reached(row))
    return f"{counts}, {text('report.reached_from_no', language, hosts=', '.join(cut_off))}" if cut_off else counts


def as_report(
    rows: Sequence[Mapping[str, Any]],
    accounts: Sequence[Mapping[str, Any]],
    check_mode: bool,
    provisioned: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The JSON result: version of its shape, when, whether it was a dry run, counts, rows, accounts.

    ``provisioned`` are the rows of im_provisioning: what was wished on the server, and what became of it.
    """
    return {
        "schema": 1,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "check_mode": check_mode,
        "all_good": all_good(rows) and all_in_place(provisioned),
        "states": {state: sum(row["state"] == state for row in rows) for state in STATES},
        "verdicts": dict(Counter(row["verdict"] for row in rows)),
        "rows": list(rows),
        "accounts": list(accounts),
        "provisioned": list(provisioned),
    }


def write(report: Mapping[str, Any], directory: Path) -> Path:
    """Write the report under its time, 0600 as it names people, and point latest.json at it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{str(report['at']).replace(':', '')}-{os.getpid()}.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(report, stream, ensure_ascii=False, indent=1)
    latest = directory / f".latest-{os.getpid()}"
    latest.symlink_to(path.name)
    latest.replace(directory / "latest.json")
    return path


def as_table(rows: Sequence[Mapping[str, Any]], language: str = "fr") -> str:
    """The rows as aligned columns with translated headings; details below the row they explain."""
    asked = any(row["reach"] for row in rows)
    columns = (*_COLUMNS, "reach") if asked else _COLUMNS
    cells = [[text(f"report.{column}", language) for column in columns]]
    notes: list[list[str]] = [[]]
    for row in rows:
        actions = Counter(document["action"] for document in row["documents"])
        documents = ", ".join(f"{count} {text(f'document.{action}', language)}" for action, count in actions.items())
        cells.append(
            [
                *(str(row[column] or "-") for column in ("host", "login", "person", "client", "version")),
                documents or "-",
                "-" if row["retired"] or row["login"] == ANYBODY else row["verdict"],
                text("report.not_begun" if row["not_begun"] else f"state.{row['state']}", language),
                *([row["reach"]["verdict"] if row["reach"] else "-"] if asked else []),
            ]
        )
        hint = "" if _proven(row) else row["hint"]
        found = findings(row, language)
        far = "" if _reached(row) else text("report.reach_detail", language, **row["reach"])
        notes.append(
            [
                note
                for note in [
                    row["detail"],
                    _last_known(row, language),
                    _login_job(row, language),
                    hint,
                    far,
                    *found,
                    *row["warnings"],
                ]
                if note
            ]
        )
    return aligned(cells, notes)


def findings(row: Mapping[str, Any], language: str) -> list[str]:
    """Sentences about what stands in the profile and should not: passwords in clear, accounts of other people."""
    return [text("report.finding", language, finding=finding) for finding in row["findings"]] + [
        text("report.foreign_account", language, **account) for account in row["foreign_accounts"]
    ]


def aligned(cells: Sequence[Sequence[str]], notes: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the heading first, as aligned columns; the notes of a line stand below it."""
    widths = [max(_width(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = []
    for line, details in zip(cells, notes, strict=True):
        lines.append("  ".join(_pad(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip())
        lines += [f"    {detail}" for detail in details]
    return "\n".join(lines)


def _last_known(row: Mapping[str, Any], language: str) -> str:
    """The last known state of a host that did not answer, where a history knows one; "" otherwise."""
    if not row.get("last_known"):
        return ""
    return text("compliance.last_known", language, known=im_wording.last_known(row, language))


def _login_job(row: Mapping[str, Any], language: str) -> str:
    """What the login job did since the last run; "" when nothing."""
    if not row["login_job"]:
        return ""
    job = row["login_job"]
    state = text(f"state.{job['state']}", language) if job["state"] in STATES else job["state"]
    said = text("report.login_job", language, when=job["when"], state=state)
    return f"{said} ({job['detail']})" if job["detail"] else said


def _width(cell: str) -> int:
    """Columns a text takes on a terminal: combining marks take none, wide characters two."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in cell
    )


def _pad(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))
