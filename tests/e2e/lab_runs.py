"""Run the project's playbooks against the lab and look at its desks, as a person at a shell would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import predictions
from im_lab.settings import DEFAULT_PREFIX, Settings

PROJECT = Path(__file__).resolve().parents[2]
LAB = Settings.from_environment()
_BIN = Path(sys.executable).parent
#: The demo's inventory looks for keys and passwords in the first lab.
_OF_THE_LAB = {} if LAB.prefix == DEFAULT_PREFIX else {"__lab": str(LAB.state)}
_FORETOLD = ("site.yml", "ticket.yml", "rollback.yml", "people.yml")
_REPORT = re.compile(r"JSON: (\S+\.json)")


def playbook(
    name: str,
    *arguments: str,
    extra: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    not_foretold: str = "",
    more_traces: Callable[[], dict[str, str]] = dict,
) -> subprocess.CompletedProcess[str]:
    """Run a playbook over the demo inventory; first with ``--check``, which has to foretell all that the run then does.

    Extra variables travel as one JSON argument, so no secret may be among them.

    Args:
        name: which playbook.
        arguments: more of its command line. With ``--check`` among them there is this run only.
        extra: more variables.
        environment: more of the environment.
        not_foretold: why no check can foretell this run; "" is the rule.
        more_traces: tells, as predictions.TRACES does, what stands on hosts that are not of the lab.
    """
    if "--check" in arguments or name not in _FORETOLD or not_foretold:
        predictions.TALLY.without += [not_foretold] if not_foretold else []
        return _run(name, arguments, extra, environment)
    arguments = (*(word for word in arguments if word != "--diff"), "--diff")
    before = _traces(name, arguments, extra) | more_traces()
    foretold = _run(name, (*arguments, "--check"), extra, environment)
    different = predictions.left_behind(before, _traces(name, arguments, extra) | more_traces())
    done = _run(name, arguments, extra, environment)
    different += predictions.compare(_left(foretold), _left(done))
    assert not different, "\n".join(["--check foretold something else:", *different])
    return done


def _run(
    name: str, arguments: tuple[str, ...], extra: dict[str, Any] | None, environment: dict[str, str] | None
) -> subprocess.CompletedProcess[str]:
    command = [str(_BIN / "ansible-playbook"), f"playbooks/{name}", *arguments]
    if extra := {**_OF_THE_LAB, **(extra or {})}:
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


def _left(run: subprocess.CompletedProcess[str]) -> predictions.Run:
    return predictions.Run(run.stdout, run.returncode, report_of(run) if _REPORT.search(run.stdout) else None)


def _traces(name: str, arguments: tuple[str, ...], extra: dict[str, Any] | None) -> dict[str, str]:
    """Host -> what stands in the homes and in the machine's places, of the desks of the lab that a run is about."""
    if name == "people.yml":
        return {}  # it is about none
    table = json.loads((PROJECT / "lab" / "lab.json").read_text(encoding="utf-8"))["hosts"]
    named = [word for before, word in pairwise(arguments) if before == "--limit"]
    hosts = ":".join([*named, (extra or {}).get("im_ticket_host", "")]).strip(":").split(":")
    if hosts == [""]:
        hosts = [host for host, about in table.items() if about.get("default", True)]
    return {host: on_desk(host, predictions.TRACES) for host in hosts if host in table}


def report_of(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON result that the run's last lines name."""
    found = _REPORT.findall(run.stdout)
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
    ssh = ["ssh", "-F", str(LAB.state / "ssh_config"), f"root@{host}", command]
    return subprocess.run(ssh, input=secret, capture_output=True, text=True, check=True).stdout
