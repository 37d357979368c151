"""What both APIs of GLPI can do for us, in the same words."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

#: CommonITILObject: New, Processing (assigned), Processing (planned); what waits for us.
TO_DO = (1, 2, 3)
SOLVED = 5
CLOSED = 6
#: GLPI 11: the request waits for somebody's approval.
APPROVAL = 10
#: Ticket::DEMAND_TYPE; 1 is an incident.
REQUEST = 2


class GlpiTicket(NamedTuple):
    """A ticket as GLPI has it; ``approved`` is False while an approval is asked for or was refused."""

    number: int
    status: int
    type: int
    category: int
    content: str
    deadline: str
    deleted: bool
    approved: bool


class Person(NamedTuple):
    """A requester: login and name in GLPI."""

    login: str
    first_name: str
    last_name: str


class Note(NamedTuple):
    """A follow-up: ``mine`` says whether our account wrote it."""

    number: int
    content: str
    private: bool
    mine: bool


class GlpiApi(Protocol):
    """An open session. Every method raises TicketProblem."""

    def waiting(self, category: int) -> list[int]:
        """Numbers of the requests of a category that are new or being worked on."""
        ...

    def ticket(self, number: int) -> GlpiTicket:
        """One ticket; problem ``glpi_not_found``."""
        ...

    def requesters(self, number: int) -> list[Person]:
        """Who asked: users only."""
        ...

    def computers(self, number: int) -> list[str]:
        """Names of the computers that the ticket is about; none where the API does not tell."""
        ...

    def notes(self, number: int) -> list[Note]:
        """All follow-ups that we may see."""
        ...

    def add_note(self, number: int, content: str, *, private: bool) -> None:
        """Add a follow-up of rich text."""
        ...

    def solve(self, number: int, content: str) -> None:
        """Add a solution of rich text, which sets the ticket to solved."""
        ...

    def close(self) -> None:
        """End the session. Never raises."""
        ...


def number_of(value: Any) -> int:
    """A number as JSON has it: 5 or "5", as versions of GLPI differ; 0 for anything else."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        return int(value)
    return 0


def text_of(value: Any) -> str:
    """A text as JSON has it; "" for anything else."""
    return value if isinstance(value, str) else ""
