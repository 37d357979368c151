"""Retired people and clients: what we laid down goes, what is the user's stays, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from homes import add_login, remove_login
from lab_runs import PROJECT, on_desk, playbook, report_of

pytestmark = pytest.mark.lab
HOST, LOGIN = "pc-bib-02", "retrait"
GOLDEN = PROJECT / "tests" / "golden" / "pidgin" / "03-merge-0-user"


def seats(state: str, *clients: str) -> dict[str, Any]:
    seat = {"login": LOGIN, "person": "alice.martin", "clients": list(clients), "state": state}
    # Nothing enforced: a value of the user's that we replace cannot come back (docs/limitations.md).
    return {"im_seats": [seat], "im_client_purge_packages": True, "im_enforced_preferences": []}


def installed(package: str) -> bool:
    query = f"dpkg-query --show --showformat='${{db:Status-Status}}' {package} 2>/dev/null || true"
    return on_desk(HOST, query).strip() == "installed"


def files() -> dict[str, str]:
    """Path -> checksum of all that the login owns."""
    listed = on_desk(HOST, f"cd ~{LOGIN} && find . -type f | sort | xargs -r sha256sum")
    return {path: checksum for checksum, path in (line.split(maxsplit=1) for line in listed.splitlines())}


@pytest.fixture
def login() -> Iterator[str]:
    add_login(HOST, LOGIN)
    yield LOGIN
    remove_login(HOST, LOGIN)


def test_a_person_who_leaves_loses_only_what_we_laid_down_and_the_package_goes(login: str) -> None:
    for name in ("accounts.xml", "blist.xml", "prefs.xml", "status.xml"):
        content = (GOLDEN / name).read_text(encoding="utf-8")
        on_desk(HOST, f"su - {LOGIN} -c 'umask 077; mkdir -p .purple && cat > .purple/{name}'", secret=content)
    before = files()
    came = playbook("site.yml", "--limit", HOST, extra=seats("present", "pidgin"))
    assert came.returncode == 0, came.stdout
    assert installed("pidgin") and files() != before

    left = playbook("site.yml", "--limit", HOST, extra=seats("absent", "pidgin"))
    assert left.returncode == 0, left.stdout
    assert files() == before
    assert not installed("pidgin")
    assert on_desk(HOST, f"find /var/lib/im_client/memory/{LOGIN} -type f") == ""

    again = playbook("site.yml", "--limit", HOST, extra=seats("absent", "pidgin"))
    assert report_of(again)["rows"][0]["state"] == "compliant"


def test_without_the_memory_the_account_and_its_rooms_go_by_their_names(login: str) -> None:
    assert playbook("site.yml", "--limit", HOST, extra=seats("present", "pidgin")).returncode == 0
    on_desk(HOST, f"rm -r /var/lib/im_client/memory/{LOGIN}")
    left = playbook("site.yml", "--limit", HOST, extra=seats("absent", "pidgin"))
    assert left.returncode == 0, left.stdout
    assert "alice.martin@univ-lille.example" not in on_desk(HOST, f"cat ~{LOGIN}/.purple/*.xml")


def test_a_room_that_the_user_took_away_stays_away(login: str) -> None:
    assert playbook("site.yml", "--limit", HOST, extra=seats("present", "pidgin")).returncode == 0
    rooms = f"~{LOGIN}/.purple/blist.xml"
    without = (
        "import re, sys; p = sys.argv[1]; s = open(p).read(); open(p, 'w').write(re.sub('(?s)<chat .*</chat>', '', s))"
    )
    on_desk(HOST, f'python3 -c "{without}" {rooms}')
    run = playbook("site.yml", "--limit", HOST, extra=seats("present", "pidgin"))
    assert report_of(run)["rows"][0]["state"] == "compliant", run.stdout
    assert "<chat" not in on_desk(HOST, f"cat {rooms}")


def test_passwords_in_clear_are_found_and_never_shown(login: str) -> None:
    account = "<?xml version='1.0'?>\n<account version='1.0'><account><protocol>prpl-irc</protocol>"
    account += "<name>me@irc.example</name><password>CANARY-IN-CLEAR</password></account></account>\n"
    on_desk(HOST, f"su - {LOGIN} -c 'umask 077; mkdir -p .purple && cat > .purple/accounts.xml'", secret=account)
    run = playbook("site.yml", "--limit", HOST, "--diff", extra=seats("present", "pidgin"))
    (row,) = report_of(run)["rows"]
    assert any(".purple/accounts.xml" in finding and "me@irc.example" in finding for finding in row["findings"])
    assert "mot de passe en clair" in run.stdout and "CANARY-IN-CLEAR" not in run.stdout + json.dumps(row)


def test_a_password_is_laid_down_only_for_the_person_of_whom_the_inventory_says_so(login: str) -> None:
    people = {"alice.martin": {"store_password": True}}
    secret = json.loads((PROJECT / ".lab" / "secrets.json").read_text(encoding="utf-8"))[
        "alice.martin@univ-lille.example"
    ]
    run = playbook(
        "site.yml", "--limit", HOST, "--diff", "-vvv", extra={**seats("present", "pidgin"), "im_people": people}
    )
    assert run.returncode == 0, run.stdout
    assert f"<password>{secret}</password>" in on_desk(HOST, f"cat ~{LOGIN}/.purple/accounts.xml")
    assert secret not in run.stdout + run.stderr + json.dumps(report_of(run))
    assert secret not in on_desk(HOST, f"cat /var/lib/im_client/memory/{LOGIN}/*")
