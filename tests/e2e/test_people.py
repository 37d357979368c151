"""playbooks/people.yml on three real servers, and what a real Gajim makes of it.

Pidgin and Thunderbird take their rooms from the local profile; test_clients.py holds them against the same server, on
which these people have bookmarks too.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from subprocess import CompletedProcess
from typing import Any

import pytest
from desktop import Desktop
from homes import add_login, remove_login
from lab_runs import PROJECT, changed_hosts, on_desk, playbook, report_of
from people_servers import Kept, clear, kept, lay, server_of, site, start_all_servers
from prosody_log import ProsodyLog

pytestmark = pytest.mark.lab

ZOE, DINA, ALICE = "zoe.obrien", "dina.haddad", "alice.martin"
HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
GROUP = "Guichet <7> & Co"
#: New in each run: the server keeps a killed client's place in the room for minutes, and tells no second entry by it.
MARK = token_hex(3)
NICK = f"Zoë du guichet {MARK}"

DESKS = ("pc-bib-01", "pc-lab-03")  # Debian 12 and 13: Gajim 1.7 and 2.1
LOGIN = "guichet"
#: Gajim 1.7 takes a group's name as markup: with "<" or "&" in it, the heading shows another text.
GAJIM_GROUP = "Guichet n° 7"
SCREENSHOTS = PROJECT / "reports" / "e2e"


@pytest.fixture(scope="module", autouse=True)
def all_servers() -> None:
    """All three run."""
    start_all_servers()


def in_place(run: CompletedProcess[str]) -> tuple[int, int]:
    """Of a run that ended well and brought all wishes into place: how many there were, how many it had to write."""
    assert run.returncode == 0, run.stdout + run.stderr
    counts = re.search(r"Sur le serveur : (\d+) souhaits sur (\d+) en place, dont (\d+) mis à jour", run.stdout)
    assert counts, run.stdout
    assert counts[1] == counts[2]
    return int(counts[2]), int(counts[3])


@pytest.mark.parametrize(
    ("name", "way"),
    [("xmpp", "means"), ("prosody13", "means"), ("ejabberd", "means"), ("ejabberd", "password")],
)
def test_a_second_run_changes_nothing_and_what_was_the_persons_is_still_there(
    name: str, way: str, tmp_path: Path
) -> None:
    server = server_of(name)
    dina, alice, bruno = (f"{person}@{server.domain}" for person in (DINA, ALICE, "bruno.lefevre"))
    equipe, accueil, chorale = (f"{room}@{server.conference}" for room in ("equipe", "accueil", "chorale"))
    people = {
        ZOE: {
            "name": HOSTILE,
            "nickname": "Zoë",
            "unit": "Bibliothèque",
            "contacts": [
                {"jid": dina, "name": "Dina Haddad", "groups": [GROUP]},
                {"jid": alice, "name": "Alice Martin", "groups": [GROUP]},
            ],
            "rooms": [
                {"room": "equipe", "name": HOSTILE, "nick": NICK, "autojoin": True},
                {"room": "accueil", "name": "Accueil", "nick": NICK, "autojoin": True},
            ],
        },
    }
    inventory = site(server, tmp_path, people, way)
    clear(server, ZOE, DINA, ALICE)
    try:
        own = Kept(
            contacts={alice: ("Lili", ["Amis"], "none"), bruno: ("Bru", ["Chorale"], "none")},
            rooms={accueil: ("À moi", False, "Zouzou"), chorale: ("Chorale", True, "Zouzou")},
            profile={"NICKNAME": "Zouzou", "TITLE": "Docteure"},
        )
        lay(server, ZOE, own)
        assert kept(server, ZOE) == own

        first = playbook("people.yml", "-i", str(inventory))  # first with --check, which must foretell the same
        assert changed_hosts(first) == {"localhost": 1}
        sides = 2 if way == "means" else 0  # the lists of Dina and Alice
        assert in_place(first) == (3 + sides, 3 + sides)
        presence = "both" if way == "means" else "none"
        provisioned = Kept(
            contacts={
                alice: ("Lili", ["Amis", GROUP], presence),
                bruno: own.contacts[bruno],
                dina: ("Dina Haddad", [GROUP], presence),
            },
            rooms={**own.rooms, equipe: (HOSTILE, True, NICK)},
            profile={**own.profile, "FN": HOSTILE, "ORG/ORGNAME": "Bibliothèque"},
        )
        assert kept(server, ZOE) == provisioned

        second = playbook("people.yml", "-i", str(inventory))
        assert changed_hosts(second) == {"localhost": 0}
        assert in_place(second) == (3 + sides, 0)
        assert kept(server, ZOE) == provisioned
        secrets = [password for password in server.passwords.values() if password in first.stdout + second.stdout]
        assert secrets == []
    finally:
        clear(server, ZOE, DINA, ALICE)


_READ_CONTACTS = """
import os, sqlite3
base = os.path.expanduser("~/.cache/gajim/cache.db")
rows = sqlite3.connect(f"file:{base}?mode=ro", uri=True).execute("SELECT roster FROM roster").fetchall()
print(rows[0][0] if rows else "[]")
"""
# In the desktop session of the Gajim whose process id is given. Prints the action, if this Gajim has it.
_OPEN_LIST = """
import os, sys
for entry in open(f"/proc/{sys.argv[1]}/environ").read().split("\\0"):
    name, _, value = entry.partition("=")
    if name == "DBUS_SESSION_BUS_ADDRESS":
        os.environ[name] = value
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
def call(method, arguments):
    place = ("org.gajim.Gajim", "/org/gajim/Gajim", "org.gtk.Actions")
    return bus.call_sync(*place, method, arguments, None, 0, 20000, None)
for name in call("List", None).unpack()[0]:
    account, found, _ = name.partition("-manage-roster")
    if found:
        call("Activate", GLib.Variant("(sava{sv})", (name, [GLib.Variant("s", account)], {})))
        print(name)
"""


class GajimDesktop(Desktop):  # type: ignore[misc] # mypy does not follow imports of helpers
    """A desk with Gajim, which keeps the contact list that it shows in a database."""

    def contacts(self) -> dict[str, tuple[str, list[str], str]]:
        """JID -> name, groups, subscription."""
        return {
            item["jid"]["value"]: (item["name"], item["groups"], item["subscription"])
            for item in json.loads(self._run("python3 -", stdin=_READ_CONTACTS))
        }

    def wait_for_contacts(self) -> dict[str, tuple[str, list[str], str]]:
        """Wait until it has written the list down."""
        found: dict[str, tuple[str, list[str], str]] = self._wait(self.contacts, "Gajim's contact list")
        return found

    def show_contacts(self) -> None:
        """Show the page of the account, which has the list in Gajim 1.7; in 2.1 it has a window of its own."""
        main = self.wait_for_window("^Gajim")
        self._run(f"xdotool windowfocus --sync {main.number} mousemove 33 467 click 1")
        if self._run(f"python3 - {self.processes()[0]}", stdin=_OPEN_LIST):
            self.wait_for_window("^(Manage Contact List|Gérer la liste de contacts)")
        time.sleep(1)  # for the picture: the list is drawn after its window


@pytest.fixture(scope="module")
def gajims() -> Iterator[CompletedProcess[str]]:
    """Dina's contact and rooms on the server, and her account in a fresh Gajim on both desks; the run of site.yml."""
    server = server_of("xmpp")
    clear(server, DINA, ZOE)
    wishes: dict[str, Any] = {
        "im_people": {
            DINA: {
                "name": "Dina Haddad",
                "contacts": [{"jid": f"{ZOE}@{server.domain}", "name": HOSTILE, "groups": [GAJIM_GROUP]}],
                "rooms": [
                    {"room": "equipe", "name": "Salon de l'équipe", "nick": NICK, "autojoin": True},
                    {"room": "accueil", "nick": NICK, "autojoin": False},
                ],
            }
        },
        "im_seats": [{"login": LOGIN, "person": DINA, "clients": ["gajim"]}],
    }
    for desk in DESKS:
        add_login(desk, LOGIN)
    try:
        # Contacts of Dina and of Zoë, who sees her too; rooms; profile.
        assert in_place(playbook("people.yml", extra=wishes)) == (4, 4)
        run = playbook("site.yml", "--limit", ":".join(DESKS), extra=wishes)
        assert in_place(run) == (4, 0)
        assert {row["state"] for row in report_of(run)["rows"]} == {"changed"}
        yield run
    finally:
        for desk in DESKS:
            remove_login(desk, LOGIN)
        clear(server, DINA, ZOE)


@pytest.mark.usefixtures("gajims")
@pytest.mark.parametrize("desk", DESKS)
def test_gajim_joins_the_room_of_the_bookmark_and_has_the_contact_in_its_group(desk: str) -> None:
    server = server_of("xmpp")
    jid, zoe = f"{DINA}@{server.domain}", f"{ZOE}@{server.domain}"
    room = f"equipe@{server.conference}"
    # Nothing but the server can tell Gajim of them: no file of the person's names room, nick, contact or group.
    words = f"-e {server.conference} -e {MARK} -e {ZOE} -e 'Guichet n'"
    assert on_desk(desk, f"grep -rlsa {words} ~{LOGIN}; true") == ""
    assert on_desk(desk, f"grep -rlsa {jid} ~{LOGIN}") != ""
    before = kept(server, DINA)
    log = ProsodyLog(server.log)
    log.mark()
    with GajimDesktop(desk, LOGIN) as desktop:
        desktop.start("gajim")
        question = desktop.password_window()
        desktop.type_secret(question, server.passwords[jid])
        log.wait_for(f"joined {jid} room {room} as {room}/{NICK}")
        desktop.wait_until_gone(question)
        assert desktop.wait_for_contacts() == {zoe: (HOSTILE, [GAJIM_GROUP], "both")}
        desktop.screenshot(SCREENSHOTS / f"people-{desk}-room.png")
        desktop.show_contacts()
        desktop.screenshot(SCREENSHOTS / f"people-{desk}-contacts.png")
        desktop.quit()
    log.wait_for(f"left {jid} room {room} as {room}/{NICK}")
    # Once, and no room whose bookmark does not say so.
    assert [line.partition("joined ")[2] for line in log.lines() if f"joined {jid} " in line] == [
        f"{jid} room {room} as {room}/{NICK}"
    ]
    after = kept(server, DINA)
    assert (after.contacts, after.rooms) == (before.contacts, before.rooms)
