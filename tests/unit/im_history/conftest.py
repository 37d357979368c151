"""An empty history of each kind: a file, and a database of a real PostgreSQL from Debian's packages."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from debian_packages import need

NUMBERS = count(1)
USER = "postgres"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Path]:
    """The folder of the socket of a PostgreSQL of our own, which no network reaches."""
    initdb = need("postgresql", "/usr/lib/postgresql/*/bin/initdb")
    # A socket's path may have 107 bytes at most: pytest's own folders are too deep, and another user cannot enter them.
    place = Path(tempfile.mkdtemp(prefix="im-pg-"))
    become: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        account = pwd.getpwnam(USER)
        os.chown(place, account.pw_uid, account.pw_gid)
        become = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    programs = Path(initdb).parent
    made = [initdb, "-D", str(place / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(["setpriv", *become, *made], cwd=place, capture_output=True, check=True)
    settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={place}", "-c", "fsync=off"]
    started = [str(programs / "postgres"), "-D", str(place / "data"), *settings]
    # The server ends with the tests, even if these are killed.
    server = subprocess.Popen(
        ["setpriv", *become, "--pdeathsig", "INT", *started],
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while subprocess.run([str(programs / "pg_isready"), "-q", "-h", str(place)], check=False).returncode:
            assert server.poll() is None, "PostgreSQL ended at once"
            time.sleep(0.1)
        yield place
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'history.sqlite'}"
    socket = request.getfixturevalue("postgresql")
    psql = need("postgresql-client", "psql")
    database = f"history{next(NUMBERS)}"
    create = [psql, "-h", str(socket), "-U", USER, "-c", f"CREATE DATABASE {database}"]
    subprocess.run(create, capture_output=True, check=True)
    return f"postgresql://{USER}:s3cret@/{database}?host={socket}"
