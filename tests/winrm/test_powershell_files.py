"""What can be said of our PowerShell without running it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from module_server import PROJECT
from windows_pc import FAKES

OURS = sorted([*(PROJECT / "library").glob("*.ps1"), *(PROJECT / "module_utils").glob("*.psm1")])
ALL = sorted(path for folder in ("library", "module_utils", "tests") for path in (PROJECT / folder).rglob("*.ps*1"))
FUNCTION = re.compile(r"^function (\S+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
PARAMETERS = re.compile(r"^    param\((.*?)\)$", re.MULTILINE)
REQUIRED = re.compile(r"^#AnsibleRequires -PowerShell (Ansible\.ModuleUtils\.\S+)", re.MULTILINE)
NATIVE = "Ansible.ModuleUtils.ImNative.psm1"


def functions(path: Path) -> dict[str, str]:
    """Name to parameters of the functions that a file offers to others."""
    found = {}
    for name, body in FUNCTION.findall(path.read_text(encoding="utf-8")):
        if "-Im" in name:
            parameters = PARAMETERS.search(body)
            found[name] = parameters.group(1) if parameters else ""
    return found


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_it_is_windows_powershell_5_and_net_framework_4_8(path: Path) -> None:
    lint = shutil.which("ps1lint")
    if lint is None:
        pytest.skip("no ps1lint on the PATH: nobody looked at the language of this file")
    done = subprocess.run([lint, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_it_holds_only_ascii(path: Path) -> None:
    assert path.read_bytes().isascii()  # 5.1 reads what has no byte order mark in the system's code page


def test_the_fake_of_what_only_windows_answers_has_the_same_doors() -> None:
    real, fake = functions(PROJECT / "module_utils" / NATIVE), functions(FAKES / "module_utils" / NATIVE)
    assert real == fake
    assert len(real) >= 5


@pytest.mark.parametrize("path", [path for path in OURS if path.name != NATIVE], ids=lambda path: path.name)
def test_nothing_that_only_windows_answers_hides_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    only_windows = r"Security\.Principal|AccessControl|Get-Acl|Set-Acl|DllImport|PrivilegeEnabler|Win32\.Registry"
    assert not re.search(only_windows, text)


def test_nothing_is_given_away_by_its_name_where_others_could_swap_what_it_leads_to() -> None:
    bodies = dict(FUNCTION.findall((PROJECT / "module_utils" / NATIVE).read_text(encoding="utf-8")))
    assert {name for name, body in bodies.items() if "Set-Acl" in body} == {"Set-ImAccess"}
    assert {name for name, body in bodies.items() if "SetOwner" in body} == {"New-ImFile"}
    for name in ("ImChange", "ImKeep", "ImProgram", "ImTree"):
        text = (PROJECT / "module_utils" / f"Ansible.ModuleUtils.{name}.psm1").read_text(encoding="utf-8")
        assert "Set-ImAccess" not in text  # it is for Program Files, where only administrators write


def test_files_take_their_places_by_the_one_function_that_waits_for_scanners() -> None:
    moving = re.compile(r"IO\.File\]::(Move|Replace)\(")
    direct = {path.stem for path in OURS if moving.search(path.read_text(encoding="utf-8"))}
    assert direct == {"Ansible.ModuleUtils.ImTrouble"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_it_names_each_utility_whose_functions_it_calls(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    required = set(REQUIRED.findall(text)) | {path.stem}
    utilities = {file.stem: functions(file) for file in OURS if file.suffix == ".psm1"}
    for utility, offered in utilities.items():
        called = [name for name in offered if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]
        assert not called or utility in required, f"{called} of {utility}"


def test_every_code_of_the_windows_half_is_documented() -> None:
    documentation = (PROJECT / "library" / "im_profile_files.py").read_text(encoding="utf-8")
    told = set()
    for path in OURS:
        text = path.read_text(encoding="utf-8")
        told |= set(re.findall(r"New-ImTrouble '(\w+)'", text))
        told |= set(re.findall(r"= @\('(\w+)', '", text)) if path.stem.endswith("ImTrouble") else set()
    told -= {"running"}  # told as a state
    assert told
    assert {code for code in told if f"C({code})" not in documentation} == set()


@pytest.mark.parametrize(
    "name", ["im_profile_files", "winget_package", "im_host_info", "im_portable_program", "im_trust", "im_logon"]
)
def test_its_options_are_those_of_the_documentation(name: str) -> None:
    source = (PROJECT / "library" / f"{name}.py").read_text(encoding="utf-8")
    documented = yaml.safe_load(re.search(r'DOCUMENTATION = r"""(.*?)"""', source, re.DOTALL).group(1))["options"]  # type: ignore[union-attr]
    text = (PROJECT / "library" / f"{name}.ps1").read_text(encoding="utf-8")
    block = text[text.index("$spec = @{") : text.index("supports_check_mode")]
    options = set(re.findall(r"^        (\w+) = ", block, re.MULTILINE))
    of_the_action = {
        name for name, option in documented.items() if "Taken by the action plugin" in str(option["description"])
    }
    assert options == set(documented) - of_the_action - {"language"}
