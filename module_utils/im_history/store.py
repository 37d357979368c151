"""The history itself: record a report, and answer since when, last known, and how the fleet fared."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, select, union
from sqlalchemy.exc import DBAPIError

from ..im_report import STATES
from .errors import HistoryError
from .records import GONE, TIME, UNREACHABLE, Change, Day, Known, Seat, moment, seat_of
from .scope import as_ranges, from_ranges
from .tables import changes, hosts, runs, scopes, seats


class _Latest(NamedTuple):
    """The newest change of one seat, by ids."""

    seat_id: int
    state: str
    causes: str
    since_run: int
    last_state: str | None
    seen_run: int | None


class History:
    """An open history, made by open_history; a context manager that closes its connections."""

    def __init__(
        self, engine: Engine, write_lock: Callable[[Connection], None], fault: Callable[..., HistoryError]
    ) -> None:
        """``fault(code, **values)`` makes the error of a text ``history.<code>``, in the reader's language."""
        self._engine = engine
        self._write_lock = write_lock
        self._fault = fault

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection on which what the database refuses becomes a HistoryError."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise self._fault("database", reason=first_line(error)) from None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """The same in a transaction that no other run writes beside: it is kept as a whole, or not at all."""
        with self._reading() as reading:
            connection = reading.execution_options(im_writes=True)
            with connection.begin():
                self._write_lock(connection)
                yield connection

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def record(self, report: Mapping[str, Any]) -> list[Change]:
        """Record a report and return what changed since the last run, in one transaction: all of it, or nothing.

        A seat whose state and causes are as before costs nothing. A seat that its host no longer has becomes GONE.

        Raises:
            HistoryError: the report is of another schema, or older than what is recorded of one of its hosts; another
                run kept the database too long, or the database failed. Then nothing was recorded.
        """
        if report.get("schema") != 1:
            raise self._fault("report", what=f"schema {report.get('schema')!r}")
        try:
            at = moment(report["at"]).strftime(TIME)
        except ValueError:
            raise self._fault("report", what=f"at {report['at']!r}") from None
        rows = {seat_of(row): row for row in report["rows"]}
        if unknown := {str(row["state"]) for row in rows.values()} - set(STATES):
            raise self._fault("report", what=f"state {', '.join(sorted(unknown))}")
        with self._writing() as connection:
            host_ids = _host_ids(connection, {seat.host for seat in rows})
            looked_at = {host_ids[seat.host] for seat in rows}
            last_runs = _last_runs(connection)
            newest = _newest(connection, {last_runs[one] for one in looked_at if one in last_runs})
            if newest and at < newest:
                raise self._fault("older", at=at, newest=newest)
            known = _seat_ids(connection, host_ids, rows)
            latest = {one.seat_id: one for one in map(_latest, connection.execute(_latest_changes()))}
            run_id = _add_run(connection, at, str(report.get("mode", "audit")), looked_at, rows.values())
            found = []
            new = []
            for seat, seat_id in known.items():
                if host_ids.get(seat.host) not in looked_at:
                    continue
                row = rows.get(seat)
                state = str(row["state"]) if row else GONE
                causes = " ".join(sorted({str(cause["code"]) for cause in row.get("causes", [])})) if row else ""
                before = latest.get(seat_id)
                if (before and (before.state, before.causes) == (state, causes)) or (not before and state == GONE):
                    continue
                new.append(
                    {
                        "seat_id": seat_id,
                        "run_id": run_id,
                        "state": state,
                        "causes": causes,
                        **_before(before, state, run_id, last_runs.get(host_ids[seat.host])),
                    }
                )
                found.append(Change(seat, before.state if before else "", state, tuple(causes.split()), at))
            if new:
                connection.execute(insert(changes), new)
        return found

    def since(self, seat: Seat) -> Known | None:
        """What is known of one seat; None when the history never saw it."""
        return next(iter(self._known(seats.c.login == seat.login, seats.c.client == seat.client, host=seat.host)), None)

    def current(self) -> list[Known]:
        """What is known of every seat that is not gone: the fleet as the last runs saw it."""
        return self._known()

    def last_known(self, host: str) -> list[Known]:
        """What is known of every seat of one host, with its age; [] when the history never saw the host."""
        return self._known(host=host)

    def changes_of(self, seat: Seat) -> list[Change]:
        """The life of one seat, oldest change first."""
        wanted = (
            select(changes.c.before, changes.c.state, changes.c.causes, runs.c.at)
            .join(runs, runs.c.id == changes.c.run_id)
            .join(seats, seats.c.id == changes.c.seat_id)
            .join(hosts, hosts.c.id == seats.c.host_id)
            .where(hosts.c.name == seat.host, seats.c.login == seat.login, seats.c.client == seat.client)
            .order_by(changes.c.run_id)
        )
        with self._reading() as connection:
            return [
                Change(seat, row.before, row.state, tuple(row.causes.split()), row.at)
                for row in connection.execute(wanted)
            ]

    def last_run(self) -> str:
        """When the last run was, of whatever hosts; ISO 8601 in UTC, "" when there was none."""
        with self._reading() as connection:
            return str(connection.execute(select(func.max(runs.c.at))).scalar() or "")

    def trend(self, days: int, today: datetime | None = None) -> list[Day]:
        """The counts of each day of the last ``days`` days that had a run, oldest first.

        A day with several runs is told by its widest one: the nightly run, not the lab that was looked at by noon.
        """
        first = ((today or datetime.now(UTC)) - timedelta(days=days - 1)).strftime("%Y-%m-%d")
        columns = [runs.c[state] for state in STATES]
        found: dict[str, dict[str, int]] = {}
        with self._reading() as connection:
            for row in connection.execute(select(runs.c.at, *columns).where(runs.c.at >= first).order_by(runs.c.at)):
                counts = dict(zip(STATES, row[1:], strict=True))
                widest = found.get(row.at[:10])
                if widest is None or sum(counts.values()) >= sum(widest.values()):
                    found[row.at[:10]] = counts
        return [Day(day, counts) for day, counts in found.items()]

    def prune(self, days: int, today: datetime | None = None) -> int:
        """Forget changes and runs older than ``days`` days; returns how many runs went.

        What is known of each seat stays, however old: its newest change, and the runs that this names.
        """
        limit = ((today or datetime.now(UTC)) - timedelta(days=days)).strftime(TIME)
        newest = select(changes.c.seat_id, func.max(changes.c.run_id).label("run_id")).group_by(changes.c.seat_id)
        kept = newest.subquery()
        old = select(runs.c.id).where(runs.c.at < limit)
        last_of_scope = select(func.max(runs.c.id)).group_by(runs.c.scope_id)
        named = union(*(select(changes.c[name]).where(changes.c[name].is_not(None)) for name in _RUN_COLUMNS))
        with self._writing() as connection:
            is_newest = select(kept.c.run_id).where(kept.c.seat_id == changes.c.seat_id).scalar_subquery()
            connection.execute(delete(changes).where(changes.c.run_id.in_(old), changes.c.run_id != is_newest))
            gone = connection.execute(
                delete(runs).where(runs.c.at < limit, runs.c.id.not_in(last_of_scope), runs.c.id.not_in(named))
            )
            return gone.rowcount

    def _known(self, *conditions: Any, host: str | None = None) -> list[Known]:
        """Two queries, whatever the number of seats and years: the newest changes, and the last run of each scope."""
        now = datetime.now(UTC)
        wanted = _latest_changes(host).where(*conditions)
        with self._reading() as connection:
            last_runs = _last_runs(connection)
            found = connection.execute(wanted).all()
            times = _times(connection, found, last_runs)
        known = []
        for row in found:
            if row.state == GONE:
                continue
            # A seat that answers was last seen by the last run that looked at its host.
            seen = row.seen_run if row.state == UNREACHABLE else last_runs.get(row.host_id, row.run_id)
            last_state = row.last_state if row.state == UNREACHABLE else row.state
            at = times[seen] if seen is not None and last_state else None
            age = int((now - moment(at)).total_seconds()) if at else None
            seat = Seat(row.host, row.login, row.client)
            known.append(Known(seat, row.state, times[row.since_run], tuple(row.causes.split()), last_state, at, age))
        return known


_RUN_COLUMNS = ("run_id", "since_run", "seen_run")


def _latest_changes(host: str | None = None) -> Select[Any]:
    """The newest change of each seat: one look into the key for each, however long the history is."""
    key = changes.alias()
    newest = select(func.max(key.c.run_id)).where(key.c.seat_id == seats.c.id).correlate(seats).scalar_subquery()
    wanted = (
        select(changes, seats.c.login, seats.c.client, seats.c.host_id, hosts.c.name.label("host"))
        .select_from(seats)
        .join(changes, (changes.c.seat_id == seats.c.id) & (changes.c.run_id == newest))
        .join(hosts, hosts.c.id == seats.c.host_id)
    )
    return wanted if host is None else wanted.where(hosts.c.name == host)


def _latest(row: Row[Any]) -> _Latest:
    return _Latest(row.seat_id, row.state, row.causes, row.since_run, row.last_state, row.seen_run)


def _times(connection: Connection, found: Sequence[Row[Any]], last_runs: Mapping[int, int]) -> dict[int, str]:
    """Run id -> time, of the runs that matter: all of them when that is many, as a list of ids has its limit."""
    ids = {run for row in found for run in (row.since_run, row.seen_run, last_runs.get(row.host_id), row.run_id) if run}
    wanted = select(runs.c.id, runs.c.at)
    if len(ids) < 500:
        wanted = wanted.where(runs.c.id.in_(ids))
    return {row.id: row.at for row in connection.execute(wanted)}


def _last_runs(connection: Connection) -> dict[int, int]:
    """Host id -> the last run that looked at it."""
    last: dict[int, int] = {}
    newest = select(func.max(runs.c.id).label("run_id"), runs.c.scope_id).group_by(runs.c.scope_id).subquery()
    wanted = select(newest.c.run_id, scopes.c.host_ids).join(scopes, scopes.c.id == newest.c.scope_id)
    for row in connection.execute(wanted.order_by(newest.c.run_id)):
        last.update(dict.fromkeys(from_ranges(row.host_ids), row.run_id))
    return last


def _newest(connection: Connection, last: set[int]) -> str | None:
    """When the newest of these runs was."""
    return connection.execute(select(func.max(runs.c.at)).where(runs.c.id.in_(last))).scalar() if last else None


def first_line(error: DBAPIError) -> str:
    """The first line of what the driver says: sqlite3 and psycopg name neither passwords nor values there."""
    return str(error.orig).strip().splitlines()[0]


def _host_ids(connection: Connection, names: set[str]) -> dict[str, int]:
    """Name -> id of the hosts named, those that are new added in the order of their names (their ids make ranges)."""
    known = {row.name: row.id for row in connection.execute(select(hosts.c.name, hosts.c.id))}
    new = sorted(names - set(known))
    if new:
        connection.execute(insert(hosts), [{"name": name} for name in new])
        known = {row.name: row.id for row in connection.execute(select(hosts.c.name, hosts.c.id))}
    return known


def _seat_ids(connection: Connection, host_ids: Mapping[str, int], rows: Mapping[Seat, Any]) -> dict[Seat, int]:
    """Seat -> id of every seat of the history, those that are new added."""
    wanted = select(seats.c.id, hosts.c.name, seats.c.login, seats.c.client).join(hosts, hosts.c.id == seats.c.host_id)

    def read() -> dict[Seat, int]:
        return {Seat(row.name, row.login, row.client): row.id for row in connection.execute(wanted)}

    known = read()
    new = [
        {"host_id": host_ids[seat.host], "login": seat.login, "client": seat.client}
        for seat in rows
        if seat not in known
    ]
    if new:
        connection.execute(insert(seats), new)
        known = read()
    return known


def _add_run(connection: Connection, at: str, mode: str, looked_at: set[int], rows: Any) -> int:
    ranges = as_ranges(looked_at)
    digest = hashlib.sha256(ranges.encode()).hexdigest()
    scope_id = connection.execute(select(scopes.c.id).where(scopes.c.digest == digest)).scalar()
    if scope_id is None:
        added = insert(scopes).values(digest=digest, host_ids=ranges).returning(scopes.c.id)
        scope_id = connection.execute(added).scalar_one()
    counts = Counter(str(row["state"]) for row in rows)
    states = {state: counts[state] for state in STATES}
    run = insert(runs).values(at=at, mode=mode, scope_id=scope_id, **states).returning(runs.c.id)
    return int(connection.execute(run).scalar_one())


def _before(before: _Latest | None, state: str, run_id: int, last_run: int | None) -> dict[str, Any]:
    """What a change carries of the life of its seat, ``last_run`` being the last one that looked at its host."""
    last_state, seen_run = None, None
    if before and state == UNREACHABLE:
        if before.state in (UNREACHABLE, GONE):
            last_state, seen_run = before.last_state, before.seen_run
        else:
            last_state, seen_run = before.state, last_run
    return {
        "before": before.state if before else "",
        "since_run": before.since_run if before and before.state == state else run_id,
        "last_state": last_state,
        "seen_run": seen_run,
    }
