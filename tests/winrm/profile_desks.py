"""The two halves of im_profile_files behind one door, so that one test can hold both to the same behaviour."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ansible.module_utils.im_desk import calls
from module_server import ModuleServer
from windows_pc import WindowsPC


def pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def unpack(content: str) -> bytes:
    """As im_documents does: a PC answers in gzip."""
    return zlib.decompress(base64.b64decode(content), wbits=47)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wish(path: str, new: bytes | None, before: bytes | None) -> dict[str, Any]:
    """A file to write (None: to delete), with what was read before as bytes."""
    digest = None if before is None else sha256(before)
    return {"path": path, "content": None if new is None else pack(new), "before": digest}


class Desk(Protocol):
    """A computer with one person, whose profile is a directory that the test can look into."""

    login: str
    home: Path
    state: Path

    def ask(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]: ...
    def write(self, groups: list[dict[str, Any]], check: bool = False) -> list[dict[str, Any]]: ...
    def restore(self, restores: list[dict[str, Any]], check: bool = False) -> list[dict[str, Any]]: ...
    def backups(self) -> list[dict[str, Any]]: ...
    def own(self, path: Path) -> None: ...
    def give_to_somebody_else(self, path: Path) -> None: ...
    def running(self, program: str) -> contextlib.AbstractContextManager[object]: ...


class PythonDesk:
    """library/im_profile_files.py on this computer, for the person of tests/unit/library/im_profile_files."""

    def __init__(self, person: Any) -> None:
        self.person = person
        self.login, self.home, self.state = person.login, person.home, person.state

    def ask(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return calls.read_requests(requests, str(self.state))

    def write(self, groups: list[dict[str, Any]], check: bool = False) -> list[dict[str, Any]]:
        return calls.write_groups(groups, str(self.state), check)

    def restore(self, restores: list[dict[str, Any]], check: bool = False) -> list[dict[str, Any]]:
        return calls.restore_runs(restores, str(self.state), check)

    def backups(self) -> list[dict[str, Any]]:
        return calls.list_backups(None, str(self.state))

    def own(self, path: Path) -> None:
        self.person.own(path)

    def give_to_somebody_else(self, path: Path) -> None:
        import os  # noqa: PLC0415  what the Windows half needs nothing of

        os.chown(path, self.person.uid + 1, -1)

    @contextlib.contextmanager
    def running(self, program: str) -> Iterator[None]:
        from profile_files_support import client  # noqa: PLC0415  beside the tests of the Python half

        with client(self.person, program, self.home):
            yield


class WindowsDesk:
    """library/im_profile_files.ps1 on a made-up PC."""

    def __init__(self, pc: WindowsPC, modules: ModuleServer) -> None:
        self.pc, self._modules = pc, modules
        self.login = "UNIV\\amartin"
        self.home = pc.add_person(self.login, 1101, "amartin")
        self.state = pc.disk / "ProgramData" / "im_client"

    def call(self, check: bool = False, **arguments: Any) -> dict[str, Any]:
        answer = self._modules.call(self.pc, "im_profile_files", arguments, check)
        assert not answer.get("failed"), answer
        return answer

    def _answers(self, check: bool = False, **arguments: Any) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = self.call(check, **arguments)["answers"]
        return answers

    def ask(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return self._answers(action="read", requests=requests)

    def write(self, groups: list[dict[str, Any]], check: bool = False) -> list[dict[str, Any]]:
        return self._answers(check, action="write", groups=groups)

    def restore(self, restores: list[dict[str, Any]], check: bool = False) -> list[dict[str, Any]]:
        return self._answers(check, action="restore", restores=restores)

    def backups(self) -> list[dict[str, Any]]:
        backups: list[dict[str, Any]] = self.call(action="list_backups")["backups"]
        return backups

    def own(self, path: Path) -> None:
        """What stands in a profile has the security of the folder above it."""

    def give_to_somebody_else(self, path: Path) -> None:
        self.pc.secure(path, "O:S-1-5-21-1-2-3-9999")

    @contextlib.contextmanager
    def running(self, program: str) -> Iterator[None]:
        before = self.pc.model["processes"]
        self.pc.start_process(f"{program.capitalize()}.exe", self.login)
        yield
        self.pc.change(processes=before)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep a file for oneself, as .NET on Linux sees it."""
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
