"""The acceptance kit on a FAKE PC. That it passes here proves that the kit runs, and nothing about Windows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import im_selftest as kit
from ansible.module_utils.im_clients import load_clients
from module_server import PROJECT, ModuleServer
from windows_pc import DOMAIN_SID, PROFILE_LIST, WindowsPC
from windows_programs import MACHINE, PROGRAMS, UNINSTALL, UNINSTALL_32, install
from windows_site import Site

CLIENTS = load_clients([str(PROJECT / "roles")])
AUTHORITY = (PROJECT / "roles" / "im_selftest" / "files" / "ended-authority.crt").read_text(encoding="utf-8")
PEOPLE = {"CANARY-zoe": 2001, "CANARY-karim": 2002}
PLACES = {
    "gajim": "Program Files (x86)/Gajim/bin/Gajim.exe",
    "pidgin": "Program Files (x86)/Pidgin/pidgin.exe",
    "thunderbird": "Program Files/Mozilla Thunderbird/thunderbird.exe",
}
TASK_BAR = MACHINE + "Mozilla\\Thunderbird\\TaskBarIDs"
THUNDERBIRD = "C:\\Program Files\\Mozilla Thunderbird"
RECORDING = MACHINE + "Policies\\Microsoft\\Windows\\PowerShell\\Transcription"
#: What PowerShell on Linux keeps in its home.
HOME_OF_POWERSHELL = {".cache", ".config", ".local"}
#: Lines that a fake PC can answer with every client there and open, and nothing changed.
OF_AN_ADMINISTRATOR = {line.id for line in kit.lines_of("Windows", kit.ADMINISTRATOR) if not line.change}
#: What no fake can answer: another connection than the one that was used, and the shell of Windows.
NOT_HERE = {"windows-connection.psrp": "other_connection", "windows-connection.ssh": "other_connection"}
NOT_HERE |= {"windows-autostart": "no_shell"}


def furnish(pc: WindowsPC) -> None:
    """Make all that the kit assumes true, and put names into every corner that it could bring back."""
    pc.lay_witnesses()
    for login, number in PEOPLE.items():
        home = pc.add_person(login, number)
        set_shell_folder(pc, number, f"{home}/AppData/Roaming")
        (home / "AppData" / "Roaming" / ".purple").mkdir()
        (home / "AppData" / "Roaming" / ".purple" / "accounts.xml").write_text("CANARY-content", encoding="utf-8")
    for name in PROGRAMS:
        install(pc, name)
    for place in PLACES.values():
        (pc.disk / place).parent.mkdir(parents=True)
        (pc.disk / place).touch()
    (pc.disk / "Program Files (x86)" / "Pidgin" / "ca-certs").mkdir()
    portable = pc.disk / "Program Files" / "im_client" / "portable" / "Gajim-2.4.7-0123456789ab" / "bin"
    portable.mkdir(parents=True)
    for name in ("Gajim.exe", "is_portable"):
        (portable / name).touch()
    pc.set_registry(TASK_BAR, **{THUNDERBIRD: "D78BF5DD33499EC2"})
    pc.set_registry(MACHINE + "Microsoft\\NET Framework Setup\\NDP\\v4\\Full", Release=533320)
    version = {
        "ProductName": "Windows 10 of CANARY-zoe",
        "CurrentMajorVersionNumber": 10,
        "CurrentBuildNumber": "26100",
    }
    pc.set_registry(MACHINE + "Microsoft\\Windows NT\\CurrentVersion", **version)
    pc.start_process("pidgin.exe", "CANARY-karim")


@pytest.fixture
def furnished(pc: WindowsPC) -> WindowsPC:
    furnish(pc)
    return pc


@pytest.fixture
def ask(furnished: WindowsPC, modules: ModuleServer) -> Callable[..., dict[str, Any]]:
    """Ask lines of the furnished PC and return what became of each."""

    def asked(*lines: str, check: bool = False, account: str = "", **options: Any) -> dict[str, Any]:
        given = {"lines": list(lines), "clients": kit.clients_for(CLIENTS, "Windows"), "logins": list(PEOPLE)}
        given |= {"connection": "winrm", "echo": kit.ECHO} | options
        answer = modules.call(furnished, "im_selftest", given, check, IM_FAKE_ACCOUNT=account)
        assert answer["changed"] is False
        assert not [path.name for path in furnished.temp.iterdir() if path.name not in HOME_OF_POWERSHELL]
        found: dict[str, Any] = answer["lines"]
        return found

    return asked


def files_of(pc: WindowsPC) -> list[Path]:
    """All of its disk, but for what is not ours."""
    return sorted(path for path in pc.disk.rglob("*") if not HOME_OF_POWERSHELL & set(path.parts))


def verdicts(answers: dict[str, Any]) -> dict[str, str]:
    return {identifier: answer["verdict"] for identifier, answer in answers.items()}


def test_a_pc_that_is_as_assumed_proves_every_line(ask: Callable[..., Any], furnished: WindowsPC) -> None:
    before = files_of(furnished)
    answers = ask(*OF_AN_ADMINISTRATOR)
    expected = dict.fromkeys(OF_AN_ADMINISTRATOR, "proved") | dict.fromkeys(NOT_HERE, "not_asked")
    assert verdicts(answers) == expected, {
        name: answers[name] for name in expected if answers[name]["verdict"] != expected[name]
    }
    assert files_of(furnished) == before
    assert {name: answers[name]["reason"] for name in NOT_HERE} == NOT_HERE
    assert answers["windows-profiles"]["seen"]["seats_served"] == 2


def test_what_system_is_asked_is_proved_by_system_alone(ask: Callable[..., Any], furnished: WindowsPC) -> None:
    furnished.install_winget("1.28.219.0", client=True)
    lines = ["windows-native.Test-ImSystem", "windows-winget.system", "windows-winget.client"]
    as_system = ask(*lines, account="SYSTEM")
    assert set(verdicts(as_system).values()) == {"proved"}, as_system
    assert as_system["windows-winget.system"]["seen"]["version"] == "v1.28.219"
    assert set(verdicts(ask(*lines)).values()) == {"disproved"}


def one_view_only(pc: WindowsPC) -> None:
    whole = {key: values for key, values in pc.registry.items() if UNINSTALL_32 not in key}
    pc.registry_file.write_text(json.dumps(whole), encoding="utf-8")


def set_shell_folder(pc: WindowsPC, number: int, value: str) -> None:
    folders = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer\\User Shell Folders"
    pc.set_registry(f"HKEY_USERS\\{DOMAIN_SID}-{number}\\{folders}", AppData=value)


#: Line, what makes it wrong, what is then seen of it.
WRONG: list[tuple[str, Callable[[WindowsPC], Any], dict[str, Any]]] = [
    ("windows-uninstall-keys", one_view_only, {"view_64": True, "view_32": False}),
    ("windows-rights", lambda pc: pc.change(keeps_no_owner=True), {"laid": True, "owner_of_the_new_file": False}),
    ("windows-native.New-ImFile", lambda pc: pc.change(keeps_no_owner=True), {"owner_is_as_wished": False}),
    ("windows-native.Get-ImStreamOwner", lambda pc: pc.change(keeps_no_owner=True), {"as_wished": False}),
    ("windows-native.Resolve-ImSid", lambda pc: pc.change(accounts={}), {"own_name_to_own_sid": False}),
    (
        "windows-recording",
        lambda pc: pc.set_registry(RECORDING, EnableTranscripting=1),
        {"PowerShell_Transcription_off": False},
    ),
    ("windows-thunderbird-section", lambda pc: pc.set_registry(TASK_BAR, **{THUNDERBIRD: "0"}), {"noted": "0"}),
    ("windows-running.owner", lambda pc: pc.change(own_sid="S-1-5-20"), {"listed": True, "owner_is_told": False}),
    (
        "windows-running.clients",
        lambda pc: pc.change(processes=[{"pid": 1, "name": "gajim-gtk4.exe", "sid": "S-1-5-20"}]),
        {"gajim_people": 0, "gajim_unknown": 1},
    ),
    (
        "windows-profiles",
        lambda pc: pc.secure(pc.disk / "Users" / "CANARY-zoe", "O:S-1-5-20D:"),
        {"profiles": 2, "owner_as_wished": 1, "seats_not_owner": 1},
    ),
    (
        "windows-redirection",
        lambda pc: set_shell_folder(pc, 2001, "\\\\server\\CANARY-zoe"),
        {"logged_on": 2, "in_the_profile": 1},
    ),
]


@pytest.mark.parametrize(("line", "spoil", "seen"), WRONG, ids=[case[0] for case in WRONG])
def test_a_wrong_assumption_is_disproved_with_what_was_seen(
    line: str,
    spoil: Callable[[WindowsPC], Any],
    seen: dict[str, Any],
    ask: Callable[..., Any],
    furnished: WindowsPC,
) -> None:
    spoil(furnished)
    answer = ask(line)[line]
    assert answer["verdict"] == "disproved"
    assert answer["seen"] | seen == answer["seen"]
    assert "CANARY" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("winget", "why"),
    [
        ({"version": ""}, "winget.exe --version prints nothing (it ends with 0x00000000): mostly for lack of"),
        (None, "no winget.exe below Program Files\\WindowsApps"),
    ],
)
def test_a_winget_that_does_not_work_is_disproved_in_the_words_of_the_product(
    winget: dict[str, str] | None, why: str, ask: Callable[..., Any], furnished: WindowsPC
) -> None:
    if winget is None:
        (furnished.disk / "Program Files" / "WindowsApps").mkdir()
    else:
        furnished.install_winget("1.28.219.0", **winget)
    answer = ask("windows-winget.system", account="SYSTEM")["windows-winget.system"]
    assert answer["verdict"] == "disproved" and answer["seen"]["why"].startswith(why)


def test_a_line_that_breaks_is_told_and_stops_no_other(ask: Callable[..., Any], furnished: WindowsPC) -> None:
    whole = furnished.registry
    del whole[PROFILE_LIST]
    furnished.registry_file.write_text(
        json.dumps({key: value for key, value in whole.items() if PROFILE_LIST not in key})
    )
    answers = ask("windows-profiles", "windows-bits", "windows-unheard-of")
    assert verdicts(answers) == {
        "windows-profiles": "disproved",
        "windows-bits": "proved",
        "windows-unheard-of": "not_asked",
    }
    assert answers["windows-profiles"]["reason"] == "threw"
    assert {"exception", "at", "hresult", "code"} <= set(answers["windows-profiles"]["seen"])


def test_a_pc_without_anybody_or_anything_says_what_is_missing(pc: WindowsPC, modules: ModuleServer) -> None:
    lines = ["windows-profiles", "windows-redirection", "windows-running.clients", "windows-thunderbird-section"]
    lines += ["windows-native.Resolve-ImSid", "windows-uninstall-keys", "windows-trust"]
    for view in (UNINSTALL, UNINSTALL_32):
        pc.set_registry(view + "Other", DisplayName="Other")
    given = {"lines": lines, "clients": kit.clients_for(CLIENTS, "Windows")}
    answers = modules.call(pc, "im_selftest", given)["lines"]
    assert {identifier: answer["reason"] for identifier, answer in answers.items()} == {
        "windows-profiles": "no_profile",
        "windows-redirection": "nobody_logged_on",
        "windows-running.clients": "no_client_runs",
        "windows-thunderbird-section": "not_installed",
        "windows-native.Resolve-ImSid": "no_second_witness",
        "windows-uninstall-keys": "not_installed",
        "windows-trust": "needs_change",
    }


def test_with_check_not_even_a_folder_is_made(ask: Callable[..., Any]) -> None:
    answers = ask("windows-rights", "windows-junction", "windows-trust", "windows-bits", check=True, change=True)
    assert {answer["reason"] for name, answer in answers.items() if name != "windows-bits"} == {"check_mode"}
    assert answers["windows-bits"]["verdict"] == "proved"


def test_the_authority_of_the_trial_goes_in_and_out_of_the_store(ask: Callable[..., Any], furnished: WindowsPC) -> None:
    assert ask("windows-trust", change=True, authority=AUTHORITY)["windows-trust"]["verdict"] == "proved"
    typed = [line.split()[0] for line in furnished.certutil_calls]
    assert typed == ["-store", "-f", "-store", "-delstore", "-store"]
    furnished.let_certutil_fail()
    answer = ask("windows-trust", change=True, authority=AUTHORITY)["windows-trust"]
    assert (answer["verdict"], answer["seen"]["added"]) == ("disproved", False)


def kit_of(site: Site, *words: str, **extra: Any) -> tuple[str, list[str], dict[str, Any]]:
    """Run the role on all PCs: what the screen says, the texts of the reports, the JSON of the first."""
    directory = site.directory / "reports"
    seats = [{"login": login, "person": f"{login}.person", "clients": ["pidgin"]} for login in PEOPLE]
    given = {"im_seats": seats, "im_selftest_directory": str(directory)} | extra
    done = site.play([{"include_role": {"name": "im_selftest"}}], *words, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    first: dict[str, Any] = json.loads((directory / "windows-1.json").read_text(encoding="utf-8"))
    return done.stdout, [path.read_text(encoding="utf-8") for path in sorted(directory.iterdir())], first


def test_the_whole_kit_over_winrm_makes_a_report_without_names(site_of: Callable[..., Site]) -> None:
    site = site_of("CANARY-pc")
    furnish(site.pc)
    site.pc.install_winget("1.28.219.0", client=True)
    before = site.pc.starts
    screen, texts, report = kit_of(site)
    assert site.pc.starts - before <= 4  # two calls, and two looks of PowerShell 7 for winget
    answered = {row["id"]: row["verdict"] for row in report["lines"]}
    assert list(answered) == [line.id for line in kit.lines_of("Windows")]
    expected = {name for name, verdict in answered.items() if verdict != "proved"}
    assert expected == set(NOT_HERE) | {line.id for line in kit.LINES if line.change and line.system == "Windows"}
    assert "windows-1.md" in screen and "prouvé" in texts[1]
    for text in texts:
        for secret in ("CANARY", "canary", DOMAIN_SID, "deploy", str(site.directory)):
            assert secret not in text
    assert report["about"]["package_manager"] == "v1.28.219"


def without_thunderbird(pc: WindowsPC) -> None:
    registry = {key: values for key, values in pc.registry.items() if "Mozilla Thunderbird" not in key}
    pc.registry_file.write_text(json.dumps(registry), encoding="utf-8")


def test_what_installers_left_is_looked_at_and_no_marker_stays(ask: Callable[..., Any], furnished: WindowsPC) -> None:
    lines = ["windows-installers.install", "windows-installers.upgrade"]
    fresh = kit.clients_for(CLIENTS, "Windows", ["pidgin", "thunderbird"])
    assert {answer["reason"] for answer in ask(*lines, clients=fresh).values()} == {"needs_change"}
    marker = furnished.disk / "Program Files" / "Mozilla Thunderbird" / "distribution" / "im-selftest"
    first = ask(lines[0], clients=fresh, change=True)[lines[0]]
    assert first["verdict"] == "disproved"  # it has no French of Pidgin
    assert (first["seen"]["pidgin_in_french"], first["seen"]["thunderbird_in_french"]) == (False, True)
    assert marker.exists()
    assert ask(lines[1], clients=fresh, change=True)[lines[1]]["verdict"] == "proved"
    assert not marker.parent.exists()
    lost = ask(lines[1], clients=fresh, change=True)[lines[1]]
    assert (lost["verdict"], lost["seen"]["folder_of_policies_stayed"]) == ("disproved", False)


def test_with_leave_to_change_a_missing_client_is_installed_upgraded_and_removed(site: Site) -> None:
    pc = site.pc
    furnish(pc)
    without_thunderbird(pc)
    before = pc.registry
    identifier = "Mozilla.Thunderbird.ESR.fr"
    pc.install_winget("1.28.219.0", programs={identifier: PROGRAMS["Mozilla.Thunderbird.fr"]})
    role = {"name": "im_selftest", "tasks_from": "installers", "rolespec_validate": False}
    given = {
        "im_selftest_older": {"thunderbird": "140.12.1"},
        "__im_selftest_look": {"packages": kit.packages_for(CLIENTS, ["thunderbird"])},
    }
    shown = {"debug": {"msg": "{{ [__im_selftest_installed, __im_selftest_upgraded] | map(attribute='lines') }}"}}
    done = site.play([{"include_role": role}, shown], callback="json", **given)
    told = json.loads(done.stdout)["plays"][0]["tasks"][-1]["hosts"]["pc-1"]["msg"]
    found = {line: answer for look in told for line, answer in look.items()}
    assert verdicts(found) == {"windows-installers.install": "proved", "windows-installers.upgrade": "proved"}, found
    typed = [(words[0], "--version" in words) for words in pc.winget_calls]
    assert typed == [("install", True), ("install", False), ("uninstall", False)]
    assert pc.registry == before
