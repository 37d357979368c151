#!/usr/bin/python
"""Ask a real PC or Mac about what nobody could prove without one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_selftest
short_description: Ask a PC or a Mac about what was assumed without one (internal use by the role im_selftest)
description:
  - Each line is one assumption. It is asked by the functions of the product themselves, and answered with a verdict and
    what was seen; a line that breaks does not stop the others.
  - It only looks, and works in a folder of its own among the temporary files, which it removes. Lines that would do
    more say V(needs_change) unless O(change) is set, and take back what they did.
  - It opens no file of a user's. What it returns are truths, numbers, codes and versions; names and identifiers in what
    other programs say are masked.
options:
  account:
    description: Whose lines are asked, V(administrator) or V(system). Taken by the action plugin.
    type: str
    choices: [administrator, system]
    default: administrator
  installed:
    description: The clients that were installed for a trial. Taken by the action plugin.
    type: list
    elements: str
    default: []
  lines:
    description:
      - The lines to ask, by their ids (C(LINES) of module_utils/im_selftest.py). By default all of O(account), but for
        those that take an installation.
    type: list
    elements: str
  clients:
    description:
      - Client to where it is on this platform and how it is known. The module's own option, set by the action plugin.
    type: dict
    default: {}
  logins:
    description: Logins of the seats of this host. They are counted, not returned.
    type: list
    elements: str
    default: []
  connection:
    description: The connection by which Ansible came. The module's own option, set by the action plugin.
    type: str
    default: ""
  echo:
    description:
      - A text whose digest is returned, so that the control node sees whether it arrived whole. The module's own
        option, set by the action plugin.
    type: str
    default: ""
  link:
    description:
      - A shortcut to C(cmd.exe), in base64, which Windows is to read. The module's own option, set by the action
        plugin.
    type: str
    default: ""
  authority:
    description: A certificate that is put into the store and taken out again, with O(change).
    type: str
    default: ""
  change:
    description: Also ask the lines that change the host for a moment.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Then it makes no folder either; lines that need one say V(check_mode).
notes:
  - C(library/im_selftest.ps1) is the Windows half. On Linux it answers no line.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Ask two lines (only the role im_selftest does this)
  im_selftest:
    lines: [mac-python, mac-running]
"""

RETURN = r"""
system:
  description: V(Windows), V(Darwin) or another kernel.
  returned: always
  type: str
about:
  description: C(system), C(version), C(shell) and C(culture), without identities.
  returned: always
  type: dict
lines:
  description: >-
    Id to C(verdict) (V(proved), V(disproved), V(not_asked)), C(reason) (a code, empty for none) and C(seen) (name to
    truth, number or text).
  returned: always
  type: dict
absent:
  description: Those of O(clients) that are not installed.
  returned: always
  type: list
  elements: str
packages:
  description: The packages of RV(absent), on Windows, as M(winget_package) takes them.
  returned: success
  type: dict
changed:
  description: Whether something that was made for the test could not be removed.
  returned: always
  type: bool
"""

import base64
import contextlib
import hashlib
import json
import os
import platform
import plistlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.im_desk.errors import Trouble
from ansible.module_utils.im_desk.running import listed_by_ps

Seen = Dict[str, Any]
Finding = Dict[str, Any]
BREWS = (Path("/opt/homebrew"), Path("/usr/local"))
HOMES = Path("/Users")
CONSOLE = Path("/dev/console")  # belongs to whoever sits at the screen
FIRST_PERSON = 500  # the least uid of somebody who logs in, on macOS
KEYCHAIN = "/Library/Keychains/System.keychain"
PATIENCE = 30.0  # seconds for an agent or a first start
# What community.general's modules take out of `brew info --json=v2`.
FORMULA_KEYS = {"name", "full_name", "tap", "aliases", "oldnames", "installed", "outdated"}
# Words of ours only go into the file: no name.
AGENT_SCRIPT = """[ -n "$LOGNAME" ] && echo set >> "$1"
[ "$LOGNAME" = "$(id -un)" ] && echo same >> "$1"
[ -n "$HOME" ] && echo home >> "$1"
echo end >> "$1"
"""


class NotAsked(Exception):
    """A line cannot be asked here: a code of a reason, and what was seen so far."""

    def __init__(self, reason: str, **seen: Any) -> None:
        super().__init__(reason)
        self.reason, self.seen = reason, seen


def found(good: bool, seen: Seen) -> Finding:
    """Return a finding."""
    return {"verdict": "proved" if good else "disproved", "reason": "", "seen": seen}


def confirm(seen: Seen, *names: str) -> Finding:
    """Return proved if all of these (by default all) were seen to be true."""
    return found(all(seen[name] is True for name in names or seen), seen)


def run(words: list[str], seconds: int = 60) -> tuple[int, str]:
    """Return the exit code and the output of a program; -1 if it does not start or end."""
    try:
        done = subprocess.run(  # noqa: S603  fixed words
            words,
            cwd="/",  # brew refuses to work where its owner may not look, root's home for instance
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return -1, ""
    return done.returncode, done.stdout.decode("utf-8", "replace")


def wait_for(look: Callable[[], set[str]]) -> set[str]:
    """Look until something is seen, or patience ends."""
    end = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if seen or time.monotonic() > end:
            return seen
        time.sleep(0.2)


class Mac:
    """The lines of a Mac."""

    def __init__(self, options: dict[str, Any], check: bool) -> None:
        """OPTIONS: the module's. CHECK: whether nothing may be made, not even a folder."""
        self.clients: dict[str, dict[str, Any]] = options["clients"]
        self.logins: list[str] = options["logins"]
        self.authority: str = options["authority"]
        self.change: bool = options["change"]
        self.check = check
        self.left_behind = False
        self.lines: dict[str, Callable[[], Finding]] = {
            "mac-python": self.python,
            "mac-brew": self.brew,
            "mac-running": self.running,
            "mac-library": self.library,
            "mac-trust": self.trust,
            "mac-launch-agent": self.launch_agent,
            "mac-thunderbird-section": self.thunderbird_section,
        }

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield a new folder that goes with all that is in it. Everybody may go through it, nobody look in."""
        if self.check:
            raise NotAsked("check_mode")
        folder = Path(tempfile.mkdtemp(prefix="im-client-selftest-"))
        try:
            folder.chmod(0o711)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            self.left_behind |= folder.exists()

    def must_change(self) -> None:
        """Refuse a line that does more than look unless that was asked for."""
        if not self.change:
            raise NotAsked("needs_change")

    def python(self) -> Finding:
        """The Python that runs this, as root."""
        seen: Seen = {
            "python": platform.python_version(),
            "new_enough": sys.version_info >= (3, 8),
            "says_darwin": sys.platform == "darwin",
            "root": os.geteuid() == 0,
            "plist_is_read": plistlib.loads(plistlib.dumps({"a": 1})) == {"a": 1},
        }
        return confirm(seen, "new_enough", "says_darwin", "root", "plist_is_read")

    def brew(self) -> Finding:
        """What brew answers to its owner, in the form that the modules take."""
        prefix = next((prefix for prefix in BREWS if os.access(prefix / "bin" / "brew", os.X_OK)), None)
        if prefix is None:
            raise NotAsked("no_brew")
        repository = prefix / "Homebrew"
        uid = (repository if repository.is_dir() else prefix).stat().st_uid
        seen: Seen = {"owner_is_somebody": uid != 0}
        try:
            owner = pwd.getpwuid(uid).pw_name
        except KeyError:
            return found(False, {**seen, "owner_is_somebody": False})
        as_owner = ["sudo", "-n", "-H", "-u", owner, "env", "HOMEBREW_NO_AUTO_UPDATE=1", str(prefix / "bin" / "brew")]
        code, said = run([*as_owner, "--version"])
        version = re.search(r"Homebrew .*?(\d+\.\d+\.\d+)", said)
        seen.update(version=version.group(1) if version else "", version_is_told=code == 0 and version is not None)
        seen["info_exit_code"], said = run([*as_owner, "info", "--json=v2", "pidgin"], 300)
        seen["formula_has_the_keys"] = False
        with contextlib.suppress(ValueError, LookupError, TypeError):
            seen["formula_has_the_keys"] = set(json.loads(said)["formulae"][0]) >= FORMULA_KEYS
        seen["cask_exit_code"] = run([*as_owner, "list", "--cask", "thunderbird"])[0]
        seen["cask_is_there_or_not"] = seen["cask_exit_code"] in (0, 1)
        return confirm(seen, "owner_is_somebody", "version_is_told", "formula_has_the_keys", "cask_is_there_or_not")

    def running(self) -> Finding:
        """The clients that run now, under the names by which the product knows them."""
        try:
            listed = listed_by_ps(None)
        except Trouble as trouble:
            return found(False, {"trouble": trouble.code})
        seen: Seen = {"processes": len(listed), "own_is_listed": os.getpid() in [pid for pid, _ in listed]}
        wrong, running = not seen["own_is_listed"], 0
        for client, told in self.clients.items():
            known = {name.encode() for name in told.get("processes", [])}
            alike = [names for _, names in listed if any(client.encode() in name.lower() for name in names)]
            if not alike:
                continue
            running += 1
            seen[client + "_known"] = sum(not known.isdisjoint(names) for names in alike)
            seen[client + "_unknown"] = len(alike) - seen[client + "_known"]
            wrong |= not seen[client + "_known"]
        if not wrong and not running:
            raise NotAsked("no_client_runs", **seen)
        return found(not wrong, seen)

    def homes(self) -> list[Path]:
        """Return the homes of people on this Mac."""
        homes = {path for path in HOMES.glob("*") if not path.is_symlink() and path.stat().st_uid >= FIRST_PERSON}
        for login in self.logins:
            with contextlib.suppress(KeyError):
                homes.add(Path(pwd.getpwnam(login).pw_dir))
        return sorted(path for path in homes if path.is_dir())

    def library(self) -> Finding:
        """Whether the folders of Library can be listed; nothing in them is opened."""
        listed, errors = 0, []
        homes = self.homes()
        for home in homes:
            for name in ("Library", "Library/Thunderbird", "Library/LaunchAgents"):
                try:
                    list((home / name).iterdir())
                    listed += 1
                except FileNotFoundError:
                    continue
                except OSError as error:
                    errors.append(error.errno or 0)
        seen: Seen = {"homes": len(homes), "listed": listed, "refused": len(errors)}
        seen["errors"] = ", ".join(f"errno {number}" for number in sorted(set(errors)))
        if not listed and not errors:
            raise NotAsked("no_profile", **seen)
        return found(not errors, seen)

    def trust(self) -> Finding:
        """An authority that ended long ago and whose key nobody has, into the keychain and out again."""
        seen: Seen = {}
        for prefix in BREWS:
            if (prefix / "bin" / "brew").exists():  # what GnuTLS and OpenSSL of Homebrew read
                for bundle in ("gnutls", "ca-certificates", "openssl@3"):
                    seen["has_bundle_" + bundle] = (prefix / "etc" / bundle / "cert.pem").exists()
                # Pidgin reads neither these nor the keychain, but what is in here.
                pidgin, below = prefix / "opt" / "pidgin", self.clients.get("pidgin", {}).get("authorities")
                if below and pidgin.exists():
                    seen["pidgin_has_its_folder"] = (pidgin / below).is_dir()
        if not self.change:
            raise NotAsked("needs_change", **seen)
        body = "".join(line for line in self.authority.splitlines() if "-----" not in line)
        digest = hashlib.sha1(base64.b64decode(body)).hexdigest().upper()  # noqa: S324  what `security` calls it by
        listing = ["security", "find-certificate", "-a", "-Z", KEYCHAIN]
        with self.workspace() as folder:
            file = folder / "authority.crt"
            file.write_text(self.authority, encoding="ascii")
            if digest in run(listing)[1]:
                raise NotAsked("already_there", **seen)
            code = run(["security", "add-trusted-cert", "-d", "-r", "trustRoot", "-k", KEYCHAIN, str(file)])[0]
            seen.update(add_exit_code=code, added=code == 0, stands_in_the_keychain=digest in run(listing)[1])
            run(["security", "remove-trusted-cert", "-d", str(file)])
            run(["security", "delete-certificate", "-Z", digest, KEYCHAIN])
            seen["gone"] = digest not in run(listing)[1]
            self.left_behind |= not seen["gone"]
        folders = {"pidgin_has_its_folder"} & seen.keys()
        return confirm(seen, "added", "stands_in_the_keychain", "gone", *folders)

    def launch_agent(self) -> Finding:
        """A throwaway agent in the session of whoever sits at the screen: does launchd give it LOGNAME?"""
        self.must_change()
        try:
            person = pwd.getpwuid(CONSOLE.stat().st_uid)
        except (OSError, KeyError):
            raise NotAsked("no_console_user") from None
        if person.pw_uid < FIRST_PERSON:
            raise NotAsked("no_console_user")
        with self.workspace() as folder:
            told, plist = folder / "told", folder / "agent.plist"
            words = ["/bin/sh", "-c", AGENT_SCRIPT, "sh", str(told)]
            plist.write_bytes(
                plistlib.dumps({"Label": "im-client.selftest", "ProgramArguments": words, "RunAtLoad": True})
            )
            told.touch()
            for path in (told, plist):
                os.chown(path, person.pw_uid, person.pw_gid)
            domain = f"gui/{person.pw_uid}"
            code = run(["launchctl", "bootstrap", domain, str(plist)])[0]
            seen: Seen = {"bootstrap_exit_code": code, "ran": False}
            said: set[str] = set()
            if code == 0:

                def ended() -> set[str]:
                    so_far = set(told.read_text(encoding="ascii").split())
                    return so_far if "end" in so_far else set()

                said = wait_for(ended)
                run(["launchctl", "bootout", f"{domain}/im-client.selftest"])
                self.left_behind |= run(["launchctl", "print", f"{domain}/im-client.selftest"])[0] == 0
            seen.update(ran="end" in said, logname_is_given="set" in said, logname_is_right="same" in said)
            seen["home_is_given"] = "home" in said
        return confirm(seen, "ran", "logname_is_given", "logname_is_right", "home_is_given")

    def thunderbird_section(self) -> Finding:
        """Thunderbird started once, without a window, by nobody, in a home of ours: which section does it write?"""
        told = self.clients.get("thunderbird", {})
        program = str(told.get("program", ""))
        if not os.access(program, os.X_OK):
            raise NotAsked("not_installed")
        self.must_change()
        with self.workspace() as folder:
            home = folder / "home"
            home.mkdir()
            nobody = pwd.getpwnam("nobody")
            os.chown(home, nobody.pw_uid, nobody.pw_gid)
            given = [f"HOME={home}", f"CFFIXED_USER_HOME={home}", "MOZ_CRASHREPORTER_DISABLE=1"]
            place = home / "Library" / "Thunderbird" / "profiles.ini"

            def sections() -> set[str]:
                try:
                    return set(re.findall(r"^\[Install([0-9A-F]+)\]", place.read_text(encoding="utf-8"), re.MULTILINE))
                except FileNotFoundError:
                    return set()

            with subprocess.Popen(  # noqa: S603  the program of the role
                ["sudo", "-n", "-u", "nobody", "env", *given, program, "--headless"],  # noqa: S607  macOS has one sudo
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                names = wait_for(sections)
                process.terminate()
        if not names:
            raise NotAsked("no_profile_made")
        seen: Seen = {"sections": ", ".join(sorted(names)), "computed": str(told.get("section", ""))}
        seen["same"] = seen["computed"] in names
        return confirm(seen, "same")


def ask(lines: dict[str, Callable[[], Finding]], identifier: str) -> Finding:
    """Return the finding of one line, whatever happens in it."""
    if identifier not in lines:
        return {"verdict": "not_asked", "reason": "unknown_line", "seen": {}}
    try:
        return lines[identifier]()
    except NotAsked as skipped:
        return {"verdict": "not_asked", "reason": skipped.reason, "seen": skipped.seen}
    except Exception as error:  # noqa: BLE001  a line that breaks does not stop the others
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        # Never the message: it may quote anything.
        seen: Seen = {"exception": type(error).__name__, "at": trace.tb_lineno if trace else 0}
        seen["errno"] = getattr(error, "errno", None) or 0
        return {"verdict": "disproved", "reason": "threw", "seen": seen}


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "lines": {"type": "list", "elements": "str", "required": True},
            "clients": {"type": "dict", "default": {}},
            "logins": {"type": "list", "elements": "str", "default": []},
            "connection": {"type": "str", "default": ""},
            "echo": {"type": "str", "default": ""},
            "link": {"type": "str", "default": ""},
            "authority": {"type": "str", "default": ""},
            "change": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    mac = Mac(module.params, module.check_mode)
    system = platform.system()
    lines = mac.lines if system == "Darwin" else {}
    answers = {identifier: ask(lines, identifier) for identifier in module.params["lines"]}
    programs = {name: Path(told.get("program", "/nowhere")) for name, told in mac.clients.items()}
    module.exit_json(
        changed=mac.left_behind,
        system=system,
        about={
            "system": {"Darwin": "macOS"}.get(system, system),
            "version": platform.mac_ver()[0],
            "shell": "Python " + platform.python_version(),
            "culture": "",
        },
        lines=answers,
        absent=sorted(name for name, program in programs.items() if not program.exists()),
    )


if __name__ == "__main__":
    main()
