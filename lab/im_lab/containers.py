"""The containers of the lab: the servers and the desks. `up` makes the world as the table says, `down` removes it."""

import hashlib
import os
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import identity, images
from .engine import LABEL_LAB, LABEL_RECIPE, Engine
from .settings import DEFAULT_PREFIX, LAB_DIR, LabError, Server, Settings

READY_SECONDS = 300.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Machine:
    """One container as it should be.

    name: what the others in the lab call it.  image: full name of its image.  recipe: changes when the container has to
    be made anew.  arguments: what `podman run` needs beyond what all machines have in common.
    port: on 127.0.0.1, where it answers `greeting` to `opening` as soon as it is ready.
    """

    name: str
    image: str
    recipe: str
    arguments: tuple[str, ...]
    port: int
    opening: str
    greeting: str


def xmpp_server(settings: Settings, server: Server) -> Machine:
    """The machine of an XMPP server. Its program finds its configuration, lab/<kind>, in /etc/<kind>, what all have in
    common in /etc/lab, and puts data and log where Debian puts them.
    """
    configuration = LAB_DIR / server.kind
    mounts = {
        configuration: f"/etc/{server.kind}:ro",
        LAB_DIR / "lab.json": "/etc/lab/lab.json:ro",
        settings.secrets: "/etc/lab/secrets.json:ro",
        server.state / "certs": "/etc/lab/certs:ro",
        server.state / "data": f"/var/lib/{server.kind}",
        server.state / "log": f"/var/log/{server.kind}",
    }
    names = {
        "LAB_DOMAIN": server.domain,
        "LAB_CONFERENCE": server.conference,
        "LAB_ADMIN": settings.table["admin"],
        "LAB_PROVISIONER": settings.table["provisioner"],
    }
    arguments = [word for source, target in mounts.items() for word in ("--volume", f"{source}:{target}")]
    arguments += [word for name, value in names.items() for word in ("--env", f"{name}={value}")]
    for outside, inside in server.ports.values():
        arguments += ["--publish", f"127.0.0.1:{outside}:{inside}"]
    # The desks find the service by its real names, through the network's own DNS.
    for alias in (server.domain, server.conference):
        arguments += ["--network-alias", alias]
    image = images.tag(settings, server.image)
    written = [LAB_DIR / "lab.json", *sorted(file for file in configuration.rglob("*") if file.is_file())]
    written += [settings.state / "ca" / "ca.crt", *sorted((server.state / "certs").glob("*.crt"))]
    opening = (
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        f" to='{server.domain}' version='1.0'>"
    )
    return Machine(
        name=server.name,
        image=image,
        recipe=_recipe(image, arguments, written),
        arguments=tuple(arguments),
        port=server.port("starttls"),
        opening=opening,
        greeting="<?xml",
    )


def desk(
    settings: Settings, name: str, image: str, port: int, host_key: Path | None = None, *, system: str = ""
) -> Machine:
    """A host reached by SSH on 127.0.0.1:`port`, by default with a host key of its own; its SSH server speaks first.

    ``system``: what the host says that it is, where its image can say several things.
    """
    host_key = host_key or settings.host_key(name)
    visitors_key = identity.public_half(settings.key)
    mounts = {host_key: "/etc/ssh/ssh_host_ed25519_key:ro", visitors_key: "/etc/ssh/lab_authorized_keys:ro"}
    arguments = [word for source, target in mounts.items() for word in ("--volume", f"{source}:{target}")]
    arguments += ["--publish", f"127.0.0.1:{port}:22", "--network-alias", name]
    arguments += ["--env", f"LAB_SYSTEM={system}"] if system else []
    return Machine(
        name=name,
        image=image,
        recipe=_recipe(image, arguments, [identity.public_half(host_key), visitors_key]),
        arguments=tuple(arguments),
        port=port,
        opening="",
        greeting="SSH-2.0",
    )


def _recipe(image: str, arguments: list[str], files: list[Path]) -> str:
    """A word that changes with the image, the arguments (so with the place of the project) and what the files hold.

    Without it a fresh clone, or a lab whose keys were deleted, would take over containers that other keys open.
    """
    digest = hashlib.sha256("\0".join(arguments).encode())
    for file in files:
        digest.update(file.read_bytes())
    return f"{image}+{digest.hexdigest()[:12]}"


def table_machines(settings: Settings, names: list[str]) -> list[Machine]:
    """The servers that always run, and the named servers and desks of the table."""
    servers = [server for server in settings.servers.values() if server.default or server.name in names]
    desks = [
        desk(settings, host, images.tag(settings, row["image"]), settings.ssh_port(host), system=row.get("system", ""))
        for host in names
        if host not in settings.servers
        for row in [settings.desk(host)]
    ]
    return [*(xmpp_server(settings, server) for server in servers), *desks]


def up(settings: Settings, engine: Engine, names: list[str]) -> None:
    """Make the default server and these servers and desks run as the table says. What runs as it should stays."""
    prepare(settings)
    there = engine.containers()
    late = [each for each in table_machines(settings, names) if not _is_as_wanted(settings, there, each)]
    if not late:
        return
    built = images.build_missing(settings, engine, {machine.image for machine in late})
    engine.probe(late[0].image)
    start_all(settings, engine, late, there)
    if built:
        images.forget_older(settings, engine)


def describe_servers(settings: Settings, engine: Engine) -> dict[str, dict[str, Any]]:
    """The servers for programs, by name.

    "address" is the container's own, which answers on the "inside" ports without podman's port forwarder between:
    null where the server does not run, or where podman is rootless and only its own network knows the address.
    """
    running = {name for name, container in engine.containers().items() if container["State"] == "running"}
    return {
        server.name: {
            "running": settings.container(server.name) in running,
            "domain": server.domain,
            "conference": server.conference,
            "host": "127.0.0.1",
            "ports": {use: outside for use, (outside, _inside) in server.ports.items()},
            "address": _address(settings, engine, server) if settings.container(server.name) in running else None,
            "inside_ports": {use: inside for use, (_outside, inside) in server.ports.items()},
            "admin": f"{settings.table['admin']}@{server.domain}",
            "provisioner": f"{settings.table['provisioner']}@{server.domain}",
            "people": [f"{person}@{server.domain}" for person in settings.table["people"]],
            "ca_file": str(settings.state / "ca" / "ca.crt"),
            "secrets": str(settings.secrets),
            "accounts": str(server.accounts),
            "log": str(server.log),
        }
        for server in settings.servers.values()
    }


def _address(settings: Settings, engine: Engine, server: Server) -> str | None:
    if os.geteuid() != 0:
        return None
    networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return engine.podman("inspect", "--format", networks, settings.container(server.name)).strip()


def prepare(settings: Settings) -> None:
    """Everything on the control node that containers and their visitors need: keys, certificates, passwords."""
    identity.private_directory(settings.state)
    identity.ensure_ssh_key(settings.key, "im-lab")
    ports = {host: settings.ssh_port(host) for host in settings.table["hosts"]}
    identity.write_known_hosts(settings, ports)
    identity.write_ssh_config(settings, ports)
    identity.ensure_passwords(settings)
    for server in settings.servers.values():
        identity.ensure_certificate(settings, server)
        for directory in ("data", "log"):
            (server.state / directory).mkdir(parents=True, exist_ok=True)


def start_all(settings: Settings, engine: Engine, machines: list[Machine], there: dict[str, dict[str, Any]]) -> None:
    """Start machines side by side, replacing those made from another recipe, and wait until each of them answers."""
    name = settings.network
    if name not in engine.podman("network", "ls", "--format", "{{.Name}}").split():
        engine.podman("network", "create", "--label", f"{LABEL_LAB}={settings.prefix}", name)
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda machine: _start(settings, engine, machine, there), machines))
    for machine in machines:
        _wait_until_ready(machine)


def _is_as_wanted(settings: Settings, there: dict[str, dict[str, Any]], machine: Machine) -> bool:
    container = there.get(settings.container(machine.name))
    return (
        container is not None
        and container["State"] == "running"
        and container["Labels"][LABEL_RECIPE] == machine.recipe
    )


def _start(settings: Settings, engine: Engine, machine: Machine, there: dict[str, dict[str, Any]]) -> None:
    name = settings.container(machine.name)
    old = there.get(name)
    if old is not None and old["Labels"][LABEL_RECIPE] == machine.recipe:
        engine.podman("start", name)
        return
    if old is not None:
        engine.podman("rm", "--force", "--time", "0", name)
    engine.podman(
        *("run", "--detach", "--name", name, "--hostname", machine.name, "--network", settings.network),
        *("--label", f"{LABEL_LAB}={settings.prefix}", "--label", f"{LABEL_RECIPE}={machine.recipe}"),
        *(*machine.arguments, machine.image),
    )


def _wait_until_ready(machine: Machine) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(machine):
        if time.monotonic() > deadline:
            raise LabError(f"{machine.name}: no answer on 127.0.0.1:{machine.port} after {READY_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


def _answers(machine: Machine) -> bool:
    # Podman's port forwarder may accept before the program behind it does: only its own words prove that it is there.
    try:
        with socket.create_connection(("127.0.0.1", machine.port), timeout=1) as connection:
            connection.sendall(machine.opening.encode())
            return connection.recv(len(machine.greeting)) == machine.greeting.encode()
    except OSError:
        return False


def down(settings: Settings, engine: Engine, *, everything: bool) -> None:
    """Remove the containers, the network, the keys and passwords of this lab.

    With `everything`: those of every lab, and what the labs share, images and caches. Nothing is left.
    """
    if everything and settings.prefix != DEFAULT_PREFIX:
        raise LabError("--all removes what every lab shares; use it without LAB_PREFIX")
    # A machine that never had a lab has nothing of it either.
    if shutil.which("podman"):
        ours = f"label={LABEL_LAB}" if everything else f"label={LABEL_LAB}={settings.prefix}"
        _remove(engine, ["ps", "--all", "--quiet", "--filter", ours], ["rm", "--force", "--time", "0"])
        _remove(engine, ["network", "ls", "--quiet", "--filter", ours], ["network", "rm", "--force"])
        if everything:
            _remove(engine, ["images", "--quiet", "--filter", f"reference={images.REPOSITORY}/*"], ["rmi", "--force"])
    if everything:
        shutil.rmtree(settings.state_root, ignore_errors=True)
    for entry in settings.state.glob("*"):
        if entry not in (settings.cache, settings.others):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    if settings.prefix != DEFAULT_PREFIX and settings.state.exists():
        settings.state.rmdir()


def _remove(engine: Engine, listing: list[str], removal: list[str]) -> None:
    found = dict.fromkeys(engine.podman(*listing).split())
    if found:
        engine.podman(*removal, *found)
