"""Many identical hosts for benchmarks: clones of one desk, each on its own port."""

from collections.abc import Iterable

from . import containers, images
from .engine import Engine
from .settings import LabError, Settings


def up(settings: Settings, engine: Engine, count: int, image: str) -> None:
    """Make the fleet have exactly `count` fresh hosts of an image, of the table or any other."""
    if not 0 < count <= len(settings.fleet_ports):
        raise LabError(f"a fleet has 1 to {len(settings.fleet_ports)} hosts (lab/lab.json), not {count}")
    image = _built(settings, engine, image)
    containers.prepare(settings)
    _remove_hosts(settings, engine, inventory(settings, engine))
    _start(settings, engine, image, list(_places(settings))[:count])


def renew(settings: Settings, engine: Engine, host: str, image: str | None) -> None:
    """Make one host anew as its image is: as the fleet came up, or from another image, as if it were installed anew."""
    if host not in inventory(settings, engine):
        raise LabError(f"the fleet has no host named '{host}'; `lab/lab fleet inventory` lists them")
    image = image or engine.containers()[settings.container(host)]["Image"]
    image = _built(settings, engine, image)
    _remove_hosts(settings, engine, [host])
    _start(settings, engine, image, [host])


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
    _remove_hosts(settings, engine, inventory(settings, engine))
    if engine.image_exists(_snapshot_image(settings)):
        engine.podman("rmi", _snapshot_image(settings))


def _built(settings: Settings, engine: Engine, image: str) -> str:
    """The full name of an image, of the table or any other, that podman can start."""
    if image in settings.table["images"]:
        image = images.tag(settings, image)
        images.build_missing(settings, engine, {image})
    engine.probe(image)
    return image


def _start(settings: Settings, engine: Engine, image: str, hosts: Iterable[str]) -> None:
    shared_key, places = settings.host_key(settings.table["fleet"]["name"]), _places(settings)
    machines = [containers.desk(settings, host, image, places[host], host_key=shared_key) for host in hosts]
    containers.start_all(settings, engine, machines, {})


def _remove_hosts(settings: Settings, engine: Engine, hosts: Iterable[str]) -> None:
    names = [settings.container(name) for name in hosts]
    if names:
        engine.podman("rm", "--force", "--time", "0", *names)


def _snapshot_image(settings: Settings) -> str:
    return f"{images.REPOSITORY}/{settings.prefix}-snapshot:latest"


def _places(settings: Settings) -> dict[str, int]:
    """Every host that a fleet may have, with its port."""
    name = settings.table["fleet"]["name"]
    return {f"{name}-{number:03d}": port for number, port in enumerate(settings.fleet_ports, start=1)}
