"""What an XMPP service shows to whoever asks: name service, places, TLS, certificates, mechanisms, registration, rooms.

Nothing is judged here (see ``server_rules``), and nothing raises for what a server, the network or DNS does. No account
is needed but for the conference service: servers tell strangers nothing about their components.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

from .accounts import Account
from .certificate import OLD_VERSIONS, Certificate, Viewer, read_certificate
from .connection import Connection, Request
from .jid import JidError, domain_name
from .login import TLS_NS, begin_tls, offered_mechanisms, request_tls
from .problems import XmppProblem, one_line
from .resolve import Endpoint, Resolver, Server, SrvAnswer, TlsMode, ask_srv
from .session import Campaign, logged_in
from .stream import CLIENT_NS, condition

_REGISTER = "jabber:iq:register"
_REGISTER_FEATURE = "http://jabber.org/features/iq-register"
_DATA = "jabber:x:data"
_DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
_DISCO_INFO = "http://jabber.org/protocol/disco#info"
_MUC = "http://jabber.org/protocol/muc"
_STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"

#: The verdicts of a verified handshake that only a look at the certificate explains.
CERTIFICATE_PROBLEMS = frozenset(
    {"tls_expired", "tls_not_yet_valid", "tls_name_mismatch", "tls_untrusted", "tls_revoked"}
)

#: RFC 4422 3.1 gives a name 20 characters; no server has as many mechanisms.
_LONGEST_NAME, _MAX_MECHANISMS = 40, 50

#: A domain may list any number of services; no more than these are asked what they are.
_MAX_SERVICES = 50


@dataclass(frozen=True)
class Place:
    """What one place of a service showed. None stands for "could not be told".

    Attributes:
        endpoint: where.
        verdict: "ok" when a verified stream was opened, else the word for what was in the way.
        detail: technical.
        address: the address that accepted the connection, "" when none did.
        milliseconds: for all that was asked there.
        tls: version of the verified TLS, "" without.
        starttls_required: whether the server insists on STARTTLS; None with direct TLS too.
        mechanisms_in_clear: SASL mechanisms offered before TLS.
        mechanisms: SASL mechanisms offered inside verified TLS, in the server's order.
        certificate: what is in it, good or bad.
        certificate_error: why it could not be read.
        chain: "" when the authorities vouch for it, else why not.
        registration_offered: whether the stream's features offer to make an account (XEP-0077).
        registration: "open" (a form to fill in), "elsewhere" (words or a link), "refused".
        registration_detail: the condition of the refusal.
        old_tls: version -> whether the server accepts it.
    """

    endpoint: Endpoint
    verdict: str
    detail: str = ""
    address: str = ""
    milliseconds: int = 0
    tls: str = ""
    starttls_required: bool | None = None
    mechanisms_in_clear: tuple[str, ...] | None = None
    mechanisms: tuple[str, ...] | None = None
    certificate: Certificate | None = None
    certificate_error: str = ""
    chain: str | None = None
    registration_offered: bool | None = None
    registration: str | None = None
    registration_detail: str = ""
    old_tls: Mapping[str, bool | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Conference:
    """What an account found out about rooms (XEP-0045 6.1).

    Attributes:
        verdict: "ok" when the account could ask, else why not; "not_checked" without an account.
        detail: technical.
        services: addresses that the domain lists and that are services of rooms.
        wanted: the address that the inventory names; "" without.
        wanted_answers: whether that is a service of rooms; None when it names none or nobody could ask.
    """

    verdict: str = "not_checked"
    detail: str = "no account was given"
    services: tuple[str, ...] = ()
    wanted: str = ""
    wanted_answers: bool | None = None


@dataclass(frozen=True)
class Survey:
    """All that was seen of one domain.

    Attributes:
        domain: in Unicode.
        srv: the answers about SRV, by TLS mode; empty when places were named, as nobody looks them up then.
        places: what each place showed, in the order of a client.
        nowhere: (word, detail) when the name service led to no place; None otherwise.
        conference: about rooms.
    """

    domain: str
    srv: Mapping[TlsMode, SrvAnswer]
    places: tuple[Place, ...]
    nowhere: tuple[str, str] | None
    conference: Conference


def survey(
    domain: str,
    campaign: Campaign,
    *,
    ca_file: str | None = None,
    named: Sequence[Server] = (),
    account: Account | None = None,
    conference: str = "",
    srv: Callable[[str, float], SrvAnswer] = ask_srv,
) -> Survey:
    """Look at one domain.

    Args:
        domain: in normal form, in Unicode.
        campaign: trust, timeout in seconds for each connection, and for the account.
        ca_file: what the campaign's trust was made of.
        named: explicit places, instead of those of the name service.
        account: asks about rooms.
        conference: address of the service of rooms that the inventory names; "" without.
        srv: asks one SRV question.
    """
    answers: dict[TlsMode, SrvAnswer] = {}

    def remember(name: str, timeout: float) -> SrvAnswer:
        answers["direct" if name.startswith("_xmpps-") else "starttls"] = answer = srv(name, timeout)
        return answer

    resolver = Resolver(srv=remember)
    nowhere = None
    endpoints: list[Endpoint] = []
    try:
        for server in named or [Server(domain)]:
            endpoints += resolver.endpoints(server)
    except XmppProblem as problem:
        nowhere = (problem.code, problem.detail)
    viewer = Viewer(resolver, campaign.trust, ca_file, campaign.timeout)
    with ThreadPoolExecutor(max_workers=max(len(endpoints), 1)) as pool:
        places = pool.map(lambda endpoint: _place(domain, endpoint, resolver, campaign, viewer), endpoints)
        rooms = _conference(domain, account, campaign, conference)
        return Survey(domain, answers, tuple(places), nowhere, rooms)


def _place(domain: str, endpoint: Endpoint, resolver: Resolver, campaign: Campaign, viewer: Viewer) -> Place:
    start = time.monotonic()
    place = _verified(domain, endpoint, resolver, campaign)
    if place.verdict in CERTIFICATE_PROBLEMS:
        place = _described(domain, place, viewer)
    if place.tls or place.certificate or place.verdict == "tls_error":
        accepted = {name: viewer.accepts(domain, endpoint, version) for name, version in OLD_VERSIONS.items()}
        place = replace(place, old_tls=accepted)
    return replace(place, milliseconds=round(1000 * (time.monotonic() - start)))


def _verified(domain: str, endpoint: Endpoint, resolver: Resolver, campaign: Campaign) -> Place:
    """Open a verified stream and read what the server offers there, without logging in."""
    server = Server(domain, endpoint.host, endpoint.port, "direct" if endpoint.direct_tls else "starttls")
    place = Place(endpoint, "ok", endpoint.note)
    try:
        with Connection(server, resolver, campaign.trust, timeout=campaign.timeout) as connection:
            place = replace(place, address=connection.peer)
            if not endpoint.direct_tls:
                place = _with_features_in_clear(place, connection.perform(request_tls()))
            try:
                inside = connection.perform(begin_tls())
            finally:
                place = _with_tls(place, connection)
            return _with_registration(_with_features(place, inside), connection, domain)
    except XmppProblem as problem:
        detail = f"{problem.detail} ({endpoint.note})" if endpoint.note else problem.detail
        return replace(place, verdict=problem.code, detail=detail)


def _with_features_in_clear(place: Place, in_clear: Element) -> Place:
    return replace(
        place,
        starttls_required=in_clear.find(f"{{{TLS_NS}}}starttls/{{{TLS_NS}}}required") is not None,
        mechanisms_in_clear=_mechanisms(in_clear),
    )


def _with_features(place: Place, inside: Element) -> Place:
    return replace(
        place,
        mechanisms=_mechanisms(inside),
        registration_offered=inside.find(f"{{{_REGISTER_FEATURE}}}register") is not None,
    )


def _mechanisms(features: Element) -> tuple[str, ...]:
    """The mechanisms, as foreign words that will be shown; a server may write anything there, and any amount of it."""
    return tuple(one_line(name)[:_LONGEST_NAME] for name in offered_mechanisms(features)[:_MAX_MECHANISMS])


def _with_tls(place: Place, connection: Connection) -> Place:
    """Add what is known once the handshake was made and verified."""
    if not connection.tls_version:
        return place
    place = replace(place, tls=connection.tls_version, chain="")
    try:
        return replace(place, certificate=read_certificate(connection.certificate))
    except ValueError as error:
        return replace(place, certificate_error=str(error))


def _with_registration(place: Place, connection: Connection, domain: str) -> Place:
    """Ask for the form that makes an account (XEP-0077 3.1), as servers offer it without saying so, and the reverse."""
    request = Request("form", "get", domain, f"<query xmlns='{_REGISTER}'/>")
    try:
        _, answer = next(connection.ask([request]))
    except XmppProblem as problem:
        # ejabberd closes the stream of who asks too early: that is a no as well. Silence says nothing.
        refused = None if problem.code == "timeout" else "refused"
        return replace(place, registration=refused, registration_detail=f"{problem.code} {problem.detail}".strip())
    if answer.get("type") != "result":
        reason = condition(answer.find(f"{{{CLIENT_NS}}}error"), _STANZAS)
        return replace(place, registration="refused", registration_detail=reason)
    query = answer.find(f"{{{_REGISTER}}}query")
    fields = () if query is None else (f"{{{_REGISTER}}}username", f"{{{_REGISTER}}}password", f"{{{_DATA}}}x")
    fillable = query is not None and any(query.find(name) is not None for name in fields)
    return replace(place, registration="open" if fillable else "elsewhere")


def _described(domain: str, place: Place, viewer: Viewer) -> Place:
    """Add what an unverified look tells about a certificate that a verified handshake refused."""
    try:
        problem = viewer.chain_problem(domain, place.endpoint)
        place = replace(place, chain=f"{problem.code} {problem.detail}" if problem else "")
    except XmppProblem as other:
        place = replace(place, certificate_error=f"{other.code} {other.detail}")
    try:
        return replace(place, certificate=viewer.certificate(domain, place.endpoint))
    except XmppProblem as other:
        return replace(place, certificate_error=f"{other.code} {other.detail}")
    except ValueError as error:
        return replace(place, certificate_error=str(error))


def _conference(domain: str, account: Account | None, campaign: Campaign, wanted: str) -> Conference:
    if account is None:
        return Conference(wanted=wanted)
    try:
        with logged_in(account, campaign) as (connection, _):
            items = Request("items", "get", domain, f"<query xmlns='{_DISCO_ITEMS}'/>")
            _, answer = next(connection.ask([items]))
            listed = _services(answer)[:_MAX_SERVICES]
            asked = dict.fromkeys([*listed, *([wanted] if wanted else [])])
            rooms = _rooms_among(connection, asked)
    except XmppProblem as problem:
        return Conference(problem.code, problem.detail, wanted=wanted)
    return Conference(
        "ok", "", tuple(name for name in listed if name in rooms), wanted, wanted in rooms if wanted else None
    )


def _services(answer: Element) -> list[str]:
    found = []
    for item in answer.iter(f"{{{_DISCO_ITEMS}}}item"):
        try:
            found.append(domain_name(item.get("jid", "")))
        except JidError:
            # A room or an account that is listed directly; it is no service of the domain.
            continue
    return list(dict.fromkeys(found))


def _rooms_among(connection: Connection, services: Mapping[str, None]) -> set[str]:
    """Those of the services that say that they hold rooms (XEP-0045 6.2)."""
    requests = [Request(name, "get", name, f"<query xmlns='{_DISCO_INFO}'/>") for name in services]
    rooms = set()
    for name, answer in connection.ask(requests):
        features = {feature.get("var") for feature in answer.iter(f"{{{_DISCO_INFO}}}feature")}
        if answer.get("type") == "result" and _MUC in features:
            rooms.add(name)
    return rooms
