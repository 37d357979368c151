"""The HTML report of a whole fleet: its weight, and how long Debian's Chromium takes to open it."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ansible.module_utils
from measuring import PROJECT, ROUNDS, line

ansible.module_utils.__path__.append(str(PROJECT / "module_utils"))
sys.path += [str(PROJECT / "tests" / "unit"), str(PROJECT / "tests" / "unit" / "im_exports")]

from ansible.module_utils.im_exports import as_html  # noqa: E402 - found by the path above
from chromium import Chromium  # noqa: E402 - found by the path above
from compliance_reports import drifted, nights  # noqa: E402 - found by the path above

SEATS = int(os.environ.get("BENCH_SEATS", "10000"))


def fleet(seats: int) -> dict[str, Any]:
    """A report in which one seat of twenty has drifted, with its difference."""
    report = next(nights(seats, 1, 0))
    for number in range(0, seats, 20):
        report["rows"][number] = {**drifted(), **{name: report["rows"][number][name] for name in ("host", "login")}}
    return report


def opening(browser: Chromium, page: Path) -> float:
    """Seconds from the wish to the drawn page."""
    start = time.perf_counter()
    browser.open(page)
    return time.perf_counter() - start


def main() -> None:
    """Write a small page and a big one, open both in turn."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not there: install Debian's package chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:  # Chromium's helpers end a bit later
        small, big = Path(directory) / "small.html", Path(directory) / "big.html"
        small.write_text(as_html(fleet(100)), encoding="utf-8")
        big.write_text(as_html(fleet(SEATS)), encoding="utf-8")
        with Chromium(program, Path(directory) / "profile") as browser:
            browser.look(1280, 900)
            opening(browser, small)
            pairs = [(opening(browser, big), opening(browser, small)) for _ in range(ROUNDS)]
        weight = big.stat().st_size / 1e6
    each = f"100 seats, {statistics.median(one for _, one in pairs) * 1000:.0f} ms"
    line(f"page of {SEATS} seats, weight", weight, "MB", "<= 15", "a mail attachment")
    line(f"page of {SEATS} seats, opening", statistics.median(a for a, _ in pairs), "s", "<= 2", each)
    line("opening, all seats / 100 seats", statistics.median(a / b for a, b in pairs), "times", "-", each)


if __name__ == "__main__":
    main()
