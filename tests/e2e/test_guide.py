"""A colleague who knows nothing but the guide: each of its commands, typed as it stands there, ends as the guide says.

The commands of the night are typed on a control node that systemd has booted, in test_schedule.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import guide
import pytest
from campus import HOSTS, Campus
from terminal import run_at_terminal

pytestmark = pytest.mark.lab
LIBRARY, _, REGISTRY = HOSTS
TICKET = "Un ticket : une personne, un poste, un logiciel"
FLEET = "Tout le parc"
ROOM = "Une salle"
ANYBODY = "Une salle où tout le monde peut ouvrir une session"
COMPLIANCE = "Le parc est-il conforme ?"
NIGHT = "Chaque nuit"
ACCOUNTS = "Les comptes seulement"
PEOPLE = "Contacts, salons et profil"
DIRECTORY = "Les personnes, depuis l'annuaire"
SERVICE = "Le service lui-même"
ONE_DESK = "Un seul poste n'y arrive pas"
BACK = "Revenir en arrière"
SESSIONS = (TICKET, FLEET, ROOM, COMPLIANCE, NIGHT, ACCOUNTS, PEOPLE, DIRECTORY, SERVICE, ONE_DESK, BACK)
NEWCOMER = "bruno.lefevre"


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    opened = Campus(tmp_path_factory.mktemp("campus"))
    try:
        opened.open()
        yield opened
    finally:
        opened.close()


def typed(campus: Campus, command: list[str], code: int, *told: str) -> str:
    """Type a command; it has to end with this code and to have told all this."""
    ended, shown = campus.type(command)
    assert ended == code, shown
    missing = [words for words in told if words not in " ".join(shown.split())]
    assert not missing, f"{missing}: {shown}"
    return shown


def test_every_section_with_commands_has_its_session_here() -> None:
    with_commands = [section for section in guide.sections() if guide.blocks(section, "console")]
    assert with_commands == list(SESSIONS)


def test_a_ticket(campus: Campus) -> None:
    (ticket,) = guide.blocks(TICKET, "text")
    (campus.project / "ticket.yml").write_text(ticket, encoding="utf-8")
    from_file, with_questions, with_some = guide.commands(TICKET)
    go = ("Continuer ? (oui/non)", "oui")

    refused, shown = run_at_terminal(from_file, campus.project, campus.environment, [(go[0], "non")])
    assert refused == 2 and "rien n'a été touché" in shown, shown
    assert campus.sh(LIBRARY, "ls -A ~amartin/.config 2> /dev/null; true") == ""

    code, shown = run_at_terminal(from_file, campus.project, campus.environment, [go])
    assert code == 0, shown
    answer = (campus.project / "reports" / "tickets" / "4711" / "suivi-public.md").read_text(encoding="utf-8")
    assert "mot de passe de votre ENT" in answer and answer.splitlines()[0] in shown
    assert (campus.project / "reports" / "tickets" / "4711" / "suivi-prive.md").exists()
    assert campus.sh(LIBRARY, "stat -c %U ~amartin/.config/gajim/settings.sqlite") == "amartin\n"

    person, desk, client = ("Pour qui ?", "alice.martin"), ("Quel poste ?", LIBRARY), ("Quel logiciel ?", "gajim")
    number = ("Numéro du ticket ?", "")
    # Nothing is left to change: it is looked at, and no go is needed where nothing will be touched.
    asked = [person, desk, client, number]
    for command, questions in ((with_questions, asked), (with_some, [desk, number])):
        code, shown = run_at_terminal(command, campus.project, campus.environment, [*questions, go])
        assert code == 0, shown


def test_the_whole_fleet(campus: Campus) -> None:
    foretold, done = guide.commands(FLEET)
    typed(campus, foretold, 0, "mis à jour")
    typed(campus, done, 0, "mis à jour")


def test_a_room_and_whoever_logs_in_there(campus: Campus) -> None:
    foretold, done, chosen = guide.commands(ROOM)
    typed(campus, foretold, 0, "conforme")
    typed(campus, done, 0, "conforme")
    typed(campus, chosen, 0, f"témoin {LIBRARY}")
    words = guide.sections()[ANYBODY]
    result = "~/.local/state/im_client/first-login/result.json"
    assert f"cat {result}" in words
    campus.sh(LIBRARY, f"useradd -m -s /bin/bash {NEWCOMER}")
    noted = json.loads(campus.sh(LIBRARY, f"su - {NEWCOMER} -c 'cat {result}'"))
    assert [group["state"] for group in noted["groups"].values()] == ["changed"]
    assert f"{NEWCOMER}@" in campus.sh(LIBRARY, f"cat ~{NEWCOMER}/.purple/accounts.xml")


def test_is_the_fleet_compliant(campus: Campus) -> None:
    audit, mend = guide.commands(COMPLIANCE)
    typed(campus, audit, 0, "conforme")
    campus.sh(LIBRARY, "su - amartin -c 'rm ~/.config/gajim/settings.sqlite'")
    typed(campus, audit, 2, "écart")
    reports = campus.project / "reports" / "compliance"
    assert (reports / "latest.html").exists() and (reports / "latest.csv").exists()
    assert campus.sh(LIBRARY, "ls ~amartin/.config/gajim") == ""
    typed(campus, mend, 0, "mis à jour")
    assert campus.sh(LIBRARY, "ls ~amartin/.config/gajim") == "settings.sqlite\n"


def test_accounts_people_directory_and_service(campus: Campus) -> None:
    (accounts,) = guide.commands(ACCOUNTS)
    typed(campus, accounts, 0)
    foretold, done = guide.commands(PEOPLE)
    typed(campus, foretold, 0)
    typed(campus, done, 0)
    foretold, done = guide.commands(DIRECTORY)
    typed(campus, foretold, 0, "alice.martin")
    typed(campus, done, 0)
    (service,) = guide.commands(SERVICE)
    typed(campus, service, 0, "0 erreur(s)")


def test_one_desk_does_not_get_there(campus: Campus) -> None:
    (reach,) = guide.commands(ONE_DESK)
    typed(campus, reach, 0, "accès")


def test_the_way_back(campus: Campus) -> None:
    foretold, done, one, another = guide.commands(BACK)
    typed(campus, foretold, 0)
    typed(campus, done, 0, "supprimé")
    typed(campus, one, 0, "déjà comme avant")
    typed(campus, another, 2, "aucune sauvegarde de ce déploiement")
