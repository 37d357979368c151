"""What the installers of the three clients put in the registry (manifests of winget-pkgs; two of them are 32-bit)."""

from __future__ import annotations

from windows_pc import WindowsPC

MACHINE = "HKEY_LOCAL_MACHINE\\SOFTWARE\\"
UNINSTALL = MACHINE + "Microsoft\\Windows\\CurrentVersion\\Uninstall\\"
UNINSTALL_32 = MACHINE + "WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\"

PROGRAMS = {
    "Gajim.Gajim": {UNINSTALL_32 + "Gajim": {"DisplayName": "Gajim", "DisplayVersion": "2.4.7"}},
    "Pidgin.Pidgin": {UNINSTALL_32 + "Pidgin": {"DisplayName": "Pidgin", "DisplayVersion": "2.14.14"}},
    "Mozilla.Thunderbird.fr": {
        UNINSTALL + "Mozilla Thunderbird 156.0.1 (x64 fr)": {
            "DisplayName": "Mozilla Thunderbird (x64 fr)",
            "DisplayVersion": "156.0.1",
        }
    },
}


def install(pc: WindowsPC, name: str, **values: str) -> None:
    """Put a program in the registry as its installer would."""
    for key, known in PROGRAMS[name].items():
        pc.set_registry(key, **known | values)
