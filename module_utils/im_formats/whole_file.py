"""A file that is ours alone, such as the certificate of an institution's authority: the fragment is its content."""

from __future__ import annotations

from .base import Format, Siblings
from .key_value_lines import masked_text


class WholeFile:
    """The format of a file that nobody else writes. It looks at no sibling."""

    def merge(self, current: bytes | None, enforced: str, initial: str, siblings: Siblings | None = None) -> bytes:
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

    def describe(self, content: bytes | None) -> str:
        """Text of the file, private keys and other secrets masked; see im_formats.base.Format."""
        return "" if content is None else masked_text(content)


FORMAT: Format = WholeFile()
