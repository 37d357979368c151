"""The flow of one ticket on the lab: read or asked, refused with remedies, shown, confirmed, proven, answered."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_preflight import of_host
from homes import add_login, lay, remove_login
from lab_runs import PROJECT, changed_hosts, on_desk, playbook, report_of
from predictions import TRACES
from terminal import run_at_terminal

# The script that plays GLPI, and the certificates for it, are those of the unit tests.
sys.path += [str(PROJECT / "tests" / "unit" / part) for part in ("im_tickets", "xmpp")]

from glpi_peer import APP_TOKEN, USER_TOKEN, GlpiPeer, PeerTicket
from xmpp_certificates import Authority

pytestmark = pytest.mark.lab
HOST, LOGIN = "pc-bib-01", "essai"
#: What a template of Ansible's would do; a ticket is text, and nothing of it is ever one.
HOSTILE = "{{ lookup('pipe','touch %s') }}"
UNASKED = {"im_ticket_confirm": False}
TICKET = {"numero": "4711", "demandeur": "alice.martin", "poste": HOST, "logiciel": "pidgin", "session": LOGIN}


@pytest.fixture
def login() -> Iterator[str]:
    """A fresh login on the desk, removed afterwards."""
    add_login(HOST, LOGIN)
    yield LOGIN
    remove_login(HOST, LOGIN)


@pytest.fixture(scope="module")
def lacking() -> Iterator[None]:
    """A desk that lacks a package of Gajim, so that its package sources matter; put back afterwards."""
    on_desk(HOST, "dpkg --force-depends -r librsvg2-common >/dev/null 2>&1; true")
    yield
    on_desk(HOST, "apt-get install -qy --no-install-recommends librsvg2-common >/dev/null 2>&1")


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Directory of the answers to tickets."""
    return tmp_path / "answers"


def ticket_file(directory: Path, *, without: Sequence[str] = (), **fields: str) -> Path:
    """A file with one ticket; JSON is YAML."""
    path = directory / "ticket.yml"
    said = {name: value for name, value in {**TICKET, **fields}.items() if name not in without}
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def serve(ticket: Path, answers: Path, *arguments: str, **extra: Any) -> Any:
    """Serve a ticket without questions."""
    given = {"im_ticket_file": str(ticket), "im_ticket_directory": str(answers), **UNASKED, **extra}
    return playbook("ticket.yml", *arguments, extra=given)


def refused(ticket: Path, answers: Path, *arguments: str, **extra: Any) -> str:
    """Serve a ticket that cannot be served; what was said, on one line. Nothing of the desk's may have changed."""
    before = on_desk(HOST, TRACES)
    given = {"im_ticket_file": str(ticket), "im_ticket_directory": str(answers), **UNASKED, **extra}
    run = playbook(
        "ticket.yml", *arguments, extra=given, not_foretold="a ticket that is refused before anything is touched"
    )
    assert on_desk(HOST, TRACES) == before
    assert "Rien n'a été touché" in run.stdout, run.stdout + run.stderr
    assert run.returncode in (2, 4)
    return f"{run.returncode} " + " ".join(run.stdout.replace("''", "'").split())


def at_terminal(*arguments: str, answers: Sequence[tuple[str, str]], extra: dict[str, Any]) -> tuple[int, str]:
    """Run ticket.yml at a real terminal: wait for each question, type its answer; exit code and what was shown."""
    programs = Path(sys.executable).parent
    command = [str(programs / "ansible-playbook"), "playbooks/ticket.yml", *arguments, "-e", json.dumps(extra)]
    settings = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }
    return run_at_terminal(command, PROJECT, settings, answers)


def test_a_ticket_is_served_proven_and_answered_and_a_second_run_adds_nothing(
    login: str, tmp_path: Path, answers: Path
) -> None:
    mark = tmp_path / "executed"
    ticket = ticket_file(
        tmp_path, logiciel="gajim", site=HOSTILE % mark, echeance="01/12/2026", **{HOSTILE % mark: HOSTILE % mark}
    )
    run = serve(ticket, answers)
    assert run.returncode == 0, run.stdout + run.stderr
    assert not mark.exists()
    plan, texts = run.stdout.split("--- Ticket 4711 : ce qui sera fait ---")[1].split("--- Réponse à coller")
    for line in (
        "Demandeur : Alice Martin (alice.martin, alice.martin@univ-lille.example)",
        f"Poste : {HOST} (Debian 12",
        "Logiciel : Gajim",
        f"Site : {HOSTILE % mark}",
        "Échéance : 2026-12-01",
        "Le ticket contient aussi, sans effet : {{ lookup(",
        "à créer : .config/gajim/settings.sqlite (+",
    ):
        assert line in plan
    public, private = texts.split("--- Note technique (privée) ---")
    assert f"prête sur le poste {HOST} (session {LOGIN})" in public
    assert "rubrique Internet, puis Gajim" in public
    assert "cochez « Enregistrer le mot de passe »" in public
    assert "mis à jour" in private
    assert '"address": "alice.martin@univ-lille.example"' in private
    assert (
        f"ajoutez au poste {HOST}, sous im_seats : {{login: {LOGIN}, person: alice.martin, clients: [gajim]}}"
        in private
    )
    kept = {path.name: path.read_text(encoding="utf-8") for path in (answers / "4711").iterdir()}
    assert sorted(kept) == ["suivi-prive.md", "suivi-public.md"]
    assert "cochez « Enregistrer le mot de passe »" in kept["suivi-public.md"]
    assert not [secret for secret in secrets() if secret in run.stdout + "".join(kept.values())]
    again = playbook(
        "ticket.yml",
        extra={"im_ticket_file": str(ticket), "im_ticket_directory": str(answers), **UNASKED},
        not_foretold="a second run, which changes nothing",
    )
    assert again.returncode == 0, again.stdout
    assert set(changed_hosts(again).values()) == {0}
    assert "Il n'y a rien à changer : tout est déjà en place." in again.stdout
    assert {path.name: path.read_text(encoding="utf-8") for path in (answers / "4711").iterdir()} == kept


def secrets() -> list[str]:
    found: dict[str, str] = json.loads((PROJECT / ".lab" / "secrets.json").read_text(encoding="utf-8"))
    return list(found.values())


def test_a_row_of_a_csv_export_is_foretold_by_check_which_writes_nothing_anywhere(
    login: str, tmp_path: Path, answers: Path
) -> None:
    rows = tmp_path / "tickets.csv"
    rows.write_text(
        f"Numéro;Demandeur;Poste;Logiciel;Session\n41;x y;?;?;\n42;alice.martin;{HOST};pidgin;{LOGIN}\n",
        encoding="cp1252",
    )
    before = on_desk(HOST, TRACES)
    run = serve(rows, answers, "--check", im_ticket_number=42)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "--- Ticket 42 : ce qui sera fait ---" in run.stdout
    assert f"Essai à blanc : rien n'a été écrit sur le poste {HOST}." in run.stdout
    assert "est prête" not in run.stdout
    planned = set(re.findall(r"à (?:créer|modifier) : (\S+)", run.stdout))
    (row,) = report_of(run)["rows"]
    assert planned == {one["path"] for one in row["documents"] if one["action"] in ("created", "changed")}
    assert on_desk(HOST, TRACES) == before
    assert not answers.exists()


def test_what_the_inventory_does_not_know_is_refused_all_at_once_with_near_names(tmp_path: Path, answers: Path) -> None:
    said = refused(ticket_file(tmp_path, demandeur="alice.martn", poste="pc-bib-1"), answers)
    assert said.startswith("2 ")
    assert "« alice.martn » n'est pas dans l'annuaire (im_people). Noms proches : alice.martin" in said
    assert "Poste « pc-bib-1 » inconnu de l'inventaire. Noms proches : pc-bib-01" in said
    assert "2 point(s) à régler d'abord" in said
    assert [path.name for path in (answers / "4711").iterdir()] == ["suivi-prive.md"]


def test_a_desk_that_is_off_is_refused_with_a_code_of_its_own_and_the_requester_is_not_written_to(
    tmp_path: Path, answers: Path
) -> None:
    off = tmp_path / "off.json"
    off.write_text(json.dumps({"desks": {"hosts": {"pc-off": {"ansible_port": 9}}}}), encoding="utf-8")
    said = refused(ticket_file(tmp_path, poste="PC-off"), answers, "-i", "inventories/demo", "-i", str(off))
    assert said.startswith("4 ")
    assert "Le poste pc-off ne répond pas. Remède : Faites-le allumer" in said
    assert "Merci de le laisser allumé et branché au réseau" in said
    assert [path.name for path in (answers / "4711").iterdir()] == ["suivi-prive.md"]


def test_a_dead_proxy_and_an_account_that_is_not_there_are_refused_together(
    login: str, lacking: None, tmp_path: Path, answers: Path
) -> None:
    setting = "/etc/apt/apt.conf.d/99ticket"
    on_desk(HOST, f"echo 'Acquire::http::Proxy \"http://svc:CANARY@127.0.0.1:9\";' > {setting}")
    try:
        people = {"alice.martin": {"jid": "nobody.at.all@univ-lille.example"}}
        said = refused(ticket_file(tmp_path, logiciel="gajim"), answers, im_people=people)
    finally:
        on_desk(HOST, f"rm {setting}")
    assert f"Le proxy (http://127.0.0.1:9) que le poste {HOST} utilise pour ses paquets ne répond pas." in said
    assert "connect (111: Connection refused)" in said
    assert "Le serveur ne veut pas du compte nobody.at.all@univ-lille.example." in said
    assert "faites créer le compte" in said or "faites vérifier l'adresse" in said
    assert "CANARY" not in said


PROXY_THAT_ASKS_WHO = r"""
import http.server, os
class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(407, "Proxy Authentication Required")
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 3999), Proxy)
child = os.fork()
if child == 0:
    os.setsid()
    for stream in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    server.serve_forever()
print(child)
"""


def test_a_proxy_that_asks_who_we_are_is_refused_with_where_to_say_it(
    login: str, lacking: None, tmp_path: Path, answers: Path
) -> None:
    setting = "/etc/apt/apt.conf.d/99ticket"
    child = int(on_desk(HOST, "python3 -", secret=PROXY_THAT_ASKS_WHO))
    on_desk(HOST, f"echo 'Acquire::http::Proxy \"http://127.0.0.1:3999\";' > {setting}")
    try:
        said = refused(ticket_file(tmp_path, logiciel="gajim"), answers)
    finally:
        on_desk(HOST, f"rm {setting}; kill {child}")
    assert f"Le proxy (http://127.0.0.1:3999) refuse les demandes de paquets du poste {HOST}." in said
    assert "407 Proxy Authentication Required" in said
    assert "corrigez le proxy et son mot de passe dans /etc/apt/apt.conf.d" in said


PIN = "printf 'Package: gajim librsvg2-common\\nPin: release *\\nPin-Priority: -1\\n' > /etc/apt/preferences.d/ticket"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ((PIN, "rm /etc/apt/preferences.d/ticket"), "package_unknown"),
        (
            (
                "mkdir -p /root/kept && mv /etc/apt/sources.list /etc/apt/sources.list.d /root/kept/",
                "mv /root/kept/* /etc/apt/ && rmdir /root/kept",
            ),
            "source_none",
        ),
    ],
    ids=["pinned", "none"],
)
def test_a_desk_without_a_source_for_the_packages_says_so_and_keeps_its_lists(how: tuple[str, str], code: str) -> None:
    spoil, mend = how
    lists = "find /var/lib/apt /var/cache/apt -printf '%p %s %C@\\n' | sort"
    before = on_desk(HOST, f"{spoil}; {lists}")
    try:
        sources = adhoc("im_package_source_info", packages=["librsvg2-common"])
        after = on_desk(HOST, lists)
    finally:
        on_desk(HOST, mend)
    told = {"host": {"os_family": "Debian"}, "platform": "Debian"}
    assert [problem.code for problem in of_host(HOST, "gajim", told, sources)] == [code]
    assert after == before


def adhoc(module: str, **arguments: Any) -> dict[str, Any]:
    """Run one module on the desk."""
    command = [
        str(Path(sys.executable).with_name("ansible")),
        HOST,
        "--become",
        "-m",
        module,
        "-a",
        json.dumps(arguments),
    ]
    settings = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    settings["ANSIBLE_NOCOLOR"] = "1"
    run = subprocess.run(command, cwd=PROJECT, env=settings, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(run.stdout[run.stdout.index("{") :])
    return result


SAYS_IT_IS_A_MAC = """
import platform
platform.system = lambda: 'Darwin'
platform.mac_ver = lambda: ('15.1', ('', '', ''), 'arm64')
"""


def test_gajim_on_a_mac_is_refused_with_what_to_offer(login: str, tmp_path: Path, answers: Path) -> None:
    # Simulated: a Python on a Debian desk that says it runs on a Mac.
    on_desk(HOST, "mkdir -p /opt/mac && cat > /opt/mac/sitecustomize.py", secret=SAYS_IT_IS_A_MAC)
    script = '#!/bin/sh\nPYTHONPATH=/opt/mac exec /usr/bin/python3 "$@"\n'
    on_desk(HOST, "cat > /opt/mac/python && chmod 755 /opt/mac/python", secret=script)
    try:
        python = {"ansible_python_interpreter": "/opt/mac/python"}
        mac = tmp_path / "mac.json"
        mac.write_text(json.dumps({"desks": {"hosts": {HOST: python}}}), encoding="utf-8")
        said = refused(ticket_file(tmp_path, logiciel="gajim"), answers, "-i", "inventories/demo", "-i", str(mac))
    finally:
        on_desk(HOST, "rm -r /opt/mac")
    assert f"{HOST} est un Mac sans Gajim, et Homebrew ne le fournit pas." in said
    assert "relancez avec -e im_ticket_client=thunderbird (ou pidgin)" in said
    assert "répondez à ce message en disant lequel vous convient" in said


def test_a_damaged_file_is_refused_before_any_package_is_installed(
    login: str, lacking: None, tmp_path: Path, answers: Path
) -> None:
    lay(HOST, LOGIN, {".local/share/gajim/.keep": b"", ".config/gajim/settings.sqlite": b"no database"})
    said = refused(ticket_file(tmp_path, logiciel="gajim"), answers)
    assert f"Un fichier de gajim dans la session {LOGIN} de {HOST} ne peut pas être modifié sans risque." in said
    assert "settings.sqlite" in said


def test_without_a_terminal_nothing_is_asked_and_nothing_waits(login: str, tmp_path: Path, answers: Path) -> None:
    why = "a question that nobody can answer"
    nothing = playbook("ticket.yml", not_foretold=why)
    assert nothing.returncode == 2
    assert "pas de terminal pour y répondre : rien n'a été touché. Donnez un ticket (-e im_ticket_file=" in flat(
        nothing.stdout
    )
    before = on_desk(HOST, TRACES)
    given = {"im_ticket_file": str(ticket_file(tmp_path)), "im_ticket_directory": str(answers)}
    unconfirmed = playbook("ticket.yml", extra=given, not_foretold=why)
    assert unconfirmed.returncode == 2
    assert "Pour continuer sans question : -e im_ticket_confirm=false" in flat(unconfirmed.stdout)
    assert on_desk(HOST, TRACES) == before
    assert not answers.exists()


def flat(shown: str) -> str:
    return " ".join(shown.replace("''", "'").split())


def test_no_touches_nothing_and_yes_goes_on(login: str, tmp_path: Path, answers: Path) -> None:
    mark = tmp_path / "executed"
    before = on_desk(HOST, TRACES)
    given = {"im_ticket_file": str(ticket_file(tmp_path)), "im_ticket_directory": str(answers)}
    code, shown = at_terminal(extra=given, answers=[("Continuer ? (oui/non)", "non")])
    assert code == 2
    assert "Arrêté à votre demande : rien n'a été touché, ni le poste, ni le serveur, ni le ticket." in flat(shown)
    assert on_desk(HOST, TRACES) == before
    assert not answers.exists()
    # Without a ticket all is asked, the session because the inventory has none for this person there.
    questions = [
        ("Pour qui ?", "BRUNO.lefevre"),
        ("Quel poste ?", HOSTILE % mark),
        ("ne convient pas", HOST),
        ("Quel logiciel ?", "pidgin"),
        ("Numéro du ticket ?", ""),
        ("Quelle session sur le poste pc-bib-01 ?", LOGIN),
        ("Continuer ? (oui/non)", "O"),
    ]
    code, shown = at_terminal(extra={"im_ticket_directory": str(answers)}, answers=questions)
    assert code == 0, shown
    assert "rubrique Internet, puis Pidgin" in shown
    assert "bruno.lefevre@univ-lille.example" in on_desk(HOST, f"cat ~{LOGIN}/.purple/accounts.xml")
    assert not mark.exists()
    assert not answers.exists()


def test_what_a_ticket_says_is_never_executed_whatever_the_field(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    # The number is read before them; the unit tests of the tickets have it.
    fields = ("demandeur", "poste", "logiciel", "echeance", "session")
    hostile = ticket_file(tmp_path, **dict.fromkeys(fields, HOSTILE % mark))
    run = playbook("ticket.yml", "--check", extra={"im_ticket_file": str(hostile), **UNASKED})
    assert run.returncode == 2
    assert run.stdout.count("{{ lookup(") >= len(fields)
    assert not mark.exists()


def test_a_request_in_glpi_is_solved_only_when_the_chain_is_proven(login: str, tmp_path: Path) -> None:
    form = f"<p><b>1) Nom du poste</b>: {HOST}<br><b>2) Logiciel</b>: Pidgin<br><b>3) Session</b>: {LOGIN}<br></p>"
    authority = Authority(tmp_path, "ours")
    # A script that answers as GLPI does; no GLPI was ever reached.
    with GlpiPeer(authority.context(["localhost"]), users={7: ("alice.martin", "Alice", "Martin")}) as glpi:
        glpi.tickets[5] = PeerTicket(content=form)
        given = {"im_ticket_system": "glpi", "im_ticket_number": 5, **UNASKED}
        given["im_ticket_glpi"] = glpi.arguments("legacy", ca_file=str(authority.file))
        blocked = {**given, "im_people": {"alice.martin": {"jid": "nobody.at.all@univ-lille.example"}}}
        why = "what is written into a ticket is held against the check by the tests of the module"
        assert playbook("ticket.yml", extra=blocked, not_foretold=why).returncode == 2
        assert (len(glpi.written(private=False)), len(glpi.written(private=True)), glpi.solutions) == (0, 1, [])
        run = playbook("ticket.yml", extra=given, not_foretold=why)
        assert run.returncode == 0, run.stdout + run.stderr
        (public,) = glpi.written(private=False)
        assert "Pidgin" in public
        assert len(glpi.written(private=True)) == 2
        assert len(glpi.solutions) == 1
        assert not [token for token in (APP_TOKEN, USER_TOKEN) if token in run.stdout]
