"""Clients are data: a role that answers ``__<role>_client`` in its vars is a client.

Nothing else lists the clients, so that a new one is a folder under roles/ and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from .im_model import Client, Document

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_clients(roles_paths: Iterable[str]) -> dict[str, Client]:
    """Find the roles that are clients, in the order of the roles path; the first of a name wins, as in Ansible."""
    return {role.name: _client(role, definition) for role, definition in _definitions(roles_paths)}


def load_connections(roles_paths: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Load how each client connects: name -> {mechanisms, tls, srv} (see ``xmpp/server_rules.py``, ClientAbility).

    A client that does not say is left out.
    """
    connections: dict[str, dict[str, list[str]]] = {}
    for role, definition in _definitions(roles_paths):
        if definition.get("connection"):
            connections[role.name] = definition["connection"]
    return connections


def load_common(roles_paths: Iterable[str]) -> Client:
    """Load what all clients have in common: the role im_client, written down like a client."""
    role = next(role for role in (Path(path) / "im_client" for path in roles_paths) if role.is_dir())
    return _client(role, _load(role / "vars" / "main.yml")["__im_client_common"])


def _definitions(roles_paths: Iterable[str]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The roles that are clients, each name once, with what they say about themselves."""
    known = set()
    for roles in map(Path, roles_paths):
        for answers in sorted(roles.glob("*/vars/main.yml")):
            role = answers.parents[1]
            if role.name not in known and (definition := _load(answers).get(f"__{role.name}_client")):
                known.add(role.name)
                yield role, definition


def _load(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as stream:
        return yaml.load(stream, Loader=_Loader) or {}  # noqa: S506 - a safe loader, the C one where there is one


def _client(role: Path, definition: dict[str, Any]) -> Client:
    documents = tuple(
        Document(
            path=document["path"],
            base=document["base"],
            format=document["format"],
            template=role / "templates" / (document["path"].rpartition("/")[2] + ".j2"),
            siblings=tuple(document.get("siblings", ())),
            located_by=document.get("located_by", ""),
        )
        for document in definition["documents"]
    )
    platforms = {
        answers.stem: _load(answers)[f"__{role.name}_platform"]
        for answers in sorted((role / "vars").glob("*.yml"))
        if answers.stem != "main"
    }
    return Client(
        name=role.name,
        title=definition["title"],
        processes=tuple(definition.get("processes", ())),
        locks=tuple(definition.get("locks", ())),
        expresses=definition.get("expresses", {}),
        rewrites=tuple(definition.get("rewrites", ())),
        documents=documents,
        platforms=platforms,
    )
