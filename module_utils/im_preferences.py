"""The client-neutral words for what a person may prefer, and what each may hold.

The words cover the source document of the project (docs/source-document.md maps its sentences to them). A client's
role says in its vars which of them the client can express; the others give a warning, never silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Preference(NamedTuple):
    """One word: the Python type of its value and, for a closed list, the values allowed."""

    type: type
    choices: tuple[object, ...] = ()
    minimum: int = 0

    def allows(self, value: object) -> bool:
        """Say whether the preference may hold this value; a boolean is not a number here."""
        if not isinstance(value, self.type) or isinstance(value, bool) != (self.type is bool):
            return False
        return value in self.choices if self.choices else not isinstance(value, int) or value >= self.minimum

    def expected(self) -> str:
        """Say in words what the preference takes."""
        if self.choices:
            return " or ".join(repr(choice) for choice in self.choices)
        return {bool: "true or false", str: "a text", int: f"a whole number from {self.minimum}"}[self.type]


#: Name -> what it may hold. Times are minutes.
PREFERENCES: dict[str, Preference] = {
    "start_at_login": Preference(bool),
    "resource": Preference(str),
    "alias": Preference(str),
    # user_decides: the client asks once and offers to keep the password; never_stored: it asks at each start.
    "password_policy": Preference(str, ("user_decides", "never_stored")),
    "auto_away": Preference(bool),
    "auto_away_minutes": Preference(int, minimum=1),
    "auto_away_message": Preference(str),
    "auto_reply": Preference(str, ("never", "away", "away_or_idle")),
    "idle_reporting": Preference(bool),
    # last: the status at the last exit comes back.
    "startup_status": Preference(str, ("last", "available", "busy", "away")),
    "startup_status_message": Preference(str),
    "archive": Preference(bool),
    "archive_format": Preference(str, ("html", "text")),
    # The service sends no mail and accounts come from the directory: these three exist so that a site can state
    # them and be told when it asks for what would be wrong.
    "mail_notifications": Preference(bool),
    "register_account": Preference(bool, (False,)),
    "require_tls": Preference(bool, (True,)),
}

#: Not a preference of its own but enforceable like one: the rooms of the person.
ENFORCEABLE = (*PREFERENCES, "rooms")
#: What a client may be able to express: the above, and keeping a password that the site hands it.
EXPRESSIBLE = (*ENFORCEABLE, "store_password")


def problems_of(preferences: Mapping[str, Any], where: str) -> list[str]:
    """Say what is wrong with a mapping of preferences.

    Args:
        preferences: word -> value, as the inventory holds it.
        where: whose they are, for the reader ("person 'alice.martin'").

    Returns:
        One sentence for each mistake, with what would do; empty when all is well.
    """
    found = []
    for name, value in preferences.items():
        rule = PREFERENCES.get(name)
        if rule is None:
            found.append(f"{where}: no preference named {name!r}; known: {', '.join(PREFERENCES)}")
        elif not rule.allows(value):
            found.append(f"{where}: preference {name!r} is {value!r}; it takes {rule.expected()}")
    return found


def split_by_owner(preferences: Mapping[str, Any], enforced: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part preferences into those the site enforces and those that are only initial, in this order."""
    return (
        {name: value for name, value in preferences.items() if name in enforced},
        {name: value for name, value in preferences.items() if name not in enforced},
    )


def not_expressed(preferences: Mapping[str, Any], expresses: Mapping[str, Any]) -> list[str]:
    """Name the preferences that a client has no setting for.

    Args:
        preferences: word -> wanted value.
        expresses: the client's answer, word -> "any" or the list of values it can hold (or holds by its nature).

    Returns:
        "word: value" for each that the client cannot express.
    """
    return [
        f"{name}: {value}"
        for name, value in preferences.items()
        if not (expresses.get(name) == "any" or value in expresses.get(name, []))
    ]
