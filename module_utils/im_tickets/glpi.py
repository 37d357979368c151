"""Tickets of GLPI 10 and 11, over either of its APIs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..im_catalogue import text
from .glpi_api import CLOSED, REQUEST, SOLVED, GlpiApi, GlpiTicket, Note, Person
from .glpi_text import as_html, labelled, lines_of
from .marker import last_reference, reference
from .problems import problem
from .system import Addition, Answer, Answered
from .ticket import Found, field_names, read_ticket

#: Fields that the body of a ticket may give; number and requester come from GLPI itself, which knows who asked.
BODY_FIELDS = ("machine", "client", "site", "deadline", "login")

_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_DONE = {SOLVED: "solved", CLOSED: "closed"}


class Rules(NamedTuple):
    """What a site says about its GLPI.

    Attributes:
        category: number of the category; tickets of others are refused.
        labels: field of BODY_FIELDS -> labels of its line in the body, instead of those of ``ticket.NAMES``.
        people: login, or "Firstname Lastname", in GLPI -> key of im_people. A login that is not there is the key.
    """

    category: int
    labels: Mapping[str, Iterable[str]]
    people: Mapping[str, str]


class GlpiTickets:
    """The tickets of one category."""

    def __init__(self, api: GlpiApi, rules: Rules, language: str) -> None:
        """Over an open session, which ``close`` ends."""
        self._api = api
        self._rules = rules
        self._language = language
        names = field_names(rules.labels)
        self._labels = {label: field for label, field in names.items() if field in BODY_FIELDS}

    def waiting(self) -> list[str]:
        return [str(number) for number in self._api.waiting(self._rules.category)]

    def read(self, number: str) -> Found:
        ticket = self._open(number)
        where = f"GLPI {number}"
        if ticket.status in _DONE:
            raise problem(f"glpi_{_DONE[ticket.status]}", value=number)
        if not ticket.approved:
            raise problem("glpi_unapproved", value=number)
        found = labelled(lines_of(ticket.content), self._labels, where)
        asker = self._requester(ticket.number)
        values = {"deadline": ticket.deadline, **found.values, "number": number, "requester": asker}
        if "machine" not in values:
            linked = self._api.computers(ticket.number)
            values["machine"] = linked[0] if len(linked) == 1 else ""
        return Found(read_ticket(values, where, self._rules.labels), found.ignored)

    def answer(self, number: str, answer: Answer, *, check: bool) -> Answered:
        ticket = self._open(number)
        if ticket.status in _DONE:
            return Answered((), _DONE[ticket.status])
        state = answer.state or answer.public
        notes = self._api.notes(ticket.number)
        additions: list[Addition] = []
        # The private one first: should the rest fail, support staff has the reason and the requester no promise.
        for kind, words in (("private", answer.private), ("public", answer.public)):
            mark = reference(number, kind, state)
            if not words.strip() or _last(notes, kind) == mark:
                continue
            additions.append(Addition(kind, f"GLPI {number}", "", words.strip() + "\n"))
            if not check:
                content = as_html(words, text("tickets.reference", self._language, reference=mark))
                self._api.add_note(ticket.number, content, private=kind == "private")
                self._require_seen(ticket.number, number, kind, mark)
        if answer.solve:
            words = text("tickets.solution", self._language)
            additions.append(Addition("solution", f"GLPI {number}", "", words + "\n"))
            if not check:
                line = text("tickets.reference", self._language, reference=reference(number, "solution", state))
                self._api.solve(ticket.number, as_html(words, line))
        return Answered(tuple(additions))

    def close(self) -> None:
        self._api.close()

    def _open(self, number: str) -> GlpiTicket:
        """The ticket, when it is one that we may touch."""
        if not _NUMBER.fullmatch(number):
            raise problem("glpi_number", value=number)
        ticket = self._api.ticket(int(number))
        if ticket.deleted:
            raise problem("glpi_deleted", value=number)
        if ticket.category != self._rules.category:
            raise problem("glpi_category", value=number, found=ticket.category, wanted=self._rules.category)
        if ticket.type != REQUEST:
            raise problem("glpi_incident", value=number)
        return ticket

    def _requester(self, number: int) -> str:
        people = self._api.requesters(number)
        if len(people) != 1:
            names = ", ".join(person.login for person in people) or "-"
            raise problem("glpi_requesters", value=str(number), count=len(people), names=names)
        (person,) = people
        known = {_folded(name): key for name, key in self._rules.people.items()}
        return known.get(_folded(person.login)) or known.get(_folded(_name(person))) or person.login

    def _require_seen(self, ticket: int, number: str, kind: str, mark: str) -> None:
        """What we cannot see again would be added at every run: say so at once."""
        if _last(self._api.notes(ticket), kind) != mark:
            raise problem("glpi_unseen", value=number, kind=text(f"tickets.{kind}", self._language))


def _last(notes: Iterable[Note], kind: str) -> str:
    """The reference of our newest follow-up of this kind; people who quote one in a reply do not count."""
    ours = sorted(n for n in notes if n.mine and n.private == (kind == "private"))
    marks = [mark for note in ours if (mark := last_reference(note.content, kind))]
    return marks[-1] if marks else ""


def _name(person: Person) -> str:
    return f"{person.first_name} {person.last_name}".strip()


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
