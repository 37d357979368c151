"""One desk of the lab under attack: the playbook run against it, scratch logins made and removed, its files counted.

The lab is the one of the environment (LAB_PREFIX, LAB_PORT_SHIFT), the desk that of FAULT_HOST.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import predictions
from im_lab.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
LAB = Settings.from_environment()
HOST = os.environ.get("FAULT_HOST", "pc-bib-01")
DOMAIN = LAB.server("xmpp").domain
SERVER_PORT = LAB.server("xmpp").port("starttls")
_BIN = Path(sys.executable).parent


def on_desk(command: str, stdin: bytes = b"", *, check: bool = True, user: str = "root") -> bytes:
    """Run a shell command on the desk; returns its standard output."""
    ssh = ["ssh", "-F", str(LAB.state / "ssh_config"), f"{user}@{HOST}", command]
    done = subprocess.run(ssh, input=stdin, capture_output=True, check=False)
    assert not check or done.returncode == 0, f"{command[:200]}: {done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout


def python_on_desk(program: str, stdin: bytes = b"") -> bytes:
    """Run a Python program, given as text, as root on the desk."""
    return on_desk(f"/usr/bin/python3 -c {shlex.quote(program)}", stdin)


def remove_logins(logins: list[str]) -> None:
    """Remove logins with all that they own and all that runs in their names."""
    script = """
for login in $LOGINS; do
  id "$login" > /dev/null 2>&1 || continue
  pkill -KILL -u "$login"
  userdel --force "$login" 2> /dev/null
  groupdel "$login" 2> /dev/null
  rm -rf "/home/$login" "/var/lib/im_client/backups/$login" "/var/lib/im_client/memory/$login" "/var/mail/$login"
done
true
"""
    on_desk(f"LOGINS='{' '.join(logins)}'\n{script}")


def traces() -> dict[str, str]:
    """The desk -> what stands in its homes and in the machine's places."""
    return {HOST: on_desk(predictions.TRACES).decode(errors="backslashreplace")}


@dataclass
class Site:
    """How a playbook is run: the demo's inventory, aimed at one desk of this lab, with these seats."""

    seats: list[dict[str, Any]]
    directory: Path  # of the reports, and of what else the run leaves on the control node
    variables: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)  # variables of the desk
    playbook: str = "site.yml"
    windows: dict[str, dict[str, Any]] = field(default_factory=dict)  # made-up PCs beside it, with their variables

    def command(self, *arguments: str) -> list[str]:
        """The command line; the variables stand in a file, as they may hold secrets."""
        reach = {"host": "127.0.0.1", "port": SERVER_PORT}
        variables = {
            "__lab": str(LAB.state),
            "im_accounts_reach": reach,
            "im_accounts_admin": {},
            "im_provisioning_writer": {},  # what is attacked here stands on a desk
            "im_report_directory": str(self.directory / "reports"),
            **self.variables,
        }
        desk = {"ansible_port": LAB.ssh_port(HOST), "im_seats": self.seats, **self.host}
        inventory = {"desks": {"hosts": {HOST: desk}}, "windows": {"hosts": self.windows}}
        files = {"variables.json": variables, "desk.json": inventory}
        for name, content in files.items():
            (self.directory / name).write_text(json.dumps(content), encoding="utf-8")
        inventories = ["-i", "inventories/demo", "-i", str(self.directory / "desk.json")]
        play = [
            f"playbooks/{self.playbook}",
            "--limit",
            ":".join([HOST, *self.windows]),
            "-e",
            f"@{self.directory / 'variables.json'}",
        ]
        return [str(_BIN / "ansible-playbook"), *inventories, *play, *arguments]

    def settings(self) -> dict[str, str]:
        """The environment of a run."""
        return {
            **os.environ,
            "PATH": f"{_BIN}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            # Connections of its own: killing them hurts nobody else.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.directory / "cp"),
            **self.environment,
        }

    def start(self) -> subprocess.Popen[bytes]:
        """Start a run in a process group of its own; nobody listens to what it says."""
        return subprocess.Popen(
            self.command(),
            cwd=PROJECT,
            env=self.settings(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run to the end; first with ``--check``, which has to foretell all that the run then does."""
        words = (*(word for word in arguments if word != "--diff"), "--diff")
        before = traces()
        foretold = self.run_alone(*words, "--check")
        different = predictions.left_behind(before, traces())
        done = self.run_alone(*words)
        left = [predictions.Run(run.stdout, run.returncode, report_of(run)) for run in (foretold, done)]
        different += predictions.compare(*left)
        assert not different, "\n".join(["--check foretold something else:", *different])
        return done

    def run_alone(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run to the end, without a check before."""
        return subprocess.run(
            self.command(*arguments),
            cwd=PROJECT,
            env=self.settings(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def connections(self) -> dict[int, bytes]:
        """The ssh processes of this run, by their own control path: number -> command line."""
        mark = str(self.directory / "cp").encode()
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes()
            except OSError:  # gone meanwhile
                continue
            # "ssh", or "ssh: PATH [mux]" for the connection that others share
            if line.partition(b"\0")[0].partition(b":")[0].rpartition(b"/")[2] == b"ssh" and mark in line:
                found[int(process.name)] = line
        return found

    def wait_for_module(self, number: int, interpreter: str, process: subprocess.Popen[bytes]) -> bool:
        """Wait until the run starts its NUMBER-th module on the desk; False if it ends before."""
        seen: set[int] = set()
        while process.poll() is None:
            lines = self.connections()
            seen.update(pid for pid, line in lines.items() if interpreter.encode() in line)
            if len(seen) >= number:
                return True
            time.sleep(0.02)
        return False

    def hang_up(self) -> bool:
        """Kill the ssh processes of this run and nothing else; False if there was none."""
        found = self.connections()
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return bool(found)


def report_of(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON result that the run's last lines name."""
    found = re.findall(r"JSON: (\S+\.json)", run.stdout)
    assert found, run.stdout + run.stderr
    report: dict[str, Any] = json.loads(Path(found[-1]).read_text(encoding="utf-8"))
    return report


def rows(run: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """(login, client) -> row of the report."""
    return {(row["login"], row["client"]): row for row in report_of(run)["rows"]}
