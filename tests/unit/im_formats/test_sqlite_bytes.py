"""What sqlite_bytes promises: a database out of bytes and back, with and without the help of Python 3.11."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from ansible.module_utils.im_formats import sqlite_bytes
from ansible.module_utils.im_formats.sqlite_bytes import limit_values, open_bytes, to_bytes


@pytest.fixture(params=[True, False], ids=["in memory", "through a file"], autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sqlite_bytes, "_WITHOUT_A_FILE", request.param)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def database(page_size: int = 4096) -> bytes:
    with closing(open_bytes(b"")) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [(str(number) * 100,) for number in range(100)])
        return to_bytes(connection)


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_what_is_written_is_read_back_and_no_file_stays(page_size: int, tmp_path: Path) -> None:
    content = database(page_size)
    assert int.from_bytes(content[16:18], "big") in (page_size, 1)
    with closing(open_bytes(content)) as connection:
        connection.execute("UPDATE t SET a = 'x' WHERE rowid = 3")
        changed = to_bytes(connection)
    with closing(open_bytes(changed)) as connection:
        rows = [value for (value,) in connection.execute("SELECT a FROM t ORDER BY rowid")]
    assert rows == [str(number) * 100 if number != 2 else "x" for number in range(100)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_what_is_no_database_is_an_error_of_sqlite_and_no_file_stays(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.Error), closing(open_bytes(content)) as connection:
        connection.execute("SELECT * FROM sqlite_master").fetchall()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_readable_by_nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sqlite_bytes, "_WITHOUT_A_FILE", False)
    seen: list[int] = []
    connect = sqlite3.connect

    def looking(*args: object, **options: object) -> sqlite3.Connection:
        seen.extend(path.stat().st_mode & 0o777 for path in tmp_path.iterdir())
        return connect(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(sqlite3, "connect", looking)
    database()
    assert set(seen) == {0o600}


def test_a_value_that_swells_is_refused() -> None:
    with closing(open_bytes(b"")) as connection:
        limit_values(connection, 1000)
        with pytest.raises(sqlite3.DataError):
            connection.execute("SELECT zeroblob(1001)").fetchone()
