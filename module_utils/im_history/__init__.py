"""The history of states: what each seat was, since when, and how the fleet fared; SQLite, or PostgreSQL by a URL.

It keeps changes, not runs: a night in which nothing changed costs one short row. Control node only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import HistoryError
from .records import GONE, Change, Day, Known, Seat, filled

if TYPE_CHECKING:
    from .store import History

__all__ = ["GONE", "Change", "Day", "HistoryError", "Known", "Seat", "filled", "open_history"]


def open_history(url: str, language: str = "fr") -> History:
    """Open the history at ``url``; arguments and errors as in ``opening.open_history``."""
    # SQLAlchemy and Alembic take half a second of each run, and most runs keep no history.
    from .opening import open_history as opened  # noqa: PLC0415

    return opened(url, language)
