"""What the modules have in common that write something for many people: arguments, run, and report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..im_catalogue import text
from .accounts import Account
from .arguments import (
    API_SPEC,
    CAMPAIGN_SPEC,
    SERVICE_SPEC,
    BadArgument,
    accounts_spec,
    check_numbers,
    read_account,
    read_api,
    read_campaign,
    read_service_account,
)
from .jid import Jid
from .provision import Means, Pacing, provision
from .work import Done, Work

MUTUALLY_EXCLUSIVE = [("service_account", "api")]

#: Accounts that the message of a failure names; the results hold all.
_NAMED = 5

#: Given an entry of accounts, its name for messages ("accounts[3]") and all parameters: what to do for it.
#: Raises BadArgument.
ReadWish = Callable[[Mapping[str, Any], str, Mapping[str, Any]], Work]


def people_spec(wish: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that these modules share.

    Args:
        wish: the further options of each account.
    """
    return {
        "accounts": accounts_spec(wish),
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "service_account": SERVICE_SPEC,
        "api": API_SPEC,
        **CAMPAIGN_SPEC,
    }


def run(module: AnsibleModule, read_wish: ReadWish, prepare: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Do what the module is for, and end it: failed when an account could not be brought to the wish.

    Args:
        module: with the arguments of ``people_spec``.
        read_wish: makes a work of each account's entry.
        prepare: completes the parameters before that, for wishes that concern several accounts; may raise BadArgument.
    """
    # A copy: what is completed here is no argument that was given, and Ansible prints those.
    parameters = {**module.params, "accounts": [dict(entry) for entry in module.params["accounts"]]}
    try:
        check_numbers(parameters)
        if prepare:
            prepare(parameters)
        wishes = _wishes(parameters, read_wish)
        means = Means(
            read_service_account(parameters["service_account"], "service_account"), read_api(parameters["api"])
        )
        campaign = read_campaign(parameters)
    except BadArgument as error:
        module.fail_json(msg=str(error))
    pacing = Pacing(parameters["workers"], parameters["rate"], parameters["max_failures"])
    done = provision(wishes, means, campaign, dry=module.check_mode, pacing=pacing)
    report = _report([entry["jid"] for entry in parameters["accounts"]], done, parameters["language"])
    if report["all_ok"]:
        module.exit_json(**report)
    module.fail_json(msg=_failure(done), **report)


def _wishes(parameters: Mapping[str, Any], read_wish: ReadWish) -> list[tuple[Account, Work]]:
    wishes = []
    first: dict[Jid, str] = {}
    for index, entry in enumerate(parameters["accounts"]):
        where = f"accounts[{index}]"
        account = read_account(entry, where)
        earlier = first.setdefault(account.jid, where)
        if earlier != where:
            raise BadArgument(f"{earlier} and {where} are both {account.jid}: join them into one")
        wishes.append((account, read_wish(entry, where, parameters)))
    return wishes


def _report(given: Sequence[str], done: Sequence[Done], language: str) -> dict[str, Any]:
    accounts = [
        {
            "jid": jid,
            "changed": bool(one.person and one.person.changes),
            "verdict": one.result.verdict,
            "detail": one.result.detail,
            "hint": text(f"verdict.{one.result.verdict}", language),
            "changes": list(one.person.changes) if one.person else [],
        }
        for jid, one in zip(given, done, strict=True)
    ]
    return {
        "changed": any(account["changed"] for account in accounts),
        "accounts": accounts,
        "summary": dict(Counter(account["verdict"] for account in accounts)),
        # Unlike a check, nobody to write for is no mistake: a list may be empty for a while.
        "all_ok": all(account["verdict"] == "in_place" for account in accounts),
        "diff": [
            {
                "before_header": str(person.jid),
                "after_header": str(person.jid),
                "before": person.before,
                "after": person.after,
            }
            for person in (one.person for one in done)
            if person and person.changes
        ],
    }


def _failure(done: Sequence[Done]) -> str:
    failed = [one.result for one in done if one.result.verdict != "in_place"]
    named = [f"{result.jid} ({result.verdict}: {result.detail})" for result in failed[:_NAMED]]
    more = ["..."] if len(failed) > _NAMED else []
    return f"{len(failed)} of {len(done)} accounts could not be brought to the wish: {', '.join(named + more)}"
