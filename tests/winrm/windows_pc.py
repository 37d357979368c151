"""A FAKE of one Windows PC: a directory is its disk, a JSON file its registry, stand-ins are what only Windows has.

``pc.json`` is the part of the PC that is neither file nor registry, read and changed by the stand-ins in fake_pc/:

- accounts: name -> SID, as Windows resolves names;
- domain_silent: true where Windows cannot ask who an account is;
- processes: what CIM lists, each pid, name, sid;
- later: look (a number), processes: those that CIM lists from that look on;
- security: path -> security descriptor (SDDL); a path that is not named inherits that of the folder above;
- own_sid: whose the processes of Ansible are;
- keeps_no_owner: true where a file that was given away stays whose it was;
- owner_refused: true where giving a file away fails;
- opened: path -> SID, whose the file is that is met when that path is opened;
- swap: folder, aim: the folder becomes a junction to aim when the next file has been made;
- tasks: path of a scheduled task -> its XML;
- winget: how the fake winget behaves (see fake_pc/winget.py).
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

from psrp_session import Session

HERE = Path(__file__).resolve().parent
FAKES = HERE / "fake_pc"
PWSH = shutil.which("pwsh")
CURRENT_VERSION = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
PROFILE_LIST = CURRENT_VERSION + "\\ProfileList"
SYSTEM, ADMINISTRATORS = "S-1-5-18", "S-1-5-32-544"
DOMAIN_SID = "S-1-5-21-1004336348-1177238915-682003330"


class WindowsPC:
    """One PC. ``disk`` is its C:, and the paths that its registry and environment name are below it."""

    def __init__(self, directory: Path, name: str = "pc-1") -> None:
        self.name = name
        self.disk = directory / name
        self.registry_file = directory / f"{name}-registry.json"
        self.model_file = directory / f"{name}.json"
        self.starts_file = directory / f"{name}-starts"
        self.arguments_file = directory / f"{name}-arguments"  # with which PowerShell was started, a line each
        self.temp = self.disk / "Windows" / "Temp"
        self.default_shell = "cmd"  # of OpenSSH there; or "powershell"
        for folder in ("Users", "ProgramData", "Program Files", "Program Files (x86)", "Windows/Temp"):
            (self.disk / folder).mkdir(parents=True)
        # As Windows 11 writes it: the name is still that of its predecessor.
        windows = {"ProductName": "Windows 10 Pro", "CurrentMajorVersionNumber": 10, "CurrentBuildNumber": "22631"}
        self.set_registry(CURRENT_VERSION, **windows)
        self.set_registry(PROFILE_LIST, ProfilesDirectory=str(self.disk / "Users"))
        self.change(accounts={}, processes=[], security={}, opened={}, tasks={}, winget={})
        self._programs = directory / f"{name}-programs"
        self._programs.mkdir()
        self._lay_programs()
        self._lock = threading.Lock()

    # -- what the tests make of it

    @property
    def model(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.model_file.read_text(encoding="utf-8"))
        return data

    def change(self, **parts: Any) -> None:
        """Replace parts of the model."""
        known = self.model if self.model_file.exists() else {}
        self.model_file.write_text(json.dumps(known | parts, indent=1), encoding="utf-8")

    @property
    def registry(self) -> dict[str, dict[str, Any]]:
        if not self.registry_file.exists():
            return {}
        data: dict[str, dict[str, Any]] = json.loads(self.registry_file.read_text(encoding="utf-8"))
        return data

    def set_registry(self, key: str, **values: Any) -> None:
        whole = self.registry
        whole[key] = whole.get(key, {}) | values
        self.registry_file.write_text(json.dumps(whole, indent=1), encoding="utf-8")

    def add_person(self, login: str, number: int, folder: str | None = None, **profile: Any) -> Path:
        """Make an account of the domain that has logged on here; returns the folder of its profile."""
        sid = f"{DOMAIN_SID}-{number}"
        home = self.disk / "Users" / (folder or login)
        (home / "AppData" / "Roaming").mkdir(parents=True)
        self.change(accounts=self.model["accounts"] | {login: sid})
        self.secure(home, f"O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{sid})")
        self.set_registry(f"{PROFILE_LIST}\\{sid}", **({"ProfileImagePath": str(home), "State": 0} | profile))
        return home

    def sid_of(self, login: str) -> str:
        sid: str = self.model["accounts"][login]
        return sid

    def secure(self, path: Path, descriptor: str) -> None:
        self.change(security=self.model["security"] | {str(path): descriptor})

    def install_winget(self, *versions: str, **winget: Any) -> None:
        """Lay App Installer in these versions where it stands without a user session; WINGET: see winget.py."""
        for version in versions:
            folder = f"Microsoft.DesktopAppInstaller_{version}_x64__8wekyb3d8bbwe"
            program = self.disk / "Program Files" / "WindowsApps" / folder / "winget.exe"
            program.parent.mkdir(parents=True)
            program.symlink_to(FAKES / "winget.py")
        self.change(winget=self.model["winget"] | winget)

    @property
    def winget_calls(self) -> list[list[str]]:
        """What was typed to winget."""
        calls: list[list[str]] = self.model["winget"].get("calls", [])
        return calls

    @property
    def certutil_calls(self) -> list[str]:
        """What was typed to certutil, a line each."""
        calls = self._programs / "certutil-calls"
        return calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []

    def start_process(self, name: str, login: str, pid: int = 4711) -> None:
        process = {"pid": pid, "name": name, "sid": self.sid_of(login)}
        self.change(processes=[*self.model["processes"], process])

    # -- what the peer asks of it

    @property
    def starts(self) -> int:
        """How many processes of PowerShell were started on it, by WinRM or by what WinRM started."""
        return len(self.starts_file.read_bytes()) if self.starts_file.exists() else 0

    @property
    def arguments(self) -> list[bytes]:
        """With which arguments each of them was started."""
        return self.arguments_file.read_bytes().splitlines() if self.arguments_file.exists() else []

    def execute(self, line: str, given: bytes) -> tuple[bytes, bytes, int]:
        """Run a command line, as cmd.exe would: only PowerShell is known."""
        program, *words = shlex.split(line.replace("\\", "\\\\"))
        name = program.lower().removesuffix(".exe")
        if name not in ("powershell", "pwsh"):
            return b"", f"'{program}' is not recognized as an internal or external command".encode(), 1
        done = subprocess.run(
            [self._programs / name, *words], input=given, capture_output=True, env=self.environment(), check=False
        )
        return done.stdout, done.stderr, done.returncode

    def execute_in_default_shell(self, line: str, given: bytes) -> tuple[bytes, bytes, int]:
        """Run what came by SSH: there the default shell is cmd.exe, or the PowerShell that an administrator chose."""
        if self.default_shell == "cmd":
            return self.execute(line, given)
        return self.execute(shlex.join(["powershell.exe", "-c", line]), given)

    def open_session(self) -> Session:
        """Start a PowerShell that serves its own remoting protocol, as the PC's service does for each session."""
        line = [str(self._programs / "powershell"), "-NoProfile", "-NonInteractive", "-File"]
        return Session(
            subprocess.Popen(
                [*line, str(HERE / "serve_psrp.ps1")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self.environment(),
            )
        )

    def environment(self) -> dict[str, str]:
        """The environment of a process that WinRM starts."""
        return {
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "HOME": str(self.temp),  # where PowerShell keeps its own on Linux
            "LANG": "C.UTF-8",
            "PSModulePath": str(FAKES / "modules"),
            "PSHOST_REGISTRY": str(self.registry_file),
            "IM_FAKE_PC": str(self.model_file),
            "TEMP": str(self.temp),
            "TMP": str(self.temp),
            "SystemRoot": str(self.disk / "Windows"),
            "SystemDrive": str(self.disk),
            "ProgramData": str(self.disk / "ProgramData"),
            "ProgramFiles": str(self.disk / "Program Files"),
            "PROCESSOR_ARCHITECTURE": "AMD64",
            "COMPUTERNAME": self.name.upper(),
            "USERNAME": "deploy",
            "USERPROFILE": str(self.disk / "Users" / "deploy"),
            "APPDATA": str(self.disk / "Users" / "deploy" / "AppData" / "Roaming"),
        }

    def _lay_programs(self) -> None:
        """The programs on the PC's path. Each start of PowerShell leaves one byte, and its arguments."""
        for name in ("powershell", "PowerShell", "powershell.exe", "pwsh", "pwsh.exe"):
            program = self._programs / name
            kept = shlex.quote(str(self.arguments_file))
            counted = f"printf . >> {shlex.quote(str(self.starts_file))}; printf '%s\\n' \"$*\" >> {kept}"
            program.write_text(f'#!/bin/sh\n{counted}\nexec {shlex.quote(PWSH or "pwsh")} "$@"\n', encoding="utf-8")
            program.chmod(0o755)
        certutil = self._programs / "certutil.exe"
        certutil.write_text(
            '#!/bin/sh\nprintf "%s\\n" "$*" >> "${0%/*}/certutil-calls"\n'
            'store="${0%/*}/certutil-store"\n'
            '[ "$1" != -store ] || { [ -e "$store" ]; exit; }\n[ "$1" != -delstore ] || { rm -f "$store"; exit; }\n'
            '[ ! -e "${0%/*}/certutil-fails" ] && touch "$store" && exit 0\n'
            'echo "CertUtil: -addstore command FAILED: 0x80070005 (WIN32: 5 ERROR_ACCESS_DENIED)"\nexit 5\n',
            encoding="utf-8",
        )
        certutil.chmod(0o755)

    def lay_witnesses(self) -> None:
        """Lay whoami.exe and cmd.exe, by which the acceptance kit checks what our functions answer."""
        own, high = f"{DOMAIN_SID}-500", '"x","Label","S-1-16-12288",""'
        whoami = (
            '#!/bin/sh\n[ "$1" != /groups ] || '
            f'{{ printf \'%s\\n\' \'"x","Alias","{ADMINISTRATORS}",""\' \'{high}\'; exit; }}\n'
            f'[ "$IM_FAKE_ACCOUNT" = SYSTEM ] && echo \'"nt\\system","{SYSTEM}"\' || echo \'"pc\\deploy","{own}"\'\n'
        )
        left = 'printf %s "$3" > "$TEMP/exit-$$"; exit 1'
        cmd = f'#!/bin/sh\ncase "$2" in exit) {left};; mklink) ln -s "$5" "$4"; printf 0 > "$TEMP/exit-$$";; esac\n'
        for name, text in (("whoami.exe", whoami), ("cmd.exe", cmd)):
            (self._programs / name).write_text(text, encoding="utf-8")
            (self._programs / name).chmod(0o755)
        self.change(accounts=self.model["accounts"] | {"pc\\deploy": own}, own_sid=own)
        self.secure(self.temp, "O:BAG:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)")

    def let_certutil_fail(self) -> None:
        """As where the account is no administrator."""
        (self._programs / "certutil-fails").touch()

    def let_certutil_work(self) -> None:
        """Undo let_certutil_fail()."""
        (self._programs / "certutil-fails").unlink()
