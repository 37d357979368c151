"""What the tests of im_profile_files share: the module, loaded as the file that it is, and a person to try it on."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

PROJECT = Path(__file__).resolve().parents[4]
ROOT = os.geteuid() == 0


def load() -> ModuleType:
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

    module: ModuleType
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
        (answer,) = self.module.read([request])
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
        (answer,) = self.module.write([self.group(*files, **more)], str(self.state), check)
        return answer

    def backup(self, name: str, run_id: str = "run-1") -> Path:
        return self.state / "backups" / self.login / run_id / name

    def leftovers(self) -> list[Path]:
        """Temporary files of ours, anywhere in the home."""
        return [path for path in self.home.rglob("*") if path.name.startswith(".im-client-")]


def wish(path: str, new: bytes, before: bytes | None, **more: Any) -> dict[str, Any]:
    """A file to write, with what was read before as bytes."""
    digest = None if before is None else sha256(before)
    return {"path": path, "content": pack(new), "before": digest, "mode": None, "dir_mode": None, **more}
