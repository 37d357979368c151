"""A shortcut of Windows ([MS-SHLLINK]) in a person's Startup folder: it starts a client when the person logs on.

The fragment is JSON: ``{"command": [program, argument, ...], "start": true}``. A link of ours names its program by an
EnvironmentVariableDataBlock only, as Windows' own links of the Start menu do (its Paint.lnk has neither an item list
nor a LinkInfo), so that it holds nothing of a machine: the same fragment gives the same bytes everywhere, and those
bytes are how we know what is ours. A link that the user made and that starts the client is as good, and stays.
"""

from __future__ import annotations

import json
import ntpath
import re
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from .base import Format, Refused, Siblings
from .key_value_lines import masked_text

_ITEM = "link"
_CLSID = bytes.fromhex("0114020000000000c000000000000046")
_HEADER = 76
# LinkFlags, by the names of the specification (2.1.1).
_ID_LIST, _LINK_INFO = 1 << 0, 1 << 1
_STRINGS = {"name": 1 << 2, "relative": 1 << 3, "directory": 1 << 4, "arguments": 1 << 5, "icon": 1 << 6}
_UNICODE, _NO_LINK_INFO, _EXP_STRING = 1 << 7, 1 << 8, 1 << 9
#: Windows then adds no identity of the machine when it follows the link.
_NO_LINK_TRACK = 1 << 18
_PREFER_ENVIRONMENT = 1 << 25
_SHOW_NORMAL = 1
_ENVIRONMENT, _ENVIRONMENT_SIZE = 0xA0000001, 0x314
_ANSI, _MAX_PATH = "cp1252", 260
#: Folders that Windows names by a variable in one link and by their place in another.
_PLACES = {
    "%programfiles%": r"(?:%programfiles%|%programw6432%|[a-z]:\\program files)",
    "%programfiles(x86)%": r"(?:%programfiles\(x86\)%|[a-z]:\\program files \(x86\))",
    "%userprofile%": r"(?:%userprofile%|[a-z]:\\users\\[^\\]+)",
}


class Link(NamedTuple):
    """What a link says.

    Attributes:
        target: path of the program, variables as they stand; "" where only an item list or nothing names it.
        arguments: command line behind it.
        directory: where it starts.
    """

    target: str
    arguments: str
    directory: str


class ShellLink:
    """The format of such a link. It looks at no sibling."""

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Lay the link, or take ours away; see im_formats.base.Format. b"" stands for no file.

        Without an enforced fragment only a link of ours is touched, when the client has moved: what the user put there
        stands for a choice, whatever it is.
        """
        wish, start = _fragment(enforced), _fragment(initial)
        if wish is None and (start is None or _ITEM in taken_back):
            return current if current is not None else b""
        if current is None:
            return link_to((wish or start or {})["command"]) if (wish or start or {})["start"] else b""
        if wish is None:
            return _renewed(current, start or {}) if is_ours(current) else current
        if is_ours(current):
            return _renewed(current, wish)
        starts_it = _starts(read(current), wish["command"][0])
        if starts_it and not wish["start"]:
            raise Refused("link", "the user made it and it starts the client, which the site forbids; have it deleted")
        if not starts_it and wish["start"]:
            raise Refused("link", "the user made it and it starts something else; have it renamed or deleted")
        return current

    def items(self, content: bytes, siblings: Siblings | None = None) -> dict[str, str]:
        """The one item "link", a thing, whatever it starts; see im_formats.base.Format."""
        if content:
            read(content)
        return {_ITEM: ""} if content else {}

    def wanted(self, fragment: str) -> dict[str, str]:
        """The same for a fragment; see im_formats.base.Format."""
        wish = _fragment(fragment)
        return {_ITEM: ""} if wish and wish["start"] else {}

    def remove(self, current: bytes, items: Mapping[str, str], siblings: Siblings | None = None) -> bytes | None:
        """None, for the link goes as a whole, while it is still ours; see im_formats.base.Format."""
        return None if items.get(_ITEM) == "" and is_ours(current) else current

    def findings(self, content: bytes) -> list[str]:
        """None: a link has no place for a password; see im_formats.base.Format."""
        return []

    def describe(self, content: bytes | None) -> str:
        """What the link starts; a command line of the user's own is not shown. See im_formats.base.Format."""
        if not content:
            return ""
        try:
            link = read(content)
        except Refused as refused:
            return f"no shortcut ({refused})\n"
        told = f"target={link.target}\n"
        if link.arguments:
            told += f"arguments={link.arguments if is_ours(content) else '********'}\n"
        return masked_text(told.encode("utf-8", "replace"))


FORMAT: Format = ShellLink()


def link_to(command: list[str]) -> bytes:
    """The bytes of a link of ours that runs a command: always the same ones for the same command."""
    target, *arguments = command
    strings = {"directory": ntpath.dirname(target), "arguments": _command_line(arguments)}
    flags = _UNICODE | _NO_LINK_INFO | _EXP_STRING | _NO_LINK_TRACK | _PREFER_ENVIRONMENT
    flags |= sum(_STRINGS[name] for name, value in strings.items() if value)
    # No attributes, times, size, icon or hot key: they would be those of a machine.
    header = struct.pack("<I16sII24sIIIHHII", _HEADER, _CLSID, flags, 0, b"", 0, 0, _SHOW_NORMAL, 0, 0, 0, 0)
    counted = b"".join(
        struct.pack("<H", len(_utf16(value)) // 2) + _utf16(value)
        for value in (strings[name] for name in _STRINGS if strings.get(name))
    )
    ansi = target.encode(_ANSI, "replace").ljust(_MAX_PATH, b"\0")
    wide = _utf16(target).ljust(2 * _MAX_PATH, b"\0")
    block = struct.pack("<II", _ENVIRONMENT_SIZE, _ENVIRONMENT) + ansi + wide
    return header + counted + block + struct.pack("<I", 0)


def is_ours(content: bytes) -> bool:
    """Whether a link is one that link_to() makes, byte for byte; Windows writes none of that shape into this folder."""
    try:
        link = read(content)
        return bool(link.target) and link_to([link.target, *_words(link.arguments)]) == content
    except (Refused, ValueError):
        return False


def read(content: bytes) -> Link:
    """Read a link strictly.

    Raises:
        Refused: it is no shell link, or some part of it does not end where it says.
    """
    if len(content) < _HEADER or content[:4] != struct.pack("<I", _HEADER) or content[4:20] != _CLSID:
        raise Refused("byte 0", "this is no shortcut of Windows")
    (flags,) = struct.unpack_from("<I", content, 20)
    at = _HEADER
    if flags & _ID_LIST:
        (size,) = _unpack("<H", content, at, "LinkTargetIDList")
        _check_items(_part(content, at + 2, size, "LinkTargetIDList"), at + 2)
        at += 2 + size
    place = ""
    if flags & _LINK_INFO:
        (size,) = _unpack("<I", content, at, "LinkInfo")
        place = _local_path(_part(content, at, size, "LinkInfo"), at)
        at += size
    strings: dict[str, str] = {}
    for name, flag in _STRINGS.items():
        if flags & flag:
            (count,) = _unpack("<H", content, at, f"string {name}")
            text = _part(content, at + 2, count * (2 if flags & _UNICODE else 1), f"string {name}")
            strings[name] = _decoded(text, flags & _UNICODE)
            at += 2 + len(text)
    block = _environment(content, at)
    named = block if flags & _EXP_STRING else ""
    # The variables of a 32-bit program are not those of the shell: the place counts, unless the link says otherwise.
    use_place = place and not flags & _NO_LINK_INFO and not (flags & _PREFER_ENVIRONMENT and named)
    return Link(place if use_place else named, strings.get("arguments", ""), strings.get("directory", ""))


def _environment(content: bytes, at: int) -> str:
    """The target of the EnvironmentVariableDataBlock among the blocks at the end of a link, which are all walked."""
    named = ""
    while True:
        (size,) = _unpack("<I", content, at, "ExtraData")
        if size < 4:
            break
        if size < 8:
            raise Refused(f"byte {at}", f"a block of ExtraData has {size} bytes, fewer than its own head")
        block = _part(content, at, size, "ExtraData")
        if struct.unpack_from("<I", block, 4)[0] == _ENVIRONMENT:
            if size != _ENVIRONMENT_SIZE:
                raise Refused(f"byte {at}", f"its EnvironmentVariableDataBlock has {size} bytes")
            ansi, wide = block[8 : 8 + _MAX_PATH], block[8 + _MAX_PATH :]
            named = _decoded(wide, True).partition("\0")[0] or _decoded(ansi, False).partition("\0")[0]
        at += size
    if len(content) != at + 4:
        raise Refused(f"byte {at + 4}", f"{len(content) - at - 4} bytes behind the end of the shortcut")
    return named


def _check_items(items: bytes, at: int) -> None:
    """Walk an IDList: each item begins with its size, and two zero bytes end the list."""
    place = 0
    while True:
        (size,) = _unpack("<H", items, place, "LinkTargetIDList", at)
        if size == 0:
            break
        if size < 2:
            raise Refused(f"byte {at + place}", "an item of LinkTargetIDList is shorter than its own size")
        place += size
    if place + 2 != len(items):
        raise Refused(f"byte {at + place}", "LinkTargetIDList ends before its end")


def _local_path(info: bytes, at: int) -> str:
    """The path on this PC that a LinkInfo names (2.3); "" where it names a network share only."""
    if len(info) < 0x1C:
        raise Refused(f"byte {at}", "LinkInfo is shorter than its own head")
    _, head, flags, _, base, _, suffix = struct.unpack_from("<7I", info)
    if not flags & 1:
        return ""
    wide = head >= 0x24 and len(info) >= 0x24
    if wide:
        base, suffix = struct.unpack_from("<2I", info, 0x1C)
    if max(base, suffix) >= len(info):
        raise Refused(f"byte {at}", "LinkInfo names places behind its own end")
    return _text_at(info, base, wide) + _text_at(info, suffix, wide)


def _text_at(info: bytes, place: int, wide: bool) -> str:
    if not place:
        return ""
    text = info[place : place + 2 * ((len(info) - place) // 2)] if wide else info[place:]
    return _decoded(text, wide).partition("\0")[0]


def _part(content: bytes, at: int, size: int, what: str) -> bytes:
    if at + size > len(content):
        raise Refused(f"byte {at}", f"{what} goes beyond the end of the file")
    return content[at : at + size]


def _unpack(form: str, content: bytes, at: int, what: str, origin: int = 0) -> tuple[Any, ...]:
    if at + struct.calcsize(form) > len(content):
        raise Refused(f"byte {origin + at}", f"the file ends where {what} should stand")
    return struct.unpack_from(form, content, at)


def _decoded(text: bytes, wide: int | bool) -> str:
    return text.decode("utf-16-le" if wide else _ANSI, "replace")


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le")


def _renewed(current: bytes, wish: Mapping[str, Any]) -> bytes:
    """What becomes of a link of ours: gone, or to the program of today."""
    wanted = link_to(wish["command"]) if wish["start"] else b""
    return current if wanted == current else wanted


def _starts(link: Link, program: str) -> bool:
    """Whether a link starts a program, as far as both name the same place."""
    wanted = re.escape(program.casefold())
    for name, places in _PLACES.items():
        wanted = wanted.replace(re.escape(name), places)
    return re.fullmatch(wanted, link.target.casefold().strip()) is not None


def _command_line(arguments: list[str]) -> str:
    """Arguments as one command line; those of our roles are single words."""
    if any(not word or re.search(r'[\s"]', word) for word in arguments):
        raise ValueError("fragment: an argument of a shortcut must be a word without blanks and quotes")
    return " ".join(arguments)


def _words(line: str) -> list[str]:
    return line.split(" ") if line else []


def _fragment(fragment: str) -> dict[str, Any] | None:
    """Read a fragment; None if it is blank."""
    if not fragment.strip():
        return None
    try:
        wish = json.loads(fragment)
    except ValueError as error:
        raise ValueError(f"fragment: no JSON ({error})") from None
    if not isinstance(wish, dict) or wish.keys() != {"command", "start"} or not isinstance(wish["start"], bool):
        raise ValueError("fragment: a shortcut needs command and start, and nothing else")
    command = wish["command"]
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise ValueError("fragment: command must be a list of texts")
    target = command[0]
    if not target or "\0" in target or len(_utf16(target)) >= 2 * _MAX_PATH:
        raise ValueError(f"fragment: the program must have 1 to {_MAX_PATH - 1} characters")
    _command_line(command[1:])
    return wish
