"""The proof: the real clients, started as the seats' users, ask for nothing but the password and are online."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from desktop import Desktop
from lab_runs import PROJECT, changed_hosts, on_desk, playbook
from prosody_log import ProsodyLog

pytestmark = pytest.mark.lab

DEMO = PROJECT / "inventories" / "demo"
LAB = PROJECT / ".lab"
SCREENSHOTS = PROJECT / "reports" / "e2e"


@dataclass(frozen=True)
class Case:
    """One client of one seat of the demo, and what the server should see when its password is typed."""

    host: str
    login: str
    client: str
    jid: str
    rooms: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.login}@{self.host}-{self.client}"


def cases() -> list[Case]:
    """Every client of every seat of inventories/demo."""
    hosts: dict[str, Any] = _yaml("hosts.yml")["desks"]["hosts"]
    people: dict[str, Any] = _yaml("group_vars/all/people.yml")["im_people"]
    service: dict[str, Any] = _yaml("group_vars/all/service.yml")["im_service"]
    return [
        Case(
            host=host,
            login=seat["login"],
            client=client,
            jid=f"{seat['person']}@{service['domain']}",
            rooms=tuple(
                f"{room['room']}@{service['conference']}"
                for room in people[seat["person"]].get("rooms", [])
                if room.get("autojoin", True)
            ),
        )
        for host, row in hosts.items()
        for seat in row["im_seats"]
        for client in seat["clients"]
    ]


def _yaml(path: str) -> Any:
    return yaml.safe_load((DEMO / path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def deployed() -> None:
    """The demo, deployed as `make demo` does."""
    run = playbook("site.yml")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture
def server_log() -> ProsodyLog:
    return ProsodyLog(LAB / "prosody" / "log" / "prosody.log")


@pytest.fixture
def desktop(request: pytest.FixtureRequest) -> Iterator[Desktop]:
    """The screen of the case's login. Its last picture stays for people to look at, whatever happened."""
    case: Case = request.getfixturevalue("case")
    with Desktop(case.host, case.login) as desktop:
        yield desktop
        desktop.screenshot(SCREENSHOTS / f"{case}-end.png")


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_client_asks_for_nothing_but_the_password_and_is_online(
    case: Case, desktop: Desktop, server_log: ProsodyLog
) -> None:
    secret = json.loads((LAB / "secrets.json").read_text(encoding="utf-8"))[case.jid]
    server_log.mark()
    desktop.start(case.client)
    question = desktop.password_window()
    desktop.screenshot(SCREENSHOTS / f"{case}-password.png")
    assert desktop.unexpected_windows() == []

    desktop.type_secret(question, secret)
    server_log.wait_for(f"Authenticated as {case.jid}")
    for room in case.rooms:
        server_log.wait_for(f"joined {case.jid} room {room}")
    desktop.wait_until_gone(question)
    assert desktop.unexpected_windows() == []
    desktop.screenshot(SCREENSHOTS / f"{case}-online.png")

    desktop.quit()
    # Gajim has them from the bookmarks on the server only, the others from the profile only: no room more, none twice.
    entered = [line for line in server_log.lines() if f"joined {case.jid} " in line]
    assert sorted(re.findall(r"room (\S+) as", "\n".join(entered))) == sorted(case.rooms)


@pytest.mark.usefixtures("deployed")
def test_without_our_profile_a_client_asks_for_more_than_the_password() -> None:
    """The control: what the tests above call silence is none of the client's habits."""
    with Desktop("pc-bib-01", "dhaddad") as desktop:
        desktop.start("pidgin")
        welcome = desktop.wait_for_window("Comptes|Accounts")
        assert welcome in desktop.unexpected_windows()
        desktop.quit()
    on_desk("pc-bib-01", "rm -rf ~dhaddad/.purple ~dhaddad/.cache")


@pytest.mark.usefixtures("deployed")
def test_after_the_clients_ran_there_is_nothing_to_change() -> None:
    run = playbook("site.yml")
    assert run.returncode == 0, run.stdout + run.stderr
    changed = changed_hosts(run)
    assert {case.host for case in cases()} <= changed.keys()
    assert set(changed.values()) == {0}, run.stdout
