"""The control node's half of first logons on Windows: what is laid on a PC for who has no profile there yet.

A PC has no Python, so nothing is merged on it. For somebody who never logged on nothing has to be: the engine merges
with an empty profile here, and the PC keeps the whole documents until the first logon. Pure; library/im_logon.ps1 lays
them down, im_logon_script.ps1 runs as the person.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .im_documents import WRITTEN, DocumentOutcome, remember
from .im_engine import Group, Outcome, Render, merge_group, read_request
from .im_first_login import ANYBODY, DOMAIN, JID, LOCALPART, PLACEHOLDER, PRENOM_NOM
from .im_login_job import pending_wish
from .im_model import Client
from .im_pending_calls import OFFER_KEY
from .im_status_ids import USES, purple_status_id

SCRIPT_PATH = "/%ProgramFiles%/im_client/first-logon.ps1"
SCHEMA = 1
#: What waits for whom has no seat; what waits for a person has the name of the SID.
ANYBODY_NAME = "anybody"

#: What waits for one SID, or for anybody: {schema, clients: {name: entry}, rule?}; an entry is what _entry() makes.
Wait = dict[str, Any]


class Logons:
    """What stands on a PC for first logons, and what is to stand there after the run."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        """Take in what im_profile_files answered to ``logon: true``: {script, task, waits: name -> content}."""
        self._script, self._task = told["script"], told["task"]
        self._before = {name: _unpack(content).decode() for name, content in told["waits"].items()}
        self._waits: dict[str, Wait] = {name: _parsed(text) for name, text in self._before.items()}
        #: Key of a group -> the SID that merge() was told, and what is to wait for it, if anything.
        self._planned: dict[str, tuple[str, dict[str, Any] | None]] = {}

    def waits_for(self, outcome: Outcome) -> bool:
        """Whether merge() made this outcome: its documents wait, and no profile is written."""
        return outcome.group.key in self._planned

    def take_in(self, answers: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Make what was laid at first logons known to the merge, and let nothing wait any more for who has a profile.

        Args:
            answers: read answers by key; their ``memory`` is set where the host has none.

        Returns:
            As im_pending_calls.take_in(): key -> {when, state, detail, memory}.
        """
        noted = {}
        for key, answer in answers.items():
            if not answer.get("logon"):
                continue
            wait, client = self._waits.get(answer["logon"]["sid"], {}), key.rpartition("/")[2]
            entry = wait.get("clients", {}).pop(client, None)
            told = _told_by_the_person(answer["logon"]["content"], client)
            if entry is None or told is None or told.pop("version") != entry["version"]:
                continue
            laid = told["state"] == "changed" and answer["memory"] is None and entry["memory"]
            if laid:
                answer["memory"] = entry["memory"]
            noted[key] = {**told, "memory": entry["memory"] if laid else None}
        return noted

    def merge(self, group: Group, sid: str, render: Render, sentence: Callable[[str], str]) -> Outcome:
        """Merge a group with a profile that is not there, and let what comes of it wait.

        Args:
            group: of a login, or of whoever logs on.
            sid: of that login; ANYBODY_NAME.
            render: gives the fragments.
            sentence: text of a key of the catalogues.

        Returns:
            Its documents are compared with those that wait: created, changed, deleted or unchanged.
        """
        outcome = _merged_with_nothing(group, render)
        if outcome.state not in ("compliant", "changed"):
            return outcome
        found = self._waits.get(sid, {}).get("clients", {}).get(group.client.name)
        entry = _entry(outcome) if outcome.state == "changed" else None
        if entry and pending_wish(group, render) is None:
            entry, outcome.state, outcome.detail = None, "deferred", sentence("logon.secret")
        elif entry and group.program and sid != ANYBODY_NAME:
            # Its profile stands in the folder of the program, which only a run lays.
            entry, outcome.state, outcome.detail = None, "deferred", sentence("logon.portable")
        elif entry and sid == ANYBODY_NAME and any(_cannot_be_filled(done.after) for done in outcome.documents):
            entry, outcome.state, outcome.detail = None, "refused", sentence("logon.no_text")
        else:
            outcome.documents = _compared(outcome.documents, found)
            if entry and sid != ANYBODY_NAME and not self._stands:
                outcome.documents.append(self._job())
            changed = any(done.action != "unchanged" for done in outcome.documents)
            outcome.state = "changed" if changed else "compliant"
            outcome.detail = sentence("logon.waits") if entry and sid != ANYBODY_NAME else ""
        if outcome.state in ("deferred", "refused"):
            refusal = DocumentOutcome(SCRIPT_PATH, "refused", outcome.detail, format="whole_file")
            outcome.documents = [refusal] if outcome.state == "refused" else []
        self._planned[group.key] = sid, entry
        return outcome

    def let_wait(self, outcomes: Iterable[Outcome]) -> None:
        """Plan that what merge() made of these groups waits."""
        for outcome in outcomes:
            if outcome.group.key in self._planned:
                sid, entry = self._planned[outcome.group.key]
                clients = self._waits.setdefault(sid, {"schema": SCHEMA, "clients": {}})["clients"]
                clients.pop(outcome.group.client.name, None)
                if entry:
                    clients[outcome.group.client.name] = entry

    def serve_anybody(
        self, rule: Mapping[str, Any], outcomes: Iterable[Outcome], common: Client, look_only: bool
    ) -> dict[str, Outcome]:
        """Plan that whoever logs on is served by a rule with what merge() made of these groups, and with nothing else.

        Args:
            rule: from rule_of().
            outcomes: of merge(); none when nobody is served any more.
            common: what all clients have in common.
            look_only: only say how it differs.

        Returns:
            The outcome of each group by its key, and of the rule and the job that they share.
        """
        listed = list(outcomes)
        entries = {one.group.client.name: self._planned[one.group.key][1] for one in listed if self.waits_for(one)}
        clients = {name: entry for name, entry in entries.items() if entry}
        before = self._waits.get(ANYBODY_NAME, {}).get("rule")
        if not look_only:
            self._waits.pop(ANYBODY_NAME, None)
        if clients and not look_only:
            self._waits[ANYBODY_NAME] = {"schema": SCHEMA, "clients": clients, "rule": dict(rule)}
        path = f"{SCRIPT_PATH.removesuffix('.ps1')}/{ANYBODY_NAME}.json"
        shared = [_document(path, _pretty(before), _pretty(rule if clients else None))]
        if clients and not self._stands:
            shared.append(self._job())
        changed = any(done.action != "unchanged" for done in shared)
        for outcome in listed:
            if outcome.state in ("compliant", "changed"):
                outcome.documents += shared
                outcome.state = "changed" if changed else outcome.state
        whole = Outcome(Group(OFFER_KEY, None, common, {}), shared, "changed" if changed else "compliant")
        return {outcome.group.key: outcome for outcome in [whole, *listed]}

    def request(self) -> dict[str, Any] | None:
        """Arguments of im_logon that make the PC what is planned; None when it is so."""
        wanted = {name: _text(wait) for name, wait in self._waits.items() if wait.get("clients")}
        waits = [
            {"name": name, "text": wanted.get(name, "")}
            for name in sorted({*wanted, *self._before})
            if wanted.get(name) != self._before.get(name)
        ]
        stands = self._stands if wanted else self._script is None and self._task == "none"
        return None if stands and not waits else {"waits": waits, "script": _script()}

    @property
    def _stands(self) -> bool:
        return self._task == "wished" and bool(self._script == hashlib.sha256(_script().encode()).hexdigest())

    def _job(self) -> DocumentOutcome:
        """The script and its task, which are not as they are to be."""
        before = None if self._script is None else f"{self._script} ({self._task})\n".encode()
        return _document(SCRIPT_PATH, before, f"{hashlib.sha256(_script().encode()).hexdigest()} (wished)\n".encode())


def rule_of(first_login: Mapping[str, Any], logins: Iterable[str]) -> dict[str, Any]:
    """Write down whose account a login gets on a PC, for its script.

    Args:
        first_login: what check_first_login() returned; user numbers mean nothing on Windows.
        logins: of the host's seats, whatever their state. Any form of a name is that name: to leave out a namesake is
            better than to serve who has a seat.
    """
    seats = {login.rpartition("\\")[2].partition("@")[0].lower() for login in logins}
    return {
        "jids": {login.lower(): jid for login, jid in first_login["jids"].items()},
        "domain": first_login["domain"],
        "seats": sorted(seats),
        "shape": PRENOM_NOM.pattern,
        "fit": JID.pattern,
        "localpart": LOCALPART,
        "placeholder": DOMAIN,
        "status_ids": {use: purple_status_id(PLACEHOLDER, use) for use in USES},
    }


def never_logged_on(answer: Mapping[str, Any]) -> str:
    """The SID of an account that has no profile on the PC, by the answer to a read; "" of any other."""
    return str(answer.get("never_logged_on") or "") if answer["error"] else ""


def _merged_with_nothing(group: Group, render: Render) -> Outcome:
    asked = read_request(group)
    answer: dict[str, Any] = {"error": None, "running": [], "memory": None, "files": {}}
    waiting = [path for path in asked["paths"] + asked["system_paths"] if "*" not in path]
    while True:
        answer["files"] |= {path: {"absent": True, "creatable": True, "why": None} for path in waiting}
        outcome = merge_group(group, answer, render)
        if not outcome.unread:
            return outcome
        waiting = outcome.unread


def _entry(outcome: Outcome) -> dict[str, Any]:
    """What the PC keeps of a group: version, folder, processes, memory, files (each path, content, text).

    A content is gzip in base64; an account can be put into it if it is text.
    """
    group = outcome.group
    documents = [(done.path, done.after) for done in outcome.documents if done.action in WRITTEN and done.after]
    about = {
        "folder": group.bases["profile"].removeprefix("~/"),
        "processes": list(group.client.processes),
        "memory": remember(outcome.documents, None) if group.login != ANYBODY else "",
    }
    digests = [[path, hashlib.sha256(after).hexdigest()] for path, after in documents]
    version = hashlib.sha256(json.dumps([about, digests], sort_keys=True).encode()).hexdigest()[:16]
    files = [{"path": path, "content": _packed(after), "text": _is_text(after)} for path, after in documents]
    return {"version": version, **about, "files": files}


def _is_text(data: bytes) -> bool:
    return b"\0" not in data


def _cannot_be_filled(data: bytes | None) -> bool:
    """Whether the placeholder stands where an account of another length cannot."""
    return data is not None and not _is_text(data) and any(word.encode() in data for word in (LOCALPART, DOMAIN))


def _compared(documents: Iterable[DocumentOutcome], entry: Mapping[str, Any] | None) -> list[DocumentOutcome]:
    """Say of the documents of an empty profile how they differ from those that wait."""
    found = {file["path"]: _unpack(file["content"]) for file in (entry or {}).get("files", [])}
    compared = []
    for done in documents:
        if not done.after or done.action not in WRITTEN:
            continue
        done.before = found.pop(done.path, None)
        done.action = _action(done.before, done.after)
        if done.before is not None:
            # Nobody but administrators can change what waits: what differs is another wish.
            done.causes = {} if done.action == "unchanged" else dict.fromkeys(done.causes, "wish")
        compared.append(done)
    gone = [DocumentOutcome(path, "deleted", before=before, format="whole_file") for path, before in found.items()]
    return compared + gone


def _document(path: str, before: bytes | None, after: bytes | None) -> DocumentOutcome:
    action = _action(before, after)
    causes = {"first_logon": "first" if before is None else "wish"} if action in ("created", "changed") else {}
    return DocumentOutcome(path, action, before=before, after=after, format="whole_file", causes=causes)


def _action(before: bytes | None, after: bytes | None) -> str:
    if before == after:
        return "unchanged"
    if before is None:
        return "created"
    return "deleted" if after is None else "changed"


def _told_by_the_person(content: str | None, client: str) -> dict[str, Any] | None:
    """What the script noted of a client, as far as it can be that: it stands where the person may write."""
    try:
        told = json.loads(_unpack(content or ""))["clients"][client]
        state = {"laid": "changed", "left": "deferred", "open": "deferred", "failed": "failed"}[told["state"]]
        about = {name: str(told[name]) for name in ("version", "when", "detail")}
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error, RecursionError):
        return None
    return {name: _plain(value) for name, value in about.items()} | {"state": state}


def _plain(text: str) -> str:
    """As one short line that is safe to show."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:80])


def _parsed(text: str) -> Wait:
    """What waits, nothing if another version of us laid it."""
    try:
        wait = json.loads(text)
        if wait["schema"] == SCHEMA and isinstance(wait["clients"], dict):
            return dict(wait)
    except (KeyError, TypeError, ValueError):
        pass
    return {"schema": SCHEMA, "clients": {}}


def _text(wait: Mapping[str, Any]) -> str:
    return json.dumps(wait, ensure_ascii=True, indent=1, sort_keys=True) + "\n"


def _pretty(rule: Mapping[str, Any] | None) -> bytes | None:
    return None if rule is None else (json.dumps(rule, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _script() -> str:
    return Path(__file__).with_name("im_logon_script.ps1").read_text(encoding="utf-8")


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def _unpack(content: str) -> bytes:
    # A Windows PC answers in gzip, or in zlib's own form of nothing.
    return zlib.decompress(base64.b64decode(content), 47)
