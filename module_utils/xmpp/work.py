"""What is to be done for one person, as a generator without any input or output.

The same work runs by three ways: on the person's own stream, in the person's name on the stream of a privileged service
account (XEP-0356), or by ejabberd's HTTP API. A generator yields steps; the way performs them and sends back the
answer, or throws in the reason why there is none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .accounts import Result
from .jid import Jid
from .problems import XmppProblem

#: "password": the person's own stream. "privilege": the stream of a service account. "ejabberd_api": HTTP.
Way = Literal["password", "privilege", "ejabberd_api"]


class Declined(XmppProblem):
    """The answer to a step is no. A work may catch it; otherwise it is the person's verdict.

    Attributes:
        code: "declined", the server said so; "absent", there is no such account; "privilege_missing" or "api_denied",
            whoever writes may not do this.
        condition: of RFC 6120 8.3.3, such as "item-not-found"; for a call of the API, the HTTP status, such as "404".
            Prosody's mod_privilege says "internal-server-error" for whatever error the wrapped IQ was answered with.
    """

    def __init__(self, condition: str, text: str, doing: str, code: str = "declined") -> None:
        words = f"{condition}: {text}" if text else condition
        super().__init__(code, f"{words} ({doing})")
        self.condition = condition


@dataclass(frozen=True)
class Query:
    """An IQ in the person's name, on both kinds of stream. The answer is the ``<iq type='result'>`` element.

    Attributes:
        kind: "get" or "set"; a set writes.
        payload: one XML element that declares its namespace.
        doing: what it is for, for messages: "reading the contacts".
    """

    kind: Literal["get", "set"]
    payload: str = field(repr=False)
    doing: str


@dataclass(frozen=True)
class Features:
    """What the server offers to an account of its own (XEP-0030, disco#info of a bare JID), on both kinds of stream.

    The answer is a frozenset of feature names. A service account asks about itself: servers answer nobody else's
    question about an account, and give all accounts the same features.
    """


@dataclass(frozen=True)
class Presence:
    """A directed presence such as a subscription request (RFC 6121 3.1.1), on the person's own stream only.

    There is no answer (None), and no way to send a presence to everybody.

    Attributes:
        kind: as in RFC 6121 4.7.1.
        to: the contact.
        status: text for the contact; "" for none.
    """

    kind: Literal["subscribe"]
    to: Jid
    status: str = ""


@dataclass(frozen=True)
class Call:
    """A command of ejabberd's API, by that way only. The answer is the decoded JSON.

    Attributes:
        command: its name.
        arguments: its arguments, without user and host, which the way adds (see ``names``).
        writes: whether it changes anything.
        names: names of the arguments for the person's local part and domain.
    """

    command: str
    arguments: Mapping[str, Any] = field(repr=False)
    writes: bool
    names: tuple[str, str] = ("user", "host")


Step = Query | Features | Presence | Call


@dataclass
class Person:
    """Whom a work is done for, and the record of it. What is recorded stays when the work fails in the middle.

    Attributes:
        jid: whose account.
        way: how the steps are performed.
        dry: check mode; a work then records what it would do, and yields no step that writes.
        changes: one short English text for each thing that was done, or would be.
        before: text of the part of the account that the work is about, as it was found; one item a line.
        after: the same as it is left, or would be.
        detail: what the reader should know although all is well.
    """

    jid: Jid
    way: Way
    dry: bool = False
    changes: list[str] = field(default_factory=list)
    before: str = ""
    after: str = ""
    detail: str = ""


#: Given the person, the steps. Ending normally means that what was wished is in place.
Work = Callable[[Person], Generator[Step, Any, None]]


def drive(person: Person, work: Work, perform: Callable[[Step], Any]) -> None:
    """Do a work step by step, by a way that waits for each answer.

    Raises:
        XmppProblem: why the work could not be ended.
    """
    steps = work(person)
    answer: Any = None
    problem: Declined | None = None
    with contextlib.suppress(StopIteration):
        while True:
            step = steps.throw(problem) if problem else steps.send(answer)
            refuse_to_write_when_dry(person, step)
            answer = problem = None
            try:
                answer = perform(step)
            except Declined as declined:
                problem = declined


@dataclass(frozen=True)
class Done:
    """The outcome for one person.

    Attributes:
        result: "in_place", or why not; its detail is the person's when all is well.
        person: with its record; None when the work was not begun.
    """

    result: Result
    person: Person | None = None


def writes(step: Step) -> bool:
    """Whether the step changes anything on the server."""
    if isinstance(step, Query):
        return step.kind == "set"
    if isinstance(step, Call):
        return step.writes
    return isinstance(step, Presence)


def refuse_to_write_when_dry(person: Person, step: Step) -> None:
    """The guard that makes check mode safe whatever a work does.

    Raises:
        RuntimeError: a work that would write in check mode, a bug.
    """
    if person.dry and writes(step):
        raise RuntimeError(f"a step that writes, in check mode: {step}")
