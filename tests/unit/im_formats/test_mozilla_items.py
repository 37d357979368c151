"""What a prefs.js holds by identity, what a withdrawal takes out of it, and what a user took back."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.mozilla_lists import LAID_DOWN
from ansible.module_utils.im_formats.mozilla_prefs import FORMAT
from ansible.module_utils.im_formats.mozilla_prefs_syntax import PrefsText, Value, literal
from hypothesis import given, settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parents[2] / "golden" / "thunderbird"
SAMPLES = {
    str(path.relative_to(GOLDEN)): path.read_bytes()
    for path in sorted([*GOLDEN.glob("153-*/*/prefs.js"), *GOLDEN.glob("153-odd-syntax/*.js")])
}
ENFORCED = (GOLDEN / "managed" / "enforced-prefs.js").read_text(encoding="utf-8")
INITIAL = (GOLDEN / "managed" / "initial-prefs.js").read_text(encoding="utf-8")
OWN = SAMPLES["153-own-mail-account/perso.default/prefs.js"]
JID = "zoe.lab@example.org"
CHAT = f"chat {JID}"
MAIL = f"mail {JID}@imap.example.org"
SMTP = f"smtp {JID}@smtp.example.org"
ANNOUNCEMENTS = f"room annonces@conference.example.org of {JID}"
CAFE = f"room cafe@conference.example.org of {JID}"
LAST_KEY = "mail.account.lastKey"


def values_of(content: bytes) -> dict[str, Value]:
    return dict(PrefsText(content).values)


def changed(content: bytes, **values: Value | None) -> bytes:
    """The file after the user changed or (None) reset preferences; "__" in a name stands for a dot."""
    text = PrefsText(content)
    for name, value in values.items():
        if value is None:
            text.unset(name.replace("__", "."))
        else:
            text.set(name.replace("__", "."), value)
    return text.render()


def created(before: bytes, after: bytes) -> dict[str, str]:
    known = FORMAT.items(before)
    return {item: value for item, value in FORMAT.items(after).items() if item not in known}


def without_last_key(content: bytes) -> bytes:
    """The one note that stays: the client never gives out a number twice, so neither do we."""
    text = PrefsText(content)
    text.unset(LAST_KEY)
    return text.render()


def test_a_profile_shows_what_it_holds_by_what_it_is() -> None:
    items = FORMAT.items(FORMAT.merge(None, ENFORCED, INITIAL))
    assert items == {
        CHAT: "",
        f"{CHAT} alias": '"Zoë O\'Brien & \\"Co\\" <x> \\\\"',
        f"{CHAT} autoLogin": "true",
        f"{CHAT} options.connection_security": '"require_tls"',
        f"{CHAT} options.port": "5222",
        f"{CHAT} options.server": '"xmpp.example.org"',
        ANNOUNCEMENTS: "",
        CAFE: "",
        MAIL: "",
        f"identity {JID} of {MAIL}": "",
        SMTP: "",
        f"{SMTP} port": "587",
        f"{SMTP} try_ssl": "2",
        f"{SMTP} type": '"smtp"',
        "default account": MAIL,
        "default smtp": SMTP,
        "pref mail.rights.version": "1",
        "pref mailnews.start_page.enabled": "false",
        "pref messenger.status.timeBeforeIdle": "600",
    }


@pytest.mark.parametrize("fragment", [ENFORCED, INITIAL])
@pytest.mark.parametrize("current", [None, b"", *SAMPLES.values()])
def test_after_a_merge_the_profile_holds_what_is_wanted(fragment: str, current: bytes | None) -> None:
    held = FORMAT.items(FORMAT.merge(current, fragment, ""))
    defaults = {"pref purple.logging.log_ims"}
    mail_was_there = MAIL in FORMAT.items(current or b"")
    for item, value in FORMAT.wanted(fragment).items():
        if item in defaults or (mail_was_there and item.split(" ")[0] in ("identity", "smtp", "default")):
            continue
        assert item in held
        assert item.startswith("default") or held[item] == value


def test_a_built_in_default_is_wanted_and_satisfied_by_absence() -> None:
    fragment = 'pref("a", true);\nuser_pref("a", true);'
    assert FORMAT.wanted(fragment) == {"pref a": "true"}
    assert FORMAT.items(FORMAT.merge(None, fragment, "")) == {}
    assert FORMAT.items(FORMAT.merge(b'user_pref("a", false);', fragment, "")) == {"pref a": "true"}
    assert FORMAT.wanted(" \n") == {}


def test_a_secret_has_no_value() -> None:
    content = b'user_pref("x.password", "hunter2");\nuser_pref("a.token", 3);\n'
    assert FORMAT.items(content) == {"pref x.password": "********", "pref a.token": "********"}
    assert FORMAT.remove(content, FORMAT.items(content)) is content, "nobody can tell whether it is ours"


# What was laid can be taken out.


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
def test_taking_out_what_a_merge_created_gives_back_the_bytes(sample: str, eol: bytes) -> None:
    before = SAMPLES[sample].replace(b"\n", eol)
    after = FORMAT.merge(before, ENFORCED, INITIAL)
    back = FORMAT.remove(after, created(before, after))
    if LAST_KEY in values_of(before):
        back = changed(back, mail__account__lastKey=values_of(before)[LAST_KEY])
        assert back == before
    else:
        assert without_last_key(back) == before


@pytest.mark.parametrize("current", [b"", b"\xef\xbb\xbf", b"// mine", b'user_pref("z", 1);', b"\r\n"])
def test_a_small_file_gives_back_its_bytes_too(current: bytes) -> None:
    after = FORMAT.merge(current, ENFORCED, INITIAL)
    back = FORMAT.remove(after, created(current, after))
    assert without_last_key(back) == current
    assert values_of(back).keys() - values_of(current).keys() == {LAST_KEY}


def test_taking_out_nothing_gives_the_very_same_object() -> None:
    for items in ({}, {CHAT: "", "pref a": "1", "nonsense": "x"}):
        assert FORMAT.remove(OWN, items) is OWN


def test_a_preference_that_the_user_changed_stays() -> None:
    after = FORMAT.merge(OWN, ENFORCED, INITIAL)
    items = created(OWN, after)
    mine = changed(after, mail__rights__version=2)
    assert values_of(FORMAT.remove(mine, items))["mail.rights.version"] == 2
    assert "mail.rights.version" not in values_of(FORMAT.remove(after, items))
    one = {"pref mail.rights.version": "true"}
    assert FORMAT.remove(after, one) is after, "true is not 1"


def test_the_other_accounts_keep_their_numbers() -> None:
    after = FORMAT.merge(OWN, ENFORCED, INITIAL)
    back = values_of(FORMAT.remove(after, {CHAT: ""}))
    assert (
        back["mail.accountmanager.accounts"] == str(values_of(after)["mail.accountmanager.accounts"]).rpartition(",")[0]
    )
    gone = values_of(after).keys() - back.keys()
    assert {name.rpartition(".")[0].removesuffix(".options") for name in gone} == {
        "mail.account.account6",
        "mail.server.server6",
        "messenger.account.account2",
    }
    same = {name for name in back if back[name] == values_of(after)[name]}
    assert back.keys() - same == {"mail.accountmanager.accounts", LAID_DOWN}
    assert back[LAST_KEY] == values_of(after)[LAST_KEY]
    assert MAIL in FORMAT.items(FORMAT.remove(after, {CHAT: ""}))


def test_the_default_account_is_cleared_only_if_it_goes() -> None:
    after = FORMAT.merge(None, ENFORCED, INITIAL)
    assert "mail.accountmanager.defaultaccount" in values_of(FORMAT.remove(after, {CHAT: ""}))
    assert "mail.accountmanager.defaultaccount" not in values_of(FORMAT.remove(after, {MAIL: ""}))


def test_an_outgoing_server_stays_unless_asked_for_and_while_a_sender_uses_it() -> None:
    after = FORMAT.merge(None, ENFORCED, INITIAL)
    assert SMTP in FORMAT.items(FORMAT.remove(after, {MAIL: ""}))
    assert SMTP in FORMAT.items(FORMAT.remove(after, {SMTP: ""}))
    left = FORMAT.items(FORMAT.remove(after, {MAIL: "", SMTP: ""}))
    assert not [item for item in left if item.startswith(("mail", "smtp", "identity", "default"))]


def test_a_sender_that_another_account_uses_stays() -> None:
    after = changed(FORMAT.merge(None, ENFORCED, INITIAL), mail__account__account7__identities="id9, id1")
    assert values_of(FORMAT.remove(after, {MAIL: ""}))["mail.identity.id1.useremail"] == JID
    alone = FORMAT.merge(None, ENFORCED, INITIAL)
    back = values_of(FORMAT.remove(alone, {f"identity {JID} of {MAIL}": ""}))
    assert "mail.identity.id1.useremail" not in back
    assert "mail.account.account1.identities" not in back


def test_an_account_that_takes_in_the_mail_of_another_stays() -> None:
    after = changed(FORMAT.merge(None, ENFORCED, INITIAL), mail__server__server9__deferred_to_account="account1")
    assert FORMAT.remove(after, {MAIL: ""}) is after


def test_what_another_account_points_to_stays() -> None:
    after = changed(
        FORMAT.merge(None, ENFORCED, INITIAL),
        mail__account__account8__server="server2",
        mail__server__server9__imAccount="account1",
    )
    back = values_of(FORMAT.remove(after, {CHAT: ""}))
    assert back["mail.server.server2.type"] == "im"
    assert back["messenger.account.account1.name"] == JID
    assert back["mail.accountmanager.accounts"] == "account1"


def test_a_room_leaves_with_its_memory_and_the_others_stay_as_they_are_spelled() -> None:
    after = FORMAT.merge(None, ENFORCED, INITIAL)
    spelled = "Mine@x.example/me hush , annonces@conference.example.org/zoe.lab,cafe@conference.example.org/other"
    mine = changed(after, messenger__account__account1__autoJoin=spelled)
    back = values_of(FORMAT.remove(mine, {CAFE: ""}))
    assert back["messenger.account.account1.autoJoin"] == spelled.rpartition(",")[0]
    assert "cafe" not in str(back[LAID_DOWN])
    assert "mail.rights.version" in str(back[LAID_DOWN])
    back = values_of(FORMAT.remove(mine, {ANNOUNCEMENTS: "", CAFE: ""}))
    assert back["messenger.account.account1.autoJoin"] == "Mine@x.example/me hush "


def test_the_memory_of_an_account_goes_with_it() -> None:
    after = FORMAT.merge(None, "", INITIAL)
    left = changed(after, messenger__account__account1__autoJoin="")
    assert JID in str(values_of(left)[LAID_DOWN])
    assert JID not in str(values_of(FORMAT.remove(left, {CHAT: ""}))[LAID_DOWN])


# What the user took back.


def test_what_was_taken_back_is_not_laid_again() -> None:
    taken = frozenset({CAFE, f"{CHAT} alias", "pref mail.rights.version", "default account"})
    items = FORMAT.items(FORMAT.merge(None, ENFORCED, INITIAL, {}, taken))
    assert not taken - {"default account"} & items.keys()
    assert items.keys() >= {CHAT, MAIL, ANNOUNCEMENTS, "default account", "pref mailnews.start_page.enabled"}


def test_what_is_enforced_is_laid_though_it_was_taken_back() -> None:
    everything = frozenset(FORMAT.items(FORMAT.merge(None, ENFORCED, INITIAL)))
    items = FORMAT.items(FORMAT.merge(None, ENFORCED, INITIAL, {}, everything))
    assert items.keys() >= FORMAT.wanted(ENFORCED).keys() - {"pref purple.logging.log_ims"}
    assert f"identity {JID} of {MAIL}" in items


def test_an_initial_account_that_was_taken_back_stays_away_with_its_outgoing_server() -> None:
    merged = FORMAT.merge(OWN, "", INITIAL, {}, frozenset({MAIL, CHAT}))
    assert not {MAIL, CHAT, SMTP, CAFE} & FORMAT.items(merged).keys()
    everything = frozenset(FORMAT.wanted(INITIAL))
    assert FORMAT.merge(OWN, "", INITIAL, {}, everything) is OWN


def test_a_room_taken_back_adds_to_the_memory_of_the_profile() -> None:
    once = FORMAT.merge(OWN, ENFORCED, INITIAL)
    assert FORMAT.merge(once, ENFORCED, INITIAL, {}, frozenset({"pref unknown"})) is once
    assert CAFE in FORMAT.items(FORMAT.merge(once, ENFORCED, INITIAL, {}, frozenset({CAFE}))), "it is there"


# Passwords in clear.


def test_passwords_in_clear_are_found_and_not_told() -> None:
    content = (
        b'user_pref("messenger.account.account1.autoJoin", "Room@x.example/n hunter2,b@x, ,c@x.example hunter3");'
        b'user_pref("mail.x.Password", "hunter4");user_pref("a.pass", "hunter5");user_pref("b.pass", "");\n'
        b'user_pref("c.password", 7);user_pref("compass", "x");\n'
    )
    found = FORMAT.findings(content)
    assert found == [
        "password of room room@x.example",
        "password of room c@x.example",
        "pref mail.x.Password",
        "pref a.pass",
    ]
    assert FORMAT.findings(OWN) == []
    assert FORMAT.findings(b'user_pref("a.password", "hunter2"') == []


# Documents that nobody wrote.

SOME = st.sampled_from(
    [
        *PrefsText(FORMAT.merge(OWN, ENFORCED, INITIAL)).values.items(),
        ("mail.accountmanager.accounts", "account1 , account2"),
        ("mail.smtpservers", "smtp1"),
        ("mail.identity.id2.smtpServer", "smtp1"),
        ("messenger.account.account1.autoJoin", "a@x b,annonces@conference.example.org"),
        ("messenger.account.account1.x\x7f", "a"),
        ("mail.account.account1.identities", "id1,id2"),
        ("pref.\udce9", "\udce9"),
    ]
)
LIST_NAMES = {"mail.accountmanager.accounts", "mail.smtpservers", LAID_DOWN}


@given(st.lists(SOME, max_size=25), st.booleans(), st.sampled_from([b"\n", b"\r\n"]))
@settings(max_examples=150, deadline=None)
def test_any_prefs_file_is_as_it_was_when_what_was_created_is_taken_out(
    prefs: list[tuple[str, Value]], ended: bool, eol: bytes
) -> None:
    lines = [f"user_pref({literal(name)}, {literal(value)});".encode() for name, value in dict(prefs).items()]
    before = eol.join(lines) + (eol if ended else b"")
    try:
        after = FORMAT.merge(before, ENFORCED, INITIAL)
    except Refused:
        return
    held = FORMAT.items(after)
    back = FORMAT.remove(after, created(before, after))
    was, now = values_of(before), values_of(back)
    items = FORMAT.items(before)
    # What was there in another value was changed, not created; a broken account was repaired.
    other = {name for name in was if now.get(name) != was[name]}
    assert other <= {LAST_KEY, *LIST_NAMES} | {name for name in was if was[name] != values_of(after)[name]}
    assert {name for name in now.keys() - was.keys() if not name.endswith(".prpl")} <= {LAST_KEY}
    assert FORMAT.items(back).keys() == items.keys()
    if not other and now.keys() - was.keys() <= {LAST_KEY} and (LAST_KEY in was or LAST_KEY in now):
        assert (back if LAST_KEY in was else without_last_key(back)) == before
    assert held.keys() >= FORMAT.wanted(ENFORCED).keys() - {
        item for item in FORMAT.wanted(ENFORCED) if item.startswith(("smtp", "identity", "default", "pref"))
    }
    assert FORMAT.remove(back, {item: value for item, value in held.items() if item not in items}) is back


@given(st.binary(max_size=200) | st.lists(SOME, max_size=8).map(lambda prefs: repr(prefs).encode("utf-8", "replace")))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert isinstance(FORMAT.findings(content), list)
    try:
        items = FORMAT.items(content)
    except Refused:
        with pytest.raises(Refused):
            FORMAT.remove(content, {})
        return
    assert FORMAT.remove(content, {}) is content
    assert "".join(items).encode() is not None
