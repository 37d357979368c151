"""Accounts that the administrators of a server have shut out: what each way of asking says of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible.module_utils.xmpp.existence import check_existence
from ansible.module_utils.xmpp.logins import try_login
from ansible.module_utils.xmpp.session import Campaign
from lab_servers import RunningServer, lab

pytestmark = pytest.mark.lab

#: How a server's administrators shut an account out, and what a login and the question who exists then say.
#: Prosody 0.12 is not here: it has no such command, one can but change the password.
WAYS = {
    "prosody13": (("prosodyctl", "shell", "user", "disable", "{jid}"), "account_disabled", "account_disabled"),
    # ejabberd 23.01 gives the account another password, and keeps no note of why.
    "ejabberd": (("ejabberdctl", "ban_account", "{user}", "{domain}", "test"), "auth_failed", "exists"),
}


@pytest.fixture(params=WAYS)
def shut(request: pytest.FixtureRequest, servers: dict[str, RunningServer]) -> Iterator[RunningServer]:
    """A server with three extra accounts; the second one is shut out."""
    server = servers[request.param]
    lab("accounts", "3", "--server", server.name)
    words = {"jid": f"u00002@{server.domain}", "user": "u00002", "domain": server.domain}
    lab("exec", server.name, *(word.format(**words) for word in WAYS[server.name][0]))
    yield server
    lab("accounts", "0", "--server", server.name)


def test_a_login_tells_an_account_that_is_shut_out(shut: RunningServer, campaign: Campaign) -> None:
    verdicts = [try_login(shut.extra_account(number), campaign).verdict for number in (1, 2, 3)]
    assert verdicts == ["ok", WAYS[shut.name][1], "ok"]


def test_the_administrator_learns_of_it_where_the_server_keeps_it(shut: RunningServer, campaign: Campaign) -> None:
    jids = [shut.extra_account(number).jid for number in (1, 2, 3, 4)]
    existence = check_existence(jids, shut.account(shut.admin), campaign)
    assert [one.verdict for one in existence.accounts] == ["exists", WAYS[shut.name][2], "exists", "absent"]
    # Nobody's password was tried: the server counted no failed login.
    assert [one.detail for one in existence.accounts if one.verdict == "exists"] == [""] * (
        2 + (shut.name == "ejabberd")
    )


def test_prosody_0_12_cannot_disable_an_account(servers: dict[str, RunningServer], campaign: Campaign) -> None:
    server = servers["xmpp"]
    with pytest.raises(AssertionError, match=r"disable|error|Unknown"):
        lab("exec", "xmpp", "prosodyctl", "shell", "user", "disable", f"{server.people[0]}@{server.domain}")
    assert try_login(server.account(server.people[0]), campaign).verdict == "ok"
