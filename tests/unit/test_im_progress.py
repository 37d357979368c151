"""The one line about a room: counts, time left, and nothing that moves a cursor."""

from __future__ import annotations

import pytest
from ansible.module_utils.im_progress import DEFERRED, DONE, FAILED, OFF, Progress, kind_of, plain


@pytest.mark.parametrize(
    ("states", "kind"),
    [
        (["changed", "compliant"], DONE),
        (["compliant", "deferred"], DEFERRED),
        (["deferred", "refused"], FAILED),
        (["failed"], FAILED),
        ([], DONE),
    ],
)
def test_the_worst_seat_tells_what_a_host_counts_as(states: list[str], kind: str) -> None:
    assert kind_of(states) == kind


def room(count: int) -> Progress:
    progress = Progress("en")
    hosts = [f"pc{number}" for number in range(count)]
    for host in hosts:
        progress.answered(host)
    progress.planned(hosts, [1, count - 1])
    progress.begin_batch(100.0)
    return progress


def test_before_the_batches_the_line_says_who_answers() -> None:
    progress = Progress()
    progress.answered("pc1")
    progress.went("pc2", OFF)
    assert progress.line(0.0) == "Qui répond ? 1 poste(s) allumé(s), 1 éteint(s)"
    assert progress.planned(["pc1"], [1]) == "1 poste(s) à faire en 1 lot(s), témoin pc1 ; 1 éteint(s)."


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(1, "less than a minute"), (60, "about 9 min"), (420, "about 1 h 03 min"), (0, "less than a minute")],
)
def test_the_rest_takes_as_long_as_what_was_done(seconds: int, left: str) -> None:
    progress = room(10)
    assert progress.line(100.0).endswith("… left")
    progress.went("pc0", DONE)
    assert progress.line(100.0 + seconds).endswith(f"; {left} left")


def test_all_hosts_are_counted_once_and_nothing_is_left_in_the_end() -> None:
    progress = room(4)
    for host, kind in {"pc0": DONE, "pc1": DEFERRED, "pc2": FAILED, "pc3": OFF}.items():
        progress.went(host, kind)
    progress.begin_batch(200.0)
    assert progress.batch_line(300.0) == ("Batch 2/2 ended: 1 done, 1 deferred, 1 failed, 1 off, of 4; 0 min left")


def test_a_failure_after_the_profile_was_laid_counts_and_is_not_taken_back() -> None:
    progress = room(2)
    progress.went("pc0", DONE)
    progress.went("pc0", FAILED)
    progress.went("pc0", OFF)
    assert "0 done, 0 deferred, 1 failed, 0 off" in progress.line(101.0)


def test_a_name_cannot_move_the_cursor() -> None:
    assert plain("pc\x1b[2J\r\n\u202e1é") == "pc[2J1é"
