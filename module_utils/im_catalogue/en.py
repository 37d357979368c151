"""English texts: the same keys as fr.py, with the same placeholders."""

from __future__ import annotations

TEXTS: dict[str, str] = {}
