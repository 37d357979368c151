"""im_profile_files as Ansible runs it: shipped as AnsiballZ, documented, and silent about contents."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from profile_files_support import PROJECT, ROOT, Person, load, load_file, pack, unpack, wish

CANARY = b'user_pref("password", "correct horse battery staple canary");\n'

needs_root = pytest.mark.skipif(not ROOT, reason="the module only finds the home of the test if it is in passwd")


@pytest.fixture
def ansible(tmp_path: Path) -> Any:
    """Run one task on this machine, without the project's action plugins; return what ansible-playbook printed."""

    def run(module_args: dict[str, Any], *options: str, interpreter: str = sys.executable, **task: Any) -> str:
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {"im_profile_files": module_args, "register": "answer", **task},
                {
                    "copy": {"content": "{{ answer | to_json }}", "dest": str(tmp_path / "answer.json")},
                    "no_log": True,
                    "check_mode": False,
                },
            ],
        }
        (tmp_path / "play.yml").write_text(json.dumps([play]))
        (tmp_path / "ansible.cfg").write_text("")
        environment = {
            **os.environ,
            "ANSIBLE_HOME": str(tmp_path / "home"),
            "ANSIBLE_LIBRARY": str(PROJECT / "library"),
            "ANSIBLE_MODULE_UTILS": str(PROJECT / "module_utils"),
            "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        }
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", "play.yml"]
        interpreter_option = ("-e", f"ansible_python_interpreter={interpreter}")
        done = subprocess.run(
            [*command, *interpreter_option, *options],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def answer_in(tmp_path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((tmp_path / "answer.json").read_text())
    return result


def request_of(person: Person, *paths: str) -> dict[str, Any]:
    return {"action": "read", "requests": [{"key": "k", "login": person.login, "paths": list(paths)}]}


def group_of(person: Person, *files: dict[str, Any]) -> dict[str, Any]:
    groups = [{"key": "k", "login": person.login, "run_id": "run-1", "files": list(files)}]
    return {"action": "write", "groups": groups, "state_dir": str(person.state)}


@needs_root
def test_contents_are_not_printed_even_with_vvv(person: Person, ansible: Any, tmp_path: Path) -> None:
    old, new = CANARY + b"// old", CANARY + b"// new"
    person.file(".thunderbird/x/prefs.js", old)
    secrets = [CANARY.decode(), "battery staple", pack(old), pack(new)]

    printed = ansible(request_of(person, ".thunderbird/*/prefs.js"), "-vvv", no_log=True)
    assert not [secret for secret in secrets if secret in printed]
    (answer,) = answer_in(tmp_path)["answers"]
    assert unpack(answer["files"][".thunderbird/x/prefs.js"]["content"]) == old

    printed = ansible(group_of(person, wish(".thunderbird/x/prefs.js", new, old)), "-vvv")
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in printed  # so the invocation was printed, and was not empty
    assert not [secret for secret in secrets if secret in printed]
    result = answer_in(tmp_path)
    assert (result["changed"], result["answers"][0]["state"]) == (True, "written")
    assert (person.home / ".thunderbird/x/prefs.js").read_bytes() == new


@needs_root
def test_check_mode_reaches_the_module(person: Person, ansible: Any, tmp_path: Path) -> None:
    person.file("x", b"1")
    ansible(group_of(person, wish("x", b"2", b"1")), "--check")
    result = answer_in(tmp_path)
    assert (result["changed"], result["answers"][0]["state"]) == (True, "written")
    assert (person.home / "x").read_bytes() == b"1"
    ansible(group_of(person, wish("x", b"1", b"1")))
    assert answer_in(tmp_path)["changed"] is False


@needs_root
def test_it_runs_with_the_oldest_python_that_ansible_supports(person: Person, ansible: Any, tmp_path: Path) -> None:
    interpreter = shutil.which("python3.8")
    if interpreter is None or subprocess.run([interpreter, "-V"], capture_output=True, check=False).returncode:
        pytest.skip("no python3.8 on this machine")
    person.file("d/x", b"1")
    person.link("l", "d")
    ansible(request_of(person, "l/x", "*/x", "no"), interpreter=interpreter)
    files = answer_in(tmp_path)["answers"][0]["files"]
    assert (files["l/x"]["real_path"], files["no"]["absent"], len(files)) == ("d/x", True, 3)
    ansible(group_of(person, wish("l/x", b"2", b"1"), wish("new/y", b"3", None)), interpreter=interpreter)
    assert answer_in(tmp_path)["answers"][0]["state"] == "written"
    assert (person.home / "d/x").read_bytes() == b"2"


IM_DESK = sorted((PROJECT / "module_utils" / "im_desk").glob("*.py"))
ON_DESKS = [PROJECT / "library" / "im_profile_files.py", PROJECT / "library" / "im_host_info.py", *IM_DESK]


@pytest.mark.parametrize("file", ON_DESKS, ids=lambda file: file.name)
def test_its_syntax_is_that_of_python_3_8(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 8))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & {"removeprefix", "removesuffix", "is_relative_to", "readlink_to", "pidfd_open", "cache"}
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
        for alias in node.names
    }
    ours = {module for module in imported if module.partition(".")[0] not in sys.stdlib_module_names}
    known = {"ansible.module_utils", "ansible.module_utils.basic", "ansible.module_utils.common.sys_info"}
    known |= {"ansible.module_utils.compat.version"}  # the LooseVersion that Python took out
    assert {name for name in ours if not name.startswith("ansible.module_utils.im_desk.")} <= known


class Stop(Exception):
    """Ends main() as soon as the argument spec is known."""


def test_the_documentation_names_exactly_the_options_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load_file()
    seen: dict[str, Any] = {}

    def capture(**given: Any) -> None:
        seen.update(given)
        raise Stop

    monkeypatch.setattr(module, "AnsibleModule", capture)
    with pytest.raises(Stop):
        module.main()

    def spec(options: dict[str, Any], below: str) -> dict[str, Any]:
        return {
            name: (
                option["type"],
                option.get("required", False),
                option.get("default"),
                option.get("choices"),
                option.get("elements"),
                spec(option[below], below) if below in option else None,
            )
            for name, option in options.items()
        }

    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert spec(documented, "suboptions") == spec(seen["argument_spec"], "options")


def test_the_example_is_one_the_module_accepts() -> None:
    module = load()
    tasks = yaml.safe_load(module.EXAMPLES)
    (file,) = tasks[1]["im_profile_files"]["groups"][0]["files"]
    assert module.unpack(file["content"], "x").startswith(b"<?xml")
    assert all(task["no_log"] for task in tasks)


def test_every_code_it_answers_is_documented() -> None:
    module = load()
    codes: set[Any] = {
        node.args[0].value
        for file in IM_DESK
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Trouble"
        if isinstance(node.args[0], ast.Constant)
    }
    codes |= {code for code, _ in module.PLAIN_WORDS.values()} | {code for _, code, _ in module.KINDS} | {"io"}
    notes = yaml.safe_load(module.DOCUMENTATION)["notes"][-1]
    assert {code for code in codes if f"C({code})" not in notes} == set()
