"""What the flow of a ticket tells: the plan before, and afterwards the public answer and the private note.

Pure functions. What a ticket says is shown as text and nothing else (``visible``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .im_catalogue import LANGUAGES, text
from .im_preflight import Problem, visible
from .im_report import GOOD_STATES, GOOD_VERDICTS

#: Problems that the requester can do something about, or should know; all others are only ours.
_REQUESTERS = frozenset({"machine_silent", "gajim_on_macos", "account"})
_UNTOUCHED = ("unchanged",)
#: How much of the differences stands in a note; the JSON has the rest.
_LINES_OF_DIFF = 400

Row = Mapping[str, Any]


class Case(NamedTuple):
    """What the texts are about.

    number: of the ticket, "" without one.  key, name, jid: the person.  machine, login, client: where and what.
    title: how people call the client.  site, deadline: as the ticket has them.  listed: the inventory has this seat.
    """

    number: str
    key: str
    name: str
    jid: str
    machine: str
    login: str
    client: str
    title: str
    site: str = ""
    deadline: str = ""
    listed: bool = True

    @property
    def words(self) -> dict[str, str]:
        """Values for the sentences of the catalogue."""
        told = {"machine": self.machine, "login": self.login, "jid": self.jid, "client": self.title}
        return {name: visible(value) for name, value in told.items()}


class Look(NamedTuple):
    """What was seen before touching.

    system: the host's, for people.  version: of the installed client, "" when it is not.  missing: packages to install.
    documents: of the row of im_report, {path, action}.  diffs: {path, before, after} of those that differ.
    running: the client is open.  warnings: sentences.  server: lines of im_provisioning about what it would write.
    hint: what the server says about the account.  ignored: names of what the ticket holds beside the allowed fields.
    platform: name of the answers file of the host, "" where it is not known.
    """

    system: str
    version: str
    missing: Sequence[str]
    documents: Sequence[Mapping[str, Any]]
    diffs: Sequence[Mapping[str, str]]
    running: bool
    warnings: Sequence[str]
    server: Sequence[str]
    hint: str
    ignored: Sequence[str] = ()
    platform: str = ""


def plan(case: Case, look: Look, language: str = "fr") -> str:
    """Tell what will be touched, line by line."""

    def say(key: str, /, **values: Any) -> str:
        return text(f"plan.{key}", language, **values)

    lines = [say("title_number", number=visible(case.number)) if case.number else say("title")]
    lines.append(say("person", name=visible(case.name), person=visible(case.key), jid=visible(case.jid)))
    lines.append(say("machine", machine=case.machine, system=look.system, login=visible(case.login)))
    lines.append(say("client", client=case.title))
    lines += [
        say(field, **{field: visible(value)}) for field in ("site", "deadline") if (value := getattr(case, field))
    ]
    lines.append(say("account", hint=look.hint))
    if look.missing:
        lines.append(say("packages", packages=", ".join(look.missing)))
    else:
        lines.append(say("no_packages", version=look.version or "-"))
    lines += _planned_documents(look, language)
    if look.server:
        lines += [say("server"), *(f"  {line}" for line in look.server)]
    else:
        lines.append(say("no_server"))
    if nothing_to_do(look):
        lines.append(say("nothing"))
    if look.running and any(_touched(look.documents)):
        lines.append(text(_of_platform("plan.running", look.platform, language), language, client=case.title))
    lines += [say("warning", warning=warning) for warning in look.warnings]
    if look.ignored:
        lines.append(say("ignored", ignored=", ".join(visible(name, 40) for name in look.ignored)))
    return "\n".join(lines)


def nothing_to_do(look: Look) -> bool:
    """Whether all is in place already."""
    return not (look.missing or look.server or any(_touched(look.documents)))


def _touched(documents: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [document for document in documents if document["action"] not in _UNTOUCHED]


def _planned_documents(look: Look, language: str) -> list[str]:
    counts = {diff["path"]: _count(diff) for diff in look.diffs}
    lines = []
    for document in _touched(look.documents):
        action = text(f"plan.action.{document['action']}", language)
        told = {"action": action, "path": document["path"]}
        if document["path"] in counts:
            added, removed = counts[document["path"]]
            lines.append("  " + text("plan.document_lines", language, added=added, removed=removed, **told))
        else:
            lines.append("  " + text("plan.document", language, **told))
    return [text("plan.documents", language), *lines] if lines else []


def _count(diff: Mapping[str, str]) -> tuple[int, int]:
    """Lines that come, lines that go."""
    lines = difflib.unified_diff(diff["before"].splitlines(), diff["after"].splitlines(), n=0, lineterm="")
    body = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    return sum(line.startswith("+") for line in body), sum(line.startswith("-") for line in body)


def public(case: Case, row: Row, all_good: bool, check_mode: bool, language: str = "fr", *, platform: str = "") -> str:
    """The answer to the requester, in plain words.

    Args:
        case: what it is about.
        row: of im_report, about this seat and client.
        all_good: whether the chain is verified.
        check_mode: whether nothing was written.
        language: of the answer.
        platform: of the host: programs are not started alike everywhere.
    """
    if check_mode:
        return text("ticket.check", language, machine=case.machine)
    if all_good:
        key = "done"
    elif row["state"] in ("deferred", "refused"):
        key = row["state"]
    else:
        key = "unproven" if row["state"] in GOOD_STATES and row["verdict"] not in GOOD_VERDICTS else "not_done"
    # A client without sentences of its own has general ones.
    kind = case.client if f"ticket.start_{case.client}" in LANGUAGES[language] else "other"
    steps = {step: text(f"ticket.{step}_{kind}", language, **case.words) for step in ("ask", "keep", "quit")}
    keys = (f"ticket.start_{kind}_{platform}", f"ticket.start_other_{platform}", f"ticket.start_{kind}")
    start = next(own for own in keys if own in LANGUAGES[language])
    steps["start"] = text(start, language, **case.words)
    return _framed(text(_of_platform(f"ticket.{key}", platform, language), language, **case.words, **steps), language)


def _of_platform(key: str, platform: str, language: str) -> str:
    """The key of the sentence for one platform, where it has one of its own."""
    own = f"{key}_{platform}"
    return own if own in LANGUAGES[language] else key


def public_of_problems(case: Case, problems: Sequence[Problem], language: str = "fr") -> str:
    """The answer to the requester when something is in the way: what the requester can do about it, if anything."""
    told = next((problem.code for problem in problems if problem.code in _REQUESTERS), "")
    # What is only ours to settle comes first: nobody is asked for anything before that.
    ours = any(problem.code not in _REQUESTERS for problem in problems)
    key = "ticket.blocked" if ours or not told else f"ticket.blocked_{told}"
    return _framed(text(key, language, **case.words), language)


def _framed(body: str, language: str) -> str:
    return text("ticket.frame", language, body=body)


def of_problems(problems: Sequence[Problem], language: str = "fr") -> str:
    """All problems with their remedies, for the colleague."""
    lines = []
    for number, problem in enumerate(problems, 1):
        lines.append(f"{number}. {problem.text}")
        lines.append("   " + text("preflight.remedy", language, remedy=problem.remedy))
        if problem.detail:
            lines.append("   " + text("preflight.detail", language, detail=problem.detail))
    return "\n".join(lines)


class Result(NamedTuple):
    """What the chain left: the row of im_report and its table, lines about the server, whether all that was wished
    stands there, packages and their versions, whether all is verified, where the JSON is, when and how long."""

    row: Row
    table: str
    server: Sequence[str]
    on_server: bool
    packages: Mapping[str, str]
    all_good: bool
    report: str
    at: str
    seconds: int
    check_mode: bool


def private(case: Case, look: Look, result: Result, language: str = "fr") -> str:
    """The technical note for the colleagues: what was done and proven, what is left to do, and the differences."""

    def say(key: str, /, **values: Any) -> str:
        return text(f"note.{key}", language, **values)

    row = result.row
    when = "when_check" if result.check_mode else "when"
    lines = [say(when, at=result.at, seconds=result.seconds), "", result.table, ""]
    # Only what the host says it has now: a check installs nothing, and an installation may fail.
    installed = [f"{name} {result.packages[name]}" for name in look.missing if result.packages.get(name)]
    lines.append(say("packages", packages=", ".join(installed)) if installed else say("no_packages"))
    lines.append(say("account", jid=visible(case.jid), verdict=row["verdict"], hint=row["hint"]))
    if row["documents"]:
        lines.append(say("documents"))
        lines += [f"  {text('document.' + one['action'], language)} : {one['path']}" for one in row["documents"]]
    if result.server:
        lines += [say("server"), *(f"  {line}" for line in result.server)]
    left = remedies(case, result, language, look.platform)
    if left:
        lines += ["", say("remedies"), *(f"- {remedy}" for remedy in left)]
    differences = _differences(look, row, language)
    if differences:
        lines += ["", say("diff"), *differences]
    return "\n".join([*lines, "", say("report", path=result.report)])


def state(case: Case, result: Result) -> str:
    """What the run came to, in words that neither dates nor durations change: what was said of it is said once."""
    where = [case.client, case.machine, case.login]
    words = [result.row["state"], result.row["verdict"], "verified" if result.all_good else "open"]
    # A second run finds compliant what the first one changed: to the requester and the colleagues that is the same.
    return " ".join([*where, *("done" if word in GOOD_STATES else word for word in words)])


def remedies(case: Case, result: Result, language: str = "fr", platform: str = "") -> list[str]:
    """What is left to do, each as a sentence."""
    row = result.row
    codes = [row["state"]] if row["state"] not in GOOD_STATES else []
    if row["verdict"] not in GOOD_VERDICTS:
        codes.append("unproven")
    if not result.on_server:
        codes.append("not_on_server")
    if row["reach"] and row["reach"]["verdict"] != "ok":
        codes.append("not_reached")
    left = [text(_of_platform(f"note.{code}", platform, language), language) for code in codes if code != "drift"]
    if not case.listed:
        seat = f"{{login: {case.login}, person: {case.key}, clients: [{case.client}]}}"
        left.append(text("note.listed_not", language, machine=case.machine, seat=visible(seat)))
    return left


def _differences(look: Look, row: Row, language: str) -> list[str]:
    """As a unified diff of what each document tells of itself, secrets masked; of those that this run is about.

    What belongs to the machine is the service's certificate, whose text tells nobody anything.
    """
    about = {one["path"] for one in _touched(row["documents"]) if not one["path"].startswith("/")}
    lines = [
        line
        for diff in look.diffs
        if diff["path"] in about
        for line in difflib.unified_diff(
            diff["before"].splitlines(), diff["after"].splitlines(), diff["path"], diff["path"], n=0, lineterm=""
        )
    ]
    cut = len(lines) - _LINES_OF_DIFF
    return [*lines[:_LINES_OF_DIFF], text("note.cut", language, count=cut)] if cut > 0 else lines


def private_of_problems(problems: Sequence[Problem], at: str, seconds: int, language: str = "fr") -> str:
    """The technical note when something was in the way."""
    return "\n".join(
        [
            text("note.when", language, at=at, seconds=seconds),
            text("note.blocked", language),
            of_problems(problems, language),
        ]
    )
