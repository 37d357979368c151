"""What stands in Pidgin's files, each under a name of its own: to tell what a merge added, and to take it out again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .xml_edit import Document, Element
from .xml_mask import (
    MASK,
    SECRET,  # what is masked in a diff must not be told here either
)

XMPP = "prpl-jabber"

#: Attributes that say what a container is; one with others holds something of somebody else's.
_OF_A_CONTAINER = frozenset({"name", "ui", "type"})
#: What would break a name into two, or make an encoded one ambiguous.
_ENCODED = re.compile(r"\s|%(?=[0-9A-Fa-f]{2})")


@dataclass
class Part:
    """One element of a document under its identity.

    Attributes:
        identity: such as "account alice@example.org setting port"; the same for all occurrences of the same thing.
        element: one occurrence.
        value: as libpurple reads it, in one form for all forms that it reads alike; "" of a thing or a container.
        goes: when it is asked to go: "whole" with all inside; as a "value", unless foreign elements stand inside;
            when "empty" for a container, that is when all inside goes too.
    """

    identity: str
    element: Element
    value: str = ""
    goes: Literal["whole", "value", "empty"] = "whole"


def leaving(document: Document, parts: Iterable[Part], items: Mapping[str, str]) -> set[Element]:
    """Choose the elements of a document that leave it when exactly these items have to.

    Args:
        parts: all parts of the document.
        items: value by identity; a part with another value stays.
    """
    gone: set[Element] = set()
    asked = [part for part in parts if items.get(part.identity) == part.value]
    # From the end to the beginning of the document: what is inside is decided before what it is inside of.
    for part in sorted(asked, key=lambda part: part.element.start, reverse=True):
        element = part.element
        if part.goes == "whole" or (
            gone.issuperset(element.children) and (part.goes == "value" or _holds_nothing_else(document, element))
        ):
            gone.add(element)
    return gone


def _holds_nothing_else(document: Document, container: Element) -> bool:
    return document.holds_elements_only(container) and _OF_A_CONTAINER.issuperset(container.attributes)


def word(text: str) -> str:
    """A text as one word of an identity: white space becomes "%20" and the like, and so does a "%" that looks so."""
    return _ENCODED.sub(lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), text)


def account_words(protocol: str, name: str) -> str:
    """Name of an account in identities: "alice@example.org", "prpl-irc alice@irc.example.org".

    Args:
        protocol: of libpurple; left out for XMPP.
        name: bare, casefolded.
    """
    if protocol == XMPP and "@" in name:
        return word(name)
    # An "@" in the first word tells an XMPP account from a protocol.
    return f"{without_at(protocol)} {word(name)}"


def without_at(text: str) -> str:
    """A word that holds no "@", for what is followed by one or must not be mistaken for an address."""
    return word(text).replace("@", "%40")


def account_label(protocol: str, name: str) -> str:
    """Name of an account for people: "alice@example.org", "alice@irc.example.org (prpl-irc)"."""
    label = word(name) or "without a name"
    return label if protocol == XMPP else f"{label} ({word(protocol) or 'without a protocol'})"


def shown(name: str, value: str) -> str:
    """A value as it may be told: masked if its name is that of a secret."""
    return MASK if value and SECRET.search(name) else value
