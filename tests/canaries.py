"""What the canary tests have in common: the looks that a secret can have, and the places where it is looked for."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import TracebackType

WINDOW = 24  # characters of base64, from anywhere in it, that give a content away
BUILT = {".git", ".venv", ".lab", ".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ansible", ".cache"}


def plain_forms(secret: str) -> list[str]:
    """A secret, and its base64 at each of the three places it can have in a longer text."""
    found = [secret]
    for shift in range(3):
        form = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        found.append(form[4 if shift else 0 : -4])
    return found


def packed_forms(data: bytes) -> list[str]:
    """How the bytes of a file look while they travel: pieces of their base64, plain and compressed at any level."""
    forms = [base64.b64encode(data).decode()]
    forms += [base64.b64encode(zlib.compress(data, level)).decode() for level in range(1, 10)]
    # The end of a text is as telling as its beginning, and no header of a format that many files share.
    return [piece for form in forms for piece in (form[-WINDOW:], form[len(form) // 2 :][:WINDOW])]


def holders(places: Iterable[Path], needles: Sequence[str]) -> list[str]:
    """Files below places of this machine that hold a needle; what the project is built of is left out.

    Other tests may run beside this one: what they take away meanwhile is no trace of ours.
    """
    raw = [needle.encode() for needle in needles]
    found = []
    for place in places:
        for folder, below, names in os.walk(place):
            below[:] = [name for name in below if name not in BUILT]
            for path in (Path(folder, name) for name in names if name not in BUILT):
                if path.is_file() and not path.is_symlink():
                    with suppress(FileNotFoundError):
                        data = path.read_bytes()
                        found += [str(path)] if any(needle in data for needle in raw) else []
    return found


def with_password(database: bytes, password: str, directory: Path) -> bytes:
    """Gajim's settings with a password in each account, as Gajim keeps it without a keyring."""
    file = directory / "settings.sqlite"
    file.write_bytes(database)
    connection = sqlite3.connect(file)
    for name, settings in connection.execute("SELECT account, settings FROM account_settings").fetchall():
        changed = json.dumps({**json.loads(settings), "password": password, "savepass": True})
        connection.execute("UPDATE account_settings SET settings = ? WHERE account = ?", (changed, name))
    connection.commit()
    connection.close()
    return file.read_bytes()


class ProcessWatch:
    """Looks at the process list of this machine, containers included, as long as it is entered.

    seen: every command line that stood there at some look.  looks: how many there were.
    """

    def __init__(self, seconds: float = 0.1) -> None:
        self.seen: set[bytes] = set()
        self.looks = 0
        self._seconds = seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ProcessWatch:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(self._seconds):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    self.seen.add((process / "cmdline").read_bytes())
                except OSError:  # gone meanwhile
                    continue
            self.looks += 1

    def lines(self) -> str:
        """What was seen, as text, and what PowerShell was given encoded."""
        return "\n".join(map(decoded, self.seen))


def decoded(line: bytes) -> str:
    """A command line as text; what stands behind PowerShell's -EncodedCommand is told in clear, too."""
    words = line.decode(errors="replace").split("\0") if b"\0" in line else line.decode(errors="replace").split()
    scripts = [
        base64.b64decode(after).decode("utf-16-le", errors="replace")
        for before, after in pairwise(words)
        if before.lower() == "-encodedcommand"
    ]
    return "\n".join([" ".join(words), *scripts])
