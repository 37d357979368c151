"""First logons on Windows: what waits for whom, and that whole documents take an account as fragments do."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from ansible.module_utils.im_first_login import ANYBODY, fill
from ansible.module_utils.im_first_login_offer import check_first_login, wish_of_anybody
from ansible.module_utils.im_inventory import complete_service
from ansible.module_utils.im_logon import ANYBODY_NAME, Logons, never_logged_on, rule_of
from first_logins import FULL, JIDS, SERVICES, wish_for
from hypothesis import given, settings
from logons import NOTHING, SERVICE, SID, group_for, merged, render_of, then, wish_of_zoe
from rendering import CLIENTS, COMMON


def packed(told: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(told).encode(), mtime=0)).decode()


def laid(told: dict[str, Any], *clients: str, **more: Any) -> dict[str, Any]:
    """The PC after a run for a newcomer with these clients."""
    logons = Logons(told)
    logons.let_wait([merged(logons, client, wish_of_zoe(**more)) for client in clients])
    return then(told, logons.request())


def rule(**more: Any) -> dict[str, Any]:
    checked = check_first_login("pc", {"clients": ["pidgin"], **more}, CLIENTS, SERVICE)
    assert checked is not None
    return rule_of(checked, ["UNIV\\Bruno", "celine@univ.example", "denis"])


# ---------------------------------------------------------------------------------------------------------------------
# People with a seat
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", CLIENTS)
def test_what_waits_is_created_once_and_the_next_run_finds_it_as_wished(client: str) -> None:
    first = merged(Logons(NOTHING), client, wish_of_zoe())
    assert first.state == "changed" and first.detail == "logon.waits"
    assert {done.action for done in first.documents} == {"created"}
    assert first.documents[-1].path.endswith("first-logon.ps1")  # the job itself
    told = laid(NOTHING, client)
    again = Logons(told)
    second = merged(again, client, wish_of_zoe())
    assert second.state == "compliant" and second.detail == "logon.waits"
    assert {done.action for done in second.documents} == {"unchanged"}
    again.let_wait([second])
    assert again.request() is None


def test_another_wish_takes_the_place_of_the_one_that_waits_and_leaves_the_other_clients() -> None:
    told = laid(NOTHING, *CLIENTS)
    other = Logons(told)
    outcome = merged(other, "pidgin", wish_of_zoe(site={"auto_away_minutes": 7}))
    assert outcome.state == "changed"
    (changed,) = (done for done in outcome.documents if done.action != "unchanged")
    assert changed.path.endswith("prefs.xml") and set(changed.causes.values()) == {"wish"}
    assert changed.before and changed.after and changed.before != changed.after
    other.let_wait([outcome])
    request = other.request()
    assert request is not None
    (wait,) = request["waits"]
    assert wait["name"] == SID and set(json.loads(wait["text"])["clients"]) == set(CLIENTS)


def test_a_retired_seat_takes_away_what_waits_and_with_the_last_one_the_job_goes() -> None:
    told = laid(NOTHING, "pidgin")
    logons = Logons(told)
    gone = logons.merge(group_for("pidgin", state="absent"), SID, render_of("pidgin", wish_of_zoe()), lambda key: key)
    assert gone.state == "changed" and {done.action for done in gone.documents} == {"deleted"}
    logons.let_wait([gone])
    request = logons.request()
    assert request is not None and request["waits"] == [{"name": SID, "text": ""}]
    assert Logons(then(told, request)).request() is None


def test_a_job_that_was_tampered_with_is_no_seat_as_wished() -> None:
    told = laid(NOTHING, "pidgin")
    for broken in ({"task": "other"}, {"task": "none"}, {"script": "0" * 64}, {"script": None}):
        logons = Logons({**told, **broken})
        outcome = merged(logons, "pidgin", wish_of_zoe())
        assert outcome.state == "changed"
        logons.let_wait([outcome])
        request = logons.request()
        assert request is not None and request["waits"] == []


def test_what_is_left_of_a_job_without_anybody_to_wait_for_goes() -> None:
    assert Logons(NOTHING).request() is None
    assert Logons({**NOTHING, "task": "wished"}).request() is not None
    assert Logons({**NOTHING, "script": "0" * 64}).request() is not None


def test_a_password_does_not_wait_on_a_disk() -> None:
    wish = wish_of_zoe({"store_password": True}, passwords={"zoe.obrien": "made-up secret"})
    logons = Logons(laid(NOTHING, "pidgin"))
    outcome = merged(logons, "pidgin", wish)
    assert (outcome.state, outcome.detail, outcome.documents) == ("deferred", "logon.secret", [])
    logons.let_wait([outcome])
    request = logons.request()
    assert request is not None and request["waits"] == [{"name": SID, "text": ""}]
    assert "made-up secret" not in json.dumps(request)


def test_what_another_version_of_us_left_is_laid_anew() -> None:
    told = {**laid(NOTHING, "pidgin"), "waits": {SID: packed({"schema": 99, "clients": []})}}
    outcome = merged(Logons(told), "pidgin", wish_of_zoe())
    assert {done.action for done in outcome.documents} == {"created"}


@pytest.mark.parametrize(
    ("answer", "sid"),
    [
        ({"error": None, "never_logged_on": None}, ""),
        ({"error": None}, ""),
        ({"error": {"code": "no_home"}, "never_logged_on": None}, ""),
        ({"error": {"code": "no_home"}, "never_logged_on": SID}, SID),
    ],
)
def test_who_never_logged_on_is_told_from_who_has_a_broken_profile(answer: dict[str, Any], sid: str) -> None:
    assert never_logged_on(answer) == sid


# ---------------------------------------------------------------------------------------------------------------------
# After the first logon
# ---------------------------------------------------------------------------------------------------------------------


def version_in(told: dict[str, Any], client: str) -> str:
    text = gzip.decompress(base64.b64decode(told["waits"][SID]))
    version: str = json.loads(text)["clients"][client]["version"]
    return version


def answers_after(content: str | None, memory: str | None = None) -> dict[str, dict[str, Any]]:
    return {"newcomer/pidgin": {"error": None, "memory": memory, "logon": {"sid": SID, "content": content}}}


def note(version: str, state: str = "laid", **more: Any) -> str:
    about = {"version": version, "state": state, "when": "2026-11-23T08:00:00Z", "detail": "", **more}
    return packed({"schema": 1, "clients": {"pidgin": about}})


def test_the_next_run_remembers_what_the_first_logon_laid_and_nothing_waits_any_more() -> None:
    told = laid(NOTHING, "pidgin")
    logons = Logons(told)
    answers = answers_after(note(version_in(told, "pidgin")))
    noted = logons.take_in(answers)
    assert noted["newcomer/pidgin"]["state"] == "changed"
    memory = answers["newcomer/pidgin"]["memory"]
    assert memory == noted["newcomer/pidgin"]["memory"] and "zoe.obrien@univ.example" in str(memory)
    request = logons.request()
    assert request is not None and request["waits"] == [{"name": SID, "text": ""}]


@pytest.mark.parametrize(("state", "told_as"), [("left", "deferred"), ("open", "deferred"), ("failed", "failed")])
def test_what_was_not_laid_is_not_remembered(state: str, told_as: str) -> None:
    told = laid(NOTHING, "pidgin")
    answers = answers_after(note(version_in(told, "pidgin"), state, detail="IOException\n\x1b[31m" + "x" * 200))
    noted = Logons(told).take_in(answers)
    assert noted["newcomer/pidgin"]["state"] == told_as and noted["newcomer/pidgin"]["memory"] is None
    assert noted["newcomer/pidgin"]["detail"].isprintable() and len(noted["newcomer/pidgin"]["detail"]) <= 80
    assert answers["newcomer/pidgin"]["memory"] is None


def test_what_a_run_remembers_stands_above_the_first_logon() -> None:
    told = laid(NOTHING, "pidgin")
    answers = answers_after(note(version_in(told, "pidgin")), memory="newer")
    assert Logons(told).take_in(answers)["newcomer/pidgin"]["memory"] is None
    assert answers["newcomer/pidgin"]["memory"] == "newer"


@pytest.mark.parametrize(
    "content",
    [
        None, "", "no base64", "AAAA", packed([]), packed({"clients": {"pidgin": []}}), packed({"clients": 3}),
        note("another version"), note("x", "laid by magic"), packed({"clients": {"pidgin": {"version": {}}}}),
    ],
)  # fmt: skip
def test_what_the_person_wrote_into_the_note_is_not_believed(content: str | None) -> None:
    logons = Logons(laid(NOTHING, "pidgin"))
    answers = answers_after(content)
    assert logons.take_in(answers) == {} and answers["newcomer/pidgin"]["memory"] is None
    request = logons.request()
    assert request is not None and request["waits"] == [{"name": SID, "text": ""}]


# ---------------------------------------------------------------------------------------------------------------------
# Whoever logs on
# ---------------------------------------------------------------------------------------------------------------------


def documents_of(client: str, wish: Any, service: dict[str, Any], enforced: list[str]) -> dict[str, bytes | None]:
    outcome = Logons(NOTHING).merge(
        group_for(client, ANYBODY), SID, render_of(client, wish, service, enforced), lambda key: key
    )
    assert outcome.state == "changed", outcome.detail
    return {done.path: done.after for done in outcome.documents if done.format != "whole_file"}


def filled(data: bytes, jid: str) -> bytes:
    """What the script does; a shortcut to a program is no text and names nobody."""
    return data if b"\0" in data else fill(data.decode(), jid).encode()


@pytest.mark.parametrize("client", [name for name in CLIENTS if name != "gajim"])
@pytest.mark.parametrize("service", SERVICES, ids=["srv", "direct", "host", "mail", "mail by key"])
@pytest.mark.parametrize("enforced", [[], list(FULL)], ids=["initial", "enforced"])
@settings(max_examples=10, deadline=None)
@given(jid=JIDS)
def test_whole_documents_with_the_account_put_in_are_those_of_that_account(
    client: str, service: dict[str, Any], enforced: list[str], jid: str
) -> None:
    complete = complete_service({"domain": "univ.example", **service})
    asked = documents_of(client, wish_of_anybody(FULL), complete, enforced)
    own = documents_of(client, wish_for(jid, FULL), complete, enforced)
    assert {path: filled(data or b"", jid) for path, data in asked.items()} == own


def served(told: dict[str, Any], *clients: str, look_only: bool = False, **more: Any) -> tuple[Logons, dict[str, Any]]:
    logons = Logons(told)
    outcomes = [merged(logons, client, wish_of_anybody({}), ANYBODY, ANYBODY_NAME) for client in clients]
    return logons, logons.serve_anybody(rule(**more), outcomes, COMMON, look_only)


def test_the_rule_and_the_clients_of_whoever_logs_on_are_laid_once() -> None:
    logons, outcomes = served(NOTHING, "pidgin", "thunderbird")
    assert {key: one.state for key, one in outcomes.items()} == dict.fromkeys(
        ["first_login", "*/pidgin", "*/thunderbird"], "changed"
    )
    told = then(NOTHING, logons.request())
    again, outcomes = served(told, "pidgin", "thunderbird")
    assert {one.state for one in outcomes.values()} == {"compliant"} and again.request() is None
    other, outcomes = served(told, "pidgin", jids={"E0421": "bruno@univ.example"})
    assert {one.state for one in outcomes.values()} == {"changed"}
    request = other.request()
    assert request is not None
    wait = json.loads(request["waits"][0]["text"])
    assert wait["rule"]["jids"] == {"e0421": "bruno@univ.example"} and set(wait["clients"]) == {"pidgin"}
    assert wait["rule"]["seats"] == ["bruno", "celine", "denis"]


def test_gajim_is_refused_with_a_remedy_for_whoever_logs_on_and_the_others_go_on() -> None:
    logons, outcomes = served(NOTHING, "gajim", "pidgin")
    assert (outcomes["*/gajim"].state, outcomes["*/gajim"].detail) == ("refused", "logon.no_text")
    assert outcomes["*/pidgin"].state == "changed"
    request = logons.request()
    assert request is not None and set(json.loads(request["waits"][0]["text"])["clients"]) == {"pidgin"}
    alone, outcomes = served(NOTHING, "gajim")
    assert outcomes["first_login"].state == "compliant" and alone.request() is None


def test_nobody_is_served_any_more_where_the_inventory_says_so_and_people_with_a_seat_still_are() -> None:
    logons, _ = served(laid(NOTHING, "pidgin"), "pidgin")
    told = then(laid(NOTHING, "pidgin"), logons.request())
    assert set(told["waits"]) == {SID, ANYBODY_NAME}
    last = Logons(told)
    (outcome,) = last.serve_anybody({}, [], COMMON, look_only=False).values()
    assert outcome.state == "changed" and outcome.documents[0].action == "deleted"
    request = last.request()
    assert request is not None and request["waits"] == [{"name": ANYBODY_NAME, "text": ""}]


def test_a_look_at_whoever_logs_on_plans_nothing() -> None:
    logons, outcomes = served(NOTHING, "pidgin", look_only=True)
    assert outcomes["*/pidgin"].state == "changed" and logons.request() is None
