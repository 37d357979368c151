"""What becomes of a contact list: pure functions, and whole works against a list that is kept in a dictionary."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.xmpp.jid import Jid, bare_jid
from ansible.module_utils.xmpp.problems import XmppProblem
from ansible.module_utils.xmpp.roster import (
    Contact,
    Entry,
    Subscription,
    Wish,
    completed,
    item_xml,
    listing,
    read_api_roster,
    read_roster,
    roster_work,
)
from ansible.module_utils.xmpp.work import Call, Person, Presence, Query, Step, Way, drive
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
ALICE, BOB, CAROL, FAR = (
    bare_jid(text) for text in ("alice@b.example", "bob@b.example", "carol@b.example", "far@elsewhere.example")
)
NS = "jabber:iq:roster"


class Server:
    """Performs the steps of a work for ALICE on a list, as servers do by the way.

    Attributes:
        roster: the list.
        written: how many steps wrote.
        requests: (contact, words) of each subscription request.
    """

    def __init__(self, way: Way, roster: dict[Jid, Entry] | None = None) -> None:
        self.way = way
        self.roster = dict(roster or {})
        self.written = 0
        self.requests: list[tuple[Jid, str]] = []

    def run(self, wish: Wish, dry: bool = False) -> Person:
        person = Person(ALICE, self.way, dry)
        drive(person, roster_work(wish), self._perform)
        return person

    def _perform(self, step: Step) -> Any:
        match step:
            case Query("get", _, _):
                items = "".join(self._item(jid, entry) for jid, entry in self.roster.items())
                return ET.fromstring(f"<iq type='result'><query xmlns='{NS}'>{items}</query></iq>")
            case Query("set", payload, _):
                self.written += 1
                self._set(ET.fromstring(payload)[0])
                return ET.Element("iq")
            case Presence("subscribe", to, status):
                self.requests.append((to, status))
                self.roster[to] = replace(self.roster[to], asked=True)
                return None
            case Call("get_roster", _, False):
                return [row for jid, entry in self.roster.items() for row in self._rows(jid, entry)]
            case Call(command, arguments, True):
                self.written += 1
                return self._command(command, dict(arguments))
        raise AssertionError(step)

    def _item(self, jid: Jid, entry: Entry) -> str:
        xml = item_xml(jid, entry, with_subscription=True)
        return xml.replace("<item ", "<item ask='subscribe' ") if entry.asked else xml

    def _set(self, item: ET.Element) -> None:
        jid = bare_jid(item.get("jid", ""))
        wanted = item.get("subscription")
        if wanted == "remove":
            del self.roster[jid]
            return
        old = self.roster.get(jid, Entry())
        # A person's own word about the subscription does not count, a privileged account's does.
        subscription = wanted if wanted and self.way == "privilege" else old.subscription
        groups = frozenset(group.text or "" for group in item)
        self.roster[jid] = Entry(item.get("name", ""), groups, subscription, old.asked and subscription != "both")

    @staticmethod
    def _rows(jid: Jid, entry: Entry) -> list[dict[str, str]]:
        ask = "out" if entry.asked else "undefined"
        row = {"jid": str(jid), "nick": entry.name, "subscription": entry.subscription, "ask": ask}
        return [{**row, "group": group} for group in sorted(entry.groups) or [""]]

    def _command(self, command: str, arguments: dict[str, str]) -> int:
        jid = Jid(arguments["user"], arguments["host"])
        if command == "delete_rosteritem":
            del self.roster[jid]
            return 0
        assert command == "add_rosteritem"
        groups = frozenset(group for group in arguments["group"].split(";") if group)
        asked = jid in self.roster and self.roster[jid].asked
        subscription = arguments["subs"]
        self.roster[jid] = Entry(arguments["nick"], groups, subscription, asked and subscription != "both")
        return 0


def groups(*names: str) -> frozenset[str]:
    return frozenset(names)


WAYS: Sequence[Way] = ("password", "privilege", "ejabberd_api")
BY_HAND: Sequence[Way] = ("privilege", "ejabberd_api")


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_contact_is_added_with_name_and_groups(way: Way) -> None:
    server = Server(way, {CAROL: Entry("Carol", groups("Amis"), "both")})
    person = server.run(Wish([Contact(BOB, HOSTILE, groups("Équipe", HOSTILE))], subscription="none"))
    assert server.roster == {
        CAROL: Entry("Carol", groups("Amis"), "both"),
        BOB: Entry(HOSTILE, groups("Équipe", HOSTILE)),
    }
    assert person.changes == ["contact bob@b.example: added"]
    assert person.before == ""
    assert person.after.startswith("bob@b.example \"Zoë O'Brien")
    assert CAROL.local not in person.before + person.after, "who is not named is nobody's business"


@pytest.mark.parametrize("way", WAYS)
def test_the_persons_own_name_groups_and_subscription_stay(way: Way) -> None:
    mine = Entry("Mon chef", groups("Famille"), "from", asked=True)
    server = Server(way, {BOB: mine})
    person = server.run(Wish([Contact(BOB, "Bob", groups("Équipe"))]))
    assert server.roster == {BOB: replace(mine, groups=groups("Famille", "Équipe"))}
    assert person.changes == ["contact bob@b.example: groups"]


def test_a_contact_without_a_name_is_given_the_wished_one() -> None:
    server = Server("password", {BOB: Entry(subscription="both")})
    assert server.run(Wish([Contact(BOB, "Bob")])).changes == ["contact bob@b.example: name"]
    assert server.roster == {BOB: Entry("Bob", subscription="both")}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("subscription", ["request", "both", "none"])
@pytest.mark.parametrize("present", [True, False])
def test_the_second_run_changes_nothing_and_a_dry_one_writes_nothing(
    way: Way, subscription: Subscription, present: bool
) -> None:
    wish = Wish([Contact(BOB, "Bob", groups("A", "B")), Contact(FAR, "Far")], present, subscription, [CAROL])
    server = Server(way, {BOB: Entry("", groups("C"), "to")})
    before = dict(server.roster)
    predicted = server.run(wish, dry=True)
    assert (server.roster, server.written, server.requests) == (before, 0, [])
    done = server.run(wish)
    assert done.changes and (done.changes, done.before, done.after) == (
        predicted.changes,
        predicted.before,
        predicted.after,
    )
    written, asked = server.written, list(server.requests)
    again = server.run(wish)
    assert (again.changes, server.written, server.requests) == ([], written, asked)
    assert again.before == again.after == done.after


@pytest.mark.parametrize("subscription", ["none", "from", "to", "both"])
@pytest.mark.parametrize("asked", [True, False])
def test_a_contact_is_asked_only_if_its_presence_is_not_seen_and_it_was_not_asked(
    subscription: str, asked: bool
) -> None:
    server = Server("password", {BOB: Entry("Bob", groups(), subscription, asked)})
    person = server.run(Wish([Contact(BOB, message="Bonjour")]))
    expected = subscription in ("none", "from") and not asked
    assert server.requests == ([(BOB, "Bonjour")] if expected else [])
    assert person.changes == (["contact bob@b.example: subscription requested"] if expected else [])


@pytest.mark.parametrize("way", BY_HAND)
def test_who_writes_for_others_cannot_ask_and_says_so(way: Way) -> None:
    person = Server(way).run(Wish([Contact(BOB), Contact(FAR)]))
    assert person.detail == "only the person can ask to see the presence of bob@b.example, far@elsewhere.example"
    assert Server(way).run(Wish([Contact(BOB)], subscription="none")).detail == ""


@pytest.mark.parametrize("way", BY_HAND)
def test_with_both_the_sides_see_each_other_and_strangers_are_left_to_the_person(way: Way) -> None:
    server = Server(way, {CAROL: Entry("Carol", groups("Amis"), "from", asked=True)})
    person = server.run(Wish([Contact(BOB), Contact(FAR)], subscription="both", seen_by=[CAROL]))
    assert server.roster == {
        BOB: Entry(subscription="both"),
        FAR: Entry(),
        CAROL: Entry("Carol", groups("Amis"), "both"),
    }
    assert "far@elsewhere.example" in person.detail and "bob" not in person.detail
    assert person.changes[-1] == "contact carol@b.example: subscription"


def test_with_both_a_person_with_a_password_asks_and_nobody_is_added_unasked() -> None:
    server = Server("password")
    server.run(Wish([Contact(BOB)], subscription="both", seen_by=[CAROL]))
    assert server.roster == {BOB: Entry(asked=True)}


@pytest.mark.parametrize("way", WAYS)
def test_only_named_contacts_are_removed(way: Way) -> None:
    server = Server(way, {BOB: Entry("Bob"), CAROL: Entry("Carol")})
    person = server.run(Wish([Contact(BOB), Contact(FAR)], present=False))
    assert server.roster == {CAROL: Entry("Carol")}
    assert person.changes == ["contact bob@b.example: removed"]
    assert (person.before, person.after) == ('bob@b.example "Bob" [] none\n', "")


def test_a_privileged_account_writes_a_subscription_only_where_it_changes_it() -> None:
    server = Server("privilege", {BOB: Entry("Bob", groups(), "to")})
    steps = roster_work(Wish([Contact(BOB, groups=groups("A"))]))(Person(ALICE, "privilege"))
    next(steps)
    written = steps.send(ET.fromstring(f"<iq><query xmlns='{NS}'>{server._item(BOB, server.roster[BOB])}</query></iq>"))
    assert isinstance(written, Query)
    assert "subscription" not in written.payload


def test_what_was_written_before_a_failure_is_told() -> None:
    class Full(Server):
        def _set(self, item: ET.Element) -> None:
            if self.written == 2:
                raise XmppProblem("connection_lost", "gone")
            super()._set(item)

    server = Full("password")
    person = Person(ALICE, "password")
    with pytest.raises(XmppProblem):
        drive(person, roster_work(Wish([Contact(BOB), Contact(FAR)], subscription="none")), server._perform)
    assert person.changes == ["contact bob@b.example: added"]


def test_a_group_that_ejabberds_api_cannot_write_is_refused() -> None:
    server = Server("ejabberd_api")
    with pytest.raises(XmppProblem, match=r"declined: ejabberd's API cannot write a group with ';'.*'a;b'"):
        server.run(Wish([Contact(BOB, groups=groups("a;b"))]))
    assert server.written == 0


def test_a_command_that_ends_badly_is_declined() -> None:
    class Failing(Server):
        def _command(self, command: str, arguments: dict[str, str]) -> int:
            return 1

    with pytest.raises(XmppProblem, match=r"declined: add_rosteritem for bob@b.example ends with 1"):
        Failing("ejabberd_api").run(Wish([Contact(BOB)]))


@pytest.mark.parametrize("answer", [None, 3, "oops", {"jid": "a@b"}, [{"jid": "a@b.example"}], [[1]], [{"jid": 1}]])
def test_an_answer_of_another_shape_is_no_list(answer: Any) -> None:
    with pytest.raises(XmppProblem, match="api_error"):
        read_api_roster(answer)


def test_contacts_that_no_wish_can_name_are_left_alone() -> None:
    items = "<item jid='transport.b.example'/><item jid='BOB@b.example' name='B'/><item jid='x@b.example/r'/><item/>"
    assert read_roster(ET.fromstring(f"<iq><query xmlns='{NS}'>{items}</query></iq>")) == {BOB: Entry("B")}
    rows = [{"jid": "transport.b.example", "nick": "", "subscription": "none", "ask": "in", "group": ""}]
    assert read_api_roster(rows) == {}


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
ENTRIES = st.builds(
    Entry,
    TEXT,
    st.frozensets(TEXT.filter(bool), max_size=4),
    st.sampled_from(["none", "to", "from", "both"]),
    st.just(False),
)


@given(ENTRIES)
def test_an_entry_survives_its_way_through_xml(entry: Entry) -> None:
    xml = f"<iq><query xmlns='{NS}'>{item_xml(BOB, entry, with_subscription=True)}</query></iq>"
    assert read_roster(ET.fromstring(xml)) == {BOB: entry}


@given(ENTRIES, TEXT, st.frozensets(TEXT, max_size=4))
def test_laying_a_wish_under_an_entry_takes_nothing_away_and_twice_is_once(
    entry: Entry, name: str, wanted: frozenset[str]
) -> None:
    contact = Contact(BOB, name, wanted)
    once = completed(entry, contact)
    assert completed(once, contact) == once
    assert once.groups == entry.groups | wanted
    assert once.name == (entry.name or name)
    assert (once.subscription, once.asked) == (entry.subscription, entry.asked)


def test_a_listing_is_one_line_each_in_the_order_of_the_wish() -> None:
    roster = {BOB: Entry("B\n", groups("z", "a")), CAROL: Entry("", groups(), "to", asked=True)}
    assert listing(roster, [CAROL, FAR, BOB, CAROL]) == (
        'carol@b.example "" [] to asked\nbob@b.example "B\\n" ["a", "z"] none\n'
    )
