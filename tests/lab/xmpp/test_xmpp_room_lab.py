"""xmpp_room_info on each of the lab's servers, against what slixmpp is told."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible.module_utils.xmpp import rooms
from ansible.module_utils.xmpp.resolve import Resolver
from ansible.module_utils.xmpp.session import Campaign, logged_in
from ansible.module_utils.xmpp.tls import Trust
from slixmpp_profile import ask
from xmpp_people_lab import HOST, PROJECT, PeopleServer

pytestmark = pytest.mark.lab

ZOE = "zoe.obrien"


@pytest.fixture
def people(people_server: PeopleServer) -> PeopleServer:
    return people_server


def room_info(people: PeopleServer, capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("xmpp_room_info", PROJECT / "library" / "xmpp_room_info.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    jid = people.jid(ZOE)
    account = {"jid": jid, "password": people.passwords[jid], "host": HOST, "port": people.port}
    with (
        patch_module_args({"account": account, "ca_file": str(people.ca_file), **arguments}),
        pytest.raises(SystemExit),
    ):
        module.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_all_rooms_are_found_and_described(people: PeopleServer, capsys: pytest.CaptureFixture[str]) -> None:
    found = room_info(people, capsys)
    assert (found["verdict"], found["complete"], found["changed"]) == ("ok", True, False)
    assert [service["jid"] for service in found["services"]] == [people.conference]
    query = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
    listed = ask(people.account(ZOE), people.ca_file, query, to=people.conference)
    jids = sorted(item.get("jid", "") for item in listed.iter("{http://jabber.org/protocol/disco#items}item"))
    assert [room["jid"] for room in found["rooms"]] == jids
    (team,) = [room for room in found["rooms"] if room["jid"] == f"equipe@{people.conference}"]
    assert team["name"].endswith("équipe")
    assert team["problem"] == ""
    expected = {"members_only": False, "password_protected": False, "persistent": True, "hidden": False}
    assert {name: team[name] for name in expected} == expected
    assert isinstance(team["occupants"], int)


def test_a_named_room_is_described_and_one_that_is_not_there_says_so(
    people: PeopleServer, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [f"nope@{people.conference}", f"equipe@{people.conference}"]
    found = room_info(people, capsys, rooms=named)
    assert {room["jid"]: room["problem"] for room in found["rooms"]} == {named[0]: "item-not-found", named[1]: ""}


def test_a_list_that_comes_in_pages_is_followed_to_its_end(
    people: PeopleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Campaign(Trust(str(people.ca_file)), Resolver())
    with logged_in(people.account(ZOE), campaign) as (connection, _):
        whole = rooms.list_rooms(connection, people.conference, 1000)
        monkeypatch.setattr(rooms, "_PAGE", 1)
        assert rooms.list_rooms(connection, people.conference, 1000) == whole
    assert whole.complete
    assert len(whole.rooms) >= 2


def test_a_list_that_was_cut_says_so(people: PeopleServer, capsys: pytest.CaptureFixture[str]) -> None:
    found = room_info(people, capsys, max_rooms=1)
    assert (found["verdict"], found["complete"], len(found["rooms"])) == ("ok", False, 1)
