#!/usr/bin/python
"""Tell whether a host could install packages, without changing anything. Documented below, where Ansible looks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_package_source_info
short_description: Tell whether the package sources of a host answer, and have the packages
description:
  - Has apt itself ask its sources, through the proxy that apt is set to, into a directory of its own that is removed
    afterwards. The lists that apt keeps stay as they are, and so does all else.
  - Where the lists that apt keeps know each package, only the small signed file of each source is fetched; otherwise
    the lists are, to see whether the packages are in them today.
  - dnf and zypper are asked which of the packages they could install, as anybody on the host may ask them; they fetch
    what is new of their lists, as at any question.
  - Bad news is a result and never fails the task.
options:
  packages:
    description: Names of the packages that are to be installed.
    type: list
    elements: str
    required: true
  manager:
    description: Which package manager is asked; C(dnf) is dnf 4 or 5, whichever bears that name.
    type: str
    choices: [apt, dnf, zypper]
    default: apt
  timeout:
    description: Seconds that apt or dnf waits for a source that says nothing.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: It only looks.
notes:
  - For hosts with apt, dnf or zypper. Needs root, as apt reads settings that only root may read.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Ask the package sources
  im_package_source_info:
    packages: [gajim]
  register: im_sources
"""

RETURN = r"""
sources:
  description: How many sources the package manager knows.
  returned: always
  type: int
unknown:
  description: Packages that no source offers. Empty while a source does not answer.
  returned: always
  type: list
  elements: str
failures:
  description: The sources that did not give what they should.
  returned: always
  type: list
  elements: dict
  contains:
    uri: {description: What was asked for., type: str, returned: always}
    reason: {description: What the package manager says., type: str, returned: always}
proxy:
  description: The proxy that apt is set to, without the name and password in it; empty when none. Asked of apt only.
  returned: always
  type: str
"""

import os
import re
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule

LANGUAGE = {"LC_ALL": "C", "LANGUAGE": "C"}
# What a package may be called (Debian policy 5.6.1), so neither a pattern nor an option.
NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
RPM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
# A line for each package or source, of dnf 4 and 5 and of zypper; headings and rulers are like none of them.
LISTED = {
    "dnf": re.compile(r"^(\S+)\.[a-z0-9_]+ +\S+ +\S+ *$", re.MULTILINE),
    "zypper": re.compile(r"^[^|\n]*\| (\S+) +\|.*\| package *$", re.MULTILINE),
}
SOURCES = {
    "dnf": (["dnf", "--quiet", "repolist"], re.compile(r"^(?!repo id )\S+ +\S", re.MULTILINE)),
    "zypper": (
        ["zypper", "--quiet", "--non-interactive", "repos", "--show-enabled-only"],
        re.compile(r"^ *\d+ \|", re.MULTILINE),
    ),
}
# On a desk of SUSE PackageKit holds libzypp's lock now and then: seconds to wait for it rather than know no package.
PATIENCE = {"ZYPP_LOCK_TIMEOUT": "300"}
# What they say of a source that did not give what it should.
SILENT = re.compile(
    r"^.*(?:Failed to download metadata|Curl error|Cannot download|Status code|Valid metadata not found).*$",
    re.MULTILINE,
)
# apt.conf(5), "The Acquire group": without these, apt-get update fetches the signed file of each source and no list.
NO_LISTS = [
    option
    for kind in ("deb::Packages", "deb-src::Sources")
    for option in ("-o", "Acquire::IndexTargets::" + kind + "::DefaultEnabled=false")
]
# apt's words for a file that it did not get; W when it goes on with old lists, E when it has none.
FAILED = re.compile(r"^[WE]: Failed to fetch (\S+) +(.*)$", re.MULTILINE)
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def without_credentials(text: str) -> str:
    """Return a text without the user and password of the URLs in it."""
    return CREDENTIALS.sub("", text)


def failures_of(output: str) -> list[dict[str, str]]:
    """Return uri and reason of what apt says it failed to fetch, each once."""
    found = dict(FAILED.findall(output))
    return [
        {"uri": without_credentials(uri), "reason": without_credentials(reason.strip())}
        for uri, reason in sorted(found.items())
    ]


def without_candidate(policy: str, packages: list[str]) -> list[str]:
    """Return the packages for which ``apt-cache policy`` shows no version that could be installed."""
    found = re.findall(r"^(\S+):\n +Installed: .*\n +Candidate: (\S+)$", policy, re.MULTILINE)
    offered = {name.partition(":")[0] for name, version in found if version != "(none)"}
    return [name for name in packages if name not in offered]


def proxy_of(settings: str) -> str:
    """Return the first proxy in what ``apt-config dump`` prints, without credentials; "" when there is none."""
    found: list[str] = re.findall(r'^Acquire::https?::Proxy "([^"]+)";$', settings, re.MULTILINE | re.IGNORECASE)
    return next((without_credentials(proxy) for proxy in found if proxy.upper() != "DIRECT"), "")


class Apt:
    """apt with lists and a cache in a directory of its own."""

    def __init__(self, module: AnsibleModule, directory: str, timeout: int) -> None:
        self._module = module
        lists, cache = os.path.join(directory, "lists"), os.path.join(directory, "cache")  # noqa: PTH118  as plain as can be
        for path in (os.path.join(lists, "partial"), os.path.join(cache, "archives", "partial")):  # noqa: PTH118
            os.makedirs(path)  # noqa: PTH103
        self._own = [
            *("-o", "Dir::State::Lists=" + lists, "-o", "Dir::Cache=" + cache),
            *("-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=0", "-o", "Acquire::Languages=none"),
            *(word for way in ("http", "https") for word in ("-o", "Acquire::" + way + "::Timeout=" + str(timeout))),
        ]

    def _run(self, *words: str) -> str:
        _, output, errors = self._module.run_command(list(words), environ_update=LANGUAGE)
        return str(output) + "\n" + str(errors)

    def sources(self) -> int:
        """How many signed files the sources have."""
        return len(re.findall(r"^'[^']*(?:In)?Release' ", self._run("apt-get", "update", "--print-uris"), re.MULTILINE))

    def fetch(self, *more: str) -> list[dict[str, str]]:
        """Ask the sources; returns what failed."""
        return failures_of(self._run("apt-get", "update", *self._own, *more))

    def unknown(self, packages: list[str], own: bool) -> list[str]:
        """Packages without a candidate, by the lists that were fetched here (own) or by those that apt keeps."""
        # A name that no package can have is not asked about, and so has no candidate.
        asked = [name for name in packages if NAME.fullmatch(name)]
        words = self._own if own else []
        return without_candidate(self._run("apt-cache", *words, "policy", *asked), packages) if asked else packages

    def settings(self) -> str:
        """All settings of apt."""
        return self._run("apt-config", "dump")


def ask_rpm(module: AnsibleModule, manager: str, packages: list[str], timeout: int) -> dict[str, Any]:
    """Ask dnf or zypper which of these packages it could install; returns what exit_json() takes."""
    asked = [name for name in packages if RPM_NAME.fullmatch(name)]
    question = {
        "dnf": [
            "dnf",
            "--quiet",
            f"--setopt=timeout={timeout}",
            "--setopt=retries=1",
            "list",
            "--available",
            "--showduplicates",
        ],
        "zypper": ["zypper", "--quiet", "--non-interactive", "search", "--match-exact", "--type", "package"],
    }[manager]
    command, line = SOURCES[manager]
    sources = len(line.findall(module.run_command(command, environ_update=LANGUAGE)[1]))
    offered, said = set(), ""
    if asked and sources:
        _, output, errors = module.run_command([*question, *asked], environ_update={**LANGUAGE, **PATIENCE})
        offered, said = set(LISTED[manager].findall(output)), output + "\n" + errors
    unknown = [name for name in packages if name not in offered]
    failures = (
        [{"uri": "", "reason": without_credentials(line.strip())} for line in SILENT.findall(said)] if unknown else []
    )
    return {"sources": sources, "unknown": [] if failures else unknown, "failures": failures, "proxy": ""}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "required": True},
            "manager": {"type": "str", "choices": ["apt", "dnf", "zypper"], "default": "apt"},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    packages, manager = module.params["packages"], module.params["manager"]
    if manager != "apt":
        module.exit_json(changed=False, **ask_rpm(module, manager, packages, module.params["timeout"]))
    with tempfile.TemporaryDirectory() as directory:
        apt = Apt(module, directory, module.params["timeout"])
        sources, proxy = apt.sources(), proxy_of(apt.settings())
        failures: list[dict[str, str]] = []
        unknown = packages
        if sources and not apt.unknown(packages, own=False):
            failures, unknown = apt.fetch(*NO_LISTS), []
        elif sources:
            failures = apt.fetch()
            unknown = [] if failures else apt.unknown(packages, own=True)
    module.exit_json(changed=False, sources=sources, unknown=unknown, failures=failures, proxy=proxy)


if __name__ == "__main__":
    main()
