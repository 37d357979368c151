"""The report as text for other programs: each read back with a reader of its own."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import junitparser
import pytest
from ansible.module_utils import im_wording as wording
from ansible.module_utils.im_exports import as_csv, as_html, as_json_lines, as_junit, as_prometheus
from ansible.module_utils.im_exports.line_diff import diff_lines
from ansible.module_utils.im_report import STATES
from ansible.module_utils.im_wording import share
from compliance_reports import HOSTILE, SCRIPT, drifted, report, row
from debian_packages import need
from prometheus_client.parser import text_string_to_metric_families

ENDED = {"reason": "congés", "by": "M. Roux", "until": "2026-11-01"}
FULL = report(
    row(expired_waivers=[ENDED]),
    drifted(),
    row("pc-3", "unreachable", last_known={"state": "compliant", "at": "2026-11-20T02:00:00Z", "age": 259200}),
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
    assert (root.attrib["failures"], root.attrib["errors"]) == ("2", "2")
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


#: What the schema of Jenkins' xUnit plug-in (junit-10.xsd) lets stand in each element: attributes, and elements.
SCHEMA: dict[str, tuple[set[str], set[str]]] = {
    "testsuites": ({"name", "time", "tests", "failures", "disabled", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"},
        {"testcase", "system-out"},
    ),
    "testcase": ({"name", "classname", "time"}, {"error", "failure", "skipped", "system-out"}),
    "error": ({"message", "type"}, set()),
    "failure": ({"message", "type"}, set()),
    "skipped": ({"message", "type"}, set()),
    "system-out": (set(), set()),
}


def test_junit_keeps_to_the_schema_of_ci_servers() -> None:
    seen = set()
    for element in ET.fromstring(as_junit(FULL)).iter():
        attributes, children = SCHEMA[element.tag]
        assert set(element.attrib) <= attributes, element.tag
        assert {child.tag for child in element} <= children, element.tag
        seen.add(element.tag)
    assert seen == set(SCHEMA)


def test_a_ci_server_reads_the_junit_file() -> None:
    """With junitparser, which reads it as the JUnit plug-ins of CI servers do."""
    read = junitparser.JUnitXml.fromstring(as_junit(FULL).encode())
    assert (read.tests, read.failures, read.errors, read.skipped) == (6, 2, 2, 1)
    cases = {case.classname: case for suite in read for case in suite}
    (told,) = cases["pc-2"].result
    assert isinstance(told, junitparser.Failure) and told.type == "drift"
    (told,) = cases["pc-3"].result
    assert isinstance(told, junitparser.Error)
    assert "conforme, le 20/11/2026 02:00 UTC (il y a 3 jours)" in told.message
    (told,) = cases["pc-4"].result
    assert isinstance(told, junitparser.Skipped)
    assert cases["pc-1"].result == []
    assert cases["pc-1"].system_out == "Dérogation expirée le 01/11/2026 (M. Roux : congés)."
    for suite in read:
        results = [result for case in suite for result in case.result]
        found = [sum(isinstance(one, kind) for one in results) for kind in (junitparser.Failure, junitparser.Error)]
        assert [len(list(suite)), *found] == [suite.tests, suite.failures, suite.errors]


def test_an_expired_waiver_stands_in_every_export() -> None:
    for told in (as_csv(FULL), as_junit(FULL), as_html(FULL)):
        assert "Dérogation expirée le 01/11/2026 (M. Roux : congés)." in told
    first, *_ = [json.loads(line) for line in as_json_lines(FULL).splitlines()]
    assert first["expired_waivers"] == [ENDED]
    assert 'im_compliance_waivers{status="expired"} 1' in as_prometheus(FULL).splitlines()


def test_a_silent_host_has_its_last_state_and_its_age_in_every_export() -> None:
    for told in (as_csv(FULL), as_junit(FULL), as_html(FULL)):
        assert "conforme, le 20/11/2026 02:00 UTC (il y a 3 jours)" in told
    assert json.loads(as_json_lines(FULL).splitlines()[2])["last_known"]["age"] == 259_200
    assert "im_compliance_silence_seconds 259200" in as_prometheus(FULL).splitlines()
    english = as_csv({**FULL, "language": "en"})
    assert "compliant, on 2026-11-20 02:00 UTC (3 days ago)" in english


def test_prometheus_own_reader_takes_the_textfile() -> None:
    families = {family.name: family for family in text_string_to_metric_families(as_prometheus(FULL))}
    assert {family.type for family in families.values()} == {"gauge"}
    seats = {sample.labels["state"]: sample.value for sample in families["im_compliance_seats"].samples}
    assert seats == FULL["states"]
    groups = {sample.labels["group"] for sample in families["im_compliance_group_seats"].samples}
    assert groups == {"salle_b12", HOSTILE}
    assert all(sample.timestamp is None for family in families.values() for sample in family.samples)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "il y a 0 min"),
        (7_199, "il y a 119 min"),
        (7_200, "il y a 2 h"),
        (172_799, "il y a 47 h"),
        (172_800, "il y a 2 jours"),
    ],
)
def test_an_age_is_told_in_the_unit_that_people_would_take(seconds: int, told: str) -> None:
    assert wording.age(seconds, "fr") == told


def test_codes_are_told_as_sentences_and_long_lists_are_cut() -> None:
    causes = [
        {"code": "account", "document": "", "items": ["account_disabled"]},
        {"code": "certificate", "document": "", "items": ["certificate_expires_soon", "tls_expired"]},
        {"code": "server", "document": "", "items": ["contacts"]},
        {"code": "user", "document": "a", "items": ["1", "2", "3", "4", "5"]},
        {"code": "user", "document": "b", "items": []},
    ]
    told = wording.causes(row(causes=causes), "fr")
    assert wording.causes(row(causes=causes), "fr", of_the_service=True) == told
    soon = row(causes=[{"code": "certificate", "document": "", "items": ["certificate_expires_soon"]}])
    assert wording.causes(soon, "fr") == []
    (said,) = wording.causes(soon, "fr", of_the_service=True)
    assert said.endswith("(Le certificat expire bientôt.)")
    assert "(Le compte est désactivé sur le serveur" in told[0]
    assert "(Le certificat expire bientôt., " in told[1] and "tls_expired" not in told[1]
    assert told[2].endswith("(contacts)")
    assert told[3] == "La personne l'a changé. (a : 1, 2, 3, et 2 autre(s); b)"


def test_libreoffice_opens_the_csv_as_it_is_meant(tmp_path: Path) -> None:
    """With the separator and the encoding that a French spreadsheet takes, and formulas evaluated."""
    office = need("libreoffice-calc-nogui", "soffice")
    hostile = [row(cell, login=cell) for cell in ("=1+1", "+33", "@SUM(A1)", HOSTILE)]
    rows = [*FULL["rows"], *hostile]
    (tmp_path / "report.csv").write_bytes(as_csv(report(*rows)).encode())
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    reading = (
        "--infilter=CSV:59,34,76,1,,0,false,true,false,false,true"  # semicolon, quote, UTF-8; formulas as formulas
    )
    writing = "csv:Text - txt - csv (StarCalc):9,34,76,1"
    command = [office, profile, "--headless", "--convert-to", writing, reading, "--outdir", str(tmp_path / "read")]
    subprocess.run([*command, str(tmp_path / "report.csv")], capture_output=True, check=True, timeout=600)
    with (tmp_path / "read" / "report.csv").open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.reader(stream, delimiter="\t"))
    expected = list(csv.reader(io.StringIO(as_csv(report(*rows)).removeprefix("\ufeff"), newline=""), delimiter=";"))
    assert lines[0] == expected[0]
    assert len(lines) == len(rows) + 1
    columns = [place for place, name in enumerate(lines[0]) if name not in ("Depuis",)]
    for line, wanted in zip(lines, expected, strict=True):
        assert [line[place] for place in columns] == [wanted[place] for place in columns]


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
