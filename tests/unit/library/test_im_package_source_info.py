"""im_package_source_info: what apt says, word for word as apt 2.6 and 3.0 said it on Debian 12 and 13."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).resolve().parents[3]

DEAD_PROXY = """Err:1 http://deb.debian.org/debian trixie InRelease
  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)
Reading package lists...
W: Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)
W: Some index files failed to download. They have been ignored, or old ones used instead.
"""  # noqa: E501 - apt's own lines
ASKS_WHO = """E: The repository 'http://deb.debian.org/debian trixie InRelease' is not signed.
E: Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease  407  Proxy Authentication Required [IP: 127.0.0.1 3999]
"""  # noqa: E501 - apt's own lines
POLICY = """gajim:
  Installed: (none)
  Candidate: 2.1.1-2
  Version table:
     2.1.1-2 500
        500 http://deb.debian.org/debian trixie/main amd64 Packages
pidgin:
  Installed: (none)
  Candidate: (none)
  Version table:
     2.14.14-1 -1
"""


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sources", PROJECT / "library" / "im_package_source_info.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_a_source_that_fails_is_told_once_with_the_words_of_apt(module: ModuleType) -> None:
    (told,) = module.failures_of(DEAD_PROXY + DEAD_PROXY)
    assert told["uri"] == "http://deb.debian.org/debian/dists/trixie/InRelease"
    assert told["reason"].startswith("Could not connect to 127.0.0.1:9")
    assert module.failures_of(ASKS_WHO)[0]["reason"].startswith("407  Proxy Authentication Required")
    assert module.failures_of("Hit:1 http://deb.debian.org/debian trixie InRelease\n") == []


def test_a_package_that_is_pinned_away_or_unheard_of_has_no_candidate(module: ModuleType) -> None:
    assert module.without_candidate(POLICY, ["gajim", "pidgin", "nonsuch"]) == ["pidgin", "nonsuch"]


def test_a_proxy_is_named_without_its_password(module: ModuleType) -> None:
    settings = 'Acquire::http::Proxy::mirror.example "DIRECT";\nAcquire::http::Proxy "http://svc:secret@proxy:3128/";\n'
    assert module.proxy_of(settings) == "http://proxy:3128/"
    assert module.proxy_of('Acquire::http::Proxy "DIRECT";\n') == ""
    assert module.proxy_of('Acquire "";\n') == ""
    refused = (
        "W: Failed to fetch http://svc:secret@mirror/dists/x/InRelease  Could not resolve 'http://svc:secret@proxy'"
    )
    assert "secret" not in str(module.failures_of(refused))


class FakeModule:
    """Stands for AnsibleModule where dnf and zypper are asked: first for their sources, then for packages."""

    def __init__(self, sources: str, listed: str, errors: str = "") -> None:
        self.answers = [(0, sources, ""), (0, listed, errors)]
        self.commands: list[list[str]] = []
        self.waited = ""

    def run_command(self, command: list[str], environ_update: dict[str, str]) -> tuple[int, str, str]:
        assert environ_update["LC_ALL"] == "C"
        self.commands.append(command)
        self.waited = environ_update.get("ZYPP_LOCK_TIMEOUT", "")
        return self.answers[len(self.commands) - 1]


DNF4 = "Available Packages\nthunderbird.noarch                         140.5.0-1                         lab\n"
DNF5 = "Available packages\nthunderbird.noarch 140.5.0-1 lab\n"
ZYPPER = """
S | Name   | Summary                                         | Type
--+--------+-------------------------------------------------+--------
  | thunderbird | Stand-in of the lab for thunderbird, not the program | package
"""


@pytest.mark.parametrize(
    ("manager", "sources", "listed"),
    [
        ("dnf", "repo id             repo name\nlab                 Stand-ins of the lab\n", DNF4),
        ("dnf", "repo id repo name\nlab     Stand-ins of the lab\n", DNF5),
        ("zypper", "# | Alias | Name | Enabled\n--+---\n1 | lab | Stand-ins of the lab | Yes\n", ZYPPER),
    ],
    ids=["dnf 4", "dnf 5", "zypper"],
)
def test_dnf_and_zypper_say_what_they_do_not_offer(module: ModuleType, manager: str, sources: str, listed: str) -> None:
    """Their words on the desks of the lab."""
    fake = FakeModule(sources, listed)
    found = module.ask_rpm(fake, manager, ["thunderbird", "pidgin", "--installroot=/"], 10)
    assert found == {"sources": 1, "unknown": ["pidgin", "--installroot=/"], "failures": [], "proxy": ""}
    assert fake.commands[1][-2:] == ["thunderbird", "pidgin"]  # what is no name never becomes an option
    assert fake.waited == "300"  # as long as PackageKit holds the lock, zypper knows no package


def test_a_repository_that_is_silent_is_told_before_what_it_would_offer(module: ModuleType) -> None:
    words = "Error: Failed to download metadata for repo 'x': Cannot download repomd.xml: http://me:secret@mirror/x\n"
    found = module.ask_rpm(FakeModule("lab  Lab\n", "", words), "dnf", ["pidgin"], 10)
    assert found["unknown"] == [] and "secret" not in str(found)
    assert found["failures"][0]["reason"].startswith("Error: Failed to download metadata for repo 'x'")
    assert module.ask_rpm(FakeModule("repo id  repo name\n", ""), "dnf", ["pidgin"], 10)["sources"] == 0
