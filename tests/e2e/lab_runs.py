"""Run the project's playbooks against the lab and look at its desks, as a person at a shell would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent


def playbook(
    name: str, *arguments: str, extra: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a playbook over the demo inventory.

    Extra variables travel as one JSON argument, so no secret may be among them.
    """
    command = [str(_BIN / "ansible-playbook"), f"playbooks/{name}", *arguments]
    if extra:
        command += ["-e", json.dumps(extra)]
    settings = {
        **os.environ,
        "PATH": f"{_BIN}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        **(environment or {}),
    }
    return subprocess.run(
        command, cwd=PROJECT, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def report_of(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON result that the run's last lines name."""
    found = re.findall(r"JSON: (\S+\.json)", run.stdout)
    assert found, run.stdout + run.stderr
    report: dict[str, Any] = json.loads(Path(found[-1]).read_text(encoding="utf-8"))
    return report


def changed_hosts(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Host -> number of changed tasks, from the recap."""
    return {
        host: int(count) for host, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", run.stdout, re.MULTILINE)
    }


def on_desk(host: str, command: str, secret: str = "") -> str:
    """Run a shell command as root on a desk; ``secret`` goes to its standard input."""
    ssh = ["ssh", "-F", str(PROJECT / ".lab" / "ssh_config"), f"root@{host}", command]
    return subprocess.run(ssh, input=secret, capture_output=True, text=True, check=True).stdout
