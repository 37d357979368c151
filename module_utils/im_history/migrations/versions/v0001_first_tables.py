"""Make the first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Written out, not taken from im_report: what a migration makes must never change.
STATES = ("compliant", "changed", "drift", "deferred", "refused", "failed", "unreachable", "waived")


def upgrade() -> None:
    """From an empty database to hosts, seats, scopes, runs and changes."""
    op.create_table(
        "im_hosts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "im_seats",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("host_id", sa.Integer, sa.ForeignKey("im_hosts.id"), nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.UniqueConstraint("host_id", "login", "client"),
    )
    op.create_table(
        "im_scopes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("host_ids", sa.Text, nullable=False),
    )
    op.create_table(
        "im_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(20), nullable=False, index=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("scope_id", sa.Integer, sa.ForeignKey("im_scopes.id"), nullable=False),
        *(sa.Column(state, sa.Integer, nullable=False) for state in STATES),
    )
    op.create_table(
        "im_changes",
        sa.Column("seat_id", sa.Integer, sa.ForeignKey("im_seats.id"), primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("im_runs.id"), primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("causes", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("since_run", sa.Integer, sa.ForeignKey("im_runs.id"), nullable=False),
        sa.Column("last_state", sa.Text),
        sa.Column("seen_run", sa.Integer, sa.ForeignKey("im_runs.id")),
        sqlite_with_rowid=False,
    )
