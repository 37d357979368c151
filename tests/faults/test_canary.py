"""A password that nobody shall see: given in every way the product accepts one, then looked for everywhere.

On a desk of the lab and, in the same runs, on a made-up Windows PC that is reached by WinRM (tests/winrm), where there
is a PowerShell to play it.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from canaries import ProcessWatch, decoded, holders, packed_forms, plain_forms, with_password
from faults_lab import DOMAIN, LAB, PROJECT, SERVER_PORT, Site, on_desk, python_on_desk, remove_logins, rows
from lived_in import PROFILES, make_login
from windows_pc import FAKES, PWSH, WindowsPC
from windows_programs import install
from windows_site import USER
from windows_site import Site as WindowsSite
from winrm_certificates import authority_and_context
from winrm_peer import Peer

pytestmark = pytest.mark.lab

LOGIN, BROKEN, ADMIN = "faute1", "faute2", "fauteadmin"
MARK = "CANARY" + secrets.token_hex(8)  # in every one of them, so that one search finds any
WAYS = ("vault", "account", "admin", "become", "winrm", "pidgin", "gajim", "broken")
CANARIES = {way: f"{MARK}-{way}" for way in WAYS}
PC, PC_LOGIN, PC_BROKEN = "pc-win", "faute3", "faute4"

DESK_PLACES = ["/tmp", "/var", "/root", "/run", "/etc", "/home", "/srv", "/usr/local"]  # noqa: S108  to look into

#: Prints the path, owner and mode of each file that holds one of the needles, given as JSON with the places.
SEARCH = r"""
import json, os, pwd, stat, sys
asked = json.load(sys.stdin)
needles = [needle.encode() for needle in asked["needles"]]
for place in asked["places"]:
    for folder, _, names in os.walk(place):
        for name in names:
            path = os.path.join(folder, name)
            try:
                about = os.lstat(path)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(about.st_mode):
                data = open(path, "rb").read()
                if any(needle in data for needle in needles):
                    print(path, pwd.getpwuid(about.st_uid).pw_name, oct(stat.S_IMODE(about.st_mode))[2:])
"""


@dataclass
class Traces:
    """What two runs left. shown: all that they printed. needles: what must not stand there.

    control, desk: files that hold a needle ("path owner mode" on the desk).  states: of the rows of the first run.
    lines: the command lines of all processes meanwhile, on this machine and on the desk.  windows: the made-up PC.
    """

    shown: str
    needles: list[str]
    control: list[str]
    desk: list[str]
    states: dict[tuple[str, str], str]
    hints: list[str]
    lines: str
    windows: WindowsPC | None


def lay(login: str, path: str, data: bytes) -> None:
    """Replace a file of a login's profile, keeping owner and mode."""
    on_desk(f"cat > /home/{login}/{path}", data)


def seats_of(login: str, broken: str) -> list[dict[str, Any]]:
    """Two seats: one that can be done, one whose files are no profile."""
    return [
        {"login": login, "person": "alice.martin", "clients": ["pidgin", "gajim"]},
        {"login": broken, "person": "bruno.lefevre", "clients": ["pidgin", "gajim"]},
    ]


def files_of(pc: WindowsPC, login: str) -> list[Path]:
    """Where a person of the made-up PC has accounts.xml and settings.sqlite."""
    roaming = pc.disk / "Users" / login / "AppData" / "Roaming"
    return [roaming / ".purple" / "accounts.xml", roaming / "Gajim" / "settings.sqlite"]


def lay_on_pc(pc: WindowsPC, login: str, *contents: bytes) -> None:
    """Give the made-up PC both clients, and a person with these files."""
    for program in ("Gajim.Gajim", "Pidgin.Pidgin"):
        install(pc, program)
    pc.add_person(login, 2000 + len(pc.model["accounts"]))
    for path, data in zip(files_of(pc, login), contents, strict=True):
        path.parent.mkdir()
        path.write_bytes(data)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traces]:
    """Two runs with a canary in every place; nothing of it stays on the desk."""
    given, left = tmp_path_factory.mktemp("given"), tmp_path_factory.mktemp("left")
    logins = [LOGIN, BROKEN, ADMIN]
    peers = contextlib.ExitStack()

    def remove() -> None:
        on_desk(f"rm -f /etc/sudoers.d/{ADMIN}")
        remove_logins(logins)

    remove()
    try:
        # On the desk: an administrator who needs a password for sudo, and passwords in clear in the profiles.
        on_desk(
            f"useradd --create-home --shell /bin/bash {ADMIN} && chpasswd", f"{ADMIN}:{CANARIES['become']}".encode()
        )
        on_desk(f"echo '{ADMIN} ALL=(ALL) ALL' > /etc/sudoers.d/{ADMIN} && chmod 440 /etc/sudoers.d/{ADMIN}")
        for login in (LOGIN, BROKEN):
            make_login(login, "pidgin", "gajim")
        accounts = PROFILES["pidgin"][".purple/accounts.xml"].replace(b"pw-user03", CANARIES["pidgin"].encode())
        assert CANARIES["pidgin"].encode() in accounts
        gajim = with_password(PROFILES["gajim"][".config/gajim/settings.sqlite"], CANARIES["gajim"], given)
        broken = accounts.replace(CANARIES["pidgin"].encode(), CANARIES["broken"].encode() + b"</name><password>")
        lay(LOGIN, ".purple/accounts.xml", accounts)
        lay(LOGIN, ".config/gajim/settings.sqlite", gajim)
        lay(BROKEN, ".purple/accounts.xml", broken)
        lay(BROKEN, ".config/gajim/settings.sqlite", CANARIES["broken"].encode() * 50)

        pc, reached = None, {}
        if PWSH is not None:
            authority, context = authority_and_context(given)
            pc = WindowsPC(given, PC)
            peer = peers.enter_context(Peer({PC: pc}, USER, CANARIES["winrm"], context).serving())
            made_up = WindowsSite(left, {PC: pc}, peer, authority)
            reached = {PC: made_up.variables(PC) | {"ansible_password": "{{ vault_winrm_password }}"}}
            lay_on_pc(pc, PC_LOGIN, accounts, gajim)
            lay_on_pc(pc, PC_BROKEN, broken, CANARIES["broken"].encode() * 50)

        # On the control node: an encrypted vault whose password stands in a file.
        (given / "vault-password").write_text(CANARIES["vault"], encoding="utf-8")
        (given / "vault-password").chmod(0o600)
        real = json.loads(LAB.secrets.read_text(encoding="utf-8"))
        server = {"host": "127.0.0.1", "port": SERVER_PORT}
        secret = {
            "vault_im_passwords": {
                "alice.martin": CANARIES["account"],
                "bruno.lefevre": real[f"bruno.lefevre@{DOMAIN}"],
            },
            "im_accounts_admin": {"jid": f"svc-check@{DOMAIN}", "password": CANARIES["admin"], **server},
            "ansible_become_password": CANARIES["become"],
            "vault_winrm_password": CANARIES["winrm"],
        }
        environment = {
            "ANSIBLE_VAULT_PASSWORD_FILE": str(given / "vault-password"),
            "ANSIBLE_LOG_PATH": str(left / "ansible.log"),
            "ANSIBLE_HOME": str(left / "home"),
            "ANSIBLE_LOCAL_TEMP": str(left / "tmp"),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(left / "facts"),
            "ANSIBLE_MODULE_UTILS": f"{FAKES / 'module_utils'}:{PROJECT / 'module_utils'}",
        }
        site = Site(
            seats_of(LOGIN, BROKEN),
            left,
            {"im_preferences": {"auto_away_minutes": 17}, "im_enforced_preferences": ["auto_away_minutes"]},
            environment,
            {"ansible_user": ADMIN},
            windows={name: {**how, "im_seats": seats_of(PC_LOGIN, PC_BROKEN)} for name, how in reached.items()},
        )
        subprocess.run(
            [Path(sys.executable).parent / "ansible-vault", "encrypt", "--output", given / "secrets.yml"],
            input=json.dumps(secret).encode(),
            env=site.settings(),
            check=True,
            capture_output=True,
        )
        vault = ["-e", f"@{given / 'secrets.yml'}"]
        with ProcessWatch() as processes:
            run = site.run("--diff", "-vvvvvv", *vault)
            # The other method, with which the administration account is asked.
            second = site.run("--diff", "-vvvvvv", *vault, "-e", "im_accounts_method=exists")
        assert processes.looks > 20
        after = {
            path: on_desk(f"cat /home/{LOGIN}/{path}")
            for path in (".purple/accounts.xml", ".config/gajim/settings.sqlite")
        }
        needles = [form for canary in [MARK, *CANARIES.values(), *real.values()] for form in plain_forms(canary)]
        on_pc = [path.read_bytes() for path in files_of(pc, PC_LOGIN)] if pc else []
        for data in (accounts, gajim, broken, *after.values(), *on_pc):
            needles += packed_forms(data)
        report = json.dumps([list(rows(run).values()), list(rows(second).values())])
        desk = python_on_desk(
            SEARCH,
            json.dumps(
                {
                    "needles": needles,
                    "places": DESK_PLACES,
                }
            ).encode(),
        ).decode()
        yield Traces(
            run.stdout + run.stderr + second.stdout + second.stderr + report,
            needles,
            holders([left, PROJECT, Path.home() / ".ansible"], needles),
            desk.splitlines(),
            {place: row["state"] for place, row in rows(run).items()},
            [row["hint"] for row in [*rows(run).values(), *rows(second).values()]],
            "\n".join([processes.lines(), *(map(decoded, pc.arguments) if pc else [])]),
            pc,
        )
    finally:
        peers.close()
        remove()


def test_the_passwords_were_really_used(traces: Traces) -> None:
    done, refused = [LOGIN, PC_LOGIN], [BROKEN, PC_BROKEN]
    if traces.windows is None:
        done, refused = [LOGIN], [BROKEN]
    assert traces.states == {
        (login, client): state
        for logins, state in ((done, "changed"), (refused, "refused"))
        for login in logins
        for client in ("pidgin", "gajim")
    }
    assert "auto_away_minutes" in traces.shown or "17" in traces.shown
    verdicts = set(re.findall(r'"verdict": "(\w+)"', traces.shown))
    assert {"auth_failed", "ok"} <= verdicts, verdicts  # the canary was tried, and a right one


def test_nothing_that_is_printed_reported_or_logged_holds_a_password(traces: Traces) -> None:
    assert [needle for needle in traces.needles if needle in traces.shown] == []


def test_no_process_was_ever_given_a_password_as_an_argument(traces: Traces) -> None:
    assert "ansible-playbook" in traces.lines
    assert [needle for needle in traces.needles if needle in traces.lines] == []


def test_no_file_of_the_control_node_holds_a_password(traces: Traces) -> None:
    assert traces.control == []


def test_on_the_desk_passwords_stand_in_the_persons_files_and_their_private_backups_only(traces: Traces) -> None:
    allowed = re.compile(
        rf"/home/({LOGIN}|{BROKEN})/(\.purple/accounts\.xml|\.config/gajim/settings\.sqlite) \1 600"
        rf"|/var/lib/im_client/backups/{LOGIN}/[^/]+/(\.purple/accounts\.xml|\.config/gajim/settings\.sqlite) root 600"
    )
    assert [line for line in traces.desk if not allowed.fullmatch(line)] == []
    assert len(traces.desk) >= 6, "the search finds what is there: four files and two backups"
    closed = on_desk("stat -c '%U %a' /var/lib/im_client/backups").decode().split()
    assert closed == ["root", "700"], "nobody but root lists them"


def test_the_listing_of_the_backups_holds_names_only(traces: Traces) -> None:
    listing = on_desk(f"ls -lR {shlex.quote('/var/lib/im_client')}").decode()
    assert [needle for needle in traces.needles if needle in listing] == []


@pytest.mark.skipif(PWSH is None, reason="no pwsh on the PATH: nobody looked for passwords on Windows")
def test_on_a_windows_pc_too_and_its_temporary_files_hold_none(traces: Traces) -> None:
    pc = traces.windows
    assert pc is not None
    assert "Remove-Item -LiteralPath $filePath" in traces.lines, "what PowerShell was started with is looked into"
    assert "WINRM STDOUT" in traces.shown, "what the modules return is printed as far as Ansible ever does"
    assert "H4sIA" not in traces.shown, "gzip in base64: the beginning of any content that a PC answers"
    own = [path for login in (PC_LOGIN, PC_BROKEN) for path in files_of(pc, login)]
    backups = pc.disk / "ProgramData" / "im_client"
    found = [Path(path) for path in holders([pc.disk], traces.needles)]
    assert [path for path in found if path not in own and backups not in path.parents] == []
    kept = [path for path in found if backups in path.parents]
    assert {path.name for path in kept} == {"accounts.xml", "settings.sqlite"}
    closed = pc.model["security"][str(backups)]
    assert re.findall(r"\(A;[^)]*;([^;)]+)\)", closed) == ["SY", "BA"], (
        "nobody but SYSTEM and administrators reads them"
    )
    assert [needle for needle in traces.needles if needle in pc.registry_file.read_text(encoding="utf-8")] == []
