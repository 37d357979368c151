"""A person's bookmarks and profile as slixmpp, an independent client, reads and writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from ansible.module_utils.xmpp.accounts import Account
from slixmpp.exceptions import IqError
from slixmpp_stream import logged_in

_PUBSUB = "http://jabber.org/protocol/pubsub"

#: Everything that the modules may write.
NODES = (
    "urn:xmpp:bookmarks:1",
    "urn:xmpp:vcard4",
    "urn:xmpp:avatar:metadata",
    "urn:xmpp:avatar:data",
    "http://jabber.org/protocol/nick",
)


def ask(account: Account, ca_file: Path, payload: str, *, to: str = "", write: bool = False) -> Element:
    """One IQ, to the account itself unless told otherwise; the answer, an error included."""

    async def action(client: Any) -> Element:
        return await _iq(client, payload, to, write)

    return logged_in(account, ca_file, action)


def items(account: Account, ca_file: Path, node: str, *, of: str = "") -> dict[str, Element] | str:
    """The items of a PEP node by id, or the condition of the error."""
    answer = ask(account, ca_file, f"<pubsub xmlns='{_PUBSUB}'><items node='{node}'/></pubsub>", to=of)
    if answer.get("type") == "error":
        return next(child.tag.partition("}")[2] for child in answer.find("{jabber:client}error") or [])
    return {item.get("id", ""): item[0] for item in answer.iter(f"{{{_PUBSUB}}}item")}


def configuration(account: Account, ca_file: Path, node: str) -> dict[str, str]:
    """How a node of one's own is configured."""
    answer = ask(account, ca_file, f"<pubsub xmlns='{_PUBSUB}#owner'><configure node='{node}'/></pubsub>")
    fields = answer.iter("{jabber:x:data}field")
    return {field.get("var", ""): field.findtext("{jabber:x:data}value") or "" for field in fields}


def publish(account: Account, ca_file: Path, node: str, item: str, xml: str) -> None:
    """Publish as a simple client does, without options."""
    inside = f"<publish node='{node}'><item id='{item}'>{xml}</item></publish>"
    answer = ask(account, ca_file, f"<pubsub xmlns='{_PUBSUB}'>{inside}</pubsub>", write=True)
    assert answer.get("type") == "result"


def private_bookmarks(account: Account, ca_file: Path) -> Element:
    """The bookmarks in private XML, which each of the lab's servers shows."""
    answer = ask(account, ca_file, "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>")
    found = answer.find(".//{storage:bookmarks}storage")
    return Element("{storage:bookmarks}storage") if found is None else found


def vcard(account: Account, ca_file: Path, *, of: str = "") -> Element:
    """The vcard-temp of this account or of another one, as Pidgin and Thunderbird see it."""
    found = ask(account, ca_file, "<vCard xmlns='vcard-temp'/>", to=of).find("{vcard-temp}vCard")
    return Element("{vcard-temp}vCard") if found is None else found


def clear(account: Account, ca_file: Path) -> None:
    """Leave nothing of what the modules may write."""

    async def action(client: Any) -> None:
        for node in NODES:
            await _iq(client, f"<pubsub xmlns='{_PUBSUB}#owner'><delete node='{node}'/></pubsub>", "", True)
        empty = "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"
        for payload in (empty, "<vCard xmlns='vcard-temp'/>"):
            await _iq(client, payload, "", True)
        for node in NODES:
            await _iq(client, f"<pubsub xmlns='{_PUBSUB}#owner'><delete node='{node}'/></pubsub>", "", True)

    logged_in(account, ca_file, action)


async def _iq(client: Any, payload: str, to: str, write: bool) -> Element:
    request = client.Iq()
    request["type"] = "set" if write else "get"
    request["to"] = to or client.boundjid.bare
    request.append(fromstring(payload))
    try:
        answer = (await request.send(timeout=120)).xml
    except IqError as error:
        answer = error.iq.xml
    assert isinstance(answer, Element)
    return answer
