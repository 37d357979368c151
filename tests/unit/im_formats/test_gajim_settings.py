"""What the format 'gajim_settings' promises beyond the laws that test_laws.py proves for every format."""

from __future__ import annotations

import json
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_formats import sqlite_bytes
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.gajim_keys import ACCOUNT, ACCOUNT_REWRITTEN_BY_GAJIM, APP
from ansible.module_utils.im_formats.gajim_settings import FORMAT

GOLDEN = Path(__file__).parents[2] / "golden" / "gajim"
SAMPLES = {path.name: path.read_bytes() for path in sorted(GOLDEN.glob("*.sqlite"))}
JID = "zoe.obrien@example.org"
HOSTILE_NAME = 'Zoë O\'Brien & "Co" <x> \\'

Rows = dict[str, dict[str, str]]


def rows_of(content: bytes) -> Rows:
    """Both tables of a settings file, as {table: {key: text}} in the order of the file."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        return {
            "settings": dict(connection.execute("SELECT * FROM settings ORDER BY rowid").fetchall()),
            "account_settings": dict(connection.execute("SELECT * FROM account_settings ORDER BY rowid").fetchall()),
        }


def user_version_of(content: bytes) -> int:
    return int.from_bytes(content[60:64], "big")


def account_of(content: bytes, row_key: str) -> dict[str, Any]:
    return dict(json.loads(rows_of(content)["account_settings"][row_key])["account"])


def app_of(content: bytes) -> dict[str, Any]:
    return dict(json.loads(rows_of(content)["settings"]["app"]))


def edited(content: bytes, statement: str, parameters: tuple[Any, ...] = ()) -> bytes:
    """The file after one SQL statement."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(content)
        connection.execute(statement, parameters)
        return connection.serialize()


def with_row(content: bytes, table: str, key: str, text: str | bytes | None) -> bytes:
    delete, insert = {
        "settings": ("DELETE FROM settings WHERE name = ?", "INSERT INTO settings VALUES (?, ?)"),
        "account_settings": (
            "DELETE FROM account_settings WHERE account = ?",
            "INSERT INTO account_settings VALUES (?, ?)",
        ),
    }[table]
    return edited(edited(content, delete, parameters=(key,)), insert, parameters=(key, text))


def with_account(content: bytes, key: str, **values: Any) -> bytes:
    return with_row(content, "account_settings", key, json.dumps({"account": values, "contact": {}, "group_chat": {}}))


def asking(app: dict[str, Any] | None = None, row_key: str = JID, **account: Any) -> str:
    """A fragment for some app keys and, when there are account keys, one account."""
    fragment: dict[str, Any] = {"app": app or {}}
    if account:
        fragment["accounts"] = {row_key: {"account": {"address": JID, **account}}}
    return json.dumps(fragment)


def for_jid(jid: str, row_key: str = "ours", **values: Any) -> str:
    return json.dumps({"accounts": {row_key: {"account": {"address": jid, **values}}}})


EMPTY = FORMAT.merge(None, "", "")
V7 = SAMPLES["2.6.0-two-accounts.sqlite"]
V5 = SAMPLES["1.7.3-three-accounts.sqlite"]
V0 = SAMPLES["1.3.1-two-accounts.sqlite"]


# --- a new file


def test_a_new_file_is_the_one_that_every_gajim_migrates() -> None:
    content = FORMAT.merge(None, asking(active=True), asking(resource="gajim.$rand"))
    assert user_version_of(content) == 0
    assert rows_of(content) == {
        "settings": {"app": "{}", "soundevents": "{}", "status_presets": "{}", "proxies": "{}", "plugins": "{}"},
        "account_settings": {
            JID: '{"account": {"name": "zoe.obrien", "hostname": "example.org", "address": "zoe.obrien@example.org", '
            '"resource": "gajim.$rand", "active": true}, "contact": {}, "group_chat": {}}'
        },
    }


def test_a_new_file_is_the_same_every_time() -> None:
    assert FORMAT.merge(None, asking(active=True), "") == FORMAT.merge(None, asking(active=True), "")


def test_a_changed_file_is_the_same_every_time() -> None:
    assert FORMAT.merge(V7, asking(active=True), "") == FORMAT.merge(V7, asking(active=True), "")


def test_blank_fragments_ask_nothing() -> None:
    for content in SAMPLES.values():
        assert FORMAT.merge(content, "", " \n") is content


def test_a_new_account_starts_with_the_initial_keys_and_the_enforced_ones_win() -> None:
    content = FORMAT.merge(None, asking(custom_port=5223), asking(custom_port=1, account_label=HOSTILE_NAME))
    account = account_of(content, JID)
    assert account["custom_port"] == 5223
    assert account["account_label"] == HOSTILE_NAME


def test_an_account_that_only_the_initial_fragment_asks_for_is_made_once() -> None:
    content = FORMAT.merge(EMPTY, "", asking(autoconnect=False))
    assert account_of(content, JID)["autoconnect"] is False
    assert FORMAT.merge(content, "", asking(autoconnect=True)) is content


# --- files of real Gajims


@pytest.mark.parametrize("name", SAMPLES)
def test_a_new_account_leaves_every_row_of_a_real_file_byte_for_byte(name: str) -> None:
    before = rows_of(SAMPLES[name])
    content = FORMAT.merge(SAMPLES[name], asking(active=True), "")
    after = rows_of(content)
    assert after["account_settings"].pop(JID)
    assert after == before
    assert list(after["settings"]) == list(before["settings"])
    assert user_version_of(content) == user_version_of(SAMPLES[name])


@pytest.mark.parametrize("name", SAMPLES)
def test_app_keys_leave_all_other_rows_byte_for_byte(name: str) -> None:
    before = rows_of(SAMPLES[name])
    content = FORMAT.merge(SAMPLES[name], asking({"show_notifications": False}), "")
    after = rows_of(content)
    old_app, new_app = before["settings"].pop("app"), after["settings"].pop("app")
    assert after == before
    separator = "" if old_app == "{}" else ", "
    assert new_app == f'{old_app[:-1]}{separator}"show_notifications": false}}'


@pytest.mark.parametrize("name", [name for name in SAMPLES if "accounts" in name])
def test_an_enforced_key_changes_in_place_inside_the_row_that_gajim_wrote(name: str) -> None:
    before = rows_of(SAMPLES[name])
    key = next(key for key in before["account_settings"] if key.startswith(("univ-lille", "user01")))
    after = rows_of(FORMAT.merge(SAMPLES[name], for_jid("user01@univ-lille.example", active=False), ""))
    text = before["account_settings"].pop(key)
    assert after["account_settings"].pop(key) == text.replace('"active": true', '"active": false')
    assert after == before


@pytest.mark.parametrize("name", [name for name in SAMPLES if "accounts" in name])
def test_an_account_that_gajim_knows_under_another_row_key_is_recognised(name: str) -> None:
    wanted = for_jid("USER01@univ-lille.example", active=True, use_custom_host=False, custom_port=5222)
    assert FORMAT.merge(SAMPLES[name], wanted, for_jid("USER01@univ-lille.example", resource="x")) is SAMPLES[name]


# --- whose account it is


def test_an_account_without_address_is_known_by_name_and_hostname() -> None:
    content = FORMAT.merge(V5, for_jid("x@univ-lille.example", active=True), "")
    assert account_of(content, "ext") == {"name": "x", "hostname": "univ-lille.example", "active": True}


def test_a_resource_in_the_address_is_ignored() -> None:
    content = with_account(V7, "mine", address=f"{JID}/home", active=True)
    assert FORMAT.merge(content, asking(active=True), "") is content


def test_before_user_version_6_name_and_hostname_say_whose_account_it_is() -> None:
    values = {"name": "someone", "hostname": "else.example", "address": JID, "active": True}
    content = FORMAT.merge(with_account(V5, "theirs", **values), asking(active=True), "")
    assert account_of(content, "theirs") == values
    assert account_of(content, JID)["name"] == "zoe.obrien"


def test_an_identity_that_this_gajim_cannot_read_is_completed() -> None:
    old = with_account(V5, "mine", address=JID, active=True)
    assert account_of(FORMAT.merge(old, asking(active=True), ""), "mine") == {
        "address": JID,
        "active": True,
        "name": "zoe.obrien",
        "hostname": "example.org",
    }
    new = with_account(V7, "mine", name="zoe.obrien", hostname="example.org", active=True)
    assert account_of(FORMAT.merge(new, asking(active=True), ""), "mine")["address"] == JID


def test_the_local_link_account_is_nobodys() -> None:
    content = with_account(V5, "Local", name="zoe.obrien", hostname="example.org", is_zeroconf=True)
    merged = FORMAT.merge(content, asking(active=True), "")
    assert list(rows_of(merged)["account_settings"])[-2:] == ["Local", JID]


def test_a_row_key_of_another_account_is_refused_not_taken() -> None:
    with pytest.raises(Refused, match=r"row 'autre'.*another account.*choose another row key"):
        FORMAT.merge(V7, asking(row_key="autre", active=True), "")


def test_two_accounts_with_the_wanted_address_are_refused() -> None:
    content = with_account(with_account(V7, "a", address=JID), "b", address=JID.upper())
    with pytest.raises(Refused, match=r"'a', 'b' have the same address"):
        FORMAT.merge(content, asking(active=True), "")


# --- what is absent


@pytest.mark.parametrize(
    ("user_version", "key", "value", "satisfied"),
    [
        (7, "active", False, True),
        (7, "active", True, False),
        (7, "autoconnect", True, True),
        (7, "sync_with_global_status", True, True),
        (5, "active", True, False),
        # Until user_version 2 the opposite is the default, and an upgrade of Gajim turns the meaning round.
        (0, "active", True, False),
        (0, "autoconnect", False, False),
        (0, "custom_port", 5222, True),
    ],
)
def test_an_absent_account_key_is_the_default_of_every_gajim_that_opens_the_file(
    user_version: int, key: str, value: Any, satisfied: bool
) -> None:
    sample = {0: V0, 5: V5, 7: V7}[user_version]
    content = with_account(sample, "mine", name="zoe.obrien", hostname="example.org", address=JID)
    merged = FORMAT.merge(content, asking(**{key: value}), "")
    assert (merged is content) is satisfied
    assert account_of(merged, "mine").get(key) == (None if satisfied else value)


@pytest.mark.parametrize(
    ("content", "key", "value", "satisfied"),
    [
        (V7, "show_notifications", True, True),
        (V7, "use_speller", True, True),
        (V5, "use_speller", True, False),  # user_version 5 is 1.7.3 (false) and 1.8.0 (true)
        (V5, "use_speller", False, False),
        (EMPTY, "use_keyring", True, False),  # the portable Windows build says false
        (EMPTY, "plugins_repository_enabled", False, False),  # Debian says false, upstream true
    ],
)
def test_an_absent_app_key_is_satisfied_only_by_a_default_that_all_agree_on(
    content: bytes, key: str, value: Any, satisfied: bool
) -> None:
    merged = FORMAT.merge(content, asking({key: value}), "")
    assert (merged is content) is satisfied
    assert (key in app_of(merged)) is not satisfied


def test_one_is_not_true() -> None:
    content = with_row(V7, "settings", "app", '{"autoaway": 1}')
    assert app_of(FORMAT.merge(content, asking({"autoaway": True}), ""))["autoaway"] is True


# --- the user's freedom


def test_an_initial_app_key_never_replaces_a_choice() -> None:
    content = FORMAT.merge(V7, "", asking({"autoawaytime": 30, "autoxatime": 60}))
    assert (app_of(content)["autoawaytime"], app_of(content)["autoxatime"]) == (12, 60)


def test_an_initial_app_key_is_not_laid_again_once_the_user_went_back_to_the_default() -> None:
    content = with_row(V7, "settings", "app", '{"autoxatime": 15}')  # Gajim stores a chosen default
    assert FORMAT.merge(content, "", asking({"autoxatime": 60})) is content


@pytest.mark.parametrize(("key", "value"), [("app_font_size", 1.2), ("global_proxy", "campus"), ("use_keyring", False)])
def test_an_initial_key_whose_absence_may_be_a_choice_is_laid_in_a_new_file_only(key: str, value: Any) -> None:
    assert app_of(FORMAT.merge(None, "", asking({key: value})))[key] == value
    content = SAMPLES["1.7.3-first-start.sqlite"]
    assert FORMAT.merge(content, "", asking({key: value})) is content


def test_an_enforced_app_key_wins_over_the_initial_one() -> None:
    assert app_of(FORMAT.merge(None, asking({"autoxatime": 20}), asking({"autoxatime": 60}))) == {"autoxatime": 20}


def test_initial_account_keys_never_touch_an_account_that_exists() -> None:
    wanted = for_jid("user01@univ-lille.example", proxy="campus", resource="x", password="y")
    assert FORMAT.merge(V7, "", wanted) is V7


# --- what the user took back


def test_an_initial_account_that_the_user_deleted_is_not_made_again() -> None:
    initial = asking(autoconnect=False)
    assert FORMAT.merge(V7, "", initial, taken_back=frozenset({f"account {JID}"})) is V7
    assert rows_of(FORMAT.merge(V7, "", initial, taken_back=frozenset({"account other@example.org"}))) != rows_of(V7)


def test_an_enforced_account_that_the_user_deleted_is_made_with_all_that_a_new_one_starts_with() -> None:
    first = FORMAT.merge(V7, asking(custom_port=5223), asking(active=True))
    gone = frozenset(FORMAT.items(first)) - frozenset(FORMAT.items(V7))
    assert FORMAT.merge(V7, asking(custom_port=5223), asking(active=True), taken_back=gone) == first


def test_an_initial_app_key_that_the_user_removed_is_not_laid_again() -> None:
    initial = asking({"autoxatime": 60, "sounddnd": True})
    merged = FORMAT.merge(V7, "", initial, taken_back=frozenset({"app autoxatime"}))
    assert app_of(merged) == {**app_of(V7), "sounddnd": True}
    assert app_of(FORMAT.merge(V7, asking({"autoxatime": 20}), initial, taken_back=frozenset({"app autoxatime"}))) == {
        **app_of(V7),
        "autoxatime": 20,
        "sounddnd": True,
    }


# --- what is in a file, and taking it out


def test_the_items_of_a_file_are_its_accounts_and_the_keys_that_a_fragment_may_name() -> None:
    content = with_row(EMPTY, "settings", "app", '{"autoaway": 1, "dark_theme": 1, "mainwin_width": 5, "new": 1}')
    content = with_account(content, "x", name="Zoë", hostname="Example.org", password="canary", active=True, new=1)
    content = with_account(content, "Local", name="me", hostname="here", is_zeroconf=True)
    content = with_account(content, "none", active=True)
    content = with_account(content, "odd", address="a b@example.org")
    assert FORMAT.items(content) == {
        "account zoë@example.org": "",
        "account zoë@example.org password": "********",
        "account zoë@example.org active": "true",
        "app autoaway": "1",
        "app dark_theme": "1",
    }


def test_a_password_that_is_empty_is_none() -> None:
    assert FORMAT.items(with_account(EMPTY, "x", address=JID, password=""))[f"account {JID} password"] == '""'


def test_of_two_accounts_with_one_address_the_first_is_told_and_none_is_removed() -> None:
    content = with_account(with_account(V7, "a", address=JID, priority=1), "b", address=JID.upper(), priority=2)
    assert FORMAT.items(content)[f"account {JID} priority"] == "1"
    with pytest.raises(Refused, match=r"'a', 'b' have the same address"):
        FORMAT.remove(content, {f"account {JID}": ""})


def test_what_is_wanted_is_what_a_new_file_holds() -> None:
    enforced = asking({"autoaway": True, "dark_theme": 1}, active=True, account_label=HOSTILE_NAME)
    initial = asking({"sounddnd": True}, resource="gajim.$rand", password="canary")
    assert FORMAT.items(FORMAT.merge(None, enforced, "")) == FORMAT.wanted(enforced)
    assert FORMAT.items(FORMAT.merge(None, enforced, initial)) == FORMAT.wanted(enforced) | FORMAT.wanted(initial)
    assert FORMAT.wanted(initial)[f"account {JID} password"] == "********"
    assert FORMAT.wanted(" \n") == {}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_only_was_added_comes_out_again_text_for_text(name: str) -> None:
    content = SAMPLES[name]
    merged = FORMAT.merge(content, asking({"sounddnd": True}, active=True), asking(password="canary"))
    created = {key: value for key, value in FORMAT.items(merged).items() if key not in FORMAT.items(content)}
    without = FORMAT.remove(merged, created)
    assert rows_of(without) == rows_of(content)
    assert user_version_of(without) == user_version_of(content)
    assert b"canary" in merged
    assert b"canary" not in without


def test_a_key_is_removed_only_while_it_has_the_given_value() -> None:
    content = with_account(V7, "mine", address=JID, active=True, custom_port=5223, password="canary")
    assert app_of(FORMAT.remove(content, {"app autoawaytime": "12"})) == {
        key: value for key, value in app_of(V7).items() if key != "autoawaytime"
    }
    assert FORMAT.remove(content, {"app autoawaytime": "13", f"account {JID} custom_port": "5222"}) is content
    assert FORMAT.remove(content, {"app autoawaytime": "12.0", f"account {JID} active": "1"}) is content
    without = FORMAT.remove(content, {f"account {JID} custom_port": "5223"})
    assert account_of(without, "mine") == {"address": JID, "active": True, "password": "canary"}


def test_a_password_and_an_address_go_only_with_their_account() -> None:
    content = with_account(V7, "mine", address=JID, password="********", custom_port=1)
    items = {f"account {JID} password": "********", f"account {JID} address": f'"{JID}"', f"account {JID} name": '""'}
    assert FORMAT.remove(content, items) is content
    assert rows_of(FORMAT.remove(content, {**items, f"account {JID}": ""})) == rows_of(V7)


def test_what_is_not_there_is_passed_over() -> None:
    items = {"account a@b": "", "account a@b active": "true", "app new": "1", "app": "", "": "", "room x": ""}
    for content in SAMPLES.values():
        assert FORMAT.remove(content, items) is content


@pytest.mark.parametrize("call", [FORMAT.items, lambda *rest: FORMAT.remove(rest[0], {"account a@b": ""}, *rest[1:])])
def test_of_a_damaged_file_and_of_an_interrupted_write_nothing_is_told_or_removed(call: Any) -> None:
    with pytest.raises(Refused, match="cut short"):
        call(V7[:-1])
    with pytest.raises(Refused, match="start Gajim once and quit it"):
        call(V7, {"settings.sqlite-journal": b"x"})
    assert call(V7, {"config": b"x"})


def test_clear_passwords_are_found_and_not_told() -> None:
    assert FORMAT.findings(V7) == [f"account {jid}@univ-lille.example" for jid in ("user02", "user01")]
    proxies = '{"p": {"pass": "canary"}, "q": {"pass": ""}, "\\u001b[2J": {"pass": "canary"}, "r": 1}'
    content = with_row(EMPTY, "settings", "proxies", proxies)
    content = with_account(content, "mine", address=JID, password="canary")
    content = with_account(content, "theirs", address=JID.upper(), password="canary")
    content = with_account(content, "\x1b[2J", password="canary")
    content = with_account(content, "none", address="none@example.org", password="")
    assert FORMAT.findings(content) == [f"account {JID}", "account \\u001b[2J", "proxy p", "proxy \\u001b[2J"]


def test_a_damaged_row_hides_no_other_finding() -> None:
    content = with_account(with_account(EMPTY, "b", password="x"), "a", address=JID, password="canary")
    content = with_row(content, "account_settings", "b", "{")
    content = with_row(content, "settings", "proxies", "[]")
    assert FORMAT.findings(content) == [f"account {JID}"]
    assert FORMAT.findings(b"garbage") == []


@pytest.mark.parametrize("name", SAMPLES)
def test_without_deserialize_as_before_python_3_11_the_rows_are_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = FORMAT.merge(SAMPLES[name], asking(active=True), "")
    monkeypatch.setattr(sqlite_bytes, "_WITHOUT_A_FILE", False)
    again = FORMAT.merge(SAMPLES[name], asking(active=True), "")
    assert rows_of(again) == rows_of(merged)
    assert user_version_of(again) == user_version_of(merged)
    assert FORMAT.merge(again, asking(active=True), "") is again


# --- fragments


@pytest.mark.parametrize(
    ("enforced", "message"),
    [
        ("[]", "not a JSON object"),
        ("{", r"enforced fragment: not JSON: .* \(line 1, column 2\)"),
        ('{"app": {}, "app": {}}', "twice"),
        ('{"a": ' + "[" * 100_000, "nested too deep"),
        ('{"workspaces": {}}', "'workspaces' is not managed here; known: app, accounts"),
        ('{"app": []}', "'app' is not a JSON object"),
        ('{"app": {"autoawaytimes": 5}}', "did you mean 'autoawaytime'"),
        ('{"app": {"autoawaytime": "5"}}', "'autoawaytime' is a int, not a str"),
        ('{"app": {"autoawaytime": true}}', "'autoawaytime' is a int, not a bool"),
        ('{"app": {"autoaway": 1}}', "'autoaway' is a bool, not a int"),
        ('{"app": {"mainwin_width": 5}}', "state of the running Gajim"),
        ('{"app": {"last_save_dir": "x"}}', "state of the running Gajim"),
        (for_jid(JID, roster_version="1"), "state of the running Gajim"),
        ('{"accounts": {"x": {"account": {}}}}', "account 'x': needs its 'address'"),
        ('{"accounts": {"x": {"account": {"address": ""}}}}', "account 'x': needs its 'address'"),
        ('{"accounts": {"x": {"contact": {}}}}', "'contact' is not managed here"),
        ('{"accounts": {"x": 1}}', "'x' is not a JSON object"),
        ('{"accounts": {"": {"account": {"address": "a@b"}}}}', "row key"),
        ('{"accounts": {"\\ud800": {"account": {"address": "a@b"}}}}', "row key"),
        (for_jid("example.org"), "not a bare JID"),
        (for_jid("@example.org"), "not a bare JID"),
        (for_jid("a@b@c"), "not a bare JID"),
        (for_jid("a@example.org/home"), "not a bare JID"),
        (for_jid("a b@example.org"), "not a bare JID"),
        (for_jid("a@example.org", name="b"), "'name' does not agree"),
        (for_jid("a@example.org", hostname="b.example"), "'hostname' does not agree"),
        (
            '{"accounts": {"x": {"account": {"address": "a@b"}}, "y": {"account": {"address": "A@b"}}}}',
            "accounts 'x' and 'y': both have the address",
        ),
    ],
)
def test_a_malformed_fragment_is_a_mistake_of_a_template(enforced: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FORMAT.merge(V7, enforced, "")


def test_each_fragment_says_itself_whose_account_it_speaks_of() -> None:
    silent = '{"accounts": {"zoe.obrien@example.org": {"account": {"active": true}}}}'
    other = '{"accounts": {"zoe.obrien@example.org": {"account": {"address": "a@example.org"}}}}'
    for pair in ((silent, asking(active=True)), (asking(active=True), silent)):
        with pytest.raises(ValueError, match="needs its 'address'"):
            FORMAT.merge(None, *pair)
    with pytest.raises(ValueError, match="'address' does not agree with the address zoe"):
        FORMAT.merge(None, asking(active=True), other)


@pytest.mark.parametrize("key", sorted(ACCOUNT_REWRITTEN_BY_GAJIM))
def test_what_gajim_rewrites_by_itself_cannot_be_enforced_but_may_start_an_account(key: str) -> None:
    value: Any = True if key == "savepass" else "text"
    with pytest.raises(ValueError, match=f"Gajim rewrites '{key}' by itself"):
        FORMAT.merge(None, asking(**{key: value}), "")
    assert account_of(FORMAT.merge(None, "", asking(**{key: value})), JID)[key] == value


def test_every_known_key_is_accepted_with_its_default_and_refused_with_another_type() -> None:
    for key, setting in APP.items():
        assert FORMAT.merge(None, "", asking({key: setting.default}))
        with pytest.raises(ValueError, match=key):
            FORMAT.merge(None, "", asking({key: None}))
    for key, setting in ACCOUNT.items():
        if key not in ("name", "hostname", "address"):
            assert account_of(FORMAT.merge(None, "", asking(**{key: setting.default})), JID)[key] == setting.default


def test_the_error_of_a_fragment_never_quotes_a_value() -> None:
    with pytest.raises(ValueError, match="password") as caught:
        FORMAT.merge(None, asking(password="s3cret-canary"), "")
    assert "s3cret-canary" not in str(caught.value)


# --- files beside it


@pytest.mark.parametrize("name", ["settings.sqlite-journal", "settings.sqlite-wal", "Settings.sqlite-journal"])
@pytest.mark.parametrize("current", [None, V7])
def test_an_interrupted_write_is_refused(name: str, current: bytes | None) -> None:
    with pytest.raises(Refused, match="start Gajim once and quit it"):
        FORMAT.merge(current, "", "", {name: b"\xd9\xd5\x05\xf9"})
    assert FORMAT.merge(current, "", "", {name: b""})


def test_the_text_file_of_an_old_gajim_is_refused_only_while_nothing_was_migrated() -> None:
    with pytest.raises(Refused, match="never migrated; start Gajim once"):
        FORMAT.merge(None, "", "", {"config": b"x = 1\n"})
    assert FORMAT.merge(V7, "", "", {"config": b"x = 1\n"}) is V7


# --- hostile and damaged files


def patched(content: bytes, offset: int, replacement: bytes) -> bytes:
    return content[:offset] + replacement + content[offset + len(replacement) :]


def refused(content: bytes, match: str) -> None:
    with pytest.raises(Refused, match=match):
        FORMAT.merge(content, asking({"autoaway": False}, active=True), "")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "not an SQLite 3 database"),
        (b"SQLite format 3\x00", "not an SQLite 3 database"),
        (bytes(20480), "not an SQLite 3 database"),
        (patched(V7, 18, b"\x02\x02"), "WAL mode.*journal_mode=DELETE"),
        (V7[:-1], "cut short, or damaged"),
        (V7[:-4096], "cut short, or damaged"),
        (V7 + bytes(4096), "cut short, or damaged"),
        (patched(V7, 16, b"\x00\x07"), "cut short, or damaged"),
        (patched(V7, 56, b"\x00\x00\x00\x02"), "encoding is not UTF-8"),
        (patched(V7, 60, b"\x00\x00\x00\x08"), "8 is not known here.*update this project"),
        (patched(V7, 60, b"\xff\xff\xff\xff"), "-1 is not known here"),
        (patched(V7, 4096, bytes(4096)), "database"),
    ],
)
def test_a_file_that_is_not_an_intact_settings_file_is_refused(content: bytes, match: str) -> None:
    refused(content, match)


def test_a_file_that_is_too_big_is_refused_before_sqlite_sees_it() -> None:
    refused(V7 + bytes(64 * 1024 * 1024), "bytes: more than the")


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("CREATE TRIGGER t AFTER UPDATE ON settings BEGIN DELETE FROM account_settings; END", "unexpected trigger 't'"),
        ("CREATE VIEW v AS SELECT * FROM settings", "unexpected view 'v'"),
        ("CREATE VIRTUAL TABLE f USING fts5(x)", "unexpected table 'f'"),
        ("CREATE TABLE more (x)", "unexpected table 'more'"),
        ("CREATE INDEX i ON settings (settings)", "unexpected index 'i'"),
        ("ALTER TABLE settings ADD COLUMN more TEXT", "unexpected table 'settings'"),
        ("ANALYZE", "unexpected table 'sqlite_stat1'"),
        ("DROP TABLE account_settings", "missing: account_settings, sqlite_autoindex_account_settings_1"),
    ],
)
def test_any_other_schema_is_refused(statement: str, match: str) -> None:
    refused(edited(V7, statement), match)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE settings (name TEXT UNIQUE, settings TEXT CHECK (length(settings) > 0))",
        "CREATE TABLE settings (name TEXT UNIQUE, settings TEXT DEFAULT (hex(randomblob(9))))",
        "CREATE TABLE settings (name TEXT UNIQUE, settings TEXT GENERATED ALWAYS AS ('{}'))",
        "CREATE TABLE settings (name TEXT UNIQUE COLLATE NOCASE, settings TEXT)",
        "CREATE TABLE settings (name TEXT PRIMARY KEY, settings TEXT) WITHOUT ROWID",
    ],
)
def test_a_table_that_is_not_word_for_word_gajims_is_refused(statement: str) -> None:
    refused(edited(edited(V7, "DROP TABLE settings"), statement), "unexpected table 'settings'")


def test_an_index_that_disagrees_with_its_table_is_refused() -> None:
    # The key stands once in the table and once in the index: a search by key and a scan would give different rows.
    assert V7.count(b"window_sizes") == 2
    refused(patched(V7, V7.index(b"window_sizes"), b"windwo_sizes"), "integrity check")


def leaf_page(size: int, rows: list[tuple[object, ...]]) -> bytes:
    """A table leaf page of an SQLite file (sqlite.org/fileformat.html, section 1.6)."""
    page, end, pointers = bytearray(size), size, b""
    for rowid, values in enumerate(rows, 1):
        types, body = b"", b""
        for value in values:
            if isinstance(value, str):
                length = 13 + 2 * len(value)
                types += bytes([length]) if length < 128 else bytes([0x80 | length >> 7, length & 127])
                body += value.encode()
            else:
                types += b"\x00" if value is None else b"\x01"
                body += b"" if value is None else bytes([int(str(value))])
        record = bytes([len(types) + 1]) + types + body
        cell = bytes([len(record), rowid]) + record
        end -= len(cell)
        page[end : end + len(cell)] = cell
        pointers += struct.pack(">H", end)
    page[:8] = struct.pack(">BHHHB", 13, 0, len(rows), end, 0)
    page[8 : 8 + len(pointers)] = pointers
    return bytes(page)


def interior_page(size: int, children: list[int], header: int = 0) -> bytes:
    """A table interior page that points to the children; the first page has 100 bytes of file header before."""
    page, end, pointers = bytearray(size), size, b""
    for key, child in enumerate(children[:-1], 1):
        end -= 5
        page[end : end + 5] = struct.pack(">IB", child, key)
        pointers += struct.pack(">H", end)
    page[header : header + 12] = struct.pack(">BHHHBI", 5, 0, len(children) - 1, end, 0, children[-1])
    page[header + 12 : header + 12 + len(pointers)] = pointers
    return bytes(page)


def test_a_schema_that_would_keep_sqlite_busy_for_years_is_refused() -> None:
    # Each level points 40 times to the next one: the schema seems to have 40 ** 10 rows, all of them valid.
    size, levels = 512, 10
    table = ("table", "settings", "settings", levels + 4, "CREATE TABLE settings(name TEXT UNIQUE,settings TEXT)")
    index = ("index", "sqlite_autoindex_settings_1", "settings", levels + 5, None)
    pages = [
        interior_page(size, [2, 3], header=100),
        leaf_page(size, [table]),
        *(interior_page(size, [level + 1] * 41) for level in range(3, levels + 3)),
        leaf_page(size, [index]),
        leaf_page(size, []),
        leaf_page(size, []),
    ]
    header = b"SQLite format 3\x00" + struct.pack(">HBBBBBB", size, 1, 1, 0, 64, 32, 32)
    header += struct.pack(">12I", 1, len(pages), 0, 0, 1, 4, 0, 0, 1, 0, 0, 0) + bytes(20)
    header += struct.pack(">II", 1, 3040001)
    refused(patched(b"".join(pages), 0, header), "SQLITE_INTERRUPT")


@pytest.mark.parametrize(
    ("table", "key", "text", "match"),
    [
        ("settings", "app", "{", "row 'app': not JSON"),
        ("settings", "app", "[]", "row 'app': not a JSON object"),
        ("settings", "app", '{"a": 1, "a": 2}', "a key stands twice"),
        ("settings", "app", '{"a": ' * 40 + "1" + "}" * 40, "nested too deep"),
        ("settings", "app", '{"a":' * 100_000, "nested too deep"),
        ("settings", "app", '{"a": ' + "9" * 5000 + "}", "row 'app'"),
        ("settings", "app", None, "something else than text"),
        ("settings", "app", b"{}", "something else than text"),
        ("settings", "plugins", "", "row 'plugins': not JSON"),
        ("settings", "invented", "{}", "row 'invented' is unknown in user_version 7"),
        ("account_settings", "autre", "{}", "row 'autre': 'account' is missing"),
        ("account_settings", "autre", '{"account": []}', "'account' is not a JSON object"),
        ("account_settings", "autre", '{"account": {}, "contact": 1}', "'contact' is not a JSON object"),
        ("account_settings", "autre", '{"account": {"address": 1}}', "'address' is not text"),
    ],
)
def test_a_row_of_another_shape_is_refused_by_name(table: str, key: str, text: str | bytes | None, match: str) -> None:
    refused(with_row(V7, table, key, text), match)


def test_text_that_is_not_utf8_is_refused() -> None:
    bad = edited(V7, "UPDATE settings SET settings = CAST(x'7bff7d' AS TEXT) WHERE name = 'plugins'")
    refused(bad, "not valid UTF-8")


@pytest.mark.parametrize(
    ("content", "statement", "match"),
    [
        (
            V0,
            "INSERT INTO settings VALUES ('workspaces', '{}')",
            "row 'workspaces' is not expected with user_version 0",
        ),
        (
            V5,
            "INSERT INTO settings VALUES ('window_sizes', '{}')",
            "'window_sizes' is not expected with user_version 5",
        ),
        (V7, "DELETE FROM settings WHERE name = 'window_sizes'", "row 'window_sizes' is missing with user_version 7"),
        (V5, "DELETE FROM settings WHERE name = 'workspaces'", "row 'workspaces' is missing with user_version 5"),
        (V7, "DELETE FROM settings WHERE name = 'app'", "row 'app' is missing"),
    ],
)
def test_rows_that_do_not_go_with_the_user_version_are_refused(content: bytes, statement: str, match: str) -> None:
    refused(edited(content, statement), match)


def test_the_smallest_file_that_gajim_accepts_is_accepted() -> None:
    content = edited(V5, "DELETE FROM settings WHERE name NOT IN ('app', 'workspaces')")
    assert FORMAT.merge(content, "", "") is content


def test_a_damaged_name_that_sqlite_quotes_in_its_own_message_is_refused() -> None:
    # sqlite3 raises UnicodeDecodeError, not one of its errors, when SQLite's message quotes bytes that are no UTF-8.
    refused(V7.replace(b"tablesettingssettings", b"tables\xdcttingssettings"), "SQLite cannot read it")


def test_no_single_damaged_page_header_byte_brings_a_traceback() -> None:
    offsets = [*range(16, 100), *(page * 4096 + at for page in range(1, 5) for at in range(12)), *range(100, 124)]
    answers = set()
    for offset in offsets:
        for byte in (0x00, 0x01, 0x7F, 0xFF):
            damaged = patched(V7, offset, bytes([byte]))
            assert FORMAT.describe(damaged)
            try:
                answers.add(type(FORMAT.merge(damaged, asking({"autoaway": False}, active=True), "")))
            except Refused:
                answers.add(Refused)
    assert answers == {bytes, Refused}


# --- what a person sees


def test_the_description_shows_every_row_and_no_secret() -> None:
    content = with_row(V7, "settings", "proxies", '{"p": {"user": "u", "pass": "canary-1", "useauth": true}}')
    content = with_account(
        content, "mine", password="canary-2", api_Token="canary-3", savepass=True, account_label="Zoë"
    )
    content = with_account(content, "none", password="")
    text = FORMAT.describe(content)
    assert text.startswith("user_version 7\nsettings 'app': {\n")
    assert "canary" not in text
    assert '"pass": "********"' in text
    assert '"password": "********"' in text
    assert '"api_Token": "********"' in text
    assert '"password": ""' in text  # that there is none is worth reading
    assert '"savepass": true' in text
    assert '"account_label": "Zoë"' in text


def test_the_description_cannot_play_with_the_terminal() -> None:
    text = FORMAT.describe(with_account(V7, "\x1b[2J", account_label="\x9b31m\u202e\ud800"))
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "\\u009b31m\\u202e\\ud800" in text


def test_the_description_says_when_the_file_cannot_be_read() -> None:
    assert FORMAT.describe(b"garbage") == "not readable as a Gajim settings file (7 bytes)"
    assert FORMAT.describe(None) == ""
