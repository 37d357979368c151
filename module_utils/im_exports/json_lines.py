"""JSON lines: one row to a line, for jq and log collectors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def as_json_lines(report: Mapping[str, Any]) -> str:
    """One JSON object for each row of the report, with the run's ``at`` and ``mode``, in ASCII."""
    run = {"at": report["at"], "mode": report["mode"]}
    return "".join(json.dumps({**run, **row}, sort_keys=True) + "\n" for row in report["rows"])
