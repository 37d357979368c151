"""The login job: what waits is written down completely, tried soon, never for ever, and told truthfully."""

from __future__ import annotations

import ast
import base64
import dataclasses
import fcntl
import hashlib
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import im_login_bundle, im_login_job
from ansible.module_utils.im_engine import Group
from ansible.module_utils.im_login_job import TIME_LIMIT, TRIES, group_of, pending_wish, run
from ansible.module_utils.im_model import Client, Document
from ansible.module_utils.im_pending_places import LOCK, RESULT, SCHEMA, WISHES
from rendering import HOSTILE

ENFORCED = "[Desktop Entry]\nType=Application\nName=Toy\nExec=toy\n"


class Home:
    """A home of files in memory, which answers as im_profile_files does."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.running: list[dict[str, Any]] = []
        self.refusal: dict[str, str] | None = None
        self.asked: list[dict[str, Any]] = []
        self.starts_before_the_write = False

    def read_requests(
        self, requests: list[dict[str, Any]], time_limit: int, state_dir: str | None
    ) -> list[dict[str, Any]]:
        self.asked += requests
        (request,) = requests
        files: dict[str, Any] = {path: {"absent": True, "creatable": True} for path in request["paths"]}
        for path, data in self.files.items():
            packed = base64.b64encode(zlib.compress(data)).decode()
            files[path] = {"content": packed, "sha256": hashlib.sha256(data).hexdigest(), "writable": True}
        answer = {"key": request["key"], "error": self.refusal, "running": self.running, "memory": None, "files": files}
        return [answer]

    def write_groups(self, groups: list[dict[str, Any]], state_dir: str, time_limit: int) -> list[dict[str, Any]]:
        (group,) = groups
        assert group["memory"] is None and state_dir == "/home/toy/.local/state/im_client"
        if self.starts_before_the_write:
            return [{"key": group["key"], "state": "deferred", "running": [{"pid": 1, "what": "process toy"}]}]
        for file in group["files"]:
            self.files[file["path"]] = zlib.decompress(base64.b64decode(file["content"]))
        return [{"key": group["key"], "state": "written", "error": None}]


def toy(name: str = "toy", login: str | None = "toy") -> Group:
    document = Document(f"{name}.desktop", "autostart", "desktop_entry", Path("x.j2"), ("*/beside",), "")
    other = Document("blank.desktop", "autostart", "desktop_entry", Path("y.j2"), (), "")
    client = Client(name, "Toy", (name,), ("lock",), {"a": "any"}, ("key X*",), (document, other), {"Debian": {}})
    return Group(f"toy/{name}", login, client, {"profile": "~/.toy", "autostart": "~/.config/autostart"})


def render(document: Document, part: str) -> str:
    return ENFORCED if part == "enforced" and document.path != "blank.desktop" else ""


def wish_for(group: Group) -> dict[str, Any]:
    wish: dict[str, Any] | None = pending_wish(group, render)
    assert wish is not None
    return wish


@pytest.fixture
def lay(tmp_path: Path) -> Any:
    def lay_down(*wishes: Any, laid: str = "1") -> None:
        (tmp_path / WISHES).write_text(json.dumps({"schema": SCHEMA, "laid": laid, "wishes": list(wishes)}))

    return lay_down


#: When each login of the tests happens; an hour passes in between.
HOURS = itertools.count(3600.0, 3600.0)


def log_in(tmp_path: Path, home: Home, now: float | None = None) -> dict[str, Any]:
    """Run the job once; returns what it noted of each group."""
    run("toy", str(tmp_path), "/home/toy", home, next(HOURS) if now is None else now)
    result = tmp_path / RESULT
    return dict(json.loads(result.read_text())["groups"]) if result.exists() else {}


def waiting(tmp_path: Path) -> list[str]:
    path = tmp_path / WISHES
    return [wish["key"] for wish in json.loads(path.read_text())["wishes"]] if path.exists() else []


def test_a_group_comes_back_from_its_wish_without_templates_and_platforms() -> None:
    group, again = group_of(json.loads(json.dumps(wish_for(toy()))), "toy")
    (document,) = group.client.documents
    assert document == toy().client.documents[0]._replace(template=Path())
    assert group.client._replace(documents=()) == toy().client._replace(expresses={}, documents=(), platforms={})
    assert (group.key, group.login, group.bases, group.retired) == ("toy/toy", "toy", toy().bases, False)
    assert (again(document, "enforced"), again(document, "initial")) == (ENFORCED, "")


def test_a_hostile_name_travels_unharmed() -> None:
    hostile = ENFORCED.replace("Name=Toy", f"Name={HOSTILE}".replace("\\", "\\\\"))
    wish = pending_wish(toy(), lambda document, part: hostile if part == "enforced" else "")
    group, again = group_of(json.loads(json.dumps(wish)), "toy")
    assert again(group.client.documents[0], "enforced") == hostile


def test_a_wish_serves_only_the_person_who_runs_the_job() -> None:
    wish = wish_for(toy(login="other"))
    assert wish["group"]["login"] == "other"
    assert group_of(wish, "toy")[0].login == "toy"


def test_the_documents_of_the_machine_never_wait_for_a_login() -> None:
    with pytest.raises(ValueError, match="wait for no login"):
        pending_wish(toy(login=None), render)


@pytest.mark.parametrize(("secret", "waits"), [("<password>hunter2</password>", False), ("", True)])
def test_a_group_that_holds_a_secret_does_not_wait_on_a_disk(secret: str, waits: bool) -> None:
    account = f"<account><protocol>prpl-jabber</protocol><name>a@x</name>{secret}</account>"
    document = Document("accounts.xml", "profile", "libpurple_accounts", Path("x.j2"), (), "")
    group = toy()
    group = dataclasses.replace(group, client=group.client._replace(documents=(document,)))
    made = pending_wish(group, lambda _document, part: f"<account version='1.0'>{account}</account>")
    assert (made is not None) is waits


def test_a_login_applies_what_waits_and_the_next_one_does_nothing(
    tmp_path: Path, lay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home()
    engine = im_login_job.write_request
    monkeypatch.setattr(im_login_job, "write_request", lambda *about: {**engine(*about), "memory": "to remember"})
    lay(wish_for(toy()))
    noted = log_in(tmp_path, home)["toy/toy"]
    assert (noted["state"], noted["documents"][0]["action"]) == ("changed", "created")
    assert b"Exec=toy" in home.files[".config/autostart/toy.desktop"]
    assert noted["memory"] == "to remember"
    assert "Exec" not in json.dumps(noted)
    asked = len(home.asked)
    assert log_in(tmp_path, home) == {"toy/toy": noted}
    assert len(home.asked) == asked and not (tmp_path / WISHES).exists()


@pytest.mark.parametrize("late", [False, True], ids=["at the read", "just before the write"])
def test_under_a_running_client_nothing_is_written_however_often_the_person_logs_in(
    tmp_path: Path, lay: Any, late: bool
) -> None:
    home = Home()
    home.running = [] if late else [{"pid": 7, "what": "process toy"}]
    home.starts_before_the_write = late
    lay(wish_for(toy()))
    for _ in range(TRIES + 2):
        assert log_in(tmp_path, home)["toy/toy"]["state"] == "deferred"
    assert (home.files, waiting(tmp_path)) == ({}, ["toy/toy"])
    home.running, home.starts_before_the_write = [], False
    assert log_in(tmp_path, home)["toy/toy"]["state"] == "changed"
    assert (len(home.files), waiting(tmp_path)) == (1, [])


def test_a_refusal_is_noted_and_given_up_after_three_logins(tmp_path: Path, lay: Any) -> None:
    home = Home()
    home.files[".config/autostart/toy.desktop"] = b"\x00 nobody understands this"
    lay(wish_for(toy()))
    for tries in range(1, TRIES + 1):
        assert waiting(tmp_path) == ["toy/toy"]
        noted = log_in(tmp_path, home)["toy/toy"]
        assert (noted["state"], noted["tries"]) == ("refused", tries if tries < TRIES else TRIES - 1)
    assert waiting(tmp_path) == []
    assert home.files[".config/autostart/toy.desktop"] == b"\x00 nobody understands this"


def test_a_try_that_is_cut_off_counts_and_holds_up_no_login_for_ever(tmp_path: Path, lay: Any) -> None:
    class Cut(Home):
        def read_requests(self, *_args: Any, **_more: Any) -> list[dict[str, Any]]:
            raise KeyboardInterrupt

    lay(wish_for(toy()), wish_for(toy("second")))
    for _ in range(TRIES):
        with pytest.raises(KeyboardInterrupt):
            log_in(tmp_path, Cut())
    home = Home()
    noted = log_in(tmp_path, home)
    assert "given up" in noted["toy/toy"]["detail"]
    assert noted["toy/second"]["state"] == "changed"
    assert list(home.files) == [".config/autostart/second.desktop"]


def test_the_hooks_of_one_login_make_one_try_even_if_it_is_cut_off(tmp_path: Path, lay: Any) -> None:
    class Cut(Home):
        def read_requests(self, *args: Any, **more: Any) -> list[dict[str, Any]]:
            super().read_requests(*args, **more)
            raise KeyboardInterrupt

    home = Cut()
    lay(wish_for(toy()), wish_for(toy("second")))
    with pytest.raises(KeyboardInterrupt):
        log_in(tmp_path, home, now=1000.0)
    for later in (1001.0, 990.0, 1059.0):
        noted = log_in(tmp_path, home, now=later)
    assert (noted["toy/toy"]["state"], noted["toy/toy"]["tries"]) == ("failed", 1)
    assert "cut off" in noted["toy/toy"]["detail"] and len(home.asked) == 1
    assert log_in(tmp_path, Home(), now=1060.0)["toy/second"]["state"] == "changed"


def test_who_closes_the_client_and_logs_in_again_at_once_gets_what_waits(tmp_path: Path, lay: Any) -> None:
    home = Home()
    home.running = [{"pid": 7, "what": "process toy"}]
    lay(wish_for(toy()))
    assert log_in(tmp_path, home, now=1000.0)["toy/toy"]["state"] == "deferred"
    home.running = []
    assert log_in(tmp_path, home, now=1001.0)["toy/toy"]["state"] == "changed"


def test_a_time_of_the_last_try_that_is_none_counts_as_long_ago(tmp_path: Path, lay: Any) -> None:
    lay({**wish_for(toy()), "tried": "yesterday"})
    assert log_in(tmp_path, Home())["toy/toy"]["state"] == "changed"


def test_a_job_that_hangs_since_long_holds_up_no_other_one(tmp_path: Path, lay: Any) -> None:
    lay(wish_for(toy()))
    with (tmp_path / LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        os.utime(tmp_path / LOCK, (0, time.time() - TIME_LIMIT - 1))
        with pytest.raises(TimeoutError):
            log_in(tmp_path, Home())
    assert log_in(tmp_path, Home())["toy/toy"]["state"] == "changed"


@pytest.mark.parametrize("ignored", [False, True], ids=["SIGCHLD as usual", "SIGCHLD ignored by the session"])
def test_a_job_that_no_signal_handler_can_end_does_not_hold_up_the_login(
    tmp_path: Path, lay: Any, monkeypatch: pytest.MonkeyPatch, ignored: bool
) -> None:
    """As a name service does that never answers: Python would not even run the handler of an alarm."""
    lay(wish_for(toy()))
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(tmp_path / "job.pyz")!r})
from im_client_job import im_login_job
im_login_job.TIME_LIMIT = 1
im_login_job.os.geteuid = lambda: 4242
def hang(_uid):
    signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGALRM}})
    print(os.getpid(), flush=True)
    signal.pause()
im_login_job.pwd.getpwuid = hang
sys.exit(im_login_job.main(None, {str(tmp_path)!r}))
"""
    (tmp_path / "job.pyz").write_bytes(im_login_bundle.login_job())
    command = ["sh", "-c", f"trap '' {'CHLD' if ignored else 'USR1'}; exec \"$@\"", "sh", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not Path(f"/proc/{done.stdout.strip()}/exe").exists()
    assert waiting(tmp_path) == ["toy/toy"]


def test_one_bad_wish_costs_the_others_nothing(tmp_path: Path, lay: Any) -> None:
    home = Home()
    lay({"key": "toy/bad", "tries": 0, "documents": "no list"}, wish_for(toy()), "nonsense", {"tries": 0})
    noted = log_in(tmp_path, home)
    assert (noted["toy/bad"]["state"], noted["toy/toy"]["state"]) == ("failed", "changed")
    assert waiting(tmp_path) == ["toy/bad"]


def test_wishes_that_are_no_json_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / WISHES).write_bytes(b"\xff{" * 100)
    assert log_in(tmp_path, Home()) == {}
    assert not (tmp_path / WISHES).exists()


def test_newer_wishes_that_arrive_meanwhile_are_left_alone(tmp_path: Path, lay: Any) -> None:
    class Overtaken(Home):
        def write_groups(self, *args: Any, **more: Any) -> list[dict[str, Any]]:
            lay(wish_for(toy("newer")), laid="2")
            return super().write_groups(*args, **more)

    lay(wish_for(toy()))
    log_in(tmp_path, Overtaken())
    assert waiting(tmp_path) == ["toy/newer"]


def test_the_pack_is_the_same_each_time_and_holds_only_what_a_desk_can_run() -> None:
    im_login_bundle.login_job.cache_clear()
    first = im_login_bundle.login_job()
    im_login_bundle.login_job.cache_clear()
    assert im_login_bundle.login_job() == first
    with zipfile.ZipFile(io.BytesIO(first)) as pack:
        names = pack.namelist()
        for name in names:
            ast.parse(pack.read(name), name, feature_version=(3, 9))
    assert len(names) == len(set(names))
    assert {
        f"im_client_job/im_formats/{path.name}"
        for path in (im_login_bundle.PROJECT / "module_utils/im_formats").glob("*.py")
    } <= set(names)
    assert not any("xmpp" in name or "inventory" in name for name in names)


def test_a_module_that_needs_more_than_the_standard_library_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdlib_module_names", sys.stdlib_module_names - {"sqlite3"})
    im_login_bundle.login_job.cache_clear()
    with pytest.raises(ValueError, match="imports sqlite3, which a desk does not have"):
        im_login_bundle.login_job()


def test_the_pack_runs_alone_and_ends_quietly_when_nothing_waits(tmp_path: Path) -> None:
    im_login_bundle.login_job.cache_clear()
    job = tmp_path / "login-job.pyz"
    job.write_bytes(im_login_bundle.login_job())
    # -I -S: nothing of the project and no installed package is within reach.
    done = subprocess.run([sys.executable, "-I", "-S", job], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("with_limit", [True, False])
def test_the_end_of_the_work_is_waited_for_in_time_with_and_without_linux(
    monkeypatch: pytest.MonkeyPatch, with_limit: bool
) -> None:
    """macOS has no sigtimedwait."""
    if not with_limit:
        monkeypatch.delattr(signal, "sigtimedwait", raising=False)
    # In a process of its own: another thread, such as pytest-xdist has, may be given the signal.
    child = os.fork()
    if not child:
        right = False
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            found = []
            for command, seconds in (("exit 0", 20), ("exec sleep 60", 0.2)):
                with subprocess.Popen(["/bin/sh", "-c", command]) as worker:
                    found.append(im_login_job._ended(worker.pid, seconds))
                    worker.kill()
                while signal.SIGCHLD in signal.sigpending():
                    signal.sigwait({signal.SIGCHLD})
            right = found == [True, False]
        finally:
            os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
