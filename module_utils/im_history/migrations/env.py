"""What Alembic loads to run the migrations: on the connection, and in the transaction, that opening.py gives it."""

from __future__ import annotations

from alembic import context

VERSION_TABLE = "im_history_version"

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
