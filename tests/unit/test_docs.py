"""What the documents show is run here, so that it cannot rot."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.im_first_login_offer import check_first_login
from ansible.module_utils.im_inventory import (
    check_minimum_versions,
    check_preferences,
    check_seats,
    complete_people,
    complete_service,
)
from ansible.module_utils.im_waivers import Known, check_waivers
from rendering import CLIENTS, PROJECT

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    """(page, text) of each fenced block of that language in the documents."""
    return [
        (str(page.relative_to(PROJECT)), block)
        for page in PAGES
        for block in re.findall(
            rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
    ]


COMMANDS = [(page, line) for page, block in blocks("console") for line in block.splitlines()]
TARGETS = re.findall(r"^([a-z][a-z-]*):.*## ", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("page", "block"), blocks("yaml"))
def test_every_inventory_shown_is_accepted_at_the_door(page: str, block: str) -> None:
    shown: dict[str, Any] = yaml.safe_load(block)
    assert shown and all(key.startswith("im_") for key in shown), page
    service = complete_service(shown.get("im_service", {"domain": "univ.example"}))
    complete_people(shown.get("im_people", {}), service)
    check_preferences(shown.get("im_preferences"), shown.get("im_enforced_preferences", []))
    check_seats("host", shown.get("im_seats", []), ["alice.martin"], CLIENTS)
    check_first_login("host", shown.get("im_first_login"), CLIENTS, service)
    check_waivers(shown.get("im_waivers", []), Known(["host"], ["all"], ["alice.martin"], CLIENTS))
    check_minimum_versions(shown.get("im_minimum_versions"), CLIENTS)


@pytest.mark.parametrize(("page", "command"), [(page, line) for page, line in COMMANDS if line.startswith("make ")])
def test_every_make_command_shown_exists(page: str, command: str) -> None:
    assert set(command.split()[1:]) <= set(TARGETS), page


@pytest.mark.parametrize("command", sorted({line for _, line in COMMANDS if not line.startswith("make ")}))
def test_every_playbook_command_shown_is_understood(command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "ansible-playbook"
    program = Path(sys.executable).with_name(words[0])
    done = subprocess.run(
        [program, *words[1:], "--syntax-check"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_path_named_in_the_tables_of_the_readme_exists() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(
        r"`((?:playbooks|roles|inventories|library|lab|molecule|tests|docs|[a-z]+_plugins)/[\w./-]*)`", text
    ):
        assert (PROJECT / name).exists(), name


def test_the_inventories_of_the_project_pass_the_door() -> None:
    for inventory in ("demo", "example-campus"):
        variables: dict[str, Any] = {}
        for page in (PROJECT / "inventories" / inventory / "group_vars" / "all").glob("*.yml"):
            variables |= yaml.safe_load(page.read_text(encoding="utf-8"))
        service = complete_service(variables["im_service"])
        people = complete_people(variables["im_people"], service)
        check_preferences(variables["im_preferences"], variables["im_enforced_preferences"])
        assert people
