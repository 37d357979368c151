"""The history of states: what each seat was, since when, and how the fleet fared; SQLite, or PostgreSQL by a URL.

It keeps changes, not runs: a night in which nothing changed costs one short row. Control node only.
"""

from __future__ import annotations

from .errors import HistoryError
from .opening import open_history
from .records import GONE, Change, Day, Known, Seat, filled
from .store import History

__all__ = ["GONE", "Change", "Day", "History", "HistoryError", "Known", "Seat", "filled", "open_history"]
