"""What hangs on a file besides its bytes and mode, carried over to the file that replaces it."""

from __future__ import annotations

import contextlib
import os
import re

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
