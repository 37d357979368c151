"""Profiles: what is filled in, in which store, and above all what is left alone."""

from __future__ import annotations

import base64
from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from ansible.module_utils.xmpp.avatar import read_avatar
from ansible.module_utils.xmpp.profile import Profile
from ansible.module_utils.xmpp.vcard import (
    FIELDS,
    TEMP,
    V4,
    Change,
    Form,
    found,
    is_number,
    merged,
    plain_number,
    taken,
    without,
)
from ansible.module_utils.xmpp.vcard_work import vcard_work
from ansible.module_utils.xmpp.work import Declined, Features, Query, Step
from xmpp_account_store import CONVERSION, EJABBERD, PEP, PROSODY, ApiStore, Store, run

PNG = read_avatar(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
)
WISH = {
    "nickname": "Zoë",
    "name": """Zoë O'Brien & "Co" <x> \\""",
    "mail": "zoe@univ.example",
    "phone": "+33 3 20 00 00 00",
    "unit": "Bibliothèque & médias",
    "unit_mail": "bu@univ.example",
    "unit_phone": "03.20.00.00.01",
}
V4_NODE, NICK_NODE = "urn:xmpp:vcard4", "http://jabber.org/protocol/nick"
DATA_NODE, METADATA_NODE = "urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata"

#: As Prosody 0.12 answered after Thunderbird had set a full name.
FROM_PROSODY = (
    "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Zoë</text></fn><n><surname/><given/><additional/>"
    "<prefix/><suffix/></n></vcard>"
)
#: A person's own, with what we know, what we do not, and what we must not take for something else.
LIVED_IN = {
    V4: (
        "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0' xmlns:x='urn:x'><group name='g'><email><parameters><type>"
        "<text>work</text></type></parameters><text>labo@univ.example</text></email></group><fn><text>Zouzou</text></fn>"
        "<org><text>Université</text><text>Labo</text></org><tel><parameters><type><text>work</text><text>fax</text>"
        "</type></parameters><uri>tel:+331</uri></tel><tel><parameters><pref><integer>1</integer></pref></parameters>"
        "<text>06 00</text></tel><email><text>me@home.example</text></email><email><text>too@home.example</text>"
        "</email><note x:a='1'><text>mine</text></note><odd xmlns='urn:odd'>text</odd></vcard>"
    ),
    TEMP: (
        "<vCard xmlns='vcard-temp'><FN>Zouzou</FN><N><FAMILY>O</FAMILY></N><EMAIL><WORK/><INTERNET/><PREF/><USERID>"
        "labo@univ.example</USERID></EMAIL><ORG><ORGNAME>Université</ORGNAME><ORGUNIT>Labo</ORGUNIT></ORG><TEL><WORK/>"
        "<FAX/><NUMBER>+331</NUMBER></TEL><TEL><CELL/><NUMBER>06 00</NUMBER></TEL><EMAIL><USERID>me@home.example"
        "</USERID></EMAIL><EMAIL><HOME/><USERID>too@home.example</USERID></EMAIL><PHOTO><TYPE>image/png</TYPE><BINVAL>"
        "AAAA</BINVAL></PHOTO><DESC>mine</DESC><odd xmlns='urn:odd'>text</odd></vCard>"
    ),
}
FORMS = pytest.mark.parametrize("form", [TEMP, V4], ids=["vcard-temp", "vcard4"])


def values(form: Form, vcard: Element) -> dict[str, str]:
    return {field: form.text(vcard, field) for field in FIELDS if form.text(vcard, field)}


@FORMS
def test_an_empty_profile_gets_each_field_once_and_then_nothing(form: Form) -> None:
    empty = found(form, [])
    new, changes = merged(form, empty, WISH)
    assert sorted(change.field for change in changes) == sorted(WISH)
    again = found(form, [fromstring(tostring(new))])
    assert merged(form, again, WISH, enforced=FIELDS)[1] == []
    gone, removed = without(form, again, WISH)
    assert sorted(change.field for change in removed) == sorted(WISH)
    assert len(gone) == 0
    assert without(form, gone, WISH)[1] == []


@FORMS
def test_every_store_says_what_its_readers_look_for(form: Form) -> None:
    xml = tostring(merged(form, found(form, []), WISH)[0], encoding="unicode")
    new = fromstring(xml)
    if form is TEMP:
        shown = [(child.tag[12:], [part.tag[12:] for part in child]) for child in new]
        assert ("EMAIL", ["WORK", "INTERNET", "USERID"]) in shown
        assert ("TEL", ["HOME", "VOICE", "NUMBER"]) in shown
        assert ("ORG", ["ORGNAME"]) in shown
        # Thunderbird shows the last one.
        assert new.findall(".//{vcard-temp}USERID")[-1].text == WISH["mail"]
    else:
        assert [uri.text for uri in new.iter(f"{V4.root[:-5]}uri")] == ["tel:0320000001", "tel:+33320000000"]


@FORMS
def test_what_the_person_has_filled_in_stays(form: Form) -> None:
    vcard = fromstring(LIVED_IN[form])
    new, changes = merged(form, vcard, WISH)
    assert [change.field for change in changes] == ["nickname", "unit_phone"]
    for added in [child for child in new if tostring(child) not in [tostring(old) for old in vcard]]:
        new.remove(added)
    assert tostring(new) == tostring(vcard)
    assert without(form, vcard, WISH)[1] == []


@FORMS
def test_an_enforced_field_is_corrected_where_it_stands(form: Form) -> None:
    new, changes = merged(form, fromstring(LIVED_IN[form]), WISH, enforced=FIELDS)
    assert {change.field: change.before for change in changes} == {
        "nickname": "",
        "name": "Zouzou",
        "unit": "Labo",
        "unit_mail": "labo@univ.example",
        "unit_phone": "",
        "mail": "me@home.example",
        "phone": "06 00",
    }
    shown = values(form, new)
    assert shown["unit"] == f"Université; {WISH['unit']}"
    assert shown["mail"] == f"{WISH['mail']}; too@home.example"
    assert plain_number(shown["phone"]) == plain_number(WISH["phone"])
    xml = tostring(new, encoding="unicode")
    assert "+331<" in xml and ">mine<" in xml and ">text<" in xml
    assert merged(form, new, WISH, enforced=FIELDS)[1] == []


@FORMS
def test_taking_one_part_out_leaves_its_neighbours(form: Form) -> None:
    vcard = fromstring(LIVED_IN[form])
    new, changes = without(form, vcard, {"unit": "Labo", "mail": "TOO@home.example", "unit_mail": "labo@univ.example"})
    assert changes == [
        Change("unit", "Labo", ""),
        Change("unit_mail", "labo@univ.example", ""),
        Change("mail", "too@home.example", ""),
    ]
    assert values(form, new) == {"unit": "Université", "name": "Zouzou", "mail": "me@home.example", "phone": "06 00"}


def test_the_empty_name_that_prosody_makes_is_filled_in_and_not_doubled() -> None:
    vcard = fromstring(FROM_PROSODY.replace("Zoë", ""))
    new, _ = merged(V4, vcard, {"name": "Zoë"})
    assert tostring(new) == tostring(fromstring(FROM_PROSODY))


@FORMS
def test_the_units_mail_stands_before_the_persons(form: Form) -> None:
    first, _ = merged(form, found(form, []), {"mail": WISH["mail"], "name": "Zoë"})
    both, _ = merged(form, first, WISH)
    mails = [prop for prop in both.iter() if prop.tag.rpartition("}")[2] in ("EMAIL", "email")]
    assert WISH["unit_mail"] in tostring(mails[0]).decode()


@pytest.mark.parametrize(
    ("one", "other"),
    [("+33 3 20 00 00 00", "tel:+33320000000"), ("03.20-00 (00)/00", "0320000000"), ("03\u00a020\u202f00", "032000")],
)
def test_numbers_are_the_same_however_they_are_written(one: str, other: str) -> None:
    assert plain_number(one) == plain_number(other)
    assert is_number(one)


@pytest.mark.parametrize("text", ["", "+", "poste 12", "12;ext=3", "javascript:1", "٣"])
def test_what_is_no_number_is_told(text: str) -> None:
    assert not is_number(text)


def test_a_field_that_is_filled_in_otherwise_in_one_store_is_kept_in_all() -> None:
    temp, v4 = fromstring("<vCard xmlns='vcard-temp'><FN>Zouzou</FN></vCard>"), fromstring(FROM_PROSODY)
    assert taken([(TEMP, temp), (V4, v4)], {"name": "Zoë", "nickname": "Z"}) == {"name"}
    assert taken([(TEMP, temp), (V4, found(V4, []))], {"name": "Zouzou"}) == set()


# The work, on servers.


def server(kind: str) -> Store:
    if kind == "ejabberd":
        return Store(EJABBERD)
    return Store(PROSODY, hides=kind == "privilege")


@pytest.mark.parametrize("kind", ["prosody", "privilege", "ejabberd"])
def test_a_profile_is_filled_in_once_and_check_mode_tells_it_before(kind: str) -> None:
    way: Any = "privilege" if kind == "privilege" else "password"
    store = server(kind)
    work = vcard_work(Profile(WISH, PNG), present=True)
    dry = run(store, work, way=way, dry=True)
    assert store.writes() == 0
    wet = run(store, work, way=way)
    assert wet.changes == dry.changes
    assert len(wet.changes) == len(WISH) + 1
    assert (wet.before, wet.after) == ("", dry.after)
    written = store.writes()
    assert run(store, work, way=way).changes == []
    assert store.writes() == written
    # Prosody shows one store as two, with losses.
    assert (len(store.temp) == 0) == (kind != "ejabberd")
    assert list(store.items(METADATA_NODE)) == list(store.items(DATA_NODE)) == [PNG.ident]
    assert store.nodes[V4_NODE][0]["pubsub#access_model"] == "open"
    assert store.nodes[NICK_NODE][0]["pubsub#access_model"] == "presence"

    away = run(store, vcard_work(Profile(WISH, PNG), present=False), way=way)
    assert len(away.changes) == len(WISH) + 1
    assert away.after == ""
    assert run(store, vcard_work(Profile(WISH, PNG), present=False), way=way).changes == []
    assert store.items(DATA_NODE) == {}


def test_a_node_keeps_the_access_that_the_person_gave_it() -> None:
    store = Store(PROSODY)
    store.put(V4_NODE, "current", FROM_PROSODY, access_model="presence")
    run(store, vcard_work(Profile({"nickname": "Z"}), present=True))
    assert store.nodes[V4_NODE][0] == {"pubsub#access_model": "presence"}
    assert V4.text(found(V4, store.items(V4_NODE).values()), "nickname") == "Z"


def test_a_nickname_of_the_persons_is_kept_in_every_store() -> None:
    store = Store(EJABBERD)
    store.put(NICK_NODE, "current", f"<nick xmlns='{NICK_NODE}'>Zouzou</nick>")
    run(store, vcard_work(Profile({"nickname": "Zoë"}), present=True))
    assert store.writes() == 0
    run(store, vcard_work(Profile({"nickname": "Zoë"}, None, {"nickname"}), present=True))
    assert store.items(NICK_NODE)["current"][0].text == "Zoë"
    assert TEMP.text(store.temp, "nickname") == "Zoë"


def test_a_server_without_pep_gets_the_vcard_and_the_photo() -> None:
    store = Store(frozenset())
    work = vcard_work(Profile({"name": "Zoë"}, PNG), present=True)
    assert run(store, work).changes == ["name 'Zoë' added", f"avatar '{PNG.ident}' added"]
    assert store.temp.findtext("{vcard-temp}PHOTO/{vcard-temp}BINVAL") == PNG.base64
    assert run(store, work).changes == []
    assert store.nodes == {}
    assert len(run(store, vcard_work(Profile({}, PNG), present=False)).changes) == 1
    assert store.temp.find("{vcard-temp}PHOTO") is None


def test_a_photo_stays_when_other_fields_are_written() -> None:
    store = Store(frozenset({PEP, CONVERSION}))
    store.temp = fromstring(LIVED_IN[TEMP])
    run(store, vcard_work(Profile(WISH), present=True))
    assert store.temp.findtext("{vcard-temp}PHOTO/{vcard-temp}BINVAL") == "AAAA"


def test_a_privileged_account_overwrites_no_profile_that_it_was_not_let_see() -> None:
    store = Store(PROSODY, hides=True)
    store.put(V4_NODE, "current", LIVED_IN[V4])
    answer = store.perform

    def perform(step: Step) -> Any:
        if isinstance(step, Query) and step.kind == "get":
            raise Declined("internal-server-error", "", "testing")
        return answer(step)

    store.perform = perform
    with pytest.raises(Declined):
        run(store, vcard_work(Profile(WISH), present=True), way="privilege")
    assert tostring(store.items(V4_NODE)["current"][0]) == tostring(fromstring(LIVED_IN[V4]))


def test_only_what_is_wished_is_read() -> None:
    store = Store(PROSODY)
    run(store, vcard_work(Profile({}), present=True))
    assert [type(step) for step in store.asked] == [Features]


# ejabberd's API.

API_WISH = {field: value for field, value in WISH.items() if field != "unit_mail"}


def test_the_api_fills_in_an_empty_profile_once() -> None:
    api = ApiStore()
    work = vcard_work(Profile(API_WISH, PNG), present=True)
    dry = run(api, work, way="ejabberd_api", dry=True)
    assert api.written == []
    wet = run(api, work, way="ejabberd_api")
    assert wet.changes == dry.changes
    assert (len(wet.changes), wet.after, wet.detail) == (len(API_WISH) + 1, dry.after, "")
    assert values(TEMP, api.temp) == API_WISH
    assert run(api, work, way="ejabberd_api").changes == []
    gone = run(api, vcard_work(Profile(API_WISH, PNG), present=False), way="ejabberd_api")
    assert len(gone.changes) == len(API_WISH) + 1
    assert values(TEMP, api.temp) == {}
    assert run(api, vcard_work(Profile(API_WISH, PNG), present=False), way="ejabberd_api").changes == []
    assert len(run(api, work, way="ejabberd_api").changes) == len(API_WISH) + 1


def test_the_api_reaches_one_mail_address_and_says_which_one_it_leaves_out() -> None:
    api = ApiStore()
    person = run(api, vcard_work(Profile(WISH), present=True), way="ejabberd_api")
    assert "left out: unit_mail" in person.detail
    assert TEMP.text(api.temp, "mail") == WISH["mail"]
    assert TEMP.text(api.temp, "unit_mail") == ""
    api = ApiStore(LIVED_IN[TEMP])
    person = run(api, vcard_work(Profile(WISH, None, set(FIELDS)), present=True), way="ejabberd_api")
    assert "left out: mail" in person.detail
    assert TEMP.text(api.temp, "unit_mail") == WISH["unit_mail"]
    assert TEMP.text(api.temp, "mail") == "me@home.example; too@home.example"


def test_the_api_keeps_what_the_person_has_filled_in() -> None:
    api = ApiStore(LIVED_IN[TEMP])
    person = run(api, vcard_work(Profile(API_WISH, PNG), present=True), way="ejabberd_api")
    # The fax is of type work as well: to set a telephone would replace it.
    assert person.changes == ["nickname 'Zoë' added"]
    assert "left out: mail, phone, unit_phone" in person.detail
    api.temp.remove(api.temp[-1])
    assert [tostring(child) for child in api.temp] == [tostring(child) for child in fromstring(LIVED_IN[TEMP])]


def test_a_mobile_is_the_persons_own_telephone_for_the_api_too() -> None:
    api = ApiStore("<vCard xmlns='vcard-temp'><TEL><CELL/><NUMBER>06 00</NUMBER></TEL></vCard>")
    assert run(api, vcard_work(Profile({"phone": "12"}), present=True), way="ejabberd_api").changes == []
    work = vcard_work(Profile({"phone": "12"}, None, {"phone"}), present=True)
    assert run(api, work, way="ejabberd_api").changes == ["phone '06 00' -> '12'"]
    assert TEMP.text(api.temp, "phone") == "06 00; 12"
    assert run(api, work, way="ejabberd_api").changes == []


@pytest.mark.parametrize("other", ["HOME", "CELL"])
def test_a_number_of_two_types_stays_the_persons_own_when_the_api_sets_the_units(other: str) -> None:
    api = ApiStore(f"<vCard xmlns='vcard-temp'><TEL><WORK/><{other}/><NUMBER>06 00</NUMBER></TEL></vCard>")
    work = vcard_work(Profile({"phone": "12", "unit_phone": "34"}, None, {"unit_phone"}), present=True)
    assert run(api, work, way="ejabberd_api").changes == ["unit_phone '06 00' -> '34'"]
    assert (TEMP.text(api.temp, "phone"), TEMP.text(api.temp, "unit_phone")) == ("06 00", "34")
    assert run(api, work, way="ejabberd_api").changes == []


@pytest.mark.parametrize("kinds", ["<CELL/>", "<HOME/><CELL/>", "<HOME/><WORK/>"])
def test_a_number_that_goes_is_taken_out_where_it_was_found(kinds: str) -> None:
    api = ApiStore(f"<vCard xmlns='vcard-temp'><TEL>{kinds}<NUMBER>12</NUMBER></TEL></vCard>")
    work = vcard_work(Profile({"phone": "1-2"}), present=False)
    assert run(api, work, way="ejabberd_api").changes == ["phone '12' removed"]
    assert run(api, work, way="ejabberd_api").changes == []
    assert TEMP.text(api.temp, "unit_phone") == ("12" if "WORK" in kinds else "")


def test_an_ill_api_is_not_taken_for_an_empty_profile() -> None:
    def perform(step: Step) -> Any:
        raise Declined("500", "internal_error", "testing")

    api = ApiStore()
    api.perform = perform
    with pytest.raises(Declined):
        run(api, vcard_work(Profile({"name": "Zoë"}), present=True), way="ejabberd_api")
