"""What a desk does when a person logs in: apply the documents that waited for the client to be closed, as that person.

im_login_bundle.py packs this module, the engine and the formats; library/im_pending.py lays the pack and the wishes
down. A *wish* is one group of the engine with its fragments, as JSON. Python 3.9 and its standard library.

The wishes belong to the person, who may edit them: all that this gives is what the person could do to the files anyway.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import posixpath
import pwd
import signal
import syslog
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from .im_engine import Group, Outcome, Render, apply_answer, merge_group, read_request, write_request
from .im_formats import FORMATS
from .im_model import Client, Document
from .im_pending_places import LOCK, PENDING, RESULT, SCHEMA, SIZE_LIMIT, STATE_DIR, WISHES

#: Seconds that a login may be held up at most, by a dead home for instance; 10 of them for one question to the home.
TIME_LIMIT = 20
QUESTION_LIMIT = 10
#: Logins at which a wish was refused, failed or was cut off until it is given up; the next run decides anew.
TRIES = 3
#: Seconds within which the hooks of one login come: together they make one try, and hold up the login once.
ONE_LOGIN = 60
CUT_OFF = {"state": "failed", "detail": "the login job was cut off, is the home reachable?"}
MASK = "********"


#: Says of a wish and what would come of it why the client is to be left alone; "" if it is not.
Objection = Callable[[Mapping[str, Any], Outcome], str]


class ProfileFiles(Protocol):
    """What im_desk/calls.py offers."""

    def read_requests(
        self, requests: list[dict[str, Any]], time_limit: int, state_dir: str | None
    ) -> list[dict[str, Any]]:
        """Answer action=read."""
        ...

    def write_groups(self, groups: list[dict[str, Any]], state_dir: str, time_limit: int) -> list[dict[str, Any]]:
        """Answer action=write."""
        ...


#: Does what is done for whoever logs in, for the one who does now.
FirstLogin = Callable[[pwd.struct_passwd, ProfileFiles, float], None]


# ---------------------------------------------------------------------------------------------------------------------
# Wishes, on their way from the control node to the desk
# ---------------------------------------------------------------------------------------------------------------------


def pending_wish(group: Group, render: Render) -> dict[str, Any] | None:
    """Write down a group whose client runs, so that the job can merge it later.

    Args:
        group: of a login, not of the machine.
        render: gives its fragments, as for merge_group().

    Returns:
        JSON object {key, tries, group, client, documents}; None when a fragment holds a secret, which may not wait on a
        disk: such a group waits for the next run.

    Raises:
        ValueError: a fragment is malformed, or the group is one of the machine.
    """
    if group.login is None:
        raise ValueError(f"group '{group.key}': the documents of the machine wait for no login")
    documents = []
    for document, _ in group.documents():
        fragments = {part: render(document, part) for part in ("enforced", "initial")}
        if not any(fragment.strip() for fragment in fragments.values()):
            continue
        if any(MASK in FORMATS[document.format].wanted(fragment).values() for fragment in fragments.values()):
            return None
        documents.append({**{k: v for k, v in document._asdict().items() if k != "template"}, **fragments})
    about = {field.name: getattr(group, field.name) for field in dataclasses.fields(group)}
    client = group.client._replace(expresses={}, documents=(), platforms={})
    wish = {
        "key": group.key,
        "tries": 0,
        "group": {**{name: value for name, value in about.items() if name != "client"}, "bases": dict(group.bases)},
        "client": client._asdict(),
        "documents": documents,
    }
    same: dict[str, Any] = json.loads(json.dumps(wish))
    return same


def group_of(wish: Mapping[str, Any], login: str) -> tuple[Group, Render]:
    """Undo pending_wish() for a login, whatever login the wish names.

    Raises:
        KeyError, TypeError, AttributeError: it is not a wish.
    """
    fragments = {}
    documents = []
    for written in wish["documents"]:
        about = dict(written)
        parts = {part: str(about.pop(part)) for part in ("enforced", "initial")}
        document = Document(**_tuples(about), template=Path())
        documents.append(document)
        fragments[document] = parts
    client = Client(**{**_tuples(wish["client"]), "documents": tuple(documents)})
    group = Group(**{**wish["group"], "client": client, "login": login})
    return group, lambda document, part: fragments[document][part] if document in fragments else ""


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows lists only."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


# ---------------------------------------------------------------------------------------------------------------------
# The job
# ---------------------------------------------------------------------------------------------------------------------


def main(files: ProfileFiles, pending: str = PENDING, first_login: FirstLogin | None = None) -> int:
    """Do what waits for the person that this process is; a login is never held up by more than TIME_LIMIT.

    Args:
        files: reads and writes.
        pending: where wishes wait.
        first_login: does what is done for whoever logs in (im_first_login_job.serve).

    Returns:
        Always 0: whatever happens here, the login goes on.
    """
    if os.geteuid() == 0:
        return 0
    # Python runs no handler of a signal while a call to a dead name service or disk does not return. So another
    # process works, and this one only waits, which nothing can hold up.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a session may have been told to ignore it, and then none comes
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    worker = os.fork()
    if worker == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        signal.alarm(TIME_LIMIT + 5)  # kills; only if this one's parent was killed
        _work(files, pending, first_login)
        os._exit(0)
    if not _ended(worker, TIME_LIMIT):
        os.kill(worker, signal.SIGKILL)  # not waited for: a dead disk keeps it even from dying
    return 0


def _ended(worker: int, seconds: float) -> bool:
    """Wait for the end of a process at most so long; say whether it came."""
    if hasattr(signal, "sigtimedwait"):
        return signal.sigtimedwait({signal.SIGCHLD}, seconds) is not None
    # macOS has no wait with a limit.
    deadline = time.monotonic() + seconds
    while os.waitpid(worker, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _work(files: ProfileFiles, pending: str, first_login: FirstLogin | None) -> None:
    os.umask(0o077)
    try:
        person = pwd.getpwuid(os.geteuid())
        place = posixpath.join(pending, person.pw_name)
        if os.path.lexists(posixpath.join(place, WISHES)):
            run(person.pw_name, place, person.pw_dir, files, time.time())
        if first_login:
            first_login(person, files, time.time())
    except Exception as error:  # noqa: BLE001 - a bug of ours must not cost anybody the login
        # Not its text, which may quote what was read.
        syslog.syslog(syslog.LOG_ERR, f"im_client: the login job ended early: {type(error).__name__}")


def run(login: str, directory: str, home: str, files: ProfileFiles, now: float) -> None:
    """Try once each wish in a directory that was not tried at this login, and note there what became of it.

    Args:
        login: who this process is.
        directory: the login's own in PENDING.
        home: under which the previous bytes are kept, in ``.local/state/im_client``.
        files: reads and writes.
        now: seconds since the epoch.

    Raises:
        OSError: the directory cannot be used, or another job hangs; nothing was written then.
    """
    with only_one(directory):
        try_each(Notes(directory), login, home, files, now)


def try_each(
    notes: Notes, login: str, home: str, files: ProfileFiles, now: float, *, objection: Objection | None = None
) -> None:
    """Try once each wish that was not tried at this login. The caller holds only_one(); for the rest see run().

    ``objection`` says why a client that could be changed is to be left alone.
    """
    due = [wish for wish in notes.wishes() if abs(now - _when_tried(wish)) >= ONE_LOGIN]
    for wish in due:
        # Also those whose turn does not come: what cut off this job would cut off the login's next one too.
        wish["tried"] = now
    for wish in due:
        key = wish["key"]
        if wish["tries"] >= TRIES:
            notes.settle(wish, {"state": "failed", "detail": f"given up: {TRIES} tries did not end"})
            continue
        # Counted before the work: a try that is cut off is one too.
        notes.keep({**wish, "tries": wish["tries"] + 1}, CUT_OFF)
        found = _attempt(wish, login, home, files, objection)
        syslog.syslog(syslog.LOG_INFO, f"im_client: {key}: {found['state']}")
        if found["state"] == "deferred":
            # No try: who closes the client and logs in again at once gets what waits.
            notes.keep({**wish, "tried": 0}, found)
        elif found["state"] in ("refused", "failed") and wish["tries"] + 1 < TRIES:
            notes.keep({**wish, "tries": wish["tries"] + 1}, found)
        else:
            notes.settle(wish, found)


def _when_tried(wish: Mapping[str, Any]) -> float:
    tried = wish.get("tried")
    return tried if isinstance(tried, (int, float)) else 0


@contextlib.contextmanager
def only_one(directory: str) -> Iterator[None]:
    """Wait until no other job of the login works: two hooks of one session must both come before the client.

    Raises:
        TimeoutError: who works has had its time, so it hangs.
    """
    lock = os.open(posixpath.join(directory, LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        waited = 0.0
        while not _locked(lock):
            # The time of the file says when its holder began, except for the moment before it could say so.
            if waited > 1 and abs(time.time() - os.fstat(lock).st_mtime) > TIME_LIMIT:
                raise TimeoutError
            time.sleep(0.05)
            waited += 0.05
        os.utime(lock)
        yield
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _attempt(
    wish: Mapping[str, Any], login: str, home: str, files: ProfileFiles, objection: Objection | None
) -> dict[str, Any]:
    """Read, merge and write one group; returns what became of it, without any content."""
    try:
        outcome, memory = _deploy(wish, login, home, files, objection)
    except Exception as error:  # noqa: BLE001 - one wish, perhaps edited by hand, must not cost the others their turn
        return {"state": "failed", "detail": f"the login job could not do it ({type(error).__name__})"}
    return {
        "state": outcome.state,
        "detail": outcome.detail,
        "documents": [{"path": done.path, "action": done.action, "detail": done.detail} for done in outcome.documents],
        **({"memory": memory} if memory is not None else {}),
    }


def _deploy(
    wish: Mapping[str, Any], login: str, home: str, files: ProfileFiles, objection: Objection | None
) -> tuple[Outcome, str | None]:
    """Do for one group what the action im_profile does for all of a host; returns also what to remember of it."""
    group, render = group_of(wish, login)
    remembered = {"memory": wish["memory"]} if "memory" in wish else {}
    answer = _read(read_request(group), files) | remembered
    outcome = merge_group(group, answer, render)
    if outcome.unread:
        answer = _read(read_request(group, outcome.unread), files) | remembered
        outcome = merge_group(group, answer, render)
    if objection and outcome.state in ("changed", "deferred") and (why := objection(wish, outcome)):
        return Outcome(group, detail=why), None
    if outcome.state != "changed":
        return outcome, None
    request = write_request(outcome, answer, time.strftime("%Y%m%dT%H%M%SZ-login", time.gmtime()))
    # The memory of the host can only be written by root: the result carries it to the next run.
    memory = request.get("memory")
    state_dir = posixpath.join(home, ".local/state/im_client")
    (written,) = files.write_groups([{**request, "memory": None}], state_dir=state_dir, time_limit=QUESTION_LIMIT)
    apply_answer(outcome, written)
    return outcome, memory if outcome.state == "changed" else None


def _read(request: dict[str, Any], files: ProfileFiles) -> dict[str, Any]:
    (answer,) = files.read_requests([request], time_limit=QUESTION_LIMIT, state_dir=STATE_DIR)
    return answer


class Notes:
    """The two files in a login's directory, each replaced in one step."""

    def __init__(self, directory: str) -> None:
        """Read them; what is not as we write it counts as absent."""
        self._directory = directory
        self._written = self._load(WISHES)
        self._waiting: dict[str, dict[str, Any]] = {}
        listed = self._written.get("wishes")
        for wish in listed if isinstance(listed, list) else []:
            if isinstance(wish, dict) and isinstance(wish.get("key"), str) and type(wish.get("tries")) is int:
                self._waiting[wish["key"]] = wish
        known = self._load(RESULT).get("groups")
        self._results: dict[str, Any] = known if isinstance(known, dict) else {}
        if not self._waiting:
            self._save_wishes()

    @property
    def laid(self) -> Any:
        """Which wishes these are; None when there never were any."""
        return self._written.get("laid")

    def wishes(self) -> list[dict[str, Any]]:
        """What waits, in the order in which it was laid down."""
        return list(self._waiting.values())

    def remembered(self, key: str) -> str | None:
        """What is to be remembered of a group since it was last changed here."""
        result = self._results.get(key)
        memory = result.get("memory") if isinstance(result, dict) else None
        return memory if isinstance(memory, str) else None

    def begin(self, laid: str, wishes: list[dict[str, Any]]) -> None:
        """Let these wishes wait, and nothing else."""
        self._written = {"schema": SCHEMA, "laid": laid}
        self._waiting = {wish["key"]: wish for wish in wishes}
        self._save(WISHES, {**self._written, "wishes": wishes})

    def keep(self, wish: dict[str, Any], found: dict[str, Any] | None = None) -> None:
        """Leave a wish waiting, as it is given now, and note what was found, if anything."""
        if found:
            self._note(wish, found)
        self._waiting[wish["key"]] = wish
        self._save_wishes()

    def settle(self, wish: dict[str, Any], found: dict[str, Any]) -> None:
        """Note what became of a wish, then drop it: cut off in between, it is only done again."""
        self._note(wish, found)
        del self._waiting[wish["key"]]
        self._save_wishes()

    def _note(self, wish: Mapping[str, Any], found: dict[str, Any]) -> None:
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        about = {"when": when, "tries": wish["tries"], "documents": [], "memory": wish.get("memory")}
        self._results[wish["key"]] = {**about, **found}
        self._save(RESULT, {"schema": SCHEMA, "groups": self._results})

    def _save_wishes(self) -> None:
        if self._load(WISHES).get("laid") != self._written.get("laid"):
            return  # the playbook has laid down newer ones meanwhile
        if self._waiting:
            self._save(WISHES, {**self._written, "wishes": self.wishes()})
        else:
            with contextlib.suppress(FileNotFoundError):
                Path(self._directory, WISHES).unlink()

    def _load(self, name: str) -> dict[str, Any]:
        try:
            with Path(self._directory, name).open("rb") as file:
                found = json.loads(file.read(SIZE_LIMIT))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) and found.get("schema") == SCHEMA else {}

    def _save(self, name: str, content: Mapping[str, Any]) -> None:
        new = Path(self._directory, f".{name}.new")  # one job at a time, so one such file
        with new.open("w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        new.replace(Path(self._directory, name))
