"""Many identical hosts for benchmarks: clones of one desk, each on its own port."""

from . import containers
from .engine import Engine
from .images import REPOSITORY
from .settings import LabError, Settings


def snapshot(settings: Settings, engine: Engine, host: str) -> str:
    """Make an image of a desk as it stands, clients and profiles included; return the image's name."""
    settings.desk(host)
    image = f"{REPOSITORY}/{settings.prefix}-snapshot:latest"
    engine.podman("commit", "--quiet", "--pause=false", settings.container(host), image)
    return image


def inventory(settings: Settings, engine: Engine) -> dict[str, int]:
    """The hosts of the fleet that there are: name to SSH port on 127.0.0.1."""
    ports = dict(zip(_names(settings), settings.fleet_ports, strict=True))
    there = engine.containers()
    return {name: port for name, port in ports.items() if settings.container(name) in there}


def up(settings: Settings, engine: Engine, count: int, image: str) -> None:
    """Start `count` hosts from an image; hosts beyond that number are removed."""
    if not 0 < count <= len(settings.fleet_ports):
        raise LabError(f"a fleet has 1 to {len(settings.fleet_ports)} hosts (lab/lab.json), not {count}")
    containers.prepare(settings)
    down(settings, engine)
    shared_key = settings.host_key(settings.table["fleet"]["name"])
    machines = [
        containers.desk(settings, name, image, port, host_key=shared_key)
        for name, port in list(zip(_names(settings), settings.fleet_ports, strict=True))[:count]
    ]
    containers.start_all(settings, engine, machines, engine.containers())


def down(settings: Settings, engine: Engine) -> None:
    """Remove the hosts of the fleet, nothing else."""
    names = [settings.container(name) for name in inventory(settings, engine)]
    if names:
        engine.podman("rm", "--force", "--time", "0", *names)


def _names(settings: Settings) -> list[str]:
    name = settings.table["fleet"]["name"]
    return [f"{name}-{number:03d}" for number in range(1, len(settings.fleet_ports) + 1)]
