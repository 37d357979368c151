"""Have the tasks of all logins served, a few logins at a time; keep and remember what the children may not."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import Any

from .backups import Backups, Kept
from .change import Previous
from .errors import Trouble
from .memory import Memory
from .tasks import check_task
from .wire import digest, unpack
from .workers import Serve, Worker

WORKERS = 8  # logins served at the same time: a dead NFS server makes all of them wait for the time limit


# What a child may say of its task. The rest of an answer is the parent's.
CHILD_SAYS = ("home", "uid", "error", "running", "state", "conflicts", "files")


class Service:
    """Has every task served by a process of its login, a few at a time."""

    def __init__(
        self,
        tasks: list[dict[str, Any]],
        serve: Serve,
        time_limit: int,
        *,
        memory: Memory,
        backups: Backups | None = None,
        check: bool = False,
    ) -> None:
        """BACKUPS: None when reading."""
        self.tasks = tasks
        self.serve = serve
        self.time_limit = time_limit
        self.memory = memory
        self.backups = backups
        self.check = check
        self.answers = [self._blank(task) for task in tasks]
        self.kept: dict[int, Kept] = {}  # by task

    def _blank(self, task: dict[str, Any]) -> dict[str, Any]:
        answer = {"key": task["key"], "login": task["login"], "error": None, "running": [], "files": {}}
        if self.backups is None:
            answer.update(home=None, uid=None, memory=None, memory_error=None, pending=False)
        else:
            answer.update(state="failed", conflicts=[], memory_written=None, memory_error=None)
        return answer

    def _pending(self, login: str | None) -> bool:
        """Say whether im_pending keeps something for this login, so that only then it need be asked."""
        return login is not None and os.path.lexists(os.path.join(self.memory.state_dir, "pending", login))

    def run(self) -> list[dict[str, Any]]:
        """Return the answers, in the order of the tasks."""
        logins: dict[str | None, dict[int, dict[str, Any]]] = {}
        for index, task in enumerate(self.tasks):
            try:
                check_task(task)
            except Trouble as trouble:
                self.answers[index]["error"] = trouble.as_answer()
                continue
            logins.setdefault(task["login"], {})[index] = task
            if self.backups is None:
                self.answers[index]["pending"] = self._pending(task["login"])
        waiting = list(logins.items())
        workers: list[Worker] = []
        while waiting or workers:
            while waiting and len(workers) < WORKERS:
                workers.append(Worker(*waiting.pop(0), self.serve, self.time_limit))
            patience = min(worker.deadline for worker in workers) - time.monotonic()
            ready = select.select([worker.pipe for worker in workers], [], [], max(0.0, patience))[0]
            for worker in list(workers):
                if worker.pipe in ready and self._listen(worker):
                    continue
                late = worker.deadline <= time.monotonic()
                if worker.pipe in ready or late:
                    self._end(worker, late=worker.pipe not in ready)
                    workers.remove(worker)
        return self.answers

    def _listen(self, worker: Worker) -> bool:
        """Take in what a child says; return whether it may say more."""
        try:
            messages = worker.messages()
            if messages is None:
                return False
            for message in messages:
                index = message["index"]
                if "keep" in message:
                    worker.reply(self._keep(index, worker.tasks[index], message["keep"]))
                else:
                    del worker.tasks[index]
                    self._settle(index, message["answer"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return False  # nonsense: the child runs as the person, who may have got hold of it
        return True

    def _keep(self, index: int, task: dict[str, Any], previous: dict[str, list[Any]]) -> Trouble | None:
        if index in self.kept:
            raise ValueError("a group is kept once")
        try:
            if self.backups is not None:
                found = {}
                for path in [wish["path"] for wish in task["files"] if wish["path"] in previous]:
                    packed, mode, mode_after = previous[path]
                    data = None if packed is None else unpack(packed, path)
                    found[path] = Previous(data, mode and mode & 0o777, mode_after and mode_after & 0o777)
                memory = None
                if task["memory"] is not None:
                    with contextlib.suppress(Trouble):  # what cannot be trusted is not put back either
                        memory = self.memory.read(task["login"], task["key"])
                self.kept[index] = self.backups.store(task, found, memory)
        except Trouble as trouble:
            return trouble
        return None

    def _settle(self, index: int, known: dict[str, Any]) -> None:
        answer, task = self.answers[index], self.tasks[index]
        answer.update({name: known[name] for name in CHILD_SAYS if name in known and name in answer})
        if self.backups is None:
            if task["memory"] and answer["error"] is None:
                self._remember(answer, task)
            return
        if index in self.kept and all(file["written"] is False for file in answer["files"].values()):
            self.backups.discard(task["login"], task["run_id"], self.kept[index])
        if task["memory"] is not None:
            self._memorize(answer, task)

    def _remember(self, answer: dict[str, Any], task: dict[str, Any]) -> None:
        try:
            answer["memory"] = self.memory.read(task["login"], task["key"])
        except Trouble as trouble:
            answer["memory_error"] = trouble.as_answer()

    def _memorize(self, answer: dict[str, Any], task: dict[str, Any]) -> None:
        """Keep the memory of a group that was written. That it cannot be kept is no reason to fail the group."""
        answer["memory_written"] = False
        try:
            over = task.get("memory_over")
            if answer["state"] == "unchanged" and over is not None:
                # Rolled back already, unless that was killed between the files and the memory.
                now = self.memory.read(task["login"], task["key"])
                if digest((now or "").encode("utf-8")) != over:
                    return
            if answer["state"] in ("written", "unchanged"):
                self.memory.write(task["login"], task["key"], task["memory"], self.check)
                answer["memory_written"] = True
        except Trouble as trouble:
            answer["memory_error"] = trouble.as_answer()

    def _end(self, worker: Worker, late: bool) -> None:
        worker.end()
        if late:
            trouble = Trouble(
                "timeout",
                f"login {worker.login!r}: no answer within {self.time_limit} s, is the home reachable?",
            )
        else:
            trouble = Trouble("crashed", f"login {worker.login!r}: the process that served it ended without an answer")
        for index, task in worker.tasks.items():
            known: dict[str, Any] = {"error": trouble.as_answer()}
            if index in self.kept:  # it may have written before it ended
                known["files"] = {
                    wish["path"]: {"backup": wish["path"] in self.kept[index].paths, "written": None}
                    for wish in task["files"]
                }
            self._settle(index, known)
