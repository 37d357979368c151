"""im_pending believes nothing that a person can write; its hook disturbs no shell. The rest is proven on the lab."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
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


@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
@pytest.mark.parametrize("name", [None, "", "nobody", "a b'$(touch x)\"", "../../.."])
def test_the_hook_is_silent_and_leaves_a_strict_shell_as_it_was(shell: str, name: str | None, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    hook = tmp_path / "hook.sh"
    hook.write_text(im_pending.SNIPPET.format(pending=tmp_path, wishes="w", python="/nowhere/python3", job="x"))
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
    snippet = im_pending.SNIPPET.format(pending=tmp_path, wishes="w", python="/nowhere/python3", job="x")
    done = subprocess.run(["sh", "-euc", snippet + "echo on"], env={"LOGNAME": "me"}, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"on\n", b"")


def test_a_hook_is_laid_only_where_something_would_run_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "profile.d").mkdir()
    monkeypatch.setattr(
        im_pending, "HOOKS", (tmp_path / "profile.d" / "a.sh", tmp_path / "X" / "b", tmp_path / "s" / "c")
    )
    (laid,) = im_pending.hooks("/usr/bin/python3").items()
    assert laid[0].name == "a.sh" and "/usr/bin/python3 -I /usr/local/lib/im_client/login-job.pyz" in laid[1]
