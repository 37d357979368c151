"""Many extra accounts on a server, for tests and benchmarks: u00001, u00002, … with one password."""

import json

from . import identity
from .engine import Engine
from .settings import LabError, Server, Settings

# Has a server read its configuration again; our module in it (lab/prosody, lab/ejabberd) then looks at the accounts.
RELOAD = {
    "prosody": ["prosodyctl", "shell", "config", "reload"],
    "ejabberd": ["ejabberdctl", "reload_config"],
}
MOST = 99_999


def make(settings: Settings, engine: Engine, count: int, server: Server) -> None:
    """Make the server have exactly `count` extra accounts; those that go lose everything they had there.

    Their password is drawn once for each server and stands in `server.accounts`.
    """
    if not 0 <= count <= MOST:
        raise LabError(f"a server has 0 to {MOST} extra accounts, not {count}")
    name = settings.container(server.name)
    running = engine.containers().get(name, {}).get("State") == "running"
    if not running:
        raise LabError(f"the server {server.name} does not run; start it with: lab/lab up {server.name}")
    password = identity.new_password()
    if server.accounts.exists():
        password = json.loads(server.accounts.read_text(encoding="utf-8"))["password"]
    identity.write_private(server.accounts, json.dumps({"count": count, "password": password}) + "\n")
    said = engine.podman("exec", name, *RELOAD[server.kind])
    made = server.accounts.with_name(server.accounts.name + ".made")
    if not made.exists() or int(made.read_text(encoding="utf-8")) != count:
        raise LabError(f"{server.name} did not make the accounts ({said.strip()}); see {server.log}")
