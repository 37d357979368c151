"""Become the person for good, before any of their paths is touched."""

from __future__ import annotations

import contextlib
import os
import pwd
from typing import NamedTuple, Sequence

from .errors import Trouble


class Person(NamedTuple):
    """Who this process is. login None: the machine, that is root."""

    login: str | None
    uid: int
    home: str | None


def isolate(kept: Sequence[int]) -> None:
    """Give up everything inherited that a process of the person has no business with, but the pipes KEPT."""
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    import resource  # noqa: PLC0415  only children need it

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    try:
        descriptors = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        descriptors = list(range(256))
    for descriptor in descriptors:
        if descriptor > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def become(login: str | None) -> Person:
    """Turn this process into LOGIN for good, and prove it. Unprivileged, only accept to be who we are."""
    privileged = os.geteuid() == 0
    if login is None:
        if not privileged:
            raise Trouble("needs_root", "documents of the machine can only be served as root: use become")
        return Person(None, 0, None)
    try:
        entry = pwd.getpwnam(login)
    except KeyError:
        raise Trouble("no_login", f"no login {login!r} on this host") from None
    if entry.pw_uid == 0:
        raise Trouble("root_refused", f"login {login!r} is root, which is not a person")
    if not privileged and entry.pw_uid != os.geteuid():
        raise Trouble("needs_root", f"login {login!r} can only be served as root: use become")
    if privileged:
        try:
            os.initgroups(entry.pw_name, entry.pw_gid)
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
        except OSError as error:
            raise Trouble("not_dropped", f"cannot become {login!r}: {os.strerror(error.errno or 0)}") from None
        prove(entry.pw_uid, entry.pw_gid)
    return Person(login, entry.pw_uid, entry.pw_dir)


def prove(uid: int, gid: int) -> None:
    """Raise Trouble unless this process is UID and GID through and through, and cannot become root again."""
    if hasattr(os, "getresuid"):  # not on macOS
        proven = set(os.getresuid()) == {uid} and set(os.getresgid()) == {gid}
    else:
        proven = {os.getuid(), os.geteuid()} == {uid} and {os.getgid(), os.getegid()} == {gid}
    try:
        os.seteuid(0)
        proven = False
    except OSError:
        pass
    if not proven:
        raise Trouble("not_dropped", "root's rights could not be given up for good")
