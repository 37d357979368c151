"""A person's bookmarked rooms: read what a server has, compare with the wish, write only the difference.

There are two stores, and only one may be written. A server that keeps them in step says so among the features of the
account, by ``urn:xmpp:bookmarks:1#compat`` (XEP-0402): there the rooms are items of a PEP node, one each (seen with
Prosody 0.12 and 13). Elsewhere they are one element of private XML (XEP-0048, XEP-0049; seen with ejabberd 23.01, where
XEP-0402 would be one more list that no client reads).

What is there is the user's choice: an existing bookmark keeps its name, nick and autojoin, except the values that the
site enforces, and everything else in any case: passwords, extensions, web pages, elements that we never heard of.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from .jid import JidError, bare_jid
from .markup import serialize

NATIVE_NODE = "urn:xmpp:bookmarks:1"
COMPAT = "urn:xmpp:bookmarks:1#compat"
_STORAGE_NS = "storage:bookmarks"
_PUBSUB = "http://jabber.org/protocol/pubsub"
_PRIVATE = "jabber:iq:private"

#: XEP-0402: bookmarks are nobody else's business, all of them are kept, and nobody is told at login. Without these a
#: server makes a node that contacts can read and that holds a single bookmark (seen with Prosody 0.12).
NODE_OPTIONS = {
    "pubsub#persist_items": "true",
    "pubsub#max_items": "max",
    "pubsub#send_last_published_item": "never",
    "pubsub#access_model": "whitelist",
}

#: What may be enforced in a bookmark that exists.
ENFORCEABLE = ("name", "nick", "autojoin")

#: Servers keep 256 items of a PEP node (Prosody's ``pep_max_items``) and drop the oldest beyond: the user's.
MAX_NATIVE = 256

PRIVATE_QUERY = f"<query xmlns='{_PRIVATE}'><storage xmlns='{_STORAGE_NS}'/></query>"


@dataclass(frozen=True)
class Room:
    """A room that a person is to find among the bookmarks.

    Attributes:
        jid: address of the room, in normal form.
        name: what the list of rooms shows; None: whatever there is.
        nick: the person's name in the room; None: whatever there is.
        autojoin: whether clients enter the room when they connect; None: whatever there is, no for a new bookmark.
    """

    jid: str
    name: str | None = None
    nick: str | None = None
    autojoin: bool | None = None


class Change(NamedTuple):
    """One value that differs: of which room, which value, as it is and as it will be. "" stands for none.

    ``item`` is the address as the server spells it: the id of the item, where there are items.
    """

    room: str
    item: str
    value: str
    before: str
    after: str

    def __str__(self) -> str:
        if self.value == "bookmark":
            return f"{self.room}: bookmark {'added' if self.after else 'removed'}"
        return f"{self.room}: {self.value} {self.before!r} -> {self.after!r}"


@dataclass(frozen=True)
class Plan:
    """What brings a store to the wish.

    Attributes:
        changes: for a reader; empty: nothing is to be done.
        publish: (item id, XML of the item's content) to publish on the PEP node, one by one.
        retract: ids of items to retract from it.
        after: the items as they will be; of the private store, its one element.
    """

    changes: list[Change] = field(default_factory=list)
    publish: list[tuple[str, str]] = field(default_factory=list)
    retract: list[str] = field(default_factory=list)
    after: list[Element] = field(default_factory=list)


class TooMany(ValueError):
    """More bookmarks than a server keeps; adding one would push out another."""


def is_native(features: Container[str]) -> bool:
    """Whether the account with these disco#info features keeps its bookmarks by XEP-0402."""
    return COMPAT in features


def private_storage(answer: Element | None) -> Element:
    """The bookmarks in a server's answer to ``PRIVATE_QUERY``; an empty element when there is none."""
    found = None if answer is None else answer.find(f".//{{{_STORAGE_NS}}}storage")
    return Element(f"{{{_STORAGE_NS}}}storage") if found is None else found


def plan_native(
    items: Sequence[Element], rooms: Sequence[Room], *, present: bool = True, enforced: Collection[str] = ()
) -> Plan:
    """Compare the items of the PEP node with the wish.

    Args:
        items: of the node, ``<item id="room"><conference/></item>``.
        rooms: each once.
        present: whether the rooms are to be there, or to be gone.
        enforced: of ``ENFORCEABLE``: what a bookmark that exists must have as wished.

    Raises:
        TooMany: the server would drop bookmarks of the user.
    """
    plan = Plan(after=list(items))
    for room in rooms:
        there = [item for item in items if _normal(item.get("id", "")) == room.jid]
        if not present:
            for item in there:
                ident = item.get("id", "")
                plan.retract.append(ident)
                plan.changes.append(Change(room.jid, ident, "bookmark", "present", ""))
                plan.after.remove(item)
        elif not there:
            item = Element(f"{{{_PUBSUB}}}item", id=room.jid)
            item.append(_new(f"{{{NATIVE_NODE}}}", room))
            plan.publish.append((room.jid, serialize(item[0])))
            plan.changes.append(Change(room.jid, room.jid, "bookmark", "", "present"))
            plan.after.append(item)
        for item in there if present else []:
            _correct_item(plan, item, room, enforced)
    added = sum(not change.before and change.value == "bookmark" for change in plan.changes)
    if added and len(items) + added > MAX_NATIVE:
        raise TooMany(
            f"{len(items)} bookmarks, and servers keep {MAX_NATIVE} at most: {added} more would push out the oldest"
        )
    return plan


def plan_private(
    storage: Element, rooms: Sequence[Room], *, present: bool = True, enforced: Collection[str] = ()
) -> Plan:
    """Compare the private element (``private_storage``) with the wish; other arguments as for ``plan_native``."""
    new = copy.deepcopy(storage)
    changes: list[Change] = []
    tag = f"{{{_STORAGE_NS}}}conference"
    for room in rooms:
        there = [each for each in new.findall(tag) if _normal(each.get("jid", "")) == room.jid]
        if not present:
            for conference in there:
                new.remove(conference)
                changes.append(Change(room.jid, conference.get("jid", ""), "bookmark", "present", ""))
        elif not there:
            conference = _new(f"{{{_STORAGE_NS}}}", room)
            conference.set("jid", room.jid)
            new.append(conference)
            changes.append(Change(room.jid, room.jid, "bookmark", "", "present"))
        for conference in there if present else []:
            corrected, found = _corrected(conference, conference.get("jid", ""), room, enforced)
            new[list(new).index(conference)] = corrected
            changes += found
    return Plan(changes, after=[new])


def private_update(storage: Element) -> str:
    """The IQ payload that stores the private element."""
    return f"<query xmlns='{_PRIVATE}'>{serialize(storage, _PRIVATE)}</query>"


def _normal(jid: str) -> str:
    """An address for comparison; a foreign one that is no bare JID is only equal to itself."""
    try:
        return str(bare_jid(jid))
    except JidError:
        return jid


def _correct_item(plan: Plan, item: Element, room: Room, enforced: Collection[str]) -> None:
    conference = item.find(f"{{{NATIVE_NODE}}}conference")
    if conference is None:
        # An item that XEP-0402 does not know: whatever it is, it is not ours to replace.
        return
    corrected, changes = _corrected(conference, item.get("id", ""), room, enforced)
    if changes:
        new = copy.deepcopy(item)
        new[list(item).index(conference)] = corrected
        plan.after[plan.after.index(item)] = new
        plan.publish.append((item.get("id", ""), serialize(corrected)))
        plan.changes.extend(changes)


def _new(namespace: str, room: Room) -> Element:
    conference = Element(f"{namespace}conference")
    if room.name:
        conference.set("name", room.name)
    if room.autojoin:
        conference.set("autojoin", "true")
    if room.nick:
        SubElement(conference, f"{namespace}nick").text = room.nick
    return conference


def _corrected(conference: Element, item: str, room: Room, enforced: Collection[str]) -> tuple[Element, list[Change]]:
    """A copy with the enforced values as wished; the difference."""
    new = copy.deepcopy(conference)
    namespace = new.tag.removesuffix("conference")
    changes = []
    name = new.get("name", "")
    if "name" in enforced and room.name is not None and name != room.name:
        new.set("name", room.name)
        changes.append(Change(room.jid, item, "name", name, room.name))
    nick = new.find(f"{namespace}nick")
    written = "" if nick is None else nick.text or ""
    if "nick" in enforced and room.nick is not None and written != room.nick:
        if nick is None:
            nick = Element(f"{namespace}nick")
            new.insert(0, nick)
        nick.text = room.nick
        changes.append(Change(room.jid, item, "nick", written, room.nick))
    # xs:boolean: "1" and "true" are the same.
    autojoin = new.get("autojoin", "").strip() in ("1", "true")
    if "autojoin" in enforced and room.autojoin is not None and autojoin != room.autojoin:
        new.set("autojoin", str(room.autojoin).lower())
        changes.append(Change(room.jid, item, "autojoin", str(autojoin).lower(), str(room.autojoin).lower()))
    return new, changes
