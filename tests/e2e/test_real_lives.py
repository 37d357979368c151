"""Real lives: profiles that people and their clients made, before and after our run, on Debian 11, 12 and 13."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from desktop import Desktop, Window
from homes import add_login, fetch, lay, remove_login
from lab_runs import PROJECT, changed_hosts, playbook, report_of
from lived_in import LIVES
from prosody_log import ProsodyLog

pytestmark = pytest.mark.lab

LAB = PROJECT / ".lab"
SCREENSHOTS = PROJECT / "reports" / "e2e"
LOGIN, HELPER = "vie1", "vie0"
PERSON, JID = "alice.martin", "alice.martin@univ-lille.example"
CLIENTS = ("gajim", "pidgin", "thunderbird")
#: Desk -> the person whose account is the login's own, before we come. One each: the server's log tells them apart.
OWN = {
    "pc-arc-04": "dina.haddad@univ-lille.example",
    "pc-bib-01": "bruno.lefevre@univ-lille.example",
    "pc-lab-03": "zoe.obrien@univ-lille.example",
}

#: Thunderbird 115 connects no account by itself whose password it does not hold, and asks nobody (read in its
#: imAccounts, seen): there the person presses "Connect" for each account.
BY_HAND = {("pc-arc-04", "thunderbird")}
#: Places in that window's list of the accounts that connect; the person's IRC account stands between them.
PLACES = (0, 2)


def secret_of(jid: str) -> str:
    secrets: dict[str, str] = json.loads((LAB / "secrets.json").read_text(encoding="utf-8"))
    return secrets[jid]


@dataclass(frozen=True)
class Lives:
    """What the first lives left: (desk, client) -> what is the person's, and the runs that followed."""

    own: dict[tuple[str, str], dict[str, Any]]
    inventory: Path
    run: subprocess.CompletedProcess[str]


def deploy(inventory: Path, login: str) -> subprocess.CompletedProcess[str]:
    seats = [{"login": login, "person": PERSON, "clients": list(CLIENTS)}]
    return playbook(
        *("site.yml", "-i", "inventories/demo", "-i", str(inventory), "--limit", ":".join(OWN)),
        extra={"im_seats": seats},
    )


class Person(Desktop):  # type: ignore[misc] # mypy does not follow imports of helpers
    """A person who also knows Thunderbird's window of chat accounts."""

    def open_accounts(self) -> Window:
        """Open the window of chat accounts, by the icon on the left and the button on the right."""
        main = self.wait_for_window("Thunderbird")
        self._run(f"xdotool windowfocus --sync {main.number} mousemove 22 202 click 1")
        self.wait_for_window("^(Chat|Messagerie instantanée)")
        # The button is drawn a moment after the title; a click before that does nothing.
        self._run("for again in 1 2 3 4; do xdotool mousemove 1050 95 click 1; sleep 1; done")
        return self.wait_for_window(r"\[Accounts\]")

    def connect(self, accounts: Window, place: int) -> None:
        """Choose the account at this place of the list and press its button."""
        down = " ".join(["key Down"] * place)
        self._run(f"xdotool windowfocus --sync {accounts.number} key Home {down} key alt+o")

    def close(self, window: Window) -> None:
        """Close a dialog as Escape does."""
        self._run(f"xdotool windowfocus --sync {window.number} key Escape")
        self.wait_until_gone(window)


def live(host: str, client: str, *, jids: dict[str, bool], moment: str) -> None:
    """Start a client, answer for the accounts that ask (value True), see all on the server, quit."""
    log = ProsodyLog(LAB / "prosody" / "log" / "prosody.log")
    with Person(host, LOGIN) as person:
        log.mark()
        try:
            person.start(client)
            accounts = person.open_accounts() if (host, client) in BY_HAND else None
            for number in range(sum(jids.values())):
                if accounts:
                    person.connect(accounts, PLACES[number])
                question = person.password_window()
                # Thunderbird names the account in the title; elsewhere only one account asks.
                asking = [
                    jid for jid, asks in jids.items() if asks and (client != "thunderbird" or jid in question.title)
                ]
                assert len(asking) == 1, (question, person.windows())
                person.type_secret(question, secret_of(asking[0]))
                person.wait_until_gone(question)
            for jid in jids:
                log.wait_for(f"Authenticated as {jid}")
            if accounts:
                person.close(accounts)
        finally:
            person.screenshot(SCREENSHOTS / f"life-{host}-{client}-{moment}.png")
        person.quit()


def first_lives(host: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The person of one desk sets up each client for an account of their own, uses it, and leaves."""
    own = {}
    for client in CLIENTS:
        lay(host, LOGIN, LIVES[client].seed(OWN[host], secret_of(OWN[host])))
        live(host, client, jids={OWN[host]: not LIVES[client].remembers}, moment="before")
        own[host, client] = LIVES[client].own(fetch(host, LOGIN, *LIVES[client].paths), OWN[host])
    return own


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    """Three desks with the clients, a login on each that has lived with them, and our run over all."""
    subprocess.run(["lab/lab", "up", *OWN], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    table = subprocess.run(["lab/lab", "inventory"], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    ports = {host: row["ansible_port"] for host, row in json.loads(table).items()}
    inventory = tmp_path_factory.mktemp("inventory") / "desks.json"
    hosts = {host: {"ansible_port": ports[host]} for host in OWN}
    inventory.write_text(json.dumps({"desks": {"hosts": hosts}}), encoding="utf-8")
    try:
        for host in OWN:
            for login in (HELPER, LOGIN):
                add_login(host, login)
        # Somebody else's seat brings the packages and the trust, as on any desk that is not new.
        prepared = deploy(inventory, HELPER)
        assert prepared.returncode == 0, prepared.stdout
        own: dict[tuple[str, str], dict[str, Any]] = {}
        with ThreadPoolExecutor() as desks:
            for each in desks.map(first_lives, OWN):
                own |= each
        yield Lives(own, inventory, deploy(inventory, LOGIN))
    finally:
        for host in OWN:
            for login in (HELPER, LOGIN):
                remove_login(host, login)


def test_every_lived_in_profile_takes_the_account_in(lives: Lives) -> None:
    states = {(row["host"], row["client"]): row["state"] for row in report_of(lives.run)["rows"]}
    assert states == {(host, client): "changed" for host in OWN for client in CLIENTS}, lives.run.stdout
    assert lives.run.returncode == 0


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("host", OWN)
def test_both_accounts_connect_and_the_persons_own_things_are_as_they_were(
    lives: Lives, host: str, client: str
) -> None:
    life = LIVES[client]
    assert life.own(fetch(host, LOGIN, *life.paths), OWN[host]) == lives.own[host, client]
    live(host, client, jids={OWN[host]: not life.remembers, JID: True}, moment="after")
    assert life.own(fetch(host, LOGIN, *life.paths), OWN[host]) == lives.own[host, client]


def test_after_the_clients_rewrote_their_files_there_is_nothing_to_change(lives: Lives) -> None:
    again = deploy(lives.inventory, LOGIN)
    assert again.returncode == 0, again.stdout
    assert {row["state"] for row in report_of(again)["rows"]} == {"compliant"}
    assert {changed_hosts(again)[host] for host in OWN} == {0}, again.stdout
