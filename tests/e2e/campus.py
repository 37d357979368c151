"""The campus of the documents, on the lab: its hosts are three of the fleet's, its service is the lab's.

The project is copied, so that the guide's commands can be typed as they stand there: the inventory they name is the
example's own, with the places and secrets of the lab added, and what they write stays in the copy.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from im_lab.settings import Settings
from lab_room import lab

PROJECT = Path(__file__).resolve().parents[2]
LAB = Settings.from_environment()
SOURCE = "pc-bib-01"
HOSTS = ("bib-012.univ.example", "bib-013.univ.example", "sco-01.univ.example")
LOGINS = ("amartin", "blefevre", "dhaddad", "edurand")
_EXPORT = "key;name;jid\nalice.martin;Alice Martin;alice.martin@{domain}\n"


class Campus:
    """A copy of the project at ``project`` and three fresh desks."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        self._ssh_config = directory / "ssh_config"
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(self.project / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(directory / "cp"),
        }

    def open(self) -> None:
        """Start the desks, each with logins that nobody used yet, and lay the inventory."""
        lab("fleet", "up", str(len(HOSTS)), "--from", SOURCE)
        places = [row["ansible_port"] for row in json.loads(lab("fleet", "inventory")).values()]
        ports = "".join(f"Host {host}\n  Port {port}\n" for host, port in zip(HOSTS, places, strict=True))
        common = (LAB.state / "ssh_config").read_text(encoding="utf-8").partition("Host *\n")
        self._ssh_config.write_text(ports + common[1] + common[2], encoding="utf-8")
        names = " ".join(LOGINS)
        for host in HOSTS:
            self.sh(host, f"for login in {names}; do userdel --remove --force $login; done 2> /dev/null; true")
            self.sh(host, f"rm -rf /var/lib/im_client; for login in {names}; do useradd -m -s /bin/bash $login; done")
        self._copy()
        self._lay_inventory(dict(zip(HOSTS, places, strict=True)))

    def close(self) -> None:
        """Remove the desks."""
        lab("fleet", "down")

    def sh(self, host: str, command: str) -> str:
        """Run a shell command as root on a desk; returns what it prints."""
        line = ["ssh", "-F", str(self._ssh_config), f"root@{host}", command]
        return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout

    def type(self, command: Sequence[str]) -> tuple[int, str]:
        """Type a command of the guide's; its exit code and all that it prints."""
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """In which commands are typed."""
        return dict(self._environment)

    def _copy(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=PROJECT,
            capture_output=True,
            check=True,
        )
        for name in listed.stdout.decode().split("\0"):
            if name and (PROJECT / name).is_file():
                (self.project / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT / name, self.project / name)

    def _lay_inventory(self, places: dict[str, int]) -> None:
        site = self.project / "inventories" / "example-campus"
        listed = (site / "hosts.yml").read_text(encoding="utf-8")
        assert "sco-[01:03]" in listed
        (site / "hosts.yml").write_text(listed.replace("sco-[01:03]", "sco-01"), encoding="utf-8")
        for host, port in places.items():
            path = site / "host_vars" / f"{host}.yml"
            said = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
            path.write_text(json.dumps({**said, "ansible_port": port}), encoding="utf-8")
        desks = PROJECT / "inventories" / "demo" / "group_vars" / "desks"
        shutil.copytree(desks, site / "group_vars" / "desks")
        lay(site / "group_vars" / "library" / "first_login.yml", {"im_first_login": {"clients": ["pidgin"]}})
        export = self.project / "export.csv"
        export.write_text(_EXPORT.format(domain=LAB.server("xmpp").domain), encoding="utf-8")
        lay(site / "group_vars" / "all" / "zz_lab.yml", _of_the_lab(site, export))


def _of_the_lab(site: Path, export: Path) -> dict[str, Any]:
    """What the lab has instead of what the example says; the file's name comes last, so it is heeded."""
    server = LAB.server("xmpp")
    said: dict[str, Any] = {}
    for name in ("people", "service"):
        said |= yaml.safe_load((site / "group_vars" / "all" / f"{name}.yml").read_text(encoding="utf-8"))
    # The lab knows four people; two of them stand for those of the example whose names it does not know.
    said["im_people"]["dina.haddad"]["jid"] = f"dina.haddad@{server.domain}"
    said["im_people"]["eva.durand"]["jid"] = f"zoe.obrien@{server.domain}"
    said["im_people"]["alice.martin"]["rooms"] = ["equipe"]
    place = {"host": "127.0.0.1", "port": server.port("starttls")}
    service = {**said["im_service"], "domain": server.domain, "ca_file": str(LAB.state / "ca" / "ca.crt")}
    writer = {"jid": f"svc-people@{server.domain}", "password": "{{ vault_im_writer_password }}", **place}
    secret = "{{ (lookup('ansible.builtin.file', __lab ~ '/secrets.json') | from_json)['%s'] }}"
    return {
        "__lab": str(LAB.state),
        "im_people": said["im_people"],
        "im_service": service,
        "im_accounts_reach": place,
        "im_accounts_admin": {
            "jid": f"svc-check@{server.domain}",
            "password": "{{ vault_im_admin_password }}",
            **place,
        },
        "im_provisioning_writer": {"service_account": writer},
        "vault_im_admin_password": secret % f"svc-check@{server.domain}",
        "vault_im_writer_password": secret % f"svc-people@{server.domain}",
        "im_directory_source": "csv",
        "im_directory_csv": str(export),
    }


def lay(path: Path, variables: dict[str, Any]) -> None:
    """Write variables; JSON is YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(variables), encoding="utf-8")
