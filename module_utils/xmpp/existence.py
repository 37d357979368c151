"""Do these accounts exist: asked by an administration account over one stream, without their passwords.

XMPP has no such question for ordinary accounts, on purpose: an unknown and an unused account look alike. Administrators
have the commands of XEP-0133. What servers answer about an unknown account differs from one to the next, so a method is
first tried on an account that cannot exist and on one that does (our own), and used only if the two answers differ. An
error is never taken for an absence.

An account that exists may be disabled, which no command tells. A server that offers the command to disable accounts is
therefore asked by the beginning of a login, see ``login.ask_whether_disabled``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from .accounts import Account, Result
from .connection import Connection, Request
from .jid import Jid, JidError, bare_jid
from .login import Step, ask_whether_disabled, secure
from .problems import XmppProblem, one_line
from .session import Campaign, logged_in
from .stream import CLIENT_NS, condition

_COMMANDS = "http://jabber.org/protocol/commands"
_DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
_DATA = "jabber:x:data"
_ADMIN = "http://jabber.org/protocol/admin"
_STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
_LIST = f"{_ADMIN}#get-registered-users-list"
_STATS = f"{_ADMIN}#user-stats"
_DISABLE = f"{_ADMIN}#disable-user"

#: A list of all accounts is one stanza: 44 octets each on ejabberd, so this is room for 380,000.
_MAX_STANZA = 16 << 20

#: Whether accounts are disabled is asked on several streams at once, some accounts on each: an account costs 200
#: octets, and Prosody lets a stream that is not logged in speak at 10 kB/s (mod_limits, Debian's configuration).
_STREAMS = 8
_ON_ONE_STREAM = 50


class Existence(NamedTuple):
    """What an administration account found out.

    Attributes:
        admin: verdict about the administration account itself: "ok", or why the others were not asked.
        accounts: one result per account, in the order of the question: "exists", "absent", "account_disabled",
            "unknown" (no reliable way to tell) or "admin_failed" (could not ask).
    """

    admin: Result
    accounts: list[Result]


def check_existence(accounts: Sequence[Jid], admin: Account, campaign: Campaign, *, window: int = 20) -> Existence:
    """Ask the administration account's server which accounts exist. Never raises for what server or network do.

    Args:
        accounts: to ask about, each once. Those of another domain than the administrator's are ``unknown``.
        admin: with a password.
        campaign: how to log in.
        window: questions under way at once.
    """
    foreign = f"{admin.jid} administers {admin.jid.domain} only"
    found = {jid: Result(jid, "unknown", foreign) for jid in accounts if jid.domain != admin.jid.domain}
    ours = [jid for jid in accounts if jid not in found]
    verdict = Result(admin.jid, "ok")
    offered: set[str] | str = ""
    try:
        with logged_in(admin, campaign, _MAX_STANZA) as (connection, _):
            stream = _Stream(connection, admin.jid, window)
            offered = stream.commands() if ours else ""
            for result in _by_best_method(stream, offered, ours):
                found[result.jid] = result
    except XmppProblem as problem:
        verdict = Result(admin.jid, problem.code, problem.detail)
    if isinstance(offered, set) and _DISABLE in offered:
        there = [jid for jid in ours if jid in found and found[jid].verdict == "exists"]
        found.update({result.jid: result for result in _enabled_or_not(there, admin, campaign)})
    reason = f"{verdict.verdict}: {verdict.detail}"
    return Existence(verdict, [found.get(jid) or Result(jid, "admin_failed", reason) for jid in accounts])


class _Stream:
    """The questions of XEP-0050 and XEP-0133 on a stream that is logged in."""

    def __init__(self, connection: Connection, admin: Jid, window: int) -> None:
        self._connection = connection
        self.admin = admin
        self._window = window

    def commands(self) -> set[str] | str:
        """The commands that the server offers us (XEP-0050, "Retrieving the Command List"), or why it refuses."""
        payload = f"<query xmlns='{_DISCO_ITEMS}' node='{_COMMANDS}'/>"
        request = Request("commands", "get", self.admin.domain, payload)
        _, answer = next(self._connection.ask([request]))
        if answer.get("type") != "result":
            return _error_of(answer)
        return {item.get("node", "") for item in answer.iter(f"{{{_DISCO_ITEMS}}}item")}

    def run_list(self) -> Element:
        """Run XEP-0133, "Get List of Registered Users", in one step."""
        payload = f"<command xmlns='{_COMMANDS}' node='{_LIST}' action='execute'/>"
        _, answer = next(self._connection.ask([Request("list", "set", self.admin.domain, payload)]))
        return answer

    def run_stats(self, accounts: Iterable[Jid]) -> Iterator[tuple[Jid, Element]]:
        """Run XEP-0133, "Get User Statistics", for many: the form comes filled in, so one IQ does instead of two."""
        requests = (Request(jid, "set", self.admin.domain, _stats_form(jid)) for jid in accounts)
        return self._connection.ask(requests, self._window)


def _by_best_method(stream: _Stream, offered: set[str] | str, accounts: list[Jid]) -> Iterator[Result]:
    if isinstance(offered, str):
        reason = f"the server refuses to list its commands to {stream.admin}: {offered}"
        yield from (Result(jid, "unknown", reason) for jid in accounts)
        return
    methods: list[tuple[str, Callable[[_Stream, list[Jid]], Iterator[Result] | str]]] = [
        (_LIST, _by_list),
        (_STATS, _by_stats),
    ]
    reasons = []
    for node, method in methods:
        if node in offered:
            answer = method(stream, accounts)
            if not isinstance(answer, str):
                yield from answer
                return
            reasons.append(answer)
    reason = "; ".join(reasons) or f"the server offers {stream.admin} no command of XEP-0133: is it an administrator?"
    yield from (Result(jid, "unknown", reason) for jid in accounts)


def _enabled_or_not(there: list[Jid], admin: Account, campaign: Campaign) -> Iterator[Result]:
    """Ask of accounts that exist whether they are disabled; where that cannot be asked, what is known stays."""
    told: dict[Jid, bool] = {}
    problems: list[XmppProblem] = []

    def ask(part: list[Jid]) -> None:
        # What stopped one stream stops those that have not begun: the server may want to be left alone.
        if not problems:
            try:
                with Connection(
                    admin.server, campaign.resolver, campaign.trust, timeout=campaign.timeout
                ) as connection:
                    connection.perform(_ask_each(part, told, connection.endpoint.direct_tls))
            except XmppProblem as problem:
                problems.append(problem)

    parts = [there[start : start + _ON_ONE_STREAM] for start in range(0, len(there), _ON_ONE_STREAM)]
    with ThreadPoolExecutor(max_workers=_STREAMS) as pool:
        list(pool.map(ask, parts))
    reason = f"whether it is disabled could not be asked: {problems[0]}" if problems else ""
    for jid in there:
        if told.get(jid):
            yield Result(jid, "account_disabled", "the server refuses it before any password")
        else:
            yield Result(jid, "exists", "" if jid in told else reason)


def _ask_each(accounts: list[Jid], told: dict[Jid, bool], direct_tls: bool) -> Generator[Step, Element, None]:
    features = yield from secure(direct_tls)
    for jid in accounts:
        told[jid] = yield from ask_whether_disabled(features, jid.local)


def _by_list(stream: _Stream, accounts: list[Jid]) -> Iterator[Result] | str:
    """Compare with the list of all accounts; or say why the list is of no use."""
    answer = stream.run_list()
    if answer.get("type") != "result":
        return f"get-registered-users-list: {_error_of(answer)}"
    command = answer.find(f"{{{_COMMANDS}}}command")
    if command is None or command.get("status") != "completed":
        return "get-registered-users-list: not answered in one step"
    registered = set(_jids(command, "registereduserjids"))
    if stream.admin not in registered:
        # External authentication: ejabberd then knows no list of its own and answers an empty one.
        return "get-registered-users-list: not complete, the administration account itself is missing"
    return (Result(jid, "exists" if jid in registered else "absent") for jid in accounts)


def _by_stats(stream: _Stream, accounts: list[Jid]) -> Iterator[Result] | str:
    """Ask for the statistics of each account; or say why the answers tell nothing."""
    ghost = Jid(f"nobody-{secrets.token_hex(8)}", stream.admin.domain)
    samples = dict(stream.run_stats([ghost, stream.admin]))
    absent, present = _read_stats(samples[ghost]), _read_stats(samples[stream.admin])
    if absent.kind != "refused" or present.kind != "figures":
        return "user-stats: the answer about an unknown account does not differ from that about a known one"

    def results() -> Iterator[Result]:
        for jid, answer in stream.run_stats(accounts):
            stats = _read_stats(answer)
            if stats.kind == "figures":
                yield Result(jid, "exists")
            elif stats.kind == "refused" and stats.words == ghostly(jid):
                yield Result(jid, "absent")
            else:
                yield Result(jid, "unknown", one_line(f"user-stats: {stats.words}"))

    def ghostly(jid: Jid) -> str:
        """What the server said about the account that cannot exist, had it been about this one."""
        return absent.words.replace(str(ghost), str(jid)).replace(ghost.local, jid.local)

    return results()


class _Stats(NamedTuple):
    """An answer to user-stats.

    Attributes:
        kind: "figures"; "refused": completed with an error note (XEP-0050) and no figures; "error": anything else.
        words: the note, or the condition of the error.
    """

    kind: Literal["figures", "refused", "error"]
    words: str = ""


def _read_stats(answer: Element) -> _Stats:
    if answer.get("type") != "result":
        return _Stats("error", _error_of(answer))
    command = answer.find(f"{{{_COMMANDS}}}command")
    if command is None or command.get("status") != "completed":
        return _Stats("error", "not answered in one step")
    note = command.find(f"{{{_COMMANDS}}}note")
    if command.find(f"{{{_DATA}}}x") is not None:
        return _Stats("figures")
    if note is not None and note.get("type") == "error":
        return _Stats("refused", note.text or "")
    return _Stats("error", "neither figures nor an error")


def _stats_form(jid: Jid) -> str:
    return (
        f"<command xmlns='{_COMMANDS}' node='{_STATS}' action='execute'><x xmlns='{_DATA}' type='submit'>"
        f"<field var='FORM_TYPE' type='hidden'><value>{_ADMIN}</value></field>"
        f"<field var='accountjid' type='jid-single'><value>{escape(str(jid))}</value></field></x></command>"
    )


def _jids(command: Element, variable: str) -> Iterator[Jid]:
    for field in command.iter(f"{{{_DATA}}}field"):
        if field.get("var") == variable:
            for value in field.iter(f"{{{_DATA}}}value"):
                try:
                    yield bare_jid(value.text or "")
                except JidError:
                    continue  # an account that no JID of ours can be equal to


def _error_of(answer: Element) -> str:
    return condition(answer.find(f"{{{CLIENT_NS}}}error"), _STANZAS)
