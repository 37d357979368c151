"""Runs as root on a desk: the module im_profile_files, killed again and again. Reads JSON, prints JSON.

Input: root (directory with the module and Ansible's module_utils), seed, kills, state_dir, logins, groups {client:
{processes, locks, versions: [{path: base64}]}}. The homes hold version 0. Every attempt reads all files through the
module, takes the next version as the result of the merge, and writes it through the module; a kill falls at a random
moment of the module that reads or of the one that writes. Whatever happened, each file has to be the old or the new
one, and where it is the new one, the old one must have been kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pwd
import random
import signal
import stat
import subprocess
import sys
import time
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

RUNNER = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_path(sys.argv.pop(1), run_name='__main__')"
CALM_EVERY = 20  # kills between two undisturbed runs


class Attack:
    """The files, what they may hold, and the kills."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.chance = random.Random(plan["seed"])  # noqa: S311  the same moments each time, no secret
        self.versions = {
            client: [{path: base64.b64decode(data) for path, data in version.items()} for version in group["versions"]]
            for client, group in plan["groups"].items()
        }
        self.places = [(login, client) for login in plan["logins"] for client in plan["groups"]]
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.step = 0
        self.durations = {"read": 0.0, "write": 0.0, "served": 0.0}

    def homes(self) -> list[Path]:
        return [Path(pwd.getpwnam(login).pw_dir) for login in self.plan["logins"]]

    def wanted(self, client: str) -> dict[str, bytes]:
        versions = self.versions[client]
        return versions[self.step % len(versions)]

    def paths(self) -> list[tuple[str, str, str, Path]]:
        """(login, client, name, path) of each file."""
        return [
            (login, client, name, Path(pwd.getpwnam(login).pw_dir) / name)
            for login, client in self.places
            for name in self.versions[client][0]
        ]

    def start(self, arguments: dict[str, Any]) -> subprocess.Popen[bytes]:
        file = Path(self.plan["root"]) / "arguments.json"
        file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        command = [
            sys.executable,
            "-c",
            RUNNER,
            self.plan["root"],
            self.plan["root"] + "/im_profile_files.py",
            str(file),
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def read_arguments(self) -> dict[str, Any]:
        requests = [
            {
                "key": f"{login}/{client}",
                "login": login,
                "paths": list(self.versions[client][0]),
                "memory": True,
                **{sign: self.plan["groups"][client][sign] for sign in ("processes", "locks")},
            }
            for login, client in self.places
        ]
        return {"action": "read", "requests": requests, "state_dir": self.plan["state_dir"]}

    def write_arguments(self, answers: list[dict[str, Any]]) -> dict[str, Any]:
        groups = []
        for (login, client), answer in zip(self.places, answers, strict=True):
            files = [
                {
                    "path": name,
                    "content": base64.b64encode(zlib.compress(data)).decode(),
                    "before": answer["files"][name]["sha256"],
                }
                for name, data in self.wanted(client).items()
            ]
            signs = {sign: self.plan["groups"][client][sign] for sign in ("processes", "locks")}
            run_id = f"run-{self.step}"
            names = {"key": f"{login}/{client}", "login": login, "run_id": run_id, "memory": self.memory_text()}
            groups.append({**names, "files": files, **signs})
        return {"action": "write", "groups": groups, "state_dir": self.plan["state_dir"]}

    def memory_text(self) -> str:
        """What this step wants remembered of each group."""
        return json.dumps({"step": self.step, "of": "x" * 5000})

    def memories(self) -> dict[Path, str]:
        """What is remembered, by file."""
        kept = Path(self.plan["state_dir"]) / "memory"
        return {path: path.read_text() for path in kept.glob("*/*.json")}

    def finish(self, process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
        """The answers of a module that nobody killed."""
        out, err = process.communicate()
        result = json.loads(out or b"{}")
        if "answers" not in result:
            raise SystemExit(f"the module failed: {result} {err.decode()[-2000:]}")
        answers: list[dict[str, Any]] = result["answers"]
        return answers

    def calm(self) -> None:
        """Read and write undisturbed; everything must be there afterwards and nothing else."""
        begin = time.monotonic()
        answers = self.finish(self.start(self.read_arguments()))
        middle = time.monotonic()
        process = self.start(self.write_arguments(answers))
        served = self.first_child(process)
        done = self.finish(process)
        self.durations = {
            "read": middle - begin,
            "write": time.monotonic() - middle,
            "served": time.monotonic() - served,
        }
        for answer in done:
            if answer["state"] not in ("written", "unchanged"):
                self.problems.append(f"undisturbed run {self.step}: {answer['key']}: {answer['error']}")
        if [*self.memories().values()] != [self.memory_text()] * len(self.places):
            self.problems.append(f"undisturbed run {self.step}: not all is remembered")
        for login, client, name, path in self.paths():
            if path.read_bytes() != self.wanted(client)[name]:
                self.problems.append(f"undisturbed run {self.step}: {login} {name} is not the new version")
        stray = [str(path) for home in self.homes() for path in home.rglob(".im-client-*")]
        stray += [str(path) for path in (Path(self.plan["state_dir"]) / "memory").rglob("*.new")]
        self.problems += [f"stray after run {self.step}: {path}" for path in stray]
        self.counts["undisturbed runs"] += 1
        self.step += 1

    def first_child(self, process: subprocess.Popen[bytes]) -> float:
        """Wait until the module has forked; the moment."""
        while process.poll() is None and not children(process.pid):
            time.sleep(0.001)
        return time.monotonic()

    def attempt(self, number: int) -> bool:
        """Kill once. False if the module was faster than the kill."""
        before, remembered = {path: path.read_bytes() for *_, path in self.paths()}, self.memories()
        moment = self.chance.choice(("read", "write", "served", "served"))
        delay = self.chance.uniform(0, self.durations[moment])
        if moment == "read":
            process = self.start(self.read_arguments())
        else:
            process = self.start(self.write_arguments(self.finish(self.start(self.read_arguments()))))
            if moment == "served":
                self.first_child(process)
        time.sleep(delay)
        alive = process.poll() is None
        workers = children(process.pid)
        victims = (workers or [process.pid], [process.pid], [*workers, process.pid])[number % 3]
        for victim in victims:
            kill(victim)
        process.communicate()
        wait_for_end(workers)
        self.judge(before, moment if alive else "too late")
        for path, memory in self.memories().items():
            if memory not in (remembered[path], self.memory_text()):
                self.problems.append(f"torn after step {self.step}: {path}, {len(memory)} characters")
        self.step += 1
        return alive

    def judge(self, before: dict[Path, bytes], moment: str) -> None:
        outcome = set()
        for login, client, name, path in self.paths():
            found, now = path.lstat(), path.read_bytes()
            new = self.wanted(client)[name]
            if now not in (before[path], new):
                self.problems.append(f"torn after step {self.step}: {path}, {len(now)} bytes")
            if before[path] != new:
                outcome.add("new" if now == new else "old")
            if now != before[path] and not self.kept(login, name, before[path]):
                self.problems.append(f"lost at step {self.step}: {path} is new, its previous bytes are not kept")
            if (found.st_uid, stat.S_IMODE(found.st_mode)) != (pwd.getpwnam(login).pw_uid, 0o600):
                self.problems.append(f"owner or mode after step {self.step}: {path} {found.st_uid} {found.st_mode:o}")
        self.counts[f"killed in {moment}"] += 1
        if moment != "too late":
            self.counts["files " + (" and ".join(sorted(outcome)) or "that were new already")] += 1
            self.counts["with a temporary file left"] += any(
                True for home in self.homes() for _ in home.rglob(".im-client-*")
            )

    def kept(self, login: str, name: str, was: bytes) -> bool:
        """Whether the previous bytes of a file were kept whole by the write of this step."""
        run = Path(self.plan["state_dir"]) / "backups" / login / f"run-{self.step}"
        return (run / name).is_file() and (run / name).read_bytes() == was

    def torn_backups(self) -> list[str]:
        """Previous bytes that the manifest of any run of a login promises and that are not there."""
        torn = []
        backups = Path(self.plan["state_dir"]) / "backups"
        for login in self.plan["logins"]:
            manifests = sorted((backups / login).glob("run-*/manifest.json"))
            self.counts["manifests looked at"] += len(manifests)
            promised = [(path, json.loads(path.read_bytes())["files"]) for path in manifests]
            for manifest, name, about in ((path, *one) for path, files in promised for one in files.items()):
                kept = manifest.parent / name if about["before"] else None
                if kept and not kept.is_file():
                    torn.append(f"{kept}: missing")
                elif kept and hashlib.sha256(kept.read_bytes()).hexdigest() != about["before"]:
                    torn.append(f"{kept}: {kept.stat().st_size} bytes")
        return torn

    def run(self) -> dict[str, Any]:
        self.step = 1
        for _ in range(2):
            self.calm()
        killed = 0
        torn: set[str] = set()
        while killed < self.plan["kills"]:
            killed += self.attempt(killed)
            torn.update(self.torn_backups())
            if self.step % CALM_EVERY == 0:
                self.calm()
        self.calm()
        left = [pid for login in self.plan["logins"] for pid in processes_of(pwd.getpwnam(login).pw_uid)]
        self.problems += [f"process {pid} is left" for pid in left]
        return {
            "kills": killed,
            "counts": self.counts,
            "problems": self.problems,
            "torn_backups": sorted(torn),
            "durations": self.durations,
        }


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def children(pid: int) -> list[int]:
    """Living children of a process."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def wait_for_end(pids: list[int]) -> None:
    for pid in pids:
        while Path(f"/proc/{pid}").exists() and b") Z" not in state_of(pid):
            time.sleep(0.002)


def state_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return b") Z"


def processes_of(uid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if path.stat().st_uid == uid and b") Z" not in state_of(int(path.name)):
                found.append(int(path.name))
        except OSError:
            continue
    return found


if __name__ == "__main__":
    print(json.dumps(Attack(json.load(sys.stdin)).run()))
