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


def assert_answered(name: str, content: bytes) -> None:
    """Refused, or merged into a document that holds and needs no second merge."""
    assert isinstance(FORMATS[name].describe(content), str)
    try:
        merged = merge(name, content)
    except Refused:
        return
    ET.fromstring(re.sub(rb"[\w.-]*:[\w:.-]*", b"", merged) if b":" in merged else merged)
    assert merge(name, merged) is merged


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
