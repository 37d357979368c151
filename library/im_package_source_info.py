#!/usr/bin/python
"""Tell whether a host could install packages, without changing anything. Documented below, where Ansible looks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_package_source_info
short_description: Tell whether the package sources of a host answer, and have the packages
description:
  - Has apt itself ask its sources, through the proxy that apt is set to, into a directory of its own that is removed
    afterwards. The lists that apt keeps stay as they are, and so does all else.
  - Where the kept lists know each package, only the small signed file of each source is fetched; otherwise the lists
    are, to see whether the packages are in them today.
  - Bad news is a result and never fails the task.
options:
  packages:
    description: Names of the packages that are to be installed.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds that apt waits for a source that says nothing.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: It only looks.
notes:
  - For hosts with apt. Needs root, as apt reads settings that only root may read.
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
  description: How many sources apt knows.
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
    reason: {description: What apt says., type: str, returned: always}
proxy:
  description: The proxy that apt is set to, without the name and password in it; empty when none.
  returned: always
  type: str
"""

import os
import re
import tempfile

from ansible.module_utils.basic import AnsibleModule

LANGUAGE = {"LC_ALL": "C", "LANGUAGE": "C"}
# What a package may be called (Debian policy 5.6.1), so neither a pattern nor an option.
NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
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


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    packages = module.params["packages"]
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
