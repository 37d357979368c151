"""Render the clients' templates: compiled once for all hosts, and blind to what looks like a template in a value.

Plain Jinja2 with Ansible's own to_json. Ansible's templating would compile a template anew for each host, which was
most of what a host cost on the control node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.filter.core import to_json
from jinja2 import Environment, StrictUndefined, Template

from .im_formats.mozilla_install import install_hash
from .im_model import Client
from .im_status_ids import purple_status_id


def thunderbird_room(room: Mapping[str, Any]) -> str:
    """One entry of Thunderbird's autoJoin list: room JID, then the nick.

    In that list a comma ends the entry and a blank begins the room's password: a nick can hold neither there.
    """
    nick = re.sub(r"[\s,]+", "_", room["nick"])
    return f"{room['jid']}/{nick}"


class Templates:
    """The templates of some clients, compiled."""

    def __init__(self, clients: Iterable[Client]) -> None:
        """Compile every template; TemplateSyntaxError names the file and line of a mistake."""
        environment = Environment(  # noqa: S701 - each template escapes at its edges, in its own syntax
            trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined
        )
        environment.filters |= {
            "to_json": to_json,
            "mozilla_install_hash": install_hash,
            "purple_status_id": purple_status_id,
            "thunderbird_room": thunderbird_room,
        }
        self._compiled: dict[Path, Template] = {}
        for path in {document.template for client in clients for document in client.documents}:
            code = environment.compile(path.read_text(encoding="utf-8"), path.name, str(path))
            self._compiled[path] = Template.from_code(environment, code, environment.make_globals(None))

    def render(self, path: Path, variables: Mapping[str, Any]) -> str:
        """Render one template; UndefinedError when it asks for what is not there."""
        return self._compiled[path].render(variables)
