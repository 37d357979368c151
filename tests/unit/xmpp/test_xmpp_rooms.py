"""The list of rooms, asked over a real socket to services that answer as Prosody, as ejabberd, or badly."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable

import pytest
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.problems import XmppProblem
from ansible.module_utils.xmpp.rooms import Listing, Room, Service, conference_services, describe_rooms, list_rooms
from ansible.module_utils.xmpp.session import Campaign, logged_in
from ansible.module_utils.xmpp.work import Declined
from xmpp_certificates import DOMAIN
from xmpp_peer import BIND, Link, Peer, ScramServer, mechanisms

MUC = f"conference.{DOMAIN}"
ITEMS = "http://jabber.org/protocol/disco#items"
INFO = "http://jabber.org/protocol/disco#info"

#: Given who is asked and the payload, the inside of the answer, or a whole error.
Answers = Callable[[str, str], str]

#: As Prosody 0.12 and ejabberd 23.01 answered in the lab.
PROSODY_ROOM = (
    f"<query xmlns='{INFO}'><feature var='http://jabber.org/protocol/muc'/><identity type='text' category='conference' "
    "name='Salon de l&#x2019;équipe'/><feature var='muc_public'/><feature var='muc_unmoderated'/>"
    "<feature var='muc_semianonymous'/>"
    "<feature var='muc_unsecured'/><feature var='muc_persistent'/><feature var='muc_open'/>"
    "<x xmlns='jabber:x:data' type='result'><field type='hidden' var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roominfo</value></field>"
    "<field type='text-single' var='muc#roominfo_lang'><value/></field><field var='muc#roominfo_occupants' "
    "label='Number of occupants'><value>0</value></field><field var='muc#roominfo_description'><value/></field>"
    "<field var='{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites'><value>0</value></field></x></query>"
)
EJABBERD_ROOM = (
    f"<query xmlns='{INFO}'><identity name='Jury' type='text' category='conference'/><feature var='muc_hidden'/>"
    "<feature var='muc_temporary'/><feature var='muc_membersonly'/><feature var='muc_nonanonymous'/><feature "
    "var='muc_moderated'/><feature var='muc_passwordprotected'/><x xmlns='jabber:x:data' type='result'><field "
    "var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#roominfo</value></field><field "
    "var='muc#roominfo_occupants' type='text-single'><value>12</value></field><field var='muc#roomconfig_roomname'>"
    "<value>Jury de Zoë</value></field><field var='muc#roominfo_description'><value>Les&#10;jeudis &amp; vendredis"
    "</value></field><field var='muc#roominfo_lang'><value>fr</value></field></x></query>"
)


def error(condition: str) -> str:
    return f"<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"


def items(*jids: str, rsm: str = "") -> str:
    listed = "".join(f"<item jid='{jid}' name='{jid.partition('@')[0]} (0)'/>" for jid in jids)
    return f"<query xmlns='{ITEMS}'>{listed}{rsm}</query>"


def rooms(count: int) -> list[str]:
    return [f"r{number:03}@{MUC}" for number in range(count)]


def all_at_once(count: int) -> Answers:
    """Prosody 0.12: pages are not honoured."""
    return lambda to, payload: items(*rooms(count))


def in_pages(count: int) -> Answers:
    """ejabberd 23.01: ``last`` is the room's name."""

    def answers(to: str, payload: str) -> str:
        size = int(re.findall("<max>([0-9]+)</max>", payload)[0])
        after = re.findall("<after>([^<]*)</after>", payload)
        left = [jid for jid in rooms(count) if not after or jid.partition("@")[0] > after[0]][:size]
        ends = "".join(
            f"<{tag}>{left[at].partition('@')[0]}</{tag}>" for tag, at in (("first", 0), ("last", -1)) if left
        )
        return items(*left, rsm=f"<set xmlns='http://jabber.org/protocol/rsm'><count>{count}</count>{ends}</set>")

    return answers


class Asked:
    """A stream to a server with these answers; ``asked`` is what it was asked."""

    def __init__(self, context: ssl.SSLContext, campaign: Campaign) -> None:
        self._context, self._campaign = context, campaign
        self.asked: list[str] = []

    def __call__(self, answers: Answers, ask: Callable[..., object], *arguments: object) -> object:
        def script(link: Link) -> None:
            link.secure(self._context, mechanisms("SCRAM-SHA-1"))
            server = ScramServer("right")
            assert server.run(link)
            server.success(link)
            link.open(BIND)
            link.expect("<iq [^>]*>.*?</iq>")
            bound = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>zoe@univ.example/r</jid></bind>"
            link.send(f"<iq type='result' id='bind'>{bound}</iq>")
            while True:
                match = link.expect("""<iq type='get' id="([^"]*)" to="([^"]*)">(.*?)</iq>""")
                ident, to, payload = (group.decode() for group in match.groups())
                self.asked.append(to)
                inside = answers(to, payload)
                kind = "error" if inside.startswith("<error") else "result"
                link.send(f"<iq type='{kind}' id='{ident}' from='{to}'>{inside}</iq>")

        with Peer(script) as peer:
            account = Account(bare_jid(f"zoe@{DOMAIN}"), "right", "127.0.0.1", peer.port)
            with logged_in(account, self._campaign) as (connection, _):
                found = ask(connection, *arguments)
                return found if isinstance(found, Listing) else list(found)  # type: ignore[call-overload]


@pytest.fixture
def asked(good: ssl.SSLContext, campaign: Campaign) -> Asked:
    return Asked(good, campaign)


@pytest.mark.parametrize("way", [all_at_once, in_pages])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_all_rooms_are_listed_with_pages_and_without(way: Callable[[int], Answers], count: int, asked: Asked) -> None:
    listing = asked(way(count), list_rooms, MUC, 1000)
    assert listing == Listing({jid: f"{jid.partition('@')[0]} (0)" for jid in rooms(count)}, complete=True)
    assert len(asked.asked) <= count // 100 + 2


@pytest.mark.parametrize("way", [all_at_once, in_pages])
@pytest.mark.parametrize(("count", "limit", "complete"), [(250, 150, False), (150, 150, True), (2, 1, False)])
def test_no_more_rooms_are_taken_than_were_asked_for(
    way: Callable[[int], Answers], count: int, limit: int, complete: bool, asked: Asked
) -> None:
    listing = asked(way(count), list_rooms, MUC, limit)
    assert isinstance(listing, Listing)
    assert list(listing.rooms) == rooms(count)[:limit]
    assert listing.complete is complete


def test_a_service_that_sends_the_same_page_for_ever_is_left(asked: Asked) -> None:
    page = items(*rooms(3), rsm="<set xmlns='http://jabber.org/protocol/rsm'><last>r002</last><count>9</count></set>")
    listing = asked(lambda to, payload: page, list_rooms, MUC, 1000)
    assert isinstance(listing, Listing)
    assert list(listing.rooms) == rooms(3)
    assert len(asked.asked) == 2


def test_rooms_of_another_service_are_not_asked_for(asked: Asked) -> None:
    listing = asked(lambda to, payload: items("a@evil.example", MUC, f"b@{MUC}"), list_rooms, MUC, 10)
    assert isinstance(listing, Listing)
    assert list(listing.rooms) == [f"b@{MUC}"]


def test_a_service_that_does_not_tell_is_told(asked: Asked) -> None:
    with pytest.raises(Declined, match="forbidden"):
        asked(lambda to, payload: error("forbidden"), list_rooms, MUC, 10)


def test_the_conference_services_are_those_that_say_so_each_once(asked: Asked) -> None:
    def answers(to: str, payload: str) -> str:
        if to == DOMAIN:
            return items(MUC, MUC, f"pubsub.{DOMAIN}", f"irc.{DOMAIN}", f"dead.{DOMAIN}", DOMAIN, f"user@{DOMAIN}")
        if to == MUC:
            muc = "<feature var='http://jabber.org/protocol/muc'/>"
            return f"<query xmlns='{INFO}'><identity category='conference' type='text' name='Salons'/>{muc}</query>"
        if to == f"irc.{DOMAIN}":
            return f"<query xmlns='{INFO}'><identity category='conference' type='irc'/></query>"
        if to == f"pubsub.{DOMAIN}":
            return f"<query xmlns='{INFO}'><identity category='pubsub' type='service'/></query>"
        return error("remote-server-not-found")

    assert asked(answers, conference_services, DOMAIN) == [Service(MUC, "Salons")]
    assert sorted(asked.asked) == sorted([DOMAIN, MUC, f"pubsub.{DOMAIN}", f"irc.{DOMAIN}", f"dead.{DOMAIN}"])


def test_a_room_is_described_by_what_it_says_itself(asked: Asked) -> None:
    team, jury, gone, mute = f"equipe@{MUC}", f"jury@{MUC}", f"gone@{MUC}", f"mute@{MUC}"
    said = {team: PROSODY_ROOM, jury: EJABBERD_ROOM, gone: error("item-not-found"), mute: ""}
    found = asked(
        lambda to, payload: said[to], describe_rooms, {team: "Team (0)", jury: "", gone: "Gone", mute: "Mute"}
    )
    yes_and_no = {
        "members_only": False,
        "password_protected": False,
        "persistent": True,
        "hidden": False,
        "moderated": False,
        "anonymous": True,
    }
    assert found == [
        Room(team, MUC, "Salon de l\u2019équipe", "", "", 0, yes_and_no),
        Room(jury, MUC, "Jury de Zoë", "Les jeudis & vendredis", "fr", 12, {k: not v for k, v in yes_and_no.items()}),
        Room(gone, MUC, "Gone", problem="item-not-found"),
        Room(mute, MUC, "Mute"),
    ]


@pytest.mark.parametrize("number", ["", "-1", "1.5", "many", "٣", "9" * 50])
def test_a_number_of_occupants_that_is_none_is_unknown(number: str, asked: Asked) -> None:
    said = EJABBERD_ROOM.replace("<value>12</value>", f"<value>{number}</value>")
    found = asked(lambda to, payload: said, describe_rooms, {f"jury@{MUC}": ""})
    assert isinstance(found, list)
    assert [room.occupants for room in found] == [None]


def test_a_stream_that_breaks_is_told(asked: Asked) -> None:
    def answers(to: str, payload: str) -> str:
        raise EOFError

    with pytest.raises(XmppProblem) as caught:
        asked(answers, list_rooms, MUC, 10)
    assert caught.value.code == "connection_lost"
