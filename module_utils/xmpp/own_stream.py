"""The first way to write for a person: a stream of the person's own, with the person's password."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .accounts import Account
from .connection import Connection, Request
from .disco import disco_request, features_of
from .jid import Jid
from .session import Campaign, logged_in
from .stanzas import answered
from .work import Features, Person, Presence, Query, Step, Work, drive

_PING = "<ping xmlns='urn:xmpp:ping'/>"


def write_as_the_person(account: Account, person: Person, work: Work, campaign: Campaign) -> None:
    """Log in as the person, do the work, leave.

    Nobody sees the person come: no presence is sent but those that a work directs at one contact.

    Args:
        account: with a password.
        person: the same account; its record is filled in.
        work: what to do.
        campaign: how to log in.

    Raises:
        XmppProblem: the login, or a step that the work could not do without.
    """
    with logged_in(account, campaign) as (connection, _):
        stream = _OwnStream(connection, account.jid)
        drive(person, work, stream.perform)
        stream.settle()


class _OwnStream:
    """Performs the steps of a work on a stream that is logged in."""

    def __init__(self, connection: Connection, jid: Jid) -> None:
        self._connection = connection
        self._jid = jid
        self._features: frozenset[str] | None = None
        self._unsettled = False

    def perform(self, step: Step) -> Any:
        match step:
            case Query(kind, payload, doing):
                request = Request(None, kind, str(self._jid), payload)
                _, answer = next(self._connection.ask([request]))
                return answered(answer, doing)
            case Features():
                if self._features is None:
                    _, answer = next(self._connection.ask([disco_request(self._jid)]))
                    self._features = features_of(answer)
                return self._features
            case Presence():
                self._connection.send(_presence(step))
                self._unsettled = True
                return None
            case _:
                raise TypeError(f"no step of a stream: {step}")

    def settle(self) -> None:
        """See to it that the server has taken in what is sent without an answer: it works through a stream in order."""
        if self._unsettled:
            next(self._connection.ask([Request(None, "get", self._jid.domain, _PING)]))


def _presence(step: Presence) -> bytes:
    status = f"<status>{escape(step.status)}</status>" if step.status else ""
    return f"<presence to={quoteattr(str(step.to))} type='{step.kind}'>{status}</presence>".encode()
