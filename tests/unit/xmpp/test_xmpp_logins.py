"""A campaign of logins: its order, its pace, and when it stops."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from ansible.module_utils.xmpp.accounts import Account, Result
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.logins import Pace, check_logins
from ansible.module_utils.xmpp.problems import COUNTS_AS_FAILURE, STOP_AT_ONCE, VERDICTS


def people(count: int, domain: str = "univ.example") -> list[Account]:
    return [Account(bare_jid(f"u{n}@{domain}"), "secret") for n in range(count)]


class Server:
    """Counts the attempts; answers by the function, given the number of the account."""

    def __init__(self, verdict: Callable[[int], str]) -> None:
        self._verdict = verdict
        self._lock = threading.Lock()
        self.attempts: list[str] = []
        self.running = self.most = 0

    def __call__(self, account: Account) -> Result:
        with self._lock:
            self.attempts.append(str(account.jid))
            self.running += 1
            self.most = max(self.most, self.running)
        threading.Event().wait(0.002)
        with self._lock:
            self.running -= 1
        return Result(account.jid, self._verdict(int(account.jid.local[1:])), "why")


def verdicts(results: list[Result]) -> list[str]:
    return [result.verdict for result in results]


@pytest.mark.parametrize("workers", [1, 4])
def test_results_come_in_the_order_of_the_accounts_and_each_is_tried_once(workers: int) -> None:
    server = Server(lambda n: "ok" if n % 2 else "account_disabled")
    accounts = people(40)
    results = check_logins(accounts, server, workers=workers, rate=0)
    assert [r.jid for r in results] == [a.jid for a in accounts]
    assert verdicts(results) == ["account_disabled", "ok"] * 20
    assert sorted(server.attempts) == sorted(str(a.jid) for a in accounts)
    assert server.most <= workers


def test_nothing_is_asked_about_nobody() -> None:
    assert check_logins([], Server(lambda n: "ok")) == []


@pytest.mark.parametrize("workers", [1, 4, 8])
@pytest.mark.parametrize("limit", [1, 3, 10])
@pytest.mark.parametrize("verdict", ["auth_failed", "timeout", "tls_expired"])
def test_no_more_failures_in_a_row_reach_the_server_than_allowed(verdict: str, limit: int, workers: int) -> None:
    server = Server(lambda n: verdict)
    results = check_logins(people(30), server, workers=workers, rate=0, max_failures=limit)
    assert len(server.attempts) == limit
    assert verdicts(results).count(verdict) == limit
    assert verdicts(results).count("not_checked") == 30 - limit
    assert f"stopped after {limit} failures in a row: {verdict}" in {r.detail for r in results}


def test_a_success_starts_the_count_anew() -> None:
    server = Server(lambda n: "ok" if n % 3 == 2 else "auth_failed")
    results = check_logins(people(30), server, workers=1, rate=0, max_failures=3)
    assert "not_checked" not in verdicts(results)


def test_verdicts_about_single_accounts_neither_count_nor_start_the_count_anew() -> None:
    server = Server(lambda n: "auth_failed" if n % 2 else "account_disabled")
    results = check_logins(people(30), server, workers=1, rate=0, max_failures=3)
    assert verdicts(results)[:7] == ["account_disabled", "auth_failed"] * 3 + ["not_checked"]


@pytest.mark.parametrize("verdict", sorted(STOP_AT_ONCE))
def test_a_server_that_wants_to_be_left_alone_is_left_alone(verdict: str) -> None:
    server = Server(lambda n: verdict if n == 5 else "ok")
    results = check_logins(people(30), server, workers=1, rate=0)
    assert verdicts(results) == ["ok"] * 5 + [verdict] + ["not_checked"] * 24
    assert results[-1].detail == f"stopped by {verdict}: why"


def test_one_servers_trouble_is_not_anothers() -> None:
    accounts = [a for pair in zip(people(20), people(20, "other.example"), strict=True) for a in pair]
    results = check_logins(
        accounts,
        lambda account: Result(account.jid, "ok" if account.jid.domain == "other.example" else "refused"),
        rate=0,
        max_failures=2,
    )
    assert verdicts(results[1::2]) == ["ok"] * 20
    assert verdicts(results[0::2]).count("not_checked") == 18


@pytest.mark.parametrize("workers", [1, 4])
def test_an_error_of_the_program_comes_out_and_ends_everything(workers: int) -> None:
    attempts = []

    def broken(account: Account) -> Result:
        attempts.append(account)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check_logins(people(50), broken, workers=workers, rate=0)
    assert len(attempts) <= workers


def test_the_pace_spaces_out_starts_and_saves_up_nothing() -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(20, clock=lambda: now[0], sleep=sleep)
    for _ in range(4):
        pace.wait()
    assert slept == pytest.approx([0.05, 0.05, 0.05])
    now[0] += 10
    for _ in range(3):
        pace.wait()
    assert slept[3:] == pytest.approx([0.05, 0.05])


def test_without_a_ceiling_nobody_sleeps() -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError

    pace = Pace(0, sleep=sleep)
    for _ in range(100):
        pace.wait()


def test_the_lists_of_verdicts_are_parts_of_the_closed_list() -> None:
    assert VERDICTS >= STOP_AT_ONCE | COUNTS_AS_FAILURE


def test_no_result_bears_an_unknown_verdict() -> None:
    with pytest.raises(ValueError, match="no verdict is named 'fine'"):
        Result(bare_jid("a@univ.example"), "fine")


def test_an_account_shows_no_password() -> None:
    assert "secret" not in repr(people(1)) + str(people(1)[0])
