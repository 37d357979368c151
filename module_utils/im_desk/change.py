"""Replace or delete one file in one step, and take that back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from typing import Any, Iterator, NamedTuple

from .attributes import CARRIED_AFTER_MODE, CARRIED_BEFORE_MODE, carry_attributes
from .errors import Conflict, Trouble, trouble_of
from .opening import OPEN_FILE, OPEN_TEMP, read_regular
from .private_files import sync_directory, to_disk
from .tree import Tree, split
from .wire import digest, unpack

TEMP_NAME = re.compile(rb"\.im-client-[0-9a-f]{16}")


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
            to_disk(descriptor)
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
