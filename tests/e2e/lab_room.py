"""A room of identical desks, the fleet of the lab: switched off and on, installed anew, and deployed by lab.yml."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from im_lab.engine import Engine
from im_lab.settings import Settings
from predictions import Run

PROJECT = Path(__file__).resolve().parents[2]
LAB = Settings.from_environment()
DOMAIN = LAB.server("xmpp").domain
LOGIN = "salle"
READY_SECONDS = 300.0
_NOTHING: Mapping[str, Mapping[str, Any]] = {}


class Room:
    """So many hosts of the fleet, each with one seat of ``LOGIN``; the reports and history of its runs are its own."""

    def __init__(self, directory: Path, count: int) -> None:
        self.directory = directory
        self.hosts = [f"fleet-{number:03}" for number in range(1, count + 1)]
        self.ssh_config = directory / "ssh_config"
        self._engine = Engine(LAB)
        self._places: dict[str, dict[str, Any]] = {}

    def open(self, source: str) -> None:
        """Make all hosts as a desk of the lab is, with Pidgin, the service's CA, and a login that nobody used yet."""
        self._places = {source: {"ansible_port": LAB.ssh_port(source)}}
        seats = [{"login": "amartin", "person": "alice.martin", "clients": ["pidgin"]}]
        run = self.run([source], of={source: {"im_seats": seats}}, im_lab_history="")
        assert run.code == 0, run.printed
        lab("exec", source, "useradd", "--create-home", "--shell", "/bin/bash", LOGIN)
        try:
            lab("fleet", "up", str(len(self.hosts)), "--from", source)
        finally:
            lab("exec", source, "userdel", "--remove", LOGIN)
        self._places = json.loads(lab("fleet", "inventory"))
        ports = "".join(f"Host {host}\n  Port {row['ansible_port']}\n" for host, row in self._places.items())
        common = (LAB.state / "ssh_config").read_text(encoding="utf-8").partition("Host *\n")
        self.ssh_config.write_text(ports + common[1] + common[2], encoding="utf-8")

    def close(self) -> None:
        """Remove them."""
        lab("fleet", "down")

    def sh(self, host: str, command: str, login: str = "root", stdin: str = "") -> str:
        """Run a shell command in a host; returns what it prints."""
        line = ["ssh", "-F", str(self.ssh_config), f"{login}@{host}", command]
        done = subprocess.run(line, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{host}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def port(self, host: str) -> int:
        """Of its SSH server, on 127.0.0.1."""
        return int(self._places[host]["ansible_port"])

    def cut_power(self, *hosts: str) -> None:
        """No host hears of it before."""
        self._engine.podman("kill", *map(LAB.container, hosts))

    def switch_on(self, *hosts: str) -> None:
        """Start hosts and wait until they answer."""
        self._engine.podman("start", *map(LAB.container, hosts))
        deadline = time.monotonic() + READY_SECONDS
        for host in hosts:
            knock = ["ssh", "-F", str(self.ssh_config), host, "true"]
            while subprocess.run(knock, capture_output=True, check=False).returncode:
                assert time.monotonic() < deadline, f"{host} does not answer"

    def renew(self, host: str, image: str = "") -> None:
        """Set a host back to what it was when the room was opened, or to what an image is."""
        lab("fleet", "renew", host, *(["--image", image] if image else []))

    def start(
        self, hosts: Sequence[str], *arguments: str, of: Mapping[str, Mapping[str, Any]] = _NOTHING, **extra: Any
    ) -> subprocess.Popen[str]:
        """Start lab.yml over these hosts.

        Args:
            hosts: names of the room, or of a desk.
            arguments: more of the command line.
            of: host -> more variables of this host.
            extra: more variables of all.
        """
        seats = [{"login": LOGIN, "person": "alice.martin", "clients": ["pidgin"]}]
        listed = {host: {"ansible_port": self.port(host), "im_seats": seats, **of.get(host, {})} for host in hosts}
        inventory = self.directory / "room"
        inventory.mkdir(exist_ok=True)
        (inventory / "hosts.json").write_text(json.dumps({"desks": {"hosts": listed}}), encoding="utf-8")
        if not (inventory / "group_vars").exists():
            (inventory / "group_vars").symlink_to(PROJECT / "inventories" / "demo" / "group_vars")
        server = {"host": "127.0.0.1", "port": LAB.server("xmpp").port("starttls")}
        admin = {"jid": f"svc-check@{DOMAIN}", "password": "{{ vault_im_admin_password }}"}
        wishes = {
            "__lab": str(LAB.state),
            "im_accounts_reach": server,
            "im_accounts_admin": {**admin, **server},
            "im_provisioning_writer": {},  # what is deployed here stands on desks
            "im_report_directory": str(self.directory / "reports"),
            "im_lab_history": str(self.directory / "history.sqlite"),
            **extra,
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        return subprocess.Popen(
            [program, "-i", str(inventory), "playbooks/lab.yml", *arguments, "-e", json.dumps(wishes)],
            cwd=PROJECT,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
                # Connections of its own: none outlives the host at its other end in another test.
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.directory / "cp"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(
        self, hosts: Sequence[str], *arguments: str, of: Mapping[str, Mapping[str, Any]] = _NOTHING, **extra: Any
    ) -> Run:
        """Run lab.yml over these hosts to its end; the arguments are those of start()."""
        return ended(self.start(hosts, *arguments, of=of, **extra))


def ended(running: subprocess.Popen[str], printed: str = "") -> Run:
    """What a run left when it came to its end; ``printed`` is what was read of it before."""
    printed += running.communicate()[0]
    found = re.findall(r"JSON: (\S+\.json)", printed)
    assert found, printed
    return Run(printed, running.returncode, json.loads(Path(found[-1]).read_text(encoding="utf-8")))


def states(run: Run) -> dict[tuple[str, str], str]:
    """(host, login) -> state, with hosts that were not begun as such."""
    assert run.report is not None
    return {
        (row["host"], row["login"]): "not begun" if row["not_begun"] else row["state"] for row in run.report["rows"]
    }


def lab(*words: str) -> str:
    """Call lab/lab; returns what it printed."""
    done = subprocess.run([str(PROJECT / "lab" / "lab"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
