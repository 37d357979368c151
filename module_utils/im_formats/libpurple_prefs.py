"""Pidgin's prefs.xml: a tree of preferences, of which single leaves are managed by their path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .base import Refused, Siblings
from .libpurple import PROLOG, Fragment, LibpurpleFormat, atoi, check_root
from .libpurple_items import Part, shown, word
from .xml_edit import Document, Element, New, walk

_LISTS = ("stringlist", "pathlist")
_NUMBERS = ("bool", "int")
_KINDS = (*_NUMBERS, "string", "path", *_LISTS)
#: Plugins are found by base name, whatever directory and native extension the list gives (libpurple source: plugin.c),
#: and Pidgin writes the path of the one it loaded: compared as text, an item would be added again at each run.
_PLUGIN_LIST = "/plugins/loaded"
_PLUGIN_EXTENSIONS = (".so", ".dll", ".sl")


@dataclass
class Leaf:
    """A wanted preference: its type, and its value or, for a list, its items."""

    kind: str
    value: str = ""
    items: list[str] = field(default_factory=list)


class LibpurplePrefs(LibpurpleFormat[str, Leaf]):
    """Merge of prefs.xml (libpurple source: prefs.c; seen with Pidgin 2.14.12). Leaves are found by path.

    The person's own file hides the system's, whole: when there is none, the merge starts from the sibling that ends
    in "/purple/prefs.xml" (Linux: "/etc/purple/prefs.xml"), else its preferences would be lost.
    """

    file_name = "prefs.xml"
    root_tag = "pref"
    empty = PROLOG + b"<pref version='1' name='/'/>\n"

    def _start(self, siblings: Siblings) -> bytes:
        for path, content in siblings.items():
            if path.replace("\\", "/").lower().endswith("/purple/prefs.xml") and self._is_usable(content):
                return content
        return self.empty

    def _is_usable(self, content: bytes) -> bool:
        """A damaged system file is the administrator's affair and no reason to refuse the person's first file."""
        try:
            document = Document(content)
            check_root(document, self.root_tag)
            self._check_document(document)
        except Refused:
            return False
        return True

    def _check_document(self, document: Document) -> None:
        """Refuse what libpurple does not take for a preference.

        It keeps a stack of names: what it does not understand is not pushed on it, yet the end tag pops a name, so that
        all that follows is read one level up. To mend or to remove such an element would give the person's other
        preferences other paths.
        """
        if document.root.attributes.get("name") != "/":
            # Any other name would become part of each path.
            raise Refused(document.where(document.root), "the root <pref> must have the name '/'")
        for element, entering in walk(document.root):
            if entering and element.tag == "pref" and element is not document.root:
                if element.attributes.get("name") in (None, "/"):
                    raise Refused(document.where(element), "a preference without a name; Pidgin misreads what follows")
                if not _is_readable(element):
                    what = "without a value" if element.attributes["type"] in _KINDS else "of an unknown type"
                    raise Refused(document.where(element), f"a preference {what}; Pidgin misreads what follows")

    def _read(self, fragment: Fragment) -> dict[str, Leaf]:
        if fragment.root.attributes.get("name") != "/":
            raise fragment.mistake(fragment.root, "the root <pref> must have the name '/'")
        leaves: dict[str, Leaf] = {}
        branches = [(fragment.root, "")]
        for branch, path in branches:  # grows while it is read: no recursion
            known = ("name", "version") if branch is fragment.root else ("name",)
            for child in fragment.children(branch, ("pref",), known):
                name = fragment.required(child, "name")
                if "/" in name:
                    raise fragment.mistake(child, "a name with '/'; nest <pref> elements instead")
                child_path = f"{path}/{name}"
                if "type" not in child.attributes:
                    branches.append((child, child_path))
                elif child_path in leaves:
                    raise fragment.mistake(child, f"preference {child_path} twice")
                else:
                    leaves[child_path] = _read_leaf(fragment, child)
        return leaves

    def _lay(self, document: Document, enforced: dict[str, Leaf], initial: dict[str, Leaf]) -> None:
        tree = _Tree(document)
        for path in {**enforced, **initial}:
            found = tree.found.get(path, [])
            absent = not any(map(_has_value, found))
            leaf = _wanted(enforced.get(path), initial.get(path), absent)
            if leaf is None:
                continue
            for element in found:
                _lay_leaf(document, path, element, leaf)
            if not found:
                tree.add(path, leaf)

    def _without(self, initial: dict[str, Leaf], taken_back: frozenset[str]) -> dict[str, Leaf]:
        return {
            path: Leaf(
                leaf.kind,
                leaf.value,
                [item for item in leaf.items if _list_item_identity(path, item) not in taken_back],
            )
            for path, leaf in initial.items()
            if _identity(path) not in taken_back
        }

    def _parts(self, document: Document) -> Iterator[Part]:
        for path, elements in _Tree(document).found.items():
            # A branch and a leaf may stand at the same path: it is the leaf that has the value.
            for element in sorted(elements, key=_has_value):
                yield from _leaf_parts(path, element) if _has_value(element) else [_container(path, element)]

    def _findings(self, document: Document) -> Iterator[str]:
        for path, elements in _Tree(document).found.items():
            if path.endswith("password") and any(element.attributes.get("value") for element in elements):
                yield _identity(path)


class _Tree:
    """The preferences of a document by path, as libpurple reads them."""

    def __init__(self, document: Document) -> None:
        self._document = document
        #: Elements by path, more than one if the document repeats it.
        self.found: dict[str, list[Element]] = {}
        self._added: dict[str, New] = {}
        stack: list[str] = []
        for element, entering in walk(document.root):
            if element.tag != "pref" or element is document.root:
                continue
            if entering:
                # Findings are looked for in refused documents too.
                stack.append(element.attributes.get("name", ""))
                self.found.setdefault("/" + "/".join(stack), []).append(element)
            else:
                stack.pop()

    def add(self, path: str, leaf: Leaf) -> None:
        """Write a leaf that has no element yet, inside the deepest ancestor that exists."""
        parent, _, name = path.rpartition("/")
        new = _new_leaf(name, leaf)
        while parent and parent not in self._added and parent not in self.found:
            grandparent, _, name = parent.rpartition("/")
            self._added[parent] = new = New("pref", {"name": name}, children=[new])
            parent = grandparent
        self._insert(parent, new)

    def _insert(self, parent: str, new: New) -> None:
        if parent in self._added:
            self._document.insert(self._added[parent], new)
            return
        self._document.insert(self.found[parent][-1] if parent else self._document.root, new)


def _identity(path: str) -> str:
    return f"pref {word(path)}"


def _list_item_identity(path: str, item: str) -> str:
    return f"{_identity(path)} item {_item_identity(path, item)}"


def _container(path: str, element: Element) -> Part:
    return Part(_identity(path), element, goes="empty")


def _leaf_parts(path: str, element: Element) -> Iterator[Part]:
    kind = element.attributes["type"]
    if kind in _LISTS:
        yield _container(path, element)
        for item in element.named("item"):
            yield Part(_list_item_identity(path, item.attributes.get("value", "")), item)
        return
    value = element.attributes.get("value", "")
    name = path.rpartition("/")[2]
    yield Part(_identity(path), element, shown(name, _canonical(kind, value)), "value")


def _read_leaf(fragment: Fragment, element: Element) -> Leaf:
    kind = element.attributes["type"]
    if kind not in _KINDS:
        raise fragment.mistake(element, f"unknown type; known: {', '.join(_KINDS)}")
    if kind not in _LISTS:
        fragment.children(element, (), ("name", "type", "value"))
        return Leaf(kind, fragment.check_value(element, kind, element.attributes.get("value")))
    items = []
    for item in fragment.children(element, ("item",), ("name", "type")):
        fragment.children(item, (), ("value",))
        items.append(fragment.required(item, "value"))
    return Leaf(kind, items=items)


def _wanted(enforced: Leaf | None, initial: Leaf | None, absent: bool) -> Leaf | None:
    """What to lay at one path; None if there is nothing to lay."""
    if enforced is None:
        return initial if absent else None
    if initial is None or not absent or enforced.kind != initial.kind:
        return enforced
    # A list that is written for the first time takes the items of both; other kinds have none.
    return Leaf(enforced.kind, enforced.value, list(dict.fromkeys([*enforced.items, *initial.items])))


def _is_readable(element: Element) -> bool:
    """Whether libpurple takes the element, as a branch or as a leaf."""
    kind = element.attributes.get("type")
    return kind is None or (kind in _KINDS and (kind not in _NUMBERS or "value" in element.attributes))


def _has_value(element: Element) -> bool:
    """A string without value= is the empty string and a list may have no item, so both have a value."""
    return "type" in element.attributes


def _new_leaf(name: str, leaf: Leaf) -> New:
    if leaf.kind in _LISTS:
        return New("pref", {"name": name, "type": leaf.kind}, children=[_new_item(item) for item in leaf.items])
    return New("pref", {"name": name, "type": leaf.kind, "value": leaf.value})


def _new_item(value: str) -> New:
    return New("item", {"value": value})


def _lay_leaf(document: Document, path: str, element: Element, leaf: Leaf) -> None:
    if element.attributes.get("type") != leaf.kind:
        document.set_attribute(element, "type", leaf.kind)
    if leaf.kind in _LISTS:
        present = {_item_identity(path, item.attributes.get("value", "")) for item in element.named("item")}
        for item in leaf.items:
            if _item_identity(path, item) not in present:
                document.insert(element, _new_item(item))
    elif not _same_value(leaf, element.attributes.get("value")):
        document.set_attribute(element, "value", leaf.value)


def _same_value(leaf: Leaf, value: str | None) -> bool:
    if value is None and leaf.kind in _NUMBERS:
        return False
    return _canonical(leaf.kind, value or "") == _canonical(leaf.kind, leaf.value)


def _canonical(kind: str, value: str) -> str:
    """One text for all that libpurple reads alike: a bool is a number that is not 0, a number has leading digits."""
    if kind == "bool":
        return "1" if atoi(value) else "0"  # 'true' is 0
    return str(atoi(value)) if kind == "int" else value


def _item_identity(path: str, item: str) -> str:
    if not path.endswith(_PLUGIN_LIST):
        return item
    name = item.replace("\\", "/").rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    return stem if dot + extension in _PLUGIN_EXTENSIONS else name


FORMAT = LibpurplePrefs()
