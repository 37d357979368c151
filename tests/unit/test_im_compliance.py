"""The report of a compliance run: the right state, the right causes, and no seat called good that nobody saw."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible.module_utils import im_causes, im_compliance
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.im_compliance import Facts
from ansible.module_utils.im_report import STATES

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
PEOPLE = {"alice.martin": "alice.martin@univ.example"}
PREFS = ".purple/prefs.xml"


def row(state: str = "compliant", **more: Any) -> dict[str, Any]:
    """A row as im_report.rows_of() makes it."""
    plain = {
        **{"host": "pc-1", "login": "amartin", "person": "alice.martin", "client": "pidgin", "version": "2.14.12-1"},
        **{"state": state, "detail": "", "documents": [], "verdict": "ok", "hint": "", "retired": False},
        **{"findings": [], "warnings": [], "foreign_accounts": [], "running": False, "login_job": None, "reach": None},
    }
    return {**plain, **more}


def differing(state: str = "drift", causes: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    document = {"path": PREFS, "action": "changed", "detail": "", "causes": causes or {"pref /a": "user"}}
    return row(state, documents=[document], **more)


def report(*rows: dict[str, Any], enforced: bool = False, **facts: Any) -> dict[str, Any]:
    known = Facts(people=PEOPLE, groups={"pc-1": ["salle_b12"]}, **facts)
    made: dict[str, Any] = im_compliance.report_of(rows, known, enforced, "fr", NOW)
    return made


def waiver(until: str = "2026-12-31", causes: list[str] | None = None, **selectors: str) -> dict[str, Any]:
    nobody = dict.fromkeys(("host", "group", "login", "person", "client"))
    said = {"reason": "thèse", "by": "M. Petit", "until": until}
    return {**nobody, **(selectors or {"host": "pc-1"}), "causes": causes or [], **said}


def codes(made: dict[str, Any]) -> list[str]:
    return [cause["code"] for cause in made["rows"][0]["causes"]]


def test_a_seat_as_wished_has_no_cause_and_the_run_ends_well() -> None:
    made = report(row())
    assert (made["schema"], made["at"], made["mode"]) == (1, "2026-11-23T02:00:00Z", "audit")
    assert set(made["states"]) == set(STATES) and made["states"]["compliant"] == 1
    (told,) = made["rows"]
    assert (told["state"], told["causes"], told["remedy"], told["jid"], told["groups"]) == (
        *("compliant", [], "", "alice.martin@univ.example"),
        ["salle_b12"],
    )
    assert im_compliance.exit_code(made) == 0


def test_what_differs_is_told_once_for_each_cause_and_document() -> None:
    made = report(differing(causes={"pref /a": "user", "pref /b": "wish", "pref /c": "user"}))
    assert made["rows"][0]["state"] == "drift"
    assert made["rows"][0]["causes"] == [
        {"code": "wish", "document": PREFS, "items": ["pref /b"]},
        {"code": "user", "document": PREFS, "items": ["pref /a", "pref /c"]},
    ]
    assert made["rows"][0]["remedy"] == " ".join(text(f"cause.{code}.remedy") for code in ("wish", "user"))
    assert im_compliance.exit_code(made) == 2


def test_only_documents_that_would_be_written_count() -> None:
    kept = {"path": PREFS, "action": "unchanged", "detail": "", "causes": {"pref /a": "user"}}
    assert codes(report(row(documents=[kept]))) == []


def test_what_is_to_be_taken_out_of_a_retired_seat_is_a_wish_and_its_account_matters_no_more() -> None:
    gone = {"path": PREFS, "action": "deleted", "detail": "", "causes": {}}
    assert codes(report(row("drift", documents=[gone], retired=True, verdict="absent"))) == ["wish"]


def test_a_machine_that_never_took_the_authority_in_was_never_deployed() -> None:
    assert codes(report(row("drift"))) == ["first"]


@pytest.mark.parametrize(
    ("more", "facts", "code", "items"),
    [
        ({}, {"packages": {("pc-1", "pidgin"): {"lacking": ["pidgin"]}}}, "package_missing", ["pidgin"]),
        (
            {},
            {"packages": {("pc-1", "pidgin"): {"outdated": {"installed": "2.14.1-1", "least": "2.14.12"}}}},
            "package_old",
            ["2.14.1-1 < 2.14.12"],
        ),
        ({"verdict": "account_disabled"}, {}, "account", ["account_disabled"]),
        ({"verdict": "not_checked"}, {}, "account", ["not_checked"]),
        ({"verdict": "tls_expired"}, {}, "certificate", ["tls_expired"]),
        ({"reach": {"verdict": "timeout", "detail": "", "hint": ""}}, {}, "reach", ["timeout"]),
        ({}, {"service": [{"id": "certificate_expired"}]}, "certificate", ["certificate_expired"]),
        (
            {"foreign_accounts": [{"path": ".purple/accounts.xml", "jid": "b@univ.example", "person": "b"}]},
            {},
            "foreign_account",
            ["b@univ.example"],
        ),
        (
            {},
            {"provisioned": [{"person": "alice.martin", "kind": "rooms", "verdict": "in_place", "changed": True}]},
            "server",
            ["rooms"],
        ),
    ],
)
def test_a_profile_as_wished_still_drifts_by_what_it_hangs_on(
    more: dict[str, Any], facts: dict[str, Any], code: str, items: list[str]
) -> None:
    made = report(row(**more), **facts)
    (cause,) = made["rows"][0]["causes"]
    assert (cause["code"], cause["items"], made["rows"][0]["state"]) == (code, items, "drift")
    assert im_compliance.exit_code(made) == 2


@pytest.mark.parametrize("rule", ["certificate_expires_soon", "certificate_weak"])
def test_a_certificate_that_still_serves_is_told_but_is_no_drift(rule: str) -> None:
    made = report(row(), service=[{"id": rule, "text": "t", "remedy": "r", "detail": "in 9 days"}])
    assert codes(made) == ["certificate"]
    assert (made["rows"][0]["state"], im_compliance.exit_code(made)) == ("compliant", 0)
    assert made["rows"][0]["remedy"] == ""
    assert len(im_compliance.as_table(made).splitlines()) == 3, "the certificate is told once, below the rows"
    assert "Service : t r (in 9 days)" in im_compliance.as_table(made)
    silent = report(row("unreachable"), service=[{"id": rule}])
    assert (codes(silent), im_compliance.exit_code(silent)) == (["unreachable", "certificate"], 4)
    both = report(row(verdict="tls_expired"), service=[{"id": rule}])
    assert both["rows"][0]["state"] == "drift"


def test_a_finding_about_the_service_that_is_no_certificate_is_told_beside_the_rows() -> None:
    rule = {"id": "srv_missing", "text": "Pas de SRV.", "remedy": "Publiez-le.", "detail": "none"}
    made = report(row(), service=[rule])
    assert codes(made) == [] and made["service"] == [rule]
    assert "Service : Pas de SRV. Publiez-le. (none)" in im_compliance.as_table(made)


def test_the_wishes_of_other_people_on_the_server_are_no_cause() -> None:
    wish = {"person": "bruno.lefevre", "kind": "rooms", "verdict": "absent", "changed": False}
    assert codes(report(row(), provisioned=[wish])) == []


def test_a_password_in_clear_is_told_but_is_no_drift() -> None:
    made = report(row(findings=[".purple/accounts.xml: account a@b"]))
    assert (codes(made), made["rows"][0]["state"]) == (["clear_password"], "compliant")
    assert im_compliance.exit_code(made) == 0


def test_drift_under_a_running_client_says_so() -> None:
    assert codes(report(differing(running=True))) == ["user", "running"]


def test_a_document_that_nobody_understands_is_refused() -> None:
    refused = {"path": PREFS, "action": "refused", "detail": "line 1: no XML", "causes": {}}
    made = report(row("refused", documents=[refused]))
    assert (codes(made), made["rows"][0]["state"]) == (["malformed"], "refused")


def test_what_a_run_mended_is_told_and_no_longer_counts() -> None:
    made = report(differing("changed"), enforced=True)
    assert (made["mode"], codes(made), made["rows"][0]["state"]) == ("enforce", ["user"], "changed")
    assert im_compliance.exit_code(made) == 0
    wish = {"person": "alice.martin", "kind": "rooms", "verdict": "in_place", "changed": True}
    assert codes(report(row(), enforced=True, provisioned=[wish])) == []


def test_what_a_run_could_not_mend_drifts_though_the_profile_was_mended() -> None:
    assert report(differing("changed", verdict="absent"), enforced=True)["rows"][0]["state"] == "drift"


def test_a_waiver_excuses_what_it_covers_and_is_counted_apart() -> None:
    made = report(differing(), waivers=[waiver(causes=["user"])])
    assert made["states"]["waived"] == 1 and made["states"]["compliant"] == 0
    assert made["rows"][0]["waiver"] == {"reason": "thèse", "by": "M. Petit", "until": "2026-12-31"}
    assert made["waivers"][0]["status"] == "active"
    assert im_compliance.exit_code(made) == 0
    assert "dérogation jusqu'au 31/12/2026 (M. Petit) : thèse" in im_compliance.as_table(made)


def test_a_waiver_for_another_cause_excuses_nothing() -> None:
    made = report(differing(verdict="absent"), waivers=[waiver(causes=["user"])])
    assert made["rows"][0]["state"] == "drift" and made["rows"][0]["waiver"] is not None
    made = report(differing(), waivers=[waiver(causes=["account"])])
    assert (made["rows"][0]["state"], made["waivers"][0]["status"]) == ("drift", "unused")


def test_two_waivers_excuse_together() -> None:
    waivers = [waiver(causes=["user"]), waiver(causes=["account"])]
    made = report(differing(verdict="absent"), waivers=waivers)
    assert made["rows"][0]["state"] == "waived"
    assert [one["status"] for one in made["waivers"]] == ["active", "active"]


def test_an_expired_waiver_excuses_nothing_and_is_reported() -> None:
    made = report(differing(), waivers=[waiver("2026-11-22")])
    said = {"host": "pc-1", "causes": [], "reason": "thèse", "by": "M. Petit", "until": "2026-11-22"}
    assert (made["rows"][0]["state"], made["waivers"]) == ("drift", [{**said, "status": "expired"}])
    assert made["rows"][0]["expired_waivers"] == [{"reason": "thèse", "by": "M. Petit", "until": "2026-11-22"}]
    table = im_compliance.as_table(made)
    assert "    Dérogation expirée le 22/11/2026 (M. Petit : thèse)." in table
    assert "\nDérogation expirée le 22/11/2026 (poste pc-1 ; M. Petit : thèse)" in table


def test_an_expired_waiver_is_told_of_its_own_seats_only_compliant_or_not() -> None:
    made = report(row(), row(host="pc-2"), waivers=[waiver("2026-11-22")])
    assert [len(told["expired_waivers"]) for told in made["rows"]] == [1, 0]
    assert made["states"]["compliant"] == 2


def test_a_failure_is_never_excused() -> None:
    assert report(row("failed", verdict="absent"), waivers=[waiver()])["rows"][0]["state"] == "failed"


def test_a_silent_host_is_never_compliant_and_alone_it_ends_the_run_with_four() -> None:
    silent = row("unreachable", host="pc-2")
    made = report(row(), silent, waivers=[waiver(host="pc-2")])
    assert [told["state"] for told in made["rows"]] == ["compliant", "unreachable"]
    assert im_compliance.exit_code(made) == 4
    assert im_compliance.exit_code(report(differing(), silent)) == 2
    assert im_compliance.exit_code(report(row("unreachable", verdict="absent"))) == 2
    assert report(silent, waivers=[waiver(host="pc-2", causes=["unreachable"])])["rows"][0]["state"] == "waived"


def test_no_row_at_all_is_not_good() -> None:
    assert im_compliance.exit_code(report()) == 2


def test_the_table_names_why_and_what_mends_it() -> None:
    made = report(differing(causes={f"pref /{n}": "first" for n in range(9)}))
    heading, line, why, remedy = im_compliance.as_table(made).splitlines()
    assert heading.split() == ["poste", "session", "personne", "logiciel", "version", "compte", "état", "depuis"]
    assert line.split()[-2:] == ["écart", "-"]
    sentence = "Cela n'a encore jamais été déployé ici."
    assert why.strip() == f"{sentence} ({PREFS} : pref /0, pref /1, pref /2, et 6 autre(s))"
    assert remedy.strip() == "-> Lancez site.yml."
    assert im_compliance.summary(made) == "1 installation(s) regardée(s) ; écart : 1"


def test_the_table_tells_since_when_and_what_a_silent_host_last_was() -> None:
    silent = report(row("unreachable"))
    assert "dernier état connu : aucun (ce poste n'a répondu" in im_compliance.as_table(silent)
    last = {"state": "compliant", "at": "2026-11-20T02:00:00Z", "age": 259200}
    silent["rows"][0] |= {"since": "2026-11-21T02:00:00Z", "last_known": last}
    table = im_compliance.as_table(silent)
    assert "dernier état connu : conforme, le 20/11/2026 02:00 UTC (il y a 3 jours)" in table
    assert "  21/11/2026\n" in table


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("code", im_causes.CODES)
def test_every_cause_has_a_sentence_and_a_remedy(code: str, language: str) -> None:
    assert text(f"cause.{code}", language) and text(f"cause.{code}.remedy", language)


def test_whoever_logs_in_needs_no_account_and_drift_of_the_job_is_told() -> None:
    anybody = {"login": "*", "person": "*", "verdict": "not_checked"}
    told = report(row(**anybody))["rows"][0]
    assert (told["causes"], told["verdict"]) == ([], "")
    job = {"path": "/usr/local/lib/im_client/first-login.json", "action": "changed", "detail": ""}
    made = report(row("drift", documents=[{**job, "causes": {"first_login": "wish"}}], **anybody))
    assert (codes(made), made["rows"][0]["state"]) == (["wish"], "drift")
    assert im_compliance.exit_code(made) == 2
    waived = report(row("drift", documents=[{**job, "causes": {}}], **anybody), waivers=[waiver(login="*")])
    assert waived["rows"][0]["state"] == "waived"
