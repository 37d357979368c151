#!/usr/bin/python
"""Keep what waits for a person's next login, and the hook that does it then. Documented below, where Ansible looks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_pending
short_description: Keep what waits for a person's next login (internal use by the im_profile action)
description:
  - The documents of a client that runs are not touched. This module leaves them on the host as wishes, with a small
    job that merges them as the person at the next login, before the client starts, and it brings back what the job
    noted.
  - Laid down are the job (C(/usr/local/lib/im_client/login-job.pyz)) and its hooks, which are C(/etc/profile.d), and
    C(/etc/X11/Xsession.d), a systemd user unit and C(/Library/LaunchAgents) where those directories exist; systemd user
    managers that run already are told to read it. The hooks cost one test of a file at the
    login of a person for whom nothing waits, and disappear with the last wish of the host.
  - It also keeps what the same job does for whoever logs in for the first time, in
    C(/usr/local/lib/im_client/first-login.json), which everybody can read and only root can change.
  - Wishes and results of a login stand in C(/var/lib/im_client/pending/LOGIN), which belongs to the login. Everything
    in it is read, written and removed by a process that has become its owner, and what comes from it is only passed on
    as short plain text, since the person may have written it.
options:
  action:
    description:
      - V(look) only reads the results.
      - V(settle) makes the wishes of O(logins) what they are to be, and takes their results with it.
      - V(offer) makes what is done at first logins what O(offer) says, and takes it away when that is empty. O(logins)
        is not looked at.
      - V(purge) removes all that this module ever laid down on the host. O(logins) is not looked at.
    type: str
    required: true
    choices: [look, settle, offer, purge]
  logins:
    description: Whose wishes or results. A login that is not named is left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      login:
        description: The login.
        type: str
        required: true
      wishes:
        description:
          - JSON list of all that is to wait for this login, each from C(im_login_job.pending_wish). It takes the place
            of what waits already. By default nothing is to wait any more.
        type: str
        default: "[]"
  job:
    description: The job, from C(im_login_bundle.login_job), in base64. Required with O(offer) and if anything waits.
    type: str
  offer:
    description: What is done at first logins, from C(im_first_login_offer.offer_of).
    type: str
    default: ""
  look_only:
    description: With O(action=offer), only say what would change, whatever the check mode.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: It looks, and says what would change.
notes:
  - Linux and, but for O(action=offer), macOS; as root. The job needs Python 3.9; with an older one nothing is laid down
    and RV(supported) is false.
  - No secret may stand in O(logins[].wishes), which C(pending_wish) sees to.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Bring back what became of the wishes of a login (only the im_profile action does this)
  im_pending:
    action: look
    logins:
      - login: pnom

- name: Take everything off a host that is no longer ours
  im_pending:
    action: purge
"""

RETURN = r"""
logins:
  description: One for each of O(logins), in their order.
  returned: always
  type: list
  elements: dict
  contains:
    login:
      description: The login.
      type: str
    error:
      description: Null, or why nothing was done for it.
      type: str
    pending:
      description: Keys of the groups that wait now.
      type: list
      elements: str
    result:
      description: >-
        What became of the groups since the last V(settle), by their key. Each has C(when) (UTC), C(state) (as in
        docs/states.md, V(deferred) means that the client ran again), C(detail), C(tries), C(documents) (each C(path),
        C(action), C(detail)) and C(memory) (text for im_profile_files, or null).
      type: dict
files:
  description: >-
    With O(action=offer), each file that the job of first logins is made of and what became of it, C(path), C(action)
    (V(unchanged), V(created), V(changed) or V(deleted)), and C(before) and C(after) as texts, null for none.
  returned: success
  type: list
  elements: dict
supported:
  description: Whether the host can run the job.
  returned: always
  type: bool
"""

import base64
import contextlib
import hashlib
import json
import os
import plistlib
import pwd
import select
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Union

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.im_pending_places import (
    FIRST_LOGIN,
    OFFER,
    PENDING,
    RESULT,
    SCHEMA,
    SIZE_LIMIT,
    STATE_DIR,
    WISHES,
)

# On a Mac /usr/local may belong to the owner of Homebrew, who must not give others programs to run.
PROGRAMS = "/Library/Application Support" if sys.platform == "darwin" else "/usr/local/lib"
JOB = Path(PROGRAMS, "im_client", "login-job.pyz")
UNIT = "im-client-login.service"
UNITS = Path("/etc/systemd/user")
# basic.target starts with the first session of a person and keeps it waiting; a graphical session has the others.
WANTED_BY = ("basic.target.wants", "graphical-session-pre.target.wants", "graphical-session.target.wants")
HOOKS = (
    Path("/etc/profile.d/im-client-login.sh"),
    Path("/etc/X11/Xsession.d/19im-client-login"),  # before 20*, which start things
    UNITS / UNIT,
    Path("/Library/LaunchAgents/im-client.login.plist"),
)
TIME_LIMIT = 15  # seconds for a process of a person
STATES = ("compliant", "changed", "deferred", "refused", "failed")

# Sourced by the person's own shell: it must not end it, leave a variable in it or mind "set -eu". Only builtins run
# when nothing waits.
SNIPPET = """\
# Laid down by im_client: applies what waited for a messaging client to be closed. One test when nothing waits.
if [ -n "${{LOGNAME:-}}" ] && {{ [ -f "{pending}/$LOGNAME/{wishes}" ]{offered}; }}; then
    {python} -I {job} </dev/null >/dev/null 2>&1 || :
fi
"""
# Where first logins are served: one more test, for a mark in the home of who was served.
OFFERED = ' || [ ! -e "${{HOME:-}}/{first_login}/done-{version}" ]'

UNIT_TEXT = """\
# Laid down by im_client: applies what waited for a messaging client to be closed, before the session starts one.
[Unit]
Description=Apply messaging settings that waited for the client to be closed
ConditionPathExists=|{pending}/%u/{wishes}
{offered}\
# pam_systemd lets no login go on before the user manager has reached basic.target, whatever the shell or the session.
# What starts at login (xdg-desktop-autostart.target) comes after graphical-session.target.
DefaultDependencies=no
Before=basic.target graphical-session-pre.target graphical-session.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=-{python} -I {job}
TimeoutStartSec=30

[Install]
WantedBy=basic.target graphical-session-pre.target graphical-session.target
"""
# One of the conditions with a "|" has to hold.
UNIT_OFFERED = "ConditionPathExists=|!%h/{first_login}/done-{version}\n"

# launchd.plist(5), for every person's graphical session. It starts side by side with the other agents: the job looks
# whether a client runs, as everywhere, and what it finds open waits for the next login.
AGENT_SCRIPT = "LOGNAME=${{LOGNAME:-$(id -un)}}\n{snippet}"

#: What stands at a path: text or bytes of a file, a link's target as {"link": ...}, None for nothing.
Content = Union[bytes, Dict[str, str], None]


def hooks(python: str, version: str) -> dict[Path, str]:
    """Return {path: text} of the hooks that fit this host; VERSION is that of the offer, "" without one."""
    about = {"first_login": FIRST_LOGIN, "version": version}
    common = {"pending": PENDING, "wishes": WISHES, "job": JOB}
    offered, unit_offered = (text.format(**about) if version else "" for text in (OFFERED, UNIT_OFFERED))
    snippet = SNIPPET.format(python=shlex.quote(python), offered=offered, **{**common, "job": shlex.quote(str(JOB))})
    unit = UNIT_TEXT.format(python=python.replace("%", "%%"), offered=unit_offered, **common)
    words = ["/bin/sh", "-c", AGENT_SCRIPT.format(snippet=snippet)]
    agent = plistlib.dumps({"Label": "im-client.login", "ProgramArguments": words, "RunAtLoad": True}).decode()
    texts = (snippet, snippet, unit, agent)
    return {path: text for path, text in zip(HOOKS, texts) if path.parent.is_dir()}


def version_of(offer: str) -> str:
    """Return the version of an offer; "" of none."""
    if not offer:
        return ""
    version = json.loads(offer)["version"]
    if not isinstance(version, str) or not version.isalnum():
        raise ValueError("the offer has no version")
    return version


# ---------------------------------------------------------------------------------------------------------------------
# What belongs to root
# ---------------------------------------------------------------------------------------------------------------------


def content_of(path: Path) -> Content:
    """Return what stands at PATH; for a file that others can change or cannot read, bytes that nobody asks for."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        return {"link": os.readlink(path)}
    fit = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & 0o666 == 0o644
    return path.read_bytes() if fit else b"\0"


def replace(path: Path, data: bytes) -> bool:
    """Make PATH, in a directory that only root can change, hold DATA for all to read; return whether it did not."""
    if content_of(path) == data:
        return False
    new = path.with_name(f".{path.name}.new")  # a name that no hook directory looks at
    new.write_bytes(data)
    new.chmod(0o644)
    new.replace(path)
    return True


def directory(path: Path, mode: int) -> bool:
    """Make PATH a directory of root's with at least MODE; return whether it was not."""
    changed = not path.is_dir()
    if changed:
        umask = os.umask(0o022)  # what is above is for all to walk through: a Mac has no /var/lib
        try:
            path.mkdir(parents=True)
        finally:
            os.umask(umask)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise OSError(f"{path}: not a directory that only root can change, nothing is kept there")
    if changed:
        path.chmod(mode)
    elif found.st_mode & mode != mode:
        path.chmod(stat.S_IMODE(found.st_mode) | mode)
        changed = True
    return changed


def lay_hooks(job: bytes, python: str, version: str) -> bool:
    """Put the job and its hooks in place; return whether anything changed."""
    changed = directory(JOB.parent, 0o755)
    changed |= replace(JOB, job)  # before the hooks, which run it
    texts = hooks(python, version)
    for path, text in texts.items():
        changed |= replace(path, text.encode())
    for wants in WANTED_BY if UNITS / UNIT in texts else ():
        changed |= directory(UNITS / wants, 0o755)
        with contextlib.suppress(FileExistsError):
            (UNITS / wants / UNIT).symlink_to(f"../{UNIT}")
            changed = True
    return changed


def users_there() -> list[int]:
    """Return the users whose systemd user managers may run."""
    top = Path("/run/user")
    return sorted(int(path.name) for path in top.iterdir() if path.name.isdecimal()) if top.is_dir() else []


def tell_managers(users: list[int]) -> None:
    """Have the systemd user managers of USERS, which may outlive a session, read the hook."""
    systemctl = shutil.which("systemctl")
    if systemctl is None or not Path("/run/systemd/system").is_dir():
        return
    for user in users:
        # As `systemctl --user daemon-reload`, which root cannot ask for everywhere.
        command = [systemctl, "kill", "--kill-who=main", "--signal=HUP", f"user@{user}.service"]
        # One that does not run will read the hook when it starts.
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 - systemd's own program, a number is all that varies
                command, capture_output=True, check=False, timeout=TIME_LIMIT
            )


def laid_paths() -> list[Path]:
    """Return what lay_hooks() made, hooks first."""
    paths = [*HOOKS[:2], *(UNITS / wants / UNIT for wants in WANTED_BY), *HOOKS[2:], Path(OFFER), JOB]
    return [path for path in paths if path.exists() or path.is_symlink()]


def remove_hooks() -> bool:
    """Undo lay_hooks(); return whether anything was there."""
    paths = laid_paths()
    for path in paths:
        path.unlink()
        if path.parent == JOB.parent or path.parent.name in WANTED_BY:
            with contextlib.suppress(OSError):  # others have something in it
                path.parent.rmdir()
    return bool(paths)


def standing_offer() -> str:
    """Return the offer that stands on the host; "" if there is none that is ours."""
    found = content_of(Path(OFFER))
    return found.decode("utf-8", "replace") if isinstance(found, bytes) and found != b"\0" else ""


def standing_version() -> str:
    """Return the version of the offer that stands on the host; "" if there is none that can be read."""
    try:
        return version_of(standing_offer())
    except (ValueError, KeyError, TypeError):
        return ""


def planned(offer: str, job: bytes, python: str) -> dict[Path, Content]:
    """Return what is to stand at each path that has to do with first logins."""
    texts = hooks(python, version_of(offer)) if offer or all_places() else {}
    plan: dict[Path, Content] = {Path(OFFER): offer.encode() or None}
    if offer or not all_places():  # else the job serves those for whom something waits, and is theirs
        plan[JOB] = job if offer else None
    for path in HOOKS:
        plan[path] = texts[path].encode() if path in texts else None
    for wants in WANTED_BY:
        plan[UNITS / wants / UNIT] = {"link": f"../{UNIT}"} if UNITS / UNIT in texts else None
    return plan


def make_offer(offer: str, job: bytes, python: str, check: bool) -> list[dict[str, Any]]:
    """Make OFFER what is done at first logins; return what became of each file."""
    files = [told(path, content_of(path), wanted) for path, wanted in planned(offer, job, python).items()]
    files = [file for file in files if file["before"] is not None or file["after"] is not None]
    if check or all(file["action"] == "unchanged" for file in files):
        return files
    if offer:
        directory(JOB.parent, 0o755)
        replace(JOB, job)
        replace(Path(OFFER), offer.encode())
        for wants in WANTED_BY:
            link = UNITS / wants / UNIT
            if content_of(link) not in (None, {"link": f"../{UNIT}"}):
                link.unlink()
        lay_hooks(job, python, version_of(offer))
    elif all_places():
        with contextlib.suppress(FileNotFoundError):
            Path(OFFER).unlink()
        for path, text in hooks(python, "").items():
            replace(path, text.encode())
    else:
        remove_hooks()
    tell_managers(users_there())
    return files


def told(path: Path, before: Content, wanted: Content) -> dict[str, Any]:
    """Return {path, action, before, after} of a file, its contents as texts."""
    action = "created" if before is None else "deleted" if wanted is None else "changed"
    return {
        "path": str(path),
        "action": "unchanged" if before == wanted else action,
        "before": shown(path, before),
        "after": shown(path, wanted),
    }


def shown(path: Path, content: Content) -> str | None:
    """Return what people see of a file in a diff; of the job no more than that it is another one."""
    if content is None:
        return None
    if isinstance(content, dict):
        return f"-> {content['link']}\n"
    if path == JOB:
        return f"{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}\n"
    return content.decode("utf-8", "replace")


# ---------------------------------------------------------------------------------------------------------------------
# What belongs to a person
# ---------------------------------------------------------------------------------------------------------------------


def as_owner(uid: int, gid: int, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what WORK returns in a process that has become UID for good; raise OSError if it fails or hangs."""
    pipe, say = os.pipe()
    pid = os.fork()
    if pid == 0:
        answer: dict[str, Any]
        try:
            os.close(pipe)
            os.setsid()
            os.umask(0o077)
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            who = os.getresuid() if hasattr(os, "getresuid") else (os.getuid(), os.geteuid())  # not on macOS
            if uid == 0 or set(who) != {uid}:
                raise PermissionError("root's rights could not be given up")
            answer = {"done": work()}
        except Exception as problem:  # noqa: BLE001 - the parent tells it
            answer = {"error": f"{type(problem).__name__}: {getattr(problem, 'strerror', None) or 'unexpected'}"}
        with contextlib.suppress(BaseException), os.fdopen(say, "wb") as stream:
            stream.write(json.dumps(answer).encode())
        os._exit(0)
    os.close(say)
    try:
        said = json.loads(listen(pipe))
    except (ValueError, RecursionError):
        said = {"error": f"no answer within {TIME_LIMIT} s"}
    finally:
        os.close(pipe)
        # The person may have stopped it.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if isinstance(said, dict) and isinstance(said.get("done"), dict):
        done: dict[str, Any] = said["done"]
        return done
    raise OSError(f"uid {uid}: {plain(said.get('error') if isinstance(said, dict) else 'nonsense', 200)}")


def listen(pipe: int) -> bytes:
    """Return all that comes out of PIPE, within the limits of time and size."""
    deadline = time.monotonic() + TIME_LIMIT
    heard = b""
    while len(heard) <= 3 * SIZE_LIMIT:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            break
        part = os.read(pipe, 1 << 16)
        if not part:
            break
        heard += part
    return heard


def load(path: Path) -> dict[str, Any]:
    """Return the JSON object of our schema in a file of the person's; {} if there is no such thing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            found = json.loads(file.read(SIZE_LIMIT)) if regular else None
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else {}


def waiting(top: Path) -> list[dict[str, Any]]:
    """Return the wishes that wait in the directory TOP."""
    wishes = load(top / WISHES).get("wishes")
    return [wish for wish in wishes if isinstance(wish, dict)] if isinstance(wishes, list) else []


def looked(top: Path) -> dict[str, Any]:
    """Return {pending, result} of the directory TOP. Runs as its owner."""
    return {"pending": [wish.get("key") for wish in waiting(top)], "result": load(top / RESULT)}


def kept(top: Path, wishes: list[dict[str, Any]]) -> dict[str, Any]:
    """Make WISHES wait in the directory TOP and take the result away. Runs as its owner."""
    top.chmod(0o700)
    before = looked(top)
    same = [untried(wish) for wish in waiting(top)] == [untried(wish) for wish in wishes]
    if not same:  # else the tries already made go on counting
        content = {"schema": SCHEMA, "laid": os.urandom(8).hex(), "wishes": wishes}
        new = top / f".{os.urandom(8).hex()}.new"
        try:
            with new.open("x", encoding="utf-8") as file:
                json.dump(content, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            new.replace(top / WISHES)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink()
            raise
    with contextlib.suppress(OSError):
        (top / RESULT).unlink()
    return {**before, "changed": not same, "pending": [wish["key"] for wish in wishes]}


def untried(wish: dict[str, Any]) -> dict[str, Any]:
    """Return a wish without what the job notes in it."""
    return {name: value for name, value in wish.items() if name not in ("tries", "tried")}


def emptied(top: Path) -> dict[str, Any]:
    """Remove all that stands in the directory TOP. Runs as its owner, who can lose nothing of anybody else's."""
    top.chmod(0o700)
    before = looked(top)
    for path in list(top.iterdir()):
        remove(path)
    return {**before, "changed": True, "pending": []}


def remove(path: Path) -> None:
    """Remove PATH and, if it is a directory, all that is in it, whatever its mode."""
    if not path.is_symlink() and path.is_dir():
        path.chmod(0o700)
        for below in list(path.iterdir()):
            remove(below)
        path.rmdir()
    else:
        path.unlink()


def plain(value: Any, limit: int) -> str:
    """Return VALUE as one line that is safe to show, whoever wrote it."""
    return "".join(sign if sign.isprintable() else " " for sign in str(value)[:limit])


def judged(found: dict[str, Any]) -> dict[str, Any]:
    """Return {pending, result} of what a process of the person said, as far as it can be what the job writes."""
    keys = found.get("pending")
    groups = found["result"].get("groups") if isinstance(found.get("result"), dict) else None
    return {
        "pending": [plain(key, 200) for key in keys[:50]] if isinstance(keys, list) else [],
        "result": {
            plain(key, 200): judged_group(group)
            for key, group in (list(groups.items())[:50] if isinstance(groups, dict) else [])
            if isinstance(group, dict) and group.get("state") in STATES
        },
    }


def judged_group(group: dict[str, Any]) -> dict[str, Any]:
    """Return what the job noted of one group, as far as it can be that."""
    documents = group.get("documents")
    memory = group.get("memory")
    return {
        "when": plain(group.get("when", ""), 40),
        "state": group["state"],
        "detail": plain(group.get("detail", ""), 500),
        "tries": group["tries"] if type(group.get("tries")) is int else 0,
        "documents": [
            {name: plain(document.get(name, ""), 500) for name in ("path", "action", "detail")}
            for document in (documents[:50] if isinstance(documents, list) else [])
            if isinstance(document, dict)
        ],
        "memory": memory if isinstance(memory, str) else None,
    }


def look(login: str) -> dict[str, Any]:
    """Return {pending, result} of a login; nothing is changed."""
    top = place(login)
    if not top.exists():
        return {"pending": [], "result": {}}
    owner = top.lstat()
    return judged(as_owner(owner.st_uid, owner.st_gid, lambda: looked(top)))


def settle(login: str, wishes: list[dict[str, Any]], check: bool) -> dict[str, Any]:
    """Make WISHES wait for a login; return {pending, result, changed}."""
    top = place(login)
    if check:
        before = look(login)
        return {**before, "changed": before["pending"] != [wish["key"] for wish in wishes]}
    if not wishes:
        return clear(top)
    try:
        person = pwd.getpwnam(login)
    except KeyError:
        raise OSError(f"no login {login!r} on this host") from None
    if person.pw_uid == 0:
        raise OSError(f"login {login!r} is root, which is not a person")
    directory(Path(STATE_DIR), 0o711)
    directory(Path(PENDING), 0o711)
    if top.exists() and top.lstat().st_uid != person.pw_uid:
        clear(top)  # of somebody who had the name before
    with contextlib.suppress(FileExistsError):
        top.mkdir(0o700)
        os.chown(top, person.pw_uid, person.pw_gid)  # in a directory that only root can change
    found = as_owner(person.pw_uid, person.pw_gid, lambda: kept(top, wishes))
    return {**judged(found), "changed": bool(found.get("changed"))}


def clear(top: Path) -> dict[str, Any]:
    """Remove the directory TOP with all that is in it; return {pending, result, changed}."""
    if not top.exists():
        return {"pending": [], "result": {}, "changed": False}
    owner = top.lstat()
    found: dict[str, Any] = {}
    if owner.st_uid != 0:  # else cut off between mkdir and chown, and empty
        found = as_owner(owner.st_uid, owner.st_gid, lambda: emptied(top))
    top.rmdir()
    return {**judged(found), "pending": [], "changed": True}


def place(login: str) -> Path:
    """Return the directory of a login; raise OSError for a name that must never reach a path."""
    if not login or "/" in login or login.startswith(".") or not login.isprintable():
        raise OSError(f"login {login!r} cannot be a login")
    return Path(PENDING, login)


def all_places() -> list[Path]:
    """Return the directory of each login for whom something waits or is noted."""
    return sorted(Path(PENDING).iterdir()) if Path(PENDING).is_dir() else []


def purge(check: bool) -> tuple[bool, list[str]]:
    """Remove all that this module ever laid down; return whether there was anything, and what could not be removed."""
    places = all_places()
    if check:
        return bool(places or laid_paths()), []
    changed = remove_hooks()  # first: nothing may start meanwhile
    stuck = []
    for top in places:
        try:
            changed |= bool(clear(top)["changed"])
        except OSError as error:
            stuck.append(f"{top}: {error}")
    with contextlib.suppress(OSError):
        Path(PENDING).rmdir()
    return changed, stuck


def serve_offer(module: AnsibleModule, job: bytes, supported: bool) -> None:
    """Do action=offer."""
    asked = module.params
    check = module.check_mode or asked["look_only"]
    try:
        files = make_offer(asked["offer"] if supported else "", job, sys.executable, check)
    except (OSError, ValueError, KeyError, TypeError) as error:
        module.fail_json(msg=f"the job of first logins cannot be laid down: {error}")
    changed = any(file["action"] != "unchanged" for file in files)
    module.exit_json(changed=changed, supported=supported, logins=[], files=files)


def main() -> None:
    """Run as an Ansible module."""
    login = {
        "login": {"type": "str", "required": True},
        # As one text: no_log hides it in the answer without hiding each word of it everywhere else.
        "wishes": {"type": "str", "default": "[]", "no_log": True},
    }
    module = AnsibleModule(
        argument_spec={
            "action": {"type": "str", "required": True, "choices": ["look", "settle", "offer", "purge"]},
            "logins": {"type": "list", "elements": "dict", "default": [], "options": login},
            "job": {"type": "str", "no_log": True},
            "offer": {"type": "str", "default": ""},
            "look_only": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(msg="what waits for a login can only be served as root: use become")
    supported = sys.version_info >= (3, 9) and sys.platform.startswith(("linux", "darwin"))
    os.umask(0o022)
    asked = module.params
    if asked["action"] == "purge":
        changed, stuck = purge(module.check_mode)
        if stuck:
            module.fail_json(msg="some of it cannot be removed: " + "; ".join(stuck), changed=changed)
        module.exit_json(changed=changed, supported=supported, logins=[])
    job = base64.b64decode(asked["job"] or "")
    if asked["action"] == "offer":
        # On a Mac the offer would stand where the owner of Homebrew may write (im_pending_places.OFFER).
        serve_offer(module, job, supported and sys.platform != "darwin")
    changed = False
    answers = []
    for one in asked["logins"]:
        answer: dict[str, Any] = {"login": one["login"], "error": None, "pending": [], "result": {}}
        answers.append(answer)
        try:
            wishes = json.loads(one["wishes"])
            if asked["action"] == "look":
                answer.update(look(one["login"]))
            else:
                answer.update(settle(one["login"], wishes if supported else [], module.check_mode))
                changed |= answer.pop("changed")
        except (OSError, ValueError) as error:
            answer["error"] = str(error)
    if asked["action"] == "settle" and not module.check_mode:
        waited_for = [answer["login"] for answer in answers if answer["pending"]]
        if waited_for:
            changed |= lay_hooks(job, sys.executable, standing_version())
            if changed:
                tell_managers([pwd.getpwnam(login).pw_uid for login in waited_for])
        elif not all_places() and not standing_offer():
            changed |= remove_hooks()
    module.exit_json(changed=changed, supported=supported, logins=answers)


if __name__ == "__main__":
    main()
