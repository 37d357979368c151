"""Whatever a person has on the server: twice is once, check mode tells the truth, and what is foreign survives."""

from __future__ import annotations

import copy
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring
from xml.sax.saxutils import escape, quoteattr

from ansible.module_utils.xmpp.bookmark_work import bookmark_work
from ansible.module_utils.xmpp.bookmarks import ENFORCEABLE, NATIVE_NODE, Room
from ansible.module_utils.xmpp.profile import Profile
from ansible.module_utils.xmpp.vcard import FIELDS, TEMP, V4, Form, found, merged, without
from ansible.module_utils.xmpp.vcard_work import vcard_work
from hypothesis import given, settings
from hypothesis import strategies as st
from xmpp_account_store import EJABBERD, PROSODY, ApiStore, Store, run

MUC = "conference.univ.example"
ROOMS = [f"{name}@{MUC}" for name in ("equipe", "jury", "accueil", "zoé")]
WORDS = st.text(st.characters(blacklist_categories=["C", "Z"], max_codepoint=0x2FF), min_size=1, max_size=6)
NUMBERS = st.sampled_from(["+33 3 20", "03.20", "tel:1", "12"])

WISHED_ROOMS = st.lists(
    st.builds(Room, st.sampled_from(ROOMS), st.none() | WORDS, st.none() | WORDS, st.none() | st.booleans()),
    max_size=4,
    unique_by=lambda room: room.jid,
)


@st.composite
def conferences(draw: st.DrawFn) -> str:
    """What stands inside a bookmark, for either store."""
    inside = draw(st.lists(st.sampled_from(["nick", "password", "extensions", "x"]), max_size=4))
    return "".join(
        f"<x xmlns='urn:x' a={quoteattr(draw(WORDS))}/>" if name == "x" else f"<{name}>{escape(draw(WORDS))}</{name}>"
        for name in inside
    )


@st.composite
def own_bookmarks(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    """(address, attributes, inside); addresses in any spelling, some of other rooms, some that are none."""
    jids = st.sampled_from([*ROOMS, ROOMS[0].upper(), "theirs@other.example", "no address", ""])
    attributes = st.sampled_from(
        ["", " autojoin='1'", " autojoin='true' name='Mine'", " name=''", " autojoin='odd' odd='1'"]
    )
    return draw(st.lists(st.tuples(jids, attributes, conferences()), max_size=5, unique_by=lambda each: each[0]))


def filled(native: bool, bookmarks: list[tuple[str, str, str]]) -> Store:
    store = Store(PROSODY if native else EJABBERD)
    for jid, attributes, inside in bookmarks:
        if native:
            conference = f"<conference xmlns='{NATIVE_NODE}'{attributes}>{inside}</conference>"
            store.put(NATIVE_NODE, jid, conference, access_model="whitelist", max_items="max")
        else:
            xml = f"<conference xmlns='storage:bookmarks' jid={quoteattr(jid)}{attributes}>{inside}</conference>"
            store.private.append(fromstring(xml))
    return store


def contents(store: Store) -> dict[str, bytes]:
    if store.features == PROSODY:
        return {jid: tostring(item[0]) for jid, item in store.items(NATIVE_NODE).items()}
    return {each.get("jid", ""): tostring(each) for each in store.private}


@settings(max_examples=200, deadline=None)
@given(st.booleans(), own_bookmarks(), WISHED_ROOMS, st.sets(st.sampled_from(ENFORCEABLE)), st.booleans())
def test_bookmarks(
    native: bool, own: list[tuple[str, str, str]], rooms: list[Room], enforced: set[str], present: bool
) -> None:
    store = filled(native, own)
    before = contents(store)
    work = bookmark_work(rooms, present=present, enforced=enforced)
    dry = run(store, work, dry=True)
    assert contents(store) == before
    wet = run(store, work)
    assert (wet.changes, wet.before, wet.after) == (dry.changes, dry.before, dry.after)
    after = contents(store)
    again = run(store, work)
    assert (again.changes, contents(store)) == ([], after)
    assert again.before == wet.after
    named = {room.jid for room in rooms}
    for jid, xml in before.items():
        if jid.lower() not in named or (present and not enforced):
            assert after[jid] == xml
    gone = {jid for jid in before if jid.lower() in named} if not present else set()
    added = {jid for jid in named if jid not in {each.lower() for each in before}} if present else set()
    assert set(after) == set(before) - gone | added


def temp_properties(draw: st.DrawFn) -> str:
    kinds = "".join(draw(st.lists(st.sampled_from(["<WORK/>", "<HOME/>", "<FAX/>", "<CELL/>", "<PREF/>"]), max_size=2)))
    text = escape(draw(WORDS | st.just("")))
    number = escape(draw(NUMBERS | WORDS))  # often one that is wished, too
    return draw(
        st.sampled_from(
            [
                f"<FN>{text}</FN>",
                f"<NICKNAME>{text}</NICKNAME>",
                f"<EMAIL>{kinds}<USERID>{text}</USERID></EMAIL>",
                f"<TEL>{kinds}<NUMBER>{number}</NUMBER></TEL>",
                f"<TEL>{kinds}</TEL>",
                f"<ORG><ORGNAME>{text}</ORGNAME><ORGUNIT>a</ORGUNIT><ORGUNIT>b</ORGUNIT></ORG>",
                "<ORG/>",
                f"<DESC>{text}</DESC>",
                f"<odd xmlns='urn:odd'>{text}</odd>",
                "<PHOTO><BINVAL>AAAA</BINVAL></PHOTO>",
            ]
        )
    )


def v4_properties(draw: st.DrawFn) -> str:
    types = draw(st.lists(st.sampled_from(["work", "home", "fax", "voice"]), max_size=2))
    kinds = f"<parameters><type>{''.join(f'<text>{kind}</text>' for kind in types)}</type></parameters>"
    text = escape(draw(WORDS | st.just("")))
    return draw(
        st.sampled_from(
            [
                f"<fn><text>{text}</text></fn>",
                "<fn/>",
                f"<nickname><text>{text}</text><text>b</text></nickname>",
                f"<email>{kinds}<text>{text}</text></email>",
                f"<tel>{kinds}<uri>tel:{text}</uri></tel>",
                f"<tel>{kinds}<text>{text}</text></tel>",
                f"<group name='g'><email>{kinds}<text>{text}</text></email><x/></group>",
                f"<org><text>{text}</text><text>b</text></org>",
                f"<note><text>{text}</text></note>",
                f"<odd xmlns='urn:odd'>{text}</odd>",
            ]
        )
    )


@st.composite
def profiles(draw: st.DrawFn, form: Form) -> Element:
    one = temp_properties if form is TEMP else v4_properties
    xml = "".join(one(draw) for _ in range(draw(st.integers(0, 6))))
    namespace, name = form.root[1:].split("}")
    return fromstring(f"<{name} xmlns='{namespace}'>{xml}</{name}>")


WISHES = st.fixed_dictionaries({}, optional={f: NUMBERS if "phone" in f else WORDS for f in FIELDS})
ENFORCED = st.sets(st.sampled_from(FIELDS))


def foreign(form: Form, vcard: Element, wish: dict[str, str]) -> list[bytes]:
    """What of a profile no field of the wish can be in, in order."""
    ours = [prop for field in wish for prop in form.properties(vcard, field)]
    rest = copy.deepcopy(vcard)
    for element, twin in zip(list(vcard.iter()), list(rest.iter()), strict=True):
        for child in [new for old, new in zip(list(element), list(twin), strict=True) if old in ours]:
            twin.remove(child)
    return [tostring(child) for child in rest]


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from([TEMP, V4]), WISHES, ENFORCED)
def test_profiles(data: st.DataObject, form: Form, wish: dict[str, str], enforced: set[str]) -> None:
    vcard = data.draw(profiles(form))
    original = tostring(vcard)
    new, changes = merged(form, vcard, wish, enforced=enforced)
    assert tostring(vcard) == original
    assert (tostring(new) == original) == (changes == [])
    assert merged(form, fromstring(tostring(new)), wish, enforced=enforced)[1] == []
    assert foreign(form, new, wish) == foreign(form, vcard, wish)
    for field in wish:
        was, now = list(form.all_values(vcard, field)), list(form.all_values(new, field))
        assert now == was or len(now) == max(1, len(was))
        if was and field not in enforced:
            assert now == was
    gone, _ = without(form, new, wish)
    assert without(form, gone, wish)[1] == []
    assert foreign(form, gone, wish) == foreign(form, vcard, wish)


@settings(max_examples=200, deadline=None)
@given(st.data(), WISHES, ENFORCED, st.booleans(), st.sampled_from(["prosody", "ejabberd", "api"]))
def test_works(data: st.DataObject, wish: dict[str, str], enforced: set[str], present: bool, kind: str) -> None:
    store: Store | ApiStore
    if kind == "api":
        store = ApiStore(tostring(data.draw(profiles(TEMP)), encoding="unicode"))
    else:
        store = Store(PROSODY if kind == "prosody" else EJABBERD)
        store.put("urn:xmpp:vcard4", "current", tostring(data.draw(profiles(V4)), encoding="unicode"))
        if kind == "ejabberd":
            store.temp = data.draw(profiles(TEMP))
    work = vcard_work(Profile(wish, None, enforced), present=present)
    way = "ejabberd_api" if kind == "api" else "password"
    dry = run(store, work, way=way, dry=True)
    wet = run(store, work, way=way)
    assert (wet.changes, wet.before, wet.after) == (dry.changes, dry.before, dry.after)
    again = run(store, work, way=way)
    assert again.changes == []


def test_the_laws_are_tried_on_profiles_that_hold_something() -> None:
    vcard = fromstring("<vCard xmlns='vcard-temp'><FN>a</FN><DESC>b</DESC></vCard>")
    SubElement(vcard, "{urn:odd}odd")
    assert len(foreign(TEMP, vcard, {"name": "x"})) == 2
    assert len(foreign(TEMP, found(TEMP, []), {"name": "x"})) == 0
