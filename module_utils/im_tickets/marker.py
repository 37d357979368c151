"""How a run knows its own answers again: a reference at the end of each.

It is made of the ticket, the kind of answer and the *state* that the run came to, not of the text: two runs that come
to the same state say the same although dates and durations differ; another state is worth another answer.
"""

from __future__ import annotations

import hashlib
import re

KINDS = ("public", "private", "solution")

_REFERENCE = re.compile(r"\bim-(public|private|solution)-[0-9a-f]{12}\b")


def reference(number: str, kind: str, state: str) -> str:
    """The reference of an answer of this kind (KINDS) to this ticket, for a run that came to this state."""
    digest = hashlib.sha256("\0".join((number, kind, state)).encode("utf-8", "replace")).hexdigest()
    return f"im-{kind}-{digest[:12]}"


def last_reference(text: str, kind: str) -> str:
    """The last reference of this kind in a text; "" when there is none."""
    found = [match[0] for match in _REFERENCE.finditer(text) if match[1] == kind]
    return found[-1] if found else ""
