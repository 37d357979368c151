"""Turn the frame buffer that Xvfb keeps in a file (X Window Dump) into a PNG picture that people can look at."""

import struct
import zlib

HEADER = struct.Struct(">25I")
COLOUR_ENTRY_BYTES = 12


class UnknownDump(Exception):
    """The bytes are no dump of the one kind that our Xvfb writes."""


def png(dump: bytes) -> bytes:
    """Convert a version 7 ZPixmap dump of 32 bits a pixel, least significant byte first (X11/XWDFile.h)."""
    if len(dump) < HEADER.size:
        raise UnknownDump(f"{len(dump)} bytes are shorter than the header of a dump")
    fields = HEADER.unpack_from(dump)
    header_bytes, version, _format, _depth, width, height = fields[:6]
    bits_per_pixel, line_bytes, colours = fields[11], fields[12], fields[19]
    if (version, bits_per_pixel) != (7, 32):
        raise UnknownDump(f"version {version} with {bits_per_pixel} bits a pixel, not version 7 with 32")
    start = header_bytes + colours * COLOUR_ENTRY_BYTES
    rows = bytearray()
    for top in range(start, start + height * line_bytes, line_bytes):
        line = dump[top : top + 4 * width]
        row = bytearray(3 * width)
        row[0::3], row[1::3], row[2::3] = line[2::4], line[1::4], line[0::4]
        rows += b"\0" + row  # 0: this line is not filtered
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)  # 8 bits a channel, RGB
    chunks = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(bytes(rows))), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
