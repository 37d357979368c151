"""What the history says when it cannot be used."""

from __future__ import annotations


class HistoryError(Exception):
    """The history cannot be opened or written; the message says where, what and what would do, without any password."""
