"""Lived-in profiles, as the clients made them, and what the real templates and merges make of them."""

from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path

import ansible.module_utils
from ansible.module_utils.im_formats import FORMATS
from faults_lab import PROJECT, on_desk
from rendering import CLIENTS, document_of, fragments

GOLDEN = PROJECT / "tests" / "golden"
THUNDERBIRD = GOLDEN / "thunderbird" / "153-own-mail-account"

#: client -> path below the home -> bytes.
PROFILES: dict[str, dict[str, bytes]] = {
    "pidgin": {
        f".purple/{name}": (GOLDEN / "pidgin" / "03-merge-0-user" / name).read_bytes()
        for name in ("accounts.xml", "prefs.xml", "blist.xml")
    }
    | {".purple/status.xml": (GOLDEN / "pidgin" / "02-full-seed-after-run-fr" / "status.xml").read_bytes()},
    "gajim": {".config/gajim/settings.sqlite": (GOLDEN / "gajim" / "1.7.3-three-accounts.sqlite").read_bytes()},
    "thunderbird": {
        f".thunderbird/{path.relative_to(THUNDERBIRD)}": path.read_bytes()
        for path in sorted(THUNDERBIRD.rglob("*"))
        if path.is_file()
    },
}


def versions(client: str, count: int) -> list[dict[str, bytes]]:
    """The documents of a client as they were, then after ever other wishes, each merged into the one before."""
    made = [{path: data for path, data in PROFILES[client].items() if not path.endswith("compatibility.ini")}]
    for number in range(1, count):
        wishes = {"auto_away_minutes": 5 + number, "archive": bool(number % 2)}
        version = {}
        for path, data in made[-1].items():
            name = path.rpartition("/")[2]
            parts = fragments(client, name, site=wishes, enforced=list(wishes))
            siblings = {"perso.default/compatibility.ini": b"x"} if name == "profiles.ini" else {}
            version[path] = FORMATS[document_of(client, name).format].merge(data, *parts, siblings)
        made.append(version)
    return made


def signs(client: str) -> dict[str, list[str]]:
    """How the module sees that a client runs, on this desk."""
    here = CLIENTS[client].platforms["Debian"]
    profile = here["bases"]["profile"].removeprefix("~/")
    return {
        "processes": list(CLIENTS[client].processes),
        "locks": [f"{profile}/{lock}" for lock in here.get("locks", ())],
    }


def make_login(login: str, *clients: str) -> None:
    """A login of the desk with the lived-in profiles of these clients, all its own and private."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for client in clients:
            for path, data in PROFILES[client].items():
                member = tarfile.TarInfo(path)
                member.size, member.mode = len(data), 0o600
                archive.addfile(member, io.BytesIO(data))
    on_desk(f"useradd --create-home --shell /bin/bash {login} && chmod 700 ~{login}")
    on_desk(f"su - {login} -c 'umask 077; tar -x --no-same-owner -f -'", packed.getvalue())


def module_directory() -> bytes:
    """A tar of what the module needs to run without Ansible's wrapper: itself and all module_utils."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        archive.add(PROJECT / "library" / "im_profile_files.py", "im_profile_files.py")
        archive.addfile(tarfile.TarInfo("ansible/__init__.py"))
        for root in map(Path, ansible.module_utils.__path__):
            for file in sorted(root.rglob("*.py")):
                archive.add(file, Path("ansible/module_utils") / file.relative_to(root), recursive=False)
    return packed.getvalue()


def text(data: bytes) -> str:
    """Bytes for JSON."""
    return base64.b64encode(data).decode("ascii")
