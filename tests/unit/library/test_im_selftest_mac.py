"""The Mac half of the acceptance kit, on a FAKE Mac of scripts: proves that the kit runs, and nothing about macOS."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils import im_selftest as kit
from ansible.module_utils.im_clients import load_clients
from ansible.module_utils.im_desk.errors import Trouble

PROJECT = Path(__file__).resolve().parents[3]
AUTHORITY = (PROJECT / "roles" / "im_selftest" / "files" / "ended-authority.crt").read_text(encoding="utf-8")
CLIENTS = load_clients([str(PROJECT / "roles")])
SECTION = "712DAF5A23ABECDC"
#: Stand-ins of programs of macOS. FAKE is the folder of what they remember; sudo says who it was asked for.
PROGRAMS = {
    "sudo": 'while [ "$1" != env ]; do shift; done; exec "$@"',
    "brew": r"""[ "$PWD" = / ] || exit 1  # as brew does where its owner may not look
case "$1" in
--version) echo "Homebrew 4.6.1";;
info) echo '{"formulae": [{"name": "pidgin", "full_name": "pidgin", "tap": "homebrew/core", "aliases": [],
 "oldnames": [], "installed": [], "outdated": false}], "casks": []}';;
list) exit 1;;
esac""",
    "security": r"""case "$1" in
find-certificate) cat "$FAKE/keychain" 2>/dev/null;;
add-trusted-cert) [ -e "$FAKE/screen" ] || exit 1
  for file; do :; done
  openssl x509 -in "$file" -noout -fingerprint -sha1 | tr -d ":" | sed "s/.*=/SHA-1 hash: /" > "$FAKE/keychain";;
delete-certificate) rm -f "$FAKE/keychain";;
esac""",
    "launchctl": r"""case "$1" in
bootstrap) [ -e "$FAKE/logname" ] && export LOGNAME="$(id -un)" || unset LOGNAME
  python3 -c 'import plistlib, subprocess, sys
subprocess.run(plistlib.load(open(sys.argv[1], "rb"))["ProgramArguments"])' "$3";;
print) exit 113;;
esac""",
    "thunderbird": r"""cd "$CFFIXED_USER_HOME" && mkdir -p Library/Thunderbird
printf "[Install%s]\nDefault=Profiles/x\n" "$(cat "$FAKE/section")" > Library/Thunderbird/profiles.ini
sleep 30""",
}


@pytest.fixture
def library() -> ModuleType:
    spec = importlib.util.spec_from_file_location("im_selftest_module", PROJECT / "library" / "im_selftest.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def fake(tmp_path: Path, library: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Mac where all is as assumed; what its programs remember lies in the folder that is returned."""
    programs = tmp_path / "homebrew" / "bin"
    programs.mkdir(parents=True)
    for name, script in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    bundle = tmp_path / "homebrew" / "etc" / "gnutls" / "cert.pem"
    bundle.parent.mkdir(parents=True)
    bundle.touch()
    (tmp_path / "homebrew" / "opt" / "pidgin" / "share" / "purple" / "ca-certs").mkdir(parents=True)
    home = tmp_path / "Users" / "CANARY-zoe"
    (home / "Library" / "Thunderbird").mkdir(parents=True)
    memory = tmp_path / "memory"
    memory.mkdir()
    for name in ("screen", "logname"):
        (memory / name).touch()
    (memory / "section").write_text(SECTION, encoding="ascii")
    somebody = tmp_path / "homebrew"
    if os.geteuid() == 0:
        for path in (somebody, home):
            os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE", str(memory))
    monkeypatch.setattr(library, "BREWS", (somebody,))
    monkeypatch.setattr(library, "HOMES", tmp_path / "Users")
    monkeypatch.setattr(library, "CONSOLE", home)
    monkeypatch.setattr(library, "FIRST_PERSON", 0)
    monkeypatch.setattr(library, "PATIENCE", 5.0)
    monkeypatch.setattr(library.sys, "platform", "darwin")
    monkeypatch.setattr(library.os, "geteuid", lambda: 0)
    monkeypatch.setattr(library.os, "chown", lambda *_: None)
    listed = [(os.getpid(), {b"python3"}), (4711, {b"pidgin"})]
    monkeypatch.setattr(library, "listed_by_ps", lambda _: listed)
    return memory


@pytest.fixture
def stage(fake: Path, library: ModuleType) -> tuple[Path, ModuleType]:
    """What a test may make wrong: what the programs remember, and what the module takes for the Mac."""
    return fake, library


@pytest.fixture
def ask(library: ModuleType, fake: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Ask one line and return its finding."""

    def asked(line: str, change: bool = True, check: bool = False) -> dict[str, Any]:
        clients = kit.clients_for(CLIENTS, "Darwin")
        clients["thunderbird"]["program"] = str(tmp_path / "homebrew" / "bin" / "thunderbird")
        options = {"clients": clients, "logins": [], "authority": AUTHORITY, "change": change}
        mac = library.Mac(options, check)
        finding: dict[str, Any] = library.ask(mac.lines, line)
        assert not mac.left_behind
        assert "CANARY" not in json.dumps(finding)
        return finding

    return asked


LINES = [line.id for line in kit.lines_of("Darwin")]


@pytest.mark.parametrize("line", LINES)
def test_a_mac_that_is_as_assumed_proves_every_line(line: str, ask: Callable[..., Any]) -> None:
    finding = ask(line)
    assert finding["verdict"] == "proved", finding


@pytest.mark.parametrize("line", [line.id for line in kit.LINES if line.system == "Darwin" and line.change])
def test_what_would_change_the_mac_waits_for_leave_and_with_check_for_a_run(line: str, ask: Callable[..., Any]) -> None:
    assert ask(line, change=False)["reason"] == "needs_change"
    assert ask(line, check=True)["reason"] == "check_mode"


def forget(name: str) -> Callable[[Path, ModuleType], Any]:
    return lambda memory, _: (memory / name).unlink()


def no_list(*_: object) -> None:
    raise Trouble("io", "CANARY")


WRONG: list[tuple[str, Callable[[Path, ModuleType], Any], dict[str, Any]]] = [
    ("mac-trust", forget("screen"), {"added": False, "add_exit_code": 1}),
    (
        "mac-trust",
        lambda memory, _: (memory.parent / "homebrew" / "opt" / "pidgin" / "share" / "purple" / "ca-certs").rmdir(),
        {"added": True, "pidgin_has_its_folder": False},
    ),
    ("mac-launch-agent", forget("logname"), {"ran": True, "logname_is_given": False}),
    (
        "mac-thunderbird-section",
        lambda memory, _: (memory / "section").write_text("0", encoding="ascii"),
        {"sections": "0", "computed": SECTION},
    ),
    ("mac-running", lambda _, library: setattr(library, "listed_by_ps", no_list), {"trouble": "io"}),
    (
        "mac-running",
        lambda _, library: setattr(library, "listed_by_ps", lambda _: [(os.getpid(), {b"x"}), (1, {b"Gajim-gtk"})]),
        {"gajim_known": 0, "gajim_unknown": 1},
    ),
    (
        "mac-brew",
        lambda memory, _: (memory.parent / "homebrew" / "bin" / "brew").write_text("#!/bin/sh\nexit 1\n"),
        {"version_is_told": False, "formula_has_the_keys": False},
    ),
    ("mac-python", lambda _, library: setattr(library.os, "geteuid", lambda: 501), {"root": False}),
]


@pytest.mark.parametrize(("line", "spoil", "seen"), WRONG, ids=[case[0] for case in WRONG])
def test_a_wrong_assumption_is_disproved_with_what_was_seen(
    line: str,
    spoil: Callable[[Path, ModuleType], Any],
    seen: dict[str, Any],
    ask: Callable[..., Any],
    stage: tuple[Path, ModuleType],
) -> None:
    spoil(*stage)
    finding = ask(line)
    assert finding["verdict"] == "disproved"
    assert finding["seen"] | seen == finding["seen"]


def test_a_folder_that_even_root_may_not_list_disproves_its_line(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(1, "CANARY")

    monkeypatch.setattr(Path, "iterdir", refused)
    finding = ask("mac-library")
    assert (finding["verdict"], finding["seen"]["errors"]) == ("disproved", "errno 1")


def test_what_is_not_there_is_not_asked(ask: Callable[..., Any], library: ModuleType, tmp_path: Path) -> None:
    library.BREWS = ()  # type: ignore[attr-defined]
    library.HOMES = library.CONSOLE = tmp_path / "nowhere"  # type: ignore[attr-defined]
    library.listed_by_ps = lambda _: [(os.getpid(), {b"python3"})]  # type: ignore[attr-defined]
    (tmp_path / "homebrew" / "bin" / "thunderbird").unlink()
    reasons = {line: ask(line)["reason"] for line in LINES if line not in ("mac-python", "mac-trust")}
    assert reasons == {
        "mac-brew": "no_brew",
        "mac-library": "no_profile",
        "mac-running": "no_client_runs",
        "mac-launch-agent": "no_console_user",
        "mac-thunderbird-section": "not_installed",
    }


def test_a_line_that_breaks_is_told_without_its_words_and_an_unknown_one_is_not_asked(
    ask: Callable[..., Any], library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise OSError(5, "CANARY")

    monkeypatch.setattr(library, "listed_by_ps", broken)
    finding = ask("mac-running")
    assert (finding["verdict"], finding["reason"], finding["seen"]["exception"]) == ("disproved", "threw", "OSError")
    assert finding["seen"]["errno"] == 5
    assert ask("mac-unheard-of")["reason"] == "unknown_line"
