"""Made-up Windows PCs as a site has them: an inventory, and unmodified Ansible run against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssh_peer import SSHPeer
from windows_pc import FAKES, WindowsPC
from winrm_peer import Peer

PROJECT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "deploy", "made-up for the loopback"


@dataclass
class Site:
    """PCs, the peers that serve them, and an inventory that names them. connection: winrm, psrp or ssh."""

    directory: Path
    pcs: dict[str, WindowsPC]
    peer: Peer
    authority: Path
    connection: str = "winrm"
    ssh_peers: dict[str, SSHPeer] = field(default_factory=dict)
    patience: float | None = 900.0  # seconds that a run may take

    @property
    def pc(self) -> WindowsPC:
        return next(iter(self.pcs.values()))

    def variables(self, name: str) -> dict[str, Any]:
        """How Ansible reaches a PC: what a site writes, but for port and path."""
        if self.connection == "ssh":
            peer = self.ssh_peers[name]
            known = f"-o UserKnownHostsFile={peer.known_hosts} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
            own = {
                "ansible_connection": "ssh",
                "ansible_shell_type": self.pcs[name].default_shell,
                "ansible_port": peer.port,
                "ansible_ssh_private_key_file": str(peer.key),
                "ansible_ssh_common_args": known,
            }
        elif self.connection == "psrp":
            own = {
                "ansible_connection": "psrp",
                "ansible_port": self.peer.port,
                "ansible_psrp_protocol": "https",
                "ansible_psrp_path": f"/{name}/wsman",
                "ansible_psrp_auth": "basic",
                "ansible_psrp_ca_cert": str(self.authority),
                "ansible_password": PASSWORD,
            }
        else:
            own = {
                "ansible_connection": "winrm",
                "ansible_port": self.peer.port,
                "ansible_winrm_path": f"/{name}/wsman",
                "ansible_winrm_scheme": "https",
                "ansible_winrm_transport": "basic",
                "ansible_winrm_ca_trust_path": str(self.authority),
                "ansible_password": PASSWORD,
            }
        return own | {
            "ansible_host": "127.0.0.1",
            "ansible_user": USER,
        }

    def ansible(self, *words: str, **extra: Any) -> subprocess.CompletedProcess[str]:
        """Run ``ansible <words>`` on the PCs; EXTRA: variables that stand above the inventory's."""
        return self._run("ansible", *words, **extra)

    def play(
        self, tasks: list[dict[str, Any]], *words: str, callback: str = "", **extra: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook of these tasks on all PCs."""
        book = self.directory / "play.yml"
        book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        return self._run("ansible-playbook", str(book), *words, callback=callback, **extra)

    def deploy(self, *words: str, **extra: Any) -> subprocess.CompletedProcess[str]:
        """Run the role im_client on all PCs, as playbooks/site.yml does; EXTRA: what the inventory says."""
        shown = {"debug": {"var": "__im_client_profile"}, "no_log": False}
        return self.play([{"import_role": {"name": "im_client"}}, shown], *words, callback="json", **extra)

    def module(self, name: str, arguments: dict[str, Any], *words: str, **extra: Any) -> dict[str, Any]:
        """Call one module on the first PC and return what it answers, failed or not."""
        pc = self.pc.name
        given = ["-a", json.dumps(arguments)] if arguments else []
        done = self.ansible(pc, "-m", name, *given, *words, callback="json", **extra)
        try:
            answer: dict[str, Any] = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"][pc]
        except (ValueError, LookupError):
            raise AssertionError(done.stdout + done.stderr) from None
        return answer

    def write_inventory(self) -> Path:
        """Write an inventory of the PCs, with nothing but how they are reached; returns its path."""
        inventory = self.directory / "inventory.json"
        hosts = {name: self.variables(name) for name in self.pcs}
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        return inventory

    def settings(self) -> dict[str, str]:
        """What the environment of a run says: where the project is, and the fakes of what only Windows answers."""
        return {
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_LIBRARY": str(PROJECT / "library"),
            "ANSIBLE_ROLES_PATH": str(PROJECT / "roles"),
            "ANSIBLE_MODULE_UTILS": f"{FAKES / 'module_utils'}:{PROJECT / 'module_utils'}",
            "ANSIBLE_LOCAL_TEMP": str(self.directory / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def _run(self, program: str, *words: str, callback: str = "", **extra: Any) -> subprocess.CompletedProcess[str]:
        environment = os.environ | self.settings()
        if callback:
            environment |= {
                "ANSIBLE_STDOUT_CALLBACK": f"ansible.posix.{callback}",
                "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            }
        inventory = self.write_inventory()
        return subprocess.run(
            [Path(sys.executable).with_name(program), "-i", str(inventory), "-e", json.dumps(extra), *words],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=self.patience,
            check=False,
        )
