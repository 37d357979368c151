"""Filters of the flow of a ticket: pure functions. Each is documented in the sidecar of its name beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ansible.module_utils

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils import im_ticket_texts as texts
from ansible.module_utils.im_preflight import Problem, of_account, of_host, of_row
from ansible.module_utils.im_provisioning import all_in_place


def im_preflight_problems(
    aimed: Mapping[str, Any],
    host: Mapping[str, Any],
    sources: Mapping[str, Any],
    accounts: Sequence[Mapping[str, Any]],
    language: str = "fr",
) -> list[dict[str, str]]:
    """All that stands in the way of a ticket, each once."""
    found = [Problem(**problem) for problem in aimed["problems"]]
    found += of_host(aimed["case"]["machine"], aimed["client"], host, sources, language)
    found += of_account(accounts[0] if accounts else None, language)
    return [problem._asdict() for problem in found]


def im_ticket_row_problems(row: Mapping[str, Any], language: str = "fr") -> list[dict[str, str]]:
    """What a look at the profile foretells of a refusal."""
    return [problem._asdict() for problem in of_row(row, language)]


def im_ticket_plan(case: Mapping[str, Any], look: Mapping[str, Any], language: str = "fr") -> str:
    """What will be touched."""
    return texts.plan(texts.Case(**case), texts.Look(**look), language)


def im_ticket_refusal(
    case: Mapping[str, Any], problems: Sequence[Mapping[str, str]], at: str, seconds: int, language: str = "fr"
) -> dict[str, str]:
    """The two texts, and the state of the ticket, when something is in the way."""
    found = [Problem(**problem) for problem in problems]
    return {
        "public": texts.public_of_problems(texts.Case(**case), found, language),
        "private": texts.private_of_problems(found, at, seconds, language),
        "state": " ".join(["blocked", *sorted({problem.code for problem in found})]),
    }


def im_ticket_answer(
    case: Mapping[str, Any],
    look: Mapping[str, Any],
    result: Mapping[str, Any],
    provisioned: Sequence[Mapping[str, Any]],
    language: str = "fr",
) -> dict[str, str]:
    """The two texts, and the state of the ticket, after the chain."""
    told = texts.Result(**result, on_server=all_in_place(provisioned))
    about, seen = texts.Case(**case), texts.Look(**look)
    return {
        "public": texts.public(about, told.row, told.all_good, told.check_mode, language, platform=seen.platform),
        "private": texts.private(about, seen, told, language),
        "state": texts.state(about, told),
    }


class FilterModule:
    """Names the filters for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return name -> function."""
        functions = (
            im_preflight_problems,
            im_ticket_answer,
            im_ticket_plan,
            im_ticket_refusal,
            im_ticket_row_problems,
        )
        return {function.__name__: function for function in functions}
