"""Tickets of GLPI, over both of its APIs, played by glpi_peer.py: what that proves and cannot is said there."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_tickets.arguments import opened
from ansible.module_utils.im_tickets.glpi_text import as_html, labelled, lines_of
from ansible.module_utils.im_tickets.marker import reference
from ansible.module_utils.im_tickets.problems import TicketProblem
from ansible.module_utils.im_tickets.system import Answer, Answered
from ansible.module_utils.im_tickets.ticket import Found, Ticket, field_names
from glpi_peer import CATEGORY, FORM, ME, GlpiPeer, PeerTicket, shown
from hypothesis import given
from hypothesis import strategies as st
from xmpp_certificates import Authority

#: What conftest.randomised gives.
Randomised = Callable[..., Callable[[Any], Any]]

HOSTILE = 'Zoë O\'Brien & "Co" <x> \\ `'
TICKET = Ticket("5", "zoe.obrien", "pc-12", "gajim", "Bibliothèque")
APIS = ("legacy", "v2")
READY = Answer("Bonjour,\n\nc'est prêt.", "versions", "compliant ok")


class Glpi:
    """One way into the peer, with a ticket 5 in it."""

    def __init__(self, peer: GlpiPeer, api: str, authority: Authority) -> None:
        self.peer = peer
        self.api = api
        self._ca_file = str(authority.file)
        self.more: dict[str, Any] = {}
        self.ticket = peer.tickets[5] = PeerTicket()

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Open it, work, close it."""
        glpi = {
            **dict.fromkeys(("app_token", "user_token", "client_id", "client_secret", "username", "password")),
            "people": {},
            "timeout": 10.0,
            "ca_file": self._ca_file,
            **self.peer.arguments(self.api),
            **self.more,
        }
        with opened({"system": "glpi", "glpi": glpi, "language": "fr"}) as system:
            return work(system)

    def read(self, number: str = "5") -> Found:
        found: Found = self.run(lambda system: system.read(number))
        return found

    def answer(self, answer: Answer = READY, check: bool = False) -> list[str]:
        done: Answered = self.run(lambda system: system.answer("5", answer, check=check))
        return [done.left_alone] if done.left_alone else [addition.kind for addition in done.additions]

    def code(self, work: Callable[[], object] | None = None) -> str:
        with pytest.raises(TicketProblem) as caught:
            (work or self.read)()
        for language in ("fr", "en"):
            sentence = caught.value.sentences(language)
            assert all(line.isprintable() for line in sentence.splitlines())
            assert not any(secret in sentence for secret in ("-of-the-", "svc-password"))
        return str(caught.value.mistakes[0].code)

    def posted(self) -> list[str]:
        return [asked.path for asked in self.peer.asked if asked.method == "POST" and asked.path != "/api.php/token"]


@pytest.fixture(params=APIS)
def glpi(request: pytest.FixtureRequest, peer: GlpiPeer, authority: Authority) -> Glpi:
    return Glpi(peer, request.param, authority)


@pytest.fixture
def legacy(peer: GlpiPeer, authority: Authority) -> Glpi:
    return Glpi(peer, "legacy", authority)


@pytest.fixture(autouse=True)
def every_session_is_closed(peer: GlpiPeer) -> Any:
    yield
    left = {call for call in peer.faults if "killSession" in call}
    assert left or not peer.sessions


# Reading


def test_a_native_form_is_read_and_what_else_it_asks_is_named(glpi: Glpi) -> None:
    assert glpi.read() == Found(TICKET, ("4) Commentaire",))


@pytest.mark.parametrize(
    "content",
    [
        "Poste : pc-12\nLogiciel : Gajim\nSite : Bibliothèque",
        "Poste : \ufeffpc-12\u200b\nLogiciel :&nbsp;Gajim&nbsp;\nSite : Biblio\u00adthèque",
        "<p>Bonjour,</p><p>Poste\u00a0: pc-12<br>LOGICIEL: gajim</p><div>Site :</div><div>Bibliothèque</div>",
        "<table><tr><th>Poste</th><td>pc-12</td></tr><tr><th>Logiciel</th><td>Gajim</td></tr><tr><td>Site</td><td>Bibliothèque</td></tr></table>",
        "<ul><li><b>Poste</b> : <i>pc-12</i></li><li>logiciel : Gajim</li><li>site : Biblioth&egrave;que</li></ul>",
        FORM + "<!-- Poste: pc-13 --><script>Poste: pc-14</script>",
        FORM + "Poste : pc-12",
    ],
)
def test_labelled_lines_are_read_however_they_are_laid_out(content: str, glpi: Glpi) -> None:
    glpi.ticket.content = content
    assert glpi.read().ticket == TICKET


@pytest.mark.parametrize("heeds_header", [True, False])
def test_what_version_10_encodes_once_more_is_the_same_ticket(heeds_header: bool, legacy: Glpi) -> None:
    legacy.peer.version, legacy.peer.heeds_header = 10, heeds_header
    assert legacy.read() == Found(TICKET, ("4) Commentaire",))


def test_two_answers_for_one_field_are_refused_and_not_chosen_from(glpi: Glpi) -> None:
    glpi.ticket.content = FORM + "<p>Poste : pc-13</p>"
    assert glpi.code() == "label_twice"


def test_a_ticket_without_a_machine_says_what_is_missing(glpi: Glpi) -> None:
    glpi.ticket.content = "J'aimerais Gajim"
    assert glpi.code() == "missing"
    with pytest.raises(TicketProblem, match="Nom du poste / Poste"):
        glpi.read()


@pytest.mark.parametrize(
    ("computers", "machine"), [(("pc-12",), "pc-12"), (("pc-12", "pc-12"), "pc-12"), (("pc-1", "pc-12"), ""), ((), "")]
)
def test_the_computer_of_the_ticket_is_the_machine_where_the_body_names_none(
    computers: tuple[str, ...], machine: str, legacy: Glpi
) -> None:
    legacy.ticket.computers = ("pc-1",)
    assert legacy.read().ticket.machine == "pc-12", "the words of the ticket come first"
    legacy.ticket.content, legacy.ticket.computers = "Logiciel : Gajim", computers
    if machine:
        assert legacy.read().ticket.machine == machine
    else:
        assert legacy.code() == "missing"


def test_an_empty_answer_does_not_take_the_next_question_for_its_own(glpi: Glpi) -> None:
    glpi.ticket.content = FORM.replace("<b>3)", "<b>Session</b>: <br><b>Remarque</b>: x<br><b>3)")
    assert glpi.read().ticket == TICKET


def test_the_time_to_resolve_is_the_deadline_where_the_body_says_none(legacy: Glpi) -> None:
    legacy.ticket.time_to_resolve = "2026-12-01 17:00:00"
    assert legacy.read().ticket.deadline == "2026-12-01"
    legacy.ticket.content += "Échéance : 24/11/2026"
    assert legacy.read().ticket.deadline == "2026-11-24"


@pytest.mark.parametrize(
    ("people", "key"),
    [
        ({}, "zobrien"),
        ({"zobrien": "zoe.obrien"}, "zoe.obrien"),
        ({"ZOBRIEN": "zoe.obrien"}, "zoe.obrien"),
        ({"zoë  o'brien": "zoe.obrien"}, "zoe.obrien"),
        ({"zobrien": "by.login", "Zoë O'Brien": "by.name"}, "by.login"),
    ],
)
def test_the_requester_is_who_glpi_says_by_the_mapping_of_the_site(
    people: dict[str, str], key: str, glpi: Glpi
) -> None:
    glpi.peer.users[7] = ("zobrien", "Zoë", "O'Brien")
    glpi.ticket.content += "<p>Demandeur : autre.personne</p>"
    glpi.ticket.groups = ("DSI",)
    glpi.more["people"] = people
    assert glpi.read().ticket.requester == key


@pytest.mark.parametrize("requesters", [(), (7, 8)])
def test_a_ticket_of_nobody_or_of_several_is_refused(requesters: tuple[int, ...], glpi: Glpi) -> None:
    glpi.peer.users[8] = ("other", "", "")
    glpi.ticket.requesters = requesters
    assert glpi.code() == "glpi_requesters"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("itilcategories_id", 13, "glpi_category"),
        ("itilcategories_id", 0, "glpi_category"),
        ("type", 1, "glpi_incident"),
        ("is_deleted", 1, "glpi_deleted"),
        ("status", 5, "glpi_solved"),
        ("status", 6, "glpi_closed"),
        ("global_validation", 2, "glpi_unapproved"),
        ("global_validation", 4, "glpi_unapproved"),
    ],
)
def test_a_ticket_that_is_not_for_us_now_is_refused(field: str, value: int, code: str, glpi: Glpi) -> None:
    setattr(glpi.ticket, field, value)
    assert glpi.code() == code


@pytest.mark.parametrize(
    "number", ["", "0", "-1", "5/../6", "5?x=1", "5 ", "\uff15", "1" * 11, "{{ 7*7 }}", "5\r\nX: y"]
)
def test_a_number_that_is_none_is_never_sent(number: str, glpi: Glpi) -> None:
    assert glpi.code(lambda: glpi.read(number)) == "glpi_number"
    assert not any("/Ticket/" in asked.path for asked in glpi.peer.asked)


def test_a_ticket_that_does_not_exist_is_told(glpi: Glpi) -> None:
    assert glpi.code(lambda: glpi.read("6")) == "glpi_not_found"


def test_the_requests_that_wait_are_those_of_the_category_that_nobody_finished(glpi: Glpi) -> None:
    states = {11: 1, 12: 2, 13: 3, 14: 4, 15: 5, 16: 6, 17: 10}
    glpi.peer.tickets.update({number: PeerTicket(status=status) for number, status in states.items()})
    glpi.peer.tickets[18] = PeerTicket(itilcategories_id=CATEGORY + 1)
    glpi.peer.tickets[19] = PeerTicket(type=1)
    assert glpi.run(lambda system: system.waiting()) == ["5", "11", "12", "13"]


def test_none_waits(glpi: Glpi) -> None:
    glpi.peer.tickets.clear()
    assert glpi.run(lambda system: system.waiting()) == []


def test_more_than_a_page_of_requests_is_read_to_its_end(glpi: Glpi) -> None:
    glpi.peer.tickets.update({number: PeerTicket() for number in range(100, 700)})
    assert glpi.run(lambda system: system.waiting()) == ["5", *map(str, range(100, 700))]


@pytest.mark.parametrize(
    "text",
    [
        "{{ 7*7 }}",
        "; rm -rf /",
        "<img src=x onerror=alert(1)>",
        "../../etc/passwd",
        "\0",
        "$(id)",
        "-oProxyCommand=id",
        "pc-12 pc-13",
    ],
)
def test_text_that_is_no_machine_is_refused_as_text(text: str, glpi: Glpi) -> None:
    glpi.ticket.content = FORM.replace("pc-12", text)
    assert glpi.code() in ("machine", "missing")


def test_a_template_in_free_text_stays_what_it_is(glpi: Glpi) -> None:
    glpi.ticket.content = FORM.replace("Biblioth&egrave;que", "{{ 7*7 }} &lt;b&gt;")
    assert glpi.read().ticket.site == "{{ 7*7 }} <b>"


def test_a_body_of_a_megabyte_is_not_read(glpi: Glpi) -> None:
    glpi.ticket.content = FORM + "x" * 1_000_000
    assert glpi.code() == "too_long"


def test_any_rich_text_is_read_in_time_in_proportion_to_its_length(randomised: Randomised, tried: Any) -> None:
    pieces = st.sampled_from(
        [
            "<a",
            "<",
            ">",
            "<!--",
            "-->",
            "&#",
            "&#x",
            "9" * 5000,
            ";",
            "<script>",
            "</script",
            "<p>",
            "</p>",
            "Poste : ",
            "pc-12",
            "\n",
            "<td>",
            '"',
        ]
    )
    names = field_names()

    @randomised(200)
    @given(st.lists(pieces | st.text(max_size=3), max_size=30), st.integers(1, 100))
    def check(parts: list[str], times: int) -> None:
        content = ("".join(parts) * times)[: 1 << 14]
        tried.note(content)
        try:
            labelled(lines_of(content), names, "x")
        except TicketProblem:
            tried.refused += 1

    check()


# Answering


def test_both_answers_and_the_solution_are_added_and_say_what_we_said(glpi: Glpi) -> None:
    said = Answer(f"Bonjour {HOSTILE},\nc'est prêt.\n\nBonne journée.", "  - gajim 2.1\n<b>x</b>", "ok", solve=True)
    assert glpi.answer(said) == ["private", "public", "solution"]
    (public,), (private,) = glpi.peer.written(private=False), glpi.peer.written(private=True)
    assert (
        shown(public) == f"{said.public.replace(chr(10) * 2, chr(10))}\nRéférence : {reference('5', 'public', 'ok')}\n"
    )
    assert shown(private) == f"{said.private}\nRéférence : {reference('5', 'private', 'ok')}\n"
    (solution,) = glpi.peer.solutions
    assert shown(solution["content"]).startswith("La demande est traitée")
    assert glpi.ticket.status == 5


def test_french_blanks_and_any_script_are_said_as_they_are() -> None:
    words = "C'est prêt\u00a0! « Zoë »\u202f: 日本 👩\u200d💻"
    assert shown(as_html(words, "fin")).replace("\xa0", " ") == f"{words}\nfin\n".replace("\xa0", " ")


def test_the_same_state_is_not_told_again_even_in_other_words(glpi: Glpi) -> None:
    assert glpi.answer() == ["private", "public"]
    assert glpi.answer(READY._replace(private="versions, 13 s")) == []
    assert len(glpi.posted()) == 2


def test_another_state_is_told_even_one_that_was_told_before_the_last(glpi: Glpi) -> None:
    for state in ("deferred", "ok", "deferred"):
        assert glpi.answer(READY._replace(state=state)) == ["private", "public"]
    assert glpi.answer(READY._replace(state="deferred")) == []


def test_a_run_that_broke_off_adds_the_rest_the_next_time(glpi: Glpi) -> None:
    # The second follow-up fails: the first, private, stands.
    glpi.peer.faults["POST .*(ITILFollowup|Followup)$"] = (500, "application/json", '["ERROR", "oops"]')
    assert glpi.code(glpi.answer) == "glpi_refused"
    glpi.peer.faults.clear()
    glpi.answer(READY._replace(public=""))
    assert glpi.answer() == ["public"]


def test_check_says_what_would_be_added_and_sends_nothing(glpi: Glpi) -> None:
    said = READY._replace(solve=True)
    assert glpi.answer(said, check=True) == ["private", "public", "solution"]
    assert glpi.posted() == []
    assert glpi.answer(said) == ["private", "public", "solution"]


@pytest.mark.parametrize(("status", "word"), [(5, "solved"), (6, "closed")])
def test_a_ticket_that_is_done_is_left_alone(status: int, word: str, glpi: Glpi) -> None:
    glpi.ticket.status = status
    assert glpi.answer(READY._replace(solve=True)) == [word]
    assert glpi.posted() == []


def test_a_ticket_of_another_category_is_not_answered_either(glpi: Glpi) -> None:
    glpi.ticket.itilcategories_id = 13
    assert glpi.code(glpi.answer) == "glpi_category"
    assert glpi.posted() == []


def test_who_quotes_our_answer_in_a_reply_does_not_silence_us(glpi: Glpi) -> None:
    for state in ("deferred", "ok"):
        glpi.answer(READY._replace(state=state))
    glpi.peer.say(f"merci\n> Référence : {reference('5', 'public', 'deferred')}")
    assert glpi.answer(READY._replace(state="deferred", private="")) == ["public"]


def test_a_glpi_that_names_no_authors_is_answered_once_too(peer: GlpiPeer, authority: Authority) -> None:
    peer.names_authors = False
    glpi = Glpi(peer, "v2", authority)
    assert glpi.answer() == ["private", "public"]
    assert glpi.answer() == []


def test_what_version_10_encodes_is_known_again(legacy: Glpi) -> None:
    legacy.peer.version, legacy.peer.heeds_header = 10, False
    assert legacy.answer() == ["private", "public"]
    assert legacy.answer() == []


def test_an_account_that_does_not_see_its_own_notes_is_told_before_it_repeats_them(glpi: Glpi) -> None:
    glpi.peer.sees_private = False
    assert glpi.code(glpi.answer) == "glpi_unseen"
    assert len(glpi.posted()) == 1


def test_many_follow_ups_are_looked_through_to_the_last(glpi: Glpi) -> None:
    glpi.answer()
    for _ in range(450):
        glpi.peer.say("encore")
    assert glpi.answer() == []


def test_nothing_to_say_adds_nothing(glpi: Glpi) -> None:
    assert glpi.answer(Answer(" ", "", "ok")) == []
    assert glpi.posted() == []


@pytest.mark.parametrize("words", ["a\n\n\n b", "<p>&amp;", "\0\x1b[1m\ud800", "a\r\nb", "\u2028", "", "\n"])
def test_whatever_we_say_is_plain_text_when_it_is_shown(words: str) -> None:
    rich = as_html(words, "end")
    rich.encode()
    visible = shown(rich)
    assert visible.endswith("end\n")
    assert set(visible.split()) <= {*words.replace("\0", "").split(), "end"} or "\ufffd" in visible


# What goes wrong


HTML = (200, "text/html; charset=utf-8", "<!DOCTYPE html><title>Connexion</title>")


@pytest.mark.parametrize("place", ["initSession|token", "Ticket"])
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (HTML, "glpi_no_json"),
        ((200, "application/json", ""), "glpi_unexpected"),
        ((200, "application/json", "{"), "glpi_no_json"),
        ((200, "application/json", "[" * 100_000), "glpi_no_json"),
        ((200, "application/json", "true"), "glpi_unexpected"),
        ((302, "text/html", "https://sso.univ.example/login"), "glpi_redirect"),
        ((403, "text/html", "<h1>Forbidden</h1>"), "glpi_no_json"),
        ((429, "text/html", "slow down"), "glpi_rate"),
        ((503, "text/html", "maintenance"), "glpi_unavailable"),
        ((500, "application/json", "null"), "glpi_refused"),
        ((400, "application/json", '["ERROR", "API d\\u00e9sactiv\\u00e9e"]'), "glpi_refused"),
        ((400, "application/json", '["ERROR_NOT_ALLOWED_IP", "no client for (192.0.2.1)"]'), "glpi_address"),
        ((403, "application/json", '["ERROR_RIGHT_MISSING", "no"]'), "glpi_right"),
        ((403, "application/json", '{"status": "ERROR_RIGHT_MISSING", "title": "no", "detail": null}'), "glpi_right"),
        ((401, "application/json", '{"error": "invalid_client", "error_description": "no"}'), "glpi_application"),
        ((401, "application/json", '["ERROR_SESSION_TOKEN_INVALID", "no"]'), "glpi_session"),
        (
            (
                400,
                "application/json",
                '{"error": 5, "detail": [1], "additional_messages": [{"message": "x\\u001b"}, 3]}',
            ),
            "glpi_refused",
        ),
    ],
)
def test_what_a_server_says_instead_is_told_with_what_would_do(fault: Any, code: str, place: str, glpi: Glpi) -> None:
    glpi.peer.faults[place] = fault
    assert glpi.code() == code


def test_a_refused_follow_up_tells_the_right_that_is_missing(glpi: Glpi) -> None:
    words = '["ERROR_RIGHT_MISSING", "You don\'t have permission to perform this action."]'
    glpi.peer.faults["POST .*Followup"] = (403, "application/json", words)
    assert glpi.code(glpi.answer) == "glpi_right"


def test_a_session_that_cannot_be_closed_spoils_nothing(legacy: Glpi) -> None:
    legacy.peer.faults["killSession"] = HTML
    assert legacy.read().ticket == TICKET


@pytest.mark.parametrize(("api", "name"), [("legacy", "user_token"), ("v2", "password"), ("v2", "client_secret")])
def test_a_wrong_secret_is_told_and_not_repeated(api: str, name: str, peer: GlpiPeer, authority: Authority) -> None:
    glpi = Glpi(peer, api, authority)
    glpi.more[name] = "wrong-of-the-test"
    assert glpi.code() == "glpi_login"


def test_a_wrong_application_token_is_told(legacy: Glpi) -> None:
    legacy.more["app_token"] = "other"
    assert legacy.code() == "glpi_application"


@pytest.mark.parametrize("token", ["a b\r\nX-Evil: 1", "jeton é", "\0"])
def test_a_token_that_would_break_its_header_is_never_sent(token: str, legacy: Glpi) -> None:
    legacy.more["user_token"] = token
    assert legacy.code() == "glpi_token"
    assert legacy.peer.asked == []


def test_a_glpi_that_does_not_answer_is_told(glpi: Glpi) -> None:
    glpi.peer.delay = 3
    glpi.more["timeout"] = 1.0
    assert glpi.code() == "glpi_network"


def test_a_glpi_that_is_not_there_is_told(glpi: Glpi) -> None:
    glpi.more["url"] = "https://localhost:1"
    assert glpi.code() == "glpi_network"


def test_no_token_is_sent_to_a_server_that_we_do_not_trust(glpi: Glpi, tmp_path: Path) -> None:
    glpi.more["ca_file"] = str(Authority(tmp_path, "stranger").file)
    assert glpi.code() == "glpi_tls"
    assert glpi.peer.asked == []


def test_no_token_is_sent_to_a_server_of_another_name(authority: Authority) -> None:
    context: ssl.SSLContext = authority.context(["glpi.univ.example"])
    with GlpiPeer(context) as other:
        glpi = Glpi(other, "legacy", authority)
        assert glpi.code() == "glpi_tls"
        assert other.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "localhost",
        "",
        "https://",
        "https://svc:svc-password@localhost/",
        "https://localhost/?x=1",
        "https://[",
        "https://a b/",
        "ftp://x",
        "https://h:99999999",
        "https://glpi.univ.example/é",
        "https://é.example",
        "https://a..b/",
    ],
)
def test_an_address_that_is_not_plain_https_is_refused_and_its_password_not_shown(url: str, glpi: Glpi) -> None:
    glpi.more["url"] = url
    assert glpi.code() == "glpi_url"


@pytest.mark.parametrize("ending", ["", "/", "/apirest.php", "/apirest.php/", "/api.php", "/api.php/v2/"])
def test_the_address_of_an_api_will_do_too(ending: str, glpi: Glpi) -> None:
    glpi.more["url"] = glpi.peer.url + ending
    assert glpi.read().ticket == TICKET


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("ca_file", "/nowhere.pem", "glpi_ca"),
        ("ca_file", __file__, "glpi_ca"),
        ("labels", {"requester": "Demandeur"}, "glpi_labels"),
        ("labels", {"machine": []}, "glpi_labels"),
        ("labels", {"machine": [5]}, "glpi_labels"),
        ("people", {"zobrien": None}, "glpi_people"),
        ("timeout", 0.0, "glpi_timeout"),
    ],
)
def test_an_argument_of_no_use_is_told_before_anything_is_sent(name: str, value: Any, code: str, glpi: Glpi) -> None:
    glpi.more[name] = value
    assert glpi.code() == code
    assert glpi.peer.asked == []


@pytest.mark.parametrize(("api", "name"), [("legacy", "user_token"), ("v2", "client_id"), ("v2", "password")])
def test_what_is_missing_to_log_in_is_named(api: str, name: str, peer: GlpiPeer, authority: Authority) -> None:
    glpi = Glpi(peer, api, authority)
    glpi.more[name] = None
    assert glpi.code() == "glpi_missing"


def test_our_account_is_who_the_session_says(legacy: Glpi) -> None:
    legacy.answer()
    assert {followup["users_id"] for followup in legacy.peer.followups} == {ME}
    legacy.peer.faults["initSession"] = (200, "application/json", '{"session_token": "t", "session": {}}')
    assert legacy.code() == "glpi_unexpected"
