"""Homes made to lure root: nothing outside is written, nothing changes its owner, and each gets a clear verdict."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from faults_lab import Site, on_desk, python_on_desk, remove_logins, rows
from hostile_homes import CANARY, CASES, IMMUTABLE, PRELUDE, RACE, RACES, SNAPSHOT, VICTIM, Case

pytestmark = pytest.mark.lab

RACED_RUNS = 5
CALM = "fautecalm"  # whose home is as it should be
Tree = dict[str, list[Any]]
OUTSIDE = [CANARY, "/etc", "/root", f"/home/{VICTIM}", "/home/amartin", "/srv", "/usr/local"]


def snapshot(paths: list[str]) -> Tree:
    """What stands at and below these paths of the desk, by path."""
    tree: Tree = json.loads(python_on_desk(SNAPSHOT, json.dumps(paths).encode()))
    return tree


@dataclass
class Attack:
    """What the runs did: the reports' rows by login and the desk before and after."""

    cases: dict[str, Case]
    rows: dict[str, dict[str, Any]]
    raced: list[dict[tuple[str, str], dict[str, Any]]]
    outside: tuple[Tree, Tree]
    inside: tuple[Tree, Tree]
    numbers: dict[str, int]
    output: str


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    """All hostile homes in one run, the racing ones in some more; nothing is left of them afterwards."""
    probe = "f=$(mktemp) && chattr +i $f && chattr -i $f && echo yes; rm -f $f"
    cases = (*CASES, IMMUTABLE) if b"yes" in on_desk(probe, check=False) else CASES
    named = {f"faute{number:02}": case for number, case in enumerate(cases, 1)}
    logins = [VICTIM, CALM, *RACES, *named]
    homes = [f"/home/{login}{suffix}" for login in [*RACES, *named] for suffix in ("", ".real")]

    def remove() -> None:
        on_desk(f"chattr -i /home/faute*/.purple/accounts.xml; rm -rf {CANARY}; true")
        remove_logins(logins)
        on_desk("rm -rf " + " ".join(homes))

    def seats(wanted: list[str]) -> list[dict[str, Any]]:
        clients = {login: case.client for login, case in named.items()}
        return [
            {"login": login, "person": "alice.martin", "clients": [clients.get(login, "pidgin")]} for login in wanted
        ]

    directory = tmp_path_factory.mktemp("hostile")
    remove()
    try:
        made = [f"(make_home {login}; {case.make})" for login, case in named.items()]
        made += [f"(make_home {login})" for login in RACES]
        on_desk("bash -s", "\n".join([PRELUDE, *made]).encode())
        # The machine's own documents and packages are not what is measured here.
        on_desk(f"useradd --create-home {CALM}")
        calm = [{"login": CALM, "person": "alice.martin", "clients": ["pidgin", "gajim", "thunderbird"]}]
        Site(calm, directory).run()
        outside, inside = snapshot(OUTSIDE), snapshot(homes)
        # What a racing process does next cannot be foretold, and that a file is immutable shows when it is replaced.
        untold = [*RACES, *(login for login, case in named.items() if case is IMMUTABLE)]
        run = Site(seats([login for login in named if login not in untold]), directory).run()
        for login, swap in RACES.items():
            words = shlex.join(["setsid", "python3", "-c", RACE, *swap])
            on_desk(f"su {login} -s /bin/sh -c {shlex.quote(words + ' > /dev/null 2>&1 < /dev/null &')}")
        raced = [rows(Site(seats(untold), directory).run_alone()) for _ in range(RACED_RUNS)]
        on_desk(" && ".join(f"pkill -KILL -u {login}" for login in RACES))  # they raced until now
        owners = on_desk("getent passwd | cut -d : -f 1,3").decode().split()
        yield Attack(
            named,
            {login: row for (login, _), row in [*rows(run).items(), *raced[0].items()]},
            raced,
            (outside, snapshot(OUTSIDE)),
            (inside, snapshot(homes)),
            {login: int(number) for login, number in (line.split(":") for line in owners)},
            run.stdout,
        )
    finally:
        remove()


def test_each_hostile_home_gets_a_state_and_a_detail_that_names_path_and_cause(attack: Attack) -> None:
    wrong = []
    for login, case in attack.cases.items():
        row = attack.rows[login]
        detail = row["detail"].replace(login, "LOGIN")
        if row["state"] != case.state or not re.search(case.detail.replace(r"\w+", "LOGIN"), detail):
            wrong.append(f"{login}, {case.name}: {row['state']}, {row['detail']}; not {case.state}, {case.detail}")
    assert not wrong, "\n".join(wrong)
    print(f"\n{len(attack.cases)} hostile homes, {len(RACES)} races in {RACED_RUNS} runs")
    assert len(attack.cases) >= 30


def test_nothing_outside_the_homes_is_written(attack: Attack) -> None:
    before, after = attack.outside
    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    assert [path for path in changed if not path.startswith("/root/.ansible")] == []


def test_nothing_changes_its_owner_and_root_leaves_nothing(attack: Attack) -> None:
    before, after = attack.inside
    wrong = []
    for path, (_, owner, *_) in after.items():
        login = path.split("/")[2].removesuffix(".real")
        expected = before[path][1] if path in before else attack.numbers[login]
        if owner != expected and login not in RACES:
            wrong.append(f"{path}: {owner} instead of {expected}")
        if login in RACES and owner != attack.numbers[login]:
            wrong.append(f"{path}: {owner} in a racing home")
    assert not wrong, "\n".join(wrong)


def test_a_home_that_is_not_served_is_left_as_it_was(attack: Attack) -> None:
    before, after = attack.inside
    refused = {login for login, case in attack.cases.items() if case.state != "changed"}
    changed = [
        path
        for path in before.keys() | after.keys()
        if path.split("/")[2].removesuffix(".real") in refused and before.get(path) != after.get(path)
    ]
    assert changed == []


def test_no_file_of_the_person_is_lost_where_the_home_is_served(attack: Attack) -> None:
    before, after = attack.inside
    served = {login for login, case in attack.cases.items() if case.state == "changed"}
    for path, (mode, *_, what) in before.items():
        if path.split("/")[2].removesuffix(".real") in served and not path.endswith("accounts.xml"):
            assert path in after, path
            assert (mode, what) == (after[path][0], after[path][-1]), path


def test_a_race_ends_in_a_verdict_each_time(attack: Attack) -> None:
    for found in attack.raced:
        for login in RACES:
            row = found[(login, "pidgin")]
            assert row["state"] in ("changed", "compliant") or re.search(r"~/|home", row["detail"]), row
    states = {found[(login, "pidgin")]["state"] for found in attack.raced for login in RACES}
    print(f"\nraces ended as {sorted(states)}")
