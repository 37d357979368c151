"""What the format 'libpurple_status' promises beyond the laws (test_libpurple_laws.py)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.libpurple_status import FORMAT

GOLDEN = Path(__file__).parents[2] / "golden" / "pidgin"
HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'


def status(inner: str = "<state>away</state>", created: str = "1000000001", more: str = "") -> str:
    return f"<status name='Bureau' created='{created}'{more}>{inner}</status>"


def file(*statuses: str) -> str:
    return f"<statuses version='1.0'>{''.join(statuses)}</statuses>"


def merge(current: str | None, enforced: str = "", initial: str = "") -> str:
    """Merge and prove on the way that the result is well-formed and that merging again changes nothing."""
    merged: bytes = FORMAT.merge(None if current is None else current.encode(), enforced, initial)
    ET.fromstring(merged)
    assert FORMAT.merge(merged, enforced, initial) is merged
    text: str = merged.decode()
    return text


def test_a_fresh_file_holds_the_statuses_of_both_fragments_as_pidgin_writes_them() -> None:
    enforced = file(status('<message>Zo&#xeb; O\'Brien &amp; "Co" &lt;x> \\</message><state>unavailable</state>'))
    initial = file(status("<state>away</state>", more=" lastused='0'"), status("<state>away</state><message/>", "7"))
    merged = merge(None, enforced, initial)
    assert merged == (
        "<?xml version='1.0' encoding='UTF-8' ?>\n\n"
        "<statuses version='1.0'>\n"
        "\t<status name='Bureau' created='1000000001' lastused='0'>\n"
        "\t\t<state>unavailable</state>\n"
        "\t\t<message>Zoë O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\</message>\n"
        "\t</status>\n"
        "\t<status name='Bureau' created='7'>\n"
        "\t\t<state>away</state>\n"
        "\t</status>\n"
        "</statuses>\n"
    )
    assert ET.fromstring(merged).findtext("status/message") == HOSTILE


def test_a_status_is_found_by_its_number_and_only_state_and_message_are_compared() -> None:
    more = " lastused='1795365657' usage_count='42' transient='true'"
    current = file(status("<state>away</state><substatus/>", created="01000000001", more=more))
    assert FORMAT.merge(current.encode(), file(status()), "") == current.encode()
    merged = merge(current, file(status("<state>unavailable</state><message>Absente</message>")))
    assert merged == current.replace("<state>away</state>", "<state>unavailable</state><message>Absente</message>")


def test_a_message_that_is_not_stated_is_left_and_an_empty_one_equals_an_absent_one() -> None:
    current = file(status("<state>away</state><message>mine</message>")).encode()
    assert FORMAT.merge(current, file(status()), "") is current
    assert b"mine" not in FORMAT.merge(current, file(status("<state>away</state><message/>")), "")
    current = file(status()).encode()
    assert FORMAT.merge(current, file(status("<state>away</state><message/>")), "") is current


def test_initial_values_never_touch_a_status_that_exists() -> None:
    current = file(status("")).encode()
    assert FORMAT.merge(current, "", file(status())) is current


def test_a_number_that_stands_twice_is_set_twice() -> None:
    merged = merge(file(status(), status()), file(status("<state>available</state>")))
    assert merged == file(status("<state>available</state>"), status("<state>available</state>"))


@pytest.mark.parametrize(
    ("fragment", "reason"),
    [
        ("<statuses", "not well-formed"),
        ("<status/>", "the root element is not <statuses>"),
        (file(status(), status()), "that no other <status> has"),
        (file(status(created="0")), "positive number"),
        (file(status(created="")), "<status> without created="),
        (file(status(created="soon")), "whole number"),
        (file(status(created="99999999999")), "whole number"),
        (file(status("")), "needs a <state>"),
        (file(status("<state>dnd</state>")), "needs a <state>; known: available, unavailable, away, extended_away"),
        (file(status("<state>away</state><state>away</state>")), "a second <state> or <message>"),
        (file(status("<state>away</state><substatus/>")), "<substatus> is not managed"),
        (file(status(more=" transient='true'")), "unknown transient="),
        (file("<status created='7'><state>away</state></status>"), "<status> without name="),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_place(fragment: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"enforced fragment of status\.xml.*line 1") as caught:
        FORMAT.merge(None, fragment, "")
    assert reason in str(caught.value)


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(Refused, match="not <statuses>"):
        FORMAT.merge(b"<status/>", file(status()), "")


def test_the_statuses_that_pidgin_cached_survive() -> None:
    current = (GOLDEN / "05-wrong-password-after" / "status.xml").read_text(encoding="utf-8")
    merged = merge(current, file(status()))
    assert merged.startswith(current.removesuffix("\n</statuses>\n"))
    assert len(ET.fromstring(merged)) == len(ET.fromstring(current)) + 1


# Items


def remove(current: str, items: dict[str, str]) -> str:
    text: str = FORMAT.remove(current.encode(), items).decode()
    return text


def test_items_tell_statuses_by_their_number() -> None:
    full = status("<state>away</state><message>Zo&#xeb;</message><substatus/>")
    content = file(full, status("", "07"), "<status/>", status(created="soon"))
    assert FORMAT.items(content.encode()) == {
        "status 1000000001": "",
        "status 1000000001 state": "away",
        "status 1000000001 message": "Zoë",
        "status 7": "",
    }
    assert FORMAT.wanted(file(status(created="007"))) == {"status 7": "", "status 7 state": "away"}


def test_a_status_goes_whole_whatever_the_user_made_of_it() -> None:
    others = [status(created="7"), status(created="8")]
    changed = status("<state>available</state><message>mine</message><substatus/>", more=" usage_count='9'")
    items = {"status 1000000001": "", "status 1000000001 state": "away"}
    assert remove(file(others[0], changed, others[1]), items) == file(*others)


def test_a_message_goes_only_while_it_is_the_given_one() -> None:
    current = file(status("<state>away</state><message>mine</message>"))
    assert remove(current, {"status 1000000001 message": "ours"}) == current
    assert remove(current, {"status 1000000001 message": "mine"}) == file(status())


def test_a_status_that_was_taken_back_is_not_laid_again_and_another_is() -> None:
    initial = file(status(), status(created="7"))
    for item in ("status 1000000001", "status 1000000001 state"):
        merged = FORMAT.merge(file().encode(), "", initial, taken_back=frozenset([item]))
        assert FORMAT.items(merged).keys() == {"status 7", "status 7 state"}


def test_a_status_holds_no_password() -> None:
    assert FORMAT.findings(file(status()).encode()) == []
