"""im_pending believes nothing that a person can write; its hook disturbs no shell. The rest is proven on the lab."""

from __future__ import annotations

import importlib.util
import json
import os
import plistlib
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[3]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("im_pending", PROJECT / "library" / "im_pending.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


im_pending = load()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"pending": "no list", "result": []},
        {"pending": [], "result": {"groups": "no object"}},
        {"pending": [], "result": {"groups": {"a": 1, "b": {"state": "no state"}, "c": {"state": []}}}},
    ],
)
def test_what_is_not_of_the_known_shape_is_no_result(said: dict[str, Any]) -> None:
    assert im_pending.judged(said) == {"pending": [], "result": {}}


def test_what_a_person_wrote_comes_back_short_plain_and_of_the_known_shape() -> None:
    wild = {
        "state": "changed",
        "detail": "a\x1b[31m\n" * 999,
        "tries": True,
        "memory": 7,
        "documents": [1, {"path": []}],
    }
    ((key, group),) = im_pending.judged({"result": {"groups": {"x\u202ey": wild | {"more": 1}}}})["result"].items()
    assert key == "x y"
    assert len(group.pop("detail")) == 500
    documents = [{"path": "[]", "action": "", "detail": ""}]
    assert group == {"when": "", "state": "changed", "tries": 0, "memory": None, "documents": documents}


@pytest.mark.parametrize("login", ["", ".", "..", "a/b", "../root", "a\nb"])
def test_a_name_that_is_no_login_never_becomes_a_path(login: str) -> None:
    with pytest.raises(OSError, match="cannot be a login"):
        im_pending.place(login)


OFFERED = im_pending.OFFERED.format(first_login="state", version="1")


def snippet(place: Path, offered: str = "", python: str = "/nowhere/python3") -> str:
    text: str = im_pending.SNIPPET.format(pending=place, wishes="w", python=python, job="x", offered=offered)
    return text


@pytest.mark.parametrize("offered", ["", OFFERED], ids=["what waits", "first logins"])
@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
@pytest.mark.parametrize("name", [None, "", "nobody", "a b'$(touch x)\"", "../../.."])
def test_the_hook_is_silent_and_leaves_a_strict_shell_as_it_was(
    offered: str, shell: str, name: str | None, tmp_path: Path
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    hook = tmp_path / "hook.sh"
    hook.write_text(snippet(tmp_path, offered=offered))
    # Every shell counts its own variables; those that it changes by itself stay out.
    count = "set | grep -c '^[A-Z_a-z0-9]*=' || :"
    script = f"set -eu; : $({count}); a=; b=; a=$({count}); . {hook}; b=$({count}); "
    script += 'test "$a" = "$b"; test ! -e x; echo on'
    environment = {"PATH": "/usr/bin:/bin"} | ({} if name is None else {"LOGNAME": name})
    done = subprocess.run([program, "-c", script], env=environment, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"on\n", b"")


def test_a_job_that_cannot_even_start_is_no_reason_to_break_the_login(tmp_path: Path) -> None:
    (tmp_path / "me").mkdir()
    (tmp_path / "me" / "w").touch()
    done = subprocess.run(
        ["sh", "-euc", snippet(tmp_path) + "echo on"], env={"LOGNAME": "me"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"on\n", b"")


def test_a_hook_is_laid_only_where_something_would_run_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "profile.d").mkdir()
    monkeypatch.setattr(
        im_pending, "HOOKS", (tmp_path / "profile.d" / "a.sh", tmp_path / "X" / "b", tmp_path / "s" / "c")
    )
    (laid,) = im_pending.hooks("/usr/bin/python3", "").items()
    assert laid[0].name == "a.sh" and "/usr/bin/python3 -I /usr/local/lib/im_client/login-job.pyz" in laid[1]


@pytest.mark.parametrize(
    ("served", "offered", "runs"), [(False, "", False), (False, OFFERED, True), (True, OFFERED, False)]
)
def test_the_hook_starts_the_job_once_for_whoever_logs_in(
    tmp_path: Path, served: bool, offered: str, runs: bool
) -> None:
    (tmp_path / "state").mkdir()
    if served:
        (tmp_path / "state" / "done-1").touch()
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\ntouch " + str(tmp_path / "ran"))
    python.chmod(0o755)
    environment = {"LOGNAME": "me", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-euc", snippet(tmp_path, offered, str(python))], env=environment, check=True)
    assert (tmp_path / "ran").exists() is runs


# ---------------------------------------------------------------------------------------------------------------------
# First logins
# ---------------------------------------------------------------------------------------------------------------------

OFFER = json.dumps({"version": "0123456789abcdef"})


class Host:
    """The places of a host, in a directory; waiting: something waits for somebody."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top = top
        self.waiting = False
        self.told_managers = 0
        for name in ("profile.d", "Xsession.d", "user"):
            (top / name).mkdir()
        hooks = (top / "profile.d" / "hook.sh", top / "Xsession.d" / "hook", top / "user" / im_pending.UNIT)
        monkeypatch.setattr(im_pending, "HOOKS", hooks)
        monkeypatch.setattr(im_pending, "UNITS", top / "user")
        monkeypatch.setattr(im_pending, "JOB", top / "lib" / "job.pyz")
        monkeypatch.setattr(im_pending, "OFFER", str(top / "lib" / "offer.json"))
        monkeypatch.setattr(im_pending, "all_places", lambda: [top] if self.waiting else [])
        monkeypatch.setattr(im_pending, "directory", lambda path, _mode: bool(path.mkdir(parents=True, exist_ok=True)))
        monkeypatch.setattr(im_pending, "tell_managers", self._told)

    def _told(self, _users: list[int]) -> None:
        self.told_managers += 1

    def offer(self, offer: str, job: bytes = b"job", check: bool = False) -> dict[str, str]:
        files = im_pending.make_offer(offer, job, "/usr/bin/python3", check)
        return {Path(file["path"]).relative_to(self.top).as_posix(): file["action"] for file in files}

    def there(self) -> set[str]:
        return {path.relative_to(self.top).as_posix() for path in self.top.rglob("*") if not path.is_dir()}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_what_a_look_foretells_of_first_logins_the_next_call_does_and_a_third_changes_nothing(host: Host) -> None:
    foretold = host.offer(OFFER, check=True)
    assert host.there() == set() and host.told_managers == 0
    assert host.offer(OFFER) == foretold and set(foretold.values()) == {"created"}
    assert host.there() == set(foretold) and host.told_managers == 1
    assert set(host.offer(OFFER).values()) == {"unchanged"} and host.told_managers == 1
    assert "done-0123456789abcdef" in (host.top / "profile.d" / "hook.sh").read_text()
    assert "|!%h/.local/state/im_client/first-login/done-0123" in (host.top / "user" / im_pending.UNIT).read_text()


def test_first_logins_end_with_their_hooks_and_their_job(host: Host) -> None:
    laid = host.offer(OFFER)
    assert host.offer("", b"") == dict.fromkeys(laid, "deleted")
    assert host.there() == set()
    assert host.offer("", b"") == {}


def test_the_job_stays_for_those_for_whom_something_waits(host: Host) -> None:
    host.offer(OFFER)
    host.waiting = True
    assert host.offer("", b"")["lib/offer.json"] == "deleted"
    assert {"lib/job.pyz", "profile.d/hook.sh"} <= host.there()
    assert "done-" not in (host.top / "profile.d" / "hook.sh").read_text()


def test_what_was_tampered_with_is_drift_and_is_mended(host: Host) -> None:
    host.offer(OFFER)
    (host.top / "lib" / "offer.json").chmod(0o666)
    (host.top / "profile.d" / "hook.sh").write_text("exit 1\n")
    (host.top / "user" / "basic.target.wants" / im_pending.UNIT).unlink()
    wants = f"user/basic.target.wants/{im_pending.UNIT}"
    found = {path: action for path, action in host.offer(OFFER).items() if action != "unchanged"}
    assert found == {"lib/offer.json": "changed", "profile.d/hook.sh": "changed", wants: "created"}
    assert set(host.offer(OFFER).values()) == {"unchanged"}


def test_hooks_for_what_waits_go_on_serving_first_logins(host: Host) -> None:
    host.offer(OFFER)
    assert not im_pending.lay_hooks(b"job", "/usr/bin/python3", im_pending.standing_version())


@pytest.mark.parametrize("version", ["", "../../etc", "a b", 7, None])
def test_a_version_that_could_be_more_than_a_name_is_no_version(version: object) -> None:
    with pytest.raises(ValueError, match="no version"):
        im_pending.version_of(json.dumps({"version": version}))


def test_on_a_mac_the_hook_is_an_agent_for_everybody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        im_pending, "HOOKS", (Path("/nowhere/a"), Path("/nowhere/b"), Path("/nowhere/c"), tmp_path / "p")
    )
    monkeypatch.setattr(im_pending, "PENDING", str(tmp_path))
    monkeypatch.setattr(im_pending, "JOB", tmp_path / "a b's" / "job.py")
    ((path, text),) = im_pending.hooks(sys.executable, "").items()
    assert path == tmp_path / "p"
    agent = plistlib.loads(text.encode())
    assert agent["Label"] == "im-client.login" and agent["RunAtLoad"] is True
    (tmp_path / "a b's").mkdir()
    (tmp_path / "a b's" / "job.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    # launchd gives a session its LOGNAME; the hook knows what to do without it too.
    for environment in ({"LOGNAME": "pnom"}, {}):
        login = environment.get("LOGNAME") or pwd.getpwuid(os.geteuid()).pw_name
        path = {**environment, "PATH": "/usr/bin:/bin"}
        subprocess.run(agent["ProgramArguments"], env=path, capture_output=True, check=True)
        assert not (tmp_path / "ran").exists(), "nothing waits"
        (tmp_path / login).mkdir(exist_ok=True)
        (tmp_path / login / im_pending.WISHES).touch()
        subprocess.run(agent["ProgramArguments"], env=path, capture_output=True, check=True)
        (tmp_path / "ran").unlink()
        (tmp_path / login / im_pending.WISHES).unlink()
