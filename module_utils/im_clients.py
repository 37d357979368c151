"""Clients are data: a role that answers ``__<role>_client`` in its vars is a client.

Nothing else lists the clients, so that a new one is a folder under roles/ and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Document(NamedTuple):
    """One file of a client's profile that we manage in part.

    Attributes:
        path: under its base, "/"-separated; a ``*`` in it is the directory that the format of `located_by` names.
        base: key of the platform's ``bases``: where the path starts.
        format: name in im_formats.FORMATS.
        template: file in the role's templates/.
        siblings: files the format needs beside the document (relative to its directory, or absolute); globs allowed.
        located_by: path of the document that names the directory, or "".
    """

    path: str
    base: str
    format: str
    template: Path
    siblings: tuple[str, ...]
    located_by: str


class Client(NamedTuple):
    """A client as its role describes it.

    Attributes:
        name: name of the role.
        title: name for people.
        processes: names of its processes.
        locks: files (under the profile base) on which it holds a lock while it runs; globs allowed.
        expresses: preference -> "any" or the values it can hold.
        documents: what we manage, in the order of their merge.
        platforms: platform -> its answers (packages, version_package, bases, ...).
    """

    name: str
    title: str
    processes: tuple[str, ...]
    locks: tuple[str, ...]
    expresses: dict[str, Any]
    documents: tuple[Document, ...]
    platforms: dict[str, dict[str, Any]]


def load_clients(roles_paths: Iterable[str]) -> dict[str, Client]:
    """Find the roles that are clients, in the order of the roles path; the first of a name wins, as in Ansible."""
    clients: dict[str, Client] = {}
    for roles in map(Path, roles_paths):
        for answers in sorted(roles.glob("*/vars/main.yml")):
            role = answers.parents[1]
            if role.name not in clients and (definition := _load(answers).get(f"__{role.name}_client")):
                clients[role.name] = _client(role, definition)
    return clients


def load_common(roles_paths: Iterable[str]) -> Client:
    """Load what all clients have in common: the role im_client, written down like a client."""
    role = next(role for role in (Path(path) / "im_client" for path in roles_paths) if role.is_dir())
    return _client(role, _load(role / "vars" / "main.yml")["__im_client_common"])


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
        documents=documents,
        platforms=platforms,
    )
