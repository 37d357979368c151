"""The lab itself, on a second lab of its own beside the one that other tests and people use."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slixmpp

pytestmark = pytest.mark.lab

PROJECT = Path(__file__).resolve().parents[2]
PREFIX, PORT_SHIFT = "im-lab-test", 1000
STATE = PROJECT / ".lab" / "others" / PREFIX
HOST = "pc-lab-03"
DOMAIN, CONFERENCE = "univ-lille.example", "conference.univ-lille.example"
XMPP_PORT, DIRECT_TLS_PORT = 15222 + PORT_SHIFT, 15223 + PORT_SHIFT


def call_lab(*words: str) -> subprocess.CompletedProcess[str]:
    """Call lab/lab for the second lab."""
    environment = dict(os.environ, LAB_PREFIX=PREFIX, LAB_PORT_SHIFT=str(PORT_SHIFT))
    command = [str(PROJECT / "lab" / "lab"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def lab(*words: str) -> str:
    """Call lab/lab for the second lab, which obeys; returns what it printed."""
    done = call_lab(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ssh(login: str, command: str, host: str = HOST) -> str:
    """Run a command through SSH, with the strict check of the host key that the lab's own configuration asks for."""
    line = ["ssh", "-F", str(STATE / "ssh_config"), "-o", "BatchMode=yes", f"{login}@{host}", command]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def podman(*words: str) -> list[str]:
    """The lines that podman prints."""
    return subprocess.run(["podman", *words], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture(scope="module", autouse=True)
def second_lab() -> Iterator[None]:
    lab("down")
    lab("up", HOST)
    yield
    lab("down")


def test_up_again_leaves_the_running_hosts_alone() -> None:
    started = ssh("root", "cut -d ' ' -f 22 /proc/1/stat; touch /root/mark")
    lab("up", HOST)
    assert ssh("root", "cut -d ' ' -f 22 /proc/1/stat; ls /root/mark").split() == [*started.split(), "/root/mark"]


def test_up_starts_no_server_that_is_not_named() -> None:
    there = podman("ps", "--all", "--format", "{{.Names}}")
    assert sorted(name for name in there if name.startswith(f"{PREFIX}-")) == [f"{PREFIX}-{HOST}", f"{PREFIX}-xmpp"]
    servers = json.loads(lab("servers"))
    assert {name: row["running"] for name, row in servers.items()} == {
        "xmpp": True,
        "prosody13": False,
        "ejabberd": False,
    }


def test_a_server_that_does_not_run_gets_no_extra_accounts() -> None:
    refused = call_lab("accounts", "3", "--server", "prosody13")
    assert refused.returncode == 1
    assert "lab/lab up prosody13" in refused.stderr


def test_a_name_that_the_table_does_not_know_is_refused_with_those_that_it_knows() -> None:
    refused = call_lab("up", "pc-nowhere")
    assert refused.returncode == 1
    assert "pc-nowhere" in refused.stderr
    assert all(name in refused.stderr for name in ("pc-bib-01", "prosody13", "ejabberd"))


def test_up_starts_a_stopped_host_again_with_what_it_had() -> None:
    ssh("root", "echo kept > /root/kept")
    podman("stop", "--time", "0", f"{PREFIX}-{HOST}")
    lab("up", HOST)
    assert ssh("root", "cat /root/kept") == "kept"


@pytest.mark.parametrize("login", ["root", "ansible", "amartin", "blefevre", "zobrien", "dhaddad"])
def test_each_login_is_reached_over_ssh_with_its_home_and_in_french(login: str) -> None:
    assert ssh(login, "id -un; stat -c %U .; locale | head -n 1").split() == [login, login, "LANG=fr_FR.UTF-8"]


def test_the_administrator_becomes_root_without_a_password() -> None:
    assert ssh("ansible", "sudo -n id -un") == "root"


def test_a_host_with_another_key_is_refused() -> None:
    stranger = (STATE / "known_hosts").read_text(encoding="utf-8").replace(f":{22003 + PORT_SHIFT} ", ":1 ")
    (STATE / "no_hosts").write_text(stranger, encoding="utf-8")
    options = ["-F", str(STATE / "ssh_config"), "-o", f"UserKnownHostsFile={STATE / 'no_hosts'}", "-o", "BatchMode=yes"]
    refused = subprocess.run(["ssh", *options, HOST, "true"], capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "Host key verification failed" in refused.stderr


def test_a_host_finds_the_service_by_its_names() -> None:
    for name in (DOMAIN, CONFERENCE):
        ssh("amartin", f"python3 -c \"import socket; socket.create_connection(('{name}', 5222), 5)\"")


def test_a_host_can_install_packages() -> None:
    ssh("root", "apt-get -q update && apt-get -q -y --no-install-recommends install hello")
    assert ssh("amartin", "LC_ALL=C hello") == "Hello, world!"


def test_the_server_has_a_certificate_of_the_labs_authority_for_both_names() -> None:
    trust = ssl.create_default_context(cafile=str(STATE / "ca" / "ca.crt"))
    for name in (DOMAIN, CONFERENCE):
        with (
            socket.create_connection(("127.0.0.1", DIRECT_TLS_PORT), 10) as plain,
            trust.wrap_socket(plain, server_hostname=DOMAIN) as secure,
        ):
            certificate = secure.getpeercert()
        assert certificate is not None
        assert ("DNS", name) in certificate["subjectAltName"]


def test_an_account_logs_in_and_finds_the_rooms_with_their_accents() -> None:
    found = asyncio.run(_rooms_seen_by("zoe.obrien"))
    rooms = json.loads((PROJECT / "lab" / "lab.json").read_text(encoding="utf-8"))["rooms"]
    assert rooms["accueil"] == "Accueil des étudiants"
    assert found == {f"{name}@{CONFERENCE}": title for name, title in rooms.items()}
    log = (STATE / "prosody" / "log" / "prosody.log").read_text(encoding="utf-8")
    assert f"Authenticated as zoe.obrien@{DOMAIN}" in log
    assert f"joined zoe.obrien@{DOMAIN} room equipe@{CONFERENCE} as equipe@{CONFERENCE}/Zoë O'Brien" in log


async def _rooms_seen_by(person: str) -> dict[str, str]:
    jid = f"{person}@{DOMAIN}"
    client = slixmpp.ClientXMPP(jid, json.loads((STATE / "secrets.json").read_text(encoding="utf-8"))[jid])
    client.ca_certs = str(STATE / "ca" / "ca.crt")
    client.enable_direct_tls = False
    client.register_plugin("xep_0045")
    disco, muc = client.plugin["xep_0030"], client.plugin["xep_0045"]
    online = asyncio.Event()
    client.add_event_handler("session_start", lambda _event: online.set())
    client.connect("127.0.0.1", XMPP_PORT)
    await asyncio.wait_for(online.wait(), 30)
    items = await disco.get_items(CONFERENCE)
    client.send_presence()
    await muc.join_muc_wait(f"equipe@{CONFERENCE}", "Zoë O'Brien", timeout=300)
    await client.disconnect(wait=1)
    return {str(jid): name for jid, _node, name in items["disco_items"]["items"]}


def test_secrets_are_for_their_owner_alone_and_in_no_command_line() -> None:
    for path in (STATE / "secrets.json", STATE / "id_ed25519", STATE / "ca" / "ca.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    passwords = json.loads((STATE / "secrets.json").read_text(encoding="utf-8")).values()
    shown = "\n".join(podman("inspect", f"{PREFIX}-xmpp", f"{PREFIX}-{HOST}"))
    assert not [password for password in passwords if password in shown]


def in_fleet(row: dict[str, Any], command: str) -> str:
    """Run a command in a host of the fleet, reached as its row of the inventory says."""
    options = [*row["ansible_ssh_common_args"].split(), "-o", "BatchMode=yes", "-F", "none"]
    place = ["-i", row["ansible_ssh_private_key_file"], "-p", str(row["ansible_port"]), "root@127.0.0.1"]
    return subprocess.run(["ssh", *options, *place, command], capture_output=True, text=True, check=True).stdout.strip()


def test_a_fleet_comes_and_goes() -> None:
    lab("fleet", "up", "2", "--image", "debian13")
    try:
        rows = json.loads(lab("fleet", "inventory"))
        assert list(rows) == ["fleet-001", "fleet-002"]
        for name, row in rows.items():
            assert in_fleet(row, "hostname; touch /root/mark") == name
        lab("fleet", "renew", "fleet-002")
        assert in_fleet(rows["fleet-001"], "ls /root") == "mark"
        assert in_fleet(rows["fleet-002"], "hostname; ls /root") == "fleet-002"
        assert json.loads(lab("fleet", "inventory")) == rows
        assert "no host named 'fleet-009'" in call_lab("fleet", "renew", "fleet-009").stderr
    finally:
        lab("fleet", "down")
    assert json.loads(lab("fleet", "inventory")) == {}


def test_down_leaves_nothing_and_spares_other_labs() -> None:
    other_lab = {name for name in podman("ps", "--all", "--format", "{{.Names}}") if name.startswith("im-lab-pc-")}
    lab("down")
    left = podman("ps", "--all", "--format", "{{.Names}}")
    assert [name for name in left if name.startswith(f"{PREFIX}-")] == []
    assert other_lab <= set(left)
    assert PREFIX not in podman("network", "ls", "--format", "{{.Name}}")
    assert not STATE.exists()
