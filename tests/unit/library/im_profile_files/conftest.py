"""A person with a home of their own.

As root the person is a real login made with useradd for the time of the tests. Otherwise it is whoever runs the
tests, with a home in a temporary directory.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from profile_files_support import ROOT, Person, load


@pytest.fixture(scope="session")
def login() -> Iterator[tuple[str, Path]]:
    """(login, directory that holds its home) for the session."""
    base = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="im-test-"))
    base.chmod(0o755)
    if not ROOT:
        yield pwd.getpwuid(os.geteuid()).pw_name, base
        shutil.rmtree(base)
        return
    number = 100_000 + secrets.randbelow(900_000)  # an uncommon uid: containers on this machine have the common ones
    name = f"imtest{number}"
    command = ["useradd", "--no-create-home", "--home-dir", str(base / "home"), "--uid", str(number), name]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    try:
        yield name, base
    finally:
        subprocess.run(["userdel", name], check=False)
        subprocess.run(["groupdel", name], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(base)


@pytest.fixture
def person(login: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """The person with an empty home."""
    name, base = login
    entry = pwd.getpwnam(name)
    module = load()
    home = base / "home"
    if not ROOT:
        fields = list(entry)
        fields[5] = str(home)
        monkeypatch.setattr(pwd, "getpwnam", {name: pwd.struct_passwd(fields)}.__getitem__)
    home.mkdir(mode=0o700)
    made = Person(module, name, entry.pw_uid, entry.pw_gid, home, tmp_path / "state")
    made.own(home)
    umask = os.umask(0o022)
    yield made
    os.umask(umask)
    subprocess.run(["chmod", "-R", "u+rwX", str(home)], check=False)  # tests take rights away
    for left in base.iterdir():  # the home, and what tests put beside it
        shutil.rmtree(left) if left.is_dir() else left.unlink()
