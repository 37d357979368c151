"""Files in directories that only the one who runs this can write in: no person has a hand in them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat

from .errors import Trouble
from .opening import OPEN_DIRECTORY, OPEN_TEMP

STATES = {True: "/var/lib/im_client", False: "~/.local/state/im_client"}  # by "runs as root"


def default_state_dir() -> str:
    """Return where root, or the person who runs this, keeps its state."""
    return os.path.expanduser(STATES[os.geteuid() == 0])


def check_private(path: str, forbidden: int) -> None:
    """Raise Trouble unless PATH is a real directory of ours in whose mode no bit FORBIDDEN is set."""
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & forbidden:
        raise Trouble("not_owner", f"{path}: not a directory that only its owner {os.geteuid()} may use so")


def make_way_to(directory: str) -> None:
    """Make what is missing above a directory of ours. A Mac has no /var/lib; root's is for all to walk through."""
    above = os.path.dirname(directory)
    if os.path.isdir(above):
        return
    make_way_to(above)
    with contextlib.suppress(FileExistsError):
        os.mkdir(above, 0o700)
        os.chmod(above, 0o755 if os.geteuid() == 0 else 0o700)  # whatever the umask


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
            to_disk(descriptor)
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


def sync_directory(directory: int) -> None:
    """Make a rename or a new directory survive a power cut."""
    try:
        to_disk(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # some file systems cannot
            raise


def to_disk(descriptor: int) -> None:
    """Make what an open file holds survive a power cut. On a Mac fsync() leaves it in the drive's cache (fsync(2))."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        with contextlib.suppress(OSError):  # some file systems cannot
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)
