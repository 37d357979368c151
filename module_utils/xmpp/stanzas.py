"""What the answers to IQs say (RFC 6120 8.2.3 and 8.3)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from .stream import CLIENT_NS, condition, error_text
from .work import Declined

STANZAS_NS = "urn:ietf:params:xml:ns:xmpp-stanzas"


def answered(answer: Element, doing: str) -> Element:
    """The answer itself when it is a result.

    Raises:
        Declined: it is an error; ``doing`` goes into its words.
    """
    if answer.get("type") == "result":
        return answer
    error = answer.find(f"{{{CLIENT_NS}}}error")
    raise Declined(condition(error, STANZAS_NS), error_text(error), doing)
