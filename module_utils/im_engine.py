"""The profile engine without its hands: which files to read, what they must become, what to write.

Pure: no host, no file. action_plugins/im_profile.py carries the questions to the host and the bytes back.
A *group* is what is written together or not at all: the documents of one client for one seat, or those of the machine.
"""

from __future__ import annotations

import base64
import fnmatch
import posixpath
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from .im_documents import (
    WRITTEN,
    Asked,
    DocumentOutcome,
    lay_down,
    leave_alone,
    recall,
    remember,
    siblings_of,
    take_out,
)
from .im_formats import FORMATS, Refused
from .im_formats.base import Locator
from .im_model import Client, Document

#: (document, part) -> fragment; part is "enforced" or "initial".
Render = Callable[[Document, str], str]


@dataclass(frozen=True)
class Group:
    """What is merged and written together.

    Attributes:
        key: name of the group in questions and answers.
        login: the seat's login, None for the documents of the machine.
        client: whose documents they are.
        bases: base name -> path; "~/" starts in the login's home, "/" on the machine. "former_profile" is no place for
            documents: what the client takes along from there at its first start, if it has no profile yet.
        proof: file that the command following a change of the group leaves behind; "" when none follows.
        retired: what we laid down is to be taken out instead.
        program: what the answers say of a program that is laid into the home, its signs and proof; {} of any other.
    """

    key: str
    login: str | None
    client: Client
    bases: Mapping[str, str]
    proof: str = ""
    retired: bool = False
    program: Mapping[str, Any] = field(default_factory=dict)

    def documents(self) -> list[tuple[Document, str]]:
        """The group's documents with their path patterns: relative to the home, absolute for the machine."""
        found = []
        for document in self.client.documents:
            base = self.bases.get(document.base) or ""
            if base.startswith("/" if self.login is None else "~/"):
                found.append((document, posixpath.join(base.removeprefix("~/"), document.path)))
        return found

    def locates(self, document: Document) -> bool:
        """Whether a document names the directory in which others stand."""
        return any(other.located_by == document.path for other in self.client.documents)

    def former(self, document: Document) -> str | None:
        """Where the client had a document that locates others before it kept its profiles where they are now."""
        place = self.bases.get("former_profile")
        if not place or not self.locates(document):
            return None
        return posixpath.join(place.removeprefix("~/"), document.path)


@dataclass
class Outcome:
    """What becomes of one group.

    Attributes:
        documents: in the order of the merge; those that nobody asks anything of are left out.
        state: compliant, changed, drift, deferred, refused or failed, as in docs/states.md.
        detail: why, for deferred, refused and failed.
        unread: paths that must be read before the group can be merged; then nothing else holds.
        memory_trouble: why the host cannot read or keep what it remembers of the group; "" when it can.
        stale: the command that follows a change of the group is due: something changes, or it never ended.
        running: the client runs, so that nothing can be written now.
    """

    group: Group
    documents: list[DocumentOutcome] = field(default_factory=list)
    state: str = "compliant"
    detail: str = ""
    unread: list[str] = field(default_factory=list)
    memory_trouble: str = ""
    stale: bool = False
    running: bool = False


def groups_of(seats: list[dict[str, Any]], clients: Mapping[str, Client], common: Client, platform: str) -> list[Group]:
    """Make the groups of a host: the machine's own first, then each client of each seat."""
    shared = common.platforms[platform]["bases"]
    wanted = list(dict.fromkeys(name for seat in seats if not is_retired(seat) for name in seat["clients"]))
    named = {name for seat in seats for name in seat["clients"]}
    there = {name: _on(clients[name], platform) for name in named}
    bases = {name: {**shared, **there[name].platforms[platform]["bases"]} for name in named}
    proof = common.platforms[platform]["trust_proof"]
    machine = [Group("machine", None, common, shared, proof)] if wanted else []
    machine += [Group(f"machine/{name}", None, there[name], bases[name]) for name in wanted]
    personal = [
        Group(
            f"{seat['login']}/{name}",
            seat["login"],
            there[name],
            bases[name],
            retired=is_retired(seat),
            program=there[name].platforms[platform].get("portable", {}),
        )
        for seat in seats
        for name in seat["clients"]
    ]
    return [group for group in machine + personal if group.documents()]


def _on(client: Client, platform: str) -> Client:
    """The client with the signs that it gives on a platform of running, where they are that platform's own."""
    answers = client.platforms[platform]
    return client._replace(
        processes=tuple(answers.get("processes", client.processes)), locks=tuple(answers.get("locks", client.locks))
    )


def is_retired(seat: Mapping[str, Any]) -> bool:
    """Say whether what we laid down for a seat is to be taken out again."""
    return seat.get("state") == "absent"


def read_request(group: Group, extra_paths: list[str] | None = None) -> dict[str, Any]:
    """Ask for everything that the merge of a group may need, in one question (see im_profile_files)."""
    paths, system_paths = [group.proof] if group.proof else [], []
    for document, pattern in group.documents():
        if former := group.former(document):
            paths.append(former)
        for place in [pattern, *(path for path in extra_paths or [] if path.endswith(posixpath.basename(pattern)))]:
            paths.append(place)
            for sibling in document.siblings:
                if sibling.startswith("/") and group.login is not None:
                    system_paths.append(sibling)
                else:
                    paths.append(posixpath.join(posixpath.dirname(place), sibling))
    return {
        "key": group.key,
        "login": group.login,
        "paths": list(dict.fromkeys(paths)),
        "system_paths": list(dict.fromkeys(system_paths)),
        "memory": group.login is not None,
        **_running_signs(group),
    }


def _running_signs(group: Group) -> dict[str, Any]:
    """How to see whether the client runs. The machine's documents are read at start only: no sign needed."""
    if group.login is None:
        return {"processes": [], "locks": []}
    profile = group.bases["profile"].removeprefix("~/")
    return {
        "processes": list(group.client.processes),
        "locks": [posixpath.join(profile, lock) for lock in group.client.locks],
    }


def merge_group(group: Group, answer: Mapping[str, Any], render: Render) -> Outcome:
    """Merge the documents of one group.

    Args:
        group: what to merge.
        answer: the host's answer to read_request(group).
        render: gives the fragments.

    Returns:
        The outcome; refused as soon as one document is, so that nothing of the group is written then.
    """
    outcome = Outcome(group)
    if answer["error"]:
        outcome.state, outcome.detail = "failed", answer["error"]["message"]
        return outcome
    outcome.memory_trouble = _trouble(answer)
    files, memory = answer["files"], recall(answer.get("memory"))
    located: dict[str, str] = {}
    for document, pattern in group.documents():
        asked = Asked(document, pattern, render(document, "enforced"), render(document, "initial"))
        if not (asked.enforced + asked.initial).strip() or (document.located_by and document.located_by not in located):
            continue
        if document.located_by:
            asked = asked._replace(path=pattern.replace("*", located[document.located_by], 1))
            if not _was_read(asked.path, pattern, files):
                outcome.unread.append(asked.path)
                continue
        asked = asked._replace(lives_on=_lives_on(asked.path, files, memory))
        locates = group.locates(document)
        done = _change(group, locates)(asked, files, memory.get(asked.path, {}))
        _wait_for_former(done, group.former(document), files)
        outcome.documents.append(done)
        if locates and done.after is not None and done.action != "refused":
            _locate(asked, done, files, located)
        if done.action == "refused":
            outcome.state, outcome.detail = "refused", f"{asked.path}: {done.detail}"
            return outcome
        _excuse(done, group.client)
    if any(done.action in WRITTEN for done in outcome.documents):
        outcome.state = "changed"
        if answer["running"]:
            outcome.state, outcome.running = "deferred", True
            outcome.detail = ", ".join(sign["what"] for sign in answer["running"])
    if group.proof and outcome.documents:
        outcome.stale = outcome.state == "changed" or bool(files.get(group.proof, {"absent": True}).get("absent"))
    return outcome


def _lives_on(path: str, files: Mapping[str, Any], memory: Mapping[str, Any]) -> bool:
    """Say whether another document that we remember of the same group is still there."""
    return any(other != path and not files.get(other, {"absent": True}).get("absent") for other in memory)


def _change(group: Group, locates: bool) -> Callable[..., DocumentOutcome]:
    """What is done to a document. Who locates others is never taken out: behind it stand the user's mails and logs."""
    if not group.retired:
        return lay_down
    return leave_alone if locates else take_out


def _wait_for_former(done: DocumentOutcome, former: str | None, files: Mapping[str, Any]) -> None:
    """Refuse to make a first profile before the client took an older one along: later it would leave that behind."""
    is_first = done.action in WRITTEN and done.before is None
    if former and is_first and not files.get(former, {"absent": True}).get("absent"):
        done.action = "refused"
        done.detail = (
            f"not there yet, and ~/{former} is: at its first start the client takes that profile along, mails and all, "
            "but only while it has none of its own; let the person start it once, then run again"
        )


def _locate(asked: Asked, done: DocumentOutcome, files: Mapping[str, Any], located: dict[str, str]) -> None:
    """Note the directory that a document names for others; refuse the document when it names none."""
    try:
        siblings = siblings_of(asked.document, asked.path, files)
        locator = cast(Locator, asked.format)
        located[asked.document.path] = locator.locate(done.after or b"", asked.enforced, siblings)
    except Refused as refused:
        done.action, done.detail = "refused", str(refused)


def _excuse(done: DocumentOutcome, client: Client) -> None:
    """Do not blame the user for what the client changes by itself, unless all that it belongs to is gone."""
    things = tuple(f"{item} " for item, cause in done.causes.items() if cause == "user")
    for item, cause in done.causes.items():
        rewritten = any(fnmatch.fnmatchcase(item, pattern) for pattern in client.rewrites)
        if cause == "user" and rewritten and not item.startswith(things):
            done.causes[item] = "client"


def _was_read(path: str, pattern: str, files: Mapping[str, Any]) -> bool:
    """A glob reads one directory level; a profile elsewhere needs a question of its own."""
    return path in files or (path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern))


def only_look(outcome: Outcome) -> None:
    """Say of a group that is not to be written, whatever it needs, how far it is from the wish."""
    if outcome.state in ("changed", "deferred") or (outcome.stale and outcome.state == "compliant"):
        outcome.state, outcome.stale = "drift", False


def write_request(outcome: Outcome, answer: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """Ask to write the changed documents of a group; each carries the checksum that was read."""
    files = [
        {
            "path": done.path,
            "content": None if done.after is None else base64.b64encode(zlib.compress(done.after, 1)).decode(),
            "before": None if done.before is None else answer["files"][done.path]["sha256"],
        }
        for done in outcome.documents
        if done.action in WRITTEN
    ]
    group = outcome.group
    return {
        "key": group.key,
        "login": group.login,
        "run_id": run_id,
        "files": files,
        "memory": _memory(outcome, answer),
        **_running_signs(group),
        **_program(outcome),
    }


def _program(outcome: Outcome) -> dict[str, Any]:
    """The program to lay into the home, together with the document that says which one stands there; {} if none is."""
    group = outcome.group
    markers = {path: document.path for document, path in group.documents() if document.base == "program"}
    laid = [done.path for done in outcome.documents if done.path in markers and done.action in WRITTEN and done.after]
    if not laid:
        return {}
    return {
        "program": {
            "folder": group.bases["program"].removeprefix("~/"),
            "store": group.bases["program_store"],
            "proof": group.program["proof"],
            "signs": list(group.program["signs"]),
            "marker": markers[laid[0]],
        }
    }


def tidy_request(outcome: Outcome, answer: Mapping[str, Any], run_id: str) -> dict[str, Any] | None:
    """Ask to write the same bytes again where a killed run left temporary files beside them: that removes these.

    Returns:
        None when there is nothing to tidy.
    """
    if outcome.state != "compliant" or not any(entry.get("strays") for entry in answer["files"].values()):
        return None
    files = [
        {"path": path, "content": entry["content"], "before": entry["sha256"]}
        for path, entry in answer["files"].items()
        if entry.get("strays")
    ]
    group = outcome.group
    signs = _running_signs(group)
    return {"key": group.key, "login": group.login, "run_id": run_id, "files": files, "memory": None, **signs}


def _memory(outcome: Outcome, answer: Mapping[str, Any]) -> str | None:
    """What the host is to remember; the machine's documents need no memory, a retired seat's is forgotten."""
    if outcome.group.login is None:
        return None
    return "" if outcome.group.retired else remember(outcome.documents, answer.get("memory"))


def apply_answer(outcome: Outcome, answer: Mapping[str, Any]) -> None:
    """Note in the outcome what the host answered to a write_request."""
    outcome.memory_trouble = _trouble(answer) or outcome.memory_trouble
    if answer["state"] in ("written", "unchanged"):
        return
    if answer["state"] == "deferred":
        outcome.state = "deferred"
        outcome.detail = ", ".join(sign["what"] for sign in answer["running"])
    elif answer["state"] == "conflict":
        # The file changed between the read and the write: a client did that; the next run merges anew.
        outcome.state, outcome.detail = "deferred", answer["error"]["message"]
    else:
        outcome.state, outcome.detail = "failed", answer["error"]["message"]


def _trouble(answer: Mapping[str, Any]) -> str:
    trouble = answer.get("memory_error")
    return str(trouble["message"]) if trouble else ""


def diffs(outcome: Outcome, host: str) -> list[dict[str, str]]:
    """Describe each change for ``--diff``: the formats' own text, with secrets masked."""
    where = f"{host}:" if outcome.group.login is None else f"{host}:~{outcome.group.login}/"
    return [
        {"before_header": where + text["path"], "after_header": where + text["path"]}
        | {"before": text["before"], "after": text["after"]}
        for text in texts(outcome)
    ]


def texts(outcome: Outcome) -> list[dict[str, str]]:
    """Each change as ``path``, and what the formats tell of it ``before`` and ``after``, with secrets masked."""
    return [
        {
            "path": done.path,
            "before": FORMATS[done.format].describe(done.before),
            "after": FORMATS[done.format].describe(done.after),
        }
        for done in outcome.documents
        if done.action in WRITTEN
    ]


def outcomes_of(seat: Mapping[str, Any], client: str, outcomes: Mapping[str, Outcome]) -> list[Outcome]:
    """What one client of one seat depends on: the groups of the machine, and its own as the last."""
    keys = ("machine", f"machine/{client}", f"{seat['login']}/{client}")
    return [outcomes[key] for key in keys if key in outcomes]


def seat_result(
    seat: Mapping[str, Any],
    client: Client,
    outcomes: Mapping[str, Outcome],
    version: str | None,
    warnings: list[str],
    *,
    noted: Mapping[str, Any] | None = None,
    others: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Sum up one client of one seat: its own group and those of the machine that it depends on.

    ``noted`` is what the login job did for it since the last run, None when it did nothing. ``others`` are the people
    whose accounts have no place in this seat: JID, casefolded -> key.
    """
    *machine, own = outcomes_of(seat, client.name, outcomes)
    worst = max([own, *machine], key=lambda outcome: _SEVERITY.index(outcome.state))
    return {
        "login": seat["login"],
        "person": seat["person"],
        "client": client.name,
        "version": version,
        "state": worst.state,
        "detail": worst.detail,
        "documents": [
            {"path": done.path, "action": done.action, "detail": done.detail, "causes": done.causes}
            for outcome in [*machine, own]
            for done in outcome.documents
        ],
        "findings": [
            f"{done.path}: {finding}"
            for outcome in [*machine, own]
            for done in outcome.documents
            for finding in done.findings
        ],
        "foreign_accounts": [
            {"path": done.path, "jid": jid, "person": (others or {})[jid]}
            for done in own.documents
            for jid in dict.fromkeys(done.accounts)
            if jid in (others or {})
        ],
        "running": own.running,
        "warnings": warnings,
        "login_job": {name: noted[name] for name in ("when", "state", "detail")} if noted else None,
    }


def barred_result(seat: Mapping[str, Any], client: str, why: str) -> dict[str, Any]:
    """The same for a client whose package cannot be had on this host; nothing of it was looked at."""
    nothing: dict[str, Any] = {"documents": [], "findings": [], "foreign_accounts": [], "warnings": [], "diff": []}
    about = {"login": seat["login"], "person": seat["person"], "client": client, "version": None}
    return {**about, "state": "failed", "detail": why, "running": False, "login_job": None, **nothing}


_SEVERITY = ("compliant", "changed", "drift", "deferred", "refused", "failed")
