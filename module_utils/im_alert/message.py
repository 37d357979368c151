"""The text of an alert, for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .. import im_wording as wording
from ..im_catalogue import text
from .worse import Item

#: Items of each kind that are told one by one; the report tells the others.
MOST = 20


class Message(NamedTuple):
    """An alert: what kind, of which site, its subject and text, what the text is of, and where the report is."""

    event: str
    site: str
    at: str
    subject: str
    text: str
    items: Sequence[Item] = ()
    report: str = ""

    def as_json(self) -> dict[str, Any]:
        """What a webhook gets: schema 1, ``items`` cut to the first MOST of each kind."""
        shown = [item for kind in _KINDS for item in [one for one in self.items if one["kind"] == kind][:MOST]]
        return {
            "schema": 1,
            "event": self.event,
            "site": self.site,
            "at": self.at,
            "subject": self.subject,
            "text": self.text,
            "items": shown,
            "more": len(self.items) - len(shown),
            "report": self.report,
        }


_KINDS = ("gap", "certificate", "account", "seat")


def worse_message(items: Sequence[Item], site: str, at: str, report: str, language: str) -> Message:
    """Say what got worse, since when and what mends it.

    Args:
        items: of worse_of() and gap_of(), at least one.
        site: the domain of the service.
        at: of the run, ISO 8601 in UTC.
        report: path of the report.
        language: "fr" or "en".
    """
    counts = [
        text(f"alert.count_{kind}", language, count=count)
        for kind in _KINDS
        if (count := sum(item["kind"] == kind for item in items))
    ]
    lines = [text("alert.worse", language, site=site, at=wording.moment(at, language)), ""]
    for kind in _KINDS:
        of_kind = [item for item in items if item["kind"] == kind]
        for item in of_kind[:MOST]:
            lines += _lines(item, language)
        if len(of_kind) > MOST:
            lines.append(text("alert.more", language, count=len(of_kind) - MOST))
    lines += ["", text("alert.report", language, path=report)]
    subject = text("alert.subject", language, site=site, counts=", ".join(counts))
    return Message("worse", site, at, _one_line(subject), "\n".join(lines) + "\n", list(items), report)


def broken_message(site: str, at: str, told: str, log: str, language: str) -> Message:
    """Say that the nightly run itself broke.

    Args:
        site: the domain of the service.
        at: ISO 8601 in UTC.
        told: what is known of it, such as its exit code.
        log: where its log is.
        language: "fr" or "en".
    """
    subject = text("alert.broken_subject", language, site=site)
    body = text("alert.broken", language, site=site, at=wording.moment(at, language), told=_one_line(told), log=log)
    return Message("broken", site, at, _one_line(subject), body + "\n")


def _lines(item: Mapping[str, Any], language: str) -> list[str]:
    since = wording.moment(item["since"], language)
    details: list[str] = []
    if item["kind"] == "gap":
        return [text("alert.gap", language, since=since, until=wording.moment(item["until"], language))]
    if item["kind"] == "certificate":
        what = text("alert.certificate", language, since=since)
        details = [wording.about({"code": "certificate", "document": "", "items": item["items"]}, language)]
        remedy = item["remedy"] or text("cause.certificate.remedy", language)
    elif item["kind"] == "account":
        hosts = ", ".join(wording.few(item["hosts"], language))
        what = text("alert.account", language, since=since, jid=item["jid"], verdict=item["verdict"], hosts=hosts)
        remedy = item["remedy"]
    else:
        before = wording.state(item["before"], language) if item["before"] else text("alert.unknown", language)
        named = {name: item[name] for name in ("host", "login", "client", "person")}
        state = wording.state(item["state"], language)
        what = text("alert.seat", language, state=state, before=before, since=since, **named)
        details = [item["detail"], *item["why"]]
        remedy = item["remedy"]
    told = [what, *(f"  {_one_line(detail)}" for detail in details if detail)]
    return [*map(_kept_in_line, told), *([f"  -> {_one_line(remedy)}"] if remedy else [])]


def _kept_in_line(line: str) -> str:
    """The line with its indentation, and no line feed or control character that a name brought along."""
    indent = line[: len(line) - len(line.lstrip(" "))]
    return indent + _one_line(line)


def _one_line(told: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in told).split())
