"""The rooms of a server and what they are like: what the search of the clients shows (XEP-0045 6, XEP-0030).

One account asks. A server lists the rooms that are not hidden, in pages (XEP-0059) or, if it does not honour that, all
at once: then its answer has no ``<set/>``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from .connection import Connection, Request
from .problems import one_line
from .stanzas import answered
from .work import Declined

_INFO = "http://jabber.org/protocol/disco#info"
_ITEMS = "http://jabber.org/protocol/disco#items"
_RSM = "http://jabber.org/protocol/rsm"
_DATA = "jabber:x:data"
_MUC = "http://jabber.org/protocol/muc"
_ROOM_INFO = f"{_MUC}#roominfo"

#: Octets of one stanza: Prosody 0.12 lists all its rooms in one, some 100 octets each.
MAX_STANZA = 16 << 20

_PAGE = 100

#: Services of a domain that are asked what they are.
_MAX_ITEMS = 50

_MAX_TEXT = 300

#: Property -> the features that say yes and no (XEP-0045 6.4 and 16.3).
_PROPERTIES = {
    "members_only": ("muc_membersonly", "muc_open"),
    "password_protected": ("muc_passwordprotected", "muc_unsecured"),
    "persistent": ("muc_persistent", "muc_temporary"),
    "hidden": ("muc_hidden", "muc_public"),
    "moderated": ("muc_moderated", "muc_unmoderated"),
    # Semi-anonymous is what people take for anonymous: only moderators see the addresses.
    "anonymous": ("muc_semianonymous", "muc_nonanonymous"),
}


@dataclass(frozen=True)
class Service:
    """A conference service; ``name`` may be ""."""

    jid: str
    name: str = ""


@dataclass(frozen=True)
class Room:
    """One room.

    Attributes:
        jid: its address.
        service: the conference service that it belongs to.
        name: what people call it; "" for nothing.
        description: "" for none.
        language: of the conversation, such as "fr"; "" when it was not said.
        occupants: how many are in it; None when it was not said.
        properties: members_only, password_protected, persistent, hidden, moderated, anonymous; None: not said.
        problem: why the room itself was not asked or did not answer; "" when it did.
    """

    jid: str
    service: str
    name: str = ""
    description: str = ""
    language: str = ""
    occupants: int | None = None
    properties: dict[str, bool | None] = field(default_factory=lambda: dict.fromkeys(_PROPERTIES))
    problem: str = ""


@dataclass(frozen=True)
class Listing:
    """The rooms that a service lists, addresses to names; ``complete``: there are no more."""

    rooms: dict[str, str]
    complete: bool


def conference_services(connection: Connection, domain: str) -> list[Service]:
    """The conference services that a domain names among its items.

    Raises:
        Declined: the domain does not tell.
        XmppProblem: stream and network problems.
    """
    request = Request(None, "get", domain, f"<query xmlns='{_ITEMS}'/>")
    items = _items(_one(connection, request, "asking for the services of the domain"))
    # Some servers name a service twice, as their own and as configured (seen with Prosody 0.12).
    places = list(dict.fromkeys(jid for jid, _ in items if "@" not in jid and jid != domain))[:_MAX_ITEMS]
    questions = [Request(jid, "get", jid, f"<query xmlns='{_INFO}'/>") for jid in places]
    found = {}
    for jid, answer in connection.ask(questions):
        query = answer.find(f"{{{_INFO}}}query")
        if answer.get("type") != "result" or query is None or _MUC not in _features(query):
            continue
        names = [i.get("name", "") for i in query.iter(f"{{{_INFO}}}identity") if i.get("category") == "conference"]
        if names:
            found[jid] = Service(jid, _line(names[0]))
    return [found[jid] for jid in places if jid in found]


def list_rooms(connection: Connection, service: str, limit: int) -> Listing:
    """The rooms that a service lists, at most ``limit``.

    Raises:
        Declined: it does not tell.
        XmppProblem: stream and network problems.
    """
    rooms: dict[str, str] = {}
    after = ""
    while True:
        left = limit - len(rooms)
        position = f"<after>{escape(after)}</after>" if after else ""
        page = f"<set xmlns='{_RSM}'><max>{min(_PAGE, left)}</max>{position}</set>"
        request = Request(None, "get", service, f"<query xmlns='{_ITEMS}'>{page}</query>")
        query = _one(connection, request, "asking for the rooms")
        new = {j: _line(name) for j, name in _items(query) if j.endswith(f"@{service}") and j not in rooms}
        rooms.update(itertools.islice(new.items(), left))
        last = query.findtext(f"{{{_RSM}}}set/{{{_RSM}}}last") or ""
        # No last one: this was all. Nothing new: a service that sends the same page for ever.
        if not last or not new:
            return Listing(rooms, complete=len(new) <= left)
        if len(new) >= left:
            return Listing(rooms, complete=query.findtext(f"{{{_RSM}}}set/{{{_RSM}}}count") == str(len(rooms)))
        after = last


def describe_rooms(connection: Connection, listed: Mapping[str, str]) -> Iterator[Room]:
    """Ask each room (address to the name in the list) what it is like, in a pipeline; yields them as the answers come.

    Raises:
        XmppProblem: stream and network problems.
    """
    questions = [Request(jid, "get", jid, f"<query xmlns='{_INFO}'/>") for jid in listed]
    for jid, answer in connection.ask(questions):
        try:
            query = answered(answer, "asking the room").find(f"{{{_INFO}}}query")
        except Declined as declined:
            yield Room(jid, _service_of(jid), listed[jid], problem=declined.condition)
            continue
        yield _room(jid, listed[jid], Element("none") if query is None else query)


def _room(jid: str, listed_name: str, query: Element) -> Room:
    features = _features(query)
    form = _room_form(query)
    identities = [i.get("name", "") for i in query.iter(f"{{{_INFO}}}identity") if i.get("category") == "conference"]
    occupants = form.get("muc#roominfo_occupants", "")
    return Room(
        jid,
        _service_of(jid),
        # The name in the list may carry the number of occupants (seen with ejabberd 23.01).
        _line(form.get("muc#roomconfig_roomname", "") or next(iter(identities), "") or listed_name),
        _line(form.get("muc#roominfo_description", "")),
        _line(form.get("muc#roominfo_lang", "")),
        int(occupants) if occupants.isascii() and occupants.isdigit() and len(occupants) < 10 else None,
        {
            name: True if yes in features else False if no in features else None
            for name, (yes, no) in _PROPERTIES.items()
        },
    )


def _service_of(jid: str) -> str:
    return jid.partition("@")[2]


def _room_form(query: Element) -> dict[str, str]:
    """Variables and first values of the form muc#roominfo (XEP-0045 15.5.4, XEP-0128)."""
    for form in query.iter(f"{{{_DATA}}}x"):
        fields = {
            field.get("var", ""): (field.findtext(f"{{{_DATA}}}value") or "").strip()
            for field in form.iter(f"{{{_DATA}}}field")
        }
        if fields.get("FORM_TYPE") == _ROOM_INFO:
            return fields
    return {}


def _features(query: Element) -> set[str]:
    return {feature.get("var", "") for feature in query.iter(f"{{{_INFO}}}feature")}


def _items(query: Element) -> Sequence[tuple[str, str]]:
    return [(item.get("jid", ""), item.get("name", "")) for item in query.iter(f"{{{_ITEMS}}}item")]


def _one(connection: Connection, request: Request[None], doing: str) -> Element:
    """Ask one question; the ``<query/>`` of its answer."""
    ((_, answer),) = connection.ask([request])
    query = answered(answer, doing).find(f"{{{_ITEMS}}}query")
    return Element("none") if query is None else query


def _line(text: str) -> str:
    """Foreign text as one printable line, not too long."""
    return one_line(text)[:_MAX_TEXT]
