"""The lab's Prosody as seen from the control node."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.jid import bare_jid

HOST = "127.0.0.1"


@dataclass(frozen=True)
class LabServer:
    """domain and conference as in lab/lab.json; people and passwords as the server knows them; ports on 127.0.0.1."""

    domain: str
    people: list[str]
    admin: str
    passwords: dict[str, str] = field(repr=False)
    starttls: int
    direct: int
    ca_file: Path

    def account(
        self, name: str, password: str | None = None, tls: str = "starttls", port: int | None = None
    ) -> Account:
        """An account by local part, with its right password unless another is given."""
        jid = f"{name}@{self.domain}"
        port = port or (self.direct if tls == "direct" else self.starttls)
        return Account(bare_jid(jid), password or self.passwords[jid], HOST, port, tls)
