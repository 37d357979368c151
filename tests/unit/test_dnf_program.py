"""The role's tasks on RHEL 8 and its kin, where dnf runs as a program; here a dnf with the words of the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rendering import PROJECT

#: Notes what it is asked, knows no package "nosuch", and has "there" already.
DNF = """#!/bin/sh
echo "$LC_ALL $*" >> "${0%/*}/asked"
case "$*" in
  *nosuch*) echo 'Error: Unable to find a match: nosuch' >&2; exit 1 ;;
  *there*) echo 'Nothing to do.' ;;
  --assumeno*) echo 'Operation aborted.' >&2; exit 1 ;;
esac
"""


def ask(directory: Path, *arguments: str, major: str = "8", **asked: list[str]) -> tuple[str, list[str]]:
    """Run dnf.yml once for each state with its names; what Ansible printed, and what dnf was asked."""
    program = directory / "dnf"
    program.write_text(DNF, encoding="utf-8")
    program.chmod(0o755)
    tasks: list[dict[str, Any]] = [
        {
            "ansible.builtin.include_tasks": str(PROJECT / "roles" / "im_client" / "tasks" / "dnf.yml"),
            "vars": {"__im_client_dnf_state": state, "__im_client_dnf_names": names},
        }
        for state, names in asked.items()
    ]
    said = {"host": {"package_manager": "dnf", "distribution_major": major}}
    variables = {"__im_client_host": said, "im_client_install_recommends": False}
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    playbook = directory / "play.json"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), playbook, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PATH": f"{directory}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    noted = directory / "asked"
    return done.stdout + done.stderr, noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []


def test_dnf_is_asked_in_its_own_words_and_only_what_it_did_is_a_change(tmp_path: Path) -> None:
    printed, asked = ask(tmp_path, present=["gajim", "pidgin-2.14.13-*"], latest=["there"], absent=["thunderbird"])
    assert asked == [
        "C --assumeyes install --setopt=install_weak_deps=False gajim pidgin-2.14.13-*",
        "C --assumeyes install --best --setopt=install_weak_deps=False there",
        "C --assumeyes remove --noautoremove --setopt=install_weak_deps=False thunderbird",
    ]
    assert "changed=2 " in printed and "failed=0 " in printed


def test_with_check_dnf_foretells_and_does_nothing(tmp_path: Path) -> None:
    printed, asked = ask(tmp_path, "--check", present=["pidgin"], latest=["there"], absent=["nosuch"])
    assert asked == [
        "C --assumeno install --setopt=install_weak_deps=False pidgin",
        "C --assumeno install --best --setopt=install_weak_deps=False there",
        "C --assumeno remove --noautoremove --setopt=install_weak_deps=False nosuch",
    ]
    assert "changed=1 " in printed and "failed=1 " in printed


def test_what_dnf_refuses_fails_with_its_words(tmp_path: Path) -> None:
    printed, _ = ask(tmp_path, present=["nosuch"])
    assert "Error: Unable to find a match: nosuch" in printed and "failed=1 " in printed


def test_elsewhere_ansibles_module_asks_dnf(tmp_path: Path) -> None:
    printed, asked = ask(tmp_path, "--check", major="9", present=["nosuch"])
    assert asked == [] and "Have Ansible's module ask dnf" in printed
