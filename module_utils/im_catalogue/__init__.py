"""The one catalogue of texts that support staff and end users read: French by default, English on request."""

from __future__ import annotations

from . import en, fr

LANGUAGES = {"fr": fr.TEXTS, "en": en.TEXTS}


def text(key: str, language: str = "fr", **values: object) -> str:
    """Return the text of ``key`` in ``language`` ("fr" or "en"), its ``{placeholders}`` filled from ``values``.

    Raises:
        KeyError: unknown key, language or missing value; a test keeps both languages equal in keys and placeholders.
    """
    return LANGUAGES[language][key].format(**values)
