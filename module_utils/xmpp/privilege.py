"""The second way to write for people: one stream of a service account to which the server grants this (XEP-0356).

Works of many people run on it interleaved, each waiting for its own answer only, so that the stream is never idle and
no account holds up another.
"""

from __future__ import annotations

import collections
import re
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from .accounts import Account, Result
from .connection import Connection, Request
from .disco import disco_request, features_of
from .jid import Jid
from .problems import XmppProblem
from .session import Campaign, logged_in
from .stanzas import answered
from .stream import CLIENT_NS
from .work import Declined, Done, Features, Person, Query, Step, Work, refuse_to_write_when_dry

PRIVILEGE_NS = "urn:xmpp:privilege:2"
_FORWARD_NS = "urn:xmpp:forward:0"
_ROSTER_NS = "jabber:iq:roster"

#: Below zero: no message that waits for the service account is delivered to us and lost (RFC 6121 8.5.2.2).
_HELLO = b"<presence><priority>-1</priority></presence>"

_KINDS = {"get": frozenset({"get"}), "set": frozenset({"set"}), "both": frozenset({"get", "set"})}
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Privileges:
    """What the server grants (XEP-0356 4.2, 5 and 6): kinds of IQ, "get" and "set".

    Attributes:
        roster: for the contacts of any account of the server.
        iq: for any other IQ to an account in its own name, by namespace.
    """

    roster: frozenset[str] = _NOTHING
    iq: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        granted = [f"roster {'/'.join(sorted(self.roster))}"] if self.roster else []
        granted += [f"{namespace} {'/'.join(sorted(kinds))}" for namespace, kinds in sorted(self.iq.items()) if kinds]
        return ", ".join(granted) or "nothing"


def read_privileges(message: Element) -> Privileges | None:
    """What a ``<message/>`` of the server advertises (XEP-0356 4.2); None when it is about something else."""
    advertised = message.find(f"{{{PRIVILEGE_NS}}}privilege")
    if advertised is None:
        return None
    roster = _NOTHING
    queries: dict[str, frozenset[str]] = {}
    for granted in advertised.iter(f"{{{PRIVILEGE_NS}}}perm"):
        if granted.get("access") == "roster":
            roster = _KINDS.get(granted.get("type", ""), _NOTHING)
        elif granted.get("access") == "iq":
            for namespace in granted.iter(f"{{{PRIVILEGE_NS}}}namespace"):
                queries[namespace.get("ns", "")] = _KINDS.get(namespace.get("type", ""), _NOTHING)
    return Privileges(roster, queries)


def write_with_privilege(
    people: Sequence[tuple[Person, Work]], service: Account, campaign: Campaign, *, window: int = 20
) -> Iterator[Done]:
    """Do the works of people of the service account's server; yields their outcomes as they come.

    Never raises for what server or network do: when the stream fails, those who were not done are ``service_failed``.

    Args:
        people: each once.
        service: with a password.
        campaign: how to log in.
        window: people whose works are under way at once.
    """
    waiting = collections.deque(people)
    try:
        with logged_in(service, campaign) as (connection, _):
            stream = _ServiceStream(connection, service.jid, campaign.timeout)
            try:
                stream.prepare()
                while waiting or stream.active:
                    while waiting and stream.active < window:
                        yield from stream.begin(*waiting.popleft())
                    if stream.active:
                        yield from stream.go_on()
            except XmppProblem as problem:
                failed = _failed(problem)
                yield from (Done(Result(person.jid, *failed), person) for person in stream.abandon())
                raise
    except XmppProblem as problem:
        failed = _failed(problem)
        yield from (Done(Result(person.jid, *failed)) for person, _ in waiting)


def _failed(problem: XmppProblem) -> tuple[str, str]:
    return "service_failed", f"{problem.code}: {problem.detail}"


@dataclass
class _Task:
    """A work that waits for an answer. ``deadline`` is on the clock ``time.monotonic``."""

    person: Person
    steps: Generator[Step, Any, None]
    query: Query
    wrapped: bool
    deadline: float


class _ServiceStream:
    """The service account's stream, and the works under way on it."""

    def __init__(self, connection: Connection, service: Jid, timeout: float) -> None:
        self._connection = connection
        self._service = service
        self._timeout = timeout
        self._privileges = Privileges()
        self._features: frozenset[str] | Declined = frozenset()
        # What was asked, by identifier, and who waits for it, by number: both in the order of asking.
        self._requests: dict[str, Request[int]] = {}
        self._tasks: dict[int, _Task] = {}
        self._asked = 0

    @property
    def active(self) -> int:
        """How many works are under way."""
        return len(self._tasks)

    def prepare(self) -> None:
        """Learn what is granted, and what the server offers to accounts.

        The server advertises the privileges when it sees our presence (XEP-0356 4.2) and works through a stream in
        order: they come before the answer to the question that is sent after it, or never.
        """
        self._connection.send(_HELLO)
        ident = self._connection.post(disco_request(self._service))
        deadline = time.monotonic() + self._timeout
        while True:
            element = self._connection.receive(deadline)
            if element.tag == f"{{{CLIENT_NS}}}message" and element.get("from") == self._service.domain:
                self._privileges = read_privileges(element) or self._privileges
            elif element.tag == f"{{{CLIENT_NS}}}iq" and element.get("id") == ident and _is_answer(element):
                break
        try:
            self._features = features_of(element)
        except Declined as declined:
            self._features = declined

    def begin(self, person: Person, work: Work) -> Iterator[Done]:
        """Begin a work; yields its outcome if it needs no answer."""
        yield from self._advance(person, work(person), None)

    def go_on(self) -> Iterator[Done]:
        """Wait until one answer is there, or too late, and go on with its work; yields the outcome if that was all."""
        oldest = next(iter(self._requests))
        collected = self._connection.collect(self._requests, self._tasks[self._requests[oldest].key].deadline)
        if collected is None:
            task = self._tasks.pop(self._requests.pop(oldest).key)
            answer: Element | XmppProblem = XmppProblem("timeout", f"no answer in time ({task.query.doing})")
        else:
            number, element = collected
            task = self._tasks.pop(number)
            try:
                answer = _unwrapped(element, task)
            except XmppProblem as problem:
                answer = problem
        yield from self._advance(task.person, task.steps, answer)

    def abandon(self) -> list[Person]:
        """End the works under way where they are; returns whose they are."""
        people = [task.person for task in self._tasks.values()]
        for task in self._tasks.values():
            task.steps.close()
        self._tasks.clear()
        return people

    def _advance(
        self, person: Person, steps: Generator[Step, Any, None], answer: Element | XmppProblem | None
    ) -> Iterator[Done]:
        """Give a work its answer and take its steps until one needs an answer of the server."""
        reply: Any = answer
        try:
            while True:
                step = steps.throw(reply) if isinstance(reply, XmppProblem) else steps.send(reply)
                refuse_to_write_when_dry(person, step)
                if isinstance(step, Features):
                    reply = self._features
                    continue
                if not isinstance(step, Query):
                    raise TypeError(f"no step of a privileged stream: {step}")
                try:
                    self._post(person, steps, step)
                except Declined as declined:
                    reply = declined
                else:
                    return
        except StopIteration:
            yield Done(Result(person.jid, "in_place", person.detail), person)
        except XmppProblem as problem:
            yield Done(Result(person.jid, problem.code, problem.detail), person)

    def _post(self, person: Person, steps: Generator[Step, Any, None], query: Query) -> None:
        namespace = _namespace(query.payload)
        wrapped = not (namespace == _ROSTER_NS and query.kind in self._privileges.roster)
        if wrapped and query.kind not in self._privileges.iq.get(namespace, _NOTHING):
            words = f"{self._service} may not {query.kind} {namespace} for others; granted: {self._privileges}"
            raise Declined("forbidden", words, query.doing, "privilege_missing")
        to = str(person.jid)
        payload = _wrap(query, to) if wrapped else query.payload
        self._asked += 1
        request = Request(self._asked, query.kind, to, payload)
        self._requests[self._connection.post(request)] = request
        self._tasks[self._asked] = _Task(person, steps, query, wrapped, time.monotonic() + self._timeout)


def _wrap(query: Query, jid: str) -> str:
    """The payload of an IQ in the name of an account (XEP-0356 6.4). The identifier is the inner answer's, unused."""
    address = quoteattr(jid)
    inner = f"<iq xmlns='{CLIENT_NS}' type='{query.kind}' id='w' from={address} to={address}>{query.payload}</iq>"
    return f"<privileged_iq xmlns='{PRIVILEGE_NS}'>{inner}</privileged_iq>"


def _unwrapped(answer: Element, task: _Task) -> Element:
    """The answer to the query, out of its wrapping if it has one.

    Raises:
        XmppProblem: the answer is no (``Declined``), or not what it should be.
    """
    answered(answer, task.query.doing)
    if not task.wrapped:
        return answer
    inner = answer.find(f"{{{PRIVILEGE_NS}}}privilege/{{{_FORWARD_NS}}}forwarded/{{{CLIENT_NS}}}iq")
    if inner is None:
        raise XmppProblem("protocol", f"an answer without the one that it stands for ({task.query.doing})")
    return answered(inner, task.query.doing)


def _is_answer(element: Element) -> bool:
    return element.get("type") in ("result", "error")


def _namespace(payload: str) -> str:
    """The namespace of the payload's outer element."""
    match = re.match(r"<[^>]*?\sxmlns=(['\"])([^'\"]*)\1", payload)
    if match is None:
        raise ValueError("a query without a namespace")
    return match.group(2)
