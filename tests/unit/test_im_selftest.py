"""The acceptance kit: its lines are said, asked and named, and its report holds no names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import im_selftest as kit
from ansible.module_utils.im_catalogue import LANGUAGES
from ansible.module_utils.im_clients import load_clients
from rendering import PROJECT

LIMITATIONS = (PROJECT / "docs" / "limitations.md").read_text(encoding="utf-8")
GROUPS = {line.group for line in kit.LINES}
NAMED = set(re.findall(r"`((?:windows|mac)-[a-z-]+)`", LIMITATIONS))
ROWS = [row for row in LIMITATIONS.splitlines() if row.startswith("| ")][1:]
MODULES = {
    "Windows": (PROJECT / "library" / "im_selftest.ps1").read_text(encoding="utf-8"),
    "Darwin": (PROJECT / "library" / "im_selftest.py").read_text(encoding="utf-8"),
}
NATIVE = PROJECT / "module_utils" / "Ansible.ModuleUtils.ImNative.psm1"


def test_every_line_is_named_by_the_limitations_and_every_named_line_exists() -> None:
    assert NAMED == GROUPS


@pytest.mark.parametrize("row", [row for row in ROWS if re.match(r"\| [^|]*\b(Windows|macOS|Mac)\b", row)])
def test_every_limitation_of_windows_and_macos_names_its_line_or_says_why_none_can_settle_it(row: str) -> None:
    assert "selftest: " in row


def test_every_function_that_only_windows_answers_has_its_line() -> None:
    functions = re.findall(r"^function (\S+-Im\S+) \{", NATIVE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {line.id for line in kit.LINES if line.group == "windows-native"} == {
        f"windows-native.{function}" for function in functions
    }
    assert all(re.search(rf"(?<![\w-]){function}(?![\w-])", MODULES["Windows"]) for function in functions)


def test_the_modules_know_exactly_the_lines_of_their_system() -> None:
    known = {"Windows": r"^    '(windows-[\w.-]+)' = \{", "Darwin": r'^            "(mac-[\w.-]+)": self\.'}
    for system, pattern in known.items():
        found = re.findall(pattern, MODULES[system], re.MULTILINE)
        assert sorted(found) == sorted(line.id for line in kit.lines_of(system))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_line_reason_and_verdict_has_its_sentences(language: str) -> None:
    for line in kit.LINES:
        assert kit.said(line, "assumed", language).endswith(".")
        assert kit.said(line, "asked", language).endswith(".")
    needed = {f"selftest.reason.{reason}" for reason in kit.REASONS}
    assert needed == {key for key in LANGUAGES[language] if key.startswith("selftest.reason.")}
    assert {f"selftest.verdict.{verdict}" for verdict in kit.VERDICTS} <= set(LANGUAGES[language])
    texts = {key.split(".", 1)[1] for key in LANGUAGES[language] if re.match(r"selftest\.(windows|mac)-", key)}
    subjects = GROUPS | {line.id for line in kit.LINES}
    assert {key for key in texts if key.rpartition(".")[0] not in subjects} == set()


def test_every_reason_that_a_module_gives_is_in_the_list() -> None:
    windows = re.findall(r"New-Skip '(\w+)'|'not_asked' '(\w+)'|'disproved' '(\w+)'", MODULES["Windows"])
    given = {word for words in windows for word in words if word}
    given |= {word for words in re.findall(r'NotAsked\("(\w+)"|"reason": "(\w+)"', MODULES["Darwin"]) for word in words}
    assert given - {""} == set(kit.REASONS) - {"no_answer"}


def test_what_a_pc_is_told_of_the_clients_is_what_the_roles_say() -> None:
    clients = load_clients([str(PROJECT / "roles")])
    told = kit.clients_for(clients, "Windows", ["pidgin"])
    assert told["pidgin"]["program"] == "%ProgramFiles(x86)%/Pidgin/pidgin.exe"
    assert told["thunderbird"]["program"] == "%ProgramFiles%/Mozilla Thunderbird/thunderbird.exe"
    assert told["thunderbird"]["section"] == "D78BF5DD33499EC2"
    assert [name for name in told if told[name]["fresh"]] == ["pidgin"]
    mac = kit.clients_for(clients, "Darwin")
    assert mac["thunderbird"]["program"] == "/Applications/Thunderbird.app/Contents/MacOS/thunderbird"
    assert mac["gajim"]["program"] == "/Applications/Gajim.app"
    packages = kit.packages_for(clients, ["gajim", "thunderbird"])
    assert packages["gajim"]["id"] == "Gajim.Gajim" and packages["thunderbird"]["product"] == "Mozilla Thunderbird*"


def test_names_sids_folders_and_addresses_are_masked_and_truths_stay() -> None:
    names = ["pc-12", "pc-12.univ.example", "zoe.obrien", "zoe"]
    told = "S-1-5-21-1004336348-1177238915-682003330-1001 C:\\Users\\zoe.obrien\\x /Users/Karim/y "
    told += "ZOE on PC-12.univ.example z@univ.example"
    masked = kit.mask(told, names)
    assert masked == "<sid> C:\\Users\\<name>\\x /Users/<name>/y <name> on <name> <name>"
    assert (kit.mask(True, names), kit.mask(3, names), kit.mask(None, names)) == (True, 3, None)
    assert kit.mask("1.28.219.0 zoeken", names) == "1.28.219.0 zoeken"


def report_of(answers: dict[str, Any], system: str = "Windows") -> dict[str, Any]:
    rows = kit.rows_of(system, answers, ["CANARY-pc"])
    return {
        "schema": 1,
        "about": {"product": "abc", "culture": ""},
        "change": False,
        "check_mode": False,
        "lines": rows,
    }


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_report_says_each_line_what_was_seen_and_what_nobody_answered(language: str, tmp_path: Path) -> None:
    answers = {
        "windows-bits": {"verdict": "disproved", "reason": "", "seen": {"process_64": False, "why": "on CANARY-pc"}},
        "windows-shell": {"verdict": "proved", "reason": "", "seen": {"powershell": "5.1"}},
    }
    report = report_of(answers)
    path = kit.write(report, tmp_path / "new", "windows-1", language)
    page = path.read_text(encoding="utf-8")
    assert [line for line in kit.lines_of("Windows") if f"## {line.id}: " not in page] == []
    assert '`process_64 = false`, `why = "on <name>"`' in page
    assert "CANARY" not in page + path.with_suffix(".json").read_text(encoding="utf-8")
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) == report
    table = kit.as_table(report["lines"], language)
    assert len(table.splitlines()) == len(kit.lines_of("Windows")) + 2
    assert "windows-trust  (no_answer)" in table
    assert re.match(r"1 \w+(\(s\))?, 1 \w+", table.splitlines()[-1])


def test_a_text_that_did_not_arrive_whole_disproves_the_connection() -> None:
    def answer(verdict: str) -> dict[str, Any]:
        return {"verdict": verdict, "reason": "", "seen": {"digest": "d", "length": 3}}

    answers = {"windows-connection.winrm": answer("proved"), "windows-connection.ssh": answer("not_asked")}
    found = kit.with_digest(answers, "another")
    assert found["windows-connection.winrm"] == {
        "verdict": "disproved",
        "reason": "",
        "seen": {"length": 3, "text_arrived_whole": False},
    }
    assert found["windows-connection.ssh"]["seen"] == {"length": 3}
    assert (
        kit.with_digest({"windows-connection.winrm": answer("proved")}, "d")["windows-connection.winrm"]["verdict"]
        == "proved"
    )
