"""Where the lab's table, its state and its names are found. Everything that one may change stands in lab/lab.json."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

LAB_DIR = Path(__file__).resolve().parent.parent
DEFAULT_PREFIX = "im-lab"


class LabError(Exception):
    """Something that the reader of the message can put right; the message says how."""


@dataclass(frozen=True)
class Server:
    """One XMPP server of the table, as the control node sees it.

    kind: the program, "prosody" or "ejabberd".  ports: by purpose, "starttls", "direct" and perhaps "api" (HTTPS), the
    port on 127.0.0.1 and the port inside the container.  state: its directory under .lab, called as its image.
    """

    name: str
    image: str
    kind: str
    domain: str
    conference: str
    ports: dict[str, tuple[int, int]]
    default: bool
    state: Path

    def port(self, purpose: str) -> int:
        """Port on 127.0.0.1 for "starttls", "direct" or "api"."""
        return self.ports[purpose][0]

    @property
    def log(self) -> Path:
        """The server's own log, readable from the control node."""
        return self.state / "log" / f"{self.kind}.log"

    @property
    def accounts(self) -> Path:
        """What `lab/lab accounts` wrote: JSON object with "count" and "password", mode 0600."""
        return self.state / "data" / "lab_accounts.json"


@dataclass(frozen=True)
class Settings:
    """One lab: the table, and the names and paths that follow from its prefix.

    prefix: start of the name of every container and of the network; another prefix is another lab.
    port_shift: added to every published port, so that two labs can stand side by side.
    """

    prefix: str
    port_shift: int
    state_root: Path

    @classmethod
    def from_environment(cls) -> "Settings":
        """The lab that LAB_PREFIX and LAB_PORT_SHIFT name; without them, the one and only lab of the project."""
        return cls(
            prefix=os.environ.get("LAB_PREFIX", DEFAULT_PREFIX),
            port_shift=int(os.environ.get("LAB_PORT_SHIFT", "0")),
            state_root=LAB_DIR.parent / ".lab",
        )

    @cached_property
    def table(self) -> dict[str, Any]:
        """The content of lab/lab.json."""
        table: dict[str, Any] = json.loads((LAB_DIR / "lab.json").read_text(encoding="utf-8"))
        return table

    @property
    def state(self) -> Path:
        """Directory of the keys, certificates, passwords and logs of this lab."""
        return self.state_root if self.prefix == DEFAULT_PREFIX else self.others / self.prefix

    @property
    def others(self) -> Path:
        """Directory of the states of labs with another prefix."""
        return self.state_root / "others"

    @property
    def cache(self) -> Path:
        """Directory of what every lab shares and `down` keeps: downloaded packages, the engine that works here."""
        return self.state_root / "cache"

    @property
    def network(self) -> str:
        """Name of the network between the hosts and the server."""
        return self.prefix

    @property
    def key(self) -> Path:
        """The private key that opens every host."""
        return self.state / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """OpenSSH known_hosts file with every host of this lab, desks and fleet."""
        return self.state / "known_hosts"

    @property
    def secrets(self) -> Path:
        """JSON object, bare JID to password, mode 0600."""
        return self.state / "secrets.json"

    def host_key(self, host: str) -> Path:
        """The private SSH host key of one machine."""
        return self.state / "hosts" / host / "ssh_host_ed25519_key"

    def container(self, host: str) -> str:
        """Name of the container of a host of the table."""
        return f"{self.prefix}-{host}"

    @cached_property
    def servers(self) -> dict[str, Server]:
        """The XMPP servers by name."""
        return {name: self._server(name, row) for name, row in self.table["servers"].items()}

    def _server(self, name: str, row: dict[str, Any]) -> Server:
        ports = {use: (outside + self.port_shift, inside) for use, (outside, inside) in row["ports"].items()}
        return Server(
            name=name,
            image=row["image"],
            kind=self.table["images"][row["image"]]["kind"],
            domain=row["domain"],
            conference=row["conference"],
            ports=ports,
            default=row.get("default", True),
            state=self.state / row["image"],
        )

    def server(self, name: str) -> Server:
        """One XMPP server; LabError with the known names otherwise."""
        if name not in self.servers:
            raise LabError(f"no server named '{name}' in lab/lab.json; known: {', '.join(self.servers)}")
        return self.servers[name]

    def desk(self, host: str) -> dict[str, Any]:
        """The row of one host; LabError with the known names otherwise."""
        hosts: dict[str, dict[str, Any]] = self.table["hosts"]
        if host not in hosts:
            raise LabError(f"no host named '{host}' in lab/lab.json; known: {', '.join([*hosts, *self.servers])}")
        return hosts[host]

    @property
    def default_hosts(self) -> list[str]:
        """The hosts that `up` starts when none is named: those whose row does not say `"default": false`."""
        return [host for host, row in self.table["hosts"].items() if row.get("default", True)]

    def ssh_port(self, host: str) -> int:
        """Port on 127.0.0.1 that reaches the SSH server of a host of the table."""
        port: int = self.desk(host)["ssh_port"]
        return port + self.port_shift

    @property
    def fleet_ports(self) -> range:
        """Ports on 127.0.0.1 set aside for the hosts of a fleet."""
        fleet = self.table["fleet"]
        first = fleet["first_ssh_port"] + self.port_shift
        return range(first, first + fleet["size"])
