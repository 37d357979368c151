"""Makes a Linux Python say that it runs on a Mac, and takes from it what Python has not there.

For the desk mac-lab-07, whose interpreter this is, and for unit tests. It proves that our programs and the modules of
Ansible take the way that they take on a Mac; nothing about macOS itself, whose kernel, directories and programs are
not here.
"""

import importlib
import os
import platform
import sys

# What the documentation of Python 3.9 says to be for Linux or not for macOS, and what the headers of macOS do not have.
ABSENT = {
    "os": (
        *("O_TMPFILE", "O_PATH", "O_NOATIME", "O_DIRECT", "O_LARGEFILE", "O_RSYNC"),
        *("listxattr", "getxattr", "setxattr", "removexattr", "XATTR_CREATE", "XATTR_REPLACE", "XATTR_SIZE_MAX"),
        *("getresuid", "getresgid", "setresuid", "setresgid", "memfd_create", "pidfd_open", "P_PIDFD", "pipe2"),
        *("sched_getaffinity", "sched_setaffinity", "sched_getscheduler", "sched_setscheduler", "sched_getparam"),
        *("posix_fallocate", "posix_fadvise", "fdatasync", "copy_file_range", "splice", "eventfd", "waitid"),
        *("getrandom", "unshare", "setns", "preadv", "pwritev", "ST_NOEXEC", "ST_NODEV", "ST_NOATIME"),
    ),
    "fcntl": (
        *("F_OFD_GETLK", "F_OFD_SETLK", "F_OFD_SETLKW", "F_SETPIPE_SZ", "F_GETPIPE_SZ", "F_NOTIFY", "F_SETLEASE"),
        *("F_ADD_SEALS", "F_GET_SEALS", "F_SETSIG", "F_GETSIG", "LOCK_MAND", "LOCK_READ", "LOCK_WRITE", "LOCK_RW"),
    ),
    "signal": ("sigtimedwait", "sigwaitinfo", "pidfd_send_signal", "SIGRTMIN", "SIGRTMAX", "SIGPWR", "SIGPOLL"),
    "select": ("epoll", "EPOLLIN", "EPOLLOUT"),
    "time": ("CLOCK_BOOTTIME", "CLOCK_TAI", "pthread_getcpuclockid"),
    "resource": ("prlimit", "RUSAGE_THREAD", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_SIGPENDING"),
    "socket": (
        *("AF_NETLINK", "AF_PACKET", "SO_PEERCRED", "SO_PASSCRED", "SO_BINDTODEVICE", "SO_DOMAIN", "SO_PROTOCOL"),
        *("SOCK_CLOEXEC", "SOCK_NONBLOCK", "TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "MSG_NOSIGNAL"),
    ),
}


def be_a_mac() -> None:
    """From here on this interpreter says Darwin."""
    for module, names in ABSENT.items():
        for name in names:
            if hasattr(importlib.import_module(module), name):
                delattr(sys.modules[module], name)
    node = os.uname().nodename
    os.uname = lambda: os.uname_result(("Darwin", node, "24.1.0", "Darwin Kernel Version 24.1.0", "arm64"))
    platform.mac_ver = lambda *_, **__: ("15.1", ("", "", ""), "arm64")
    sys.platform = "darwin"
