"""What the page's script reads: the rows without what is empty or repeated, as JSON that no HTML can break out of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .. import im_wording as wording
from ..im_causes import is_of_the_service
from .line_diff import diff_lines

#: Bytes of differences that one page carries; beyond, the reader is sent to the JSON report.
DIFF_BYTES = 4_000_000
#: Texts that most rows share: they stand once in the page.
_SHARED = ("remedy", "detail", "hint")
_PLAIN = ("host", "login", "person", "jid", "client", "version", "state", "verdict")


def page_rows(rows: Sequence[Mapping[str, Any]], language: str) -> dict[str, Any]:
    """The rows, worst first, as {texts: [shared texts], rows: [{...}]}; a key that is not there is empty."""
    texts: dict[str, int] = {}
    left = DIFF_BYTES
    told = []
    for row in in_order(rows):
        kept: dict[str, Any] = {name: row[name] for name in _PLAIN}
        kept["groups"] = list(row["groups"])
        kept |= {name: texts.setdefault(row[name], len(texts)) for name in _SHARED if row[name]}
        kept["since"] = wording.moment(row["since"], language)
        kept["causes"] = [
            # The last says whether the line of the seat leaves it out, as all seats share it.
            [cause["code"], cause.get("document", ""), wording.items(cause, language), is_of_the_service(cause)]
            for cause in row["causes"]
        ]
        kept["documents"] = documents(row, language)
        kept |= {name: row[name] for name in ("findings", "warnings")}
        kept["waiver"] = wording.waiver(row, language)
        kept["expired"] = wording.expired_waivers(row, language)
        kept["last"] = wording.last_known(row, language)
        diff = [[change["path"], diff_lines(change)] for change in row["diff"]]
        left -= len(json.dumps(diff)) if diff else 0
        kept["diff"] = diff if left >= 0 else []
        kept["cut"] = bool(diff) and left < 0
        # The place of a shared text may be 0.
        told.append({name: value for name, value in kept.items() if value or name in _SHARED})
    return {"texts": list(texts), "rows": told}


def in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows as people want to read them: the worst first, then by host, login and client."""
    place = {state: number for number, state in enumerate(wording.BY_GRAVITY)}
    return sorted(rows, key=lambda row: (place[row["state"]], row["host"], row["login"], row["client"]))


def documents(row: Mapping[str, Any], language: str) -> list[list[str]]:
    """The documents of a row that are worth a line: [path, what was done or is to be done with it, detail]."""
    # Only where the seat was changed was anything written; elsewhere the action is what would be.
    done = "done" if row["state"] == "changed" else "todo"
    return [
        [document["path"], wording.sentence(f"export.{done}_{document['action']}", language), document["detail"] or ""]
        for document in row["documents"]
        if document["action"] != "unchanged" or document["detail"]
    ]


def as_safe_json(value: object) -> str:
    """JSON for a <script> element: no "<", ">" or "&" is left, so that neither "</script" nor "<!--" can be in it."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in ("&", "<", ">", "\u2028", "\u2029"):
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return written
