"""Reading JSON (RFC 8259) with the place of each value, so that a file can be changed without rewriting it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

#: Deeper nesting than any configuration has: a file that goes deeper is made to exhaust its reader.
MAX_DEPTH = 64

_BOM = "\ufeff"
_SPACE = re.compile(r"[ \t\r\n]*")
_CHARS = re.compile(r'[^"\\\x00-\x1f]*')
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9.eE+-])")
_WORD = re.compile(r"true|false|null")


class JsonError(Exception):
    """The text is not JSON that can be changed safely.

    Attributes:
        line: number of the line, from 1.
        what: what is wrong there; never a part of the text.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


@dataclass(frozen=True)
class Number:
    """A number as it is written: it is neither rounded nor, with thousands of digits, expanded."""

    text: str


@dataclass
class Node:
    """One value and its place.

    Attributes:
        kind: "object", "array" or "scalar".
        start: offset of its first character.
        end: offset just behind its last.
        text: a scalar as it is written; "" for the others.
        members: key -> value of an object.
        items: values of an array.
        before: for a member or an item, offset just behind the "{", "[" or "," before it.
        colon: for a member, what stands between its key and its value.
    """

    kind: str
    start: int
    end: int = 0
    text: str = ""
    members: dict[str, Node] | None = None
    items: list[Node] | None = None
    before: int = 0
    colon: str = ""

    def children(self) -> list[Node]:
        """The values in an object or array, in order."""
        return list(self.members.values()) if self.members is not None else self.items or []

    def value(self) -> Any:
        """The value as Python has it, numbers as Number."""
        if self.members is not None:
            return {key: node.value() for key, node in self.members.items()}
        if self.items is not None:
            return [node.value() for node in self.items]
        if self.text[0] in "-0123456789":
            return Number(self.text)
        return json.loads(self.text)


def json_text(value: Any) -> str:
    """A string, number or constant as JSON; ASCII only if it holds what UTF-8 cannot (half of a surrogate pair)."""
    text = value.text if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


def decode(data: bytes) -> tuple[str, str]:
    """Decode the bytes of a JSON file. Returns its byte order mark ("" if it has none) and its text.

    Raises:
        JsonError: not UTF-8.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise JsonError(data.count(b"\n", 0, error.start) + 1, "is not UTF-8") from None
    return (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)


def parse(text: str) -> Node:
    """Read a JSON text.

    Raises:
        JsonError: malformed, nested deeper than MAX_DEPTH, or a key twice in one object.
    """
    parser = _Parser(text)
    node = parser.value(parser.skip(0), 0)
    end = parser.skip(node.end)
    if end < len(text):
        raise parser.error(end, "something follows the value")
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text

    def error(self, at: int, what: str) -> JsonError:
        return JsonError(self._text.count("\n", 0, at) + 1, what)

    def skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def value(self, at: int, depth: int) -> Node:
        first = self._text[at : at + 1]
        if first in ("{", "["):
            if depth == MAX_DEPTH:
                raise self.error(at, f"nested deeper than {MAX_DEPTH}")
            return self._object(at, depth) if first == "{" else self._array(at, depth)
        if first == '"':
            end = self._string(at)
        else:
            match = (_WORD if first.isalpha() else _NUMBER).match(self._text, at)
            end = match.end() if match else 0
        if not end:
            raise self.error(at, "a JSON value is expected")
        return Node("scalar", at, end, self._text[at:end])

    def _string(self, at: int) -> int:
        """Offset just behind a string that begins here; 0 if none does, or if it is malformed."""
        # Not one regular expression: before Python 3.11 one for megabytes of escapes takes gigabytes of memory.
        if self._text[at : at + 1] != '"':
            return 0
        match = _CHARS.match(self._text, at + 1)
        while match and (escape := _ESCAPE.match(self._text, match.end())):
            match = _CHARS.match(self._text, escape.end())
        return match.end() + 1 if match and self._text[match.end() : match.end() + 1] == '"' else 0

    def _object(self, at: int, depth: int) -> Node:
        members: dict[str, Node] = {}
        node = Node("object", at, members=members)
        before, at = at + 1, self.skip(at + 1)
        while self._text[at : at + 1] != "}" or members:
            end = self._string(at)
            if not end:
                raise self.error(at, "a key in quotes is expected")
            key = json.loads(self._text[at:end])
            if key in members:
                raise self.error(at, "a key is given twice in one object")
            colon = self.skip(end)
            if self._text[colon : colon + 1] != ":":
                raise self.error(colon, "':' is expected")
            start = self.skip(colon + 1)
            members[key] = member = self.value(start, depth + 1)
            member.before, member.colon = before, self._text[end:start]
            before, at, closed = self._next(member.end, "}")
            if closed:
                break
        node.end = at + 1
        return node

    def _array(self, at: int, depth: int) -> Node:
        items: list[Node] = []
        node = Node("array", at, items=items)
        before, at = at + 1, self.skip(at + 1)
        while self._text[at : at + 1] != "]" or items:
            items.append(item := self.value(at, depth + 1))
            item.before = before
            before, at, closed = self._next(item.end, "]")
            if closed:
                break
        node.end = at + 1
        return node

    def _next(self, at: int, closing: str) -> tuple[int, int, bool]:
        """What follows a member or an item: offset behind the mark, offset of what comes then, whether it closes."""
        at = self.skip(at)
        mark = self._text[at : at + 1]
        if mark == closing:
            return at, at, True
        if mark != ",":
            raise self.error(at, f"',' or '{closing}' is expected")
        return at + 1, self.skip(at + 1), False
