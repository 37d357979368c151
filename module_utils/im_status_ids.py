"""Numbers of Pidgin's saved statuses of ours: known to the templates, and to the job of first logins on the desks."""

from __future__ import annotations

import zlib

#: What our statuses are used for.
USES = ("startup", "idleaway")


def purple_status_id(jid: str, use: str) -> int:
    """Number of a saved status of ours in Pidgin: from the account and the use, the same at every run.

    libpurple names a status by the second of its creation; ours lie in the years 2001 to 2004, before any user's.
    """
    return 1_000_000_000 + zlib.crc32(f"{jid.casefold()} {use}".encode()) % 100_000_000
