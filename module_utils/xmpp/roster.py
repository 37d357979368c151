"""A person's contact list (RFC 6121 2): what is wished for some contacts, and how an account gets there.

The list is the person's own. A contact that is missing is added; one that is there keeps its name if it has one, and is
put into the wished groups besides its own. Only contacts that are named are ever removed.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from .jid import Jid, JidError, bare_jid
from .problems import XmppProblem
from .work import Call, Person, Presence, Query, Step, Work

_NS = "jabber:iq:roster"

#: "request": ask each contact whose presence the person does not see, which only the person's own stream can.
#: "both": write that both see each other, on both sides, which only an administration can. "none": do neither.
Subscription = Literal["request", "both", "none"]

#: Of a row of ejabberd's get_roster.
_API_COLUMNS = ("jid", "nick", "subscription", "ask", "group")

#: How ejabberd calls a request of the person that is under way; "in" is one of the contact.
_OUT = ("subscribe", "out", "both")

_Steps = Generator[Step, Any, None]


@dataclass(frozen=True)
class Contact:
    """What is wished for one contact.

    Attributes:
        jid: whom.
        name: what to call the contact unless the person has a name for it; "" for nothing.
        groups: groups to be in, besides others.
        message: words for a subscription request; "" for none.
    """

    jid: Jid
    name: str = ""
    groups: frozenset[str] = frozenset()
    message: str = ""


@dataclass(frozen=True)
class Entry:
    """A contact as it is in the list.

    Attributes:
        name: "" when it has none.
        groups: the groups that it is in.
        subscription: "none", "to", "from" or "both" (RFC 6121 2.1.2.5).
        asked: a subscription request is under way (RFC 6121 2.1.2.2).
    """

    name: str = ""
    groups: frozenset[str] = frozenset()
    subscription: str = "none"
    asked: bool = False

    def __str__(self) -> str:
        words = [json.dumps(self.name, ensure_ascii=False), json.dumps(sorted(self.groups), ensure_ascii=False)]
        return " ".join([*words, self.subscription, *(["asked"] if self.asked else [])])


Roster = Mapping[Jid, Entry]


@dataclass(frozen=True)
class Wish:
    """What is wished for one person's list.

    Attributes:
        contacts: each once.
        present: False to remove them.
        subscription: how the person shall come to see the contacts.
        seen_by: people who shall see this person and be seen ("both"), without anything else about them.
    """

    contacts: Sequence[Contact] = ()
    present: bool = True
    subscription: Subscription = "request"
    seen_by: Sequence[Jid] = field(default=())


def completed(entry: Entry | None, contact: Contact) -> Entry:
    """The entry with what is wished laid under it: name if there is none, union of the groups."""
    entry = entry or Entry()
    return replace(entry, name=entry.name or contact.name, groups=entry.groups | contact.groups)


def roster_work(wish: Wish) -> Work:
    """The work that brings a person's list to the wish."""

    def work(person: Person) -> _Steps:
        store = _ApiStore(person) if person.way == "ejabberd_api" else _StreamStore(person)
        found: dict[Jid, Entry] = {}
        yield from store.read(found)
        left = dict(found)
        named = [*(contact.jid for contact in wish.contacts), *wish.seen_by]
        person.before = listing(found, named)
        try:
            if wish.present:
                yield from _lay_down(person, store, wish, left)
            else:
                yield from _take_away(person, store, wish, left)
        finally:
            person.after = listing(left, named)

    return work


def listing(roster: Roster, named: Sequence[Jid]) -> str:
    """The named contacts that are in the list, one a line, for a diff."""
    return "".join(f"{jid} {roster[jid]}\n" for jid in dict.fromkeys(named) if jid in roster)


def _lay_down(person: Person, store: _Store, wish: Wish, roster: dict[Jid, Entry]) -> _Steps:
    contacts = {contact.jid: contact for contact in wish.contacts}
    mutual = _mutual(person, wish)
    for jid in dict.fromkeys([*contacts, *mutual]):
        before = roster.get(jid)
        entry = completed(before, contacts.get(jid, Contact(jid)))
        if jid in mutual:
            entry = replace(entry, subscription="both", asked=False)
        if entry != before:
            yield from store.write(jid, entry, before)
            roster[jid] = entry
            person.changes.append(_described(jid, before, entry))
    if wish.subscription != "none":
        unseen = [contact for contact in wish.contacts if not _seen_or_asked(roster[contact.jid])]
        yield from _request(person, unseen, roster)


def _mutual(person: Person, wish: Wish) -> list[Jid]:
    """With whom "both" can be written: not by the person itself, nor on the side of another domain."""
    if person.way == "password":
        return []
    contacts = wish.contacts if wish.subscription == "both" else ()
    return [*wish.seen_by, *(contact.jid for contact in contacts if contact.jid.domain == person.jid.domain)]


def _seen_or_asked(entry: Entry) -> bool:
    return entry.asked or entry.subscription in ("to", "both")


def _request(person: Person, contacts: Sequence[Contact], roster: dict[Jid, Entry]) -> _Steps:
    """Ask the contacts in the person's name, or say that nobody else can (RFC 6121 3.1.1)."""
    if contacts and person.way != "password":
        names = ", ".join(str(contact.jid) for contact in contacts)
        person.detail = f"only the person can ask to see the presence of {names}"
        return
    for contact in contacts:
        if not person.dry:
            yield Presence("subscribe", contact.jid, contact.message)
        roster[contact.jid] = replace(roster[contact.jid], asked=True)
        person.changes.append(f"contact {contact.jid}: subscription requested")


def _take_away(person: Person, store: _Store, wish: Wish, roster: dict[Jid, Entry]) -> _Steps:
    for contact in wish.contacts:
        if contact.jid in roster:
            yield from store.remove(contact.jid)
            del roster[contact.jid]
            person.changes.append(f"contact {contact.jid}: removed")


def _described(jid: Jid, before: Entry | None, after: Entry) -> str:
    if before is None:
        return f"contact {jid}: added"
    what = []
    if after.name != before.name:
        what.append("name")
    if after.groups != before.groups:
        what.append("groups")
    if after.subscription != before.subscription:
        what.append("subscription")
    return f"contact {jid}: {', '.join(what)}"


class _StreamStore:
    """The list by IQs, on the person's own stream or in the person's name."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def read(self, into: dict[Jid, Entry]) -> _Steps:
        answer = yield Query("get", f"<query xmlns='{_NS}'/>", "reading the contacts")
        into.update(read_roster(answer))

    def write(self, jid: Jid, entry: Entry, before: Entry | None) -> _Steps:
        # Servers ignore the subscription that a person writes (RFC 6121 2.1.2.5), and obey a privileged account's
        # (XEP-0356 5): it is written only where it changes, not to undo what the person does meanwhile.
        changes = entry.subscription != (before or Entry()).subscription
        yield from self._set(item_xml(jid, entry, with_subscription=changes), f"writing the contact {jid}")

    def remove(self, jid: Jid) -> _Steps:
        yield from self._set(f"<item jid={quoteattr(str(jid))} subscription='remove'/>", f"removing the contact {jid}")

    def _set(self, item: str, doing: str) -> _Steps:
        if not self._person.dry:
            yield Query("set", f"<query xmlns='{_NS}'>{item}</query>", doing)


class _ApiStore:
    """The list by ejabberd's commands."""

    #: How the commands call the account whose list it is.
    _NAMES = ("localuser", "localhost")

    def __init__(self, person: Person) -> None:
        self._person = person

    def read(self, into: dict[Jid, Entry]) -> _Steps:
        into.update(read_api_roster((yield Call("get_roster", {}, writes=False))))

    def write(self, jid: Jid, entry: Entry, before: Entry | None) -> _Steps:
        inexpressible = sorted(group for group in entry.groups if ";" in group)
        if inexpressible:
            words = f"ejabberd's API cannot write a group with ';' in its name: {inexpressible[0]!r}"
            raise XmppProblem("declined", words)
        arguments = {
            "nick": entry.name,
            "group": ";".join(sorted(entry.groups)),
            "subs": entry.subscription,
        }
        yield from self._call("add_rosteritem", jid, arguments)

    def remove(self, jid: Jid) -> _Steps:
        yield from self._call("delete_rosteritem", jid, {})

    def _call(self, command: str, jid: Jid, arguments: Mapping[str, str]) -> _Steps:
        if self._person.dry:
            return
        whole = {"user": jid.local, "host": jid.domain, **arguments}
        result = yield Call(command, whole, writes=True, names=self._NAMES)
        if result != 0:
            raise XmppProblem("declined", f"{command} for {jid} ends with {str(result)[:80]}")


_Store = _StreamStore | _ApiStore


def item_xml(jid: Jid, entry: Entry, *, with_subscription: bool) -> str:
    """The item of a roster set (RFC 6121 2.1.2)."""
    name = f" name={quoteattr(entry.name)}" if entry.name else ""
    subscription = f" subscription='{entry.subscription}'" if with_subscription else ""
    groups = "".join(f"<group>{escape(group)}</group>" for group in sorted(entry.groups))
    return f"<item jid={quoteattr(str(jid))}{name}{subscription}>{groups}</item>"


def read_roster(answer: Element) -> dict[Jid, Entry]:
    """The list in the answer to a roster get; contacts with addresses that no wish can name are left out."""
    roster = {}
    for item in answer.iter(f"{{{_NS}}}item"):
        jid = _known(item.get("jid", ""))
        if jid:
            groups = frozenset(group.text for group in item.iter(f"{{{_NS}}}group") if group.text)
            subscription, asked = item.get("subscription") or "none", item.get("ask") == "subscribe"
            roster[jid] = Entry(item.get("name", ""), groups, subscription, asked)
    return roster


def read_api_roster(rows: Any) -> dict[Jid, Entry]:
    """The list in the answer to ejabberd's ``get_roster``, which has one row for each group of a contact.

    Raises:
        XmppProblem: ``api_error``, the answer has another shape.
    """
    roster: dict[Jid, Entry] = {}
    for row in rows if isinstance(rows, list) else [None]:
        values = [row.get(key) for key in _API_COLUMNS] if isinstance(row, dict) else []
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) != len(_API_COLUMNS):
            raise XmppProblem("api_error", "get_roster answers in a form that is not ejabberd 23.01's")
        address, name, subscription, ask, group = texts
        jid = _known(address)
        if jid:
            entry = roster.get(jid, Entry(name, frozenset(), subscription, ask in _OUT))
            roster[jid] = replace(entry, groups=entry.groups | ({group} if group else set()))
    return roster


def _known(text: str) -> Jid | None:
    try:
        return bare_jid(text)
    except JidError:
        return None
