"""How far a room is: what became of its hosts so far, and how long the rest may take.

Pure, and free of secrets: it keeps names of hosts and words of a closed list, nothing of any result.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from .im_catalogue import text

#: What a host counts as. Hosts that failed or were refused count alike: both need somebody.
DONE, DEFERRED, FAILED, OFF = "done", "deferred", "failed", "off"
_BY_STATE = {"failed": FAILED, "refused": FAILED, "deferred": DEFERRED, "unreachable": OFF}
#: The worst of a host's seats tells what the host counts as.
_WORST_FIRST = (FAILED, DEFERRED, DONE)


def kind_of(states: Iterable[str]) -> str:
    """What a host counts as whose seats have these states."""
    kinds = {_BY_STATE.get(state, DONE) for state in states}
    return next((kind for kind in _WORST_FIRST if kind in kinds), DONE)


class Progress:
    """The hosts of one room.

    language: "fr" or "en", of its sentences.
    """

    def __init__(self, language: str = "fr") -> None:
        self.language = language
        self._answered: set[str] = set()
        self._kinds: dict[str, str] = {}
        self._sizes: list[int] = []
        self._hosts: list[str] = []
        self._batch = 0
        self._began: float | None = None

    def answered(self, host: str) -> None:
        """A host said what it is."""
        self._answered.add(host)

    def went(self, host: str, kind: str) -> None:
        """What became of a host; what is said last holds, but no failure is taken back."""
        if self._kinds.get(host) != FAILED:
            self._kinds[host] = kind

    def planned(self, order: Sequence[str], sizes: Sequence[int]) -> str:
        """The batches are known; returns a sentence about them."""
        self._hosts, self._sizes = list(order), list(sizes)
        off = self._count(OFF)
        if not order:
            return text("lab.nobody", self.language, off=off)
        told = {"hosts": len(order), "batches": len(sizes), "canary": plain(order[0]), "off": off}
        return text("lab.begin", self.language, **told)

    def begin_batch(self, now: float) -> None:
        """A batch begins. ``now``: seconds of a clock that never goes back."""
        self._batch += 1
        self._began = now if self._began is None else self._began

    def line(self, now: float) -> str:
        """Where the room is at this moment, in one line."""
        if self._began is None:
            return text("lab.survey", self.language, answered=len(self._answered), off=self._count(OFF))
        return self._counted("lab.live", now)

    def batch_line(self, now: float) -> str:
        """The same at the end of a batch, for a log."""
        return self._counted("lab.batch", now)

    def _counted(self, key: str, now: float) -> str:
        counts = {kind: self._count(kind) for kind in (DONE, DEFERRED, FAILED, OFF)}
        place = {"batch": self._batch, "batches": len(self._sizes), "hosts": len(self._hosts)}
        return text(key, self.language, **counts, **place, left=self._left(now))

    def _count(self, kind: str) -> int:
        return sum(one == kind for one in self._kinds.values())

    def _left(self, now: float) -> str:
        """The time the rest takes when it goes on as it went."""
        over = sum(host in self._kinds for host in self._hosts)
        if over == len(self._hosts):
            return text("lab.left_none", self.language)
        if not over or self._began is None:
            return text("lab.left_unknown", self.language)
        minutes = round((now - self._began) / over * (len(self._hosts) - over) / 60)
        if minutes < 1:
            return text("lab.left_little", self.language)
        if minutes < 60:
            return text("lab.left_minutes", self.language, minutes=minutes)
        return text("lab.left_hours", self.language, hours=minutes // 60, minutes=minutes % 60)


def plain(name: str) -> str:
    """A name without what would move the cursor of a terminal."""
    return "".join(char for char in name if unicodedata.category(char)[0] != "C")
