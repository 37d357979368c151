"""What the control node lets wait on a PC, made of the roles' own templates, without a PC."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.im_engine import Group, Outcome, Render, groups_of
from ansible.module_utils.im_inventory import complete_people, complete_service
from ansible.module_utils.im_logon import Logons
from ansible.module_utils.im_wishes import Wish, template_variables, wish_of
from rendering import CLIENTS, COMMON, HOSTILE, TEMPLATES

SERVICE = complete_service({"domain": "univ.example"})
SID = "S-1-5-21-1004336348-1177238915-682003330-3000"
#: A PC on which nothing of ours stands.
NOTHING: dict[str, Any] = {"script": None, "task": "none", "waits": {}}


def group_for(client: str, login: str = "newcomer", state: str = "present") -> Group:
    """One client's group of a login on Windows."""
    seats = [{"login": login, "person": "zoe.obrien", "clients": [client], "state": state}]
    return next(group for group in groups_of(seats, CLIENTS, COMMON, "Windows") if group.login == login)


def wish_of_zoe(
    person: Mapping[str, Any] | None = None,
    site: Mapping[str, Any] | None = None,
    passwords: Mapping[str, str] | None = None,
) -> Wish:
    """Of the person whose name breaks what does not escape."""
    people = complete_people({"zoe.obrien": {"name": HOSTILE, **(person or {})}}, SERVICE)
    seat = {"login": "newcomer", "person": "zoe.obrien"}
    return wish_of(seat, people["zoe.obrien"], dict(site or {}), dict(passwords or {}))


def render_of(client: str, wish: Wish, service: dict[str, Any] = SERVICE, enforced: Sequence[str] = ()) -> Render:
    """The fragments of a client on Windows for one wish."""
    answers = CLIENTS[client].platforms["Windows"]
    bases = {**COMMON.platforms["Windows"]["bases"], **answers["bases"]}
    parts = template_variables(wish, service, {**answers, "bases": bases}, "fr", list(enforced))
    return lambda document, part: TEMPLATES.render(document.template, parts[part])


def merged(logons: Logons, client: str, wish: Wish, login: str = "newcomer", sid: str = SID) -> Outcome:
    """What Logons.merge() makes of a client."""
    return logons.merge(group_for(client, login), sid, render_of(client, wish), lambda key: key)


def then(told: Mapping[str, Any], request: Mapping[str, Any] | None) -> dict[str, Any]:
    """What im_profile_files tells of a PC that told TOLD, once im_logon has done REQUEST there."""
    if request is None:
        return dict(told)
    waits = dict(told["waits"])
    for wait in request["waits"]:
        waits.pop(wait["name"], None)
        if wait["text"]:
            waits[wait["name"]] = base64.b64encode(gzip.compress(wait["text"].encode())).decode()
    if not waits:
        return NOTHING
    return {"script": hashlib.sha256(request["script"].encode()).hexdigest(), "task": "wished", "waits": waits}
