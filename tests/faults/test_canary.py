"""A password that nobody shall see: given in every way the product accepts one, then looked for everywhere."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shlex
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults_lab import DOMAIN, LAB, PROJECT, SERVER_PORT, Site, on_desk, python_on_desk, remove_logins, rows
from lived_in import PROFILES, make_login

pytestmark = pytest.mark.lab

LOGIN, BROKEN, ADMIN = "faute1", "faute2", "fauteadmin"
MARK = "CANARY" + secrets.token_hex(8)  # in every one of them, so that one search finds any
CANARIES = {way: f"{MARK}-{way}" for way in ("vault", "account", "admin", "become", "pidgin", "gajim", "broken")}
WINDOW = 24  # characters of base64, from anywhere in it, that give a content away
BUILT = {".git", ".venv", ".lab", ".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ansible", ".cache"}

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
    """

    shown: str
    needles: list[str]
    control: list[str]
    desk: list[str]
    states: dict[tuple[str, str], str]
    hints: list[str]


def packed_forms(data: bytes) -> list[str]:
    """How the bytes of a file look while they travel: pieces of their base64, plain and compressed at any level."""
    forms = [base64.b64encode(data).decode()]
    forms += [base64.b64encode(zlib.compress(data, level)).decode() for level in range(1, 10)]
    # The end of a text is as telling as its beginning, and no header of a format that many files share.
    return [piece for form in forms for piece in (form[-WINDOW:], form[len(form) // 2 :][:WINDOW])]


def plain_forms(secret: str) -> list[str]:
    """A secret, and its base64 at each of the three places it can have in a longer text."""
    found = [secret]
    for shift in range(3):
        form = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        found.append(form[4 if shift else 0 : -4])
    return found


def with_password(database: bytes, password: str, directory: Path) -> bytes:
    """Gajim's settings with a password in each account, as Gajim keeps it without a keyring."""
    file = directory / "settings.sqlite"
    file.write_bytes(database)
    connection = sqlite3.connect(file)
    for name, settings in connection.execute("SELECT account, settings FROM account_settings").fetchall():
        changed = json.dumps({**json.loads(settings), "password": password, "savepass": True})
        connection.execute("UPDATE account_settings SET settings = ? WHERE account = ?", (changed, name))
    connection.commit()
    connection.close()
    return file.read_bytes()


def lay(login: str, path: str, data: bytes) -> None:
    """Replace a file of a login's profile, keeping owner and mode."""
    on_desk(f"cat > /home/{login}/{path}", data)


def holders(places: list[Path], needles: list[str]) -> list[str]:
    """Files below places of the control node that hold a needle; what the project is built of is left out.

    Other tests may run beside this one: what they take away meanwhile is no trace of ours.
    """
    raw = [needle.encode() for needle in needles]
    found = []
    for place in places:
        for folder, below, names in os.walk(place):
            below[:] = [name for name in below if name not in BUILT]
            for path in (Path(folder, name) for name in names if name not in BUILT):
                if path.is_file() and not path.is_symlink():
                    with suppress(FileNotFoundError):
                        data = path.read_bytes()
                        found += [str(path)] if any(needle in data for needle in raw) else []
    return found


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traces]:
    """Two runs with a canary in every place; nothing of it stays on the desk."""
    given, left = tmp_path_factory.mktemp("given"), tmp_path_factory.mktemp("left")
    logins = [LOGIN, BROKEN, ADMIN]

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
        }
        environment = {
            "ANSIBLE_VAULT_PASSWORD_FILE": str(given / "vault-password"),
            "ANSIBLE_LOG_PATH": str(left / "ansible.log"),
            "ANSIBLE_HOME": str(left / "home"),
            "ANSIBLE_LOCAL_TEMP": str(left / "tmp"),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(left / "facts"),
        }
        site = Site(
            [
                {"login": LOGIN, "person": "alice.martin", "clients": ["pidgin", "gajim"]},
                {"login": BROKEN, "person": "bruno.lefevre", "clients": ["pidgin", "gajim"]},
            ],
            left,
            {"im_preferences": {"auto_away_minutes": 17}, "im_enforced_preferences": ["auto_away_minutes"]},
            environment,
            {"ansible_user": ADMIN},
        )
        subprocess.run(
            [Path(sys.executable).parent / "ansible-vault", "encrypt", "--output", given / "secrets.yml"],
            input=json.dumps(secret).encode(),
            env=site.settings(),
            check=True,
            capture_output=True,
        )
        vault = ["-e", f"@{given / 'secrets.yml'}"]
        run = site.run("--diff", "-vvv", *vault)
        # The other method, with which the administration account is asked.
        second = site.run("--diff", "-vvv", *vault, "-e", "im_accounts_method=exists")
        after = {
            path: on_desk(f"cat /home/{LOGIN}/{path}")
            for path in (".purple/accounts.xml", ".config/gajim/settings.sqlite")
        }
        needles = [form for canary in [MARK, *CANARIES.values(), *real.values()] for form in plain_forms(canary)]
        for data in (accounts, gajim, broken, *after.values()):
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
        )
    finally:
        remove()


def test_the_passwords_were_really_used(traces: Traces) -> None:
    assert traces.states == {
        (LOGIN, "pidgin"): "changed",
        (LOGIN, "gajim"): "changed",
        (BROKEN, "pidgin"): "refused",
        (BROKEN, "gajim"): "refused",
    }
    assert "auto_away_minutes" in traces.shown or "17" in traces.shown
    verdicts = set(re.findall(r'"verdict": "(\w+)"', traces.shown))
    assert {"auth_failed", "ok"} <= verdicts, verdicts  # the canary was tried, and a right one


def test_nothing_that_is_printed_reported_or_logged_holds_a_password(traces: Traces) -> None:
    assert [needle for needle in traces.needles if needle in traces.shown] == []


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
