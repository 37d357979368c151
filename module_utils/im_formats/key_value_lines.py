"""Reading and editing files of ``[group]`` and ``key=value`` lines, keeping every byte that is not ours.

What profiles.ini of Mozilla (xpcom/ds/nsINIParser.cpp) and desktop entries (freedesktop.org, Desktop Entry
Specification 1.5) have in common. Where the programs that read them skip a line they do not understand, we stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BLANK = b" \t"
_BLANK_LINE = re.compile(rb"[ \t]*(?:\r\n|\r|\n)")
_SECRET = re.compile("password|passwd|secret|token", re.IGNORECASE)
_PRIVATE_KEY = re.compile(r"(-----BEGIN [^-\n]*PRIVATE KEY-----).*?(-----END [^-\n]*PRIVATE KEY-----|\Z)", re.DOTALL)
_MASK = "********"


class LinesError(Exception):
    """The text is not made of groups and keys.

    Attributes:
        line: number of the line, from 1.
        what: what is wrong there; never a part of the text.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


@dataclass(frozen=True)
class Entry:
    """One ``key=value``: its value, the offsets of the value in bytes, and its line, from 1."""

    value: str
    start: int
    end: int
    line: int


@dataclass
class Group:
    """One group.

    Attributes:
        line: number of its line.
        start: offset of its name.
        end: offset just behind its header or last entry.
        entries: by key, in order.
    """

    line: int
    start: int
    end: int
    entries: dict[str, list[Entry]] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        """Value of the last entry of ``key``: the one that counts."""
        return self.entries[key][-1].value if key in self.entries else None


class KeyValueLines:
    """A file of groups, and the changes to make in it.

    Attributes:
        groups: name -> group, in the order of the file.
    """

    def __init__(self, data: bytes, comments: str, *, tidy: bool) -> None:
        """Read a file.

        Args:
            data: UTF-8, with or without byte order mark, any line end. May be empty.
            comments: characters that begin a comment.
            tidy: whether blanks around "=" do not count (desktop entries) or belong to key and value (Mozilla).

        Raises:
            LinesError: a line is neither group, nor key, nor comment, nor blank; or a group comes twice.
        """
        self._data = data
        self._replaced: list[tuple[int, int, bytes]] = []
        self._added: list[tuple[int, int, bytes]] = []
        self._tail = b""
        self.groups: dict[str, Group] = {}
        group = None
        for number, start, raw in _lines(data):
            line = raw.lstrip(_BLANK)
            if not line or line[0] in comments.encode():
                continue
            if line[:1] == b"[":
                group = self._open(line, number, start + len(raw) - len(line) + 1)
                group.end = start + len(raw)
            elif group is None:
                raise LinesError(number, "a key stands before the first [group]")
            else:
                key, sign, value = line.partition(b"=")
                if not sign or not key.strip(_BLANK):
                    raise LinesError(number, "neither a [group], nor key=value, nor a comment")
                if tidy:
                    key, value = key.rstrip(_BLANK), value.lstrip(_BLANK)
                group.end = start + len(raw)
                entry = Entry(value.decode(), group.end - len(value), group.end, number)
                group.entries.setdefault(key.decode(), []).append(entry)

    def _open(self, line: bytes, number: int, start: int) -> Group:
        header = line.rstrip(_BLANK)
        if header.find(b"]") != len(header) - 1 or header == b"[]":
            raise LinesError(number, "a [group] that has no name, is not closed, or is followed by something")
        name = header[1:-1].decode()
        if name in self.groups:
            raise LinesError(number, f"group [{name}] stands on line {self.groups[name].line} already")
        self.groups[name] = Group(number, start, 0)
        return self.groups[name]

    def set(self, group: str, key: str, value: str) -> None:
        """Have ``key`` of an existing group hold ``value``: in place, or on a new line at the end of the group."""
        there = self.groups[group]
        if key not in there.entries:
            text = self._eol() + f"{key}={value}".encode()
            self._added.append((there.end, there.end, text))
        elif (entry := there.entries[key][-1]).value != value:
            self._replaced.append((entry.start, entry.end, value.encode()))

    def append(self, group: str, entries: dict[str, str]) -> None:
        """Add a group at the end of the file.

        A blank line stands between it and what was there. It ends as the file ended (with a blank line, a line end or
        none), so that the file can be what it was when the group is taken out again.
        """
        eol = self._eol()
        lines = [f"[{group}]", *(f"{key}={value}" for key, value in entries.items())]
        text = eol.join(line.encode() for line in lines)
        there = self._data.removeprefix(_BOM)
        if not there:
            self._tail += (eol if self._tail else b"") + text + eol
        elif not there.endswith((b"\n", b"\r")):
            self._tail += eol + eol + text
        elif there.splitlines()[-1].strip(_BLANK):
            self._tail += eol + text + eol
        else:
            self._tail += text + eol + eol

    def rename(self, group: str, name: str) -> None:
        """Give a group another name that no group has."""
        start = self.groups[group].start
        self._replaced.append((start, start + len(group.encode()), name.encode()))
        self.groups = {name if one == group else one: there for one, there in self.groups.items()}

    def without_key(self, group: str, key: str) -> bytes:
        """Give the text as it was read without the lines of ``key`` in a group."""
        parts, done = [], 0
        lines = list(_lines(self._data))
        for entry in self.groups[group].entries[key]:
            # A line that was added brought its own line end in front of it.
            _, start, raw = lines[entry.line - 2]
            parts.append(self._data[done : start + len(raw)])
            done = entry.end
        return b"".join([*parts, self._data[done:]])

    def without_group(self, group: str) -> bytes:
        """Give the text as it was read without a group and one of the blank lines around it; comments in it stay."""
        there = self.groups[group]
        numbers = sorted({there.line, *(entry.line for entries in there.entries.values() for entry in entries)})
        lines = list(_lines(self._data))
        ends = [start for _, start, _ in lines[1:]] + [len(self._data)]
        parts, done = [], 0
        for number in numbers:
            parts.append(self._data[done : lines[number - 1][1]])
            done = ends[number - 1]
        before, after = b"".join(parts), self._data[done:]
        if numbers[-1] - numbers[0] + 1 > len(numbers):
            return before + after
        if not self._data[:done].endswith((b"\n", b"\r")):
            return _without_last_end(_without_last_end(before))
        match = _BLANK_LINE.match(after)
        if match:
            return before + after[match.end() :]
        shorter = _without_last_end(before)
        return (shorter if not after and shorter.endswith((b"\n", b"\r")) else before) + after

    def _eol(self) -> bytes:
        match = re.search(rb"\r\n|\r|\n", self._data)
        return match[0] if match else b"\n"

    def render(self) -> bytes:
        """Return the text with the changes; the very same object that was read when there are none."""
        if not self._replaced and not self._added and not self._tail:
            return self._data
        parts, done = [], 0
        # An empty value at the end of a group is replaced at the very place where lines are added: it comes first.
        for start, end, text in sorted([*self._replaced, *self._added], key=lambda edit: edit[0]):
            parts += [self._data[done:start], text]
            done = end
        return b"".join([*parts, self._data[done:], self._tail])


def _without_last_end(text: bytes) -> bytes:
    return re.sub(rb"(?:\r\n|\r|\n)\Z", b"", text)


def _lines(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of each line, its end left out. Offsets count the byte order mark."""
    start = len(_BOM) if data.startswith(_BOM) else 0
    for number, match in enumerate(_LINE.finditer(data, start), 1):
        line = match[0].rstrip(b"\r\n")
        try:
            line.decode()
        except UnicodeDecodeError:
            raise LinesError(number, "is not UTF-8") from None
        if b"\0" in line:
            raise LinesError(number, "holds a NUL byte")
        yield number, match.start(), line


def masked_text(content: bytes) -> str:
    """Text of a file of lines for a reader, secrets masked. Never raises.

    A line that speaks of a password, a secret or a token loses what follows the "=" or ":" behind its first word, or
    all of it if none stands there; a private key in PEM loses its body. Bytes that are not text are not shown.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return f"not readable ({len(content)} bytes)\n"
    text = _PRIVATE_KEY.sub(rf"\1\n{_MASK}\n\2", text)
    # Not splitlines(): it also cuts at marks that are a part of the value for the programs that read the file.
    return "".join(_masked_line(line) for line in re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text))


def _masked_line(line: str) -> str:
    if not _SECRET.search(line):
        return line
    head = re.match(r"[ \t]*[^\s=:]+[ \t]*[=:]", line)
    return (head[0] if head else "") + _MASK + "\n"
