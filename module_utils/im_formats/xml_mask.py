"""Text of an XML document for a diff, with everything that may be a secret masked."""

from __future__ import annotations

import re

from .base import Refused
from .xml_edit import Document, Element

MASK = "********"

#: Names under which clients and their plugins keep secrets: accounts.xml has <password> (also inside <proxy>), chats
#: have a component 'password', prefs have '.../proxy/password' and 'turn_password', plugins keep tokens and cookies.
#: Rather one word too many than a password in a log.
SECRET = re.compile(r"pass(?:w|phrase|$)|secret|token|cookie|credential", re.IGNORECASE)
#: Attributes that tell what an element is; all others of a secret element may hold the secret.
_NAMING = frozenset({"name", "type", "id", "ui"})


def masked(content: bytes | None) -> str:
    """Decode a document for people's eyes.

    Args:
        content: the whole file, None when there is none.

    Returns:
        The text with the content of secret elements, the values of secret attributes and the comments that speak of
        secrets replaced by ``MASK``; "" for None and for a blank file. A file that cannot be read as XML is never
        quoted, only measured: nobody knows where its secrets are. Never raises.
    """
    if content is None or not content.strip():
        return ""
    try:
        document = Document(content)
    except Refused as refused:
        return f"(not readable as XML, {len(content)} bytes: {refused})\n"
    pending = [document.root]
    while pending:
        element = pending.pop()
        if _is_secret(element):
            _mask_whole(document, element)
        else:
            _mask_attributes(document, element, [name for name in element.attributes if SECRET.search(name)])
            pending.extend(element.children)
    for start, end in document.remarks:
        if SECRET.search(content[start:end].decode()):
            document.replace((start, end), f"<!-- {MASK} -->".encode())
    return document.result().decode()


def _is_secret(element: Element) -> bool:
    names = (element.tag, element.attributes.get("name", ""), element.attributes.get("id", ""))
    # Markup inside text (CDATA, an escaped vCard) has names of its own, that are not looked at one by one.
    return any(map(SECRET.search, names)) or ("<" in element.text and SECRET.search(element.text) is not None)


def _mask_whole(document: Document, element: Element) -> None:
    _mask_attributes(document, element, [name for name in element.attributes if name not in _NAMING])
    span = document.content_span(element)
    if span is not None and span[0] < span[1]:
        document.replace(span, MASK.encode())


def _mask_attributes(document: Document, element: Element, names: list[str]) -> None:
    for name in names:
        if element.attributes[name]:
            document.replace(document.attribute_span(element, name), MASK.encode())
