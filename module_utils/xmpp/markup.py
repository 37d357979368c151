"""Elements back to XML for a stream: what was read of a person's data goes back with nothing lost but the spelling.

``ElementTree.tostring`` would invent prefixes; XMPP prefers namespaces to be declared by ``xmlns`` on the element
itself (RFC 6120 4.8.4), and not all of its software understands prefixes.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from .problems import XmppProblem
from .stream import MAX_STANZA, StreamParser, header

_XML_NS = "http://www.w3.org/XML/1998/namespace"


def serialize(element: Element, outside: str = "") -> str:
    """XML of an element with its descendants, without the text that follows it.

    Args:
        element: tags and attributes in ElementTree's notation, ``{namespace}name``.
        outside: the default namespace where the XML will stand.
    """
    namespace, name = split_tag(element.tag)
    parts = ["<", name]
    if namespace != outside:
        parts.append(f" xmlns={quoteattr(namespace)}")
    parts += _attributes(element)
    content = [_text(element.text)]
    for child in element:
        content += [serialize(child, namespace), _text(child.tail)]
    inside = "".join(content)
    parts.append(f">{inside}</{name}>" if inside else "/>")
    return "".join(parts)


def parse(text: str) -> Element:
    """One element out of its XML, by the rules of a stream: no document type, no entity, no comment, bounded.

    Raises:
        XmppProblem: ``not_xmpp``, ``stanza_too_big``.
    """
    parser = StreamParser(MAX_STANZA)
    parser.feed(header("localhost"))
    # Without a namespace of its own it is in none, as in a document.
    elements = parser.feed(b"<text xmlns=''>" + text.strip().encode() + b"</text>")
    if len(elements) != 1 or len(elements[0]) != 1:
        raise XmppProblem("not_xmpp", "not one XML element")
    return elements[0][0]


def split_tag(tag: str) -> tuple[str, str]:
    """``{namespace}name`` -> (namespace, name); the namespace is "" when there is none."""
    head, brace, name = tag.rpartition("}")
    return (head[1:], name) if brace else ("", tag)


def _attributes(element: Element) -> list[str]:
    parts = []
    for number, (key, value) in enumerate(element.items()):
        namespace, name = split_tag(key)
        if namespace == _XML_NS:
            name = f"xml:{name}"
        elif namespace:
            # An attribute has a namespace only by a prefix: there is no other spelling.
            prefix = f"a{number}"
            parts.append(f" xmlns:{prefix}={quoteattr(namespace)}")
            name = f"{prefix}:{name}"
        parts.append(f" {name}={_quoted(value)}")
    return parts


def _quoted(value: str) -> str:
    # A bare line break in an attribute would be read as a space (XML 1.0, 3.3.3); quoteattr() writes it as a reference.
    return quoteattr(value, {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


def _text(text: str | None) -> str:
    return escape(text or "", {"\r": "&#13;"})
