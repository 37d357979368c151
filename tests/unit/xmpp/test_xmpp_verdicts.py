"""Each verdict, produced over a real socket by a server that misbehaves in one way (the cases: ``xmpp_cases``)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

import pytest
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.logins import try_login
from ansible.module_utils.xmpp.problems import VERDICTS, WRITING
from ansible.module_utils.xmpp.session import Campaign
from xmpp_cases import LOGINS, PLAYED, SCRAM, World, says, silence
from xmpp_certificates import DOMAIN, Authority
from xmpp_check import Check
from xmpp_name_server import on_loopback
from xmpp_peer import BIND, BOUND, STREAM, Link, Peer, ScramServer, failure, honest, mechanisms, stream_error


@pytest.fixture(scope="module", autouse=True)
def name_server() -> Iterator[None]:
    with on_loopback():
        yield


@pytest.mark.parametrize("name", LOGINS)
def test_a_login_comes_to_its_verdict_and_sends_nothing_that_it_should_not(name: str, world: World) -> None:
    case = LOGINS[name]
    with case.arranged(world) as (account, campaign, peer):
        result = try_login(account, campaign)
    assert result.verdict == case.verdict
    assert case.told in result.detail
    assert peer.heard().count(b"<auth") <= (0 if case.silent else 1)
    assert len(peer.links) <= 1


@pytest.mark.parametrize("name", PLAYED)
def test_what_no_login_alone_can_tell_comes_to_its_verdict(name: str, world: World) -> None:
    verdict, play = PLAYED[name]
    assert play(world) == verdict


def test_every_verdict_is_produced_by_a_case(record_property: Callable[[str, object], None]) -> None:
    produced = [case.verdict for case in LOGINS.values()] + [verdict for verdict, _ in PLAYED.values()]
    asked = VERDICTS - WRITING
    assert sorted(asked - set(produced)) == [], "these need a row in xmpp_cases.py"
    assert set(produced) == asked
    record_property("tried: verdicts", f"{len(produced)} cases for {len(asked)} verdicts")


def test_a_redirect_is_not_followed(check: Check) -> None:
    with Peer(silence) as elsewhere:
        where = (
            f"<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:{elsewhere.port}</see-other-host>"
        )
        result, _ = check(says(STREAM, f"<stream:error>{where}</stream:error>"))
    assert result.verdict == "stream_see_other_host"
    assert not elsewhere.links


def test_tls_before_1_2_is_refused(check: Check, authority: Authority) -> None:
    with pytest.warns(DeprecationWarning):
        context = authority.context([DOMAIN], version=ssl.TLSVersion.TLSv1_1)
    result, _ = check(lambda link: link.secure(context, SCRAM))
    assert result.verdict == "tls_error"


def test_a_domain_with_accents_is_unicode_in_xmpp_and_ascii_in_the_certificate(
    authority: Authority, campaign: Campaign
) -> None:
    with Peer(honest(authority.context(["xn--cole-9oa.example"]), {"alice": "right"})) as peer:
        result = try_login(Account(bare_jid("alice@École.example"), "right", "127.0.0.1", peer.port), campaign)
    assert result.verdict == "ok"
    assert peer.heard().decode().count('to="école.example"') == 3


def test_direct_tls_names_its_protocol_and_works(check: Check, authority: Authority) -> None:
    context = authority.context([DOMAIN])
    context.set_alpn_protocols(["xmpp-client"])
    chosen = []

    def script(link: Link) -> None:
        link.start_tls(context)
        chosen.append(link.protocol())
        link.open(SCRAM)
        server = ScramServer("right")
        assert server.run(link)
        server.success(link)
        link.open(BIND)
        link.answer_iq(BOUND)
        link.wait_for_the_end()

    result, _ = check(script, tls="direct")
    assert result.verdict == "ok"
    assert chosen == ["xmpp-client"]


def test_a_password_of_any_script_survives(check: Check, good: ssl.SSLContext) -> None:
    password = 'Zoë O\'Brien & "Co" <x> \\ пароль=,'
    result, _ = check(honest(good, {"alice": password}), password=password)
    assert result.verdict == "ok"


def test_a_wrong_password_is_tried_once_and_not_by_plain(check: Check, good: ssl.SSLContext) -> None:
    def script(link: Link) -> None:
        link.secure(good, mechanisms("PLAIN", "SCRAM-SHA-1"))
        assert not ScramServer("right").run(link)
        link.send(failure("not-authorized", "no match"))
        link.wait_for_the_end()

    result, peer = check(script, password="wrong", allow_plain=True)
    assert (result.verdict, result.detail) == ("auth_failed", "no match")
    assert peer.heard().count(b"<auth") == 1
    assert len(peer.links) == 1


def test_extensions_that_are_not_mandatory_are_ignored(check: Check, good: ssl.SSLContext) -> None:
    def script(link: Link) -> None:
        link.secure(good, SCRAM)
        server = ScramServer("right", tail=",x=future")
        assert server.run(link)
        server.success(link)
        link.wait_for_the_end()

    result, peer = check(script, timeout=0.5)
    assert result.verdict == "timeout"
    assert peer.heard().count(b"<stream:stream") == 3


def test_a_login_that_works_ends_the_stream_and_shows_nobody_that_it_was_there(
    check: Check, good: ssl.SSLContext
) -> None:
    _, peer = check(honest(good, {"alice": "right"}))
    assert peer.heard().endswith(b"</stream:stream>")
    assert b"<presence" not in peer.heard()
    assert b"<resource" not in peer.heard()


def test_a_password_with_forbidden_characters_is_not_told(check: Check, good: ssl.SSLContext) -> None:
    result, _ = check(lambda link: link.secure(good, SCRAM), password="se\x07cret")
    assert "cret" not in result.detail


def test_foreign_text_comes_out_as_one_printable_line(check: Check) -> None:
    text = "&#x9b;31m\nred\u202e" + "x" * 9000
    result, _ = check(says(STREAM, stream_error("policy-violation", text)))
    assert result.detail.isprintable()
    assert len(result.detail) <= 300
