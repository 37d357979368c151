"""Bytes, checksums and names in the form in which they travel between control node and desk."""

from __future__ import annotations

import base64
import hashlib
import zlib

from .errors import Trouble
from .opening import FILE_LIMIT


def text(raw: bytes) -> str:
    """Return bytes of a file name as text that JSON can carry, whatever they are."""
    return raw.decode("utf-8", "backslashreplace")


def digest(data: bytes) -> str:
    """Return the SHA-256 of DATA in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def pack(data: bytes) -> str:
    """Return DATA as it travels: zlib, then base64."""
    return base64.b64encode(zlib.compress(data)).decode("ascii")


def unpack(content: str, path: str) -> bytes:
    """Undo pack(); raise Trouble bad_request, without quoting anything, if it cannot be undone."""
    try:
        engine = zlib.decompressobj()
        data = engine.decompress(base64.b64decode(content, validate=True), FILE_LIMIT + 1)
    except (ValueError, zlib.error):
        raise Trouble("bad_request", f"content of {path!r} is not base64 of zlib") from None
    if len(data) > FILE_LIMIT:
        raise Trouble("too_big", f"content of {path!r} is larger than {FILE_LIMIT} bytes")
    if not engine.eof or engine.unused_data:
        raise Trouble("bad_request", f"content of {path!r} is cut or has a tail")
    return data
