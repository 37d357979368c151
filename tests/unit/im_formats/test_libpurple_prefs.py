"""What the format 'libpurple_prefs' promises beyond the laws (test_libpurple_laws.py)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.libpurple_prefs import FORMAT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: The same examples on every machine, however slow it is.
BOUNDED = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
GOLDEN = Path(__file__).parents[2] / "golden" / "pidgin"
HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
SYSTEM = "/etc/purple/prefs.xml"
SYSTEM_PREFS = (
    b"<?xml version='1.0' encoding='UTF-8' ?>\n\n<pref version='1' name='/'>\n  <pref name='pidgin'>\n"
    b"    <pref name='browsers'>\n      <pref name='browser' type='string' value='custom'/>\n    </pref>\n"
    b"  </pref>\n</pref>\n"
)
NUMBERS = ("bool", "int")
LISTS = ("stringlist", "pathlist")
KINDS = (*NUMBERS, "string", "path", *LISTS)


def file(*prefs: str) -> str:
    return f"<pref version='1' name='/'>{''.join(prefs)}</pref>"


def branch(name: str, *prefs: str) -> str:
    return f"<pref name='{name}'>{''.join(prefs)}</pref>"


def leaf(name: str, kind: str, value: str) -> str:
    return f"<pref name='{name}' type='{kind}' value='{value}'/>"


def logging(*prefs: str) -> str:
    return file(branch("purple", branch("logging", *prefs)))


def list_of(*items: str) -> str:
    return "".join(f"<item value='{item}'/>" for item in items)


def plugins(*items: str) -> str:
    return file(branch("pidgin", branch("plugins", f"<pref name='loaded' type='pathlist'>{list_of(*items)}</pref>")))


def read_as_libpurple(content: str | bytes) -> dict[str, object]:
    """What prefs.c (prefs_start_element_handler, prefs_end_element_handler) gets from a file: value by path.

    A second, independent reading, with the same stack of names; a branch has the value None.
    """
    values: dict[str, object] = {}
    stack: list[str] = []

    def start(element: ET.Element) -> None:
        kind, name, value = (element.get(key) for key in ("type", "name", "value"))
        if kind is not None and kind not in KINDS:
            return
        if kind in NUMBERS and value is None:
            return
        if element.tag == "item":
            items = values.get("/" + "/".join(stack))
            if isinstance(items, list):
                items.append(value or "")
        elif name is not None and name != "/":
            path = "/" + "/".join([*stack, name])
            if kind in LISTS:
                values[path] = []
            elif kind == "int":
                values[path] = int(str(value))
            elif kind == "bool":
                values[path] = bool(int(str(value)))
            elif kind is None:
                values.setdefault(path, None)
            else:
                values[path] = value or ""
            stack.append(name)

    def visit(element: ET.Element) -> None:
        if element.tag in ("pref", "item"):
            start(element)
        for child in element:
            visit(child)
        if element.tag == "pref" and stack:
            stack.pop()

    visit(ET.fromstring(content))
    return values


def merge(current: str | None, enforced: str = "", initial: str = "") -> str:
    """Merge and prove on the way that the values hold and that merging again changes nothing."""
    merged: bytes = FORMAT.merge(None if current is None else current.encode(), enforced, initial)
    values = read_as_libpurple(merged)
    for path, value in read_as_libpurple(enforced or file()).items():
        if isinstance(value, list):
            assert isinstance(values[path], list)
        elif value is not None:
            assert values[path] == value
    assert FORMAT.merge(merged, enforced, initial) is merged
    text: str = merged.decode()
    return text


def test_a_fresh_file_holds_both_fragments_as_pidgin_writes_them() -> None:
    enforced = logging(leaf("log_ims", "bool", "1"))
    initial = file(
        branch("purple", branch("logging", leaf("log_ims", "bool", "0"), leaf("format", "string", "txt"))),
        branch("fleet", leaf("person", "string", "Zo&#xeb; O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\")),
    )
    merged = merge(None, enforced, initial)
    assert merged == (
        "<?xml version='1.0' encoding='UTF-8' ?>\n\n"
        "<pref version='1' name='/'>\n"
        "\t<pref name='purple'>\n"
        "\t\t<pref name='logging'>\n"
        "\t\t\t<pref name='log_ims' type='bool' value='1'/>\n"
        "\t\t\t<pref name='format' type='string' value='txt'/>\n"
        "\t\t</pref>\n"
        "\t</pref>\n"
        "\t<pref name='fleet'>\n"
        "\t\t<pref name='person' type='string' value='Zoë O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\'/>\n"
        "\t</pref>\n"
        "</pref>\n"
    )
    assert read_as_libpurple(merged)["/fleet/person"] == HOSTILE


# The file of the system


def test_a_person_without_file_starts_from_the_system_file_that_theirs_will_hide() -> None:
    enforced = logging(leaf("log_ims", "bool", "1"))
    merged: bytes = FORMAT.merge(None, enforced, "", {SYSTEM: SYSTEM_PREFS})
    values = read_as_libpurple(merged)
    assert values["/pidgin/browsers/browser"] == "custom"
    assert values["/purple/logging/log_ims"] is True
    assert merged.startswith(SYSTEM_PREFS.removesuffix(b"\n</pref>\n"))


def test_an_initial_value_yields_to_the_system_file() -> None:
    initial = file(branch("pidgin", branch("browsers", leaf("browser", "string", "xdg-open"))))
    assert FORMAT.merge(None, "", initial, {SYSTEM: SYSTEM_PREFS}) == SYSTEM_PREFS


@pytest.mark.parametrize("path", ["C:\\ProgramData\\purple\\prefs.xml", "/opt/homebrew/etc/purple/prefs.xml"])
def test_the_system_file_of_other_platforms_is_known_by_the_end_of_its_path(path: str) -> None:
    assert FORMAT.merge(None, "", "", {path: SYSTEM_PREFS}) == SYSTEM_PREFS


@pytest.mark.parametrize("content", [b"", b"<pref", b"<prefs/>", b"<pref version='3' name='/'/>", b"<pref name='x'/>"])
def test_a_system_file_that_is_of_no_use_is_ignored(content: bytes) -> None:
    enforced = logging(leaf("log_ims", "bool", "1"))
    assert FORMAT.merge(None, enforced, "", {SYSTEM: content}) == FORMAT.merge(None, enforced, "")


@pytest.mark.parametrize("current", ["", "\n", file()])
def test_a_file_of_the_persons_own_hides_the_system_file_even_an_empty_one(current: str) -> None:
    merged: bytes = FORMAT.merge(current.encode(), logging(leaf("x", "int", "1")), "", {SYSTEM: SYSTEM_PREFS})
    assert b"browser" not in merged


# Values


@pytest.mark.parametrize(
    ("kind", "current", "wanted"),
    [
        ("bool", "1", "1"),
        ("bool", "2", "1"),
        ("bool", "false", "0"),
        ("bool", "true", "0"),
        ("int", "05", "5"),
        ("int", "5 minutes", "5"),
        ("string", "x", "x"),
        ("path", "/a", "/a"),
    ],
)
def test_values_that_libpurple_reads_alike_are_left_as_they_are(kind: str, current: str, wanted: str) -> None:
    document = logging(leaf("x", kind, current)).encode()
    assert FORMAT.merge(document, logging(leaf("x", kind, wanted)), "") is document


@pytest.mark.parametrize(
    ("kind", "current", "wanted"),
    [
        ("bool", "true", "1"),
        ("bool", "", "1"),
        ("bool", "1", "0"),
        ("int", "6", "5"),
        ("string", "X", "x"),
        ("string", "x", ""),
        ("path", "/a", "/b"),
    ],
)
def test_values_that_libpurple_reads_differently_are_set(kind: str, current: str, wanted: str) -> None:
    assert merge(logging(leaf("x", kind, current)), logging(leaf("x", kind, wanted))) == logging(
        leaf("x", kind, wanted)
    )


def test_a_string_without_value_is_an_empty_one() -> None:
    document = logging("<pref name='x' type='string'/>").encode()
    assert FORMAT.merge(document, logging("<pref name='x' type='string'/>"), "") is document
    assert FORMAT.merge(document, logging(leaf("x", "string", "")), logging(leaf("x", "string", "no"))) is document
    assert "<pref name='x' type='string' value=''/>" in merge(file(), logging("<pref name='x' type='string'/>"))


@pytest.mark.parametrize("current", [leaf("x", "string", "5"), "<pref name='x' value='5'/>"])
def test_a_wrong_type_of_an_enforced_preference_is_corrected(current: str) -> None:
    values = read_as_libpurple(merge(logging(current), logging(leaf("x", "int", "5"))))
    assert values["/purple/logging/x"] == 5


def test_a_leaf_that_stands_twice_is_set_twice() -> None:
    merged = merge(logging(leaf("x", "int", "1"), leaf("x", "int", "2")), logging(leaf("x", "int", "3")))
    assert merged == logging(leaf("x", "int", "3"), leaf("x", "int", "3"))


def test_an_initial_value_is_laid_only_where_there_is_none() -> None:
    document = logging(leaf("x", "int", "1")).encode()
    assert FORMAT.merge(document, "", logging(leaf("x", "int", "2"))) is document
    assert merge(logging("<pref name='x'/>"), "", logging(leaf("x", "int", "2"))) == logging(
        "<pref name='x' type='int' value='2'/>"
    )


def test_a_value_can_be_laid_on_a_branch_and_below_a_leaf() -> None:
    merged = merge(logging(leaf("x", "int", "1")), file(branch("purple", leaf("logging", "bool", "1"))))
    assert read_as_libpurple(merged) == {"/purple": None, "/purple/logging": True, "/purple/logging/x": 1}
    below = logging("<pref name='x'><pref name='y' type='int' value='2'/></pref>")
    assert read_as_libpurple(merge(logging(leaf("x", "int", "1")), below))["/purple/logging/x/y"] == 2


# Lists


def test_a_list_shared_with_the_person_is_a_union_in_the_persons_order() -> None:
    merged = merge(plugins("/usr/lib/pidgin/b.so", "/x/a.so"), plugins("/usr/lib/pidgin/c.so", "/x/a.so"))
    assert merged == plugins("/usr/lib/pidgin/b.so", "/x/a.so", "/usr/lib/pidgin/c.so")


def test_an_empty_list_receives_the_items_and_an_initial_list_yields_to_it() -> None:
    empty = "<pref name='loaded' type='pathlist'/>"
    current = file(branch("pidgin", branch("plugins", empty)))
    assert merge(current, plugins("/x/a.so")) == plugins("/x/a.so")
    assert FORMAT.merge(current.encode(), "", plugins("/x/a.so")) == current.encode()


def test_a_list_laid_for_the_first_time_takes_the_items_of_both_fragments() -> None:
    merged = merge(file(), plugins("/x/a.so", "/x/b.so"), plugins("/x/b.so", "/x/c.so"))
    assert read_as_libpurple(merged)["/pidgin/plugins/loaded"] == ["/x/a.so", "/x/b.so", "/x/c.so"]


@pytest.mark.parametrize("present", ["/usr/lib/purple-2/ticker.so", "C:\\Pidgin\\plugins\\ticker.dll", "ticker.sl"])
def test_a_plugin_is_known_by_its_base_name_as_pidgin_finds_it(present: str) -> None:
    document = plugins(present).encode()
    assert FORMAT.merge(document, plugins("/usr/lib/pidgin/ticker.so"), "") is document
    assert "ticker.pl" in merge(plugins(present), plugins("/usr/lib/pidgin/ticker.pl"))


def test_items_of_other_lists_are_compared_as_they_stand() -> None:
    current = logging(f"<pref name='x' type='stringlist'>{list_of('/a/t.so')}</pref>")
    merged = merge(current, logging(f"<pref name='x' type='stringlist'>{list_of('/b/t.so')}</pref>"))
    assert read_as_libpurple(merged)["/purple/logging/x"] == ["/a/t.so", "/b/t.so"]


# The trap: an element that libpurple does not understand shifts what follows it one level up


TRAPS = [
    "<pref name='t' type='bool'/>",
    "<pref name='t' type='int'></pref>",
    "<pref name='t' type='float' value='1'/>",
    "<pref type='int' value='1'/>",
    "<pref name='/'/>",
]


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_refused_for_no_change_leaves_the_others_where_libpurple_reads_them(trap: str) -> None:
    current = logging(trap, leaf("log_ims", "bool", "1"))
    assert read_as_libpurple(current)["/purple/log_ims"] is True
    for call in (
        lambda: merge(current, logging(leaf("log_ims", "bool", "0"))),
        lambda: merge(current, "", logging(leaf("t", "bool", "1"))),
        lambda: FORMAT.items(current.encode()),
        lambda: remove(current, {"pref /purple/log_ims": "1"}),
    ):
        with pytest.raises(Refused, match="Pidgin misreads what follows") as caught:
            call()
        assert "float" not in str(caught.value)  # what stands in a damaged file may be a secret


NAMES = st.sampled_from(["purple", "logging", "log_ims", "x", "a/b", ""])
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES,
        "type": st.sampled_from(KINDS),
        "value": st.sampled_from(["0", "1", "7"]),
    },
)


def written(tag: str, attributes: dict[str, str], children: list[str]) -> str:
    if tag == "pref":
        number = {"value": "0"} if attributes.get("type") in NUMBERS else {}
        attributes = {"name": "x", **number, **attributes}
    head = tag + "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{head}>{''.join(children)}</{tag}>" if children else f"<{head}/>"


ELEMENTS = st.recursive(
    st.builds(written, st.sampled_from(["pref", "item", "foreign"]), ATTRIBUTES, st.just([])),
    lambda inner: st.builds(written, st.sampled_from(["pref", "foreign"]), ATTRIBUTES, st.lists(inner, max_size=4)),
    max_leaves=12,
)
ENFORCED = file(branch("purple", leaf("x", "string", "e"), branch("logging", leaf("log_ims", "bool", "0"))))
INITIAL = file(branch("purple", branch("logging", leaf("fresh", "int", "9"), leaf("x", "int", "8"))))


@BOUNDED
@given(st.lists(ELEMENTS, max_size=4))
def test_in_any_tree_the_values_hold_as_libpurple_reads_them(elements: list[str]) -> None:
    current = f"<pref name='/'>{''.join(elements)}</pref>"
    values = read_as_libpurple(merge(current, ENFORCED, INITIAL))
    assert values["/purple/x"] == "e"
    assert values["/purple/logging/log_ims"] is False
    assert values["/purple/logging/fresh"] is not None
    assert values["/purple/logging/x"] is not None


@BOUNDED
@given(st.lists(ELEMENTS, max_size=4))
def test_in_any_tree_an_initial_value_changes_no_other_value(elements: list[str]) -> None:
    current = f"<pref name='/'>{''.join(elements)}</pref>"
    before = read_as_libpurple(current)
    after = read_as_libpurple(merge(current, "", INITIAL))
    laid = {path for path, value in read_as_libpurple(INITIAL).items() if before.get(path) is None}
    assert {path: value for path, value in after.items() if path not in laid} == {
        path: value for path, value in before.items() if path not in laid
    }


# Refusing


@pytest.mark.parametrize(
    ("fragment", "reason"),
    [
        ("<pref", "not well-formed"),
        ("<prefs/>", "the root element is not <pref>"),
        ("<pref version='2' name='/'/>", "unknown version="),
        ("<pref version='1'/>", "must have the name '/'"),
        (file("<item value='x'/>"), "<item> is not managed inside <pref>"),
        (file("<pref/>"), "<pref> without name="),
        (file(branch("a/b")), "a name with '/'"),
        (file(leaf("x", "int", "1"), leaf("x", "int", "1")), "preference /x twice"),
        (file("<pref name='x' type='bool'/>"), "a bool must be 0 or 1"),
        (file(leaf("x", "bool", "true")), "a bool must be 0 or 1"),
        (file(leaf("x", "int", "")), "whole number"),
        (file("<pref name='x' type='int'/>"), "whole number"),
        (file(leaf("x", "integer", "1")), "unknown type"),
        (file("<pref name='x' value='1'/>"), "unknown value="),
        (file("<pref name='x' type='int' value='1'><pref name='y'/></pref>"), "<pref> is not managed inside <pref>"),
        (file("<pref name='x' type='stringlist' value='y'/>"), "unknown value="),
        (file("<pref name='x' type='stringlist'><item/></pref>"), "<item> without value="),
        (file("<pref name='x' type='string'>y</pref>"), "text directly inside <pref>"),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_place(fragment: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"initial fragment of prefs\.xml.*line 1") as caught:
        FORMAT.merge(None, "", fragment)
    assert reason in str(caught.value)


@pytest.mark.parametrize("current", ["<pref version='1' name='purple'/>", "<pref/>", "<pref name='/' version='2'/>"])
def test_a_root_that_would_change_each_path_is_refused(current: str) -> None:
    with pytest.raises(Refused, match="line 1"):
        FORMAT.merge(current.encode(), logging(leaf("x", "int", "1")), "")


# Real files


def test_what_pidgin_wrote_after_merging_needs_no_change() -> None:
    after = (GOLDEN / "02-full-seed-after-run-fr" / "prefs.xml").read_bytes()
    seed = (GOLDEN / "02-full-seed-before" / "prefs.xml").read_text(encoding="utf-8")
    # Not ours: the seed began as a copy of Debian's system file, and Pidgin renames this old preference of it.
    fragment = seed.replace('<pref name="command" type="path" value="sensible-browser" />', "")
    assert fragment != seed
    assert FORMAT.merge(after, fragment, "") is after
    assert FORMAT.merge(after, "", fragment) is after


def test_of_a_persons_preferences_only_the_managed_ones_change() -> None:
    user = (GOLDEN / "03-merge-0-user" / "prefs.xml").read_text(encoding="utf-8")
    enforced = file(
        branch(
            "purple",
            branch("away", leaf("mins_before_away", "int", "15")),
            branch("logging", leaf("log_chats", "bool", "0")),
        )
    )
    merged = merge(user, enforced)
    expected = (GOLDEN / "03-merge-1-merged" / "prefs.xml").read_text(encoding="utf-8")
    assert ET.canonicalize(merged) == ET.canonicalize(expected)
    changed = [line for line, new in zip(user.splitlines(), merged.splitlines(), strict=True) if line != new]
    assert len(changed) == 2


# Items


def remove(current: str, items: dict[str, str]) -> str:
    text: str = FORMAT.remove(current.encode(), items).decode()
    return text


def created_by(before: str, after: str) -> dict[str, str]:
    there = FORMAT.items(before.encode())
    return {item: value for item, value in FORMAT.items(after.encode()).items() if item not in there}


def test_items_tell_preferences_by_their_path_as_libpurple_reads_them() -> None:
    proxy = branch("proxy", leaf("password", "string", "pw-canary"), leaf("host", "string", ""))
    content = file(branch("purple", proxy, leaf("a b", "bool", "true"), leaf("n", "int", "05 minutes")))
    assert FORMAT.items(content.encode()) == {
        "pref /purple": "",
        "pref /purple/proxy": "",
        "pref /purple/proxy/password": "********",
        "pref /purple/proxy/host": "",
        "pref /purple/a%20b": "0",
        "pref /purple/n": "5",
    }


def test_items_tell_the_items_of_a_list_each_and_plugins_by_base_name() -> None:
    assert FORMAT.items(plugins("/usr/lib/pidgin/my plugin.so", "C:\\x\\b.dll").encode()) == {
        "pref /pidgin": "",
        "pref /pidgin/plugins": "",
        "pref /pidgin/plugins/loaded": "",
        "pref /pidgin/plugins/loaded item my plugin": "",
        "pref /pidgin/plugins/loaded item b": "",
    }


def test_of_a_value_that_stands_twice_the_one_that_libpurple_reads_is_told() -> None:
    content = logging(leaf("x", "int", "1"), leaf("x", "int", "2"), branch("x"))
    assert FORMAT.items(content.encode())["pref /purple/logging/x"] == "2"


def test_branches_without_preferences_are_not_wanted() -> None:
    assert FORMAT.wanted(logging()) == {}


def test_a_preference_goes_only_while_it_is_the_given_one() -> None:
    current = logging(leaf("x", "int", "05"), leaf("y", "bool", "1"))
    item = "pref /purple/logging/x"
    assert remove(current, {item: "6"}) == current
    assert remove(current, {item: "5"}) == logging(leaf("y", "bool", "1"))


def test_a_branch_goes_if_it_is_asked_to_and_nothing_else_stands_inside() -> None:
    before = file("<pref name='purple'/>")
    merged = merge(before, logging(leaf("x", "int", "5")))
    created = created_by(before, merged)
    assert created == {"pref /purple/logging": "", "pref /purple/logging/x": "5"}
    assert remove(merged, created) == before
    assert remove(merged, {"pref /purple/logging/x": "5"}) == file(branch("purple", "<pref name='logging'/>"))
    for foreign in (leaf("own", "int", "1"), "<!-- mine -->", "<foreign/>"):
        used = merged.replace("<pref name='x'", f"{foreign}<pref name='x'")
        assert remove(used, created) == logging(foreign)
    assert remove(merged.replace("'5'", "'6'"), created) == logging(leaf("x", "int", "6"))


def test_a_preference_stays_if_others_stand_inside() -> None:
    inside = logging(f"<pref name='x' type='int' value='1'>{leaf('y', 'int', '2')}</pref>")
    assert remove(inside, {"pref /purple/logging/x": "1"}) == inside
    both = {"pref /purple/logging/x": "1", "pref /purple/logging/x/y": "2"}
    assert remove(inside, both) == file(branch("purple", "<pref name='logging'/>"))


def test_items_leave_a_list_and_the_persons_stay_in_it() -> None:
    before = plugins("/usr/lib/pidgin/mine.so")
    merged = merge(before, plugins("/usr/lib/pidgin/ours.so"))
    rewritten = merged.replace("/usr/lib/pidgin/ours.so", "/usr/lib/purple-2/ours.so")
    assert remove(rewritten, created_by(before, merged)) == before
    created = created_by(file(), merge(file(), plugins("/x/ours.so")))
    assert remove(rewritten, created) == before
    assert remove(plugins("/x/ours.so"), created) == file()


def test_a_preference_that_was_taken_back_is_not_laid_again_and_another_is() -> None:
    initial = logging(leaf("x", "int", "1"), leaf("y", "int", "2"))
    merged = FORMAT.merge(
        file().encode(), "", initial, taken_back=frozenset(["pref /purple/logging/x", "pref /purple"])
    )
    assert read_as_libpurple(merged) == {"/purple": None, "/purple/logging": None, "/purple/logging/y": 2}
    gone = frozenset(["pref /pidgin/plugins/loaded item a"])
    merged = FORMAT.merge(file().encode(), plugins("/x/c.so"), plugins("/x/a.so", "/x/b.so"), taken_back=gone)
    assert read_as_libpurple(merged)["/pidgin/plugins/loaded"] == ["/x/c.so", "/x/b.so"]


def test_findings_tell_where_passwords_stand_in_clear_and_never_the_passwords() -> None:
    password = leaf("password", "string", "pw-canary")
    content = file(
        branch("purple", branch("proxy", password), branch("network", leaf("turn_password", "string", "pw-canary"))),
        branch("other", leaf("password", "string", ""), branch("password")),
    )
    assert FORMAT.findings(content.encode()) == ["pref /purple/proxy/password", "pref /purple/network/turn_password"]
    assert "pw-canary" not in f"{FORMAT.items(content.encode())}{FORMAT.wanted(file(password))}"


@BOUNDED
@given(st.lists(ELEMENTS, max_size=4))
def test_in_any_tree_removing_initial_values_gives_back_the_very_bytes(elements: list[str]) -> None:
    before = f"<pref name='/'>{''.join(elements)}</pref>"
    merged = merge(before, "", INITIAL)
    created = created_by(before, merged)
    values = read_as_libpurple(before)
    removed = remove(merged, created)
    assert read_as_libpurple(removed).keys() >= values.keys()
    # A value that was laid on a branch of the person's stays with it.
    leaves = [path for path, value in read_as_libpurple(INITIAL).items() if value is not None]
    if not any(path in values and values[path] is None for path in leaves):
        assert removed == before
