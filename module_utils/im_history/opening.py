"""From a URL to an open history: the file and its rights, one writer at a time, the schema brought up to date."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from .. import im_catalogue
from .errors import HistoryError
from .store import History, first_line

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "im_history_version"
#: Seconds that a run waits for another one that is writing.
BUSY_SECONDS = 60
#: PostgreSQL's advisory lock of this product: any number that nobody else takes ("imhi").
LOCK = 0x696D6869


def open_history(url: str, language: str = "fr") -> History:
    """Open the history at ``url``, making it or bringing its schema up to date.

    Args:
        url: a path or ``sqlite:///path`` for a file (made 0600, missing directories 0700), or
            ``postgresql://user:password@host/database``.
        language: "fr" or "en", of the errors.

    Raises:
        HistoryError: the URL is of neither kind, the database does not answer, the driver is missing, or the schema
            was made by a newer version of this project. No message holds a password.
    """
    address = _address(url, language)
    shown = _without_secrets(address)
    try:
        if address.get_backend_name() == "sqlite":
            _make_private(Path(address.database or ""))
        engine = _engine(address)
        with engine.connect() as connection:
            _bring_up_to_date(connection, shown, language)
    except ModuleNotFoundError as error:
        raise _fault(language, "driver", url=shown, package=str(error.name)) from None
    except (DBAPIError, OSError) as error:
        reason = first_line(error) if isinstance(error, DBAPIError) else str(error)
        raise _fault(language, "cannot_open", url=shown, reason=reason) from None
    return History(engine, write_lock, partial(_fault, language, url=shown))


def _fault(language: str, code: str, **values: str) -> HistoryError:
    return HistoryError(im_catalogue.text(f"history.{code}", language, **values))


def _address(url: str, language: str) -> URL:
    try:
        address = make_url(url) if "://" in url else URL.create("sqlite", database=url)
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        known = address.get_backend_name() in ("postgresql", "sqlite")
    except (ArgumentError, NoSuchModuleError, ValueError):
        known = False
    if not known or (address.get_backend_name() == "sqlite" and address.database in (None, "", ":memory:")):
        # The URL itself is not shown: what cannot be read cannot be masked.
        raise _fault(language, "bad_url")
    return address


def _without_secrets(address: URL) -> str:
    hidden = {key: "***" if "pass" in key else value for key, value in address.query.items()}
    return address.set(query=hidden).render_as_string(hide_password=True)


def _make_private(path: Path) -> None:
    """The history names people: only its owner reads it."""
    for directory in reversed([path.parent, *path.parent.parents]):
        directory.mkdir(mode=0o700, exist_ok=True)  # another run may make it at this moment
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _engine(address: URL) -> Engine:
    if address.get_backend_name() != "sqlite":
        return create_engine(address, hide_parameters=True)
    # No isolation level: Python's sqlite3 would begin a transaction only at the first write, after we read.
    settings = {"timeout": BUSY_SECONDS, "isolation_level": None}
    engine = create_engine(address, connect_args=settings, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """A transaction that will write takes the lock before it reads."""
        writes = connection.get_execution_options().get("im_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def write_lock(connection: Connection) -> None:
    """In a transaction that has begun: wait until no other run writes (SQLite did at BEGIN IMMEDIATE)."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


def _bring_up_to_date(connection: Connection, shown: str, language: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    if _revision(connection) == head:
        return
    connection.rollback()
    connection = connection.execution_options(im_writes=True)
    with connection.begin():
        write_lock(connection)
        # Asked again under the lock: another run may have done the work meanwhile.
        revision = _revision(connection)
        if revision is not None and revision not in {script.revision for script in scripts.walk_revisions()}:
            raise _fault(language, "newer", url=shown, found=revision, known=str(head))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()
