"""What is ever taken from a ticket, and how it is checked before anything believes it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from .problems import Mistake, TicketProblem, mistake, problem, shown

#: Names of the fields in files and ticket bodies, as ``plain()`` gives them.
NAMES: dict[str, tuple[str, ...]] = {
    "number": ("numero", "number"),
    "requester": ("demandeur", "requester"),
    "machine": ("poste", "machine"),
    "client": ("logiciel", "client"),
    "site": ("site",),
    "deadline": ("echeance", "deadline"),
    "login": ("session", "login"),
}

#: A number names a directory of answers: letters and digits, single marks between them, so never "..", "/" or "-x".
_NUMBER = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_KEY = re.compile(r"[^\W_](?:[\w.+-]{0,126}[\w])?")
_MACHINE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
#: Name of a role.
_CLIENT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LOGIN = re.compile(r"\w[\w.@+-]{0,63}")
_DAYS = ("%Y-%m-%d", "%d/%m/%Y")
_NOTHING = ("", "-", "~", "null", "none")
#: Soft hyphen, zero-width space, word joiner, byte order mark.
_UNSEEN = dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
_MOST_NUMBER = 64
_MOST_TEXT = 200
_MOST_IGNORED = 20


class Ticket(NamedTuple):
    """One request. Every field is text that was checked; ``site`` alone is free text, of one printable line.

    Attributes:
        number: as the ticket system has it.
        requester: key of im_people; whether there is such a person is for the inventory to say.
        machine: name in the inventory.
        client: such as gajim; whether there is such a client, the roles say (``im_clients``).
        site: for people, "" when the ticket says none.
        deadline: ISO day, or "".
        login: session on the machine; "" stands for that of the inventory.
    """

    number: str
    requester: str
    machine: str
    client: str
    site: str = ""
    deadline: str = ""
    login: str = ""


class Found(NamedTuple):
    """A ticket, and the names of what else stood in it and was not looked at."""

    ticket: Ticket
    ignored: tuple[str, ...]


def plain(name: str) -> str:
    """A name without case, accents, numbering and marks: "2) Échéance * :" and "echeance" are one."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(c if c.isalnum() else " " for c in folded if not unicodedata.combining(c))
    numbered = re.match(r"\s*\d+\s*[).]", folded)
    words = letters.split()
    return " ".join(words[1:] if numbered else words)


def field_names(own: Mapping[str, Iterable[str]] | None = None) -> dict[str, str]:
    """Plain name -> field, for NAMES or, where a site names its own, those instead."""
    own = own or {}
    return {plain(name): field for field, names in NAMES.items() for name in own.get(field, names)}


def check_number(number: str) -> str:
    """The number, when it is one: it names a directory and stands in addresses.

    Raises:
        TicketProblem: ``number``.
    """
    if len(number) > _MOST_NUMBER or not _NUMBER.fullmatch(number):
        raise problem("number", value=number)
    return number


def read_ticket(values: Mapping[str, str], where: str, own: Mapping[str, Iterable[str]] | None = None) -> Ticket:
    """Check what was found and make a ticket of it.

    Args:
        values: field -> text as it stood there; missing ones are "".
        where: place, for the sentences: "line 3", "ticket 42".
        own: field -> the names that a site has for it instead of NAMES.

    Raises:
        TicketProblem: with every mistake of this ticket at once.
    """
    mistakes: list[Mistake] = []
    fields: dict[str, str] = {}
    for field, (read, wanted) in _READERS.items():
        value = _visible(values.get(field, ""))
        if value.casefold() in _NOTHING:
            fields[field] = ""
            if wanted:
                names = (own or {}).get(field, NAMES[field])
                mistakes.append(mistake("missing", where=where, names=" / ".join(names)))
            continue
        try:
            fields[field] = read(value)
        except ValueError:
            mistakes.append(mistake(field, where=where, value=value))
    try:
        check_number(values.get("number", ""))
    except TicketProblem as wrong:
        mistakes[:0] = wrong.mistakes
    if mistakes:
        raise TicketProblem(mistakes)
    return Ticket(number=values["number"], **fields)


def named_once(names: Iterable[str]) -> tuple[str, ...]:
    """Names of what is ignored, each once and fit to be shown; not endlessly many."""
    return tuple(dict.fromkeys(name for one in names if (name := shown(one, 60))))[:_MOST_IGNORED]


def _visible(value: str) -> str:
    """Without what nobody sees and editors of rich text leave behind: kinds of blanks, zero-width marks."""
    return "".join(" " if unicodedata.category(c) == "Zs" else c for c in value.translate(_UNSEEN)).strip()


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError
        return value

    return read


def _client(value: str) -> str:
    name = value.casefold()
    return name if _CLIENT.fullmatch(name) else _matching(_CLIENT)(plain(value).removeprefix("mozilla "))


def _site(value: str) -> str:
    if len(value) > _MOST_TEXT or not value.isprintable():
        raise ValueError
    return value


def _day(value: str) -> str:
    day = re.split(r"[T ]", value, maxsplit=1)[0]
    for form in _DAYS:
        try:
            return datetime.strptime(day, form).date().isoformat()
        except ValueError:
            continue
    raise ValueError


#: Field -> how it is read, and whether a ticket without it is of no use.
_READERS: dict[str, tuple[Callable[[str], str], bool]] = {
    "requester": (_matching(_KEY), True),
    "machine": (_matching(_MACHINE), True),
    "client": (_client, True),
    "site": (_site, False),
    "deadline": (_day, False),
    "login": (_matching(_LOGIN), False),
}
