#!/usr/bin/python
"""Tell what the roles need to know about a host, in one cheap call. Documented below, where Ansible looks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_host_info
short_description: Tell system, package manager and package versions of a host in one cheap call
description:
  - Answers in one module call what the roles would otherwise gather facts and package facts for, at about the cost of
    a ping.
  - Never changes anything.
  - The action plugin of the same name adds what the answers files of the roles say about such a host.
options:
  clients:
    description: Clients whose packages are wanted. Taken by the action plugin, which makes O(packages) of it.
    type: list
    elements: str
    default: []
  retired:
    description: Clients that only absent seats name. Taken by the action plugin, which answers their C(removable).
    type: list
    elements: str
    default: []
  left_alone:
    description: Clients that are only looked at. Taken by the action plugin, which leaves them out of RV(missing).
    type: list
    elements: str
    default: []
  minimum_versions:
    description: Client to the least version of it. Taken by the action plugin, which makes O(minimum) of it.
    type: dict
    default: {}
  versions:
    description: Client to the one version that it is to have. Taken by the action plugin; see C(im_package_versions).
    type: dict
    default: {}
  latest:
    description: Clients that are to be the newest that there is. Taken by the action plugin; see C(im_package_latest).
    type: list
    elements: str
    default: []
  sources:
    description: Client to where it comes from. Taken by the action plugin; see C(im_package_sources).
    type: dict
    default: {}
  brew_user:
    description: Who runs C(brew). Taken by the action plugin; see C(im_client_brew_user).
    type: str
    default: ""
  installers:
    description: >-
      Client to the vendor's installer, for Windows PCs without winget. Taken by the action plugin; see
      C(im_package_installers).
    type: dict
    default: {}
  flatpak_remote:
    description: Remote of Flatpak. Taken by the action plugin; see C(im_client_flatpak_remote).
    type: str
    default: flathub
  holds:
    description: Client to whether its packages are held. Taken by the action plugin; see C(im_package_held).
    type: dict
    default: {}
  language:
    description: Language of what people read. Taken by the action plugin.
    type: str
    choices: [fr, en]
    default: fr
  minimum:
    description:
      - Package to the least version that will do. The module's own option, set by the action plugin.
      - Compared as the host's own package manager compares, by C(dpkg) or C(rpm); those of Homebrew, Flatpak and
        Windows number by number.
    type: dict
    default: {}
  applications:
    description:
      - Package to what its application is known by. The module's own option, set by the action plugin. What is found
        there is installed, whoever installed it.
      - On macOS the bundle, whose version its C(Info.plist) says; what Homebrew says of it does not count. On Windows
        the name of its Uninstall key, or the name that Windows shows, with V(*) for what differs between versions.
    type: dict
    default: {}
  commands:
    description:
      - Package to the program that our shortcuts and policies lead to, for those that Windows may have elsewhere.
      - The module's own option, set by the action plugin. Nothing on other systems.
    type: dict
    default: {}
  portable:
    description:
      - Package to the copy of a program that a Windows PC keeps to lay it into homes, its C(folder), C(version), and
        the C(proof) that it is whole. The module's own option, set by the action plugin. Nothing elsewhere.
    type: dict
    default: {}
  packages:
    description:
      - Names of packages whose installed version is wanted. The module's own option, set by the action plugin.
      - A name that no package of the host can have, such as one of another system, is simply not installed.
      - C(formula/NAME) and C(cask/NAME) are packages of Homebrew, C(flatpak/ID) an application of Flatpak for the whole
        system.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: It only looks.
notes:
  - For Linux, macOS and BSD. Windows hosts have no Python and are asked by C(library/im_host_info.ps1), with the same
    answers; C(host.python) is null there, and packages are programs in the Uninstall keys of the registry.
  - Packages are looked up with C(dpkg-query) where the package manager is V(apt), and with C(rpm) where it is V(dnf),
    V(dnf5), V(yum), V(zypper) or V(atomic_container). What Homebrew has is read from its directories, since C(brew)
    refuses to run as root.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Look at the host
  im_host_info:
    clients: [gajim, pidgin]
  register: im_host

- name: Look at the host, where the site wants one version, the newest one, and another source
  im_host_info:
    clients: [gajim, pidgin, thunderbird]
    versions: {pidgin: 2.14.13}
    latest: [thunderbird]
    sources: {gajim: flatpak}
    installers:
      gajim:
        url: https://mirror.univ.example/Gajim-2.4.7.exe
        sha256: "{{ gajim_sha256 }}"
  register: im_host

- name: Show what cannot be had there, and what would do
  ansible.builtin.debug:
    var: im_host.impossible
"""

RETURN = r"""
host:
  description: What kind of host it is. The words are those of Ansible's facts.
  returned: always
  type: dict
  contains:
    system:
      description: Kernel, such as V(Linux), V(Darwin) or V(Windows).
      type: str
    distribution:
      description: Such as V(Debian), V(Ubuntu), V(Fedora), V(MacOSX).
      type: str
    distribution_version:
      description: Such as V(12.8) or V(24.04).
      type: str
    distribution_major:
      description: Such as V(12) or V(24), null for a distribution without versions.
      type: str
    os_family:
      description: Such as V(Debian), V(RedHat), V(Suse), V(Darwin), V(Windows).
      type: str
    architecture:
      description: Such as V(x86_64) or V(aarch64).
      type: str
    python:
      description: Version of the Python that ran this module, null on Windows.
      type: str
    package_manager:
      description: >-
        V(apt), V(dnf), V(dnf5), V(yum), V(zypper), V(pacman), V(apk), V(atomic_container) (rpm-ostree), V(homebrew)
        or V(pkgng); null if none of them is installed. V(winget) on every Windows, with or without it.
      type: str
brew:
  description: Where Homebrew is and whose it is; null without it.
  returned: always
  type: dict
  contains:
    path:
      description: The program.
      type: str
    prefix:
      description: The directory that its owner has to be able to write in.
      type: str
    owner:
      description: Login of the owner, null if there is no such login.
      type: str
    has:
      description: >-
        Those of O(packages) that Homebrew itself has. An application that somebody else installed is not among them; a
        cask whose application somebody deleted is.
      type: list
      elements: str
flatpak:
  description: What Flatpak says of itself for the whole system; null without it, or if O(packages) names nothing of it.
  returned: always
  type: dict
  contains:
    remotes:
      description: Names of the remotes that can be installed from.
      type: list
      elements: str
held:
  description: >-
    Those of O(packages) that somebody put on hold, by C(apt-mark hold), C(dnf versionlock add) or C(zypper addlock),
    for the whole package and in the usual file.
  returned: always
  type: list
  elements: str
packages:
  description: >-
    Installed version of each wanted package, null if it is not installed. A package of several architectures has the
    version of the native one. Empty if this module cannot ask the package manager of the host.
  returned: always
  type: dict
elsewhere:
  description: >-
    Package to the folder where Windows says that it stands, for each that stands in none from which its program in
    O(commands) is started.
  returned: always
  type: dict
older:
  description: Packages of O(minimum) whose installed version is older.
  returned: always
  type: list
  elements: str
lacking:
  description: Client to those of its packages that are not installed, for each client that lacks one.
  returned: success
  type: dict
outdated:
  description: Client to the C(installed) version and the C(least) one, for each that is older than it should be.
  returned: success
  type: dict
platform:
  description: Name of the answers file of the host, from the action plugin.
  returned: success
  type: str
manager:
  description: How the roles install packages there, from the answers file.
  returned: success
  type: str
missing:
  description: >-
    What has to be installed, as the package manager takes it (with the version where O(versions) names one), but for
    clients that are left alone or impossible.
  returned: success
  type: list
  elements: str
latest:
  description: >-
    Packages that are to be brought to the newest version, whether or not they are installed. Applications of macOS that
    came by other hands than Homebrew's are left to themselves.
  returned: success
  type: list
  elements: str
replaced:
  description: >-
    Packages that are installed and whose version the run changes, or may change. With C(--check) their version in
    RV(packages) is null, since nobody knows the one that will be there.
  returned: success
  type: list
  elements: str
to_release:
  description: Packages whose hold is to end, before anything is installed.
  returned: success
  type: list
  elements: str
to_hold:
  description: Packages that are to be held at the version that is there once all is installed.
  returned: success
  type: list
  elements: str
to_release_to_remove:
  description: Packages of the clients in O(retired) whose hold has to end before they can be removed.
  returned: success
  type: list
  elements: str
to_install:
  description: >-
    Whether RV(missing), RV(latest), RV(portables), RV(flatpaks), RV(to_release) or RV(to_hold) names anything.
  returned: success
  type: bool
portables:
  description: What of the same is unpacked on a Windows PC to be laid into homes, as C(im_portable_program) takes it.
  returned: success
  type: list
  elements: dict
flatpaks:
  description: What of the same comes from Flatpak, as C(missing), C(latest) and C(removable).
  returned: success
  type: dict
impossible:
  description: Client to C(why) its package cannot be had on this host and what would do, its C(remedy), as sentences.
  returned: success
  type: dict
sources:
  description: Client to where it comes from, for those that do not come from the distribution.
  returned: success
  type: dict
homebrew:
  description: >-
    Who has to run C(brew), its C(user), and what of RV(missing), RV(latest) and RV(removable) is C(formulae) and what
    C(casks), with the same keys. What C(brew) has to forget before it installs it again, as somebody deleted the
    application, is C(gone). Where those of its programs that do not read the keychain look for authorities, is
    C(authorities). Empty where Homebrew is not the package manager.
  returned: success
  type: dict
package_options:
  description: >-
    Package to what its manager has to know of it beyond its name (its C(id), C(product), C(version) and so on, as
    M(winget_package) takes them), for those of the wanted and retired clients. Empty where the name says it all.
  returned: success
  type: dict
portables_removable:
  description: What is unpacked of the clients in O(retired), as C(im_portable_program) takes it.
  returned: success
  type: list
  elements: dict
removable:
  description: Installed packages of the clients in O(retired), but for those of Flatpak (C(flatpaks.removable)).
  returned: success
  type: list
  elements: str
removers:
  description: Which tasks remove them, C(remove_NAME.yml) of the role im_client.
  returned: success
  type: list
  elements: str
trust_command:
  description: Command that makes the host trust a new certificate authority, from the answers file.
  returned: success
  type: list
  elements: str
trust_proof:
  description: File that this command leaves behind, from the answers file.
  returned: success
  type: str
trust_file:
  description: File of the authority that it makes the host trust, from the answers file.
  returned: success
  type: str
"""

import fnmatch
import os
import platform
import plistlib
import pwd
import re
from typing import Any

from ansible.module_utils import distro
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.sys_info import get_distribution, get_distribution_version
from ansible.module_utils.compat.version import LooseVersion

# Families as Ansible names them, by the ID and ID_LIKE of os-release. Every derivative says there what it is like
# (freedesktop.org os-release), which reaches further than the list of names in ansible.module_utils.facts; importing
# that package brings all its collectors along, doubles what is sent to the host and costs it a third more.
FAMILIES = {
    "debian": "Debian",
    "rhel": "RedHat",
    "fedora": "RedHat",
    "suse": "Suse",
    "arch": "Archlinux",
    "alpine": "Alpine",
}

# What marks a package manager, by family: a Debian with rpm installed as a tool is still a Debian.
MANAGERS: dict[str, tuple[tuple[str, str], ...]] = {
    "Debian": (("/usr/bin/apt-get", "apt"),),
    "RedHat": (("/run/ostree-booted", "atomic_container"), ("/usr/bin/dnf", "dnf"), ("/usr/bin/yum", "yum")),
    "Suse": (("/usr/bin/zypper", "zypper"),),
    "Archlinux": (("/usr/bin/pacman", "pacman"),),
    "Alpine": (("/sbin/apk", "apk"), ("/usr/bin/apk", "apk")),
    "Darwin": (("/opt/homebrew/bin/brew", "homebrew"), ("/usr/local/bin/brew", "homebrew")),
    "FreeBSD": (("/usr/sbin/pkg", "pkgng"),),
}

# A line of our own for each installed package; everything else that the programs say is not for us.
LISTINGS: dict[str, list[str]] = {
    "dpkg": ["dpkg-query", "-W", "-f", "im\\t${Package}\\t${db:Status-Abbrev}\\t${Architecture}\\t${Version}\\n", "--"],
    "rpm": ["rpm", "-q", "--qf", "im\\t%{NAME}\\tii\\t%{ARCH}\\t%{EVR}\\n", "--"],
}
DATABASES = {"apt": "dpkg", "dnf": "rpm", "dnf5": "rpm", "yum": "rpm", "zypper": "rpm", "atomic_container": "rpm"}

# What a package may be called (Debian policy 5.6.1, and RPM allows no more), so neither a pattern nor an option.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
# Packages that the system's own database does not know: KIND/NAME. Homebrew's names may hold an @ (thunderbird@esr).
KEPT_ELSEWHERE = re.compile(r"(formula|cask|flatpak)/([A-Za-z0-9][A-Za-z0-9@+._-]*)")
# Where Homebrew keeps what it installs, below its prefix: a directory for each version.
KEGS = {"formula": "Cellar", "cask": "Caskroom"}
FLATPAK = "/usr/bin/flatpak"
# [epoch:]version[-release] of an RPM, and nothing that could mean something to rpm's Lua.
RPM_VERSION = re.compile(r"(?:(\d+):)?([A-Za-z0-9._+~^]+)(?:-([A-Za-z0-9._+~^]+))?")
# What dnf's versionlock adds to the name: -EPOCH:VERSION-RELEASE.ARCH
LOCKED_BY_DNF = re.compile(r"-\d+:[^-]+-[^-]+\.[^.-]+$")
LANGUAGE = {"LC_ALL": "C", "LANGUAGE": "C"}


def family(identifiers: list[str], otherwise: str) -> str:
    """Return the family of a system whose os-release says IDENTIFIERS, nearest first; OTHERWISE if it has none."""
    return next((FAMILIES[identifier] for identifier in identifiers if identifier in FAMILIES), otherwise)


def describe() -> dict[str, str | None]:
    """Return the answer about the host, but its package manager."""
    system = platform.system()
    distribution, version = get_distribution() or system, get_distribution_version() or ""
    os_family = system
    if system == "Linux":
        os_family = family([distro.id(), *distro.like().split()], distribution)
    elif system == "Darwin":
        distribution, version = "MacOSX", platform.mac_ver()[0]
    major = re.match("[0-9]+", version)  # Debian testing has a name in place of a version
    return {
        "system": system,
        "distribution": distribution,
        "distribution_version": version,
        "distribution_major": major.group() if major else None,
        "os_family": os_family,
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }


def package_manager(os_family: str) -> str | None:
    """Return the name, as Ansible calls it, of the package manager of a family, None if it is not installed."""
    found = next(((path, name) for path, name in MANAGERS.get(os_family, ()) if os.path.exists(path)), None)  # noqa: PTH110  as cheap as can be
    if found is None:
        return None
    path, name = found
    # Fedora 41 made dnf a link to its successor, whose Python and module of Ansible are others.
    return "dnf5" if name == "dnf" and os.path.realpath(path).endswith("dnf5") else name


def homebrew() -> dict[str, Any] | None:
    """Return where Homebrew is and who owns it, None without it. Asked of the file system: brew refuses root."""
    path = next((path for path, _ in MANAGERS["Darwin"] if os.path.exists(path)), None)  # noqa: PTH110  as above
    if path is None:
        return None
    prefix = path[: -len("/bin/brew")]
    # On Intel the prefix, /usr/local, is root's: what is the owner's is the repository in it.
    repository = prefix + "/Homebrew"
    owned = repository if os.path.isdir(repository) else prefix  # noqa: PTH112  as above
    try:
        owner = pwd.getpwuid(os.stat(owned).st_uid).pw_name  # noqa: PTH116  as above
    except KeyError:
        owner = None
    return {"path": path, "prefix": prefix, "owner": owner}


def parse_listing(output: str, names: list[str], native: set[str]) -> dict[str, str | None]:
    """Return {name: version or None} from the lines that LISTINGS ask for; NATIVE: architectures that win."""
    found: dict[str, str | None] = dict.fromkeys(names)
    for line in output.splitlines():
        fields = line.split("\t")
        if len(fields) != 5 or fields[0] != "im":
            continue
        _, name, status, architecture, version = fields
        # "ii ": wanted and installed; "hi ": on hold; "rc ": removed, configuration left
        if name in found and status[1:2] == "i" and (found[name] is None or architecture in native):
            found[name] = version
    return found


def parse_held(output: str) -> list[str]:
    """Return the packages that stand on hold, installed or not, from the same lines."""
    listed = (line.split("\t") for line in output.splitlines())
    return sorted({fields[1] for fields in listed if len(fields) == 5 and fields[0] == "im" and fields[2][:1] == "h"})


def locks_of_dnf(content: str) -> list[str]:
    """Return the names, or patterns of names, that dnf 4 locks: NAME-EPOCH:VERSION-RELEASE.ARCH, or NAME."""
    lines = [line.strip() for line in content.splitlines()]
    # "!" keeps one version out, and holds nothing
    return [LOCKED_BY_DNF.sub("", line) for line in lines if line and line[0] not in "#!"]


def locks_of_dnf5(content: str) -> list[str]:
    """Return the names that dnf 5 locks. Python has no parser of TOML before 3.11; dnf writes a line for each name."""
    return re.findall(r"""^name *= *["']([^"']+)["']""", content, re.MULTILINE)


def locks_of_zypper(content: str) -> list[str]:
    """Return the names, or patterns of names, that zypper locks whatever their version and repository."""
    found = []
    for stanza in content.split("\n\n"):
        said = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
        # anything else narrows the lock to some versions, repositories or architectures
        whole = said.keys() <= {"type", "match_type", "case_sensitive", "solvable_name", "comment"}
        if whole and said.get("type", "package") == "package" and said.get("match_type", "glob") in ("glob", "exact"):
            found.append(said.get("solvable_name", ""))
    return found


def locked(manager: str | None, names: list[str]) -> list[str]:
    """Return those of NAMES that the package manager's own list of locks names. Reading it costs no program."""
    path, parse = LOCKS.get(manager or "", ("", None))
    if parse is None:
        return []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  as cheap as can be
            patterns = parse(file.read())
    except OSError:
        return []  # no list: nothing was ever locked
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def installed(module: AnsibleModule, database: str, names: list[str]) -> tuple[dict[str, str | None], list[str]]:
    """Ask the package database; return the versions, and what it holds."""
    asked = [name for name in names if NAME.fullmatch(name)]
    if not asked:
        return dict.fromkeys(names), []
    code, output, errors = module.run_command([*LISTINGS[database], *asked], environ_update=LANGUAGE)
    # Absent packages give exit code 1 from dpkg-query, and from rpm their number.
    if (code not in (0, 1)) if database == "dpkg" else ("error:" in errors):
        module.fail_json(msg=f"the package database of this host cannot be read: {errors.strip()}")
    machine = platform.machine()
    native = {machine, "all", "noarch", {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)}
    return parse_listing(output, names, native), parse_held(output)


def kept_elsewhere(
    names: list[str], applications: dict[str, str], kegs: dict[str, str], flatpaks: dict[str, str]
) -> dict[str, str | None]:
    """Return {name: version or None} of the packages of Homebrew (KEGS: what it has) and Flatpak among NAMES."""
    found: dict[str, str | None] = {}
    for name, match in ((name, KEPT_ELSEWHERE.fullmatch(name)) for name in names):
        if not match:
            continue
        kind, short = match.groups()
        if kind == "flatpak":
            found[name] = flatpaks.get(short)
        elif name in applications:
            # The bundle alone: somebody may have deleted it, which Homebrew does not notice.
            found[name] = bundle_version(applications[name])
        else:
            found[name] = kegs.get(name)
    return found


def kegs_of(brew: dict[str, Any] | None, names: list[str]) -> dict[str, str]:
    """Return {name: version} of those of NAMES that Homebrew has."""
    found: dict[str, str] = {}
    if brew is None:
        return found
    for name, match in ((name, KEPT_ELSEWHERE.fullmatch(name)) for name in names):
        if match and match.group(1) in KEGS and (version := keg_version(brew, KEGS[match.group(1)], match.group(2))):
            found[name] = version
    return found


def keg_version(brew: dict[str, Any], kegs: str, name: str) -> str | None:
    """Return the newest version of a package of Homebrew, None if there is none."""
    try:
        versions = os.listdir(os.path.join(brew["prefix"], kegs, name))  # noqa: PTH118, PTH208  as above
    except OSError:
        return None
    return max((version for version in versions if not version.startswith(".")), key=by_number, default=None)


def by_number(version: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts versions number by number, words before numbers."""
    parts = LooseVersion(version).version
    return [(1, part, "") if isinstance(part, int) else (0, 0, part) for part in parts]


def bundle_version(bundle: str) -> str | None:
    """Return the version that an application of macOS says, None if it is not there or says none."""
    try:
        with open(f"{bundle}/Contents/Info.plist", "rb") as file:  # noqa: PTH123  as above
            version = plistlib.load(file).get("CFBundleShortVersionString")
    except (OSError, ValueError, AttributeError, plistlib.InvalidFileException):
        return None
    return version if isinstance(version, str) and version else None


def ask_flatpak(module: AnsibleModule) -> tuple[dict[str, str], dict[str, list[str]] | None]:
    """Return {id: version} of what Flatpak has for the whole system, and its remotes (None: no Flatpak)."""
    if not os.path.exists(FLATPAK):  # noqa: PTH110  as above
        return {}, None
    said = []
    for question in (["list", "--app", "--columns=application,version"], ["remotes", "--columns=name"]):
        code, output, errors = module.run_command([FLATPAK, "--system", *question], environ_update=LANGUAGE)
        if code != 0:
            module.fail_json(msg=f"flatpak cannot say what it has: {errors.strip()}")
        said.append([line.split("\t") for line in output.splitlines()])
    versions = {fields[0]: fields[1] or "0" for fields in said[0] if len(fields) == 2}
    return versions, {"remotes": [fields[0].strip() for fields in said[1] if fields[0].strip()]}


def older(
    module: AnsibleModule, packages: dict[str, str | None], minimum: dict[str, str], database: str | None
) -> list[str]:
    """Return the packages whose installed version is less than the MINIMUM, as their own package manager compares."""
    found = []
    for name, least in minimum.items():
        version = packages.get(name)
        if version is None:
            continue
        if KEPT_ELSEWHERE.fullmatch(name):
            behind = by_number(version) < by_number(least)
        elif database == "rpm":
            behind = rpm_is_less(module, version, least)
        else:
            behind = dpkg_is_less(module, version, least)
        if behind:
            found.append(name)
    return found


def dpkg_is_less(module: AnsibleModule, version: str, least: str) -> bool:
    """Compare as Debian does (Debian policy 5.6.12), by dpkg itself."""
    code, _, errors = module.run_command(["dpkg", "--compare-versions", version, "lt", least], environ_update=LANGUAGE)
    if code not in (0, 1):
        module.fail_json(msg=f"dpkg cannot compare {version} with {least}: {errors.strip()}")
    return bool(code == 0)


def rpm_is_less(module: AnsibleModule, version: str, least: str) -> bool:
    """Compare as RPM does, by its own rpmvercmp; what LEAST leaves out (epoch, release) is not compared.

    Part by part, because rpm.vercmp of rpm before 4.16 knows neither epoch nor release.
    """
    ours, wanted = RPM_VERSION.fullmatch(version), RPM_VERSION.fullmatch(least)
    if not ours or not wanted:
        module.fail_json(msg=f"rpm cannot compare {version} with {least}: this is no version of a package")
        return False  # never reached
    pairs = [(ours[part] or "0", wanted[part]) for part in (1, 2, 3) if wanted[part] is not None]
    words = " ".join(f"%{{lua:print(rpm.vercmp('{here}', '{there}'))}}" for here, there in pairs)
    code, output, errors = module.run_command(["rpm", "--eval", words], environ_update=LANGUAGE)
    verdicts = output.split()
    if code != 0 or len(verdicts) != len(pairs) or not set(verdicts) <= {"-1", "0", "1"}:
        module.fail_json(msg=f"rpm cannot compare {version} with {least}: {errors.strip() or output.strip()}")
    return next((verdict for verdict in verdicts if verdict != "0"), "0") == "-1"


# Where each package manager keeps what it locks (apt's holds are in dpkg's own list), and what reads it.
LOCKS = {
    "dnf": ("/etc/dnf/plugins/versionlock.list", locks_of_dnf),
    "dnf5": ("/etc/dnf/versionlock.toml", locks_of_dnf5),
    "zypper": ("/etc/zypp/locks", locks_of_zypper),
}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "minimum": {"type": "dict", "default": {}},
            "applications": {"type": "dict", "default": {}},
            "commands": {"type": "dict", "default": {}},
            "portable": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    names: list[str] = module.params["packages"]
    host = describe()
    manager = package_manager(host["os_family"] or "")
    database = DATABASES.get(manager or "")
    brew = homebrew() if host["os_family"] == "Darwin" else None
    packages, held = installed(module, database, names) if names and database else ({}, [])
    held += locked(manager, names)
    flatpaks, flatpak = ask_flatpak(module) if any(name.startswith("flatpak/") for name in names) else ({}, None)
    kegs = kegs_of(brew, names)
    if brew:
        brew["has"] = sorted(kegs)
    packages.update(kept_elsewhere(names, module.params["applications"], kegs, flatpaks))
    behind = older(module, packages, module.params["minimum"], database)
    described = {**host, "package_manager": manager}
    module.exit_json(
        changed=False,
        host=described,
        brew=brew,
        flatpak=flatpak,
        packages=packages,
        held=held,
        elsewhere={},
        older=behind,
    )


if __name__ == "__main__":
    main()
