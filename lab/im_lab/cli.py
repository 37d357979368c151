"""The commands of `lab/lab`."""

import argparse
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from . import accounts, containers, fleet, host_setup
from .engine import Engine
from .settings import LabError, Settings


def main(arguments: list[str]) -> int:
    """Run one command; return the status for the shell."""
    try:
        settings = Settings.from_environment()
        options = _parser(settings).parse_args(arguments)
        with _alone(settings) if options.command in ("up", "down", "fleet", "accounts") else nullcontext():
            return _run(options, settings, Engine(settings))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Let two commands that build or remove wait for one another."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    with (settings.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab/lab", description="The embedded lab: XMPP servers and desktop hosts.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("setup-host", help="install what this machine lacks (apt; sudo unless root)")
    up = commands.add_parser("up", help="make the server and the hosts run; what runs is left alone")
    up.add_argument("hosts", nargs="*", metavar="HOST", default=settings.default_hosts, help="desks or further servers")
    down = commands.add_parser("down", help="remove containers, network, keys and passwords")
    down.add_argument("--all", action="store_true", help="also images and caches: nothing is left")
    commands.add_parser("status", help="what runs")
    commands.add_parser("inventory", help="print hosts and ports as JSON")
    commands.add_parser("servers", help="print names, ports, addresses and files of the servers as JSON")
    extra = commands.add_parser(
        "accounts", help="make a server have N extra accounts u00001, u00002, …; 0 removes them"
    )
    extra.add_argument("count", type=int, metavar="N")
    extra.add_argument("--server", default=next(iter(settings.servers)), metavar="NAME")
    run = commands.add_parser("exec", help="run a command as root in a host, without SSH")
    run.add_argument("host", metavar="HOST")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD")
    many = commands.add_parser("fleet", help="many identical hosts for benchmarks")
    actions = many.add_subparsers(dest="action", required=True, metavar="ACTION")
    fleet_up = actions.add_parser("up", help="start N hosts")
    fleet_up.add_argument("count", type=int, metavar="N")
    fleet_up.add_argument("--image", help="image to start, of lab.json or any other; default: a snapshot of a desk")
    fleet_up.add_argument("--from", dest="source", default=next(iter(settings.table["hosts"])), metavar="HOST")
    renew = actions.add_parser("renew", help="make one host anew, as it was when the fleet came up")
    renew.add_argument("host", metavar="HOST")
    renew.add_argument("--image", help="as if it were installed anew: from this image, of lab.json or any other")
    actions.add_parser("down", help="remove them")
    actions.add_parser("inventory", help="print hosts and ports as JSON")
    return parser


def _run(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    match options.command, getattr(options, "action", None):
        case "setup-host", _:
            host_setup.setup_host()
        case "up", _:
            containers.up(settings, engine, options.hosts)
            _print_status(settings, engine)
        case "down", _:
            containers.down(settings, engine, everything=options.all)
        case "status", _:
            _print_status(settings, engine)
        case "inventory", _:
            _print_json(settings, {host: settings.ssh_port(host) for host in settings.table["hosts"]})
        case "servers", _:
            print(json.dumps(containers.describe_servers(settings, engine), indent=2))
        case "accounts", _:
            accounts.make(settings, engine, options.count, settings.server(options.server))
        case "exec", _:
            name = settings.container(options.host)
            os.environ.update(engine.environment())
            os.execvp("podman", ["podman", "exec", "--interactive", name, *options.words])  # noqa: S606, S607 - PATH's podman
        case "fleet", "up":
            image = options.image or fleet.snapshot(settings, engine, options.source)
            fleet.up(settings, engine, options.count, image)
        case "fleet", "renew":
            fleet.renew(settings, engine, options.host, options.image)
        case "fleet", "down":
            fleet.down(settings, engine)
        case "fleet", "inventory":
            _print_json(settings, fleet.inventory(settings, engine))
    return 0


def _print_status(settings: Settings, engine: Engine) -> None:
    there = engine.containers()
    ports = {settings.container(host): settings.ssh_port(host) for host in settings.table["hosts"]}
    ports |= {settings.container(name): server.port("starttls") for name, server in settings.servers.items()}
    for name, port in ports.items():
        state = there[name]["State"] if name in there else "absent"
        print(f"{name:24} {state:10} 127.0.0.1:{port}")
    others = len(there.keys() - ports.keys())
    if others:
        print(f"and {others} hosts of a fleet")


def _print_json(settings: Settings, ports: dict[str, int]) -> None:
    document = {
        host: {
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(settings.key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={settings.known_hosts} -o StrictHostKeyChecking=yes",
        }
        for host, port in ports.items()
    }
    print(json.dumps(document, indent=2))
