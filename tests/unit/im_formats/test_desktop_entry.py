"""What the format 'desktop_entry' promises: our keys in place, the user's choice and every other byte kept."""

from __future__ import annotations

import pytest
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.desktop_entry import FORMAT
from hypothesis import given, settings
from hypothesis import strategies as st

INITIAL = "[Desktop Entry]\nType=Application\nName=Thunderbird\nExec=thunderbird\nHidden=false\n"
ENFORCED = "[Desktop Entry]\nExec=thunderbird\nHidden=false\n"
#: As a desktop writes it when a person switches a program off.
CHOSEN = """\
# made by hand
[Desktop Entry]
Type = Application
Name=Thunderbird
Name[fr]=Courrielleur « à moi »
Exec=/home/user/bin/mail %u
Hidden=true

# the actions
[Desktop Action compose]
Name=Write
Exec=thunderbird -compose
""".encode()


def test_an_absent_file_becomes_the_initial_one_with_the_enforced_keys() -> None:
    assert FORMAT.merge(None, "", INITIAL) == INITIAL.encode()
    assert FORMAT.merge(None, ENFORCED, "") == ENFORCED.encode()
    enforced = "[Desktop Entry]\nHidden=true\nX-Mark=1\n"
    expected = INITIAL.replace("Hidden=false", "Hidden=true\nX-Mark=1").encode()
    assert FORMAT.merge(None, enforced, INITIAL) == expected
    assert FORMAT.merge(None, "", " \n") == b""


@pytest.mark.parametrize("content", [CHOSEN, b"", b"\xff\xfe nothing", b"[Other]\n", INITIAL.encode()])
def test_an_initial_entry_never_touches_a_file_that_exists(content: bytes) -> None:
    assert FORMAT.merge(content, "", INITIAL) is content


def test_enforced_keys_are_set_in_place_and_nothing_else_changes() -> None:
    merged = FORMAT.merge(CHOSEN, ENFORCED, INITIAL)
    assert merged == CHOSEN.replace(b"/home/user/bin/mail %u", b"thunderbird").replace(b"Hidden=true", b"Hidden=false")
    assert FORMAT.merge(merged, ENFORCED, INITIAL) is merged


def test_a_missing_key_is_added_at_the_end_of_its_group() -> None:
    merged = FORMAT.merge(CHOSEN, "[Desktop Entry]\nTerminal=false\n", "")
    assert merged == CHOSEN.replace(b"Hidden=true\n", b"Hidden=true\nTerminal=false\n")


def test_an_empty_value_at_the_end_of_a_group_is_replaced_before_lines_are_added() -> None:
    merged = FORMAT.merge(b"[Desktop Entry]\nHidden=\n", "[Desktop Entry]\nExec=mail\nHidden=false\n", "")
    assert merged == b"[Desktop Entry]\nHidden=false\nExec=mail\n"


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_byte_order_mark_and_a_missing_last_line_end_are_kept(eol: bytes, mark: bytes) -> None:
    content = mark + eol.join([b"[Desktop Entry]", b"Hidden=true"])
    merged = FORMAT.merge(content, "[Desktop Entry]\nTerminal=false", "")
    assert merged == mark + eol.join([b"[Desktop Entry]", b"Hidden=true", b"Terminal=false"])


def test_blanks_around_the_equals_sign_do_not_make_another_value() -> None:
    content = b"[Desktop Entry]\nHidden \t=  false\n"
    assert FORMAT.merge(content, "[Desktop Entry]\nHidden=false", "") is content


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"", "line 1"),
        (b"# only a comment\n", "line 1"),
        (b"\n[Desktop Action x]\n[Desktop Entry]\n", "line 2"),
        (b"[Desktop Entry]\nHidden=true\n[Desktop Entry]\n", "line 3"),
        (b"[Desktop Entry]\n[A]\n[A]\n", "line 3"),
        (b"[Desktop Entry]\nHidden\n", "line 2"),
        (b"Hidden=true\n[Desktop Entry]\n", "line 1"),
        (b"[Desktop Entry]\n[\xe0\xa0\x80", "line 2"),
        (b"[Desktop Entry]\nHidden=true\nHidden=false\n", "line 3"),
        (b"[Desktop Entry]\nName=\xe9\n", "line 2"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(content: bytes, where: str) -> None:
    with pytest.raises(Refused) as caught:
        FORMAT.merge(content, ENFORCED, INITIAL)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "fragment", ["Hidden=true", "[Other]\na=b", "[Desktop Entry]\na=1\na=2", ENFORCED + "[Other]\n"]
)
def test_a_malformed_fragment_is_a_mistake_of_the_template(fragment: str) -> None:
    for pair in ((fragment, ""), ("", fragment)):
        with pytest.raises(ValueError, match=r"^fragment: "):
            FORMAT.merge(CHOSEN, *pair)


def test_a_secret_on_a_command_line_is_masked() -> None:
    shown = FORMAT.describe(b"[Desktop Entry]\nExec=mail --password=hunter2\nName=Zo\xc3\xab\n# token hunter3\n")
    assert shown == "[Desktop Entry]\nExec=********\nName=Zoë\n********\n"
    assert FORMAT.describe(None) == ""
    assert FORMAT.describe(b"\xff") == "not readable (1 bytes)\n"


@pytest.mark.parametrize("name", ['Zoë O\'Brien & "Co" <x> \\', "%f", "a=b", "[x]"])
def test_any_name_is_laid_as_it_is(name: str) -> None:
    fragment = f"[Desktop Entry]\nName={name}\n"
    merged = FORMAT.merge(CHOSEN, fragment, "")
    assert merged == CHOSEN.replace(b"Name=Thunderbird", f"Name={name}".encode())
    assert FORMAT.merge(merged, fragment, "") is merged


LINES = st.sampled_from(
    ["[A]", "[Desktop Entry]", "# x", "", "Exec=a", "Hidden=true", "Name[é]=ö", "Hidden = false", " Type=x", "\t"]
)


@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_file_keeps_its_foreign_lines_in_their_order(lines: list[str], eol: str, ended: bool) -> None:
    content = (eol.join(["[Desktop Entry]", *lines]) + (eol if ended else "")).encode()
    try:
        merged = FORMAT.merge(content, ENFORCED, INITIAL)
    except Refused:
        return
    assert FORMAT.merge(merged, ENFORCED, INITIAL) is merged
    kept = iter(merged.decode().split(eol))
    foreign = [line for line in lines if not line.startswith(("Exec", "Hidden"))]
    assert all(line in kept for line in foreign)


@given(st.binary(max_size=150))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_merged_or_refused(content: bytes) -> None:
    assert FORMAT.describe(content) is not None
    for current in (content, b"[Desktop Entry]\n" + content):
        try:
            merged = FORMAT.merge(current, ENFORCED, INITIAL)
        except Refused:
            continue
        assert FORMAT.merge(merged, ENFORCED, INITIAL) is merged


# What was laid can be taken out.


def created(before: bytes, after: bytes) -> dict[str, str]:
    known = FORMAT.items(before)
    return {item: value for item, value in FORMAT.items(after).items() if item not in known}


def test_the_items_are_the_keys_of_the_entry() -> None:
    assert FORMAT.items(CHOSEN) == {
        "key Type": "Application",
        "key Name": "Thunderbird",
        "key Name[fr]": "Courrielleur « à moi »",
        "key Exec": "/home/user/bin/mail %u",
        "key Hidden": "true",
    }
    assert FORMAT.wanted(ENFORCED) == {"key Exec": "thunderbird", "key Hidden": "false"}
    assert FORMAT.items(FORMAT.merge(None, INITIAL, "")) == FORMAT.wanted(INITIAL)
    assert FORMAT.wanted(" ") == {}
    assert FORMAT.findings(CHOSEN) == FORMAT.findings(b"\xff") == []


@pytest.mark.parametrize("fragments", [(ENFORCED, INITIAL), ("", INITIAL), (ENFORCED, "")])
def test_a_file_that_was_ours_alone_goes_as_a_whole(fragments: tuple[str, str]) -> None:
    laid = FORMAT.merge(None, *fragments)
    assert FORMAT.remove(laid, FORMAT.items(laid)) is None
    assert FORMAT.remove(laid, {}) is laid


def test_what_the_user_changed_stays_without_our_keys() -> None:
    laid = FORMAT.merge(None, "", INITIAL)
    mine = laid.replace(b"Exec=thunderbird", b"Exec=mail").replace(b"Hidden", b"# mine\nHidden")
    assert FORMAT.remove(mine, FORMAT.items(laid)) == b"[Desktop Entry]\nExec=mail\n# mine\n"
    assert FORMAT.remove(b"[Desktop Entry]\n", {"key Exec": "x"}) == b"[Desktop Entry]\n"
    for user in (b"# note\n[Desktop Entry]\n", b"[Desktop Entry]\n[A]\nb=c\n"):
        content = user.replace(b"Entry]\n", b"Entry]\nX=1\n")
        assert FORMAT.remove(content, {"key X": "1"}) == user


def test_a_key_that_is_given_twice_is_nobodys() -> None:
    content = b"[Desktop Entry]\nA=1\nA=1\nB=2\n"
    assert FORMAT.items(content) == {"key B": "2"}
    assert FORMAT.remove(content, {"key A": "1"}) is content


def test_a_file_that_the_user_deleted_is_not_made_again() -> None:
    taken = frozenset(FORMAT.wanted(INITIAL))
    assert FORMAT.merge(None, "", INITIAL, None, taken) == b""
    assert FORMAT.merge(None, ENFORCED, INITIAL, None, taken) == ENFORCED.encode()
    assert (
        FORMAT.merge(None, "", INITIAL, None, frozenset({"key Hidden"}))
        == INITIAL.replace("Hidden=false\n", "").encode()
    )
    assert FORMAT.merge(CHOSEN, "", INITIAL, None, taken) is CHOSEN


@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_file_is_as_it_was_when_what_was_created_is_taken_out(lines: list[str], eol: str, ended: bool) -> None:
    before = (eol.join(["[Desktop Entry]", *lines]) + (eol if ended else "")).encode()
    fragment = "[Desktop Entry]\nExec=a\nTerminal=false\nX-Mark=ë\n"
    try:
        after = FORMAT.merge(before, fragment, INITIAL)
    except Refused:
        return
    back = FORMAT.remove(after, created(before, after))
    assert FORMAT.items(after).items() >= FORMAT.wanted(fragment).items()
    assert back == before or (back is None and before.decode().strip() == "[Desktop Entry]")


@given(st.binary(max_size=150))
@settings(max_examples=150, deadline=None)
def test_the_items_of_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert FORMAT.findings(content) == []
    for current in (content, b"[Desktop Entry]\n" + content):
        try:
            items = FORMAT.items(current)
            assert FORMAT.remove(current, {}) is current
            left = FORMAT.remove(current, items)
        except Refused:
            continue
        assert left is None or FORMAT.items(left) == {}
