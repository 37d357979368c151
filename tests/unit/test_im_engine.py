"""The engine decides what to read, what each document must become, and what may be written.

The host's answers are written by hand here, in the shape that tests/unit/library proves for im_profile_files.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import im_engine
from ansible.module_utils.im_engine import Group, Outcome
from ansible.module_utils.im_model import Client, Document
from ansible.module_utils.im_packages.answers import with_source
from rendering import CLIENTS, COMMON, fragments

SEAT = {"login": "amartin", "person": "alice.martin", "clients": ["toy"]}
DESKTOP = b"[Desktop Entry]\nType=Application\nName=Toy\n"


def toy(*documents: Document, locks: tuple[str, ...] = ()) -> Client:
    platforms = {"Debian": {"packages": ["toy"], "bases": {"profile": "~/.toy", "system": "/etc/toy"}}}
    return Client("toy", "Toy", ("toy",), locks, {}, (), documents, platforms)


def document(path: str, base: str = "profile", form: str = "desktop_entry", siblings: tuple[str, ...] = ()) -> Document:
    return Document(path, base, form, Path(path + ".j2"), siblings, "")


def read(content: bytes, **more: Any) -> dict[str, Any]:
    packed = base64.b64encode(zlib.compress(content)).decode()
    return {"content": packed, "sha256": hashlib.sha256(content).hexdigest(), "writable": True, **more}


def answer(files: dict[str, Any] | None = None, running: list[str] | None = None, error: Any = None) -> dict[str, Any]:
    signs = [{"pid": 1, "what": what} for what in running or []]
    return {"key": "amartin/toy", "error": error, "running": signs, "files": files or {}}


def wants(enforced: str = "[Desktop Entry]\nExec=toy\n", initial: str = "") -> im_engine.Render:
    return lambda _document, part: enforced if part == "enforced" else initial


def group(*documents: Document) -> Group:
    client = toy(*documents)
    return Group("amartin/toy", "amartin", client, client.platforms["Debian"]["bases"])


def merged(files: dict[str, Any] | None = None, *, running: list[str] | None = None) -> Outcome:
    outcome: Outcome = im_engine.merge_group(group(document("a.desktop")), answer(files, running), wants())
    return outcome


def test_a_memory_that_the_host_cannot_read_or_keep_is_told() -> None:
    trouble = {"code": "forbidden", "message": "permission denied"}
    asked = answer({}) | {"memory": None, "memory_error": trouble}
    assert im_engine.merge_group(group(document("a.desktop")), asked, wants()).memory_trouble == "permission denied"
    outcome = merged()
    im_engine.apply_answer(outcome, {"state": "written", "error": None, "running": [], "memory_error": trouble})
    assert (outcome.state, outcome.memory_trouble) == ("changed", "permission denied")


def test_a_host_gets_its_machine_groups_before_the_seats() -> None:
    client = toy(document("a.desktop"), document("p.json", "system", "json_policies"))
    groups = im_engine.groups_of([SEAT], {"toy": client}, COMMON, "Debian")
    assert [(found.key, found.login) for found in groups] == [
        ("machine", None),
        ("machine/toy", None),
        ("amartin/toy", "amartin"),
    ]
    assert [path for found in groups for _, path in found.documents()] == [
        "/usr/local/share/ca-certificates/im-service.crt",
        "/etc/toy/p.json",
        ".toy/a.desktop",
    ]


def test_a_host_without_seats_is_asked_nothing() -> None:
    assert im_engine.groups_of([], {"toy": toy()}, COMMON, "Debian") == []


def test_one_question_holds_everything_that_the_merge_may_need() -> None:
    seats = [SEAT | {"clients": ["thunderbird"]}]
    *_, seat = im_engine.groups_of(seats, CLIENTS, COMMON, "Debian")
    request = im_engine.read_request(seat)
    assert request["login"] == "amartin"
    assert set(request["paths"]) == {
        ".thunderbird/profiles.ini",
        ".thunderbird/installs.ini",
        ".thunderbird/*/compatibility.ini",
        ".thunderbird/Profiles/*/compatibility.ini",
        ".thunderbird/*/prefs.js",
        ".thunderbird/*/blist.sqlite",
        ".thunderbird/*/blist.sqlite-wal",
        ".config/autostart/thunderbird.desktop",
    }
    assert ".thunderbird/*/.parentlock" in request["locks"]


def test_a_client_gives_the_signs_of_running_that_its_platform_says() -> None:
    *_, seat = im_engine.groups_of([SEAT | {"clients": ["thunderbird"]}], CLIENTS, COMMON, "Windows")
    request = im_engine.read_request(seat)
    assert request["locks"] == [
        "AppData/Roaming/Thunderbird/*/parent.lock",
        "AppData/Roaming/Thunderbird/Profiles/*/parent.lock",
    ]
    assert "thunderbird" in request["processes"]


def test_a_file_of_the_system_is_read_as_the_person_but_not_in_the_home() -> None:
    *_, seat = im_engine.groups_of([SEAT | {"clients": ["pidgin"]}], CLIENTS, COMMON, "Debian")
    assert im_engine.read_request(seat)["system_paths"] == ["/etc/purple/prefs.xml"]


def test_an_absent_document_is_created_and_an_existing_one_changed() -> None:
    created = merged({".toy/a.desktop": {"absent": True, "creatable": True}})
    changed = merged({".toy/a.desktop": read(DESKTOP)})
    assert (created.state, created.documents[0].action) == ("changed", "created")
    assert (changed.state, changed.documents[0].action) == ("changed", "changed")


def test_nothing_to_do_is_compliant_even_while_the_client_runs() -> None:
    outcome = merged({".toy/a.desktop": read(DESKTOP + b"Exec=toy\n")}, running=["process toy"])
    assert (outcome.state, outcome.documents[0].action) == ("compliant", "unchanged")


def test_a_change_under_a_running_client_is_deferred_and_says_what_runs() -> None:
    outcome = merged({".toy/a.desktop": read(DESKTOP)}, running=["process toy"])
    assert (outcome.state, outcome.detail) == ("deferred", "process toy")


@pytest.mark.parametrize(
    ("entry", "detail"),
    [
        (read(b"not a desktop entry"), ".toy/a.desktop: "),
        ({"error": {"code": "forbidden", "message": "permission denied"}}, "it cannot be read (permission denied)"),
        (read(DESKTOP, writable=False), "it cannot be written (not writable)"),
        ({"absent": True, "creatable": False, "why": "the home is read-only"}, "(the home is read-only)"),
    ],
)
def test_a_document_that_cannot_be_merged_is_refused(entry: dict[str, Any], detail: str) -> None:
    outcome = merged({".toy/a.desktop": entry})
    assert outcome.state == "refused" and detail in outcome.detail


def test_one_refused_document_keeps_its_whole_group_from_being_written() -> None:
    files = {".toy/a.desktop": read(DESKTOP), ".toy/b.desktop": read(b"\0")}
    outcome = im_engine.merge_group(group(document("a.desktop"), document("b.desktop")), answer(files), wants())
    assert outcome.state == "refused"


def test_an_unreadable_sibling_is_not_taken_for_an_absent_one() -> None:
    files = {".toy/a.desktop": read(DESKTOP), ".toy/s": {"error": {"code": "x", "message": "permission denied"}}}
    outcome = im_engine.merge_group(group(document("a.desktop", siblings=("s",))), answer(files), wants())
    assert outcome.state == "refused" and "permission denied" in outcome.detail


def test_a_document_that_nobody_asks_anything_of_is_left_out() -> None:
    outcome = im_engine.merge_group(group(document("a.desktop")), answer(), wants("", " \n"))
    assert outcome.documents == [] and outcome.state == "compliant"


def test_a_login_that_does_not_exist_fails_with_the_hosts_words() -> None:
    missing = answer(error={"code": "no_login", "message": "no login named 'amartin'"})
    outcome = im_engine.merge_group(group(document("a.desktop")), missing, wants())
    assert (outcome.state, outcome.detail) == ("failed", "no login named 'amartin'")


def test_what_is_written_carries_the_checksum_that_was_read() -> None:
    files = {".toy/a.desktop": read(DESKTOP), ".toy/b.desktop": {"absent": True, "creatable": True}}
    outcome = im_engine.merge_group(group(document("a.desktop"), document("b.desktop")), answer(files), wants())
    request = im_engine.write_request(outcome, answer(files), "run")
    assert [file["before"] for file in request["files"]] == [hashlib.sha256(DESKTOP).hexdigest(), None]
    assert zlib.decompress(base64.b64decode(request["files"][0]["content"])) == DESKTOP + b"Exec=toy\n"
    assert request["processes"] == ["toy"]


def test_a_program_is_laid_with_the_document_that_says_which_one_stands_there_and_only_then() -> None:
    client = toy(document("a.desktop"), document("bin/which.txt", "program", "whole_file"))
    bases = {"profile": "~/Toy/data", "program": "~/Toy", "program_store": "/%ProgramFiles%/toys/Toy-1"}
    laid = Group("amartin/toy", "amartin", client, bases, program={"signs": ["bin/Toy.exe"], "proof": "bin/done"})
    told = {"folder": "Toy", "store": bases["program_store"], "proof": "bin/done", "signs": ["bin/Toy.exe"]}
    nothing = {"absent": True, "creatable": True}
    wish = b"[Desktop Entry]\nExec=toy\n"
    for which, program in ((nothing, told | {"marker": "bin/which.txt"}), (read(wish), None)):
        files = {"Toy/data/a.desktop": nothing, "Toy/bin/which.txt": which}
        outcome = im_engine.merge_group(laid, answer(files), wants(wish.decode()))
        assert im_engine.write_request(outcome, answer(files), "run").get("program") == program
    retired = im_engine.merge_group(dataclasses.replace(laid, retired=True), answer(files), wants(wish.decode()))
    assert "program" not in im_engine.write_request(retired, answer(files), "run")


@pytest.mark.parametrize(
    ("said", "state"),
    [("written", "changed"), ("deferred", "deferred"), ("conflict", "deferred"), ("failed", "failed")],
)
def test_the_hosts_word_after_the_write_decides_the_state(said: str, state: str) -> None:
    outcome = merged({".toy/a.desktop": read(DESKTOP)})
    im_engine.apply_answer(
        outcome, {"state": said, "running": [{"what": "process toy"}], "error": {"code": "x", "message": "no space"}}
    )
    assert outcome.state == state


def test_a_profile_outside_the_usual_places_is_asked_for_by_name() -> None:
    client = CLIENTS["thunderbird"]
    seat = Group("amartin/thunderbird", "amartin", client, client.platforms["Debian"]["bases"])
    ini = b"[InstallFDC34C9F024745EB]\nDefault=deep/er/own\n\n[Profile0]\nName=o\nIsRelative=1\nPath=deep/er/own\n"
    fragment = ini.replace(b"deep/er/own", b"im.default").decode() + "\n[General]\nVersion=2\n"

    def render(document: Document, part: str) -> str:
        wanted = {"profiles.ini": fragment, "*/prefs.js": 'user_pref("a", 1);\n'}
        return wanted.get(document.path, "") if part == "enforced" else ""

    files = {".thunderbird/profiles.ini": read(ini + b"\n[General]\nVersion=2\n")}
    outcome = im_engine.merge_group(seat, answer(files), render)
    assert outcome.unread == [".thunderbird/deep/er/own/prefs.js"]
    asked = im_engine.read_request(seat, outcome.unread)["paths"]
    assert ".thunderbird/deep/er/own/prefs.js" in asked and ".thunderbird/deep/er/own/blist.sqlite" in asked


def test_the_worst_of_the_seat_and_its_machine_is_the_state_of_the_seat() -> None:
    own = merged({".toy/a.desktop": read(DESKTOP + b"Exec=toy\n")})
    machine = Outcome(Group("machine", None, COMMON, {}), state="refused", detail="why")
    result = im_engine.seat_result(SEAT, own.group.client, {"amartin/toy": own, "machine": machine}, "1.0", [])
    assert (result["state"], result["detail"], result["version"]) == ("refused", "why", "1.0")


def test_trust_is_stale_when_the_proof_of_the_last_refresh_is_absent() -> None:
    machine = Group("machine", None, COMMON, COMMON.platforms["Debian"]["bases"], "/proof")
    path, certificate = machine.documents()[0][1], "CERTIFICATE\n"
    for proof, stale in (({"absent": True}, True), (read(b"x"), False)):
        files = {path: read(certificate.encode()), "/proof": proof}
        outcome = im_engine.merge_group(machine, answer(files), wants(certificate))
        assert (outcome.state, outcome.stale) == ("compliant", stale)


def test_a_diff_names_the_host_and_the_login() -> None:
    (diff,) = im_engine.diffs(merged({".toy/a.desktop": read(DESKTOP)}), "pc-1")
    assert diff["before_header"] == "pc-1:~amartin/.toy/a.desktop"
    assert "Exec=toy" in diff["after"] and "Exec=toy" not in diff["before"]


def retired(*documents: Document) -> Group:
    client = toy(*documents)
    return Group("amartin/toy", "amartin", client, client.platforms["Debian"]["bases"], retired=True)


def test_what_was_created_is_remembered_and_what_the_user_had_is_not() -> None:
    answered = answer({".toy/a.desktop": read(DESKTOP)})
    outcome = im_engine.merge_group(
        group(document("a.desktop")), answered, wants("[Desktop Entry]\nName=Toy\nExec=toy\n")
    )
    memory = json.loads(im_engine.write_request(outcome, answered, "run")["memory"])
    kept = memory["documents"][".toy/a.desktop"]
    assert kept == {"created": {"key Exec": "toy"}, "laid": {"key Exec": "toy", "key Name": "Toy"}}


@pytest.mark.parametrize(
    ("there", "laid", "cause"), [("old", "old", "wish"), ("other", "toy", "user"), ("other", None, "first")]
)
def test_the_memory_tells_who_changed_what(there: str, laid: str | None, cause: str) -> None:
    kept = {"created": {}, "laid": {"key Exec": laid} if laid else {}}
    answered = answer({".toy/a.desktop": read(DESKTOP + f"Exec={there}\n".encode())}) | {
        "memory": json.dumps({"schema": 1, "documents": {".toy/a.desktop": kept}})
    }
    outcome = im_engine.merge_group(group(document("a.desktop")), answered, wants())
    assert outcome.documents[0].causes == {"key Exec": cause}


def test_what_a_client_rewrites_by_itself_is_not_blamed_on_the_user() -> None:
    client = toy(document("a.desktop"))._replace(rewrites=("key E*",))
    kept = {"created": {}, "laid": {"key Exec": "toy"}}
    answered = answer({".toy/a.desktop": read(DESKTOP + b"Exec=other\n")}) | {
        "memory": json.dumps({"schema": 1, "documents": {".toy/a.desktop": kept}})
    }
    outcome = im_engine.merge_group(Group("amartin/toy", "amartin", client, {"profile": "~/.toy"}), answered, wants())
    assert outcome.documents[0].causes == {"key Exec": "client"}


def test_a_retired_seat_loses_what_we_created_and_only_while_it_is_still_ours() -> None:
    kept = {"created": {"key Exec": "toy", "key Icon": "ours"}, "laid": {}}
    answered = answer({".toy/a.desktop": read(DESKTOP + b"Exec=toy\nIcon=theirs\n")}) | {
        "memory": json.dumps({"schema": 1, "documents": {".toy/a.desktop": kept}})
    }
    outcome = im_engine.merge_group(retired(document("a.desktop")), answered, wants())
    assert (outcome.state, outcome.documents[0].after) == ("changed", DESKTOP + b"Icon=theirs\n")
    assert im_engine.write_request(outcome, answered, "run")["memory"] == ""


def test_a_file_that_was_ours_alone_is_deleted_with_its_seat() -> None:
    kept = {"created": {"key Exec": "toy"}, "laid": {}}
    answered = answer({".toy/a.desktop": read(b"[Desktop Entry]\nExec=toy\n")}) | {
        "memory": json.dumps({"schema": 1, "documents": {".toy/a.desktop": kept}})
    }
    outcome = im_engine.merge_group(retired(document("a.desktop")), answered, wants())
    (file,) = im_engine.write_request(outcome, answered, "run")["files"]
    assert outcome.documents[0].action == "deleted" and file["content"] is None and file["before"]


@pytest.mark.parametrize(("there", "state"), [(True, "compliant"), (False, "changed")])
def test_a_shortcut_that_the_user_deleted_stays_away_but_not_where_the_whole_profile_is_gone(
    there: bool, state: str
) -> None:
    wish = json.dumps({"command": ["toy.exe"], "start": True})
    both = group(document("a.desktop"), document("toy.lnk", form="shell_link"))
    kept = {"created": {}, "laid": {"link": ""}}
    documents = {".toy/toy.lnk": kept, ".toy/a.desktop": {"created": {}, "laid": {"key Exec": "toy"}}}
    files = {".toy/a.desktop": read(b"[Desktop Entry]\nExec=toy\n")} if there else {}
    answered = answer(files) | {"memory": json.dumps({"schema": 1, "documents": documents})}

    def render(asked: Document, part: str) -> str:
        if asked.format == "shell_link":
            return wish if part == "initial" else ""
        return wants()(asked, part)

    outcome = im_engine.merge_group(both, answered, render)
    assert outcome.state == state
    assert [done.action for done in outcome.documents] == (["unchanged"] * 2 if there else ["created"] * 2)


@pytest.mark.parametrize(
    "memory", [None, "", "not json", "[]", '{"schema": 2}', '{"schema": 1, "documents": {"x": 3}}']
)
def test_without_a_usable_memory_no_mere_value_is_taken_out(memory: str | None) -> None:
    answered = answer({".toy/a.desktop": read(DESKTOP + b"Exec=toy\n")}) | {"memory": memory}
    outcome = im_engine.merge_group(retired(document("a.desktop")), answered, wants())
    assert outcome.state == "compliant"


def test_a_retired_seat_that_has_nothing_is_compliant() -> None:
    outcome = im_engine.merge_group(retired(document("a.desktop")), answer(), wants())
    assert (outcome.state, outcome.documents[0].action) == ("compliant", "unchanged")


def test_a_host_where_all_seats_are_retired_has_no_groups_of_the_machine() -> None:
    groups = im_engine.groups_of([SEAT | {"state": "absent"}], {"toy": toy(document("a.desktop"))}, COMMON, "Debian")
    assert [found.key for found in groups] == ["amartin/toy"] and groups[0].retired


def test_what_a_killed_run_left_beside_an_unchanged_document_is_tidied_away() -> None:
    answered = answer({".toy/a.desktop": read(DESKTOP + b"Exec=toy\n", strays=True), ".toy/b": read(b"")})
    outcome = im_engine.merge_group(group(document("a.desktop")), answered, wants())
    request = im_engine.tidy_request(outcome, answered, "run")
    assert request is not None and request["memory"] is None
    (file,) = request["files"]
    assert zlib.decompress(base64.b64decode(file["content"])) == DESKTOP + b"Exec=toy\n"
    assert im_engine.tidy_request(outcome, answer(), "run") is None


def test_a_group_that_is_only_looked_at_drifts_and_is_not_written() -> None:
    for running in ([], ["process toy"]):
        outcome = merged(running=running)
        im_engine.only_look(outcome)
        assert (outcome.state, outcome.running, outcome.stale) == ("drift", bool(running), False)
    compliant = merged({".toy/a.desktop": read(DESKTOP + b"Exec=toy\n")})
    im_engine.only_look(compliant)
    assert compliant.state == "compliant"


def test_a_machine_whose_trust_is_due_drifts_when_it_is_only_looked_at() -> None:
    outcome = Outcome(group(document("a.desktop")), stale=True)
    im_engine.only_look(outcome)
    assert (outcome.state, outcome.stale) == ("drift", False)


def pidgin_accounts(*jids: str) -> bytes:
    listed = "".join(
        f"<account><protocol>prpl-jabber</protocol><name>{jid}/desk</name></account>"
        f"<account><protocol>prpl-irc</protocol><name>{jid}</name></account>"
        for jid in jids
    )
    return f"<?xml version='1.0' encoding='UTF-8' ?>\n<account version='1.0'>{listed}</account>\n".encode()


def test_the_xmpp_account_of_another_person_in_a_profile_is_named() -> None:
    enforced, initial = fragments("pidgin", "accounts.xml")
    client = CLIENTS["pidgin"]
    seat = SEAT | {"login": "zobrien", "person": "zoe.obrien", "clients": ["pidgin"]}
    own = Group("zobrien/pidgin", "zobrien", client, {"profile": "~/.purple"})
    files = {
        ".purple/accounts.xml": read(
            pidgin_accounts("zoe.obrien@univ.example", "Alice.Martin@univ.example", "me@home.example")
        )
    }

    def render(asked: Document, part: str) -> str:
        texts = {"enforced": enforced, "initial": initial}
        return texts[part] if asked.path == "accounts.xml" else ""

    outcome = im_engine.merge_group(own, answer(files), render)
    assert outcome.documents[0].accounts == ["zoe.obrien@univ.example", "alice.martin@univ.example", "me@home.example"]
    others = {"alice.martin@univ.example": "alice.martin"}
    result = im_engine.seat_result(seat, client, {"zobrien/pidgin": outcome}, None, [], others=others)
    assert result["foreign_accounts"] == [
        {"path": ".purple/accounts.xml", "jid": "alice.martin@univ.example", "person": "alice.martin"}
    ]
    assert im_engine.seat_result(seat, client, {"zobrien/pidgin": outcome}, None, [])["foreign_accounts"] == []


def test_an_account_that_is_gone_as_a_whole_is_not_blamed_on_the_client_that_rewrites_its_alias() -> None:
    client = toy()._replace(rewrites=("account * alias",))
    gone = im_engine.DocumentOutcome("a", "changed", causes=dict.fromkeys(("account a", "account a alias"), "user"))
    im_engine._excuse(gone, client)
    assert set(gone.causes.values()) == {"user"}
    alias = im_engine.DocumentOutcome("a", "changed", causes={"account a alias": "user", "account a port": "user"})
    im_engine._excuse(alias, client)
    assert alias.causes == {"account a alias": "client", "account a port": "user"}


def test_a_snap_takes_the_profile_of_the_package_along_before_it_is_given_one() -> None:
    client = with_source(CLIENTS["thunderbird"], "Debian", "snap")
    (seat,) = [
        found
        for found in im_engine.groups_of([SEAT | {"clients": ["thunderbird"]}], {client.name: client}, COMMON, "Debian")
        if found.login
    ]
    request = im_engine.read_request(seat)
    assert ".thunderbird/profiles.ini" in request["paths"]
    ini = "[InstallFDC34C9F024745EB]\nDefault=im\n\n[Profile0]\nName=im\nIsRelative=1\nPath=im\n"

    def wish(document: Document, part: str) -> str:
        return ini if document.path == "profiles.ini" and part == "enforced" else ""

    older = {".thunderbird/profiles.ini": read(b"[General]\nVersion=2\n")}
    held = im_engine.merge_group(seat, answer(older), wish)
    assert held.state == "refused"
    assert "~/.thunderbird/profiles.ini" in held.detail and "start it once" in held.detail
    taken = {"snap/thunderbird/common/.thunderbird/profiles.ini": read(b"[General]\nVersion=2\n")}
    assert im_engine.merge_group(seat, answer(older | taken), wish).state == "changed"
    assert im_engine.merge_group(seat, answer(), wish).state == "changed"
