"""A lab desk serves logins that Ansible has never heard of: real hooks, real clients, the lab's real server."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import predictions
import pytest
from desktop import Desktop
from login_desk import LAB, PROJECT, SHIFT, Desk
from prosody_log import ProsodyLog

pytestmark = pytest.mark.lab

ROOM = {"pc-bib-01": ["gajim", "pidgin"], "pc-bib-02": ["thunderbird"]}
PORTS = {"pc-bib-01": 22001 + SHIFT, "pc-bib-02": 22002 + SHIFT}
JIDS = {"e0421": "bruno.lefevre@univ-lille.example"}
STATE = ".local/state/im_client/first-login"
PLACES = (
    "/usr/local/lib/im_client/first-login.json /usr/local/lib/im_client/login-job.pyz"
    " /etc/profile.d/im-client-login.sh /etc/X11/Xsession.d/19im-client-login"
)
SCREENSHOTS = PROJECT / "reports" / "e2e"
#: By hand, somewhere else.
OWN_ACCOUNT = """<?xml version='1.0' encoding='UTF-8' ?>

<account version='1.0'>
	<account>
		<protocol>prpl-jabber</protocol>
		<name>zoe@elsewhere.example/home</name>
	</account>
</account>
"""
SEAT, SERVICE_USER, HOSTILE = "flseat", "flservice", "x.y&z'"


class Case(NamedTuple):
    """A person who logs in without having a seat, and the account that the rule of the site gives."""

    host: str
    login: str
    client: str
    jid: str


CASES = [
    Case("pc-bib-01", "alice.martin", "gajim", "alice.martin@univ-lille.example"),
    Case("pc-bib-01", "e0421", "pidgin", "bruno.lefevre@univ-lille.example"),
    Case("pc-bib-02", "dina.haddad", "thunderbird", "dina.haddad@univ-lille.example"),
]
OWN = "zoe.obrien"
PEOPLE = {
    "pc-bib-01": ["alice.martin", "e0421", OWN, SEAT, SERVICE_USER, HOSTILE],
    "pc-bib-02": ["dina.haddad"],
}


class Room:
    """The desks of the room, and the playbooks run over them alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.desks = {host: Desk(host, directory, port) for host, port in PORTS.items()}

    def inventory(self, serving: bool) -> Path:
        """The demo's desks with other wishes: one seat, and first logins if they are served."""
        seats = [{"login": SEAT, "person": "zoe.obrien", "clients": ["pidgin"]}]
        hosts: dict[str, Any] = {}
        for host, clients in ROOM.items():
            hosts[host] = {"ansible_port": PORTS[host], "im_seats": seats if host == "pc-bib-01" else []}
            if serving:
                hosts[host]["im_first_login"] = {"clients": clients, "jids": JIDS}
        path = self.directory / "room.json"
        path.write_text(json.dumps({"desks": {"hosts": hosts}}))
        return path

    def run(self, playbook: str, *arguments: str, serving: bool = True) -> predictions.Run:
        """Run a playbook over the room; returns what it printed, its exit code and its report."""
        server = {"host": "127.0.0.1", "port": 15222 + SHIFT}
        admin = {"jid": "svc-check@univ-lille.example", "password": "{{ vault_im_admin_password }}"}
        extra = {
            "__lab": str(LAB),
            "im_accounts_reach": server,
            "im_server_reach": server,
            "im_accounts_admin": {**admin, **server},
            "im_provisioning_writer": {},
            "im_compliance_history": "",
            "im_compliance_directory": str(self.directory / "compliance"),
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), f"playbooks/{playbook}"]
        command += ["-i", "inventories/demo", "-i", str(self.inventory(serving)), "--limit", ":".join(ROOM)]
        done = subprocess.run(
            [*command, *arguments, "-e", json.dumps(extra)],
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.findall(r"JSON: (\S+\.json)", done.stdout)
        assert found, done.stdout + done.stderr
        return predictions.Run(done.stdout, done.returncode, json.loads(Path(found[-1]).read_text(encoding="utf-8")))

    def traces(self) -> dict[str, str]:
        return {host: desk.sh(predictions.TRACES) for host, desk in self.desks.items()}

    def stop_serving(self) -> None:
        """Take away what a test that was cut off left."""
        if any(desk.sh(f"ls {PLACES} 2>/dev/null; true") for desk in self.desks.values()):
            self.run("site.yml", serving=False)

    def empty(self) -> None:
        """Remove the people of the tests and what the desks keep of them."""
        for host, people in PEOPLE.items():
            for who in map(shlex.quote, people):
                self.desks[host].sh(
                    f"pkill -KILL -u {who}; userdel -rf {who} 2>/dev/null; rm -rf /var/lib/im_client/*/{who}; true"
                )


def states(run: predictions.Run) -> dict[tuple[str, str, str], str]:
    assert run.report is not None
    return {(row["host"], row["login"], row["client"]): row["state"] for row in run.report["rows"]}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """The room as site.yml leaves it: the check before it foretold all, and a second run finds nothing to do."""
    made = Room(tmp_path_factory.mktemp("room"))
    made.empty()
    made.desks["pc-bib-01"].sh(f"useradd -ms /bin/bash {SEAT}")
    made.stop_serving()
    for host, desk in made.desks.items():
        packages = " ".join(["librsvg2-common", *ROOM[host]])
        install = f"DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends {packages}"
        desk.sh(f"dpkg -s {packages} > /dev/null 2>&1 || {{ apt-get update -qq && {install}; }} > /dev/null")
    before = made.traces()
    foretold = made.run("site.yml", "--check", "--diff")
    different = predictions.left_behind(before, made.traces())
    laid = made.run("site.yml", "--diff")
    assert not different + predictions.compare(foretold, laid)
    assert laid.code == 0, laid.printed
    anybody = {place: state for place, state in states(laid).items() if place[1] == "*"}
    assert anybody == {(host, "*", client): "changed" for host, clients in ROOM.items() for client in clients}
    for host, people in PEOPLE.items():
        for who in people:
            kind = "--system" if who == SERVICE_USER else "--badname" if who == HOSTILE else ""
            if who != SEAT:
                made.desks[host].sh(f"useradd -ms /bin/bash {kind} {shlex.quote(who)}")
    yield made
    made.stop_serving()
    made.empty()


def noted(desk: Desk, login: str) -> dict[str, Any]:
    """What the job left in the home of a login."""
    told: dict[str, Any] = json.loads(desk.sh(f"cat ~{login}/{STATE}/result.json"))
    return {key.rpartition("/")[2]: group for key, group in told["groups"].items()}


def test_the_job_is_roots_and_everybody_can_read_it_and_it_holds_no_secret(room: Room) -> None:
    desk = room.desks["pc-bib-01"]
    modes = desk.sh(f"stat -c '%U %a' /usr/local/lib/im_client {PLACES}").splitlines()
    assert modes == ["root 755", *["root 644"] * 4]
    text = desk.sh("cat /usr/local/lib/im_client/first-login.json", login="amartin")
    secrets = json.loads((LAB / "secrets.json").read_text(encoding="utf-8"))
    assert not [jid for jid, secret in secrets.items() if secret in text]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.login}-{case.client}")
def test_a_client_started_as_somebody_nobody_knew_asks_for_the_password_and_is_online(room: Room, case: Case) -> None:
    desk, secrets = room.desks[case.host], json.loads((LAB / "secrets.json").read_text(encoding="utf-8"))
    desk.log_in(case.login)
    found = noted(desk, case.login)
    assert {client: group["state"] for client, group in found.items()} == dict.fromkeys(ROOM[case.host], "changed")
    assert desk.sh(f"find ~{case.login} ! -user {case.login}") == ""

    stamps = f"find ~{case.login} -type f -printf '%p %T@ %i\\n' | sort"
    before = desk.sh(stamps)
    desk.log_in(case.login)
    assert desk.sh(stamps) == before

    log = ProsodyLog(LAB / "prosody" / "log" / "prosody.log")
    log.mark()
    with Desktop(case.host, case.login, LAB / "ssh_config") as desktop:
        try:
            desktop.start(case.client)
            question = desktop.password_window()
            assert desktop.unexpected_windows() == []
            desktop.type_secret(question, secrets[case.jid])
            log.wait_for(f"Authenticated as {case.jid}")
            desktop.wait_until_gone(question)
        finally:
            desktop.screenshot(SCREENSHOTS / f"first-login-{case.login}-{case.client}.png")
        desktop.quit()

    # What the client wrote is its own, and the next login is none of ours any more.
    before = desk.sh(stamps)
    desk.log_in(case.login)
    assert desk.sh(stamps) == before


def test_who_has_an_account_keeps_every_byte_of_it(room: Room) -> None:
    desk = room.desks["pc-bib-01"]
    desk.sh(f"su {OWN} -c 'umask 077; mkdir ~/.purple; cat > ~/.purple/accounts.xml' <<'END'\n{OWN_ACCOUNT}END")
    look = f"cd ~{OWN}/.purple && find . -printf '%p %T@ %i\\n' -type f -exec sha256sum {{}} +"
    before = desk.sh(look)
    desk.log_in(OWN)
    assert desk.sh(look) == before
    assert desk.sh(f"ls ~{OWN}/.config/autostart") == "org.gajim.Gajim.desktop"
    found = noted(desk, OWN)
    assert (found["pidgin"]["state"], found["gajim"]["state"]) == ("compliant", "changed")
    assert "set up already" in found["pidgin"]["detail"]


def test_seats_users_of_services_and_logins_that_fit_no_rule_get_nothing(room: Room) -> None:
    desk = room.desks["pc-bib-01"]
    own = "find . -name .local -prune -o -type f -print | sort"
    for who in (SEAT, SERVICE_USER, HOSTILE):
        name = shlex.quote(who)
        home = f'cd "$(getent passwd {name} | cut -d: -f6)"'
        before = desk.sh(f"{home} && {own}")
        assert desk.sh(f"su - {name} -c true 2>&1") == ""
        assert desk.sh(f"{home} && {own}") == before
        told = desk.sh(f"{home} && cat {STATE}/result.json 2>/dev/null; true")
        assert ("no account is known" in told) is (who == HOSTILE)
    assert "zoe.obrien@" in desk.sh(f"cat ~{SEAT}/.purple/accounts.xml")


def test_compliance_tells_the_drift_of_the_job_and_touches_nothing(room: Room) -> None:
    desk = room.desks["pc-bib-01"]
    desk.sh("echo 'exit 1' > /etc/profile.d/im-client-login.sh")
    before = room.traces()
    audit = room.run("compliance.yml")
    assert not predictions.left_behind(before, room.traces())
    assert audit.report is not None
    rows = {(row["host"], row["client"]): row for row in audit.report["rows"] if row["login"] == "*"}
    assert {place: row["state"] for place, row in rows.items()} == {
        ("pc-bib-01", "gajim"): "drift",
        ("pc-bib-01", "pidgin"): "drift",
        ("pc-bib-02", "thunderbird"): "compliant",
    }
    (cause,) = rows["pc-bib-01", "gajim"]["causes"]
    assert (cause["code"], cause["document"]) == ("wish", "/etc/profile.d/im-client-login.sh")
    mended = states(room.run("site.yml"))
    assert (mended["pc-bib-01", "*", "gajim"], mended["pc-bib-02", "*", "thunderbird"]) == ("changed", "compliant")
    again = room.run("site.yml")
    assert again.code == 0 and set(states(again).values()) == {"compliant"}
    assert set(re.findall(r"changed=(\d+)", again.printed)) == {"0"}


def test_without_the_variable_the_job_goes_and_the_profiles_stay(room: Room) -> None:
    desk = room.desks["pc-bib-01"]
    laid = desk.sh("sha256sum ~alice.martin/.config/gajim/settings.sqlite")
    gone = room.run("site.yml", serving=False)
    assert not [place for place in states(gone) if place[1] == "*"]
    assert desk.sh(f"ls -d {PLACES} /usr/local/lib/im_client /etc/systemd/user/*/im-client* 2>/dev/null; true") == ""
    assert desk.sh("sha256sum ~alice.martin/.config/gajim/settings.sqlite") == laid
