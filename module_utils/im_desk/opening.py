"""Open and read one file that may be anything, made by anybody."""

from __future__ import annotations

import errno
import os
import stat
from typing import Callable

from .errors import Trouble, trouble_of

FILE_LIMIT = 64 * 1024 * 1024  # bytes of one file


# O_NONBLOCK: a FIFO must not hang us. O_NOFOLLOW: links are resolved by hand (Tree.locate).
OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
OPEN_TEMP = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


# Errors that say that something changed between two system calls.
RACED = (errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.EINVAL, errno.EMLINK)
KINDS: tuple[tuple[Callable[[int], bool], str, str], ...] = (
    (stat.S_ISDIR, "directory", "a directory"),
    (stat.S_ISFIFO, "fifo", "a FIFO"),
    (stat.S_ISCHR, "device", "a device"),
    (stat.S_ISBLK, "device", "a device"),
    (stat.S_ISSOCK, "socket", "a socket"),
    (stat.S_ISLNK, "changing", "being replaced right now"),
)


def check_regular(found: os.stat_result, shown: str) -> None:
    """Raise Trouble unless FOUND describes a regular file that is not too big."""
    for is_kind, code, words in KINDS:
        if is_kind(found.st_mode):
            raise Trouble(code, f"{shown}: {words}, not a regular file")
    if not stat.S_ISREG(found.st_mode):
        raise Trouble("device", f"{shown}: not a regular file")
    if found.st_size > FILE_LIMIT:
        raise Trouble("too_big", f"{shown}: larger than {FILE_LIMIT} bytes")


def read_regular(
    name: bytes,
    shown: str,
    check: Callable[[os.stat_result], None],
    directory: int | None = None,
    flags: int = OPEN_FILE,
) -> tuple[bytes, os.stat_result]:
    """Return (bytes, stat) of one file that did not change while it was read; CHECK judges what was opened."""
    for _ in range(3):
        try:
            descriptor = os.open(name, flags, dir_fd=directory)
        except OSError as error:
            if error.errno in (*RACED, errno.ENXIO):
                break
            raise trouble_of(error, shown) from None
        try:
            before = os.fstat(descriptor)
            check(before)
            data = read_all(descriptor)
            after = os.fstat(descriptor)
        except OSError as error:
            raise trouble_of(error, shown) from None
        finally:
            os.close(descriptor)
        if len(data) > FILE_LIMIT:
            raise Trouble("too_big", f"{shown}: larger than {FILE_LIMIT} bytes")
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size) and len(data) == after.st_size:
            return data, after
    raise Trouble("changing", f"{shown}: changes while it is read, try again later")


def read_all(descriptor: int) -> bytes:
    """Return what an open file holds, at most one chunk more than FILE_LIMIT."""
    chunks = []
    total = 0
    while total <= FILE_LIMIT:
        chunk = os.read(descriptor, 1 << 20)
        if not chunk:
            break
        chunks.append(chunk)
        total += len(chunk)
    return b"".join(chunks)
