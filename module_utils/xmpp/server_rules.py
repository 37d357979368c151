"""What to think of a survey: rules with an id and a severity; the texts are in ``im_catalogue`` under ``rule.<id>``.

Pure: the same survey, clients and time give the same judgements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from .certificate import Certificate
from .problems import one_line
from .server_survey import CERTIFICATE_PROBLEMS, Place, Survey

Severity = Literal["info", "warning", "error"]
Status = Literal["ok", "finding", "not_checked"]

#: The closed list of rules, in the order in which they are told. An error keeps people out or lets others in; a warning
#: will, or makes it easier; the rest is worth knowing.
RULES: dict[str, Severity] = {
    "srv_failed": "error",
    "srv_absent": "error",
    "srv_missing": "info",
    "place_unreachable": "error",
    "place_not_xmpp": "error",
    "starttls_missing": "error",
    "starttls_optional": "warning",
    "login_in_clear": "warning",
    "tls_failed": "error",
    "certificate_name": "error",
    "certificate_chain": "error",
    "certificate_expired": "error",
    "certificate_not_yet_valid": "error",
    "certificate_expires_soon": "warning",
    "certificate_weak": "warning",
    "tls_old": "warning",
    "tls_1_3_missing": "info",
    "scram_missing": "warning",
    "login_anonymous": "warning",
    "mechanism_obsolete": "info",
    "client_cannot_log_in": "error",
    "client_sends_password": "warning",
    "client_finds_no_place": "error",
    "registration_open": "warning",
    "registration_advertised": "info",
    "conference_missing": "warning",
    "conference_wrong": "error",
    "conference_unlisted": "info",
}

_UNREACHABLE = frozenset({"dns", "refused", "unreachable", "timeout"})
_NO_STARTTLS = frozenset({"no_starttls", "starttls_refused"})

#: DIGEST-MD5 was withdrawn by RFC 6331, the two others have nothing that SCRAM does not do better.
_OBSOLETE = frozenset({"DIGEST-MD5", "CRAM-MD5", "LOGIN"})
#: They hand the password itself over to the server.
_SENDS_PASSWORD = frozenset({"PLAIN", "LOGIN"})

#: NIST SP 800-131A: less than 112 bits of strength.
_LEAST_BITS = {"RSA": 2048, "DSA": 2048, "EC": 224}
_WEAK_SIGNATURES = frozenset({"md5", "sha1"})


@dataclass(frozen=True)
class ClientAbility:
    """What a client can do to connect, as its role's ``vars/main.yml`` says.

    Attributes:
        mechanisms: SASL mechanisms that it knows.
        tls: modes of TLS that an account of it can be set to, "starttls" and "direct".
        srv: modes whose SRV records it looks up by itself.
    """

    mechanisms: tuple[str, ...]
    tls: tuple[str, ...]
    srv: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """What one rule says about one thing.

    Attributes:
        rule: a key of ``RULES``.
        status: "finding" when the rule's sentence holds, "ok" when it does not, "not_checked" when nobody can say.
        target: the place, "host:port"; "" for the domain as a whole.
        client: the client it is about; "" for none.
        detail: technical, in English.
    """

    rule: str
    status: Status
    target: str = ""
    client: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"no rule is named {self.rule!r}")

    @property
    def severity(self) -> Severity:
        return RULES[self.rule]


def judge(seen: Survey, clients: Mapping[str, ClientAbility], now: datetime, soon: timedelta) -> list[Judgement]:
    """Apply every rule to a survey.

    Args:
        seen: the survey.
        clients: name -> what it can do.
        now: UTC.
        soon: how long before its end a certificate is told.

    Returns:
        At least one judgement for each rule, in the order of ``RULES``.
    """
    found = [*_name_service(seen), *_ways_of_clients(seen, clients), *_rooms(seen)]
    for place in seen.places:
        about = [*_reached(place), *_before_tls(place), *_tls(place), *_mechanisms(place, clients), *_open(place)]
        about += _certificate(place, _ascii(seen.domain), now, soon)
        found += [Judgement(j.rule, j.status, _target(place), j.client, j.detail) for j in about]
    judged = {judgement.rule for judgement in found}
    found += [Judgement(rule, "not_checked", detail="no place to ask") for rule in RULES if rule not in judged]
    order = {rule: number for number, rule in enumerate(RULES)}
    return sorted(found, key=lambda judgement: order[judgement.rule])


def worst(judgements: Sequence[Judgement]) -> Literal["ok", "info", "warning", "error"]:
    """The severity of the gravest finding; "ok" without any."""
    found = {judgement.severity for judgement in judgements if judgement.status == "finding"}
    return next((severity for severity in ("error", "warning", "info") if severity in found), "ok")


def _is(rule: str, holds: bool | None, detail: str = "", client: str = "") -> Judgement:
    status: Status = "not_checked" if holds is None else "finding" if holds else "ok"
    return Judgement(rule, status, client=client, detail=one_line(detail))


def _target(place: Place) -> str:
    return f"{place.endpoint.host}:{place.endpoint.port}"


def _ascii(domain: str) -> str:
    return domain.encode("idna").decode()


def _name_service(seen: Survey) -> Iterator[Judgement]:
    if not seen.srv:
        for rule in ("srv_failed", "srv_absent", "srv_missing"):
            yield _is(rule, None, "places were named, SRV records were not looked up")
        return
    kinds = {mode: answer.kind for mode, answer in seen.srv.items()}
    reasons = "; ".join(f"{mode}: {answer.reason}" for mode, answer in seen.srv.items() if answer.kind == "failed")
    yield _is("srv_failed", "failed" in kinds.values(), reasons)
    nothing = not any(kind == "records" for kind in kinds.values())
    yield _is("srv_absent", nothing and kinds.get("starttls") == "absent", "the target is '.'" if nothing else "")
    # A missing library is no news about the zone.
    unasked = next((a.reason for a in seen.srv.values() if a.kind == "none" and a.reason), "")
    none = nothing and kinds.get("starttls") == "none"
    yield _is("srv_missing", None if unasked else none, unasked)


def _ways_of_clients(seen: Survey, clients: Mapping[str, ClientAbility]) -> Iterator[Judgement]:
    """A client that looks up one service only finds nothing where only the other one is published."""
    published = {mode for mode, answer in seen.srv.items() if answer.kind == "records"}
    modes = {"direct" if place.endpoint.direct_tls else "starttls" for place in seen.places}
    for name, client in clients.items():
        if not modes:
            yield _is("client_finds_no_place", None, "no place to ask", name)
        elif published:
            lost = not published & set(client.srv)
            detail = f"published: {', '.join(sorted(published))}; looked up: {', '.join(client.srv)}"
            yield _is("client_finds_no_place", lost, detail, name)
        else:
            lost = not modes & set(client.tls)
            yield _is("client_finds_no_place", lost, f"offered: {', '.join(sorted(modes))}", name)


def _reached(place: Place) -> Iterator[Judgement]:
    words = f"{place.verdict}: {place.detail}"
    away = place.verdict in _UNREACHABLE
    yield _is("place_unreachable", away, words if away else "")
    known = {"ok", "tls_error", *_UNREACHABLE, *_NO_STARTTLS, *CERTIFICATE_PROBLEMS}
    other = place.verdict not in known
    yield _is("place_not_xmpp", None if away else other, words if away or other else "")


def _before_tls(place: Place) -> Iterator[Judgement]:
    if place.endpoint.direct_tls:
        for rule in ("starttls_missing", "starttls_optional", "login_in_clear"):
            yield _is(rule, False, "direct TLS")
        return
    words = f"{place.verdict}: {place.detail}"
    required = place.starttls_required
    if place.verdict in _NO_STARTTLS:
        yield _is("starttls_missing", True, words)
    else:
        yield _is("starttls_missing", None if required is None else False, words if required is None else "")
    yield _is("starttls_optional", None if required is None else not required, words if required is None else "")
    in_clear = place.mechanisms_in_clear
    offered = " ".join(in_clear) if in_clear else ""
    yield _is("login_in_clear", None if in_clear is None else bool(in_clear), words if in_clear is None else offered)


def _tls(place: Place) -> Iterator[Judgement]:
    words = f"{place.verdict}: {place.detail}"
    shaken = bool(place.tls) or place.verdict in CERTIFICATE_PROBLEMS
    failed = place.verdict == "tls_error"
    yield _is("tls_failed", True if failed else False if shaken else None, words if failed or not shaken else "")
    old = [name for name, accepted in place.old_tls.items() if accepted]
    asked = [accepted for accepted in place.old_tls.values() if accepted is not None]
    complete = len(asked) == len(place.old_tls) and bool(asked)
    yield _is("tls_old", True if old else False if complete else None, " ".join(old) or ("" if complete else words))
    yield _is("tls_1_3_missing", place.tls != "TLSv1.3" if place.tls else None, place.tls or words)


def _certificate(place: Place, domain: str, now: datetime, soon: timedelta) -> Iterator[Judgement]:
    certificate = place.certificate
    unread = place.certificate_error or f"{place.verdict}: {place.detail}"
    if certificate is None:
        # What the verified handshake said still holds.
        yield _is("certificate_name", True if place.verdict == "tls_name_mismatch" else None, unread)
        yield _is("certificate_expired", True if place.verdict == "tls_expired" else None, unread)
        yield _is("certificate_not_yet_valid", True if place.verdict == "tls_not_yet_valid" else None, unread)
        yield _is("certificate_expires_soon", None, unread)
        yield _is("certificate_weak", None, unread)
    else:
        wrong = place.verdict == "tls_name_mismatch" or not certificate.carries(domain)
        yield _is("certificate_name", wrong, f"made for: {' '.join(certificate.names) or 'no name at all'}")
        expired = certificate.not_after < now
        yield _is("certificate_expired", expired, f"valid until {certificate.not_after:%Y-%m-%d %H:%M} UTC")
        early = certificate.not_before > now
        yield _is("certificate_not_yet_valid", early, f"valid from {certificate.not_before:%Y-%m-%d %H:%M} UTC")
        near = certificate.not_after < now + soon
        yield _is("certificate_expires_soon", near and not expired, f"{days_left(certificate, now)} days left")
        weak = certificate.bits < _LEAST_BITS.get(certificate.key, 0) or certificate.signature in _WEAK_SIGNATURES
        yield _is(
            "certificate_weak", weak, f"{certificate.key} {certificate.bits or ''} {certificate.signature}".strip()
        )
    yield _chain(place, now)


def _chain(place: Place, now: datetime) -> Judgement:
    # The verified handshake has the last word, whatever a second look gave.
    refused = place.verdict in CERTIFICATE_PROBLEMS and place.verdict != "tls_name_mismatch"
    problem = place.chain or (f"{place.verdict} {place.detail}" if refused else "")
    if place.chain is None and not refused:
        return _is("certificate_chain", None, place.certificate_error or f"{place.verdict}: {place.detail}")
    # The chain is refused for the age of the certificate itself: another rule says so.
    of_age = place.certificate is not None and place.certificate.not_before <= now <= place.certificate.not_after
    aged = problem.startswith(("tls_expired", "tls_not_yet_valid"))
    if aged and not of_age:
        return _is("certificate_chain", None, problem)
    return _is("certificate_chain", bool(problem), problem)


def days_left(certificate: Certificate, now: datetime) -> int:
    """Whole days until a certificate ends; negative once it has."""
    return (certificate.not_after - now).days


def _mechanisms(place: Place, clients: Mapping[str, ClientAbility]) -> Iterator[Judgement]:
    if place.mechanisms is None:
        words = f"{place.verdict}: {place.detail}"
        for rule in ("scram_missing", "login_anonymous", "mechanism_obsolete"):
            yield _is(rule, None, words)
        for name in clients:
            yield _is("client_cannot_log_in", None, words, name)
            yield _is("client_sends_password", None, words, name)
        return
    offered = place.mechanisms
    told = f"offered: {' '.join(offered) or 'none'}"
    scram = any(mechanism.startswith("SCRAM-") for mechanism in offered)
    yield _is("scram_missing", not scram, told)
    yield _is("login_anonymous", "ANONYMOUS" in offered, told)
    old = [mechanism for mechanism in offered if mechanism in _OBSOLETE]
    yield _is("mechanism_obsolete", bool(old), " ".join(old))
    for name, client in clients.items():
        common = [mechanism for mechanism in client.mechanisms if mechanism in offered]
        both = f"{told}; known: {' '.join(client.mechanisms)}"
        yield _is("client_cannot_log_in", not common, both if not common else f"in common: {' '.join(common)}", name)
        # Where the server offers no SCRAM at all, scram_missing says it once for everybody.
        only_plain = bool(common) and scram and set(common) <= _SENDS_PASSWORD
        yield _is("client_sends_password", only_plain if common else None, both, name)


def _open(place: Place) -> Iterator[Judgement]:
    if place.registration is None:
        words = f"{place.verdict}: {place.detail}" if place.verdict != "ok" else place.registration_detail
        yield _is("registration_open", None, words)
        yield _is("registration_advertised", None, words)
        return
    told = f"{place.registration} {place.registration_detail}".strip()
    yield _is("registration_open", place.registration == "open", told)
    yield _is("registration_advertised", bool(place.registration_offered) and place.registration != "open", told)


def _rooms(seen: Survey) -> Iterator[Judgement]:
    rooms = seen.conference
    if rooms.verdict != "ok":
        for rule in ("conference_missing", "conference_wrong", "conference_unlisted"):
            yield _is(rule, None, f"{rooms.verdict}: {rooms.detail}")
        return
    listed = " ".join(rooms.services)
    yield _is("conference_missing", not rooms.services and not rooms.wanted_answers, f"listed: {listed or 'none'}")
    named = rooms.wanted_answers is not None
    told = f"named: {rooms.wanted}; listed: {listed or 'none'}" if named else "the inventory names none"
    yield _is("conference_wrong", not rooms.wanted_answers if named else None, told)
    yield _is("conference_unlisted", bool(rooms.wanted_answers) and rooms.wanted not in rooms.services, told)
