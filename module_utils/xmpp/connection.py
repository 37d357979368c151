"""One blocking XMPP stream: connects, performs the steps of a login, asks questions in a pipeline."""

from __future__ import annotations

import collections
import contextlib
import socket
import ssl
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar
from xml.etree.ElementTree import Element

from .login import Open, Step
from .problems import XmppProblem, os_problem
from .resolve import Endpoint, Resolver, Server
from .stream import CLIENT_NS, FOOTER, MAX_STANZA, StreamParser, header, iq, raise_if_stream_error
from .tls import Trust

_K = TypeVar("_K")
_T = TypeVar("_T")

_READ = 65536
_IQ = f"{{{CLIENT_NS}}}iq"

#: Octets a second at which a server lets a client speak at the least: ejabberd's default configuration gives 3,000, so
#: that a picture of 64 KiB takes half a minute.
_SLOWEST = 2000

#: Linux only. Prosody leaves Nagle's algorithm on: with delayed acknowledgements each login would wait 40 ms.
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


@dataclass(frozen=True)
class Request(Generic[_K]):
    """One IQ get or set.

    Attributes:
        key: comes back with the answer.
        kind: "get" or "set".
        to: bare JID or domain that is asked, in normal form.
        payload: XML.
    """

    key: _K
    kind: str
    to: str
    payload: str


class Connection:
    """A stream to a server that was reached over TCP. A context manager: leaving it closes the stream.

    Every wait is bounded: the login as a whole, then each answer, by ``timeout``.

    Attributes:
        endpoint: the place that accepted.
        tls_version: such as "TLSv1.3"; "" before the handshake.
        certificate: of the server, verified, in DER; b"" before the handshake.
    """

    def __init__(
        self, server: Server, resolver: Resolver, trust: Trust, *, timeout: float = 15.0, max_stanza: int = MAX_STANZA
    ) -> None:
        """Connect over TCP to the first place of the server that accepts.

        Args:
            server: where to go; its domain is the name that the certificate must carry.
            resolver: shared by a campaign.
            trust: shared by a campaign.
            timeout: seconds for the connection and the login together; later, for each answer.
            max_stanza: octets of the largest element that is read.

        Raises:
            XmppProblem: ``dns``, ``srv_absent``, ``refused``, ``unreachable``, ``timeout``, ...
        """
        self._server = server
        self._trust = trust
        self._timeout = timeout
        self._max_stanza = max_stanza
        self._deadline = time.monotonic() + timeout
        self._doing = "connecting"
        self._count = 0
        self._heard = False
        self._sending = False  # stays True when it failed half-way: the stream is of no use then
        self._parser = StreamParser(max_stanza)
        self._elements: collections.deque[Element] = collections.deque()
        self._outbox = bytearray()
        self.tls_version = ""
        self.certificate = b""
        self._socket, self.endpoint = self._connect(resolver, server)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye if that is possible at once, and close. Never raises."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(0.2)
            if self._parser.opened:
                self._socket.sendall(FOOTER)
        self._socket.close()

    @property
    def peer(self) -> str:
        """The address that accepted the connection, as long as it is there; then "".

        A server may be gone again as soon as it has accepted.
        """
        try:
            return str(self._socket.getpeername()[0])
        except OSError:
            return ""

    def detach(self) -> socket.socket:
        """Hand out the raw link, for a handshake that is looked at and thrown away; nothing works here afterwards.

        Raises:
            ValueError: TLS has begun.
        """
        if isinstance(self._socket, ssl.SSLSocket):
            raise ValueError("the link is inside TLS already")
        link = self._socket
        self._socket = socket.socket(link.family, link.type)
        return link

    def perform(self, steps: Generator[Step, Element, _T]) -> _T:
        """Perform the steps of a login (see ``login``) and return its result.

        Raises:
            XmppProblem: from the steps, the stream, TLS or the network.
        """
        try:
            step = next(steps)
            while True:
                step = steps.send(self._step(step))
        except StopIteration as end:
            result: _T = end.value
            return result

    def ask(self, requests: Iterable[Request[_K]], window: int = 20) -> Iterator[tuple[_K, Element]]:
        """Send IQs in a pipeline, at most ``window`` unanswered at a time; yield ``(key, answer)`` as answers come.

        An answer counts only if it comes from the entity that was asked (RFC 6120 8.1.2.1: no sender at all means the
        server itself); anything else is ignored, and requests of others are declined (RFC 6120 8.2.3, rule 3).

        Raises:
            XmppProblem: ``timeout`` when no answer arrives for ``timeout`` seconds, and as many more as a server may
                take to let in what was sent; stream and network problems.
        """
        waiting: dict[str, Request[_K]] = {}
        source = iter(requests)
        exhausted = False
        self._doing = "waiting for an answer to an IQ"
        while True:
            while not exhausted and len(waiting) < window:
                request = next(source, None)
                if request is None:
                    exhausted = True
                    break
                self._count += 1
                ident = f"q{self._count:x}"
                waiting[ident] = request
                self._outbox += iq(request.kind, ident, request.to, request.payload)
            if not waiting:
                return
            self._deadline = time.monotonic() + self._timeout + len(self._outbox) / _SLOWEST
            yield self._answer(waiting)

    def send(self, octets: bytes) -> None:
        """Queue stanzas; they leave with the next read."""
        self._outbox += octets

    def post(self, request: Request[_K]) -> str:
        """Queue an IQ, which leaves with the next read; returns its identifier, for ``collect``."""
        self._count += 1
        ident = f"q{self._count:x}"
        self._outbox += iq(request.kind, ident, request.to, request.payload)
        return ident

    def receive(self, deadline: float) -> Element:
        """Send what is queued and return the next first-level element, whatever it is.

        Args:
            deadline: on the clock ``time.monotonic``.

        Raises:
            XmppProblem: ``timeout``; stream and network problems.
        """
        self._deadline = deadline
        self._doing = "waiting for an answer"
        return self._receive()

    def collect(self, waiting: dict[str, Request[_K]], deadline: float) -> tuple[_K, Element] | None:
        """Take one answer to what was posted, remove its request from ``waiting``; None when there is none in time.

        Running out of time says nothing about the stream, which stays of use; not being able to send does.

        Args:
            waiting: identifier of ``post`` -> request; at least one.
            deadline: until when to wait, on the clock ``time.monotonic``.

        Raises:
            XmppProblem: stream and network problems.
        """
        self._doing = "waiting for an answer to an IQ"
        if not self._elements:
            # Sent in one go with what other answers brought about, before waiting for more.
            self._deadline = time.monotonic() + self._timeout
            self._flush()
        self._deadline = deadline
        try:
            return self._answer(waiting)
        except XmppProblem as problem:
            if problem.code != "timeout" or self._sending:
                raise
            return None

    def _answer(self, waiting: dict[str, Request[_K]]) -> tuple[_K, Element]:
        while True:
            element = self._receive()
            if element.tag != _IQ:
                continue
            kind, ident, sender = element.get("type"), element.get("id", ""), element.get("from")
            if kind in ("get", "set"):
                self._decline(ident, sender)
            elif kind in ("result", "error") and ident in waiting and sender in (None, waiting[ident].to):
                return waiting.pop(ident).key, element

    def _decline(self, ident: str, sender: str | None) -> None:
        payload = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        self._outbox += iq("error", ident, sender, payload)

    def _step(self, step: Step) -> Element:
        if isinstance(step, Open):
            if step.secure:
                self._start_tls()
            self._doing = "opening the stream"
            # What came before belongs to the old stream; what came in clear after <proceed/> was injected
            # (RFC 6120 5.4.3.3).
            self._parser = StreamParser(self._max_stanza)
            self._elements.clear()
            self._outbox += header(self._server.domain)
        else:
            self._doing = "logging in"
            self._outbox += step.xml
        return self._receive()

    def _start_tls(self) -> None:
        self._doing = "negotiating TLS"
        context = self._trust.direct if self.endpoint.direct_tls else self._trust.starttls
        try:
            self._socket.settimeout(self._remaining())
            tls = context.wrap_socket(self._socket, server_hostname=self._server.ascii_domain)
        except OSError as error:
            raise os_problem(error, self._doing) from None
        self._socket = tls
        # Noted at once: a layer that has failed knows them no more.
        self.tls_version = tls.version() or ""
        self.certificate = tls.getpeercert(binary_form=True) or b""

    def _receive(self) -> Element:
        while not self._elements:
            octets = b"" if self._parser.closed else self._exchange()
            if not octets:
                code = "connection_lost" if self._heard else "not_xmpp"
                raise XmppProblem(code, f"closed by the server while {self._doing}")
            self._elements.extend(self._parser.feed(octets))
            self._heard = self._heard or self._parser.opened
        element = self._elements.popleft()
        raise_if_stream_error(element)
        return element

    def _exchange(self) -> bytes:
        """Send what is due, in one go, and wait for octets."""
        try:
            self._send_what_is_due()
            if _QUICKACK is not None:
                # The kernel forgets this option after a while: it is set before each read.
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            self._socket.settimeout(self._remaining())
            return self._socket.recv(_READ)
        except OSError as error:
            raise os_problem(error, self._doing) from None

    def _flush(self) -> None:
        try:
            self._send_what_is_due()
        except OSError as error:
            raise os_problem(error, self._doing) from None

    def _send_what_is_due(self) -> None:
        if self._outbox:
            self._socket.settimeout(self._remaining())
            self._sending = True
            self._socket.sendall(self._outbox)
            self._sending = False
            self._outbox.clear()

    def _remaining(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining

    def _connect(self, resolver: Resolver, server: Server) -> tuple[socket.socket, Endpoint]:
        endpoints = resolver.endpoints(server)
        places = []
        problems = []
        for endpoint in endpoints:
            try:
                places += [(endpoint, family, address) for family, address in resolver.addresses(endpoint)]
            except XmppProblem as problem:
                problems.append(problem)
        for done, (endpoint, family, address) in enumerate(places):
            link = socket.socket(family, socket.SOCK_STREAM)
            try:
                # Each place has its share, so that one that swallows packets does not use up the time of the others.
                link.settimeout(self._remaining() / (len(places) - done))
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link.connect(address)
            except OSError as error:
                link.close()
                problems.append(os_problem(error, f"connecting to {endpoint}"))
            else:
                return link, endpoint
        first, *others = problems
        raise XmppProblem(first.code, "; ".join([first.detail, *(f"{p.code} {p.detail}" for p in others)]))
