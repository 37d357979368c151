"""What the format 'whole_file' promises: the file is the fragment, and private keys are not shown."""

from __future__ import annotations

import hashlib

import pytest
from ansible.module_utils.im_formats.whole_file import FORMAT
from hypothesis import given
from hypothesis import strategies as st

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUe\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("current", [None, b"", b"\xff\0", CERTIFICATE.replace("M", "N").encode()])
def test_the_file_becomes_the_fragment_whatever_it_held(current: bytes | None) -> None:
    assert FORMAT.merge(current, CERTIFICATE, "") == CERTIFICATE.encode()


@given(st.binary(), st.text(st.characters(codec="utf-8")))
def test_twice_is_once(current: bytes, fragment: str) -> None:
    once = FORMAT.merge(current, fragment, "")
    assert FORMAT.merge(once, fragment, "") is once
    assert FORMAT.describe(current) is not None


def test_a_blank_fragment_asks_nothing() -> None:
    current = CERTIFICATE.encode()
    assert FORMAT.merge(current, " \n", "") is current
    assert FORMAT.merge(None, "", "") == b""


def test_there_is_no_initial_fragment() -> None:
    with pytest.raises(ValueError, match="no initial"):
        FORMAT.merge(None, CERTIFICATE, CERTIFICATE)


def test_a_certificate_is_shown_and_a_private_key_is_not() -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\r\nhunter2\r\nhunter3\r\n-----END EC PRIVATE KEY-----\r\n"
    assert FORMAT.describe(CERTIFICATE.encode()) == CERTIFICATE
    for text in (CERTIFICATE + key + CERTIFICATE, key[:50], "token: hunter2\n", "password=hunter2"):
        shown = FORMAT.describe(text.encode())
        assert "hunter" not in shown
        assert "********" in shown
    assert FORMAT.describe((key + CERTIFICATE).encode()).endswith(CERTIFICATE)


def test_of_what_is_not_text_only_the_size_is_told() -> None:
    assert FORMAT.describe(b"\xff\0hunter2") == "not readable (9 bytes)\n"
    assert FORMAT.describe(None) == ""


@given(st.binary(), st.text(st.characters(codec="utf-8")))
def test_the_item_is_the_file_with_its_sum_and_goes_as_a_whole(user: bytes, fragment: str) -> None:
    laid = FORMAT.merge(None, fragment, "")
    wanted = FORMAT.wanted(fragment)
    assert FORMAT.findings(user) == []
    if not fragment.strip():
        assert wanted == {}
        return
    assert wanted == FORMAT.items(laid) == {"file": hashlib.sha256(laid).hexdigest()}
    assert FORMAT.remove(laid, wanted) is None
    changed = laid + b"x"
    assert FORMAT.remove(changed, wanted) is changed, "it is not the one that we laid"
    assert FORMAT.remove(user, {}) is user
