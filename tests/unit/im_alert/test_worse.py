"""What counts as worse, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_alert import Earlier, earlier_of_history, earlier_of_report, gap_of, worse_of
from ansible.module_utils.im_history import open_history
from ansible.module_utils.im_report import STATES
from compliance_reports import report, row
from hypothesis import given
from hypothesis import strategies as st

BAD = ("drift", "refused", "failed")
FIRST = Earlier("", {})
NEXT = "2026-11-24T02:00:00Z"


def causes(*codes: str) -> list[dict[str, Any]]:
    return [{"code": code, "document": "", "items": [f"item of {code}"]} for code in codes]


def told(now: dict[str, Any], before: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """(kind, whom) of each item."""
    items = worse_of(now, earlier_of_report(before) if before else FIRST)
    return [(item["kind"], item.get("host") or item.get("jid") or "") for item in items]


@pytest.mark.parametrize("state", BAD)
def test_the_first_run_tells_only_what_is_bad(state: str) -> None:
    assert told(report(row("pc-1", state), row("pc-2"), row("pc-3", "unreachable"), row("pc-4", "deferred"))) == [
        ("seat", "pc-1")
    ]


@pytest.mark.parametrize(("before", "state"), [("drift", "refused"), ("refused", "failed"), ("waived", "drift")])
def test_a_seat_that_comes_into_a_worse_state_is_told_and_one_that_gets_better_is_not(before: str, state: str) -> None:
    was, now = report(row(state=before)), report(row(state=state), at=NEXT)
    (item,) = worse_of(now, earlier_of_report(was))
    assert (item["state"], item["before"], item["since"]) == (state, before, NEXT)
    assert told(was, now) == []


def test_a_laptop_that_was_off_is_compared_with_what_it_last_was() -> None:
    off = {"state": "unreachable", "last_known": {"state": "drift", "at": "2026-11-20T02:00:00Z"}}
    assert told(report(row(state="drift")), report(row(**off))) == []
    assert told(report(row(state="failed")), report(row(**off))) == [("seat", "pc-1")]


def test_an_account_is_told_once_however_many_seats_it_has_and_so_is_the_certificate() -> None:
    seats = [row(f"pc-{number}", "drift", causes=causes("account", "certificate")) for number in range(3)]
    rules = [{"id": "item of certificate", "remedy": "Renew it."}]
    now = report(*seats, at=NEXT, service=rules)
    before = report(*(row(f"pc-{number}") for number in range(3)))
    certificate, account = worse_of(now, earlier_of_report(before))
    assert (certificate["kind"], certificate["items"]) == ("certificate", ["item of certificate"])
    assert certificate["remedy"] == "Renew it."
    assert (account["jid"], account["hosts"]) == ("zoe.obrien@univ.example", ["pc-0", "pc-1", "pc-2"])
    assert told(now, now) == []


def test_a_certificate_is_told_when_it_will_end_soon_and_again_when_it_no_longer_serves() -> None:
    def rows(state: str, rule: str) -> list[dict[str, Any]]:
        bad = [{"code": "certificate", "document": "", "items": [rule]}]
        return [row(f"pc-{number}", state, causes=bad) for number in range(3)]

    fine, soon = report(row("pc-0"), row("pc-1")), report(*rows("compliant", "certificate_expires_soon"))
    ended = report(*rows("drift", "certificate_expired"))
    assert told(soon, fine) == [("certificate", "")]
    assert told(soon, soon) == []
    assert told(ended, soon) == [("certificate", "")]
    assert told(ended, ended) == []


def test_an_account_that_turns_bad_on_a_seat_in_drift_is_told_and_so_is_one_of_a_desk_that_is_off() -> None:
    before = report(row(state="drift", causes=causes("user")), row("pc-2", "unreachable"))
    now = report(
        row(state="drift", causes=causes("user", "account")),
        row("pc-2", "unreachable", jid="b@univ.example", causes=causes("unreachable", "account")),
    )
    assert told(now, before) == [("account", "zoe.obrien@univ.example"), ("account", "b@univ.example")]


def test_a_new_seat_of_an_account_that_was_bad_already_is_told_as_a_seat() -> None:
    bad = row(state="drift", causes=causes("account"))
    assert told(report(bad, {**bad, "host": "pc-2"}), report(bad)) == [("seat", "pc-2")]


def test_a_waiver_keeps_its_seat_quiet_until_it_ends() -> None:
    waived = report(row(state="waived", causes=causes("account")))
    assert told(waived, report(row())) == []
    assert told(report(row(state="drift", causes=causes("account"))), waived) == [("seat", "pc-1")]


ROWS = st.lists(
    st.builds(
        lambda host, state, codes, last: row(
            f"pc-{host}",
            state,
            jid=f"u{host % 2}@univ.example",
            causes=causes(*codes),
            last_known={"state": last, "at": NEXT} if state == "unreachable" and last else None,
        ),
        st.integers(0, 3),
        st.sampled_from(STATES),
        st.sets(st.sampled_from(["account", "certificate", "user", "unreachable"])).map(sorted),
        st.sampled_from(["", *BAD, "compliant"]),
    ),
    max_size=4,
    unique_by=lambda one: one["host"],
)


def test_nothing_is_told_twice_nor_of_a_fleet_that_only_went_silent_or_got_better(
    randomised: Callable[..., Callable[[Any], Any]],
) -> None:
    @randomised(300)
    @given(ROWS, ROWS)
    def check(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
        was, now = report(*before), report(*after, at=NEXT)
        assert worse_of(now, earlier_of_report(now)) == []
        silent = [{**one, "state": "unreachable", "causes": causes("unreachable"), "last_known": None} for one in after]
        assert worse_of(report(*silent), earlier_of_report(was)) == []
        well = [{**one, "state": "compliant", "causes": causes("clear_password")} for one in after]
        assert worse_of(report(*well), earlier_of_report(was)) == []
        told_now = worse_of(now, earlier_of_report(was))
        assert {item["state"] for item in told_now if item["kind"] == "seat"} <= set(BAD)
        assert len([item for item in told_now if item["kind"] == "certificate"]) <= 1

    check()


def test_a_history_says_the_same_as_the_reports_and_remembers_over_nights_of_silence(tmp_path: Path) -> None:
    nights = [
        report(row(state="drift", causes=causes("user")), row("pc-2"), at="2026-11-20T02:00:00Z"),
        report(row(state="unreachable", causes=causes("unreachable")), row("pc-2"), at="2026-11-21T02:00:00Z"),
        report(row(state="unreachable", causes=causes("unreachable")), row("pc-2"), at="2026-11-22T02:00:00Z"),
    ]
    with open_history(str(tmp_path / "history.sqlite")) as history:
        assert earlier_of_history(history.current(), history.last_run()) == FIRST
        for night in nights:
            history.record(night)
        earlier = earlier_of_history(history.current(), history.last_run())
    assert earlier.at == "2026-11-22T02:00:00Z"
    now = report(row(state="drift", causes=causes("user")), row("pc-2", "refused"), at=NEXT)
    assert [item["host"] for item in worse_of(now, earlier)] == ["pc-2"]


@pytest.mark.parametrize("broken", [{}, {"schema": 2}, {"schema": 1, "at": "yesterday", "rows": []}, []])
def test_what_is_no_report_is_refused(broken: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        earlier_of_report(broken)


def test_missing_nights_are_told_where_runs_are_expected() -> None:
    late = "2026-11-26T02:10:00Z"
    assert gap_of(late, NEXT, 36) == [{"kind": "gap", "since": NEXT, "until": late}]
    assert gap_of(late, NEXT, 0) == gap_of(late, "", 36) == gap_of("2026-11-25T03:00:00Z", NEXT, 36) == []
