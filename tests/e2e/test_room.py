"""A room of twenty desks, as rooms are: some off, one in use, one with a damaged profile, one for whoever comes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import predictions
import pytest
from desktop import Desktop
from lab_room import DOMAIN, LAB, LOGIN, Room, ended, states
from prosody_log import ProsodyLog

pytestmark = pytest.mark.lab

SOURCE = "pc-bib-01"
CANARY = "fleet-001"
OFF = ("fleet-003", "fleet-011")
IN_USE, DAMAGED, FOR_ANYBODY = "fleet-005", "fleet-007", "fleet-020"
STRANGER = "dina.haddad"
ACCOUNTS = f"/home/{LOGIN}/.purple/accounts.xml"
PREFS = f"/home/{LOGIN}/.purple/prefs.xml"
#: An account that the person made by hand, somewhere else; a cut-off line is all that is wrong with the damaged file.
OWN = """<?xml version='1.0' encoding='UTF-8' ?>

<account version='1.0'>
	<account>
		<protocol>prpl-jabber</protocol>
		<name>salle@elsewhere.example/home</name>
	</account>
"""
END = "</account>\n"
OF_HOSTS = {FOR_ANYBODY: {"im_first_login": {"clients": ["pidgin"]}}}
#: Wishes under which every desk of the room has something to change.
CHANGED_MIND = {"im_preferences": {"auto_reply": "away", "start_at_login": True}}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Twenty desks with Pidgin and the service's CA, and a login that nobody used yet."""
    made = Room(tmp_path_factory.mktemp("room"), 20)
    try:
        made.open(SOURCE)
        yield made
    finally:
        made.close()


def lay(room: Room, host: str, path: str, content: str) -> None:
    room.sh(host, f"umask 077; mkdir -p ~/.purple; cat > {path}", login=LOGIN, stdin=content)


def settled(room: Room, hosts: Sequence[str]) -> None:
    """Deploy these hosts unless an earlier test did: each test can run alone."""
    if any("accounts.xml" not in room.sh(host, f"ls /home/{LOGIN}/.purple 2>/dev/null; true") for host in hosts):
        assert {*states(room.run(hosts)).values()} <= {"changed", "compliant"}
        assert {*states(room.run(hosts)).values()} == {"compliant"}


def checksums(room: Room, host: str) -> str:
    return room.sh(host, f"find /home/{LOGIN} /usr/local -type f -exec sha256sum {{}} + | sort -k 2")


def test_a_room_is_told_row_by_row_and_the_next_run_picks_up_what_came_back(room: Room) -> None:
    room.cut_power(*OFF)
    lay(room, DAMAGED, ACCOUNTS, OWN)
    looked_at = (CANARY, DAMAGED, FOR_ANYBODY)
    for host in looked_at:
        # A clone's file system copies a directory when it is first opened to write, which is no trace of who does so.
        room.sh(host, "find /var/lib/im_client -type d -exec touch {} +")
    with Desktop(IN_USE, LOGIN, room.ssh_config) as desktop:
        desktop.start("pidgin")
        before = {host: room.sh(host, predictions.TRACES) for host in looked_at}
        foretold = room.run(room.hosts, "--check", "--diff", of=OF_HOSTS)
        different = predictions.left_behind(before, {host: room.sh(host, predictions.TRACES) for host in looked_at})
        run = room.run(room.hosts, "--diff", of=OF_HOSTS)
        assert not different + predictions.compare(foretold, run)
        assert run.code == 2
        assert states(run) == {
            **{(host, LOGIN): "changed" for host in room.hosts},
            **{(host, LOGIN): "unreachable" for host in OFF},
            (IN_USE, LOGIN): "deferred",
            (DAMAGED, LOGIN): "refused",
            (FOR_ANYBODY, "*"): "changed",
        }
        assert f"18 poste(s) à faire en 5 lot(s), témoin {CANARY} ; 2 éteint(s)." in run.printed
        assert "Lot 5/5 terminé : 16 fait(s), 1 reporté(s), 1 en échec, 2 éteint(s), sur 18" in run.printed
        assert room.sh(DAMAGED, f"cat {ACCOUNTS}") == OWN
        assert "\x1b" not in run.printed and "\r" not in run.printed
        desktop.quit()

    somebody_new_connects(room)
    room.switch_on(*OFF)
    lay(room, DAMAGED, ACCOUNTS, OWN + END)

    came_back = (*OFF, IN_USE, DAMAGED)
    second = room.run(room.hosts, of=OF_HOSTS)
    assert second.code == 0, second.printed
    assert second.report is not None and second.report["all_good"]
    assert states(second) == {
        **{(host, LOGIN): "compliant" for host in room.hosts},
        **{(host, LOGIN): "changed" for host in came_back},
        (FOR_ANYBODY, "*"): "compliant",
    }
    assert OWN.splitlines()[5] in room.sh(DAMAGED, f"cat {ACCOUNTS}")
    third = room.run(came_back)
    assert (third.code, set(states(third).values())) == (0, {"compliant"})
    secrets = json.loads(LAB.secrets.read_text(encoding="utf-8")).values()
    assert not [1 for one in (foretold, run, second, third) for secret in secrets if secret in one.printed]


def somebody_new_connects(room: Room) -> None:
    """A login that no inventory names sits down at the desk for anybody, starts Pidgin, and types a password."""
    jid = f"{STRANGER}@{DOMAIN}"
    room.sh(FOR_ANYBODY, f"useradd -ms /bin/bash {STRANGER} && su - {STRANGER} -c true")
    log = ProsodyLog(LAB.server("xmpp").log)
    log.mark()
    with Desktop(FOR_ANYBODY, STRANGER, room.ssh_config) as desktop:
        desktop.start("pidgin")
        question = desktop.password_window()
        assert desktop.unexpected_windows() == []
        desktop.type_secret(question, json.loads(LAB.secrets.read_text(encoding="utf-8"))[jid])
        log.wait_for(f"Authenticated as {jid}")
        desktop.wait_until_gone(question)
        desktop.quit()


def test_a_room_in_which_too_many_go_wrong_stops_and_leaves_the_rest_alone(room: Room) -> None:
    hosts, wrong, left = room.hosts[11:17], room.hosts[12:14], room.hosts[15:17]
    settled(room, hosts)
    good = {host: room.sh(host, f"cat {PREFS}") for host in wrong}
    for host in wrong:
        lay(room, host, PREFS, good[host][:-20])
    before = {host: checksums(room, host) for host in left}
    run = room.run(hosts, im_lab_batch=3, **CHANGED_MIND)
    assert run.code == 2
    assert states(run) == {
        **{(host, LOGIN): "changed" for host in (hosts[0], hosts[3])},
        **{(host, LOGIN): "refused" for host in wrong},
        **{(host, LOGIN): "not begun" for host in left},
    }
    assert {host: checksums(room, host) for host in left} == before
    assert f"Postes pas commencés : {', '.join(left)}." in run.printed

    for host in wrong:
        lay(room, host, PREFS, good[host])
    again = room.run(hosts, im_lab_batch=3, **CHANGED_MIND)
    assert (again.code, set(states(again).values())) == (0, {"compliant", "changed"})


def test_desks_that_were_cut_off_frozen_or_installed_anew_come_right_at_the_next_run(room: Room) -> None:
    frozen, anew, cut, other_key = hosts = room.hosts[7:10] + room.hosts[11:12]
    settled(room, hosts)
    wrong = room.directory / "known_hosts"
    # Any other key will do: here the one that opens the desks.
    other = LAB.key.with_suffix(".pub").read_text(encoding="utf-8")
    wrong.write_text(f"[127.0.0.1]:{room.port(other_key)} {other}", encoding="utf-8")
    options = f"-o UserKnownHostsFile={wrong} -o StrictHostKeyChecking=yes -o ControlPath=none"
    running = room.start(hosts, im_lab_batch=1, of={other_key: {"ansible_ssh_common_args": options}}, **CHANGED_MIND)
    assert running.stdout is not None
    printed = ""
    while "Lot 1/3 " not in printed:
        line = running.stdout.readline()
        assert line, printed
        printed += line
    room.cut_power(cut)
    run = ended(running, printed)
    assert run.code == 4, run.printed
    assert states(run) == {
        (frozen, LOGIN): "changed",
        (anew, LOGIN): "changed",
        (cut, LOGIN): "unreachable",
        (other_key, LOGIN): "unreachable",
    }
    assert run.report is not None
    rows = {row["host"]: row for row in run.report["rows"]}
    assert rows[cut]["last_known"]["state"] == "compliant"
    assert "clé SSH" in rows[other_key]["detail"] and "cessé de répondre" in rows[cut]["detail"]
    assert wrong.read_text(encoding="utf-8").count("\n") == 1, "no key was taken in"

    room.switch_on(cut)
    room.renew(frozen)
    room.renew(anew, image="debian12")
    room.sh(anew, f"useradd -ms /bin/bash {LOGIN}")
    next_run = room.run(hosts, **CHANGED_MIND)
    assert next_run.code == 0, next_run.printed
    assert {states(next_run)[host, LOGIN] for host in (frozen, anew, cut)} == {"changed"}
    last = room.run(hosts, **CHANGED_MIND)
    assert (last.code, set(states(last).values())) == (0, {"compliant"})
