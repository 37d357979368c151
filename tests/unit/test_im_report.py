"""The report tells one state for each seat and client, and never calls compliant what nobody looked at."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from ansible.module_utils import im_report
from ansible.module_utils.im_report import HostResult

SEATS = [{"login": "amartin", "person": "alice.martin", "clients": ["gajim"]}]
PEOPLE = {"alice.martin": "alice.martin@univ.example"}
PROVEN = [{"jid": "Alice.Martin@univ.example", "verdict": "ok", "hint": ""}]


def profile(state: str, detail: str = "") -> dict[str, Any]:
    documents = [{"path": "a", "action": "unchanged", "detail": ""}, {"path": "b", "action": "changed", "detail": ""}]
    seat = {"login": "amartin", "person": "alice.martin", "client": "gajim", "version": "1.7.3-2", "state": state}
    return {"seats": [seat | {"detail": detail, "documents": documents, "warnings": []}]}


def rows(result: HostResult, accounts: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = im_report.rows_of({"pc": result}, PEOPLE, PROVEN if accounts is None else accounts)
    return found


def test_a_seat_that_was_deployed_has_its_state_and_verdict() -> None:
    (row,) = rows(HostResult(SEATS, profile("changed"), "", False))
    assert (row["state"], row["verdict"], row["version"]) == ("changed", "ok", "1.7.3-2")
    assert im_report.all_good([row])


def test_what_the_login_job_did_is_told_below_the_row() -> None:
    result = profile("compliant")
    result["seats"][0]["login_job"] = {"when": "2026-11-23T05:18:00Z", "state": "changed", "detail": ""}
    (row,) = rows(HostResult(SEATS, result, "", False))
    assert row["login_job"]["state"] == "changed"
    assert "    À l'ouverture de session, le 2026-11-23T05:18:00Z : mis à jour" in im_report.as_table([row])


def test_a_host_that_does_not_answer_is_unreachable() -> None:
    (row,) = rows(HostResult(SEATS, {}, "", True))
    assert row["state"] == "unreachable" and not im_report.all_good([row])


def test_a_host_without_a_result_is_never_compliant() -> None:
    (row,) = rows(HostResult(SEATS, {}, "", False))
    assert row["state"] == "unreachable"


def test_a_failure_says_why() -> None:
    (row,) = rows(HostResult(SEATS, {}, "no package source", False))
    assert (row["state"], row["detail"]) == ("failed", "no package source")


def test_an_account_that_nobody_asked_about_is_not_verified() -> None:
    (row,) = rows(HostResult(SEATS, profile("compliant"), "", False), [])
    assert row["verdict"] == "not_checked" and not im_report.all_good([row])


def test_no_row_at_all_is_not_good() -> None:
    assert not im_report.all_good([])


def test_deferred_and_refused_are_not_good() -> None:
    for state in ("deferred", "refused", "failed"):
        assert not im_report.all_good(rows(HostResult(SEATS, profile(state), "", False)))


def test_the_table_is_french_by_default_and_aligned() -> None:
    refused = [{"jid": PEOPLE["alice.martin"], "verdict": "auth_failed", "hint": "Mot de passe refusé."}]
    table = im_report.as_table(rows(HostResult(SEATS, profile("deferred", "process gajim"), "", False), refused))
    heading, line, detail, hint = table.split("\n")
    assert heading.split() == ["poste", "session", "personne", "logiciel", "version", "documents", "compte", "état"]
    assert line.index("gajim") == heading.index("logiciel")
    assert line.endswith("reporté (logiciel ouvert)")
    assert (detail.strip(), hint.strip()) == ("process gajim", "Mot de passe refusé.")


def test_every_state_of_the_closed_list_has_a_text_in_both_languages() -> None:
    for state in im_report.STATES:
        for language in ("fr", "en"):
            assert im_report.text(f"state.{state}", language)


def test_the_json_is_private_and_latest_points_at_it(tmp_path: Path) -> None:
    report = im_report.as_report(rows(HostResult(SEATS, profile("changed"), "", False)), PROVEN, False)
    path = im_report.write(report, tmp_path / "reports")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    read = json.loads((tmp_path / "reports" / "latest.json").read_text(encoding="utf-8"))
    assert read["states"]["changed"] == 1 and read["verdicts"] == {"ok": 1} and read["all_good"] is True


def reached(verdict: str) -> dict[str, Any]:
    return {"verdict": verdict, "detail": "no answer", "hint": "A firewall.", "places": [], "changed": False}


def test_a_desk_that_does_not_reach_the_service_is_told_and_is_not_good() -> None:
    (row,) = rows(HostResult(SEATS, profile("changed"), "", False, reached("timeout")))
    assert row["reach"] == {"verdict": "timeout", "detail": "no answer", "hint": "A firewall."}
    assert not im_report.all_good([row])
    assert im_report.summary([row], "en").endswith("service out of reach from: pc")
    heading, line, note = im_report.as_table([row], "en").splitlines()
    assert heading.endswith("reach")
    assert line.endswith("timeout")
    assert "A firewall." in note


def test_a_desk_that_reaches_the_service_has_a_column_and_no_note() -> None:
    (row,) = rows(HostResult(SEATS, profile("changed"), "", False, reached("ok")))
    assert im_report.all_good([row])
    assert "out of reach" not in im_report.summary([row], "en")
    assert im_report.as_table([row], "en").splitlines()[1].endswith("ok")


def test_a_desk_that_was_not_asked_has_no_column_and_is_not_blamed() -> None:
    skipped = {"skipped": True, "changed": False}
    (row,) = rows(HostResult(SEATS, profile("changed"), "", False, skipped))
    assert row["reach"] is None
    assert im_report.all_good([row])
    assert "reach" not in im_report.as_table([row], "en")


def test_a_desk_that_only_takes_things_away_need_not_reach_the_service() -> None:
    seats = [SEATS[0] | {"state": "absent"}]
    (row,) = rows(HostResult(seats, profile("changed"), "", False, reached("timeout")))
    assert im_report.all_good([row])


def test_a_host_that_fell_silent_after_its_profile_was_written_is_not_compliant() -> None:
    variables = {"im_seats": SEATS, "__im_client_profile": profile("changed")}
    variables["__im_client_trust"] = {"unreachable": True, "msg": "connection reset"}
    (row,) = rows(im_report.results_of({"pc": variables}, ["pc"])["pc"])
    assert (row["state"], row["detail"]) == ("unreachable", im_report.text("report.fell_silent"))
    assert [document["action"] for document in row["documents"]] == ["unchanged", "changed"]


def test_a_host_that_fell_silent_before_its_profile_was_read_is_told_apart_from_one_that_is_off() -> None:
    variables = {"im_seats": SEATS, "__im_client_host": {"platform": "Debian"}}
    variables["__im_client_profile"] = {"unreachable": True, "msg": "connection reset"}
    (row,) = rows(im_report.results_of({"pc": variables}, ["pc"])["pc"])
    assert (row["state"], row["detail"]) == ("unreachable", im_report.text("report.fell_silent"))
    off = {"im_seats": SEATS, "__im_client_host": {"unreachable": True, "msg": "no route to host"}}
    (row,) = rows(im_report.results_of({"pc": off}, ["pc"])["pc"])
    assert (row["state"], row["detail"]) == ("unreachable", "")


def test_a_host_that_broke_after_its_profile_was_written_has_failed() -> None:
    (row,) = rows(HostResult(SEATS, profile("changed"), "Make the machine trust the service's CA: no space", False))
    assert (row["state"], row["detail"]) == ("failed", "Make the machine trust the service's CA: no space")


def test_a_key_that_is_not_the_known_one_is_told() -> None:
    variables = {"im_seats": SEATS, "__im_client_host": {"unreachable": True, "msg": "Host key verification failed."}}
    (row,) = rows(im_report.results_of({"pc": variables}, ["pc"])["pc"])
    assert row["state"] == "unreachable" and "clé SSH" in row["detail"]


def test_a_host_whose_turn_never_came_is_told_as_not_begun() -> None:
    known = im_report.results_of(
        {"pc": {"im_seats": SEATS, "__im_client_host": {"platform": "Debian"}}}, ["pc"], ["pc"]
    )
    (row,) = rows(known["pc"])
    assert (row["state"], row["not_begun"]) == ("deferred", True) and not im_report.all_good([row])
    assert im_report.as_table([row], "en").splitlines()[1].endswith("not begun")


def test_the_exit_code_of_a_room_tells_silence_from_what_is_wrong() -> None:
    (good,) = rows(HostResult(SEATS, profile("changed"), "", False))
    (off,) = rows(HostResult(SEATS, {}, "", True))
    (bad,) = rows(HostResult(SEATS, profile("refused"), "", False))
    (unproven,) = rows(HostResult(SEATS, {}, "", True), [])
    assert im_report.exit_code([good, good]) == 0
    assert im_report.exit_code([good, off]) == im_report.exit_code([off]) == 4
    assert im_report.exit_code([off, bad]) == im_report.exit_code([unproven]) == im_report.exit_code([]) == 2
    assert im_report.exit_code([good], [{"verdict": "not_written"}]) == 2


ANYBODY = [{"login": "*", "person": "*", "clients": ["gajim", "pidgin"], "state": "present"}]


def for_anybody(result: HostResult) -> list[dict[str, Any]]:
    return [row for row in rows(result._replace(anybody=ANYBODY)) if row["login"] == "*"]


def test_a_desk_that_serves_first_logins_has_a_row_for_each_client_that_needs_no_account() -> None:
    served = profile("compliant")
    served["seats"] += [
        served["seats"][0] | {"login": "*", "person": "*", "client": name} for name in ANYBODY[0]["clients"]
    ]
    found = rows(HostResult(SEATS, served, "", False, anybody=ANYBODY))
    assert [(row["login"], row["client"], row["state"]) for row in found] == [
        ("amartin", "gajim", "compliant"),
        ("*", "gajim", "compliant"),
        ("*", "pidgin", "compliant"),
    ]
    assert im_report.all_good(found)
    assert "1 compte(s) vérifié(s) sur 1" in im_report.summary(found)
    assert "not_checked" not in im_report.as_table(found)


def test_a_desk_that_nobody_looked_at_serves_nobody_for_certain() -> None:
    assert [row["state"] for row in for_anybody(HostResult(SEATS, {}, "", True))] == ["unreachable"] * 2
    assert [row["state"] for row in for_anybody(HostResult(SEATS, {}, "no disk", False))] == ["failed"] * 2


def test_a_run_that_is_not_about_first_logins_has_no_row_for_them() -> None:
    assert for_anybody(HostResult(SEATS, profile("compliant"), "", False)) == []
    hosts = {"pc": {"im_first_login": {"clients": ["gajim"]}, "im_client_first_login": False}}
    assert im_report.results_of(hosts, ["pc"])["pc"].anybody == ()
    hosts["pc"].pop("im_client_first_login")
    (seat,) = im_report.results_of(hosts, ["pc"])["pc"].anybody
    assert (seat["login"], seat["clients"]) == ("*", ["gajim"])
