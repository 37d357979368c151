"""Killed at any instruction, on the desk or on the control node, each file is the old or the new one, never less."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults_lab import Site, on_desk, python_on_desk, remove_logins, rows
from lived_in import make_login, module_directory, signs, text, versions

pytestmark = pytest.mark.lab

#: Print it, set it: the same moments again.
SEED = int(os.environ.get("FAULT_SEED") or secrets.randbelow(10**6))
HOST_KILLS = int(os.environ.get("FAULT_HOST_KILLS", "160"))
CONTROL_KILLS = int(os.environ.get("FAULT_CONTROL_KILLS", "40"))
LOGINS = ["faute1", "faute2"]
CLIENTS = ["pidgin", "gajim", "thunderbird"]
ROOT = "/root/im-faults"
PYTHON = "/usr/local/bin/im-faults-python3"  # names the processes of these runs among those of others
WISHES = (10, 20)


@pytest.fixture
def lived_in_logins() -> Iterator[list[str]]:
    """Logins with lived-in profiles of all clients."""
    remove_logins(LOGINS)
    try:
        for login in LOGINS:
            make_login(login, *CLIENTS)
        on_desk(f"ln -sf /usr/bin/python3 {PYTHON}")
        yield LOGINS
    finally:
        on_desk(f"rm -rf {ROOT} {PYTHON}")
        remove_logins(LOGINS)


LOOK = r"""
import hashlib, json, os, pwd, stat, subprocess, sys
found = {}
for login in json.load(sys.stdin):
    for folder, folders, names in os.walk(pwd.getpwnam(login).pw_dir):
        folders[:] = [name for name in folders if name != ".cache"]
        for name in names:
            path = os.path.join(folder, name)
            data = bytearray(open(path, "rb").read())
            if data.startswith(b"SQLite format 3"):
                data[24:28] = data[92:96] = bytes(4)  # the counter of the changes, and its copy
            about = os.lstat(path)
            owner = pwd.getpwuid(about.st_uid).pw_name
            mode = stat.S_IMODE(about.st_mode)
            if not name.startswith((".bash", ".profile")):
                found[path] = f"{hashlib.sha256(data).hexdigest()} {owner} {mode:o}"
    if subprocess.run(["pgrep", "-u", login], stdout=subprocess.DEVNULL).returncode == 0:
        found["process"] = login
print(json.dumps(found))
"""


def checksums() -> dict[str, str]:
    """Path -> checksum, owner and mode of every file of the logins; temporary files and processes stand there too."""
    found: dict[str, str] = json.loads(python_on_desk(LOOK, json.dumps(LOGINS).encode()))
    return found


def all_private(found: dict[str, str]) -> bool:
    """Whether each file is its login's alone, no temporary file stands there, and no process runs."""
    return "process" not in found and all(
        f"{path.split('/')[2]} 600" in line and "/.im-client-" not in path for path, line in found.items()
    )


@pytest.mark.usefixtures("lived_in_logins")
def test_killed_on_the_desk_each_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    on_desk(f"mkdir -p -m 700 {ROOT} && tar -xz -C {ROOT} -f -", module_directory())
    plan = {
        "root": ROOT,
        "seed": SEED,
        "kills": HOST_KILLS,
        "state_dir": f"{ROOT}/state",
        "logins": LOGINS,
        "groups": {
            client: {
                **signs(client),
                "versions": [{path: text(data) for path, data in one.items()} for one in versions(client, 5)],
            }
            for client in CLIENTS
        },
    }
    program = Path(__file__).with_name("desk_kills.py").read_text(encoding="utf-8")
    done: dict[str, Any] = json.loads(python_on_desk(program, json.dumps(plan).encode()))
    print(f"\nFAULT_SEED={SEED}: {done['kills']} kills on the desk: {json.dumps(done['counts'], indent=1)}")
    assert done["problems"] == []
    assert done["kills"] >= HOST_KILLS
    assert done["torn_backups"] == []
    # The playbook finishes the work, whatever state the kills left.
    run = Site(seats(), tmp_path).run()
    assert {row["state"] for row in rows(run).values()} <= {"changed", "compliant"}, run.stdout
    assert all_private(checksums()), checksums()


def seats() -> list[dict[str, Any]]:
    """Both logins, all clients."""
    return [{"login": login, "person": "alice.martin", "clients": CLIENTS} for login in LOGINS]


def site(directory: Path, minutes: int) -> Site:
    """The wish for so many minutes, enforced: each of the two wishes undoes the other."""
    return Site(
        seats(),
        directory,
        {
            "im_preferences": {"auto_away": True, "auto_away_minutes": minutes},
            "im_enforced_preferences": ["auto_away_minutes"],
        },
        host={"ansible_python_interpreter": PYTHON},
    )


def wait_for_the_desk() -> None:
    """Wait until nothing of a killed run works, or is about to, on the desk: not once but three times in a row."""
    pattern = PYTHON[:-1] + "[3]"  # which the command line of this search does not match
    on_desk(
        "calm=0; for i in $(seq 300); do calm=$((calm + 1)); "
        f"pgrep -f '{pattern}' > /dev/null && calm=0; [ $calm = 3 ] && exit 0; sleep 0.1; done; exit 1"
    )


@pytest.mark.usefixtures("lived_in_logins")
def test_killed_on_the_control_node_each_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311  the same moments each time, no secret
    states: dict[int, dict[str, str]] = {}
    for minutes in (WISHES[0], WISHES[1], WISHES[0]):
        begin = time.monotonic()
        run = site(tmp_path, minutes).run_alone()  # timed
        duration = time.monotonic() - begin
        assert run.returncode == 0, run.stdout + run.stderr
        now = checksums()
        assert all_private(now), now
        assert states.setdefault(minutes, now) == now, "each wish has its own bytes, whatever was there before"
    counts: Counter[str] = Counter()
    now, killed = states[WISHES[0]], 0
    while killed < CONTROL_KILLS:
        # Something to write, always: the other wish, or any after a kill between two files.
        other = [minutes for minutes in WISHES if now != states[minutes]]
        wished = site(tmp_path, chance.choice(other))
        process = wished.start()
        way = ("process group", "connection")[killed % 2]
        if killed % 4 == 0:
            time.sleep(chance.uniform(0, duration))
        else:
            # The first module looks at the desk, the second reads the files, the third writes them.
            wished.wait_for_module(chance.choice((1, 2, 3, 3, 3)), PYTHON, process)
            time.sleep(chance.uniform(0, duration / 6))
        late = process.poll() is not None
        if way == "connection":
            late = late or not wished.hang_up()
            process.wait()
        else:
            if not late:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        wait_for_the_desk()
        before, now = now, checksums()
        for path in now.keys() | before.keys():
            legal = {state.get(path) for state in states.values()}
            assert now.get(path) in legal or "/.im-client-" in path, f"FAULT_SEED={SEED}: {path} after kill {killed}"
        counts["too late" if late else f"{way} killed"] += 1
        if not late:
            killed += 1
            counts["files as before" if now == before else "files new" if now in states.values() else "some new"] += 1
            counts["with a temporary file left"] += any("/.im-client-" in path for path in now)
    print(f"\nFAULT_SEED={SEED}: {killed} kills on the control node: {json.dumps(counts, indent=1)}")
    minutes = next(minutes for minutes in WISHES if now != states[minutes])
    run = site(tmp_path, minutes).run()
    assert run.returncode == 0, run.stdout
    assert {row["state"] for row in rows(run).values()} <= {"changed", "compliant"}, run.stdout
    assert checksums() == states[minutes], "the bytes of that wish, no temporary file, no process"


@pytest.mark.usefixtures("lived_in_logins")
def test_a_temporary_file_of_a_killed_run_goes_even_if_nothing_is_to_be_written(tmp_path: Path) -> None:
    assert site(tmp_path, WISHES[0]).run().returncode == 0
    before = checksums()
    on_desk("su faute1 -c 'umask 077; echo half > ~/.purple/.im-client-0123456789abcdef'")
    run = site(tmp_path, WISHES[0]).run()
    assert {row["state"] for row in rows(run).values()} == {"compliant"}, run.stdout
    assert checksums() == before
