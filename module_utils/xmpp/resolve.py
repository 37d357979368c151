"""From a domain to addresses: SRV records, explicit hosts, and the name service, each look-up bounded and made once.

A SRV question has four different answers (RFC 2782, RFC 6120 3.2, XEP-0368): records, none, "there is no such service"
(a single target "."), and "could not be asked". Only "none" allows the fallback to the domain itself.
"""

from __future__ import annotations

import queue
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Tuple, TypeVar

from .problems import XmppProblem, os_problem

try:
    import dns.exception
    import dns.resolver
except ImportError:
    HAVE_DNSPYTHON = False
else:
    HAVE_DNSPYTHON = True

_K = TypeVar("_K")
_V = TypeVar("_V")

TlsMode = Literal["starttls", "direct"]

#: RFC 6120 14.7 and the port that XEP-0368 made customary.
DEFAULT_PORT: dict[TlsMode, int] = {"starttls": 5222, "direct": 5223}
_SERVICE: dict[TlsMode, str] = {"starttls": "_xmpp-client._tcp", "direct": "_xmpps-client._tcp"}

#: A zone may list any number of targets; nobody waits for more than these.
_MAX_ENDPOINTS = 8


@dataclass(frozen=True)
class Server:
    """Where an account says that its service is; equal servers share look-ups and fates.

    Attributes:
        domain: the JID's domain in Unicode; the certificate must carry it, wherever the connection leads.
        host: explicit host name or address: no SRV look-up.
        port: explicit port; without a host, that port of the domain: no SRV look-up.
        tls: "starttls", "direct", or None: what the SRV records say, STARTTLS when there are none.
    """

    domain: str
    host: str | None = None
    port: int | None = None
    tls: TlsMode | None = None

    @property
    def ascii_domain(self) -> str:
        """The domain as DNS and certificates know it (IDNA, RFC 5890); XMPP itself speaks Unicode (RFC 7622 3.2)."""
        return self.domain.encode("idna").decode()


@dataclass(frozen=True)
class Endpoint:
    """One place to try; ``note`` is what a reader should know if it does not answer."""

    host: str
    port: int
    direct_tls: bool
    note: str = ""

    def __str__(self) -> str:
        place = f"{self.host}:{self.port}"
        return f"{place} ({self.note})" if self.note else place


@dataclass(frozen=True)
class SrvRecord:
    """One SRV record (RFC 2782); ``target`` without the final dot."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True)
class SrvAnswer:
    """The answer to one SRV question.

    Attributes:
        kind: "records", "none", "absent" (declared: target "."), "failed".
        records: for "records", unordered.
        reason: for "failed", why; for "none", why the question was not asked at all, if it was not.
    """

    kind: Literal["records", "none", "absent", "failed"]
    records: tuple[SrvRecord, ...] = ()
    reason: str = ""


#: (family, socket address), as ``socket.getaddrinfo`` gives them.
# Desks import this with Python 3.8, where the built-in tuple takes no types yet.
Address = Tuple[int, Any]


class Resolver:
    """Look-ups for one campaign: each question is asked once, good or bad, by whichever thread comes first."""

    def __init__(self, timeout: float = 5.0, srv: Callable[[str, float], SrvAnswer] | None = None) -> None:
        """Prepare.

        Args:
            timeout: seconds for each question.
            srv: asks one SRV question, given its name and seconds; by default ``ask_srv``.
        """
        self._timeout = timeout
        self._srv = srv or ask_srv
        self._lock = threading.Lock()
        self._endpoints: dict[Server, list[Endpoint] | XmppProblem] = {}
        self._addresses: dict[tuple[str, int], list[Address] | XmppProblem] = {}

    def endpoints(self, server: Server) -> list[Endpoint]:
        """Places to try, in order.

        Raises:
            XmppProblem: ``dns``, ``srv_absent``.
        """
        return self._once(self._endpoints, server, lambda: self._find(server))

    def addresses(self, endpoint: Endpoint) -> list[Address]:
        """Addresses of an endpoint, in the order of the system.

        Raises:
            XmppProblem: ``dns``.
        """
        key = (endpoint.host, endpoint.port)
        return self._once(self._addresses, key, lambda: _addresses(*key, self._timeout))

    def _once(self, answers: dict[_K, _V | XmppProblem], key: _K, ask: Callable[[], _V]) -> _V:
        with self._lock:
            if key not in answers:
                try:
                    answers[key] = ask()
                except XmppProblem as problem:
                    answers[key] = problem
            answer = answers[key]
        if isinstance(answer, XmppProblem):
            # A fresh one: an exception that several threads raise would collect all their tracebacks.
            raise XmppProblem(answer.code, answer.detail)
        return answer

    def _find(self, server: Server) -> list[Endpoint]:
        if server.host or server.port:
            mode = server.tls or "starttls"
            host, port = server.host or server.ascii_domain, server.port or DEFAULT_PORT[mode]
            return [Endpoint(host, port, mode == "direct")]
        wanted: tuple[TlsMode, ...] = (server.tls,) if server.tls else ("direct", "starttls")
        names = {mode: f"{_SERVICE[mode]}.{server.ascii_domain}" for mode in wanted}
        answers = {mode: self._srv(name, self._timeout) for mode, name in names.items()}
        # XEP-0368 3: the records of both services are sorted together, by priority and weight.
        found = [(record, mode == "direct") for mode, answer in answers.items() for record in answer.records]
        if found:
            ordered = in_order(found)[:_MAX_ENDPOINTS]
            return [Endpoint(record.target, record.port, direct) for record, direct in ordered]
        for mode, answer in answers.items():
            # RFC 6120 3.2.1 would try the domain itself here; the truth for a report is that the name service is ill.
            if answer.kind == "failed":
                raise XmppProblem("dns", f"SRV {names[mode]}: {answer.reason}")
        # "No direct TLS here" says nothing against STARTTLS; "no XMPP here" says everything.
        fallback: TlsMode = server.tls or "starttls"
        if answers[fallback].kind == "absent":
            raise XmppProblem("srv_absent", f"SRV {names[fallback]} declares that there is no such service")
        note = answers[fallback].reason
        return [Endpoint(server.ascii_domain, DEFAULT_PORT[fallback], fallback == "direct", note)]


def ask_srv(name: str, timeout: float) -> SrvAnswer:
    """Ask the system's name servers one SRV question, for at most ``timeout`` seconds; never raises."""
    if not HAVE_DNSPYTHON:
        return SrvAnswer("none", reason="SRV records not looked up: dnspython is not installed")
    try:
        answer = dns.resolver.resolve(name, "SRV", lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return SrvAnswer("none")
    except (dns.exception.DNSException, OSError, UnicodeError) as error:
        return SrvAnswer("failed", reason=str(error) or type(error).__name__)
    records = tuple(
        SrvRecord(r.priority, r.weight, r.port, target)
        for r in answer
        if (target := r.target.to_text(omit_final_dot=True)) not in ("", ".")
    )
    return SrvAnswer("records", records) if records else SrvAnswer("absent")


def in_order(
    found: Sequence[tuple[SrvRecord, bool]], pick: Callable[[int], int] = secrets.randbelow
) -> list[tuple[SrvRecord, bool]]:
    """Sort records (each with a mark of the caller) by priority, and by lot according to weight within one (RFC 2782).

    Args:
        found: any number of records.
        pick: draws a number from 0 to below its argument.
    """
    ordered = []
    for priority in sorted({record.priority for record, _ in found}):
        group = sorted((item for item in found if item[0].priority == priority), key=lambda item: item[0].weight)
        while group:
            lot = pick(sum(record.weight for record, _ in group) + 1)
            running = 0
            for item in group:
                running += item[0].weight
                if running >= lot:
                    break
            group.remove(item)
            ordered.append(item)
    return ordered


def _addresses(host: str, port: int, timeout: float) -> list[Address]:
    """Ask the system (files, DNS, ...) for the addresses of a host.

    ``getaddrinfo`` knows no time-out and may sit for half a minute on dead name servers: a thread waits in our place.
    """
    answers: queue.SimpleQueue[list[Address] | XmppProblem] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            answers.put(os_problem(error, f"looking up {host}"))
        except UnicodeError:
            answers.put(XmppProblem("dns", f"{host!r} is no host name"))
        else:
            answers.put([(family, address) for family, _, _, _, address in found])

    threading.Thread(target=look_up, daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise XmppProblem("dns", f"no answer in {timeout:g} s while looking up {host}") from None
    if isinstance(answer, XmppProblem):
        raise answer
    return answer
