"""Bookmarks: what is added, what is corrected, and above all what is left alone."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from ansible.module_utils.xmpp.bookmark_work import bookmark_work
from ansible.module_utils.xmpp.bookmarks import NATIVE_NODE, NODE_OPTIONS, Room
from ansible.module_utils.xmpp.work import Call, Declined, Features, Query, Step
from xmpp_account_store import EJABBERD, PROSODY, ApiStore, Store, run

TEAM = "equipe@conference.univ.example"
WISH = Room(TEAM, """L'équipe de Zoë "Co" <x> \\""", "Zoë", True)

#: As Gajim 1.7 wrote it on Prosody 0.12, with a password and extensions added.
OWN = (
    "<conference xmlns='urn:xmpp:bookmarks:1' name='Mine' autojoin='0'><nick>Zouzou</nick><password>s3cret</password>"
    "<extensions><x xmlns='urn:other' pinned='true'>text<!-- --></x></extensions></conference>"
)
#: As ejabberd 23.01 answers private XML.
STORAGE = (
    f"<storage xmlns='storage:bookmarks'><conference jid='{TEAM.upper()}' name='Mine' autojoin='1'><nick>Zouzou</nick>"
    "<password>s3cret</password></conference><url name='Wiki' url='https://wiki.univ.example'/>"
    "<unknown xmlns='urn:other'>text</unknown></storage>"
)


def native(element: Element) -> dict[str, Any]:
    conference = element.find("{urn:xmpp:bookmarks:1}conference")
    assert conference is not None
    return {**conference.attrib, "nick": conference.findtext("{urn:xmpp:bookmarks:1}nick")}


def store(kind: str) -> Store:
    if kind == "ejabberd":
        return Store(EJABBERD)
    return Store(PROSODY, hides=kind == "privilege")


@pytest.mark.parametrize("kind", ["password", "privilege", "ejabberd"])
def test_a_missing_room_is_added_and_then_there_is_nothing_to_do(kind: str) -> None:
    server = store(kind)
    way = "privilege" if kind == "privilege" else "password"
    dry = run(server, bookmark_work([WISH], present=True), way=way, dry=True)
    assert server.writes() == 0
    wet = run(server, bookmark_work([WISH], present=True), way=way)
    assert wet.changes == dry.changes == [f"{TEAM}: bookmark added"]
    assert (wet.before, wet.after) == (dry.before, dry.after)
    assert wet.before == ""
    written = server.writes()
    again = run(server, bookmark_work([WISH], present=True), way=way)
    assert (again.changes, server.writes()) == ([], written)
    assert again.before == again.after == wet.after


def test_a_new_node_is_private_and_keeps_all_bookmarks() -> None:
    server = Store(PROSODY)
    rooms = [Room(f"r{n}@conference.univ.example") for n in range(30)]
    run(server, bookmark_work(rooms, present=True))
    assert server.nodes[NATIVE_NODE][0] == NODE_OPTIONS
    assert list(server.items(NATIVE_NODE)) == [room.jid for room in rooms]


def test_a_node_that_contacts_can_read_and_that_keeps_one_bookmark_is_put_right_before_the_second() -> None:
    server = Store(PROSODY)
    server.put(NATIVE_NODE, "own@conference.univ.example", OWN, access_model="presence", max_items="1")
    run(server, bookmark_work([WISH], present=True))
    config, items = server.nodes[NATIVE_NODE]
    assert config == NODE_OPTIONS
    assert list(items) == ["own@conference.univ.example", TEAM]


def test_a_server_that_refuses_an_option_gets_the_node_configured() -> None:
    server = Store(PROSODY, refused=("pubsub#max_items",))
    run(server, bookmark_work([WISH, Room("b@conference.univ.example")], present=True))
    assert list(server.items(NATIVE_NODE)) == [TEAM, "b@conference.univ.example"]
    assert server.nodes[NATIVE_NODE][0]["pubsub#access_model"] == "whitelist"


def test_a_privileged_account_overwrites_nothing_that_it_was_not_let_see() -> None:
    server = Store(PROSODY, hides=True)
    server.put(NATIVE_NODE, TEAM, OWN, access_model="whitelist", max_items="max")
    answer = server.perform

    def perform(step: Step) -> Any:
        if isinstance(step, Query) and step.kind == "get":
            # Another reason than a missing node, in the same words.
            raise Declined("internal-server-error", "", "testing")
        return answer(step)

    server.perform = perform
    with pytest.raises(Declined):
        run(server, bookmark_work([WISH], present=True), way="privilege")
    assert native(server.items(NATIVE_NODE)[TEAM])["nick"] == "Zouzou"


@pytest.mark.parametrize("enforced", [(), ("name",), ("nick", "autojoin"), ("name", "nick", "autojoin")])
def test_what_the_person_chose_stays_unless_it_is_enforced(enforced: tuple[str, ...]) -> None:
    server = Store(PROSODY)
    server.put(NATIVE_NODE, TEAM, OWN, **{key.partition("#")[2]: value for key, value in NODE_OPTIONS.items()})
    person = run(server, bookmark_work([WISH], present=True, enforced=enforced))
    now = native(server.items(NATIVE_NODE)[TEAM])
    assert now["name"] == (WISH.name if "name" in enforced else "Mine")
    assert now["nick"] == ("Zoë" if "nick" in enforced else "Zouzou")
    assert now["autojoin"] == ("true" if "autojoin" in enforced else "0")
    assert len(person.changes) == len(enforced)
    xml = tostring(server.items(NATIVE_NODE)[TEAM]).decode()
    assert "s3cret</" in xml and 'pinned="true">text</' in xml
    assert "s3cret" not in person.before + person.after + "".join(person.changes)
    assert run(server, bookmark_work([WISH], present=True, enforced=enforced)).changes == []


def test_an_enforced_value_that_nobody_wished_changes_nothing() -> None:
    server = Store(PROSODY)
    server.put(NATIVE_NODE, TEAM, OWN)
    run(server, bookmark_work([Room(TEAM)], present=True, enforced=("name", "nick", "autojoin")))
    assert server.writes() == 0


def test_a_bookmark_without_nick_gets_an_enforced_one() -> None:
    server = Store(PROSODY)
    server.put(NATIVE_NODE, TEAM, "<conference xmlns='urn:xmpp:bookmarks:1'/>", max_items="max")
    run(server, bookmark_work([WISH], present=True, enforced=("nick",)))
    assert native(server.items(NATIVE_NODE)[TEAM]) == {"nick": "Zoë"}


def test_private_xml_keeps_what_is_not_ours_and_knows_an_address_in_any_spelling() -> None:
    server = Store(EJABBERD)
    server.private = fromstring(STORAGE)
    new = Room("new@conference.univ.example", nick="Z")
    person = run(server, bookmark_work([WISH, new], present=True))
    assert person.changes == [f"{new.jid}: bookmark added"]
    kept = fromstring(STORAGE)
    assert [tostring(child) for child in list(server.private)[:3]] == [tostring(child) for child in kept]
    run(server, bookmark_work([new], present=False))
    assert tostring(server.private) == tostring(kept)
    assert NATIVE_NODE not in server.nodes, "only one store is written"


@pytest.mark.parametrize("kind", ["password", "ejabberd"])
def test_absent_takes_out_the_named_rooms_only_whatever_the_person_made_of_them(kind: str) -> None:
    server = store(kind)
    other = Room("other@conference.univ.example", "Other")
    run(server, bookmark_work([WISH, other], present=True))
    written = server.writes()
    dry = run(server, bookmark_work([Room(TEAM)], present=False), dry=True)
    assert server.writes() == written
    wet = run(server, bookmark_work([Room(TEAM)], present=False))
    assert wet.changes == dry.changes == [f"{TEAM}: bookmark removed"]
    assert wet.after == dry.after == 'other@conference.univ.example name="Other"\n'
    assert run(server, bookmark_work([Room(TEAM)], present=False)).changes == []


def test_ejabberds_api_writes_the_same_element() -> None:
    api = ApiStore()
    api.private = STORAGE
    new = Room("new@conference.univ.example", "New")
    dry = run(api, bookmark_work([WISH, new], present=True), way="ejabberd_api", dry=True)
    assert api.written == []
    wet = run(api, bookmark_work([WISH, new], present=True), way="ejabberd_api")
    assert wet.changes == dry.changes == [f"{new.jid}: bookmark added"]
    assert [tostring(child) for child in list(fromstring(api.private))[:3]] == [
        tostring(child) for child in fromstring(STORAGE)
    ]
    assert run(api, bookmark_work([WISH, new], present=True), way="ejabberd_api").changes == []


@pytest.mark.parametrize("answer", [None, 0, {}, {"res": 1}, {"res": "no XML"}, {"res": "<!DOCTYPE a><a/>"}])
def test_an_answer_of_the_api_that_makes_no_sense_stops_this_person_only(answer: Any) -> None:
    def perform(step: Step) -> Any:
        assert isinstance(step, Call)
        assert not step.writes
        return answer

    api = ApiStore()
    api.perform = perform
    with pytest.raises(Declined):
        run(api, bookmark_work([WISH], present=True), way="ejabberd_api")


def test_no_bookmark_of_the_person_is_pushed_out() -> None:
    server = Store(PROSODY)
    for number in range(256):
        server.put(NATIVE_NODE, f"r{number}@conference.univ.example", OWN)
    with pytest.raises(Declined, match="push out") as caught:
        run(server, bookmark_work([WISH], present=True))
    assert caught.value.code == "not_written"
    assert server.writes() == 0
    run(server, bookmark_work([Room("r1@conference.univ.example")], present=True))
    run(server, bookmark_work([Room("r1@conference.univ.example")], present=False))
    run(server, bookmark_work([WISH], present=True))
    assert len(server.items(NATIVE_NODE)) == 256


def test_an_item_that_is_no_bookmark_is_left_alone() -> None:
    server = Store(PROSODY)
    server.put(NATIVE_NODE, TEAM, "<odd xmlns='urn:odd'/>")
    run(server, bookmark_work([WISH], present=True, enforced=("name",)))
    assert server.writes() == 0


def test_other_refusals_are_the_persons_verdict() -> None:
    server = Store(PROSODY)

    def perform(step: Step) -> Any:
        if isinstance(step, Features):
            return PROSODY
        raise Declined("internal-server-error", "", "testing")

    server.perform = perform
    with pytest.raises(Declined):
        run(server, bookmark_work([WISH], present=True), way="password")
