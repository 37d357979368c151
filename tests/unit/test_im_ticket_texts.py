"""What a ticket's requester and the colleagues read: for each client, each outcome, in both languages."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.im_preflight import problem
from ansible.module_utils.im_ticket_texts import (
    Case,
    Look,
    Result,
    nothing_to_do,
    plan,
    private,
    private_of_problems,
    public,
    public_of_problems,
    remedies,
    state,
)
from rendering import HOSTILE

CASE = Case(
    "4711",
    "zoe.obrien",
    HOSTILE,
    "zoe.obrien@univ.example",
    "bib-012",
    "zobrien",
    "pidgin",
    "Pidgin",
    "Lille",
    "2026-12-01",
)
LOOK = Look(
    system="Debian 12.8",
    version="",
    missing=["pidgin"],
    documents=[
        {"path": ".purple/accounts.xml", "action": "changed"},
        {"path": ".purple/blist.xml", "action": "unchanged"},
        {"path": "/usr/local/share/ca-certificates/im-service.crt", "action": "created"},
    ],
    diffs=[
        {"path": ".purple/accounts.xml", "before": "a\nb\n", "after": "a\nc\nd\n"},
        {"path": "/usr/local/share/ca-certificates/im-service.crt", "before": "", "after": "-----BEGIN"},
    ],
    running=False,
    warnings=["a wish that Pidgin has no setting for"],
    server=["zoe.obrien@univ.example, contacts : added"],
    hint="Le compte fonctionne.",
    ignored=["{{ 7 * 7 }}", "x\x1b[2J"],
)
ROW: dict[str, Any] = {
    "state": "changed",
    "verdict": "ok",
    "hint": "Le compte fonctionne.",
    "reach": None,
    "documents": [
        {"path": ".purple/accounts.xml", "action": "changed"},
        {"path": "/usr/local/share/ca-certificates/im-service.crt", "action": "created"},
    ],
}


def result(all_good: bool = True, check_mode: bool = False, on_server: bool = True, **row: Any) -> Result:
    return Result(
        row={**ROW, **row},
        table="the table",
        server=["1 souhait"],
        on_server=on_server,
        packages={"pidgin": "2.14.12-1"},
        all_good=all_good,
        report="reports/x.json",
        at="2026-11-23 08:00",
        seconds=42,
        check_mode=check_mode,
    )


def test_the_plan_names_all_that_will_be_touched() -> None:
    lines = plan(CASE, LOOK).splitlines()
    assert lines == [
        "--- Ticket 4711 : ce qui sera fait ---",
        f"Demandeur : {HOSTILE} (zoe.obrien, zoe.obrien@univ.example)",
        "Poste : bib-012 (Debian 12.8), session zobrien",
        "Logiciel : Pidgin",
        "Site : Lille",
        "Échéance : 2026-12-01",
        "Compte : Le compte fonctionne.",
        "Paquets à installer : pidgin",
        "Documents :",
        "  à modifier : .purple/accounts.xml (+2 -1 lignes)",
        "  à créer : /usr/local/share/ca-certificates/im-service.crt (+1 -0 lignes)",
        "Sur le serveur :",
        "  zoe.obrien@univ.example, contacts : added",
        "Attention : a wish that Pidgin has no setting for",
        "Le ticket contient aussi, sans effet : {{ 7 * 7 }}, x [2J",
    ]


def test_a_plan_that_changes_nothing_says_so() -> None:
    idle = LOOK._replace(
        missing=[], documents=LOOK.documents[1:2], diffs=[], server=[], version="2.14.12-1", warnings=[]
    )
    assert nothing_to_do(idle)
    assert not nothing_to_do(LOOK)
    shown = plan(CASE._replace(number=""), idle)
    assert shown.startswith("--- Ce qui sera fait ---")
    assert "aucun, version 2.14.12-1 en place" in shown
    assert "Sur le serveur : rien à changer" in shown
    assert "Il n'y a rien à changer : tout est déjà en place." in shown


def test_a_running_client_is_told_before_the_question() -> None:
    assert "Attention : Pidgin est ouvert sur le poste." in plan(CASE, LOOK._replace(running=True))


@pytest.mark.parametrize(
    ("client", "start", "keep"),
    [
        ("gajim", "rubrique Internet, puis Gajim", "cochez « Enregistrer le mot de passe »"),
        ("pidgin", "rubrique Internet, puis Pidgin", "cochez « Mémoriser le mot de passe »"),
        ("thunderbird", "puis Thunderbird", "Paramètres des comptes, compte XMPP, champ Mot de passe"),
        ("toy", "Ouvrez Toy depuis le menu", "il peut être enregistré"),
    ],
)
def test_the_requester_learns_how_to_start_each_client_and_where_it_keeps_the_password(
    client: str, start: str, keep: str
) -> None:
    told = public(CASE._replace(client=client, title=client.capitalize()), ROW, all_good=True, check_mode=False)
    assert told.startswith("Bonjour,\n\n")
    assert told.endswith("\n\nBonne journée.")
    assert start in told
    assert keep in told
    assert told.count("mot de passe de votre ENT") == 1
    assert "Thunderbird demande" not in told or "n'a pas de case pour le garder" in told


@pytest.mark.parametrize(
    ("platform", "client", "start"),
    [
        ("Windows", "gajim", "Ouvrez le menu Démarrer, puis Gajim."),
        ("Windows", "thunderbird", "Ouvrez le menu Démarrer, puis Mozilla Thunderbird."),
        ("Windows", "toy", "Ouvrez le menu Démarrer, puis Toy."),
        ("Darwin", "gajim", "Ouvrez le dossier Applications, puis Gajim."),
        ("Darwin", "pidgin", "tapez pidgin"),
        ("RedHat", "gajim", "rubrique Internet, puis Gajim"),
    ],
)
def test_the_requester_is_told_where_programs_are_on_this_kind_of_computer(
    platform: str, client: str, start: str
) -> None:
    case = CASE._replace(client=client, title=client.capitalize())
    assert start in public(case, ROW, all_good=True, check_mode=False, platform=platform)


def test_nobody_is_told_to_wait_for_a_login_that_applies_nothing() -> None:
    row = {**ROW, "state": "deferred"}
    told = public(CASE, row, all_good=False, check_mode=False, platform="Windows")
    assert "répondez à ce message : nous finirons à distance" in told and "ouvrez-la de nouveau" not in told
    look = LOOK._replace(platform="Windows", running=True)
    assert "relancez ce ticket quand il est fermé" in plan(CASE, look)
    note = private(CASE, look, result(all_good=False, state="deferred"))
    assert "Relancez ce ticket quand il est fermé." in note and "La prochaine ouverture" not in note


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"state": "deferred"}, "Fermez votre session (zobrien), puis ouvrez-la de nouveau"),
        ({"state": "refused"}, "une personne de l'assistance prend contact avec vous"),
        ({"state": "failed"}, "n'est pas terminée. Nous y travaillons"),
        ({"verdict": "unreachable"}, "nous n'avons pas encore pu vérifier que votre compte"),
        ({}, "n'est pas terminée. Nous y travaillons"),  # in place, but not all on the server
    ],
)
def test_the_requester_is_never_told_that_it_is_ready_when_it_is_not(row: dict[str, str], words: str) -> None:
    told = public(CASE, {**ROW, **row}, all_good=False, check_mode=False)
    assert words in told
    assert "est prête" not in told


def test_a_dry_run_makes_no_answer_to_paste() -> None:
    assert public(CASE, ROW, all_good=True, check_mode=True).startswith("(Essai à blanc")


def test_the_note_has_versions_documents_verdict_duration_and_the_difference() -> None:
    note = private(CASE, LOOK, result())
    for words in (
        "Le 2026-11-23 08:00, en 42 s",
        "the table",
        "Paquets installés : pidgin 2.14.12-1",
        "Compte zoe.obrien@univ.example : ok. Le compte fonctionne.",
        "modifié(s) : .purple/accounts.xml",
        "1 souhait",
        "-b\n+c\n+d",
        "JSON: reports/x.json",
    ):
        assert words in note
    assert "BEGIN" not in note
    assert "Reste à faire" not in note


def test_a_package_that_was_not_installed_is_never_told_as_installed() -> None:
    note = private(CASE, LOOK, result(False, check_mode=True)._replace(packages={}))
    assert "Paquets installés : aucun de plus" in note
    assert "pidgin 2.14" not in note


def test_a_long_difference_is_cut_and_says_by_how_much() -> None:
    long = LOOK._replace(diffs=[{"path": ".purple/accounts.xml", "before": "", "after": "line\n" * 1000}])
    note = private(CASE, long, result())
    assert note.count("\n+line") < 400
    assert "… et 603 ligne(s) de plus" in note


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (result(False, state="deferred"), "relancez ce ticket ensuite pour le vérifier"),
        (result(False, state="refused"), "Regardez avec la personne"),
        (result(False, state="failed"), "levez la cause"),
        (result(False, state="unreachable"), "quand il est allumé"),
        (result(False, verdict="auth_failed"), "Le compte n'est pas prouvé"),
        (result(False, on_server=False), "Tout n'est pas en place sur le serveur"),
        (result(False, reach={"verdict": "refused"}), "faites vérifier son réseau"),
    ],
)
def test_what_is_left_to_do_is_in_the_note(told: Result, words: str) -> None:
    (left,) = remedies(CASE, told)
    assert words in left
    assert left in private(CASE, LOOK, told)


def test_an_installation_that_the_inventory_does_not_list_is_told_with_the_line_to_add() -> None:
    (left,) = remedies(CASE._replace(listed=False), result())
    assert left.endswith("{login: zobrien, person: zoe.obrien, clients: [pidgin]}")


def test_a_second_run_comes_to_the_same_state_and_another_outcome_to_another() -> None:
    assert state(CASE, result()) == state(CASE, result(state="compliant")) == "pidgin bib-012 zobrien done ok verified"
    states = {state(CASE, result(False, state=one)) for one in ("deferred", "refused", "failed")}
    assert len(states | {state(CASE, result()), state(CASE._replace(machine="bib-013"), result())}) == 5


def test_the_requester_is_asked_only_for_what_the_requester_can_do() -> None:
    off = problem("machine_silent", "fr", machine="bib-012")
    mac = problem("gajim_on_macos", "fr", machine="bib-012")
    ours = problem("source_none", "fr", machine="bib-012")
    assert "laisser allumé et branché au réseau" in public_of_problems(CASE, [off])
    assert "Pidgin ou Thunderbird à la place" in public_of_problems(CASE, [mac])
    assert "vous n'avez rien à faire" in public_of_problems(CASE, [off, ours])


def test_the_note_of_a_refusal_has_every_problem_with_its_remedy() -> None:
    problems = [problem("machine_silent", "en", "no route", machine="a"), problem("source_none", "en", machine="a")]
    note = private_of_problems(problems, "2026-11-23 08:00", 3, "en")
    assert "1. The host a does not answer.\n   Remedy: Have it switched on" in note
    assert "   Detail: no route\n2. The host a has no package source." in note
