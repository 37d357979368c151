"""Walk a home without trusting a link."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import Sequence

from .errors import Trouble, trouble_of
from .opening import OPEN_DIRECTORY, RACED, check_regular, read_regular
from .person import Person
from .wire import text

LOGIN_LIMIT = 256 * 1024 * 1024  # bytes read for one login: a person must not be able to fill the memory of the host
LINK_LIMIT = 20  # links followed on one path
MATCH_LIMIT = 1000  # files of one pattern


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
