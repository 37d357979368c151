"""CSV as French spreadsheets open it by a double click: UTF-8 with its mark, semicolons, CRLF."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from .. import im_wording as wording
from ..im_catalogue import text

#: A cell that begins so is a formula to Excel and LibreOffice (OWASP, "CSV Injection"); full-width signs are too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_COLUMNS = (
    *("host", "login", "person", "jid", "client", "version", "groups", "state", "since", "causes", "remedy", "verdict"),
    *("detail", "last_known", "waiver", "findings"),
)
#: Columns whose name is a sentence in the catalogue.
_HEADINGS = {"verdict": "verdict_title", "last_known": "last_state", "waiver": "waiver_title"}


def as_csv(report: Mapping[str, Any]) -> str:
    """One line for each row, headings and words in the report's language; write it as UTF-8 with newline=""."""
    language = report["language"]
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=";", lineterminator="\r\n")
    writer.writerow([text(f"export.{_HEADINGS.get(column, column)}", language) for column in _COLUMNS])
    for row in report["rows"]:
        writer.writerow([_harmless(cell) for cell in _cells(row, language)])
    return "\ufeff" + stream.getvalue()


def _cells(row: Mapping[str, Any], language: str) -> list[str]:
    told = {
        "groups": ", ".join(row["groups"]),
        "state": wording.state(row["state"], language),
        "since": wording.moment(row["since"], language),
        "causes": " ".join(wording.causes(row, language, of_the_service=True)),
        "last_known": wording.last_known(row, language),
        "waiver": " ".join([wording.waiver(row, language), *wording.expired_waivers(row, language)]).strip(),
        "findings": ", ".join(row["findings"]),
    }
    return [str(told[column] if column in told else row[column] or "") for column in _COLUMNS]


def _harmless(cell: str) -> str:
    """A leading apostrophe makes a spreadsheet take a formula for text; what it hides behind blanks is still one."""
    return "'" + cell if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell
