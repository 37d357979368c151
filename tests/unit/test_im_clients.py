"""Clients are data: found by their roles, answering the same keys on every platform."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.module_utils.im_catalogue import LANGUAGES
from ansible.module_utils.im_clients import load_clients
from ansible.module_utils.im_formats import FORMATS
from ansible.module_utils.im_preferences import EXPRESSIBLE, PREFERENCES
from rendering import CLIENTS, COMMON, PROJECT

EVERYTHING = {**CLIENTS, "im_client": COMMON}


def test_the_three_clients_of_the_project_are_found() -> None:
    assert set(CLIENTS) == {"gajim", "pidgin", "thunderbird"}


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_document_has_its_template_its_format_and_its_base(name: str) -> None:
    client = EVERYTHING[name]
    for document in client.documents:
        assert document.template.is_file()
        assert document.format in FORMATS
        # Not everywhere: what starts at login is a desktop entry here, a LaunchAgent there; a snap needs more.
        assert any(
            document.base in {*COMMON.platforms[platform]["bases"], *one.get("bases", ())}
            for platform, answers in client.platforms.items()
            for one in (answers, *answers.get("sources", {}).values())
        )
        assert not document.located_by or document.located_by in {other.path for other in client.documents}


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_platform_of_a_client_answers_the_same_keys(name: str) -> None:
    keys = {platform: sorted(answers) for platform, answers in EVERYTHING[name].platforms.items()}
    assert keys and len({tuple(answer) for answer in keys.values()}) == 1, keys


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("platform", COMMON.platforms)
def test_every_platform_starts_a_client_at_login_in_one_way_or_says_that_it_cannot(name: str, platform: str) -> None:
    bases = {**COMMON.platforms[platform]["bases"], **CLIENTS[name].platforms[platform]["bases"]}
    formats = [document.format for document in CLIENTS[name].documents if bases.get(document.base)]
    ways = len({"desktop_entry", "launch_agent", "shell_link"} & set(formats))
    assert ways == (0 if "start_at_login" in COMMON.platforms[platform]["cannot_express"] else 1)


@pytest.mark.parametrize("name", CLIENTS)
def test_every_hole_of_every_platform_has_its_sentence_in_both_languages(name: str) -> None:
    for answers in CLIENTS[name].platforms.values():
        for hole in answers["holes"]:
            assert all(
                {f"hole.{hole['reason']}", f"hole.{hole['reason']}.remedy"} <= set(texts)
                for texts in LANGUAGES.values()
            )
            assert all(one == one.casefold() for one in hole["distributions"])


@pytest.mark.parametrize("platform", COMMON.platforms)
def test_every_package_manager_has_its_tasks_and_its_sentence(platform: str) -> None:
    tasks = PROJECT / "roles" / "im_client" / "tasks"
    for manager in set(COMMON.platforms[platform]["managers"].values()):
        assert (tasks / f"install_{manager}.yml").is_file()
        assert (tasks / f"remove_{manager}.yml").is_file()
        assert all(f"packages.failed_{manager}" in texts for texts in LANGUAGES.values())


def test_every_task_of_zypper_waits_for_the_lock_that_packagekit_may_hold() -> None:
    files = list((PROJECT / "roles" / "im_client" / "tasks").glob("*_zypper.yml"))
    tasks = [task for path in files for task in yaml.safe_load(path.read_text(encoding="utf-8"))]
    assert len(files) == 3
    assert {task["environment"]["ZYPP_LOCK_TIMEOUT"] for task in tasks} == {"300"}


@pytest.mark.parametrize("platform", COMMON.platforms)
def test_every_platform_says_what_would_do_when_it_trusts_nobody(platform: str) -> None:
    assert all("{why}" in texts[f"trust.failed_{platform}"] for texts in LANGUAGES.values())


@pytest.mark.parametrize("platform", COMMON.platforms)
def test_what_no_client_can_hold_on_a_platform_is_a_known_preference(platform: str) -> None:
    assert set(COMMON.platforms[platform]["cannot_express"]) <= set(PREFERENCES)


@pytest.mark.parametrize("name", CLIENTS)
def test_every_client_runs_on_every_platform_that_the_project_knows(name: str) -> None:
    assert set(CLIENTS[name].platforms) == set(COMMON.platforms)


@pytest.mark.parametrize("name", CLIENTS)
def test_what_a_client_expresses_are_known_words_and_possible_values(name: str) -> None:
    for word, values in CLIENTS[name].expresses.items():
        assert word in EXPRESSIBLE
        assert values == "any" or all(PREFERENCES[word].allows(value) for value in values)


def test_the_client_roles_are_alike_file_by_file() -> None:
    def shape(name: str) -> set[str]:
        role = PROJECT / "roles" / name
        return {
            str(path.relative_to(role)) for path in role.rglob("*") if path.is_file() and "templates" not in path.parts
        }

    assert shape("gajim") == shape("pidgin") == shape("thunderbird")


def test_the_first_role_of_a_name_wins_as_in_ansible(tmp_path: Path) -> None:
    answers = tmp_path / "gajim" / "vars" / "main.yml"
    answers.parent.mkdir(parents=True)
    answers.write_text("__gajim_client: {title: Ours, documents: []}\n", encoding="utf-8")
    assert load_clients([str(tmp_path), str(PROJECT / "roles")])["gajim"].title == "Ours"
