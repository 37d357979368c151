"""The seven laws of a merge, proven for Pidgin's four files over real files and over generated ones."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_formats.base import Refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: The same examples on every machine, however slow it is.
BOUNDED = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
GOLDEN = Path(__file__).parents[2] / "golden" / "pidgin"
ROOTS = {"accounts": "account", "prefs": "pref", "blist": "purple", "status": "statuses"}
FORMATS = {name: import_module(f"ansible.module_utils.im_formats.libpurple_{name}").FORMAT for name in ROOTS}


def managed(name: str, part: str) -> str:
    return (GOLDEN / "managed" / name / f"{part}.xml").read_text(encoding="utf-8")


FRAGMENTS = {name: (managed(name, "enforced"), managed(name, "initial")) for name in ROOTS}
FILES = [(name, path) for name in ROOTS for path in sorted(GOLDEN.glob(f"[0-9]*/{name}.xml"))]
EVERY_FILE = pytest.mark.parametrize(
    ("name", "path"), FILES, ids=[f"{path.parent.name}-{name}" for name, path in FILES]
)
EVERY_FORMAT = pytest.mark.parametrize("name", ROOTS)


def merge(name: str, current: bytes | None) -> bytes:
    merged: bytes = FORMATS[name].merge(current, *FRAGMENTS[name])
    return merged


def tokens(content: bytes) -> list[bytes]:
    """Tags, comments, words, each white space; a self-closing tag counts as two, for it may receive children."""
    opened = re.sub(rb"<([^\s/>!?]+)([^<>]*)/>", rb"<\1\2></\1>", content)
    return re.findall(rb"<!--.*?-->|<[^>]*>|[^<\s]+|\s", opened, re.DOTALL)


def missing_from(merged: bytes, original: bytes) -> list[bytes]:
    """Tokens of the original that the merged document lost, or no longer holds in that order."""
    lost = []
    found = tokens(merged)
    position = 0
    for token in tokens(original):
        try:
            position = found.index(token, position) + 1
        except ValueError:
            lost.append(token)
    return lost


# Law 1: absent in, complete file out


@EVERY_FORMAT
@pytest.mark.parametrize("current", [None, b"", b" \r\n\t"], ids=["absent", "empty", "blank"])
def test_absent_or_empty_in_is_a_complete_file_out(name: str, current: bytes | None) -> None:
    merged = merge(name, current)
    assert merged.startswith(b"<?xml version='1.0' encoding='UTF-8' ?>\n\n")
    assert ET.fromstring(merged).tag == ROOTS[name]
    assert merged == merge(name, None)


@EVERY_FORMAT
def test_blank_fragments_make_an_empty_document_and_leave_an_existing_file(name: str) -> None:
    merged = FORMATS[name].merge(None, "", " \n")
    assert ET.fromstring(merged).tag == ROOTS[name]
    assert len(ET.fromstring(merged)) == 0
    for current in (b"", b"\n", merged):
        assert FORMATS[name].merge(current, "", " \n") is current


# Laws 2, 3, 4 and 5 over real files


@EVERY_FILE
def test_merging_twice_is_merging_once(name: str, path: Path) -> None:
    merged = merge(name, path.read_bytes())
    assert merge(name, merged) is merged


@EVERY_FILE
@pytest.mark.parametrize("change", ["as it is", "line ends of Windows", "byte order mark"])
def test_nothing_foreign_is_lost_or_moved(name: str, path: Path, change: str) -> None:
    content = path.read_bytes()
    if change == "line ends of Windows":
        content = content.replace(b"\n", b"\r\n")
    elif change == "byte order mark":
        content = b"\xef\xbb\xbf" + content
    merged = merge(name, content)
    ours = {
        "accounts": {b"5298"},
        "blist": set(),
        "status": {b"available"},
        "prefs": {
            token
            for token in tokens(content)
            if re.search(rb"name=.(mins_before_away|auto_reply|log_chats|idle_reporting)", token)
        },
    }[name]
    assert set(missing_from(merged, content)) <= ours
    assert (b"\r\n" in merged) == (b"\n" not in merged.replace(b"\r\n", b"")) == (change == "line ends of Windows")
    assert merged.startswith(content[:50])


@EVERY_FORMAT
def test_the_golden_merge_comes_out_byte_for_byte(name: str) -> None:
    assert merge(name, (GOLDEN / "03-merge-0-user" / f"{name}.xml").read_bytes()) == managed(name, "after").encode()


@EVERY_FORMAT
def test_values_that_hold_already_leave_the_very_same_object(name: str) -> None:
    current = managed(name, "after").encode()
    assert merge(name, current) is current
    requoted = current.replace(b"'", b'"').replace(b"/>", b" />").replace(b"\n\t", b"\n  ")
    assert merge(name, requoted) is requoted


# Laws 3 and 5 over generated documents


SPACES = st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t", "\n\n\t\t"])
WORDS = st.sampled_from(
    ["account", "name", "proxy", "setting", "settings", "pref", "purple", "group", "chat", "state", "blist", "item",
     "prpl-jabber", "created", "value", "1", "foreign", "é&amp;&lt;", "&#10;"]
)  # fmt: skip
TAGS = st.sampled_from(["account", "name", "settings", "setting", "pref", "group", "chat", "status", "item", "x:y"])


@st.composite
def foreign_elements(draw: st.DrawFn, depth: int = 0) -> str:
    """An element in somebody else's style: any quotes, spaces, comments and nesting, with the words of the files."""
    tag = draw(TAGS)
    names = draw(st.lists(st.sampled_from(["name", "type", "value", "created", "proto"]), unique=True, max_size=3))
    if tag == "pref":
        # What libpurple does not take for a preference is refused: each has a name, and none a type of fantasy.
        names = ["name", *(name for name in names if name not in ("name", "type"))]
    head = f"<{tag}"
    for name in names:
        quote = draw(st.sampled_from("'\""))
        head += f" {name}{draw(st.sampled_from(['=', ' = ']))}{quote}{draw(WORDS)}{quote}"
    head += draw(st.sampled_from(["", " "]))
    if draw(st.integers(0, 3)) == 0:
        return head + "/>"
    content = draw(SPACES)
    for _ in range(draw(st.integers(0, 3 if depth < 3 else 0))):
        content += draw(foreign_elements(depth + 1)) + draw(SPACES) + draw(st.sampled_from(["", "<!-- it's > -->"]))
    if not content.strip():
        content += draw(st.sampled_from(["", "text &amp; more", "<![CDATA[<a>]]>"]))
    return f"{head}>{content}</{tag}>"


@st.composite
def foreign_documents(draw: st.DrawFn, name: str) -> bytes:
    root = {"accounts": "<account>", "prefs": "<pref name='/'>", "blist": '<purple version = "1.0" >'}.get(
        name, "<statuses version='1.0' x=''>"
    )
    parts = [draw(st.sampled_from(["", "\ufeff", "<?xml version='1.0' encoding='utf-8'?>\r\n", "<!-- x -->"])), root]
    for _ in range(draw(st.integers(0, 4))):
        parts += [draw(SPACES), draw(foreign_elements())]
    if name == "blist":
        groups = [draw(foreign_elements()) for _ in range(draw(st.integers(0, 3)))]
        parts += ["<blist>", draw(SPACES), *groups, draw(SPACES), "</blist>", draw(SPACES)]
    return "".join([*parts, draw(SPACES), f"</{ROOTS[name]}>", draw(SPACES)]).encode()


@EVERY_FORMAT
@BOUNDED
@given(data=st.data())
def test_without_our_insertions_the_original_comes_back(name: str, data: st.DataObject) -> None:
    content = data.draw(foreign_documents(name))
    merged = merge(name, content)
    ET.fromstring(merged.replace(b"x:y", b"x-y"))
    assert missing_from(merged, content) == []
    assert merge(name, merged) is merged
    if name in ("accounts", "status"):
        # One insertion, at the end of the root: cut it out.
        start = next(
            (at for at, (old, new) in enumerate(zip(content, merged, strict=False)) if old != new), len(content)
        )
        assert merged[:start] + merged[start + len(merged) - len(content) :] == content


@EVERY_FORMAT
@BOUNDED
@given(data=st.data())
def test_of_a_document_that_we_do_not_manage_nothing_changes(name: str, data: st.DataObject) -> None:
    content = data.draw(foreign_documents(name))
    assert FORMATS[name].merge(content, "", "") is content


# Items: what a merge added is what remove takes out again


def created_by(name: str, before: bytes, after: bytes) -> dict[str, str]:
    """What a merge added, by the items before and after it."""
    there = FORMATS[name].items(before)
    return {item: value for item, value in FORMATS[name].items(after).items() if item not in there}


def without_created(name: str, before: bytes, after: bytes) -> bytes:
    removed: bytes = FORMATS[name].remove(after, created_by(name, before, after))
    return removed


@EVERY_FILE
@pytest.mark.parametrize("change", ["as it is", "line ends of Windows", "byte order mark", "on one line"])
def test_removing_what_initial_values_added_gives_back_the_persons_very_bytes(
    name: str, path: Path, change: str
) -> None:
    content = path.read_bytes()
    if change == "line ends of Windows":
        content = content.replace(b"\n", b"\r\n")
    elif change == "byte order mark":
        content = b"\xef\xbb\xbf" + content
    elif change == "on one line":
        content = re.sub(rb"\n\t*", b"", content)
    for fragment in FRAGMENTS[name]:
        merged = FORMATS[name].merge(content, "", fragment)
        assert without_created(name, content, merged) == content


@EVERY_FILE
def test_removing_what_enforced_values_added_leaves_all_other_items(name: str, path: Path) -> None:
    content = path.read_bytes()
    merged = merge(name, content)
    before, after = FORMATS[name].items(content), FORMATS[name].items(merged)
    removed = without_created(name, content, merged)
    assert FORMATS[name].items(removed) == {item: after[item] for item in before}
    if all(after[item] == value for item, value in before.items()):
        assert removed == content
    assert FORMATS[name].remove(removed, created_by(name, content, merged)) is removed


@EVERY_FORMAT
def test_of_a_file_that_only_we_wrote_an_empty_document_is_left(name: str) -> None:
    merged = merge(name, None)
    removed = FORMATS[name].remove(merged, FORMATS[name].items(merged))
    assert removed == FORMATS[name].merge(None, "", "")
    assert FORMATS[name].items(removed) == {}


@EVERY_FORMAT
@pytest.mark.parametrize("content", [b"", b" \r\n"])
def test_a_file_without_content_has_no_items_and_nothing_to_remove(name: str, content: bytes) -> None:
    assert FORMATS[name].items(content) == {}
    assert FORMATS[name].remove(content, {"account zoe@univ.example": ""}) is content


@EVERY_FILE
def test_removing_what_is_not_there_or_has_another_value_leaves_the_very_same_object(name: str, path: Path) -> None:
    content = path.read_bytes()
    items = FORMATS[name].items(content)
    assert FORMATS[name].remove(content, {}) is content
    assert FORMATS[name].remove(content, {item: f"{value} and more" for item, value in items.items()}) is content
    assert FORMATS[name].remove(content, {f"{item} and more": value for item, value in items.items()}) is content


@EVERY_FORMAT
def test_what_is_wanted_is_what_stands_in_a_fresh_file(name: str) -> None:
    format_ = FORMATS[name]
    for fragment in FRAGMENTS[name]:
        assert format_.wanted(fragment) == format_.items(format_.merge(None, fragment, ""))
    assert format_.wanted(FRAGMENTS[name][0]).items() <= format_.items(merge(name, None)).items()
    assert format_.wanted("") == format_.wanted(" \n") == {}


@EVERY_FILE
def test_what_is_wanted_stands_in_each_file_after_the_merge(name: str, path: Path) -> None:
    items = FORMATS[name].items(merge(name, path.read_bytes()))
    wanted = FORMATS[name].wanted(FRAGMENTS[name][0])
    # A room that exists stays in its group, with the nickname that the person chose.
    assert {item for item in wanted if item not in items} <= {
        item for item in wanted if item.startswith("group ") or " component " in item
    }
    assert all(items[item] == value for item, value in wanted.items() if item in items)


@EVERY_FORMAT
def test_a_fragment_that_is_a_mistake_is_told_when_asked_what_it_wants(name: str) -> None:
    with pytest.raises(ValueError, match=rf"managed fragment of {name}\.xml"):
        FORMATS[name].wanted("<x/>")


@EVERY_FILE
def test_what_was_taken_back_is_not_laid_again(name: str, path: Path) -> None:
    format_, content, initial = FORMATS[name], path.read_bytes(), FRAGMENTS[name][1]
    wanted = format_.wanted(initial)
    assert format_.merge(content, "", initial, None, frozenset(wanted)) is content
    first = format_.merge(content, "", initial)
    for item in created_by(name, content, first):
        again = format_.items(format_.merge(content, "", initial, taken_back=frozenset([item])))
        if item not in ("blist", "group Groupe vide") and "settings" not in item and not _is_branch(item, wanted):
            assert item not in again


def _is_branch(item: str, wanted: dict[str, str]) -> bool:
    return any(other.startswith(f"{item}/") for other in wanted)


@EVERY_FORMAT
def test_what_is_enforced_holds_even_if_it_was_taken_back(name: str) -> None:
    enforced, initial = FRAGMENTS[name]
    taken_back = frozenset(FORMATS[name].wanted(enforced)) | frozenset(FORMATS[name].wanted(initial))
    assert FORMATS[name].merge(None, enforced, initial, None, taken_back) == FORMATS[name].merge(None, enforced, "")


@st.composite
def profiles(draw: st.DrawFn, name: str) -> bytes:
    """A person's file in any style, that may hold what we manage, with the values that we want, and may not."""
    line = draw(st.sampled_from(["", "\n", "\r\n"]))
    step = draw(st.sampled_from(["\t", "  ", ""])) if line else ""

    def some(*elements: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return [element for element in elements if draw(st.integers(0, 3))]

    def written(element: tuple[Any, ...], depth: int) -> str:
        head, *content = element
        tag = head.split()[0]
        if not content:
            gap = draw(st.sampled_from([None, None, " ", "", "\n", line + step * depth, "<!-- c -->"]))
            return f"<{head}{draw(st.sampled_from(['', ' ']))}/>" if gap is None else f"<{head}>{gap}</{tag}>"
        if isinstance(content[0], str):
            return f"<{head}>{content[0]}</{tag}>"
        text = f"<{head}>"
        for child in content:
            text += draw(st.sampled_from(["", "", "", "\n", "<!-- c -->", line + "<!-- c -->"]))
            text += line + step * (depth + 1) + written(child, depth + 1)
        return f"{text}{draw(st.sampled_from([line + step * depth, '']))}</{tag}>"

    def setting(what: str, kind: str, value: str) -> tuple[str, str]:
        return f"setting type='{kind}' name='{what}'", value

    def pref(path: str, *leaves: tuple[Any, ...]) -> tuple[Any, ...]:
        element: tuple[Any, ...] = (f"pref name='{path}'", *some(*leaves))
        return element

    content: list[tuple[Any, ...]]
    if name == "accounts":
        ui = ("settings ui='gtk-gaim'", *some(setting("auto-login", "bool", "1"), setting("x", "int", "7")))
        own = ("settings", *some(setting("port", "int", "05222"), setting("foreign", "string", "x")))
        proxy = ("proxy", *some(("type", "none"), ("host", "")))
        named = [f"{user}@univ-lille.example" for user in ("Prenom.Nom", "ZOE", "other")]
        content = [
            ("account", ("protocol", protocol), ("name", who), *some(("alias", "x"), ("statuses",), own, ui, proxy))
            for who, protocol in zip(named, ("prpl-jabber", "prpl-jabber", "prpl-irc"), strict=True)
        ]
    elif name == "status":
        content = [
            ("status created='1000000001'", ("state", "unavailable"), *some(("substatus",))),
            ("status created='7'", *some(("state", "away"))),
        ]
    elif name == "prefs":
        away = some(("pref name='mins_before_away' type='int' value='15'",), ("pref name='x' type='bool' value='0'",))
        loaded = some(("item value='ticker.dll'",), ("item value='mine.so'",))
        logging = some(("pref name='log_chats' type='bool' value='0'",))
        content = [
            pref("purple", pref("away", *away), pref("logging", *logging)),
            pref("pidgin", pref("plugins", ("pref name='loaded' type='pathlist'", *loaded))),
            ("pref name='fleet'",),
        ]
    else:
        settings_ = some(setting("gtk-autojoin", "bool", "1"), setting("gtk-mute-sound", "bool", "0"))
        where = [("component name='server'", "conference.univ-lille.example"), ("component name='room'", "salon-dsi")]
        chat = ("chat account='PRENOM.NOM@univ-lille.example/x' proto='prpl-jabber'", *where, *settings_)
        first, second = draw(st.permutations([some(chat), some(("contact",))]))
        groups = some(("group name='Salons'", *first), ("group name='Mes amis'", *second), ("group",))
        content = [*some(("blist", *groups)), ("privacy",)]
    root = {"accounts": "account", "prefs": "pref name='/'", "blist": "purple", "status": "statuses"}[name]
    return (draw(st.sampled_from(["", "\ufeff", "<!-- x -->" + line])) + written((root, *some(*content)), 0)).encode()


@EVERY_FORMAT
@BOUNDED
@given(data=st.data())
def test_merging_and_removing_gives_back_the_very_bytes_of_a_profile_in_any_style(
    name: str, data: st.DataObject
) -> None:
    content = data.draw(profiles(name))
    merged = merge(name, content)
    assert merged != content
    items = FORMATS[name].items(merged)
    assert {item: items[item] for item in FORMATS[name].items(content)} == FORMATS[name].items(content)
    assert without_created(name, content, merged) == content


@EVERY_FORMAT
@BOUNDED
@given(data=st.data())
def test_merging_and_removing_gives_back_the_very_bytes_of_a_foreign_file(name: str, data: st.DataObject) -> None:
    content = data.draw(foreign_documents(name))
    assert without_created(name, content, merge(name, content)) == content


# Laws 6 and 7


@EVERY_FORMAT
@pytest.mark.parametrize(
    "content",
    [
        b"<",
        b"{}",
        b"<html/>",
        b"<ROOT version='7'/>",
        b"<ROOT>",
        b"<ROOT/><ROOT/>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><ROOT/>",
        b"<?xml version='1.0' encoding='latin1'?><ROOT/>",
        b"<ROOT>\xff</ROOT>",
        b"<ROOT>\0</ROOT>",
        b"\xef\xbb\xbf",
        b"<ROOT>" + b"<a>" * 100 + b"</a>" * 100 + b"</ROOT>",
    ],
)
def test_what_is_malformed_or_unknown_is_refused_with_its_place(name: str, content: bytes) -> None:
    with pytest.raises(Refused) as caught:
        merge(name, content.replace(b"ROOT", ROOTS[name].encode()))
    assert re.match(r"(line|byte) \d+", caught.value.where)
    assert caught.value.what
    for act in (FORMATS[name].items, lambda data: FORMATS[name].remove(data, {})):
        with pytest.raises(Refused):
            act(content.replace(b"ROOT", ROOTS[name].encode()))
    assert FORMATS[name].findings(content) == []


def assert_answered(name: str, content: bytes) -> None:
    """Refused, or merged into a document that holds and needs no second merge."""
    assert isinstance(FORMATS[name].describe(content), str)
    assert all(isinstance(finding, str) for finding in FORMATS[name].findings(content))
    try:
        merged = merge(name, content)
    except Refused:
        return
    ET.fromstring(re.sub(rb"[\w.-]*:[\w:.-]*", b"", merged) if b":" in merged else merged)
    assert merge(name, merged) is merged
    assert_removable(name, content)


def assert_removable(name: str, content: bytes) -> None:
    """All items of a document can be told, and taken out at once."""
    items = FORMATS[name].items(content)
    assert all(isinstance(value, str) for value in items.values())
    removed = FORMATS[name].remove(content, items)
    assert set(FORMATS[name].items(removed)) <= set(items)
    assert FORMATS[name].remove(removed, items) is removed


@EVERY_FORMAT
@BOUNDED
@given(content=st.binary(max_size=100))
def test_any_bytes_are_merged_or_refused(name: str, content: bytes) -> None:
    assert_answered(name, content)


@EVERY_FORMAT
@BOUNDED
@given(data=st.data())
def test_a_damaged_real_file_is_merged_or_refused(name: str, data: st.DataObject) -> None:
    content = data.draw(st.sampled_from([path for of, path in FILES if of == name])).read_bytes()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 30))
        noise: Any = st.binary(max_size=3) | st.sampled_from([b"<!--", b"-->", b"/>", b"</account>", b"<pref", b"'"])
        content = content[:start] + data.draw(noise) + content[start + length :]
    assert_answered(name, content)


@EVERY_FORMAT
@BOUNDED
@given(data=st.data())
def test_a_real_file_without_some_of_its_lines_is_merged_or_refused(name: str, data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from([path for of, path in FILES if of == name])).read_bytes().splitlines(True)
    start = data.draw(st.integers(0, len(lines)))
    stop = data.draw(st.integers(start, min(len(lines), start + 6)))
    copy_to = data.draw(st.integers(0, len(lines)))
    taken = lines[start:stop]
    rest = lines[:start] + lines[stop:]
    for content in (b"".join(rest), b"".join(rest[:copy_to] + taken + rest[copy_to:])):
        assert_answered(name, content)


# Describing


@EVERY_FORMAT
def test_the_text_for_a_diff_holds_no_secret(name: str) -> None:
    text = FORMATS[name].describe(managed(name, "after").encode())
    assert "pw-" not in text.replace("salon-pw", "")
    assert f"<{ROOTS[name]}" in text
    assert FORMATS[name].describe(None) == ""
