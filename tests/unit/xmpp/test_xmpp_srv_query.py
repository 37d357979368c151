"""The SRV question that a desk asks by itself: what servers answer, what nobody should, and dnspython as a witness."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from ansible.module_utils.xmpp.resolve import SrvRecord
from ansible.module_utils.xmpp.srv_query import ask_srv, name_servers, read_answer
from hypothesis import given
from hypothesis import strategies as st

NAME = "_xmpp-client._tcp.univ.example"
Respond = Callable[[dns.message.Message], bytes | None]


@contextmanager
def name_server(respond: Respond, by_stream: Respond | None = None) -> Iterator[tuple[str, int]]:
    """A name server on loopback, for UDP and, with ``by_stream``, for TCP on the same port."""
    listener = socket.create_server(("127.0.0.1", 0))
    place: tuple[str, int] = listener.getsockname()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(place)

    def serve_datagrams() -> None:
        while (received := datagrams.recvfrom(4096))[0] != b"stop":
            if answer := respond(dns.message.from_wire(received[0])):
                datagrams.sendto(answer, received[1])

    def serve_streams() -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = listener.accept()
                with link:
                    link.settimeout(10)
                    (length,) = struct.unpack("!H", link.recv(2))
                    answer = by_stream(dns.message.from_wire(link.recv(length))) if by_stream else None
                    link.sendall(answer or b"")

    threads = [threading.Thread(target=serve, daemon=True) for serve in (serve_datagrams, serve_streams)]
    for thread in threads:
        thread.start()
    try:
        yield place
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"stop", place)
        listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        listener.close()
        datagrams.close()


def says(*records: str, code: dns.rcode.Rcode = dns.rcode.NOERROR, kind: str = "SRV", flags: int = 0) -> Respond:
    def respond(question: dns.message.Message) -> bytes:
        response = dns.message.make_response(question)
        response.set_rcode(code)
        response.flags |= flags
        if records:
            response.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", kind, *records))
        return response.to_wire()

    return respond


@pytest.mark.parametrize(
    ("respond", "kind", "targets"),
    [
        (says("5 1 5222 im.univ.example.", "9 0 5269 im2.univ.example."), "records", ["im", "im2"]),
        (says("0 0 0 ."), "absent", []),
        (says(), "none", []),
        (says(code=dns.rcode.NXDOMAIN), "none", []),
        (says("other.example.", kind="CNAME"), "none", []),
        (says(code=dns.rcode.SERVFAIL), "failed", []),
        (says(code=dns.rcode.REFUSED), "failed", []),
        (says(code=dns.rcode.YXDOMAIN), "failed", []),
    ],
)
def test_the_four_answers_are_four_answers(respond: Respond, kind: str, targets: list[str]) -> None:
    with name_server(respond) as place:
        answer = ask_srv(NAME, 10, [place])
    assert answer.kind == kind
    assert sorted(r.target.removesuffix(".univ.example") for r in answer.records) == targets
    assert bool(answer.reason) == (kind == "failed")


def test_all_values_of_a_record_are_read() -> None:
    with name_server(says("5 77 15222 im.univ.example.")) as place:
        assert ask_srv(NAME, 10, [place]).records == (SrvRecord(5, 77, 15222, "im.univ.example"),)


def test_an_answer_too_long_for_a_datagram_comes_by_stream() -> None:
    many = [f"{n} 0 5222 im{n}.univ.example." for n in range(200)]
    with name_server(says(flags=dns.flags.TC), lambda q: _framed(says(*many)(q) or b"")) as place:
        assert len(ask_srv(NAME, 10, [place]).records) == 200


def _framed(answer: bytes) -> bytes:
    return struct.pack("!H", len(answer)) + answer


def test_a_stream_that_breaks_off_or_answers_something_else_is_a_failure_and_no_answer() -> None:
    def another(question: dns.message.Message) -> bytes:
        question.id ^= 1
        return _framed(says("5 0 1 evil.example.")(question) or b"")

    for by_stream in (lambda q: b"", lambda q: b"\x01\x00half", another):
        with name_server(says(flags=dns.flags.TC), by_stream) as place:
            assert ask_srv(NAME, 10, [place]).kind == "failed"


def test_the_next_server_is_asked_when_one_is_ill_silent_or_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nobody = unused.getsockname()
    with (
        name_server(says(code=dns.rcode.SERVFAIL)) as ill,
        name_server(lambda question: None) as silent,
        name_server(says("5 0 5222 im.univ.example.")) as good,
    ):
        answer = ask_srv(NAME, 3, [ill, silent, nobody, good])
        assert [r.target for r in answer.records] == ["im.univ.example"]
        everything_fails = ask_srv(NAME, 0.4, [ill, silent])
    assert everything_fails.kind == "failed"
    assert "SERVFAIL" in everything_fails.reason and "no answer in time" in everything_fails.reason


def test_an_answer_that_is_not_to_our_question_is_not_taken() -> None:
    def forged(question: dns.message.Message) -> bytes:
        question.id ^= 1
        return says("5 0 1 evil.example.")(question) or b""

    def of_another_name(question: dns.message.Message) -> bytes:
        other = dns.message.make_query("_xmpp-client._tcp.evil.example", "SRV")
        other.id = question.id
        return says("5 0 1 evil.example.")(other) or b""

    for respond in (forged, of_another_name, lambda question: question.to_wire(), lambda question: b"\0\0"):
        with name_server(respond) as place:
            assert ask_srv(NAME, 0.3, [place]).kind == "failed"


def test_a_server_may_change_the_case_of_the_question() -> None:
    def shout(question: dns.message.Message) -> bytes:
        wire = says("5 0 5222 im.univ.example.")(question) or b""
        return wire.replace(b"univ\x07example\0\0", b"UNIV\x07EXAMPLE\0\0", 1)

    with name_server(shout) as place:
        assert ask_srv(NAME, 10, [place]).kind == "records"


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64 + ".example", ".".join(["label"] * 60), "é.example"])
def test_what_is_no_name_is_not_asked(name: str) -> None:
    answer = ask_srv(name, 1, [])
    assert answer.kind == "failed" and answer.reason


def test_the_name_servers_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    lines = [
        "# nameserver 9.9.9.9",
        "search univ.example",
        "nameserver",
        "nameserver 192.0.2.1",
        "nameserver fe80::1%eth0",
    ]
    file.write_text("\n".join([*lines, "nameserver 192.0.2.3", "nameserver 192.0.2.4"]), encoding="utf-8")
    assert name_servers(file) == [("192.0.2.1", 53), ("fe80::1%eth0", 53), ("192.0.2.3", 53)]
    assert name_servers(tmp_path / "none") == [("127.0.0.1", 53)]


QUERY = dns.message.make_query(NAME, "SRV")
QUESTION = QUERY.to_wire()[12:]
LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: ".".join(labels) + ".")
RECORDS = st.lists(st.tuples(*[st.integers(0, 65535)] * 3, HOSTS), min_size=1, max_size=12)


@given(records=RECORDS)
def test_dnspython_and_we_agree_on_what_a_message_says(records: list[tuple[int, int, int, str]]) -> None:
    wire = says(*(f"{a} {b} {c} {host}" for a, b, c, host in records))(QUERY) or b""
    expected = {(r.priority, r.weight, r.port, r.target.to_text(True)) for r in dns.message.from_wire(wire).answer[0]}
    assert {(r.priority, r.weight, r.port, r.target) for r in read_answer(wire, QUESTION).records} == expected


@given(data=st.data())
def test_no_octets_make_it_do_anything_but_read_or_refuse(data: st.DataObject) -> None:
    wire = bytearray(says("5 0 5222 im.univ.example.", "6 0 5222 im.univ.example.")(QUERY) or b"")
    for _ in range(data.draw(st.integers(0, 6))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    del wire[data.draw(st.integers(0, len(wire))) :]
    with contextlib.suppress(ValueError):
        assert read_answer(bytes(wire), QUESTION).kind in ("records", "none", "absent")


@pytest.mark.parametrize("label", [b"\x1b[31m", b"ab.cd", b"ab cd", b"\xc3\xa9abc", b"ab\ncd"])
def test_a_target_that_would_play_tricks_on_who_reads_it_is_refused(label: bytes) -> None:
    honest = says("5 0 5222 abcde.univ.example.")(QUERY) or b""
    assert read_answer(honest, QUESTION).records[0].target == "abcde.univ.example"
    with pytest.raises(ValueError, match="malformed"):
        read_answer(honest.replace(b"abcde", label), QUESTION)


def test_a_name_that_points_at_itself_is_refused() -> None:
    header = struct.pack("!6H", 1, 0x8180, 1, 1, 0, 0)
    loop = header + QUESTION + struct.pack("!H", 0xC000 | (12 + len(QUESTION)))
    with pytest.raises(ValueError, match="malformed"):
        read_answer(loop + b"\0" * 20, QUESTION)
