"""Each verdict of a login, produced over a real socket by a server that misbehaves in one way."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.logins import try_login
from ansible.module_utils.xmpp.session import Campaign
from xmpp_certificates import DOMAIN, Authority
from xmpp_check import Check
from xmpp_peer import (
    BIND,
    PROCEED,
    SASL,
    STARTTLS,
    STREAM,
    Link,
    Peer,
    ScramServer,
    Script,
    failure,
    features,
    honest,
    mechanisms,
    stream_error,
)

SCRAM = mechanisms("SCRAM-SHA-1")


def says(*texts: str | bytes) -> Script:
    """Answer the client's first words with these, then let it leave."""

    def script(link: Link) -> None:
        link.expect("<stream:stream [^>]*>")
        link.send(*texts)
        link.wait_for_the_end()

    return script


def greets(text: bytes) -> Script:
    """Speak first, as servers of other protocols do."""

    def script(link: Link) -> None:
        link.send(text)
        link.wait_for_the_end()

    return script


def closes(link: Link) -> None:
    link.expect("<stream:stream [^>]*>")


def reset(link: Link) -> None:
    link.expect("<stream:stream [^>]*>")
    link.reset()


def silence(link: Link) -> None:
    link.wait_for_the_end()


def trickle(link: Link) -> None:
    """Never quite silent: white space for ever is legal, and must not keep the client here for ever."""
    link.expect("<stream:stream [^>]*>")
    link.send(STREAM)
    pause = threading.Event()
    while not pause.wait(0.02):
        link.send(" ")


BOMB = (
    "<?xml version='1.0'?><!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY c '&a;&a;&a;&a;&a;&a;&a;&a;'>"
    "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>"
)

BEFORE_TLS: dict[str, tuple[Script, str]] = {
    "an immediate close": (closes, "not_xmpp"),
    "an ssh banner": (greets(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "not_xmpp"),
    "a web server": (greets(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>"), "not_xmpp"),
    "another root element": (says("<html><body>"), "not_xmpp"),
    "xmpp before 1.0": (says(STREAM.replace("version='1.0'", "")), "not_xmpp"),
    "a document type": (says("<?xml version='1.0'?><!DOCTYPE html>", STREAM), "not_xmpp"),
    "an entity bomb": (says(BOMB, STREAM, "<x>&d;</x>"), "not_xmpp"),
    "a document type in utf-16": (says("<?xml version='1.0'?><!DOCTYPE html>".encode("utf-16")), "not_xmpp"),
    "an undefined entity": (says(STREAM, "<x>&nbsp;</x>"), "not_xmpp"),
    "a comment": (says(STREAM, "<!-- x -->", features(STARTTLS)), "not_xmpp"),
    "a processing instruction": (says(STREAM, "<?x y?>", features(STARTTLS)), "not_xmpp"),
    "malformed xml": (says(STREAM, "<a><b></a>"), "not_xmpp"),
    "text between stanzas": (says(STREAM, "hello"), "not_xmpp"),
    "octets that are no utf-8": (says(STREAM, b"<a>\xff\xfe</a>"), "not_xmpp"),
    "a huge stanza": (says(STREAM, "<a>", "x" * (2 << 20)), "stanza_too_big"),
    "a huge tag": (says(STREAM, "<" + "a" * (2 << 20)), "stanza_too_big"),
    "deep nesting": (says(STREAM, "<a>" * 1000), "stanza_too_big"),
    "a reset": (reset, "connection_lost"),
    "a close after the header": (says(STREAM, "</stream:stream>"), "connection_lost"),
    "another stanza instead of features": (says(STREAM, "<message/>"), "protocol"),
    "no starttls": (says(STREAM, features(mechanisms("SCRAM-SHA-1", "PLAIN"))), "no_starttls"),
    "no features at all": (says(STREAM, features()), "no_starttls"),
}


@pytest.mark.parametrize("name", BEFORE_TLS)
def test_what_is_wrong_before_tls_has_its_verdict_and_no_login_is_sent(name: str, check: Check) -> None:
    script, verdict = BEFORE_TLS[name]
    result, peer = check(script)
    assert result.verdict == verdict
    assert b"<auth" not in peer.heard()


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ("host-unknown", "stream_host_unknown"),
        ("host-gone", "stream_host_gone"),
        ("policy-violation", "stream_policy_violation"),
        ("see-other-host", "stream_see_other_host"),
        ("reset", "stream_reset"),
        ("conflict", "stream_conflict"),
        ("not-authorized", "stream_not_authorized"),
        ("resource-constraint", "stream_resource_constraint"),
        ("system-shutdown", "stream_system_shutdown"),
        ("connection-timeout", "stream_connection_timeout"),
        ("internal-server-error", "stream_internal_server_error"),
        ("undefined-condition", "stream_other"),
        ("never-heard-of", "stream_other"),
    ],
)
def test_a_stream_error_keeps_its_condition_and_its_text(condition: str, verdict: str, check: Check) -> None:
    result, _ = check(says(STREAM, stream_error(condition, "until 12:00"), "</stream:stream>"))
    assert result.verdict == verdict
    assert "until 12:00" in result.detail


def test_a_redirect_is_not_followed(check: Check) -> None:
    with Peer(silence) as elsewhere:
        where = (
            f"<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:{elsewhere.port}</see-other-host>"
        )
        result, _ = check(says(STREAM, f"<stream:error>{where}</stream:error>"))
    assert result.verdict == "stream_see_other_host"
    assert not elsewhere.links


@pytest.mark.parametrize(
    "script", [silence, says(STREAM), trickle], ids=["from the start", "after the header", "blanks"]
)
def test_silence_ends_in_a_timeout(script: Script, check: Check) -> None:
    result, _ = check(script, timeout=0.3)
    assert result.verdict == "timeout"


def test_silence_in_the_tls_handshake_ends_in_a_timeout(check: Check) -> None:
    result, _ = check(silence, tls="direct", timeout=0.3)
    assert (result.verdict, result.detail) == ("timeout", "no answer in time while negotiating TLS")


def test_a_closed_port_is_refused(campaign: Campaign) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = try_login(Account(bare_jid(f"a@{DOMAIN}"), "x", "127.0.0.1", port), campaign)
    assert result.verdict == "refused"
    assert f"127.0.0.1:{port}" in result.detail


def test_starttls_that_is_refused_has_its_verdict(check: Check) -> None:
    def script(link: Link) -> None:
        link.open(STARTTLS)
        link.expect("<starttls [^>]*>")
        link.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")

    result, _ = check(script)
    assert result.verdict == "starttls_refused"


def test_what_is_injected_in_clear_after_proceed_is_thrown_away(check: Check, good: ssl.SSLContext) -> None:
    def script(link: Link) -> None:
        link.open(STARTTLS)
        link.expect("<starttls [^>]*>")
        link.send(PROCEED + features(mechanisms("PLAIN")) + f"<success xmlns='{SASL}'/>")
        # The client's handshake comes after its read of the line above, or the two would fall into one packet.
        link.start_tls(good)
        link.open(mechanisms("NOTHING-WE-KNOW"))
        link.wait_for_the_end()

    result, peer = check(script, allow_plain=True)
    assert result.verdict == "no_mechanism"
    assert b"<auth" not in peer.heard()


def over_tls(context: ssl.SSLContext) -> Script:
    return lambda link: link.secure(context, SCRAM)


def test_bad_certificates_have_their_verdicts_and_no_login_is_sent(
    check: Check, authority: Authority, stranger: Authority
) -> None:
    contexts = {
        "tls_expired": authority.context([DOMAIN], days=(-9, -2)),
        "tls_not_yet_valid": authority.context([DOMAIN], days=(2, 9)),
        "tls_name_mismatch": authority.context(["im.univ.example", "other.example"]),
        "tls_untrusted": stranger.context([DOMAIN]),
    }
    for verdict, context in contexts.items():
        result, peer = check(over_tls(context))
        assert result.verdict == verdict
        assert b"<auth" not in peer.heard()


def test_a_certificate_that_names_the_domain_only_as_common_name_is_no_match(
    check: Check, authority: Authority
) -> None:
    result, _ = check(over_tls(authority.context(None, common_name=DOMAIN)))
    assert result.verdict == "tls_name_mismatch"


def test_tls_before_1_2_is_refused(check: Check, authority: Authority) -> None:
    with pytest.warns(DeprecationWarning):
        context = authority.context([DOMAIN], version=ssl.TLSVersion.TLSv1_1)
    result, _ = check(over_tls(context))
    assert result.verdict == "tls_error"


def test_plain_text_on_a_direct_tls_port_is_a_tls_error(check: Check) -> None:
    result, _ = check(greets(STREAM.encode()), tls="direct")
    assert result.verdict == "tls_error"


def test_a_close_in_the_tls_handshake_is_a_lost_connection(check: Check) -> None:
    result, _ = check(lambda link: None, tls="direct")
    assert result.verdict == "connection_lost"


def inside_tls(context: ssl.SSLContext, *offered: str) -> Callable[[Callable[[Link], None]], Script]:
    """A normal server up to SASL; the rest is the script's."""

    def wrap(rest: Callable[[Link], None]) -> Script:
        def script(link: Link) -> None:
            link.secure(context, mechanisms(*(offered or ("SCRAM-SHA-1",))))
            rest(link)

        return script

    return wrap


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_the_right_password_is_ok(mechanism: str, check: Check, good: ssl.SSLContext) -> None:
    result, peer = check(honest(good, {"alice": "right"}, mechanism))
    assert (result.verdict, result.detail) == ("ok", mechanism)
    assert peer.heard().endswith(b"</stream:stream>")
    assert b"<presence" not in peer.heard()
    assert b"<resource" not in peer.heard()


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
        link.expect("<iq ")
        link.send(
            "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@b/c</jid></bind></iq>"
        )
        link.wait_for_the_end()

    result, _ = check(script, tls="direct")
    assert result.verdict == "ok"
    assert chosen == ["xmpp-client"]


def test_a_password_of_any_script_survives(check: Check, good: ssl.SSLContext) -> None:
    password = 'Zoë O\'Brien & "Co" <x> \\ пароль=,'
    result, _ = check(honest(good, {"alice": password}), password=password)
    assert result.verdict == "ok"


def test_a_wrong_password_is_tried_once_and_not_by_plain(check: Check, good: ssl.SSLContext) -> None:
    def rest(link: Link) -> None:
        assert not ScramServer("right").run(link)
        link.send(failure("not-authorized", "no match"))
        link.wait_for_the_end()

    result, peer = check(inside_tls(good, "PLAIN", "SCRAM-SHA-1")(rest), password="wrong", allow_plain=True)
    assert (result.verdict, result.detail) == ("auth_failed", "no match")
    assert peer.heard().count(b"<auth") == 1
    assert len(peer.links) == 1


def test_a_refusal_before_any_challenge_is_told(check: Check, good: ssl.SSLContext) -> None:
    result, _ = check(honest(good, {"bob": "right"}))
    assert result.verdict == "auth_failed"
    assert "probably does not exist" in result.detail


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ("account-disabled", "account_disabled"),
        ("credentials-expired", "credentials_expired"),
        ("temporary-auth-failure", "temporary_failure"),
        ("aborted", "auth_aborted"),
        ("encryption-required", "auth_encryption_required"),
        ("invalid-authzid", "auth_invalid_authzid"),
        ("invalid-mechanism", "auth_invalid_mechanism"),
        ("mechanism-too-weak", "auth_mechanism_too_weak"),
        ("malformed-request", "auth_malformed_request"),
        ("incorrect-encoding", "auth_incorrect_encoding"),
        ("bad-protocol", "auth_other"),
    ],
)
def test_a_sasl_failure_keeps_its_condition(condition: str, verdict: str, check: Check, good: ssl.SSLContext) -> None:
    def rest(link: Link) -> None:
        link.expect("<auth [^>]*>[^<]*</auth>")
        link.send(failure(condition))
        link.wait_for_the_end()

    result, _ = check(inside_tls(good)(rest))
    assert result.verdict == verdict


def test_without_a_safe_mechanism_nothing_is_sent_and_the_offer_is_told(check: Check, good: ssl.SSLContext) -> None:
    for offered in (["GSSAPI", "X-OAUTH2"], ["PLAIN"], ["DIGEST-MD5", "PLAIN"]):
        result, peer = check(inside_tls(good, *offered)(Link.wait_for_the_end))
        assert result.verdict == "no_mechanism"
        assert " ".join(offered) in result.detail
        assert b"<auth" not in peer.heard()


@pytest.mark.parametrize(("sent", "verdict"), [("right", "ok"), ("wrong", "auth_failed")])
def test_plain_works_where_it_is_asked_for_and_alone(
    sent: str, verdict: str, check: Check, good: ssl.SSLContext
) -> None:
    def rest(link: Link) -> None:
        message = link.expect("<auth [^>]*mechanism='PLAIN'[^>]*>([^<]*)</auth>").group(1)
        if base64.b64decode(message) != b"\0alice\0right":
            link.send(failure("not-authorized"))
            return
        link.send(f"<success xmlns='{SASL}'/>")
        link.open(BIND)
        link.expect("<iq ")
        link.send(
            "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@b/c</jid></bind></iq>"
        )

    result, _ = check(inside_tls(good, "PLAIN")(rest), password=sent, allow_plain=True)
    assert result.verdict == verdict


def test_plain_that_is_challenged_is_a_breach_of_protocol(check: Check, good: ssl.SSLContext) -> None:
    def rest(link: Link) -> None:
        link.expect("<auth [^>]*>")
        link.send(f"<challenge xmlns='{SASL}'/>")

    result, _ = check(inside_tls(good, "PLAIN")(rest), allow_plain=True)
    assert result.verdict == "protocol"


TAMPERED: dict[str, tuple[dict[str, Any], str]] = {
    "a nonce of its own": ({"nonce": lambda client: "somethingelse"}, "server_nonce"),
    "a nonce cut short": ({"nonce": lambda client: client[:-1]}, "server_nonce"),
    "our nonce and nothing more": ({"nonce": lambda client: client}, "server_nonce"),
    "one iteration": ({"iterations": "1"}, "scram_iterations"),
    "4095 iterations": ({"iterations": "4095"}, "scram_iterations"),
    "a million and one iterations": ({"iterations": "1000001"}, "scram_iterations"),
    "a billion iterations": ({"iterations": "1000000000"}, "scram_iterations"),
    "a number of 5000 digits": ({"iterations": "9" * 5000}, "scram_iterations"),
    "zero iterations": ({"iterations": "0"}, "protocol"),
    "negative iterations": ({"iterations": "-4096"}, "protocol"),
    "iterations in words": ({"iterations": "many"}, "protocol"),
    "no salt": ({"salt": b""}, "protocol"),
    "an unknown mandatory extension": ({"first": "m=x,r=a,s=eA==,i=4096"}, "protocol"),
    "another order": ({"first": "s=eA==,r=a,i=4096"}, "protocol"),
    "nothing": ({"first": ""}, "protocol"),
    "a salt that is no base64": ({"first": "r=a,s=e===A=,i=4096"}, "server_nonce"),
    "a wrong signature": ({"final": "v=" + base64.b64encode(b"x" * 20).decode()}, "server_signature"),
    "an empty signature": ({"final": "v="}, "server_signature"),
    "a signature that is no base64": ({"final": "v=%%%"}, "server_signature"),
    "no signature": ({"final": None}, "server_signature"),
    "an error as final message": ({"final": "e=other-error"}, "server_signature"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_server_that_tampers_with_scram_is_found_out(name: str, check: Check, good: ssl.SSLContext) -> None:
    changes, verdict = TAMPERED[name]

    def rest(link: Link) -> None:
        server = ScramServer("right", **changes)
        server.run(link)
        server.success(link)
        link.wait_for_the_end()

    result, _ = check(inside_tls(good)(rest))
    assert result.verdict == verdict


def test_extensions_that_are_not_mandatory_are_ignored(check: Check, good: ssl.SSLContext) -> None:
    def rest(link: Link) -> None:
        server = ScramServer("right", tail=",x=future")
        assert server.run(link)
        server.success(link)
        link.wait_for_the_end()

    result, peer = check(inside_tls(good)(rest), timeout=0.5)
    assert result.verdict == "timeout"
    assert peer.heard().count(b"<stream:stream") == 3


UNEXPECTED: dict[str, tuple[str, str]] = {
    "success before any challenge": (f"<success xmlns='{SASL}'/>", "server_signature"),
    "success with data before any challenge": (f"<success xmlns='{SASL}'>dj14</success>", "server_signature"),
    "a challenge that is no base64": (f"<challenge xmlns='{SASL}'>%%%</challenge>", "protocol"),
    "an empty challenge": (f"<challenge xmlns='{SASL}'>=</challenge>", "protocol"),
    "a message": ("<message/>", "protocol"),
    "success in another namespace": ("<success xmlns='urn:other'/>", "protocol"),
    "an element without a name space": ("<a:success xmlns:a=''/>", "not_xmpp"),
}


@pytest.mark.parametrize("name", UNEXPECTED)
def test_an_unexpected_answer_to_a_login_is_never_taken_for_a_yes(
    name: str, check: Check, good: ssl.SSLContext
) -> None:
    text, verdict = UNEXPECTED[name]

    def rest(link: Link) -> None:
        link.expect("<auth [^>]*>")
        link.send(text)
        link.wait_for_the_end()

    result, _ = check(inside_tls(good)(rest))
    assert result.verdict == verdict


def test_the_servers_proof_may_come_in_a_challenge_of_its_own(check: Check, good: ssl.SSLContext) -> None:
    def rest(link: Link) -> None:
        server = ScramServer("right")
        assert server.run(link)
        link.send(f"<challenge xmlns='{SASL}'>{base64.b64encode(server.signature.encode()).decode()}</challenge>")
        link.expect("<response [^>]*>")
        link.send(f"<success xmlns='{SASL}'/>")
        link.open(BIND)
        link.expect("<iq ")
        link.send(
            "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@b/c</jid></bind></iq>"
        )

    result, _ = check(inside_tls(good)(rest))
    assert result.verdict == "ok"


def test_a_challenge_after_the_end_is_a_breach_of_protocol(check: Check, good: ssl.SSLContext) -> None:
    def rest(link: Link) -> None:
        server = ScramServer("right")
        assert server.run(link)
        final = f"<challenge xmlns='{SASL}'>{base64.b64encode(server.signature.encode()).decode()}</challenge>"
        link.send(final)
        link.expect("<response [^>]*>")
        link.send(final)
        link.wait_for_the_end()

    result, _ = check(inside_tls(good)(rest))
    assert result.verdict == "protocol"


def bind_error(condition: str) -> str:
    inside = f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
    return f"<iq type='error' id='bind'><error type='cancel'>{inside}</error></iq>"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (bind_error("conflict"), "bind_conflict"),
        (bind_error("resource-constraint"), "bind_resource_constraint"),
        (bind_error("not-allowed"), "bind_not_allowed"),
        (bind_error("internal-server-error"), "bind_other"),
        ("<iq type='error' id='bind'/>", "bind_other"),
        ("<iq type='result' id='bind'/>", "protocol"),
        ("<iq type='result' id='other'/>", "protocol"),
        ("<message/>", "protocol"),
    ],
)
def test_a_session_that_is_not_bound_is_no_success(
    answer: str, verdict: str, check: Check, good: ssl.SSLContext
) -> None:
    def rest(link: Link) -> None:
        server = ScramServer("right")
        assert server.run(link)
        server.success(link)
        link.open(BIND)
        link.expect("<iq ")
        link.send(answer)
        link.wait_for_the_end()

    result, _ = check(inside_tls(good)(rest))
    assert result.verdict == verdict


def test_a_password_with_forbidden_characters_is_told_without_being_sent(check: Check, good: ssl.SSLContext) -> None:
    result, peer = check(inside_tls(good)(Link.wait_for_the_end), password="se\x07cret")
    assert result.verdict == "bad_password_characters"
    assert "cret" not in result.detail
    assert b"<auth" not in peer.heard()


def test_foreign_text_comes_out_as_one_printable_line(check: Check) -> None:
    text = "&#x9b;31m\nred\u202e" + "x" * 9000
    result, _ = check(says(STREAM, stream_error("policy-violation", text)))
    assert result.detail.isprintable()
    assert len(result.detail) <= 300
