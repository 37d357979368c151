"""What is taken from a ticket, and how little is believed of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.im_catalogue import LANGUAGES
from ansible.module_utils.im_tickets.marker import KINDS, last_reference, reference
from ansible.module_utils.im_tickets.problems import TicketProblem, shown
from ansible.module_utils.im_tickets.ticket import Ticket, check_number, field_names, plain, read_ticket
from hypothesis import given
from hypothesis import strategies as st

#: What conftest.randomised gives.
Randomised = Callable[..., Callable[[Any], Any]]

GOOD = {"number": "4711", "requester": "zoe.obrien", "machine": "pc-12", "client": "gajim"}


def codes_of(call: Callable[[], Any]) -> list[str]:
    with pytest.raises(TicketProblem) as caught:
        call()
    for language in LANGUAGES:
        assert caught.value.sentences(language)
    return [mistake.code for mistake in caught.value.mistakes]


def test_a_ticket_needs_four_fields_and_the_others_are_empty() -> None:
    assert read_ticket(GOOD, "line 2") == Ticket("4711", "zoe.obrien", "pc-12", "gajim", "", "", "")


def test_every_mistake_is_told_at_once_with_the_place() -> None:
    wrong = {
        "number": "../4711",
        "machine": "pc 12",
        "client": "Signal ou Gajim",
        "deadline": "32/12/2026",
        "login": "a b",
        "site": "x" * 201,
    }
    with pytest.raises(TicketProblem) as caught:
        read_ticket(wrong, "line 2")
    codes = [mistake.code for mistake in caught.value.mistakes]
    assert codes == ["number", "missing", "machine", "client", "site", "deadline", "login"]
    sentences = caught.value.sentences("fr").splitlines()
    assert len(sentences) == len(codes)
    assert all("line 2" in sentence for sentence in sentences[1:])
    assert "« Signal ou Gajim »" in sentences[3]


@pytest.mark.parametrize(
    "number",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "-rf",
        "a..b",
        "x" * 65,
        "1\0",
        "1\n",
        "é",
        "{{ 7*7 }}",
        "; rm -rf ~",
        "a b",
        "1.",
    ],
)
def test_a_number_that_could_leave_its_directory_is_refused(number: str) -> None:
    assert codes_of(lambda: check_number(number)) == ["number"]


@pytest.mark.parametrize("number", ["1", "4711", "0042", "INC-2026_0017", "REQ.12", "x" * 64])
def test_numbers_of_ticket_systems_are_kept_as_they_are(number: str) -> None:
    assert check_number(number) == number


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("requester", "{{ 7*7 }}"),
        ("requester", "zoe@univ.example"),
        ("requester", "a/b"),
        ("machine", "pc-12; rm -rf /"),
        ("machine", "../pc"),
        ("machine", "-oProxyCommand=x"),
        ("machine", "pc-12\n"),
        ("machine", "all:!x"),
        ("login", "$(id)"),
        ("login", "../x"),
        ("site", "a\x1b[31mred"),
        ("site", "a\nb"),
    ],
)
def test_a_field_that_is_no_such_thing_is_refused(field: str, value: str) -> None:
    stripped = value.strip() == value
    if stripped:
        assert codes_of(lambda: read_ticket({**GOOD, field: value}, "x")) == [field]
    else:
        assert getattr(read_ticket({**GOOD, field: value}, "x"), field) == value.strip()


def test_the_site_is_free_text_and_stays_as_it_is() -> None:
    hostile = '{{ 7*7 }} <b>Zoë O\'Brien & "Co"</b> \\ `'
    assert read_ticket({**GOOD, "site": hostile}, "x").site == hostile


@pytest.mark.parametrize(
    ("name", "client"),
    [
        ("gajim", "gajim"),
        ("Gajim", "gajim"),
        (" PIDGIN ", "pidgin"),
        ("Mozilla Thunderbird", "thunderbird"),
        ("my_client", "my_client"),
    ],
)
def test_a_client_is_known_by_its_name_and_whether_there_is_one_is_for_the_roles_to_say(name: str, client: str) -> None:
    assert read_ticket({**GOOD, "client": name}, "x").client == client


@pytest.mark.parametrize("name", ["Gajim ou Pidgin", "pas gajim", "2gajim", "gajim; pidgin"])
def test_which_client_is_never_guessed(name: str) -> None:
    assert codes_of(lambda: read_ticket({**GOOD, "client": name}, "x")) == ["client"]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-12-01", "2026-12-01"),
        ("01/12/2026", "2026-12-01"),
        ("2026-12-01 17:30:00", "2026-12-01"),
        ("-", ""),
        ("~", ""),
    ],
)
def test_a_deadline_is_a_day(written: str, day: str) -> None:
    assert read_ticket({**GOOD, "deadline": written}, "x").deadline == day


@pytest.mark.parametrize(
    "name", ["échéance", "ECHEANCE", "3) Échéance * :", "e\u0301che\u0301ance", " Echéance\u00a0:"]
)
def test_names_are_the_same_whatever_their_case_accents_and_marks(name: str) -> None:
    assert field_names()[plain(name)] == "deadline"


def test_a_field_that_was_read_is_fit_for_what_it_is_used_for(randomised: Randomised, tried: Any) -> None:
    odd = st.text(max_size=80) | st.sampled_from(
        ["", "a.b", "Pidgin", "2026-02-28", "2026-02-30", "{{ x }}", "a\u202eb", "../x", "-", "a\0", "x" * 300]
    )
    # Most fields are good, so that what stands in the others decides.
    damage = st.dictionaries(st.sampled_from(Ticket._fields), odd, max_size=2)

    @randomised(600)
    @given(damage.map(lambda fields: {**GOOD, **fields}))
    def check(values: dict[str, str]) -> None:
        tried.note(*values.values())
        try:
            ticket = read_ticket(values, "x")
        except TicketProblem as problem:
            tried.refused += 1
            assert all(sentence.isprintable() for sentence in problem.sentences("fr").splitlines())
            return
        assert all(field.isprintable() for field in ticket)
        assert not set("/\\ \0") & set(ticket.number + ticket.machine + ticket.requester + ticket.login)
        assert re.fullmatch(r"[a-z][a-z0-9_]*", ticket.client)

    check()


def test_a_reference_is_of_the_ticket_the_kind_and_the_state_and_of_nothing_else() -> None:
    marks = {reference(n, kind, state) for n in ("1", "2") for kind in KINDS for state in ("ok", "deferred")}
    assert len(marks) == 12
    assert reference("1", "public", "ok") == reference("1", "public", "ok")


def test_the_last_reference_of_a_kind_is_found_whatever_stands_around_it() -> None:
    first, second, private = (
        reference("1", "public", "a"),
        reference("1", "public", "b"),
        reference("1", "private", "a"),
    )
    text = f"<p>{first}</p> &#60;p&#62;{second}&#60;/p&#62;\nRéf : {private}."
    assert last_reference(text, "public") == second
    assert last_reference(text, "private") == private
    assert last_reference(text, "solution") == last_reference("", "public") == ""


def test_foreign_text_is_shown_as_one_short_printable_line() -> None:
    assert shown("a\x1b[31m\r\n\u202eb" + "c" * 1_000_000) == "a [31m b" + "c" * 111 + "…"
