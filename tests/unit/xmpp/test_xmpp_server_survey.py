"""The survey of a service against scripted servers, good and bad, and what it never sends."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.certificate import read_certificate
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.resolve import Resolver, Server, SrvAnswer, SrvRecord
from ansible.module_utils.xmpp.server_survey import Place, Survey, survey
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from hypothesis import given
from hypothesis import strategies as st
from rendering import PROJECT
from xmpp_certificates import DOMAIN, Authority
from xmpp_peer import BIND, PROCEED, STARTTLS, Link, Peer, ScramServer, Script, honest, mechanisms

OFFER = mechanisms("SCRAM-SHA-1", "PLAIN")
REGISTER = "<register xmlns='http://jabber.org/features/iq-register'/>"
FORM = "<query xmlns='jabber:iq:register'><username/><password/></query>"
PAGE = "<query xmlns='jabber:iq:register'><instructions>See https://univ.example/register</instructions></query>"
CONFERENCE = f"conference.{DOMAIN}"


def refusal(ident: str, reason: str = "service-unavailable") -> str:
    inside = f"<error type='cancel'><{reason} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    return f"<iq type='error' id='{ident}'>{inside}</iq>"


def to_query(link: Link, answer: str | None) -> None:
    """Answer the query that comes next with this payload; None refuses it."""
    ident = link.expect("<iq [^>]*?id=['\"]([^'\"]*)['\"][^>]*>.*?</iq>").group(1).decode()
    link.send(refusal(ident) if answer is None else f"<iq type='result' id='{ident}'>{answer}</iq>")


def serves(context: ssl.SSLContext, *inside: str, answer: str | None = None) -> Script:
    """A server by STARTTLS; it may be visited for its certificate only."""

    def script(link: Link) -> None:
        link.secure(context, *(inside or (OFFER,)))
        to_query(link, answer)
        link.wait_for_the_end()

    return script


def visit(script: Script, trust: Trust, ca_file: Path | None = None, **settings: Any) -> tuple[Place, Peer]:
    with Peer(script) as peer:
        named = [Server(DOMAIN, "127.0.0.1", peer.port, settings.pop("tls", "starttls"))]
        campaign = Campaign(trust, Resolver(), settings.pop("timeout", 10))
        (place,) = survey(DOMAIN, campaign, named=named, ca_file=str(ca_file) if ca_file else None).places
    return place, peer


def test_a_good_server_is_described_and_nothing_of_a_login_is_sent(good: ssl.SSLContext, trust: Trust) -> None:
    place, peer = visit(serves(good), trust)
    assert (place.verdict, place.tls, place.chain, place.address) == ("ok", "TLSv1.3", "", "127.0.0.1")
    assert place.starttls_required is True
    assert place.mechanisms == ("SCRAM-SHA-1", "PLAIN")
    assert place.mechanisms_in_clear == ("PLAIN",)
    assert (place.registration, place.registration_detail) == ("refused", "service-unavailable")
    assert place.registration_offered is False
    assert place.certificate is not None
    assert place.certificate.names == (DOMAIN,)
    assert (place.certificate.issuer, place.certificate.key, place.certificate.bits) == ("ours", "EC", 256)
    assert place.old_tls == {"TLSv1": False, "TLSv1.1": False}
    for forbidden in (b"<auth", b"<presence", b"type='set'", b"<response"):
        assert forbidden not in peer.heard()


def test_foreign_names_of_mechanisms_come_out_printable_and_few(good: ssl.SSLContext, trust: Trust) -> None:
    place, _ = visit(serves(good, mechanisms("A&#x9b;31mB\u202e", "x" * 9000, *["PLAIN"] * 500)), trust)
    assert place.mechanisms is not None
    assert len(place.mechanisms) == 50
    assert all(name.isprintable() and len(name) <= 40 for name in place.mechanisms)


def test_direct_tls_is_described_too(good: ssl.SSLContext, trust: Trust) -> None:
    def script(link: Link) -> None:
        link.start_tls(good)
        link.open(OFFER)
        to_query(link, None)

    place, _ = visit(script, trust, tls="direct")
    assert (place.verdict, place.starttls_required, place.mechanisms_in_clear) == ("ok", None, None)
    assert place.mechanisms == ("SCRAM-SHA-1", "PLAIN")


@pytest.mark.parametrize(
    ("answer", "told"), [(FORM, "open"), (PAGE, "elsewhere"), ("", "elsewhere"), (None, "refused")]
)
def test_a_form_that_can_be_filled_in_is_open_registration(
    answer: str | None, told: str, good: ssl.SSLContext, trust: Trust
) -> None:
    place, _ = visit(serves(good, OFFER, REGISTER, answer=answer), trust)
    assert (place.registration, place.registration_offered) == (told, True)


def test_a_server_that_hangs_up_on_early_questions_refuses_them(good: ssl.SSLContext, trust: Trust) -> None:
    def script(link: Link) -> None:
        link.secure(good, OFFER)
        link.expect("<iq ")

    place, _ = visit(script, trust)
    assert (place.verdict, place.registration) == ("ok", "refused")


def test_a_server_that_is_silent_about_registration_has_said_nothing(good: ssl.SSLContext, trust: Trust) -> None:
    def script(link: Link) -> None:
        link.secure(good, OFFER)
        link.wait_for_the_end()

    place, _ = visit(script, trust, timeout=2)
    assert (place.verdict, place.registration) == ("ok", None)


def bad_certificates(authority: Authority, stranger: Authority) -> dict[str, tuple[ssl.SSLContext, str]]:
    """Verdict of the verified handshake -> context, beginning of what is said of the chain."""
    return {
        "tls_expired": (authority.context([DOMAIN], days=(-9, -2)), "tls_expired"),
        "tls_not_yet_valid": (authority.context([DOMAIN], days=(2, 9)), "tls_not_yet_valid"),
        "tls_name_mismatch": (authority.context(["other.example"]), ""),
        "tls_untrusted": (stranger.context([DOMAIN]), "tls_untrusted"),
    }


@pytest.mark.parametrize("verdict", ["tls_expired", "tls_not_yet_valid", "tls_name_mismatch", "tls_untrusted"])
def test_a_bad_certificate_is_described_and_nothing_is_said_to_its_holder(
    verdict: str, trust: Trust, authority: Authority, stranger: Authority
) -> None:
    context, chain = bad_certificates(authority, stranger)[verdict]
    place, peer = visit(serves(context), trust, authority.file)
    assert place.verdict == verdict
    assert place.chain is not None
    assert place.chain.startswith(chain)
    assert bool(place.chain) == bool(chain)
    assert place.certificate is not None
    assert place.certificate.issuer == ("stranger" if verdict == "tls_untrusted" else "ours")
    assert place.certificate.carries(DOMAIN) == (verdict != "tls_name_mismatch")
    # What came in clear is known; what stands inside a TLS that nobody trusts is not even asked for.
    assert place.mechanisms_in_clear == ("PLAIN",)
    assert (place.mechanisms, place.registration, place.tls) == (None, None, "")
    for link in peer.links:
        assert re.sub(rb"(?s)<starttls [^>]*>|<\?xml.*?<stream:stream [^>]*>|</stream:stream>", b"", link.heard) == b""
        assert link.heard.count(b"<stream:stream ") <= 1


def test_a_wrong_name_and_an_unknown_authority_are_both_told(trust: Trust, stranger: Authority) -> None:
    place, _ = visit(serves(stranger.context(["other.example"])), trust)
    assert (place.verdict, place.chain is not None and place.chain[:13]) == ("tls_untrusted", "tls_untrusted")
    assert place.certificate is not None
    assert not place.certificate.carries(DOMAIN)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_an_old_version_of_tls_is_told_when_it_is_accepted(
    version: ssl.TLSVersion, trust: Trust, authority: Authority
) -> None:
    with pytest.warns(DeprecationWarning):
        context = authority.context([DOMAIN], version=version)
    place, _ = visit(serves(context), trust)
    assert (place.verdict, place.certificate) == ("tls_error", None)
    accepted = {name for name, yes in place.old_tls.items() if yes}
    assert accepted == {"TLSv1" if version == ssl.TLSVersion.TLSv1 else "TLSv1.1"}


def test_a_server_that_breaks_off_after_it_was_reached_is_described_as_far_as_it_came(
    good: ssl.SSLContext, trust: Trust
) -> None:
    def refuses(link: Link) -> None:
        link.open(STARTTLS)
        link.expect("<starttls [^>]*>")
        link.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")

    def inside(link: Link) -> None:
        link.open(STARTTLS)
        link.expect("<starttls [^>]*>")
        link.send(PROCEED)
        link.start_tls(good)
        link.expect("<stream:stream [^>]*>")

    place, _ = visit(refuses, trust)
    assert (place.verdict, place.old_tls, place.certificate) == ("starttls_refused", {}, None)
    place, _ = visit(inside, trust)
    assert (place.verdict, place.tls, place.mechanisms) == ("connection_lost", "TLSv1.3", None)
    assert place.certificate is not None


def srv_of(**answers: SrvAnswer) -> Any:
    return lambda name, timeout: answers["direct" if name.startswith("_xmpps") else "starttls"]


def test_the_places_of_the_zone_are_all_visited_each_with_its_own_certificate(
    trust: Trust, authority: Authority, good: ssl.SSLContext
) -> None:
    with Peer(serves(good)) as first, Peer(serves(authority.context([DOMAIN, "second.example"]))) as second:
        records = tuple(SrvRecord(n, 0, peer.port, "127.0.0.1") for n, peer in enumerate((first, second)))
        srv = srv_of(starttls=SrvAnswer("records", records), direct=SrvAnswer("none"))
        seen = survey(DOMAIN, Campaign(trust, Resolver(), 10), srv=srv)
    assert [place.endpoint.port for place in seen.places] == [first.port, second.port]
    assert [len(place.certificate.names) for place in seen.places if place.certificate] == [1, 2]
    assert {mode: answer.kind for mode, answer in seen.srv.items()} == {"starttls": "records", "direct": "none"}


@pytest.mark.parametrize(("kind", "word"), [("absent", "srv_absent"), ("failed", "dns")])
def test_a_name_service_that_leads_nowhere_is_a_result(kind: Any, word: str, trust: Trust) -> None:
    answer = SrvAnswer(kind, reason="SERVFAIL")
    seen = survey(DOMAIN, Campaign(trust, Resolver(), 5), srv=srv_of(starttls=answer, direct=answer))
    assert seen.places == ()
    assert seen.nowhere is not None
    assert seen.nowhere[0] == word


def items(*jids: str) -> str:
    inside = "".join(f"<item jid='{jid}'/>" for jid in jids)
    return f"<query xmlns='http://jabber.org/protocol/disco#items'>{inside}</query>"


MUC = "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='http://jabber.org/protocol/muc'/></query>"
OTHER = "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:http:upload:0'/></query>"


@contextmanager
def with_account(context: ssl.SSLContext, services: dict[str, str], listed: str) -> Iterator[Account]:
    """A server that lets alice in and answers about services."""

    def script(link: Link) -> None:
        link.secure(context, OFFER)
        scram = ScramServer("right")
        assert scram.run(link)
        scram.success(link)
        link.open(BIND)
        while True:
            iq = link.expect("<iq [^>]*>.*?</iq>").group(0).decode()
            ident, to = (re.search(f"{name}=['\"]([^'\"]*)", iq) for name in ("id", " to"))
            assert ident is not None
            if to is None:
                link.send(f"<iq type='result' id='{ident[1]}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>")
                link.send("<jid>alice@univ.example/1</jid></bind></iq>")
            elif "disco#items" in iq:
                link.send(f"<iq type='result' id='{ident[1]}' from='{to[1]}'>{listed}</iq>")
            elif to[1] in services:
                link.send(f"<iq type='result' id='{ident[1]}' from='{to[1]}'>{services[to[1]]}</iq>")
            else:
                link.send(refusal(ident[1], "remote-server-not-found"))

    with Peer(script) as peer:
        yield Account(bare_jid(f"alice@{DOMAIN}"), "right", "127.0.0.1", peer.port, "starttls")


def ask_about_rooms(
    good: ssl.SSLContext, trust: Trust, services: dict[str, str], listed: str, wanted: str = CONFERENCE
) -> Survey:
    with ExitStack() as stack:
        account = stack.enter_context(with_account(good, services, listed))
        srv = srv_of(starttls=SrvAnswer("absent"), direct=SrvAnswer("absent"))
        return survey(DOMAIN, Campaign(trust, Resolver(), 10), account=account, conference=wanted, srv=srv)


def test_the_service_of_rooms_is_found_among_the_services(good: ssl.SSLContext, trust: Trust) -> None:
    services = {CONFERENCE: MUC, "upload.univ.example": OTHER}
    rooms = ask_about_rooms(good, trust, services, items(*services, "not a jid", "room@x.example")).conference
    assert (rooms.verdict, rooms.services, rooms.wanted_answers) == ("ok", (CONFERENCE,), True)


def test_a_service_that_answers_and_is_not_listed_is_told_apart_from_one_that_is_none(
    good: ssl.SSLContext, trust: Trust
) -> None:
    unlisted = ask_about_rooms(good, trust, {CONFERENCE: MUC}, items()).conference
    assert (unlisted.services, unlisted.wanted_answers) == ((), True)
    wrong = ask_about_rooms(good, trust, {"rooms.univ.example": MUC}, items("rooms.univ.example")).conference
    assert (wrong.services, wrong.wanted_answers) == (("rooms.univ.example",), False)
    unnamed = ask_about_rooms(good, trust, {}, items(), wanted="").conference
    assert (unnamed.verdict, unnamed.wanted_answers) == ("ok", None)


def test_an_account_that_does_not_work_says_nothing_about_rooms(good: ssl.SSLContext, trust: Trust) -> None:
    srv = srv_of(starttls=SrvAnswer("absent"), direct=SrvAnswer("absent"))
    with Peer(honest(good, {"alice": "right"})) as peer:
        account = Account(bare_jid(f"alice@{DOMAIN}"), "wrong", "127.0.0.1", peer.port, "starttls")
        campaign = Campaign(trust, Resolver(), 5)
        rooms = survey(DOMAIN, campaign, account=account, conference=CONFERENCE, srv=srv).conference
    assert (rooms.verdict, rooms.services, rooms.wanted_answers) == ("auth_failed", (), None)


def test_tls_without_verification_stands_in_one_place_only() -> None:
    loose = ("CERT_NONE", "check_hostname = False", "_create_unverified_context", "CERT_OPTIONAL")
    sources = [
        path for folder in ("module_utils", "library", "action_plugins") for path in (PROJECT / folder).rglob("*.py")
    ]
    places = {path.name for path in sources if any(word in path.read_text(encoding="utf-8") for word in loose)}
    assert places == {"certificate.py"}
    text = (PROJECT / "module_utils" / "xmpp" / "certificate.py").read_text(encoding="utf-8")
    assert not re.search(r"\b(send|sendall|write|logged_in|login\(|Account|password)\b", text.split('"""', 2)[2])


@given(octets=st.binary(max_size=200))
def test_octets_that_are_no_certificate_are_refused(octets: bytes) -> None:
    with pytest.raises(ValueError):
        read_certificate(octets)


def test_a_certificate_of_an_unknown_version_is_refused(authority: Authority) -> None:
    der = ssl.PEM_cert_to_DER_cert(authority.file.read_text(encoding="utf-8"))
    version_3 = b"\xa0\x03\x02\x01\x02"
    assert version_3 in der
    with pytest.raises(ValueError, match="version"):
        read_certificate(der.replace(version_3, b"\xa0\x03\x02\x01\x01", 1))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@given(data=st.data())
def test_a_damaged_certificate_is_read_or_refused(data: st.DataObject, authority: Authority) -> None:
    der = bytearray(ssl.PEM_cert_to_DER_cert(authority.file.read_text(encoding="utf-8")))
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        certificate = read_certificate(bytes(der))
    except ValueError:
        return
    assert certificate.issuer.isprintable()
