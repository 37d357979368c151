"""policies.json of Thunderbird and Firefox, and files like it: settings in nested JSON objects.

The fragments are JSON objects. Objects merge member by member; a list is a union that keeps its order, ours at the
end; any other value is set. Of the initial fragment, only what the file has no value for is laid, a list as a whole.

Items of a file are its values, "policies.DisableTelemetry" -> "true"; what its lists hold, "policies.Certificates
.Install /etc/ca.crt" -> "" (in one word); and its objects and lists themselves, "policies.Certificates" -> "{}", the
whole file being ".". So it is known which of them were made by a merge: such a one goes once nothing is left in it, a
user's own stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

from .base import Format, Refused, Siblings
from .json_spans import JsonError, Node, Number, decode, json_text, parse

_INDENT = "  "
_SECRET = re.compile("password|passwd|secret|token", re.IGNORECASE)
_MASK = '"********"'
_WHITE = " \t\r\n"
_SPACE = re.compile(f"[{_WHITE}]*")
_ABSENT: Any = object()
_WHOLE = "."
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
#: An item of a list that is written as it is. What could be taken for another kind of value gets quotes.
_PLAIN_ITEM = re.compile(r"(?!true\Z|false\Z|null\Z)[A-Za-z/~.$%_][^\x00-\x1f\x7f\ud800-\udfff]*")


class JsonPolicies:
    """The format of policies.json. It looks at no sibling."""

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Lay the fragments over a JSON file; see im_formats.base.Format and the head of this module."""
        wanted, start = _fragment(enforced), _fragment(initial)
        if start and taken_back:
            start = _without_taken_back(start, "", taken_back)
        if current is None and not (enforced.strip() or ((start or not taken_back) and initial.strip())):
            return b""
        mark, text = _text(b"" if current is None else current)
        if not text.strip(_WHITE):
            if current is not None and not (wanted or start):
                return current
            return (mark + _written(_laid(wanted, start), "\n", _INDENT) + "\n").encode()
        root = _root(text)
        edits = _Edits(text, root)
        edits.merge_object(root, wanted, start)
        return (mark + edits.render()).encode() if edits.made or current is None else current

    def items(self, content: bytes, siblings: Siblings | None = None) -> dict[str, str]:
        """All that the file holds, see the head of this module and im_formats.base.Format.

        A value under a key that speaks of a secret is masked, in a list too.
        """
        _, text = _text(content)
        return {place.item: place.value for place in _places(_root(text), "")} if text.strip(_WHITE) else {}

    def wanted(self, fragment: str) -> dict[str, str]:
        """The same for a fragment; see im_formats.base.Format."""
        if not fragment.strip():
            return {}
        _fragment(fragment)
        return {place.item: place.value for place in _places(parse(fragment.strip()), "")}

    def remove(self, current: bytes, items: Mapping[str, str], siblings: Siblings | None = None) -> bytes | None:
        """Take values and items of lists out, objects and lists that are empty then; see im_formats.base.Format.

        A secret stays, for nobody can tell whether it is still the given one. An empty object or list of the user's
        that a merge filled comes back without a line break inside.

        Returns:
            None when the file itself is one of the items and nothing is left in it.
        """
        mark, text = _text(current)
        if not text.strip(_WHITE):
            return current
        root = _root(text)
        gone = _Removal(root, items).gone
        if id(root) in gone:
            return None
        edits = _Edits(text, root)
        edits.remove(root, gone)
        return (mark + edits.render()).encode() if edits.made else current

    def findings(self, content: bytes) -> list[str]:
        """None: these files hold no person's password; see im_formats.base.Format."""
        return []

    def describe(self, content: bytes | None) -> str:
        """Text of the file, values of keys that speak of secrets masked; see im_formats.base.Format."""
        if content is None:
            return ""
        try:
            _, text = decode(content)
            shown = list(_secrets(parse(text), secret=False)) if text.strip() else []
        except JsonError:
            return f"not readable ({len(content)} bytes)\n"
        parts, done = [], 0
        for node in shown:
            parts += [text[done : node.start], _MASK]
            done = node.end
        return "".join([*parts, text[done:]])


FORMAT: Format = JsonPolicies()


class _Place(NamedTuple):
    """A value of a file as an item: its identity, its value for items(), and whether it can be compared."""

    item: str
    value: str
    known: bool
    node: Node


def _text(content: bytes) -> tuple[str, str]:
    """Byte order mark and text of a file."""
    try:
        return decode(content)
    except JsonError as error:
        raise _refused(error) from None


def _root(text: str) -> Node:
    try:
        root = parse(text)
    except JsonError as error:
        raise _refused(error) from None
    if root.kind != "object":
        raise Refused("line 1", 'an object is expected, as in {"policies": {}}')
    return root


def _refused(error: JsonError) -> Refused:
    return Refused(f"line {error.line}", f"{error.what}; this is not JSON that can be changed safely")


def _places(node: Node, path: str, *, secret: bool = False) -> Iterator[_Place]:
    """All values in an object, itself first, those in lists as wholes."""
    if node.members is not None:
        yield _Place(path or _WHOLE, "{}", True, node)
        for key, member in node.members.items():
            yield from _places(member, _joined(path, key), secret=secret or bool(_SECRET.search(key)))
    elif node.items is not None:
        yield _Place(path, "[]", True, node)
        for item in node.items:
            hidden = bool(_secrets(item, secret=secret))
            name = "********" if hidden else _item_name(item.value())
            yield _Place(f"{path} {name}", "", not hidden, item)
    else:
        yield _Place(path, "********" if secret else json_text(node.value()), not secret, node)


def _joined(path: str, key: str) -> str:
    name = key if _PLAIN_KEY.fullmatch(key) else json_text(key)
    return f"{path}.{name}" if path else name


def _item_name(value: Any) -> str:
    """An item of a list in one way only, whatever way it is written in."""
    if isinstance(value, str) and _PLAIN_ITEM.fullmatch(value):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json_text(key)}: {_quoted(value[key])}" for key in sorted(value)) + "}"
    return _quoted(value)


def _quoted(value: Any) -> str:
    if isinstance(value, dict):
        return _item_name(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_quoted, value)) + "]"
    return json_text(value)


def _without_taken_back(value: dict[str, Any], path: str, taken_back: frozenset[str]) -> dict[str, Any]:
    """An initial fragment without what the user took back, and without the objects and lists emptied by that."""
    kept = {}
    for key, one in value.items():
        place = _joined(path, key)
        if isinstance(one, dict):
            rest: Any = _without_taken_back(one, place, taken_back)
        elif isinstance(one, list):
            rest = [item for item in one if f"{place} {_item_name(item)}" not in taken_back]
        else:
            rest = one
        emptied = isinstance(one, (dict, list)) and not rest and (bool(one) or place in taken_back)
        if not emptied and (isinstance(one, (dict, list)) or place not in taken_back):
            kept[key] = rest
    return kept


class _Removal:
    """Which values of a file go.

    Attributes:
        gone: their ids; what is in a value that goes is named too.
    """

    def __init__(self, root: Node, items: Mapping[str, str]) -> None:
        self.gone: set[int] = set()
        places = list(_places(root, ""))
        # What is inside comes behind what it is in.
        for place in reversed(places):
            if not place.known or items.get(place.item) != place.value:
                continue
            own_item = place.node.kind == "scalar" or place.value == ""
            if own_item or all(id(child) in self.gone for child in place.node.children()):
                self.gone.add(id(place.node))


def _secrets(node: Node, *, secret: bool) -> list[Node]:
    """The scalars under a key that speaks of a secret, in the order of the text."""
    if node.kind == "scalar":
        return [node] if secret else []
    if node.members is not None:
        return [
            found
            for key, member in node.members.items()
            for found in _secrets(member, secret=secret or bool(_SECRET.search(key)))
        ]
    return [found for item in node.children() for found in _secrets(item, secret=secret)]


def _fragment(text: str) -> dict[str, Any]:
    """Read a fragment into Python values; {} for a blank one."""
    if not text.strip():
        return {}
    try:
        root = parse(text.strip())
    except JsonError as error:
        raise ValueError(f"fragment: {error}") from None
    if root.kind != "object":
        raise ValueError("fragment: an object is expected")
    value: dict[str, Any] = root.value()
    try:
        _written(value, "", "").encode()
    except UnicodeEncodeError:
        raise ValueError("fragment: a string holds half of a surrogate pair") from None
    return value


class _Edits:
    """The changes to make in a JSON text, and its habits of layout."""

    def __init__(self, text: str, root: Node) -> None:
        self.made: list[tuple[int, int, str]] = []
        self._text = text
        self._eol = "\r\n" if "\r\n" in text else "\n"
        self._pretty = "\n" in text[root.start : root.end] or not root.children()
        lead = self._lead(root.children()[0]) if root.children() else ""
        self._unit = lead.rpartition("\n")[2] if "\n" in lead else _INDENT

    def render(self) -> str:
        parts, done = [], 0
        for start, end, text in sorted(self.made, key=lambda edit: edit[0]):
            parts += [self._text[done:start], text]
            done = end
        return "".join([*parts, self._text[done:]])

    def merge_object(self, node: Node, wanted: dict[str, Any], start: dict[str, Any]) -> None:
        """Lay two objects over one of the text."""
        added = {}
        members = node.members or {}
        for key in dict.fromkeys([*wanted, *start]):
            ours, first = wanted.get(key, _ABSENT), start.get(key, _ABSENT)
            if key not in members:
                added[key] = _laid(ours, first)
            elif ours is not _ABSENT:
                self._merge_value(key, members[key], ours, first)
            elif isinstance(first, dict) and members[key].kind == "object":
                self.merge_object(members[key], {}, first)
        colon = next((member.colon for member in reversed(members.values())), ": ")
        self._append(node, [(json.dumps(key, ensure_ascii=False) + colon, value) for key, value in added.items()])

    def remove(self, node: Node, gone: set[int]) -> None:
        """Take the values of these ids out of an object or a list, each with its key and one comma."""
        children = node.children()
        kept = [child for child in children if id(child) not in gone]
        for child in kept:
            self.remove(child, gone)
        if not kept and children:
            # As _append() does it: with the line break it put before the closing mark.
            tail = _SPACE.match(self._text, children[-1].end)
            line = self._eol + self._indentation(node)
            stripped = len(line) if self._pretty and tail and tail[0].startswith(line) else 0
            self.made.append((node.start + 1, children[-1].end + stripped, ""))
            return
        for place, child in enumerate(children):
            if id(child) in gone:
                last_before = next((one for one in reversed(children[:place]) if id(one) not in gone), None)
                if last_before is not None:
                    self.made.append((children[place - 1].end, child.end, ""))
                else:
                    self.made.append((child.before, children[place + 1].before, ""))

    def _merge_value(self, key: str, node: Node, ours: Any, first: Any) -> None:
        kind = "object" if isinstance(ours, dict) else "array" if isinstance(ours, list) else "scalar"
        if kind != node.kind:
            line = self._text.count("\n", 0, node.start) + 1
            raise Refused(f"line {line}", f"{json.dumps(key)} is of another kind ({node.kind}) than expected ({kind})")
        if kind == "object":
            self.merge_object(node, ours, first if isinstance(first, dict) else {})
        elif kind == "array":
            present = {_canonical(item) for item in node.value()}
            missing = [item for item in ours if _canonical(item) not in present]
            self._append(node, [("", item) for item in missing])
        elif _canonical(node.value()) != _canonical(ours):
            self.made.append((node.start, node.end, _written(ours, "", "")))

    def _append(self, node: Node, entries: list[tuple[str, Any]]) -> None:
        """Add members (name and colon, value) or items ("", value) at the end of an object or array."""
        if not entries:
            return
        children = node.children()
        if children:
            lead = self._lead(children[-1])
            if not lead and len(children) == 1 and not children[0].colon.endswith(":"):
                lead = " "
            at = children[-1].end
            self.made.append((at, at, "".join("," + text for text in self._laid_out(entries, lead))))
            return
        line = self._eol + self._indentation(node) if self._pretty else ""
        lead = line + self._unit if line else ""
        closing = line if line and "\n" not in self._text[node.start : node.end] else ""
        at = node.start + 1
        self.made.append((at, at, ("," if lead else ", ").join(self._laid_out(entries, lead)) + closing))

    def _laid_out(self, entries: list[tuple[str, Any]], lead: str) -> list[str]:
        above, newline, indentation = lead.rpartition("\n")
        line = ("\r" if above.endswith("\r") else "") + newline + indentation if newline else ""
        return [lead + head + _written(value, line, self._unit) for head, value in entries]

    def _lead(self, child: Node) -> str:
        """The white space before a member or an item."""
        match = _SPACE.match(self._text, child.before)
        return match[0] if match else ""

    def _indentation(self, node: Node) -> str:
        """The white space at the beginning of the line on which a value begins."""
        match = re.compile("[ \t]*").match(self._text, self._text.rfind("\n", 0, node.start) + 1)
        return match[0] if match else ""


def _laid(wanted: Any, start: Any) -> Any:
    """The value to lay where there is none: both fragments together."""
    if wanted is _ABSENT or start is _ABSENT:
        return start if wanted is _ABSENT else wanted
    if isinstance(wanted, dict) and isinstance(start, dict):
        return {key: _laid(wanted.get(key, _ABSENT), start.get(key, _ABSENT)) for key in {**start, **wanted}}
    if isinstance(wanted, list) and isinstance(start, list):
        present = {_canonical(item) for item in start}
        return start + [item for item in wanted if _canonical(item) not in present]
    return wanted


def _canonical(value: Any) -> Hashable:
    """What two equal JSON values have in common: to JSON, true is not 1, and the order of members does not count."""
    if isinstance(value, dict):
        return ("object", frozenset((key, _canonical(one)) for key, one in value.items()))
    if isinstance(value, list):
        return ("array", tuple(_canonical(item) for item in value))
    return (type(value).__name__, value)


def _written(value: Any, line: str, unit: str) -> str:
    """Write a value.

    Args:
        value: as Node.value() gives it.
        line: the line break with the indentation of the place; "" for a value on one line.
        unit: one step of indentation.
    """
    if isinstance(value, Number):
        return value.text
    if not isinstance(value, (dict, list)) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = line + unit if line else ""
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_written(one, inner, unit)}" for key, one in value.items()]
        return "{" + inner + ("," + (inner or " ")).join(parts) + line + "}"
    return "[" + inner + ("," + (inner or " ")).join(_written(one, inner, unit) for one in value) + line + "]"
