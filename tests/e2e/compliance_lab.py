"""Two desks, a host that goes silent, and a service of their own, for the tests of playbooks/compliance.yml.

The service is the lab's Prosody 13, which can disable accounts. Each login has one kind of drift, as it is called.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import people_servers
import pytest
from homes import fetch, lay
from im_lab import identity
from im_lab.settings import Settings
from lab_runs import on_desk
from lab_servers import HOST as SERVER_HOST
from lab_servers import lab

DESK, FAR, OFF = "pc-bib-01", "pc-bib-02", "pc-off"
SERVER = "prosody13"
ACCOUNTS, BLIST, PREFS = (f".purple/{name}.xml" for name in ("accounts", "blist", "prefs"))
SECRET = "CANARY-IN-CLEAR"
#: Login -> its person. The profile of `fresh` is never deployed before the audit.
PIDGIN = {
    "deleted": "alice.martin",
    "weakened": "alice.martin",
    "room": "bruno.lefevre",
    "rewritten": "bruno.lefevre",
    "initial": "alice.martin",
    "enforced": "alice.martin",
    "malformed": "alice.martin",
    "foreign": "alice.martin",
    "wish": "dina.haddad",
    "disabled": "u00001",
    "gone": "u00002",
    "contact": "zoe.obrien",
    "waived": "alice.martin",
    "ended": "alice.martin",
    "running": "alice.martin",
}
GAJIM = {"package": "alice.martin"}
FRESH = {"fresh": "alice.martin"}
LOGINS = (*PIDGIN, *GAJIM, *FRESH)
#: Seats of the other desk: one whose way to the service is cut, and one that is reached by the name of a third host.
AFAR, AWAY = "afar", "away"
HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
WAIVERS = [
    {"login": "waived", "causes": ["user"], "reason": "old server", "by": "M. Petit", "until": "2099-12-31"},
    {"login": "ended", "reason": HOSTILE, "by": "M. Petit", "until": "2020-01-01"},
    {"login": "nobody", "reason": "unused", "by": "M. Petit", "until": "2099-12-31"},
]
#: What stands on a desk byte for byte: every home, what root keeps of our runs, the machine's documents, its packages.
SUMS = (
    "find /home /root /etc /var/lib/im_client -xdev -path /home/ansible/.ansible -prune -o -type f "
    "-exec sha256sum {} + | sort -k 2; dpkg-query -W"
)


def seats(logins: dict[str, str], client: str) -> list[dict[str, Any]]:
    """One seat of one client for each login."""
    return [{"login": login, "person": person, "clients": [client]} for login, person in logins.items()]


def people(domain: str) -> dict[str, dict[str, Any]]:
    """The people as they are wished when everything is deployed."""
    return {
        "alice.martin": {},
        "bruno.lefevre": {"rooms": ["equipe"], "preferences": {"alias": "Bruno Lefèvre"}},
        "dina.haddad": {},
        "u00001": {},
        "u00002": {},
        "zoe.obrien": {"contacts": [{"jid": f"bruno.lefevre@{domain}", "name": HOSTILE}]},
    }


def wishes(history: Path, **more: Any) -> dict[str, Any]:
    """Extra variables of every run: the service and what is wished; ``more`` replaces any of them."""
    server = people_servers.server_of(SERVER)

    def login(name: str) -> dict[str, Any]:
        jid = f"{name}@{server.domain}"
        # A template: the password stands in the lab's file, and in no command line.
        password = f"{{{{ vault_im_passwords['{jid}'] }}}}"
        return {"jid": jid, "password": password, "host": SERVER_HOST, "port": server.starttls}

    return {
        "im_service": {"domain": server.domain, "conference": server.conference, "ca_file": str(server.ca_file)},
        "im_accounts_reach": {"host": SERVER_HOST, "port": server.starttls},
        "im_accounts_admin": login(server.admin),
        "im_provisioning_writer": {"service_account": login(server.provisioner)},
        "im_provisioning_subscription": "none",
        "im_people": people(server.domain),
        "im_enforced_preferences": ["auto_reply", "mail_notifications", "rooms", "alias"],
        "im_history_url": str(history),
        **more,
    }


def inventory(directory: Path, *, fresh: bool, off: bool) -> Path:
    """What this test adds to the demo inventory.

    Args:
        directory: for the file.
        fresh: with the seat that was never deployed, and with the question whether the other desk reaches the service;
            a dry run of a deployment cannot ask that, as the desk does not trust the authority yet.
        off: the third host does not answer; else it is another name of the second desk.
    """
    port = 9 if off else Settings.from_environment().ssh_port(FAR)
    drifting = [*seats(PIDGIN, "pidgin"), *seats(GAJIM, "gajim"), *(seats(FRESH, "pidgin") if fresh else [])]
    hosts = {
        DESK: {"im_seats": drifting},
        FAR: {"im_seats": seats({AFAR: "alice.martin"}, "thunderbird"), "im_client_check_reach": fresh},
        OFF: {"im_seats": seats({AWAY: "alice.martin"}, "thunderbird"), "ansible_port": port},
    }
    path = directory / f"hosts-{fresh}-{off}.json"
    path.write_text(json.dumps({"desks": {"hosts": hosts}}), encoding="utf-8")
    return path


def edit(login: str, path: str, old: bytes, new: bytes) -> None:
    """Change a file as the person or the client would."""
    (content,) = fetch(DESK, login, path).values()
    assert old in content, content
    lay(DESK, login, {path: content.replace(old, new, 1)})


def between(login: str, path: str, start: bytes, end: bytes) -> bytes:
    """The first part of a file from ``start`` to ``end``, both included."""
    (content,) = fetch(DESK, login, path).values()
    begin = content.index(start)
    return content[begin : content.index(end, begin) + len(end)]


def plant_on_the_desks() -> None:
    """Have each login drift by hand, take a package away, cut the other desk off from the service."""
    weaker = (b">require_tls<", b">opportunistic_tls<")
    for login in ("weakened", "waived", "ended", "running"):
        edit(login, ACCOUNTS, *weaker)
    account = between("deleted", ACCOUNTS, b"\t<account>", b"</account>\n")
    edit("deleted", ACCOUNTS, account, b"")
    edit("room", BLIST, between("room", BLIST, b"<chat ", b"</chat>"), b"")
    # Pidgin takes over the name that the server has for its own account.
    edit("rewritten", ACCOUNTS, "<alias>Bruno Lefèvre</alias>".encode(), b"<alias>Bruno</alias>")
    away = b"name='mins_before_away' type='int' value='%d'"
    edit("initial", PREFS, away % 10, away % 25)
    edit("initial", ACCOUNTS, b"</name>", f"</name><password>{SECRET}</password>".encode())
    edit("enforced", PREFS, b"type='string' value='never'", b"type='string' value='awayidle'")
    edit("malformed", PREFS, b"</pref>\n</pref>", b"")
    other = account.replace(b"alice.martin@", b"bruno.lefevre@")
    edit("foreign", ACCOUNTS, account, account + other)
    on_desk(DESK, "dpkg --remove gajim")
    on_desk(DESK, "mkdir -p /usr/local/bin/toy && cp /bin/sleep /usr/local/bin/toy/pidgin")
    on_desk(DESK, "su - running -c 'setsid /usr/local/bin/toy/pidgin 3000 >/dev/null 2>&1 < /dev/null &'")
    domain = people_servers.server_of(SERVER).domain
    on_desk(FAR, f"echo 127.0.0.1 {domain} >> /etc/hosts")


def mend_the_desks() -> None:
    """Take away what no removed login takes along."""
    on_desk(DESK, "rm -rf /usr/local/bin/toy")
    # A container's own file, which cannot be replaced: only its content can.
    domain = people_servers.server_of(SERVER).domain
    on_desk(FAR, f"grep -v '{domain}$' /etc/hosts > /run/hosts; cat /run/hosts > /etc/hosts; rm /run/hosts")


def plant_on_the_server() -> None:
    """Disable one account, remove another, and have a person lose the contacts."""
    server = people_servers.server_of(SERVER)
    lab("exec", SERVER, "prosodyctl", "shell", "user", "disable", f"u00001@{server.domain}")
    lab("accounts", "1", "--server", SERVER)
    people_servers.clear(server, "zoe.obrien")


@contextmanager
def certificate_near_its_end() -> Iterator[None]:
    """The server shows a certificate of the lab's authority that is good for nine days; then one for long again."""
    settings = Settings.from_environment()
    server = settings.server(SERVER)

    def renew() -> None:
        (server.state / "certs" / f"{server.domain}.crt").unlink()
        identity.ensure_certificate(settings, server)
        lab("exec", SERVER, "prosodyctl", "shell", "config", "reload")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "CERTIFICATE_DAYS", 9)
        renew()
    try:
        yield
    finally:
        renew()


def extra_password() -> str:
    """A template of the password that the extra accounts share, for a check by login."""
    path = os.fspath(people_servers.server_of(SERVER).accounts)
    return f"{{{{ (lookup('ansible.builtin.file', '{path}') | from_json).password }}}}"
