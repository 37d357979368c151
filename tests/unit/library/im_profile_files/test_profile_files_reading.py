"""im_profile_files, action read: every kind of thing that may stand where a file is expected."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_desk import tree
from profile_files_support import ROOT, Person, load, sha256, unpack

needs_root = pytest.mark.skipif(not ROOT, reason="only root can make this")


def code(entry: dict[str, Any]) -> str:
    """The code of an error, whose message must say where."""
    assert entry.keys() == {"error"}
    assert "/" in entry["error"]["message"]
    return entry["error"]["code"]


def test_a_file_comes_back_byte_for_byte(person: Person) -> None:
    data = bytes(range(256)) * 41
    person.file(".purple/accounts.xml", data, 0o640)
    entry = person.look(".purple/accounts.xml")
    assert unpack(entry.pop("content")) == data
    assert entry == {"sha256": sha256(data), "size": len(data), "mode": "0640", "writable": True}


def test_an_empty_file_is_not_an_absent_one(person: Person) -> None:
    person.file("empty", b"")
    entry = person.look("empty")
    assert (unpack(entry["content"]), entry["size"]) == (b"", 0)


def test_the_answer_names_the_request_and_the_person(person: Person) -> None:
    answer = person.ask(key="pidgin of Zoë")
    assert answer == {
        "key": "pidgin of Zoë",
        "login": person.login,
        "home": str(person.home),
        "uid": person.uid,
        "error": None,
        "running": [],
        "memory": None,
        "memory_error": None,
        "pending": False,
        "files": {},
    }


def test_answers_survive_json_whatever_the_names(person: Person) -> None:
    person.file('d/Zoë O\'Brien & "Co" <x> \\', b"1")
    raw = os.fsencode(person.home) + b"/d/\xff\n.txt"
    with open(raw, "wb") as file:  # noqa: PTH123  a name that is not text
        file.write(b"2")
    person.own(Path(os.fsdecode(raw)))
    answer = person.ask("d/*")
    assert json.loads(json.dumps(answer)) == answer
    assert sorted(answer["files"]) == ['d/Zoë O\'Brien & "Co" <x> \\', "d/\\xff\n.txt"]
    assert code(answer["files"]["d/\\xff\n.txt"]) == "bad_name"


def test_an_absent_file_can_be_created_where_the_person_may_write(person: Person) -> None:
    absent = {"absent": True, "creatable": True, "why": None}
    assert person.look(".purple/prefs.xml") == absent
    person.folder(".purple")
    assert person.look(".purple/prefs.xml") == absent
    assert person.look("a/b/c/d") == absent


def test_an_absent_file_cannot_be_created_in_a_closed_directory(person: Person) -> None:
    person.folder(".config", 0o500)
    entry = person.look(".config/gajim/settings.sqlite")
    assert entry == {"absent": True, "creatable": False, "why": entry["why"]}
    assert "~/.config" in entry["why"]


def test_a_file_in_a_closed_directory_is_read_and_not_writable(person: Person) -> None:
    person.file("d/x", b"1")
    person.folder("d", 0o500)
    entry = person.look("d/x")
    assert entry["writable"] is False
    assert "~/d" in entry["why"]


def test_mode_000_is_forbidden_not_absent(person: Person) -> None:
    person.file("d/x", b"1", 0o000)
    assert code(person.look("d/x")) == "forbidden"
    person.folder("d", 0o000)
    assert code(person.look("d/x")) == "forbidden"
    assert code(person.look("d/e/x")) == "forbidden"


def test_a_directory_in_place_of_a_file(person: Person) -> None:
    person.folder("d/x")
    assert code(person.look("d/x")) == "directory"


def test_a_file_in_place_of_a_directory(person: Person) -> None:
    person.file(".purple", b"1")
    assert code(person.look(".purple/accounts.xml")) == "not_a_directory"


def test_a_fifo_is_refused_and_does_not_hang(person: Person) -> None:
    os.mkfifo(person.home / "fifo")
    person.own(person.home / "fifo")
    assert code(person.look("fifo")) == "fifo"


def test_a_socket_is_refused(person: Person) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(person.home / "s"))
        person.own(person.home / "s")
        assert code(person.look("s")) == "socket"


@needs_root
def test_a_device_is_refused_without_being_opened(person: Person) -> None:
    try:
        os.mknod(person.home / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this machine lets nobody make devices")
    person.own(person.home / "null")
    assert code(person.look("null")) == "device"


def test_a_file_that_is_too_big_is_refused_before_it_is_read(person: Person) -> None:
    path = person.file("big", b"")
    os.truncate(path, 64 * 1024 * 1024 + 1)
    assert code(person.look("big")) == "too_big"


def test_all_files_of_a_person_together_have_a_limit(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "LOGIN_LIMIT", 10)
    for name in ("a", "b", "c"):
        person.file(name, b"12345")
    files = person.ask("a", "b", "c")["files"]
    assert [entry.get("size") for entry in files.values()] == [5, 5, None]
    assert code(files["c"]) == "too_big"


@needs_root
def test_a_file_of_somebody_else_is_refused(person: Person) -> None:
    os.chown(person.file("x", b"1", 0o644), 0, 0)
    assert code(person.look("x")) == "not_owner"


def test_a_hard_link_is_read_like_the_file_it_is(person: Person) -> None:
    os.link(person.file("x", b"1"), person.home / "y")
    assert unpack(person.look("y")["content"]) == b"1"


@needs_root
def test_a_hard_link_to_a_file_of_somebody_else_is_refused(person: Person) -> None:
    secret = person.home.parent / "secret"
    secret.write_bytes(b"root's")
    secret.chmod(0o644)
    os.link(secret, person.home / "x")
    secret.unlink()
    assert code(person.look("x")) == "not_owner"


# Links


def test_a_link_to_a_file_inside_the_home_is_followed_and_named(person: Person) -> None:
    person.file("real/x", b"1")
    person.link("d/x", "../real/x")
    entry = person.look("d/x")
    assert (unpack(entry["content"]), entry["real_path"]) == (b"1", "real/x")


@pytest.mark.parametrize("target", ["store/purple", "./store//purple/", "{home}/store/purple", "store/../store/purple"])
def test_a_link_to_a_directory_inside_the_home_is_followed(person: Person, target: str) -> None:
    person.file("store/purple/accounts.xml", b"1")
    person.link(".purple", target.format(home=person.home))
    entry = person.look(".purple/accounts.xml")
    assert (unpack(entry["content"]), entry["real_path"]) == (b"1", "store/purple/accounts.xml")
    assert person.look(".purple/prefs.xml") == {"absent": True, "creatable": True, "why": None}


def test_a_chain_of_links_inside_the_home_is_followed(person: Person) -> None:
    person.file("a/b/x", b"1")
    person.link("one", "two")
    person.link("two", "a/three")
    person.link("a/three", "b")
    assert person.look("one/x")["real_path"] == "a/b/x"


def test_dot_dot_after_a_link_means_the_parent_of_where_it_leads(person: Person) -> None:
    person.file("a/x", b"right")
    person.file("x", b"wrong")
    person.folder("a/b")
    person.link("deep", "a/b")
    person.link("l", "deep/../x")
    assert unpack(person.look("l")["content"]) == b"right"


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../outside", "../../../etc/passwd", "..", "{home}/../outside", "/", "{home}x/y"]
)
def test_a_link_out_of_the_home_is_refused_even_if_readable(person: Person, target: str) -> None:
    (person.home.parent / "outside").write_bytes(b"1")
    person.link("l", target.format(home=person.home))
    assert code(person.look("l")) == "link_outside"
    assert code(person.look("l/x")) == "link_outside"


def test_a_link_that_leaves_the_home_and_comes_back_is_refused(person: Person) -> None:
    person.file("x", b"1")
    person.link("l", "../home/x")
    assert code(person.look("l")) == "link_outside"


def test_a_dangling_link_is_not_absence(person: Person) -> None:
    person.link("l", "nowhere")
    person.link("d", "nowhere/else")
    assert code(person.look("l")) == "link_dangling"
    assert code(person.look("d/x")) == "link_dangling"


def test_a_loop_of_links_ends(person: Person) -> None:
    person.link("a", "b")
    person.link("b", "a")
    person.link("self/x", "../self/x")
    assert code(person.look("a")) == "link_loop"
    assert code(person.look("a/x")) == "link_loop"
    assert code(person.look("self/x")) == "link_loop"


def test_a_link_to_the_directory_it_stands_in_is_a_directory(person: Person) -> None:
    person.link("d/x", ".")
    assert code(person.look("d/x")) == "directory"
    person.link("e/x", str(person.home))
    assert code(person.look("e/x")) == "directory"


# Patterns


def test_a_star_matches_within_one_component_and_no_leading_dot(person: Person) -> None:
    for name in (".thunderbird/a.default/prefs.js", ".thunderbird/b/prefs.js", ".thunderbird/.hidden/prefs.js"):
        person.file(name, name.encode())
    person.folder(".thunderbird/empty")
    person.file(".thunderbird/profiles.ini", b"")
    person.file(".thunderbird/b/sub/prefs.js", b"")
    files = person.ask(".thunderbird/*/prefs.js")["files"]
    assert sorted(files) == [".thunderbird/a.default/prefs.js", ".thunderbird/b/prefs.js"]
    assert all(unpack(entry["content"]) == name.encode() for name, entry in files.items())


def test_only_the_star_is_special(person: Person) -> None:
    for name in ("a[1].x", "a1.x", "a?.x", "b*.x"):
        person.file(name, b"")
    assert sorted(person.ask("a[1]*")["files"]) == ["a[1].x"]
    assert sorted(person.ask("a?*")["files"]) == ["a?.x"]
    assert sorted(person.ask("b*")["files"]) == ["b*.x"]


def test_stars_in_several_components(person: Person) -> None:
    for name in ("a/1/x", "a/2/y", "b/1/x"):
        person.file(name, b"")
    assert sorted(person.ask("*/*/x")["files"]) == ["a/1/x", "b/1/x"]


def test_a_pattern_that_matches_nothing_adds_nothing(person: Person) -> None:
    person.file("f", b"")
    assert person.ask("nowhere/*/x", "*/x", "f/*")["files"] == {}


def test_a_pattern_reports_what_is_wrong_with_a_match(person: Person) -> None:
    person.link("p/out/x", "/etc/passwd")
    person.link("p/away", "/etc")
    person.folder("p/dir/x")
    files = person.ask("p/*/x")["files"]
    assert {name: code(entry) for name, entry in files.items()} == {
        "p/out/x": "link_outside",
        "p/away/x": "link_outside",
        "p/dir/x": "directory",
    }


def test_a_pattern_in_a_closed_directory_is_an_error_not_silence(person: Person) -> None:
    person.folder("p", 0o000)
    assert code(person.ask("p/*")["files"]["p/*"]) == "forbidden"


def test_a_pattern_that_matches_a_whole_disk_is_refused(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MATCH_LIMIT", 3)
    for number in range(5):
        person.file(f"p/{number}", b"")
    assert code(person.ask("p/*")["files"]["p/*"]) == "too_many"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "a/./b", "a/**/b", "a/", "/", "x\0y", "\ud800"])
def test_a_path_that_is_not_plainly_below_the_home_is_refused(person: Person, path: str) -> None:
    entry = person.ask(path)["files"][path]
    assert entry["error"]["code"] == "bad_request"


def test_an_empty_path_is_refused(person: Person) -> None:
    assert person.ask("")["files"][""]["error"]["code"] == "bad_request"


# Files of the system, and the machine


def test_a_file_of_the_system_is_read_with_the_rights_of_the_person(person: Person, tmp_path: Path) -> None:
    files = person.ask(system_paths=["/etc/passwd", "/etc/no such file", "/dev/null", "/etc", "/etc/*"])["files"]
    assert unpack(files["/etc/passwd"].pop("content")) == Path("/etc/passwd").read_bytes()
    assert files["/etc/passwd"]["writable"] is False
    assert files["/etc/no such file"]["absent"] is True
    assert files["/etc/no such file"]["creatable"] is False
    assert code(files["/dev/null"]) == "device"
    assert code(files["/etc"]) == "directory"
    assert files["/etc/*"]["error"]["code"] == "bad_request"


@needs_root
def test_a_file_that_only_root_may_read_stays_closed_to_the_person(person: Person) -> None:
    assert code(person.ask(system_paths=["/etc/shadow"])["files"]["/etc/shadow"]) == "forbidden"


@needs_root
def test_the_machine_is_read_as_root_on_absolute_paths(person: Person) -> None:
    answer = person.ask("/etc/passwd", "/etc/no/such", "relative", login=None)
    assert (answer["error"], answer["home"], answer["uid"]) == (None, None, 0)
    assert answer["files"]["/etc/passwd"]["writable"] is True
    assert answer["files"]["/etc/no/such"] == {"absent": True, "creatable": True, "why": None}
    assert answer["files"]["relative"]["error"]["code"] == "bad_request"


@needs_root
def test_root_does_not_walk_through_directories_of_others(person: Person) -> None:
    path = str(person.file("d/x", b"1", 0o644))
    assert code(person.ask(path, login=None)["files"][path]) == "not_owner"


# Logins


def error_of(module: Any, login: str | None) -> str:
    request: dict[str, Any] = {"key": "k", "login": login, "processes": [], "locks": [], "open_files": []}
    (answer,) = module.read_requests([{**request, "paths": ["x"], "system_paths": []}])
    assert answer["files"] == {}
    return answer["error"]["code"]


def test_a_login_that_does_not_exist_is_said_so() -> None:
    assert error_of(load(), "no.such.login") == "no_login"


def test_root_is_not_a_person() -> None:
    assert error_of(load(), "root") == "root_refused"


@pytest.mark.parametrize("login", ["", "a/b", "..", ".", "_machine", "a\nb", "a\0b"])
def test_a_login_that_could_become_a_path_is_refused(login: str) -> None:
    assert error_of(load(), login) == "bad_request"


def test_a_missing_home_is_said_so(person: Person) -> None:
    person.home.rename(person.home.parent / "elsewhere")
    try:
        assert error_of(person.module, person.login) == "no_home"
        (person.home).write_bytes(b"a file")
        assert error_of(person.module, person.login) == "no_home"
        person.home.unlink()
    finally:
        (person.home.parent / "elsewhere").rename(person.home)


@needs_root
def test_a_home_that_belongs_to_somebody_else_is_refused(person: Person) -> None:
    os.chown(person.home, 0, 0)
    person.home.chmod(0o755)
    assert error_of(person.module, person.login) == "not_owner"


def test_a_home_without_rights_is_forbidden(person: Person) -> None:
    person.home.chmod(0o000)
    assert error_of(person.module, person.login) == "forbidden"


@pytest.mark.skipif(ROOT, reason="only somebody who is not root can see this")
def test_without_root_only_oneself_is_served(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert error_of(person.module, None) == "needs_root"
    monkeypatch.undo()
    assert error_of(load(), "nobody") == "needs_root"


@needs_root
def test_run_as_a_person_the_module_refuses_everybody_else(person: Person) -> None:
    """Root plays the unprivileged caller: a child that becomes the person first."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgid(person.gid)
        os.setuid(person.uid)
        own = person.ask("x")["files"]["x"]
        result = [error_of(person.module, None), error_of(person.module, "nobody"), own["absent"]]
        os.write(write_end, json.dumps(result).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as file:
        assert json.load(file) == ["needs_root", "needs_root", True]
    os.waitpid(pid, 0)


# The process that serves a login


def inside(person: Person, serve: Any, time_limit: int = 30) -> dict[str, Any]:
    """Run SERVE in the place of the action, in the process of the person; return the answer."""
    request = {"key": "k", "login": person.login, "processes": [], "locks": [], "open_files": [], "memory": False}
    memory = person.module.Memory(str(person.state))
    (answer,) = person.module.Service([request], serve, time_limit, memory=memory).run()
    return answer


def test_the_process_of_a_person_has_given_up_everything_else(person: Person) -> None:
    secret = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(secret, True)

    def serve(*_: Any) -> dict[str, Any]:
        umask = os.umask(0)
        kinds = []
        for descriptor in range(256):  # /proc/self/fd is closed to it, as to its person: it is not dumpable
            with contextlib.suppress(OSError):
                kinds.append(stat.S_IFMT(os.fstat(descriptor).st_mode))
        return {
            "files": {
                "uids": os.getresuid(),
                "gids": os.getresgid(),
                "groups": os.getgroups(),
                "umask": umask,
                "core": resource.getrlimit(resource.RLIMIT_CORE),
                "cwd": str(Path.cwd()),
                "kinds": kinds,
            }
        }

    files = inside(person, serve)["files"]
    os.close(secret)
    assert files["uids"] == [person.uid] * 3
    assert files["gids"] == [person.gid] * 3
    if ROOT:
        assert files["groups"] == [person.gid]
    assert (files["umask"], files["core"], files["cwd"]) == (0o077, [0, 0], "/")
    # /dev/null three times, the home, and the two pipes to the parent
    assert sorted(files["kinds"]) == sorted([stat.S_IFCHR] * 3 + [stat.S_IFDIR] + [stat.S_IFIFO] * 2)


def test_one_hanging_home_does_not_block_the_others(person: Person) -> None:
    def serve(_tree: Any, task: dict[str, Any], _keep: Any) -> dict[str, Any]:
        if task["key"] == "hangs":
            os.kill(os.getpid(), 19)  # SIGSTOP: not even its own alarm wakes it
        return {"files": {"served": {}}}

    request = {"login": person.login, "processes": [], "locks": [], "open_files": [], "memory": False}
    tasks = [{"key": "first", **request}, {"key": "hangs", **request}, {"key": "never", **request}]
    others = [{"key": "other", **request, "login": "no.such.login"}]
    memory = person.module.Memory(str(person.state))
    answers = person.module.Service(tasks + others, serve, 1, memory=memory).run()
    assert [answer["error"] and answer["error"]["code"] for answer in answers] == [
        None,
        "timeout",
        "timeout",
        "no_login",
    ]
    assert answers[0]["files"] == {"served": {}}


def test_a_process_killed_by_its_person_is_an_error_of_that_person(person: Person) -> None:
    answer = inside(person, lambda *_: os.kill(os.getpid(), 9))
    assert answer["error"]["code"] == "crashed"


def test_a_process_that_talks_nonsense_is_an_error_of_that_person(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for said in (b"nonsense\n", b"[]\n", b'{"index": 7, "answer": {}}\n', b'{"index": 0, "keep": {}}\n', b"{"):
        monkeypatch.setattr(person.module.Child, "tell", lambda child, _message, said=said: os.write(child.say, said))
        assert person.ask("x")["error"]["code"] == "crashed"


def test_a_bug_is_an_error_without_contents(person: Person) -> None:
    def serve(*_: Any) -> dict[str, Any]:
        raise ValueError("hunter2")

    answer = inside(person, serve)
    assert answer["error"]["code"] == "crashed"
    assert "ValueError" in answer["error"]["message"]
    assert "hunter2" not in json.dumps(answer)


@needs_root
def test_rights_that_cannot_be_given_up_are_not_used(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "setuid", lambda _uid: None)
    answer = person.ask("x")
    assert answer["error"]["code"] == "not_dropped"
    assert answer["files"] == {}


def test_many_requests_keep_their_order(person: Person) -> None:
    person.file("x", b"1")
    request = {"login": person.login, "system_paths": [], "processes": [], "locks": [], "open_files": []}
    logins = [person.login, "no.such.login", person.login, "none.either"] * 6
    requests = [{**request, "key": str(n), "login": login, "paths": ["x"]} for n, login in enumerate(logins)]
    answers = person.module.read_requests(requests)
    assert [(answer["key"], answer["login"]) for answer in answers] == [(str(n), name) for n, name in enumerate(logins)]
    assert [bool(answer["files"]) for answer in answers] == [login == person.login for login in logins]


def test_what_waits_for_a_login_is_told_and_only_then(person: Person, tmp_path: Path) -> None:
    def pending() -> bool:
        (answer,) = load().read_requests([{"key": "k", "login": person.login, "paths": ["a"]}], str(tmp_path))
        told: bool = answer["pending"]
        return told

    assert not pending()
    (tmp_path / "pending" / person.login).mkdir(parents=True)
    assert pending()


def test_temporary_files_of_a_killed_run_are_told_beside_the_file(person: Person) -> None:
    person.file("d/a", b"1")
    assert "strays" not in person.look("d/a")
    person.file("d/.im-client-0123456789abcdef", b"half")
    assert person.look("d/a")["strays"] is True
