"""The parser: the same elements however the octets are cut, and never anything but XmppProblem."""

from __future__ import annotations

import tracemalloc
from xml.etree.ElementTree import Element, tostring

import pytest
from ansible.module_utils.xmpp.problems import XmppProblem
from ansible.module_utils.xmpp.stream import StreamParser, condition, error_text, header, iq
from hypothesis import given, settings
from hypothesis import strategies as st

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    b"id='1' from='univ.example' version='1.0' xml:lang='fr'>"
)
STANZAS = (
    b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism>"
    b"</mechanisms></stream:features> \n "
    b"<iq type='result' id='q1' xml:lang='fr'><x xmlns='jabber:x:data'><value>Zo\xc3\xab &lt;x&gt; &amp; &#233;</value>"
    b"<value><![CDATA[<raw>]]></value></x></iq><message/>"
)


def parse(parser: StreamParser, octets: bytes, size: int) -> list[Element]:
    return [e for start in range(0, len(octets), size) for e in parser.feed(octets[start : start + size])]


@given(st.integers(1, 400))
def test_the_same_elements_come_out_however_the_octets_are_cut(size: int) -> None:
    elements = parse(StreamParser(), HEADER + STANZAS, size)
    assert [e.tag for e in elements] == [
        "{http://etherx.jabber.org/streams}features",
        "{jabber:client}iq",
        "{jabber:client}message",
    ]
    assert [v.text for v in elements[1].iter("{jabber:x:data}value")] == ["Zoë <x> & é", "<raw>"]
    assert elements[1].get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"


def test_a_stanza_is_given_out_as_soon_as_it_is_complete() -> None:
    parser = StreamParser()
    parser.feed(HEADER + b"<message><body>" + b"x" * 3000)
    assert len(parser.feed(b"</body></message>")) == 1


def test_the_end_of_the_stream_is_noticed() -> None:
    parser = StreamParser()
    assert not parser.opened
    parser.feed(HEADER)
    assert parser.opened
    assert not parser.closed
    parser.feed(b"</stream:stream>")
    assert parser.closed


@pytest.mark.parametrize("size", [1000, 65536])
def test_the_limit_is_for_one_stanza_and_not_for_the_stream(size: int) -> None:
    stanza = b"<message><body>" + b"x" * 900 + b"</body></message>"
    assert len(parse(StreamParser(max_stanza=1000), HEADER + stanza * 100, size)) == 100


def test_keep_alives_do_not_count_as_a_stanza() -> None:
    assert parse(StreamParser(max_stanza=1000), HEADER + b" " * 100_000 + b"<message/>", 500)


@pytest.mark.parametrize("size", [1000, 65536])
def test_a_stanza_over_the_limit_is_refused_even_if_it_comes_whole(size: int) -> None:
    stanza = b"<message><body>" + b"x" * 1100 + b"</body></message>"
    with pytest.raises(XmppProblem, match="stanza_too_big"):
        parse(StreamParser(max_stanza=1000), HEADER + stanza, size)


def test_memory_stays_flat_over_many_stanzas() -> None:
    parser = StreamParser()
    parser.feed(HEADER)
    stanza = b"<message><body>" + b"x" * 100 + b"</body></message>"
    parser.feed(stanza * 100)
    tracemalloc.start()
    try:
        for _ in range(100):
            parser.feed(stanza * 100)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 100_000, "a million octets went through"


def swallow(octets: bytes, size: int) -> None:
    """Feed until the end or until it is refused; anything else than XmppProblem escapes."""
    try:
        parse(StreamParser(max_stanza=5000), octets, size)
    except XmppProblem as problem:
        assert problem.code in ("not_xmpp", "stanza_too_big")


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_octets_are_parsed_or_refused(octets: bytes, size: int) -> None:
    swallow(octets, size)


@given(st.binary(max_size=60), st.integers(0, len(HEADER + STANZAS)), st.integers(0, 30), st.integers(1, 50))
@settings(max_examples=300)
def test_any_damage_to_a_stream_is_parsed_or_refused(noise: bytes, place: int, cut: int, size: int) -> None:
    whole = HEADER + STANZAS
    swallow(whole[:place] + noise + whole[place + cut :], size)


markup = st.sampled_from(
    [
        "<a>",
        "</a>",
        "<a/>",
        "<!--",
        "-->",
        "<?x",
        "?>",
        "<!DOCTYPE x [",
        "<!ENTITY a 'b'>",
        "]>",
        "&a;",
        "&#0;",
        "&#x110000;",
        "<a xmlns='u}v'>",
        "<a:b xmlns:a='u'>",
        "<a:b>",
        "xmlns:x=''",
        "'",
        '"',
        "<![CDATA[",
        "]]>",
        "\ufeff",
        "</stream:stream>",
    ]
)


@given(st.lists(st.one_of(markup, st.text(max_size=5)), max_size=30), st.integers(1, 50))
@settings(max_examples=300)
def test_any_mixture_of_markup_is_parsed_or_refused(pieces: list[str], size: int) -> None:
    swallow(HEADER + "".join(pieces).encode("utf-8", "surrogatepass"), size)


def test_what_we_send_is_escaped() -> None:
    sent = header("a'\"<&>b") + iq("get", "i'd", "a&b@c", "<x xmlns='u'/>")
    parser = StreamParser()
    (element,) = parser.feed(sent)
    assert (element.get("id"), element.get("to")) == ("i'd", "a&b@c")
    assert tostring(element[0]) == b'<ns0:x xmlns:ns0="u" />'


def test_a_condition_is_read_only_from_its_own_name_space() -> None:
    parser = StreamParser()
    parser.feed(HEADER)
    (element,) = parser.feed(b"<error><a xmlns='other'/><text xmlns='u'>why</text><b xmlns='u'/></error>")
    assert condition(element, "u") == "b"
    assert condition(element, "nothing") == "undefined"
    assert condition(None, "u") == "undefined"
    assert error_text(element) == "why"
    assert error_text(None) == ""


@pytest.mark.parametrize(
    "stanza", ["<a{}/>", "<a b{}=''/>", "<a xmlns='u{}'/>", "<a xmlns:p{}='u'/>", "<a xmlns:p='u{}'/>"]
)
def test_a_stream_of_ever_new_names_is_refused_as_the_parser_could_not_forget_them(stanza: str) -> None:
    parser = StreamParser()
    parser.feed(HEADER)
    with pytest.raises(XmppProblem, match="not_xmpp: more than 20000 different names"):
        for number in range(0, 40_000, 100):
            parser.feed("".join(stanza.format(n) for n in range(number, number + 100)).encode())


@pytest.mark.parametrize("size", [1, 50, 5000])
def test_neither_the_header_nor_keep_alives_count_as_part_of_the_next_stanza(size: int) -> None:
    stanza = b"<message id='" + b"x" * 900 + b"'/>"
    assert len(parse(StreamParser(max_stanza=1000), HEADER + stanza + b" " * 500 + stanza, size)) == 2
