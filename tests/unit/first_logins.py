"""What the control node lays on a desk for whoever logs in, made of the roles' own templates."""

from __future__ import annotations

import functools
from typing import Any

from ansible.module_utils.im_engine import Group, Render, groups_of
from ansible.module_utils.im_first_login import ANYBODY, LOCALPART
from ansible.module_utils.im_first_login_offer import check_first_login, offer_of, seats_of, wish_of_anybody
from ansible.module_utils.im_inventory import complete_service
from ansible.module_utils.im_wishes import Wish, template_variables
from hypothesis import strategies as st
from rendering import CLIENTS, COMMON, HOSTILE, TEMPLATES

SERVICE = complete_service({"domain": "univ.example"})
#: Logins that a directory may hold and that must never become an account by themselves.
HOSTILE_LOGINS = [
    "", "root", "daemon", "*", "alice", "alice.", ".martin", "alice..martin", "alice.martin.etu", "Alice.Martin",
    "alice.martin@univ.example",
    "UNIV\\alice.martin", "zoë.o'brien", "alice.martin\n", "\nalice.martin", "a.b ", " a.b",
    "a.b'/><account>", 'a.b"}', "a.b&amp;", "a.b%s", "{{ a.b }}", "a.b/../../etc", "a.b\x00", "$(id).b", HOSTILE,
    "a.b\u202e", "\u0430.\u0431", "alice.martin-", "-alice.martin", "al--ice.martin", "alice.mar7tin", "a.b;rm",
    LOCALPART,
]  # fmt: skip
SERVICES: list[dict[str, Any]] = [
    {},
    {"tls": "direct"},
    {"host": "xmpp.univ.example", "port": 5299, "tls": "direct"},
    {"imap": {"host": "imap.x"}, "smtp": {"host": "smtp.x"}},
    {"imap": {"host": "imap.x", "username": "key"}, "smtp": {"host": "smtp.x", "username": "jid"}},
]
FULL: dict[str, Any] = {
    "start_at_login": True,
    "resource": HOSTILE,
    "password_policy": "never_stored",
    "auto_away": False,
    "auto_away_minutes": 7,
    "auto_away_message": HOSTILE + " 100 %",
    "auto_reply": "away_or_idle",
    "idle_reporting": False,
    "startup_status": "busy",
    "startup_status_message": HOSTILE,
    "archive": False,
    "archive_format": "text",
}
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
JIDS = st.builds("{}.{}@{}.{}".format, WORDS, WORDS, WORDS, WORDS)


def wish_for(jid: str, site: dict[str, Any]) -> Wish:
    """What im_profile would wish of somebody of whom nothing but the JID is known."""
    localpart, _, domain = jid.partition("@")
    anybody = wish_of_anybody(site)
    person = {**anybody.person, "key": localpart, "jid": jid, "localpart": localpart, "domain": domain, "mail": jid}
    return anybody._replace(person=person)


def rendered(client: str, wish: Wish, service: dict[str, Any], enforced: list[str]) -> dict[tuple[str, str], str]:
    """(document, part) -> fragment of one client, for one wish."""
    answers = CLIENTS[client].platforms["Debian"]
    bases = {**COMMON.platforms["Debian"]["bases"], **answers["bases"]}
    parts = template_variables(wish, service, {**answers, "bases": bases}, "fr", enforced)
    return {
        (document.path, part): TEMPLATES.render(document.template, parts[part])
        for document in CLIENTS[client].documents
        for part in ("enforced", "initial")
    }


def anybody_groups(*clients: str) -> list[Group]:
    """The groups of whoever logs in, without the machine's."""
    seats = seats_of({"clients": clients})
    return [group for group in groups_of(seats, CLIENTS, COMMON, "Debian") if group.login == ANYBODY]


def render_for(group: Group, site: dict[str, Any], enforced: list[str]) -> Render:
    """The fragments of a client for the placeholder."""
    fragments = rendered(group.client.name, wish_of_anybody(site), SERVICE, enforced)
    return lambda document, part: fragments[document.path, part]


def offer(
    clients: list[str],
    seats: tuple[str, ...] = (),
    *,
    site: dict[str, Any] | None = None,
    enforced: tuple[str, ...] = (),
    **more: Any,
) -> str:
    """What is laid on a desk; ``more`` is the rest of im_first_login."""
    checked = check_first_login("pc", {"clients": clients, **more}, CLIENTS, SERVICE)
    assert checked is not None
    renders = functools.partial(render_for, site=site or {}, enforced=list(enforced))
    return offer_of(checked, anybody_groups(*clients), renders, [{"login": login} for login in seats])
