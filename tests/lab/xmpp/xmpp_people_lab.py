"""The lab's servers as modules that write for people see them: their arguments, and a run of a module."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.jid import bare_jid

PROJECT = Path(__file__).resolve().parents[3]
HOST = "127.0.0.1"


@dataclass(frozen=True)
class PeopleServer:
    """One server of lab/lab.json.

    Attributes:
        name: in the table.
        domain: of its accounts.
        conference: domain of its rooms.
        people: local parts.
        service: local part of the account that may write for others.
        passwords: by bare JID.
        port: with STARTTLS, on ``HOST``.
        api: port of ejabberd's HTTP API on ``HOST``; None on Prosody.
        ca_file: of the lab's authority.
    """

    name: str
    domain: str
    conference: str
    people: list[str]
    service: str
    passwords: dict[str, str] = field(repr=False)
    port: int
    api: int | None
    ca_file: Path

    def jid(self, local: str) -> str:
        """The address of an account."""
        return f"{local}@{self.domain}"

    def account(self, local: str) -> Account:
        """An account with its password."""
        return Account(bare_jid(self.jid(local)), self.passwords[self.jid(local)], HOST, self.port, "starttls")

    def entry(self, local: str, *, password: bool, **wish: Any) -> dict[str, Any]:
        """An entry of ``accounts``, with the person's password or to be written by others."""
        secret = {"password": self.passwords[self.jid(local)]} if password else {}
        return {"jid": self.jid(local), "host": HOST, "port": self.port, **secret, **wish}

    def means(self) -> dict[str, Any]:
        """The argument ``service_account`` or ``api``, whatever this server has."""
        jid = self.jid(self.service)
        login = {"jid": jid, "password": self.passwords[jid], "host": HOST}
        if self.api is None:
            return {"service_account": {**login, "port": self.port}}
        return {"api": {**login, "url": f"https://{self.domain}:{self.api}/api"}}


class Run:
    """Runs a module of ``library/`` in this process; gives what it prints as a dictionary."""

    def __init__(self, module: str, server: PeopleServer, capsys: pytest.CaptureFixture[str]) -> None:
        spec = importlib.util.spec_from_file_location(module, PROJECT / "library" / f"{module}.py")
        assert spec is not None
        assert spec.loader is not None
        self._module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._module)
        self._server = server
        self._capsys = capsys

    def __call__(self, *accounts: dict[str, Any], check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run it for these accounts, by the server's means where an account has no password."""
        given = {
            "accounts": list(accounts),
            **self._server.means(),
            "ca_file": str(self._server.ca_file),
            "_ansible_check_mode": check,
            **arguments,
        }
        with patch_module_args(given), pytest.raises(SystemExit):
            self._module.main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        assert not any(password in json.dumps(result) for password in self._server.passwords.values())
        return result
