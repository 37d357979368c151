"""Programs from Debian's packages that a test wants: installed where the tests may, else the test is skipped."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


def need(package: str, program: str) -> str:
    """Return the path of ``program`` (a name or a pattern below /), installing ``package`` if root and absent."""
    found = _find(program)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(package)
        found = _find(program)
    if found is None:
        pytest.skip(f"{program} is not there: install Debian's package {package}")
    return found


def _find(program: str) -> str | None:
    if program.startswith("/"):
        return next((str(path) for path in sorted(Path("/").glob(program.removeprefix("/")))), None)
    return shutil.which(program)


def _install(package: str) -> None:
    """One worker of the tests at a time: apt's lists have one lock, and it does not wait."""
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # start no service
    with (Path(tempfile.gettempdir()) / f"im-tests-apt-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["apt-get", "update", "-q"], env=settings, capture_output=True, check=False)
        install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
        subprocess.run([*install, package], env=settings, capture_output=True, check=False)
