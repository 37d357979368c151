"""What could not be told, kept for the next run: what is told once must not be lost when the mail server is down."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from .worse import Item

_NAME = "alert-undelivered.json"
#: Kept at most, the newest: a mail server that is down for a year fills no disk.
_MOST = 5000


def take_back(directory: Path) -> list[Item]:
    """What the last runs could not tell, oldest first; [] when all was told, or the file is none of ours."""
    try:
        items = json.loads((directory / _NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [item for item in items if isinstance(item, dict) and "kind" in item] if isinstance(items, list) else []


def withhold(directory: Path, items: Sequence[Item]) -> None:
    """Keep what could not be told, 0600 as it names people; nothing to keep removes the file."""
    path = directory / _NAME
    if not items:
        path.unlink(missing_ok=True)
        return
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = directory / f".{_NAME}-{os.getpid()}"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        json.dump(list(items)[-_MOST:], stream, ensure_ascii=False)
    beside.replace(path)
