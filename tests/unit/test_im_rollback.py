"""A rollback chooses the right run, tells what became of each document, and is never good because nobody looked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils import im_rollback
from ansible.module_utils.im_catalogue import LANGUAGES


def file(path: str, key: str, before: str | None = "b") -> dict[str, Any]:
    return {"path": path, "key": key, "before": before, "after": "a", "mode": "0600"}


def run(run_id: str, *files: dict[str, Any], restores: str | None = None) -> dict[str, Any]:
    keys = sorted({one["key"] for one in files})
    return {"run_id": run_id, "when": run_id, "restores": restores, "groups": keys, "files": list(files), "error": None}


BARE: dict[str, Any] = {
    "run_id": "9",
    "when": None,
    "restores": None,
    "groups": [],
    "files": [],
    "error": {"code": "no_manifest"},
}
BACKUPS = [
    {"login": None, "runs": [run("3", file("/etc/p", "machine/pidgin")), run("8", file("/etc/q", "machine"))]},
    {
        "login": "a",
        "runs": [
            BARE,
            run("5", file("x", "a/pidgin"), restores="3"),
            run("3", file("x", "a/pidgin"), file("y", "a/gajim", None)),
            run("1", file("x", "a/pidgin")),
        ],
    },
    {"login": "b", "runs": [run("3", file("z", "b/gajim")), run("2", file("z", "b/gajim"))]},
]


def answer(login: str, key: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "login": login,
        "key": key,
        "state": state,
        "error": None,
        "running": [],
        "conflicts": [],
        "files": {},
        **more,
    }


def test_last_is_the_newest_run_of_a_person_that_was_no_rollback() -> None:
    plan = im_rollback.plan_of(BACKUPS)
    assert plan.run_id == "3"
    assert plan.restores == [
        {"login": "a", "run_id": "3", "keys": ["a/gajim", "a/pidgin"]},
        {"login": "b", "run_id": "3", "keys": ["b/gajim"]},
    ]
    assert (plan.shared, plan.known) == (["/etc/p"], ["5", "3", "2", "1"])


@pytest.mark.parametrize(
    ("wanted", "run_id", "keys"),
    [
        ({"login": "b"}, "3", [["b/gajim"]]),
        ({"client": "gajim"}, "3", [["a/gajim"], ["b/gajim"]]),
        ({"login": "a", "run": "5"}, "5", [["a/pidgin"]]),
        ({"run": "2"}, "2", [["b/gajim"]]),
        ({"run": "7"}, "", []),
        ({"run": "9"}, "", []),
        ({"login": "nobody"}, "", []),
        ({"client": "skype"}, "", []),
    ],
)
def test_a_run_a_login_and_a_client_narrow_the_choice(
    wanted: dict[str, str], run_id: str, keys: list[list[str]]
) -> None:
    plan = im_rollback.plan_of(BACKUPS, **wanted)
    assert (plan.run_id, [restore["keys"] for restore in plan.restores]) == (run_id, keys)


def test_the_documents_of_the_machine_stay_and_are_told_unless_one_login_is_asked_for() -> None:
    rows = im_rollback.rows_of(im_rollback.plan_of(BACKUPS), [])
    assert rows == [{"login": "", "document": "/etc/p", "result": "shared", "detail": ""}]
    assert im_rollback.plan_of(BACKUPS, login="a").shared == []


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (answer("a", "a/pidgin", "written", files={"x": {"written": True}}), "restored"),
        (answer("a", "a/gajim", "written", files={"y": {"written": True}}), "deleted"),
        (answer("a", "a/pidgin", "written", files={"x": {"written": False}}), "unchanged"),
        (answer("a", "a/pidgin", "unchanged", files={"x": {"written": False}}), "unchanged"),
        (answer("a", "a/pidgin", "deferred", running=[{"what": "process pidgin"}]), "deferred"),
        (answer("a", "a/pidgin", "conflict", conflicts=["x"], error={"message": "m"}), "conflict"),
        (answer("a", "a/pidgin", "conflict", conflicts=["w"], error={"message": "m"}), "held"),
        (answer("a", "a/pidgin", "conflict", error={"message": "m"}), "conflict"),
        (answer("a", "a/pidgin", "failed", error={"message": "m"}), "failed"),
    ],
)
def test_each_document_has_one_result_and_its_reason(given: dict[str, Any], result: str) -> None:
    (row, _) = im_rollback.rows_of(im_rollback.plan_of(BACKUPS), [given])
    assert row["result"] == result
    assert row["detail"] == {"deferred": "process pidgin", "conflict": "m", "held": "m", "failed": "m"}.get(result, "")


def test_a_refusal_of_a_whole_login_is_a_row() -> None:
    refused = answer("a", "", "failed", error={"message": "damaged"}) | {"key": None}
    (row, _) = im_rollback.rows_of(im_rollback.plan_of(BACKUPS), [refused])
    assert row == {"login": "a", "document": "", "result": "failed", "detail": "damaged"}


def test_a_host_that_was_not_asked_is_never_good() -> None:
    for found, failure, unreachable, result in (
        ({}, "", False, "unreachable"),
        ({}, "off", True, "unreachable"),
        ({}, "Put back: no sudo", False, "failed"),
        ({"rows": [], "known": ["1"]}, "", False, "none"),
    ):
        rows = im_rollback.host_rows("h", found, failure, unreachable)
        assert [row["result"] for row in rows] == [result]
        assert not im_rollback.all_good(rows)


def rows(*results: str) -> list[dict[str, str]]:
    return [
        {"host": "h", "login": "a", "document": f"d{n}", "result": r, "detail": "why"} for n, r in enumerate(results)
    ]


def test_hosts_without_the_run_are_fine_beside_one_that_has_it() -> None:
    assert im_rollback.all_good(rows("none", "restored", "deleted", "unchanged", "shared"))
    assert not im_rollback.all_good(rows("none", "none"))


@pytest.mark.parametrize("result", ["conflict", "held", "deferred", "failed", "unreachable"])
def test_what_was_not_put_back_is_named_and_not_good(result: str) -> None:
    assert not im_rollback.all_good(rows("restored", result))
    sentence = im_rollback.summary(rows("restored", result), check=False)
    assert "h a d1" in sentence
    assert "d0" not in sentence


def test_the_sentence_tells_done_from_predicted_from_nothing_to_do() -> None:
    sentences = {
        im_rollback.summary(rows("restored"), check=False),
        im_rollback.summary(rows("restored"), check=True),
        im_rollback.summary(rows("unchanged"), check=False),
        im_rollback.summary(rows("none"), check=False),
    }
    assert len(sentences) == 4


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_table_shows_every_result_and_a_shared_reason_once(language: str) -> None:
    shown = im_rollback.as_table(rows(*im_rollback.RESULTS), language)
    for result in im_rollback.RESULTS:
        assert LANGUAGES[language][f"rollback.result.{result}"] in shown
    assert im_rollback.as_table(rows("conflict", "held"), language).count("why") == 1
