"""What the host remembers of a group for the control node."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import stat

from .errors import Trouble, trouble_of
from .opening import check_regular, read_regular
from .private_files import check_private, make_way_to, store_file
from .tasks import MACHINE
from .wire import digest

MEMORY_LIMIT = 1024 * 1024  # bytes of one memory
#: What a file system or a kernel without O_TMPFILE answers: open(2).
NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


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

    def write(self, login: str | None, key: str, memory: str, check: bool = False) -> None:
        """Keep MEMORY, or none when it is empty; raise Trouble if it cannot be kept. CHECK leaves no trace of it."""
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
            if check:
                if data:
                    self._try_out(directories, owner)
                return
            if not data:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(directories[-1], name))
                return
            make_way_to(self.state_dir)
            for directory in directories:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(directory, 0o700)
                check_private(directory, 0o022)
                if os.geteuid() == 0:  # the login has to get through
                    os.chmod(directory, stat.S_IMODE(os.lstat(directory).st_mode) | 0o711)  # noqa: S103  root's alone
            store_file(directories[-1], name, data, owner)
        except OSError as error:
            raise trouble_of(error, shown) from None

    def _try_out(self, directories: list[str], owner: int) -> None:
        """Raise OSError or Trouble where write() would; a file without a name is all that ever stands on the disk."""
        there = [directory for directory in directories if os.path.lexists(directory)]
        for directory in there:
            check_private(directory, 0o022)
        place = there[-1] if there else os.path.dirname(self.state_dir)
        while not os.path.lexists(place):
            place = os.path.dirname(place)
        try:
            descriptor = os.open(place, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno in NO_TMPFILE:
                return  # nothing can be told without a trace
            raise
        except AttributeError:  # macOS has none
            return
        try:
            os.fchown(descriptor, owner, -1)
        finally:
            os.close(descriptor)
