"""Somebody logs on to a made-up PC: the scheduled task runs the script that a run laid, by the real PowerShell."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from windows_pc import PROFILE_LIST, PWSH, WindowsPC

TASK = "\\im_client\\First logon"
#: The one expression of the script that only Windows can answer.
WHO = "[System.Security.Principal.WindowsIdentity]::GetCurrent()"
CLIENTS = ["gajim", "pidgin", "thunderbird"]
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def place(pc: WindowsPC) -> Path:
    """Where all that is laid for first logons stands."""
    return pc.disk / "Program Files" / "im_client"


def waiting(pc: WindowsPC) -> dict[str, Any]:
    """What waits, by SID or "anybody"."""
    files = (place(pc) / "first-logon").glob("*.json")
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def make_account(pc: WindowsPC, login: str, number: int) -> str:
    """Let Windows know somebody who has not logged on yet; returns the SID."""
    sid = f"S-1-5-21-1004336348-1177238915-682003330-{number}"
    pc.change(accounts=pc.model["accounts"] | {login: sid})
    return sid


def make_profile(pc: WindowsPC, login: str) -> Path:
    """What Windows makes at the first logon of an account; returns the home."""
    sid, home = pc.sid_of(login), pc.disk / "Users" / login.rpartition("\\")[2]
    for folder in ("Roaming", "Local"):
        (home / "AppData" / folder).mkdir(parents=True, exist_ok=True)
    pc.secure(home, f"O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{sid})")
    pc.set_registry(f"{PROFILE_LIST}\\{sid}", ProfileImagePath=str(home), State=0)
    return home


def log_on(
    pc: WindowsPC, login: str, roaming: Path | None = None, replaced: tuple[str, str] = ("", "")
) -> subprocess.CompletedProcess[str] | None:
    """Log on, with ROAMING as the redirected application data; None if no task starts then.

    REPLACED is a line of the script and what stands in its place, as what happens to it.
    """
    home = make_profile(pc, login)
    text = pc.model["tasks"].get(TASK)
    if text is None:
        return None
    task = ET.fromstring(text)
    (arguments,) = (found.text or "" for found in task.iter(f"{NAMESPACE}Arguments"))
    words = shlex.split(arguments.replace("\\", "\\\\"))
    hidden = words.index("-WindowStyle")  # only Windows has windows
    words = words[:hidden] + words[hidden + 2 :]
    who = json.dumps({"Name": login, "User": {"Value": pc.sid_of(login)}}).replace("'", "''")
    script = Path(words[-1]).read_text(encoding="utf-8")
    assert script.count(WHO) == 1
    tried = Path(words[-1]).with_name("tried.ps1")
    assert replaced[0] in script
    script = script.replace(*replaced) if replaced[0] else script
    tried.write_text(script.replace(WHO, f"(ConvertFrom-Json '{who}')"), encoding="utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(roaming or home / "AppData" / "Roaming"),
        "XDG_DATA_HOME": str(home / "AppData" / "Local"),
        "TEMP": str(pc.temp),
        "TMP": str(pc.temp),
    }
    done = subprocess.run(
        [PWSH or "pwsh", *words[:-1], tried], env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    tried.unlink()
    return done


def notes_of(pc: WindowsPC, login: str) -> dict[str, str]:
    """What the script noted in the profile: client -> laid, left, open or failed."""
    file = pc.disk / "Users" / login.rpartition("\\")[2] / "AppData" / "Local" / "im_client" / "first-logon.json"
    if not file.exists():
        return {}
    return {name: one["state"] for name, one in json.loads(file.read_text(encoding="utf-8"))["clients"].items()}


def roaming_of(pc: WindowsPC, login: str) -> Path:
    """Where the application data of somebody are."""
    return pc.disk / "Users" / login.rpartition("\\")[2] / "AppData" / "Roaming"


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
