"""What an account offers (XEP-0030), asked by the account itself; servers decline to tell anybody else."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from .connection import Request
from .jid import Jid
from .stanzas import answered

_DISCO_INFO = "http://jabber.org/protocol/disco#info"


def disco_request(jid: Jid) -> Request[None]:
    """The question for the features of one's own account."""
    return Request(None, "get", str(jid), f"<query xmlns='{_DISCO_INFO}'/>")


def features_of(answer: Element) -> frozenset[str]:
    """The features that the answer names.

    Raises:
        Declined: the answer is an error.
    """
    query = answered(answer, "reading the features of the account")
    return frozenset(feature.get("var", "") for feature in query.iter(f"{{{_DISCO_INFO}}}feature"))
