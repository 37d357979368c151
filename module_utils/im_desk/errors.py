"""What can go wrong, as a code from a closed list and a sentence that quotes no content."""

from __future__ import annotations

import errno
import os
from typing import Any


class Trouble(Exception):
    """Bad news about one login or one path: a code from the closed list, and a sentence without any content."""

    state = "failed"  # of a group that met it

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def as_answer(self) -> dict[str, str]:
        """Return {code, message}."""
        return {"code": self.code, "message": self.message}


class Conflict(Trouble):
    """A file is not the one that was read."""

    state = "conflict"

    def __init__(self, shown: str, since: str = "it was read; read it again and merge again") -> None:
        super().__init__("conflict", f"{shown}: changed since {since}")


class Running(Trouble):
    """The client runs. SIGNS: as Lookout.look() returns them."""

    state = "deferred"

    def __init__(self, signs: list[dict[str, Any]]) -> None:
        super().__init__("running", "the client runs")
        self.signs = signs


PLAIN_WORDS = {
    errno.EACCES: ("forbidden", "permission denied"),
    errno.EPERM: ("forbidden", "operation not permitted"),
    errno.ENOSPC: ("no_space", "no space left on the disk"),
    errno.EDQUOT: ("quota", "the disk quota is used up"),
    errno.EROFS: ("read_only", "the file system is read-only"),
    errno.ENAMETOOLONG: ("bad_request", "the name is too long"),
    errno.ENOTDIR: ("not_a_directory", "not a directory"),
    errno.EISDIR: ("directory", "it is a directory"),
    errno.ELOOP: ("link_loop", "too many links"),
}


def trouble_of(error: OSError, shown: str) -> Trouble:
    """Translate an OSError about the path SHOWN into a Trouble."""
    code, words = PLAIN_WORDS.get(error.errno or 0, ("io", os.strerror(error.errno or errno.EIO)))
    return Trouble(code, f"{shown}: {words}")
