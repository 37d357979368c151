"""Whatever a server, a stranger in between or a name server sends: an answer or XmppProblem.

And that in a bounded number of steps, and in memory bounded by the limit for one stanza.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import tracemalloc
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from ansible.module_utils.xmpp.login import Open, Send, Session, login
from ansible.module_utils.xmpp.prep import saslprep
from ansible.module_utils.xmpp.problems import VERDICTS, XmppProblem
from ansible.module_utils.xmpp.resolve import Resolver, Server, SrvAnswer, SrvRecord
from ansible.module_utils.xmpp.scram import HASHES, Scram
from ansible.module_utils.xmpp.stream import StreamParser, raise_if_stream_error
from hypothesis import given
from hypothesis import strategies as st
from xmpp_streams import chunked

#: What conftest.randomised gives.
Randomised = Callable[..., Callable[[Any], Any]]


def read(pieces: list[bytes], max_stanza: int) -> tuple[list[bytes], str]:
    """The elements of a stream, and the code of the problem that ended it or ""."""
    parser = StreamParser(max_stanza)
    found: list[bytes] = []
    for piece in pieces:
        try:
            found += map(tostring, parser.feed(piece))
        except XmppProblem as problem:
            assert problem.code in ("not_xmpp", "stanza_too_big")
            assert problem.detail.isprintable()
            assert len(problem.detail) <= 300
            return found, problem.code
    return found, ""


def test_any_stream_is_read_or_refused_and_the_same_way_however_it_is_cut(randomised: Randomised, tried: Any) -> None:
    @randomised()
    @given(chunked(), st.sampled_from([5_000, 1 << 20]))
    def check(stream: tuple[bytes, list[bytes], bool], max_stanza: int) -> None:
        whole, pieces, valid = stream
        tried.note(whole, max_stanza)
        found, problem = read(pieces, max_stanza)
        at_once, same = read([whole], max_stanza)
        if bool(problem) != bool(same):
            # expat may hold back the last octets of a piece; white space, which is allowed, has them judged.
            found, problem = read([*pieces, b" " * 16], max_stanza)
            at_once, same = read([whole, b" " * 16], max_stanza)
        assert bool(problem) == bool(same)
        if problem:
            tried.refused += 1
            assert problem == "stanza_too_big" or not valid
        else:
            assert found == at_once

    check()


def test_no_stream_takes_more_memory_than_its_limit_allows(randomised: Randomised, tried: Any) -> None:
    limit = 2_000

    @randomised()
    @given(chunked())
    def check(stream: tuple[bytes, list[bytes], bool]) -> None:
        tried.note(stream[0])
        parser = StreamParser(limit)
        tracemalloc.start()
        try:
            for piece in stream[1]:
                parser.feed(piece)
        except XmppProblem:
            tried.refused += 1
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        # Four octets (<a/>) become an element of some 80, its name is shared; the largest piece comes on top.
        assert peak < 60_000 + 60 * (limit + max(map(len, stream[1]), default=0))

    check()


class Knowing:
    """The server's side of SCRAM for one password (RFC 5802 3), one piece of it replaced now and then."""

    def __init__(self, mechanism: str, password: str, first: bytes, salt: bytes) -> None:
        self._hash = HASHES[mechanism]
        self._bare = first.split(b",", 2)[2]
        self._salted = hashlib.pbkdf2_hmac(self._hash, saslprep(password).encode(), salt, 4096)
        nonce = self._bare.rpartition(b"r=")[2]
        self.challenge = b"r=" + nonce + b"server,s=" + base64.b64encode(salt) + b",i=4096"

    def final(self, answer: bytes) -> bytes:
        message = b",".join((self._bare, self.challenge, answer.rpartition(b",p=")[0]))
        key = hmac.digest(self._salted, b"Server Key", self._hash)
        return b"v=" + base64.b64encode(hmac.digest(key, message, self._hash))


END_OF_SCRAM = ("server_signature", "bad_password_characters")
#: Part of some passwords: nothing that we say holds it of itself, as it may hold a word that is one.
_SIGN = "Zq9"
_WORDS = st.text("abcXYZ 019é,=", min_size=1, max_size=12) | st.text(min_size=1, max_size=12)
_PASSWORDS = _WORDS | _WORDS.map(lambda word: word + _SIGN)
_USERS = st.text("abcxyz.-ß,=", min_size=1, max_size=12) | st.text(min_size=1, max_size=12)
_ACCIDENTS = st.one_of(
    st.just(lambda text: text[:-1]),
    st.just(lambda text: text + b","),
    st.just(lambda text: text + b",x=y"),
    st.just(lambda text: b"m=x," + text),
    st.just(lambda text: text.replace(b"i=", b"i=0")),
    st.just(lambda text: text.replace(b"i=", b"i=9999999")),
    st.just(lambda text: text.replace(b"s=", b"s==")),
    st.just(lambda text: text.replace(b"r=", b"r=\0")),
    st.just(lambda text: text.replace(b"r=", b"")),
    st.just(lambda text: text.replace(b"=", b"")),
    st.just(lambda text: text * 100),
    st.integers(0, 200).map(lambda place: lambda text: text[:place] + b"\xff" + text[place:]),
    st.binary(max_size=40).map(lambda noise: lambda text: noise),
)


def test_scram_verifies_the_server_that_knows_the_password_and_no_other(randomised: Randomised, tried: Any) -> None:
    @randomised()
    @given(
        st.sampled_from(sorted(HASHES)),
        _USERS,
        _PASSWORDS,
        st.binary(min_size=1, max_size=16),
        st.tuples(st.none() | _ACCIDENTS, st.none() | _ACCIDENTS),
    )
    def check(mechanism: str, user: str, password: str, salt: bytes, accidents: tuple[Any, Any]) -> None:
        tried.note(mechanism, user, password, salt, accidents)
        at_first, at_last = accidents
        for knows in (True, False):
            try:
                scram = Scram(mechanism, user, password)
                server = Knowing(mechanism, password if knows else password + "x", scram.first(), salt)
                if at_first:
                    server.challenge = at_first(server.challenge)
                final = server.final(scram.step(server.challenge))
                scram.step(at_last(final) if at_last else final)
            except XmppProblem as problem:
                tried.refused += knows
                assert problem.code in {"protocol", "server_nonce", "scram_iterations", *END_OF_SCRAM}
                assert _SIGN not in problem.detail
                honest = knows and not at_first and not at_last
                assert not honest or problem.code == "bad_password_characters"
            else:
                assert knows
                assert scram.verified

    check()


_TLS, _SASL = "{urn:ietf:params:xml:ns:xmpp-tls}", "{urn:ietf:params:xml:ns:xmpp-sasl}"
_BIND, _STREAM = "{urn:ietf:params:xml:ns:xmpp-bind}", "{http://etherx.jabber.org/streams}"
_CLIENT = "{jabber:client}"
_TAGS = st.sampled_from(
    [f"{_STREAM}features", f"{_STREAM}error", f"{_TLS}starttls", f"{_TLS}proceed", f"{_TLS}failure"]
    + [f"{_SASL}{name}" for name in ("mechanisms", "mechanism", "challenge", "success", "failure", "text", "aborted")]
    + [f"{_BIND}bind", f"{_BIND}jid", f"{_CLIENT}iq", f"{_CLIENT}error", f"{_CLIENT}message", "features", "{}", "x}"]
)
_WORDS = st.one_of(
    st.none(),
    st.sampled_from(["SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN", "=", "", "a@b/c", "dj14", "not base64", "é"]),
    st.binary(max_size=30).map(lambda octets: base64.b64encode(octets).decode()),
    st.text(max_size=8),
)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(["id", "type", "from"]), st.sampled_from(["bind", "result", "error", "q1", ""]), max_size=3
)


@st.composite
def elements(draw: st.DrawFn) -> Element:
    """Anything that a server may send."""
    root = Element(draw(_TAGS), draw(_ATTRIBUTES))
    root.text = draw(_WORDS)
    for tag in draw(st.lists(_TAGS, max_size=2)):
        child = SubElement(root, tag)
        child.text = draw(_WORDS)
        SubElement(child, draw(_TAGS)).text = draw(_WORDS)
    return root


class HonestServer:
    """What a server that does everything right answers to each step of a login."""

    def __init__(self, password: str, mechanism: str) -> None:
        self._password = password
        self._mechanism = mechanism
        self._scram: Knowing | None = None
        self._authenticated = False

    def answer(self, step: Open | Send) -> Element:
        if isinstance(step, Open):
            return self._features()
        if b"<starttls" in step.xml:
            return Element(f"{_TLS}proceed")
        if b"<auth" in step.xml:
            return self._challenge(base64.b64decode(step.xml.partition(b">")[2].partition(b"<")[0]))
        if b"<response" in step.xml and self._scram:
            return self._success(base64.b64decode(step.xml.partition(b">")[2].partition(b"<")[0]))
        bound = Element(f"{_CLIENT}iq", {"type": "result", "id": "bind"})
        SubElement(SubElement(bound, f"{_BIND}bind"), f"{_BIND}jid").text = "alice@univ.example/1"
        return bound

    def _features(self) -> Element:
        features = Element(f"{_STREAM}features")
        SubElement(features, f"{_TLS}starttls")
        if not self._authenticated:
            offered = SubElement(features, f"{_SASL}mechanisms")
            SubElement(offered, f"{_SASL}mechanism").text = self._mechanism
        return features

    def _challenge(self, first: bytes) -> Element:
        if self._mechanism == "PLAIN":
            return Element(f"{_SASL}success")
        self._scram = Knowing(self._mechanism, self._password, first, b"salt")
        return self._element("challenge", self._scram.challenge)

    def _success(self, answer: bytes) -> Element:
        self._authenticated = True
        assert self._scram
        return self._element("success", self._scram.final(answer))

    def _element(self, name: str, data: bytes) -> Element:
        element = Element(_SASL + name)
        element.text = base64.b64encode(data).decode()
        return element


#: Seven lead to the end; a server that asks on and on gets no more answers than one above.
MOST_STEPS = 8


def test_a_login_meets_any_elements_with_steps_or_a_problem(randomised: Randomised, tried: Any) -> None:
    @randomised()
    @given(
        # None: what is right at that moment.
        st.lists(st.one_of(st.none(), st.none(), st.none(), elements()), min_size=1, max_size=10),
        st.tuples(st.booleans(), st.booleans(), st.booleans()),
        st.sampled_from(["SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"]),
        _PASSWORDS,
    )
    def check(answers: list[Element | None], settings: tuple[bool, bool, bool], mechanism: str, password: str) -> None:
        direct_tls, allow_plain, knows = settings
        tried.note(
            [None if one is None else tostring(one) for one in answers].__repr__(), settings, mechanism, password
        )
        server = HonestServer(password if knows else password + "x", mechanism)
        steps = login("alice", password, direct_tls=direct_tls, allow_plain=allow_plain)
        sent: list[Any] = [next(steps)]
        try:
            for given_one in answers:
                element = server.answer(sent[-1]) if given_one is None else given_one
                raise_if_stream_error(element)
                sent.append(steps.send(element))
        except XmppProblem as problem:
            tried.refused += 1
            assert problem.code in VERDICTS
            assert _SIGN not in problem.detail
        except StopIteration as end:
            assert isinstance(end.value, Session)
            assert knows or end.value.mechanism == "PLAIN", "the server proved nothing"
            assert allow_plain or end.value.mechanism != "PLAIN"
        assert len(sent) <= MOST_STEPS
        secured = sent.index(Open(secure=True)) if Open(secure=True) in sent else len(sent)
        secret = [place for place, step in enumerate(sent) if isinstance(step, Send) and b"xmpp-sasl" in step.xml]
        assert all(place > secured for place in secret)

    check()


_HOSTS = st.sampled_from(
    ["im.univ.example", "im2.univ.example", "", ".", "a" * 300, "h\0st", "é.example", "[::1]", "0"]
)
_RECORDS = st.builds(SrvRecord, st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535), _HOSTS)
_SRV = st.one_of(
    st.just(SrvAnswer("none")),
    st.just(SrvAnswer("absent")),
    st.text(max_size=20).map(lambda reason: SrvAnswer("failed", reason=reason)),
    st.lists(_RECORDS, min_size=1, max_size=12).map(lambda found: SrvAnswer("records", tuple(found))),
)


def test_any_srv_answers_lead_to_a_few_places_or_to_a_problem(randomised: Randomised, tried: Any) -> None:
    @randomised()
    @given(_SRV, _SRV, st.sampled_from([None, "starttls", "direct"]))
    def check(starttls: SrvAnswer, direct: SrvAnswer, tls: Any) -> None:
        tried.note(starttls, direct, tls)
        answers = {"_xmpp-client._tcp.univ.example": starttls, "_xmpps-client._tcp.univ.example": direct}
        try:
            places = Resolver(srv=lambda name, timeout: answers[name]).endpoints(Server("univ.example", tls=tls))
        except XmppProblem as problem:
            tried.refused += 1
            assert problem.code in ("dns", "srv_absent")
            assert problem.detail.isprintable()
        else:
            assert 1 <= len(places) <= 8

    check()
