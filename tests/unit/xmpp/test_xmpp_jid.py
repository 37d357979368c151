"""Bare addresses: two tables, what they become and why they are refused."""

from __future__ import annotations

import re

import pytest
from ansible.module_utils.xmpp.jid import JidError, bare_jid
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("alice.martin@univ.example", "alice.martin@univ.example"),
        ("  Alice.Martin@Univ.EXAMPLE. ", "alice.martin@univ.example"),
        ("ZOË@univ.example", "zoë@univ.example"),
        ("zoe\u0308@univ.example", "zoë@univ.example"),
        ("straße@univ.example", "strasse@univ.example"),
        ("soft\u00adhyphen@univ.example", "softhyphen@univ.example"),
        ("o\\27brien@univ.example", "o\\27brien@univ.example"),
        ("a@localhost", "a@localhost"),
        ("a@192.0.2.1", "a@192.0.2.1"),
        ("a@École.example", "a@école.example"),
    ],
)
def test_an_address_has_one_normal_form(text: str, normal: str) -> None:
    assert str(bare_jid(text)) == normal
    assert bare_jid(normal) == bare_jid(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no '@'"),
        ("alice", "has no '@': write it as name@domain"),
        ("@univ.example", "lacks the part before '@'"),
        ("alice@", "lacks the part after '@'"),
        ("alice@univ.example/pc", "leave out the resource"),
        ("xmpp:alice@univ.example", "leave out 'xmpp:'"),
        ("o'brien@univ.example", "write \\27 (XEP-0106)"),
        ("zoë obrien@univ.example", "write \\20 (XEP-0106)"),
        ('a"b@univ.example', "write \\22"),
        ("a&b@univ.example", "write \\26"),
        ("<a>@univ.example", "write \\3c"),
        ("a\x07b@univ.example", "U+0007"),
        ("a\ud800@univ.example", "U+D800"),
        ("\u00ad@univ.example", "must hold 1 to 1023 octets"),
        ("a" * 1024 + "@univ.example", "must hold 1 to 1023 octets"),
        ("a@b@univ.example", "no domain name"),
        ("a@univ..example", "no domain name"),
        ("a@univ_.example", "no domain name"),
        ("a@-univ.example", "no domain name"),
        ("a@univ example", "no domain name"),
        ("a@" + "x" * 64 + ".example", "no domain name"),
        ("a@.", "no domain name"),
    ],
)
def test_what_is_no_address_is_refused_with_the_remedy(text: str, reason: str) -> None:
    with pytest.raises(JidError, match=re.escape(reason)):
        bare_jid(text)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        jid = bare_jid(text)
    except JidError:
        return
    assert bare_jid(str(jid)) == jid
