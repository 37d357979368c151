"""A file that is ours alone, such as the certificate of an institution's authority: the fragment is its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from .base import Format, Siblings
from .key_value_lines import masked_text

_ITEM = "file"


class WholeFile:
    """The format of a file that nobody else writes. It looks at no sibling."""

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Return the enforced fragment, whatever the file holds; see im_formats.base.Format.

        A blank fragment asks nothing: the file stays as it is.

        Raises:
            ValueError: there is an initial fragment; a file that is ours alone has nothing to leave to the user.
        """
        if initial.strip():
            raise ValueError("fragment: a file that is ours alone has no initial values")
        if not enforced.strip():
            return current if current is not None else b""
        wanted = enforced.encode()
        return current if current is not None and current == wanted else wanted

    def items(self, content: bytes, siblings: Siblings | None = None) -> dict[str, str]:
        """The one item "file" and the SHA-256 of its content, in hex; see im_formats.base.Format. Never refused."""
        return {_ITEM: hashlib.sha256(content).hexdigest()}

    def wanted(self, fragment: str) -> dict[str, str]:
        """The same for a fragment; see im_formats.base.Format."""
        return self.items(fragment.encode()) if fragment.strip() else {}

    def remove(self, current: bytes, items: Mapping[str, str], siblings: Siblings | None = None) -> bytes | None:
        """None, for the file goes as a whole, while it is still ours; see im_formats.base.Format."""
        return None if items.get(_ITEM) == self.items(current)[_ITEM] else current

    def findings(self, content: bytes) -> list[str]:
        """None: the file is not a person's; see im_formats.base.Format."""
        return []

    def describe(self, content: bytes | None) -> str:
        """Text of the file, private keys and other secrets masked; see im_formats.base.Format."""
        return "" if content is None else masked_text(content)


FORMAT: Format = WholeFile()
