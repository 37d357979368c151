"""A run asks im_pending only when something waits or has to, and takes in what the login job noted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.im_engine import Group, Outcome, Render
from ansible.module_utils.im_model import Client, Document
from ansible.module_utils.im_pending_calls import (
    OFFER_KEY,
    logins_waiting,
    look_request,
    memory_requests,
    offer_question,
    offer_request,
    serves_first_logins,
    settle_request,
    take_in,
)
from ansible.module_utils.im_pending_places import OFFER


def outcome(login: str | None, state: str) -> Outcome:
    document = Document("toy.desktop", "autostart", "desktop_entry", Path("x.j2"), (), "")
    client = Client("toy", "Toy", ("toy",), (), {}, (), (document,), {})
    return Outcome(Group(f"{login}/toy", login, client, {"autostart": "~/.config/autostart"}), state=state)


def renders(_group: Group) -> Render:
    return lambda _document, part: "[Desktop Entry]\nExec=toy\n" if part == "enforced" else ""


def noted(memory: str | None) -> dict[str, Any]:
    return {"when": "", "state": "changed", "detail": "", "tries": 0, "documents": [], "memory": memory}


def test_a_run_that_defers_nothing_and_finds_nothing_waiting_makes_no_call() -> None:
    assert logins_waiting({"a/toy": {"login": "a"}, "machine": {"login": None, "pending": False}}) == []
    assert settle_request([], [outcome("a", "changed"), outcome(None, "deferred")], renders) is None


def test_what_is_deferred_now_takes_the_place_of_all_that_waited() -> None:
    asked = settle_request(["a", "b"], [outcome("a", "deferred"), outcome("b", "changed")], renders)
    assert asked is not None and asked["job"]
    by_login = {one["login"]: json.loads(one["wishes"]) for one in asked["logins"]}
    assert [wish["key"] for wish in by_login["a"]] == ["a/toy"]
    assert by_login["b"] == []


def test_the_job_travels_only_when_something_is_to_wait() -> None:
    asked = settle_request(["b"], [outcome("b", "compliant")], renders)
    assert asked == {"action": "settle", "logins": [{"login": "b", "wishes": "[]"}], "job": ""}


def test_the_memory_of_the_job_is_used_by_the_merge_and_kept_by_the_write() -> None:
    answers: dict[str, dict[str, Any]] = {
        "a/toy": {"login": "a", "pending": True, "memory": "old"},
        "a/other": {"login": "a", "pending": True, "memory": "old"},
        "b/toy": {"login": "b", "pending": False, "memory": "b's"},
    }
    assert look_request(logins_waiting(answers)) == {"action": "look", "logins": [{"login": "a"}]}
    lies = {"b/toy": noted("a lie"), "unknown": noted("x")}
    result = {"a/toy": noted("new"), "a/other": noted(None), **lies}
    taken = take_in(answers, {"logins": [{"login": "a", "result": result}]})
    assert list(taken) == ["a/toy", "a/other"]
    assert [answer["memory"] for answer in answers.values()] == ["new", "old", "b's"]
    kept = {"key": "a/toy", "login": "a", "run_id": "now", "files": [], "memory": "new"}
    assert memory_requests(taken, answers, [], "now") == [kept]
    assert memory_requests(taken, answers, ["a/toy"], "now") == []
    # "" is what a retired seat leaves: nothing to remember.
    assert memory_requests({"a/toy": noted("")}, answers, [], "now") == [{**kept, "memory": ""}]


def test_a_host_is_asked_about_first_logins_in_the_one_read_call() -> None:
    assert offer_question() == {"key": OFFER_KEY, "login": None, "paths": [OFFER]}
    for found, serves in (({"absent": True}, False), ({"content": "x"}, True), ({"error": {}}, True)):
        assert serves_first_logins({OFFER_KEY: {"files": {OFFER: found}}}) is serves
    assert not serves_first_logins({})


def test_the_job_travels_with_an_offer_and_not_without() -> None:
    assert offer_request("{}", look_only=True)["job"]
    assert offer_request("", look_only=False) == {"action": "offer", "offer": "", "job": "", "look_only": False}
