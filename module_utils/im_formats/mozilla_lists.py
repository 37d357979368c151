"""The comma lists in a prefs.js: the rooms that a chat account joins, and our own memory of what was laid down."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .mozilla_accounts import keys
from .mozilla_prefs_syntax import Value

#: Our own preference in the profile: a comma list of names of preferences, and of "<chat JID>!<room JID>".
LAID_DOWN = "im_client.laid_down"


def words(entry: str) -> list[str]:
    """The words of an entry of autoJoin: the room, then its password. JavaScript's white space has one mark more."""
    return entry.replace("\ufeff", " ").split()


def rooms_of(auto_join: Value | None) -> dict[str, str]:
    """Cut a value of autoJoin, ``room[@service][/nick] [password], ...``, as the client does.

    That is in imAccounts.sys.mjs and in getChatRoomFieldValuesFromString of xmpp-base.sys.mjs (153.7.0esr).

    Returns:
        Room JID, lower-case -> its first entry, as it is spelled.
    """
    found: dict[str, str] = {}
    if isinstance(auto_join, str):
        for entry in auto_join.split(","):
            if room := room_of(entry):
                found.setdefault(room, entry.strip())
    return found


def appended(old: Value | None, entries: Iterable[str]) -> str:
    """Append entries to a comma list, leaving what it holds as it is spelled."""
    kept = old.rstrip().rstrip(",") if isinstance(old, str) else ""
    return ",".join([kept, *entries] if kept.strip() else entries)


def room_of(entry: str) -> str:
    """The room of an entry of autoJoin, lower-case, without the nick; "" for a blank entry."""
    parts = words(entry)
    return parts[0].partition("/")[0].lower() if parts else ""


def without(old: str, unwanted: Callable[[str], bool]) -> str:
    """Take entries out of a comma list, leaving the others as they are spelled."""
    entries = old.split(",")
    kept = [entry for entry in entries if not unwanted(entry)]
    return old if len(kept) == len(entries) else ",".join(kept).lstrip()


def laid_before(memory: Value | None) -> set[str]:
    """The entries of our memory."""
    return {_unquoted(entry) for entry in keys(memory)}


def remembered(memory: Value | None, entries: Iterable[str]) -> str:
    """Our memory with more entries."""
    return appended(memory, [_quoted(entry) for entry in entries])


def forgotten(memory: str, gone: Callable[[str], bool]) -> str:
    """Our memory without some entries."""
    return without(memory, lambda entry: gone(_unquoted(entry.strip())))


def _quoted(entry: str) -> str:
    """Make an entry fit for a comma list: a JID may hold a comma."""
    return entry.replace("%", "%25").replace(",", "%2C")


def _unquoted(entry: str) -> str:
    return entry.replace("%2C", ",").replace("%25", "%")
