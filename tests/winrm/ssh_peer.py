"""A FAKE of OpenSSH on a Windows PC, on the loopback: where unmodified Ansible and this machine's own ``ssh`` end.

The server is asyncssh, which needs neither root nor a system's SSH server. A command goes, as there, to the default
shell of the PC: cmd.exe, unless its administrator has made it PowerShell, which then starts another for each call.

What it cannot prove: Microsoft's port of OpenSSH itself, its logins, and the rights of a session that it opens.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
from windows_pc import WindowsPC


class SSHPeer:
    """The SSH server of one PC, which lets in whoever has its key."""

    def __init__(self, directory: Path, pc: WindowsPC) -> None:
        self.pc = pc
        self.key, self.known_hosts = directory / f"{pc.name}-key", directory / f"{pc.name}-known-hosts"
        own = asyncssh.generate_private_key("ssh-ed25519")
        self.key.touch(0o600)
        self.key.write_bytes(own.export_private_key())
        self._allowed = asyncssh.import_authorized_keys(own.export_public_key().decode())
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self.port = 0

    @contextmanager
    def serving(self) -> Iterator[SSHPeer]:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)
        self.port = server.get_port()
        host_key = self._host_key.export_public_key().decode()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host_key}", encoding="utf-8")
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(server.close)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[self._host_key],
            authorized_client_keys=self._allowed,
            process_factory=self._run,
            encoding=None,
        )

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        given = await process.stdin.read()
        work = self._loop.run_in_executor(None, self.pc.execute_in_default_shell, process.command or "", given)
        output, errors, code = await work
        process.stdout.write(output)
        process.stderr.write(errors)
        process.exit(code)
