"""Which accounts exist, asked over a real socket to servers that answer as Prosody, as ejabberd, or badly."""

from __future__ import annotations

import ssl

import pytest
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.existence import Existence, check_existence
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.session import Campaign
from xmpp_admin_peer import (
    LIST,
    STATS,
    USERS,
    AdminServer,
    DisablingServer,
    as_ejabberd,
    as_prosody,
    completed,
    error,
    form,
)
from xmpp_certificates import DOMAIN
from xmpp_peer import SASL, Link, Peer, failure, stream_error


def ask(server: AdminServer, campaign: Campaign, *names: str, password: str = "right") -> Existence:  # noqa: S107 - a test's
    with Peer(server) as peer:
        admin = Account(bare_jid(f"svc-check@{DOMAIN}"), password, "127.0.0.1", peer.port)
        jids = [bare_jid(name if "@" in name else f"{name}@{DOMAIN}") for name in names]
        return check_existence(jids, admin, campaign)


def verdicts(existence: Existence) -> list[str]:
    return [result.verdict for result in existence.accounts]


def test_prosodys_statistics_tell_who_exists(good: ssl.SSLContext, campaign: Campaign) -> None:
    existence = ask(AdminServer(good, (STATS,), as_prosody), campaign, "alice", "ghost", "bob", "user", "does")
    assert existence.admin.verdict == "ok"
    assert verdicts(existence) == ["exists", "absent", "exists", "exists", "absent"]
    assert [str(r.jid) for r in existence.accounts][:2] == [f"alice@{DOMAIN}", f"ghost@{DOMAIN}"]


def test_ejabberds_list_tells_who_exists_in_one_question(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = AdminServer(good, (STATS, LIST), as_ejabberd)
    assert verdicts(ask(server, campaign, "alice", "ghost", "svc-check")) == ["exists", "absent", "exists"]
    assert server.asked == [""]


def test_statistics_that_are_the_same_for_anybody_tell_nothing(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = AdminServer(good, (STATS,), as_ejabberd)
    existence = ask(server, campaign, "alice", "ghost")
    assert verdicts(existence) == ["unknown", "unknown"]
    assert "does not differ" in existence.accounts[0].detail
    assert len(server.asked) == 2, "only the calibration"


def test_a_list_without_the_administrator_is_not_believed(good: ssl.SSLContext, campaign: Campaign) -> None:
    def answers(node: str, user: str) -> str:
        return completed(form(("registereduserjids", f"alice@{DOMAIN}"))) if node == LIST else as_prosody(node, user)

    assert verdicts(ask(AdminServer(good, (LIST,), answers), campaign, "alice", "bob")) == ["unknown", "unknown"]
    assert verdicts(ask(AdminServer(good, (LIST, STATS), answers), campaign, "alice", "bob")) == ["exists", "exists"]


@pytest.mark.parametrize(
    "refusal",
    [
        error("forbidden"),
        error("service-unavailable"),
        error("item-not-found"),
        "<command xmlns='http://jabber.org/protocol/commands' status='executing'/>",
        completed("<note type='info'>busy</note>"),
        "",
    ],
)
@pytest.mark.parametrize("offered", [(LIST,), (STATS,), (LIST, STATS)])
def test_an_error_is_never_taken_for_an_absence(
    refusal: str, offered: tuple[str, ...], good: ssl.SSLContext, campaign: Campaign
) -> None:
    existence = ask(AdminServer(good, offered, lambda node, user: refusal), campaign, "alice", "ghost")
    assert verdicts(existence) == ["unknown", "unknown"]
    assert existence.accounts[0].detail


@pytest.mark.parametrize(
    "odd", [error("internal-server-error"), completed("<note type='error'>Database is locked</note>"), completed("")]
)
def test_one_odd_answer_leaves_one_account_unknown(odd: str, good: ssl.SSLContext, campaign: Campaign) -> None:
    def answers(node: str, user: str) -> str:
        return odd if user == "ghost" else as_prosody(node, user)

    existence = ask(AdminServer(good, (STATS,), answers), campaign, "alice", "ghost", "phantom")
    assert verdicts(existence) == ["exists", "unknown", "absent"]


def test_a_note_that_names_the_account_is_recognized(good: ssl.SSLContext, campaign: Campaign) -> None:
    def answers(node: str, user: str) -> str:
        return (
            as_prosody(node, user)
            if user in USERS
            else completed(f"<note type='error'>{user}@{DOMAIN}: no such user {user}</note>")
        )

    assert verdicts(ask(AdminServer(good, (STATS,), answers), campaign, "ghost", "alice")) == ["absent", "exists"]


def test_an_account_that_is_no_administrator_is_told(good: ssl.SSLContext, campaign: Campaign) -> None:
    existence = ask(AdminServer(good, (), as_prosody), campaign, "alice")
    assert verdicts(existence) == ["unknown"]
    assert "is it an administrator?" in existence.accounts[0].detail


def test_a_server_that_lists_no_commands_is_told(good: ssl.SSLContext, campaign: Campaign) -> None:
    class Mute(AdminServer):  # type: ignore[misc] # mypy knows no helper beside the tests
        def _answer(self, payload: str) -> str:
            return error("service-unavailable")

    existence = ask(Mute(good, (), as_prosody), campaign, "alice")
    assert verdicts(existence) == ["unknown"]
    assert "service-unavailable" in existence.accounts[0].detail


def test_accounts_of_another_domain_are_unknown(good: ssl.SSLContext, campaign: Campaign) -> None:
    existence = ask(AdminServer(good, (STATS,), as_prosody), campaign, "alice", "alice@other.example")
    assert verdicts(existence) == ["exists", "unknown"]


def test_an_administrator_with_a_wrong_password_says_nothing_about_the_others(
    good: ssl.SSLContext, campaign: Campaign
) -> None:
    existence = ask(AdminServer(good, (STATS,), as_prosody), campaign, "alice", "ghost", password="wrong")
    assert existence.admin.verdict == "auth_failed"
    assert verdicts(existence) == ["admin_failed"] * 2
    assert existence.accounts[0].detail.startswith("auth_failed")


@pytest.mark.parametrize(
    ("last_words", "verdict"),
    [(stream_error("system-shutdown"), "stream_system_shutdown"), ("</stream:stream>", "connection_lost")],
)
def test_what_was_answered_before_the_stream_broke_is_kept(
    last_words: str, verdict: str, good: ssl.SSLContext, campaign: Campaign
) -> None:
    server = AdminServer(good, (STATS,), as_prosody)
    server.stop_after, server.last_words = 2 + 3, last_words
    existence = ask(server, campaign, "alice", "ghost", "bob", *(f"u{n}" for n in range(50)))
    assert existence.admin.verdict == verdict
    assert verdicts(existence) == ["exists", "absent", "exists"] + ["admin_failed"] * 50


def test_an_answer_from_somebody_else_does_not_count(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = AdminServer(good, (STATS,), as_prosody)
    server.sender = "mallory@univ.example"
    existence = ask(server, Campaign(campaign.trust, campaign.resolver, timeout=2), "alice")
    assert existence.admin.verdict == "timeout"
    assert verdicts(existence) == ["admin_failed"]


def test_requests_and_messages_in_between_are_declined_and_ignored(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = AdminServer(good, (STATS,), as_prosody)
    server.before_each = (
        "<message from='x@univ.example'><body>hello</body></message>"
        "<iq type='get' id=\"it's\" from='univ.example'><ping xmlns='urn:xmpp:ping'/></iq>"
    )
    with Peer(server) as peer:
        admin = Account(bare_jid(f"svc-check@{DOMAIN}"), "right", "127.0.0.1", peer.port)
        existence = check_existence([bare_jid(f"u{n}@{DOMAIN}") for n in range(30)], admin, campaign)
    assert verdicts(existence) == ["absent"] * 30
    assert b"""<iq type='error' id="it's" to="univ.example">""" in peer.heard()


@pytest.mark.parametrize("window", [1, 7])
def test_no_more_questions_are_under_way_than_the_window_allows(
    window: int, good: ssl.SSLContext, campaign: Campaign
) -> None:
    class Counting(AdminServer):  # type: ignore[misc] # mypy knows no helper beside the tests
        """Notes how many questions had come when it answered one."""

        most = 0

        def _reply(self, link: Link, ident: str, inside: str) -> None:
            self.most = max(self.most, 1 + link.unread().count(b"<iq type='set'"))
            super()._reply(link, ident, inside)

    server = Counting(good, (STATS,), as_prosody)
    with Peer(server) as peer:
        admin = Account(bare_jid(f"svc-check@{DOMAIN}"), "right", "127.0.0.1", peer.port)
        jids = [bare_jid(f"u{n}@{DOMAIN}") for n in range(60)]
        existence = check_existence(jids, admin, campaign, window=window)
    assert verdicts(existence) == ["absent"] * 60
    assert server.most == window


DISABLED = failure("account-disabled")


def test_a_disabled_account_is_told_from_one_that_may_log_in(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = DisablingServer(good, {"alice": DISABLED})
    existence = ask(server, campaign, "alice", "ghost", "bob")
    assert verdicts(existence) == ["account_disabled", "absent", "exists"]
    assert [one.detail for one in existence.accounts][2] == ""
    assert len(server.connections) == 2, "one for the administrator's questions, one for all accounts that exist"


def test_no_password_is_proven_where_it_is_asked_who_is_disabled(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = DisablingServer(good, {"alice": DISABLED})
    with Peer(server) as peer:
        admin = Account(bare_jid(f"svc-check@{DOMAIN}"), "right", "127.0.0.1", peer.port)
        check_existence([bare_jid(f"{name}@{DOMAIN}") for name in ("alice", "bob")], admin, campaign)
        (first, second) = peer.links
    assert b"<response" in first.heard
    assert b"<response" not in second.heard
    assert second.heard.count(b"<auth ") == 2
    assert second.heard.count(b"<abort ") == 1


def test_a_server_that_disables_no_accounts_is_not_asked(good: ssl.SSLContext, campaign: Campaign) -> None:
    server = AdminServer(good, (STATS,), as_prosody)
    with Peer(server) as peer:
        admin = Account(bare_jid(f"svc-check@{DOMAIN}"), "right", "127.0.0.1", peer.port)
        check_existence([bare_jid(f"alice@{DOMAIN}")], admin, campaign)
        assert len(peer.links) == 1


@pytest.mark.parametrize("refusal", [failure("not-authorized"), failure("temporary-auth-failure"), failure("aborted")])
def test_another_refusal_is_not_taken_for_a_disabled_account(
    refusal: str, good: ssl.SSLContext, campaign: Campaign
) -> None:
    existence = ask(DisablingServer(good, {"alice": refusal}), campaign, "alice", "bob")
    assert verdicts(existence) == ["exists", "exists"]


@pytest.mark.parametrize(
    "trouble", [f"<success xmlns='{SASL}'/>", stream_error("policy-violation"), "</stream:stream>"]
)
def test_trouble_while_asking_who_is_disabled_leaves_what_is_known(
    trouble: str, good: ssl.SSLContext, campaign: Campaign
) -> None:
    server = DisablingServer(good, {"alice": DISABLED})
    server.to_abort = trouble
    existence = ask(server, campaign, "alice", "bob", "user")
    assert verdicts(existence) == ["account_disabled", "exists", "exists"]
    assert existence.accounts[2].detail.startswith("whether it is disabled could not be asked")
    assert existence.admin.verdict == "ok"


def test_many_accounts_are_asked_about_on_several_streams(good: ssl.SSLContext, campaign: Campaign) -> None:
    many = [f"u{number:03}" for number in range(170)]

    def answers(node: str, user: str) -> str:
        return completed(form(("rostersize", "0"))) if user in [*many, "svc-check"] else as_prosody(node, user)

    server = DisablingServer(good, {"u169": DISABLED})
    server._answers = answers
    assert verdicts(ask(server, campaign, *many)) == ["exists"] * 169 + ["account_disabled"]
    assert len(server.connections) == 1 + 4
