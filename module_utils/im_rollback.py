"""Taking a run back without its hands: which run of a host, what became of each document, a table for people.

Pure: no host, no file. action_plugins/im_rollback.py asks the host, action_plugins/im_rollback_report.py shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .im_catalogue import text

#: What may become of a document. Those of the first line are as wanted.
GOOD_RESULTS = ("restored", "deleted", "unchanged", "shared")
RESULTS = (*GOOD_RESULTS, "conflict", "held", "deferred", "failed", "none", "unreachable")

LAST = "last"
_COLUMNS = ("host", "login", "document", "result")


@dataclass(frozen=True)
class Plan:
    """What to ask of one host.

    Attributes:
        run_id: the run to take back; "" when the host has none that was asked for.
        restores: entries of the option restores of im_profile_files, without new_run_id.
        shared: paths of the machine's documents that the run wrote: left, as every seat of the host needs them.
        known: the runs of the host that could have been asked for, the newest first.
        created: (login, path) of the documents that the run created.
        paths: (login, key) -> paths that the run wrote.
    """

    run_id: str
    restores: list[dict[str, Any]] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    created: frozenset[tuple[str, str]] = frozenset()
    paths: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)


def plan_of(backups: Sequence[Mapping[str, Any]], run: str = LAST, login: str = "", client: str = "") -> Plan:
    """Choose what to take back on one host.

    Args:
        backups: what im_profile_files answered to list_backups.
        run: a run id, or "last": the newest run that wrote what is asked for and was no rollback itself. So a second
            rollback finds its work done, and does not take the first one back.
        login: only this login; "" is all.
        client: only this client (name of its role); "" is all.
    """
    wanted = {
        (entry["login"], one["run_id"]): (one, keys)
        for entry in backups
        for one in entry["runs"]
        if entry["login"] is not None and login in ("", entry["login"])
        for keys in [[key for key in one["groups"] if client in ("", key.rpartition("/")[2])]]
        if keys
    }
    ages = sorted(
        {(one["when"], one["run_id"], one["restores"] is not None) for one, _ in wanted.values()}, reverse=True
    )
    known = list(dict.fromkeys(run_id for _, run_id, _ in ages))
    if run == LAST:
        run = next((run_id for _, run_id, rollback in ages if not rollback), "")
    if run not in known:
        return Plan("", known=known)
    chosen = {who: found for (who, run_id), found in wanted.items() if run_id == run}
    files = [(who, entry) for who, (one, keys) in chosen.items() for entry in one["files"] if entry["key"] in keys]
    shared = [
        entry["path"]
        for machine in backups
        if machine["login"] is None and not login
        for one in machine["runs"]
        if one["run_id"] == run
        for entry in one["files"]
        if client in ("", entry["key"].rpartition("/")[2])
    ]
    paths: dict[tuple[str, str], list[str]] = {}
    for who, entry in files:
        paths.setdefault((who, entry["key"]), []).append(entry["path"])
    return Plan(
        run,
        [{"login": who, "run_id": run, "keys": keys} for who, (_, keys) in chosen.items()],
        shared,
        known,
        frozenset((who, entry["path"]) for who, entry in files if entry["before"] is None),
        paths,
    )


def rows_of(plan: Plan, answers: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Tell what became of each document of a host: [{login, document, result, detail}], result one of RESULTS."""
    rows = []
    for answer in answers:
        login, key = answer["login"], answer["key"]
        for path in plan.paths.get((login, key), [""]):
            result, detail = _result(plan, answer, path)
            rows.append({"login": login, "document": path, "result": result, "detail": detail})
    rows += [{"login": "", "document": path, "result": "shared", "detail": ""} for path in plan.shared]
    return rows


def _result(plan: Plan, answer: Mapping[str, Any], path: str) -> tuple[str, str]:
    """(result, detail) of one document."""
    state = answer["state"]
    message = answer["error"]["message"] if answer["error"] else ""
    if state == "deferred":
        return "deferred", ", ".join(sign["what"] for sign in answer["running"])
    if state == "conflict":
        # Only a file that the client touched between our look and our hands is not named.
        named = path in answer["conflicts"] or not answer["conflicts"]
        return ("conflict" if named else "held"), message
    if state not in ("written", "unchanged"):
        return "failed", message
    if not answer["files"][path]["written"]:
        return "unchanged", ""
    return ("deleted" if (answer["login"], path) in plan.created else "restored"), ""


def host_rows(host: str, found: Mapping[str, Any], failure: str, unreachable: bool) -> list[dict[str, str]]:
    """The rows of one host, one at least: a host is never good because nobody looked.

    Args:
        host: name in the inventory.
        found: what the action im_rollback returned for it, or nothing.
        failure: why it could not be asked.
        unreachable: whether it did not answer.
    """
    blank = {"host": host, "login": "", "document": ""}
    if unreachable or ("rows" not in found and not failure):
        return [{**blank, "result": "unreachable", "detail": failure}]
    if "rows" not in found:
        return [{**blank, "result": "failed", "detail": failure}]
    if not found["rows"]:
        return [{**blank, "result": "none", "detail": ", ".join(found["known"])}]
    return [{"host": host, **row} for row in found["rows"]]


def all_good(rows: Sequence[Mapping[str, str]]) -> bool:
    """Say whether all is as it was before the run. Hosts without the run are fine, unless no host had it at all."""
    looked = [row for row in rows if row["result"] != "none"]
    return bool(looked) and all(row["result"] in GOOD_RESULTS for row in looked)


def summary(rows: Sequence[Mapping[str, str]], check: bool, language: str = "fr") -> str:
    """One sentence for people: what was done, that nothing had to be, or what is left and why."""
    if not [row for row in rows if row["result"] != "none"]:
        return text("rollback.nothing_kept", language)
    left = [row for row in rows if row["result"] not in (*GOOD_RESULTS, "none")]
    if left:
        named = ", ".join(
            dict.fromkeys(
                f"{' '.join(part for part in (row['host'], row['login'], row['document']) if part)} "
                f"({text('rollback.result.' + row['result'], language)})"
                for row in left
            )
        )
        return text("rollback.left", language, count=len(left), documents=named)
    done = sum(row["result"] in ("restored", "deleted") for row in rows)
    if not done:
        return text("rollback.nothing_to_do", language)
    return text("rollback.predicted" if check else "rollback.done", language, count=done)


def as_table(rows: Sequence[Mapping[str, str]], language: str = "fr") -> str:
    """The rows as aligned columns with translated headings; a detail stands below the rows that it explains."""
    cells = [[text(f"rollback.{column}", language) for column in _COLUMNS]]
    for row in rows:
        result = text(f"rollback.result.{row['result']}", language)
        cells.append([*(row[column] or "-" for column in ("host", "login", "document")), result])
    widths = [max(len(line[column]) for line in cells) for column in range(len(_COLUMNS))]
    details = [""]
    for row in rows:
        known = row["result"] == "none" and row["detail"]
        details.append(text("rollback.known", language, runs=row["detail"]) if known else row["detail"])
    lines = []
    for index, line in enumerate(cells):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if details[index] not in ("", *details[index + 1 : index + 2]):
            lines.append(f"    {details[index]}")
    return "\n".join(lines)
