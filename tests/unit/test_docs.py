"""What the documents show is run here, so that it cannot rot."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import doc_tables
import pytest
import yaml
from ansible.module_utils.im_catalogue.fr import TEXTS as FRENCH
from ansible.module_utils.im_first_login_offer import check_first_login
from ansible.module_utils.im_inventory import (
    check_installers,
    check_minimum_versions,
    check_packages,
    check_preferences,
    check_seats,
    complete_people,
    complete_service,
)
from ansible.module_utils.im_packages.answers import with_source
from ansible.module_utils.im_packages.planning import plan
from ansible.module_utils.im_packages.wishes import Wishes
from ansible.module_utils.im_waivers import Known, check_waivers
from rendering import CLIENTS, COMMON, PROJECT

PLATFORMS = PROJECT / "docs" / "platforms.md"
INVENTORY = PROJECT / "docs" / "inventory.md"
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


def table_of(page: Path, first: str) -> list[str]:
    """The lines of the table of a page whose heading begins with that word."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    return list(itertools.takewhile(lambda line: line.startswith("|"), lines[start:]))


def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Ansible in the project."""
    path = Path(sys.executable).with_name(program)
    return subprocess.run([path, *words], cwd=PROJECT, capture_output=True, text=True, check=False)


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
    packages = (shown.get(f"im_package_{what}") for what in ("versions", "latest", "sources"))
    check_packages(*packages, CLIENTS, shown.get("im_package_held"))
    check_installers(shown.get("im_package_installers"), CLIENTS)


@pytest.mark.parametrize(("page", "command"), [(page, line) for page, line in COMMANDS if line.startswith("make ")])
def test_every_make_command_shown_exists(page: str, command: str) -> None:
    assert set(command.split()[1:]) <= set(TARGETS), page


@pytest.mark.parametrize("command", sorted({line for _, line in COMMANDS if not line.startswith("make ")}))
def test_every_playbook_command_shown_is_understood(command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "ansible-playbook"
    done = run(*words, "--syntax-check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("words", ["ce qui s'affiche | que faire", "ce qui s'affiche ou arrive"])
def test_what_the_guide_says_is_shown_is_in_the_catalogue(words: str) -> None:
    guide = (PROJECT / "docs" / "guide-equipe-proximite.md").read_text(encoding="utf-8")
    _, table = guide.split(words, 1)
    quoted = re.findall(r"« ([^»]+) »", "".join(line.rpartition("|")[0] for line in table.split("\n\n")[0].split("\n")))
    assert quoted
    told = "\n".join(FRENCH.values())
    for quote in quoted:
        assert all(part.strip() in told for part in quote.split("…")), quote


def test_every_path_named_in_the_tables_of_the_readme_exists() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(
        r"`((?:playbooks|roles|inventories|library|lab|molecule|tests|docs|[a-z]+_plugins)/[\w./-]*)`", text
    ):
        assert (PROJECT / name).exists(), name


@pytest.mark.parametrize("inventory", ["demo", "example-campus", "example-platforms"])
def test_the_inventories_of_the_project_pass_the_door(inventory: str, tmp_path: Path) -> None:
    book = tmp_path / "door.yml"
    tasks = [{"import_role": {"name": "im_inventory"}}]
    book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    done = run("ansible-playbook", "-i", f"inventories/{inventory}", str(book))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_desks_of_the_example_are_reached_as_the_page_says() -> None:
    hosts = json.loads(run("ansible-inventory", "-i", "inventories/example-platforms", "--list").stdout)
    (pc,) = (hosts["_meta"]["hostvars"][name] for name in hosts["windows"]["hosts"])
    assert pc["ansible_password"] == "{{ vault_windows_password }}"
    page = PLATFORMS.read_text(encoding="utf-8")
    assert [name for name in pc if name.startswith("ansible_") and f"`{name}" not in page] == []
    assert "ansible_winrm_ca_trust_path" in pc and "ansible_winrm_server_cert_validation" not in pc
    (mac,) = (hosts["_meta"]["hostvars"][name] for name in hosts["macs"]["hosts"])
    assert f"`ansible_python_interpreter: {mac['ansible_python_interpreter']}`" in page


def test_the_matrix_of_platforms_is_what_the_roles_answer() -> None:
    made = doc_tables.platforms()
    assert table_of(PLATFORMS, "client") == made, "to be put into docs/platforms.md:\n" + "\n".join(made)


@pytest.mark.parametrize("line", table_of(PLATFORMS, "manager")[2:])
def test_what_a_manager_does_with_a_version_is_what_the_page_says(line: str) -> None:
    managers, version, pattern, older, hold = (cell.strip() for cell in line.strip("|").split("|"))
    for manager in managers.split(", "):
        told = {pin: why_not(manager, pin) for pin in ("2.15.1", "2.15.*", "2.13.0")}
        assert (told["2.15.1"] == "") == version.startswith("yes")
        assert (told["2.15.*"] == "") == pattern.startswith("yes")
        assert (told["2.13.0"] == "") == older.startswith("replaces")
        assert (why_not(manager, "", hold=True) == "") == hold.startswith("yes")


def why_not(manager: str, pin: str, *, hold: bool = False) -> str:
    """Why a client of version 2.14.12 cannot be brought to another version, or held at it; "" when it can."""
    name, client, source = {
        "brew": ("homebrew", CLIENTS["pidgin"], ""),
        "Flatpak": ("apt", CLIENTS["gajim"], "flatpak"),
    }.get(manager, (manager, CLIENTS["pidgin"], ""))
    platform = next(family for family, answers in COMMON.platforms.items() if name in answers["managers"])
    client = with_source(client, platform, source)
    host = {"os_family": platform, "distribution": "Any", "distribution_version": "12", "package_manager": name}
    packages = dict.fromkeys(client.platforms[platform]["packages"], "2.14.12")
    said = {"host": host, "packages": packages, "brew": {"prefix": "/opt/homebrew", "owner": "admin", "has": packages}}
    wishes = Wishes({client.name: pin}, [], {}, "", holds={client.name: True} if hold else {})
    found = plan([client], platform, COMMON.platforms[platform], said=said, wishes=wishes, language="en")
    return str(found["impossible"].get(client.name, {}).get("why", ""))


def test_every_variable_of_a_role_is_told_with_its_type_and_default() -> None:
    made = doc_tables.variables()
    shown = table_of(INVENTORY, "variable")
    lacking = "\n".join(sorted(set(made) - set(shown)))
    assert shown == made, f"docs/inventory.md, Every variable, lacks or has otherwise:\n{lacking}"
