"""Our client against the lab's real Prosody, and against the judgement of another client."""

from __future__ import annotations

from functools import partial

import pytest
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.existence import check_existence
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.logins import check_logins, try_login
from ansible.module_utils.xmpp.resolve import Resolver
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from slixmpp_oracle import outcome
from xmpp_lab_server import HOST, LabServer

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("tls", ["starttls", "direct"])
def test_every_account_of_the_lab_works(tls: str, server: LabServer, campaign: Campaign) -> None:
    accounts = [server.account(name, tls=tls) for name in [*server.people, server.admin]]
    results = check_logins(accounts, partial(try_login, campaign=campaign))
    assert [(str(r.jid), r.verdict) for r in results] == [(str(a.jid), "ok") for a in accounts]


def test_a_wrong_password_and_an_unknown_account_are_told_apart_as_far_as_the_server_does(
    server: LabServer, campaign: Campaign
) -> None:
    wrong = try_login(server.account(server.people[0], "wrong"), campaign)
    unknown = try_login(server.account("nobody-at-all", "wrong"), campaign)
    assert (wrong.verdict, unknown.verdict) == ("auth_failed", "auth_failed")
    assert "probably does not exist" not in wrong.detail
    assert "probably does not exist" in unknown.detail


def test_the_systems_authorities_do_not_vouch_for_the_lab(server: LabServer) -> None:
    result = try_login(server.account(server.people[0]), Campaign(Trust(), Resolver()))
    assert result.verdict == "tls_untrusted"


def test_a_domain_that_the_server_does_not_serve_is_told(server: LabServer, campaign: Campaign) -> None:
    result = try_login(Account(bare_jid("alice@other.example"), "x", HOST, server.starttls), campaign)
    assert result.verdict == "stream_host_unknown"


def test_a_port_of_the_other_tls_mode_is_told(server: LabServer, campaign: Campaign) -> None:
    name = server.people[0]
    assert try_login(server.account(name, tls="direct", port=server.starttls), campaign).verdict == "tls_error"
    assert try_login(server.account(name, port=server.direct), campaign).verdict in ("connection_lost", "not_xmpp")


def test_the_administrator_knows_who_exists(server: LabServer, campaign: Campaign) -> None:
    names = [*server.people, *(f"nobody-{n}" for n in range(100)), server.admin]
    existence = check_existence(
        [bare_jid(f"{name}@{server.domain}") for name in names], server.account(server.admin), campaign
    )
    assert existence.admin.verdict == "ok"
    verdicts = {str(r.jid.local): r.verdict for r in existence.accounts}
    assert verdicts == {name: "absent" if name.startswith("nobody-") else "exists" for name in names}


def test_an_ordinary_account_cannot_tell_who_exists(server: LabServer, campaign: Campaign) -> None:
    jids = [bare_jid(f"{name}@{server.domain}") for name in (server.people[1], "nobody")]
    existence = check_existence(jids, server.account(server.people[0]), campaign)
    assert existence.admin.verdict == "ok"
    assert [r.verdict for r in existence.accounts] == ["unknown", "unknown"]


def test_slixmpp_comes_to_the_same_judgement(server: LabServer, campaign: Campaign) -> None:
    name = server.people[0]
    strangers = Campaign(Trust(), Resolver())
    cases = [
        (server.account(name), campaign, "ok"),
        (server.account(name, tls="direct"), campaign, "ok"),
        (server.account(server.admin), campaign, "ok"),
        (server.account(name, "wrong"), campaign, "auth_failed"),
        (server.account("nobody-at-all", "wrong"), campaign, "auth_failed"),
        (server.account(name), strangers, "tls_untrusted"),
        (Account(bare_jid("a@other.example"), "x", HOST, server.starttls), campaign, "stream_host_unknown"),
    ]
    for account, how, verdict in cases:
        assert try_login(account, how).verdict == verdict
        assert outcome(account, how.trust) == verdict
