"""Homes that root cannot enter, as NFS exports them with root_squash: the person's own rights do all the work.

The desk's kernel offers no NFS, so the rights that such an export refuses to root are taken from root itself: without
them root is, in a home of mode 0700, anybody. What the host keeps lies on its own disk, where a real root has them;
here it has to do without them there, too, so it can write a memory but not read it again, as that is the login's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults_lab import Site, on_desk, remove_logins, report_of, rows
from lived_in import PROFILES, make_login

pytestmark = pytest.mark.lab

LOGIN, NEW, CALM = "fautesquash", "fautesquashnew", "fautecalm"
CLIENTS = ["pidgin", "gajim", "thunderbird"]
PYTHON = "/usr/local/bin/im-squashed-python3"
#: What root_squash takes from root, seen from a home.
SQUASHED = ["dac_override", "dac_read_search", "fowner"]
#: And the right to give files away, which root needs for the memory alone.
CHOWN = [*SQUASHED, "chown"]


def squash(rights: list[str]) -> None:
    """Make PYTHON run Python as root without these rights, for good."""
    without = ",".join(f"-{right}" for right in rights)
    script = f'#!/bin/sh\nexec setpriv --bounding-set {without} --inh-caps {without} /usr/bin/python3 "$@"\n'
    on_desk(f"cat > {PYTHON} && chmod 755 {PYTHON}", script.encode())


@pytest.fixture(scope="module", autouse=True)
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The packages and the machine's own documents, which are not what is measured here."""
    remove_logins([CALM])
    on_desk(f"useradd --create-home {CALM}")
    seats = [{"login": CALM, "person": "alice.martin", "clients": CLIENTS}]
    try:
        Site(seats, tmp_path_factory.mktemp("calm")).run()
        yield
    finally:
        remove_logins([CALM])
        on_desk(f"rm -f {PYTHON}")


@pytest.fixture
def logins() -> Iterator[list[str]]:
    """One with lived-in profiles, one whose home is empty; both 0700 and everything in them."""
    remove_logins([LOGIN, NEW])
    try:
        make_login(LOGIN, *CLIENTS)
        make_login(NEW)
        yield [LOGIN, NEW]
    finally:
        remove_logins([LOGIN, NEW])


def site(directory: Path, **more: Any) -> Site:
    seats = [{"login": login, "person": "alice.martin", "clients": CLIENTS} for login in (LOGIN, NEW)]
    return Site(seats, directory, host={"ansible_python_interpreter": PYTHON}, **more)


def files(login: str) -> set[str]:
    """Mode, owner and checksum of each file of a home; directories stay after a rollback, caches are not ours."""
    find = f"cd /home/{login} && find . -name .cache -prune -o -type f"
    listed = on_desk(f"{find} -printf '%M %u %p\\n'; {find} -exec sha256sum {{}} +")
    return set(listed.decode().splitlines())


def states(run: Any) -> set[str]:
    return {row["state"] for row in rows(run).values()}


@pytest.mark.parametrize("rights", [SQUASHED, CHOWN], ids=["root_squash", "not even chown"])
def test_homes_that_root_cannot_enter_are_read_written_remembered_and_rolled_back(
    logins: list[str], tmp_path: Path, rights: list[str]
) -> None:
    squash(rights)
    seen = on_desk(f"{PYTHON} -c 'import os; os.listdir(\"/home/{LOGIN}\")' 2>&1", check=False)
    assert b"PermissionError" in seen, "root itself cannot enter"
    before = {login: files(login) for login in logins}
    assert len(before[LOGIN]) > 10

    run = site(tmp_path).run()
    assert run.returncode == 0, run.stdout + run.stderr
    assert states(run) == {"changed"}, run.stdout
    strangers = on_desk(f"find /home/{LOGIN} /home/{NEW} ! -user {LOGIN} ! -user {NEW}").decode()
    assert strangers == "", "nothing of root's stands in a home"
    for path, was in PROFILES["pidgin"].items():
        kept = on_desk(f"cat /var/lib/im_client/backups/{LOGIN}/*/{path}", check=False)
        assert kept in (was, b""), path
    assert on_desk(f"cat /var/lib/im_client/backups/{LOGIN}/*/.purple/accounts.xml")
    remembered = int(on_desk(f"ls /var/lib/im_client/memory/{LOGIN} 2> /dev/null | wc -l"))
    assert remembered == (len(CLIENTS) if rights == SQUASHED else 0)

    run = site(tmp_path).run()
    assert states(run) == {"compliant"}, run.stdout

    back = site(tmp_path, playbook="rollback.yml").run_alone()
    assert back.returncode == 0, back.stdout + back.stderr
    assert back.stdout.count("failed=0") == 1
    assert {login: files(login) for login in logins} == before
    print(json.dumps({"rights": rights, "rows": len(report_of(run)["rows"]), "remembered": remembered}))
