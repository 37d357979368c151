"""The way from a raw link to a bound session, as generators without any input or output.

A generator yields steps, a driver performs them and sends back the element that the server answered. The order of the
steps is the security of the client: nothing of SASL can be sent before the driver has performed ``Open(secure=True)``.
"""

from __future__ import annotations

import base64
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Union
from xml.etree.ElementTree import Element

from .prep import saslprep
from .problems import XmppProblem, bind_problem, sasl_problem
from .scram import HASHES, Scram
from .stream import CLIENT_NS, STREAM_NS, condition, error_text, iq

TLS_NS = "urn:ietf:params:xml:ns:xmpp-tls"
_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
_BIND = "urn:ietf:params:xml:ns:xmpp-bind"
_STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
_FEATURES = f"{{{STREAM_NS}}}features"


@dataclass(frozen=True)
class Open:
    """Open a stream (again); the answer is its features. With ``secure``, after a TLS handshake and verification."""

    secure: bool = False


@dataclass(frozen=True)
class Send:
    """Send these octets; the answer is the next element."""

    xml: bytes = field(repr=False)


# Desks import this with Python 3.8, which joins types in this way only.
Step = Union[Open, Send]


@dataclass(frozen=True)
class Session:
    """What a login led to.

    Attributes:
        jid: the full JID, its resource chosen by the server.
        mechanism: the SASL mechanism that was used.
    """

    jid: str
    mechanism: str


def login(
    user: str, password: str, *, direct_tls: bool, allow_plain: bool = False
) -> Generator[Step, Element, Session]:
    """Log in once: open, STARTTLS unless ``direct_tls``, TLS, SASL, bind. One attempt, no weaker second one.

    No presence is ever sent and the server chooses the resource, so that no message is swallowed and no session of the
    person is displaced.

    Args:
        user: local part of the JID.
        password: in clear.
        direct_tls: TLS comes first (XEP-0368) instead of by STARTTLS (RFC 6120 5).
        allow_plain: accept PLAIN (RFC 4616), inside TLS, where the server offers no SCRAM.

    Raises:
        XmppProblem: at the first thing that is not as it must be.
    """
    features = yield from secure(direct_tls)
    mechanism = yield from _authenticate(features, user, password, allow_plain)
    yield Open()
    return Session((yield from _bind()), mechanism)


def secure(direct_tls: bool) -> Generator[Step, Element, Element]:
    """Get to the features that the server offers inside verified TLS; STARTTLS is a must (RFC 6120 5.4)."""
    if not direct_tls:
        yield from request_tls()
    return (yield from begin_tls())


def begin_tls() -> Generator[Step, Element, Element]:
    """Begin TLS where the server waits for it, and return the features that it offers inside."""
    return _features((yield Open(secure=True)))


def request_tls() -> Generator[Step, Element, Element]:
    """Go as far as the server's word to start TLS (RFC 6120 5.4.2.3), and no further; returns the features in clear.

    Raises:
        XmppProblem: ``no_starttls``, ``starttls_refused`` and what the stream raises.
    """
    features = _features((yield Open()))
    if features.find(f"{{{TLS_NS}}}starttls") is None:
        raise XmppProblem("no_starttls", "the server does not offer STARTTLS")
    answer = yield Send(f"<starttls xmlns='{TLS_NS}'/>".encode())
    if answer.tag != f"{{{TLS_NS}}}proceed":
        raise XmppProblem("starttls_refused", f"the server answered {answer.tag}")
    return features


def offered_mechanisms(features: Element) -> list[str]:
    """The SASL mechanisms of a stream's features, in the server's order."""
    return [(m.text or "").strip() for m in features.iter(f"{{{_SASL}}}mechanism")]


def _authenticate(features: Element, user: str, password: str, allow_plain: bool) -> Generator[Step, Element, str]:
    """Prove the password by the strongest mechanism (RFC 6120 6.4); returns its name."""
    offered = offered_mechanisms(features)
    accepted = [*HASHES, "PLAIN"] if allow_plain else list(HASHES)
    mechanism = next((m for m in accepted if m in offered), None)
    if mechanism is None:
        raise XmppProblem(
            "no_mechanism", f"the server offers {' '.join(offered) or 'none'}; we accept {' '.join(accepted)}"
        )
    if mechanism == "PLAIN":
        yield from _plain(user, password)
    else:
        yield from _scram(Scram(mechanism, user, password), mechanism)
    return mechanism


def _plain(user: str, password: str) -> Generator[Step, Element, None]:
    message = b"\0" + saslprep(user).encode() + b"\0" + saslprep(password).encode()
    answer = yield _auth("PLAIN", message)
    if answer.tag == f"{{{_SASL}}}failure":
        raise sasl_problem(condition(answer, _SASL), error_text(answer))
    if answer.tag != f"{{{_SASL}}}success":
        raise XmppProblem("protocol", f"{answer.tag} in answer to PLAIN")


def _scram(scram: Scram, mechanism: str) -> Generator[Step, Element, None]:
    answer = yield _auth(mechanism, scram.first())
    challenged = False
    while answer.tag == f"{{{_SASL}}}challenge":
        challenged = True
        response = base64.b64encode(scram.step(_payload(answer)))
        answer = yield Send(b"<response xmlns='%s'>%s</response>" % (_SASL.encode(), response))
    if answer.tag == f"{{{_SASL}}}failure":
        problem = sasl_problem(condition(answer, _SASL), error_text(answer))
        if problem.code == "auth_failed" and not challenged:
            # Prosody 0.12 and 13 and ejabberd 23.01 refuse an unknown name at once and challenge a known one.
            hint = "refused before any challenge: the account probably does not exist"
            raise XmppProblem("auth_failed", f"{problem.detail} ({hint})" if problem.detail else hint)
        raise problem
    if answer.tag != f"{{{_SASL}}}success":
        raise XmppProblem("protocol", f"{answer.tag} in the middle of SASL")
    if not scram.verified and not challenged:
        raise XmppProblem("server_signature", "the server accepts the login before any challenge")
    if not scram.verified:
        scram.step(_payload(answer))


def _auth(mechanism: str, message: bytes) -> Send:
    return Send(f"<auth xmlns='{_SASL}' mechanism='{mechanism}'>{base64.b64encode(message).decode()}</auth>".encode())


def _bind() -> Generator[Step, Element, str]:
    """Let the server choose a resource (RFC 6120 7.6); returns the full JID."""
    answer = yield Send(iq("set", "bind", None, f"<bind xmlns='{_BIND}'/>"))
    if answer.tag != f"{{{CLIENT_NS}}}iq" or answer.get("id") != "bind":
        raise XmppProblem("protocol", f"{answer.tag} in answer to the request of a resource")
    if answer.get("type") != "result":
        error = answer.find(f"{{{CLIENT_NS}}}error")
        raise bind_problem(condition(error, _STANZAS), error_text(error))
    jid = answer.findtext(f"{{{_BIND}}}bind/{{{_BIND}}}jid")
    if not jid:
        raise XmppProblem("protocol", "the server bound no resource")
    return jid


def ask_whether_disabled(features: Element, user: str) -> Generator[Step, Element, bool]:
    """Say whether the server calls an account disabled, by a login that is given up before any password is proven.

    Prosody 13 answers ``account-disabled`` (RFC 6120 6.5.1) to the first message of SCRAM, which names the account and
    no more. An enabled account is challenged instead; we then abort (RFC 6120 6.4.4), which no server counts as a
    failed login. The stream is as before: the next account can be asked about.

    Raises:
        XmppProblem: ``no_mechanism``, ``protocol`` when the server does not let us abort.
    """
    mechanism = next((name for name in HASHES if name in offered_mechanisms(features)), None)
    if mechanism is None:
        raise XmppProblem("no_mechanism", "the server offers no SCRAM")
    answer = yield _auth(mechanism, Scram(mechanism, user, "").first())
    if answer.tag == f"{{{_SASL}}}challenge":
        answer = yield Send(f"<abort xmlns='{_SASL}'/>".encode())
    if answer.tag != f"{{{_SASL}}}failure":
        raise XmppProblem("protocol", f"{answer.tag} in answer to a login that was given up")
    return condition(answer, _SASL) == "account-disabled"


def _features(answer: Element) -> Element:
    if answer.tag != _FEATURES:
        raise XmppProblem("protocol", f"{answer.tag} instead of the features of the stream")
    return answer


def _payload(element: Element) -> bytes:
    """The octets inside a SASL element; ``=`` stands for none at all (RFC 6120 6.4.2)."""
    text = (element.text or "").strip()
    if text == "=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise XmppProblem("protocol", "a SASL message that is no base64") from None
