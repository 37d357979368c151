#!/usr/bin/env python3
"""A FAKE of winget.exe: does what the model of windows_pc.py says under ``winget``, and notes what it was told.

- version: what --version prints, and version_code: with which code it ends;
- codes: package -> exit codes of the calls about it, in turn, the last for ever (0 when it has none);
- programs: package -> {key: values} that its installation puts in the registry (and removal takes out);
- lingers: seconds after which a removal that is said to be done is done, as with the uninstallers of NSIS;
- files: package -> files, below the disk (beside the model, by its name), that its installation leaves;
- client: whether Microsoft.WinGet.Client is there;
- newer: packages of which it knows a newer version than the installed one;
- client_catalogue: the code with which the catalogue does not open for it;
- calls: what was typed so far.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main(words: list[str]) -> int:
    model_file = Path(os.environ["IM_FAKE_PC"])
    model = json.loads(model_file.read_text(encoding="utf-8"))
    winget = model["winget"]
    if words == ["--version"]:
        print(winget.get("version", "v1.28.219"))
        return int(winget.get("version_code", 0))
    identifier = words[words.index("--id") + 1]
    winget.setdefault("calls", []).append(words)
    codes = winget.get("codes", {}).get(identifier, [0])
    code = codes.pop(0) if len(codes) > 1 else codes[0]
    model_file.write_text(json.dumps(model, indent=1), encoding="utf-8")
    print("\r   - \r   \\ \r", end="")  # its spinner
    print(f"the fake winget ends with {code & 0xFFFFFFFF:#010x}")
    if code == 0 and "uninstall" in words and winget.get("lingers"):
        line = [sys.executable, __file__, "--remove", identifier, str(winget["lingers"])]
        nothing = subprocess.DEVNULL
        subprocess.Popen(line, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
    elif code == 0 and not winget.get("lies"):
        registry_file = Path(os.environ["PSHOST_REGISTRY"])
        registry = json.loads(registry_file.read_text(encoding="utf-8"))
        for key, values in winget.get("programs", {}).get(identifier, {}).items():
            registry.pop(key, None)
            if "install" in words:
                registry[key] = values
        registry_file.write_text(json.dumps(registry, indent=1), encoding="utf-8")
        for name in winget.get("files", {}).get(identifier, []):
            path = model_file.with_suffix("") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return code


def remove_later(identifier: str, seconds: str) -> None:
    """The rest of a removal, by a process that nobody waits for."""
    time.sleep(float(seconds))
    programs = json.loads(Path(os.environ["IM_FAKE_PC"]).read_text(encoding="utf-8"))["winget"]["programs"]
    file = Path(os.environ["PSHOST_REGISTRY"])
    registry = json.loads(file.read_text(encoding="utf-8"))
    left = {key: values for key, values in registry.items() if key not in programs[identifier]}
    new = file.with_suffix(".new")
    new.write_text(json.dumps(left, indent=1), encoding="utf-8")
    new.replace(file)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--remove"]:
        remove_later(*sys.argv[2:])
        sys.exit()
    as_client = sys.argv[1:2] == ["--as-client"]
    ended = main(sys.argv[2 if as_client else 1 :])
    if as_client:
        print(ended)
    else:
        (Path(os.environ["TEMP"]) / f"exit-{os.getpid()}").write_text(str(ended), encoding="ascii")
