"""From a ticket's rich text to labelled lines, and from our words to rich text.

GLPI keeps HTML. GLPI 10 keeps it encoded once more ("&#60;p&#62;", its class Sanitizer) and its API returns it so
unless told otherwise; GLPI 11 keeps it as it is. Its native forms write one line for each question,
``<b>1) Question</b>: answer<br>`` (class ContentField); people and other forms write "Poste : pc-12", or a table.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from unicodedata import category

from .problems import problem
from .ticket import named_once, plain

#: Characters of a description that we are ready to read: forms write some thousand.
_MOST_CHARACTERS = 1 << 18

#: What GLPI 10's Sanitizer writes for "<", and what older versions of GLPI wrote.
_ENCODED = re.compile(r"&(?:#0*60|lt);", re.IGNORECASE)

# fmt: off
_LINES = frozenset((
    "address", "article", "aside", "blockquote", "br", "caption", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav",
    "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
))
# fmt: on
_CELLS = frozenset(("td", "th"))
_SILENT = frozenset(("script", "style", "title", "template"))

#: A tag, the start of a comment, or a declaration. No two alternatives fit the same text and none looks beyond the next
#: "<", so that reading takes time in proportion to the length, whatever stands there (html.parser's squares it).
_MARKUP = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>|<(!)--|<[!?][^<>]*>")

#: Numbers of characters that Python would need long to read, or refuse to.
_ABSURD = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9A-Fa-f]{8,})")
_MOST_LABEL = 80


class Labelled(NamedTuple):
    """Field -> text of the lines that carry a known label, and the labels that say nothing to us."""

    values: dict[str, str]
    ignored: tuple[str, ...]


def lines_of(content: str) -> list[str]:
    """The lines of a rich text that hold something, without markup; cells of a row are parted by tabs.

    Raises:
        TicketProblem: ``too_long``.
    """
    if len(content) > _MOST_CHARACTERS:
        raise problem("too_long", where="GLPI", most=_MOST_CHARACTERS)
    if "<" not in content and _ENCODED.search(content):
        content = _decoded(content)
    return [line for one in _text(content).splitlines() if (line := one.strip())]


def labelled(lines: Iterable[str], names: Mapping[str, str], where: str) -> Labelled:
    """Pick the lines with a known label, such as "Poste : pc-12", or "Poste" with its answer on the next line.

    Args:
        lines: as ``lines_of`` gives them.
        names: plain label -> field.
        where: for the sentences.

    Raises:
        TicketProblem: ``label_twice``, one field with two different answers; nobody guesses which is meant.
    """
    values: dict[str, str] = {}
    ignored: list[str] = []
    open_field = ""
    for line in lines:
        field, value = _part(line, names)
        if not field:
            label, mark, _ = line.replace("\t", ":").partition(":")
            if mark and len(label) <= _MOST_LABEL:
                ignored.append(label)
            elif open_field:
                _set(values, open_field, line, where)
            open_field = ""
            continue
        open_field = "" if value else field
        if value:
            _set(values, field, value, where)
    return Labelled(values, named_once(ignored))


def as_html(words: str, last_line: str) -> str:
    """Our words as rich text that shows just them: everything escaped, lines and indents kept, ``last_line`` below."""
    paragraphs = [*re.split(r"\n\s*\n", words.strip("\n")), last_line]
    return "".join(f"<p>{'<br>'.join(_line(line) for line in one.splitlines())}</p>" for one in paragraphs)


def _line(line: str) -> str:
    # No controls and no halves of characters, which no JSON of GLPI's would hold.
    kept = (c if c == "\t" or category(c) not in ("Cc", "Cs") else "\N{REPLACEMENT CHARACTER}" for c in line.rstrip())
    printable = "".join(kept)
    indent = len(printable) - len(printable.lstrip(" "))
    return "&nbsp;" * indent + html.escape(printable[indent:])


def _part(line: str, names: Mapping[str, str]) -> tuple[str, str]:
    """The field that a line is about and what it says; "" for none."""
    for match in re.finditer(r"[:\t]", line[: 2 * _MOST_LABEL]):
        if field := names.get(plain(line[: match.start()])):
            return field, line[match.end() :].strip(" \t:\u00a0\u202f")
    return (names.get(plain(line), "") if len(line) <= _MOST_LABEL else ""), ""


def _set(values: dict[str, str], field: str, value: str, where: str) -> None:
    if values.setdefault(field, value) != value:
        raise problem("label_twice", where=where, field=field, first=values[field], second=value)


def _text(content: str) -> str:
    """The text of rich text; elements that start a line become line breaks, cells tabs."""
    pieces: list[str] = []
    place = 0
    while found := _MARKUP.search(content, place):
        pieces.append(_decoded(content[place : found.start()]))
        place = found.end()
        tag = (found[2] or "").lower()
        pieces.append("\n" if tag in _LINES else "\t" if tag in _CELLS else "")
        if found[3] or (tag in _SILENT and not found[1]):
            end = re.compile("-->" if found[3] else f"</{tag}", re.IGNORECASE).search(content, place)
            place = end.end() if end and found[3] else end.start() if end else len(content)
    return "".join([*pieces, _decoded(content[place:])])


def _decoded(encoded: str) -> str:
    return html.unescape(_ABSURD.sub("\N{REPLACEMENT CHARACTER}", encoded))
