"""From a module's arguments to an open ticket system."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .files import FileTickets
from .glpi import BODY_FIELDS, GlpiTickets, Rules
from .glpi_api import GlpiApi
from .glpi_http import GlpiConnection
from .glpi_legacy import LegacyAccess, LegacyApi
from .glpi_v2 import V2Access, V2Api
from .problems import problem
from .system import TicketSystem

#: What each API of GLPI needs to log in.
_NEEDED = {"legacy": ("user_token",), "v2": ("client_id", "client_secret", "username", "password")}


@contextlib.contextmanager
def opened(parameters: Mapping[str, Any]) -> Iterator[TicketSystem]:
    """The ticket system that the arguments name, open; closed whatever happens.

    Raises:
        TicketProblem: the arguments are of no use, or it cannot be opened.
    """
    system = _open(parameters)
    try:
        yield system
    finally:
        system.close()


def _open(parameters: Mapping[str, Any]) -> TicketSystem:
    language = parameters["language"]
    if parameters["system"] == "files":
        file, directory = parameters.get("file"), parameters.get("directory")
        return FileTickets(Path(file) if file else None, Path(directory or ""), language)
    glpi = parameters["glpi"]
    if glpi is None:
        raise problem("glpi_missing", names="glpi")
    if missing := [f"glpi.{name}" for name in _NEEDED[glpi["api"]] if not glpi[name]]:
        raise problem("glpi_missing", names=", ".join(missing))
    rules = Rules(glpi["category"], _labels(glpi["labels"]), _people(glpi["people"]))
    if not 1 <= glpi["timeout"] <= 600:
        raise problem("glpi_timeout", value=str(glpi["timeout"]))
    connection = GlpiConnection(glpi["url"], glpi["ca_file"], glpi["timeout"])
    return GlpiTickets(_log_in(connection, glpi), rules, language)


def _log_in(connection: GlpiConnection, glpi: Mapping[str, Any]) -> GlpiApi:
    for name in ("app_token", "user_token"):
        # They travel in header fields, where a line break would begin another one.
        if glpi[name] and not (glpi[name].isascii() and glpi[name].isprintable()):
            raise problem("glpi_token", name=f"glpi.{name}")
    if glpi["api"] == "legacy":
        return LegacyApi(connection, LegacyAccess(glpi["app_token"] or "", glpi["user_token"]))
    return V2Api(connection, V2Access(**{name: glpi[name] for name in _NEEDED["v2"]}))


def _labels(given: Mapping[str, Any]) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for field, names in given.items():
        listed = names if isinstance(names, list) else [names]
        if field not in BODY_FIELDS or not listed or not all(isinstance(one, str) and one.strip() for one in listed):
            raise problem("glpi_labels", value=str(field), known=", ".join(BODY_FIELDS))
        labels[field] = listed
    return labels


def _people(given: Mapping[str, Any]) -> dict[str, str]:
    for login, key in given.items():
        if not isinstance(key, str) or not key:
            raise problem("glpi_people", value=str(login))
    return {str(login): key for login, key in given.items()}
