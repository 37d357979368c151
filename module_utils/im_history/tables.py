"""The tables as they are now; migrations/ holds the way there, and a test compares the two.

Nothing here is ever updated: a run adds one row to im_runs and one to im_changes for each seat that changed.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, Text, UniqueConstraint

from ..im_report import STATES

metadata = MetaData()

hosts = Table(
    "im_hosts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

seats = Table(
    "im_seats",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("host_id", Integer, ForeignKey("im_hosts.id"), nullable=False),
    Column("login", Text, nullable=False),
    Column("client", Text, nullable=False),
    UniqueConstraint("host_id", "login", "client"),
)

# Which hosts a run looked at, as ranges of their ids ("1-4000,4002"). Nightly runs share one row, so that "when was
# this host last seen" costs nothing while nothing changes, and a run of one lab does not pretend to have seen the rest.
scopes = Table(
    "im_scopes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("host_ids", Text, nullable=False),
)

runs = Table(
    "im_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String(20), nullable=False, index=True),
    Column("mode", Text, nullable=False),
    Column("scope_id", Integer, ForeignKey("im_scopes.id"), nullable=False),
    *(Column(state, Integer, nullable=False) for state in STATES),
)

# A change carries what its seat was before, so that no question ever walks through the years: `since_run` is where
# the state began (causes may change meanwhile), `last_state` and `seen_run` are what was seen before it went silent.
changes = Table(
    "im_changes",
    metadata,
    Column("seat_id", Integer, ForeignKey("im_seats.id"), primary_key=True),
    Column("run_id", Integer, ForeignKey("im_runs.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("causes", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("since_run", Integer, ForeignKey("im_runs.id"), nullable=False),
    Column("last_state", Text),
    Column("seen_run", Integer, ForeignKey("im_runs.id")),
    sqlite_with_rowid=False,
)
