"""A desktop entry (freedesktop.org, Desktop Entry Specification 1.5), such as a program started at login.

The fragments are desktop entries. The enforced keys of ``[Desktop Entry]`` are set in place. The initial fragment is
the whole file where there is none, and never touches one that exists: ``Hidden=true`` there is the user's way to say
that the program shall not start (Desktop Application Autostart Specification).
"""

from __future__ import annotations

from .base import Format, Refused, Siblings
from .key_value_lines import KeyValueLines, LinesError, masked_text

GROUP = "Desktop Entry"


class DesktopEntry:
    """The format of a desktop entry. It looks at no sibling."""

    def merge(self, current: bytes | None, enforced: str, initial: str, siblings: Siblings | None = None) -> bytes:
        """Lay the fragments over a desktop entry; see im_formats.base.Format.

        Without an enforced fragment a file that exists is not even read: a broken or empty one stands for a choice too.
        """
        wanted = _fragment(enforced)
        _fragment(initial)
        if current is None:
            current = (initial if initial.strip() else enforced).strip().encode()
            if not current:
                return b""
            current += b"\n"
        if wanted is None:
            return current
        text = _read(current)
        for key, entries in wanted.groups[GROUP].entries.items():
            there = text.groups[GROUP].entries.get(key, [])
            if len(there) > 1:
                raise Refused(f"line {there[-1].line}", f"{key} is given twice; keep one of the lines")
            text.set(GROUP, key, entries[0].value)
        return text.render()

    def describe(self, content: bytes | None) -> str:
        """Text of the desktop entry, lines that speak of secrets masked; see im_formats.base.Format."""
        return "" if content is None else masked_text(content)


FORMAT: Format = DesktopEntry()


def _read(content: bytes) -> KeyValueLines:
    try:
        text = KeyValueLines(content, "#", tidy=True)
    except LinesError as error:
        raise Refused(f"line {error.line}", error.what) from None
    if next(iter(text.groups), None) != GROUP:
        line = next((group.line for group in text.groups.values()), 1)
        raise Refused(f"line {line}", f"the first group is not [{GROUP}]; this is no desktop entry")
    return text


def _fragment(fragment: str) -> KeyValueLines | None:
    """Read a fragment; None if it is blank."""
    if not fragment.strip():
        return None
    try:
        text = _read(fragment.encode())
    except Refused as error:
        raise ValueError(f"fragment: {error}") from None
    if len(text.groups) > 1:
        raise ValueError(f"fragment: only [{GROUP}] can be given")
    if twice := [key for key, entries in text.groups[GROUP].entries.items() if len(entries) > 1]:
        raise ValueError(f"fragment: {twice[0]} is given twice")
    return text
