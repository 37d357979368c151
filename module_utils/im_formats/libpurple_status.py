"""Pidgin's status.xml: saved statuses, needed only for a chosen status at start-up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .libpurple import PROLOG, Fragment, LibpurpleFormat, atoi, lay_texts, text_parts
from .libpurple_items import Part
from .xml_edit import Document, Element, New

_ORDER = ("state", "message", "substatus")
#: Those that were seen to be sent by Pidgin 2.14.12; "unavailable" is "do not disturb".
_STATES = ("available", "unavailable", "away", "extended_away")


@dataclass
class Status:
    """A wanted status: its attributes (used only when it is added) and the texts of <state> and <message>."""

    attributes: dict[str, str]
    texts: dict[str, str]


class LibpurpleStatus(LibpurpleFormat[int, Status]):
    """Merge of status.xml (libpurple source: savedstatuses.c; seen with Pidgin 2.14.12).

    A status is found by its ``created`` number, which prefs.xml refers to. Pidgin counts its uses and adds statuses
    of its own, so only <state> and <message> are compared.
    """

    file_name = "status.xml"
    root_tag = "statuses"
    empty = PROLOG + b"<statuses version='1.0'/>\n"

    def _read(self, fragment: Fragment) -> dict[int, Status]:
        statuses: dict[int, Status] = {}
        for element in fragment.children(fragment.root, ("status",), ("version",)):
            known = ("name", "created", "lastused", "usage_count")
            texts = {child.tag: fragment.text(child) for child in fragment.children(element, _ORDER[:2], known)}
            if len(texts) != len(element.children):
                raise fragment.mistake(element, "a second <state> or <message> in one <status>")
            if texts.get("state") not in _STATES:
                raise fragment.mistake(element, f"a <status> needs a <state>; known: {', '.join(_STATES)}")
            fragment.required(element, "name")
            created = int(fragment.check_value(element, "int", fragment.required(element, "created")))
            if created <= 0 or created in statuses:
                raise fragment.mistake(element, "created= must be a positive number that no other <status> has")
            statuses[created] = Status(element.attributes, texts)
        return statuses

    def _lay(self, document: Document, enforced: dict[int, Status], initial: dict[int, Status]) -> None:
        existing: dict[int, list[Element]] = {}
        for element in document.root.named("status"):
            existing.setdefault(atoi(element.attributes.get("created", "")), []).append(element)
        for created in {**enforced, **initial}:
            if created not in existing:
                sources = [source[created] for source in (initial, enforced) if created in source]
                document.insert(document.root, _new_status(sources))
            elif created in enforced:
                for element in existing[created]:
                    lay_texts(document, element, enforced[created].texts, _ORDER)

    def _without(self, initial: dict[int, Status], taken_back: frozenset[str]) -> dict[int, Status]:
        # As a whole or not at all: without its state or message it would be another status.
        return {
            created: status
            for created, status in initial.items()
            if taken_back.isdisjoint([_identity(created), *(f"{_identity(created)} {tag}" for tag in status.texts)])
        }

    def _parts(self, document: Document) -> Iterator[Part]:
        for element in document.root.named("status"):
            created = atoi(element.attributes.get("created", ""))
            if created > 0:
                yield Part(_identity(created), element)
                yield from text_parts(_identity(created), element, _ORDER[:2])


def _identity(created: int) -> str:
    return f"status {created}"


def _new_status(sources: list[Status]) -> New:
    attributes: dict[str, str] = {}
    texts: dict[str, str] = {}
    for status in sources:
        attributes |= status.attributes
        texts |= status.texts
    return New("status", attributes, children=[New(tag, text=texts[tag]) for tag in _ORDER if texts.get(tag)])


FORMAT = LibpurpleStatus()
