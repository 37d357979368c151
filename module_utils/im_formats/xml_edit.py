"""A small XML document that is edited in place: every byte that nobody asked to change survives.

Parsing and printing again (ElementTree, lxml) loses quotes, attribute order, indentation, line ends and the prolog;
the law of our merges is that what is foreign survives byte for byte. So this document keeps the bytes, learns from
expat where each element stands in them, collects edits as splices, and applies the splices to the bytes at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from .base import Refused

#: Limits that no file of a client comes near (the largest seen is under 1 MiB), so that a hostile file in a person's
#: home cannot exhaust the control node.
MAX_BYTES = 64 * 1024 * 1024
MAX_TAGS = 500_000
MAX_DEPTH = 100
#: More white space than this before an element is no indentation worth copying.
MAX_INDENT = 200

_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_NAME = re.compile(rb"[^\s/>]+")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")
#: CDATA comes first: what looks like a comment inside CDATA is text.
_NOT_TEXT = re.compile(rb"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<\?.*?\?>", re.DOTALL)
#: What libpurple escapes (g_markup_escape_text), and what an XML reader would otherwise normalise away.
_TEXT_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"}
_ATTRIBUTE_ESCAPES = {**_TEXT_ESCAPES, "\n": "&#10;", "\t": "&#9;"}
_ESCAPE_TEXT = str.maketrans(_TEXT_ESCAPES)
_ESCAPE_ATTRIBUTE = str.maketrans(_ATTRIBUTE_ESCAPES)


@dataclass(eq=False)
class Element:
    """An element of a parsed document.

    Attributes:
        tag: name as written, prefix included.
        attributes: decoded values by name.
        start: offset of its "<" in the bytes.
        end: offset of its end tag; of the byte after "/>" when the element is self-closing.
        children: child elements in document order.
        pieces: decoded text directly inside the element, in parts.
    """

    tag: str
    attributes: dict[str, str]
    start: int
    end: int = 0
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Decoded text directly inside the element, joined across comments and children; "" when there is none."""
        return "".join(self.pieces)

    def named(self, tag: str) -> list[Element]:
        """Child elements of that name, in document order."""
        return [child for child in self.children if child.tag == tag]


@dataclass
class New:
    """An element to be written: ``text`` or ``children``, not both. May be completed until ``Document.result``."""

    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[New] = field(default_factory=list)


def walk(root: Element) -> Iterator[tuple[Element, bool]]:
    """Visit the tree in document order: (element, True) at its start tag, (element, False) at its end tag."""
    pending = [(root, True)]
    while pending:
        element, entering = pending.pop()
        yield element, entering
        if entering:
            pending.append((element, False))
            pending.extend((child, True) for child in reversed(element.children))


class Document:
    """One parsed document and the edits asked for so far.

    Args:
        data: the whole file: UTF-8, with or without byte order mark, any line ends.

    Raises:
        Refused: not well-formed, not UTF-8, holds a DOCTYPE or a NUL byte, or is beyond the limits above.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.root: Element
        #: (start, end) of each comment and processing instruction, the only foreign text outside of elements.
        self.remarks: list[tuple[int, int]] = []
        self._splices: list[tuple[int, int, bytes]] = []
        self._insertions: dict[tuple[Element, Element | None], list[New]] = {}
        _refuse_what_no_client_writes(data)
        self._parse()

    # Reading ----------------------------------------------------------------------------------------------------

    def _parse(self) -> None:
        # The encoding is forced: a declared one is checked below, and expat must not guess another.
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        open_elements: list[Element] = []

        def refuse(what: str) -> Refused:
            return Refused(f"line {parser.CurrentLineNumber}", what)

        def declaration(version: str, encoding: str | None, _standalone: int) -> None:
            if version != "1.0":
                raise refuse("an XML version other than 1.0 is declared")
            if encoding is not None and encoding.lower() != "utf-8":
                raise refuse("an encoding other than UTF-8 is declared; save the file as UTF-8")

        def doctype(*_: object) -> None:
            raise refuse("a DOCTYPE is not expected in this file; remove it")

        def start(tag: str, attributes: dict[str, str]) -> None:
            if len(open_elements) >= MAX_DEPTH:
                raise refuse(f"elements are nested more than {MAX_DEPTH} deep")
            element = Element(tag, attributes, parser.CurrentByteIndex)
            if open_elements:
                open_elements[-1].children.append(element)
            else:
                self.root = element
            open_elements.append(element)

        def end(_tag: str) -> None:
            open_elements.pop().end = parser.CurrentByteIndex

        def text(piece: str) -> None:
            open_elements[-1].pieces.append(piece)

        def remark(opening: bytes, closing: bytes) -> None:
            begin = parser.CurrentByteIndex
            # "<!--->" opens a comment and does not close it: look for the end behind the opening.
            self.remarks.append((begin, self.data.index(closing, begin + len(opening)) + len(closing)))

        parser.XmlDeclHandler = declaration
        parser.StartDoctypeDeclHandler = doctype
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = text
        parser.CommentHandler = lambda _text: remark(b"<!--", b"-->")
        parser.ProcessingInstructionHandler = lambda _target, _text: remark(b"<?", b"?>")
        try:
            parser.Parse(self.data, True)
        except expat.ExpatError as error:
            what = f"not well-formed XML ({expat.ErrorString(error.code)}); repair the file or put back a backup of it"
            raise Refused(f"line {error.lineno}, column {error.offset + 1}", what) from None

    def where(self, element: Element) -> str:
        """Place of an element for a person: "line 12"."""
        line = self.data.count(b"\n", 0, element.start) + 1
        return f"line {line}"

    def _start_tag(self, element: Element) -> tuple[dict[str, tuple[int, int]], int, int]:
        """Spans inside a start tag: each attribute value without its quotes, end of the last one, end of the tag."""
        name = _NAME.match(self.data, element.start + 1)
        offset = name.end() if name else element.start
        values = {}
        while found := _ATTRIBUTE.match(self.data, offset):
            values[found.group(1).decode()] = (found.start(2) + 1, found.end(2) - 1)
            offset = found.end()
        return values, offset, self.data.index(b">", offset) + 1

    def attribute_span(self, element: Element, name: str) -> tuple[int, int]:
        """Span of the raw value of an attribute that the element has, without the quotes."""
        return self._start_tag(element)[0][name]

    def content_span(self, element: Element) -> tuple[int, int] | None:
        """Span between start tag and end tag; None for a self-closing element."""
        content = self._start_tag(element)[2]
        return None if self.data.endswith(b"/>", element.start, content) else (content, element.end)

    def extent(self, element: Element) -> tuple[int, int]:
        """Span of the whole element, both tags included."""
        if self.content_span(element) is None:
            return element.start, element.end
        return element.start, self.data.index(b">", element.end) + 1

    def holds_elements_only(self, element: Element) -> bool:
        """Whether nothing but white space stands between the child elements: no text, no comment. True when empty."""
        return not self._without(element, [self.extent(child) for child in element.children]).strip(_SPACE)

    def _without(self, element: Element, spans: list[tuple[int, int]]) -> bytes:
        """Content of an element without those spans of it."""
        done, end = self.content_span(element) or (element.end, element.end)
        parts = []
        for start, stop in spans:
            parts.append(self.data[done:start])
            done = stop
        return b"".join([*parts, self.data[done:end]])

    # Editing ----------------------------------------------------------------------------------------------------

    def replace(self, span: tuple[int, int], raw: bytes) -> None:
        """Replace raw bytes. Spans of different edits must not overlap."""
        self._splices.append((*span, raw))

    def set_attribute(self, element: Element, name: str, value: str) -> None:
        """Set an attribute, in its place if the element has it, else after the last one."""
        values, after_last, _ = self._start_tag(element)
        raw = value.translate(_ESCAPE_ATTRIBUTE)
        if name in values:
            self.replace(values[name], raw.encode())
        else:
            self.replace((after_last, after_last), f" {name}='{raw}'".encode())

    def set_text(self, element: Element, text: str) -> None:
        """Set the text of an element that holds no other elements. Comments inside it stay.

        Raises:
            Refused: the element holds other elements, that would be lost.
        """
        if element.children:
            raise Refused(
                self.where(element), f"<{element.tag}> holds other elements where only text is known; remove them"
            )
        raw = text.translate(_ESCAPE_TEXT).encode()
        span = self.content_span(element)
        if span is None:
            self.replace((element.end - 2, element.end), b">" + raw + f"</{element.tag}>".encode())
        else:
            kept = (part for part in _NOT_TEXT.findall(self.data, *span) if not part.startswith(b"<![CDATA["))
            self.replace(span, raw + b"".join(kept))

    def insert(self, parent: Element | New, new: New, before: Element | None = None) -> New:
        """Add a child, indented like its surroundings, and return it.

        Args:
            parent: of the document, or itself yet to be written.
            before: child of ``parent`` that will follow; None for the end.
        """
        if isinstance(parent, New):
            parent.children.append(new)
        else:
            self._insertions.setdefault((parent, before), []).append(new)
        return new

    def remove(self, gone: set[Element]) -> None:
        """Take elements out, each with the line end and the indentation before it.

        This undoes ``insert`` byte for byte: an element of which nothing is left but what ``insert`` wrote to close it
        becomes self-closing, as clients write an empty one. What stands inside an element that goes, goes with it.

        Args:
            gone: elements of the document, not its root; not to be edited otherwise.
        """
        pending = [self.root]
        while pending:
            element = pending.pop()
            leaving = [self.extent(child) for child in element.children if child in gone]
            pending.extend(child for child in element.children if child not in gone)
            spans = [(self._before_line(start), end) for start, end in leaving]
            if spans and len(spans) == len(element.children) and self.holds_elements_only(element):
                self._empty(element, self._without(element, spans))
            else:
                for span in spans:
                    self.replace(span, b"")

    def _empty(self, element: Element, left: bytes) -> None:
        """Leave white space only in an element that has two tags; in none if ``insert`` made them of a single one."""
        _, _, content = self._start_tag(element)
        outer = self._line_start(element.start) or b""
        if left == outer:
            self.replace((content - 1, self.extent(element)[1]), b"/>")
        else:
            self.replace((content, element.end), left.removeprefix(_mark(outer, left)))

    def result(self) -> bytes:
        """The bytes with all edits applied; the very object that was parsed when there is none."""
        splices = [*self._splices]
        step = self._step()
        for (parent, before), elements in self._insertions.items():
            if before is None:
                splices.append(self._appended(parent, elements, step))
            else:
                splices.append(self._inserted(before, elements, step))
        if not splices:
            return self.data
        parts = []
        done = 0
        for start, end, raw in sorted(splices, key=lambda splice: splice[:2]):
            parts += [self.data[done:start], raw]
            done = end
        return b"".join([*parts, self.data[done:]])

    # Indentation ------------------------------------------------------------------------------------------------

    def _before_line(self, offset: int) -> int:
        """Offset before the line end and indentation that lead to an offset; itself where none do."""
        line = offset
        while self.data[line - 1 : line] in (b" ", b"\t"):
            line -= 1
        if self.data.endswith(b"\r\n", 0, line):
            return line - 2
        return line - 1 if self.data.endswith(b"\n", 0, line) else offset

    def _line_start(self, offset: int) -> bytes | None:
        """Line end and indentation before an offset; None if something else stands before it on its line."""
        line = offset
        while 0 < line > offset - MAX_INDENT and self.data[line - 1 : line] in (b" ", b"\t"):
            line -= 1
        indent = self.data[line:offset]
        if self.data.endswith(b"\r\n", 0, line):
            return b"\r\n" + indent
        if self.data.endswith(b"\n", 0, line):
            return b"\n" + indent
        if line == 0 or (line == len(_BOM) and self.data.startswith(_BOM)):
            first = self.data.find(b"\n")
            return (b"\r\n" if first > 0 and self.data[first - 1 : first] == b"\r" else b"\n") + indent
        return None

    def _step(self) -> bytes:
        """What one level of nesting adds to the indentation, learned from the first nested lines; else a tab."""
        parent = self.root
        while parent.children:
            child = parent.children[0]
            outer, inner = self._line_start(parent.start), self._line_start(child.start)
            if outer is not None and inner is not None and len(inner) > len(outer) and inner.startswith(outer):
                return inner[len(outer) :]
            parent = child
        return b"\t"

    # What follows adds bytes in one way only for each way in which the document was written, so that ``remove`` knows
    # how it was: a new element brings the line end and indentation before it, never those behind it.

    def _inserted(self, before: Element, elements: list[New], step: bytes) -> tuple[int, int, bytes]:
        line = self._line_start(before.start)
        raw = b"".join((line or b"") + _written(element, line, step) for element in elements)
        offset = self._before_space(before.start, 0)
        return offset, offset, raw

    def _appended(self, parent: Element, elements: list[New], step: bytes) -> tuple[int, int, bytes]:
        outer = self._line_start(parent.start)
        if parent.children:
            inner = self._line_start(parent.children[-1].start)
        else:
            inner = None if outer is None else outer + step
        raw = b"".join((inner or b"") + _written(element, inner, step) for element in elements)
        span = self.content_span(parent)
        if span is None:
            return parent.end - 2, parent.end, b">" + raw + (outer or b"") + f"</{parent.tag}>".encode()
        # Behind the last child, or the comment that follows it; before the white space that leads to the end tag.
        offset = self._before_space(span[1], span[0])
        if offset == span[0]:
            raw += _mark(outer or b"", self.data[offset : span[1]])
        return offset, offset, raw

    def _before_space(self, offset: int, stop: int) -> int:
        while offset > stop and self.data[offset - 1] in _SPACE:
            offset -= 1
        return offset


def _mark(outer: bytes, space: bytes) -> bytes:
    """White space that keeps an empty element of two tags apart from a self-closing one, once both are filled.

    Only an element that looks like a self-closing one then, or like a marked one, needs it.

    Args:
        outer: line end and indentation of the element, empty when it does not begin a line.
        space: content of the element, white space.
    """
    mark = b" " if not outer else b"\r\n" if outer.startswith(b"\r\n") else b"\n"
    before = space[: len(space) - len(outer)]
    return mark if space.endswith(outer) and before == mark * (len(before) // len(mark)) else b""


def _refuse_what_no_client_writes(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise Refused("", f"larger than {MAX_BYTES // (1024 * 1024)} MiB")
    if (nul := data.find(b"\0")) >= 0:
        raise Refused(f"byte {nul}", "a NUL byte: the file is damaged, or not UTF-8")
    if data.count(b"<") > 2 * MAX_TAGS:
        raise Refused("", f"holds more than {MAX_TAGS} elements")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"byte {error.start}", "not UTF-8") from None


def _written(element: New, line: bytes | None, step: bytes) -> bytes:
    """Bytes of a new element as libpurple writes them.

    Args:
        line: line end and indentation of the element; None to write it and its children on one line.
        step: what one more level adds to the indentation.
    """
    attributes = "".join(
        f" {name}='{value.translate(_ESCAPE_ATTRIBUTE)}'" for name, value in element.attributes.items()
    )
    head = f"<{element.tag}{attributes}".encode()
    if element.children:
        inner = None if line is None else line + step
        content = b"".join((inner or b"") + _written(child, inner, step) for child in element.children) + (line or b"")
    elif element.text:
        content = element.text.translate(_ESCAPE_TEXT).encode()
    else:
        return head + b"/>"
    return head + b">" + content + f"</{element.tag}>".encode()
