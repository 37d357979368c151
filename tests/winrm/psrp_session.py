"""A session of PowerShell's remoting protocol (MS-PSRP) behind the WinRM peer.

Whoever speaks it over WS-Management sends the same fragments as one who speaks it to a process of PowerShell ("out of
process", as ``pwsh -s`` and remoting over SSH): a session is such a process (serve_psrp.ps1), and this passes fragments
on. What the fragments hold is known to the client and to PowerShell's engine only.

Packets, one a line: ``<Data Stream='Default' PSGuid='…'>base64</Data>``, ``<Command PSGuid='…' />``, ``<Signal …/>``,
``<Close …/>``, and back Data, and DataAck and so on for each. PowerShell gives each packet to another thread: the next
may only be sent when the last is acknowledged (OutOfProcessUtils and OutOfProcessMediatorBase in PowerShell's source).
"""

from __future__ import annotations

import base64
import contextlib
import re
import subprocess
import threading
from collections import defaultdict

POOL = "00000000-0000-0000-0000-000000000000"  # the session itself, where a pipeline has an id of its own
_PACKET = re.compile(rb"<(\w+)(?: Stream='\w*')? PSGuid='([^']*)' ?/?>([^<]*)")


class Session:
    """One process of PowerShell and what it has said to whom."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._said: dict[str, bytearray] = defaultdict(bytearray)
        self._acknowledged: dict[tuple[str, str], int] = defaultdict(int)
        self._news = threading.Condition()
        self._turn = threading.Lock()
        self._ended = False
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, data: bytes, pipeline: str = POOL, stream: str = "stdin") -> None:
        """Pass fragments on; "pr" is the stream of answers to PowerShell's questions."""
        kind = "PromptResponse" if stream == "pr" else "Default"
        packet = f"<Data Stream='{kind}' PSGuid='{pipeline}'>{base64.b64encode(data).decode()}</Data>"
        self._write("Data", pipeline, packet)

    def begin(self, pipeline: str, data: bytes) -> None:
        """Make a pipeline, of which these are the first fragments."""
        self._write("Command", pipeline)
        self.send(data, pipeline)

    def receive(self, pipeline: str, seconds: float) -> bytes:
        """What was said since the last time; b"" when nothing was within these seconds, or never will be."""
        with self._news:
            self._news.wait_for(lambda: self._said[pipeline] or self._ended, seconds)
            return bytes(self._said.pop(pipeline, b""))

    def stop(self, pipeline: str) -> None:
        """Stop a pipeline that may still run, and forget it."""
        self._write("Signal", pipeline)
        self._write("Close", pipeline)

    def close(self) -> None:
        """End the process: whoever closes a session has all that it said."""
        self._process.kill()
        self._process.wait()

    def _write(self, kind: str, pipeline: str, packet: str = "") -> None:
        """Send one packet, and wait until PowerShell has taken it in."""
        assert self._process.stdin is not None
        with self._turn:
            known = self._acknowledged[kind, pipeline]
            with contextlib.suppress(BrokenPipeError):  # then it has ended, which _listen() sees
                self._process.stdin.write((packet or f"<{kind} PSGuid='{pipeline}' />").encode() + b"\n")
                self._process.stdin.flush()
            with self._news:
                self._news.wait_for(lambda: self._acknowledged[kind, pipeline] > known or self._ended)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = _PACKET.match(line)
            with self._news:
                if found:
                    kind, pipeline = found[1].decode(), found[2].decode().lower()
                    self._acknowledged[kind.removesuffix("Ack"), pipeline] += kind.endswith("Ack")
                    if kind == "Data":
                        self._said[pipeline] += base64.b64decode(found[3])
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()
