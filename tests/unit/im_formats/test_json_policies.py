"""What the format 'json_policies' promises: ours is laid into a JSON file whose every other byte stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.json_policies import FORMAT
from hypothesis import given, settings
from hypothesis import strategies as st

ENFORCED = json.dumps(
    {"policies": {"Certificates": {"Install": ["/usr/share/ca/campus.crt"]}, "DisableTelemetry": True}}
)
INITIAL = json.dumps({"policies": {"InAppNotification": {"Disabled": True}, "Proxy": {"Mode": "system"}}})
#: As an administrator writes it.
THEIRS = """\
{
    "policies": {
        "Certificates": {
            "ImportEnterpriseRoots": true,
            "Install": [
                "/etc/ssl/own.pem"
            ]
        },
        "Proxy": {"Mode" : "none",  "Locked":false},
        "Label": "Zo\\u00eb \\"x\\" \\\\ é",
        "Big": 1234567890123456789012345678901234567890.50e+1
    }
}
"""


def merged_text(current: str, enforced: str = ENFORCED, initial: str = INITIAL) -> str:
    return str(FORMAT.merge(current.encode(), enforced, initial), "utf-8")


def test_an_absent_file_becomes_a_complete_one() -> None:
    merged = FORMAT.merge(None, ENFORCED, INITIAL)
    assert json.loads(merged) == {
        "policies": {
            "InAppNotification": {"Disabled": True},
            "Proxy": {"Mode": "system"},
            "Certificates": {"Install": ["/usr/share/ca/campus.crt"]},
            "DisableTelemetry": True,
        }
    }
    assert merged.startswith(b'{\n  "policies": {\n    "InAppNotification": {\n      "Disabled": true\n')
    assert merged.endswith(b"}\n")
    assert FORMAT.merge(merged, ENFORCED, INITIAL) is merged
    assert FORMAT.merge(None, "", "") == b""


def test_ours_is_laid_with_the_indentation_of_the_file_and_nothing_else_changes() -> None:
    assert merged_text(THEIRS) == THEIRS.replace(
        '"/etc/ssl/own.pem"', '"/etc/ssl/own.pem",\n                "/usr/share/ca/campus.crt"'
    ).replace(
        "50e+1\n",
        '50e+1,\n        "DisableTelemetry": true,\n        "InAppNotification": {\n            "Disabled": true\n'
        "        }\n",
    )


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        ("{}", '{\n  "a": {\n    "b": 1\n  }\n}'),
        ("{\n}", '{\n  "a": {\n    "b": 1\n  }\n}'),
        ('{"a":{}}', '{"a":{"b": 1}}'),
        ('{"c":2}', '{"c":2,"a":{"b": 1}}'),
        ('{"c": 2}', '{"c": 2, "a": {"b": 1}}'),
        ('{"c" : 2, "d" : 3}', '{"c" : 2, "d" : 3, "a" : {"b": 1}}'),
        ('{\n\t"a": { }\n}', '{\n\t"a": {\n\t\t"b": 1\n\t }\n}'),
        ('{\r\n  "c": []\r\n}\r\n', '{\r\n  "c": [],\r\n  "a": {\r\n    "b": 1\r\n  }\r\n}\r\n'),
        (' {"a": {"b": 10}} ', ' {"a": {"b": 1}} '),
    ],
)
def test_every_layout_stays_readable(current: str, expected: str) -> None:
    merged = merged_text(current, '{"a": {"b": 1}}', "")
    assert merged == expected
    assert json.loads(merged)["a"] == {"b": 1}


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        ("[]", '["x", {"y": [1]}]'),
        ("[ ]", '["x", {"y": [1]} ]'),
        ('["x"]', '["x", {"y": [1]}]'),
        ('[{"y":[1]}, "z"]', '[{"y":[1]}, "z", "x"]'),
        ('["\\u0078", {"y" : [ 1 ]}]', '["\\u0078", {"y" : [ 1 ]}]'),
        ("[true, 1.0]", '[true, 1.0, "x", {"y": [1]}]'),
    ],
)
def test_a_list_is_a_union_in_its_order(current: str, expected: str) -> None:
    merged = merged_text(f'{{"l": {current}}}', '{"l": ["x", {"y": [1]}]}', "")
    assert merged == f'{{"l": {expected}}}'


def test_true_is_not_one_and_a_number_is_compared_as_it_is_written() -> None:
    assert merged_text('{"a": 1, "b": 1.0}', '{"a": true, "b": 1}', "") == '{"a": true, "b": 1}'


def test_an_initial_value_is_laid_only_where_there_is_none() -> None:
    current = '{"a": null, "b": [1], "c": {"d": 1}, "e": "x"}'
    initial = '{"a": 1, "b": [2], "c": {"d": 2, "f": 3}, "e": {"g": 1}}'
    assert merged_text(current, "", initial) == current.replace('"d": 1', '"d": 1, "f": 3')


def test_an_enforced_value_wins_over_an_initial_one() -> None:
    merged = FORMAT.merge(None, '{"a": 1, "l": [1, 2]}', '{"a": 2, "b": 3, "l": [2, 3]}')
    assert json.loads(merged) == {"a": 1, "b": 3, "l": [2, 3, 1]}
    assert FORMAT.merge(merged, '{"a": 1, "l": [1, 2]}', '{"a": 2, "b": 3, "l": [2, 3]}') is merged


@pytest.mark.parametrize("current", [b"", b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n"])
def test_an_empty_file_is_filled_and_keeps_its_byte_order_mark(current: bytes) -> None:
    merged = FORMAT.merge(current, ENFORCED, "")
    assert merged.startswith(b"\xef\xbb\xbf{" if current[:1] == b"\xef" else b"{")
    assert json.loads(merged.decode("utf-8-sig")) == json.loads(ENFORCED)
    assert FORMAT.merge(merged, ENFORCED, "") is merged
    assert FORMAT.merge(current, "", "") is current


def test_the_byte_order_mark_and_the_line_ends_are_kept() -> None:
    current = b"\xef\xbb\xbf" + THEIRS.replace("\n", "\r\n").encode()
    merged = FORMAT.merge(current, ENFORCED, INITIAL)
    assert merged == b"\xef\xbb\xbf" + merged_text(THEIRS).replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"{", "line 1"),
        (b'{\n"a": 1,\n}', "line 3"),
        (b'{"a": 1 "b": 2}', "line 1"),
        (b'{"a": 01}', "line 1"),
        (b'{"a": 1.}', "line 1"),
        (b'{"a": +1}', "line 1"),
        (b'{"a": NaN}', "line 1"),
        (b'{"a": [1,]}', "line 1"),
        (b"{'a': 1}", "line 1"),
        (b'{"a": "\t"}', "line 1"),
        (b'{"a": "\\x41"}', "line 1"),
        (b'{"a": 1}\n// note', "line 2"),
        (b'{"a": 1}\n{}', "line 2"),
        (b'{\n"a": 1,\n"\\u0061": 2}', "line 3"),
        (b"[1]", "line 1"),
        (b'"x"', "line 1"),
        (b'\n{"a": "\xe9"}', "line 2"),
        (b'{"a":\0}', "line 1"),
        (b"[" * 100_000, "line 1"),
        (b'{"a":' * 100_000, "line 1"),
        (b'\n{"policies": []}', "line 2"),
        (b'{"policies": {"Certificates":\n null}}', "line 2"),
        (b'{"policies": {"DisableTelemetry":\n {}}}', "line 2"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(content: bytes, where: str) -> None:
    with pytest.raises(Refused) as caught:
        FORMAT.merge(content, ENFORCED, INITIAL)
    assert caught.value.where == where


def test_a_number_of_any_length_is_kept() -> None:
    current = '{"a": ' + "9" * 100_000 + "}"
    assert merged_text(current, '{"b": 1}', "") == current[:-1] + ', "b": 1}'


@pytest.mark.parametrize("fragment", ["{", "[]", '"x"', '{"a": 1, "a": 2}', '{"a": "\\ud800"}', "null"])
def test_a_malformed_fragment_is_a_mistake_of_the_template(fragment: str) -> None:
    for pair in ((fragment, ""), ("", fragment)):
        with pytest.raises(ValueError, match=r"^fragment: "):
            FORMAT.merge(None, *pair)


@pytest.mark.parametrize("name", ['Zoë O\'Brien & "Co" <x> \\', "\n\t\x7f", "\u2028\U0001f600"])
def test_any_name_is_laid_as_it_is(name: str) -> None:
    for current in (None, THEIRS.encode()):
        for ascii_only in (True, False):
            fragment = json.dumps({"policies": {name: [name]}}, ensure_ascii=ascii_only)
            merged = FORMAT.merge(current, fragment, "")
            assert json.loads(merged)["policies"][name] == [name]
            assert FORMAT.merge(merged, fragment, "") is merged


def test_secrets_are_masked() -> None:
    shown = FORMAT.describe(
        b'\xef\xbb\xbf{"userPassword": "hunter2", "token": {"a": ["hunter3", 4]}, "plain": ["x"]}\r\n'
    )
    assert shown == '{"userPassword": "********", "token": {"a": ["********", "********"]}, "plain": ["x"]}\r\n'
    assert FORMAT.describe(THEIRS.encode()) == THEIRS
    assert FORMAT.describe(b'{"password": "hunter2"') == "not readable (22 bytes)\n"
    assert FORMAT.describe(b" ") == " "
    assert FORMAT.describe(None) == ""


KEYS = st.sampled_from(["policies", "Certificates", "Install", "DisableTelemetry", "Proxy", "Mode", "x", "é\\"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(KEYS, children, max_size=4),
    max_leaves=12,
)
LAYOUTS = st.sampled_from(
    [{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False, "indent": 4}]
)


def without_ours(theirs: Any, merged: Any) -> Any:
    """What is left of a merged value when only the members and items that were there before are looked at."""
    if isinstance(theirs, dict) and isinstance(merged, dict):
        return {key: without_ours(value, merged[key]) for key, value in theirs.items()}
    if isinstance(theirs, list) and isinstance(merged, list):
        return merged[: len(theirs)]
    return merged


def is_subsequence(short: bytes, long: bytes) -> bool:
    rest = iter(long)
    return all(byte in rest for byte in short)


@given(st.dictionaries(KEYS, VALUES, max_size=5), LAYOUTS, VALUES, VALUES)
@settings(max_examples=300, deadline=None)
def test_any_json_keeps_what_is_foreign_and_holds_what_is_enforced(
    document: dict[str, Any], layout: dict[str, Any], enforced: Any, initial: Any
) -> None:
    content = json.dumps(document, **layout).encode("utf-8", "replace")
    document = json.loads(content)
    wanted, first = (json.dumps({"policies": value, "x": [1]}, default=str) for value in (enforced, initial))
    try:
        merged = FORMAT.merge(content, wanted, "")
        both = FORMAT.merge(content, wanted, first)
        only_initial = FORMAT.merge(content, "", first)
    except (Refused, ValueError):
        return
    assert FORMAT.merge(merged, wanted, "") is merged
    assert FORMAT.merge(both, wanted, first) is both
    result = json.loads(merged)
    assert {key: result[key] for key in document.keys() - {"policies", "x"}} == {
        key: value for key, value in document.items() if key not in ("policies", "x")
    }
    assert without_ours(document, json.loads(only_initial)) == document
    assert is_subsequence(content, only_initial), "an initial fragment only inserts"
    assert FORMAT.describe(both)


@given(st.binary(max_size=120) | st.text('{}[]",:1 truefalsn\\u0é\n').map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_merged_or_refused(content: bytes) -> None:
    assert FORMAT.describe(content) is not None
    try:
        merged = FORMAT.merge(content, ENFORCED, INITIAL)
    except Refused:
        return
    assert FORMAT.merge(merged, ENFORCED, INITIAL) is merged


@given(st.integers(0, len(THEIRS.encode())), st.integers(0, 30), st.binary(max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_damaged_file_is_merged_or_refused(start: int, cut: int, noise: bytes) -> None:
    content = THEIRS.encode()
    damaged = content[:start] + noise + content[start + cut :]
    try:
        merged = FORMAT.merge(damaged, ENFORCED, INITIAL)
    except Refused:
        return
    assert FORMAT.merge(merged, ENFORCED, INITIAL) is merged


# What was laid can be taken out.


def created(before: bytes, after: bytes) -> dict[str, str]:
    known = FORMAT.items(before)
    return {item: value for item, value in FORMAT.items(after).items() if item not in known}


def test_the_items_are_values_items_of_lists_and_what_holds_them() -> None:
    assert FORMAT.items(THEIRS.encode()) == {
        ".": "{}",
        "policies": "{}",
        "policies.Certificates": "{}",
        "policies.Certificates.ImportEnterpriseRoots": "true",
        "policies.Certificates.Install": "[]",
        "policies.Certificates.Install /etc/ssl/own.pem": "",
        "policies.Proxy": "{}",
        "policies.Proxy.Mode": '"none"',
        "policies.Proxy.Locked": "false",
        "policies.Label": '"Zoë \\"x\\" \\\\ é"',
        "policies.Big": "1234567890123456789012345678901234567890.50e+1",
    }
    assert FORMAT.items(b" \n") == FORMAT.wanted("") == {}
    assert FORMAT.findings(THEIRS.encode()) == FORMAT.findings(b"{") == []


def test_two_things_never_have_one_identity() -> None:
    content = b'{"a.b": 1, "a": {"b": 2}, "l": [1, "1", true, "true", {"x": [null], "a": "b"}, "", "C:\\\\x y", "[1]"]}'
    items = FORMAT.items(content)
    assert items['"a.b"'] == "1"
    assert items["a.b"] == "2"
    assert [item.removeprefix("l ") for item in items if item.startswith("l ")] == [
        "1",
        '"1"',
        "true",
        '"true"',
        '{"a": "b", "x": [null]}',
        '""',
        "C:\\x y",
        '"[1]"',
    ]


def test_a_secret_has_no_value_and_stays() -> None:
    content = b'{"userPassword": "hunter2", "tokens": ["hunter3"], "l": [{"password": "hunter4"}], "x": 1}'
    items = FORMAT.items(content)
    assert "hunter" not in repr(items)
    assert items["userPassword"] == "********"
    assert FORMAT.remove(content, items) == content.replace(b', "x": 1', b"")


@pytest.mark.parametrize(
    "before",
    [
        b"{}",
        b"{}\n",
        b'{"policies":{}}',
        b'{\n  "policies": {}\n}\n',
        b'{"policies": { }}',
        b'{\n\t"policies": { "x": 1 }\n}',
        b'{"policies":{"Certificates":{"Install":["/a"]}}}',
        b'{"policies": {"Certificates": {"Install": []}}}',
        THEIRS.encode(),
        b"\xef\xbb\xbf" + THEIRS.replace("\n", "\r\n").encode(),
    ],
)
def test_taking_out_what_a_merge_created_gives_back_the_bytes(before: bytes) -> None:
    after = FORMAT.merge(before, ENFORCED, INITIAL)
    assert FORMAT.items(after).items() >= FORMAT.wanted(ENFORCED).items()
    assert FORMAT.remove(after, created(before, after)) == before


def test_a_file_that_was_ours_alone_goes_as_a_whole() -> None:
    laid = FORMAT.merge(None, ENFORCED, INITIAL)
    assert FORMAT.items(laid) == {**FORMAT.wanted(ENFORCED), **FORMAT.wanted(INITIAL)}
    assert FORMAT.remove(laid, FORMAT.items(laid)) is None
    mine = laid.replace(b'"system"', b'"none"')
    left = FORMAT.remove(mine, FORMAT.items(laid))
    assert left == b'{\n  "policies": {\n    "Proxy": {\n      "Mode": "none"\n    }\n  }\n}\n'


def test_taking_out_nothing_gives_the_very_same_object() -> None:
    content = THEIRS.encode()
    for items in ({}, {"policies": "[]", "policies.Proxy": "{}", "policies.Proxy.Locked": "true", "x": ""}):
        assert FORMAT.remove(content, items) is content
    blank = b" \n"
    assert FORMAT.remove(blank, {".": "{}"}) is blank


def test_what_was_taken_back_is_not_laid_again() -> None:
    initial = '{"a": {"b": 1, "c": {}}, "l": [1, "x"], "m": ["y"], "d": 2, "e": {}}'
    taken = frozenset({"a.b", "a.c", "l x", "m y", "d", "e"})
    assert json.loads(FORMAT.merge(b"{}", "", initial, None, taken)) == {"l": [1]}
    assert json.loads(FORMAT.merge(b"{}", '{"d": 3}', initial, None, taken)) == {"l": [1], "d": 3}
    everything = frozenset(FORMAT.wanted(initial))
    theirs = THEIRS.encode()
    assert FORMAT.merge(theirs, "", initial, None, everything) is theirs
    assert FORMAT.merge(None, "", initial, None, everything) == b""


@given(st.dictionaries(KEYS, VALUES, max_size=5), LAYOUTS, VALUES, VALUES)
@settings(max_examples=300, deadline=None)
def test_any_json_is_as_it_was_when_what_was_created_is_taken_out(
    document: dict[str, Any], layout: dict[str, Any], enforced: Any, initial: Any
) -> None:
    before = json.dumps(document, **layout).encode("utf-8", "replace")
    wanted, first = (json.dumps({"policies": value, "x": [1]}) for value in (enforced, initial))
    try:
        after = FORMAT.merge(before, wanted, first)
        asked = FORMAT.wanted(wanted)
    except (Refused, ValueError):
        return
    was, now = FORMAT.items(before), FORMAT.items(after)
    assert now.items() >= asked.items()
    back = FORMAT.remove(after, created(before, after))
    assert back is not None
    if all(now[item] == value for item, value in was.items()):
        assert back == before
    else:
        assert FORMAT.items(back).keys() == was.keys()


@given(st.binary(max_size=120) | st.text('{}[]",:1 truefalsn\\u0é\n').map(str.encode))
@settings(max_examples=300, deadline=None)
def test_the_items_of_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert FORMAT.findings(content) == []
    try:
        items = FORMAT.items(content)
    except Refused:
        with pytest.raises(Refused):
            FORMAT.remove(content, {})
        return
    assert "".join([*items, *items.values()]).encode() is not None
    assert FORMAT.remove(content, {}) is content
    assert (FORMAT.remove(content, items) is None) is bool(items)
