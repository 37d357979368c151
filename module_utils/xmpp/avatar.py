"""A picture for a person: read from a file, described as XEP-0084 wants it, compared with what the server has."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

DATA_NODE = "urn:xmpp:avatar:data"
METADATA_NODE = "urn:xmpp:avatar:metadata"

#: Octets of a picture. XEP-0084 leaves the bound to us; servers take stanzas of 256 KiB and pace them at 10 kB/s.
MAX_SIZE = 64 << 10

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


class AvatarError(ValueError):
    """The picture cannot be used; the message says why and what would do."""


@dataclass(frozen=True)
class Avatar:
    """A picture.

    Attributes:
        data: its octets.
        kind: "image/png" or "image/jpeg".
        width: in pixels.
        height: in pixels.
    """

    data: bytes = field(repr=False)
    kind: str
    width: int
    height: int

    @property
    def ident(self) -> str:
        """The id of its items: SHA-1 of the octets, in hexadecimal (XEP-0084)."""
        return hashlib.sha1(self.data, usedforsecurity=False).hexdigest()

    @property
    def base64(self) -> str:
        """Its octets for XML."""
        return base64.b64encode(self.data).decode()


class Step(NamedTuple):
    """One thing to do to a node.

    Attributes:
        verb: "publish" or "retract".
        node: which.
        item: id.
        content: XML to publish; "" to retract.
    """

    verb: str
    node: str
    item: str
    content: str = ""


def load_avatar(text: str) -> Avatar:
    """The picture that an argument means: the base64 of a PNG or JPEG, or else the path of a file on this machine.

    Raises:
        AvatarError: no such file, too big, neither PNG nor JPEG, damaged.
    """
    data = _from_base64(text)
    if data is None:
        path = Path(text).expanduser()
        try:
            with path.open("rb") as file:
                data = file.read(MAX_SIZE + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no path"
            raise AvatarError(
                f"{text[:200]!r}: {reason}; name a file of the control node, or give the picture in base64"
            ) from None
    return read_avatar(data)


def read_avatar(data: bytes) -> Avatar:
    """Tell a picture's type by its first octets and its size by its header.

    Raises:
        AvatarError: too big, neither PNG nor JPEG, damaged.
    """
    if len(data) > MAX_SIZE:
        raise AvatarError(f"more than {MAX_SIZE} octets; make the picture smaller, 128 x 128 pixels are plenty")
    if data.startswith(_PNG):
        kind, size = "image/png", _png_size(data)
    elif data.startswith(_JPEG):
        kind, size = "image/jpeg", _jpeg_size(data)
    else:
        raise AvatarError("neither PNG nor JPEG, judged by its first octets; convert the picture")
    if size is None or 0 in size:
        raise AvatarError(f"a damaged {kind}: its header tells no width and height; export the picture again")
    return Avatar(data, kind, *size)


def published(items: Iterable[Element]) -> list[str]:
    """Ids of the pictures that the newest item of the metadata node describes; none: no picture is shown."""
    return [info.get("id", "") for item in items for info in item.iter(f"{{{METADATA_NODE}}}info")]


def plan_avatar(ids: Collection[str], avatar: Avatar, *, present: bool = True, enforced: bool = False) -> list[Step]:
    """What brings the nodes to the wish, in this order; nothing if they are as wished.

    A picture that the person has chosen stays, unless ``enforced``. To take ours out, an empty description is published
    (XEP-0084 3.5), as clients and servers act upon that, and then the data goes.

    Args:
        ids: see ``published``.
        avatar: the picture.
        present: whether it is to be there, or to be gone.
        enforced: whether it replaces another one.
    """
    ident = avatar.ident
    if not present:
        if ident not in ids:
            return []
        nothing = f"<metadata xmlns='{METADATA_NODE}'/>"
        return [Step("publish", METADATA_NODE, ident, nothing), Step("retract", DATA_NODE, ident)]
    if ident in ids or (ids and not enforced):
        return []
    info = (
        f"<metadata xmlns='{METADATA_NODE}'><info id={quoteattr(ident)} type={quoteattr(avatar.kind)} "
        f"bytes='{len(avatar.data)}' width='{avatar.width}' height='{avatar.height}'/></metadata>"
    )
    # The data first: whoever reads the description may fetch it at once.
    return [
        Step("publish", DATA_NODE, ident, f"<data xmlns='{DATA_NODE}'>{avatar.base64}</data>"),
        Step("publish", METADATA_NODE, ident, info),
    ]


def _from_base64(text: str) -> bytes | None:
    """The octets if the text is the base64 of a PNG or JPEG. "/9j/..." is one, although it looks like a path."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if data.startswith((_PNG, _JPEG)) else None


def _png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in the IHDR chunk, which is the first (PNG specification, 11.2.2)."""
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in the frame header, after any number of other segments (ITU T.81, B.1 and B.2.2)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            # Fill bytes may stand before a marker.
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        elif marker in (0xD9, 0xDA):
            return None
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
