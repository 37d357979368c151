"""An SQLite database as the bytes of its file, on every Python since 3.9.

Python 3.11 brought ``Connection.deserialize``, ``serialize`` and ``setlimit``. Before it, the bytes go through a file
of our own that no other user can read, and that is gone again as soon as SQLite has copied what it holds.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

_WITHOUT_A_FILE = hasattr(sqlite3.Connection, "deserialize")


def open_bytes(content: bytes) -> sqlite3.Connection:
    """Open the bytes of a database file, in memory and in autocommit mode.

    SQLite may look at the bytes only when the first statement is run; nothing of the schema is evaluated here.

    Args:
        content: the whole file, not in write-ahead mode (bytes in memory cannot have it); empty for a new database.

    Raises:
        sqlite3.Error: SQLite cannot read it. Its message may quote the content.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        if content and _WITHOUT_A_FILE:
            connection.deserialize(content)
        elif content:
            with _file_of(content) as path, contextlib.closing(_opened_only_to_read(path)) as source:
                source.backup(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def to_bytes(connection: sqlite3.Connection) -> bytes:
    """Give a database as the bytes of a file.

    Before Python 3.11 the schema cookie of the header (sqlite.org/fileformat.html) is another one than in the bytes
    that were opened; it only has other programs read the schema again.
    """
    if _WITHOUT_A_FILE:
        return connection.serialize()
    with _file_of(b"") as path:
        with contextlib.closing(sqlite3.connect(path)) as target:
            connection.backup(target)
        return path.read_bytes()


def limit_values(connection: sqlite3.Connection, length: int) -> None:
    """Have SQLite refuse rows, strings and blobs of more than ``length`` bytes; without effect before Python 3.11."""
    if hasattr(connection, "setlimit"):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, length)


@contextlib.contextmanager
def _file_of(content: bytes) -> Iterator[Path]:
    """A file with this content, mode 0600, that is deleted in any case."""
    descriptor, name = tempfile.mkstemp(suffix=".sqlite")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        yield path
    finally:
        path.unlink()


def _opened_only_to_read(path: Path) -> sqlite3.Connection:
    # "immutable" has SQLite neither lock the file nor look for a journal beside it.
    return sqlite3.connect(path.as_uri() + "?mode=ro&immutable=1", uri=True)
