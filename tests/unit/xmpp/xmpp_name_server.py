"""A name server on loopback that knows a few SRV records and misbehaves for some names."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset

ZONE = {
    "_xmpp-client._tcp.univ.example.": ["5 0 5222 im.univ.example.", "10 0 5222 im2.univ.example."],
    "_xmpp-client._tcp.absent.example.": ["0 0 0 ."],
}


@contextmanager
def on_loopback() -> Iterator[None]:
    """Answer this process's questions from ZONE; "broken" gets SERVFAIL, "silent" nothing, "empty" no SRV."""
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            wire, client = link.recvfrom(4096)
            if wire == b"stop":
                return
            question = dns.message.from_wire(wire)
            response = dns.message.make_response(question)
            name = question.question[0].name.to_text()
            if name in ZONE:
                response.answer.append(dns.rrset.from_text(name, 60, "IN", "SRV", *ZONE[name]))
            elif "broken" in name:
                response.set_rcode(dns.rcode.SERVFAIL)
            elif "empty" not in name:
                response.set_rcode(dns.rcode.NXDOMAIN)
            if "silent" not in name:
                link.sendto(response.to_wire(), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ours = dns.resolver.Resolver(configure=False)
    ours.nameservers, ours.port = ["127.0.0.1"], link.getsockname()[1]
    theirs, dns.resolver.default_resolver = dns.resolver.default_resolver, ours
    try:
        yield
    finally:
        dns.resolver.default_resolver = theirs
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"stop", link.getsockname())
        thread.join()
        link.close()
