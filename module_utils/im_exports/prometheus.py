"""Prometheus' text format for node_exporter's textfile collector.

No time stamps, as the collector refuses them; the file must be renamed into place, ending in ``.prom``. Counts only: a
series for each seat would be tens of thousands, and would name people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..im_report import STATES

_Series = Iterable[tuple[Mapping[str, str], int]]


def as_prometheus(report: Mapping[str, Any]) -> str:
    """The counts of a report: by state, by inventory group and state, by cause; waivers; findings about the service."""
    rows = report["rows"]
    groups = Counter((group, row["state"]) for row in rows for group in row["groups"])
    causes = Counter(code for row in rows for code in {cause["code"] for cause in row["causes"]})
    waivers = Counter(waiver["status"] for waiver in report["waivers"])
    run = datetime.strptime(report["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    counted = [({"state": state}, report["states"].get(state, 0)) for state in STATES]
    by_group = [({"group": group, "state": state}, count) for (group, state), count in sorted(groups.items())]
    by_cause = [({"cause": code}, count) for code, count in sorted(causes.items())]
    silent = [row["last_known"]["age"] for row in rows if row["last_known"]]
    by_status = [({"status": status}, waivers[status]) for status in ("active", "expired", "unused")]
    metrics: list[tuple[str, str, _Series]] = [
        ("run_timestamp_seconds", "When the run looked, in seconds since 1970.", [({}, int(run.timestamp()))]),
        ("seats", "Seats by state.", counted),
        ("group_seats", "Seats by inventory group and state.", by_group),
        ("cause_seats", "Seats by cause; a seat may have several.", by_cause),
        ("silence_seconds", "Age of the oldest last known state of a silent host.", [({}, max(silent, default=0))]),
        ("waivers", "Waivers of the inventory by status.", by_status),
        ("service_findings", "Findings about the service.", [({}, len(report["service"]))]),
    ]
    return "".join(_metric(f"im_compliance_{name}", told, series) for name, told, series in metrics)


def _metric(name: str, told: str, series: _Series) -> str:
    lines = [f"# HELP {name} {told}", f"# TYPE {name} gauge"]
    for labels, value in series:
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        lines.append(f"{name}{{{inner}}} {value}" if inner else f"{name} {value}")
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    """Escape a label's value: backslash, quote, line feed (Prometheus, "Exposition formats")."""
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
