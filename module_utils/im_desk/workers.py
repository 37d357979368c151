"""One process for each login, and what is said between it and its parent."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import traceback
from typing import Any, Callable, Iterator

from .change import Previous
from .errors import Trouble, trouble_of
from .person import become, isolate
from .tree import Tree
from .wire import pack

# What a child does with one task: (tree, task, keep) -> fields of the answer.
Serve = Callable[[Tree, "dict[str, Any]", "Callable[[dict[str, Previous]], None]"], "dict[str, Any]"]


class Child:
    """The life of the process that serves one login: messages are lines of JSON through two pipes."""

    def __init__(self, say: int, hear: int) -> None:
        self.say = say
        self.hear = hear

    def tell(self, message: dict[str, Any]) -> None:
        """Send one message."""
        rest = memoryview(json.dumps(message).encode("ascii") + b"\n")
        while rest:
            rest = rest[os.write(self.say, rest) :]

    def keep(self, index: int, previous: dict[str, Previous]) -> None:
        """Have the parent keep what stood there; return when it is on the disk."""
        wire = {
            path: [None if was.data is None else pack(was.data), was.mode, was.mode_after]
            for path, was in previous.items()
        }
        self.tell({"index": index, "keep": wire})
        answer = b""
        while not answer.endswith(b"\n"):
            part = os.read(self.hear, 65536)
            if not part:
                raise Trouble("crashed", "the process that keeps the previous bytes is gone")
            answer += part
        trouble = json.loads(answer)
        if trouble is not None:
            raise Trouble(trouble["code"], trouble["message"])

    def live(self, login: str | None, tasks: dict[int, dict[str, Any]], serve: Serve) -> None:
        """Serve all TASKS of LOGIN."""
        tree: Tree | None = None
        for index, task in tasks.items():
            known: dict[str, Any] = {}
            try:
                if tree is None:
                    tree = Tree(become(login))
                known = {"home": tree.person.home, "uid": tree.person.uid}
                known.update(serve(tree, task, lambda previous, index=index: self.keep(index, previous)))  # type: ignore[misc]
            except Trouble as trouble:
                known["error"] = trouble.as_answer()
            except OSError as error:
                known["error"] = trouble_of(error, f"login {login!r}").as_answer()
            except Exception as error:  # noqa: BLE001  no bug may cost the other people of the host their answer
                # Not its text, which may quote what was read.
                last = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{os.path.basename(last.filename)}, line {last.lineno}"
                known["error"] = Trouble("crashed", f"{type(error).__name__} in {where}").as_answer()
            self.tell({"index": index, "answer": known})


class Worker:
    """The parent's side of one child."""

    def __init__(self, login: str | None, tasks: dict[int, dict[str, Any]], serve: Serve, time_limit: int) -> None:
        """Fork."""
        self.login = login
        self.tasks = tasks
        self.chunks: list[bytes] = []
        self.deadline = time.monotonic() + time_limit
        self.pipe, say = os.pipe()
        hear, self.reply_pipe = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                isolate((say, hear))
                signal.alarm(time_limit + 5)  # if the parent is killed, nobody else ends a child that hangs
                Child(say, hear).live(login, tasks, serve)
            finally:
                os._exit(0)
        os.close(say)
        os.close(hear)

    def messages(self) -> Iterator[dict[str, Any]] | None:
        """Return what arrived; None when the child has said everything."""
        chunk = os.read(self.pipe, 1 << 20)
        if not chunk:
            return None
        self.chunks.append(chunk)
        if b"\n" not in chunk:
            return iter(())
        *lines, rest = b"".join(self.chunks).split(b"\n")
        self.chunks = [rest]
        return map(json.loads, lines)

    def reply(self, trouble: Trouble | None) -> None:
        """Answer the child's wish to keep bytes."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.reply_pipe, json.dumps(trouble and trouble.as_answer()).encode("ascii") + b"\n")

    def end(self) -> None:
        """Kill the child (which hangs, or has nothing more to say) and take note of its death."""
        os.close(self.pipe)
        os.close(self.reply_pipe)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        # A process that waits for a dead disk cannot even be killed: do not wait for it for ever.
        for attempt in range(12):
            if os.waitpid(self.pid, os.WNOHANG) != (0, 0):
                return
            time.sleep(0.0005 * 2**attempt)  # 2 s in all
