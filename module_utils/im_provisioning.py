"""What people.yml writes on the server for the people of the inventory, and what became of it. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .im_catalogue import text
from .im_inventory import accounts_to_check

#: What is written for a person, in the order of the tasks: contact list, bookmarks, vCard.
KINDS = ("contacts", "rooms", "profile")
#: The attributes of a person that its vCard shows.
PROFILE_FIELDS = ("nickname", "name", "mail", "phone", "unit", "unit_mail", "unit_phone", "avatar")

_ROOM_FIELDS = ("jid", "name", "nick", "autojoin")


def wishes_of(
    given: Mapping[str, Any],
    people: Mapping[str, Mapping[str, Any]],
    keys: Iterable[str],
    passwords: Mapping[str, str],
    reach: Mapping[str, Any],
) -> dict[str, list[dict[str, Any]]]:
    """Make the ``accounts`` of xmpp_roster, xmpp_bookmark and xmpp_vcard.

    Args:
        given: im_people as the inventory has it: a profile shows what was said of a person, and no default.
        people: what ``complete_people()`` made of it.
        keys: the people to write for.
        passwords: key or JID -> password; without one, somebody else writes.
        reach: host, port and tls for the control node, where not by SRV.

    Returns:
        kind -> one entry for each person of whom the inventory wishes something of that kind.
    """
    wishes: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    chosen = list(dict.fromkeys(keys))
    for key, account in zip(chosen, accounts_to_check(people, chosen, passwords, reach), strict=True):
        person, said = people[key], given[key] or {}
        wished = {
            "contacts": person["contacts"],
            "rooms": [{field: room[field] for field in _ROOM_FIELDS} for room in person["rooms"]],
            "profile": {field: said[field] for field in PROFILE_FIELDS if said.get(field)},
        }
        for kind, wish in wished.items():
            if wish:
                wishes[kind].append({**account, kind: wish})
    return wishes


def rows_of(results: Mapping[str, Mapping[str, Any]], people: Mapping[str, str]) -> list[dict[str, Any]]:
    """Make one row for each (person, kind) that was asked for.

    Args:
        results: kind -> what the module returned; a kind of which nothing is wished is not there.
        people: key -> JID.

    Returns:
        [{person, jid, kind, verdict, detail, hint, changed, changes}], by person. Contacts that were written on both
        sides (``subscription: both``) may be nobody of the inventory: their person is "".
    """
    names = {jid.casefold(): key for key, jid in people.items()}
    rows = [
        {"person": names.get(account["jid"].casefold(), ""), "kind": kind}
        | {field: account[field] for field in ("jid", "verdict", "detail", "hint", "changed", "changes")}
        for kind in KINDS
        for account in results.get(kind, {}).get("accounts", [])
    ]
    return sorted(rows, key=lambda row: (row["person"], row["jid"]))


def all_in_place(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether everything that was wished stands on the server. Where nothing was wished, it does."""
    return all(row["verdict"] == "in_place" for row in rows)


def as_lines(rows: Sequence[Mapping[str, Any]], language: str = "fr", check_mode: bool = False) -> list[str]:
    """Tell people: one line for each row that changed or failed, and one that counts."""
    lines = []
    for row in rows:
        what = text(f"provisioning.{row['kind']}", language)
        if row["verdict"] != "in_place":
            lines.append(f"{row['jid']}, {what} {row['verdict']}. {row['hint']} {row['detail']}".rstrip())
        elif row["changed"]:
            lines.append(f"{row['jid']}, {what} {', '.join(row['changes'])}")
    good = sum(row["verdict"] == "in_place" for row in rows)
    changed = sum(bool(row["changed"]) for row in rows)
    key = "provisioning.foretold" if check_mode else "provisioning.summary"
    return [*lines, text(key, language, good=good, rows=len(rows), changed=changed)]
