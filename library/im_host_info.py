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
  minimum:
    description:
      - Package to the least version that will do. The module's own option, set by the action plugin. Compared by
        C(dpkg) as Debian compares versions; where there is no C(dpkg), nothing is said to be older.
    type: dict
    default: {}
  packages:
    description:
      - Names of packages whose installed version is wanted. The module's own option, set by the action plugin.
      - A name that no package of the host can have, such as one of another system, is simply not installed.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: It only looks.
notes:
  - For Linux, macOS and BSD. Windows hosts have no Python.
  - Packages are looked up with C(dpkg-query) where the package manager is V(apt), and with C(rpm) where it is V(dnf),
    V(yum), V(zypper) or V(atomic_container).
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Look at the host
  im_host_info:
    clients: [gajim, pidgin]
  register: im_host
"""

RETURN = r"""
host:
  description: What kind of host it is. The words are those of Ansible's facts.
  returned: always
  type: dict
  contains:
    system:
      description: Kernel, such as V(Linux) or V(Darwin).
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
      description: Such as V(Debian), V(RedHat), V(Suse), V(Darwin).
      type: str
    architecture:
      description: Such as V(x86_64) or V(aarch64).
      type: str
    python:
      description: Version of the Python that ran this module.
      type: str
    package_manager:
      description: >-
        V(apt), V(dnf) (4 or 5), V(yum), V(zypper), V(pacman), V(apk), V(atomic_container) (rpm-ostree), V(homebrew)
        or V(pkgng); null if none of them is installed.
      type: str
packages:
  description: >-
    Installed version of each wanted package, null if it is not installed. A package of several architectures has the
    version of the native one. Empty if this module cannot ask the package manager of the host.
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
  description: Packages of the clients that are not installed, but for those that are left alone.
  returned: success
  type: list
  elements: str
removable:
  description: Installed packages of the clients in O(retired).
  returned: success
  type: list
  elements: str
trust_command:
  description: Command that makes the host trust a new certificate authority, from the answers file.
  returned: success
  type: list
  elements: str
"""

import os
import platform
import re

from ansible.module_utils import distro
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.sys_info import get_distribution, get_distribution_version

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
DATABASES = {"apt": "dpkg", "dnf": "rpm", "yum": "rpm", "zypper": "rpm", "atomic_container": "rpm"}

# What a package may be called (Debian policy 5.6.1, and RPM allows no more), so neither a pattern nor an option.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")


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
    return next((name for path, name in MANAGERS.get(os_family, ()) if os.path.exists(path)), None)  # noqa: PTH110  as cheap as can be


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


def installed(module: AnsibleModule, database: str, names: list[str]) -> dict[str, str | None]:
    """Ask the package database."""
    language = {"LC_ALL": "C", "LANGUAGE": "C"}
    asked = [name for name in names if NAME.fullmatch(name)]
    if not asked:
        return dict.fromkeys(names)
    code, output, errors = module.run_command([*LISTINGS[database], *asked], environ_update=language)
    # Absent packages give exit code 1 from dpkg-query, and from rpm their number.
    if (code not in (0, 1)) if database == "dpkg" else ("error:" in errors):
        module.fail_json(msg=f"the package database of this host cannot be read: {errors.strip()}")
    machine = platform.machine()
    native = {machine, "all", "noarch", {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)}
    return parse_listing(output, names, native)


def older(module: AnsibleModule, packages: dict[str, str | None], minimum: dict[str, str]) -> list[str]:
    """Return the packages whose installed version is less than the MINIMUM, as dpkg compares (Debian policy 5.6.12)."""
    found = []
    for name, least in minimum.items():
        version = packages.get(name)
        if version is None:
            continue
        language = {"LC_ALL": "C", "LANGUAGE": "C"}
        code, _, errors = module.run_command(
            ["dpkg", "--compare-versions", version, "lt", least], environ_update=language
        )
        if code not in (0, 1):
            module.fail_json(msg=f"dpkg cannot compare {version} with {least}: {errors.strip()}")
        if code == 0:
            found.append(name)
    return found


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "minimum": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    names: list[str] = module.params["packages"]
    host = describe()
    manager = package_manager(host["os_family"] or "")
    database = DATABASES.get(manager or "")
    packages = installed(module, database, names) if names and database else {}
    behind = older(module, packages, module.params["minimum"]) if database == "dpkg" else []
    module.exit_json(changed=False, host={**host, "package_manager": manager}, packages=packages, older=behind)


if __name__ == "__main__":
    main()
