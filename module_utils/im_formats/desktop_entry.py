"""A desktop entry (freedesktop.org, Desktop Entry Specification 1.5), such as a program started at login.

The fragments are desktop entries. The enforced keys of ``[Desktop Entry]`` are set in place. The initial fragment is
the whole file where there is none, and never touches one that exists: ``Hidden=true`` there is the user's way to say
that the program shall not start (Desktop Application Autostart Specification).
"""

from __future__ import annotations

from collections.abc import Mapping

from .base import Format, Refused, Siblings
from .key_value_lines import KeyValueLines, LinesError, masked_text

GROUP = "Desktop Entry"
_KEY = "key "


class DesktopEntry:
    """The format of a desktop entry. It looks at no sibling."""

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Lay the fragments over a desktop entry; see im_formats.base.Format.

        Without an enforced fragment a file that exists is not even read: a broken or empty one stands for a choice too.
        A file that the user deleted is not made again from the initial fragment (taken_back); b"" then stands for none.
        """
        wanted = _fragment(enforced)
        start = _fragment(initial)
        if current is None:
            if start and taken_back:
                initial = _without_taken_back(start, initial, taken_back)
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

    def items(self, content: bytes, siblings: Siblings | None = None) -> dict[str, str]:
        """The keys of [Desktop Entry], "key NAME" -> value; see im_formats.base.Format.

        A key that is given twice is left out: programs disagree on which line counts, and we never touch either.
        """
        return _items(_read(content))

    def wanted(self, fragment: str) -> dict[str, str]:
        """The same for a fragment; see im_formats.base.Format."""
        text = _fragment(fragment)
        return _items(text) if text else {}

    def remove(self, current: bytes, items: Mapping[str, str], siblings: Siblings | None = None) -> bytes | None:
        """Take out the keys that still have the given values; see im_formats.base.Format.

        None when nothing but the line [Desktop Entry] would be left, which says nothing to anybody.
        """
        text = _read(current)
        removed = [item for item, value in _items(text).items() if items.get(item) == value]
        for item in removed:
            current = text.without_key(GROUP, item.removeprefix(_KEY))
            text = _read(current)
        bare = current.decode("utf-8-sig").strip() == f"[{GROUP}]"
        return None if removed and bare else current

    def findings(self, content: bytes) -> list[str]:
        """None: a desktop entry has no place for a password; see im_formats.base.Format."""
        return []

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


def _items(text: KeyValueLines) -> dict[str, str]:
    entries = text.groups[GROUP].entries
    return {f"{_KEY}{key}": there[0].value for key, there in entries.items() if len(there) == 1}


def _without_taken_back(text: KeyValueLines, fragment: str, taken_back: frozenset[str]) -> str:
    """The fragment without the keys that the user took back; "" when no key is left."""
    for item in _items(text):
        if item in taken_back:
            fragment = text.without_key(GROUP, item.removeprefix(_KEY)).decode()
            text = _read(fragment.encode())
    return fragment if _items(text) else ""


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
