"""French texts. Keys are dotted, by subject; en.py holds the same keys with the same placeholders."""

from __future__ import annotations

TEXTS: dict[str, str] = {}
