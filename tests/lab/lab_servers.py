"""The lab's XMPP servers as seen from the control node."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.jid import bare_jid

if TYPE_CHECKING:
    from im_lab.settings import Settings

HOST = "127.0.0.1"
LAB = Path(__file__).resolve().parents[2] / "lab" / "lab"


def lab(*words: str) -> str:
    """Call lab/lab for the lab of the environment; returns what it printed."""
    done = subprocess.run([LAB, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class RunningServer:
    """One server of lab/lab.json; people and passwords as it knows them; ports on 127.0.0.1, `api` 0 without an API.

    admin: local part of the administrator.  provisioner: that of the service account, which may write for the people.
    accounts: file of `lab/lab accounts`.
    """

    name: str
    domain: str
    conference: str
    people: list[str]
    admin: str
    provisioner: str
    passwords: dict[str, str] = field(repr=False)
    starttls: int
    direct: int
    api: int
    ca_file: Path
    log: Path
    accounts: Path

    @classmethod
    def of(cls, settings: Settings, name: str) -> RunningServer:
        """A server of the table; OSError when `lab/lab up` never made its passwords."""
        server, table = settings.server(name), settings.table
        return cls(
            name=name,
            domain=server.domain,
            conference=server.conference,
            people=table["people"],
            admin=table["admin"],
            provisioner=table["provisioner"],
            passwords=json.loads(settings.secrets.read_text(encoding="utf-8")),
            starttls=server.port("starttls"),
            direct=server.port("direct"),
            api=server.port("api") if "api" in server.ports else 0,
            ca_file=settings.state / "ca" / "ca.crt",
            log=server.log,
            accounts=server.accounts,
        )

    def account(
        self, name: str, password: str | None = None, tls: str = "starttls", port: int | None = None
    ) -> Account:
        """An account by local part, with its right password unless another is given."""
        jid = f"{name}@{self.domain}"
        port = port or (self.direct if tls == "direct" else self.starttls)
        return Account(bare_jid(jid), password or self.passwords[jid], HOST, port, tls)

    def extra_account(self, number: int) -> Account:
        """The account that `lab/lab accounts` made as number 1, 2, …"""
        password = json.loads(self.accounts.read_text(encoding="utf-8"))["password"]
        return self.account(f"u{number:05d}", password)

    def unban(self) -> None:
        """Let ejabberd accept this machine again after a test of wrong passwords (mod_fail2ban)."""
        lab("exec", self.name, "ejabberdctl", "unban_ip", "0.0.0.0/0")
