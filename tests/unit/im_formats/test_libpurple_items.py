"""Identities of what stands in Pidgin's files."""

from __future__ import annotations

from ansible.module_utils.im_formats.libpurple_items import account_label, account_words, shown, without_at, word
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: The same examples on every machine, however slow it is.
BOUNDED = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
TEXTS = st.text(st.sampled_from("a@%204/ \n\u00a0é"), max_size=6)


def test_an_ordinary_address_is_its_own_word() -> None:
    assert word("zoë.o'brien&co\\20%zz@univ.example") == "zoë.o'brien&co\\20%zz@univ.example"
    assert account_words("prpl-jabber", "zoe@univ.example") == "zoe@univ.example"
    assert account_words("prpl-irc", "zoe@irc.example") == "prpl-irc zoe@irc.example"


def test_white_space_and_what_looks_encoded_are_encoded() -> None:
    assert word("Screen Name\n%20") == "Screen%20Name%0A%2520"


@BOUNDED
@given(TEXTS, TEXTS)
def test_different_texts_are_different_words(one: str, other: str) -> None:
    assert (word(one) == word(other)) == (without_at(one) == without_at(other)) == (one == other)
    assert not set(word(one)) & set(" \n\u00a0")
    assert "@" not in without_at(one)


@BOUNDED
@given(*[st.one_of(TEXTS, st.sampled_from(["prpl-jabber", "prpl-irc", "a@b"]))] * 4)
def test_different_accounts_have_different_words(protocol: str, name: str, protocol_2: str, name_2: str) -> None:
    same = (protocol, name) == (protocol_2, name_2)
    assert (account_words(protocol, name) == account_words(protocol_2, name_2)) == same


def test_people_read_the_address_first_and_the_protocol_only_if_it_is_another() -> None:
    assert account_label("prpl-jabber", "zoe@univ.example") == "zoe@univ.example"
    assert account_label("prpl-irc", "zoe@irc.example") == "zoe@irc.example (prpl-irc)"
    assert account_label("", "") == "without a name (without a protocol)"


def test_the_value_of_a_secret_is_masked_and_an_empty_one_is_none() -> None:
    assert shown("password", "pw") == shown("auth_token", "x") == shown("turn_password", "x") == "********"
    assert shown("password", "") == ""
    assert shown("bypass_proxy", "1") == "1"
