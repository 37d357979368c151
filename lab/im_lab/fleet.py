"""Many identical hosts for benchmarks: clones of one desk, each on its own port."""

from . import containers, images
from .engine import Engine
from .settings import LabError, Settings


def up(settings: Settings, engine: Engine, count: int, image: str) -> None:
    """Make the fleet have exactly `count` fresh hosts of an image, of the table or any other."""
    if not 0 < count <= len(settings.fleet_ports):
        raise LabError(f"a fleet has 1 to {len(settings.fleet_ports)} hosts (lab/lab.json), not {count}")
    if image in settings.table["images"]:
        image = images.tag(settings, image)
        images.build_missing(settings, engine, {image})
    engine.probe(image)
    containers.prepare(settings)
    _remove_hosts(settings, engine)
    shared_key = settings.host_key(settings.table["fleet"]["name"])
    machines = [
        containers.desk(settings, name, image, port, host_key=shared_key)
        for name, port in list(_places(settings).items())[:count]
    ]
    containers.start_all(settings, engine, machines, {})


def snapshot(settings: Settings, engine: Engine, host: str) -> str:
    """Make an image of a desk as it stands, clients and profiles included; return the image's name."""
    settings.desk(host)
    image = _snapshot_image(settings)
    engine.podman("commit", "--quiet", "--pause=false", settings.container(host), image)
    return image


def inventory(settings: Settings, engine: Engine) -> dict[str, int]:
    """The hosts of the fleet that there are: name to SSH port on 127.0.0.1."""
    there = engine.containers()
    return {name: port for name, port in _places(settings).items() if settings.container(name) in there}


def down(settings: Settings, engine: Engine) -> None:
    """Remove the hosts of the fleet and the snapshot they came from, nothing else."""
    _remove_hosts(settings, engine)
    if engine.image_exists(_snapshot_image(settings)):
        engine.podman("rmi", _snapshot_image(settings))


def _remove_hosts(settings: Settings, engine: Engine) -> None:
    names = [settings.container(name) for name in inventory(settings, engine)]
    if names:
        engine.podman("rm", "--force", "--time", "0", *names)


def _snapshot_image(settings: Settings) -> str:
    return f"{images.REPOSITORY}/{settings.prefix}-snapshot:latest"


def _places(settings: Settings) -> dict[str, int]:
    """Every host that a fleet may have, with its port."""
    name = settings.table["fleet"]["name"]
    return {f"{name}-{number:03d}": port for number, port in enumerate(settings.fleet_ports, start=1)}
