"""From domains to places: the four answers of SRV, their order, and bounded look-ups."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from ansible.module_utils.xmpp import resolve
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.logins import try_login
from ansible.module_utils.xmpp.problems import XmppProblem
from ansible.module_utils.xmpp.resolve import Endpoint, Resolver, Server, SrvAnswer, SrvRecord
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from xmpp_name_server import on_loopback

NONE, ABSENT, FAILED = SrvAnswer("none"), SrvAnswer("absent"), SrvAnswer("failed", reason="SERVFAIL")


def records(*rows: tuple[int, int, int, str]) -> SrvAnswer:
    return SrvAnswer("records", tuple(SrvRecord(*row) for row in rows))


def places(starttls: SrvAnswer, direct: SrvAnswer, **server: object) -> list[str]:
    """Endpoints as "host:port" with "+" for direct TLS, or the code of the problem."""
    answers = {"_xmpp-client._tcp.univ.example": starttls, "_xmpps-client._tcp.univ.example": direct}
    resolver = Resolver(srv=lambda name, timeout: answers[name])
    try:
        return [f"{e}{'+' * e.direct_tls}" for e in resolver.endpoints(Server("univ.example", **server))]
    except XmppProblem as problem:
        return [problem.code]


ONE = records((5, 0, 5222, "im.univ.example"))
TLS = records((1, 0, 5223, "tls.univ.example"))


@pytest.mark.parametrize(
    ("starttls", "direct", "server", "expected"),
    [
        (ONE, NONE, {}, ["im.univ.example:5222"]),
        (ONE, TLS, {}, ["tls.univ.example:5223+", "im.univ.example:5222"]),
        (ONE, ABSENT, {}, ["im.univ.example:5222"]),
        (ONE, FAILED, {}, ["im.univ.example:5222"]),
        (ABSENT, TLS, {}, ["tls.univ.example:5223+"]),
        (NONE, NONE, {}, ["univ.example:5222"]),
        (NONE, ABSENT, {}, ["univ.example:5222"]),
        (ABSENT, NONE, {}, ["srv_absent"]),
        (ABSENT, ABSENT, {}, ["srv_absent"]),
        (FAILED, NONE, {}, ["dns"]),
        (NONE, FAILED, {}, ["dns"]),
        (ONE, TLS, {"tls": "starttls"}, ["im.univ.example:5222"]),
        (ONE, TLS, {"tls": "direct"}, ["tls.univ.example:5223+"]),
        (ONE, NONE, {"tls": "direct"}, ["univ.example:5223+"]),
        (ONE, ABSENT, {"tls": "direct"}, ["srv_absent"]),
        (ABSENT, ABSENT, {"host": "im"}, ["im:5222"]),
        (ABSENT, ABSENT, {"host": "im", "tls": "direct"}, ["im:5223+"]),
        (ABSENT, ABSENT, {"host": "im", "port": 443, "tls": "direct"}, ["im:443+"]),
        (ABSENT, ABSENT, {"port": 15222}, ["univ.example:15222"]),
    ],
)
def test_records_and_explicit_places_lead_to_endpoints(
    starttls: SrvAnswer, direct: SrvAnswer, server: dict[str, object], expected: list[str]
) -> None:
    assert places(starttls, direct, **server) == expected


def test_priority_goes_before_weight_and_a_heavy_target_is_drawn_more_often() -> None:
    found = [
        (SrvRecord(2, 0, 1, "last"), False),
        (SrvRecord(1, 90, 1, "heavy"), False),
        (SrvRecord(1, 10, 1, "light"), False),
    ]
    orders = [[r.target for r, _ in resolve.in_order(found, lambda top, n=n: n % top)] for n in range(101)]
    assert all(order[-1] == "last" for order in orders)
    assert sum(order[0] == "heavy" for order in orders) == 90
    assert sorted(r.target for r, _ in resolve.in_order(found)) == ["heavy", "last", "light"]


def test_a_zone_with_very_many_targets_is_cut_short() -> None:
    many = records(*((n, 0, 5222, f"h{n}") for n in range(500)))
    assert len(places(many, NONE)) == 8


def test_a_question_is_asked_once_even_if_it_fails() -> None:
    asked = []

    def srv(name: str, timeout: float) -> SrvAnswer:
        asked.append(name)
        return FAILED

    resolver = Resolver(srv=srv)
    for _ in range(3):
        with pytest.raises(XmppProblem, match="SERVFAIL"):
            resolver.endpoints(Server("univ.example", tls="starttls"))
    assert asked == ["_xmpp-client._tcp.univ.example"]


def test_a_name_service_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [never.wait(30)][1:])
    with pytest.raises(XmppProblem, match="dns: no answer in"):
        Resolver(timeout=0.05).addresses(Endpoint("im.univ.example", 5222, False))
    never.set()


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_host_without_address_has_the_verdict_dns(
    error: Exception, monkeypatch: pytest.MonkeyPatch, trust: Trust
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    account = Account(bare_jid("a@univ.example"), "x", "no-such-host")
    result = try_login(account, Campaign(trust, Resolver()))
    assert result.verdict == "dns"
    assert "no-such-host" in result.detail


def test_the_next_place_is_tried_when_one_is_closed_and_all_are_told_when_none_answers(trust: Trust) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_port = listener.getsockname()[1]

        def result(*ports: int) -> tuple[str, str]:
            answer = records(*((n, 0, port, "127.0.0.1") for n, port in enumerate(ports)))
            resolver = Resolver(srv=lambda name, timeout: answer if "xmpp-" in name else NONE)
            found = try_login(Account(bare_jid("a@univ.example"), "x"), Campaign(trust, resolver, timeout=0.3))
            return found.verdict, found.detail

        assert result(closed, open_port) == ("timeout", "no answer in time while opening the stream")
        verdict, detail = result(closed, closed)
        assert verdict == "refused"
        assert detail.count(f"127.0.0.1:{closed}") == 2


def test_without_dnspython_the_domain_is_tried_and_the_reader_is_told(
    monkeypatch: pytest.MonkeyPatch, trust: Trust
) -> None:
    monkeypatch.setattr(resolve, "HAVE_DNSPYTHON", False)
    (endpoint,) = Resolver().endpoints(Server("univ.example"))
    assert (endpoint.host, endpoint.port) == ("univ.example", 5222)
    assert "dnspython is not installed" in str(endpoint)


@pytest.fixture
def name_server() -> Iterator[None]:
    with on_loopback():
        yield


@pytest.mark.usefixtures("name_server")
@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("univ.example", "records"),
        ("absent.example", "absent"),
        ("nothing.example", "none"),
        ("empty.example", "none"),
        ("broken.example", "failed"),
        ("silent.example", "failed"),
        ("x" * 70 + ".example", "failed"),
    ],
)
def test_a_real_question_has_one_of_four_answers(domain: str, kind: str) -> None:
    answer = resolve.ask_srv(f"_xmpp-client._tcp.{domain}", 0.3)
    assert answer.kind == kind
    if kind == "records":
        assert {(r.priority, r.target, r.port) for r in answer.records} == {
            (5, "im.univ.example", 5222),
            (10, "im2.univ.example", 5222),
        }
    if kind == "failed":
        assert answer.reason
