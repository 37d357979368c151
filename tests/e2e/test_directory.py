"""The people file, from a real slapd of Debian and from a CSV export, and what a later run makes of it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from lab_runs import PROJECT, on_desk

DESK = "pc-bib-02"
HERE = Path(__file__).parent / "directory"
SUFFIX = "dc=univ-lille,dc=example"
HOSTILE = 'Zoë {{ 1 + 1 }} & "Co" <x> \\'
PEOPLE = {
    "alice.martin": {
        "jid": "alice.martin@univ-lille.example",
        "name": "Alice Martin",
        "mail": "alice.martin@univ-lille.example",
        "phone": "+33 3 20 00 00 00",
        "unit": "Bibliothèque universitaire",
        "unit_mail": "bu@univ-lille.example",
        "unit_phone": "+33 3 20 00 00 01",
    },
    "zoe.obrien": {
        "jid": "zoe.obrien@univ-lille.example",
        "name": HOSTILE,
        "mail": "zoe.obrien@univ-lille.example",
    },
}


class Directory(NamedTuple):
    """A running slapd: how a playbook reaches it."""

    port: int
    ca_file: Path
    password: str


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """A slapd of Debian on a desk, reached through SSH; it takes no word in clear."""
    place = tmp_path_factory.mktemp("slapd")
    key, certificate = place / "server.key", place / "server.crt"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*request, *names, *files], check=True, capture_output=True)
    password = secrets.token_hex(12)
    apt = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends"
    on_desk(DESK, f"apt-get -q update && {apt} install slapd && (service slapd stop || true)")
    on_desk(DESK, "rm -rf /tmp/im-slapd && mkdir -m 700 -p /tmp/im-slapd/data")
    for file in (key, certificate, HERE / "slapd.conf"):
        on_desk(DESK, f"cat > /tmp/im-slapd/{file.name}", file.read_text(encoding="utf-8"))
    people = (HERE / "people.ldif").read_text(encoding="utf-8").replace("@PASSWORD@", password)
    on_desk(DESK, "/usr/sbin/slapadd -q -f /tmp/im-slapd/slapd.conf", people)
    on_desk(DESK, "/usr/sbin/slapd -f /tmp/im-slapd/slapd.conf -h 'ldap://127.0.0.1:3890 ldaps://127.0.0.1:6360'")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    forward = ["-N", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{port}:127.0.0.1:6360"]
    tunnel = subprocess.Popen(["ssh", "-F", str(PROJECT / ".lab" / "ssh_config"), *forward, f"root@{DESK}"])
    try:
        for _ in range(100):
            if socket.socket().connect_ex(("127.0.0.1", port)) == 0:
                break
            time.sleep(0.1)
        yield Directory(port, certificate, password)
    finally:
        tunnel.terminate()
        tunnel.wait()
        on_desk(DESK, f"pkill -x slapd; rm -rf /tmp/im-slapd; {apt} purge --autoremove slapd")


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """The demo inventory, with the people of the directory instead of its own."""
    shutil.copytree(PROJECT / "inventories" / "demo", tmp_path / "site")
    people = (
        "im_people: \"{{ im_directory_people | combine({'alice.martin': {'rooms': ['equipe']}}, recursive=true) }}\"\n"
    )
    (tmp_path / "site" / "group_vars" / "all" / "people.yml").write_text(people, encoding="utf-8")
    return tmp_path / "site"


def run(inventory: Path, variables: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    """Run directory.yml; the variables, a password among them, come from a file that only we can read."""
    file = inventory.parent / "variables.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(variables), encoding="utf-8")
    program = Path(sys.executable).with_name("ansible-playbook")
    return subprocess.run(
        [program, "-i", inventory, "playbooks/directory.yml", "-e", f"@{file}", *words],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def people_of(inventory: Path) -> dict[str, Any]:
    """``im_people`` as a play of that inventory sees it."""
    program = Path(sys.executable).with_name("ansible")
    shown = subprocess.run(
        [program, "-i", inventory, "localhost", "-m", "ansible.builtin.debug", "-a", "var=im_people"],
        cwd=PROJECT,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    people: dict[str, Any] = json.loads(shown[shown.index("{") :])["im_people"]
    return people


def search(directory: Directory) -> dict[str, Any]:
    """The variables of a site that asks this directory."""
    return {
        "im_directory_uri": f"ldaps://127.0.0.1:{directory.port}",
        "im_directory_ca_file": str(directory.ca_file),
        "im_directory_bind_dn": f"cn=svc-annuaire,{SUFFIX}",
        "im_directory_bind_password": directory.password,
        "im_directory_people_dn": f"ou=people,{SUFFIX}",
        "im_directory_structures_dn": f"ou=structures,{SUFFIX}",
    }


def test_the_people_of_a_real_directory_become_the_inventory(directory: Directory, inventory: Path) -> None:
    target = inventory / "group_vars" / "all" / "people_directory.yml"
    predicted = run(inventory, search(directory), "--check", "--diff")
    assert predicted.returncode == 0, predicted.stdout + predicted.stderr
    assert "changed=1" in predicted.stdout and not target.exists()
    assert "+    name: Alice Martin" in predicted.stdout
    first = run(inventory, search(directory), "-vvv")
    assert first.returncode == 0 and "changed=1" in first.stdout, first.stdout + first.stderr
    assert directory.password not in first.stdout + first.stderr + target.read_text(encoding="utf-8")
    assert people_of(inventory) == {
        "alice.martin": PEOPLE["alice.martin"] | {"rooms": ["equipe"]},
        "zoe.obrien": PEOPLE["zoe.obrien"],
    }
    second = run(inventory, search(directory))
    assert second.returncode == 0 and "changed=0" in second.stdout, second.stdout


def test_an_entry_without_a_jid_stops_the_run_and_writes_nothing(directory: Directory, inventory: Path) -> None:
    refused = run(inventory, search(directory) | {"im_directory_people_filter": "(objectClass=inetOrgPerson)"})
    assert refused.returncode != 0
    assert f"entry 'uid=sansmail,ou=people,{SUFFIX}': no JID: no value in mail" in refused.stdout + refused.stderr
    assert not (inventory / "group_vars" / "all" / "people_directory.yml").exists()


def test_a_server_that_the_authorities_do_not_know_is_not_asked(directory: Directory, inventory: Path) -> None:
    other = {"im_directory_ca_file": str(PROJECT / ".lab" / "ca" / "ca.crt")}
    refused = run(inventory, search(directory) | other)
    assert refused.returncode != 0
    # What libldap says of a handshake that fails; the same server is found by the test above.
    assert "contact LDAP server" in refused.stdout + refused.stderr, refused.stdout


def test_a_password_is_never_sent_in_clear(inventory: Path) -> None:
    variables = {
        "im_directory_uri": "ldap://127.0.0.1:1",
        "im_directory_bind_dn": "cn=x",
        "im_directory_bind_password": "never sent",
        "im_directory_people_dn": SUFFIX,
    }
    refused = run(inventory, variables)
    assert refused.returncode != 0
    assert "Refus d'envoyer un mot de passe en clair à ldap://127.0.0.1:1" in refused.stdout + refused.stderr


def test_a_csv_export_becomes_the_inventory(inventory: Path, tmp_path: Path) -> None:
    export = tmp_path / "export.csv"
    rows = ["Identifiant;Nom complet;Poste", 'zoe.obrien;"Zoë {{ 1 + 1 }} & ""Co"" <x> \\";', "alice.martin;Alice;123"]
    export.write_bytes("\r\n".join(rows).encode("cp1252"))
    variables = {
        "im_directory_source": "csv",
        "im_directory_csv": str(export),
        "im_directory_fields": {"key": "Identifiant", "name": "Nom complet", "phone": "Poste"},
    }
    done = run(inventory, variables)
    assert done.returncode == 0, done.stdout + done.stderr
    people = people_of(inventory)
    assert people["zoe.obrien"] == {"name": HOSTILE, "jid": "zoe.obrien@univ-lille.example"}
    assert people["alice.martin"]["phone"] == "123"
