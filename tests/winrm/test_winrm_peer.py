"""Ansible's own modules, unmodified, through its own winrm connection to the loopback peer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from windows_site import Site


def test_a_ping_answers_at_the_cost_of_one_powershell(site: Site) -> None:
    answer = site.module("ansible.windows.win_ping", {"data": 'Zoë O\'Brien & "Co" <x> \\'})
    assert answer["ping"] == 'Zoë O\'Brien & "Co" <x> \\'
    assert answer["changed"] is False
    assert site.pc.starts == 1
    assert site.peer.requests[site.pc.name] >= 5  # shell, command, input, output, end


def test_the_same_module_is_found_by_its_old_name(site: Site) -> None:
    assert site.module("win_ping", {})["ping"] == "pong"


def test_setup_tells_about_the_pc(site: Site) -> None:
    facts = site.module("setup", {"gather_subset": ["!all", "!min", "env"]})["ansible_facts"]
    assert facts["ansible_env"]["COMPUTERNAME"] == "PC-1"


def test_each_pc_has_its_own_count(site_of: Callable[..., Site]) -> None:
    site = site_of("pc-1", "pc-2")
    ping: dict[str, object] = {"ansible.windows.win_ping": {}}
    done = site.play([ping, {**ping, "when": "inventory_hostname == 'pc-2'"}])
    assert done.returncode == 0, done.stdout
    assert {name: pc.starts for name, pc in site.pcs.items()} == {"pc-1": 1, "pc-2": 2}


def test_an_error_of_a_module_comes_back_with_its_place(site: Site) -> None:
    answer = site.module("ansible.windows.win_ping", {"data": "crash"})
    assert answer["failed"] is True
    assert "boom" in answer["msg"]


def test_a_raw_command_runs(site: Site) -> None:
    answer = site.module("raw", {"_raw_params": "Write-Output (40 + 2)"})
    assert answer["stdout_lines"] == ["42"]


def test_a_command_longer_than_a_wait_of_the_protocol_is_run_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("winrm_peer.BEFORE_TIMEOUT", 0.05)
    assert site.module("ansible.windows.win_ping", {})["ping"] == "pong"
    assert site.pc.starts == 1


def test_a_wrong_password_is_refused(site: Site) -> None:
    answer = site.module("ansible.windows.win_ping", {}, ansible_password="another")
    assert answer["unreachable"] is True
    assert "credentials were rejected" in answer["msg"]  # im_preflight knows it by these words
    assert site.pc.starts == 0


def test_an_unknown_authority_is_refused(site: Site) -> None:
    others = "/etc/ssl/certs/ca-certificates.crt"
    answer = site.module("ansible.windows.win_ping", {}, ansible_winrm_ca_trust_path=others)
    assert answer["unreachable"] is True
    assert "CERTIFICATE_VERIFY_FAILED" in answer["msg"]  # as above
    assert site.pc.starts == 0


def test_an_unknown_program_is_not_run(site: Site) -> None:
    assert site.pc.execute("format C:", b"")[2] == 1
    assert site.pc.starts == 0
