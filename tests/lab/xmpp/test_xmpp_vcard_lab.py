"""xmpp_vcard on each of the lab's servers and by each way, with slixmpp's word for what came of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from slixmpp_profile import ask, clear, items, publish, vcard
from xmpp_people_lab import PeopleServer, Run

pytestmark = pytest.mark.lab

HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
ZOE, DINA = "zoe.obrien", "dina.haddad"
BOTH_WAYS = pytest.mark.parametrize("password", [True, False], ids=["by_password", "by_means"])
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PROFILE = {
    "nickname": "Zoë",
    "name": HOSTILE,
    "mail": "zoe@univ.example",
    "phone": "+33 3 20 00 00 00",
    "unit": "Bibliothèque & médias",
    "unit_phone": "03.20.00.00.01",
}
NICK = "http://jabber.org/protocol/nick"


@pytest.fixture
def people(people_server: PeopleServer) -> Iterator[PeopleServer]:
    """The server; Zoë has no profile, before and after."""
    clear(people_server.account(ZOE), people_server.ca_file)
    yield people_server
    clear(people_server.account(ZOE), people_server.ca_file)


@pytest.fixture
def run(people: PeopleServer, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run("xmpp_vcard", people, capsys)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    file = tmp_path / "Zoë & co.png"
    file.write_bytes(PNG)
    return str(file)


def seen_by_dina(people: PeopleServer) -> Element:
    """Zoë's vcard-temp as somebody else gets it: what Pidgin and Thunderbird show."""
    return vcard(people.account(DINA), people.ca_file, of=people.jid(ZOE))


def text(card: Element, path: str) -> list[str]:
    """The values at a path of vcard-temp, telephone numbers without separators."""
    found = card.findall("/".join(f"{{vcard-temp}}{name}" for name in path.split("/")))
    values = [each.text or "" for each in found]
    return [value.translate({ord(c): None for c in " .-"}) for value in values] if "NUMBER" in path else values


@BOTH_WAYS
def test_a_profile_is_filled_in_the_second_run_is_unchanged_and_it_goes_again(
    password: bool, people: PeopleServer, run: Run, picture: str
) -> None:
    by_api = people.api is not None and not password
    wish = {**PROFILE, "avatar": picture, **({} if by_api else {"unit_mail": "bu@univ.example"})}
    entry = people.entry(ZOE, password=password, profile=wish)
    predicted = run(entry, check=True)
    assert len(seen_by_dina(people)) == 0 or text(seen_by_dina(people), "FN") == [""]
    done = run(entry)
    assert (done["accounts"], done["diff"]) == (predicted["accounts"], predicted["diff"])
    assert len(done["accounts"][0]["changes"]) == len(wish)
    again = run(entry)
    assert (again["changed"], again["all_ok"]) == (False, True)

    card = seen_by_dina(people)
    assert text(card, "FN") == [HOSTILE]
    assert text(card, "NICKNAME") == ["Zoë"]
    assert text(card, "ORG/ORGNAME") == ["Bibliothèque & médias"]
    assert sorted(text(card, "TEL/NUMBER")) == ["+33320000000", "0320000001"]
    # Thunderbird shows the last one.
    assert text(card, "EMAIL/USERID") == ["zoe@univ.example"] if by_api else ["bu@univ.example", "zoe@univ.example"]
    for tag, value, kind in [("TEL", "0320000001", "WORK"), ("EMAIL", "zoe@univ.example", "HOME")]:
        (prop,) = [
            prop
            for prop in card.findall(f"{{vcard-temp}}{tag}")
            if value in [part.translate({ord("."): None}) if tag == "TEL" else part for part in prop.itertext()]
        ]
        assert prop.find(f"{{vcard-temp}}{kind}") is not None
    assert [base64.b64decode(data) for data in text(card, "PHOTO/BINVAL")] == [PNG]
    if not by_api:
        account = people.account(ZOE)
        nick, metadata = (
            items(account, people.ca_file, NICK),
            items(account, people.ca_file, "urn:xmpp:avatar:metadata"),
        )
        assert isinstance(nick, dict) and isinstance(metadata, dict)
        assert [each.text for each in nick.values()] == ["Zoë"]
        assert [info.get("id") for each in metadata.values() for info in each] == [
            hashlib.sha1(PNG).hexdigest()  # noqa: S324 - XEP-0084 wants this one
        ]
        v4 = items(people.account(DINA), people.ca_file, "urn:xmpp:vcard4", of=people.jid(ZOE))
        assert isinstance(v4, dict), "colleagues may read it"
        assert HOSTILE in "".join(v4["current"].itertext())

    gone = run(entry, state="absent")
    assert len(gone["accounts"][0]["changes"]) == len(wish)
    left = seen_by_dina(people)
    assert not any((each.text or "").strip() for each in left.iter() if each.tag != "{vcard-temp}TYPE")
    assert run(entry, state="absent")["changed"] is False


@BOTH_WAYS
def test_what_the_person_has_filled_in_stays_but_for_what_is_enforced(
    password: bool, people: PeopleServer, run: Run
) -> None:
    own = (
        "<vCard xmlns='vcard-temp'><FN>Zouzou</FN><TEL><HOME/><NUMBER>06 00</NUMBER></TEL><ORG><ORGNAME>Mine</ORGNAME>"
        "</ORG><BDAY>1990-01-01</BDAY><NOTE>mine</NOTE></vCard>"
    )
    ask(people.account(ZOE), people.ca_file, own, write=True)
    entry = people.entry(ZOE, password=password, profile=PROFILE)
    done = run(entry)
    assert {change.split()[0] for change in done["accounts"][0]["changes"]} == {"nickname", "mail", "unit_phone"}
    assert run(entry)["changed"] is False
    card = seen_by_dina(people)
    assert text(card, "FN") == ["Zouzou"]
    assert text(card, "ORG/ORGNAME") == ["Mine"]
    assert sorted(text(card, "TEL/NUMBER")) == ["0320000001", "0600"]
    enforced = run(entry, enforced=["name", "phone", "unit"])
    assert {change.split()[0] for change in enforced["accounts"][0]["changes"]} == {"name", "phone", "unit"}
    assert run(entry, enforced=["name", "phone", "unit"])["changed"] is False
    card = seen_by_dina(people)
    assert text(card, "FN") == [HOSTILE]
    assert text(card, "ORG/ORGNAME") == [PROFILE["unit"]]
    assert sorted(text(card, "TEL/NUMBER")) == ["+33320000000", "0320000001"]
    assert (text(card, "BDAY"), text(card, "NOTE")) == (["1990-01-01"], ["mine"])


@BOTH_WAYS
def test_a_picture_of_the_persons_stays_unless_ours_is_enforced(
    password: bool, people: PeopleServer, run: Run, picture: str
) -> None:
    account, theirs = people.account(ZOE), PNG + b"theirs"
    photo = f"<TYPE>image/png</TYPE><BINVAL>{base64.b64encode(theirs).decode()}</BINVAL>"
    ask(account, people.ca_file, f"<vCard xmlns='vcard-temp'><FN>Z</FN><PHOTO>{photo}</PHOTO></vCard>", write=True)
    entry = people.entry(ZOE, password=password, profile={"avatar": picture, "nickname": "Zoë"})
    assert [change.split()[0] for change in run(entry)["accounts"][0]["changes"]] == ["nickname"]
    assert [base64.b64decode(data) for data in text(seen_by_dina(people), "PHOTO/BINVAL")] == [theirs]
    assert len(run(entry, enforced=["avatar"])["accounts"][0]["changes"]) == 1
    assert [base64.b64decode(data) for data in text(seen_by_dina(people), "PHOTO/BINVAL")] == [PNG]
    assert run(entry, enforced=["avatar"])["changed"] is False


def test_a_nickname_that_a_client_has_published_is_kept(people: PeopleServer, run: Run) -> None:
    publish(people.account(ZOE), people.ca_file, NICK, "current", f"<nick xmlns='{NICK}'>Zouzou</nick>")
    entry = people.entry(ZOE, password=True, profile={"nickname": "Zoë", "name": HOSTILE})
    assert [change.split()[0] for change in run(entry)["accounts"][0]["changes"]] == ["name"]
    assert run(entry)["changed"] is False


def test_by_ejabberds_api_one_mail_address_is_left_out_and_told(people: PeopleServer, run: Run) -> None:
    if people.api is None:
        pytest.skip("Prosody has no such API")
    entry = people.entry(ZOE, password=False, profile={"mail": "zoe@univ.example", "unit_mail": "bu@univ.example"})
    (account,) = run(entry)["accounts"]
    assert account["changes"] == ["mail 'zoe@univ.example' added"]
    assert "left out: unit_mail" in account["detail"]
    assert run(entry)["changed"] is False


def test_by_ejabberds_api_a_number_of_two_types_stays_the_persons_own(people: PeopleServer, run: Run) -> None:
    if people.api is None:
        pytest.skip("Prosody has no such API")
    own = "<vCard xmlns='vcard-temp'><TEL><WORK/><CELL/><NUMBER>06 00</NUMBER></TEL></vCard>"
    ask(people.account(ZOE), people.ca_file, own, write=True)
    entry = people.entry(ZOE, password=False, profile={name: PROFILE[name] for name in ("phone", "unit_phone")})
    enforced = ["unit_phone"]
    assert len(run(entry, enforced=enforced)["accounts"][0]["changes"]) == 1
    assert sorted(text(seen_by_dina(people), "TEL/NUMBER")) == ["0320000001", "0600"]
    assert run(entry, enforced=enforced)["changed"] is False
