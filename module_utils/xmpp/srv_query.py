"""One SRV question to the name servers of /etc/resolv.conf, with the standard library only: desks have no dnspython.

It is what messaging clients do on a desk (``res_query``), so that a name service that answers differently there, or not
at all, is seen. RFC 1035 for the messages, RFC 2782 for the records. Everything that comes in is foreign: lengths are
checked, names are bounded, and an answer counts only if it repeats the number and the question that were asked.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Sequence
from pathlib import Path

from .resolve import SrvAnswer, SrvRecord

_RESOLV_CONF = Path("/etc/resolv.conf")

#: As the C library does (resolv.conf(5), MAXNS); without any, the machine itself is asked.
_MAX_SERVERS = 3
_PORT = 53

_SRV, _INTERNET = 33, 1
_NO_ERROR, _NO_SUCH_NAME = 0, 3
_RCODES = {1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED"}
_TRUNCATED = 0x0200
_IS_ANSWER = 0x8000
_RECURSION_DESIRED = 0x0100
_HEADER = struct.Struct("!6H")

#: A compressed name is a chain of pointers; an honest one has fewer links than a name has labels (RFC 1035 2.3.4).
_MAX_LINKS = 128


def ask_srv(name: str, timeout: float, servers: Sequence[tuple[str, int]] | None = None) -> SrvAnswer:
    """Ask one SRV question, for at most ``timeout`` seconds; never raises.

    Args:
        name: absolute, ASCII, such as ``_xmpp-client._tcp.univ.example``.
        timeout: seconds for all servers together. Each is asked twice at most, as UDP loses packets.
        servers: (address, port) of name servers; by default those of /etc/resolv.conf.
    """
    try:
        question = _question(name)
    except ValueError as error:
        return SrvAnswer("failed", reason=str(error))
    deadline = time.monotonic() + timeout
    places = list(servers) if servers is not None else name_servers()
    reasons: dict[tuple[str, int], str] = {}
    turns = [place for _ in range(2) for place in places]
    for done, place in enumerate(turns):
        if place in reasons and not reasons[place].endswith("no answer in time"):
            continue
        share = (deadline - time.monotonic()) / (len(turns) - done)
        if share <= 0:
            break
        try:
            return _ask(place, question, share)
        except socket.timeout:  # another kind of OSError than TimeoutError before Python 3.10
            reasons[place] = f"{place[0]}: no answer in time"
        except OSError as error:
            reasons[place] = f"{place[0]}: {error.strerror or type(error).__name__}"
        except ValueError as error:
            reasons[place] = f"{place[0]}: {error}"
    return SrvAnswer("failed", reason="; ".join(reasons.values()) or "no name server is configured")


def name_servers(configuration: Path = _RESOLV_CONF) -> list[tuple[str, int]]:
    """The (address, port) of the name servers that this machine asks; itself when none is configured."""
    try:
        text = configuration.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    words = [line.split() for line in text.splitlines()]
    found = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    return [(address, _PORT) for address in (found or ["127.0.0.1"])[:_MAX_SERVERS]]


def _question(name: str) -> bytes:
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels) or sum(map(len, labels)) + len(labels) > 254:
        raise ValueError(f"{name[:80]!r} is no domain name")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0" + struct.pack("!2H", _SRV, _INTERNET)


def _ask(place: tuple[str, int], question: bytes, timeout: float) -> SrvAnswer:
    """Ask one server, by TCP when the answer does not fit in a datagram (RFC 7766).

    Raises:
        OSError: the network, ``socket.timeout`` among it.
        ValueError: what the server answered is of no use.
    """
    number = secrets.randbelow(1 << 16)
    message = _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0) + question
    deadline = time.monotonic() + timeout
    answer = _by_datagram(place, message, deadline)
    if _HEADER.unpack_from(answer)[1] & _TRUNCATED:
        answer = _by_stream(place, message, deadline)
    return read_answer(answer, question)


def _by_datagram(place: tuple[str, int], message: bytes, deadline: float) -> bytes:
    (family, kind, protocol, _, address), *_ = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)
    with socket.socket(family, kind, protocol) as link:
        # Connected, it takes datagrams of this server only.
        link.connect(address)
        link.send(message)
        while True:
            _set_timeout(link, deadline)
            answer = link.recv(65535)
            # A late answer to something else, or somebody who guesses: not ours, go on waiting.
            if _belongs(answer, message):
                return answer


def _by_stream(place: tuple[str, int], message: bytes, deadline: float) -> bytes:
    with socket.create_connection(place, timeout=max(deadline - time.monotonic(), 0.001)) as link:
        link.sendall(struct.pack("!H", len(message)) + message)
        (length,) = struct.unpack("!H", _read(link, 2, deadline))
        answer = _read(link, length, deadline)
    if not _belongs(answer, message):
        raise ValueError("an answer to another question")
    return answer


def _read(link: socket.socket, count: int, deadline: float) -> bytes:
    octets = b""
    while len(octets) < count:
        _set_timeout(link, deadline)
        more = link.recv(count - len(octets))
        if not more:
            raise ValueError("the answer was cut off")
        octets += more
    return octets


def _set_timeout(link: socket.socket, deadline: float) -> None:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise socket.timeout("no answer in time")
    link.settimeout(remaining)


def _belongs(answer: bytes, message: bytes) -> bool:
    """Whether this is an answer to our message: same number, same question (some servers change its case)."""
    question = message[_HEADER.size :]
    return (
        len(answer) >= len(message)
        and answer[:2] == message[:2]
        and bool(_HEADER.unpack_from(answer)[1] & _IS_ANSWER)
        and answer[_HEADER.size : len(message)].lower() == question.lower()
    )


def read_answer(answer: bytes, question: bytes) -> SrvAnswer:
    """Read a DNS message that answers this question.

    Args:
        answer: the whole message, its header and question already recognised.
        question: name, type and class, in wire format.

    Raises:
        ValueError: malformed, or an error of the server (its name is the message).
    """
    try:
        _, flags, _, count, _, _ = _HEADER.unpack_from(answer)
        code = flags & 0xF
        if code == _NO_SUCH_NAME:
            return SrvAnswer("none")
        if code != _NO_ERROR:
            raise ValueError(_RCODES.get(code, f"error {code} of the name server"))
        records = []
        found = False
        position = _HEADER.size + len(question)
        for _ in range(count):
            _, position = _name(answer, position)
            kind, _, _, length = struct.unpack_from("!2HIH", answer, position)
            position += 10
            if kind == _SRV:
                found = True
                priority, weight, port = struct.unpack_from("!3H", answer, position)
                target, _ = _name(answer, position + 6)
                if target:
                    records.append(SrvRecord(priority, weight, port, target))
            position += length
    except (struct.error, IndexError, UnicodeError):
        raise ValueError("a malformed answer") from None
    if not found:
        return SrvAnswer("none")
    return SrvAnswer("records", tuple(records)) if records else SrvAnswer("absent")


def _name(message: bytes, position: int) -> tuple[str, int]:
    """Read a name (RFC 1035 4.1.4), without its final dot; returns it and the place after it."""
    labels: list[str] = []
    after = 0
    for _ in range(_MAX_LINKS):
        length = message[position]
        if length >= 0xC0:
            (pointer,) = struct.unpack_from("!H", message, position)
            after = after or position + 2
            position = pointer & 0x3FFF
        elif length > 63:
            raise IndexError
        elif length == 0:
            return ".".join(labels), after or position + 1
        else:
            label = message[position + 1 : position + 1 + length]
            # Names are shown to people: what is no visible ASCII, or would pass for another name, is refused.
            if len(label) < length or not all(0x20 < octet < 0x7F and octet != 0x2E for octet in label):
                raise IndexError
            labels.append(label.decode("ascii"))
            position += 1 + length
    raise IndexError
