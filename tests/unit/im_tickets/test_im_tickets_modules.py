"""The modules im_ticket_info and im_ticket_followup, in this process and by Ansible itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.im_tickets.marker import reference
from glpi_peer import FORM, GlpiPeer, PeerTicket
from test_xmpp_canary import Ansible, leaks, traces
from xmpp_certificates import Authority
from xmpp_modules import LIBRARY, Run, load

INFO, FOLLOWUP = "im_ticket_info", "im_ticket_followup"
APIS = ("legacy", "v2")
ENTRY = {"numero": "5", "demandeur": "zoe.obrien", "poste": "pc-12", "logiciel": "gajim"}
#: What test_xmpp_canary looks for on every output and disk.
CANARY = "canary-glpi-7f3e9d"


@pytest.fixture
def info(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(load(INFO), capsys)


@pytest.fixture
def followup(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(load(FOLLOWUP), capsys)


def write(path: Path, *entries: dict[str, str]) -> str:
    path.write_text(yaml.safe_dump(list(entries)))
    return str(path)


@pytest.mark.parametrize("name", [INFO, FOLLOWUP])
def test_the_documentation_names_every_argument_as_the_module_takes_it(name: str) -> None:
    module = load(name)
    fragment: dict[str, Any] = {}
    exec((LIBRARY.parent / "doc_fragments/tickets.py").read_text(), fragment)  # noqa: S102 - our own file
    shared = yaml.safe_load(fragment["ModuleDocFragment"].DOCUMENTATION)["options"]
    own = yaml.safe_load(module.DOCUMENTATION)["options"]
    documented = {option: {**shared.get(option, {}), **own.get(option, {})} for option in {**shared, **own}}
    assert _shape(documented) == _shape(module.ARGUMENT_SPEC)


def _shape(options: dict[str, Any]) -> dict[str, Any]:
    """Type, default, choices and need of each option, and of those below it."""
    return {
        name: (
            option["type"],
            option.get("default"),
            option.get("choices"),
            option.get("required", False),
            _shape(option.get("suboptions") or option.get("options") or {}),
        )
        for name, option in options.items()
    }


def test_every_secret_argument_is_kept_out_of_logs() -> None:
    spec = load(INFO).ARGUMENT_SPEC["glpi"]["options"]
    assert {name for name, option in spec.items() if option.get("no_log")} == {
        "app_token",
        "user_token",
        "client_secret",
        "password",
    }


def test_the_number_may_be_left_out_when_one_waits(info: Run, tmp_path: Path) -> None:
    result = info(file=write(tmp_path / "t.yml", ENTRY))
    assert result["ticket"]["requester"] == "zoe.obrien"
    assert result["waiting"] == ["5"]
    assert result["ignored"] == []
    assert result["changed"] is False


def test_when_several_wait_they_are_named_and_none_is_chosen(info: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "t.yml", ENTRY, {**ENTRY, "numero": "6"})
    result = info(file=file)
    assert result["failed"] is True
    assert result["waiting"] == ["5", "6"]
    assert "5, 6" in result["msg"]
    assert info(file=file, number="6")["ticket"]["number"] == "6"


def test_sentences_are_in_the_language_that_was_asked_for(info: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "t.yml", {**ENTRY, "logiciel": "Signal ou Gajim"})
    assert "donnez-en un seul, comme gajim" in info(file=file)["msg"]
    assert "give a single one, such as gajim" in info(file=file, language="en")["msg"]


@pytest.mark.parametrize("api", APIS)
def test_a_request_of_glpi_is_found_read_answered_and_solved_once(
    api: str, info: Run, followup: Run, peer: GlpiPeer, authority: Authority
) -> None:
    peer.tickets[5] = PeerTicket()
    glpi = peer.arguments(api, ca_file=str(authority.file))
    read = info(system="glpi", glpi=glpi)
    assert read["ticket"]["machine"] == "pc-12"
    answer = {"system": "glpi", "glpi": glpi, "number": "5", "public": "prêt", "private": "note", "solve": True}
    foretold = followup(**answer, _ansible_check_mode=True)
    done = followup(**answer)
    assert foretold["added"] == done["added"] == ["private", "public", "solution"]
    assert foretold["changed"] is done["changed"] is True
    assert foretold["diff"] == done["diff"]
    assert "serait ajouté" in foretold["message"]
    again = followup(**answer)
    assert (again["changed"], again["added"], again["left_alone"]) == (False, [], "solved")
    assert "déjà résolu" in again["message"]
    assert info(system="glpi", glpi=glpi)["msg"].startswith("Aucun ticket n'attend")
    assert not peer.sessions


def test_answers_go_to_files_once(followup: Run, tmp_path: Path) -> None:
    answer = {"number": "5", "directory": str(tmp_path), "public": "prêt", "private": "note", "state": "ok"}
    done = followup(**answer)
    assert done["places"] == [str(tmp_path / "5" / name) for name in ("suivi-public.md", "suivi-prive.md")]
    assert [entry["after"] for entry in done["diff"]] == [Path(place).read_text() for place in done["places"]]
    again = followup(**answer)
    assert (again["changed"], again["added"]) == (False, [])
    assert "rien n'a été ajouté" in again["message"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({}, "file"),
        ({"system": "glpi"}, "glpi"),
        ({"system": "iTop"}, "files, glpi"),
        ({"file": "/none.yml"}, "/none.yml"),
    ],
)
def test_what_is_missing_or_wrong_is_told(arguments: dict[str, Any], word: str, info: Run) -> None:
    assert word in info(**arguments)["msg"]


PLAYBOOK = """
- name: Work on a ticket
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Read
      im_ticket_info:
        system: glpi
        number: "5"
        glpi: "{{ glpi }}"
      register: found
      ignore_errors: true
    - name: Use what was read in every way that a play does
      ansible.builtin.set_fact:
        place: "site {{ found.ticket.site }}"
      when: found.ticket is defined and found.ticket.site != '49'
    - name: Answer
      im_ticket_followup:
        system: glpi
        number: "5"
        glpi: "{{ glpi }}"
        public: "Bonjour, {{ place | default('') }}"
        private: note
      diff: true
      register: answered
      ignore_errors: true
    - name: Show everything
      ansible.builtin.debug:
        msg: "{{ [found, answered, place | default('')] }}"
"""


@pytest.mark.parametrize("api", APIS)
def test_in_a_real_play_text_of_a_ticket_stays_text_and_no_secret_comes_out(
    api: str, peer: GlpiPeer, authority: Authority, tmp_path: Path
) -> None:
    trap = "{{ 7 * 7 }} {% for x in range(3) %}{{ lookup('pipe', 'id') }}{% endfor %}"
    peer.tickets[5] = PeerTicket(content=FORM.replace("Biblioth&egrave;que", trap))
    done = Ansible(tmp_path).run({"glpi": peer.arguments(api, ca_file=str(authority.file))}, PLAYBOOK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"site {trap}") >= 2
    assert "uid=" not in done.stdout
    (public,) = peer.written(private=False)
    assert "{{ 7 * 7 }}" in public
    assert reference("5", "public", f"Bonjour, site {trap}") in public
    assert "invocation" in done.stdout
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in done.stdout
    for secret in ("-of-the-peer", "secret-of-the-client", "svc-password"):
        assert secret not in done.stdout + done.stderr


@pytest.mark.parametrize("api", APIS)
def test_a_wrong_secret_does_not_come_out_either(
    api: str, peer: GlpiPeer, authority: Authority, tmp_path: Path
) -> None:
    secrets = dict.fromkeys(("app_token", "user_token", "client_secret", "password"), CANARY)
    ansible = Ansible(tmp_path)
    done = ansible.run({"glpi": peer.arguments(api, ca_file=str(authority.file), **secrets)}, PLAYBOOK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "GLPI localhost" in done.stdout
    assert not leaks(done.stdout.encode() + done.stderr.encode())
    assert traces(ansible.temporary) == []


@pytest.mark.parametrize(
    "glpi",
    [
        {"url": "https://localhost:1", "category": 12, "user_tokn": CANARY},
        {"url": f"https://svc:{CANARY}@localhost/", "category": 12, "user_token": "x"},
        {"url": "https://localhost:1", "category": "douze", "user_token": CANARY},
        f"user_token: {CANARY}",
        [CANARY],
    ],
)
def test_a_secret_in_the_wrong_place_is_not_returned(glpi: Any, info: Run) -> None:
    result = info(system="glpi", number="5", glpi=glpi)
    assert result["failed"] is True
    assert not leaks(json.dumps(result).encode())


def test_a_secret_under_a_misspelt_name_does_not_come_out_of_a_real_play(tmp_path: Path) -> None:
    ansible = Ansible(tmp_path)
    glpi = {"url": "https://localhost:1", "category": 12, "user_tokn": CANARY}
    done = ansible.run({"glpi": glpi}, PLAYBOOK)
    assert "Unsupported parameters" in done.stdout
    assert "glpi.user_tokn" in done.stdout
    assert not leaks(done.stdout.encode() + done.stderr.encode())
    assert traces(ansible.temporary) == []


def test_a_relative_file_is_one_of_where_ansible_was_started(tmp_path: Path) -> None:
    write(tmp_path / "t.yml", ENTRY)
    playbook = tmp_path / "elsewhere" / "playbook.yml"
    playbook.parent.mkdir()
    task = {"im_ticket_info": {"file": "t.yml"}}
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    project = LIBRARY.parent
    command = [
        *(sys.executable, "-m", "ansible.cli.playbook", "-v", "-c", "local", "-i", "localhost,"),
        *("-e", f"ansible_python_interpreter={sys.executable}", str(playbook)),
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_CONFIG": str(project / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "requester: zoe.obrien" in done.stdout
