"""What a ticket system must be able to do, whichever it is."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from .ticket import Found


class Answer(NamedTuple):
    """What a run has to say.

    Attributes:
        public: for the requester; "" adds none.
        private: for support staff; "" adds none.
        state: what the run came to. An answer is added when the last one told another state. "" stands for the words
            of ``public``, which must then hold neither dates nor durations.
        solve: whether the request is fulfilled and verified.
    """

    public: str
    private: str
    state: str = ""
    solve: bool = False


class Addition(NamedTuple):
    """Something that was added, or would be: ``kind`` of marker.KINDS, ``place`` for people, text before and after."""

    kind: str
    place: str
    before: str
    after: str


class Answered(NamedTuple):
    """What was added, and why nothing was: ``solved`` or ``closed`` when the ticket needs no answer any more."""

    additions: tuple[Addition, ...]
    left_alone: str = ""


class TicketSystem(Protocol):
    """A ticket system, open. Every method raises TicketProblem when it cannot do its work."""

    def waiting(self) -> list[str]:
        """Numbers of the tickets to do, oldest first."""
        ...

    def read(self, number: str) -> Found:
        """One ticket."""
        ...

    def answer(self, number: str, answer: Answer, *, check: bool) -> Answered:
        """Add what has not been said yet; with ``check``, say only what would be added."""
        ...

    def close(self) -> None:
        """End the session, if there is one. Never raises."""
        ...
