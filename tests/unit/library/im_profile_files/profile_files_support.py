"""What the tests of im_profile_files share: the module with all its parts, and a person to try it on."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib
import importlib.util
import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[4]
ROOT = os.geteuid() == 0


#: The parts of the module whose names the tests use, the module's own file last.
PARTS = ("backups", "calls", "change", "errors", "memory", "opening", "running", "service", "wire", "workers")


def load() -> SimpleNamespace:
    """Return the names of the module's parts and of its own file as if it were one."""
    names: dict[str, Any] = {}
    for part in PARTS:
        names.update(vars(importlib.import_module(f"ansible.module_utils.im_desk.{part}")))
    return SimpleNamespace(**{**names, **vars(load_file())})


def load_file() -> ModuleType:
    """Load library/im_profile_files.py as the file that it is."""
    spec = importlib.util.spec_from_file_location("im_profile_files", PROJECT / "library" / "im_profile_files.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def unpack(content: str) -> bytes:
    return zlib.decompress(base64.b64decode(content))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Person:
    """A login, its home, and short ways to ask the module about it."""

    module: SimpleNamespace
    login: str
    uid: int
    gid: int
    home: Path
    state: Path
    spec: dict[str, list[str]] = field(default_factory=lambda: {"processes": [], "locks": [], "open_files": []})

    def own(self, path: Path) -> Path:
        """Give a path, not what a link leads to, to the person."""
        if ROOT:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        return path

    def folder(self, name: str, mode: int = 0o700) -> Path:
        path = self.home
        for part in Path(name).parts:
            path = path / part
            if not path.exists():
                path.mkdir()
                self.own(path).chmod(0o700)
        path.chmod(mode)
        return path

    def file(self, name: str, data: bytes, mode: int = 0o600) -> Path:
        path = self.folder(str(Path(name).parent)) / Path(name).name
        path.write_bytes(data)
        self.own(path).chmod(mode)
        return path

    def link(self, name: str, target: str | Path) -> Path:
        path = self.folder(str(Path(name).parent)) / Path(name).name
        path.symlink_to(target)
        return self.own(path)

    def ask(self, *paths: str, **more: Any) -> dict[str, Any]:
        """Read, return the one answer."""
        request = {"key": "k", "login": self.login, "paths": list(paths), "system_paths": [], **self.spec, **more}
        (answer,) = self.module.read_requests([request], str(self.state))
        return answer

    def look(self, path: str) -> dict[str, Any]:
        """Read one path, return what the answer says about it."""
        answer = self.ask(path)
        assert answer["error"] is None
        return answer["files"][path]

    def group(self, *files: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"key": "k", "login": self.login, "run_id": "run-1", "files": list(files), **self.spec, **more}

    def put(self, *files: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
        """Write one group, return the one answer."""
        (answer,) = self.module.write_groups([self.group(*files, **more)], str(self.state), check)
        return answer

    def backup(self, name: str, run_id: str = "run-1") -> Path:
        return self.state / "backups" / self.login / run_id / name

    def leftovers(self) -> list[Path]:
        """Temporary files of ours, anywhere in the home."""
        return [path for path in self.home.rglob("*") if path.name.startswith(".im-client-")]


def wish(path: str, new: bytes | None, before: bytes | None, **more: Any) -> dict[str, Any]:
    """A file to write (None: to delete), with what was read before as bytes."""
    digest = None if before is None else sha256(before)
    content = None if new is None else pack(new)
    return {"path": path, "content": content, "before": digest, "mode": None, "dir_mode": None, **more}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def snapshot(home: Path) -> dict[str, Any]:
    """Everything below a home: name, mode, bytes or target."""
    return {
        str(path.relative_to(home)): (
            oct(path.lstat().st_mode),
            path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in home.rglob("*")
    }


def fail_second_rename(person: Person, monkeypatch: pytest.MonkeyPatch, number: int, then: Any = None) -> None:
    real = person.module.Change._rename
    calls: list[int] = []

    def rename(change: Any, temp: bytes) -> None:
        calls.append(1)
        if len(calls) == 2:
            if then:
                then()
            raise OSError(number, os.strerror(number))
        real(change, temp)

    monkeypatch.setattr(person.module.Change, "_rename", rename)


def children_of(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def wait_for_end(pids: list[int]) -> None:
    while any(Path(f"/proc/{pid}").exists() and b") Z" not in Path(f"/proc/{pid}/stat").read_bytes() for pid in pids):
        time.sleep(0.01)


@contextlib.contextmanager
def started(person: Person, *command: str, as_person: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Run a program, as the person, until the end of the block; it has said "ready" when the block begins."""
    identity: dict[str, Any] = {"user": person.uid, "group": person.gid} if ROOT and as_person else {}
    with subprocess.Popen(
        list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", **identity
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def client(person: Person, name: str, folder: Path, before: str = "true", **more: Any) -> Any:
    """Run a real executable whose name is the client's; BEFORE: what it does first, in the language of the shell."""
    program = folder / name
    if not program.exists():
        shutil.copy(shutil.which("dash") or "/bin/sh", program)
        program.chmod(0o755)
    return started(person, str(program), "-c", before + "; echo ready; read never", **more)


def run_killed_at(call: int, work: Callable[[], object]) -> bool:
    """Do WORK in a process of its own that dies just before its CALL-th step on the disk; whether it died."""
    pid = os.fork()
    if pid == 0:
        left = call

        def count(_frame: object, event: str, function: object) -> None:
            nonlocal left
            if event == "c_call" and (
                getattr(function, "__module__", None) in ("posix", "io", "_io")
                or isinstance(getattr(function, "__self__", None), io.IOBase)
            ):
                left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])
