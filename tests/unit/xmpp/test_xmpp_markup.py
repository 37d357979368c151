"""Elements to XML and back: nothing is lost but the spelling."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from ansible.module_utils.xmpp.markup import parse, serialize
from ansible.module_utils.xmpp.problems import XmppProblem
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "{urn:x}a", "{urn:y}b", "{urn:x}c"])
TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"], whitelist_characters="\n\t\r<&'\"]>"), max_size=8)


def elements() -> st.SearchStrategy[Element]:
    def build(tag: str, attributes: dict[str, str], text: str, tail: str, children: list[Element]) -> Element:
        element = Element(tag, attributes)
        element.text, element.tail = text, tail
        element.extend(children)
        return element

    attributes = st.dictionaries(NAMES | st.just("{http://www.w3.org/XML/1998/namespace}lang"), TEXTS, max_size=3)
    return st.recursive(
        st.builds(build, NAMES, attributes, TEXTS, TEXTS, st.just([])),
        lambda inner: st.builds(build, NAMES, attributes, TEXTS, TEXTS, st.lists(inner, max_size=3)),
        max_leaves=8,
    )


def canonical(element: Element) -> object:
    return (
        element.tag,
        sorted(element.items()),
        element.text or "",
        [(canonical(child), child.tail or "") for child in element],
    )


@settings(max_examples=300, deadline=None)
@given(elements())
def test_what_is_written_reads_back_the_same_in_both_parsers(element: Element) -> None:
    assert canonical(fromstring(serialize(element))) == canonical(element)
    assert canonical(parse(serialize(element))) == canonical(element)


def test_no_prefixes_are_made_up() -> None:
    xml = "<pubsub xmlns='http://x'><item id='1'><vcard xmlns='urn:y'><fn><text>Zoé</text></fn></vcard></item></pubsub>"
    assert "ns0:" in tostring(fromstring(xml)).decode(), "what ElementTree would do"
    assert serialize(fromstring(xml)) == xml.replace("'", '"')


def test_a_namespace_that_stands_around_is_not_repeated() -> None:
    element = Element("{urn:x}a")
    assert serialize(element, "urn:x") == "<a/>"
    assert serialize(Element("a"), "urn:x") == '<a xmlns=""/>'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "word",
        "<a/><b/>",
        "<a>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<a>&nbsp;</a>",
        "<a/></text><text>",
        "</text></stream:stream>",
        "<?xml version='1.0'?><a/>",
    ],
)
def test_what_is_not_one_plain_element_is_refused(text: str) -> None:
    with pytest.raises(XmppProblem):
        parse(text)
