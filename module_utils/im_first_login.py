"""What the control node and the desks agree on about logins that Ansible has never heard of.

The fragments of the clients are rendered on the control node for a *placeholder*, a person who does not exist, and a
desk puts the account of whoever logs in into its place. Neither side escapes anything, because no character of an
account that may be put there means anything in XML, JSON, JavaScript, an .ini file or a comma list: see JID. What the
templates compute of an account must be computed anew; that is one thing, the numbers of Pidgin's statuses.

Standard library only: the login job carries this to the desks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .im_status_ids import USES, purple_status_id

#: The login of the rows and groups that are for whoever logs in.
ANYBODY = "*"
SCHEMA = 1

#: Both are words that a template may put anywhere, and that nobody writes by chance.
LOCALPART, DOMAIN = "im-first-login-localpart", "im-first-login-domain.invalid"
PLACEHOLDER = f"{LOCALPART}@{DOMAIN}"

_WORD = r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?"
#: Bare JIDs that may be put into the placeholder's place; a stricter alphabet than XMPP's (RFC 7622).
JID = re.compile(rf"{_WORD}(?:\.{_WORD})*@{_WORD}(?:\.{_WORD})*")
#: Longer than this is nobody's honest account (RFC 7622 allows 1023 octets for each part).
JID_LIMIT = 255
#: prenom.nom as directories make it: hyphens inside the names, a number behind the name of a namesake.
PRENOM_NOM = re.compile(r"[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*[0-9]*")

#: Numbers of users that are no persons wherever they are: systemd's of services, nobody, and the two for "none".
_NOT_PERSONS = range(61184, 65536)
_NONE = (2**32 - 1,)


class Offer(NamedTuple):
    """What a desk does for whoever logs in.

    Attributes:
        version: changes with anything that could change a profile; not with the seats of the desk.
        seats: logins that have a seat on the desk, which are the playbook's own business.
        uid_min: lowest user number of a person.
        uid_max: highest one.
        jids: login -> bare JID.
        domain: behind the logins of the shape prenom.nom that jids does not name; "" if they get nothing.
        wishes: one for each client, from im_login_job.pending_wish, for the placeholder.
    """

    version: str
    seats: tuple[str, ...]
    uid_min: int
    uid_max: int
    jids: Mapping[str, str]
    domain: str
    wishes: tuple[dict[str, Any], ...]


def is_fit(jid: str) -> bool:
    """Say whether a JID may be put into the placeholder's place."""
    return len(jid) <= JID_LIMIT and JID.fullmatch(jid) is not None


def jid_of(login: str, jids: Mapping[str, str], domain: str) -> str:
    """Bare JID of a login by the rule of the site; "" when nothing is known of it, for an account is never guessed."""
    jid = jids.get(login, "")
    if not jid and domain and PRENOM_NOM.fullmatch(login):
        jid = f"{login}@{domain}"
    return jid if is_fit(jid) else ""


def is_person(uid: int, offer: Offer) -> bool:
    """Say whether a user number is one of a person."""
    return max(1, offer.uid_min) <= uid <= offer.uid_max and uid not in _NOT_PERSONS and uid not in _NONE


def fill(fragment: str, jid: str) -> str:
    """Put an account into the placeholder's place.

    Raises:
        ValueError: the JID could mean something to the language of a fragment.
    """
    if not is_fit(jid):
        raise ValueError("not a JID that may stand in a fragment")
    localpart, _, domain = jid.partition("@")
    known = {LOCALPART: localpart, DOMAIN: domain}
    known |= {str(purple_status_id(PLACEHOLDER, use)): str(purple_status_id(jid, use)) for use in USES}
    # In one pass, so that nothing is looked for in what was just put in.
    return re.sub("|".join(map(re.escape, known)), lambda found: known[found[0]], fragment)


def filled(wish: Mapping[str, Any], login: str, jid: str) -> dict[str, Any]:
    """Make the wish of a login out of one for the placeholder.

    Raises:
        KeyError, TypeError, ValueError: it is no wish, or the JID does not fit.
    """
    documents = [
        {**document, **{part: fill("".join(document[part]), jid) for part in ("enforced", "initial")}}
        for document in wish["documents"]
    ]
    key = f"{login}/{wish['client']['name']}"
    return {**wish, "key": key, "group": {**wish["group"], "key": key, "login": login}, "documents": documents}


def read_offer(data: bytes) -> Offer | None:
    """Read what stands on a desk; None for what the control node cannot have written."""
    try:
        found = json.loads(data)
        if found.pop("schema") != SCHEMA:
            return None
        offer = Offer(**{**found, "seats": tuple(found["seats"]), "wishes": tuple(found["wishes"])})
        # The version becomes part of the name of a file.
        whole = isinstance(offer.jids, dict) and isinstance(offer.domain, str)
        return offer if whole and re.fullmatch("[0-9a-f]{16}", offer.version) else None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None
