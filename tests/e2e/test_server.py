"""playbooks/server.yml tells what is wrong with the service, and its exit code says how grave it is."""

from __future__ import annotations

import pytest
from lab_runs import PROJECT, playbook

pytestmark = pytest.mark.lab
DOMAIN = "univ-lille.example"
SERVICE = {"domain": DOMAIN, "ca_file": str(PROJECT / ".lab" / "ca" / "ca.crt")}


def test_a_service_that_is_well_ends_well() -> None:
    run = playbook("server.yml")
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{DOMAIN} : 0 erreur(s), 0 avertissement(s)" in run.stdout


def test_an_address_of_rooms_that_is_wrong_is_an_error_with_its_remedy() -> None:
    run = playbook("server.yml", extra={"im_service": SERVICE | {"conference": f"salons.{DOMAIN}"}})
    assert run.returncode == 2
    assert "[erreur] conference_wrong" in run.stdout
    assert "Corrigez im_service.conference" in run.stdout
    assert f"conference.{DOMAIN}" in run.stdout


def test_an_authority_that_was_forgotten_is_an_error_in_english_too() -> None:
    run = playbook("server.yml", extra={"im_service": {"domain": DOMAIN}, "im_language": "en"})
    assert run.returncode == 2
    assert "[error] certificate_chain" in run.stdout
    assert "name it (ca_file)" in run.stdout
