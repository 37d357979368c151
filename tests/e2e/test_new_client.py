"""A fourth client is a folder under roles/ and nothing else, as long as its file format is known."""

from __future__ import annotations

import json

import pytest
from lab_runs import PROJECT, on_desk, playbook, report_of

pytestmark = pytest.mark.lab
HOST, LOGIN, FILE = "pc-bib-02", "amartin", ".toychat/account.json"
SEATS = {"im_seats": [{"login": LOGIN, "person": "alice.martin", "clients": ["toychat"]}]}
ROLES = {"ANSIBLE_ROLES_PATH": f"{PROJECT / 'roles'}:{PROJECT / 'tests' / 'e2e' / 'new_client'}"}


def test_a_folder_with_the_answers_and_a_template_is_a_client() -> None:
    on_desk(HOST, f"rm -rf ~{LOGIN}/.toychat")
    first = playbook("site.yml", "--limit", HOST, extra=SEATS, environment=ROLES)
    assert first.returncode == 0, first.stdout
    (row,) = report_of(first)["rows"]
    assert (row["client"], row["state"], row["verdict"]) == ("toychat", "changed", "ok")
    laid = json.loads(on_desk(HOST, f"cat ~{LOGIN}/{FILE}"))
    assert laid == {"jid": "alice.martin@univ-lille.example", "alias": "Alice Martin"}
    assert on_desk(HOST, f"stat -c '%U %a' ~{LOGIN}/{FILE}").split() == [LOGIN, "600"]
    second = playbook("site.yml", "--limit", HOST, extra=SEATS, environment=ROLES)
    assert report_of(second)["rows"][0]["state"] == "compliant"
    on_desk(HOST, f"rm -rf ~{LOGIN}/.toychat")


def test_without_its_folder_the_client_is_unknown_and_the_known_ones_are_listed() -> None:
    refused = playbook("site.yml", "--limit", HOST, extra=SEATS)
    assert refused.returncode != 0
    assert "no client named 'toychat'; known: gajim, pidgin, thunderbird" in refused.stdout
