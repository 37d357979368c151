"""The files of a report: whole, for the right readers, and the old ones where a new one cannot be written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible.module_utils.im_exports import FILES, as_csv, as_prometheus, write_exports
from compliance_reports import report, row

REPORT = report(row())


def mode(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_each_kind_has_its_file_for_its_readers(tmp_path: Path) -> None:
    collector = tmp_path / "collector"
    collector.mkdir()
    written = write_exports(REPORT, [], dict.fromkeys(FILES, tmp_path) | {"prometheus": collector}, FILES)
    assert {kind: mode(path) for kind, path in written.items()} == {
        "html": 0o600, "csv": 0o600, "json_lines": 0o600, "junit": 0o600, "prometheus": 0o644,
    }  # fmt: skip
    assert Path(written["csv"]).read_bytes() == as_csv(REPORT).encode()
    assert (collector / "im_compliance.prom").read_text(encoding="utf-8") == as_prometheus(REPORT)
    assert Path(written["html"]).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["collector", *(FILES[kind].name for kind in ("html", "csv", "json_lines", "junit"))]
    )


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_exports(REPORT, [], {"csv": tmp_path}, ["csv"])
    before = (tmp_path / "latest.csv").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_exports(report(row(), row("pc-2")), [], {"csv": tmp_path}, ["csv"])
    assert [path.name for path in tmp_path.iterdir()] == ["latest.csv"]
    assert (tmp_path / "latest.csv").read_bytes() == before
