"""Can an XMPP service be reached from here, without any account: names, TCP, TLS with a verified certificate, XMPP.

Runs on desks too: Python 3.8 and its standard library. No login is tried, no password is known here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .connection import Connection
from .login import secure
from .problems import XmppProblem
from .resolve import Endpoint, Resolver, Server
from .tls import Trust


@dataclass(frozen=True)
class Reached:
    """How far one try came.

    Attributes:
        endpoint: the place that was tried; None when the name service did not lead to any.
        verdict: "ok", or one of ``problems.SERVICE``.
        detail: technical, in English or the server's own words.
        address: the address that accepted the connection, "" when none did.
        tls: version of TLS, such as "TLSv1.3"; "" without.
        milliseconds: how long it took, look-ups included.
    """

    endpoint: Endpoint | None
    verdict: str
    detail: str = ""
    address: str = ""
    tls: str = ""
    milliseconds: int = 0


def reach(server: Server, resolver: Resolver, trust: Trust, timeout: float) -> list[Reached]:
    """Try every place that the name service or the server's own settings lead to, all at once; never raises for them.

    Args:
        server: the service.
        resolver: for its names.
        trust: the authorities.
        timeout: seconds for each place.

    Returns:
        One result for each place, in the order in which a client tries them; at least one.
    """
    start = time.monotonic()
    try:
        endpoints = resolver.endpoints(server)
    except XmppProblem as problem:
        return [Reached(None, problem.code, problem.detail, milliseconds=_since(start))]
    with ThreadPoolExecutor(max_workers=len(endpoints)) as pool:
        return list(pool.map(lambda endpoint: _try(server.domain, endpoint, resolver, trust, timeout), endpoints))


def overall(reached: Sequence[Reached]) -> Reached:
    """The result to tell: the first place that works, as clients go on to the next; else the first one's failure."""
    return next((one for one in reached if one.verdict == "ok"), reached[0])


def _try(domain: str, endpoint: Endpoint, resolver: Resolver, trust: Trust, timeout: float) -> Reached:
    start = time.monotonic()
    server = Server(domain, endpoint.host, endpoint.port, "direct" if endpoint.direct_tls else "starttls")
    address = tls = ""
    try:
        with Connection(server, resolver, trust, timeout=timeout) as connection:
            address = connection.peer
            try:
                connection.perform(secure(endpoint.direct_tls))
            finally:
                tls = connection.tls_version
    except XmppProblem as problem:
        detail = f"{problem.detail} ({endpoint.note})" if endpoint.note else problem.detail
        return Reached(endpoint, problem.code, detail, address, tls, _since(start))
    return Reached(endpoint, "ok", endpoint.note, address, tls, _since(start))


def _since(start: float) -> int:
    return round(1000 * (time.monotonic() - start))
