"""The history after a year of nightly runs of a whole fleet: the size of its file, and how long its questions take."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import ansible.module_utils
from measuring import PROJECT, ROUNDS, line

ansible.module_utils.__path__.append(str(PROJECT / "module_utils"))
sys.path.append(str(PROJECT / "tests" / "unit"))

from ansible.module_utils.im_history import open_history  # noqa: E402 - found by the path above
from compliance_reports import nights  # noqa: E402 - found by the path above

SEATS = int(os.environ.get("BENCH_SEATS", "10000"))
NIGHTS = int(os.environ.get("BENCH_NIGHTS", "365"))
SHARE = float(os.environ.get("BENCH_SHARE", "0.005"))


def milliseconds(work: Callable[[], object]) -> float:
    """The median time of one call."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def main() -> None:
    """Record the nights, then ask."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "history.sqlite"
        changes, recording, first, early, reports = 0, [], 0, 0.0, 0
        with open_history(str(path)) as history:
            for night in nights(SEATS, NIGHTS, SHARE):
                start = time.process_time()  # not of the clock: the whole takes minutes, and others use the machine
                found = len(history.record(night))
                recording.append(time.process_time() - start)
                changes += found
                first = first or path.stat().st_size
                early = early or milliseconds(history.current)
                # Rows differ little in size: one in a hundred stands for all.
                reports += len(json.dumps(night["rows"][::100])) * 100
            size = path.stat().st_size
            fleet = f"{SEATS} seats, {NIGHTS} nights, {changes} changes"
            line("history, whole file", size / 1e6, "MB", "-", f"the reports as JSON, {reports / 1e6:.0f} MB")
            grown = (size - first) / max(changes - SEATS, 1)
            line("history, one change", grown, "bytes", "<= 300", fleet)
            tenth = max(len(recording) // 10, 1)
            slower = statistics.median(recording[-tenth:]) / statistics.median(recording[1 : tenth + 1])
            typical = f"{statistics.median(recording) * 1000:.0f} ms CPU a night"
            line("record a night, last / first tenth", slower, "times", "<= 2", typical)
            today = datetime(2027, 1, 1, tzinfo=UTC)
            everyone = milliseconds(history.current)
            line("since when, all seats", everyone, "ms", "-", f"after the first night, {early:.0f} ms")
            line("last known of one host", milliseconds(lambda: history.last_known("pc-00001")), "ms", "-", "all seats")
            line("trend of a year", milliseconds(lambda: history.trend(366, today)), "ms", "-", "all seats")


if __name__ == "__main__":
    main()
