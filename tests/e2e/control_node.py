"""A control node of the lab: a container that systemd has booted, with this project and its Python mounted into it.

It stands in the lab's network, so that it reaches desks and service as a real one does, by their names.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from im_lab.engine import Engine, run
from im_lab.settings import Settings
from systemd_boot import wait_for_systemd

PROJECT = Path(__file__).resolve().parents[2]
SITE = "/srv/site"
INVENTORY = f"{PROJECT}/inventories/example-campus"
ACCOUNT = "im-nightly"
VAULT_PASSWORD = "CANARY-of-the-vault"
_BIN = Path(sys.executable).parent
_INSTALL = (
    "apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends"
)
#: 42: the packages could not be had. The venv may lead to a Python in root's home, and the account has to get there.
#: systemd hands credentials over by mounts, which have to be shared as they are on a machine that is no container.
_BOOT = (
    f"chmod a+x /root; {_INSTALL} systemd-sysv cron || exit 42;"
    " systemd-machine-id-setup; systemctl mask systemd-firstboot; mount --make-rshared /; exec /sbin/init"
)


class ControlNode:
    """The container, seen by its administrator."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    def sh(self, command: str, check: bool = True) -> str:
        """Run a shell command as root; returns what it prints."""
        printed: str = self._engine.podman("exec", self._name, "sh", "-c", f"exec 2>&1; {command}", check=check)
        return printed.strip()

    def detach(self, *command: str) -> None:
        """Start a command that goes on."""
        self._engine.podman("exec", "--detach", self._name, *command)

    def write(self, path: str, content: str, mode: str = "644", owner: str = "root") -> None:
        """Write a file there."""
        self._engine.podman(
            *("exec", "--interactive", self._name, "sh", "-c", f"mkdir -p {Path(path).parent}; cat > {path}"),
            stdin=content,
        )
        self.sh(f"chmod {mode} {path}; chown {owner}: {path}")

    def type(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """Type a command in the project, as root; the site's own way to the vault's password is in the environment."""
        environment = {
            "LC_ALL": "C.UTF-8",
            "PATH": f"{_BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
            "ANSIBLE_VAULT_PASSWORD_FILE": f"{SITE}/vault-password",
        }
        known = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        command = ["podman", "exec", "--workdir", str(PROJECT), *known, self._name, *words]
        return run(command, check=False, environment=self._engine.environment())

    def schedule(self, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run schedule.yml there as root, over the site's inventory, with variables of the command line."""
        more = {"im_schedule_user": ACCOUNT, **variables}
        command = ["ansible-playbook", "-i", "inventories/example-campus", "playbooks/schedule.yml"]
        return self.type([*command, *arguments, "-e", json.dumps(more)])

    def wait(self, condition: str, seconds: int = 300) -> None:
        """Wait until a shell condition holds there."""
        self.sh(f"for i in $(seq {5 * seconds}); do ! {{ {condition}; }} || exit 0; sleep 0.2; done; exit 1")


@contextmanager
def control_node() -> Iterator[ControlNode]:
    """Boot one; gone afterwards."""
    settings = Settings.from_environment()
    engine = Engine(settings)
    name = settings.container("control")
    image = engine.podman("inspect", "--format", "{{.ImageName}}", settings.container(_like())).strip()
    (PROJECT / "reports").mkdir(mode=0o700, exist_ok=True)
    volumes = [f"{PROJECT}:{PROJECT}:ro"]
    if sys.base_prefix != "/usr":
        volumes.append(f"{sys.base_prefix}:{sys.base_prefix}:ro")
    mounts = [word for volume in volumes for word in ("--volume", volume)]
    engine.podman("rm", "--force", "--ignore", "--time", "0", name)
    engine.podman(
        *("run", "--detach", "--name", name, "--hostname", "control", "--label", f"im-lab={settings.prefix}"),
        *("--network", settings.network, "--systemd=always", "--cap-add", "SYS_ADMIN", *mounts),
        # What runs there writes neither into this project's reports nor reads them.
        *("--tmpfs", f"{PROJECT}/reports:mode=755,notmpcopyup", "--tmpfs", f"{PROJECT}/.lab:mode=700,notmpcopyup"),
        # The site has its inventory where the guide says.
        *("--tmpfs", f"{INVENTORY}:mode=755,notmpcopyup"),
        *(image, "sh", "-c", _BOOT),
    )
    try:
        wait_for_systemd(engine, name)
        node = ControlNode(engine, name)
        node.sh(f"useradd --create-home {ACCOUNT}; chown {ACCOUNT}: {PROJECT}/reports")
        yield node
    finally:
        engine.podman("rm", "--force", "--time", "0", name)


def _like() -> str:
    """A desk whose image has the libraries, or the very Python, that this Python needs."""
    of_debian_12 = sys.base_prefix == "/usr" and sys.version_info[:2] == (3, 11)
    return "pc-bib-01" if of_debian_12 else "pc-lab-03"
