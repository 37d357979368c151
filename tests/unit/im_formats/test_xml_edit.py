"""The XML document that is edited in place."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from ansible.module_utils.im_formats import xml_edit
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.xml_edit import Document, New, walk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: The same examples on every machine, however slow it is.
BOUNDED = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
HOSTILE = 'Zoë O\'Brien & "Co" <x> \\ ]]> \t\r\n end'

#: Characters that XML 1.0 allows, with those that need care more often than by chance.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("<>&\"'\t\n\r] -?"),
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    ),
    max_size=12,
)


def refusal_of(data: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        Document(data)
    return caught.value


# Reading


def test_spans_are_bytes_also_behind_a_byte_order_mark_and_letters_of_several_bytes() -> None:
    data = "\ufeff<?xml version='1.0' encoding='utf-8'?>\r\n<é a='/>'><b/><c x = \"ë\" >t/></c ></é>".encode()
    document = Document(data)
    self_closing, other = document.root.children
    assert data[document.root.start :].startswith("<é".encode())
    assert document.content_span(self_closing) is None
    assert other.text == "t/>"
    content = document.content_span(other)
    assert content is not None
    assert data[slice(*content)] == b"t/>"
    assert data[slice(*document.attribute_span(other, "x"))] == "ë".encode()
    assert data[slice(*document.attribute_span(document.root, "a"))] == b"/>"


def test_text_and_attributes_are_decoded() -> None:
    root = Document(b"<a b='&lt;&#233;&quot;'>x &amp; <!-- no -->y<![CDATA[<z>]]><c>not this</c>!</a>").root
    assert root.attributes == {"b": '<é"'}
    assert root.text == "x & y<z>!"


def test_walking_visits_each_element_at_its_start_and_at_its_end() -> None:
    root = Document(b"<a><b/><c><d/></c></a>").root
    visits = [(element.tag, entering) for element, entering in walk(root)]
    assert visits == [
        ("a", True), ("b", True), ("b", False), ("c", True), ("d", True), ("d", False), ("c", False), ("a", False),
    ]  # fmt: skip


def test_comments_are_found_whole_even_when_they_begin_like_their_end() -> None:
    data = b"<!---> one --><a><?two ?></a>"
    assert [data[slice(*span)] for span in Document(data).remarks] == [b"<!---> one -->", b"<?two ?>"]


# Refusing


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        (b"<a>\n</b>", "line 2", "mismatched tag"),
        (b"<a/><b/>", "line 1", "junk after document element"),
        (b"", "line 1", "no element found"),
        (b"\xef\xbb\xbf", "line 1", "no element found"),
        (b"<a>&unknown;</a>", "line 1", "undefined entity"),
        (b"<a b='1' b='2'/>", "line 1", "duplicate attribute"),
        (b"<!DOCTYPE a><a/>", "line 1", "DOCTYPE"),
        (b"<!DOCTYPE a [<!ENTITY e 'ha'>]><a>&e;</a>", "line 1", "DOCTYPE"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "line 1", "encoding other than UTF-8"),
        (b"<?xml version='1.1'?><a/>", "line 1", "version other than 1.0"),
        (b"<a>\xe9</a>", "byte 3", "not UTF-8"),
        (b"<a>\0</a>", "byte 3", "NUL"),
        ("<a/>".encode("utf-16"), "byte 3", "NUL"),
        (b"<a>\x01</a>", "line 1", "invalid token"),
    ],
)
def test_what_no_client_writes_is_refused_with_place_and_reason(data: bytes, where: str, what: str) -> None:
    refused = refusal_of(data)
    assert refused.where.startswith(where)
    assert what in refused.what


def test_a_hundred_levels_are_read_and_one_more_is_refused() -> None:
    assert Document(b"<a>" * 100 + b"</a>" * 100).root.tag == "a"
    assert "100 deep" in refusal_of(b"<a>" * 101 + b"</a>" * 101).what


def test_a_file_beyond_the_limits_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_edit, "MAX_TAGS", 10)
    assert Document(b"<a>" + b"<b/>" * 18 + b"</a>").root.tag == "a"
    assert "more than 10 elements" in refusal_of(b"<a>" + b"<b/>" * 19 + b"</a>").what
    monkeypatch.setattr(xml_edit, "MAX_BYTES", 1024 * 1024)
    assert "larger than 1 MiB" in refusal_of(b"<a>" + b" " * 1024 * 1024).what


@BOUNDED
@given(st.binary(max_size=60) | st.text(alphabet="<>/!?-[]ab='\"& \n", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_and_come_back_as_they_were(data: bytes) -> None:
    try:
        document = Document(data)
    except Refused:
        return
    assert document.result() is data
    for element, _ in walk(document.root):
        assert data[element.start : element.start + 1] == b"<"
        span = document.content_span(element)
        assert span is None or span[0] <= span[1]


# Editing


def test_an_attribute_changes_in_its_place_and_a_missing_one_comes_last() -> None:
    document = Document(b"<a>\n  <b  x = \"1\"\ty='2' />\n  <c/><d ></d></a>")
    b, c, d = document.root.children
    document.set_attribute(b, "x", HOSTILE)
    document.set_attribute(b, "z", "3")
    document.set_attribute(c, "n", "4")
    document.set_attribute(d, "n", "5")
    raw = "Zoë O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\ ]]&gt; &#9;&#13;&#10; end"
    assert document.result().decode() == (f"<a>\n  <b  x = \"{raw}\"\ty='2' z='3' />\n  <c n='4'/><d n='5' ></d></a>")
    assert ET.fromstring(document.result())[0].get("x") == HOSTILE


def test_text_is_replaced_and_comments_inside_it_stay() -> None:
    document = Document(b"<a><b/><c >old<!-- why --> text<![CDATA[<!-- text -->]]><?pi?></c><d>x</d></a>")
    b, c, d = document.root.children
    document.set_text(b, HOSTILE)
    document.set_text(c, "new")
    document.set_text(d, "")
    root = ET.fromstring(document.result())
    assert [child.text or "" for child in root] == [HOSTILE, "new", ""]
    assert b"<c >new<!-- why --><?pi?></c>" in document.result()


def test_text_is_not_set_over_other_elements() -> None:
    document = Document(b"<a>\n<b>text<c/></b></a>")
    with pytest.raises(Refused, match="line 2: <b> holds other elements"):
        document.set_text(document.root.children[0], "new")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<a>\n  <b/>\n</a>", "<a>\n  <b/>\n  <n>\n    <m>t</m>\n  </n>\n</a>"),
        ("<a>\r\n\t<b/>\r\n</a>\r\n", "<a>\r\n\t<b/>\r\n\t<n>\r\n\t\t<m>t</m>\r\n\t</n>\r\n</a>\r\n"),
        ("<a>\n  <b/> <!-- of b -->\n</a>", "<a>\n  <b/> <!-- of b -->\n  <n>\n    <m>t</m>\n  </n>\n</a>"),
        ("<a><b/></a>", "<a><b/><n><m>t</m></n></a>"),
        ("<a>\n <b/></a>", "<a>\n <b/>\n <n>\n  <m>t</m>\n </n></a>"),
        ("<a/>", "<a>\n\t<n>\n\t\t<m>t</m>\n\t</n>\n</a>"),
        ("<a />\r\n", "<a >\r\n\t<n>\r\n\t\t<m>t</m>\r\n\t</n>\r\n</a>\r\n"),
        ("<?x?><a/>", "<?x?><a><n><m>t</m></n></a>"),
        ("<a></a>", "<a>\n\t<n>\n\t\t<m>t</m>\n\t</n></a>"),
        ("<a>\n</a>", "<a>\n\t<n>\n\t\t<m>t</m>\n\t</n>\n\n</a>"),
        ("\ufeff<a/>", "\ufeff<a>\n\t<n>\n\t\t<m>t</m>\n\t</n>\n</a>"),
    ],
)
def test_an_added_element_looks_like_its_surroundings(before: str, after: str) -> None:
    document = Document(before.encode())
    document.insert(document.root, New("n", children=[New("m", text="t")]))
    assert document.result().decode() == after


def test_several_elements_are_added_in_the_order_of_asking() -> None:
    document = Document(b"<a>\n  <b/>\n</a>")
    added = document.insert(document.root, New("n", {"x": HOSTILE}))
    document.insert(document.root, New("o"))
    document.insert(added, New("m"))
    document.insert(document.root, New("p"), before=document.root.children[0])
    document.insert(document.root.children[0], New("q"))
    assert [element.tag for element in ET.fromstring(document.result()).iter()] == ["a", "p", "b", "q", "n", "m", "o"]
    assert ET.fromstring(document.result())[2].get("x") == HOSTILE
    assert document.result().startswith(b"<a>\n  <p/>\n  <b>\n    <q/>\n  </b>\n  <n x=")


def test_an_absurd_indentation_is_not_copied() -> None:
    document = Document(b"<a>\n" + b" " * 1000 + b"<b/>\n</a>")
    document.insert(document.root, New("n"))
    assert document.result().endswith(b" <b/><n/>\n</a>")


# Removing


GAPS = st.sampled_from(["", "", "\n", "\n\t", "\r\n  ", "\n\n", " ", "\r", "<!-- c -->", "\n<!-- c --> ", "text"])
TREES = st.recursive(
    st.sampled_from(["<a/>", "<b />", "<a></a>", "<b >\n</b>", "<a> </a>", "<b>\r\n\r\n</b>", "<a><!-- c --></a>"]),
    lambda inner: st.lists(st.tuples(GAPS, inner), min_size=1, max_size=3).flatmap(
        lambda content: GAPS.map(lambda last: f"<c>{''.join(map(''.join, content))}{last}</c>")
    ),
    max_leaves=5,
)


@BOUNDED
@given(st.data(), st.sampled_from(["", "\ufeff", "\n", "<?xml version='1.0'?>\r\n", "<!-- c -->", " "]), TREES)
def test_removing_what_was_inserted_gives_back_the_very_bytes(data: st.DataObject, prolog: str, tree: str) -> None:
    original = f"{prolog}{tree}\n".encode()
    document = Document(original)
    elements = [element for element, entering in walk(document.root) if entering]
    for number in range(data.draw(st.integers(1, 4))):
        parent = data.draw(st.sampled_from(elements))
        before = data.draw(st.sampled_from([None, *parent.children]))
        document.insert(parent, New("new", {"n": str(number)}, children=[New("new")] * (number % 2)), before)
    filled = Document(document.result())
    filled.remove({element for element, _ in walk(filled.root) if element.tag == "new"})
    assert filled.result() == original


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<a>\n  <x/>\n  <b/>\n</a>", "<a>\n  <b/>\n</a>"),
        ("<a>\n  <b/>\n  <x><y>t</y></x >\n</a>", "<a>\n  <b/>\n</a>"),
        ("<a>\n\n  <x/>\n\n  <b/>\n</a>", "<a>\n\n\n  <b/>\n</a>"),
        ("<a>\n  <b/> <x/> <b/>\n</a>", "<a>\n  <b/>  <b/>\n</a>"),
        ("<a>\n  <!-- why -->\n  <x/>\n</a>", "<a>\n  <!-- why -->\n</a>"),
        ("<a>text<x/></a>", "<a>text</a>"),
        ("<a>\n  <c>\n    <x/>\n  </c>\n</a>", "<a>\n  <c/>\n</a>"),
        ("<a>\n<x/>\n<x/>\n</a>\n", "<a/>\n"),
        ("<a ><x/></a >", "<a ></a >"),
        ("<c><a ><x/></a ></c>", "<c><a /></c>"),
        ("<a>  <x/>\n\n  </a>", "<a>  \n\n  </a>"),
    ],
)
def test_what_stands_around_a_removed_element_stays(before: str, after: str) -> None:
    document = Document(before.encode())
    document.remove({element for element, _ in walk(document.root) if element.tag == "x"})
    assert document.result().decode() == after


def test_removing_nothing_leaves_the_very_same_object() -> None:
    data = b"<a><b/></a>"
    document = Document(data)
    document.remove(set())
    assert document.result() is data


@BOUNDED
@given(TEXTS, TEXTS, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["<b/>", "<b ></b>", "<b x='1'>t</b>", ""]))
def test_what_is_written_is_what_a_reader_gets(attribute: str, text: str, newline: str, sibling: str) -> None:
    original = f"<a>{newline}  {sibling}<!-- foreign -->{newline}</a>".encode()
    document = Document(original)
    new = New("n", {"x": attribute}, text)
    document.insert(document.root, new)
    for element in document.root.children:
        document.set_attribute(element, "y", attribute)
        document.set_text(element, text)
    root = ET.fromstring(document.result())
    assert root[-1].attrib == {"x": attribute}
    assert [child.text or "" for child in root] == [text] * len(root)
    assert [child.get("y") for child in root][:-1] == [attribute] * (len(root) - 1)
    assert f"<!-- foreign -->{newline}".encode() in document.result()
