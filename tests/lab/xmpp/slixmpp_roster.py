"""A person's contact list as slixmpp, an independent client, reads and writes it on the person's own stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from ansible.module_utils.xmpp.accounts import Account
from slixmpp_stream import logged_in

_T = TypeVar("_T")

#: Contact -> name, groups in order, subscription, whether a request is under way.
Roster = dict[str, tuple[str, list[str], str, bool]]


def roster(account: Account, ca_file: Path) -> Roster:
    """The whole list."""

    async def read(client: Any) -> Roster:
        answer = await client.get_roster(timeout=120)
        return {
            str(jid): (item["name"] or "", sorted(item["groups"]), item["subscription"], item["ask"] == "subscribe")
            for jid, item in answer["roster"]["items"].items()
        }

    return logged_in(account, ca_file, read)


def change(account: Account, ca_file: Path, *items: tuple[str, str, list[str]]) -> None:
    """Set contacts (address, name, groups) as a client does."""

    async def write(client: Any) -> None:
        for jid, name, groups in items:
            await client.update_roster(jid, name=name, groups=groups, timeout=120)

    logged_in(account, ca_file, write)


def clear(account: Account, ca_file: Path) -> None:
    """Remove all contacts."""

    async def remove(client: Any) -> None:
        answer = await client.get_roster(timeout=120)
        for jid in answer["roster"]["items"]:
            await client.del_roster_item(jid)

    logged_in(account, ca_file, remove)


def requests(account: Account, ca_file: Path) -> dict[str, str]:
    """The subscription requests that wait for the person, with their words: what a client gets when it comes online."""

    async def wait(client: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        client.auto_authorize = client.auto_subscribe = None
        client.add_event_handler(
            "presence_subscribe", lambda presence: found.update({presence["from"].bare: presence["status"]})
        )
        # ejabberd keeps them back from a session with a negative priority.
        client.send_presence()
        # A server works through a stream in order: what waited comes before the answer to a later question.
        await client.get_roster(timeout=120)
        return found

    return logged_in(account, ca_file, wait)
