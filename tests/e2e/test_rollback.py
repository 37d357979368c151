"""A deployment taken back: the user's bytes exactly, nothing the user did since, and the second time nothing at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from lab_runs import changed_hosts, on_desk, playbook

pytestmark = pytest.mark.lab
HOST, LOGIN = "pc-bib-01", "rollbk"
SEATS = {"im_seats": [{"login": LOGIN, "person": "alice.martin", "clients": ["pidgin"]}]}
ACCOUNTS = ".purple/accounts.xml"
OTHER_ACCOUNT = """<?xml version='1.0' encoding='UTF-8' ?>

<account version='1.0'>
	<account>
		<protocol>prpl-irc</protocol>
		<name>Zoë O'Brien &amp; "Co" &lt;x&gt; \\</name>
		<password>CANARY-OF-THE-USER</password>
	</account>
</account>
"""


@pytest.fixture
def login() -> Iterator[str]:
    """A fresh login with an account of its own in Pidgin; removed afterwards with its home and its backups."""
    remove = (
        f"pkill -KILL -u {LOGIN}; userdel --remove --force {LOGIN} 2>/dev/null; "
        f"rm -rf /var/lib/im_client/backups/{LOGIN} /var/lib/im_client/memory/{LOGIN}; true"
    )
    on_desk(HOST, remove)
    on_desk(HOST, f"useradd --create-home --shell /bin/bash {LOGIN}")
    lay(ACCOUNTS, OTHER_ACCOUNT)
    yield LOGIN
    on_desk(HOST, remove)


def lay(path: str, content: str) -> None:
    """Write a file of the login's as the login would."""
    on_desk(HOST, f"su - {LOGIN} -c 'umask 077; mkdir -p $(dirname {path}) && cat > {path}'", secret=content)


def files() -> dict[str, str]:
    """Path -> mode, owner and checksum of each file of the login."""
    listed = on_desk(
        HOST, f"cd ~{LOGIN} && find . -type f | sort | while read -r f; do stat -c '%a %U' $f; sha256sum $f; done"
    ).splitlines()
    return {line.split("./")[1]: f"{facts} {line.split()[0]}" for facts, line in zip(*[iter(listed)] * 2, strict=True)}


def rollback(*arguments: str, **extra: str) -> tuple[Any, str]:
    """(the run, what it printed with its spaces folded)."""
    run = playbook("rollback.yml", "--limit", HOST, *arguments, extra={"im_rollback_login": LOGIN, **extra})
    return run, " ".join((run.stdout + run.stderr).replace("''", "'").split())


def deploy() -> None:
    run = playbook("site.yml", "--limit", HOST, extra=SEATS)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_deployment_is_taken_back_byte_for_byte_and_the_second_time_there_is_nothing_to_do(login: str) -> None:
    before = files()
    deploy()
    deployed = files()
    assert deployed[ACCOUNTS] != before[ACCOUNTS]
    assert set(deployed) > set(before)

    predicted, shown = rollback("--check")
    assert predicted.returncode == 0, shown
    assert "seraient remis dans l'état d'avant ; rien n'a été écrit." in shown
    assert files() == deployed

    done, shown = rollback("-vvv")
    assert done.returncode == 0, shown
    assert files() == before
    assert rows(done.stdout) == rows(predicted.stdout)
    assert rows(done.stdout)[ACCOUNTS] == "remis comme avant"
    assert "supprimé (n'existait pas avant)" in rows(done.stdout).values()
    assert "CANARY-OF-THE-USER" not in shown
    assert '"content"' not in shown

    again, shown = rollback()
    assert again.returncode == 0, shown
    assert "Rien à faire : tout est déjà comme avant." in shown
    assert changed_hosts(again) == {HOST: 0}
    assert files() == before

    # The rollback is a run of its own: by its name it is taken back too.
    (name,) = on_desk(HOST, f"ls /var/lib/im_client/backups/{LOGIN} | grep rollback").split()
    back, shown = rollback(im_rollback_run=name)
    assert back.returncode == 0, shown
    assert files() == deployed


def rows(printed: str) -> dict[str, str]:
    """Document -> result, from the table."""
    return {document: result.strip() for document, result in re.findall(rf"{HOST} +{LOGIN} +(\S+)  +(.+)", printed)}


def test_what_the_user_changed_since_is_refused_by_name_and_kept(login: str) -> None:
    deploy()
    lay(ACCOUNTS, OTHER_ACCOUNT.replace("prpl-irc", "prpl-simple"))
    before = files()
    for option in (["--check"], []):
        run, shown = rollback(*option, im_rollback_client="pidgin")
        assert run.returncode != 0
        assert f"~/{ACCOUNTS}: changed since run " in shown
        assert rows(run.stdout)[ACCOUNTS] == "modifié depuis, laissé tel quel"
        assert f"{HOST} {LOGIN} {ACCOUNTS} (modifié depuis, laissé tel quel)" in shown
        assert files() == before


def test_a_run_that_nobody_knows_ends_with_an_error_that_names_the_known_ones(login: str) -> None:
    deploy()
    (known,) = json.loads(
        on_desk(
            HOST, f"python3 -c 'import json, os; print(json.dumps(os.listdir(\"/var/lib/im_client/backups/{LOGIN}\")))'"
        )
    )
    before = files()
    run, shown = rollback(im_rollback_run="20200101T000000Z")
    assert run.returncode != 0
    assert "Rien à défaire : aucune sauvegarde ne correspond à cette demande." in shown
    assert f"déploiements connus : {known}" in shown
    assert files() == before
