"""What people.yml asks the server for, and what it tells."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.im_inventory import complete_people, complete_service
from ansible.module_utils.im_provisioning import all_in_place, as_lines, rows_of, wishes_of

SERVICE = complete_service({"domain": "univ.example"})
GIVEN: dict[str, Any] = {
    "alice.martin": {
        "name": "Alice Martin",
        "phone": "+33 3",
        "contacts": [{"jid": "bruno.lefevre@univ.example", "groups": ["Équipe"]}],
        "rooms": ["equipe"],
    },
    "bruno.lefevre": {"preferences": {"archive": True}},
    "dina.haddad": None,
}
PEOPLE = complete_people(GIVEN, SERVICE)


def test_each_kind_names_the_people_of_whom_something_is_wished() -> None:
    wishes = wishes_of(GIVEN, PEOPLE, ["alice.martin", "bruno.lefevre", "dina.haddad"], {}, {})
    alice = {"jid": "alice.martin@univ.example"}
    room = {"jid": "equipe@conference.univ.example", "name": "equipe", "nick": "alice.martin", "autojoin": True}
    assert wishes == {
        "contacts": [alice | {"contacts": [{"jid": "bruno.lefevre@univ.example", "groups": ["Équipe"]}]}],
        "rooms": [alice | {"rooms": [room]}],
        "profile": [alice | {"profile": {"name": "Alice Martin", "phone": "+33 3"}}],
    }


def test_passwords_and_the_way_to_the_server_come_along() -> None:
    wishes = wishes_of(GIVEN, PEOPLE, ["alice.martin"], {"alice.martin": "p"}, {"host": "127.0.0.1", "port": 1})
    account = {"jid": "alice.martin@univ.example", "password": "p", "host": "127.0.0.1", "port": 1}
    assert all(entry.items() >= account.items() for entries in wishes.values() for entry in entries)


def answer(jid: str, verdict: str, *changes: str) -> dict[str, Any]:
    said = {"jid": jid, "verdict": verdict, "detail": "", "hint": "Le dire."}
    return {**said, "changed": bool(changes), "changes": list(changes)}


def test_rows_tell_what_changed_and_what_failed_and_count() -> None:
    results = {
        "contacts": {"accounts": [answer("alice.martin@univ.example", "in_place", "contact b@univ.example: added")]},
        "rooms": {"skipped": True},
        "profile": {"accounts": [answer("Bruno.Lefevre@univ.example", "no_way"), answer("x@univ.example", "in_place")]},
    }
    rows = rows_of(results, {key: person["jid"] for key, person in PEOPLE.items()})
    assert [(row["person"], row["kind"], row["verdict"]) for row in rows] == [
        ("", "profile", "in_place"),
        ("alice.martin", "contacts", "in_place"),
        ("bruno.lefevre", "profile", "no_way"),
    ]
    assert not all_in_place(rows)
    assert as_lines(rows) == [
        "alice.martin@univ.example, contacts : contact b@univ.example: added",
        "Bruno.Lefevre@univ.example, profil : no_way. Le dire.",
        "Sur le serveur : 2 souhaits sur 3 en place, dont 1 mis à jour.",
    ]


def test_where_nothing_was_wished_everything_is_in_place() -> None:
    rows = rows_of({"contacts": {}}, {})  # kinds of which nothing is wished are not there
    assert all_in_place(rows)
    assert as_lines(rows, check_mode=True) == [
        "Sur le serveur : 0 souhaits sur 0 en place, dont 0 à mettre à jour (mode vérification)."
    ]
    assert as_lines(rows, "en") == ["On the server: 0 of 0 wishes in place, 0 of them updated."]
