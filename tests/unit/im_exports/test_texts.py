"""The report as text for other programs: each read back with a reader of its own."""

from __future__ import annotations

import csv
import io
import json
import re
from xml.etree import ElementTree as ET

import pytest
from ansible.module_utils.im_exports import as_csv, as_json_lines, as_junit, as_prometheus
from ansible.module_utils.im_exports.line_diff import diff_lines
from ansible.module_utils.im_exports.wording import share
from ansible.module_utils.im_report import STATES
from compliance_reports import HOSTILE, SCRIPT, drifted, report, row

FULL = report(
    row(),
    drifted(),
    row("pc-3", "unreachable", last_known={"state": "compliant", "at": "2026-11-20T02:00:00Z"}),
    row("pc-4", "waived", waiver={"reason": "TP réseau", "by": "M. Roux", "until": "2026-12-31"}),
    row("pc-5", "failed", causes=[{"code": "account", "document": "", "items": []}], hint="Le compte n'existe pas."),
    drifted(HOSTILE, login=HOSTILE, person=SCRIPT, groups=[HOSTILE]),
    waivers=[{"person": "a", "reason": "r", "by": "b", "until": "2026-01-01", "status": "expired"}],
    service=[{"id": "certificate_expires_soon", "status": "finding", "detail": ""}],
)


def test_each_json_line_is_one_row_with_its_run() -> None:
    lines = [json.loads(line) for line in as_json_lines(FULL).splitlines()]
    assert [{key: line[key] for key in line if key not in ("at", "mode")} for line in lines] == FULL["rows"]
    assert {line["at"] for line in lines} == {FULL["at"]}


def test_the_csv_opens_in_a_french_spreadsheet() -> None:
    written = as_csv(FULL)
    assert written.encode("utf-8").startswith(b"\xef\xbb\xbfPoste;Session;")
    assert written.count("\r\n") == len(FULL["rows"]) + 1
    lines = list(csv.reader(io.StringIO(written.removeprefix("\ufeff"), newline=""), delimiter=";"))
    assert {len(line) for line in lines} == {len(lines[0])}
    assert lines[6][0] == HOSTILE
    assert "20/11/2026 02:00 UTC" in lines[2]
    assert "TP réseau" in ";".join(lines[4])


@pytest.mark.parametrize(
    "cell", ["=1+1", "+33", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1", '=cmd|"/c calc"!A0', "\uff1d1"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_made_a_text(cell: str) -> None:
    written = as_csv(report(row(login=cell))).removeprefix("\ufeff")
    lines = list(csv.reader(io.StringIO(written, newline=""), delimiter=";"))
    assert lines[1][1] == "'" + cell


def test_an_ordinary_cell_stays_as_it_is() -> None:
    assert ";pc-3;".replace(";", "") in as_csv(FULL)
    assert "'zobrien" not in as_csv(FULL)


def test_junit_has_one_case_for_each_seat_and_tells_the_remedy() -> None:
    root = ET.fromstring(as_junit(FULL))
    cases = root.findall("testsuite/testcase")
    assert len(cases) == len(FULL["rows"]) == int(root.attrib["tests"])
    assert (root.attrib["failures"], root.attrib["errors"], root.attrib["skipped"]) == ("2", "2", "1")
    failure = root.find("testsuite[@name='pc-2']/testcase/failure")
    assert failure is not None
    assert failure.attrib["type"] == "drift"
    assert "connect_server" in failure.attrib["message"]
    assert (failure.text or "").startswith("Relancez avec --enforce.")
    assert cases[-1].attrib["classname"] == HOSTILE


def test_junit_replaces_what_xml_cannot_hold() -> None:
    root = ET.fromstring(as_junit(report(drifted(remedy="a\x00b\x1b[31m\ud800"))))
    failure = root.find(".//failure")
    assert failure is not None
    assert (failure.text or "").startswith("a\ufffdb\ufffd[31m\ufffd")


SERIES = re.compile(r'^[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\})? \d+$')


def test_the_textfile_is_what_the_collector_takes() -> None:
    written = as_prometheus(FULL)
    assert written.endswith("\n")
    names = []
    for line in written.splitlines():
        if line.startswith("# TYPE "):
            names.append(line.split()[2])
        assert line.startswith(("# HELP ", "# TYPE ")) or (SERIES.match(line) and line.startswith(names[-1])), line
    assert len(names) == len(set(names))
    assert 'im_compliance_seats{state="drift"} 2' in written.splitlines()
    assert sum(line.startswith("im_compliance_seats{") for line in written.splitlines()) == len(STATES)
    assert 'im_compliance_waivers{status="expired"} 1' in written.splitlines()
    assert '{group="Zoë O\'Brien & \\"Co\\" <x> \\\\",state="drift"} 1' in written


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert share(9999, 10000, "fr") == "99,9 %"
    assert share(10000, 10000, "en") == "100.0%"
    assert share(0, 0, "en") == "0.0%"


def test_a_difference_shows_the_changed_lines_with_what_stands_around_them() -> None:
    before = "\n".join(map(str, range(1000)))
    after = before.replace("\n500\n", "\nfive hundred\n")
    lines = diff_lines({"path": "p", "before": before, "after": after})
    assert lines == [" 498", " 499", "-500", "+five hundred", " 501", " 502"]


def test_a_long_difference_is_cut_and_says_so() -> None:
    lines = diff_lines({"path": "p", "before": None, "after": "\n".join(map(str, range(1000)))})
    assert lines[:2] == ["+0", "+1"]
    assert lines[-1] == "@"
    assert len(lines) < 100
