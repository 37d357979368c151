"""No password comes out of a real run of Ansible: not on the terminal at -vvv, not on a disk, not to the server."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from xmpp_certificates import DOMAIN, Authority
from xmpp_peer import Link, Peer, honest
from xmpp_people_peer import ApiServer, PeopleServer

PROJECT = Path(__file__).resolve().parents[3]

#: Each shows up in its own role; the trap is a piece of text that nothing else in the output holds.
RIGHT, WRONG, ADMIN, UNUSED = (f"canary-{role}-7f3e9d" for role in ("right", "wrong", "admin", "unused"))
TRAP = "7f3e9d"

PLAYBOOK = """
- name: Ask about accounts
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Ask the server
      xmpp_account_info:
        accounts: "{{ accounts }}"
        admin: "{{ admin }}"
        ca_file: "{{ ca_file }}"
      register: checked
    - name: Show everything that was returned
      ansible.builtin.debug:
        var: checked
"""

WRITING = """
- name: Write contacts by each way
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Write
      xmpp_roster:
        accounts: "{{ accounts }}"
        service_account: "{{ service_account | default(omit) }}"
        api: "{{ api | default(omit) }}"
        ca_file: "{{ ca_file }}"
      diff: true
      register: written
      ignore_errors: true
    - name: Show everything that was returned
      ansible.builtin.debug:
        var: written
"""


def traces(directory: Path) -> list[str]:
    """Files below the directory that hold a canary, plain or as a piece of base64."""
    return [str(path) for path in directory.rglob("*") if path.is_file() and leaks(path.read_bytes())]


def leaks(data: bytes) -> bool:
    # A password inside a longer base64 text starts at one of three alignments.
    encoded = [base64.b64encode(b"x" * shift + TRAP.encode())[4 if shift else 0 : -4] for shift in range(3)]
    return TRAP.encode() in data or any(piece in data for piece in encoded)


class Ansible:
    """Runs the playbook at -vvv with every temporary file below one directory."""

    def __init__(self, directory: Path) -> None:
        self.temporary = directory / "temporary"
        self.temporary.mkdir()
        self._variables = directory / "variables.json"
        self._playbook = directory / "playbook.yml"

    def run(self, variables: dict[str, object], playbook: str = PLAYBOOK) -> subprocess.CompletedProcess[str]:
        self._playbook.write_text(playbook)
        self._variables.write_text(json.dumps(variables))
        home = self.temporary / "home"
        home.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "HOME": str(home),
            "TMPDIR": str(self.temporary),
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.temporary / "local"),
            "ANSIBLE_REMOTE_TMP": str(self.temporary / "remote"),
            "ANSIBLE_LOG_PATH": str(self.temporary / "log"),
            "ANSIBLE_NOCOLOR": "1",
        }
        command = [
            *(sys.executable, "-m", "ansible.cli.playbook", "-vvv", "-i", "localhost,"),
            *("-e", f"@{self._variables}", "-e", f"ansible_python_interpreter={sys.executable}", str(self._playbook)),
        ]
        return subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=600
        )


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    return Ansible(tmp_path)


def test_no_password_comes_out_of_a_run_right_or_wrong(
    ansible: Ansible, good: ssl.SSLContext, authority: Authority
) -> None:
    found_meanwhile: list[str] = []
    server = honest(good, {"alice": RIGHT, "bob": "another"})

    def script(link: Link) -> None:
        found_meanwhile.extend(traces(ansible.temporary))
        server(link)

    with Peer(script) as peer:

        def person(name: str, **more: object) -> dict[str, object]:
            return {"jid": f"{name}@{DOMAIN}", "host": "127.0.0.1", "port": peer.port, **more}

        done = ansible.run(
            {
                "accounts": [person("alice", password=RIGHT), person("bob", password=WRONG), person("carol")],
                "admin": person("svc", password=ADMIN),
                "ca_file": str(authority.file),
            }
        )
    assert done.returncode == 0, done.stdout + done.stderr
    # The run was as talkative as it could be, and it did use the passwords.
    assert "invocation" in done.stdout
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in done.stdout
    for verdict in ("ok", "auth_failed", "admin_failed"):
        assert f"verdict: {verdict}" in done.stdout
    assert len(peer.links) == 3
    assert not leaks(done.stdout.encode())
    assert not leaks(done.stderr.encode())
    assert not leaks(peer.heard())
    assert (ansible.temporary / "log").exists()
    assert found_meanwhile == []
    assert traces(ansible.temporary) == []


def test_no_password_comes_out_when_the_arguments_are_wrong(ansible: Ansible, authority: Authority) -> None:
    done = ansible.run(
        {
            "accounts": [
                {"jid": f"alice@{DOMAIN}", "password": UNUSED},
                {"jid": "no address", "password": UNUSED + "2"},
            ],
            "admin": {"jid": f"svc@{DOMAIN}", "password": ADMIN},
            "ca_file": str(authority.file),
        }
    )
    assert done.returncode != 0
    assert "accounts[1]: jid 'no address' has no '@'" in done.stdout
    assert not leaks(done.stdout.encode())
    assert not leaks(done.stderr.encode())
    assert traces(ansible.temporary) == []


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("way", ["service_account", "api"])
def test_no_password_comes_out_of_writing_for_others(
    way: str, right: bool, ansible: Ansible, good: ssl.SSLContext, authority: Authority
) -> None:
    def commands(command: str, arguments: Mapping[str, object]) -> tuple[int, object]:
        if not right:
            return 401, {"status": "error", "message": "no"}
        return 200, [] if command == "get_roster" else 0

    def contacts(to: str, kind: str, payload: str) -> str:
        return "<query xmlns='jabber:iq:roster'/>"

    with (
        Peer(PeopleServer(good, contacts, password=ADMIN if right else "another")) as peer,
        ApiServer(good, commands) as server,
    ):
        account: dict[str, object] = {"jid": f"svc@{DOMAIN}", "password": ADMIN, "host": "127.0.0.1"}
        where: dict[str, object] = (
            {"url": f"https://{DOMAIN}:{server.port}/api"} if way == "api" else {"port": peer.port}
        )
        accounts = [{"jid": f"alice@{DOMAIN}", "contacts": [{"jid": f"bob@{DOMAIN}"}]}]
        done = ansible.run({"accounts": accounts, way: account | where, "ca_file": str(authority.file)}, WRITING)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"verdict: {'in_place' if right else 'service_failed'}" in done.stdout
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in done.stdout
    assert ADMIN in server.authorization or way != "api"
    assert not leaks(done.stdout.encode())
    assert not leaks(done.stderr.encode())
    assert not leaks(peer.heard())
    assert traces(ansible.temporary) == []


def test_the_trap_itself_catches(tmp_path: Path) -> None:
    for shift in range(3):
        assert leaks(base64.b64encode(b"x" * shift + f"\0alice\0{RIGHT}".encode()))
    (tmp_path / "file").write_text(f"password={RIGHT}")
    assert traces(tmp_path)
    assert not leaks(b"nothing of the kind")
