"""Write something for many people, each by the way that is given for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .accounts import Account, Result
from .ejabberd_api import Api, write_by_api
from .logins import check_logins
from .own_stream import write_as_the_person
from .privilege import write_with_privilege
from .problems import XmppProblem
from .session import Campaign
from .work import Done, Person, Way, Work


@dataclass(frozen=True)
class Means:
    """What may write for people whose password is not given.

    Attributes:
        service: an account that the server grants privileges (XEP-0356), with its password.
        api: ejabberd's HTTP API.
    """

    service: Account | None = None
    api: Api | None = None


@dataclass(frozen=True)
class Pacing:
    """How logins with people's own passwords are spread; see ``check_logins``."""

    workers: int = 4
    rate: float = 20.0
    max_failures: int = 10


def provision(
    wishes: Sequence[tuple[Account, Work]],
    means: Means,
    campaign: Campaign,
    *,
    dry: bool = False,
    pacing: Pacing = Pacing(),
) -> list[Done]:
    """Do each account's work. Never raises for what servers and networks do.

    A person's own password comes before other means: it can do more (subscription requests) and needs no privilege.

    Args:
        wishes: each account once.
        means: for those without a password.
        campaign: how to connect.
        dry: check mode.
        pacing: of the logins.

    Returns:
        One outcome per account, in the same order.
    """
    results: dict[int, Done] = {}
    by_way: dict[Way, list[int]] = {"password": [], "privilege": [], "ejabberd_api": []}
    for index, (account, _) in enumerate(wishes):
        way, reason = _way(account, means)
        if way:
            by_way[way].append(index)
        else:
            results[index] = Done(Result(account.jid, "no_way", reason))

    def people(way: Way) -> list[tuple[Person, Work]]:
        return [(Person(wishes[index][0].jid, way, dry), wishes[index][1]) for index in by_way[way]]

    done = _by_password([wishes[index] for index in by_way["password"]], campaign, dry, pacing)
    if means.service and by_way["privilege"]:
        done += write_with_privilege(people("privilege"), means.service, campaign)
    if means.api and by_way["ejabberd_api"]:
        done += write_by_api(people("ejabberd_api"), means.api, campaign.trust, campaign.timeout)
    by_jid = {one.result.jid: one for one in done}
    return [results.get(index) or by_jid[account.jid] for index, (account, _) in enumerate(wishes)]


def _way(account: Account, means: Means) -> tuple[Way | None, str]:
    """How to write for an account; None and the reason when that cannot be done."""
    if account.password is not None:
        return "password", ""
    if means.service and account.jid.domain != means.service.jid.domain:
        return None, f"{means.service.jid} writes for accounts of {means.service.jid.domain} only"
    if means.service:
        return "privilege", ""
    if means.api:
        return "ejabberd_api", ""
    return None, "neither a password nor anything that writes for others was given"


def _by_password(wishes: Sequence[tuple[Account, Work]], campaign: Campaign, dry: bool, pacing: Pacing) -> list[Done]:
    works = {account.jid: work for account, work in wishes}
    done: dict[object, Done] = {}

    def attempt(account: Account) -> Result:
        person = Person(account.jid, "password", dry)
        try:
            write_as_the_person(account, person, works[account.jid], campaign)
        except XmppProblem as problem:
            result = Result(account.jid, problem.code, problem.detail)
        else:
            result = Result(account.jid, "in_place", person.detail)
        done[account.jid] = Done(result, person)
        # To the pacing only the login counts: a contact that the server declines is no failed login.
        return Result(account.jid, "ok") if result.verdict in ("in_place", "declined") else result

    results = check_logins(
        [account for account, _ in wishes],
        attempt,
        workers=pacing.workers,
        rate=pacing.rate,
        max_failures=pacing.max_failures,
    )
    return [done.get(result.jid) or Done(result) for result in results]
