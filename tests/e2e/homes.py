"""Scratch logins on a desk, and the files of their homes as bytes."""

from __future__ import annotations

import base64
import json
import shlex

from lab_runs import on_desk

Files = dict[str, bytes]

_LAY = """
import base64, json, os, sys
os.umask(0o077)
for path, data in json.load(sys.stdin).items():
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(base64.b64decode(data))
"""
_FETCH = """
import base64, json, os, pwd, sys
os.chdir(pwd.getpwnam(sys.argv[1]).pw_dir)
found = {}
for top, _, names in os.walk("."):
    for name in names:
        path = os.path.join(top, name)[2:]
        if os.path.islink(path):
            found[path] = "-> " + os.readlink(path)
        elif path in sys.argv[2:] or not sys.argv[2:]:
            with open(path, "rb") as file:
                found[path] = base64.b64encode(file.read()).decode()
print(json.dumps(found))
"""


def add_login(host: str, login: str, home: str = "") -> None:
    """A fresh login; what an earlier test left of it is removed first."""
    remove_login(host, login)
    place = f"--home-dir {shlex.quote(home)}" if home else ""
    on_desk(host, f"useradd --create-home --shell /bin/bash {place} {login}")


def remove_login(host: str, login: str) -> None:
    """Remove a login, its home, what runs in its name and what the host keeps of it, as far as they are there."""
    kept = f"/var/lib/im_client/*/{login}"
    on_desk(host, f"pkill -KILL -u {login}; userdel --remove --force {login} 2>/dev/null; rm -rf {kept}; true")


def lay(host: str, login: str, files: Files) -> None:
    """Write files into a home as its owner; the bytes travel by standard input."""
    packed = json.dumps({path: base64.b64encode(data).decode() for path, data in files.items()})
    as_owner = f"cd && python3 -c {shlex.quote(_LAY)}"
    on_desk(host, f"su - {login} -c {shlex.quote(as_owner)}", secret=packed)


def fetch(host: str, login: str, *paths: str) -> Files:
    """The bytes of these files of a home, or of all; "-> target" of a link; what is absent is left out."""
    words = shlex.join(["python3", "-c", _FETCH, login, *paths])
    found: dict[str, str] = json.loads(on_desk(host, words))
    return {path: data.encode() if data.startswith("-> ") else base64.b64decode(data) for path, data in found.items()}
