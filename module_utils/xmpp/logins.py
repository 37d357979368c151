"""Do these passwords work: one login each, paced, and stopped before it does harm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from .accounts import Account, Result
from .problems import COUNTS_AS_FAILURE, STOP_AT_ONCE, XmppProblem
from .session import Campaign, logged_in


def try_login(account: Account, campaign: Campaign) -> Result:
    """Log in once with the account's password and leave. Never raises for what the server, the network or DNS does."""
    try:
        with logged_in(account, campaign) as (_, session):
            return Result(account.jid, "ok", session.mechanism)
    except XmppProblem as problem:
        return Result(account.jid, problem.code, problem.detail)


def check_logins(
    accounts: Sequence[Account],
    attempt: Callable[[Account], Result],
    *,
    workers: int = 4,
    rate: float = 20.0,
    max_failures: int = 10,
) -> list[Result]:
    """Try each account once, several at a time, and stop where going on could get us banned.

    Accounts of one server share their fate, others go on. A server's campaign stops at the first verdict of
    ``STOP_AT_ONCE`` and after ``max_failures`` verdicts of ``COUNTS_AS_FAILURE`` without an ``ok`` between them; the
    number holds whatever the number of workers, as no login starts that could exceed it. The rest is ``not_checked``.

    More than 4 workers gain next to nothing, more than 8 lose: both Prosody and ejabberd are bound by their own CPU.

    Args:
        accounts: each once.
        attempt: tries one, such as ``try_login`` with its campaign bound; runs in several threads.
        workers: threads.
        rate: most logins started per second, over all servers; 0 for no ceiling.
        max_failures: at least 1.

    Returns:
        One result per account, in the same order.
    """
    pace = Pace(rate)
    results: dict[int, Result] = {}
    groups: dict[object, list[int]] = {}
    for index, account in enumerate(accounts):
        groups.setdefault(account.server, []).append(index)
    for indexes in groups.values():
        gate = _Gate(max_failures)

        def one(index: int, gate: _Gate = gate) -> Result:
            return gate.guard(accounts[index], attempt, pace)

        with ThreadPoolExecutor(max_workers=min(workers, len(indexes))) as pool:
            results.update(zip(indexes, pool.map(one, indexes), strict=True))
    return [results[index] for index in range(len(accounts))]


class Pace:
    """Spaces out the starts of several threads evenly: no burst, whatever came before."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare.

        Args:
            rate: most starts per second; 0 for no ceiling.
            clock: seconds that only grow.
            sleep: waits so many seconds.
        """
        self._gap = 1 / rate if rate else 0.0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = clock()

    def wait(self) -> None:
        """Return when it is the caller's turn."""
        with self._lock:
            turn = max(self._next, self._clock())
            self._next = turn + self._gap
        delay = turn - self._clock()
        if delay > 0:
            self._sleep(delay)


class _Gate:
    """Decides for one server whether another login may start.

    A login may start only if, should it and all those under way fail, the limit would not be exceeded.
    """

    def __init__(self, max_failures: int) -> None:
        self._max_failures = max_failures
        self._failures = 0
        self._running = 0
        self._reason = ""
        self._changed = threading.Condition()

    def guard(self, account: Account, attempt: Callable[[Account], Result], pace: Pace) -> Result:
        if not self._enter():
            return Result(account.jid, "not_checked", self._reason)
        # Only a verdict may let the next one in: after a bug of ours, everything stops.
        result = None
        try:
            pace.wait()
            if not self._reason:
                result = attempt(account)
        finally:
            self._leave(result)
        return result or Result(account.jid, "not_checked", self._reason)

    def _enter(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._reason or self._failures + self._running < self._max_failures)
            if self._reason:
                return False
            self._running += 1
            return True

    def _leave(self, result: Result | None) -> None:
        with self._changed:
            self._running -= 1
            if result is None:
                self._reason = self._reason or "stopped by an error of the program"
            elif result.verdict in STOP_AT_ONCE:
                self._reason = self._reason or f"stopped by {result.verdict}: {result.detail}"
            elif result.verdict == "ok":
                self._failures = 0
            elif result.verdict in COUNTS_AS_FAILURE:
                self._failures += 1
                if self._failures >= self._max_failures:
                    self._reason = self._reason or f"stopped after {self._failures} failures in a row: {result.verdict}"
            self._changed.notify_all()
