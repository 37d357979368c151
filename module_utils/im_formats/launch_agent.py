"""A LaunchAgent of macOS with a name of ours: it starts a client when the person logs in (launchd.plist(5)).

Nobody else writes a file of that name, so it is replaced as a whole. The user's freedom is not in its bytes: who does
not want the client to start deletes the file, or turns it off in the system settings, which leave the file alone.
"""

from __future__ import annotations

import plistlib
from xml.parsers.expat import ExpatError

from .base import Format, Siblings
from .whole_file import WholeFile


class LaunchAgent(WholeFile):
    """The format of such a file: the one item "file", as for a whole file, but it can be initial."""

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Lay the enforced fragment, else the initial one where there is no file; see im_formats.base.Format.

        Raises:
            ValueError: a fragment is no property list.
        """
        for fragment in (enforced, initial):
            _check(fragment)
        if current is None and not enforced.strip() and initial.strip() and not taken_back:
            return initial.encode()
        return super().merge(current, enforced, "", siblings)

    def wanted(self, fragment: str) -> dict[str, str]:
        """The one item; see im_formats.base.Format."""
        _check(fragment)
        return super().wanted(fragment)


def _check(fragment: str) -> None:
    if not fragment.strip():
        return
    try:
        agent = plistlib.loads(fragment.encode())
    except (ValueError, ExpatError, plistlib.InvalidFileException) as error:
        raise ValueError(f"fragment: no property list ({type(error).__name__})") from None
    if not isinstance(agent, dict) or not {"Label", "ProgramArguments"} <= agent.keys():
        raise ValueError("fragment: a LaunchAgent needs Label and ProgramArguments")


FORMAT: Format = LaunchAgent()
