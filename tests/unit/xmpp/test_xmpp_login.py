"""The order of the steps of a login, without any network."""

from __future__ import annotations

import base64
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from ansible.module_utils.xmpp.login import Open, Send, login
from ansible.module_utils.xmpp.problems import XmppProblem
from hypothesis import given, settings
from hypothesis import strategies as st

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
STREAM = "xmlns='http://etherx.jabber.org/streams'"
FEATURES = (
    f"<features {STREAM}><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><mechanisms {SASL}>"
    "<mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms></features>"
)


def data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


#: What an attacker who does not know the password could say at any moment.
WORDS = [
    FEATURES,
    f"<features {STREAM}/>",
    "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    f"<challenge {SASL}>{data('r=NONCEx,s=eHg=,i=4096')}</challenge>",
    f"<challenge {SASL}>{data('v=eHg=')}</challenge>",
    f"<challenge {SASL}/>",
    f"<success {SASL}/>",
    f"<success {SASL}>{data('v=eHg=')}</success>",
    f"<failure {SASL}><not-authorized/></failure>",
    "<iq xmlns='jabber:client' type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
    "<jid>a@b/c</jid></bind></iq>",
    "<iq xmlns='jabber:client' type='error' id='bind'/>",
    "<message xmlns='jabber:client'/>",
]


def answer(word: str, sent: list[Any]) -> Element:
    """The attacker's word as an element, with our nonce in the place of NONCE."""
    element = fromstring(word)
    if element.text and "challenge" in element.tag:
        auth = [step.xml for step in sent if isinstance(step, Send) and b"<auth" in step.xml]
        nonce = base64.b64decode(fromstring(auth[0]).text or "").rpartition(b"r=")[2].decode() if auth else ""
        element.text = data(base64.b64decode(element.text).decode().replace("NONCE", nonce))
    return element


def drive(words: list[str], **settings: Any) -> list[Any]:
    """The steps that a login takes when it hears these words."""
    steps = login("alice", "right", **settings)
    sent = [next(steps)]
    for word in words:
        try:
            sent.append(steps.send(answer(word, sent)))
        except XmppProblem as problem:
            return [*sent, problem]
        except StopIteration as end:
            return [*sent, end.value]
    return sent


@given(st.lists(st.sampled_from(WORDS), max_size=9), st.booleans())
@settings(max_examples=400, deadline=None)
def test_whatever_a_stranger_says_a_login_neither_succeeds_nor_speaks_before_tls(
    words: list[str], direct_tls: bool
) -> None:
    sent = drive(words, direct_tls=direct_tls)
    secured = sent.index(Open(secure=True)) if Open(secure=True) in sent else len(sent)
    for place, step in enumerate(sent):
        assert isinstance(step, Open | Send | XmppProblem), "a session was bound"
        if isinstance(step, Send) and b"xmpp-sasl" in step.xml:
            assert place > secured
            assert b"mechanism='PLAIN'" not in step.xml


def test_only_plain_on_request_lets_a_stranger_say_yes() -> None:
    """The reason why PLAIN is off by default: the server proves nothing."""
    plain_only = FEATURES.replace("SCRAM-SHA-1", "GSSAPI")
    words = [plain_only, WORDS[2], plain_only, f"<success {SASL}/>", f"<features {STREAM}/>", WORDS[10]]
    assert drive(words, direct_tls=False)[-1].code == "no_mechanism"
    assert drive(words, direct_tls=False, allow_plain=True)[-1].mechanism == "PLAIN"


def test_a_step_shows_no_secret_when_it_is_printed() -> None:
    plain_only = FEATURES.replace("SCRAM-SHA-1", "GSSAPI")
    sent = drive([plain_only, WORDS[2], plain_only], direct_tls=False, allow_plain=True)
    assert data("\0alice\0right").encode() in sent[-1].xml
    assert data("\0alice\0right") not in repr(sent)
