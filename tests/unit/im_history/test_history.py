"""What the history keeps and answers, the same in a file and in PostgreSQL."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from ansible.module_utils import im_history
from ansible.module_utils.im_history import GONE, HistoryError, Seat, filled, open_history, opening, tables
from compliance_reports import HOSTILE, nights, report, row
from sqlalchemy import event, text

SEAT = Seat("pc-1", "zobrien", "pidgin")
PROJECT = Path(im_history.__file__).parents[2]


@pytest.fixture
def history(url: str) -> Iterator[im_history.History]:
    with open_history(url) as opened:
        yield opened


def test_a_first_run_is_a_change_of_every_seat(history: im_history.History) -> None:
    changes = history.record(report(row(), row("pc-2", "drift", causes=[{"code": "user"}])))
    assert [(one.seat.host, one.before, one.state, one.causes) for one in changes] == [
        ("pc-1", "", "compliant", ()),
        ("pc-2", "", "drift", ("user",)),
    ]


def test_a_run_in_which_nothing_changed_records_no_change(history: im_history.History) -> None:
    history.record(report(row()))
    assert history.record(report(row(), at="2026-11-24T02:00:00Z")) == []
    known = history.since(SEAT)
    assert known is not None
    assert (known.since, known.last_at) == ("2026-11-23T02:00:00Z", "2026-11-24T02:00:00Z")


def test_other_causes_are_a_change_but_do_not_restart_since(history: im_history.History) -> None:
    history.record(report(row(state="drift", causes=[{"code": "user"}])))
    changes = history.record(report(row(state="drift", causes=[{"code": "wish"}]), at="2026-11-24T02:00:00Z"))
    assert [one.causes for one in changes] == [("wish",)]
    known = history.since(SEAT)
    assert known is not None
    assert (known.since, known.causes) == ("2026-11-23T02:00:00Z", ("wish",))


def test_a_silent_host_shows_its_last_state_and_the_run_that_saw_it(history: im_history.History) -> None:
    history.record(report(row(state="drift"), at="2026-11-20T02:00:00Z"))
    history.record(report(row(state="drift"), at="2026-11-21T02:00:00Z"))
    history.record(report(row(state="unreachable"), at="2026-11-22T02:00:00Z"))
    history.record(report(row(state="unreachable"), at="2026-11-23T02:00:00Z"))
    (known,) = history.last_known("pc-1")
    assert (known.state, known.since) == ("unreachable", "2026-11-22T02:00:00Z")
    assert (known.last_state, known.last_at) == ("drift", "2026-11-21T02:00:00Z")
    seen = datetime(2026, 11, 21, 2, tzinfo=UTC)
    assert known.age == pytest.approx((datetime.now(UTC) - seen).total_seconds(), abs=600)


def test_a_host_that_never_answered_has_no_last_state(history: im_history.History) -> None:
    history.record(report(row(state="unreachable")))
    (known,) = history.last_known("pc-1")
    assert (known.last_state, known.last_at, known.age) == (None, None, None)
    assert history.last_known("pc-99") == []
    assert history.since(Seat("pc-99", "x", "gajim")) is None


def test_a_run_of_one_lab_says_nothing_of_the_other_hosts(history: im_history.History) -> None:
    history.record(report(row("pc-1"), row("pc-2"), at="2026-11-20T02:00:00Z"))
    history.record(report(row("pc-2"), at="2026-11-21T02:00:00Z"))
    assert {one.seat.host: one.last_at for one in history.current()} == {
        "pc-1": "2026-11-20T02:00:00Z",
        "pc-2": "2026-11-21T02:00:00Z",
    }


def test_a_seat_that_its_host_no_longer_has_is_gone(history: im_history.History) -> None:
    history.record(report(row(), row(client="gajim"), at="2026-11-20T02:00:00Z"))
    changes = history.record(report(row(), at="2026-11-21T02:00:00Z"))
    assert [(one.seat.client, one.state) for one in changes] == [("gajim", GONE)]
    assert [one.seat.client for one in history.current()] == ["pidgin"]
    assert history.record(report(row(), at="2026-11-22T02:00:00Z")) == []


def test_the_life_of_a_seat_is_told_from_its_birth(history: im_history.History) -> None:
    for day, state in enumerate(["compliant", "drift", "drift", "compliant"], 20):
        history.record(report(row(state=state), at=f"2026-11-{day}T02:00:00Z"))
    assert [(one.before, one.state, one.at[:10]) for one in history.changes_of(SEAT)] == [
        ("", "compliant", "2026-11-20"),
        ("compliant", "drift", "2026-11-21"),
        ("drift", "compliant", "2026-11-23"),
    ]


def test_a_hostile_name_is_a_name_like_any_other(history: im_history.History) -> None:
    history.record(report(row(HOSTILE, login=HOSTILE)))
    assert history.since(Seat(HOSTILE, HOSTILE, "pidgin")) is not None


def test_a_day_is_told_by_its_widest_run(history: im_history.History) -> None:
    history.record(report(row("pc-1"), row("pc-2", "drift"), at="2026-11-20T02:00:00Z"))
    history.record(report(row("pc-2"), at="2026-11-20T12:00:00Z"))
    history.record(report(row("pc-1"), row("pc-2"), at="2026-11-22T02:00:00Z"))
    days = history.trend(5, today=datetime(2026, 11, 23, tzinfo=UTC))
    assert [(one.day, one.counts["compliant"], one.counts["drift"]) for one in days] == [
        ("2026-11-20", 1, 1),
        ("2026-11-22", 2, 0),
    ]
    assert [one.day for one in history.trend(2, today=datetime(2026, 11, 23, tzinfo=UTC))] == ["2026-11-22"]


def test_an_older_report_of_the_same_host_is_refused_and_changes_nothing(history: im_history.History) -> None:
    history.record(report(row()))
    with pytest.raises(HistoryError, match="déjà enregistré"):
        history.record(report(row(state="drift"), at="2026-11-22T02:00:00Z"))
    assert [one.state for one in history.current()] == ["compliant"]
    history.record(report(row("pc-2"), at="2026-11-22T02:00:00Z"))


@pytest.mark.parametrize("broken", [{"schema": 2}, {"at": "yesterday"}, {"rows": [row(state="fine")]}])
def test_a_report_of_another_shape_is_refused(history: im_history.History, broken: dict[str, object]) -> None:
    with pytest.raises(HistoryError, match="Historique"):
        history.record({**report(row()), **broken})
    assert history.current() == []


def test_pruning_keeps_what_is_known_of_each_seat(history: im_history.History) -> None:
    for day, state in enumerate(["compliant", "drift", "unreachable", "unreachable"], 20):
        history.record(report(row(state=state), row("pc-2"), at=f"2026-11-{day}T02:00:00Z"))
    before = [one[:-1] for one in history.current()]
    assert history.prune(1, today=datetime(2027, 1, 1, tzinfo=UTC)) == 0
    assert [one[:-1] for one in history.current()] == before
    assert [one.state for one in history.changes_of(SEAT)] == ["unreachable"]


def test_pruning_forgets_the_runs_that_nothing_names(history: im_history.History) -> None:
    for report_of_night in nights(seats=4, count=30, share=0):
        history.record(report_of_night)
    assert history.prune(7, today=datetime(2026, 1, 30, 12, tzinfo=UTC)) == 22
    assert len(history.trend(365, today=datetime(2026, 1, 30, tzinfo=UTC))) == 8


def test_a_report_is_filled_with_since_and_last_known(history: im_history.History) -> None:
    history.record(report(row(state="drift"), row("pc-2"), at="2026-11-20T02:00:00Z"))
    now = report(row(state="unreachable"), row("pc-2"))
    fields = [(one["since"], one["last_known"]) for one in filled(now, history.current())["rows"]]
    last = {"state": "drift", "at": "2026-11-20T02:00:00Z", "age": 259_200}
    assert fields == [(None, last), ("2026-11-20T02:00:00Z", None)]
    history.record(now)
    fields = [(one["since"], one["last_known"]) for one in filled(now, history.current())["rows"]]
    assert fields == [("2026-11-23T02:00:00Z", last), ("2026-11-20T02:00:00Z", None)]


def test_the_number_of_queries_does_not_grow_with_seats_or_years(history: im_history.History) -> None:
    counts = []
    for count in (2, 60):
        for one in list(nights(seats=20, count=count, share=0.1))[-count:]:
            at = one["at"].replace("2026", str(2026 + count))
            history.record({**one, "at": at})
        counts.append(_queries(history))
    assert counts[0] == counts[1]


def _queries(history: im_history.History) -> list[int]:
    seen: list[str] = []
    listening = (history._engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
    event.listen(*listening)
    counts = []
    for ask in (history.current, lambda: history.last_known("pc-00001"), lambda: history.trend(365)):
        seen.clear()
        ask()
        counts.append(len(seen))
    event.remove(*listening)
    return counts


def test_runs_at_the_same_time_wait_for_each_other(url: str) -> None:
    failures: list[Exception] = []

    def run(number: int) -> None:
        try:
            with open_history(url) as history:
                for night in nights(seats=5, count=4, share=0.5, seed=number):
                    rows = [{**one, "host": f"{number}-{one['host']}"} for one in night["rows"]]
                    history.record({**night, "rows": rows})
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with open_history(url) as history:
        assert len(history.current()) == 15


KILLED = """
import os, signal, sys
import conftest
from ansible.module_utils.im_history import open_history
from compliance_reports import report, row
from sqlalchemy import event
history = open_history(sys.argv[1])
def kill(connection, cursor, statement, *rest):
    if statement.startswith("INSERT INTO im_changes"):
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(history._engine, "after_cursor_execute", kill)
history.record(report(row("pc-1", "drift"), row("pc-2", "drift"), at="2026-11-24T02:00:00Z"))
"""


def test_a_run_that_is_killed_while_it_writes_leaves_the_old_history(url: str) -> None:
    with open_history(url) as history:
        history.record(report(row("pc-1"), row("pc-2")))
    paths = ":".join([str(PROJECT / "tests"), str(PROJECT / "tests" / "unit")])
    killed = subprocess.run([sys.executable, "-c", KILLED, url], env={"PYTHONPATH": paths}, check=False)
    assert killed.returncode == -9
    with open_history(url) as history:
        assert [one.state for one in history.current()] == ["compliant", "compliant"]
        assert [one.last_at for one in history.current()] == ["2026-11-23T02:00:00Z"] * 2
        assert len(history.record(report(row("pc-1", "drift"), row("pc-2"), at="2026-11-25T02:00:00Z"))) == 1


def test_the_migrations_lead_to_the_tables_that_the_queries_use(history: im_history.History) -> None:
    with history._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "im_history_version"})
        assert compare_metadata(context, tables.metadata) == []


@pytest.fixture
def first_schema(tmp_path: Path) -> Path:
    """A file as the first version of this project left it, with what it knew."""
    path = tmp_path / "first.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((PROJECT / "tests" / "golden" / "history" / "0001.sql").read_text(encoding="utf-8"))
    return path


def test_a_file_of_the_first_schema_still_answers_and_goes_on(first_schema: Path) -> None:
    with open_history(str(first_schema)) as history:
        known = {one.seat.host: (one.state, one.since, one.last_state, one.last_at) for one in history.current()}
        assert known == {
            "pc-1": ("compliant", "2026-11-20T02:00:00Z", "compliant", "2026-11-22T02:00:00Z"),
            "pc-2": ("unreachable", "2026-11-22T02:00:00Z", "drift", "2026-11-21T02:00:00Z"),
        }
        assert [one.counts["drift"] for one in history.trend(9, datetime(2026, 11, 23, tzinfo=UTC))] == [1, 1, 0]
        changes = history.record(report(row(), row("pc-2", "drift", causes=[{"code": "user"}])))
        assert [(one.seat.host, one.before, one.state) for one in changes] == [("pc-2", "unreachable", "drift")]


NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("im_runs", sa.Column("note", sa.Text, nullable=False, server_default="old"))
    {then}
"""


def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """This project as a later version of it will be, with one migration more."""
    later = tmp_path / "migrations"
    shutil.copytree(opening.MIGRATIONS, later)
    (later / "versions" / "v0002_next.py").write_text(NEXT.format(then=then), encoding="utf-8")
    monkeypatch.setattr(opening, "MIGRATIONS", later)


def notes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [note for (note,) in connection.execute("SELECT note FROM im_runs")]


def test_a_migration_brings_a_filled_file_along(
    first_schema: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_version(tmp_path, monkeypatch, "pass")
    for _ in range(2):
        with open_history(str(first_schema)) as history:
            assert [one.state for one in history.current()] == ["compliant", "unreachable"]
    assert notes(first_schema) == ["old"] * 3
    monkeypatch.undo()
    with pytest.raises(HistoryError, match="0002"):
        open_history(str(first_schema))


def test_a_migration_that_breaks_leaves_the_file_as_it_was(
    first_schema: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_version(tmp_path, monkeypatch, "op.execute('SELECT one FROM nowhere')")
    with pytest.raises(HistoryError, match="nowhere"):
        open_history(str(first_schema))
    monkeypatch.undo()
    with open_history(str(first_schema)) as history:
        assert [one.state for one in history.current()] == ["compliant", "unreachable"]
    with pytest.raises(sqlite3.OperationalError, match="note"):
        notes(first_schema)


def test_a_history_of_a_newer_version_is_refused_without_its_password(url: str) -> None:
    with open_history(url) as history, history._engine.begin() as connection:
        connection.execute(text("UPDATE im_history_version SET version_num = '9999'"))
    with pytest.raises(HistoryError, match="9999") as refused:
        open_history(url)
    assert "s3cret" not in str(refused.value)


def test_the_file_and_its_folder_are_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "history.sqlite"
    open_history(str(path)).close()
    assert [one.stat().st_mode & 0o777 for one in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
    path.chmod(0o644)
    open_history(str(path)).close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@[::1]:1/x",
        "postgresql://127.0.0.1:1/x?user=me&password=s3cret",
        "postgresql://me:s3cret@127.0.0.1:port/x",
        "mysql://me:s3cret@127.0.0.1/x",
        "sqlite://",
        "nonsense://:s3cret:@@",
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_address_that_does_not_work_is_told_without_its_password(url: str, language: str) -> None:
    with pytest.raises(HistoryError) as refused:
        open_history(url, language)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look into " * 50, encoding="utf-8")
    with pytest.raises(HistoryError, match=r"notes\.txt"):
        open_history(str(path))
    assert path.read_text(encoding="utf-8").startswith("not a database")


def test_a_change_costs_a_few_hundred_bytes_and_a_quiet_night_next_to_nothing(tmp_path: Path) -> None:
    def size(count: int, share: float) -> int:
        path = tmp_path / f"{count}-{share}.sqlite"
        with open_history(str(path)) as history:
            for night in nights(seats=400, count=count, share=share):
                history.record(night)
        return path.stat().st_size

    empty, quiet, lively = size(1, 0), size(41, 0), size(41, 0.05)
    assert (quiet - empty) / 40 <= 300
    assert (lively - quiet) / (40 * 20) <= 200


def test_the_database_is_not_made_where_the_driver_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(HistoryError, match="pip install"):
        open_history("postgresql://me:s3cret@127.0.0.1/x")


def test_a_run_that_another_one_keeps_out_says_so_and_records_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0)
    path = str(tmp_path / "history.sqlite")
    with open_history(path) as other, open_history(path) as history:
        with other._writing(), pytest.raises(HistoryError, match="locked"):
            history.record(report(row()))
        assert history.current() == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)  # SQLite takes any text
def test_a_value_that_the_database_refuses_is_not_shown(history: im_history.History) -> None:
    with pytest.raises(HistoryError) as refused:
        history.record(report(row("secret\x00host")))
    assert "secret" not in str(refused.value)
    assert history.current() == []
