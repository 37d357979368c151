"""What is wished for a person's profile, and what is said of its picture."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .avatar import Avatar
from .vcard import Change


@dataclass(frozen=True)
class Profile:
    """What is wished for one person.

    Attributes:
        texts: of ``vcard.FIELDS``, values not empty.
        avatar: the picture.
        enforced: of the fields and "avatar", those that replace another value; the others are only set where there is
            none.
    """

    texts: Mapping[str, str]
    avatar: Avatar | None = None
    enforced: Collection[str] = field(default_factory=frozenset)


def avatar_change(ids: Sequence[str], avatar: Avatar, present: bool) -> Change:
    """That the pictures with these ids give way to this one, or to none."""
    return Change("avatar", " ".join(ids), avatar.ident if present else "")


def photo_id(text: str) -> str:
    """SHA-1 of the photo whose base64 this is; "" of one that is elsewhere or cannot be read."""
    try:
        data = base64.b64decode("".join(text.split()))
    except ValueError:
        return ""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest() if data else ""
