"""What a person of a seat wishes, in the shape that the clients' templates take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .im_preferences import split_by_owner

PARTS = ("enforced", "initial")


class Wish(NamedTuple):
    """One seat with its person, the preferences that hold for it, and the password to lay down ("" for none)."""

    seat: Mapping[str, Any]
    person: Mapping[str, Any]
    preferences: Mapping[str, Any]
    password: str = ""


def wish_of(
    seat: Mapping[str, Any], person: Mapping[str, Any], site: Mapping[str, Any], passwords: Mapping[str, str]
) -> Wish:
    """Join a seat and its person; the person's preferences stand over the site's.

    The local alias is the person's name unless somebody states another. A password (by key or JID) is laid down only
    for a person of whom the site says ``store_password: true`` in so many words.
    """
    password = passwords.get(person["key"], passwords.get(person["jid"], "")) if person["store_password"] else ""
    return Wish(seat, person, {"alias": person["name"], **site, **person["preferences"]}, password)


def template_variables(
    wish: Wish | None, service: Mapping[str, Any], platform: Mapping[str, Any], language: str, enforced: list[str]
) -> dict[str, dict[str, Any]]:
    """Make the variables of a client's templates, once for each part.

    Args:
        wish: None for the documents of the machine: then nothing about a person is defined.
        service: what complete_service() returned.
        platform: the client's answers for the platform, with all ``bases``.
        language: "fr" or "en".
        enforced: preferences (or "rooms") that the site enforces.

    Returns:
        "enforced" and "initial" -> variables: part, service, platform, language, and for a wish seat, person, account
        (identity and transport), preferences and rooms; of the last two, only those that belong to the part.
    """
    base = {"service": service, "platform": platform, "language": language}
    if wish is None:
        return {part: base | {"part": part} for part in PARTS}
    base |= {"seat": wish.seat, "person": wish.person, "account": _account(wish, service)}
    rooms_part = "enforced" if "rooms" in enforced else "initial"
    return {
        part: base
        | {"part": part, "preferences": preferences, "rooms": wish.person["rooms"] if part == rooms_part else []}
        for part, preferences in zip(PARTS, split_by_owner(wish.preferences, enforced), strict=True)
    }


def _account(wish: Wish, service: Mapping[str, Any]) -> dict[str, Any]:
    """Identity and transport of the XMPP account: always enforced. The password is only for a new account."""
    return {
        "jid": wish.person["jid"],
        "localpart": wish.person["localpart"],
        "domain": wish.person["domain"],
        "password": wish.password,
        "host": service["host"],
        "port": service["port"] or (5223 if service["tls"] == "direct" else 5222),
        "tls": service["tls"],
    }
