"""What the action im_profile asks the module im_pending, and what it makes of the answers. Pure.

Only a run that defers something, or that meets a login for whom something waits, calls im_pending at all.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .im_engine import Group, Outcome, Render
from .im_login_bundle import login_job
from .im_login_job import pending_wish
from .im_pending_places import OFFER

#: Key of the question whether a host serves first logins.
OFFER_KEY = "first_login"


def logins_waiting(answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The logins for whom something waits or is noted, from the read answers of im_profile_files (their `pending`)."""
    return sorted({answer["login"] for answer in answers.values() if answer.get("pending")})


def offer_question() -> dict[str, Any]:
    """One more request for the read call: does the host serve first logins?"""
    return {"key": OFFER_KEY, "login": None, "paths": [OFFER]}


def serves_first_logins(answers: Mapping[str, Mapping[str, Any]]) -> bool:
    """Say whether a host serves first logins, as far as the answer to offer_question() tells."""
    answer = answers.get(OFFER_KEY, {})
    return bool(answer) and not answer.get("files", {}).get(OFFER, {}).get("absent")


def offer_request(offer: str, look_only: bool) -> dict[str, Any]:
    """Arguments of im_pending that make what is done at first logins what ``offer`` says; "" takes it away."""
    job = base64.b64encode(login_job()).decode() if offer else ""
    return {"action": "offer", "offer": offer, "job": job, "look_only": look_only}


def look_request(logins: Iterable[str]) -> dict[str, Any]:
    """Arguments of im_pending that bring back what the job noted for these logins."""
    return {"action": "look", "logins": [{"login": login} for login in logins]}


def take_in(answers: Mapping[str, dict[str, Any]], told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Make what the job noted known to the merge: its memory is newer than the host's.

    Args:
        answers: read answers by key; their `memory` is replaced where the job has a newer one.
        told: answer of im_pending to look_request().

    Returns:
        What the job noted of each group asked about, by key: {when, state, detail, tries, documents, memory}.
    """
    noted = {}
    for one in told["logins"]:
        for key, result in one["result"].items():
            # A person may write into the own notes, but not under another's name.
            if key in answers and answers[key]["login"] == one["login"]:
                noted[key] = result
                if result["memory"] is not None:
                    answers[key]["memory"] = result["memory"]
    return noted


def memory_requests(
    noted: Mapping[str, Mapping[str, Any]],
    answers: Mapping[str, Mapping[str, Any]],
    written: Iterable[str],
    run_id: str,
) -> list[dict[str, Any]]:
    """Groups for the write call that keep the job's memory where this run writes nothing itself.

    Args:
        noted: from take_in().
        answers: read answers by key.
        written: keys of the groups that the same call writes, with a memory of their own.
        run_id: of this run.
    """
    return [
        {"key": key, "login": answers[key]["login"], "run_id": run_id, "files": [], "memory": result["memory"]}
        for key, result in noted.items()
        if result["memory"] is not None and key not in set(written)
    ]


def settle_request(
    waiting: Iterable[str], outcomes: Iterable[Outcome], renders: Callable[[Group], Render]
) -> dict[str, Any] | None:
    """Arguments of im_pending that leave on the host what this run deferred, and nothing else.

    Args:
        waiting: from logins_waiting(): what waits for them is out of date now, and what is noted was taken in.
        outcomes: of all groups, after the write.
        renders: gives the render of a group, as for merge_group().

    Returns:
        None when im_pending need not be called.
    """
    wishes: dict[str, list[dict[str, Any]]] = {login: [] for login in waiting}
    for outcome in outcomes:
        login = outcome.group.login
        if outcome.state == "deferred" and login is not None:
            wish = pending_wish(outcome.group, renders(outcome.group))
            if wish is not None:
                wishes.setdefault(login, []).append(wish)
    if not wishes:
        return None
    return {
        "action": "settle",
        "logins": [{"login": login, "wishes": json.dumps(listed)} for login, listed in wishes.items()],
        "job": base64.b64encode(login_job()).decode() if any(wishes.values()) else "",
    }
