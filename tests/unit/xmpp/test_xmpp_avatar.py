"""Pictures: told by their octets, measured by their header, bounded."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from ansible.module_utils.xmpp.avatar import MAX_SIZE, AvatarError, load_avatar, plan_avatar, published, read_avatar
from hypothesis import given
from hypothesis import strategies as st


def png(width: int = 3, height: int = 5, padding: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * (width + 1) * height))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"tEXt", b"x" * padding) + pixels + chunk(b"IEND", b"")


def jpeg(width: int = 3, height: int = 5, *, frame: int = 0xC2, before: bytes = b"") -> bytes:
    """The head of a JPEG as cameras write it: JFIF, a thumbnail with a frame of its own, fill bytes, the frame."""
    thumbnail = b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x01\x00\x01"
    exif = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    jfif = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    tables = b"\xff\xc4\x00\x04\x00\x00"
    size = struct.pack(">BHHBBH", 0xFF, 0, 0, 0, 0, 0)[:1] + bytes([frame]) + struct.pack(">HBHH", 17, 8, height, width)
    return b"\xff\xd8" + jfif + exif + tables + before + size + b"\x03" + b"\0" * 9 + b"\xff\xd9"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (png(), "image/png"),
        (jpeg(), "image/jpeg"),
        (jpeg(frame=0xC0), "image/jpeg"),
        (jpeg(before=b"\xff\xff\xff"), "image/jpeg"),
    ],
)
def test_type_and_size_are_read_from_the_octets(data: bytes, kind: str) -> None:
    avatar = read_avatar(data)
    assert (avatar.kind, avatar.width, avatar.height) == (kind, 3, 5)
    assert avatar.ident == hashlib.sha1(data).hexdigest()  # noqa: S324 - XEP-0084 wants this one
    assert base64.b64decode(avatar.base64) == data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "neither PNG nor JPEG"),
        (b"GIF89a" + b"\0" * 40, "neither PNG nor JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither PNG nor JPEG"),
        (png()[:20], "damaged image/png"),
        (png(width=0), "damaged image/png"),
        (png().replace(b"IHDR", b"IDAT"), "damaged image/png"),
        (jpeg()[:30], "damaged image/jpeg"),
        (b"\xff\xd8\xff\xd9", "damaged image/jpeg"),
        (b"\xff\xd8\xff\xe0\x00\x00" * 10, "damaged image/jpeg"),
        (png(padding=MAX_SIZE), f"more than {MAX_SIZE} octets"),
    ],
)
def test_what_is_no_usable_picture_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(AvatarError, match=reason):
        read_avatar(data)


@given(st.binary(max_size=200))
def test_any_octets_are_a_picture_or_refused(data: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"):
        try:
            avatar = read_avatar(start + data)
        except AvatarError:
            continue
        assert avatar.width > 0 < avatar.height


def test_a_picture_is_a_file_or_base64_even_where_that_looks_like_a_path(tmp_path: Path) -> None:
    file = tmp_path / "Zoë & co.png"
    file.write_bytes(png())
    assert load_avatar(str(file)).data == png()
    assert load_avatar(base64.b64encode(png()).decode()).data == png()
    text = base64.encodebytes(jpeg()).decode()
    assert text.startswith("/9j/")
    assert load_avatar(text).data == jpeg()


def test_a_file_that_is_too_big_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "huge.png"
    with file.open("wb") as handle:
        handle.write(png())
        handle.truncate(1 << 40)
    with pytest.raises(AvatarError, match="octets; make the picture smaller"):
        load_avatar(str(file))


@pytest.mark.parametrize("name", ["no such file.png", "", "a\0b", "x" * 5000, "."])
def test_a_file_that_cannot_be_read_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="name a file of the control node"):
        load_avatar(str(tmp_path / name))


def metadata(*idents: str) -> Element:
    infos = "".join(f"<info id='{ident}' type='image/png' bytes='1'/>" for ident in idents)
    return fromstring(f"<item id='x'><metadata xmlns='urn:xmpp:avatar:metadata'>{infos}</metadata></item>")


def test_the_data_is_published_before_its_description() -> None:
    avatar = read_avatar(png())
    steps = plan_avatar([], avatar)
    assert [step.node for step in steps] == ["urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata"]
    (info,) = fromstring(steps[1].content)
    assert info.attrib == {
        "id": avatar.ident,
        "type": "image/png",
        "bytes": str(len(avatar.data)),
        "width": "3",
        "height": "5",
    }
    assert base64.b64decode(fromstring(steps[0].content).text or "") == avatar.data
    assert published([metadata(avatar.ident)]) == [avatar.ident]
    assert published([metadata()]) == published([]) == []


def test_a_picture_of_the_persons_stays_unless_ours_is_enforced() -> None:
    avatar = read_avatar(png())
    assert plan_avatar(["theirs"], avatar) == []
    assert len(plan_avatar(["theirs"], avatar, enforced=True)) == 2
    assert plan_avatar(["theirs", avatar.ident], avatar, enforced=True) == []
    assert plan_avatar(["theirs"], avatar, present=False) == []
    assert [step.verb for step in plan_avatar([avatar.ident], avatar, present=False)] == ["publish", "retract"]
