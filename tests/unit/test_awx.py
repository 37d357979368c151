"""What awx/ asks AWX to make: checked against awx.awx's own documentation and the project's argument specs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from rendering import PROJECT

DEFINED: dict[str, Any] = yaml.safe_load((PROJECT / "awx" / "job_templates.yml").read_text(encoding="utf-8"))
TEMPLATES: list[dict[str, Any]] = DEFINED["im_awx_job_templates"]
NIGHTLY: dict[str, Any] = DEFINED["im_awx_nightly_template"]
TASKS: list[dict[str, Any]] = yaml.safe_load((PROJECT / "awx" / "apply.yml").read_text(encoding="utf-8"))[0]["tasks"]
QUESTIONS = [(template, question) for template in TEMPLATES for question in template["survey"]]
NAMES = [f"{template['playbook']} {question['variable']}" for template, question in QUESTIONS]
#: What a question of a survey says in AWX's survey_spec, as far as these do.
FIELDS = {
    *("question_name", "question_description", "variable", "type", "required", "default"),
    *("min", "max", "choices"),
}
BIN = Path(sys.executable).parent


def specified() -> dict[str, dict[str, Any]]:
    """Variable -> its argument spec, of all roles."""
    found: dict[str, dict[str, Any]] = {}
    for path in (PROJECT / "roles").glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            found |= entry["options"]
    return found


def asked_by(playbook: str) -> set[str]:
    """The variables that a playbook asks for itself."""
    plays = yaml.safe_load((PROJECT / playbook).read_text(encoding="utf-8"))
    return {one["name"] for play in plays for one in play.get("vars_prompt", []) if not one["private"]}


@pytest.mark.parametrize(("template", "question"), QUESTIONS, ids=NAMES)
def test_a_question_sets_a_variable_of_the_playbook_and_is_no_secret(
    template: dict[str, Any], question: dict[str, Any]
) -> None:
    assert set(question) <= FIELDS and {"question_name", "question_description", "variable", "type"} <= set(question)
    name, spec = question["variable"], specified().get(question["variable"])
    assert spec is not None or name in asked_by(template["playbook"])
    spec = spec or {"type": "str"}
    assert question["type"] in ("text", "integer", "multiplechoice")  # not "password"
    assert not spec.get("no_log") and not re.search("pass|token|secret|vault|key", name)
    # AWX hands texts over: no list, no mapping.
    wanted = {"int": "integer", "bool": "multiplechoice"}
    assert spec["type"] in ("str", "int", "bool")
    assert question["type"] == wanted.get(spec["type"], question["type"])
    choices = question.get("choices", [])
    assert (question["type"] == "multiplechoice") == bool(choices)
    if choices:
        allowed = (
            ["false", "true"] if spec["type"] == "bool" else spec.get("choices", ["gajim", "pidgin", "thunderbird"])
        )
        assert sorted(choices) == sorted(allowed)
        assert question.get("default", choices[0]) in choices
    if "default" in question and "default" in spec:
        assert str(question["default"]).casefold() == str(spec["default"]).casefold()


@pytest.mark.parametrize("template", [*TEMPLATES, NIGHTLY], ids=lambda template: str(template["playbook"]))
def test_a_template_runs_a_playbook_of_the_project(template: dict[str, Any]) -> None:
    assert (PROJECT / template["playbook"]).is_file()
    assert len({question["variable"] for question in template.get("survey", [])}) == len(template.get("survey", []))


def test_no_job_waits_for_an_answer_that_nobody_can_give() -> None:
    (ticket,) = (template for template in TEMPLATES if template["playbook"] == "playbooks/ticket.yml")
    assert ticket["extra_vars"] == {"im_ticket_confirm": False}
    for template in TEMPLATES:
        assert set(template.get("extra_vars", {})) <= set(specified())
        required = {question["variable"] for question in template["survey"] if question["required"]}
        optional = {question["variable"] for question in template["survey"] if "default" in question}
        assert asked_by(template["playbook"]) <= required | optional


def test_each_job_of_the_team_has_its_template() -> None:
    playbooks = [Path(template["playbook"]).stem for template in TEMPLATES]
    assert playbooks == ["ticket", "lab", "site", "compliance", "people", "server"]


def test_awx_knows_every_option_that_it_is_asked_for() -> None:
    modules = [(name, task[name]) for task in TASKS for name in task if name.startswith("awx.awx.")]
    done = subprocess.run(
        [BIN / "ansible-doc", "--json", "--type", "module", *sorted({name for name, _ in modules})],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=True,
    )
    known = json.loads(done.stdout)
    assert len(modules) == len(TASKS)
    for name, arguments in modules:
        assert set(arguments) <= set(known[name]["doc"]["options"]), name


def test_the_schedule_names_its_inventory_so_that_no_edit_of_a_template_changes_it() -> None:
    by_name = {task["name"]: next(value for key, value in task.items() if key.startswith("awx.")) for task in TASKS}
    schedule = by_name["Make the schedule, which names its inventory"]
    nightly = by_name["Make the template of the nightly run"]
    assert schedule["inventory"] == nightly["inventory"] == "Messagerie"
    # AWX refuses a schedule's own inventory where its template does not ask for one.
    assert nightly["ask_inventory_on_launch"] is True and nightly["allow_simultaneous"] is False
    assert by_name["Make the job templates"]["ask_inventory_on_launch"] is False


def test_the_execution_environment_is_built_of_what_is_pinned(tmp_path: Path) -> None:
    """The recipe only: the image itself needs a registry."""
    done = subprocess.run(
        [BIN / "ansible-builder", "create", "--context", tmp_path, "--file", PROJECT / "execution-environment.yml"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    recipe = (tmp_path / "Containerfile").read_text(encoding="utf-8")
    assert f"ansible-core=={version('ansible-core')}" in recipe
    assert f"ansible-runner=={version('ansible-runner')}" in recipe
    assert "USER 1000" in recipe
    wanted = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    assert (tmp_path / "_build" / "requirements.txt").read_text(encoding="utf-8") == wanted
    assert "openssh-clients" in (tmp_path / "_build" / "bindep.txt").read_text(encoding="utf-8")
