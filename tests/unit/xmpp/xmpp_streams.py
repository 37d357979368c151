"""Generated streams: valid ones, what becomes of them after accidents, and what somebody hostile would send."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    b"id='1' from='univ.example' version='1.0' xml:lang='fr'>"
)

_NAMES = st.sampled_from(["iq", "x", "field", "value", "item", "é", "a.b-c_d", "x1"])
_SPACES = st.sampled_from(["jabber:client", "jabber:x:data", "urn:x", "http://jabber.org/protocol/admin"])
#: What XML 1.0 allows as a character.
_TEXT = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=12
)


def _attributes(found: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in found.items())


def _element(name: str, space: str | None, found: dict[str, str], prefixed: bool, inside: list[str]) -> str:
    if space is not None and prefixed:
        return f"<p:{name} xmlns:p={quoteattr(space)} p:own='1'{_attributes(found)}>{''.join(inside)}</p:{name}>"
    declared = f" xmlns={quoteattr(space)}" if space is not None else ""
    return f"<{name}{declared}{_attributes(found)}>{''.join(inside)}</{name}>"


def _elements(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    attributes = st.dictionaries(st.sampled_from(["id", "type", "from", "xml:lang", "var"]), _TEXT, max_size=3)
    return st.builds(_element, _NAMES, st.none() | _SPACES, attributes, st.booleans(), st.lists(inside, max_size=3))


_LEAVES = st.one_of(
    _TEXT.map(escape),
    _TEXT.map(lambda text: f"<![CDATA[{text.replace(']]>', '')}]]>"),
    st.sampled_from(["&lt;", "&#233;", "&#x10ffff;", "<value/>"]),
)
STANZAS = _elements(_LEAVES | _elements(_LEAVES | _elements(_LEAVES)))
#: First-level elements with keep-alives between them.
VALID = st.lists(STANZAS | st.sampled_from([" ", "\n\t", " " * 300]), min_size=1, max_size=5).map(
    lambda parts: HEADER + "".join(parts).encode()
)

_BOMB = "<!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY c '" + "&a;" * 50 + "'><!ENTITY d '" + "&c;" * 50 + "'>]>"
#: What is put somewhere into a stream: each is either forbidden, or too much, or cut off.
HOSTILE = st.one_of(
    st.sampled_from(
        [
            _BOMB,
            _BOMB + "<x>&d;</x>",
            "<!DOCTYPE x SYSTEM 'file:///etc/hostname'>",
            "&d;",
            "&#0;",
            "&#x110000;",
            "<!-- x -->",
            "<?x y?>",
            "<?xml version='1.1' encoding='utf-16'?>",
            "<![CDATA[",
            "]]>",
            "</stream:stream>",
            "</x></x></x>",
            "<a:b/>",
            "<a xmlns:p=''/>",
            "<a b='1' b='1'/>",
            "<a xmlns='u}v'/>",
            "<stream:stream version='1.0'>",
            "text",
            "\ufeff",
        ]
    ).map(str.encode),
    st.sampled_from([b"\0", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x1b", b"\xc3"]),
    st.integers(1, 3000).map(lambda depth: b"<a>" * depth),
    st.integers(1, 30_000).map(lambda size: b"<a b='" + b"x" * size + b"'/>"),
    st.integers(1, 30_000).map(lambda size: b"<a>" + b"&lt;" * size + b"</a>"),
    st.integers(1, 30_000).map(lambda size: b"<" + b"a" * size),
    st.integers(1, 3_000).map(lambda count: b"<a " + b" ".join(b"a%d=''" % n for n in range(count)) + b"/>"),
    st.integers(1, 3_000).map(lambda count: b"<x>" + b"".join(b"<a%d/>" % n for n in range(count)) + b"</x>"),
    st.integers(1, 3_000).map(lambda count: b"<x>" + b"<a xmlns:p='u'/>" * count + b"</x>"),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid stream after accidents, or with something hostile in it."""
    content = bytearray(draw(VALID))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 64)))
        accident = draw(st.sampled_from(["hostile", "noise", "cut", "repeat", "truncate", "flip"]))
        if accident == "hostile":
            # Behind an element more often than inside of one: deeper in, the first wrong character ends it all.
            close = content.find(b">", start) + 1
            content[close:close] = draw(HOSTILE)
        elif accident == "noise":
            content[start:end] = draw(st.binary(max_size=8))
        elif accident == "cut":
            del content[start:end]
        elif accident == "repeat":
            content[start:start] = content[start:end] * draw(st.integers(1, 20))
        elif accident == "truncate":
            del content[start:]
        elif content:
            content[min(start, len(content) - 1)] ^= 1 << draw(st.integers(0, 7))
    return bytes(content)


#: What a stream may be, when it is not valid.
BAD = st.one_of(damaged(), damaged(), damaged(), st.binary(max_size=300), st.binary(max_size=300).map(HEADER.__add__))


@st.composite
def chunked(draw: st.DrawFn) -> tuple[bytes, list[bytes], bool]:
    """A stream, the same cut into pieces of any size as a network might, and whether it is valid."""
    valid = draw(st.integers(0, 3)) == 0
    whole = draw(VALID if valid else BAD)
    sizes = draw(st.lists(st.one_of(st.integers(1, 7), st.integers(1, 2_000)), min_size=1, max_size=8))
    pieces: list[bytes] = []
    place = 0
    while place < len(whole):
        # A long stream in single octets would only take long.
        size = max(sizes[len(pieces) % len(sizes)], len(whole) // 400)
        pieces.append(whole[place : place + size])
        place += size
    return whole, pieces, valid
