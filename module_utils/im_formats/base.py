"""The contract of a format: one kind of client file that we manage in part.

A merge is a function from bytes to bytes. It knows no person, no path and no host; it obeys the seven laws
of docs/decisions/merge.md, which tests/unit/im_formats/test_laws.py proves for every format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Refused(Exception):
    """The document cannot be merged without guessing or destroying: nothing may be written.

    Attributes:
        where: place inside the document, for a person to find it ("line 12", "row 'app'", "byte 310").
        what: what is wrong and, where there is one, the remedy. Never holds a secret of the document.
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what


#: Files read beside the document (path relative to the document's directory, or absolute) -> bytes.
Siblings = Mapping[str, bytes]


class Format(Protocol):
    """One file format. Implementations are stateless module-level objects or modules."""

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Lay the managed fragments over the current document.

        Args:
            current: bytes on the host, None when the file does not exist.
            enforced: fragment in the client's own syntax; each of its values must hold afterwards. May be blank.
            initial: fragment in the same syntax; a value is laid only where the document has none, and an item
                (account, room, ...) that exists already is left alone. May be blank.
            siblings: other files of the profile that the format needs to decide; missing ones are absent.
            taken_back: identities of initial items that were laid before and that the user has removed since: they
                are not laid again.

        Returns:
            The wanted bytes. The very same object as ``current`` when there is nothing to do; b"" when there is to be
            no file.

        Raises:
            Refused: the current document is malformed or of an unknown schema.
            ValueError: a fragment is malformed; that is a mistake in a template, not in the user's file.
        """
        ...

    def items(self, content: bytes, siblings: Siblings | None = None) -> dict[str, str]:
        """Identity -> value of all in a document that a fragment could ask for.

        An identity says what a thing is, never where it stands ("account a@x", "account a@x setting port"). The value
        of a thing is "", that of a secret "********". Refused when the document is malformed.
        """
        ...

    def wanted(self, fragment: str) -> dict[str, str]:
        """Identity -> value of all that a fragment asks for, as items() gives them after its merge; {} when blank."""
        ...

    def remove(self, current: bytes, items: Mapping[str, str], siblings: Siblings | None = None) -> bytes | None:
        """Take exactly these items out of a document.

        A thing goes as a whole, a value only while it is still the given one; what is not there is passed over.

        Returns:
            The bytes without them; the very same object when none was there; None when the whole file was ours and
            nothing is left of it.
        """
        ...

    def findings(self, content: bytes) -> list[str]:
        """Say whose passwords stand in clear in the document ("account a@x"), never the values. Never raises."""
        ...

    def describe(self, content: bytes | None) -> str:
        """Text of the document for a diff, with every secret masked. Never raises; "" for None."""
        ...


class Locator(Format, Protocol):
    """A format whose document names the directory of other documents, as profiles.ini does."""

    def locate(self, content: bytes, enforced: str, siblings: Siblings | None = None) -> str:
        """Name the directory, relative to the document's own, "/"-separated.

        Raises:
            Refused: the document names none, or one that we must not write to.
        """
        ...
