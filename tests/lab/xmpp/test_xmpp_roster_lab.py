"""xmpp_roster on each of the lab's servers and by each way, with slixmpp's word for what came of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from slixmpp_roster import change, clear, requests, roster
from xmpp_people_lab import PeopleServer, Run

pytestmark = pytest.mark.lab

HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
ALICE, BRUNO, ZOE, DINA = "alice.martin", "bruno.lefevre", "zoe.obrien", "dina.haddad"


@pytest.fixture
def people(people_server: PeopleServer) -> Iterator[PeopleServer]:
    """The server, with nobody in anybody's list, and left so."""
    for name in people_server.people:
        clear(people_server.account(name), people_server.ca_file)
    yield people_server
    for name in people_server.people:
        clear(people_server.account(name), people_server.ca_file)


@pytest.fixture
def run(people: PeopleServer, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run("xmpp_roster", people, capsys)


@pytest.mark.parametrize("password", [True, False], ids=["by_password", "by_means"])
def test_contacts_are_laid_down_the_second_run_is_unchanged_and_they_go_again(
    password: bool, people: PeopleServer, run: Run
) -> None:
    account, bruno, dina = people.account(ALICE), people.jid(BRUNO), people.jid(DINA)
    change(account, people.ca_file, (dina, "Ma Dina", ["Amis"]))
    entry = people.entry(
        ALICE,
        password=password,
        contacts=[
            {"jid": bruno, "name": HOSTILE, "groups": ["Équipe", HOSTILE]},
            {"jid": dina, "name": "Dina Haddad", "groups": ["Équipe"]},
        ],
    )
    predicted = run(entry, check=True, subscription="none")
    assert predicted["changed"] is True
    assert roster(account, people.ca_file) == {dina: ("Ma Dina", ["Amis"], "none", False)}
    done = run(entry, subscription="none")
    assert (done["accounts"], done["diff"]) == (predicted["accounts"], predicted["diff"])
    assert roster(account, people.ca_file) == {
        bruno: (HOSTILE, sorted(["Équipe", HOSTILE]), "none", False),
        dina: ("Ma Dina", ["Amis", "Équipe"], "none", False),
    }
    again = run(entry, subscription="none")
    assert (again["changed"], again["all_ok"]) == (False, True)
    removed = run(people.entry(ALICE, password=password, contacts=[{"jid": bruno}]), state="absent")
    assert removed["accounts"][0]["changes"] == [f"contact {bruno}: removed"]
    assert roster(account, people.ca_file) == {dina: ("Ma Dina", ["Amis", "Équipe"], "none", False)}
    assert run(people.entry(ALICE, password=password, contacts=[{"jid": bruno}]), state="absent")["changed"] is False


def test_a_contact_is_asked_once_in_the_persons_words(people: PeopleServer, run: Run) -> None:
    bruno = people.jid(BRUNO)
    entry = people.entry(ALICE, password=True, contacts=[{"jid": bruno, "message": "Bonjour <Bruno> & co"}])
    assert run(entry)["accounts"][0]["changes"] == [
        f"contact {bruno}: added",
        f"contact {bruno}: subscription requested",
    ]
    assert roster(people.account(ALICE), people.ca_file) == {bruno: ("", [], "none", True)}
    assert requests(people.account(BRUNO), people.ca_file) == {people.jid(ALICE): "Bonjour <Bruno> & co"}
    assert run(entry)["changed"] is False
    # What is pending stays so when others write.
    by_others = run(people.entry(ALICE, password=False, contacts=[{"jid": bruno, "groups": ["Équipe"]}]))
    assert by_others["accounts"][0]["changes"] == [f"contact {bruno}: groups"]
    assert roster(people.account(ALICE), people.ca_file) == {bruno: ("", ["Équipe"], "none", True)}


def test_with_both_two_people_see_each_other_at_once(people: PeopleServer, run: Run) -> None:
    alice, bruno, dina = people.jid(ALICE), people.jid(BRUNO), people.jid(DINA)
    change(people.account(DINA), people.ca_file, (alice, "Mon Alice", ["Amis"]))
    entries = [
        people.entry(ALICE, password=False, contacts=[{"jid": bruno, "name": "Bruno"}, {"jid": dina}]),
        people.entry(BRUNO, password=False, contacts=[{"jid": alice, "groups": ["Équipe"]}]),
    ]
    done = run(*entries, subscription="both")
    assert [(a["jid"], a["verdict"], a["changed"]) for a in done["accounts"]] == [
        (alice, "in_place", True),
        (bruno, "in_place", True),
        (dina, "in_place", True),
    ]
    assert roster(people.account(ALICE), people.ca_file) == {
        bruno: ("Bruno", [], "both", False),
        dina: ("", [], "both", False),
    }
    assert roster(people.account(BRUNO), people.ca_file) == {alice: ("", ["Équipe"], "both", False)}
    assert roster(people.account(DINA), people.ca_file) == {alice: ("Mon Alice", ["Amis"], "both", False)}
    assert run(*entries, subscription="both")["changed"] is False


def test_an_account_that_does_not_exist_has_its_verdict_and_the_others_are_written(
    people: PeopleServer, run: Run
) -> None:
    contacts = [{"jid": people.jid(BRUNO)}]
    ghost = {"jid": people.jid("nobody-at-all"), "contacts": contacts}
    result = run(ghost, people.entry(ZOE, password=False, contacts=contacts), subscription="none")
    assert result["failed"] is True
    assert [a["verdict"] for a in result["accounts"]] == ["declined" if people.api is None else "absent", "in_place"]
    assert list(roster(people.account(ZOE), people.ca_file)) == [people.jid(BRUNO)]


def test_an_account_without_the_right_to_write_for_others_is_told_so(people: PeopleServer, run: Run) -> None:
    (name, means) = next(iter(people.means().items()))
    jid = people.jid(DINA)
    ordinary = {**means, "jid": jid, "password": people.passwords[jid]}
    result = run(people.entry(ALICE, password=False, contacts=[{"jid": people.jid(BRUNO)}]), **{name: ordinary})
    assert result["accounts"][0]["verdict"] == ("privilege_missing" if people.api is None else "api_denied")
    assert roster(people.account(ALICE), people.ca_file) == {}
