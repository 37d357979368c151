"""What the format 'libpurple_blist' promises beyond the laws (test_libpurple_laws.py)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.libpurple_blist import FORMAT

GOLDEN = Path(__file__).parents[2] / "golden" / "pidgin"
HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
CONFERENCE = "conference.univ.example"


def component(name: str, value: str) -> str:
    return f"<component name='{name}'>{value}</component>"


def setting(name: str, value: str, kind: str = "bool") -> str:
    return f"<setting name='{name}' type='{kind}'>{value}</setting>"


def chat(
    inner: str = "",
    room: str = "equipe",
    server: str = CONFERENCE,
    account: str = "zoe@univ.example",
    proto: str = "proto='prpl-jabber'",
) -> str:
    identity = component("room", room) + component("server", server)
    return f"<chat {proto} account='{account}'>{identity}{inner}</chat>"


def group(*inner: str, name: str = "Salons") -> str:
    return f"<group name='{name}'>{''.join(inner)}</group>"


def file(*groups: str) -> str:
    return f"<purple version='1.0'><blist>{''.join(groups)}</blist></purple>"


def merge(current: str | None, enforced: str = "", initial: str = "") -> str:
    """Merge and prove on the way that the result is well-formed and that merging again changes nothing."""
    merged: bytes = FORMAT.merge(None if current is None else current.encode(), enforced, initial)
    ET.fromstring(merged)
    assert FORMAT.merge(merged, enforced, initial) is merged
    text: str = merged.decode()
    return text


def test_a_fresh_list_holds_the_rooms_of_both_fragments_as_pidgin_writes_them() -> None:
    enforced = file(group(chat(setting("gtk-autojoin", "1"))))
    initial = file(
        group(
            chat(
                '<alias>Zoë O\'Brien &amp; "Co" &lt;x> \\</alias>'
                + component("handle", "Zo&#xeb;")
                + setting("gtk-autojoin", "0")
                + setting("gtk-persistent", "1")
            ),
            chat(room="accueil"),
            name="Others",
        )
    )
    merged = merge(None, enforced, initial)
    assert merged == (
        "<?xml version='1.0' encoding='UTF-8' ?>\n\n"
        "<purple version='1.0'>\n"
        "\t<blist>\n"
        "\t\t<group name='Salons'>\n"
        "\t\t\t<chat proto='prpl-jabber' account='zoe@univ.example'>\n"
        "\t\t\t\t<alias>Zoë O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\</alias>\n"
        "\t\t\t\t<component name='room'>equipe</component>\n"
        "\t\t\t\t<component name='server'>conference.univ.example</component>\n"
        "\t\t\t\t<component name='handle'>Zoë</component>\n"
        "\t\t\t\t<setting name='gtk-autojoin' type='bool'>1</setting>\n"
        "\t\t\t\t<setting name='gtk-persistent' type='bool'>1</setting>\n"
        "\t\t\t</chat>\n"
        "\t\t</group>\n"
        "\t\t<group name='Others'>\n"
        "\t\t\t<chat proto='prpl-jabber' account='zoe@univ.example'>\n"
        "\t\t\t\t<component name='room'>accueil</component>\n"
        "\t\t\t\t<component name='server'>conference.univ.example</component>\n"
        "\t\t\t</chat>\n"
        "\t\t</group>\n"
        "\t</blist>\n"
        "</purple>\n"
    )
    assert ET.fromstring(merged).findtext(".//alias") == HOSTILE


@pytest.mark.parametrize(
    "present",
    [
        chat(account="Zoe@Univ.example/poste"),
        chat(room="Equipe", server="Conference.univ.example"),
        chat(proto="protocol='prpl-jabber'"),
        chat("<alias>mine</alias>" + component("handle", "me")),
    ],
)
def test_a_room_is_found_in_whatever_group_and_case_and_only_settings_are_set(present: str) -> None:
    current = file(group(), group("<contact/>", present, name="moved here"))
    wanted = setting("gtk-autojoin", "1")
    merged = merge(current, file(group(chat(component("handle", "ours") + wanted))))
    assert merged == current.replace("</chat>", wanted + "</chat>")


@pytest.mark.parametrize(
    "other",
    [
        chat(account="leo@univ.example"),
        chat(room="direction"),
        chat(server="other.example"),
        chat(proto="proto='prpl-irc'"),
        f"<contact>{chat()}</contact>",
    ],
)
def test_another_room_server_account_protocol_or_place_is_another(other: str) -> None:
    current = file(group(other))
    assert merge(current, file(group(chat()))) == file(group(other, chat()))


def test_a_chat_that_stands_twice_is_set_twice() -> None:
    twice = chat(setting("gtk-autojoin", "0"))
    wanted = chat(setting("gtk-autojoin", "1"))
    assert merge(file(group(twice), group(twice)), file(group(wanted))) == file(group(wanted), group(wanted))


def test_initial_values_never_touch_a_room_that_exists() -> None:
    current = file(group(chat(setting("gtk-autojoin", "0")))).encode()
    initial = file(group(chat("<alias>x</alias>" + setting("gtk-autojoin", "1") + setting("gtk-persistent", "1"))))
    assert FORMAT.merge(current, "", initial) is current
    assert FORMAT.merge(current, file(group(chat())), initial) is current


@pytest.mark.parametrize(("current", "wanted"), [("1", "1"), ("2", "1"), ("true", "0"), ("off", "0")])
def test_a_bool_is_read_as_a_number_as_libpurple_does(current: str, wanted: str) -> None:
    document = file(group(chat(setting("gtk-autojoin", current)))).encode()
    assert FORMAT.merge(document, file(group(chat(setting("gtk-autojoin", wanted)))), "") is document


@pytest.mark.parametrize(("current", "wanted"), [("0", "1"), ("true", "1"), ("1", "0"), ("", "0")])
def test_a_bool_that_reads_otherwise_is_set(current: str, wanted: str) -> None:
    merged = merge(
        file(group(chat(setting("gtk-autojoin", current)))), file(group(chat(setting("gtk-autojoin", wanted))))
    )
    assert merged == file(group(chat(setting("gtk-autojoin", wanted))))


def test_an_enforced_alias_is_set_and_stands_before_the_components() -> None:
    wanted = file(group(chat("<alias>Ours</alias>")))
    first = merge(file(group(chat())), wanted)
    assert [child.tag for child in ET.fromstring(first).iter("chat").__next__()] == ["alias", "component", "component"]
    assert merge(file(group(chat("<alias>Mine</alias>"))), wanted) == file(group(chat("<alias>Ours</alias>")))


def test_rooms_are_added_to_the_existing_group_of_that_name_or_to_one_new_group() -> None:
    current = file(group(name="Salons").replace("></group>", "/>"), "<group/>")
    rooms = [chat(room="one"), chat(room="two")]
    assert merge(current, file(group(*rooms))) == file(group(*rooms), "<group/>")
    assert merge(current, file(group(*rooms, name="New"))) == current.replace(
        "</blist>", group(*rooms, name="New") + "</blist>"
    )


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        ("<purple><privacy><x/></privacy></purple>", "<purple><blist>{}</blist><privacy><x/></privacy></purple>"),
        ("<purple><blist/><privacy/></purple>", "<purple><blist>{}</blist><privacy/></purple>"),
        ("<purple>\n<blist>\n</blist>\n<privacy/></purple>", "<purple>\n<blist>\n\t<group"),
    ],
)
def test_a_missing_or_empty_list_is_created_before_the_privacy_lists(current: str, expected: str) -> None:
    assert merge(current, file(group(chat()))).startswith(expected.format(group(chat())))


def test_only_the_first_list_is_read_as_libpurple_does() -> None:
    current = f"<purple><blist/><blist>{group(chat())}</blist></purple>"
    assert merge(current, file(group(chat()))) == current.replace("<blist/>", f"<blist>{group(chat())}</blist>", 1)


@pytest.mark.parametrize(
    ("fragment", "reason"),
    [
        ("<purple>", "not well-formed"),
        ("<blist/>", "the root element is not <purple>"),
        ("<purple><privacy/></purple>", "<privacy> is not managed"),
        (file("<group/>"), "<group> without name="),
        (file("<chat/>"), "<chat> is not managed inside <blist>"),
        (file(group("<contact><buddy/></contact>")), "contacts are not seeded"),
        (file(group("<person/>")), "contacts are not seeded"),
        (file(group("<buddy/>")), "contacts are not seeded"),
        (file(group(setting("collapsed", "1"))), "<setting> is not managed inside <group>"),
        (file(group(chat(proto=""))), "<chat> without proto="),
        (file(group(chat(account=""))), "<chat> without account="),
        (file(group(chat(room=""))), "needs a component 'room'"),
        (file(group(chat(server=" x"))), "needs a component 'server'"),
        (file(group(chat(), chat(account="ZOE@univ.example/x", room="EQUIPE"))), "the same room twice"),
        (file(group(chat("<alias/><alias/>"))), "twice in one <chat>"),
        (file(group(chat(component("room", "x")))), "twice in one <chat>"),
        (file(group(chat(setting("gtk-autojoin", "yes")))), "a bool must be 0 or 1"),
        (file(group(chat(setting("x", "1") + setting("x", "1")))), "twice in one <chat>"),
        (file(group(chat("<component>x</component>"))), "<component> without name="),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_place(fragment: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"enforced fragment of blist\.xml.*line 1") as caught:
        FORMAT.merge(None, fragment, "")
    assert reason in str(caught.value)


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(Refused, match="not <purple>"):
        FORMAT.merge(b"<blist/>", file(group(chat())), "")


def test_what_pidgin_wrote_after_merging_needs_no_change() -> None:
    after = (GOLDEN / "02-full-seed-after-run-fr" / "blist.xml").read_bytes()
    fragment = (GOLDEN / "02-full-seed-before" / "blist.xml").read_text(encoding="utf-8")
    assert FORMAT.merge(after, fragment, fragment) is after
    after = (GOLDEN / "03-merge-2-after-run" / "blist.xml").read_bytes()
    fragment = (GOLDEN / "managed" / "blist" / "enforced.xml").read_text(encoding="utf-8")
    assert FORMAT.merge(after, fragment, "") is after


def test_a_persons_groups_contacts_and_privacy_lists_survive() -> None:
    user = (GOLDEN / "03-merge-0-user" / "blist.xml").read_text(encoding="utf-8")
    merged = merge(user, (GOLDEN / "managed" / "blist" / "enforced.xml").read_text(encoding="utf-8"))
    expected = (GOLDEN / "03-merge-1-merged" / "blist.xml").read_text(encoding="utf-8")
    assert ET.canonicalize(merged) == ET.canonicalize(expected)
    remaining = iter(merged.splitlines())
    assert all(line in remaining for line in user.splitlines())


# Items


ROOM = f"room equipe@{CONFERENCE} of zoe@univ.example"


def remove(current: str, items: dict[str, str]) -> str:
    text: str = FORMAT.remove(current.encode(), items).decode()
    return text


def created_by(before: str, after: str) -> dict[str, str]:
    there = FORMAT.items(before.encode())
    return {item: value for item, value in FORMAT.items(after.encode()).items() if item not in there}


def test_items_tell_rooms_and_groups_of_the_first_list() -> None:
    inner = "<alias>A</alias>" + component("handle", "Zoë") + component("password", "pw-canary")
    ours = chat(inner + setting("gtk-autojoin", "2"), room="Equipe", account="Zoe@univ.example/x")
    irc = f"<chat proto='prpl-irc' account='me@irc.example'>{component('channel', '#c')}</chat>"
    other = chat(account="me@irc.example", proto="proto='prpl-irc'")
    content = f"<purple><blist>{group(ours, irc, name='Mes amis')}<group>{other}</group></blist><blist/></purple>"
    assert FORMAT.items(content.encode()) == {
        "blist": "",
        "group Mes amis": "",
        ROOM: "",
        f"{ROOM} alias": "A",
        f"{ROOM} component handle": "Zoë",
        f"{ROOM} component password": "********",
        f"{ROOM} setting gtk-autojoin": "1",
        f"room equipe@{CONFERENCE} of prpl-irc me@irc.example": "",
    }


def test_a_room_is_taken_out_of_whatever_group_and_what_the_user_added_there_stays() -> None:
    before = file(group("<contact/>", name="Amis"))
    merged = merge(before, file(group(chat(), chat(room="two"))))
    created = created_by(before, merged)
    assert remove(merged, created) == before
    moved = file(group("<contact/>", chat(setting("gtk-mute-sound", "1")), name="Amis"), group(chat(room="two")))
    assert remove(moved, created) == before
    used = file(group("<contact/>", name="Amis"), group(chat(), "<contact/>", chat(room="two"), chat(room="own")))
    assert remove(used, created) == file(group("<contact/>", name="Amis"), group("<contact/>", chat(room="own")))


@pytest.mark.parametrize("foreign", ["<setting name='collapsed' type='bool'>1</setting>", "<!-- mine -->", "text"])
def test_a_group_stays_if_it_holds_anything_else(foreign: str) -> None:
    assert remove(file(group(foreign, chat())), {ROOM: "", "group Salons": "", "blist": ""}) == file(group(foreign))
    assert remove(
        file(group(chat())).replace("name='Salons'", "name='Salons' x=''"), {ROOM: "", "group Salons": ""}
    ) == (file("<group name='Salons' x=''/>"))


def test_a_group_and_a_list_that_are_not_asked_to_go_stay_empty() -> None:
    assert remove(file(group(chat())), {ROOM: ""}) == file("<group name='Salons'/>")
    assert remove(file(group(chat())), {ROOM: "", "group Salons": ""}) == "<purple version='1.0'><blist/></purple>"


def test_a_setting_or_alias_goes_only_while_it_is_the_given_one() -> None:
    current = file(group(chat("<alias>Mine</alias>" + setting("gtk-autojoin", "0"))))
    assert remove(current, {f"{ROOM} setting gtk-autojoin": "1", f"{ROOM} alias": "Ours"}) == current
    assert remove(current, {f"{ROOM} setting gtk-autojoin": "0", f"{ROOM} alias": "Mine"}) == file(group(chat()))


def test_a_room_that_was_taken_back_is_not_laid_again_and_another_is() -> None:
    initial = file(group(chat(component("handle", "Z") + setting("gtk-autojoin", "1")), chat(room="two")))
    assert FORMAT.items(merge(file(), "", initial).encode()) == FORMAT.items(initial.encode())
    merged = FORMAT.merge(file().encode(), "", initial, taken_back=frozenset([ROOM, "group Salons", "blist"]))
    assert FORMAT.items(merged).keys() == {"blist", "group Salons", ROOM.replace("equipe", "two")}
    gone = frozenset([f"{ROOM} setting gtk-autojoin"])
    assert b"autojoin" not in FORMAT.merge(file().encode(), "", initial, taken_back=gone)


def test_findings_tell_whose_room_passwords_stand_in_clear_and_never_the_passwords() -> None:
    password = component("password", "pw-canary")
    irc = f"<chat proto='prpl-irc' account='me@irc.example'>{component('channel', '#c')}{password}</chat>"
    content = file(group(chat(password), chat(password), chat(component("password", ""), room="two"), irc))
    content = content.replace("</purple>", f"<other><chat>{password}</chat></other></purple>")
    assert FORMAT.findings(content.encode()) == [
        f"password of room equipe@{CONFERENCE}",
        "password of room #c",
        "password of room without a name",
    ]
    assert "pw-canary" not in f"{FORMAT.items(content.encode())}{FORMAT.wanted(file(group(chat(password))))}"
