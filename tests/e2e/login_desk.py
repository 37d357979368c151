"""A desk on which something waits for the next login of a person, seen by its administrator."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible.module_utils.im_clients import load_clients, load_common
from ansible.module_utils.im_engine import Group, Render, groups_of
from ansible.module_utils.im_first_login import PLACEHOLDER
from ansible.module_utils.im_first_login_offer import check_first_login, offer_of, seats_of
from ansible.module_utils.im_login_bundle import login_job
from ansible.module_utils.im_login_job import pending_wish

PROJECT = Path(__file__).resolve().parents[2]
LOGIN = "joblog"
PLACE = f"/var/lib/im_client/pending/{LOGIN}"
JOB = "/usr/local/lib/im_client/login-job.pyz"
# A second lab (lab/README.md) can take the place of the first one.
PREFIX, SHIFT = os.environ.get("LAB_PREFIX", ""), int(os.environ.get("LAB_PORT_SHIFT", "0"))
LAB = PROJECT / ".lab" / "others" / PREFIX if PREFIX else PROJECT / ".lab"
CLIENTS, COMMON = load_clients([str(PROJECT / "roles")]), load_common([str(PROJECT / "roles")])


class Desk:
    """One desk, reached as root.

    host: its name in the ssh_config.  directory: for scratch files.  port: of SSH on 127.0.0.1.
    ssh_config: the lab's own, or that of a desk made for one test.
    """

    def __init__(self, host: str, directory: Path, port: int, ssh_config: Path = LAB / "ssh_config") -> None:
        self.host = host
        self.directory = directory
        self.port = port
        self.ssh_config = ssh_config

    def sh(self, command: str, login: str = "root") -> str:
        """Run a command as a login, through SSH; returns what it prints."""
        line = ["ssh", "-F", str(self.ssh_config), f"{login}@{self.host}", command]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def log_in(self, login: str = LOGIN) -> None:
        """A login through /etc/profile; it must succeed and say nothing."""
        assert self.sh(f"su - {login} -c true 2>&1") == ""

    def files(self, login: str = LOGIN) -> str:
        """Checksums of all files of a home but the shell's own."""
        return self.sh(f"cd ~{login} && find . -type f -exec sha256sum {{}} + | sort -k 2")

    def stamps(self) -> str:
        """Path, time and inode of all files of the login's home and of what waits for it."""
        return self.sh(f"find ~{LOGIN} {PLACE} -type f -printf '%p %T@ %i\\n' | sort")

    def pending(self, action: str, wishes: list[Any] | None = None, login: str = LOGIN) -> dict[str, Any]:
        """Call im_pending for one login; returns its answer."""
        return self._call({"action": action, "logins": [{"login": login, "wishes": json.dumps(wishes or [])}]})

    def offer(self, offer: str) -> dict[str, Any]:
        """Make what is done at first logins what the offer says; returns the answer of im_pending."""
        return self._call({"action": "offer", "offer": offer})

    def _call(self, arguments: dict[str, Any]) -> dict[str, Any]:
        job = base64.b64encode(login_job()).decode()
        task = {"im_pending": {**arguments, "job": job}}
        play = [{"hosts": self.host, "gather_facts": False, "become": True, "tasks": [task]}]
        path = self.directory / "play.yml"
        path.write_text(json.dumps(play))
        done = self.ansible(path, environment={"ANSIBLE_STDOUT_CALLBACK": "json"})
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)["plays"][0]["tasks"][-1]["hosts"][self.host]
        assert "sha256" not in done.stdout and job[:80] not in done.stdout
        return answer

    def ansible(
        self, playbook: Path, extra: dict[str, Any] | None = None, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook against this desk, in the inventory of the demo or added to it."""
        inventory = self.directory / "desk.json"
        row = {"ansible_host": self.host, "ansible_port": self.port, "ansible_ssh_common_args": f"-F {self.ssh_config}"}
        inventory.write_text(json.dumps({"desks": {"hosts": {self.host: row}}}))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook), "--limit", self.host]
        command += ["-i", "inventories/demo", "-i", str(inventory)]
        return subprocess.run(
            [*command, "-e", json.dumps({"__lab": str(LAB), **(extra or {})})],
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def wish(jid: str = "zoe.obrien@univ-lille.example") -> dict[str, Any]:
    """What im_profile would leave for the login whose Pidgin runs: an account and a start at login."""
    seat = {"login": LOGIN, "person": "zoe.obrien", "clients": ["pidgin"]}
    group: Group = groups_of([seat], CLIENTS, COMMON, "Debian")[-1]
    made: dict[str, Any] | None = pending_wish(group, _render(jid))
    assert made is not None
    return made


def offer_for(jids: dict[str, str]) -> str:
    """What im_profile would lay down for these logins, by the mapping alone: the same for Pidgin."""
    asked = {"clients": ["pidgin"], "jids": jids, "default": False}
    checked = check_first_login("pc", asked, CLIENTS, {"domain": "univ-lille.example"})
    assert checked is not None
    group: Group = groups_of(seats_of(checked), CLIENTS, COMMON, "Debian")[-1]
    made: str = offer_of(checked, [group], lambda _: _render(PLACEHOLDER), [])
    return made


def _render(jid: str) -> Render:
    fragments = {
        ("accounts.xml", "enforced"): (
            "<account version='1.0'><account><protocol>prpl-jabber</protocol>"
            f"<name>{jid}</name><settings><setting name='port' type='int'>5222</setting></settings></account></account>"
        ),
        ("pidgin.desktop", "enforced"): "[Desktop Entry]\nType=Application\nName=Pidgin\nExec=pidgin\n",
    }
    return lambda document, part: fragments.get((document.path, part), "")
