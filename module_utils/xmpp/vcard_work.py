"""Bring a person's profile to the wish, by each of the ways.

Which stores there are is read from the features of the account. Prosody keeps one, seen through vCard4, vcard-temp and
the avatar nodes alike, and loses something on each way but vCard4: that is the one to write. ejabberd keeps vcard-temp
and vCard4 apart: both are written. Nicknames have a store of their own as well (XEP-0172), the one that Gajim shows.

ejabberd's API reaches fields of vcard-temp only, one by one, see ``vcard_api``.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Generator
from typing import Any
from xml.etree.ElementTree import Element, SubElement
from xml.sax.saxutils import escape

from .avatar import DATA_NODE, METADATA_NODE, Avatar, plan_avatar, published
from .markup import serialize
from .pep import PUBSUB, Node
from .profile import Profile, avatar_change, photo_id
from .vcard import (
    FIELDS,
    TEMP,
    TEMP_QUERY,
    V4,
    V4_NODE,
    V4_NS,
    Change,
    Form,
    found,
    merged,
    photo_of,
    taken,
    without,
)
from .vcard_api import vcard_by_api
from .work import Features, Person, Query, Step, Work

NICK_NODE = "http://jabber.org/protocol/nick"
_CONVERSION = "urn:xmpp:pep-vcard-conversion:0"

#: A profile is made to be seen: servers show vcard-temp to everybody, so the same for what we make anew.
_OPEN = {"pubsub#persist_items": "true", "pubsub#access_model": "open"}


def vcard_work(profile: Profile, *, present: bool) -> Work:
    """The work for one person: the profile is to be there, or what still is as given is to be gone."""

    def work(person: Person) -> Generator[Step, Any, None]:
        if person.way == "ejabberd_api":
            yield from vcard_by_api(person, profile, present=present)
            return
        task = _Task(person, profile, present)
        features: frozenset[str] = yield Features()
        pep = f"{PUBSUB}#publish" in features
        if profile.texts:
            yield from task.vcards(pep, V4_NS in features and _CONVERSION in features)
        if profile.avatar and pep:
            yield from task.pep_avatar(profile.avatar)
        if profile.avatar and _CONVERSION not in features:
            yield from task.photo(profile.avatar)
        task.end()

    return work


class _Task:
    """The parts of the work. Each reads first, and writes only what differs."""

    def __init__(self, person: Person, profile: Profile, present: bool) -> None:
        self._person = person
        self._profile = profile
        self._present = present
        self._after: list[str] = []
        self._recorded: list[Change] = []

    def vcards(self, pep: bool, one_store: bool) -> Generator[Step, Any, None]:
        """The texts, in every store that there is."""
        person = self._person
        v4 = Node(person, V4_NODE, _OPEN, insist=False, what="the vCard4")
        nick = Node(person, NICK_NODE, _OPEN | {"pubsub#access_model": "presence"}, insist=False, what="the nickname")
        stores: list[tuple[Form, Element]] = []
        if not one_store:
            stores.append((TEMP, found(TEMP, [(yield Query("get", TEMP_QUERY, "reading the vCard"))])))
        if pep:
            stores.append((V4, found(V4, (yield from v4.read(1)))))
        wished_nick = self._profile.texts.get("nickname", "")
        nicks = (yield from nick.read(1)) if pep and wished_nick else []
        kept = taken(stores, self._profile.texts)
        if _nick_in(nicks) not in ("", wished_nick):
            kept.add("nickname")
        for form, vcard in stores:
            new, changes = self._compared(form, vcard, kept)
            self._describe("vCard4" if form is V4 else "vCard", form, vcard, new)
            if changes and not person.dry:
                content = serialize(new)
                if form is V4:
                    yield from v4.publish("current", content)
                else:
                    yield Query("set", content, "writing the vCard")
            self._record(changes)
        if pep and wished_nick:
            yield from self._nickname(nick, _nick_in(nicks), wished_nick, "nickname" in kept)

    def pep_avatar(self, avatar: Avatar) -> Generator[Step, Any, None]:
        """The picture, as XEP-0084 wants it."""
        person = self._person
        nodes = {
            METADATA_NODE: Node(person, METADATA_NODE, _OPEN, insist=False, what="the description of the avatar"),
            DATA_NODE: Node(person, DATA_NODE, _OPEN, insist=False, what="the avatar"),
        }
        ids = published((yield from nodes[METADATA_NODE].read(1)))
        steps = plan_avatar(ids, avatar, present=self._present, enforced="avatar" in self._profile.enforced)
        self._avatar_lines(ids, [avatar.ident] if self._present else [], bool(steps))
        for step in [] if person.dry else steps:
            node = nodes[step.node]
            if step.verb == "publish":
                yield from node.publish(step.item, step.content)
            else:
                yield from node.retract(step.item)
        if steps:
            self._record([avatar_change(ids, avatar, self._present)])

    def photo(self, avatar: Avatar) -> Generator[Step, Any, None]:
        """The picture in vcard-temp (XEP-0153), where the server does not put it there itself."""
        vcard = found(TEMP, [(yield Query("get", TEMP_QUERY, "reading the vCard"))])
        photo = photo_of(vcard)
        ids = [] if photo is None else [photo_id(photo.findtext(TEMP.tag("BINVAL")) or "")]
        if not plan_avatar(ids, avatar, present=self._present, enforced="avatar" in self._profile.enforced):
            return
        new = copy.deepcopy(vcard)
        for old in new.findall(TEMP.tag("PHOTO")):
            new.remove(old)
        if self._present:
            photo = SubElement(new, TEMP.tag("PHOTO"))
            SubElement(photo, TEMP.tag("TYPE")).text = avatar.kind
            SubElement(photo, TEMP.tag("BINVAL")).text = avatar.base64
        if not self._person.dry:
            yield Query("set", serialize(new), "writing the photo")
        self._record([avatar_change(ids, avatar, self._present)])

    def end(self) -> None:
        """Close the record."""
        self._person.after = "".join(self._after)

    def _nickname(self, node: Node, now: str, wished: str, kept: bool) -> Generator[Step, Any, None]:
        replace = "nickname" in self._profile.enforced or not (now or kept)
        wanted = now
        if self._present and replace:
            wanted = wished
        elif not self._present and now == wished:
            wanted = ""
        self._lines("nickname", now, wanted)
        if wanted == now:
            return
        if not self._person.dry:
            # An empty one says that there is none any more; clients that are online take notice.
            yield from node.publish("current", f"<nick xmlns='{NICK_NODE}'>{escape(wanted)}</nick>")
        self._record([Change("nickname", now, wanted)])

    def _compared(self, form: Form, vcard: Element, kept: Collection[str]) -> tuple[Element, list[Change]]:
        if self._present:
            return merged(form, vcard, self._profile.texts, enforced=self._profile.enforced, kept=kept)
        return without(form, vcard, self._profile.texts)

    def _record(self, changes: list[Change]) -> None:
        """Note changes; the same one in two stores is one, however each spells it."""
        for change in changes:
            if not any(change.is_like(other) for other in self._recorded):
                self._recorded.append(change)
                self._person.changes.append(str(change))

    def _describe(self, store: str, form: Form, before: Element, after: Element) -> None:
        for name in FIELDS:
            if name in self._profile.texts:
                self._lines(f"{store} {name}", form.text(before, name), form.text(after, name))

    def _lines(self, name: str, before: str, after: str) -> None:
        self._person.before += f"{name}: {before}\n" if before else ""
        self._after += [f"{name}: {after}\n"] if after else []

    def _avatar_lines(self, before: list[str], after: list[str], changed: bool) -> None:
        self._lines("avatar", " ".join(before), " ".join(after if changed else before))


def _nick_in(items: list[Element]) -> str:
    texts = (nick.text or "" for item in items for nick in item.iter(f"{{{NICK_NODE}}}nick"))
    return next(texts, "").strip()
