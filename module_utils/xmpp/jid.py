"""Bare XMPP addresses (RFC 7622): parsing, normal form, and errors that say what to write instead."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .prep import forbidden, nodeprep

#: RFC 7622 3.2 and 3.3: each part at most 1023 octets in UTF-8.
_MAX_PART = 1023

#: RFC 7622 3.3.1, with the escapes of XEP-0106 4.2.
_ESCAPES = {
    '"': "\\22",
    "&": "\\26",
    "'": "\\27",
    "/": "\\2f",
    ":": "\\3a",
    "<": "\\3c",
    ">": "\\3e",
    "@": "\\40",
    " ": "\\20",
}

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)


class JidError(ValueError):
    """The text is no bare JID; the message quotes it, says why and what would do."""


@dataclass(frozen=True, order=True)
class Jid:
    """The address of an account, in normal form: two addresses of one account are equal.

    Attributes:
        local: the part before ``@``.
        domain: the part after it, in Unicode.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def bare_jid(text: str) -> Jid:
    """Parse ``name@domain``.

    Raises:
        JidError: with the text, the reason and the remedy.
    """
    text = text.strip()
    if text.startswith("xmpp:"):
        raise JidError(f"{text!r} is a link: leave out 'xmpp:'")
    address, slash, _ = text.partition("/")
    local, at, domain = address.partition("@")
    if not at:
        raise JidError(f"{text!r} has no '@': write it as name@domain")
    if not local or not domain:
        raise JidError(f"{text!r} lacks the part {'after' if local else 'before'} '@': write it as name@domain")
    if slash:
        raise JidError(f"{text!r} has a '/': leave out the resource, write name@domain")
    return Jid(_local(local, text), _domain(domain, text))


def domain_name(text: str) -> str:
    """Parse the domain of a service; in normal form, in Unicode.

    Raises:
        JidError: with the text, the reason and the remedy.
    """
    return _domain(text.strip(), text.strip())


def _local(local: str, text: str) -> str:
    normal = nodeprep(local)
    for character in normal:
        if character in _ESCAPES:
            raise JidError(f"{text!r}: {character!r} may not stand before '@': write {_ESCAPES[character]} (XEP-0106)")
        if forbidden(character):
            raise JidError(f"{text!r}: character U+{ord(character):04X} may not stand before '@': remove it")
    if not normal or len(normal.encode()) > _MAX_PART:
        raise JidError(f"{text!r}: the part before '@' must hold 1 to {_MAX_PART} octets")
    return normal


def _domain(domain: str, text: str) -> str:
    try:
        labels = domain.removesuffix(".").encode("idna").decode().lower()
        normal = labels.encode().decode("idna")
    except UnicodeError as error:
        raise JidError(f"{text!r}: {domain!r} is no domain name: {error}") from None
    if not all(_LABEL.fullmatch(label) for label in labels.split(".")):
        raise JidError(f"{text!r}: {domain!r} is no domain name: labels of letters, digits and '-', joined by '.'")
    return normal
