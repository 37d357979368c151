"""A command at a real terminal, with somebody who answers its questions."""

from __future__ import annotations

import os
import pty
import select
from collections.abc import Mapping, Sequence
from pathlib import Path


def run_at_terminal(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], answers: Sequence[tuple[str, str]]
) -> tuple[int, str]:
    """Run a command, wait for each question and type its answer; exit code and what was shown."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(directory)
        os.execvpe(command[0], list(command), {**environment, "TERM": "xterm", "LC_ALL": "C.UTF-8"})  # noqa: S606
    shown, left, told, silences = b"", list(answers), b"", 0
    while True:
        ready, _, _ = select.select([terminal], [], [], 5)
        if not ready:
            # Ansible throws away what was typed before it began to listen, which is after it showed the question.
            os.write(terminal, told)
            silences += 1
            assert silences < 100, f"nothing more was shown after: {shown.decode(errors='replace')[-2000:]}"
            continue
        try:
            came = os.read(terminal, 65536)
        except OSError:  # Linux says EIO when the other side has closed
            came = b""
        if not came:
            break
        shown += came
        if left and left[0][0] in shown.decode("utf-8", "replace"):
            told = f"{left.pop(0)[1]}\n".encode()
            os.write(terminal, told)
    _, status = os.waitpid(process, 0)
    assert not left, f"never asked {left}: {shown.decode(errors='replace')}"
    return os.waitstatus_to_exitcode(status), shown.decode("utf-8", "replace").replace("\r", "")
