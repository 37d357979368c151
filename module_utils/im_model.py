"""What a client is, as plain data: standard library only, since the login job carries it to the desks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple


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
        processes: names of its processes; a platform's answers may say others.
        locks: files (under the profile base) on which it holds a lock while it runs, or that it keeps for itself; globs
            allowed; a platform's answers may say others.
        expresses: preference -> "any" or the values it can hold.
        rewrites: patterns (fnmatch) of the items that it changes by itself, so that nobody blames the user.
        documents: what we manage, in the order of their merge.
        platforms: platform -> its answers (packages, version_package, bases, ...).
    """

    name: str
    title: str
    processes: tuple[str, ...]
    locks: tuple[str, ...]
    expresses: dict[str, Any]
    rewrites: tuple[str, ...]
    documents: tuple[Document, ...]
    platforms: dict[str, dict[str, Any]]
