"""Words that several exports share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..im_catalogue import LANGUAGES, text

#: States in which nobody has to do anything.
CALM = ("compliant", "changed", "waived")
#: The order in which people want to read: the worst first.
BY_GRAVITY = ("failed", "refused", "drift", "unreachable", "deferred", "waived", "changed", "compliant")


def sentence(key: str, language: str) -> str:
    """The text of ``key``; of a key that the catalogue does not know (a newer cause, say), its last part as it is."""
    return LANGUAGES[language].get(key, key.rpartition(".")[2])


def causes(row: Mapping[str, Any], language: str) -> list[str]:
    """The causes of a row as sentences, with the document and the items that they are about."""
    told = []
    for cause in row["causes"]:
        about = [str(part) for part in (cause.get("document"), ", ".join(cause.get("items") or [])) if part]
        said = sentence(f"cause.{cause['code']}", language)
        told.append(f"{said} ({' : '.join(about)})" if about else said)
    return told


def waiver(row: Mapping[str, Any], language: str) -> str:
    """The waiver of a row as a sentence; "" when it has none."""
    if not row.get("waiver"):
        return ""
    return text("export.waiver", language, **{name: row["waiver"].get(name, "") for name in ("reason", "by", "until")})


def last_known(row: Mapping[str, Any], language: str) -> str:
    """The last known state of an unreachable row, with its time; "" when there is none."""
    last = row.get("last_known")
    if not last:
        return ""
    return text("export.last_known", language, state=state(last["state"], language), at=moment(last["at"], language))


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


def share(part: int, whole: int, language: str) -> str:
    """A share in per cent with one decimal, never rounded up to "all": 9,999 of 10,000 is 99.9 %."""
    tenths = part * 1000 // whole if whole else 0
    number = f"{tenths // 10}.{tenths % 10}"
    return f"{number.replace('.', ',')} %" if language == "fr" else f"{number}%"
