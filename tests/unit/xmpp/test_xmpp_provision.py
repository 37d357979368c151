"""Works done for people by each of the three ways, on servers that do as they should, or not."""

from __future__ import annotations

import ast
import json
import re
import ssl
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.ejabberd_api import Api
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.problems import WRITING
from ansible.module_utils.xmpp.provision import Means, Pacing, provision
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.work import Call, Declined, Done, Features, Person, Presence, Query, Step, Work
from xmpp_certificates import DOMAIN, Authority
from xmpp_peer import Peer, honest, stream_error
from xmpp_people_peer import PRIVATE_ONLY, ROSTER_ONLY, ApiServer, PeopleServer, error

ROSTER = "<query xmlns='jabber:iq:roster'/>"
PRIVATE = "<query xmlns='jabber:iq:private'><x xmlns='x'/></query>"


def query(payload: str = ROSTER, kind: Any = "get") -> Work:
    """A work of one question, which notes the answer's first element."""

    def work(person: Person) -> Generator[Step, Any, None]:
        answer = yield Query(kind, payload, "trying")
        person.changes.append("asked")
        person.after = next((child.tag for child in answer), "")

    return work


def call(command: str = "get_roster", writes: bool = False) -> Work:
    def work(person: Person) -> Generator[Step, Any, None]:
        person.after = json.dumps((yield Call(command, {"more": 1}, writes)))
        person.changes.append("called")

    return work


def account(name: str, port: int | None = None, password: str | None = None, domain: str = DOMAIN) -> Account:
    return Account(bare_jid(f"{name}@{domain}"), password, "127.0.0.1" if port else None, port)


def verdicts(done: Sequence[Done]) -> list[str]:
    return [one.result.verdict for one in done]


def record(done: Done) -> Person:
    assert done.person is not None
    return done.person


def with_privilege(
    server: PeopleServer, campaign: Campaign, works: dict[str, Work], *, right: bool = True, dry: bool = False
) -> list[Done]:
    with Peer(server) as peer:
        means = Means(service=account("svc", peer.port, "right" if right else "wrong"))
        return provision([(account(name), work) for name, work in works.items()], means, campaign, dry=dry)


def contacts(to: str, kind: str, payload: str) -> str:
    return "<query xmlns='jabber:iq:roster'/>" if "roster" in payload else "<query xmlns='jabber:iq:private'/>"


def people(count: int, work: Work) -> dict[str, Work]:
    return {f"u{number}": work for number in range(count)}


# Privileges


def test_one_stream_serves_everybody_in_their_own_names(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = PeopleServer(good, contacts)
    done = with_privilege(server, campaign, people(50, query()) | {"p": query(PRIVATE, "set")})
    assert verdicts(done) == ["in_place"] * 51
    assert [str(one.result.jid) for one in done] == [f"u{n}@{DOMAIN}" for n in range(50)] + [f"p@{DOMAIN}"]
    assert record(done[0]).after == "{jabber:iq:roster}query"
    assert record(done[-1]).after == "{jabber:iq:private}query"
    assert {(to, kind) for to, kind, _ in server.asked} == {(f"u{n}@{DOMAIN}", "get") for n in range(50)} | {
        (f"p@{DOMAIN}", "set")
    }
    assert 1 < server.most <= 20


def test_the_service_account_is_present_without_taking_messages(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = PeopleServer(good, contacts)
    verdicts(with_privilege(server, campaign, people(1, query())))
    assert server.presences == ["<presence><priority>-1</priority></presence>"]


@pytest.mark.parametrize(
    ("granted", "question", "verdict"),
    [
        (ROSTER_ONLY, (ROSTER, "set"), "in_place"),
        (ROSTER_ONLY, (PRIVATE, "get"), "privilege_missing"),
        (PRIVATE_ONLY, (PRIVATE, "get"), "in_place"),
        (PRIVATE_ONLY, (ROSTER, "get"), "privilege_missing"),
        (ROSTER_ONLY.replace("both", "get"), (ROSTER, "get"), "in_place"),
        (ROSTER_ONLY.replace("both", "get"), (ROSTER, "set"), "privilege_missing"),
        (PRIVATE_ONLY.replace("both", "set"), (PRIVATE, "get"), "privilege_missing"),
        (PRIVATE_ONLY.replace("jabber:iq:private", "jabber:iq:roster"), (ROSTER, "set"), "in_place"),
        (ROSTER_ONLY.replace("both", "everything"), (ROSTER, "get"), "privilege_missing"),
        ("", (ROSTER, "get"), "privilege_missing"),
        (None, (ROSTER, "get"), "privilege_missing"),
    ],
)
def test_nothing_is_asked_that_is_not_granted(
    granted: str | None, question: tuple[str, str], verdict: str, good: ssl.SSLContext, campaign: Campaign
) -> None:
    payload, kind = question
    server = PeopleServer(good, contacts, granted)
    done = with_privilege(server, campaign, {"a": query(payload, kind)})
    assert verdicts(done) == [verdict]
    assert len(server.asked) == (verdict == "in_place")
    if verdict == "privilege_missing":
        namespace = "jabber:iq:roster" if payload == ROSTER else "jabber:iq:private"
        assert f"svc@{DOMAIN} may not {kind} {namespace} for others; granted: " in done[0].result.detail


def test_a_no_about_one_account_is_that_accounts_verdict_only(good: ssl.SSLContext, campaign: Campaign) -> None:
    def answers(to: str, kind: str, payload: str) -> str:
        return error("forbidden", "no such user") if to.startswith("ghost") else contacts(to, kind, payload)

    works = {"a": query(PRIVATE), "ghost": query(PRIVATE), "ghost2": query(), "b": query()}
    done = with_privilege(PeopleServer(good, answers), campaign, works)
    assert verdicts(done) == ["in_place", "declined", "declined", "in_place"]
    assert done[1].result.detail == "forbidden: no such user (trying)"


def test_an_account_that_is_never_answered_holds_up_nobody(good: ssl.SSLContext, campaign: Campaign) -> None:
    def answers(to: str, kind: str, payload: str) -> str | None:
        return None if to.startswith("silent") else contacts(to, kind, payload)

    quick = Campaign(campaign.trust, campaign.resolver, timeout=1)
    works = {f"silent{n}": query() for n in range(25)} | people(40, query())
    done = with_privilege(PeopleServer(good, answers), quick, works)
    assert verdicts(done) == ["timeout"] * 25 + ["in_place"] * 40
    assert done[0].result.detail == "no answer in time (trying)"


def test_a_work_may_take_a_no_for_an_answer(good: ssl.SSLContext, campaign: Campaign) -> None:
    def work(person: Person) -> Generator[Step, Any, None]:
        try:
            yield Query("get", "<query xmlns='never:granted'/>", "trying")
        except Declined as declined:
            person.changes.append(declined.code)
        try:
            yield Query("get", PRIVATE, "trying")
        except Declined as declined:
            person.changes.append(declined.condition)
        person.changes.append(" ".join((yield Features())))

    server = PeopleServer(good, lambda *_: error("item-not-found"))
    (done,) = with_privilege(server, campaign, {"a": work})
    assert verdicts([done]) == ["in_place"]
    assert record(done).changes == ["privilege_missing", "item-not-found", "urn:xmpp:bookmarks:1#compat"]


def test_features_that_are_not_told_are_a_no(good: ssl.SSLContext, campaign: Campaign) -> None:
    def work(person: Person) -> Generator[Step, Any, None]:
        yield Features()

    server = PeopleServer(good, contacts)
    server.features = ""
    assert verdicts(with_privilege(server, campaign, {"a": work, "b": query()})) == ["declined", "in_place"]


def test_an_answer_without_the_wrapped_one_is_not_believed(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = PeopleServer(good, contacts)
    server.wrapping = False
    assert verdicts(with_privilege(server, campaign, {"a": query(PRIVATE), "b": query()})) == ["protocol", "in_place"]


@pytest.mark.parametrize("last_words", [stream_error("system-shutdown"), "</stream:stream>"])
def test_what_was_done_before_the_stream_broke_is_kept(
    last_words: str, good: ssl.SSLContext, campaign: Campaign
) -> None:
    def work(person: Person) -> Generator[Step, Any, None]:
        yield Query("get", ROSTER, "trying")
        person.changes.append("first")
        yield Query("get", ROSTER, "trying")

    server = PeopleServer(good, contacts)
    server.stop_after, server.last_words = 30, last_words
    done = with_privilege(server, campaign, people(60, work))
    counted = verdicts(done)
    assert counted == sorted(counted) and set(counted) == {"in_place", "service_failed"}
    broken = next(one for one in done if one.result.verdict == "service_failed")
    assert record(broken).changes == ["first"], "what was written before is told"
    assert re.match("stream_system_shutdown|connection_lost", broken.result.detail)
    assert done[-1].person is None, "never begun"


def test_a_service_account_that_cannot_log_in_says_nothing_about_the_people(
    good: ssl.SSLContext, campaign: Campaign
) -> None:
    server = PeopleServer(good, contacts)
    done = with_privilege(server, campaign, people(3, query()), right=False)
    assert verdicts(done) == ["service_failed"] * 3
    assert done[0].result.detail.startswith("auth_failed")


def test_people_without_any_way_are_told_so(good: ssl.SSLContext, campaign: Campaign) -> None:
    with Peer(PeopleServer(good, contacts)) as peer:
        wishes = [(account("a", domain="other.example"), query()), (account("b"), query())]
        done = provision(wishes, Means(service=account("svc", peer.port, "right")), campaign)
    assert verdicts(done) == ["no_way", "in_place"]
    assert done[0].result.detail == f"svc@{DOMAIN} writes for accounts of {DOMAIN} only"
    assert verdicts(provision([(account("a"), query())], Means(), campaign)) == ["no_way"]
    assert provision([], Means(), campaign) == []


# Check mode


@pytest.mark.parametrize("step", [Query("set", ROSTER, "x"), Presence("subscribe", bare_jid("b@b.example"))])
def test_a_work_that_would_write_in_check_mode_is_stopped(step: Step, good: ssl.SSLContext, campaign: Campaign) -> None:
    def work(person: Person) -> Generator[Step, Any, None]:
        yield step

    server = PeopleServer(good, contacts)
    with pytest.raises(RuntimeError, match="in check mode"):
        with_privilege(server, campaign, {"a": work}, dry=True)
    with Peer(server) as peer, pytest.raises(RuntimeError, match="in check mode"):
        provision([(account("a", peer.port, "right"), work)], Means(), campaign, dry=True)
    assert server.asked == []


# The person's own stream


def own(server: PeopleServer, campaign: Campaign, work: Work) -> Done:
    with Peer(server) as peer:
        (done,) = provision([(account("alice", peer.port, "right"), work)], Means(), campaign)
    return done


def test_a_persons_own_stream_sends_no_presence_but_the_directed_one(good: ssl.SSLContext, campaign: Campaign) -> None:
    def work(person: Person) -> Generator[Step, Any, None]:
        yield Query("get", ROSTER, "trying")
        person.changes.append(" ".join((yield Features())))
        person.changes.append(" ".join((yield Features())))
        yield Presence("subscribe", bare_jid("b@b.example"), "I & <you>")
        yield Presence("subscribe", bare_jid("c@b.example"))

    server = PeopleServer(good, contacts)
    done = own(server, campaign, work)
    assert verdicts([done]) == ["in_place"]
    assert record(done).changes == ["urn:xmpp:bookmarks:1#compat"] * 2
    assert [to for to, _, _ in server.asked] == [f"alice@{DOMAIN}"]
    assert server.presences == [
        """<presence to="b@b.example" type='subscribe'><status>I &amp; &lt;you&gt;</status></presence>""",
        """<presence to="c@b.example" type='subscribe'></presence>""",
    ]


def test_a_no_on_a_persons_own_stream_is_declined(good: ssl.SSLContext, campaign: Campaign) -> None:
    done = own(PeopleServer(good, lambda *_: error("not-allowed")), campaign, query())
    assert verdicts([done]) == ["declined"]
    assert done.result.detail == "not-allowed (trying)"


def test_a_persons_own_password_comes_before_other_means(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = PeopleServer(good, contacts)
    with Peer(server) as peer:
        means = Means(service=account("svc", peer.port, "right"))
        done = provision([(account("a", peer.port, "right"), query()), (account("b"), query())], means, campaign)
    assert verdicts(done) == ["in_place"] * 2
    assert [record(one).way for one in done] == ["password", "privilege"]


def test_wrong_passwords_stop_the_run_and_a_declined_work_does_not(good: ssl.SSLContext, campaign: Campaign) -> None:
    with Peer(honest(good, {"alice": "other"})) as peer:
        wishes = [(account(f"u{n}", peer.port, "wrong"), query()) for n in range(5)]
        done = provision(wishes, Means(), campaign, pacing=Pacing(workers=1, rate=0, max_failures=2))
    assert verdicts(done) == ["auth_failed"] * 2 + ["not_checked"] * 3
    with Peer(PeopleServer(good, lambda *_: error("not-allowed"))) as peer:
        wishes = [(account(f"u{n}", peer.port, "right"), query()) for n in range(5)]
        done = provision(wishes, Means(), campaign, pacing=Pacing(workers=2, rate=0, max_failures=2))
    assert verdicts(done) == ["declined"] * 5


# ejabberd's API


def by_api(
    server: ApiServer, campaign: Campaign, works: dict[str, Work], *, timeout: float = 10, dry: bool = False
) -> list[Done]:
    with server:
        api = Api(DOMAIN, server.port, "/api", bare_jid(f"svc@{DOMAIN}"), "pass:word", "127.0.0.1")
        patient = Campaign(campaign.trust, campaign.resolver, timeout)
        return provision([(account(n), w) for n, w in works.items()], Means(api=api), patient, dry=dry)


def answering(status: int, content: Any) -> Any:
    """An API that knows each account and answers every other command like this."""
    return lambda command, arguments: (200, 0) if command == "check_account" else (status, content)


def test_the_api_is_called_over_one_connection_with_user_and_host(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = ApiServer(good, answering(200, ["é"]))
    done = by_api(server, campaign, people(5, call()))
    assert verdicts(done) == ["in_place"] * 5
    assert record(done[0]).after == json.dumps(["é"])
    assert server.called[:2] == [
        ("check_account", {"user": "u0", "host": DOMAIN}),
        ("get_roster", {"user": "u0", "host": DOMAIN, "more": 1}),
    ]
    assert server.connections == 1
    assert server.authorization == f"svc@{DOMAIN}:pass:word"


def test_a_kept_connection_that_the_server_closed_is_opened_again(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = ApiServer(good, answering(200, []))
    server.drop_after = 3
    done = by_api(server, campaign, people(5, call()))
    assert verdicts(done) == ["in_place"] * 5, done
    assert server.connections == 4


def test_an_account_that_the_api_does_not_know_is_absent_and_not_written(
    good: ssl.SSLContext, campaign: Campaign
) -> None:
    server = ApiServer(good, lambda command, arguments: (200, 1) if command == "check_account" else (200, 0))
    assert verdicts(by_api(server, campaign, people(2, call(writes=True)))) == ["absent"] * 2
    assert {command for command, _ in server.called} == {"check_account"}


REFUSAL = {"status": "error", "code": 32, "message": "AccessRules: Account does not have the right\n"}


@pytest.mark.parametrize(
    ("answer", "verdict", "told"),
    [
        ((403, REFUSAL), "api_denied", f"Account does not have the right (calling get_roster as svc@{DOMAIN})"),
        ((404, {"status": "error", "code": 44, "message": "Endpoint not found."}), "declined", "404: Endpoint"),
        ((500, {"status": "error", "message": "oops"}), "declined", "500: oops"),
        ((500, "internal_error"), "declined", "500: internal_error"),
        ((400, "error_no_value_found_in_vcard"), "declined", "400: error_no_value_found_in_vcard"),
        ((400, b"Invalid value"), "declined", "400 (calling get_roster)"),
        ((401, {"status": "error", "message": "not authorized"}), "service_failed", "api_denied"),
        ((401, b""), "service_failed", "HTTP 401"),
        ((500, b"<html>"), "service_failed", "api_error: HTTP 500 and no JSON"),
        ((302, b""), "service_failed", "api_error: HTTP 302"),
        ((200, b""), "service_failed", "api_error: HTTP 200 and no JSON"),
        ((200, b"[" * 1_000_000), "service_failed", "api_error"),
        ((200, b" " * (17 << 20)), "service_failed", "octets in answer to get_roster"),
    ],
)
def test_what_the_api_answers_badly_has_its_verdict(
    answer: tuple[int, Any], verdict: str, told: str, good: ssl.SSLContext, campaign: Campaign
) -> None:
    done = by_api(ApiServer(good, answering(*answer)), campaign, people(2, call()))
    assert verdicts(done) == [verdict] * 2
    assert told in done[0].result.detail
    assert (done[1].person is None) is (verdict == "service_failed"), "the rest is left in peace only when all failed"
    assert "pass:word" not in repr(done)


def test_a_trickling_answer_does_not_hold_us_for_ever(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = ApiServer(good, answering(200, b" " * 500 + b"[]"))
    server.trickle = 0.05
    (done,) = by_api(server, campaign, {"a": call()}, timeout=2)
    assert verdicts([done]) == ["service_failed"]
    assert done.result.detail.startswith("timeout")


def test_an_api_with_a_certificate_of_somebody_else_gets_no_password(
    authority: Authority, stranger: Authority, campaign: Campaign
) -> None:
    for context, reason in (
        (stranger.context([DOMAIN]), "tls_untrusted"),
        (authority.context(["other.example"]), "tls_name_mismatch"),
    ):
        server = ApiServer(context, answering(200, []))
        (done,) = by_api(server, campaign, {"a": call()})
        assert verdicts([done]) == ["service_failed"]
        assert done.result.detail.startswith(reason)
        assert server.authorization == ""


def test_an_api_that_is_not_there_or_no_api_is_told(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = ApiServer(good, answering(200, []))
    with server:
        port = server.port
    api = Api(DOMAIN, port, "/api", bare_jid(f"svc@{DOMAIN}"), "x", "127.0.0.1")
    (done,) = provision([(account("a"), call())], Means(api=api), campaign)
    assert verdicts([done]) == ["service_failed"]
    assert done.result.detail.startswith("refused: ")


def test_a_work_that_would_write_by_the_api_in_check_mode_is_stopped(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = ApiServer(good, answering(200, 0))
    with pytest.raises(RuntimeError, match="in check mode"):
        by_api(server, campaign, {"a": call(writes=True)}, dry=True)
    assert [command for command, _ in server.called] == ["check_account"]


@pytest.mark.parametrize("way", ["privilege", "own", "api"])
def test_a_step_of_another_way_is_a_mistake_of_the_program(way: str, good: ssl.SSLContext, campaign: Campaign) -> None:
    with pytest.raises(TypeError, match="no step of"):
        if way == "privilege":
            with_privilege(PeopleServer(good, contacts), campaign, {"a": call()})
        elif way == "own":
            own(PeopleServer(good, contacts), campaign, call())
        else:
            by_api(ApiServer(good, answering(200, [])), campaign, {"a": query()})


def test_each_verdict_that_only_writing_gives_is_expected_here() -> None:
    # What the tests say, not what they saw: pytest-xdist may deal them out to several processes.
    said = {
        node.value for node in ast.walk(ast.parse(Path(__file__).read_text("utf-8"))) if isinstance(node, ast.Constant)
    }
    # api_error comes as the reason of service_failed; not_written is a work's own.
    assert WRITING - {"api_error", "not_written"} <= said
