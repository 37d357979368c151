"""Run our .ps1 modules without a connection, fast enough for tests of many cases (see serve_modules.ps1)."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import ansible
from windows_pc import FAKES, PWSH, WindowsPC

PROJECT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
REQUIRED = re.compile(r"^#AnsibleRequires -PowerShell (\S+)", re.MULTILINE)


def utils_of(file: Path) -> list[str]:
    """Module utilities that a file requires, as Ansible finds them with the fakes before ours: each after its own."""
    found: list[str] = []
    for name in REQUIRED.findall(file.read_text(encoding="utf-8")):
        places = [FAKES / "module_utils", PROJECT / "module_utils"]
        path = next(place / f"{name}.psm1" for place in places if (place / f"{name}.psm1").exists())
        found += [*utils_of(path), str(path)]
    return list(dict.fromkeys(found))


class ModuleServer:
    """One PowerShell that runs modules, on whatever PC each call names."""

    def __init__(self) -> None:
        utils = Path(ansible.__file__).parent / "module_utils"
        self._process = subprocess.Popen(
            [PWSH or "pwsh", "-NoProfile", "-NonInteractive", "-File", HERE / "serve_modules.ps1", utils],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=300)

    def call(
        self, pc: WindowsPC, module: str, arguments: dict[str, Any], check: bool = False, **environment: str
    ) -> dict[str, Any]:
        """Run library/<module>.ps1 on a PC and return its answer; ENVIRONMENT stands above that of the PC."""
        file = PROJECT / "library" / f"{module}.ps1"
        given = arguments | {"_ansible_check_mode": check, "_ansible_diff": True}
        # The fake of ImNative, which names this folder elsewhere, is loaded once for all PCs here.
        other = {"IM_FAKE_ACCOUNT": "", "ProgramFiles(x86)": str(pc.disk / "Program Files (x86)")}
        asked = {
            "environment": pc.environment() | other | environment,
            "utils": utils_of(file),
            "module": str(file),
            "arguments": given,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line)
        assert not answer.get("crashed"), answer["msg"]
        return answer
