"""People out of LDAP entries and CSV exports."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible.module_utils.im_directory import csv_bytes, people_from_csv, people_from_ldap
from ansible.module_utils.im_inventory import InventoryError, complete_people, complete_service
from hypothesis import given
from hypothesis import strategies as st

SERVICE = complete_service({"domain": "univ.example"})
DN = "uid=amartin,ou=people,dc=univ,dc=example"
ALICE: dict[str, Any] = {
    "dn": DN,
    "uid": "amartin",
    "mail": "Alice.Martin@univ.example",
    "displayName": "Alice Martin",
    "cn": "Martin Alice",
    "telephoneNumber": "+33 3 20 00 00 00",
    "supannEntiteAffectation": ["DSI", "BU"],
    "supannEntiteAffectationPrincipale": "BU",
    "supannListeRouge": "FALSE",
}
STRUCTURES = [
    {
        "dn": "…",
        "supannCodeEntite": "BU",
        "ou": "BU",
        "description": "Bibliothèque",
        "telephoneNumber": "+33 3 20 00 00 01",
    },
    {"dn": "…", "supannCodeEntite": "DSI", "ou": "DSI", "mail": "dsi@univ.example"},
]
HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'


def problems_of(call: Any) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        call()
    return caught.value.problems


def test_a_supann_person_has_the_attributes_of_the_main_structure() -> None:
    assert people_from_ldap([ALICE], SERVICE, STRUCTURES) == {
        "alice.martin": {
            "jid": "alice.martin@univ.example",
            "name": "Alice Martin",
            "mail": "Alice.Martin@univ.example",
            "phone": "+33 3 20 00 00 00",
            "unit": "Bibliothèque",
            "unit_phone": "+33 3 20 00 00 01",
        }
    }


def test_without_a_main_structure_the_first_known_one_is_taken() -> None:
    person = {name: value for name, value in ALICE.items() if name != "supannEntiteAffectationPrincipale"}
    found = people_from_ldap([person | {"supannEntiteAffectation": ["dsi", "AUTRE"]}], SERVICE, STRUCTURES)
    assert (found["alice.martin"]["unit"], found["alice.martin"]["unit_mail"]) == ("DSI", "dsi@univ.example")


def test_the_phone_of_somebody_on_the_red_list_is_left_out() -> None:
    (person,) = people_from_ldap([ALICE | {"supannListeRouge": "TRUE"}], SERVICE, STRUCTURES).values()
    assert "phone" not in person
    assert person["unit_phone"] == "+33 3 20 00 00 01"


def test_the_order_of_values_and_entries_and_the_case_of_attributes_do_not_matter() -> None:
    bruno = {"dn": "b", "MAIL": ["bruno@univ.example", "a.bruno@univ.example"], "CN": ["B", "A"]}
    turned = {"dn": "b", "cn": ["A", "B"], "mail": ["a.bruno@univ.example", "bruno@univ.example"]}
    assert people_from_ldap([ALICE, bruno], SERVICE) == people_from_ldap([turned, ALICE], SERVICE)
    assert list(people_from_ldap([bruno, ALICE], SERVICE)) == ["a.bruno", "alice.martin"]


def test_a_site_says_where_its_attributes_stand() -> None:
    fields = {
        "jid": "{uid}@univ.example",
        "key": ["supannAliasLogin", "uid"],
        "unit": "supannEntiteAffectationPrincipale",
    }
    assert people_from_ldap([ALICE], SERVICE, STRUCTURES, fields)["amartin"] == {
        "jid": "amartin@univ.example",
        "name": "Alice Martin",
        "mail": "Alice.Martin@univ.example",
        "phone": "+33 3 20 00 00 00",
        "unit": "BU",
        "unit_phone": "+33 3 20 00 00 01",
    }


def test_every_entry_that_cannot_be_used_is_told_at_once() -> None:
    entries = [
        {"dn": "uid=x", "uid": "x"},
        {"dn": "uid=guest", "mail": "guest@elsewhere.example"},
        {"dn": "uid=odd", "mail": "not an address"},
        ALICE,
        ALICE | {"dn": "uid=alice2"},
    ]
    assert problems_of(lambda: people_from_ldap(entries, SERVICE)) == [
        "entry 'uid=x': no JID: no value in mail",
        "entry 'uid=guest': guest@elsewhere.example is not of univ.example; leave it out, or take its JID elsewhere",
        "entry 'uid=odd': 'not an address' is not a bare JID; it looks like prenom.nom@domain",
        f"entry 'uid=alice2': alice.martin is already entry '{DN}'; one account, one person",
    ]


def test_an_empty_search_is_a_mistake_and_not_an_empty_university() -> None:
    assert problems_of(lambda: people_from_ldap([], SERVICE)) == [
        "the search found nobody; check its base and its filter"
    ]


def test_an_unknown_field_is_told_with_the_known_ones() -> None:
    (problem,) = problems_of(lambda: people_from_ldap([ALICE], SERVICE, fields={"telephone": "x"}))
    assert problem.startswith("fields: a person has no 'telephone'; known: key, jid, name, nickname, mail, phone, unit")


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_csv_of_a_french_spreadsheet_is_read_in_each_of_its_guises(encoding: str, delimiter: str) -> None:
    quoted = HOSTILE.replace('"', '""')
    lines = [
        ["Key", "Name", "Unit", "Rooms", "Contacts", "Remarque"],
        ["zoe.obrien", f'"{quoted}"', "Bibliothèque", "equipe accueil", "bruno@univ.example|eva@univ.example", "é"],
        ["", "", "", "", "", ""],
    ]
    content = "\r\n".join(delimiter.join(cells) for cells in lines).encode(encoding)
    found = people_from_csv(content, SERVICE)
    assert found == {
        "zoe.obrien": {
            "jid": "zoe.obrien@univ.example",
            "name": HOSTILE,
            "unit": "Bibliothèque",
            "rooms": ["equipe", "accueil"],
            "contacts": [{"jid": "bruno@univ.example"}, {"jid": "eva@univ.example"}],
        }
    }
    assert complete_people(found, SERVICE)["zoe.obrien"]["name"] == HOSTILE


def test_columns_with_other_names_are_mapped() -> None:
    content = "Prénom;Nom;Téléphone\nAlice;Martin;+33 1\n".encode()
    fields = {"jid": "{Prénom}.{Nom}@univ.example", "name": "{prénom} {nom}", "phone": "téléphone"}
    assert people_from_csv(content, SERVICE, fields) == {
        "alice.martin": {"jid": "alice.martin@univ.example", "name": "Alice Martin", "phone": "+33 1"}
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "line 1: no column key or jid; there are: none"),
        (b"nom;prenom\nMartin;Alice\n", "line 1: no column key or jid; there are: nom, prenom"),
        (b"key;name;key\n", "line 1: column 'key' stands there twice; rename one"),
        (b"key;name\n", "the file names nobody"),
        (b"key;name\na;b;c\n", "line 2: 3 columns instead of 2; quote the texts that hold ';'"),
        (b"key;name\n;Alice\n", "line 2: no JID: neither key nor jid"),
        (b"key;name\na;x\na;y\n", "line 3: a is already line 2; one account, one person"),
        (b'key;name\na;"x"y\n', "line 2: ';' expected after '\"'"),
        (b"key;name\n\x81;x\n", "the file is neither UTF-8 nor Windows-1252; save it again as « CSV UTF-8 »"),
        (
            b"key;rooms\na;@@\n",
            "person 'a': room 1: room is '@@'; it takes a room name or room@conference.univ.example",
        ),
    ],
)
def test_a_csv_that_cannot_be_used_is_told_with_its_line(content: bytes, problem: str) -> None:
    assert problems_of(lambda: people_from_csv(content, SERVICE)) == [problem]


def test_a_mapped_column_that_is_not_there_is_told() -> None:
    assert problems_of(lambda: people_from_csv(b"key\na\n", SERVICE, {"phone": "tel"})) == [
        "line 1: no column tel; there are: key"
    ]


def test_the_content_comes_as_slurp_gives_it() -> None:
    assert csv_bytes(base64.b64encode(b"key\na\n").decode()) == b"key\na\n"
    with pytest.raises(ValueError, match="no base64"):
        csv_bytes("key;name")


@given(st.binary(max_size=200))
def test_any_bytes_give_people_or_a_refusal(content: bytes) -> None:
    try:
        found = people_from_csv(content, SERVICE)
    except InventoryError as error:
        assert error.problems
    else:
        assert found


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                ["dn", "mail", "cn", "uid", "supannListeRouge", "telephoneNumber", "supannEntiteAffectation"]
            ),
            st.text(max_size=20) | st.lists(st.text(max_size=10), max_size=3),
        ),
        max_size=3,
    )
)
def test_any_entries_give_people_or_a_refusal(entries: list[dict[str, Any]]) -> None:
    try:
        found = people_from_ldap(entries, SERVICE, STRUCTURES)
    except InventoryError as error:
        assert error.problems
    else:
        assert found
