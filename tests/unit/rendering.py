"""Render the clients' templates as the action im_profile does, without a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.im_clients import load_clients, load_common
from ansible.module_utils.im_inventory import complete_people, complete_service
from ansible.module_utils.im_model import Client, Document
from ansible.module_utils.im_packages.answers import with_source
from ansible.module_utils.im_templates import Templates
from ansible.module_utils.im_wishes import template_variables, wish_of

PROJECT = Path(__file__).resolve().parents[2]
ROLES = [str(PROJECT / "roles")]
CLIENTS: dict[str, Client] = load_clients(ROLES)
COMMON: Client = load_common(ROLES)

#: The person whose name breaks whatever does not escape.
HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'

TEMPLATES = Templates(CLIENTS.values())


def document_of(client: str, name: str) -> Document:
    """The document of a client whose path ends with ``name``."""
    return next(document for document in CLIENTS[client].documents if document.path.rpartition("/")[2] == name)


def fragments(
    client: str,
    name: str,
    *,
    person: dict[str, Any] | None = None,
    service: dict[str, Any] | None = None,
    site: dict[str, Any] | None = None,
    enforced: list[str] | None = None,
    language: str = "fr",
    platform: str = "Debian",
    passwords: dict[str, str] | None = None,
    source: str = "",
) -> tuple[str, str]:
    """Render one document's template for one person; returns (enforced, initial)."""
    complete = complete_service({"domain": "univ.example", **(service or {})})
    people = complete_people({"zoe.obrien": {"name": HOSTILE, **(person or {})}}, complete)
    seat = {"login": "zobrien", "person": "zoe.obrien", "clients": [client]}
    answers = with_source(CLIENTS[client], platform, source).platforms[platform]
    bases = {**COMMON.platforms[platform]["bases"], **answers["bases"]}
    document = document_of(client, name)
    parts = template_variables(
        wish_of(seat, people["zoe.obrien"], site or {}, passwords or {}),
        complete | {"ca_pem": "PEM"},  # as im_profile reads it
        {**answers, "bases": bases},
        language,
        enforced or [],
    )
    return TEMPLATES.render(document.template, parts["enforced"]), TEMPLATES.render(document.template, parts["initial"])
