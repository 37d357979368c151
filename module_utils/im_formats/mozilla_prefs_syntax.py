"""Reading and editing the text of a prefs file (prefs.js of Thunderbird), keeping every byte that is not ours.

The grammar is that of the client's own parser (libpref, modules/libpref/parser/src/lib.rs)::

    pref  = "user_pref" "(" string "," value ")" ";"        # "pref" in files of defaults
    value = string | "true" | "false" | ["+" | "-"] digits  # 32 bits

with ``#``, ``//`` and ``/* */`` comments, strings in either quote that may span lines, and the escapes
``\\" \\' \\\\ \\n \\r \\xNN \\uNNNN`` only. Where the client skips to the next ``;`` after an error, we stop: what it
would read from there on is a guess. A NUL byte, the end of the file to the client, is an error for the same reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, Union

Value = Union[str, int, bool]  # noqa: UP007 - a desk's Python 3.9 has no "|" between types at run time

#: Written at the head of a new prefs.js, as the client does.
HEADER = "// Mozilla User Preferences\n\n"

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\v\f"
_INT_LIMIT = 1 << 31

_TOKEN = re.compile(
    rb"""
      (?P<space>[\t\n\v\f\r\ ]+)
    | (?P<comment>(?://|\#)[^\r\n]*)
    | (?P<word>[A-Za-z_]+)
    | (?P<digits>[0-9]+)
    | (?P<mark>[()+,;-])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(
    rb"""\\(?:
      u(?P<high>[Dd][89ABab][0-9A-Fa-f]{2})\\u(?P<low>[Dd][C-Fc-f][0-9A-Fa-f]{2})
    | u(?P<unit>[0-9A-Fa-f]{4})
    | x(?P<byte>[0-9A-Fa-f]{2})
    | (?P<char>["'\\nr])
    | (?P<bad>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_STOP = {quote: re.compile(rb"\\|" + quote) for quote in (b'"', b"'")}
_EOL = re.compile(rb"\r\n|\r|\n")
_NEEDS_ESCAPE = re.compile('["\\\\\r\n\udc80-\udcff]')


class PrefsError(Exception):
    """The text is not a prefs file.

    Attributes:
        line: number of the line, from 1.
        what: what is wrong there; never a part of the text, which may be a secret.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


class Pref(NamedTuple):
    """One statement.

    Attributes:
        keyword: "user_pref" or "pref".
        name: name of the preference.
        value: its value; a string with bytes that are not UTF-8 (``\\xNN``) holds them as surrogate escapes.
        start: offset of the keyword, in bytes.
        value_start: offset of the value's literal.
        value_end: offset just behind it.
        end: offset just behind the statement's ";".
    """

    keyword: str
    name: str
    value: Value
    start: int
    value_start: int
    value_end: int
    end: int


class _Token(NamedTuple):
    kind: str
    text: bytes
    start: int
    end: int


def same(one: Value | None, other: Value | None) -> bool:
    """Whether two values are equal and of one type: to the client, 1 is not true."""
    return type(one) is type(other) and one == other


def literal(value: Value) -> str:
    """Write a value as the client does (StrEscape in Preferences.cpp), bytes that are not UTF-8 as ``\\xNN``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + _NEEDS_ESCAPE.sub(_escaped, value) + '"'


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char in "\r\n":
        return "\\r" if char == "\r" else "\\n"
    return f"\\x{ord(char) - 0xDC00:02x}" if char >= "\udc80" else "\\" + char


class PrefsText:
    """A prefs file and the changes to make in it.

    Attributes:
        prefs: the statements, in the order of the file.
        values: name -> value that the client would hold, changes included. The last statement of a name wins.
    """

    def __init__(self, data: bytes, keywords: tuple[str, ...] = ("user_pref",)) -> None:
        """Read a prefs file.

        Args:
            data: the bytes: UTF-8, with or without byte order mark, any line end. May be empty.
            keywords: those accepted; in a user's file, the client takes no other than "user_pref".

        Raises:
            PrefsError: the text cannot be read whole.
        """
        self._data = data
        self.prefs = list(_statements(data, keywords))
        self._last = {pref.name: pref for pref in self.prefs}
        self.values: dict[str, Value] = {pref.name: pref.value for pref in self.prefs}
        self._changed: set[str] = set()
        self._unset: set[str] = set()

    def line_of(self, name: str) -> int:
        """Line on which the statement that counts for ``name`` begins; 0 if the file has none."""
        return _line(self._data, self._last[name].start) if name in self._last else 0

    def set(self, name: str, value: Value) -> None:
        """Have ``name`` hold ``value``; nothing happens if it does."""
        if name not in self.values or not same(self.values[name], value):
            self.values[name] = value
            self._changed.add(name)
            self._unset.discard(name)

    def unset(self, name: str) -> None:
        """Take all statements of ``name`` out, each with its line if nothing else stands there."""
        if self.values.pop(name, None) is not None:
            self._changed.discard(name)
            self._unset.add(name)

    def render(self) -> bytes:
        """Return the text with the changes: values replaced in place, new statements at the end, sorted by name.

        Returns:
            The very same object that was read when nothing changed.
        """
        edits = [(*self._extent(pref), b"") for pref in self.prefs if pref.name in self._unset]
        last_line_goes = any(end == len(self._data) for _, end, _ in edits) and not _ends_a_line(self._data)
        for name in self._changed & self._last.keys():
            pref, value = self._last[name], self.values[name]
            if not same(pref.value, value):
                old = self._data[pref.value_start : pref.value_end]
                edits.append((pref.value_start, pref.value_end, _changed_literal(old, pref.value, value)))
        added = sorted(self._changed - self._last.keys(), key=str.encode)
        if not edits and not added:
            return self._data
        parts, done = [], 0
        for start, end, new in sorted(edits):
            parts += [self._data[done:start], new]
            done = end
        text = b"".join([*parts, self._data[done:]])
        # A text whose last line has no end keeps that: it shall be what it was when what was added is taken out again.
        if last_line_goes:
            text = re.sub(rb"(?:\r\n|\r|\n)\Z", b"", text)
        eol = match[0] if (match := _EOL.search(self._data)) else b"\n"
        statements = [f"user_pref({literal(name)}, {literal(self.values[name])});".encode() for name in added]
        if _ends_a_line(text):
            return text + b"".join(statement + eol for statement in statements)
        return text + b"".join(eol + statement for statement in statements)

    def _extent(self, pref: Pref) -> tuple[int, int]:
        """From where to where a statement goes: with its lines if it has them for itself."""
        start = max(self._data.rfind(b"\n", 0, pref.start), self._data.rfind(b"\r", 0, pref.start)) + 1
        if start == 0 and self._data.startswith(_BOM):
            start = len(_BOM)
        eol = _EOL.search(self._data, pref.end)
        end = eol.start() if eol else len(self._data)
        if self._data[start : pref.start].strip(_BLANK) or self._data[pref.end : end].strip(_BLANK):
            return pref.start, pref.end
        return start, eol.end() if eol else end

    def mask(self, secret: Callable[[str, Value], Value], comment: Callable[[str], str]) -> str:
        """Return the text as it was read, for a reader.

        Args:
            secret: gives the value to show for (name, value).
            comment: gives the comment to show for a comment.
        """
        shown = [
            (pref.value_start, pref.value_end, literal(value).encode())
            for pref in self.prefs
            if not same(value := secret(pref.name, pref.value), pref.value)
        ]
        for token in _tokens(self._data):
            if token.kind == "comment" and (text := comment(token.text.decode()).encode()) != token.text:
                shown.append((token.start, token.end, text))
        parts, done = [], 0
        for start, end, text in sorted(shown):
            parts += [self._data[done:start], text]
            done = end
        return b"".join([*parts, self._data[done:]]).removeprefix(_BOM).decode()


def _ends_a_line(text: bytes) -> bool:
    return text in (b"", _BOM) or text.endswith((b"\n", b"\r"))


def _changed_literal(old: bytes, before: Value, after: Value) -> bytes:
    """Write a value in the place of another, keeping what two strings begin and end with as it is spelled."""
    if not isinstance(before, str) or not isinstance(after, str):
        return literal(after).encode()
    spelled: list[tuple[str, bytes]] = []
    body, done = old[1:-1], 0
    for match in [*_ESCAPE.finditer(body), None]:
        plain = body[done : match.start() if match else len(body)].decode()
        spelled += [(char, char.encode()) for char in plain]
        if match:
            spelled.append((_unescaped(match).decode("utf-8", "surrogateescape"), match[0]))
            done = match.end()
    if len(before) != len(spelled):
        return literal(after).encode()  # characters spelled byte by byte
    shorter = min(len(before), len(after))
    head = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    tail = next((at for at in range(shorter - head) if before[-1 - at] != after[-1 - at]), shorter - head)
    middle = _NEEDS_ESCAPE.sub(_escaped, after[head : len(after) - tail])
    if old[:1] == b"'":
        middle = middle.replace("'", "\\'")
    raw = [text for _, text in spelled]
    return b"".join([old[:1], *raw[:head], middle.encode(), *raw[len(raw) - tail :], old[:1]])


def _line(data: bytes, at: int) -> int:
    return len(_EOL.findall(data, 0, at)) + 1


def _tokens(data: bytes) -> Iterator[_Token]:
    """Cut the text into tokens, white space left out and comments kept; the last has the kind "end"."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise PrefsError(_line(data, error.start), "is not UTF-8") from None
    at = len(_BOM) if data.startswith(_BOM) else 0
    if (nul := data.find(b"\0")) >= 0:
        raise PrefsError(_line(data, nul), "holds a NUL byte, where the client would stop reading")
    while at < len(data):
        start = at
        if data[at : at + 1] in (b'"', b"'"):
            kind, at = "string", _string_end(data, at)
        elif data.startswith(b"/*", at):
            kind, at = "comment", data.find(b"*/", at + 2) + 2
        else:
            match = _TOKEN.match(data, at)
            kind, at = (str(match.lastgroup), match.end()) if match else ("", 0)
        if at <= start:
            raise PrefsError(_line(data, start), _lexical_error(data[start : start + 2]))
        if kind != "space":
            yield _Token(kind, data[start:at], start, at)
    yield _Token("end", b"", at, at)


def _string_end(data: bytes, at: int) -> int:
    """Offset just behind a string that begins here; 0 if it never ends."""
    # Not one regular expression: before Python 3.11 one for megabytes of escapes takes gigabytes of memory.
    stop = _STOP[data[at : at + 1]]
    match = stop.search(data, at + 1)
    while match and match[0] == b"\\":
        match = stop.search(data, match.end() + 1)
    return match.end() if match else 0


def _lexical_error(head: bytes) -> str:
    if head[:1] in (b'"', b"'"):
        return "a string begins here and never ends"
    if head == b"/*":
        return "a comment begins here and never ends"
    return "an unexpected character"


def _statements(data: bytes, keywords: tuple[str, ...]) -> Iterator[Pref]:
    tokens = (token for token in _tokens(data) if token.kind != "comment")

    def expect(kind: str, text: bytes, wanted: str) -> _Token:
        token = next(tokens)
        if token.kind != kind or (text and token.text != text):
            raise PrefsError(_line(data, token.start), f"{wanted} is expected")
        return token

    while (keyword := next(tokens)).kind != "end":
        if keyword.kind != "word" or keyword.text.decode() not in keywords:
            raise PrefsError(_line(data, keyword.start), 'user_pref("name", value); is expected')
        expect("mark", b"(", "'(' after the keyword")
        name = expect("string", b"", "the name of a preference, in quotes,")
        expect("mark", b",", "',' after the name")
        first = next(tokens)
        last = expect("digits", b"", "a number after the sign") if first.text in (b"+", b"-") else first
        value = _value(data, first, last)
        expect("mark", b")", "')' after the value")
        end = expect("mark", b";", "';' after ')'").end
        yield Pref(keyword.text.decode(), _string(data, name), value, keyword.start, first.start, last.end, end)


def _value(data: bytes, first: _Token, last: _Token) -> Value:
    if first.text in (b"true", b"false"):
        return first.text == b"true"
    if first.kind == "string":
        return _string(data, first)
    if last.kind != "digits":
        raise PrefsError(_line(data, first.start), "a value (string, number, true or false) is expected")
    digits = last.text.lstrip(b"0") or b"0"
    number = int(digits[:11]) if first.text != b"-" else -int(digits[:11])
    if len(digits) > 10 or not -_INT_LIMIT <= number < _INT_LIMIT:
        raise PrefsError(_line(data, first.start), "the number does not fit in 32 bits")
    return number


def _string(data: bytes, token: _Token) -> str:
    body = token.text[1:-1]
    decoded, done = bytearray(), 0
    for match in _ESCAPE.finditer(body):
        decoded += body[done : match.start()]
        done = match.end()
        char = _unescaped(match)
        if not char:
            raise PrefsError(_line(data, token.start), "a string holds an escape that the client does not accept")
        decoded += char
    decoded += body[done:]
    return decoded.decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    """What an escape stands for; b"" for one that the client does not accept."""
    if match["char"]:
        return {b"n": b"\n", b"r": b"\r"}.get(match["char"], match["char"])
    if match["high"]:
        return bytes.fromhex((match["high"] + match["low"]).decode()).decode("utf-16-be").encode()
    unit = int(match["unit"] or match["byte"] or b"0", 16)
    if unit == 0 or (match["unit"] and 0xD800 <= unit < 0xE000):
        return b""
    return bytes([unit]) if match["byte"] else chr(unit).encode()
