"""Makes a Linux Python say that it runs on a Mac, and takes from it what Python has not there.

For the desk mac-lab-07 alone, whose interpreter this is. It proves that our programs and the modules of Ansible take
the way that they take on a Mac; nothing about macOS itself, whose kernel, directories and programs are not here.
"""

import os
import platform
import signal
import sys

sys.platform = "darwin"
_NODE = os.uname().nodename
os.uname = lambda: os.uname_result(("Darwin", _NODE, "24.1.0", "Darwin Kernel Version 24.1.0", "arm64"))
platform.mac_ver = lambda *_, **__: ("15.1", ("", "", ""), "arm64")

# What the documentation of Python 3.9 says to be for Linux, or not for macOS.
for _module, _names in (
    (os, ("O_TMPFILE", "listxattr", "getxattr", "setxattr", "removexattr", "getresuid", "getresgid", "memfd_create")),
    (os, ("setresuid", "setresgid", "sched_getaffinity", "posix_fallocate", "posix_fadvise", "pipe2", "fdatasync")),
    (signal, ("sigtimedwait", "sigwaitinfo")),
):
    for _name in _names:
        if hasattr(_module, _name):
            delattr(_module, _name)
