"""What a run replaced, created or deleted: kept, listed, and removed when it is too old."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from typing import Any, NamedTuple

from .change import Previous
from .errors import Trouble, trouble_of
from .opening import OPEN_TEMP
from .private_files import check_private, make_way_to, store_file, to_disk
from .tasks import MACHINE
from .tree import split
from .wire import digest, text, unpack

KEPT_RUNS = 5
KEPT_DAYS = 90
MANIFEST = "manifest.json"
GONE = b".gone-"  # begins the name of a backup run that is being removed


class Kept(NamedTuple):
    """What Backups.store() did: the files it made, the paths whose bytes are kept, the manifest as it was before."""

    made: list[bytes]
    paths: set[str]
    manifest: dict[str, Any] | None


class Backups:
    """The tree STATE_DIR/backups/LOGIN/RUN_ID/PATH, that only the one who runs the module can read.

    The manifest of a run, RUN_ID/manifest.json, says what the run found and what it left:
    schema 1; when (UTC); restores (the run that this one rolled back, or null);
    files: path -> key (of its group), before and after (SHA-256), mode and mode_after (octal); null: no file;
    groups: key -> processes, locks, open_files (how to see that the client runs), memory (what was remembered before)
    and memory_after (SHA-256 of what was remembered then, null: the memory was left alone).
    """

    def __init__(self, state_dir: str, keep_runs: int = KEPT_RUNS, keep_days: int = KEPT_DAYS) -> None:
        """KEEP_RUNS and KEEP_DAYS: what is beyond is removed, but never the newest run of a login."""
        self.state_dir = os.path.abspath(state_dir)
        self.keep_runs = keep_runs
        self.keep_days = keep_days

    def _of(self, login: str | None) -> bytes:
        return os.fsencode(os.path.join(self.state_dir, "backups", MACHINE if login is None else login))

    def folder(self, login: str | None, run_id: str) -> bytes:
        """Return the directory of a run."""
        return os.path.join(self._of(login), os.fsencode(run_id))

    def _check_private(self) -> None:
        check_private(self.state_dir, 0o022)
        check_private(os.path.join(self.state_dir, "backups"), 0o077)

    def store(self, task: dict[str, Any], previous: dict[str, Previous], memory: str | None) -> Kept:
        """Keep what stood at the paths of a group, and its MEMORY, before the group is written.

        What the manifest of the same run id promises already stays: it is older. What else stands there was left by a
        run that was killed before its manifest, perhaps half written, and is made anew.
        """
        login, run_id = task["login"], task["run_id"]
        made: list[bytes] = []
        kept: set[str] = set()
        manifest: dict[str, Any] | None = None
        known = None
        top = self.folder(login, run_id)
        umask = os.umask(0o077)  # makedirs gives its mode to the last directory only
        try:
            make_way_to(self.state_dir)
            os.makedirs(top, exist_ok=True)
            self._check_private()
            with contextlib.suppress(FileNotFoundError):
                manifest = self.manifest(login, run_id)
            known = {} if manifest is None else manifest["files"]
            for path, was in previous.items():
                parts = split(path, absolute=login is None)
                if parts[0] in (MANIFEST.encode(), MANIFEST.encode() + b".new"):  # see store_file()
                    raise Trouble("backup_failed", f"path {path!r}: this name belongs to the backups")
                if was.data is None or path in known:
                    continue
                name = os.path.join(top, *parts)
                os.makedirs(os.path.dirname(name), exist_ok=True)
                kept.add(path)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
                descriptor = os.open(name, OPEN_TEMP, 0o600)
                made.append(name)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(was.data)
                    file.flush()
                    to_disk(descriptor)
            if previous:
                new = self._with_group(manifest, task, previous, memory)
                store_file(os.fsdecode(top), MANIFEST, json.dumps(new, indent=1).encode("ascii"))
        except (OSError, Trouble) as problem:
            if known is not None:
                self.discard(login, run_id, Kept(made, kept, manifest))
            else:  # nothing was made, and a manifest that stands there is not ours to judge
                with contextlib.suppress(OSError):
                    os.rmdir(top)
            words = problem.message if isinstance(problem, Trouble) else trouble_of(problem, self.state_dir).message
            raise Trouble("backup_failed", words) from None
        finally:
            os.umask(umask)
        return Kept(made, kept | {path for path in previous if path in known}, manifest)

    def _with_group(
        self, manifest: dict[str, Any] | None, task: dict[str, Any], previous: dict[str, Previous], memory: str | None
    ) -> dict[str, Any]:
        """Return MANIFEST with what is about to happen to a group."""
        wishes = {wish["path"]: wish for wish in task["files"]}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if manifest is None:
            manifest = {"schema": 1, "when": now, "restores": task.get("restores"), "files": {}, "groups": {}}
        files = dict(manifest["files"])
        for path, was in previous.items():
            content = wishes[path]["content"]
            first = files.get(path)  # an earlier write of the same run
            files[path] = {
                "key": task["key"],
                "before": first["before"] if first else None if was.data is None else digest(was.data),
                "after": None if content is None else digest(unpack(content, path)),
                "mode": first["mode"] if first else None if was.mode is None else f"{was.mode:04o}",
                "mode_after": None if was.mode_after is None else f"{was.mode_after:04o}",
            }
        group = {name: task[name] for name in ("processes", "locks", "open_files")}
        first = manifest["groups"].get(task["key"])
        group["memory"] = first["memory"] if first else memory
        group["memory_after"] = None if task["memory"] is None else digest(task["memory"].encode("utf-8", "replace"))
        return {**manifest, "when": now, "files": files, "groups": {**manifest["groups"], task["key"]: group}}

    def discard(self, login: str | None, run_id: str, kept: Kept) -> None:
        """Undo store() for a group that was not written. First the promise goes, then the bytes that it promised."""
        top = self.folder(login, run_id)
        try:
            if kept.manifest is not None:
                store_file(os.fsdecode(top), MANIFEST, json.dumps(kept.manifest, indent=1).encode("ascii"))
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(top, MANIFEST.encode()))
        except OSError:  # the promise stands: it must stay true
            return
        for name in kept.made:
            with contextlib.suppress(OSError):  # not empty
                os.unlink(name)
                above = os.path.dirname(name)
                while above != top:
                    os.rmdir(above)
                    above = os.path.dirname(above)
        with contextlib.suppress(OSError):  # other groups of the run are kept there
            os.rmdir(top)

    def prune(self) -> None:
        """Remove the runs that are too many or too old."""
        oldest = (time.time() - self.keep_days * 86400) * 1e9
        for _, name in self._logins():
            with contextlib.suppress(OSError):
                ages = [(run.stat().st_mtime_ns, run.path) for run in self._newest_first(name)]
                for index, (age, path) in enumerate(ages):
                    if index and (index >= self.keep_runs or age < oldest):
                        # First out of the listing, then away: killed in between, no run promises what is gone.
                        os.rename(path, os.path.join(name, GONE + os.path.basename(path)))
                for left in os.scandir(name):
                    if left.name.startswith(GONE):
                        shutil.rmtree(left.path, ignore_errors=True)

    @staticmethod
    def _newest_first(directory: bytes) -> list[os.DirEntry[bytes]]:
        """The runs in the directory of a login, without those that are on their way out."""
        runs = [run for run in os.scandir(directory) if not run.name.startswith(GONE)]
        return sorted(runs, key=lambda run: (run.stat().st_mtime_ns, run.name), reverse=True)

    def _logins(self) -> list[tuple[str | None, bytes]]:
        """Return (login, directory) of all that have backups; None, the machine, comes first."""
        top = os.fsencode(os.path.join(self.state_dir, "backups"))
        try:
            names = sorted(os.listdir(top))
        except FileNotFoundError:
            return []
        logins = [None if text(name) == MACHINE else text(name) for name in names]
        found = list(zip(logins, (os.path.join(top, name) for name in names)))
        return sorted(found, key=lambda one: one[0] or "")

    def manifest(self, login: str | None, run_id: str) -> dict[str, Any]:
        """Return the manifest of a run; raise FileNotFoundError without one, Trouble if nobody can read it."""
        shown = f"backup {run_id} of {login or 'the machine'}"
        with open(os.path.join(self.folder(login, run_id), MANIFEST.encode()), "rb") as file:
            try:
                manifest = json.load(file)
                if manifest["schema"] == 1 and manifest["files"].keys() and manifest["groups"].keys():
                    return dict(manifest)
            except (ValueError, KeyError, TypeError, AttributeError):
                pass
        raise Trouble("backup_damaged", f"{shown}: its manifest is not one that this version understands")

    def runs(self, login: str | None) -> list[str]:
        """Return the ids of the runs of a login, the newest first."""
        try:
            return [text(run.name) for run in self._newest_first(self._of(login))]
        except FileNotFoundError:
            return []

    def listing(self, logins: list[str] | None) -> list[dict[str, Any]]:
        """Return [{login, runs}], see RETURN."""
        found = []
        for login, _ in self._logins():
            if logins is None or (login or MACHINE) in logins:
                found.append({"login": login, "runs": [self._described(login, run) for run in self.runs(login)]})
        return found

    def _described(self, login: str | None, run_id: str) -> dict[str, Any]:
        try:
            manifest = self.manifest(login, run_id)
        except FileNotFoundError:
            trouble = Trouble("no_manifest", f"backup {run_id} of {login or 'the machine'}: kept without a manifest")
        except Trouble as found:
            trouble = found
        else:
            files = [
                {"path": path, **{name: entry[name] for name in ("key", "before", "after", "mode")}}
                for path, entry in sorted(manifest["files"].items())
            ]
            whole = {name: manifest[name] for name in ("when", "restores")}
            return {"run_id": run_id, **whole, "groups": sorted(manifest["groups"]), "files": files, "error": None}
        nothing: dict[str, Any] = {"when": None, "restores": None, "groups": [], "files": []}
        return {"run_id": run_id, **nothing, "error": trouble.as_answer()}
