"""An account's data on a server, kept in memory, with the traps that Prosody and ejabberd set for whoever writes it."""

from __future__ import annotations

import copy
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring

from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.work import Call, Declined, Features, Person, Query, Step, Way, Work, drive

PUBSUB = "{http://jabber.org/protocol/pubsub}"
OWNER = "{http://jabber.org/protocol/pubsub#owner}"
DATA = "{jabber:x:data}"
PRIVATE = "{jabber:iq:private}"
PEP = "http://jabber.org/protocol/pubsub#publish"
V4 = "urn:ietf:params:xml:ns:vcard-4.0"
COMPAT = "urn:xmpp:bookmarks:1#compat"
CONVERSION = "urn:xmpp:pep-vcard-conversion:0"

#: What the accounts of the servers offered in the lab, as far as it matters.
PROSODY = frozenset({PEP, V4, COMPAT, CONVERSION})
EJABBERD = frozenset({PEP, CONVERSION})


class Store:
    """A server for one account.

    Attributes:
        nodes: PEP nodes; each its configuration, and its items by id, the oldest first.
        private: the element of XEP-0049 that holds the bookmarks.
        temp: the vcard-temp.
        asked: every step, in order.
        refused: options that publish-options may not name.
        hides: refuse with the same words whatever the reason, as Prosody's mod_privilege does.
    """

    def __init__(self, features: frozenset[str], *, refused: tuple[str, ...] = (), hides: bool = False) -> None:
        self.features = features
        self.nodes: dict[str, tuple[dict[str, str], dict[str, Element]]] = {}
        self.private = Element("{storage:bookmarks}storage")
        self.temp = Element("{vcard-temp}vCard")
        self.asked: list[Step] = []
        self.refused = refused
        self.hides = hides

    def perform(self, step: Step) -> Any:
        self.asked.append(step)
        if isinstance(step, Features):
            return self.features
        assert isinstance(step, Query)
        answer = Element("{jabber:client}iq", type="result")
        inside = self._answer(step.kind, fromstring(step.payload))
        if inside is not None:
            answer.append(inside)
        return answer

    def put(self, node: str, item: str, xml: str, **config: str) -> None:
        """Put an item into a node, as another client would have."""
        _, items = self.nodes.setdefault(node, ({f"pubsub#{key}": value for key, value in config.items()}, {}))
        wrapped = Element(f"{PUBSUB}item", id=item)
        wrapped.append(fromstring(xml))
        items[item] = wrapped

    def items(self, node: str) -> dict[str, Element]:
        """The items of a node; none when there is no such node."""
        return self.nodes.get(node, ({}, {}))[1]

    def writes(self) -> int:
        return sum(isinstance(step, Query) and step.kind == "set" for step in self.asked)

    def _answer(self, kind: str, payload: Element) -> Element | None:
        if payload.tag == "{vcard-temp}vCard":
            return self._vcard(kind, payload)
        if payload.tag == f"{PRIVATE}query":
            return self._private(kind, payload)
        first = payload[0]
        return {
            f"{PUBSUB}items": self._get_items,
            f"{PUBSUB}create": self._create,
            f"{PUBSUB}publish": self._publish,
            f"{PUBSUB}retract": self._retract,
            f"{OWNER}configure": self._configure,
        }[first.tag](payload)

    def _vcard(self, kind: str, payload: Element) -> Element | None:
        if kind == "get":
            return copy.deepcopy(self.temp)
        self.temp = payload
        return None

    def _private(self, kind: str, payload: Element) -> Element | None:
        if kind == "set":
            self.private = payload[0]
            return None
        query = Element(f"{PRIVATE}query")
        query.append(copy.deepcopy(self.private))
        return query

    def _get_items(self, payload: Element) -> Element:
        asked = payload[0]
        node = asked.get("node", "")
        if node not in self.nodes:
            raise self._no("item-not-found")
        answer = Element(f"{PUBSUB}pubsub")
        items = SubElement(answer, f"{PUBSUB}items", node=node)
        kept = list(self.items(node).values())
        items.extend(copy.deepcopy(kept[-int(asked.get("max_items", "1000")) :]))
        return answer

    def _create(self, payload: Element) -> None:
        node = payload[0].get("node", "")
        if node in self.nodes:
            raise self._no("conflict")
        self.nodes[node] = (self._form(payload), {})

    def _publish(self, payload: Element) -> None:
        node = payload[0].get("node", "")
        options = self._form(payload)
        if set(options) & set(self.refused):
            raise self._no("conflict")
        if node not in self.nodes:
            # What becomes of a node that nobody configures.
            self.nodes[node] = ({"pubsub#access_model": "presence", "pubsub#max_items": "1", **options}, {})
        config, items = self.nodes[node]
        if any(config.get(key) != value for key, value in options.items()):
            raise self._no("conflict")
        (item,) = payload[0]
        items.pop(item.get("id", ""), None)
        items[item.get("id", "")] = item
        while config.get("pubsub#max_items", "max") != "max" and len(items) > int(config["pubsub#max_items"]):
            items.pop(next(iter(items)))

    def _retract(self, payload: Element) -> None:
        (item,) = payload[0]
        if self.items(payload[0].get("node", "")).pop(item.get("id", ""), None) is None:
            raise self._no("item-not-found")

    def _configure(self, payload: Element) -> None:
        node = payload[0].get("node", "")
        if node not in self.nodes:
            raise self._no("item-not-found")
        self.nodes[node][0].update(self._form(payload))

    def _form(self, payload: Element) -> dict[str, str]:
        fields = {field.get("var", ""): field.findtext(f"{DATA}value") or "" for field in payload.iter(f"{DATA}field")}
        fields.pop("FORM_TYPE", None)
        return fields

    def _no(self, condition: str) -> Declined:
        return Declined("internal-server-error" if self.hides else condition, "", "testing")


class ApiStore:
    """The vCard commands of ejabberd's API, which see the first property of a name, and telephones by their type."""

    def __init__(self, temp: str = "<vCard xmlns='vcard-temp'/>") -> None:
        self.temp = fromstring(temp)
        self.private = "<storage xmlns='storage:bookmarks'/>"
        self.written: list[Call] = []

    def perform(self, step: Step) -> Any:
        assert isinstance(step, Call), step
        if step.writes:
            self.written.append(step)
        given = dict(step.arguments)
        if step.command == "private_get":
            return {"res": f"<query xmlns='jabber:iq:private'>{self.private}</query>"}
        if step.command == "private_set":
            self.private = given["element"]
            return 0
        place = [_temp(given[key]) for key in ("name", "subname") if key in given]
        return (self._get if step.command.startswith("get") else self._set)(place, given)

    def _get(self, place: list[str], given: dict[str, str]) -> dict[str, str]:
        if place[0] == _temp("TEL") and len(place) > 1:
            found = [tel for tel in self.temp.findall(place[0]) if tel.find(place[1]) is not None]
            if not found:
                raise Declined("500", "internal_error", "calling get_vcard2")
            return {"content": found[-1].findtext(_temp("NUMBER")) or ""}
        element: Element | None = self.temp
        for tag in place:
            element = element.find(tag) if element is not None else None
        if element is None:
            raise Declined("400", "error_no_value_found_in_vcard", "calling get_vcard")
        return {"content": element.text or ""}

    def _set(self, place: list[str], given: dict[str, str]) -> int:
        if place[0] == _temp("TEL"):
            for tel in [tel for tel in self.temp.findall(place[0]) if tel.find(place[1]) is not None]:
                self.temp.remove(tel)
            tel = SubElement(self.temp, place[0])
            SubElement(tel, place[1])
            SubElement(tel, _temp("NUMBER")).text = given["content"]
            return 0
        element = self.temp
        for tag in place:
            found = element.find(tag)
            element = SubElement(element, tag) if found is None else found
        element.text = given["content"]
        return 0


def run(store: Store | ApiStore, work: Work, *, way: Way = "password", dry: bool = False) -> Person:
    """Do a work on an account; the record of it."""
    person = Person(bare_jid("zoe@univ.example"), way, dry)
    drive(person, work, store.perform)
    return person


def _temp(name: str) -> str:
    return f"{{vcard-temp}}{name}"
