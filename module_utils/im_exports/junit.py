"""JUnit's XML, which every CI server shows: one test suite for each host, one test case for each seat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from .. import im_wording as wording
from ..im_catalogue import text

#: What XML 1.0 cannot hold, even escaped (section 2.2).
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Nobody looked, or nothing could be done: an error. What is found wanting: a failure. The rest is passed over.
_ELEMENT = {
    **dict.fromkeys(("failed", "unreachable"), "error"),
    **dict.fromkeys(("drift", "refused"), "failure"),
    **dict.fromkeys(("deferred", "waived"), "skipped"),
}


def as_junit(report: Mapping[str, Any]) -> str:
    """The report as one <testsuites>; a failure carries its causes, and the remedy as its text."""
    language = report["language"]
    # The schema of Jenkins' plug-in (junit-10.xsd) counts what is skipped at the suites only.
    numbers = {name: count for name, count in _numbers(report["rows"]).items() if name != "skipped"}
    root = ET.Element("testsuites", numbers, name="im_compliance")
    hosts: dict[str, list[Mapping[str, Any]]] = {}
    for row in report["rows"]:
        hosts.setdefault(row["host"], []).append(row)
    for host, rows in hosts.items():
        stamp = report["at"].removesuffix("Z")
        suite = ET.SubElement(root, "testsuite", _numbers(rows), name=_clean(host), timestamp=stamp)
        for row in rows:
            _add_case(suite, row, language)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _add_case(suite: ET.Element, row: Mapping[str, Any], language: str) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=_clean(row["host"]), name=_clean(f"{row['login']} {row['client']}")
    )
    element = _ELEMENT.get(row["state"])
    state = wording.state(row["state"], language)
    why = [*wording.causes(row, language), wording.waiver(row, language)]
    if known := wording.last_known(row, language):
        why.append(text("compliance.last_known", language, known=known))
    why += wording.expired_waivers(row, language)
    if element is None:
        if remarks := " ".join(part for part in why if part):
            ET.SubElement(case, "system-out").text = _clean(remarks)
        return
    message = " ".join(part for part in [f"{state}.", *why] if part)
    told = ET.SubElement(case, element, message=_clean(message))
    if element != "skipped":
        told.set("type", row["state"])
    told.text = _clean("\n".join(part for part in (row["remedy"], row["detail"], row["hint"]) if part))


def _numbers(rows: list[Mapping[str, Any]]) -> dict[str, str]:
    elements = [_ELEMENT.get(row["state"]) for row in rows]
    counted = {"errors": "error", "failures": "failure", "skipped": "skipped"}
    return {"tests": str(len(rows)), **{name: str(elements.count(one)) for name, one in counted.items()}}


def _clean(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)
