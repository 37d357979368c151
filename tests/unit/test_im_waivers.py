"""A waiver says whose seat, why, who said so and until when; it is checked at the door and ends by itself."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible.module_utils import im_waivers
from ansible.module_utils.im_inventory import InventoryError
from ansible.module_utils.im_waivers import Known

KNOWN = Known(["pc-1"], ["all", "salle_b12"], ["zoe.obrien"], ["pidgin", "gajim"])
TODAY = datetime.date(2026, 11, 23)
WHY = {"reason": "thèse", "by": "M. Petit", "until": "2026-12-31"}
ROW = {"host": "pc-1", "groups": ["salle_b12"], "login": "zobrien", "person": "zoe.obrien", "client": "pidgin"}


def checked(**given: Any) -> dict[str, Any]:
    (waiver,) = im_waivers.check_waivers([{**WHY, **given}], KNOWN)
    return dict(waiver)


def problems_of(given: Any) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        im_waivers.check_waivers(given, KNOWN)
    return list(caught.value.problems)


def test_a_waiver_is_completed_with_all_its_selectors() -> None:
    assert checked(person="zoe.obrien") == {
        **{"host": None, "group": None, "login": None, "person": "zoe.obrien", "client": None},
        **{"causes": [], "reason": "thèse", "by": "M. Petit", "until": "2026-12-31"},
    }


@pytest.mark.parametrize("until", [datetime.date(2026, 12, 31), datetime.datetime(2026, 12, 31, 8), "2026-12-31"])
def test_the_last_day_is_read_as_yaml_gives_it(until: Any) -> None:
    assert checked(host="pc-1", until=until)["until"] == "2026-12-31"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "says for whom nowhere; name at least one of: host, group, login, person, client"),
        ({"host": "pc-9"}, "no host named 'pc-9'; known: pc-1"),
        ({"group": "salle"}, "no group named 'salle'; known: all, salle_b12"),
        ({"person": "zoe"}, "no person named 'zoe'; known: zoe.obrien"),
        ({"client": "psi"}, "no client named 'psi'; known: gajim, pidgin"),
        ({"host": "pc-1", "reason": " "}, "reason is ' '; it takes why, in words"),
        ({"host": "pc-1", "by": None}, "by is None; it takes who said so"),
        ({"host": "pc-1", "until": "soon"}, "until is 'soon'; it takes the last day, such as 2027-06-30"),
        ({"host": "pc-1", "causes": ["user", "usr"]}, "causes has 'usr'; it takes a list of: unreachable, malformed"),
        ({"host": "pc-1", "causes": "user"}, "causes has 'user'; it takes a list of: unreachable"),
        ({"host": "pc-1", "expires": "2026"}, "unknown key 'expires'; known: by, causes"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_would_do(given: dict[str, Any], sentence: str) -> None:
    (problem,) = problems_of([{**WHY, **given}])
    assert problem.startswith(f"im_waivers: waiver 1: {sentence}")


def test_all_mistakes_are_told_at_once() -> None:
    assert [line.split(":")[1] for line in problems_of(["pc-1", {"host": "pc-1", **WHY, "until": None}])] == [
        " waiver 1",
        " waiver 2",
    ]
    assert problems_of({"host": "pc-1"}) == [
        "im_waivers: it takes a list; each is {host, reason, by, until} or the like"
    ]


def test_the_last_day_still_counts_and_the_next_does_not() -> None:
    waiver = checked(host="pc-1", until="2026-11-23")
    assert im_waivers.holds(waiver, TODAY)
    assert not im_waivers.holds(waiver, TODAY + datetime.timedelta(days=1))


@pytest.mark.parametrize("given", [{"host": "pc-1"}, {"group": "salle_b12"}, {"login": "zobrien", "client": "pidgin"}])
def test_a_waiver_is_for_the_seats_that_fit_all_it_names(given: dict[str, str]) -> None:
    assert im_waivers.is_for(checked(**given), ROW)
    assert not im_waivers.is_for(checked(**given, person="zoe.obrien"), {**ROW, "person": "alice.martin"})


def test_a_waiver_without_causes_covers_drift_but_not_silence() -> None:
    assert im_waivers.covers(checked(host="pc-1"), "user")
    assert not im_waivers.covers(checked(host="pc-1"), "unreachable")
    narrow = checked(host="pc-1", causes=["unreachable"])
    assert im_waivers.covers(narrow, "unreachable") and not im_waivers.covers(narrow, "user")


def test_what_a_waiver_holds_for_is_left_alone_and_what_one_that_ended_named_is_not() -> None:
    seats = [{"login": "zobrien", "person": "zoe.obrien", "clients": ["pidgin", "gajim"]}]
    waivers = [checked(client="pidgin"), checked(client="gajim", until="2026-11-22")]
    assert im_waivers.left_alone(waivers, "pc-1", ["salle_b12"], seats, TODAY) == ["zobrien/pidgin"]
