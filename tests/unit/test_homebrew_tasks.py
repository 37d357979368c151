"""The tasks for Homebrew with the unmodified modules of community.general, against a brew that only takes notes."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rendering import PROJECT

#: Casks are files in its folder; the modules ask `info` of formulae only.
BREW = r"""#!/bin/sh
prefix=$(cd "$(dirname "$0")/.." && pwd)
echo "$@" >> "$prefix/log"
case "$1 $2" in
--version*) echo "Homebrew 4.6.3";;
"list --cask") [ -e "$prefix/cask-$3" ];;
"install --cask") touch "$prefix/cask-$3";;
"uninstall --cask") rm "$prefix/cask-$3";;
esac
"""
NOTHING: dict[str, list[str]] = {"missing": [], "gone": [], "latest": [], "removable": []}


class Mac:
    """Somebody's account with two prefixes of Homebrew, of which im_host_info chose one."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.prefix, self.other = directory, directory / "chosen", directory / "other"
        self.changed = False
        for prefix in (self.prefix, self.other):
            (prefix / "bin").mkdir(parents=True)
            (prefix / "bin" / "brew").write_text(BREW, encoding="utf-8")
            (prefix / "bin" / "brew").chmod(0o755)

    def run(self, tasks: str, *arguments: str, authorities: tuple[str, ...] = (), **casks: list[str]) -> list[str]:
        """Run a file of tasks; returns what the brew of the chosen prefix was asked."""
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.include_tasks": str(PROJECT / "roles/im_client/tasks" / tasks)}],
        }
        (self.directory / "play.json").write_text(json.dumps([play]), encoding="utf-8")
        owner = pwd.getpwuid(os.geteuid()).pw_name
        host: dict[str, Any] = {
            "brew": {"prefix": str(self.prefix), "owner": owner},
            "trust_file": str(self.directory / "im-service.crt"),
            "homebrew": {"user": owner, "formulae": NOTHING, "casks": NOTHING | casks},
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "-i", "localhost,", "-c", "local", str(self.directory / "play.json")]
        known = {"__im_client_host": host, "__im_client_authorities": authorities}
        command += ["-e", json.dumps(known | {"ansible_python_interpreter": sys.executable}), *arguments]
        path = f"{self.other / 'bin'}:{os.environ['PATH']}"
        environment = {**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "PATH": path}
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        self.changed = "changed=0" not in done.stdout
        log = self.prefix / "log"
        asked = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return asked


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    return Mac(tmp_path)


def test_a_cask_whose_application_is_gone_is_forgotten_and_installed(mac: Mac) -> None:
    (mac.prefix / "cask-thunderbird").touch()
    asked = mac.run("install_homebrew.yml", missing=["thunderbird"], gone=["thunderbird"])
    assert [words for words in asked if words.split()[0] in ("install", "uninstall")] == [
        "uninstall --cask thunderbird --force",
        "install --cask thunderbird --language=fr",
    ]


def test_of_two_brews_the_one_that_was_looked_at_is_asked(mac: Mac) -> None:
    installed = mac.run("install_homebrew.yml", missing=["thunderbird"])
    assert "install --cask thunderbird --language=fr" in installed
    assert "uninstall --cask thunderbird" in mac.run("remove_homebrew.yml", removable=["thunderbird"])
    assert not (mac.other / "log").exists()
    # Formulae and upgrades too, which this brew cannot play.
    for tasks in ("install_homebrew.yml", "remove_homebrew.yml"):
        text = (PROJECT / "roles/im_client/tasks" / tasks).read_text(encoding="utf-8")
        assert text.count("    path: ") == text.count("  community.general.homebrew")


def test_a_program_of_brew_is_linked_to_the_authority_once(mac: Mac) -> None:
    folder = mac.prefix / "opt" / "pidgin" / "share" / "purple" / "ca-certs"
    link, lay = folder / "im-service.pem", ("trust_homebrew.yml",)
    mac.run(*lay, "--check", authorities=(str(folder),))
    assert mac.changed and not folder.exists()
    (mac.directory / "im-service.crt").write_text("authority", encoding="ascii")
    mac.run(*lay, authorities=(str(folder),))
    assert mac.changed and link.is_symlink() and link.read_text(encoding="ascii") == "authority"
    for arguments in ((), ("--check",)):
        mac.run(*lay, *arguments, authorities=(str(folder),))
        assert not mac.changed
