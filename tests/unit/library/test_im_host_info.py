"""im_host_info: families, package managers, and what the package databases say."""

from __future__ import annotations

import importlib.util
import json
import os
import plistlib
import pwd
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from debian_packages import need

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("im_host_info", PROJECT / "library" / "im_host_info.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class FakeModule:
    """Stands for AnsibleModule where a program of the host is asked."""

    def __init__(self, code: int, output: str, errors: str = "") -> None:
        self.result = (code, output, errors)
        self.commands: list[list[str]] = []

    def run_command(self, command: list[str], environ_update: dict[str, str]) -> tuple[int, str, str]:
        assert environ_update["LC_ALL"] == "C"
        self.commands.append(command)
        return self.result

    def fail_json(self, msg: str) -> None:
        raise SystemExit(msg)


@pytest.mark.parametrize(
    ("identifiers", "expected"),  # ID, then ID_LIKE, of /etc/os-release
    [
        ("debian", "Debian"),
        ("ubuntu debian", "Debian"),
        ("linuxmint ubuntu debian", "Debian"),
        ("zorin ubuntu debian", "Debian"),
        ("raspbian debian", "Debian"),
        ("fedora", "RedHat"),
        ("rhel fedora", "RedHat"),
        ("rocky rhel centos fedora", "RedHat"),
        ("almalinux rhel centos fedora", "RedHat"),
        ("opensuse-leap suse opensuse", "Suse"),
        ("opensuse-tumbleweed opensuse suse", "Suse"),
        ("sled suse", "Suse"),
        ("arch", "Archlinux"),
        ("manjaro arch", "Archlinux"),
        ("alpine", "Alpine"),
        ("gentoo", "Gentoo"),
    ],
)
def test_a_derivative_belongs_to_the_family_it_says_it_is_like(
    module: ModuleType, identifiers: str, expected: str
) -> None:
    assert module.family(identifiers.split(), "Gentoo") == expected


@pytest.mark.parametrize(
    ("identifiers", "version", "expected"),  # (ID, ID_LIKE), then (family, major version)
    [
        (("debian", ""), "11.11", ("Debian", "11")),
        (("debian", ""), "13.1", ("Debian", "13")),
        (("ubuntu", "debian"), "24.04", ("Debian", "24")),
        (("debian", ""), "forky/sid", ("Debian", None)),
        (("fedora", ""), "42", ("RedHat", "42")),
        (("arch", ""), "", ("Archlinux", None)),
    ],
)
def test_a_linux_is_described_in_the_words_of_ansible(
    module: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    identifiers: tuple[str, str],
    version: str,
    expected: tuple[str, str | None],
) -> None:
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    monkeypatch.setattr(module.distro, "id", lambda: identifiers[0])
    monkeypatch.setattr(module.distro, "like", lambda: identifiers[1])
    monkeypatch.setattr(module, "get_distribution", identifiers[0].capitalize)
    monkeypatch.setattr(module, "get_distribution_version", lambda: version)
    host = module.describe()
    assert (host["system"], host["distribution_version"]) == ("Linux", version)
    assert (host["os_family"], host["distribution_major"]) == expected


def test_a_mac_is_described_in_the_words_of_ansible(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(module.platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    monkeypatch.setattr(module, "get_distribution", lambda: "Darwin")
    monkeypatch.setattr(module, "get_distribution_version", lambda: None)
    host = module.describe()
    assert (host["system"], host["distribution"], host["os_family"]) == ("Darwin", "MacOSX", "Darwin")
    assert (host["distribution_version"], host["distribution_major"]) == ("15.1", "15")


@pytest.mark.parametrize(
    ("present", "os_family", "expected"),
    [
        ({"/usr/bin/apt-get", "/usr/bin/dnf"}, "Debian", "apt"),
        ({"/usr/bin/dnf", "/usr/bin/yum", "/usr/bin/apt-get"}, "RedHat", "dnf"),
        ({"/usr/bin/yum"}, "RedHat", "yum"),
        ({"/run/ostree-booted", "/usr/bin/dnf"}, "RedHat", "atomic_container"),
        ({"/usr/bin/zypper"}, "Suse", "zypper"),
        ({"/opt/homebrew/bin/brew"}, "Darwin", "homebrew"),
        ({"/usr/bin/apt-get"}, "Suse", None),
        ({"/usr/bin/apt-get"}, "Haiku", None),
    ],
)
def test_the_package_manager_is_the_one_of_the_family(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, present: set[str], os_family: str, expected: str | None
) -> None:
    monkeypatch.setattr(module.os.path, "exists", lambda path: path in present)
    assert module.package_manager(os_family) == expected


def test_dpkg_counts_what_is_installed_and_not_what_left_its_configuration(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    lines = [
        "im\tgajim\tii \tall\t1.7.3-1",
        "im\tpidgin\trc \tamd64\t2.14.12-1",
        "im\tthunderbird\thi \tamd64\t1:140.5.0esr-1~deb12u1",
        "im\tlibc6\tii \ti386\t2.36-8",
        "im\tlibc6\tii \tamd64\t2.36-9",
        "im\tlibbar\thn \t\t",  # held, and not there: apt installs it as little as it replaces the other
        "im\tlibfoo\tii \tamd64\t1",
        "im\tlibfoo\tii \ti386\t2",
    ]
    fake = FakeModule(1, "\n".join(lines), "dpkg-query: no packages found matching nosuch")
    names = ["gajim", "pidgin", "thunderbird", "libc6", "libfoo", "nosuch"]
    versions, held = module.installed(fake, "dpkg", names)
    assert held == ["libbar", "thunderbird"]
    assert versions == {
        "gajim": "1.7.3-1",
        "pidgin": None,
        "thunderbird": "1:140.5.0esr-1~deb12u1",
        "libc6": "2.36-9",
        "libfoo": "1",
        "nosuch": None,
    }


def test_rpm_is_understood(module: ModuleType) -> None:
    """Output of a real rpm 4.18."""
    fake = FakeModule(
        2, "im\timtest\tii\tnoarch\t2:1.5-3\npackage gajim is not installed\npackage b is not installed\n"
    )
    versions, held = module.installed(fake, "rpm", ["imtest", "gajim", "b"])
    assert (versions, held) == ({"imtest": "2:1.5-3", "gajim": None, "b": None}, [])
    assert fake.commands[0][:2] == ["rpm", "-q"]


DNF_LOCKS = """
# Added lock on Mon Nov 23 13:21:50 2026
pidgin-0:2.14.13-3.*
!gajim-0:2.0-1.*
MozillaThunderbird*
gajim-plugins-2:1.0-1.noarch
"""
DNF5_LOCKS = """version = "1.0"

[[packages]]
name = "pidgin"
comment = "Added by 'versionlock add' command on 2026-11-23 13:20:16"

[[packages.conditions]]
key = "evr"
comparator = "="
value = "2.14.13-3"
"""
ZYPPER_LOCKS = """
type: package
match_type: glob
case_sensitive: on
solvable_name: MozillaThunderbird*


type: package
match_type: glob
case_sensitive: on
solvable_name: pidgin


type: package
match_type: glob
case_sensitive: on
solvable_name: gajim
version: < 2.0

type: patch
match_type: glob
case_sensitive: on
solvable_name: gajim
"""


@pytest.mark.parametrize(
    ("locks", "expected"),
    [
        (("dnf", DNF_LOCKS), ["pidgin", "MozillaThunderbird"]),
        (("dnf5", DNF5_LOCKS), ["pidgin"]),
        (("dnf5", 'packages = []\nversion = "1.0"\n'), []),
        (("zypper", ZYPPER_LOCKS), ["pidgin", "MozillaThunderbird"]),
        (("zypper", ""), []),
    ],
)
def test_what_is_locked_is_read_from_the_list_of_the_package_manager(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, locks: tuple[str, str], expected: list[str]
) -> None:
    """Lists as dnf 4.14, dnf5 5.4 and zypper 1.14 wrote them, and what people add by hand."""
    manager, content = locks
    _, parse = module.LOCKS[manager]
    monkeypatch.setitem(module.LOCKS, manager, (str(tmp_path / "locks"), parse))
    names = ["gajim", "pidgin", "MozillaThunderbird", "thunderbird"]
    assert module.locked(manager, names) == []  # nobody ever locked anything
    (tmp_path / "locks").write_text(content, encoding="utf-8")
    assert module.locked(manager, names) == expected
    assert module.locked("apt", names) == module.locked(None, names) == []


def test_versions_are_compared_as_debian_does_on_the_desk(module: ModuleType) -> None:
    packages = {"gajim": "1.7.3-2", "pidgin": None}
    fake = FakeModule(0, "")
    assert module.older(fake, packages, {"gajim": "1.8", "pidgin": "2.14"}, "dpkg") == ["gajim"]
    assert fake.commands == [["dpkg", "--compare-versions", "1.7.3-2", "lt", "1.8"]]
    assert module.older(FakeModule(1, ""), packages, {"gajim": "1.7"}, "dpkg") == []
    with pytest.raises(SystemExit, match=r"cannot compare 1\.7\.3-2 with ~~"):
        module.older(FakeModule(2, "", "bad syntax"), packages, {"gajim": "~~"}, "dpkg")


class RealModule:
    """Stands for AnsibleModule where the programs of this machine are asked."""

    def run_command(self, command: list[str], environ_update: dict[str, str]) -> tuple[int, str, str]:
        done = subprocess.run(
            command, env={**os.environ, **environ_update}, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def fail_json(self, msg: str) -> None:
        raise SystemExit(msg)


@pytest.mark.parametrize(
    ("version", "least", "behind"),
    [
        ("2.14.12-1.fc42", "2.14.12", False),
        ("2.14.9-1.fc42", "2.14.12", True),
        ("2.14.12-9.fc42", "2.14.12-10.fc42", True),
        ("1:1.0-1", "2.0", True),  # a least version without an epoch says nothing of epochs
        ("1:1.0-1", "2:0.5", True),
        ("2:0.5-1", "1:1.0", False),
        ("1.0-1", "1:0.5", True),
        ("1.7~rc1-1", "1.7", True),
        ("1.7^git1-1", "1.7", False),
        ("140.5.0esr-1", "140.5.0", False),
    ],
)
def test_versions_of_rpms_are_compared_by_rpm_itself(
    module: ModuleType, version: str, least: str, behind: bool
) -> None:
    need("rpm", "rpm")
    found = module.older(RealModule(), {"pidgin": version}, {"pidgin": least}, "rpm")
    assert found == (["pidgin"] if behind else [])


@pytest.mark.parametrize("least", ["1.7' .. os.execute('id') .. '", "1.7-1-1", "", "%{nil}"])
def test_what_is_no_version_never_reaches_rpm(module: ModuleType, least: str) -> None:
    fake = FakeModule(0, "0")
    with pytest.raises(SystemExit, match="this is no version of a package"):
        module.older(fake, {"pidgin": "2.14-1"}, {"pidgin": least}, "rpm")
    assert fake.commands == []


def test_an_rpm_without_an_answer_is_a_failure(module: ModuleType) -> None:
    with pytest.raises(SystemExit, match="rpm cannot compare 2-1 with 3: no lua here"):
        module.older(FakeModule(0, "%{lua:print()}", "no lua here"), {"a": "2-1"}, {"a": "3"}, "rpm")


def homebrew_at(tmp_path: Path, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A prefix of Homebrew with two versions of one formula and one of a cask."""
    for keg in ("Cellar/pidgin/2.14.9", "Cellar/pidgin/2.14.14_1", "Caskroom/thunderbird@esr/140.7.0esr"):
        (tmp_path / keg).mkdir(parents=True)
    (tmp_path / "Caskroom/thunderbird@esr/.metadata").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/brew").touch()
    monkeypatch.setitem(module.MANAGERS, "Darwin", ((f"{tmp_path}/bin/brew", "homebrew"),))
    found: dict[str, Any] = module.homebrew()
    return found


def test_what_homebrew_has_is_read_from_its_directories(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brew = homebrew_at(tmp_path, module, monkeypatch)
    assert brew["prefix"] == str(tmp_path)
    assert brew["owner"] == pwd.getpwuid(os.geteuid()).pw_name
    names = ["formula/pidgin", "cask/thunderbird@esr", "cask/gajim", "pidgin", "cask/../etc"]
    kegs = module.kegs_of(brew, names)
    assert kegs == {"formula/pidgin": "2.14.14_1", "cask/thunderbird@esr": "140.7.0esr"}
    assert module.kept_elsewhere(names, {}, kegs, {}) == {
        "formula/pidgin": "2.14.14_1",
        "cask/thunderbird@esr": "140.7.0esr",
        "cask/gajim": None,
    }
    assert module.kegs_of(None, names) == {}


def test_a_prefix_of_homebrew_whose_owner_is_gone_has_none(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(module.pwd, "getpwuid", nobody)
    assert homebrew_at(tmp_path, module, monkeypatch)["owner"] is None


def test_on_an_intel_mac_the_owner_is_that_of_the_repository(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homebrew_at(tmp_path, module, monkeypatch)
    (tmp_path / "Homebrew").mkdir()
    asked: list[str] = []
    real = os.stat

    def noted(path: str, **more: Any) -> os.stat_result:
        asked.append(str(path))
        return real(path, **more)

    monkeypatch.setattr(module.os, "stat", noted)
    module.homebrew()
    assert asked[-1] == str(tmp_path / "Homebrew")


def test_an_application_that_is_there_is_installed_in_the_version_that_it_says(
    module: ModuleType, tmp_path: Path
) -> None:
    contents = tmp_path / "Thunderbird.app" / "Contents"
    contents.mkdir(parents=True)
    names, bundles = ["cask/thunderbird"], {"cask/thunderbird": str(tmp_path / "Thunderbird.app")}
    (contents / "Info.plist").write_bytes(plistlib.dumps({"CFBundleShortVersionString": "153.0.1"}))
    assert module.kept_elsewhere(names, bundles, {}, {}) == {"cask/thunderbird": "153.0.1"}
    for broken in (b"not a property list", plistlib.dumps(["a list"]), plistlib.dumps({})):
        (contents / "Info.plist").write_bytes(broken)
        assert module.kept_elsewhere(names, bundles, {}, {}) == {"cask/thunderbird": None}


def test_an_application_that_somebody_deleted_is_not_there_although_homebrew_still_has_its_cask(
    module: ModuleType, tmp_path: Path
) -> None:
    names, bundles = ["cask/thunderbird"], {"cask/thunderbird": str(tmp_path / "Thunderbird.app")}
    assert module.kept_elsewhere(names, bundles, {"cask/thunderbird": "153.0"}, {}) == {"cask/thunderbird": None}


def test_flatpak_is_asked_only_where_it_is(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns as Flatpak 1.14 writes them when nobody watches."""
    listed = FakeModule(0, "org.gajim.Gajim\t2.4.7\norg.mozilla.Thunderbird\t\nnonsense\n")
    assert module.ask_flatpak(listed) == ({}, None)
    assert listed.commands == []
    monkeypatch.setattr(module.os.path, "exists", lambda path: path == "/usr/bin/flatpak")
    versions, flatpak = module.ask_flatpak(listed)
    names = ["flatpak/org.gajim.Gajim", "flatpak/org.mozilla.Thunderbird", "flatpak/im.pidgin.Pidgin"]
    assert list(module.kept_elsewhere(names, {}, {}, versions).values()) == ["2.4.7", "0", None]
    assert [command[1:3] for command in listed.commands] == [["--system", "list"], ["--system", "remotes"]]
    assert flatpak is not None
    listed.result = (0, "flathub\nsite\n", "")
    assert module.ask_flatpak(listed)[1] == {"remotes": ["flathub", "site"]}
    listed.result = (1, "", "error: no such installation")
    with pytest.raises(SystemExit, match="no such installation"):
        module.ask_flatpak(listed)


def test_versions_of_homebrew_and_flatpak_are_compared_number_by_number(module: ModuleType) -> None:
    packages = {"formula/pidgin": "2.14.9", "cask/thunderbird": "140.7.0esr"}
    least = {"formula/pidgin": "2.14.10", "cask/thunderbird": "140.7"}
    assert module.older(None, packages, least, None) == ["formula/pidgin"]


def test_the_successor_of_dnf_is_known_behind_its_link(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os.path, "exists", lambda path: path == "/usr/bin/dnf")
    monkeypatch.setattr(module.os.path, "realpath", lambda _path: "/usr/bin/dnf5")
    assert module.package_manager("RedHat") == "dnf5"


def test_names_of_other_systems_are_not_installed_and_never_become_patterns_or_options(module: ModuleType) -> None:
    fake = FakeModule(1, "im\tgajim\tii \tall\t1\n")
    names = ["gajim", "thunderbird@esr", "*", "-W", "lib?", ""]
    assert module.installed(fake, "dpkg", names) == ({**dict.fromkeys(names), "gajim": "1"}, [])
    assert fake.commands[0][-2:] == ["--", "gajim"]
    silent = FakeModule(0, "")
    assert module.installed(silent, "dpkg", ["a@b"]) == ({"a@b": None}, [])
    assert silent.commands == []


@pytest.mark.parametrize(
    ("database", "code", "errors"),
    [("dpkg", 2, "dpkg-query: error: cannot open /var/lib/dpkg/status"), ("rpm", 1, "error: cannot open Packages")],
)
def test_a_database_that_cannot_be_read_is_a_failure_and_not_an_absent_package(
    module: ModuleType, database: str, code: int, errors: str
) -> None:
    with pytest.raises(SystemExit, match="cannot be read"):
        module.installed(FakeModule(code, "package gajim is not installed\n", errors), database, ["gajim"])


def test_it_answers_through_ansible_in_check_mode(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(tmp_path),
        "ANSIBLE_LIBRARY": str(PROJECT / "library"),
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }
    (tmp_path / "ansible.cfg").write_text("")
    command = [str(Path(sys.executable).parent / "ansible"), "localhost", "-i", "localhost,", "-c", "local", "--check"]
    arguments = ["-e", f"ansible_python_interpreter={sys.executable}", "-m", "im_host_info", "-a"]
    wanted = json.dumps({"packages": ["dpkg", "no-such-package"]})
    done = subprocess.run(
        [*command, *arguments, wanted], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
    assert result["changed"] is False
    assert result["host"].keys() == {
        "system",
        "distribution",
        "distribution_version",
        "distribution_major",
        "os_family",
        "architecture",
        "python",
        "package_manager",
    }
    if result["host"]["package_manager"] == "apt":
        queried = ["dpkg-query", "-W", "-f", "${Version}", "dpkg"]
        version = subprocess.run(queried, capture_output=True, text=True, check=True).stdout
        assert result["packages"] == {"dpkg": version, "no-such-package": None}


def test_the_documentation_is_valid(module: ModuleType) -> None:
    documentation = yaml.safe_load(module.DOCUMENTATION)
    assert set(documentation["options"]) == {
        "applications",
        "brew_user",
        "clients",
        "commands",
        "flatpak_remote",
        "holds",
        "installers",
        "language",
        "latest",
        "left_alone",
        "minimum",
        "minimum_versions",
        "packages",
        "portable",
        "retired",
        "sources",
        "versions",
    }
    returned = yaml.safe_load(module.RETURN)
    assert set(returned["host"]["contains"]) == {*module.describe(), "package_manager"}
