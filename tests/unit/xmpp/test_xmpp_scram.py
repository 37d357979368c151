"""SCRAM against the vectors of its RFCs, and against anything that a server could say."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.xmpp.prep import saslprep
from ansible.module_utils.xmpp.problems import XmppProblem
from ansible.module_utils.xmpp.scram import HASHES, Scram
from hypothesis import given, settings
from hypothesis import strategies as st

#: RFC 5802 5 and RFC 7677 3: user "user", password "pencil".
VECTORS: dict[str, dict[str, Any]] = {
    "SCRAM-SHA-1": {
        "nonce": "fyko+d2lbbFgONRv9qkxdawL",
        "first": b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        "challenge": b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "response": b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "final": b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    },
    "SCRAM-SHA-256": {
        "nonce": "rOprNGfwEbeRWgbNEkqO",
        "first": b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        "challenge": b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "response": b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "final": b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    },
}


@pytest.mark.parametrize("mechanism", VECTORS)
def test_the_example_of_the_rfc_comes_out_to_the_octet(mechanism: str) -> None:
    vector = VECTORS[mechanism]
    scram = Scram(mechanism, "user", "pencil", nonce=vector["nonce"])
    assert scram.first() == vector["first"]
    assert scram.step(vector["challenge"]) == vector["response"]
    assert not scram.verified
    assert scram.step(vector["final"]) == b""
    assert scram.verified


def test_a_signature_that_is_one_bit_off_is_refused() -> None:
    vector = VECTORS["SCRAM-SHA-1"]
    scram = Scram("SCRAM-SHA-1", "user", "pencil", nonce=vector["nonce"])
    scram.step(vector["challenge"])
    with pytest.raises(XmppProblem, match="server_signature"):
        scram.step(vector["final"].replace(b"rmF9", b"rmF8"))
    assert not scram.verified


def test_each_exchange_has_a_fresh_nonce() -> None:
    assert len({Scram("SCRAM-SHA-1", "user", "pencil").first() for _ in range(100)}) == 100


def test_a_comma_and_an_equals_sign_in_a_name_are_escaped() -> None:
    assert Scram("SCRAM-SHA-1", "a,b=c", "x", nonce="n").first() == b"n,,n=a=2Cb=3Dc,r=n"


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # RFC 4013 3, the first five examples.
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b\u3000c", "a b c"),
        ('Zoë O\'Brien & "Co" <x> \\ ', 'Zoë O\'Brien & "Co" <x> \\ '),
    ],
)
def test_a_password_is_prepared_as_rfc_4013_says(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "a\u0627\u0031", "\u0627\u0031", "\ue000", "\ud800", "\u200e"])
def test_a_password_with_forbidden_characters_is_refused_without_telling_it(text: str) -> None:
    with pytest.raises(XmppProblem) as caught:
        saslprep("marker" + text)
    assert caught.value.code == "bad_password_characters"
    assert "marker" not in str(caught.value)


numbers = st.one_of(st.integers(-1, 5000), st.just(4096)).map(lambda n: str(n).encode())
nonces = st.one_of(st.binary(max_size=12), st.binary(max_size=12).map(lambda tail: b"nonce" + tail))
challenges = st.one_of(
    st.binary(max_size=80),
    st.builds(lambda r, s, i: b"r=" + r + b",s=" + s + b",i=" + i, nonces, st.binary(max_size=12), numbers),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(HASHES)), challenges, st.binary(max_size=60))
def test_no_server_that_does_not_know_the_password_is_ever_verified(
    mechanism: str, challenge: bytes, final: bytes
) -> None:
    scram = Scram(mechanism, "user", "pencil", nonce="nonce")
    with pytest.raises(XmppProblem):
        scram.step(challenge)
        scram.step(final)
    assert not scram.verified
