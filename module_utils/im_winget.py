"""What winget_package makes of the answers of a PC: pure; the action plugin carries questions and answers.

The codes are those of module_utils/Ansible.ModuleUtils.ImWinget.psm1 and library/winget_package.ps1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .im_catalogue import text

#: The package is as wished.
GOOD = ("unchanged", "newer_installed", "installed", "reboot", "foretold", "unknown")
#: As wished, and worth a word.
WORTH_A_WORD = ("newer_installed", "reboot", "unknown")
#: Reasons that lie in winget and not in the package: the vendor's own installer may do.
WINGETS_FAULT = ("no_route", "source", "no_session", "not_seen", "hash")
#: The package is not as wished, and why.
BAD = (
    *WINGETS_FAULT,
    *("unknown_package", "in_use", "busy", "agreements", "technology", "no_installer", "timeout", "failed"),
    "vendor_failed",
)

ARGUMENTS: dict[str, Any] = {
    "packages": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "id": {"type": "str", "required": True},
            "product": {"type": "str", "required": True},
            "version": {"type": "str"},
            "custom": {"type": "list", "elements": "str", "default": []},
            "shortcuts": {"type": "list", "elements": "str", "default": []},
            "shortcuts_kept": {"type": "list", "elements": "str", "default": []},
            "installer": {
                "type": "dict",
                "options": {
                    "url": {"type": "str", "required": True},
                    "product_id": {"type": "str", "required": True},
                    "sha256": {"type": "str"},
                    "arguments": {"type": "list", "elements": "str", "default": []},
                },
            },
        },
    },
    "state": {"type": "str", "choices": ["present", "latest", "absent"], "default": "present"},
    "routes": {"type": "list", "elements": "str", "choices": ["system", "client"], "default": ["system", "client"]},
    "retries": {"type": "int", "default": 10},
    "delay": {"type": "int", "default": 30},
    "timeout": {"type": "int", "default": 1800},
    "removal_timeout": {"type": "int", "default": 120},
    "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
}


def for_the_vendor(packages: list[dict[str, Any]], wished: Mapping[str, dict[str, Any]], state: str) -> list[str]:
    """Ids of packages that winget could not install, for a reason of its own, and whose vendor's installer is known."""
    return [
        package["id"]
        for package in packages
        if state != "absent" and package["code"] in WINGETS_FAULT and wished[package["id"]].get("installer")
    ]


def with_vendors(
    result: dict[str, Any], tried: Mapping[str, dict[str, Any]], seen: Mapping[str, Any]
) -> dict[str, Any]:
    """Put into the RESULT of winget what the vendors' installers did, and what the PC has SEEN of it afterwards."""
    now = {package["id"]: package for package in seen.get("packages", [])}
    packages = [
        _with_vendor(package, tried[package["id"]], now.get(package["id"], {})) if package["id"] in tried else package
        for package in result["packages"]
    ]
    diff = {"before": _listed(packages, "before"), "after": _listed(packages, "after")}
    return result | {
        "packages": packages,
        "changed": any(package["changed"] for package in packages),
        "reboot_required": any(package["code"] == "reboot" for package in packages),
        "diff": diff,
    }


def _with_vendor(package: dict[str, Any], answer: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    code, detail = "installed", ""
    if answer.get("failed") or now.get("code") not in GOOD:
        code, detail = "vendor_failed", str(answer.get("msg") or now.get("detail") or "")
    elif answer.get("reboot_required"):
        code = "reboot"
    return package | {
        "code": code,
        "detail": detail or package["detail"],
        "route": "vendor",
        "exit_code": "",
        "after": now.get("after"),
        "changed": bool(answer.get("changed") or now.get("changed")),
        "shortcuts_removed": now.get("shortcuts_removed", []),
    }


def _listed(packages: list[dict[str, Any]], when: str) -> str:
    named = ((package["id"], package[when]) for package in packages)
    return "".join(f"{name} {'absent' if version is None else version}\n" for name, version in named)


def told(result: dict[str, Any], language: str) -> dict[str, Any]:
    """Add to the RESULT what its codes mean in words: warnings, and the failure if a package is not as wished."""
    reasons = "; ".join(f"{route['name']}: {route['why']}" for route in result["routes"])
    sentences = {
        package["id"]: text(
            f"winget.{package['code']}",
            language,
            package=package["id"],
            detail=" ".join(part for part in (package["exit_code"], package["detail"] or reasons) if part),
        ).replace(" ()", "")  # nothing was run, so there is no detail
        for package in result["packages"]
        if package["code"] in WORTH_A_WORD or package["code"] not in GOOD
    }
    bad = [sentences[package["id"]] for package in result["packages"] if package["code"] not in GOOD]
    warnings = [sentences[package["id"]] for package in result["packages"] if package["code"] in WORTH_A_WORD]
    result = result | {"warnings": [*result.get("warnings", []), *warnings]}
    return result | {"failed": True, "msg": "\n".join(bad)} if bad else result
