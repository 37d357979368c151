"""The report as one HTML file that needs nothing else: no server, no network, no script to be readable."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import im_wording as wording
from ..im_catalogue import LANGUAGES, text
from ..im_history.records import Day
from . import page_data, trend_picture
from .line_diff import diff_lines

PAGE = Path(__file__).parent / "page"
#: Seats that are written out for readers without scripts; the others stand in the CSV.
WRITTEN_OUT = 300
#: A sign beside each word, so that no state is told by its colour alone.
SIGNS = {
    "compliant": "✓",
    "changed": "↻",
    "drift": "≠",
    "deferred": "…",
    "refused": "⊘",
    "failed": "✗",
    "unreachable": "?",
    "waived": "⚑",
}


def as_html(report: Mapping[str, Any], trend: Sequence[Day] = ()) -> str:
    """The report, and the trend of History.trend() when there is one, as one HTML page in the report's language.

    What people wrote is escaped by Jinja2 (texts) and by page_data.as_safe_json (the script's data); a content security
    policy allows this page's own style and script only, and no request at all.
    """
    language = report["language"]
    rows = report["rows"]
    style = (PAGE / "report.css").read_text(encoding="utf-8")
    script = (PAGE / "report.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    ill = [row for row in page_data.in_order(rows) if row["state"] not in wording.CALM]
    fine = sum(row["state"] in wording.CALM for row in rows)
    return environment.get_template("report.html.j2").render(
        report=report,
        language=language,
        signs=SIGNS,
        states=[(state, sum(row["state"] == state for row in rows)) for state in wording.BY_GRAVITY],
        fine=fine,
        share=wording.share(fine, len(rows), language),
        expired=sum(waiver["status"] == "expired" for waiver in report["waivers"]),
        labs=_labs(rows, language),
        causes=_causes(rows, language),
        clients=sorted({row["client"] for row in rows}),
        ill=[_written_out(row, language) for row in ill[:WRITTEN_OUT]],
        left_out=max(0, len(ill) - WRITTEN_OUT),
        trend=trend,
        picture=trend_picture.picture(trend, language),
        picture_size=(trend_picture.WIDTH, trend_picture.HEIGHT),
        drawn=trend_picture.DRAWN,
        whom=lambda waiver: wording.whom(waiver, language),
        day=lambda one: wording.day(one, language),
        moment=lambda one: wording.moment(one, language),
        say=lambda key, **values: text(f"export.{key}", language, **values),
        state=lambda code: wording.state(code, language),
        sentence=lambda key: wording.sentence(key, language),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=page_data.as_safe_json(_data(rows, language)),
    )


def _data(rows: Sequence[Mapping[str, Any]], language: str) -> dict[str, Any]:
    """What the script reads: rows, and the words for them."""
    words = {key: said for key, said in LANGUAGES[language].items() if key.startswith("export.")}
    codes = {cause["code"] for row in rows for cause in row["causes"]}
    return {
        **page_data.page_rows(rows, language),
        "language": language,
        "gravity": wording.BY_GRAVITY,
        "signs": SIGNS,
        "words": {key.removeprefix("export."): said for key, said in words.items()},
        "states": {state: wording.state(state, language) for state in wording.BY_GRAVITY},
        "causes": {code: wording.sentence(f"cause.{code}", language) for code in sorted(codes)},
    }


def _written_out(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """One seat for readers without scripts."""
    return {
        **row,
        "why": wording.causes(row, language),
        "last": wording.last_known(row, language),
        "documents": page_data.documents(row, language),
        "expired": wording.expired_waivers(row, language),
        "diff": [(change["path"], diff_lines(change)) for change in row["diff"]],
    }


def _labs(rows: Sequence[Mapping[str, Any]], language: str) -> list[dict[str, Any]]:
    """The inventory groups, those with the most to do first: {name, seats, share, counts}."""
    counted: dict[str, Counter[str]] = {}
    for row in rows:
        for group in row["groups"] or [""]:
            counted.setdefault(group, Counter())[row["state"]] += 1
    labs = []
    for name, counts in counted.items():
        fine = sum(counts[state] for state in wording.CALM)
        seats = counts.total()
        share = wording.share(fine, seats, language)
        labs.append({"name": name, "seats": seats, "ill": seats - fine, "share": share, "counts": counts})
    return sorted(labs, key=lambda lab: (-lab["ill"], lab["name"]))


def _causes(rows: Sequence[Mapping[str, Any]], language: str) -> list[tuple[str, str, int]]:
    """Why seats are as they are, the most frequent first: (code, sentence, seats)."""
    counted = Counter(code for row in rows for code in {cause["code"] for cause in row["causes"]})
    told = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return [(code, wording.sentence(f"cause.{code}", language), count) for code, count in told]


def _hash(content: str) -> str:
    """The hash by which a content security policy allows an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
