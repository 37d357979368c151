"""Preparation of passwords and names for comparison, from the tables of stringprep (RFC 3454)."""

from __future__ import annotations

import stringprep
from unicodedata import ucd_3_2_0

from .problems import XmppProblem


def saslprep(text: str) -> str:
    """Prepare a password or a name for SASL (RFC 4013), as a query: unassigned code points are allowed (RFC 3454 7).

    Raises:
        XmppProblem: ``bad_password_characters``; it does not tell which, nor where.
    """
    if text.isascii() and text.isprintable():
        return text  # no table says anything about these, and most are of this kind
    spaced = "".join(" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))
    normal = ucd_3_2_0.normalize("NFKC", spaced)
    if any(forbidden(c) for c in normal):
        raise XmppProblem("bad_password_characters", "control or other characters that no password may hold")
    if any(stringprep.in_table_d1(c) for c in normal) and (
        any(stringprep.in_table_d2(c) for c in normal)
        or not (stringprep.in_table_d1(normal[0]) and stringprep.in_table_d1(normal[-1]))
    ):
        raise XmppProblem("bad_password_characters", "left-to-right and right-to-left scripts are mixed")
    return normal


def nodeprep(text: str) -> str:
    """Map the local part of a JID to its normal form (RFC 6122 A.3 and A.4); the caller refuses what is forbidden.

    RFC 7622 replaced nodeprep on paper; Prosody and ejabberd still compare accounts with it.
    """
    mapped = "".join(stringprep.map_table_b2(c) for c in text if not stringprep.in_table_b1(c))
    return ucd_3_2_0.normalize("NFKC", mapped)


def forbidden(character: str) -> bool:
    """Whether a prepared text may not hold the character: tables C.1.2 to C.9 of RFC 3454."""
    return (
        stringprep.in_table_c12(character)
        or stringprep.in_table_c21_c22(character)
        or stringprep.in_table_c3(character)
        or stringprep.in_table_c4(character)
        or stringprep.in_table_c5(character)
        or stringprep.in_table_c6(character)
        or stringprep.in_table_c7(character)
        or stringprep.in_table_c8(character)
        or stringprep.in_table_c9(character)
    )
