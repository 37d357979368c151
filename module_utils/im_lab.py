"""A room of hosts: who goes first, who follows in which batch, and when it is better to stop. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .im_catalogue import text

#: States that speak against going on. A running client (``deferred``) and a host that is off do not.
BAD_STATES = frozenset({"failed", "refused"})
_NUMBER = re.compile(r"(\d+) ?(%?)")


class LabMistake(ValueError):
    """A wish about the room that cannot be followed; the message says where, what and what would do."""


class Plan(NamedTuple):
    """The order of the hosts that answered, the canary first, and the sizes of the batches, the canary's 1 first."""

    order: list[str]
    sizes: list[int]


class Verdict(NamedTuple):
    """After a batch: which of the hosts that were begun went wrong, and whether that is too many to go on."""

    bad: list[str]
    stop: bool


def plan(hosts: Sequence[str], answered: Sequence[str], canary: str, batch: Any) -> Plan:
    """Put the hosts that answered in their order.

    Args:
        hosts: all of the run.
        answered: those of them that answered, in the order of the inventory.
        canary: the host that goes first; "", or one that did not answer: the first that did.
        batch: hosts in a batch after it, a number, or a share of those that answered ("25%"), rounded up.

    Raises:
        LabMistake: the canary is no host of the run, or the batch is no such size.
    """
    if canary and canary not in hosts:
        raise LabMistake(f"im_lab_canary: {canary!r} is no host of this run; known: {', '.join(hosts)}")
    number, is_share = _number("im_lab_batch", batch)
    # Rounded up: four batches of a quarter each are enough.
    size = -(-len(answered) * number // 100) if is_share else number
    if not number:
        raise LabMistake("im_lab_batch: at least one host goes into a batch, not 0")
    if not answered:
        return Plan([], [])
    first = canary if canary in answered else answered[0]
    order = [first, *(host for host in answered if host != first)]
    sizes = [1]
    while (left := len(order) - sum(sizes)) > 0:
        sizes.append(min(size, left))
    return Plan(order, sizes)


def share_of(value: Any) -> int:
    """Read im_lab_stop_share, a share from 0 to 100 with or without ``%``, as a number of percent."""
    number, _ = _number("im_lab_stop_share", value)
    if number > 100:
        raise LabMistake(f"im_lab_stop_share: a share goes from 0% to 100%, not {value!r}")
    return number


def judge(rows: Iterable[Mapping[str, Any]], begun: Sequence[str], share: int) -> Verdict:
    """Say whether more than ``share`` percent of the hosts that were begun failed or were refused.

    Args:
        rows: of im_report.rows_of(), of any hosts; one bad row makes its host bad.
        begun: the hosts of all batches so far; all of them had answered.
        share: from 0 to 100.
    """
    wrong = {row["host"] for row in rows if row["state"] in BAD_STATES}
    bad = [host for host in begun if host in wrong]
    return Verdict(bad, len(bad) * 100 > share * len(begun))


def why_stopped(verdict: Verdict, begun: Sequence[str], share: int, language: str) -> str:
    """The sentence for people: which hosts, how many of how many, and what to do."""
    key = "lab.stopped_canary" if len(begun) == 1 else "lab.stopped"
    return text(key, language, hosts=", ".join(verdict.bad), bad=len(verdict.bad), begun=len(begun), share=share)


def _number(name: str, value: Any) -> tuple[int, bool]:
    """A number, and whether it is one of percent."""
    found = _NUMBER.fullmatch(str(value).strip())
    if not found:
        raise LabMistake(f"{name}: a number such as 5 or a share such as 25% would do, not {value!r}")
    return int(found[1]), bool(found[2])
