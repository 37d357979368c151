"""One account, logged in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .accounts import Account
from .connection import Connection
from .login import Session, login
from .resolve import Resolver
from .stream import MAX_STANZA
from .tls import Trust


@dataclass(frozen=True)
class Campaign:
    """What all logins of one run share.

    Attributes:
        trust: the authorities.
        resolver: remembers each look-up.
        timeout: seconds for a connection and its login together; later, for each answer.
        allow_plain: accept PLAIN, inside verified TLS, where the server offers no SCRAM.
    """

    trust: Trust
    resolver: Resolver
    timeout: float = 15.0
    allow_plain: bool = False


@contextmanager
def logged_in(
    account: Account, campaign: Campaign, max_stanza: int = MAX_STANZA
) -> Iterator[tuple[Connection, Session]]:
    """Log in, hand out the connection, and close it in the end. One attempt.

    Raises:
        XmppProblem: why it was not possible.
        ValueError: the account has no password.
    """
    if account.password is None:
        raise ValueError(f"{account.jid}: no password to log in with")
    with Connection(
        account.server, campaign.resolver, campaign.trust, timeout=campaign.timeout, max_stanza=max_stanza
    ) as connection:
        steps = login(
            account.jid.local,
            account.password,
            direct_tls=connection.endpoint.direct_tls,
            allow_plain=campaign.allow_plain,
        )
        yield connection, connection.perform(steps)
