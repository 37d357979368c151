"""winget_package on the control node: who else installs what winget cannot, and what the codes say in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils import im_winget
from ansible.module_utils.im_catalogue import LANGUAGES
from ansible.plugins.loader import action_loader


def package(code: str, **values: Any) -> dict[str, Any]:
    known = {"id": "Gajim.Gajim", "before": None, "after": None, "changed": False, "code": code, "route": "system"}
    return known | {"exit_code": "", "detail": "", "shortcuts_removed": []} | values


def test_every_code_has_a_sentence_and_no_sentence_is_left_without_a_code() -> None:
    codes = {*im_winget.GOOD, *im_winget.BAD}
    for texts in LANGUAGES.values():
        assert {key.removeprefix("winget.") for key in texts if key.startswith("winget.")} == codes


@pytest.mark.parametrize("code", im_winget.BAD)
def test_a_package_that_is_not_as_wished_fails_the_task_with_what_to_do(code: str) -> None:
    told = im_winget.told({"packages": [package(code, exit_code="0x8A150101")], "routes": []}, "fr")
    assert told["failed"] is True
    assert told["msg"].startswith("Gajim.Gajim : ")
    assert "0x8A150101" in told["msg"]


@pytest.mark.parametrize("code", im_winget.GOOD)
def test_a_package_that_is_as_wished_fails_nothing(code: str) -> None:
    told = im_winget.told({"packages": [package(code)], "routes": []}, "en")
    assert "failed" not in told
    assert bool(told["warnings"]) is (code in im_winget.WORTH_A_WORD)


def test_a_package_for_which_nothing_was_run_is_told_without_empty_brackets() -> None:
    told = im_winget.told({"packages": [package("newer_installed")], "routes": []}, "fr")
    assert told["warnings"] == [
        "Gajim.Gajim : une version plus récente que celle de l'inventaire est installée ; elle reste."
    ]


def test_a_pc_without_any_way_says_why_each_cannot_be_taken() -> None:
    routes = [{"name": "system", "why": "no winget.exe"}, {"name": "client", "why": "no PowerShell 7"}]
    told = im_winget.told({"packages": [package("no_route")], "routes": routes}, "en")
    assert "system: no winget.exe; client: no PowerShell 7" in told["msg"]


INSTALLER = {"url": "https://mirror.example/Gajim.exe", "product_id": "Gajim", "sha256": "0" * 64, "arguments": ["/S"]}
WISHED = {"id": "Gajim.Gajim", "product": "Gajim", "shortcuts": ["Gajim.lnk"], "installer": INSTALLER}


@pytest.mark.parametrize("code", [*im_winget.BAD, *im_winget.GOOD])
def test_the_vendor_is_asked_only_where_winget_itself_is_at_fault(code: str) -> None:
    asked = im_winget.for_the_vendor([package(code)], {"Gajim.Gajim": WISHED}, "present")
    assert bool(asked) is (code in im_winget.WINGETS_FAULT)
    assert im_winget.for_the_vendor([package(code)], {"Gajim.Gajim": WISHED}, "absent") == []
    assert im_winget.for_the_vendor([package(code)], {"Gajim.Gajim": WISHED | {"installer": None}}, "present") == []


class Pc:
    """Answers the calls of the action plugin in turn, and notes them."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, module_name: str, module_args: dict[str, Any], task_vars: object) -> dict[str, Any]:
        self.calls.append((module_name, module_args))
        return self.answers.pop(0)


def run_action(monkeypatch: pytest.MonkeyPatch, pc: Pc) -> dict[str, Any]:
    plugin: Any = action_loader.get("winget_package", class_only=True)
    arguments = {"packages": [WISHED]}
    task = SimpleNamespace(args=arguments, check_mode=False, diff=False, async_val=0, action="winget_package")
    connection = SimpleNamespace(get_option={"remote_user": "deploy"}.get, _shell=SimpleNamespace(tmpdir="unused"))
    action = plugin(task, connection, SimpleNamespace(), None, None, None)
    monkeypatch.setattr(action, "_execute_module", pc)
    result: dict[str, Any] = action.run(task_vars={})
    return result


def test_the_vendors_installer_takes_over_and_the_pc_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    none = {"packages": [package("no_route")], "routes": [], "changed": False, "reboot_required": False}
    seen = {"packages": [package("unchanged", before="2.5.0", after="2.5.0", shortcuts_removed=["x"], changed=True)]}
    pc = Pc(none, {"changed": True, "reboot_required": False}, seen)
    result = run_action(monkeypatch, pc)
    assert [name for name, _ in pc.calls] == ["winget_package", "ansible.windows.win_package", "winget_package"]
    assert pc.calls[1][1] == {
        "path": INSTALLER["url"],
        "product_id": "Gajim",
        "arguments": ["/S"],
        "state": "present",
        "checksum": INSTALLER["sha256"],
        "checksum_algorithm": "sha256",
    }
    assert all("installer" not in asked for _, args in pc.calls[::2] for asked in args["packages"])
    assert pc.calls[2][1]["account"] == "deploy"
    assert result["changed"] is True
    assert result["diff"] == {"before": "Gajim.Gajim absent\n", "after": "Gajim.Gajim 2.5.0\n"}
    (installed,) = result["packages"]
    assert (installed["code"], installed["route"]) == ("installed", "vendor")
    assert "failed" not in result


def test_an_installer_that_fails_fails_the_task_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    none = {"packages": [package("source")], "routes": [], "changed": False, "reboot_required": False}
    pc = Pc(none, {"failed": True, "msg": "404 not found"}, {"packages": [package("no_route")]})
    result = run_action(monkeypatch, pc)
    assert result["failed"] is True
    assert "404 not found" in result["msg"]


def test_what_winget_did_by_itself_costs_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = {"packages": [package("unchanged")], "routes": [], "changed": False, "reboot_required": False}
    pc = Pc(fine)
    assert run_action(monkeypatch, pc)["changed"] is False
    assert len(pc.calls) == 1
