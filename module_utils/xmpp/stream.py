"""The XML of a stream: a parser that refuses what XMPP forbids, and the few elements we read and write.

XMPP is a subset of XML (RFC 6120 11.1): no document type, no entity, no comment, no processing instruction. Refusing
them as they begin makes entity bombs harmless; the limits of size and depth do the same for huge and deep stanzas.
"""

from __future__ import annotations

import xml.parsers.expat
from collections.abc import Callable
from functools import lru_cache
from typing import Dict
from xml.etree.ElementTree import Element, TreeBuilder
from xml.sax.saxutils import quoteattr

from .problems import XmppProblem, stream_problem

STREAM_NS = "http://etherx.jabber.org/streams"
CLIENT_NS = "jabber:client"
_STREAM_ERRORS_NS = "urn:ietf:params:xml:ns:xmpp-streams"
_STREAM_TAG = f"{{{STREAM_NS}}}stream"

#: Octets of one first-level element. Servers default to 64 KiB (Prosody: 256 KiB); a list of all accounts needs more.
MAX_STANZA = 1 << 20
_MAX_DEPTH = 100

#: Different names of elements and attributes, prefixes and namespaces in one stream. A real one has some hundred.
_MAX_NAMES = 20_000


class StreamParser:
    """Turns the octets of one stream into its first-level elements, however they are cut.

    What it keeps in memory is bounded: an element by its size and depth, the stream by the number of its names, which
    expat never forgets.

    Attributes:
        opened: the stream header was read.
        closed: the stream's end tag was read.
    """

    def __init__(self, max_stanza: int = MAX_STANZA) -> None:
        self.opened = False
        self.closed = False
        self._max_stanza = max_stanza
        self._depth = 0
        self._fed = 0
        self._stanza_from = 0
        self._builder = TreeBuilder()
        self._ready: list[Element] = []
        self._names: dict[str, str] = {}
        self._tags = _Tags()
        # The encoding is forced: RFC 6120 11.6 knows only UTF-8, and a document type in UTF-16 is a classic way in.
        expat = xml.parsers.expat.ParserCreate("utf-8", "}", self._names)
        expat.buffer_text = True
        expat.StartElementHandler = self._start
        expat.EndElementHandler = self._end
        expat.CharacterDataHandler = self._text
        # Nothing to do, but without it prefixes and namespaces that no name uses would not be counted.
        expat.StartNamespaceDeclHandler = _ignore
        expat.StartDoctypeDeclHandler = _refuse("a document type")
        expat.CommentHandler = _refuse("a comment")
        expat.ProcessingInstructionHandler = _refuse("a processing instruction")
        # Expat 2.6 and later hold back the end of a stanza in the hope of more; a peer that waits for us sends none.
        disable = getattr(expat, "SetReparseDeferralEnabled", None)
        if disable:
            disable(False)
        self._expat = expat

    def feed(self, data: bytes) -> list[Element]:
        """Take octets of the stream; return the first-level elements that they complete.

        Raises:
            XmppProblem: ``not_xmpp``, ``stanza_too_big``. The parser is of no use afterwards.
        """
        self._fed += len(data)
        try:
            self._expat.Parse(data, False)
        except xml.parsers.expat.ExpatError as error:
            what = "malformed XML" if self.opened else "no XMPP stream"
            raise XmppProblem("not_xmpp", f"{what}: {error}") from None
        if self._depth == 1:
            # Between two elements expat stands where the next one begins, whatever came before it.
            self._stanza_from = self._expat.CurrentByteIndex
        if self._fed - self._stanza_from > self._max_stanza:
            raise self._too_big()
        if len(self._names) > _MAX_NAMES:
            raise XmppProblem("not_xmpp", f"more than {_MAX_NAMES} different names in one stream")
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        depth = self._depth
        self._depth = depth + 1
        if depth > 1:
            if depth > _MAX_DEPTH:
                raise XmppProblem("stanza_too_big", f"elements nested deeper than {_MAX_DEPTH}")
        elif depth == 1:
            self._builder = TreeBuilder()
            # Straight into the tree, without a call of ours for each piece of text.
            self._expat.CharacterDataHandler = self._builder.data
            self._stanza_from = self._expat.CurrentByteIndex
        else:
            self._open(self._tags[name], attributes)
            return
        for key in attributes:
            if "}" in key:
                attributes = {_clark(key): value for key, value in attributes.items()}
                break
        self._builder.start(self._tags[name], attributes)

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        if tag != _STREAM_TAG:
            raise XmppProblem("not_xmpp", f"the root element is {tag[:80]}")
        if not attributes.get("version", "0").startswith("1."):
            raise XmppProblem("not_xmpp", "the server speaks no XMPP 1.0")
        self.opened = True

    def _end(self, name: str) -> None:
        depth = self._depth = self._depth - 1
        if depth == 0:
            self.closed = True
            return
        self._builder.end(self._tags[name])
        if depth == 1:
            position = self._expat.CurrentByteIndex
            if position - self._stanza_from > self._max_stanza:
                raise self._too_big()
            self._ready.append(self._builder.close())
            self._expat.CharacterDataHandler = self._text
            self._stanza_from = position

    def _text(self, data: str) -> None:
        """Text between stanzas: white space is a keep-alive (RFC 6120 4.6.1) and belongs to no stanza."""
        if data.strip(" \t\r\n"):
            raise XmppProblem("not_xmpp", "text between stanzas")
        self._stanza_from = self._expat.CurrentByteIndex

    def _too_big(self) -> XmppProblem:
        return XmppProblem("stanza_too_big", f"one stanza of more than {self._max_stanza} octets")


class _Tags(Dict[str, str]):
    """Names of expat -> names of ElementTree, each put together once."""

    def __missing__(self, name: str) -> str:
        tag = self[name] = _clark(name)
        return tag


def _ignore(*_: object) -> None:
    pass


def _refuse(what: str) -> Callable[..., None]:
    def handler(*_: object) -> None:
        raise XmppProblem("not_xmpp", f"{what} is forbidden in XMPP (RFC 6120 11.1)")

    return handler


def _clark(name: str) -> str:
    """``namespace}local`` of expat -> ``{namespace}local`` of ElementTree."""
    return "{" + name if "}" in name else name


_quoted = lru_cache(maxsize=64)(quoteattr)


def header(domain: str) -> bytes:
    """The opening of a client's stream to ``domain`` (RFC 6120 4.7)."""
    return (
        f"<?xml version='1.0'?><stream:stream to={quoteattr(domain)} version='1.0' xml:lang='en' "
        f"xmlns='{CLIENT_NS}' xmlns:stream='{STREAM_NS}'>"
    ).encode()


FOOTER = b"</stream:stream>"


def iq(kind: str, ident: str, to: str | None, payload: str) -> bytes:
    """An IQ stanza (RFC 6120 8.2.3); ``payload`` is XML, ready to send."""
    address = f" to={_quoted(to)}" if to else ""
    # A campaign sends thousands: the number that we call a question by needs no escape.
    name = f'"{ident}"' if ident.isalnum() else quoteattr(ident)
    return f"<iq type='{kind}' id={name}{address}>{payload}</iq>".encode()


def condition(element: Element | None, namespace: str) -> str:
    """Name of the condition inside an error or failure element; "undefined" when there is none."""
    if element is not None:
        for child in element:
            head, brace, name = child.tag.rpartition("}")
            if brace and head == "{" + namespace and name != "text":
                return name
    return "undefined"


def error_text(element: Element | None) -> str:
    """The human text that a server put beside a condition; "" when there is none."""
    if element is not None:
        for child in element:
            if child.tag.endswith("}text"):
                return child.text or ""
    return ""


def raise_if_stream_error(element: Element) -> None:
    """Raise the problem that a ``<stream:error/>`` stands for; ``<see-other-host/>`` is one of them, never followed."""
    if element.tag == f"{{{STREAM_NS}}}error":
        raise stream_problem(condition(element, _STREAM_ERRORS_NS), error_text(element))
