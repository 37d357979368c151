"""What the four files of Pidgin (libpurple 2.x) have in common: the merge around each file's own rules."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from .base import Refused, Siblings
from .libpurple_items import Part, leaving, shown, word
from .xml_edit import Document, Element, New
from .xml_mask import masked

#: As libpurple writes it (xmlnode_to_formatted_str).
PROLOG = b"<?xml version='1.0' encoding='UTF-8' ?>\n\n"

_VERSIONS = (None, "1.0", "1")  # prefs.xml carries '1', the others '1.0'; libpurple reads any, also none
_INT_RANGE = range(-(2**31), 2**31)  # libpurple reads them into a C int
_ATOI = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,19})")

Key = TypeVar("Key")
Item = TypeVar("Item")


class Fragment:
    """A managed fragment: a small complete document in the syntax of the file.

    Args:
        text: the fragment, not blank.
        label: for error messages, such as "enforced fragment of accounts.xml".
        root_tag: the root element that the file must have.

    Raises:
        ValueError: not well-formed, another root or version: a mistake in the template.
    """

    def __init__(self, text: str, label: str, root_tag: str) -> None:
        self.label = label
        try:
            # A template may leave line ends before the XML declaration, where XML allows none.
            self._document = Document(text.strip().encode())
            check_root(self._document, root_tag)
        except UnicodeEncodeError:
            # The original error would carry the whole fragment, secrets included.
            raise ValueError(f"{label}: holds a character that UTF-8 cannot express") from None
        except Refused as refused:
            raise ValueError(f"{label}: {refused}") from None
        self.root = self._document.root

    def mistake(self, element: Element, what: str) -> ValueError:
        """An error that tells where in the fragment the template went wrong."""
        return ValueError(f"{self.label}, {self._document.where(element)}: {what}")

    def children(self, element: Element, tags: Iterable[str], attributes: Iterable[str] = ()) -> list[Element]:
        """Children of an element that may hold those elements and attributes only, and no text."""
        allowed = set(tags)
        for child in element.children:
            if child.tag not in allowed:
                known = ", ".join(f"<{tag}>" for tag in sorted(allowed)) or "nothing"
                raise self.mistake(child, f"<{child.tag}> is not managed inside <{element.tag}>; known there: {known}")
        if element.text.strip():
            raise self.mistake(element, f"text directly inside <{element.tag}>")
        self._check_attributes(element, attributes)
        return element.children

    def text(self, element: Element, attributes: Iterable[str] = ()) -> str:
        """Text of an element that may hold those attributes only, and no other elements."""
        if element.children:
            raise self.mistake(element, f"<{element.tag}> holds other elements where text is expected")
        self._check_attributes(element, attributes)
        return element.text

    def required(self, element: Element, attribute: str) -> str:
        """Value of an attribute that must be there and not be empty."""
        value = element.attributes.get(attribute)
        if not value:
            raise self.mistake(element, f"<{element.tag}> without {attribute}=")
        return value

    def check_value(self, element: Element, kind: str, value: str | None) -> str:
        """A value in the one form that every reader of libpurple understands: bool "0" or "1", int in C's range."""
        if kind == "bool" and value not in ("0", "1"):
            raise self.mistake(element, "a bool must be 0 or 1 (Pidgin reads 'true' as 0)")
        if kind == "int" and (
            value is None or not re.fullmatch(r"-?[0-9]{1,10}", value) or int(value) not in _INT_RANGE
        ):
            raise self.mistake(element, "an int must be a whole number of 32 bits")
        return value or ""

    def setting(self, element: Element) -> tuple[str, Setting]:
        """Read a <setting name= type=> into its name and value."""
        name = self.required(element, "name")
        kind = self.required(element, "type")
        if kind not in ("string", "int", "bool"):
            raise self.mistake(element, "the type of a <setting> is string, int or bool")
        text = self.text(element, ("name", "type"))
        return name, Setting(kind, self.check_value(element, kind, text))

    def _check_attributes(self, element: Element, allowed: Iterable[str]) -> None:
        if unknown := set(element.attributes) - set(allowed):
            raise self.mistake(element, f"<{element.tag}> with unknown {', '.join(sorted(unknown))}=")


@dataclass(frozen=True)
class Setting:
    """A wanted <setting>: kind "string", "int" or "bool"; value as text."""

    kind: str
    value: str


class LibpurpleFormat(ABC, Generic[Key, Item]):
    """One of Pidgin's XML files; see ``base.Format`` for the contract of its public methods.

    A subclass reads a fragment into items by their key, lays items over a document, and names the parts of one.
    """

    file_name: ClassVar[str]
    root_tag: ClassVar[str]
    #: A complete document without content.
    empty: ClassVar[bytes]

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Lay the managed fragments over the current document; see ``base.Format.merge``.

        A file of 0 bytes counts as a document without content, as Pidgin reads it; one of white space has as little.
        """
        wanted_always = self._read_fragment(enforced, "enforced")
        wanted_once = self._without(self._read_fragment(initial, "initial"), taken_back)
        start = self._start(siblings or {}) if current is None else current
        document = self._open(start) or Document(self.empty)
        self._lay(document, wanted_always, wanted_once)
        merged = document.result()
        nothing_to_do = merged is document.data
        return current if nothing_to_do and current is not None else merged

    def items(self, content: bytes, siblings: Siblings | None = None) -> dict[str, str]:
        """Identity -> value of all that a fragment could ask for; see ``base.Format.items``.

        Each identity of which the document has an element is told, also one whose value is empty: what is not told is
        not there, so what a merge adds to the items is what it added to the document. Of a value that stands more than
        once, the one that libpurple reads is told.
        """
        document = self._open(content)
        return {} if document is None else {part.identity: part.value for part in self._parts(document)}

    def wanted(self, fragment: str) -> dict[str, str]:
        """Identity -> value of all that a fragment asks for; see ``base.Format.wanted``.

        What libpurple reads alike when it is absent (an empty setting, a global proxy) is asked for by no element.
        """
        document = Document(self.empty)
        self._lay(document, self._read_fragment(fragment, "managed"), {})
        return self.items(document.result())

    def remove(self, current: bytes, items: Mapping[str, str], siblings: Siblings | None = None) -> bytes:
        """Take exactly these items out of a document; see ``base.Format.remove``.

        After a merge that only added, removing what it added gives back the bytes from before it. A container (group,
        block of settings, proxy, branch of preferences) goes if it is among the items and nothing is left inside;
        otherwise it stays, empty. A secret is compared by its mask: it goes whatever it has become. Never None: Pidgin
        adds to each of its files, so none is ours alone.
        """
        document = self._open(current)
        if document is None:
            return current
        document.remove(leaving(document, self._parts(document), items))
        return document.result()

    def findings(self, content: bytes) -> list[str]:
        """Say whose passwords stand in clear; see ``base.Format.findings``. [] for what cannot be read as XML."""
        try:
            document = Document(content)
        except Refused:
            return []
        return list(dict.fromkeys(self._findings(document)))

    def describe(self, content: bytes | None) -> str:
        """Text of the document for a diff, secrets masked; see ``base.Format.describe``."""
        return masked(content)

    def _read_fragment(self, text: str, kind: str) -> dict[Key, Item]:
        if not text.strip():
            return {}
        return self._read(Fragment(text, f"{kind} fragment of {self.file_name}", self.root_tag))

    def _open(self, content: bytes) -> Document | None:
        """Read a file; None for one without content. Raises: Refused."""
        if not content.strip():
            return None
        document = Document(content)
        check_root(document, self.root_tag)
        self._check_document(document)
        return document

    def _start(self, siblings: Siblings) -> bytes:
        """The document to start from when the person has none."""
        return self.empty

    def _check_document(self, document: Document) -> None:
        """Refuse a document whose root is right but that cannot be understood. Raises: Refused."""

    @abstractmethod
    def _read(self, fragment: Fragment) -> dict[Key, Item]:
        """Items of a fragment by key, in its order. Raises: ValueError."""

    @abstractmethod
    def _without(self, initial: dict[Key, Item], taken_back: frozenset[str]) -> dict[Key, Item]:
        """Initial items without those, and those of their values, whose identity was taken back."""

    @abstractmethod
    def _lay(self, document: Document, enforced: dict[Key, Item], initial: dict[Key, Item]) -> None:
        """Ask the document for the edits that make the items hold. Raises: Refused."""

    @abstractmethod
    def _parts(self, document: Document) -> Iterator[Part]:
        """All that a fragment could ask for in a document; of occurrences of the same, the one that counts last."""

    def _findings(self, document: Document) -> Iterator[str]:
        """Passwords in clear, told by whose they are; each as often as it stands. The root may be any."""
        return iter(())


def check_root(document: Document, tag: str) -> None:
    """Refuse a document with another root element or a version that nobody has seen. Raises: Refused."""
    root = document.root
    if root.tag != tag:
        raise Refused(document.where(root), f"the root element is not <{tag}>; this is not the file that Pidgin writes")
    if root.attributes.get("version") not in _VERSIONS:
        raise Refused(document.where(root), "an unknown version= in the root element; known: 1.0, 1")


def bare(account_name: str) -> str:
    """Identity of an account's name: libpurple compares XMPP accounts without resource and without case."""
    return account_name.split("/", 1)[0].casefold()


def atoi(text: str) -> int:
    """The number that C's atoi reads, which libpurple uses throughout: leading digits, 0 when there are none."""
    found = _ATOI.match(text)
    return int(found.group(1)) if found else 0


def insert_in_order(document: Document, parent: Element, new: New, order: tuple[str, ...]) -> None:
    """Insert a child where Pidgin would write it: before the first child that comes later in ``order``."""
    later = order[order.index(new.tag) + 1 :]
    before = next((child for child in parent.children if child.tag in later), None)
    document.insert(parent, new, before)


def lay_texts(
    document: Document,
    parent: Element,
    wanted: Mapping[str, str],
    order: tuple[str, ...],
    same: Callable[[str, str, str], bool] = lambda _tag, one, other: one == other,
) -> None:
    """Set the text of child elements; one that is absent counts as empty, as in libpurple.

    Every occurrence of a child is set, so that the value holds whichever of them is read.

    Args:
        wanted: text by tag; the tags are among ``order``.
        order: tags in the order in which Pidgin writes them.
        same: (tag, one text, other text) -> whether libpurple reads both alike.
    """
    for tag in [tag for tag in order if tag in wanted]:
        text = wanted[tag]
        found = parent.named(tag)
        if not found and not same(tag, "", text):
            insert_in_order(document, parent, New(tag, text=text), order)
        for element in found:
            if not same(tag, element.text, text):
                document.set_text(element, text)


def lay_settings(
    document: Document, holders: list[Element], wanted: Mapping[str, Setting], truth: Callable[[str], bool]
) -> None:
    """Set <setting> elements by name, in every occurrence; a missing one goes to the end of the first holder.

    Args:
        holders: elements that hold settings, at least one.
        truth: how this file's reader turns the text of a bool into a truth.
    """
    by_name: dict[str | None, list[Element]] = {}
    for holder in holders:
        for element in holder.named("setting"):
            by_name.setdefault(element.attributes.get("name"), []).append(element)
    for name, setting in wanted.items():
        found = by_name.get(name, [])
        if not found and setting.value:
            document.insert(holders[0], new_setting(name, setting))
        for element in found:
            if not _holds(element, setting, truth):
                if element.attributes.get("type") != setting.kind:
                    document.set_attribute(element, "type", setting.kind)
                if element.text != setting.value:
                    document.set_text(element, setting.value)


def setting_parts(owner: str, holder: Element, truth: Callable[[str], bool]) -> Iterator[Part]:
    """Settings directly inside an element: libpurple reads the last of a name.

    Args:
        owner: beginning of their identity, such as "account alice@example.org setting".
        truth: as for ``lay_settings``.
    """
    for element in holder.named("setting"):
        name = element.attributes.get("name")
        if name:
            yield Part(f"{owner} {word(name)}", element, shown(name, _canonical(element, truth)), "value")


def text_parts(
    owner: str, parent: Element, tags: Iterable[str], canonical: Callable[[str, str], str] = lambda _tag, text: text
) -> Iterator[Part]:
    """Child elements that hold a text: libpurple reads the first of a name.

    Args:
        owner: beginning of their identity, such as "account alice@example.org".
        canonical: (tag, text) -> one text for all that libpurple reads alike.
    """
    for tag in tags:
        for element in reversed(parent.named(tag)):
            yield Part(f"{owner} {tag}", element, shown(tag, canonical(tag, element.text)), "value")


def settings_left(owner: str, settings: Mapping[str, Setting], taken_back: frozenset[str]) -> dict[str, Setting]:
    """Settings of a fragment without those that were taken back; ``owner`` as for ``setting_parts``."""
    return {name: setting for name, setting in settings.items() if f"{owner} {word(name)}" not in taken_back}


def texts_left(owner: str, texts: Mapping[str, str], taken_back: frozenset[str]) -> dict[str, str]:
    """Texts of a fragment without those that were taken back; ``owner`` as for ``text_parts``."""
    return {tag: text for tag, text in texts.items() if f"{owner} {tag}" not in taken_back}


def new_setting(name: str, setting: Setting) -> New:
    """A <setting> to be written."""
    return New("setting", {"name": name, "type": setting.kind}, setting.value)


def _canonical(element: Element, truth: Callable[[str], bool]) -> str:
    """Value of a setting; "" for one that libpurple drops because it is empty."""
    text = element.text
    kind = element.attributes.get("type")
    if text and kind == "bool":
        return "1" if truth(text) else "0"
    return str(atoi(text)) if text and kind == "int" else text


def _holds(element: Element, setting: Setting, truth: Callable[[str], bool]) -> bool:
    text = element.text
    if not text or not setting.value:
        return text == setting.value  # libpurple drops an empty setting when it loads: empty equals absent
    if element.attributes.get("type") != setting.kind:
        return False
    if setting.kind == "bool":
        return truth(text) == truth(setting.value)
    if setting.kind == "int":
        return atoi(text) == int(setting.value)
    return text == setting.value
