"""The lab's three servers for playbooks/people.yml: an inventory for each, and what a person keeps there.

What is kept there is slixmpp's word, an independent client's: one login reads or writes all of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring
from xml.sax.saxutils import escape, quoteattr

from lab_runs import PROJECT

sys.path += [str(PROJECT / part) for part in ("lab", "tests/lab", "tests/lab/xmpp")]

from im_lab.settings import Settings
from lab_servers import HOST, RunningServer, lab
from slixmpp.exceptions import IqError
from slixmpp_stream import logged_in

#: JID -> name, groups in order, subscription.
Contacts = dict[str, tuple[str, list[str], str]]
#: JID -> name, autojoin, nick.
Rooms = dict[str, tuple[str, bool, str]]

_PUBSUB = "http://jabber.org/protocol/pubsub"
#: What Prosody and ejabberd keep apart from vcard-temp and from the bookmarks in private XML.
_NODES = ("urn:xmpp:bookmarks:1", "urn:xmpp:vcard4", "http://jabber.org/protocol/nick")


@dataclass(frozen=True)
class Kept:
    """What a person keeps on the server; the profile is the vCard's texts by path, "ORG/ORGNAME"."""

    contacts: Contacts
    rooms: Rooms
    profile: dict[str, str]


def start_all_servers() -> None:
    """Start the two that a plain `lab/lab up` leaves out."""
    lab("up", "prosody13", "ejabberd")


def server_of(name: str) -> RunningServer:
    """A server of the lab that runs."""
    return RunningServer.of(Settings.from_environment(), name)


def site(server: RunningServer, directory: Path, people: Mapping[str, Any], way: str) -> Path:
    """Write an inventory without desks.

    Args:
        server: of the lab; the secrets stay in its file.
        directory: for the inventory.
        people: im_people.
        way: "means", what the server has to write for others, or "password", each person's own.
    """
    domain, port = server.domain, server.starttls
    secrets = str(Settings.from_environment().secrets)
    login = {
        "jid": f"{server.provisioner}@{domain}",
        "password": f"{{{{ __secrets['{server.provisioner}@{domain}'] }}}}",
        "host": HOST,
    }
    if server.api:
        writer: dict[str, Any] = {"api": {**login, "url": f"https://{domain}:{server.api}/api"}}
    else:
        writer = {"service_account": {**login, "port": port}}
    ways: dict[str, dict[str, Any]] = {
        "means": {"im_provisioning_writer": writer, "im_provisioning_subscription": "both"},
        # Nobody's request is to wait for an answer in an account of the lab.
        "password": {"im_accounts_passwords": "{{ __secrets }}", "im_provisioning_subscription": "none"},
    }
    variables = {
        "__secrets": f"{{{{ lookup('ansible.builtin.file', '{secrets}') | from_json }}}}",
        "im_service": {"domain": domain, "conference": server.conference, "ca_file": str(server.ca_file)},
        "im_accounts_reach": {"host": HOST, "port": port},
        "im_people": people,
        **ways[way],
    }
    path = directory / "site.json"
    path.write_text(json.dumps({"all": {"hosts": {"localhost": {}}, "vars": variables}}), encoding="utf-8")
    return path


def kept(server: RunningServer, person: str) -> Kept:
    """All that a person keeps on a server."""

    async def read(client: Any) -> Kept:
        roster = await client.get_roster(timeout=120)
        contacts = {
            str(jid): (item["name"] or "", sorted(item["groups"]), item["subscription"])
            for jid, item in roster["roster"]["items"].items()
        }
        private = await _iq(client, "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>")
        rooms = {
            room.get("jid", ""): (
                room.get("name", ""),
                room.get("autojoin") in ("1", "true"),
                room.findtext("{storage:bookmarks}nick", ""),
            )
            for room in private.iter("{storage:bookmarks}conference")
        }
        vcard = (await _iq(client, "<vCard xmlns='vcard-temp'/>")).find("{vcard-temp}vCard")
        return Kept(contacts, rooms, {} if vcard is None else _texts(vcard))

    found: Kept = logged_in(server.account(person), server.ca_file, read)
    return found


def lay(server: RunningServer, person: str, things: Kept) -> None:
    """Lay these things down in the person's name, as its client would."""
    conferences = "".join(
        f"<conference jid={quoteattr(jid)} name={quoteattr(name)} autojoin='{int(autojoin)}'>"
        f"<nick>{escape(nick)}</nick></conference>"
        for jid, (name, autojoin, nick) in things.rooms.items()
    )
    fields = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in things.profile.items())

    async def write(client: Any) -> None:
        for jid, (name, groups, _) in things.contacts.items():
            await client.update_roster(jid, name=name, groups=groups, timeout=120)
        storage = f"<storage xmlns='storage:bookmarks'>{conferences}</storage>"
        await _iq(client, f"<query xmlns='jabber:iq:private'>{storage}</query>", write=True)
        await _iq(client, f"<vCard xmlns='vcard-temp'>{fields}</vCard>", write=True)

    logged_in(server.account(person), server.ca_file, write)


def clear(server: RunningServer, person: str, *contacts: str) -> None:
    """Leave nothing of a person's; of these contacts' lists, only the person goes."""

    async def remove(client: Any) -> None:
        roster = await client.get_roster(timeout=120)
        for jid in roster["roster"]["items"]:
            await client.del_roster_item(jid)
        empty = "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"
        for payload in (empty, "<vCard xmlns='vcard-temp'/>"):
            await _iq(client, payload, write=True)
        for node in _NODES:
            # There may be none, which is an error that says what we want.
            delete = f"<pubsub xmlns='{_PUBSUB}#owner'><delete node='{node}'/></pubsub>"
            await _iq(client, delete, write=True)

    async def forget(client: Any) -> None:
        roster = await client.get_roster(timeout=120)
        if (jid := f"{person}@{server.domain}") in map(str, roster["roster"]["items"]):
            await client.del_roster_item(jid)

    logged_in(server.account(person), server.ca_file, remove)
    for contact in contacts:
        logged_in(server.account(contact), server.ca_file, forget)


def _texts(vcard: Element, above: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for child in vcard:
        path = above + child.tag.rpartition("}")[2]
        found |= {path: child.text} if child.text and child.text.strip() else _texts(child, f"{path}/")
    return found


async def _iq(client: Any, payload: str, *, write: bool = False) -> Element:
    """One IQ to the account itself; the answer, an error included."""
    request = client.Iq()
    request["type"] = "set" if write else "get"
    request["to"] = client.boundjid.bare
    request.append(fromstring(payload))
    try:
        answer = (await request.send(timeout=120)).xml
    except IqError as error:
        answer = error.iq.xml
    assert isinstance(answer, Element)
    return answer
