"""Words that the tables for people and the exports share: causes, times and ages, waivers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from .im_catalogue import LANGUAGES, text
from .im_causes import is_of_the_service
from .im_waivers import SELECTORS

#: States in which nobody has to do anything.
CALM = ("compliant", "changed", "waived")
#: Items of causes that are codes: where the catalogue has their sentences.
_SENTENCES = {
    "account": ("verdict",),
    "reach": ("verdict",),
    "certificate": ("rule", "verdict"),
    "server": ("provisioning.kind",),
}
#: Selectors of a waiver whose name in the catalogue is another.
_SELECTORS = {"group": "lab"}
#: Items and documents that one sentence names.
SHOWN = 3
#: The order in which people want to read: the worst first.
BY_GRAVITY = ("failed", "refused", "drift", "unreachable", "deferred", "waived", "changed", "compliant")


def sentence(key: str, language: str) -> str:
    """The text of ``key``; of a key that the catalogue does not know (a newer cause, say), its last part as it is."""
    return LANGUAGES[language].get(key, key.rpartition(".")[2])


def causes(row: Mapping[str, Any], language: str, of_the_service: bool = False) -> list[str]:
    """The causes of a row as sentences, one for each code, with the first of the documents and items they are about.

    What all seats share is left out unless ``of_the_service``: where rows stand one below the other, once is enough.
    """
    told = []
    causes_told = [cause for cause in row["causes"] if of_the_service or not is_of_the_service(cause)]
    for code in dict.fromkeys(cause["code"] for cause in causes_told):
        found = [about(cause, language) for cause in causes_told if cause["code"] == code]
        what = "; ".join(few([one for one in found if one], language))
        said = sentence(f"cause.{code}", language)
        told.append(f"{said} ({what})" if what else said)
    return told


def about(cause: Mapping[str, Any], language: str) -> str:
    """What a cause is about: its document, and the first of the items in it or beside it; "" for neither."""
    said = few(items(cause, language), language)
    return " : ".join(part for part in (str(cause.get("document") or ""), ", ".join(said)) if part)


def items(cause: Mapping[str, Any], language: str) -> list[str]:
    """The items of a cause as words: codes of the closed lists of verdicts, rules and kinds have sentences."""
    keys = _SENTENCES.get(cause["code"], ())
    texts = LANGUAGES[language]
    return [
        next((texts[f"{key}.{item}"] for key in keys if f"{key}.{item}" in texts), str(item))
        for item in cause.get("items") or []
        if item
    ]


def few(told: Sequence[str], language: str) -> list[str]:
    """The first few, and how many more; a profile that was never deployed has dozens."""
    left = len(told) - SHOWN
    return [*told[:SHOWN], *([text("compliance.more", language, count=left)] if left > 0 else [])]


def waiver(row: Mapping[str, Any], language: str) -> str:
    """The waiver of a row as a sentence; "" when it has none."""
    if not row.get("waiver"):
        return ""
    return text("export.waiver", language, **_said(row["waiver"], language))


def expired_waivers(row: Mapping[str, Any], language: str) -> list[str]:
    """The waivers that were for a row and ran out, as sentences."""
    return [text("export.expired_waiver", language, **_said(one, language)) for one in row["expired_waivers"]]


def whom(waiver: Mapping[str, Any], language: str) -> str:
    """Whom a waiver of a report is for: "poste pc-1, session amartin"."""
    return ", ".join(
        f"{text(f'export.{_SELECTORS.get(name, name)}', language).lower()} {waiver[name]}"
        for name in SELECTORS
        if name in waiver
    )


def _said(waiver: Mapping[str, Any], language: str) -> dict[str, str]:
    return {"reason": waiver["reason"], "by": waiver["by"], "until": day(waiver["until"], language)}


def last_known(row: Mapping[str, Any], language: str) -> str:
    """The last known state of a row whose host is silent, with its time and age; "" for a row that was looked at."""
    if row["state"] != "unreachable":
        return ""
    last = row["last_known"]
    if not last:
        return text("export.never_known", language)
    told = {"state": state(last["state"], language), "at": moment(last["at"], language)}
    return text("export.last_known", language, **told, age=age(last["age"], language))


def age(seconds: int, language: str) -> str:
    """How long ago, in the largest unit that people would say: "3 d", "5 h", "12 min"."""
    for unit, size, least in (("days", 86400, 2), ("hours", 3600, 2), ("minutes", 60, 0)):
        if seconds >= least * size:
            return text(f"export.age_{unit}", language, count=seconds // size)
    raise ValueError(f"an age of {seconds} s")


def state(code: str, language: str) -> str:
    """The word for a state."""
    return sentence(f"state.{code}", language)


def moment(at: str | None, language: str) -> str:
    """A time of the report as its readers write it: 23/11/2026 02:00 UTC, or 2026-11-23 02:00 UTC."""
    if not at:
        return ""
    return datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").strftime(
        "%d/%m/%Y %H:%M UTC" if language == "fr" else "%Y-%m-%d %H:%M UTC"
    )


def day(iso: str, language: str) -> str:
    """A day as its readers write it: 23/11/2026, or 2026-11-23."""
    return date.fromisoformat(iso).strftime("%d/%m/%Y" if language == "fr" else "%Y-%m-%d")


def share(part: int, whole: int, language: str) -> str:
    """A share in per cent with one decimal, never rounded up to "all": 9,999 of 10,000 is 99.9 %."""
    tenths = part * 1000 // whole if whole else 0
    number = f"{tenths // 10}.{tenths % 10}"
    return f"{number.replace('.', ',')} %" if language == "fr" else f"{number}%"
