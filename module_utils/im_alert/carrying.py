"""What the ways to tell have in common: a bounded number of tries, verified TLS, errors that hold no secret."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

#: Tries in all, and seconds to wait before the second one; before each further one twice as long.
TRIES = 3
PAUSE = 2.0
#: Seconds that one step of a conversation may take.
PATIENCE = 20.0


class NotDelivered(Exception):
    """The message did not go out; the text says where and why, and holds no secret."""


class Later(Exception):
    """This try failed in a way that another one may not."""


def with_tries(attempt: Callable[[], None], pause: float = PAUSE) -> None:
    """Try until it works, at most TRIES times.

    Args:
        attempt: raises Later where trying again makes sense; any other exception ends it.
        pause: seconds before the second try.

    Raises:
        NotDelivered: the last try failed too.
    """
    for left in reversed(range(TRIES)):
        try:
            attempt()
            return
        except Later as error:
            if not left:
                raise NotDelivered(str(error)) from None
            time.sleep(pause)
            pause *= 2


def verified(ca_file: str) -> ssl.SSLContext:
    """A context that checks certificate and name, against ``ca_file`` or, when "", the system's authorities.

    Raises:
        NotDelivered: the file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=str(Path(ca_file).expanduser()) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise NotDelivered(f"ca_file {ca_file}: {error}") from None


def without(told: str, *secrets: str) -> str:
    """The text without these secrets, which a server may have repeated; on one line."""
    for secret in filter(None, secrets):
        told = told.replace(secret, "***")
    return " ".join(told.split())
