"""The text of an XML document for a diff: no secret may appear in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible.module_utils.im_formats.xml_mask import MASK, masked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: The same examples on every machine, however slow it is.
BOUNDED = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
GOLDEN = Path(__file__).parents[2] / "golden" / "pidgin"
CANARY = "pw-canary-7"
WITH_PASSWORD = [path for path in sorted(GOLDEN.glob("*/accounts.xml")) if b"<password>" in path.read_bytes()]


def test_nothing_has_no_text() -> None:
    assert masked(None) == masked(b"") == masked(b" \r\n\t") == ""


@pytest.mark.parametrize(
    "document",
    [
        f"<account><account><password>{CANARY}</password></account></account>",
        f"<account><account><proxy><password keyring_id='{CANARY}'>{CANARY}</password></proxy></account></account>",
        f"<a><component name='password'>{CANARY}</component></a>",
        f"<a><setting name='oauth_token' type='string'>{CANARY}</setting></a>",
        f"<pref><pref name='proxy'><pref name='password' type='string' value=\"{CANARY}\"/></pref></pref>",
        f"<pref><pref name='turn_password' type='string' value='{CANARY}'></pref></pref>",
        f"<pref><pref name='passwords' type='stringlist'><item value='{CANARY}'/></pref></pref>",
        f"<a><attribute id='Password' value='{CANARY}'/></a>",
        f"<a b='1' user-password='{CANARY}'/>",
        f"<x:Password>{CANARY}<b>{CANARY}</b></x:Password>",
        f"<a><pass>{CANARY}</pass></a>",
        f"<!-- <password>{CANARY}</password> --><a/>",
        f"<a><?old password={CANARY} ?></a>",
        f"<a/><!---> the password was {CANARY} -->",
        f"<a><userinfo>&lt;password&gt;{CANARY}&lt;/password&gt;</userinfo></a>",
        f"<a><![CDATA[<password>{CANARY}</password>]]></a>",
        f"<a><password><!-- -->{CANARY}<![CDATA[{CANARY}]]></password></a>",
    ],
)
def test_a_secret_is_masked_wherever_a_document_may_hold_it(document: str) -> None:
    for content in (document, "\ufeff" + document):
        text = masked(content.encode())
        assert CANARY not in text
        assert MASK in text


@pytest.mark.parametrize(
    "content",
    [
        f"<a><password>{CANARY}</a>",
        f"<a><password>{CANARY}</password>",
        f"<a><password>{CANARY}</password>\0</a>",
        f"<!DOCTYPE a><a><password>{CANARY}</password></a>",
        f"{CANARY}",
    ],
)
def test_a_file_that_is_not_xml_is_measured_and_not_quoted(content: str) -> None:
    text = masked(content.encode())
    assert CANARY not in text
    assert text.startswith(f"(not readable as XML, {len(content)} bytes: ")
    assert CANARY not in masked(content.encode("utf-16"))


def test_everything_else_is_shown_as_it_stands() -> None:
    content = (GOLDEN / "03-merge-0-user" / "blist.xml").read_bytes()
    assert masked(content) == content.decode()
    empty = "<a>\r\n<password/><pref name='password' value=''/></a>"
    assert masked(empty.encode()) == empty


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/accounts.xml")), ids=lambda path: path.parent.name)
def test_only_the_passwords_of_real_files_are_masked(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    shown = masked(path.read_bytes()).splitlines()
    assert len(lines) == len(shown)
    changed = [(line, text) for line, text in zip(lines, shown, strict=True) if line != text]
    assert all(line.startswith("\t\t<password>") and text == "\t\t<password>********</password>"
               for line, text in changed)  # fmt: skip
    assert len(changed) == sum("<password>" in line for line in lines)


@BOUNDED
@given(st.binary(max_size=80))
def test_any_bytes_have_a_text(content: bytes) -> None:
    assert isinstance(masked(content), str)


@BOUNDED
@given(st.sampled_from(WITH_PASSWORD), st.data())
def test_no_password_leaks_from_a_damaged_file(path: Path, data: st.DataObject) -> None:
    content = re.sub(rb"(<password>)[^<]*", rb"\g<1>" + CANARY.encode(), path.read_bytes())
    # The elements themselves stay whole: without their name nobody could tell a password from a text.
    parts = re.split(rb"(<password>.*?</password>)", content)
    chosen = 2 * data.draw(st.integers(0, len(parts) // 2))
    start = data.draw(st.integers(0, len(parts[chosen])))
    length = data.draw(st.integers(0, 40))
    noise = data.draw(st.binary(max_size=4) | st.sampled_from([b"<!--", b"<![CDATA[", b"<?x ", b"-->", b"]]>", b"<a>"]))
    parts[chosen] = parts[chosen][:start] + noise + parts[chosen][start + length :]
    assert CANARY not in masked(b"".join(parts))
