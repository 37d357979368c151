"""im_profile_files: what the host remembers of a group, for the login to read and for nobody to forge."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from profile_files_support import PROJECT, ROOT, Person, wish

needs_root = pytest.mark.skipif(not ROOT, reason="only root can make this")


def place(person: Person, key: str = "k") -> Path:
    return person.state / "memory" / person.login / (hashlib.sha256(key.encode()).hexdigest() + ".json")


def recall(person: Person, key: str = "k") -> tuple[str | None, str | None]:
    """(memory, code of its error)."""
    answer = person.ask(key=key, memory=True)
    assert answer["error"] is None
    return answer["memory"], answer["memory_error"] and answer["memory_error"]["code"]


def test_what_is_remembered_with_a_group_is_answered_to_its_key_alone(person: Person) -> None:
    text = '{"who": "Zoë O\'Brien & \\"Co\\" <x> \\\\"}'
    answer = person.put(wish("x", b"1", None), memory=text)
    assert (answer["state"], answer["memory_written"], answer["memory_error"]) == ("written", True, None)
    assert recall(person) == (text, None)
    assert recall(person, "another") == (None, None)
    assert person.ask()["memory"] is None


def test_a_null_leaves_the_memory_and_an_empty_text_forgets_it(person: Person) -> None:
    person.put(memory="old")
    assert person.put(wish("x", b"1", None))["memory_written"] is None
    assert recall(person) == ("old", None)
    assert person.put(memory="new")["memory_written"] is True
    assert recall(person) == ("new", None)
    assert person.put(memory="")["memory_written"] is True
    assert recall(person) == (None, None)
    assert not place(person).exists()
    assert person.put(memory="")["memory_written"] is True


def test_the_memory_belongs_to_the_login_in_directories_it_can_walk_but_not_write(person: Person) -> None:
    person.put(wish("x", b"2", None), memory="m")
    found = place(person).stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (person.uid, 0o600)
    above = [place(person).parent, place(person).parent.parent, person.state]
    assert {(path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) for path in above} == {
        (os.geteuid(), 0o711 if ROOT else 0o700)
    }
    assert stat.S_IMODE((person.state / "backups").stat().st_mode) == 0o700
    assert [path.name for path in place(person).parent.iterdir()] == [place(person).name]


@pytest.mark.parametrize(
    ("data", "code"), [(b"\xff\xfe", "malformed"), (b"x" * (1024 * 1024 + 1), "too_big"), (None, "directory")]
)
def test_a_memory_that_cannot_be_trusted_is_none_and_says_why(person: Person, data: bytes | None, code: str) -> None:
    person.put(memory="m")
    place(person).unlink()
    if data is None:
        place(person).mkdir()
    else:
        place(person).write_bytes(data)
    person.own(place(person))
    assert recall(person) == (None, code)


@needs_root
def test_a_memory_of_somebody_else_is_none(person: Person) -> None:
    person.put(memory="m")
    os.chown(place(person), 12345, -1)
    assert recall(person) == (None, "not_owner")
    person.put(memory="again")
    assert recall(person) == ("again", None)


def test_a_link_in_the_place_of_a_memory_is_not_followed(person: Person) -> None:
    person.put(memory="m")
    secret = person.file("secret", b"secret")
    place(person).unlink()
    place(person).symlink_to(secret)
    memory, code = recall(person)
    assert memory is None
    assert code is not None
    person.put(memory="mine")
    assert (secret.read_bytes(), recall(person)) == (b"secret", ("mine", None))


def test_a_directory_that_others_may_write_in_is_not_trusted(person: Person) -> None:
    person.put(memory="m")
    place(person).parent.chmod(0o777)
    assert recall(person) == (None, "not_owner")
    answer = person.put(wish("x", b"1", None), memory="n")
    assert (answer["state"], answer["memory_written"], answer["memory_error"]["code"]) == (
        "written",
        False,
        "not_owner",
    )


@pytest.mark.parametrize("memory", ["x" * (1024 * 1024 + 1), "\udcff"])
def test_a_memory_that_cannot_be_kept_does_not_fail_its_group(person: Person, memory: str) -> None:
    answer = person.put(wish("x", b"1", None), memory=memory)
    assert (answer["state"], answer["memory_written"]) == ("written", False)
    assert memory not in json.dumps(answer)
    assert (person.home / "x").read_bytes() == b"1"


def test_nothing_is_remembered_of_a_group_that_was_not_written(person: Person) -> None:
    person.file("x", b"the user's")
    answer = person.put(wish("x", b"2", b"1"), memory="m")
    assert (answer["state"], answer["memory_written"]) == ("conflict", False)
    assert recall(person) == (None, None)


def test_check_mode_predicts_the_memory_and_keeps_none(person: Person) -> None:
    assert person.put(wish("x", b"1", None), memory="m", check=True)["memory_written"] is True
    assert not person.state.exists()


def test_check_mode_foretells_that_a_memory_cannot_be_kept(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(check: bool) -> tuple[bool, str, str]:
        answer = person.put(wish("x", b"1", None), memory="m", check=check)
        return answer["memory_written"], answer["memory_error"]["code"], answer["memory_error"]["message"]

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchown", refuse)
    foretold = told(check=True)
    assert not person.state.exists()
    assert foretold[:2] == (False, "forbidden")
    assert told(check=False) == foretold
    monkeypatch.undo()

    person.put(memory="old")
    place(person).parent.chmod(0o777)
    (person.home / "x").unlink()
    before = [path.stat().st_mtime_ns for path in (place(person), place(person).parent)]
    foretold = told(check=True)
    assert foretold[:2] == (False, "not_owner")
    assert [path.stat().st_mtime_ns for path in (place(person), place(person).parent)] == before
    assert told(check=False) == foretold


def test_the_process_of_a_person_cannot_speak_for_the_memory(person: Person) -> None:
    def serve(_tree: object, _task: object, _keep: object) -> dict[str, object]:
        return {"memory": "forged", "login": "root", "key": "forged"}

    memory = person.module.Memory(str(person.state))
    request = {"key": "k", "login": person.login, "memory": True, **person.spec}
    (answer,) = person.module.Service([request], serve, 30, memory=memory).run()
    assert (answer["key"], answer["login"], answer["memory"]) == ("k", person.login, None)


ALONE = """
import json, pwd, sys
sys.modules["ansible"] = None  # a desk has no Ansible
sys.path.insert(0, sys.argv[1])
from im_desk import calls as module
from im_desk.wire import pack
login, home, state = sys.argv[2:]
entry = list(pwd.getpwnam(login))
entry[5] = home
pwd.getpwnam = {login: pwd.struct_passwd(entry)}.__getitem__
files = [{"path": "x", "content": pack(b"1")}]
group = {"key": "k", "login": login, "run_id": "r", "files": files, "memory": "m"}
written = module.write_groups([group, {**group, "key": "m", "login": None}], state)
read = module.read_requests([{"key": "k", "login": login, "paths": ["x"], "memory": True}], state)
restored = module.restore_runs([{"login": login, "run_id": "r", "new_run_id": "s"}], state)
print(json.dumps([written, read, restored, module.list_backups(None, state)]))
"""


def test_a_job_of_the_login_uses_it_as_a_library_without_ansible_and_for_itself_only(
    person: Person, tmp_path: Path
) -> None:
    script, state = tmp_path / "alone.py", person.folder("state")
    script.write_text(ALONE)
    library = tmp_path / "im_desk"
    shutil.copytree(PROJECT / "module_utils" / "im_desk", library, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (
        script,
        library,
        *library.iterdir(),
        *(above for above in script.parents if above.owner() == script.owner()),
    ):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644)) if path != Path("/") else None
    interpreter = "/usr/bin/python3" if ROOT else sys.executable  # the test's own may stand in root's home
    done = subprocess.run(
        [interpreter, str(script), str(tmp_path), person.login, str(person.home), str(state)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **({"user": person.uid, "group": person.gid, "extra_groups": []} if ROOT else {}),
    )
    assert done.returncode == 0, done.stderr
    written, read, restored, listed = json.loads(done.stdout)
    assert [(answer["state"], answer["memory_written"]) for answer in written] == [("written", True), ("failed", False)]
    assert written[1]["error"]["code"] == "needs_root"
    assert (read[0]["memory"], read[0]["files"]["x"]["size"]) == ("m", 1)
    assert [answer["state"] for answer in restored] == ["written"]
    assert [run["run_id"] for run in listed[0]["runs"]] == ["s", "r"]
    assert not (person.home / "x").exists()
    assert {path.owner() for path in state.rglob("*")} == {person.login}


def test_a_name_that_the_library_does_not_know_is_refused(person: Person) -> None:
    with pytest.raises(ValueError, match="unknown or missing: contnet"):
        person.module.write_groups([person.group({"path": "x", "contnet": ""})], str(person.state))
    with pytest.raises(ValueError, match="unknown or missing: key"):
        person.module.read_requests([{"login": person.login}], str(person.state))
