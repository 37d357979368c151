"""Read and write Gajim's settings.sqlite as bytes, never trusting it.

The file lies in a user's home and is parsed on the control node, so SQLite only gets to see it after its header made
sense, and nothing of it is read before its schema is, word for word, the one that every Gajim creates: no trigger,
view, virtual table, default or CHECK expression of a stranger is ever evaluated.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from typing import NamedTuple

from .base import Refused
from .gajim_keys import NEWEST_VERSION, OLDEST_VERSION
from .sqlite_bytes import limit_values, open_bytes, to_bytes

MAX_BYTES = 64 * 1024 * 1024
#: Work that SQLite may spend on one file, in units of WORK_UNIT virtual machine steps. A settings file takes a few
#: hundred steps; B-trees that loop could keep SQLite busy for years.
MAX_WORK_UNITS = 2_000
WORK_UNIT = 10_000

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_UTF8 = 1
_ROLLBACK_JOURNAL = 1
_SMALLEST_PAGE = 512
_REMEDY = "restore a backup, or move the file away so that a new one is made"
_SHOWN_NAME = 60  # characters of a name of the file shown in an error

#: The whole schema, as every Gajim since 1.3 creates it; compared without regard to white space.
TABLES = {
    "settings": "CREATE TABLE settings (name TEXT UNIQUE, settings TEXT)",
    "account_settings": "CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT)",
}
_KEY_COLUMN = {"settings": "name", "account_settings": "account"}


class Row(NamedTuple):
    """One row of a table: its rowid, its key (row name or account row key) and its JSON text."""

    rowid: int
    key: str
    text: str


class Database:
    """An opened settings file. Only made by :func:`opened` and :func:`created`."""

    def __init__(self, connection: sqlite3.Connection, user_version: int) -> None:
        self._connection = connection
        self.user_version = user_version

    def rows(self, table: str) -> list[Row]:
        """All rows of a table in the order of the file.

        Raises:
            Refused: a key or a value is not text in UTF-8.
        """
        key = _KEY_COLUMN[table]
        found = self._connection.execute(
            f"SELECT rowid, {key}, settings, typeof({key}), typeof(settings) FROM {table} ORDER BY rowid"  # noqa: S608 - both names are ours
        )
        rows = []
        for rowid, name, text, *types in found:
            where = f"table {table}, row {rowid}"
            if types != [b"text", b"text"]:
                raise Refused(where, "holds something else than text")
            try:
                rows.append(Row(rowid, name.decode(), text.decode()))
            except UnicodeDecodeError:
                raise Refused(where, "is not valid UTF-8") from None
        return rows

    def replace(self, table: str, row: Row, text: str) -> None:
        """Give one row another text."""
        self._connection.execute(f"UPDATE {table} SET settings = ? WHERE rowid = ?", (text, row.rowid))  # noqa: S608 - the name is ours

    def append(self, table: str, key: str, text: str) -> None:
        """Add one row after the others."""
        self._connection.execute(f"INSERT INTO {table} VALUES (?, ?)", (key, text))  # noqa: S608 - the name is ours

    def delete(self, table: str, row: Row) -> None:
        """Take one row away. The file keeps its size; where the row stood are zeros."""
        self._connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row.rowid,))  # noqa: S608 - the name is ours

    def content(self) -> bytes:
        """The database as it is now, as the bytes of a file."""
        return to_bytes(self._connection)


@contextlib.contextmanager
def opened(content: bytes) -> Iterator[Database]:
    """Open the bytes of a settings file after proving that they are one, and an intact one.

    The caller's own calls to SQLite are covered too: whatever SQLite finds wrong becomes Refused.

    Raises:
        Refused: not SQLite, too big, WAL mode, foreign schema, damaged, or of an unknown user_version.
    """
    version = _check_header(content)
    with _refusing_sqlite_errors(), contextlib.closing(_connect(content)) as connection:
        _check_schema(connection)
        if connection.execute("PRAGMA integrity_check(1)").fetchall() != [(b"ok",)]:
            raise Refused("database", f"damaged: SQLite's integrity check fails; {_REMEDY}")
        yield Database(connection, version)


@contextlib.contextmanager
def created() -> Iterator[Database]:
    """An empty settings file of user_version 0, which every Gajim since 1.3 migrates to its own."""
    with contextlib.closing(_connect(b"")) as connection:
        connection.execute("PRAGMA page_size = 4096")
        for statement in TABLES.values():
            connection.execute(statement)
        yield Database(connection, OLDEST_VERSION)


def _connect(content: bytes) -> sqlite3.Connection:
    connection = open_bytes(content)
    connection.text_factory = bytes  # decoding is ours: sqlite3 would raise in the middle of a row
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA secure_delete = ON")  # a row may hold a password: no trace of it in a free page
    limit_values(connection, MAX_BYTES)
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
    budget = iter(range(MAX_WORK_UNITS))
    connection.set_progress_handler(lambda: next(budget, None) is None, WORK_UNIT)
    return connection


@contextlib.contextmanager
def _refusing_sqlite_errors() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # UnicodeDecodeError: sqlite3 failed to decode SQLite's own message, which quoted a damaged name.
        # Only the name of the error: SQLite's message may quote the file, thus a password of it.
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        raise Refused("database", f"SQLite cannot read it ({name}); {_REMEDY}") from None


def _check_header(content: bytes) -> int:
    """Judge the 100 bytes that SQLite documents as the database header (sqlite.org/fileformat.html).

    Returns:
        The user_version. It is judged before the schema, which a newer Gajim may have changed.
    """
    if len(content) > MAX_BYTES:
        raise Refused("file", f"{len(content)} bytes: more than the {MAX_BYTES} that a settings file can need")
    if len(content) < _HEADER_BYTES or not content.startswith(_MAGIC):
        raise Refused("header", f"not an SQLite 3 database; {_REMEDY}")
    if (content[18], content[19]) != (_ROLLBACK_JOURNAL, _ROLLBACK_JOURNAL):
        raise Refused(
            "header, byte 18",
            "the database is in WAL mode, so the newest settings may be in another file; Gajim never does this: "
            "run 'PRAGMA journal_mode=DELETE' on it with Gajim stopped",
        )
    page_size = int.from_bytes(content[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    pages = int.from_bytes(content[28:32], "big")
    if page_size < _SMALLEST_PAGE or page_size & (page_size - 1) or pages * page_size != len(content):
        raise Refused("header, byte 28", f"announces another size than {len(content)} bytes: cut short, or damaged")
    if int.from_bytes(content[56:60], "big") != _UTF8:
        raise Refused("header, byte 56", "the text encoding is not UTF-8, as it is in every file of Gajim")
    version = int.from_bytes(content[60:64], "big", signed=True)
    if not OLDEST_VERSION <= version <= NEWEST_VERSION:
        raise Refused(
            "PRAGMA user_version",
            f"{version} is not known here ({OLDEST_VERSION} to {NEWEST_VERSION} are): "
            "this Gajim is newer than this project; update this project",
        )
    return version


def _check_schema(connection: sqlite3.Connection) -> None:
    expected: set[tuple[str, str, str, str | None]] = {
        ("table", name, name, _without_space(sql)) for name, sql in TABLES.items()
    }
    expected |= {("index", f"sqlite_autoindex_{name}_1", name, None) for name in TABLES}
    for columns in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"):
        kind, name, table, sql = (
            part.decode(errors="replace") if isinstance(part, bytes) else part for part in columns
        )
        entry = (kind, name, table, _without_space(sql) if isinstance(sql, str) else sql)
        if entry not in expected:
            raise Refused("schema", f"unexpected {str(kind)[:_SHOWN_NAME]} {str(name)[:_SHOWN_NAME]!r}")
        expected.remove(entry)
    if expected:
        missing = ", ".join(sorted(name for _kind, name, _table, _sql in expected))
        raise Refused("schema", f"missing: {missing}; this is not a settings file of Gajim 1.3 or later")


def _without_space(sql: str) -> str:
    """The statement with no white space but single blanks between words."""
    text = " ".join(sql.split())
    for mark in "(),":
        text = text.replace(f" {mark}", mark).replace(f"{mark} ", mark)
    return text
