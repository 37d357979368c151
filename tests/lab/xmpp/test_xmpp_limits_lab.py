"""Servers as Debian sets them up slow an account down and ban an address: a run ends, in time, and tells the truth."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from ansible.module_utils.xmpp.accounts import Account, Result
from ansible.module_utils.xmpp.existence import check_existence
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.logins import check_logins, try_login
from ansible.module_utils.xmpp.resolve import Resolver
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from xmpp_lab_server import LabServer

pytestmark = pytest.mark.lab

LAB = Path(__file__).resolve().parents[3] / "lab" / "lab"

#: mod_fail2ban of ejabberd: so many failures of one address within an hour ban it.
BANNED_AFTER = 20


def inside(host: str, *command: str) -> None:
    subprocess.run([LAB, "exec", host, *command], check=True, capture_output=True)


@pytest.fixture
def throttled(server: LabServer) -> Iterator[Account]:
    """An administrator as every other account: not in unlimited_jids, so 10 kB/s go in and no more."""
    name = server.people[-1]

    def give(*roles: str) -> None:
        listed = ", ".join(f'"{role}"' for role in roles)
        command = f'user:setroles("{name}@{server.domain}", "{server.domain}", {{ {listed} }})'
        inside("xmpp", "prosodyctl", "shell", command)

    give("prosody:admin")
    yield server.account(name)
    give()


def test_an_account_that_the_server_slows_down_is_waited_for_and_still_tells_who_exists(
    server: LabServer, throttled: Account
) -> None:
    names = [*server.people, server.admin, *(f"nobody-{n}" for n in range(95))]
    # 100 questions take some four seconds at this pace: more than the time for each single answer.
    campaign = Campaign(Trust(str(server.ca_file)), Resolver(), timeout=3)
    existence = check_existence([bare_jid(f"{name}@{server.domain}") for name in names], throttled, campaign)
    assert existence.admin.verdict == "ok"
    assert [r.verdict for r in existence.accounts] == ["absent" if n.startswith("nobody-") else "exists" for n in names]


@pytest.fixture
def forgiven(ejabberd: LabServer) -> Iterator[Callable[[], None]]:
    """Ejabberd has forgotten our failures, before and after the test: all tests of the lab have one address there."""

    def forgive() -> None:
        inside("ejabberd", "ejabberdctl", "unban_ip", "0.0.0.0/0")

    forgive()
    yield forgive
    forgive()


def wrong_logins(ejabberd: LabServer, campaign: Campaign, max_failures: int) -> list[Result]:
    names = [*ejabberd.people, *(f"nobody-{n}" for n in range(30))]
    accounts = [ejabberd.account(name, "wrong") for name in names]
    return check_logins(accounts, partial(try_login, campaign=campaign), rate=0, max_failures=max_failures)


@pytest.mark.usefixtures("forgiven")
def test_a_file_of_wrong_passwords_ends_before_the_ban(ejabberd: LabServer) -> None:
    campaign = Campaign(Trust(str(ejabberd.ca_file)), Resolver())
    results = wrong_logins(ejabberd, campaign, max_failures=10)
    assert Counter(r.verdict for r in results) == {"auth_failed": 10, "not_checked": 24}
    assert {r.verdict for r in results[10:]} == {"not_checked"}, "nothing is told about who was not asked"
    assert "stopped after 10 failures in a row: auth_failed" in results[-1].detail
    good = [ejabberd.account(name) for name in (*ejabberd.people, ejabberd.admin)]
    results = check_logins(good, partial(try_login, campaign=campaign))
    assert {r.verdict for r in results} == {"ok"}


def test_a_ban_is_told_with_its_end_and_nobody_else_is_asked(ejabberd: LabServer, forgiven: Callable[[], None]) -> None:
    campaign = Campaign(Trust(str(ejabberd.ca_file)), Resolver())
    results = wrong_logins(ejabberd, campaign, max_failures=100)
    verdicts = Counter(r.verdict for r in results)
    # The failure that leads to the ban may be told as the ban; four logins are under way when it begins.
    assert BANNED_AFTER - 1 <= verdicts["auth_failed"] < BANNED_AFTER + 4
    assert 1 <= verdicts["stream_policy_violation"] <= 4
    assert verdicts["not_checked"] == len(results) - verdicts["auth_failed"] - verdicts["stream_policy_violation"]
    told = {r.detail for r in results if r.verdict == "stream_policy_violation"}
    assert all("will be unblocked at" in detail for detail in told)
    assert "stopped by stream_policy_violation" in results[-1].detail

    person = ejabberd.account(ejabberd.people[0])
    assert try_login(person, campaign).verdict == "stream_policy_violation", "no word about the password"
    existence = check_existence([person.jid], ejabberd.account(ejabberd.admin), campaign)
    assert existence.admin.verdict == "stream_policy_violation"
    assert existence.accounts[0].verdict == "admin_failed", "and not absent"

    forgiven()
    assert try_login(person, campaign).verdict == "ok"
