"""Reading and writing a person's PEP nodes (XEP-0163, XEP-0060) as steps of a work."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from .work import Declined, Person, Query

PUBSUB = "http://jabber.org/protocol/pubsub"
_OWNER = f"{PUBSUB}#owner"
_DATA = "jabber:x:data"


class Node:
    """One node of a person, with what all of its writes need.

    Attributes:
        exists: whether it was there when it was read; None when the server would not say: Prosody's mod_privilege
            gives the same answer whatever the reason why a read failed. Then the first write proves that the node is
            new by making it, and nothing of the person is overwritten unseen.
    """

    def __init__(self, person: Person, name: str, options: Mapping[str, str], *, insist: bool, what: str) -> None:
        """Describe it.

        Args:
            person: whose.
            name: of the node.
            options: fields of its configuration, with their values. They go with each publication: a node that comes
                into being without them is readable by all contacts and holds one item (seen with Prosody 0.12).
            insist: when the server refuses the options, because the node exists with others or because it does not
                take them there (ejabberd 23.01 and ``max_items``): whether to configure the node so, or to leave it
                as it is, which is then the person's choice.
            what: its content, for messages: "the bookmarks".
        """
        self.exists: bool | None = True
        self._person = person
        self._name = name
        self._options = options
        self._insist = insist
        self._what = what

    def read(self, newest: int = 0) -> Generator[Query, Any, list[Element]]:
        """Read its items, all or only the newest; none when it does not exist.

        Raises:
            Declined: the server refuses for another reason.
        """
        limit = f" max_items='{newest}'" if newest else ""
        payload = f"<pubsub xmlns='{PUBSUB}'><items node={quoteattr(self._name)}{limit}/></pubsub>"
        try:
            answer: Element = yield Query("get", payload, f"reading {self._what}")
        except Declined as declined:
            if declined.condition == "item-not-found":
                self.exists = False
            elif declined.condition == "internal-server-error" and self._person.way == "privilege":
                self.exists = None
            else:
                raise
            return []
        return list(answer.iter(f"{{{PUBSUB}}}item"))

    def publish(self, item: str, content: str) -> Generator[Query, Any, None]:
        """Publish one item, ``content`` being its XML."""
        if self.exists is None:
            yield self._set(PUBSUB, f"{self._create()}<configure>{self._form('node_config')}</configure>")
        self.exists = True
        inside = f"<publish node={quoteattr(self._name)}><item id={quoteattr(item)}>{content}</item></publish>"
        options = f"<publish-options>{self._form('publish-options')}</publish-options>"
        try:
            yield self._set(PUBSUB, inside + options)
        except Declined:
            if self._insist:
                yield from self._configure()
            yield self._set(PUBSUB, inside)

    def retract(self, item: str) -> Generator[Query, Any, None]:
        """Take one item out; clients that are online are told (XEP-0060 7.2)."""
        inside = f"<item id={quoteattr(item)}/>"
        yield self._set(PUBSUB, f"<retract node={quoteattr(self._name)} notify='true'>{inside}</retract>")

    def _configure(self) -> Generator[Query, Any, None]:
        """Make the node unless it exists, and configure it (XEP-0060 8.1 and 8.2)."""
        # A refusal: it exists, or else the configuration will say why it cannot.
        with contextlib.suppress(Declined):
            yield self._set(PUBSUB, self._create())
        yield self._set(_OWNER, f"<configure node={quoteattr(self._name)}>{self._form('node_config')}</configure>")

    def _create(self) -> str:
        return f"<create node={quoteattr(self._name)}/>"

    def _set(self, namespace: str, inside: str) -> Query:
        return Query("set", f"<pubsub xmlns='{namespace}'>{inside}</pubsub>", f"writing {self._what}")

    def _form(self, kind: str) -> str:
        """The options as a submitted form (XEP-0004)."""
        rows = "".join(
            f"<field var={quoteattr(name)}><value>{escape(value)}</value></field>"
            for name, value in self._options.items()
        )
        hidden = f"<field var='FORM_TYPE' type='hidden'><value>{PUBSUB}#{kind}</value></field>"
        return f"<x xmlns='{_DATA}' type='submit'>{hidden}{rows}</x>"
