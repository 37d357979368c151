"""The order and the batches of a room, and when it stops."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.im_lab import LabMistake, Verdict, judge, plan, share_of, why_stopped

ROOM = [f"pc{number}" for number in range(1, 11)]


def row(host: str, state: str) -> dict[str, str]:
    return {"host": host, "state": state}


def test_the_first_host_that_answered_goes_first_and_alone() -> None:
    made = plan(ROOM, ROOM[2:], "", "25%")
    assert made.order == ROOM[2:]
    assert made.sizes == [1, 2, 2, 2, 1]


def test_a_canary_that_was_named_goes_before_the_others_in_their_order() -> None:
    assert plan(ROOM, ROOM, "pc4", 3).order[:4] == ["pc4", "pc1", "pc2", "pc3"]
    assert plan(ROOM, ROOM, "pc4", 3).sizes == [1, 3, 3, 3]


def test_a_canary_that_is_off_leaves_the_others_in_their_order() -> None:
    assert plan(ROOM, ROOM[1:], "pc1", 3).order == ROOM[1:]


@pytest.mark.parametrize(("count", "batch"), [(1, "25%"), (2, 1), (3, "1%"), (10, "100%"), (10, 99), (7, "33%")])
def test_every_host_that_answered_is_in_one_batch(count: int, batch: Any) -> None:
    made = plan(ROOM, ROOM[:count], "", batch)
    assert sum(made.sizes) == count and made.sizes[0] == 1 and min(made.sizes) > 0


def test_a_dark_room_has_no_batch() -> None:
    assert plan(ROOM, [], "pc1", "25%") == ([], [])


@pytest.mark.parametrize("batch", ["", "many", "-1", "0", "0%", "2.5", None, True])
def test_a_batch_that_is_no_size_is_refused(batch: Any) -> None:
    with pytest.raises(LabMistake, match="im_lab_batch"):
        plan(ROOM, ROOM, "", batch)


def test_a_canary_that_nobody_knows_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LabMistake, match=r"im_lab_canary: 'pc99' .* known: pc1, pc2"):
        plan(ROOM[:2], ROOM[:2], "pc99", "25%")


@pytest.mark.parametrize(("value", "share"), [("30%", 30), (30, 30), ("0", 0), ("100 %", 100)])
def test_a_share_is_read_with_and_without_its_sign(value: Any, share: int) -> None:
    assert share_of(value) == share


@pytest.mark.parametrize("value", ["101%", "", "a third", -3])
def test_a_share_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(LabMistake, match="im_lab_stop_share"):
        share_of(value)


def test_failed_and_refused_hosts_stop_the_room_when_they_are_more_than_the_share() -> None:
    rows = [row("pc1", "changed"), row("pc2", "failed"), row("pc3", "refused"), row("pc4", "changed")]
    assert judge(rows, ROOM[:4], 50) == Verdict(["pc2", "pc3"], stop=False)
    assert judge(rows, ROOM[:4], 49) == Verdict(["pc2", "pc3"], stop=True)


def test_a_running_client_and_a_host_that_went_off_do_not_speak_against_going_on() -> None:
    rows = [row("pc1", "deferred"), row("pc2", "unreachable"), row("pc3", "drift")]
    assert judge(rows, ROOM[:3], 0) == Verdict([], stop=False)


def test_a_host_with_one_bad_seat_of_two_counts_once() -> None:
    rows = [row("pc1", "refused"), row("pc1", "refused"), row("pc1", "changed"), row("pc2", "changed")]
    assert judge(rows, ROOM[:2], 49).bad == ["pc1"]


def test_a_canary_that_failed_is_more_than_any_share_but_all() -> None:
    assert judge([row("pc1", "failed")], ["pc1"], 99).stop
    assert not judge([row("pc1", "failed")], ["pc1"], 100).stop


def test_the_reason_names_the_hosts_and_the_remedy() -> None:
    canary = why_stopped(Verdict(["pc1"], stop=True), ["pc1"], 30, "en")
    assert canary.startswith("Stopped after the canary pc1: it failed") and "im_lab_canary" in canary
    several = why_stopped(Verdict(["pc1", "pc3"], stop=True), ROOM[:3], 30, "fr")
    assert several.startswith("Arrêt : 2 poste(s) sur 3 en échec ou refusés, plus de 30 % (pc1, pc3).")
