"""Does the client run? Its processes, its locks, the files it keeps open."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import sys
from typing import Any, Iterator

from .errors import Running, Trouble, trouble_of
from .opening import OPEN_FILE, check_regular
from .tree import Spot, Tree, split
from .wire import text

PROC = "/proc"
LINUX = sys.platform.startswith("linux")


def processes_by_uid() -> dict[int, list[int]]:
    """Return {uid: [pid]} of all processes that can be seen, from /proc."""
    owners: dict[int, list[int]] = {}
    for name in os.listdir(PROC):
        if name.isdigit():
            with contextlib.suppress(OSError):  # gone meanwhile
                owners.setdefault(os.stat(f"{PROC}/{name}").st_uid, []).append(int(name))
    return owners


def first_look(tasks: list[dict[str, Any]]) -> dict[int, list[int]] | None:
    """Gather the processes once for all logins, if anybody asks and there is a /proc."""
    if LINUX and any(task["processes"] or task["open_files"] for task in tasks):
        return processes_by_uid()
    return None


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
    """Return [(pid, names)] of a user (None: of all) where there is no /proc as Linux has it.

    In lower case: an application of macOS may bear its name with a capital letter, or be made anew with one.
    """
    program = next((path for path in ("/bin/ps", "/usr/bin/ps") if os.access(path, os.X_OK)), None)
    if program is None:
        raise Trouble("io", "cannot list processes: no /proc and no ps")
    done = subprocess.run(  # noqa: S603  fixed words
        [program, "-axww", "-o", "uid=,pid=,comm="],  # without ww, macOS cuts a path at 79 columns
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
            listed.append((int(fields[1]), {os.path.basename(fields[2]).lower()}))
    return listed


class Lookout:
    """Looks whether a client runs: by the names of its processes, its locks and the files it keeps open."""

    def __init__(self, tree: Tree, task: dict[str, Any], seen: dict[int, list[int]] | None) -> None:
        """SEEN: {uid: [pid]} gathered once for all logins, used by the first look only."""
        self.tree = tree
        self.names = {name: (name if LINUX else name.lower()).encode("utf-8") for name in task["processes"]}
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


def refuse_running(lookout: Lookout) -> None:
    """Raise Running if there is a sign of it."""
    signs = lookout.look()
    if signs:
        raise Running(signs)


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
