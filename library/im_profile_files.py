#!/usr/bin/python
"""Read and replace files of people's profiles, each as its owner. Documented below, where Ansible looks."""

# pathlib knows neither dir_fd nor names that are bytes:
# ruff: noqa: PTH100, PTH101, PTH102, PTH103, PTH104, PTH106, PTH108, PTH111, PTH114, PTH116, PTH118, PTH119, PTH120
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

DOCUMENTATION = r"""
module: im_profile_files
short_description: Read or write profile files as their owner (internal use by the im_profile action)
description:
  - Carries bytes between the control node and the profiles of people on one host, all people and all files in one call.
    It knows no format, the merges are made on the control node by the C(im_profile) action.
  - Not meant to be called from a playbook. The answer of O(action=read) carries whole files, which may hold passwords.
  - Everything that concerns a login is done by a forked process that has become that login for good before it touches
    any path of theirs. Paths are walked component by component, a link is followed only while it stays inside the home.
  - A person whose client runs is answered V(deferred) and not touched. All files of a group are compared with what
    was read (O(groups[].files[].before)) before the first of them is replaced. A group is all or nothing, as far as
    possible.
  - What a run replaces, creates or deletes is kept with a manifest, so that O(action=restore) can put it back. A
    rollback is a run of its own and can be rolled back. A file that changed since the run is left as it is.
  - Imported as a plain library, without Ansible, the same is offered by C(read_requests), C(write_groups),
    C(list_backups) and C(restore_runs).
notes:
  - "Secrets: O(groups[].files[].content) is no_log. The answer of O(action=read) cannot be, so the C(im_profile) action
    keeps it to itself, never returns it, and must set C(no_log) on the task and on the play context of the connection
    while it runs this module. Without it the ssh connection prints the output of every module at C(-vvv) and the module
    logs its arguments on the host. The contents are compressed and in base64, which is not a protection. Error messages
    never hold contents."
  - "A memory belongs to its login, mode 0600, in directories that the login can walk through but not write in, so
    O(state_dir) gets mode 0711 as soon as root keeps one. The backups stay root's alone."
  - "A deleted or restored file leaves the directories that were made for it, and a link is never deleted."
  - "Python 3.8 or later and its standard library. Linux, macOS, BSD. O(requests[].open_files) needs Linux."
  - "Run unprivileged, it serves the login it runs as and answers C(needs_root) for every other."
  - "On Linux a file that replaces another gets its POSIX ACL, its SELinux label and its C(user.) attributes, as far as
    the login may set them; what the kernel refuses is no reason to fail. The backups keep bytes and mode only."
  - "Codes of a login: C(no_login), C(root_refused), C(needs_root), C(no_home), C(not_owner), C(forbidden), C(timeout),
    C(crashed), C(not_dropped), C(bad_request), C(io). Codes of a path: C(forbidden), C(directory), C(fifo), C(device),
    C(socket), C(not_a_directory), C(link_outside), C(link_dangling), C(link_loop), C(not_owner), C(too_big),
    C(too_many), C(bad_name), C(changing), C(io), C(bad_request). Codes of a write: all of these, C(conflict),
    C(no_space), C(quota), C(read_only), C(backup_failed), C(link), and C(incomplete) when new bytes could not be taken
    back. Codes of a memory: those of a path and C(malformed). Codes of a backup: C(no_backup), C(no_manifest),
    C(backup_damaged)."
options:
  action:
    description: What to do. V(read) and V(list_backups) never change anything.
    type: str
    required: true
    choices: [read, write, list_backups, restore]
  requests:
    description: What to read, required with O(action=read).
    type: list
    elements: dict
    suboptions:
      key:
        description: Name of the request, echoed in the answer.
        type: str
        required: true
      login:
        description: Whose files. Null is the machine, read as root on absolute paths.
        type: str
      paths:
        description: >-
          Files, relative to the home (absolute for the machine). A V(*) stands for any part of one component and,
          as in a shell, does not match a leading dot. A pattern that matches nothing adds nothing to the answer.
        type: list
        elements: str
        default: []
      system_paths:
        description: Absolute paths of system files, read with the rights of the login, no pattern.
        type: list
        elements: str
        default: []
      processes: &processes
        description: Names of the processes of the client (name or executable, exact).
        type: list
        elements: str
        default: []
      locks: &locks
        description: Files on which a running client holds a POSIX lock, patterns as in O(requests[].paths).
        type: list
        elements: str
        default: []
      open_files: &open_files
        description: Files that a running client keeps open, patterns as in O(requests[].paths). Linux only.
        type: list
        elements: str
        default: []
      memory:
        description: Whether to answer what O(groups[].memory) kept under the key of this request.
        type: bool
        default: false
  groups:
    description: What to write, required with O(action=write). A group is the files of one client of one login.
    type: list
    elements: dict
    suboptions:
      key:
        description: Name of the group, echoed in the answer.
        type: str
        required: true
      login:
        description: Whose files. Null is the machine.
        type: str
      processes: *processes
      locks: *locks
      open_files: *open_files
      run_id:
        description: Name of this run, under which the previous bytes are kept. Letters, digits, C(._-), at most 100.
        type: str
        required: true
      files:
        description: The files of the group.
        type: list
        elements: dict
        required: true
        suboptions:
          path:
            description: Relative to the home (absolute for the machine). Exact, no pattern.
            type: str
            required: true
          content:
            description: The new bytes, zlib then base64. Null deletes the file, if it is the one that was read.
            type: str
          before:
            description: SHA-256 of the bytes that were read. Null if the file was absent and must still be.
            type: str
          mode:
            description: >-
              Mode in octal. By default the mode is kept, and a new file gets V(0600) (V(0644) for the machine).
            type: str
          dir_mode:
            description: Mode of directories that have to be created, V(0700) by default (V(0755) for the machine).
            type: str
      memory:
        description: >-
          Text to remember for this key, at most 1 MiB, kept once the files are written (or need not be). An empty text
          forgets, null leaves what is remembered. That it cannot be kept does not fail the group.
        type: str
  restores:
    description: What to roll back, required with O(action=restore).
    type: list
    elements: dict
    suboptions:
      login:
        description: Whose files. Null is the machine.
        type: str
      run_id:
        description: The run whose changes are taken back.
        type: str
        required: true
      new_run_id:
        description: Name of the rollback itself, under which what it replaces is kept.
        type: str
        required: true
      paths:
        description: Only these files, null is all that the run changed. What was remembered goes back only with all.
        type: list
        elements: str
      keys:
        description: Only the groups of these keys, null is all.
        type: list
        elements: str
  logins:
    description: With O(action=list_backups) only these (V(_machine) is the machine), null is all.
    type: list
    elements: str
  state_dir:
    description: >-
      Where previous bytes are kept, in C(backups/LOGIN/RUN_ID/PATH) with C(manifest.json), and memories, in
      C(memory/LOGIN). C(_machine) stands for the machine. By default C(/var/lib/im_client) as root, else
      C(~/.local/state/im_client).
    type: path
  keep_runs:
    description: How many runs of each login are kept.
    type: int
    default: 5
  keep_days:
    description: How many days a run is kept. The newest run of a login is always kept.
    type: int
    default: 90
  time_limit:
    description: Seconds after which the process of one login is killed, so that a dead home blocks nobody else.
    type: int
    default: 30
attributes:
  check_mode:
    support: full
    description: In check mode a write looks at everything, writes nothing and answers what it would have done.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Read two files of one person (only the im_profile action does this)
  im_profile_files:
    action: read
    requests:
      - key: pidgin of pnom
        login: pnom
        paths: [.purple/accounts.xml, .purple/prefs.xml]
        system_paths: [/etc/purple/prefs.xml]
        processes: [pidgin, finch]
  no_log: true

- name: Replace one file, if it is still the one that was read and Pidgin does not run
  im_profile_files:
    action: write
    groups:
      - key: pidgin of pnom
        login: pnom
        processes: [pidgin, finch]
        run_id: 20260901T020000
        files:
          - path: .purple/prefs.xml
            content: eJyzsa/IzVEoSy0qzszPs1U31DNQV0jNS85PycxLt1UPDXHTtVBXsLfjsikoSk1DUqeukJeYm2qrrq+ub8cFAPsbFLc=
            before: null
  no_log: true
"""

RETURN = r"""
answers:
  description: One for each request or group, in their order. A rollback has one for each group that the run wrote.
  returned: with O(action=read), O(action=write) and O(action=restore)
  type: list
  elements: dict
  contains:
    key:
      description: The key of the request or group.
      type: str
    login:
      description: The login of the request or group, null for the machine.
      type: str
    home:
      description: Home directory, null for the machine or when unknown (read only).
      type: str
    uid:
      description: Number of the user, null when unknown (read only).
      type: int
    error:
      description: Null, or C(code) (from the closed list in the notes) and C(message).
      type: dict
    running:
      description: Signs that the client runs, each C(pid) (null when unknown) and C(what). Empty when it does not.
      type: list
      elements: dict
    state:
      description: >-
        V(written), V(unchanged), V(deferred) (the client runs), V(conflict) (changed since it was read, or since the
        run to take back wrote it) or V(failed) (not when reading).
      type: str
    conflicts:
      description: The paths that are the reason of V(conflict) (not when reading).
      type: list
      elements: str
    memory:
      description: What is remembered under the key, null if nothing is or nobody asked (read only).
      type: str
    pending:
      description: Whether something waits for the next login of this login, or was noted then (read only).
      type: bool
    memory_written:
      description: Whether the memory was kept, null if none was given (not when reading).
      type: bool
    memory_error:
      description: C(code) and C(message) if a memory cannot be trusted or kept, else null.
      type: dict
    files:
      description: >-
        By path. Read, a file has C(content) (zlib, base64), C(sha256), C(size), C(mode), C(writable), C(why) if
        it is not writable, C(real_path) if links were followed, and C(strays) if a killed run left temporary
        files beside it (a write of that path, even of the same bytes, removes them). An exact path that does
        not exist has C(absent), C(creatable), C(why). Any other has C(error). Written, each has C(backup)
        (previous bytes are kept) and C(written) (null when the process was killed and nobody knows).
      type: dict
backups:
  description: What is kept, by login.
  returned: with O(action=list_backups)
  type: list
  elements: dict
  contains:
    login:
      description: The login, null for the machine.
      type: str
    runs:
      description: >-
        The runs, the newest first. Each has C(run_id), C(when) (UTC), C(restores) (the run that it rolled back, null if
        it was no rollback), C(groups) (keys), C(files) (each C(path), C(key), C(before), C(after), C(mode); a checksum
        is null where there was no file) and C(error) (C(code) and C(message) if there is no manifest to go by, else
        null).
      type: list
      elements: dict
"""

import base64
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import pwd
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
import traceback
import zlib
from typing import Any, Callable, Iterator, NamedTuple, Sequence

FILE_LIMIT = 64 * 1024 * 1024  # bytes of one file
LOGIN_LIMIT = 256 * 1024 * 1024  # bytes read for one login: a person must not be able to fill the memory of the host
LINK_LIMIT = 20  # links followed on one path
MATCH_LIMIT = 1000  # files of one pattern
WORKERS = 8  # logins served at the same time: a dead NFS server makes all of them wait for the time limit
MEMORY_LIMIT = 1024 * 1024  # bytes of one memory
KEPT_RUNS = 5
KEPT_DAYS = 90
MANIFEST = "manifest.json"
STATES = {True: "/var/lib/im_client", False: "~/.local/state/im_client"}  # by "runs as root"
TEMP_NAME = re.compile(rb"\.im-client-[0-9a-f]{16}")
MACHINE = "_machine"
GONE = b".gone-"  # begins the name of a backup run that is being removed
PROC = "/proc"
LINUX = sys.platform.startswith("linux")

# O_NONBLOCK: a FIFO must not hang us. O_NOFOLLOW: links are resolved by hand (Tree.locate).
OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
OPEN_TEMP = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


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


def split(path: str, absolute: bool) -> list[bytes]:
    """Return the components of PATH; raise Trouble bad_request unless it is plainly absolute or plainly relative."""
    kind = "absolute" if absolute else "relative to the home"
    try:
        parts = [part for part in path.encode("utf-8").split(b"/") if part]
    except UnicodeEncodeError:
        raise Trouble("bad_request", "a path is not valid text") from None
    if path.startswith("/") is not absolute or not parts or path.endswith("/"):
        raise Trouble("bad_request", f"path {path!r} must name a file and be {kind}")
    if b"\0" in b"".join(parts) or any(part in (b".", b"..", b"**") for part in parts):
        raise Trouble("bad_request", f"path {path!r} must not hold '.', '..', '**' or NUL")
    return parts


def text(raw: bytes) -> str:
    """Return bytes of a file name as text that JSON can carry, whatever they are."""
    return raw.decode("utf-8", "backslashreplace")


def digest(data: bytes) -> str:
    """Return the SHA-256 of DATA in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def pack(data: bytes) -> str:
    """Return DATA as it travels: zlib, then base64."""
    return base64.b64encode(zlib.compress(data)).decode("ascii")


def unpack(content: str, path: str) -> bytes:
    """Undo pack(); raise Trouble bad_request, without quoting anything, if it cannot be undone."""
    try:
        engine = zlib.decompressobj()
        data = engine.decompress(base64.b64decode(content, validate=True), FILE_LIMIT + 1)
    except (ValueError, zlib.error):
        raise Trouble("bad_request", f"content of {path!r} is not base64 of zlib") from None
    if len(data) > FILE_LIMIT:
        raise Trouble("too_big", f"content of {path!r} is larger than {FILE_LIMIT} bytes")
    if not engine.eof or engine.unused_data:
        raise Trouble("bad_request", f"content of {path!r} is cut or has a tail")
    return data


# ---------------------------------------------------------------------------------------------------------------------
# Becoming the person
# ---------------------------------------------------------------------------------------------------------------------


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


# ---------------------------------------------------------------------------------------------------------------------
# Walking a home without trusting a link
# ---------------------------------------------------------------------------------------------------------------------


class Spot:
    """Where a path really ends: an open directory, and the names below it (one, unless directories are missing)."""

    def __init__(self, directory: int, done: list[bytes], names: list[bytes], found: os.stat_result | None) -> None:
        self.directory = directory
        self.parents = done
        self.names = names
        self.found = found

    @property
    def real(self) -> list[bytes]:
        """The components of the path after all links."""
        return self.parents + self.names

    def close(self) -> None:
        """Close the directory."""
        os.close(self.directory)


class Walk:
    """How far a walk has come: the open directory, the real path to it, and the components still to go."""

    def __init__(self, todo: list[bytes], directory: int) -> None:
        self.todo = todo
        self.directory = directory
        self.done: list[bytes] = []
        self.from_links = 0  # how many of the first components to go come from the target of a link
        self.hops = 0

    def enter(self, directory: int, done: list[bytes]) -> None:
        """Stand in DIRECTORY, whose path is DONE, with one component less to go."""
        self.jump(directory)
        self.done = done
        del self.todo[0]
        self.from_links = max(0, self.from_links - 1)

    def jump(self, directory: int) -> None:
        """Stand in DIRECTORY, the base."""
        os.close(self.directory)
        self.directory = directory
        self.done = []

    def replace(self, steps: list[bytes]) -> None:
        """Go STEPS, the target of a link, in place of the link."""
        self.todo[:1] = steps
        self.from_links = max(0, self.from_links - 1) + len(steps)


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


class Tree:
    """A home (or, for the machine, the root directory) and everything below it."""

    def __init__(self, person: Person) -> None:
        """Open the home as the person; raise Trouble no_home, not_owner or forbidden."""
        self.person = person
        self.budget = LOGIN_LIMIT
        home = os.fsencode(person.home) if person.home is not None else b"/"
        shown = text(home)
        try:
            if not home.startswith(b"/"):
                raise FileNotFoundError
            # The directories above a home are the administrator's, who may well have made them links.
            self.base = os.open(home, OPEN_DIRECTORY & ~os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            raise Trouble("no_home", f"the home {shown} of {person.login} does not exist") from None
        except OSError as error:
            raise trouble_of(error, shown) from None
        if os.fstat(self.base).st_uid != person.uid:
            raise Trouble("not_owner", f"the home {shown} does not belong to {person.login}")
        # Spellings of the base with which the target of an absolute link may begin.
        spellings = {os.path.normpath(home), os.path.realpath(home)}
        self.spellings = [[part for part in spelling.split(b"/") if part] for spelling in spellings]

    def show(self, parts: Sequence[bytes]) -> str:
        """Return a path for messages: ~/x for a person, /x for the machine."""
        return ("/" if self.person.login is None else "~/") + text(b"/".join(parts))

    def open_directory(self, name: bytes, above: int, shown: str) -> int:
        """Return NAME below the directory ABOVE, opened without following a link."""
        descriptor = os.open(name, OPEN_DIRECTORY, dir_fd=above)
        found = os.fstat(descriptor)
        # Root must not act where somebody else could swap names under its hands.
        if self.person.login is None and (found.st_uid != 0 or found.st_mode & stat.S_IWOTH):
            os.close(descriptor)
            raise Trouble(
                "not_owner", f"{shown}: this directory is not root's alone, root does not touch what is in it"
            )
        return descriptor

    def _descend(self, parts: Sequence[bytes]) -> int:
        """Open the directory PARTS, which held no link a moment ago."""
        directory = os.dup(self.base)
        try:
            for index, part in enumerate(parts):
                below = self.open_directory(part, directory, self.show(parts[: index + 1]))
                os.close(directory)
                directory = below
        except OSError as error:
            os.close(directory)
            if error.errno in RACED:
                raise Trouble("changing", f"{self.show(parts)}: directories move, try again later") from None
            raise trouble_of(error, self.show(parts)) from None
        except Trouble:
            os.close(directory)
            raise
        return directory

    def _target(self, target: bytes, shown: str) -> tuple[bool, list[bytes]]:
        """Return (starts again from the base, components) of the target of a link."""
        parts = [part for part in target.split(b"/") if part not in (b"", b".")]
        if not target.startswith(b"/"):
            return False, parts
        for spelling in self.spellings:
            if parts[: len(spelling)] == spelling:
                return True, parts[len(spelling) :]
        raise Trouble("link_outside", f"{shown}: a link that leads out of the home")

    def locate(self, path: Sequence[bytes]) -> Spot:
        """Walk PATH. Every step is opened without following; a link is read and walked by hand, inside the tree.

        Return a Spot (the caller closes it), with found None and the missing names if the path does not exist.
        Raise Trouble for everything else that is not a plain way to a last component.
        """
        walk = Walk(list(path), os.dup(self.base))
        try:
            while True:
                try:
                    spot = self._step(walk, path)
                except OSError as error:
                    walk.hops += 1
                    if error.errno not in RACED or walk.hops > LINK_LIMIT:
                        raise trouble_of(error, self.show([*walk.done, walk.todo[0]])) from None
                    continue  # something was swapped between two system calls: look again
                if spot is not None:
                    return spot
        except BaseException:
            os.close(walk.directory)
            raise

    def _step(self, walk: Walk, path: Sequence[bytes]) -> Spot | None:
        """Walk the next component of PATH; return where it ends if that was the last one."""
        if not walk.todo:
            raise Trouble("directory", f"{self.show(path)}: a directory, not a regular file")
        part = walk.todo[0]
        if part == b"..":
            if not walk.done:
                raise Trouble("link_outside", f"{self.show(path)}: a link that leads out of the home")
            walk.enter(self._descend(walk.done[:-1]), walk.done[:-1])
            return None
        shown = self.show([*walk.done, part])
        try:
            found = os.stat(part, dir_fd=walk.directory, follow_symlinks=False)
        except FileNotFoundError:
            if walk.from_links:
                raise Trouble("link_dangling", f"{self.show(path)}: a link that leads to nothing") from None
            return Spot(walk.directory, walk.done, walk.todo, None)
        if stat.S_ISLNK(found.st_mode):
            walk.hops += 1
            if walk.hops > LINK_LIMIT:
                raise Trouble("link_loop", f"{self.show(path)}: too many links")
            again, steps = self._target(os.readlink(part, dir_fd=walk.directory), shown)
            if again:
                walk.jump(os.dup(self.base))
            walk.replace(steps)
            return None
        if len(walk.todo) == 1:
            return Spot(walk.directory, walk.done, [part], found)
        if not stat.S_ISDIR(found.st_mode):
            raise Trouble("not_a_directory", f"{shown}: not a directory")
        walk.enter(self.open_directory(part, walk.directory, shown), [*walk.done, part])
        return None

    def check(self, found: os.stat_result, shown: str) -> None:
        """Raise Trouble unless FOUND is a regular file of the person."""
        check_regular(found, shown)
        if found.st_uid != self.person.uid:
            owner = self.person.login or "root"
            raise Trouble("not_owner", f"{shown}: belongs to uid {found.st_uid}, not to {owner}")

    def read(self, spot: Spot) -> tuple[bytes, os.stat_result]:
        """Return (bytes, stat) of the existing file at SPOT."""
        shown = self.show(spot.real)
        if spot.found is not None:
            self.check(spot.found, shown)  # before opening: opening a device may have effects
        data, found = read_regular(spot.names[0], shown, lambda opened: self.check(opened, shown), spot.directory)
        self.spend(len(data), shown)
        return data, found

    def spend(self, size: int, shown: str) -> None:
        """Count SIZE bytes read for this login."""
        self.budget -= size
        if self.budget < 0:
            raise Trouble("too_big", f"{shown}: more than {LOGIN_LIMIT} bytes in all for one login")

    def obstacle(self, spot: Spot) -> Trouble | None:
        """Return why a file could not be put in the directory at SPOT, None if it could."""
        shown = self.show(spot.parents)
        if os.fstatvfs(spot.directory).f_flag & os.ST_RDONLY:
            return Trouble("read_only", f"{shown}: the file system is read-only")
        if not os.access(b".", os.W_OK | os.X_OK, dir_fd=spot.directory):
            return Trouble(
                "forbidden", "{}: {} may not write in this directory".format(shown, self.person.login or "root")
            )
        return None

    def expand(self, pattern: Sequence[bytes], head: Sequence[bytes] = ()) -> list[list[bytes]]:
        """Return the existing paths, sorted, that PATTERN matches below the literal directory HEAD."""
        star = next((index for index, part in enumerate(pattern) if b"*" in part), None)
        if star is None:
            path = [*head, *pattern]
            return [path] if self._exists(path) else []
        above = [*head, *pattern[:star]]
        found: list[list[bytes]] = []
        for name in self._names(above):
            if matches(name, pattern[star]):
                found += self.expand(pattern[star + 1 :], [*above, name])
            if len(found) > MATCH_LIMIT:
                raise Trouble("too_many", f"{self.show(pattern)}: matches more than {MATCH_LIMIT} files")
        return found

    def _names(self, directory: Sequence[bytes]) -> list[bytes]:
        """Return the sorted names in a directory, none if there is no such directory."""
        try:
            with contextlib.closing(self.locate([*directory, b"."])) as spot:
                return sorted(map(os.fsencode, os.listdir(spot.directory))) if spot.found else []
        except Trouble as trouble:
            if trouble.code == "not_a_directory":
                return []
            raise

    def _exists(self, path: Sequence[bytes]) -> bool:
        """Return whether something that deserves an answer stands at PATH."""
        try:
            with contextlib.closing(self.locate(path)) as spot:
                return spot.found is not None
        except Trouble as trouble:
            return trouble.code != "not_a_directory"


def matches(name: bytes, pattern: bytes) -> bool:
    """Return whether NAME matches PATTERN, where only * is special and does not match a leading dot."""
    if name.startswith(b".") and not pattern.startswith(b"."):
        return False
    return re.fullmatch(b".*".join(map(re.escape, pattern.split(b"*"))), name, re.DOTALL) is not None


# ---------------------------------------------------------------------------------------------------------------------
# Does the client run?
# ---------------------------------------------------------------------------------------------------------------------


def processes_by_uid() -> dict[int, list[int]]:
    """Return {uid: [pid]} of all processes that can be seen, from /proc."""
    owners: dict[int, list[int]] = {}
    for name in os.listdir(PROC):
        if name.isdigit():
            with contextlib.suppress(OSError):  # gone meanwhile
                owners.setdefault(os.stat(f"{PROC}/{name}").st_uid, []).append(int(name))
    return owners


def names_of(pid: int) -> set[bytes]:
    """Return the names under which a process is known; none if it is gone or a zombie."""
    names = set()
    with contextlib.suppress(OSError):
        with open(f"{PROC}/{pid}/stat", "rb") as file:
            line = file.read()
        # "PID (NAME) STATE ...", and NAME may hold anything
        if line[line.rindex(b")") + 2 :][:1] in (b"Z", b"X"):
            return set()
        names.add(line[line.index(b"(") + 1 : line.rindex(b")")])
        executable = os.path.basename(os.readlink(os.fsencode(f"{PROC}/{pid}/exe")))
        # A client that was upgraded while it runs is shown as "gajim (deleted)".
        names.add(executable[: -len(b" (deleted)")] if executable.endswith(b" (deleted)") else executable)
    return names


def listed_by_ps(uid: int | None) -> list[tuple[int, set[bytes]]]:
    """Return [(pid, names)] of a user (None: of all) where there is no /proc as Linux has it."""
    program = next((path for path in ("/bin/ps", "/usr/bin/ps") if os.access(path, os.X_OK)), None)
    if program is None:
        raise Trouble("io", "cannot list processes: no /proc and no ps")
    done = subprocess.run(  # noqa: S603  fixed words
        [program, "-axo", "uid=,pid=,comm="],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C"},
        check=False,
    )
    if done.returncode != 0:
        raise Trouble("io", "cannot list processes: ps failed")
    listed = []
    for line in done.stdout.splitlines():
        fields = line.split(None, 2)
        if len(fields) == 3 and (uid is None or int(fields[0]) == uid):
            listed.append((int(fields[1]), {os.path.basename(fields[2])}))
    return listed


class Lookout:
    """Looks whether a client runs: by the names of its processes, its locks and the files it keeps open."""

    def __init__(self, tree: Tree, task: dict[str, Any], seen: dict[int, list[int]] | None) -> None:
        """SEEN: {uid: [pid]} gathered once for all logins, used by the first look only."""
        self.tree = tree
        self.names = {name: name.encode("utf-8") for name in task["processes"]}
        self.locks = [split(path, tree.person.login is None) for path in task["locks"]]
        self.files = [split(path, tree.person.login is None) for path in task["open_files"]]
        self.seen = seen

    def look(self) -> list[dict[str, Any]]:
        """Return the signs that the client runs, [{pid, what}]; none if it does not."""
        signs: list[dict[str, Any]] = []
        if self.names or self.files:
            pids = self._pids() if LINUX else []
            listed = ((pid, names_of(pid)) for pid in pids) if LINUX else listed_by_ps(self._uid())
            for pid, names in listed:
                for name, raw in self.names.items():
                    if pid != os.getpid() and not names.isdisjoint((raw, raw[:15])):  # Linux keeps 15 bytes of a name
                        signs.append({"pid": pid, "what": "process " + name})
            signs += self._open_files(pids)
        signs += self._locks()
        return signs

    def _uid(self) -> int | None:
        return None if self.tree.person.login is None else self.tree.person.uid

    def _pids(self) -> list[int]:
        owners = processes_by_uid() if self.seen is None else self.seen
        self.seen = None
        uid = self._uid()
        return owners.get(uid, []) if uid is not None else [pid for pids in owners.values() for pid in pids]

    def _existing(self, patterns: list[list[bytes]]) -> Iterator[tuple[str, Spot]]:
        """Yield (path, spot) of the regular files that exist."""
        for pattern in patterns:
            for path in self.tree.expand(pattern):
                shown = text(b"/".join(path))
                with contextlib.closing(self.tree.locate(path)) as spot:
                    if spot.found is not None:
                        check_regular(spot.found, shown)
                        yield shown, spot

    def _locks(self) -> list[dict[str, Any]]:
        signs = []
        for shown, spot in self._existing(self.locks):
            try:
                # Asking needs no right to write; taking the lock for a moment (elsewhere than on Linux) does.
                flags = OPEN_FILE if LINUX else (OPEN_FILE & ~os.O_RDONLY) | os.O_RDWR
                descriptor = os.open(spot.names[0], flags, dir_fd=spot.directory)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise trouble_of(error, shown) from None
            try:
                held, pid = ask_lock(descriptor) if LINUX else (try_lock(descriptor), None)
            except OSError as error:
                raise trouble_of(error, shown) from None
            finally:
                os.close(descriptor)
            if held:
                signs.append({"pid": pid, "what": "lock " + shown})
        return signs

    def _open_files(self, pids: list[int]) -> list[dict[str, Any]]:
        if not self.files or not pids:
            return []
        wanted = {}
        for shown, spot in self._existing(self.files):
            if spot.found is not None:
                wanted[(spot.found.st_dev, spot.found.st_ino)] = (shown, b"/" + spot.names[0])
        return [sign for pid in pids if wanted for sign in self._opened_by(pid, wanted)]

    def _opened_by(self, pid: int, wanted: dict[tuple[int, int], tuple[str, bytes]]) -> Iterator[dict[str, Any]]:
        """Yield a sign for each of the files WANTED, {(device, inode): (path, "/" + name)}, that a process has open."""
        directory = os.fsencode(f"{PROC}/{pid}/fd/")
        try:
            numbers = os.listdir(directory)
        except OSError:  # gone, or not ours to look into
            return
        for number in numbers:
            with contextlib.suppress(OSError):  # closed meanwhile
                # The text of the link is cheap and cannot hang; it only says which ones are worth a look.
                link = os.readlink(directory + number)
                if any(link.endswith(name) for _, name in wanted.values()):
                    found = os.stat(directory + number)
                    if (found.st_dev, found.st_ino) in wanted:
                        yield {"pid": pid, "what": "open " + wanted[(found.st_dev, found.st_ino)][0]}


def ask_lock(descriptor: int) -> tuple[bool, int | None]:
    """Return (somebody holds a POSIX lock, pid if known), not taking it: a client that starts now must not meet it."""
    layout = "hhqqi0q"  # struct flock of Linux: l_type, l_whence, l_start, l_len, l_pid
    answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(layout, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    kind, _, _, _, pid = struct.unpack(layout, answer)
    return kind != fcntl.F_UNLCK, pid if pid > 0 else None


def try_lock(descriptor: int) -> bool:
    """Return whether somebody holds a POSIX lock, by taking it for a moment."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    fcntl.lockf(descriptor, fcntl.LOCK_UN)
    return False


# ---------------------------------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------------------------------


def read_request(tree: Tree, request: dict[str, Any], seen: dict[int, list[int]] | None) -> dict[str, Any]:
    """Return {running, files} of one request; raise Trouble if it cannot be told whether the client runs."""
    running = Lookout(tree, request, seen).look()
    files: dict[str, Any] = {}
    for path in request["paths"]:
        try:
            parts = split(path, absolute=tree.person.login is None)
            if b"*" not in path.encode("utf-8"):
                files[path] = report(tree, parts)
                continue
            found = tree.expand(parts)
        except Trouble as trouble:
            files[path] = {"error": trouble.as_answer()}
            continue
        for match in found:
            name = ("/" if tree.person.login is None else "") + text(b"/".join(match))
            try:
                if name.encode("utf-8") != name[:1].encode() * (tree.person.login is None) + b"/".join(match):
                    raise Trouble("bad_name", f"{name}: the name is not UTF-8")
                answer = report(tree, match)
            except Trouble as trouble:
                answer = {"error": trouble.as_answer()}
            if not answer.get("absent"):  # gone since it was listed
                files[name] = answer
    for path in request["system_paths"]:
        try:
            files[path] = report_system(tree, path)
        except Trouble as trouble:
            files[path] = {"error": trouble.as_answer()}
    return {"running": running, "files": files}


def report(tree: Tree, parts: list[bytes]) -> dict[str, Any]:
    """Return what a control node needs to know about one path of the tree."""
    with contextlib.closing(tree.locate(parts)) as spot:
        obstacle = tree.obstacle(spot)
        why = None if obstacle is None else obstacle.message
        if spot.found is None:
            return {"absent": True, "creatable": obstacle is None, "why": why}
        data, found = tree.read(spot)
        answer = described(data, found)
        answer["writable"] = obstacle is None
        if why is not None:
            answer["why"] = why
        if spot.real != parts:
            answer["real_path"] = ("/" if tree.person.login is None else "") + text(b"/".join(spot.real))
        if any(TEMP_NAME.fullmatch(os.fsencode(name)) for name in os.listdir(spot.directory)):
            answer["strays"] = True
        return answer


def report_system(tree: Tree, path: str) -> dict[str, Any]:
    """Return what stands at an absolute path of the system, read with the rights of the person."""
    name = b"/" + b"/".join(split(path, absolute=True))
    if b"*" in name:
        raise Trouble("bad_request", f"path {path!r}: no pattern in a path of the system")
    try:
        check_regular(os.stat(name), path)  # before opening: opening a device may have effects
    except FileNotFoundError:
        if os.path.islink(name):
            raise Trouble("link_dangling", f"{path}: a link that leads to nothing") from None
        return {"absent": True, "creatable": False, "why": f"{path}: a file of the system is only read"}
    except OSError as error:
        raise trouble_of(error, path) from None
    # Links in the directories of the system are the administrator's.
    data, found = read_regular(name, path, lambda opened: check_regular(opened, path), flags=OPEN_FILE & ~os.O_NOFOLLOW)
    tree.spend(len(data), path)
    return {**described(data, found), "writable": False, "why": f"{path}: a file of the system is only read"}


def described(data: bytes, found: os.stat_result) -> dict[str, Any]:
    """Return the part of an answer that every file that was read has."""
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    return {"content": pack(data), "sha256": digest(data), "size": len(data), "mode": mode}


# ---------------------------------------------------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------------------------------------------------


def octal(value: str | None, default: int) -> int:
    """Return a mode given in octal, DEFAULT if none is given."""
    if value is None:
        return default
    if not re.fullmatch("0?[0-7]{3}", value):
        raise Trouble("bad_request", f"mode {value!r} is not three octal digits such as 0600")
    return int(value, 8)


class Previous(NamedTuple):
    """What a run found before it wrote: bytes and mode (None: no file), and the mode that it gave (None: deleted)."""

    data: bytes | None
    mode: int | None
    mode_after: int | None


class Change:
    """One file of a group on its way from the bytes that were read to the new ones."""

    def __init__(self, tree: Tree, wish: dict[str, Any]) -> None:
        """Look at what stands there now; write nothing. Raise Trouble if the path cannot be served."""
        machine = tree.person.login is None
        self.tree = tree
        self.path = wish["path"]
        self.parts = split(self.path, absolute=machine)
        self.shown = tree.show(self.parts)
        self.new = None if wish["content"] is None else unpack(wish["content"], self.path)  # None: delete the file
        self.before = wish["before"]
        self.dir_mode = octal(wish["dir_mode"], 0o755 if machine else 0o700)
        self.mode = octal(wish["mode"], 0o644 if machine else 0o600)
        self.old: bytes | None = None
        self.found: os.stat_result | None = None
        self.temp: bytes | None = None
        self.temp_descriptor: int | None = None
        self.made: list[tuple[int, bytes]] = []  # directories we created: (directory above, name)
        self.written = False
        self.spot = tree.locate(self.parts)
        if self.spot.found is not None:
            self.old, self.found = tree.read(self.spot)
            if wish["mode"] is None:
                self.mode = stat.S_IMODE(self.found.st_mode) & 0o777
            if self.new is None:
                self._refuse_link()
        self.directory = self.spot.directory

    def _refuse_link(self) -> None:
        """Raise Trouble if the name to delete is a link: deleting its target would leave a link that leads nowhere."""
        with contextlib.closing(self.tree.locate([*self.parts[:-1], b"."])) as above:
            here, there = os.fstat(above.directory), os.fstat(self.spot.directory)
        if not os.path.samestat(here, there) or self.spot.names != self.parts[-1:]:
            raise Trouble("link", f"{self.shown}: a link, what it leads to is not deleted")

    def needed(self) -> bool:
        """Return whether something has to be written or deleted."""
        if self.found is None or self.new is None:
            return self.old is not self.new  # one of them exists
        return self.old != self.new or self.found.st_mode & 0o777 != self.mode

    def foreign(self) -> bool:
        """Return whether the file is neither the one that was read nor the new one already (a repeated call)."""
        return self.old != self.new and (None if self.old is None else digest(self.old)) != self.before

    def previous(self) -> Previous:
        """Return what a rollback needs to know."""
        mode = None if self.found is None else stat.S_IMODE(self.found.st_mode) & 0o777
        return Previous(self.old, mode, None if self.new is None else self.mode)

    def sweep(self) -> None:
        """Remove temporary files that a killed run left in the directory. A living run holds a lock on its own."""
        if self.spot.found is None and len(self.spot.names) > 1:
            return
        for name in map(os.fsencode, os.listdir(self.directory)):
            if TEMP_NAME.fullmatch(name):
                with contextlib.suppress(OSError):
                    self._remove_if_stale(name)

    def _remove_if_stale(self, name: bytes) -> None:
        try:
            descriptor = os.open(
                name, OPEN_FILE | os.O_RDWR, dir_fd=self.directory
            )  # NFS locks only what is open to write
        except PermissionError:
            descriptor = os.open(name, OPEN_FILE, dir_fd=self.directory)
        try:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_uid == self.tree.person.uid:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(name, dir_fd=self.directory)
        finally:
            os.close(descriptor)

    def prepare(self) -> None:
        """Create missing directories and put the new bytes, safely on the disk, beside the target."""
        if self.new is None:
            return
        try:
            for name in self.spot.names[:-1]:
                self._make_directory(name)
            group = None if self.found is None else self.found.st_gid
            self.temp, self.temp_descriptor = self._write_temp(self.new, self.mode, group)
        except OSError as error:
            raise trouble_of(error, self.shown) from None

    def _make_directory(self, name: bytes) -> None:
        with contextlib.suppress(FileExistsError):  # made for another file of the group
            os.mkdir(name, self.dir_mode, dir_fd=self.directory)
            self.made.append((self.directory, name))
            sync_directory(self.directory)
        below = self.tree.open_directory(name, self.directory, self.shown)
        if self.made and self.made[-1] == (self.directory, name):
            os.fchmod(below, self.dir_mode)  # whatever the umask
        self.directory = below  # the one above stays open: cleaning up may need it

    def _write_temp(self, data: bytes, mode: int, group: int | None) -> tuple[bytes, int]:
        name = b".im-client-" + os.urandom(8).hex().encode("ascii")
        descriptor = os.open(name, OPEN_TEMP, 0o600, dir_fd=self.directory)
        try:
            with contextlib.suppress(OSError):  # some network file systems lock nothing
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # says "alive" to the sweep of another run
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            with self._replaced() as replaced:
                carry_attributes(replaced, descriptor, CARRIED_BEFORE_MODE)
                if group is not None and os.fstat(descriptor).st_gid != group:
                    try:
                        os.fchown(descriptor, -1, group)
                    except PermissionError:
                        mode &= ~0o070  # another group must not inherit the rights of the former one
                os.fchmod(descriptor, mode)  # cuts down what an ACL gives, too
                carry_attributes(replaced, descriptor, CARRIED_AFTER_MODE)
            os.fsync(descriptor)
        except BaseException:
            os.unlink(name, dir_fd=self.directory)
            os.close(descriptor)
            raise
        return name, descriptor

    @contextlib.contextmanager
    def _replaced(self) -> Iterator[int | None]:
        """Open the file that the new one is for, None if there is none."""
        descriptor = None
        if self.found is not None:
            with contextlib.suppress(OSError):  # swapped since: compare_again() will say so
                descriptor = os.open(self.spot.names[-1], OPEN_FILE, dir_fd=self.directory)
        try:
            yield descriptor
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def compare_again(self) -> None:
        """Raise Conflict if, since the first look, the bytes changed or the path leads elsewhere."""
        with contextlib.closing(self.tree.locate(self.parts)) as spot:
            here, there = os.fstat(self.directory), os.fstat(spot.directory)
            same = os.path.samestat(here, there) and spot.names == self.spot.names[-1:]
            old = self.tree.read(spot)[0] if same and spot.found is not None else None
            if not same or old != self.old:
                raise Conflict(self.shown)

    def swap(self) -> None:
        """Put the new bytes in place of the old, in one step, or delete the file."""
        try:
            if self.new is None:
                os.unlink(self.spot.names[-1], dir_fd=self.directory)
            else:
                self._rename(self.temp)
                self.temp = None
            self.written = True
            sync_directory(self.directory)
        except OSError as error:
            raise trouble_of(error, self.shown) from None

    def _rename(self, temp: bytes | None) -> None:
        os.rename(temp or b"", self.spot.names[-1], src_dir_fd=self.directory, dst_dir_fd=self.directory)

    def undo(self) -> None:
        """Put the old bytes back if the new ones still stand there; written stays true if that fails."""
        name = self.spot.names[-1]
        with contextlib.suppress(OSError, Trouble):
            if self._standing(name) != self.new:
                self.written = False  # somebody wrote after us: it is theirs now
                return
            if self.old is None or self.found is None:
                os.unlink(name, dir_fd=self.directory)
            else:
                temp, descriptor = self._write_temp(self.old, stat.S_IMODE(self.found.st_mode), self.found.st_gid)
                os.close(descriptor)
                try:
                    self._rename(temp)
                except OSError:
                    os.unlink(temp, dir_fd=self.directory)
                    raise
            self.written = False
            sync_directory(self.directory)

    def _standing(self, name: bytes) -> bytes | None:
        """Return the bytes that stand at NAME now, None if there are none."""
        try:
            os.stat(name, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return read_regular(name, self.shown, lambda found: self.tree.check(found, self.shown), self.directory)[0]

    def clean(self, failed: bool) -> None:
        """Remove the temporary file and, if the group FAILED, the directories made for it."""
        if self.temp is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.temp, dir_fd=self.directory)
        if self.temp_descriptor is not None:
            os.close(self.temp_descriptor)
        if failed:
            for above, name in reversed(self.made):
                with contextlib.suppress(OSError):  # not empty: somebody uses it
                    os.rmdir(name, dir_fd=above)


ACL = "system.posix_acl_access"
LABEL = "security.selinux"  # a new file has that of its directory's type, which is not that of every file in it
CARRIED_BEFORE_MODE = re.compile(rf"user\..+|{re.escape(ACL)}", re.DOTALL)  # an ACL sets mode bits as well
CARRIED_AFTER_MODE = re.compile(re.escape(LABEL))  # under its final label, a file may be closed to us


def carry_attributes(source: int | None, target: int, wanted: re.Pattern[str]) -> None:
    """Give the open file TARGET those extended attributes of SOURCE (None: no file) whose names match WANTED.

    As far as the kernel lets the one who runs this: what is refused, or unknown to the file system, is left out.
    """
    if source is None or not hasattr(os, "listxattr"):  # Linux alone has them in Python
        return
    with contextlib.suppress(OSError):
        there, here = set(os.listxattr(source)), set(os.listxattr(target))
        for name in sorted(filter(wanted.fullmatch, there)):
            with contextlib.suppress(OSError):
                value = os.getxattr(source, name)
                if name not in here or os.getxattr(target, name) != value:  # no refusal in the log for nothing
                    os.setxattr(target, name, value)
        if wanted.fullmatch(ACL) and ACL in here - there:  # from the directory: nobody else was let in before
            os.removexattr(target, ACL)


def sync_directory(directory: int) -> None:
    """Make a rename or a new directory survive a power cut."""
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # some file systems cannot
            raise


def write_group(
    tree: Tree,
    group: dict[str, Any],
    seen: dict[int, list[int]] | None,
    check: bool,
    keep: Callable[[dict[str, Previous]], None],
) -> dict[str, Any]:
    """Return {state, running, error, conflicts, files} of one group, written if it may be.

    KEEP is given what stood there, by path, before the first file is touched; it raises Trouble if it cannot keep it.
    """
    changes: list[Change] = []
    state, signs, error = "unchanged", [], None
    conflicts: list[str] = []
    try:
        lookout = Lookout(tree, group, seen)
        if group["files"]:  # a memory alone is no business of the client's
            refuse_running(lookout)
        for wish in group["files"]:
            if any(change.path == wish["path"] for change in changes):
                raise Trouble("bad_request", "path {!r} stands twice in one group".format(wish["path"]))
            changes.append(Change(tree, wish))
        foreign = [change for change in changes if change.foreign()]
        if foreign:
            conflicts = [change.path for change in foreign]
            raise conflict_of(foreign, group)
        needed = [change for change in changes if change.needed()]
        if check:
            predict(tree, needed)
        else:
            for change in changes:
                change.sweep()
            if needed:
                keep({change.path: change.previous() for change in needed})
                replace_all(needed, lookout)
        if needed:
            state = "written"
    except (Trouble, OSError) as problem:
        trouble = trouble_of(problem, f"group {group['key']!r}") if isinstance(problem, OSError) else problem
        state, error = trouble.state, trouble.as_answer()
        if isinstance(trouble, Running):
            signs, error = trouble.signs, None
        stuck = [change.shown for change in changes if change.written]
        if stuck:
            state = "failed"
            message = "{}; new bytes that could not be taken back: {}".format(trouble.message, ", ".join(stuck))
            error = Trouble("incomplete", message).as_answer()
    files = {
        change.path: {"backup": change.written and change.old is not None, "written": change.written}
        for change in changes
    }
    return {"state": state, "running": signs, "error": error, "conflicts": conflicts, "files": files}


def conflict_of(foreign: list[Change], group: dict[str, Any]) -> Conflict:
    """Return the Conflict that names all files of a group that are not as expected."""
    shown = ", ".join(change.shown for change in foreign)
    if group.get("restores") is None:
        return Conflict(shown)
    return Conflict(shown, "run {} wrote it; left as it is".format(group["restores"]))


def refuse_running(lookout: Lookout) -> None:
    """Raise Running if there is a sign of it."""
    signs = lookout.look()
    if signs:
        raise Running(signs)


def predict(tree: Tree, changes: list[Change]) -> None:
    """Raise the Trouble that writing CHANGES would meet, as far as it can be seen; else mark them as written."""
    left: dict[int, int] = {}
    for change in changes:
        obstacle = tree.obstacle(change.spot) or lack_of_room(change, left)
        if obstacle is not None:
            raise obstacle
    for change in changes:
        change.written = True


def lack_of_room(change: Change, left: dict[int, int]) -> Trouble | None:
    """Return the Trouble of new bytes that do not fit; LEFT, free blocks by file system, shrinks by what they take.

    Quotas are not seen here.
    """
    disk, device = os.fstatvfs(change.spot.directory), os.fstat(change.spot.directory).st_dev
    if disk.f_blocks == 0:  # some file systems do not say
        return None
    left[device] = left.get(device, disk.f_bavail) - -(-len(change.new or b"") // disk.f_frsize)
    return trouble_of(OSError(errno.ENOSPC, ""), change.shown) if left[device] < 0 else None


def replace_all(changes: list[Change], lookout: Lookout) -> None:
    """Write all CHANGES, or raise Trouble and leave things as they were, as far as possible."""
    failed = True
    try:
        for change in changes:
            change.prepare()  # what needs room on the disk comes first: nothing is replaced yet if there is none
        for change in changes:
            refuse_running(lookout)
            change.compare_again()
            change.swap()
        failed = False
    finally:
        if failed:
            for change in reversed(changes):
                if change.written:
                    change.undo()
        for change in reversed(changes):
            change.clean(failed)


# ---------------------------------------------------------------------------------------------------------------------
# What the host keeps: previous bytes and memories (by the parent, which never touches a home when it is root)
# ---------------------------------------------------------------------------------------------------------------------


def check_private(path: str, forbidden: int) -> None:
    """Raise Trouble unless PATH is a real directory of ours in whose mode no bit FORBIDDEN is set."""
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & forbidden:
        raise Trouble("not_owner", f"{path}: not a directory that only its owner {os.geteuid()} may use so")


def store_file(directory: str, name: str, data: bytes, owner: int | None = None) -> None:
    """Put DATA at NAME in DIRECTORY, which only we can write in, in one step and safely on the disk; mode 0600."""
    target = os.path.join(directory, name)
    temp = target + ".new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temp)  # of a run that was killed
    descriptor = os.open(temp, OPEN_TEMP, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if owner is not None:
                os.fchown(descriptor, owner, -1)
            os.fsync(descriptor)
        os.rename(temp, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temp)
        raise
    above = os.open(directory, OPEN_DIRECTORY & ~os.O_NOFOLLOW)
    try:
        sync_directory(above)
    finally:
        os.close(above)


class Memory:
    """The texts STATE_DIR/memory/LOGIN/SHA-256-OF-KEY.json: what the control node wants to remember of a group.

    The files belong to their logins, so that a job that runs as the login can read them. The directories are ours alone
    to write in and everybody's to walk through: no login can put a link or another's file in the place of its own.
    """

    def __init__(self, state_dir: str) -> None:
        self.state_dir = os.path.abspath(state_dir)

    def _place(self, login: str | None, key: str) -> tuple[list[str], str]:
        """Return (the directories from the state directory on, the name of the file)."""
        top = os.path.join(self.state_dir, "memory")
        below = os.path.join(top, MACHINE if login is None else login)
        return [self.state_dir, top, below], digest(key.encode("utf-8", "surrogatepass")) + ".json"

    def _owner(self, login: str | None) -> int:
        if login is None or os.geteuid() != 0:
            return os.geteuid()
        try:
            return pwd.getpwnam(login).pw_uid
        except KeyError:
            raise Trouble("no_login", f"no login {login!r} on this host") from None

    def read(self, login: str | None, key: str) -> str | None:
        """Return the memory, None if there is none; raise Trouble if what stands there cannot be trusted."""
        directories, name = self._place(login, key)
        shown = "the memory of this group"
        owner = self._owner(login)

        def check(found: os.stat_result) -> None:
            check_regular(found, shown)
            if found.st_uid != owner:
                raise Trouble("not_owner", f"{shown}: belongs to uid {found.st_uid}, not to {owner}")
            if found.st_size > MEMORY_LIMIT:
                raise Trouble("too_big", f"{shown}: larger than {MEMORY_LIMIT} bytes")

        try:
            for directory in directories:
                found = os.lstat(directory)
                if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
                    raise Trouble("not_owner", f"{directory}: not a directory that only its owner may change")
            path = os.fsencode(os.path.join(directories[-1], name))
            check(os.lstat(path))
            data, _ = read_regular(path, shown, check)
            if len(data) > MEMORY_LIMIT:
                raise Trouble("too_big", f"{shown}: larger than {MEMORY_LIMIT} bytes")
            return data.decode("utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise trouble_of(error, shown) from None
        except UnicodeDecodeError:
            raise Trouble("malformed", f"{shown}: not text in UTF-8") from None

    def write(self, login: str | None, key: str, memory: str) -> None:
        """Keep MEMORY, or none when it is empty; raise Trouble if it cannot be kept."""
        directories, name = self._place(login, key)
        shown = "the memory of this group"
        try:
            data = memory.encode("utf-8")
        except UnicodeEncodeError:
            raise Trouble("bad_request", f"{shown}: not text in UTF-8") from None
        if len(data) > MEMORY_LIMIT:
            raise Trouble("too_big", f"{shown}: larger than {MEMORY_LIMIT} bytes")
        owner = self._owner(login)
        try:
            if not data:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(directories[-1], name))
                return
            os.makedirs(os.path.dirname(self.state_dir), exist_ok=True)
            for directory in directories:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(directory, 0o700)
                check_private(directory, 0o022)
                if os.geteuid() == 0:  # the login has to get through
                    os.chmod(directory, stat.S_IMODE(os.lstat(directory).st_mode) | 0o711)  # noqa: S103  root's alone
            store_file(directories[-1], name, data, owner)
        except OSError as error:
            raise trouble_of(error, shown) from None


class Kept(NamedTuple):
    """What Backups.store() did: the files it made, the paths whose bytes are kept, the manifest as it was before."""

    made: list[bytes]
    paths: set[str]
    manifest: dict[str, Any] | None


class Backups:
    """The tree STATE_DIR/backups/LOGIN/RUN_ID/PATH, that only the one who runs the module can read.

    The manifest of a run, RUN_ID/manifest.json, says what the run found and what it left:
    schema 1; when (UTC); restores (the run that this one rolled back, or null);
    files: path -> key (of its group), before and after (SHA-256), mode and mode_after (octal); null: no file;
    groups: key -> processes, locks, open_files (how to see that the client runs), memory (what was remembered before)
    and memory_after (SHA-256 of what was remembered then, null: the memory was left alone).
    """

    def __init__(self, state_dir: str, keep_runs: int = KEPT_RUNS, keep_days: int = KEPT_DAYS) -> None:
        """KEEP_RUNS and KEEP_DAYS: what is beyond is removed, but never the newest run of a login."""
        self.state_dir = os.path.abspath(state_dir)
        self.keep_runs = keep_runs
        self.keep_days = keep_days

    def _of(self, login: str | None) -> bytes:
        return os.fsencode(os.path.join(self.state_dir, "backups", MACHINE if login is None else login))

    def _run(self, login: str | None, run_id: str) -> bytes:
        return os.path.join(self._of(login), os.fsencode(run_id))

    def _check_private(self) -> None:
        check_private(self.state_dir, 0o022)
        check_private(os.path.join(self.state_dir, "backups"), 0o077)

    def store(self, task: dict[str, Any], previous: dict[str, Previous], memory: str | None) -> Kept:
        """Keep what stood at the paths of a group, and its MEMORY, before the group is written.

        What the manifest of the same run id promises already stays: it is older. What else stands there was left by a
        run that was killed before its manifest, perhaps half written, and is made anew.
        """
        login, run_id = task["login"], task["run_id"]
        made: list[bytes] = []
        kept: set[str] = set()
        manifest: dict[str, Any] | None = None
        known = None
        top = self._run(login, run_id)
        umask = os.umask(0o077)  # makedirs gives its mode to the last directory only
        try:
            os.makedirs(top, exist_ok=True)
            self._check_private()
            with contextlib.suppress(FileNotFoundError):
                manifest = self.manifest(login, run_id)
            known = {} if manifest is None else manifest["files"]
            for path, was in previous.items():
                parts = split(path, absolute=login is None)
                if parts[0] == MANIFEST.encode():
                    raise Trouble("backup_failed", f"path {path!r}: this name belongs to the backups")
                if was.data is None or path in known:
                    continue
                name = os.path.join(top, *parts)
                os.makedirs(os.path.dirname(name), exist_ok=True)
                kept.add(path)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
                descriptor = os.open(name, OPEN_TEMP, 0o600)
                made.append(name)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(was.data)
                    file.flush()
                    os.fsync(descriptor)
            if previous:
                new = self._with_group(manifest, task, previous, memory)
                store_file(os.fsdecode(top), MANIFEST, json.dumps(new, indent=1).encode("ascii"))
        except (OSError, Trouble) as problem:
            if known is not None:
                self.discard(login, run_id, Kept(made, kept, manifest))
            else:  # nothing was made, and a manifest that stands there is not ours to judge
                with contextlib.suppress(OSError):
                    os.rmdir(top)
            words = problem.message if isinstance(problem, Trouble) else trouble_of(problem, self.state_dir).message
            raise Trouble("backup_failed", words) from None
        finally:
            os.umask(umask)
        return Kept(made, kept | {path for path in previous if path in known}, manifest)

    def _with_group(
        self, manifest: dict[str, Any] | None, task: dict[str, Any], previous: dict[str, Previous], memory: str | None
    ) -> dict[str, Any]:
        """Return MANIFEST with what is about to happen to a group."""
        wishes = {wish["path"]: wish for wish in task["files"]}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if manifest is None:
            manifest = {"schema": 1, "when": now, "restores": task.get("restores"), "files": {}, "groups": {}}
        files = dict(manifest["files"])
        for path, was in previous.items():
            content = wishes[path]["content"]
            first = files.get(path)  # an earlier write of the same run
            files[path] = {
                "key": task["key"],
                "before": first["before"] if first else None if was.data is None else digest(was.data),
                "after": None if content is None else digest(unpack(content, path)),
                "mode": first["mode"] if first else None if was.mode is None else f"{was.mode:04o}",
                "mode_after": None if was.mode_after is None else f"{was.mode_after:04o}",
            }
        group = {name: task[name] for name in ("processes", "locks", "open_files")}
        first = manifest["groups"].get(task["key"])
        group["memory"] = first["memory"] if first else memory
        group["memory_after"] = None if task["memory"] is None else digest(task["memory"].encode("utf-8", "replace"))
        return {**manifest, "when": now, "files": files, "groups": {**manifest["groups"], task["key"]: group}}

    def discard(self, login: str | None, run_id: str, kept: Kept) -> None:
        """Undo store() for a group that was not written. First the promise goes, then the bytes that it promised."""
        top = self._run(login, run_id)
        try:
            if kept.manifest is not None:
                store_file(os.fsdecode(top), MANIFEST, json.dumps(kept.manifest, indent=1).encode("ascii"))
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(top, MANIFEST.encode()))
        except OSError:  # the promise stands: it must stay true
            return
        for name in kept.made:
            with contextlib.suppress(OSError):  # not empty
                os.unlink(name)
                above = os.path.dirname(name)
                while above != top:
                    os.rmdir(above)
                    above = os.path.dirname(above)
        with contextlib.suppress(OSError):  # other groups of the run are kept there
            os.rmdir(top)

    def prune(self) -> None:
        """Remove the runs that are too many or too old."""
        oldest = (time.time() - self.keep_days * 86400) * 1e9
        for _, name in self._logins():
            with contextlib.suppress(OSError):
                ages = [(run.stat().st_mtime_ns, run.path) for run in self._newest_first(name)]
                for index, (age, path) in enumerate(ages):
                    if index and (index >= self.keep_runs or age < oldest):
                        # First out of the listing, then away: killed in between, no run promises what is gone.
                        os.rename(path, os.path.join(name, GONE + os.path.basename(path)))
                for left in os.scandir(name):
                    if left.name.startswith(GONE):
                        shutil.rmtree(left.path, ignore_errors=True)

    @staticmethod
    def _newest_first(directory: bytes) -> list[os.DirEntry[bytes]]:
        """The runs in the directory of a login, without those that are on their way out."""
        runs = [run for run in os.scandir(directory) if not run.name.startswith(GONE)]
        return sorted(runs, key=lambda run: (run.stat().st_mtime_ns, run.name), reverse=True)

    def _logins(self) -> list[tuple[str | None, bytes]]:
        """Return (login, directory) of all that have backups; None, the machine, comes first."""
        top = os.fsencode(os.path.join(self.state_dir, "backups"))
        try:
            names = sorted(os.listdir(top))
        except FileNotFoundError:
            return []
        logins = [None if text(name) == MACHINE else text(name) for name in names]
        found = list(zip(logins, (os.path.join(top, name) for name in names)))
        return sorted(found, key=lambda one: one[0] or "")

    def manifest(self, login: str | None, run_id: str) -> dict[str, Any]:
        """Return the manifest of a run; raise FileNotFoundError without one, Trouble if nobody can read it."""
        shown = f"backup {run_id} of {login or 'the machine'}"
        with open(os.path.join(self._run(login, run_id), MANIFEST.encode()), "rb") as file:
            try:
                manifest = json.load(file)
                if manifest["schema"] == 1 and manifest["files"].keys() and manifest["groups"].keys():
                    return dict(manifest)
            except (ValueError, KeyError, TypeError, AttributeError):
                pass
        raise Trouble("backup_damaged", f"{shown}: its manifest is not one that this version understands")

    def runs(self, login: str | None) -> list[str]:
        """Return the ids of the runs of a login, the newest first."""
        try:
            return [text(run.name) for run in self._newest_first(self._of(login))]
        except FileNotFoundError:
            return []

    def listing(self, logins: list[str] | None) -> list[dict[str, Any]]:
        """Return [{login, runs}], see RETURN."""
        found = []
        for login, _ in self._logins():
            if logins is None or (login or MACHINE) in logins:
                found.append({"login": login, "runs": [self._described(login, run) for run in self.runs(login)]})
        return found

    def _described(self, login: str | None, run_id: str) -> dict[str, Any]:
        try:
            manifest = self.manifest(login, run_id)
        except FileNotFoundError:
            trouble = Trouble("no_manifest", f"backup {run_id} of {login or 'the machine'}: kept without a manifest")
        except Trouble as found:
            trouble = found
        else:
            files = [
                {"path": path, **{name: entry[name] for name in ("key", "before", "after", "mode")}}
                for path, entry in sorted(manifest["files"].items())
            ]
            whole = {name: manifest[name] for name in ("when", "restores")}
            return {"run_id": run_id, **whole, "groups": sorted(manifest["groups"]), "files": files, "error": None}
        nothing: dict[str, Any] = {"when": None, "restores": None, "groups": [], "files": []}
        return {"run_id": run_id, **nothing, "error": trouble.as_answer()}

    def groups_of(self, wish: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the groups to write so that what a run changed is as it was before; raise Trouble if that cannot be.

        WISH: an entry of the option restores.
        """
        login, run_id = wish["login"], wish["run_id"]
        check_task(wish)
        check_task({"login": login, "run_id": wish["new_run_id"]})
        if wish["new_run_id"] == run_id:
            raise Trouble("bad_request", f"run {run_id}: a rollback must have a run_id of its own")
        try:
            manifest = self.manifest(login, run_id)
        except FileNotFoundError:
            known = ", ".join(self.runs(login)) or "none"
            raise Trouble(
                "no_backup", f"{login or 'the machine'}: no backup of run {run_id} with a manifest; known: {known}"
            ) from None
        except OSError as error:
            raise trouble_of(error, f"backup {run_id}") from None
        for name, known_names in (("paths", manifest["files"]), ("keys", manifest["groups"])):
            unknown = sorted(set(wish[name] or ()) - set(known_names))
            if unknown:
                raise Trouble("bad_request", f"run {run_id} wrote no {name} {', '.join(unknown)}")
        groups = []
        for key, group in manifest["groups"].items():
            paths = [
                path
                for path, entry in manifest["files"].items()
                if entry["key"] == key and (wish["paths"] is None or path in wish["paths"])
            ]
            if paths and (wish["keys"] is None or key in wish["keys"]):
                groups.append(
                    {
                        **{name: group[name] for name in ("processes", "locks", "open_files")},
                        "key": key,
                        "login": login,
                        "run_id": wish["new_run_id"],
                        "restores": run_id,
                        "files": [self._way_back(login, run_id, path, manifest["files"][path]) for path in paths],
                        **self._memory_back(group, whole=wish["paths"] is None),
                    }
                )
        return groups

    @staticmethod
    def _memory_back(group: dict[str, Any], whole: bool) -> dict[str, Any]:
        """What was remembered goes back with the files: the next run must not take our rollback for the user's wish."""
        if not whole or group["memory_after"] is None:
            return {"memory": None, "memory_over": None}
        return {"memory": group["memory"] or "", "memory_over": group["memory_after"]}

    def _way_back(self, login: str | None, run_id: str, path: str, entry: dict[str, Any]) -> dict[str, Any]:
        """Return the file to write, as in groups, so that PATH is as it was before the run."""
        content = None
        if entry["before"] is not None:
            name = os.path.join(self._run(login, run_id), *split(path, absolute=login is None))
            try:
                data, _ = read_regular(
                    name, f"backup of {path}", lambda found: check_regular(found, "backup of " + path)
                )
            except (Trouble, OSError):
                data = b""
            if digest(data) != entry["before"]:
                raise Trouble("backup_damaged", f"backup {run_id} of {path}: not the bytes that were kept")
            content = pack(data)
        # Unless the run changed the mode, the one that the file has now is the user's.
        mode = entry["mode"] if entry["mode"] != entry["mode_after"] else None
        return {"path": path, "content": content, "before": entry["after"], "mode": mode, "dir_mode": None}


# ---------------------------------------------------------------------------------------------------------------------
# One process for each login
# ---------------------------------------------------------------------------------------------------------------------

# What a child does with one task: (tree, task, keep) -> fields of the answer.
Serve = Callable[[Tree, "dict[str, Any]", "Callable[[dict[str, Previous]], None]"], "dict[str, Any]"]
# What a child may say of its task. The rest of an answer is the parent's.
CHILD_SAYS = ("home", "uid", "error", "running", "state", "conflicts", "files")


class Child:
    """The life of the process that serves one login: messages are lines of JSON through two pipes."""

    def __init__(self, say: int, hear: int) -> None:
        self.say = say
        self.hear = hear

    def tell(self, message: dict[str, Any]) -> None:
        """Send one message."""
        rest = memoryview(json.dumps(message).encode("ascii") + b"\n")
        while rest:
            rest = rest[os.write(self.say, rest) :]

    def keep(self, index: int, previous: dict[str, Previous]) -> None:
        """Have the parent keep what stood there; return when it is on the disk."""
        wire = {
            path: [None if was.data is None else pack(was.data), was.mode, was.mode_after]
            for path, was in previous.items()
        }
        self.tell({"index": index, "keep": wire})
        answer = b""
        while not answer.endswith(b"\n"):
            part = os.read(self.hear, 65536)
            if not part:
                raise Trouble("crashed", "the process that keeps the previous bytes is gone")
            answer += part
        trouble = json.loads(answer)
        if trouble is not None:
            raise Trouble(trouble["code"], trouble["message"])

    def live(self, login: str | None, tasks: dict[int, dict[str, Any]], serve: Serve) -> None:
        """Serve all TASKS of LOGIN."""
        tree: Tree | None = None
        for index, task in tasks.items():
            known: dict[str, Any] = {}
            try:
                if tree is None:
                    tree = Tree(become(login))
                known = {"home": tree.person.home, "uid": tree.person.uid}
                known.update(serve(tree, task, lambda previous, index=index: self.keep(index, previous)))  # type: ignore[misc]
            except Trouble as trouble:
                known["error"] = trouble.as_answer()
            except OSError as error:
                known["error"] = trouble_of(error, f"login {login!r}").as_answer()
            except Exception as error:  # noqa: BLE001  no bug may cost the other people of the host their answer
                # Not its text, which may quote what was read.
                line = traceback.extract_tb(error.__traceback__)[-1].lineno
                known["error"] = Trouble("crashed", f"{type(error).__name__} in line {line}").as_answer()
            self.tell({"index": index, "answer": known})


class Worker:
    """The parent's side of one child."""

    def __init__(self, login: str | None, tasks: dict[int, dict[str, Any]], serve: Serve, time_limit: int) -> None:
        """Fork."""
        self.login = login
        self.tasks = tasks
        self.chunks: list[bytes] = []
        self.deadline = time.monotonic() + time_limit
        self.pipe, say = os.pipe()
        hear, self.reply_pipe = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                isolate((say, hear))
                signal.alarm(time_limit + 5)  # if the parent is killed, nobody else ends a child that hangs
                Child(say, hear).live(login, tasks, serve)
            finally:
                os._exit(0)
        os.close(say)
        os.close(hear)

    def messages(self) -> Iterator[dict[str, Any]] | None:
        """Return what arrived; None when the child has said everything."""
        chunk = os.read(self.pipe, 1 << 20)
        if not chunk:
            return None
        self.chunks.append(chunk)
        if b"\n" not in chunk:
            return iter(())
        *lines, rest = b"".join(self.chunks).split(b"\n")
        self.chunks = [rest]
        return map(json.loads, lines)

    def reply(self, trouble: Trouble | None) -> None:
        """Answer the child's wish to keep bytes."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.reply_pipe, json.dumps(trouble and trouble.as_answer()).encode("ascii") + b"\n")

    def end(self) -> None:
        """Kill the child (which hangs, or has nothing more to say) and take note of its death."""
        os.close(self.pipe)
        os.close(self.reply_pipe)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        # A process that waits for a dead disk cannot even be killed: do not wait for it for ever.
        for attempt in range(12):
            if os.waitpid(self.pid, os.WNOHANG) != (0, 0):
                return
            time.sleep(0.0005 * 2**attempt)  # 2 s in all


class Service:
    """Has every task served by a process of its login, a few at a time."""

    def __init__(
        self,
        tasks: list[dict[str, Any]],
        serve: Serve,
        time_limit: int,
        *,
        memory: Memory,
        backups: Backups | None = None,
        check: bool = False,
    ) -> None:
        """BACKUPS: None when reading."""
        self.tasks = tasks
        self.serve = serve
        self.time_limit = time_limit
        self.memory = memory
        self.backups = backups
        self.check = check
        self.answers = [self._blank(task) for task in tasks]
        self.kept: dict[int, Kept] = {}  # by task

    def _blank(self, task: dict[str, Any]) -> dict[str, Any]:
        answer = {"key": task["key"], "login": task["login"], "error": None, "running": [], "files": {}}
        if self.backups is None:
            answer.update(home=None, uid=None, memory=None, memory_error=None, pending=False)
        else:
            answer.update(state="failed", conflicts=[], memory_written=None, memory_error=None)
        return answer

    def _pending(self, login: str | None) -> bool:
        """Say whether im_pending keeps something for this login, so that only then it need be asked."""
        return login is not None and os.path.lexists(os.path.join(self.memory.state_dir, "pending", login))

    def run(self) -> list[dict[str, Any]]:
        """Return the answers, in the order of the tasks."""
        logins: dict[str | None, dict[int, dict[str, Any]]] = {}
        for index, task in enumerate(self.tasks):
            try:
                check_task(task)
            except Trouble as trouble:
                self.answers[index]["error"] = trouble.as_answer()
                continue
            logins.setdefault(task["login"], {})[index] = task
            if self.backups is None:
                self.answers[index]["pending"] = self._pending(task["login"])
        waiting = list(logins.items())
        workers: list[Worker] = []
        while waiting or workers:
            while waiting and len(workers) < WORKERS:
                workers.append(Worker(*waiting.pop(0), self.serve, self.time_limit))
            patience = min(worker.deadline for worker in workers) - time.monotonic()
            ready = select.select([worker.pipe for worker in workers], [], [], max(0.0, patience))[0]
            for worker in list(workers):
                if worker.pipe in ready and self._listen(worker):
                    continue
                late = worker.deadline <= time.monotonic()
                if worker.pipe in ready or late:
                    self._end(worker, late=worker.pipe not in ready)
                    workers.remove(worker)
        return self.answers

    def _listen(self, worker: Worker) -> bool:
        """Take in what a child says; return whether it may say more."""
        try:
            messages = worker.messages()
            if messages is None:
                return False
            for message in messages:
                index = message["index"]
                if "keep" in message:
                    worker.reply(self._keep(index, worker.tasks[index], message["keep"]))
                else:
                    del worker.tasks[index]
                    self._settle(index, message["answer"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return False  # nonsense: the child runs as the person, who may have got hold of it
        return True

    def _keep(self, index: int, task: dict[str, Any], previous: dict[str, list[Any]]) -> Trouble | None:
        if index in self.kept:
            raise ValueError("a group is kept once")
        try:
            if self.backups is not None:
                found = {}
                for path in [wish["path"] for wish in task["files"] if wish["path"] in previous]:
                    packed, mode, mode_after = previous[path]
                    data = None if packed is None else unpack(packed, path)
                    found[path] = Previous(data, mode and mode & 0o777, mode_after and mode_after & 0o777)
                memory = None
                if task["memory"] is not None:
                    with contextlib.suppress(Trouble):  # what cannot be trusted is not put back either
                        memory = self.memory.read(task["login"], task["key"])
                self.kept[index] = self.backups.store(task, found, memory)
        except Trouble as trouble:
            return trouble
        return None

    def _settle(self, index: int, known: dict[str, Any]) -> None:
        answer, task = self.answers[index], self.tasks[index]
        answer.update({name: known[name] for name in CHILD_SAYS if name in known and name in answer})
        if self.backups is None:
            if task["memory"] and answer["error"] is None:
                self._remember(answer, task)
            return
        if index in self.kept and all(file["written"] is False for file in answer["files"].values()):
            self.backups.discard(task["login"], task["run_id"], self.kept[index])
        if task["memory"] is not None:
            self._memorize(answer, task)

    def _remember(self, answer: dict[str, Any], task: dict[str, Any]) -> None:
        try:
            answer["memory"] = self.memory.read(task["login"], task["key"])
        except Trouble as trouble:
            answer["memory_error"] = trouble.as_answer()

    def _memorize(self, answer: dict[str, Any], task: dict[str, Any]) -> None:
        """Keep the memory of a group that was written. That it cannot be kept is no reason to fail the group."""
        answer["memory_written"] = False
        try:
            over = task.get("memory_over")
            if answer["state"] == "unchanged" and over is not None:
                # Rolled back already, unless that was killed between the files and the memory.
                now = self.memory.read(task["login"], task["key"])
                if digest((now or "").encode("utf-8")) != over:
                    return
            if answer["state"] in ("written", "unchanged"):
                if not self.check:
                    self.memory.write(task["login"], task["key"], task["memory"])
                answer["memory_written"] = True
        except Trouble as trouble:
            answer["memory_error"] = trouble.as_answer()

    def _end(self, worker: Worker, late: bool) -> None:
        worker.end()
        if late:
            trouble = Trouble(
                "timeout",
                f"login {worker.login!r}: no answer within {self.time_limit} s, is the home reachable?",
            )
        else:
            trouble = Trouble("crashed", f"login {worker.login!r}: the process that served it ended without an answer")
        for index, task in worker.tasks.items():
            known: dict[str, Any] = {"error": trouble.as_answer()}
            if index in self.kept:  # it may have written before it ended
                known["files"] = {
                    wish["path"]: {"backup": wish["path"] in self.kept[index].paths, "written": None}
                    for wish in task["files"]
                }
            self._settle(index, known)


def check_task(task: dict[str, Any]) -> None:
    """Raise Trouble bad_request for names that must never reach a path or the password database."""
    login = task["login"]
    if login is not None and (not login or "/" in login or not login.isprintable() or login in (".", "..", MACHINE)):
        raise Trouble("bad_request", f"login {login!r} cannot be a login")
    run_id = task.get("run_id")
    if run_id is not None and not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,99}", run_id):
        raise Trouble("bad_request", f"run_id {run_id!r} must be letters, digits, '._-', at most 100")


# What the entries of requests and groups may leave out, with its default. Everything else is required.
SIGNS: dict[str, Any] = {"processes": [], "locks": [], "open_files": []}
REQUEST: dict[str, Any] = {**SIGNS, "login": None, "paths": [], "system_paths": [], "memory": False}
GROUP: dict[str, Any] = {**SIGNS, "login": None, "memory": None}
FILE: dict[str, Any] = {"content": None, "before": None, "mode": None, "dir_mode": None}
RESTORE: dict[str, Any] = {"login": None, "paths": None, "keys": None}


def completed(entry: dict[str, Any], defaults: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """Return ENTRY with its DEFAULTS; raise ValueError for a name that is unknown or missing."""
    unknown, missing = set(entry) - {*defaults, *required}, set(required) - set(entry)
    if unknown or missing:
        wrong = ", ".join(sorted(unknown | missing))
        raise ValueError(f"unknown or missing: {wrong}; known: {', '.join(sorted({*defaults, *required}))}")
    return {**defaults, **entry}


def default_state_dir() -> str:
    """Return where root, or the person who runs this, keeps its state."""
    return os.path.expanduser(STATES[os.geteuid() == 0])


def read_requests(
    requests: list[dict[str, Any]], state_dir: str | None = None, time_limit: int = 30
) -> list[dict[str, Any]]:
    """Read, as action read does. Needs no Ansible: also a library for jobs that run as the person.

    Args:
        requests: entries of the option requests; what they leave out has the documented default.
        state_dir: see the option state_dir.
        time_limit: seconds for each login.

    Returns:
        The answers documented in RETURN, in the order of REQUESTS. Run unprivileged, it serves the login that runs it.

    Raises:
        ValueError: an entry has an unknown name or lacks its key.
    """
    asked = [completed(request, REQUEST, ("key",)) for request in requests]
    seen = first_look(asked)
    memory = Memory(state_dir or default_state_dir())
    return Service(
        asked, lambda tree, request, _keep: read_request(tree, request, seen), time_limit, memory=memory
    ).run()


def write_groups(
    groups: list[dict[str, Any]],
    state_dir: str | None = None,
    check: bool = False,
    time_limit: int = 30,
    *,
    keep_runs: int = KEPT_RUNS,
    keep_days: int = KEPT_DAYS,
) -> list[dict[str, Any]]:
    """Write, as action write does. Needs no Ansible, as read_requests(), with the same arguments and these:

    Args:
        groups: entries of the option groups; what they and their files leave out has the documented default.
        check: predict, write nothing.
        keep_runs: see the option keep_runs.
        keep_days: see the option keep_days.
    """
    asked = []
    for group in groups:
        whole = completed(group, GROUP, ("key", "run_id", "files"))
        asked.append({**whole, "files": [completed(file, FILE, ("path",)) for file in whole["files"]]})
    return _write(asked, Backups(state_dir or default_state_dir(), keep_runs, keep_days), check, time_limit)


def _write(groups: list[dict[str, Any]], backups: Backups, check: bool, time_limit: int) -> list[dict[str, Any]]:
    seen = first_look(groups)
    answers = Service(
        groups,
        lambda tree, group, keep: write_group(tree, group, seen, check, keep),
        time_limit,
        memory=Memory(backups.state_dir),
        backups=backups,
        check=check,
    ).run()
    if not check:
        with contextlib.suppress(OSError):  # the answers are worth more than the room on the disk
            backups.prune()
    return answers


def list_backups(logins: list[str] | None = None, state_dir: str | None = None) -> list[dict[str, Any]]:
    """Return what action list_backups answers, backups in RETURN. Raise OSError if the backups cannot be listed."""
    return Backups(state_dir or default_state_dir()).listing(logins)


def restore_runs(
    restores: list[dict[str, Any]],
    state_dir: str | None = None,
    check: bool = False,
    time_limit: int = 30,
    *,
    keep_runs: int = KEPT_RUNS,
    keep_days: int = KEPT_DAYS,
) -> list[dict[str, Any]]:
    """Roll back, as action restore does: one answer for each group, or for an entry of RESTORES that has none.

    Args and errors as write_groups().
    """
    backups = Backups(state_dir or default_state_dir(), keep_runs, keep_days)
    groups: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for restore in restores:
        wish = completed(restore, RESTORE, ("run_id", "new_run_id"))
        try:
            groups += backups.groups_of(wish)
        except Trouble as trouble:
            lost = {"key": None, "login": wish["login"], "state": "failed", "error": trouble.as_answer(), "running": []}
            refused.append({**lost, "conflicts": [], "files": {}, "memory_written": None, "memory_error": None})
    return refused + (_write(groups, backups, check, time_limit) if groups else [])


def first_look(tasks: list[dict[str, Any]]) -> dict[int, list[int]] | None:
    """Gather the processes once for all logins, if anybody asks and there is a /proc."""
    if LINUX and any(task["processes"] or task["open_files"] for task in tasks):
        return processes_by_uid()
    return None


def main() -> None:
    """Run as an Ansible module."""
    from ansible.module_utils.basic import AnsibleModule  # noqa: PLC0415  a job on a desk imports this file without it

    strings = {"type": "list", "elements": "str", "default": []}
    some = {"type": "list", "elements": "str"}
    common = {
        "key": {
            "type": "str",
            "required": True,
        },
        "login": {"type": "str"},
        "processes": strings,
        "locks": strings,
        "open_files": strings,
    }
    file = {
        "path": {"type": "str", "required": True},
        "content": {"type": "str", "no_log": True},
        "before": {"type": "str"},
        "mode": {"type": "str"},
        "dir_mode": {"type": "str"},
    }
    group = {
        **common,
        "run_id": {"type": "str", "required": True},
        "files": {"type": "list", "elements": "dict", "required": True, "options": file},
        "memory": {"type": "str", "no_log": True},
    }
    restore = {
        "login": {"type": "str"},
        "run_id": {"type": "str", "required": True},
        "new_run_id": {"type": "str", "required": True},
        "paths": some,
        "keys": {**some, "no_log": False},
    }
    module = AnsibleModule(
        argument_spec={
            "action": {"type": "str", "required": True, "choices": ["read", "write", "list_backups", "restore"]},
            "requests": {
                "type": "list",
                "elements": "dict",
                "options": {
                    **common,
                    "paths": strings,
                    "system_paths": strings,
                    "memory": {"type": "bool", "default": False},
                },
            },
            "groups": {"type": "list", "elements": "dict", "options": group},
            "restores": {"type": "list", "elements": "dict", "options": restore},
            "logins": some,
            "state_dir": {"type": "path"},
            "time_limit": {"type": "int", "default": 30},
            "keep_runs": {"type": "int", "default": KEPT_RUNS},
            "keep_days": {"type": "int", "default": KEPT_DAYS},
        },
        required_if=[
            ("action", "read", ["requests"]),
            ("action", "write", ["groups"]),
            ("action", "restore", ["restores"]),
        ],
        supports_check_mode=True,
    )
    asked = module.params
    for name in ("time_limit", "keep_runs", "keep_days"):
        if asked[name] < 1:
            module.fail_json(msg=f"{name} must be at least 1")
    if asked["action"] == "read":
        answers = read_requests(asked["requests"], asked["state_dir"], asked["time_limit"])
        module.exit_json(changed=False, answers=answers)
    if asked["action"] == "list_backups":
        try:
            module.exit_json(changed=False, backups=list_backups(asked["logins"], asked["state_dir"]))
        except OSError as error:
            module.fail_json(msg=trouble_of(error, "the backups").message)
    limits = {name: asked[name] for name in ("state_dir", "time_limit", "keep_runs", "keep_days")}
    if asked["action"] == "write":
        answers = write_groups(asked["groups"], check=module.check_mode, **limits)
    else:
        answers = restore_runs(asked["restores"], check=module.check_mode, **limits)
    changed = any(file["written"] is not False for answer in answers for file in answer["files"].values())
    module.exit_json(changed=changed, answers=answers)


if __name__ == "__main__":
    main()
