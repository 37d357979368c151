"""People who never logged on to a PC: what is left for them there, and what their first logon makes of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_engine import Outcome
from ansible.module_utils.im_first_login import ANYBODY, fill
from ansible.module_utils.im_first_login_offer import check_first_login, wish_of_anybody
from ansible.module_utils.im_logon import ANYBODY_NAME, Logons, rule_of
from first_logins import HOSTILE_LOGINS
from logons import NOTHING, SERVICE, merged, wish_of_zoe
from module_server import ModuleServer
from rendering import CLIENTS as ROLES
from rendering import COMMON
from windows_logons import (
    CLIENTS,
    TASK,
    files_below,
    log_on,
    make_account,
    make_profile,
    notes_of,
    place,
    roaming_of,
    waiting,
)
from windows_pc import PROFILE_LIST, WindowsPC
from windows_programs import install
from windows_site import Site

LOGIN = "UNIV\\newcomer"


# ---------------------------------------------------------------------------------------------------------------------
# The whole way, by Ansible
# ---------------------------------------------------------------------------------------------------------------------


def seats_of(done: subprocess.CompletedProcess[str]) -> dict[str, list[dict[str, Any]]]:
    """Name of a PC -> what im_profile said of each seat."""
    hosts = json.loads(done.stdout)["plays"][0]["tasks"][-1]["hosts"]
    return {name: host["__im_client_profile"]["seats"] for name, host in hosts.items()}


def test_the_first_logon_lays_what_a_run_lays_into_an_empty_profile(site_of: Callable[..., Site]) -> None:
    site = site_of("pc-1", "pc-2")
    new, old = site.pcs["pc-1"], site.pcs["pc-2"]
    for pc in (new, old):
        for name in ("Gajim.Gajim", "Pidgin.Pidgin", "Mozilla.Thunderbird.fr"):
            install(pc, name)
        make_account(pc, "newcomer", 3000)
    make_profile(old, "newcomer")
    inventory = {
        "im_service": {"domain": "univ.example"},
        "im_people": {"zoe.obrien": {"name": 'Zoë O\'Brien & "Co" <x> \\'}},
        "im_seats": [{"login": "newcomer", "person": "zoe.obrien", "clients": CLIENTS}],
        "im_first_login": {"clients": ["pidgin"]},
        "im_preferences": {"start_at_login": True},
    }

    def run(*words: str) -> tuple[dict[str, list[dict[str, Any]]], int]:
        before = new.starts
        return seats_of(site.deploy(*words, **inventory)), new.starts - before

    foretold, _ = run("--check", "--diff")
    assert not place(new).exists() and not new.model["tasks"]
    laid, starts = run()
    assert starts == 3  # what the PC has, read, let wait
    assert {seat["state"] for seat in laid["pc-1"] + laid["pc-2"]} == {"changed"}
    assert foretold == laid
    assert "première ouverture de session" in laid["pc-1"][0]["detail"]
    again, starts = run()
    assert starts == 2  # what the PC has, read
    assert {seat["state"] for seat in again["pc-1"] + again["pc-2"]} == {"compliant"}

    ended = log_on(new, "newcomer")
    assert ended and (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert notes_of(new, "newcomer") == dict.fromkeys(CLIENTS, "laid")
    assert files_below(roaming_of(new, "newcomer")) == files_below(roaming_of(old, "newcomer"))

    after, starts = run()
    assert starts == 4  # what the PC has, read, remember, let nothing wait
    own = [seat for seat in after["pc-1"] if seat["login"] != ANYBODY]
    assert [(seat["state"], seat["login_job"]["state"]) for seat in own] == [("compliant", "changed")] * 3
    assert set(waiting(new)) == {"anybody"}


# ---------------------------------------------------------------------------------------------------------------------
# What stands on the PC
# ---------------------------------------------------------------------------------------------------------------------


class Newcomers:
    """A PC on which things wait, laid down as the action im_profile does."""

    def __init__(self, pc: WindowsPC, modules: ModuleServer) -> None:
        self.pc, self._modules = pc, modules
        self.sid = make_account(pc, LOGIN, 3000)

    def read(self, *logins: str) -> dict[str, Any]:
        requests = [{"key": f"{login}/pidgin", "login": login} for login in logins]
        return self.call("im_profile_files", action="read", requests=requests, logon=True)

    def call(self, module: str, check: bool = False, **arguments: Any) -> dict[str, Any]:
        answer = self._modules.call(self.pc, module, arguments, check)
        assert not answer.get("failed"), answer
        return answer

    def let_wait(self, *clients: str) -> list[Outcome]:
        """Let Zoë's documents wait for the newcomer; returns what they are."""
        logons = Logons(self.read()["logon"])
        outcomes = [merged(logons, client, wish_of_zoe(), LOGIN, self.sid) for client in clients]
        logons.let_wait(outcomes)
        if request := logons.request():
            self.call("im_logon", **request)
        return outcomes

    def serve_anybody(self, **more: Any) -> dict[str, bytes]:
        """Serve whoever logs on with Pidgin and Thunderbird; returns their files for the placeholder."""
        first_login = check_first_login("pc", {"clients": ["pidgin", "thunderbird"], **more}, ROLES, SERVICE)
        assert first_login is not None
        logons = Logons(self.read()["logon"])
        outcomes = [merged(logons, name, wish_of_anybody({}), ANYBODY, ANYBODY_NAME) for name in first_login["clients"]]
        files = {done.path: done.after or b"" for one in outcomes for done in one.documents}
        logons.serve_anybody(rule_of(first_login, ["UNIV\\bruno.petit"]), outcomes, COMMON, look_only=False)
        request = logons.request()
        assert request is not None
        self.call("im_logon", **request)
        return files


@pytest.fixture
def newcomers(pc: WindowsPC, modules: ModuleServer) -> Newcomers:
    return Newcomers(pc, modules)


def wished_files(outcomes: list[Outcome]) -> dict[str, bytes]:
    """Path below the roaming application data -> bytes."""
    wanted = {done.path: done.after or b"" for one in outcomes for done in one.documents}
    start = "AppData/Roaming/"
    return {path.removeprefix(start): data for path, data in wanted.items() if path.startswith(start)}


def test_what_waits_is_for_one_person_and_administrators_alone(newcomers: Newcomers) -> None:
    newcomers.let_wait("pidgin")
    security = newcomers.pc.model["security"]
    folder = place(newcomers.pc) / "first-logon"
    of_the_file = f"D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x120089;;;{newcomers.sid})"
    assert security[str(folder / f"{newcomers.sid}.json")] == "O:BA" + of_the_file
    # FILE_TRAVERSE, FILE_READ_ATTRIBUTES and SYNCHRONIZE on the folder itself: nobody can list it.
    assert security[str(folder)] == "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;0x1000a0;;;BU)"
    newcomers.serve_anybody()
    assert newcomers.pc.model["security"][str(folder / "anybody.json")].endswith("(A;;0x120089;;;BU)")


def test_the_task_is_for_every_user_without_rights_of_its_own(newcomers: Newcomers) -> None:
    newcomers.let_wait("pidgin")
    text = newcomers.pc.model["tasks"][TASK]
    assert "<GroupId>S-1-5-32-545</GroupId>" in text and "HighestAvailable" not in text
    assert "<LogonTrigger>" in text and "<Hidden>true</Hidden>" in text
    assert newcomers.read()["logon"]["task"] == "wished"  # in whichever words Windows says it


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<Enabled>true</Enabled>", "<Enabled>false</Enabled>"),
        ("-ExecutionPolicy Bypass", "-ExecutionPolicy Restricted"),
        ("powershell.exe<", "evil.exe<"),
        ("<GroupId>S-1-5-32-545</GroupId>", "<UserId>S-1-5-18</UserId>"),
        ("</GroupId>", "</GroupId><RunLevel>HighestAvailable</RunLevel>"),
        ("<Task ", "no task "),
    ],
)
def test_a_task_that_somebody_changed_is_seen_and_put_right(newcomers: Newcomers, old: str, new: str) -> None:
    newcomers.let_wait("pidgin")
    text = newcomers.pc.model["tasks"][TASK]
    assert old in text
    newcomers.pc.change(tasks={TASK: text.replace(old, new)})
    assert newcomers.read()["logon"]["task"] == "other"
    newcomers.let_wait("pidgin")
    assert newcomers.read()["logon"]["task"] == "wished"


def test_the_line_of_the_acceptance_kit_is_proved_where_such_tasks_are_taken(newcomers: Newcomers) -> None:
    asked: dict[str, Any] = {
        "lines": ["windows-first-logon"],
        "clients": {},
        "logins": [],
        "connection": "winrm",
        "echo": "",
    }
    answer = newcomers.call("im_selftest", **asked, change=True)
    assert answer["lines"]["windows-first-logon"]["verdict"] == "proved", answer
    assert newcomers.pc.model["tasks"] == {}
    newcomers.let_wait("pidgin")
    of_the_site = newcomers.pc.model["tasks"]
    assert list(of_the_site) == [TASK]
    answer = newcomers.call("im_selftest", **asked, change=True)
    assert answer["lines"]["windows-first-logon"]["verdict"] == "proved", answer
    assert newcomers.pc.model["tasks"] == of_the_site


def test_check_mode_lays_nothing_down_and_takes_nothing_away(newcomers: Newcomers) -> None:
    wait = {"name": newcomers.sid, "text": "{}"}
    assert newcomers.call("im_logon", check=True, waits=[wait], script="exit 0")["changed"]
    assert not place(newcomers.pc).exists() and not newcomers.pc.model["tasks"]
    newcomers.let_wait("pidgin")
    before = files_below(place(newcomers.pc)), newcomers.pc.model
    gone = {"name": newcomers.sid, "text": ""}
    assert newcomers.call("im_logon", check=True, waits=[gone], script="exit 0")["changed"]
    assert (files_below(place(newcomers.pc)), newcomers.pc.model) == before


def test_with_the_last_that_waits_everything_goes(newcomers: Newcomers) -> None:
    newcomers.let_wait("pidgin")
    gone = {"name": newcomers.sid, "text": ""}
    assert newcomers.call("im_logon", waits=[gone], script="exit 0")["changed"]
    assert files_below(place(newcomers.pc)) == {} and newcomers.pc.model["tasks"] == {}
    assert not newcomers.call("im_logon", waits=[gone], script="exit 0")["changed"]
    assert newcomers.read()["logon"] == NOTHING


@pytest.mark.parametrize("name", ["", "S-1-5-18", "..\\x", "S-1-5-21-1/../x", "anybody.json", "nobody", "S-1-5-21-1\n"])
def test_only_a_sid_of_a_person_becomes_the_name_of_a_file(pc: WindowsPC, modules: ModuleServer, name: str) -> None:
    answer = modules.call(pc, "im_logon", {"waits": [{"name": name, "text": "{}"}], "script": "exit 0"})
    assert answer["failed"] and "neither a SID of a person nor anybody" in answer["msg"]
    assert not place(pc).exists()


def test_who_never_logged_on_is_told_from_whose_profile_is_broken(newcomers: Newcomers) -> None:
    pc = newcomers.pc
    pc.add_person("mandatory", 1105, State=0x1)
    broken = make_account(pc, "broken", 1107)
    pc.set_registry(f"{PROFILE_LIST}\\{broken}.bak", ProfileImagePath=str(pc.disk / "Users" / "broken"))
    told = newcomers.read(LOGIN, "mandatory", "broken", "unknown")["answers"]
    assert [answer.get("never_logged_on") for answer in told] == [newcomers.sid, None, None, None]
    assert all(answer["error"] for answer in told)


# ---------------------------------------------------------------------------------------------------------------------
# The logon
# ---------------------------------------------------------------------------------------------------------------------


def test_a_second_logon_does_nothing(newcomers: Newcomers) -> None:
    newcomers.let_wait("pidgin", "gajim")
    log_on(newcomers.pc, LOGIN)
    home = roaming_of(newcomers.pc, LOGIN).parent
    (home / "Roaming" / ".purple" / "prefs.xml").unlink()  # the person's own doing
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    ended = log_on(newcomers.pc, LOGIN)
    assert ended and ended.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


@pytest.mark.parametrize("name", ["accounts.xml", "logs/jabber/old.txt"])
def test_a_client_with_any_file_keeps_every_byte_and_the_others_are_laid(newcomers: Newcomers, name: str) -> None:
    wanted = wished_files(newcomers.let_wait("pidgin", "thunderbird"))
    roaming = roaming_of(newcomers.pc, LOGIN)
    own = roaming / ".purple" / name
    own.parent.mkdir(parents=True)
    own.write_bytes(b"\xff the person's own \x00")
    log_on(newcomers.pc, LOGIN)
    assert notes_of(newcomers.pc, LOGIN) == {"pidgin": "left", "thunderbird": "laid"}
    assert files_below(roaming / ".purple") == {name: b"\xff the person's own \x00"}
    assert {path for path in wanted if path.startswith("Thunderbird")} == {
        f"Thunderbird/{path}" for path in files_below(roaming / "Thunderbird")
    }


def test_a_logon_that_was_killed_half_way_is_finished_by_the_next(newcomers: Newcomers) -> None:
    wanted = wished_files(newcomers.let_wait("pidgin"))
    move = "try { [IO.File]::Move($temp, $Path) }"
    kill = "if ($script:moved++ -eq 1) { [Diagnostics.Process]::GetCurrentProcess().Kill() }\n" + move
    ended = log_on(newcomers.pc, LOGIN, replaced=(move, kill))
    assert ended and ended.returncode != 0
    purple = roaming_of(newcomers.pc, LOGIN) / ".purple"
    half = files_below(purple)
    assert len(half) == 2 and any(name.startswith(".im-client-") for name in half)
    assert notes_of(newcomers.pc, LOGIN) == {}
    log_on(newcomers.pc, LOGIN)
    assert notes_of(newcomers.pc, LOGIN) == {"pidgin": "laid"}
    laid = files_below(purple)
    assert {f".purple/{name}": data for name, data in laid.items() if not name.startswith(".im-client-")} == wanted


def test_redirected_application_data_are_where_the_profile_is_laid(newcomers: Newcomers, tmp_path: Path) -> None:
    wanted = wished_files(newcomers.let_wait("pidgin", "gajim"))
    server = tmp_path / "server share" / "newcomer"
    server.mkdir(parents=True)
    log_on(newcomers.pc, LOGIN, roaming=server)
    assert files_below(server) == wanted
    assert files_below(roaming_of(newcomers.pc, LOGIN)) == {}


@contextlib.contextmanager
def running(name: str, tmp_path: Path) -> Iterator[None]:
    """A process of this name in the session."""
    sleep = shutil.which("sleep")
    assert sleep
    (tmp_path / name).symlink_to(sleep)
    with subprocess.Popen([tmp_path / name, "600"]) as process:
        yield
        process.kill()


def test_a_client_that_runs_already_is_left_for_the_next_logon(newcomers: Newcomers, tmp_path: Path) -> None:
    newcomers.let_wait("pidgin")
    with running("pidgin", tmp_path):
        log_on(newcomers.pc, LOGIN)
    assert notes_of(newcomers.pc, LOGIN) == {"pidgin": "open"}
    assert files_below(roaming_of(newcomers.pc, LOGIN)) == {}
    log_on(newcomers.pc, LOGIN)
    assert notes_of(newcomers.pc, LOGIN) == {"pidgin": "laid"}


def test_a_disk_that_cannot_be_written_costs_nobody_the_logon_and_is_tried_again(newcomers: Newcomers) -> None:
    newcomers.let_wait("pidgin", "gajim")
    in_the_way = roaming_of(newcomers.pc, LOGIN) / "Gajim"
    in_the_way.parent.mkdir(parents=True)
    create = "$null = [IO.Directory]::CreateDirectory($folder)"
    full = "if ($folder -like '*Gajim') { throw [IO.IOException]::new('secret path') }\n" + create
    ended = log_on(newcomers.pc, LOGIN, replaced=(create, full))
    assert ended and (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert notes_of(newcomers.pc, LOGIN) == {"pidgin": "laid", "gajim": "failed"}
    log_on(newcomers.pc, LOGIN)
    assert notes_of(newcomers.pc, LOGIN) == {"pidgin": "laid", "gajim": "laid"}


def test_what_waits_for_one_person_is_not_laid_for_another(newcomers: Newcomers) -> None:
    newcomers.let_wait("pidgin")
    make_account(newcomers.pc, "somebody.else", 3001)
    log_on(newcomers.pc, "somebody.else")
    assert files_below(newcomers.pc.disk / "Users" / "somebody.else") == {}


def test_a_broken_file_that_waits_is_no_word_to_anybody(newcomers: Newcomers) -> None:
    newcomers.let_wait("pidgin")
    (place(newcomers.pc) / "first-logon" / f"{newcomers.sid}.json").write_text("{ half of it", encoding="utf-8")
    ended = log_on(newcomers.pc, LOGIN)
    assert ended and (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert files_below(newcomers.pc.disk / "Users" / "newcomer") == {}


# ---------------------------------------------------------------------------------------------------------------------
# Whoever logs on
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login", "jid"),
    [
        ("UNIV\\Alice.Martin2", "alice.martin2@univ.example"),  # Windows minds no case
        ("UNIV\\E0421", "bruno.lefevre@univ.example"),
    ],
)
def test_whoever_logs_on_gets_the_account_of_the_rule(newcomers: Newcomers, login: str, jid: str) -> None:
    files = newcomers.serve_anybody(jids={"e0421": "bruno.lefevre@univ.example"})
    make_account(newcomers.pc, login, 3002)
    log_on(newcomers.pc, login)
    laid = files_below(roaming_of(newcomers.pc, login))
    wanted = {
        path.removeprefix("AppData/Roaming/"): fill(data.decode(), jid).encode()
        for path, data in files.items()
        if path.startswith("AppData")
    }
    assert laid == wanted
    assert any(jid.encode() in data for data in laid.values())


@pytest.mark.parametrize(
    ("login", "number"), [("UNIV\\BRUNO.petit", 3003), ("PC\\admin.istrator", 500), ("UNIV\\alice", 3004)]
)
def test_who_has_a_seat_is_no_person_or_is_unknown_to_the_rule_gets_nothing(
    newcomers: Newcomers, login: str, number: int
) -> None:
    newcomers.serve_anybody()
    make_account(newcomers.pc, login, number)
    log_on(newcomers.pc, login)
    assert files_below(newcomers.pc.disk / "Users" / login.rpartition("\\")[2]) == {}


def test_no_account_is_guessed_for_a_hostile_login(newcomers: Newcomers) -> None:
    newcomers.serve_anybody()
    # All in one PowerShell: the script's own functions, asked for each login.
    script = (place(newcomers.pc) / "first-logon.ps1").read_text(encoding="utf-8")
    functions = script[script.index("function Get-Account") : script.index("function Get-Checksum")]
    wait = (place(newcomers.pc) / "first-logon" / "anybody.json").read_text(encoding="utf-8")
    asked = [login for login in HOSTILE_LOGINS if login.lower() == login and "\\" not in login]
    asked += ["alice.martin"]
    lines = (
        f"{functions}\n$given = ConvertFrom-Json ([Console]::In.ReadToEnd())\n"
        'foreach ($login in $given.logins) { $who = @{ Name = $login }; "<$(Get-Account $given.wait.rule)>" }'
    )
    given = json.dumps({"logins": asked, "wait": json.loads(wait)})
    tried = newcomers.pc.temp / "asked.ps1"
    tried.write_text(lines, encoding="utf-8")
    done = subprocess.run(
        [shutil.which("pwsh") or "pwsh", "-NoProfile", "-NonInteractive", "-File", tried],
        input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["<>"] * (len(asked) - 1) + ["<alice.martin@univ.example>"]
