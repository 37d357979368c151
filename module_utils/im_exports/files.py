"""The files of a report, each replaced at once, for its owner alone where it names people."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..im_history.records import Day
from .csv_table import as_csv
from .html_page import as_html
from .json_lines import as_json_lines
from .junit import as_junit
from .prometheus import as_prometheus


class _File(NamedTuple):
    """Name of the file, its mode, and what it holds: of a report and a trend."""

    name: str
    mode: int
    text: Callable[[Mapping[str, Any], Sequence[Day]], str]


#: Prometheus' counts name nobody, and node_exporter reads them as another user.
FILES = {
    "html": _File("latest.html", 0o600, as_html),
    "csv": _File("latest.csv", 0o600, lambda report, _: as_csv(report)),
    "json_lines": _File("latest.jsonl", 0o600, lambda report, _: as_json_lines(report)),
    "junit": _File("latest.xml", 0o600, lambda report, _: as_junit(report)),
    "prometheus": _File("im_compliance.prom", 0o644, lambda report, _: as_prometheus(report)),
}


def write_exports(
    report: Mapping[str, Any], trend: Sequence[Day], directories: Mapping[str, Path], kinds: Iterable[str]
) -> dict[str, str]:
    """Write a report in other shapes.

    Args:
        report: of a compliance run, schema 1.
        trend: days of the history, oldest first; may be empty.
        directories: kind -> where its file goes; they must exist.
        kinds: of FILES.

    Returns:
        kind -> path of the file. A reader sees the old file or the new one, never a part.

    Raises:
        OSError: a file could not be written; nothing of it is left, and the old one stays.
    """
    return {kind: str(_replace(directories[kind], FILES[kind], report, trend)) for kind in kinds}


def _replace(directory: Path, file: _File, report: Mapping[str, Any], trend: Sequence[Day]) -> Path:
    content = file.text(report, trend).encode()
    # Not ".prom": the collector must not read it before it is whole.
    temporary = directory / f".{file.name}-{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), file.mode)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(directory / file.name)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return directory / file.name
