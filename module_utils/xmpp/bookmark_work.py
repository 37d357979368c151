"""Bring a person's bookmarks to the wish, by each of the ways."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from .bookmarks import (
    NATIVE_NODE,
    NODE_OPTIONS,
    PRIVATE_QUERY,
    Plan,
    Room,
    TooMany,
    is_native,
    plan_native,
    plan_private,
    private_storage,
    private_update,
)
from .markup import parse, serialize, split_tag
from .pep import Node
from .problems import XmppProblem
from .work import Call, Declined, Features, Person, Query, Step, Work

_READING, _WRITING = "reading the bookmarks", "writing the bookmarks"


def bookmark_work(rooms: Sequence[Room], *, present: bool, enforced: Collection[str] = ()) -> Work:
    """The work for one person; arguments as for ``bookmarks.plan_native``."""

    def work(person: Person) -> Generator[Step, Any, None]:
        if person.way == "ejabberd_api":
            yield from _by_api(person)
        elif is_native((yield Features())):
            yield from _native(person)
        else:
            yield from _private(person)

    def _native(person: Person) -> Generator[Step, Any, None]:
        node = Node(person, NATIVE_NODE, NODE_OPTIONS, insist=True, what="the bookmarks")
        items = yield from node.read()
        person.before = described(items)
        try:
            plan = plan_native(items, rooms, present=present, enforced=enforced)
        except TooMany as error:
            raise Declined("resource-constraint", str(error), _WRITING, "not_written") from None
        for item, content in plan.publish:
            if not person.dry:
                yield from node.publish(item, content)
            person.changes += [str(change) for change in plan.changes if change.item == item]
        for item in plan.retract:
            if not person.dry:
                yield from node.retract(item)
            person.changes += [str(change) for change in plan.changes if change.item == item]
        person.after = described(plan.after)

    def _private(person: Person) -> Generator[Step, Any, None]:
        storage = private_storage((yield Query("get", PRIVATE_QUERY, _READING)))
        plan = _planned(person, storage)
        if plan.changes and not person.dry:
            yield Query("set", private_update(plan.after[0]), _WRITING)
        _record(person, plan)

    def _by_api(person: Person) -> Generator[Step, Any, None]:
        arguments = {"element": "storage", "ns": "storage:bookmarks"}
        storage = private_storage(_element((yield Call("private_get", arguments, writes=False))))
        plan = _planned(person, storage)
        if plan.changes and not person.dry:
            yield Call("private_set", {"element": serialize(plan.after[0])}, writes=True)
        _record(person, plan)

    def _planned(person: Person, storage: Element) -> Plan:
        person.before = described(storage)
        return plan_private(storage, rooms, present=present, enforced=enforced)

    def _record(person: Person, plan: Plan) -> None:
        person.changes += [str(change) for change in plan.changes]
        person.after = described(plan.after[0])

    return work


def described(bookmarks: Iterable[Element]) -> str:
    """The bookmarks for a diff, a line each; of a password only that there is one."""
    lines = []
    for element in bookmarks:
        name = split_tag(element.tag)[1]
        if name == "item":
            lines += [_line(element.get("id", ""), conference) for conference in element]
        elif name == "conference":
            lines.append(_line(element.get("jid", ""), element))
    return "".join(sorted(lines))


def _line(jid: str, conference: Element) -> str:
    parts = [jid]
    if conference.get("name"):
        parts.append(f"name={quoteattr(conference.get('name', ''))}")
    for child in conference:
        name = split_tag(child.tag)[1]
        parts.append(f"nick={quoteattr(child.text or '')}" if name == "nick" else name)
    if conference.get("autojoin", "").strip() in ("1", "true"):
        parts.append("autojoin")
    return " ".join(parts) + "\n"


def _element(answer: Any) -> Element | None:
    """The XML that ejabberd's API answers."""
    xml = answer.get("res") if isinstance(answer, dict) else None
    try:
        if isinstance(xml, str):
            return parse(xml)
        reason = "no XML"
    except XmppProblem as problem:
        # One person's data: the others can be written all the same.
        reason = problem.detail
    raise Declined("not-acceptable", reason, _READING)
