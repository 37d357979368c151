"""The tokenizer of prefs files against what Thunderbird made of the same text, and against hostile text."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.im_formats.mozilla_prefs_syntax import PrefsError, PrefsText, Value, literal, same
from hypothesis import given, settings
from hypothesis import strategies as st

ODD = Path(__file__).parents[2] / "golden" / "thunderbird" / "153-odd-syntax"


def test_every_turn_of_the_syntax_is_read_as_the_client_reads_it() -> None:
    ours = PrefsText((ODD / "before.js").read_bytes()).values
    theirs = PrefsText((ODD / "after-run.js").read_bytes()).values
    assert len(theirs) == 13
    assert ours.keys() == theirs.keys()
    assert all(same(ours[name], theirs[name]) for name in theirs)


def test_a_value_is_written_as_the_client_writes_it() -> None:
    after = (ODD / "after-run.js").read_text(encoding="utf-8")
    lines = [line for line in after.split("\n") if line.startswith("user_pref")]
    values = PrefsText(after.encode()).values
    assert [f"user_pref({literal(name)}, {literal(value)});" for name, value in values.items()] == lines


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'user_pref("a", 1)\nuser_pref("b", 2);', 2),
        (b'\n\nuser_pref("a" 1);', 3),
        (b"\r\n\r\nuser_pref(a, 1);", 3),
        (b'\r\ruser_pref("a", yes);', 3),
        (b'user_pref("a", 2147483648);', 1),
        (b'user_pref("a", -2147483649);', 1),
        (b'user_pref("a", ' + b"9" * 5000 + b");", 1),
        (b'user_pref("a", 12x);', 1),
        (b'user_pref("a", 1.5);', 1),
        (b'user_pref("a", -true);', 1),
        (b'user_pref("a", "\\t");', 1),
        (b'user_pref("a", "\\x00");', 1),
        (b'user_pref("a", "\\u0000");', 1),
        (b'user_pref("a", "\\ud83d");', 1),
        (b'user_pref("a", "\\ude00");', 1),
        (b'user_pref("a", "\\ud83d\\u0041");', 1),
        (b'user_pref("a", "\\x4");', 1),
        (b'user_pref("a", "b);\nuser_pref("c", 1);', 2),
        (b"user_pref('a', 1);\n/* never closed", 2),
        (b'user_pref("a", 1);\0', 1),
        (b'user_pref("a", "\0");', 1),
        (b'user_pref("a", 1, sticky);', 1),
        (b'pref("a", 1);', 1),
        (b"lockPref('a', 1);", 1),
        (b'// fine\nuser_pref("a", "\xe9");', 2),
        (b"\xff\xfeu\0s\0", 1),
        (b"{}", 1),
        (b'\xef\xbb\xbf\xef\xbb\xbfuser_pref("a", 1);', 1),
    ],
)
def test_what_is_not_a_prefs_file_is_an_error_that_names_the_line(text: bytes, line: int) -> None:
    with pytest.raises(PrefsError) as caught:
        PrefsText(text)
    assert caught.value.line == line


def test_the_last_statement_of_a_name_counts_and_only_that_one_is_changed() -> None:
    text = PrefsText(b'user_pref("a", 1); user_pref("a",2); // end')
    assert text.values == {"a": 2}
    text.set("a", 3)
    assert text.render() == b'user_pref("a", 1); user_pref("a",3); // end'


def test_a_statement_is_added_behind_a_comment_that_no_line_end_closes() -> None:
    text = PrefsText(b"// no end")
    text.set("a", True)
    assert text.render() == b'// no end\nuser_pref("a", true);'


def test_line_ends_are_those_of_the_file() -> None:
    for eol in (b"\n", b"\r\n", b"\r"):
        text = PrefsText(b'user_pref("a", 1);' + eol)
        text.set("b", 'x\ry"\\')
        assert text.render() == b'user_pref("a", 1);' + eol + b'user_pref("b", "x\\ry\\"\\\\");' + eol


def test_a_value_set_and_set_back_changes_nothing() -> None:
    data = b'user_pref("a", 1);'
    text = PrefsText(data)
    text.set("a", True)
    text.set("a", 1)
    assert text.render() is data


@pytest.mark.parametrize(
    "text",
    [
        b"//\n" * 300_000,
        b'user_pref("a","' + b"\\n" * 500_000 + b'");',
        b"/" + b"*" * 1_000_000 + b"/",
        b'user_pref("a","' + b"\\" * 1_000_001,
        b"/*" * 500_000,
        b"'" + b'"' * 1_000_000,
    ],
    ids=["comments", "escapes", "stars", "backslashes", "openings", "quotes"],
)
def test_a_megabyte_made_to_exhaust_the_reader_is_read_or_refused(text: bytes) -> None:
    try:
        assert len(PrefsText(text).prefs) <= 1
    except PrefsError as error:
        assert error.line == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'user_pref("a", 1);\nuser_pref("b", 2);\n', b'user_pref("b", 2);\n'),
        (b'// x\r\n\tuser_pref("a",\r\n 1) ; \r\n', b"// x\r\n"),
        (b'// x\nuser_pref("a", 1);\nuser_pref("a", 2);', b"// x"),
        (b'\xef\xbb\xbfuser_pref("a", 1);', b"\xef\xbb\xbf"),
        (b'user_pref("a", 1); // why\n', b" // why\n"),
        (b'user_pref("b", "\n"); user_pref("a", 1);\n', b'user_pref("b", "\n"); \n'),
        (b'user_pref("a", 1);user_pref("b", 2);', b'user_pref("b", 2);'),
    ],
)
def test_a_preference_is_taken_out_with_its_lines_if_they_are_its_own(content: bytes, expected: bytes) -> None:
    text = PrefsText(content)
    text.unset("a")
    text.unset("unknown")
    assert "a" not in text.values
    assert text.render() == expected


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"// x", b"// x\n", b"// x\r\n\r\n", b'user_pref("c", 3);'])
def test_what_was_added_can_be_taken_out_again(content: bytes) -> None:
    text = PrefsText(content)
    text.set("a", 1)
    text.set("b", "x")
    text = PrefsText(text.render())
    text.unset("a")
    text.unset("b")
    assert text.render() == content


def test_what_is_set_again_after_it_was_taken_out_stays() -> None:
    data = b'user_pref("a", 1);\n'
    text = PrefsText(data)
    text.unset("a")
    text.set("a", 1)
    assert text.render() is data


@pytest.mark.parametrize(
    ("spelled", "value", "expected"),
    [
        (r"'Zo\u00eb,b'", "Zoë,b,c", r"'Zo\u00eb,b,c'"),
        (r"'Zo\u00eb,b,c'", "Zoë,c", r"'Zo\u00eb,c'"),
        (r"'\x41'", "A'\"\\", r"'\x41\'\"\\'"),
        ('"aa"', "aaa", '"aaa"'),
        ('"aaa"', "aa", '"aa"'),
        (r'"\xc3\xab,b"', "ë,c", '"ë,c"'),
        ('"a"', 1, "1"),
        ("1", "a", '"a"'),
    ],
)
def test_what_stays_of_a_string_stays_as_it_is_spelled(spelled: str, value: Value, expected: str) -> None:
    text = PrefsText(f'user_pref("a", {spelled});'.encode())
    text.set("a", value)
    assert text.render().decode() == f'user_pref("a", {expected});'
    assert PrefsText(text.render()).values["a"] == value


VALUES = st.one_of(
    st.booleans(),
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), VALUES))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back(values: dict[str, Value]) -> None:
    text = PrefsText(b"")
    for name, value in values.items():
        text.set(name, value)
    read = PrefsText(text.render())
    assert read.values == values
    assert all(same(read.values[name], value) for name, value in values.items())


@given(st.binary(max_size=200) | st.text("user_pref(\"',;)/*#\\xu019a \n").map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        text = PrefsText(data)
    except PrefsError:
        return
    assert text.render() is data
