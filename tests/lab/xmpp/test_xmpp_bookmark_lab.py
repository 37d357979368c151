"""xmpp_bookmark on each of the lab's servers and by each way, with slixmpp's word for what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from slixmpp_profile import ask, clear, configuration, items, private_bookmarks, publish
from xmpp_people_lab import PeopleServer, Run

pytestmark = pytest.mark.lab

HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
ZOE, DINA = "zoe.obrien", "dina.haddad"
NODE = "urn:xmpp:bookmarks:1"
BOTH_WAYS = pytest.mark.parametrize("password", [True, False], ids=["by_password", "by_means"])


@pytest.fixture
def people(people_server: PeopleServer) -> Iterator[PeopleServer]:
    """The server; Zoë has no bookmarks, before and after."""
    clear(people_server.account(ZOE), people_server.ca_file)
    yield people_server
    clear(people_server.account(ZOE), people_server.ca_file)


@pytest.fixture
def run(people: PeopleServer, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run("xmpp_bookmark", people, capsys)


def shown(people: PeopleServer) -> dict[str, tuple[str, bool, str]]:
    """Room to name, autojoin and nick."""
    return {
        conference.get("jid", ""): (
            conference.get("name", ""),
            conference.get("autojoin", "") in ("1", "true"),
            conference.findtext("{storage:bookmarks}nick") or "",
        )
        for conference in private_bookmarks(people.account(ZOE), people.ca_file).iter("{storage:bookmarks}conference")
    }


def bookmark_by_hand(people: PeopleServer, room: str) -> None:
    """What a client did: with a nick, a password and something that nobody knows."""
    account, inside = people.account(ZOE), "<nick>Zouzou</nick><password>s3cret</password>"
    if people.api is None:
        extensions = "<extensions><x xmlns='urn:other' pinned='true'>text</x></extensions>"
        publish(
            account,
            people.ca_file,
            NODE,
            room,
            f"<conference xmlns='{NODE}' name='Mine'>{inside}{extensions}</conference>",
        )
    else:
        storage = (
            f"<storage xmlns='storage:bookmarks'><conference jid='{room}' name='Mine'>{inside}</conference>"
            "<url name='Wiki' url='https://wiki.example'/></storage>"
        )
        ask(account, people.ca_file, f"<query xmlns='jabber:iq:private'>{storage}</query>", write=True)


def unknown_things(people: PeopleServer) -> list[Element]:
    """What of ``bookmark_by_hand`` only a careful writer keeps."""
    if people.api is not None:
        return list(private_bookmarks(people.account(ZOE), people.ca_file).iter("{storage:bookmarks}url"))
    found = items(people.account(ZOE), people.ca_file, NODE)
    assert isinstance(found, dict)
    return [x for conference in found.values() for x in conference.iter("{urn:other}x")]


@BOTH_WAYS
def test_rooms_are_laid_down_the_second_run_is_unchanged_and_they_go_again(
    password: bool, people: PeopleServer, run: Run
) -> None:
    rooms: list[dict[str, Any]] = [
        {"jid": f"equipe@{people.conference}", "name": HOSTILE, "nick": HOSTILE, "autojoin": True},
        {"jid": f"accueil@{people.conference}"},
        {"jid": f"jury@{people.conference}", "nick": "Zoë", "autojoin": False},
    ]
    entry = people.entry(ZOE, password=password, rooms=rooms)
    predicted = run(entry, check=True)
    assert shown(people) == {}
    done = run(entry)
    assert (done["accounts"], done["diff"]) == (predicted["accounts"], predicted["diff"])
    assert (done["changed"], done["all_ok"]) == (True, True)
    assert shown(people) == {
        f"equipe@{people.conference}": (HOSTILE, True, HOSTILE),
        f"accueil@{people.conference}": ("", False, ""),
        f"jury@{people.conference}": ("", False, "Zoë"),
    }
    again = run(entry)
    assert (again["changed"], again["all_ok"]) == (False, True)
    gone = people.entry(ZOE, password=password, rooms=rooms[:1])
    assert run(gone, state="absent")["accounts"][0]["changes"] == [f"{rooms[0]['jid']}: bookmark removed"]
    assert set(shown(people)) == {room["jid"] for room in rooms[1:]}
    assert run(gone, state="absent")["changed"] is False


@BOTH_WAYS
def test_a_bookmark_of_the_persons_stays_theirs_but_for_what_is_enforced(
    password: bool, people: PeopleServer, run: Run
) -> None:
    own, new = f"equipe@{people.conference}", f"accueil@{people.conference}"
    bookmark_by_hand(people, own)
    rooms = [{"jid": own, "name": "Team", "nick": "Zoë", "autojoin": True}, {"jid": new, "name": "New"}]
    entry = people.entry(ZOE, password=password, rooms=rooms)
    done = run(entry)
    assert done["accounts"][0]["changes"] == [f"{new}: bookmark added"]
    assert shown(people) == {own: ("Mine", False, "Zouzou"), new: ("New", False, "")}
    enforced = run(entry, enforced=["autojoin", "nick"])
    assert len(enforced["accounts"][0]["changes"]) == 2
    assert shown(people)[own] == ("Mine", True, "Zoë")
    assert run(entry, enforced=["autojoin", "nick"])["changed"] is False
    assert len(unknown_things(people)) == 1
    stored = private_bookmarks(people.account(ZOE), people.ca_file)
    assert [each.text for each in stored.iter("{storage:bookmarks}password")] == ["s3cret"]


@BOTH_WAYS
def test_nobody_else_can_read_them(password: bool, people: PeopleServer, run: Run) -> None:
    # On Prosody a client that published without options has made the node open to contacts and one bookmark long.
    bookmark_by_hand(people, f"equipe@{people.conference}")
    run(people.entry(ZOE, password=password, rooms=[{"jid": f"accueil@{people.conference}"}]))
    assert len(shown(people)) == 2
    if people.api is None:
        node = configuration(people.account(ZOE), people.ca_file, NODE)
        assert node["pubsub#access_model"] == "whitelist"
        assert node["pubsub#send_last_published_item"] == "never"
        assert node["pubsub#max_items"] in ("max", "256")
    assert isinstance(items(people.account(DINA), people.ca_file, NODE, of=people.jid(ZOE)), str)
    # One store only: on ejabberd 23.01 no client would read this one.
    assert (people.api is None) == isinstance(items(people.account(ZOE), people.ca_file, NODE), dict)


def test_an_account_that_does_not_exist_has_its_verdict_and_the_others_are_written(
    people: PeopleServer, run: Run
) -> None:
    rooms = [{"jid": f"equipe@{people.conference}"}]
    ghost = {"jid": people.jid("nobody-at-all"), "rooms": rooms}
    result = run(ghost, people.entry(ZOE, password=False, rooms=rooms))
    assert result["failed"] is True
    assert [a["verdict"] for a in result["accounts"]] == ["declined" if people.api is None else "absent", "in_place"]
    assert list(shown(people)) == [rooms[0]["jid"]]
