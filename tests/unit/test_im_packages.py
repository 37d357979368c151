"""What a host lacks for its clients, how its package manager is asked for it, and why it cannot be had."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.im_formats.shell_link import link_to
from ansible.module_utils.im_packages.answers import (
    applications_of,
    copies_of,
    names_to_ask,
    on_distribution,
    options_of,
    product_id_of,
    source_of,
    with_source,
)
from ansible.module_utils.im_packages.planning import plan
from ansible.module_utils.im_packages.versions import is_version
from ansible.module_utils.im_packages.wishes import Wishes
from rendering import CLIENTS, COMMON

NOTHING = Wishes({}, [], {}, "")
MANAGERS = {"Debian": "apt", "RedHat": "dnf", "Suse": "zypper", "Darwin": "homebrew", "Windows": "winget"}
FLATPAK = {"remotes": ["flathub"]}
BREW = {"path": "/opt/homebrew/bin/brew", "prefix": "/opt/homebrew", "owner": "admin", "has": ["formula/pidgin"]}


def host(platform: str, distribution: str = "", manager: str | None = "as usual") -> dict[str, Any]:
    """What im_host_info says of a host of a family."""
    return {
        "os_family": platform,
        "distribution": distribution or platform,
        "distribution_version": "9",
        "package_manager": MANAGERS[platform] if manager == "as usual" else manager,
    }


def planned(  # a test says what is special about its host
    name: str,
    platform: str,
    packages: dict[str, str | None] | None = None,
    wishes: Wishes = NOTHING,
    *,
    about: dict[str, Any] | None = None,
    brew: dict[str, Any] | None = None,
    **said_too: Any,
) -> dict[str, Any]:
    said: dict[str, Any] = {"host": about or host(platform), "packages": packages or {}, "brew": brew or BREW}
    said |= {"flatpak": FLATPAK, "held": [], **said_too}
    client = on_distribution(CLIENTS[name], platform, said["host"]["distribution"])
    client = with_source(client, platform, wishes.sources.get(name, ""), wishes.installers.get(name))
    return plan([client], platform, COMMON.platforms[platform], said=said, wishes=wishes, language="en")


@pytest.mark.parametrize(
    ("platform", "missing"),
    [
        ("Debian", ["thunderbird", "thunderbird-l10n-fr"]),
        ("RedHat", ["thunderbird"]),
        ("Suse", ["MozillaThunderbird", "MozillaThunderbird-translations-common"]),
        ("Darwin", ["cask/thunderbird"]),
        ("Windows", ["Mozilla.Thunderbird.ESR.fr"]),
    ],
)
def test_each_family_is_asked_for_its_own_packages(platform: str, missing: list[str]) -> None:
    found = planned("thunderbird", platform)
    assert found["missing"] == missing == found["lacking"]["thunderbird"]
    assert found["impossible"] == {} and found["to_install"]
    assert found["manager"] == MANAGERS[platform]


@pytest.mark.parametrize("platform", MANAGERS)
def test_what_is_there_is_asked_of_nobody(platform: str) -> None:
    packages: dict[str, str | None] = dict.fromkeys(CLIENTS["thunderbird"].platforms[platform]["packages"], "140.5.0-1")
    found = planned("thunderbird", platform, packages, about=host(platform, manager=None))
    assert found["missing"] == found["latest"] == [] and found["impossible"] == found["lacking"] == {}
    assert not found["to_install"]


@pytest.mark.parametrize(
    ("platform", "distribution", "said"),
    [
        ("RedHat", "Redhat", "neither Redhat 9 nor EPEL has a package"),
        ("RedHat", "Almalinux", "neither Almalinux 9 nor EPEL has a package"),
        ("Suse", "Sles", "Sles 9 has no package"),
        ("Darwin", "MacOSX", "Homebrew has neither cask nor formula"),
    ],
)
def test_where_no_package_of_gajim_is_the_sentence_says_what_would_do(
    platform: str, distribution: str, said: str
) -> None:
    found = planned("gajim", platform, about=host(platform, distribution))
    assert said in found["impossible"]["gajim"]["why"] and found["impossible"]["gajim"]["remedy"]
    assert found["missing"] == [] and found["lacking"] == {"gajim": CLIENTS["gajim"].platforms[platform]["packages"]}


def test_a_hole_is_none_once_the_site_has_put_the_client_there() -> None:
    assert planned("gajim", "RedHat", {"gajim": "2.1-1"}, about=host("RedHat", "Redhat"))["impossible"] == {}
    assert planned("gajim", "Darwin", {"cask/gajim": "2.5.0"})["impossible"] == {}


@pytest.mark.parametrize("manager", ["homebrew", None])
def test_an_application_that_came_by_hand_is_brought_to_the_newest_by_nobody(manager: str | None) -> None:
    wishes = NOTHING._replace(latest=["pidgin", "thunderbird", "gajim"])
    for name in ("thunderbird", "gajim"):
        found = planned(name, "Darwin", {f"cask/{name}": "1.0"}, wishes, about=host("Darwin", manager=manager))
        assert found["latest"] == found["replaced"] == [] and found["impossible"] == {} and not found["to_install"]
    assert planned("thunderbird", "Darwin", wishes=wishes)["latest"] == ["cask/thunderbird"]
    assert planned("pidgin", "Darwin", {"formula/pidgin": "2.14.13"}, wishes)["latest"] == ["formula/pidgin"]


def test_fedora_and_opensuse_have_gajim() -> None:
    assert planned("gajim", "RedHat", about=host("RedHat", "Fedora"))["missing"] == ["gajim"]
    assert planned("gajim", "Suse", about=host("Suse", "Opensuse-leap"))["missing"] == ["gajim"]


def test_flatpak_fills_the_hole_where_the_site_says_so() -> None:
    wishes = NOTHING._replace(sources={"gajim": "flatpak"})
    found = planned("gajim", "RedHat", wishes=wishes, about=host("RedHat", "Redhat", "atomic_container"))
    assert found["impossible"] == {} and found["missing"] == []
    assert found["flatpaks"] == {"missing": ["flatpak/org.gajim.Gajim"], "latest": []}
    chosen = with_source(CLIENTS["gajim"], "RedHat", "flatpak").platforms["RedHat"]
    assert chosen["bases"]["profile"] == "~/.var/app/org.gajim.Gajim/config/gajim"
    assert chosen["command"] == ["flatpak", "run", "org.gajim.Gajim"]


@pytest.mark.parametrize(
    ("flatpak", "said"),
    [
        (None, "Flatpak is not installed"),
        ({"remotes": []}, "no remote 'flathub' on this desk (it has: -)"),
        ({"remotes": ["site", "fedora"]}, "no remote 'flathub' on this desk (it has: site, fedora)"),
    ],
)
def test_a_desk_that_cannot_reach_flatpak_says_what_would_do(flatpak: dict[str, Any] | None, said: str) -> None:
    wishes = NOTHING._replace(sources={"gajim": "flatpak"})
    found = planned("gajim", "RedHat", wishes=wishes, flatpak=flatpak)
    assert said in found["impossible"]["gajim"]["why"] and found["impossible"]["gajim"]["remedy"]
    assert not found["to_install"]
    other = wishes._replace(flatpak_remote="site")
    assert (planned("gajim", "RedHat", wishes=other, flatpak=flatpak)["to_install"]) is ("site" in str(flatpak))
    there: dict[str, str | None] = {"flatpak/org.gajim.Gajim": "2.4.7"}
    assert planned("gajim", "RedHat", there, wishes, flatpak=flatpak)["impossible"] == {}


def test_what_the_desk_holds_is_left_at_its_version_and_said() -> None:
    there: dict[str, str | None] = {"pidgin": "2.14.12-1"}
    assert planned("pidgin", "Debian", there, held=["pidgin"])["impossible"] == {}
    right = NOTHING._replace(versions={"pidgin": "2.14.12"})
    assert planned("pidgin", "Debian", there, right, held=["pidgin"])["impossible"] == {}
    for wishes in (NOTHING._replace(versions={"pidgin": "2.14.14"}), NOTHING._replace(latest=["pidgin"])):
        found = planned("pidgin", "Debian", there, wishes, held=["pidgin"])
        assert "held at version 2.14.12-1" in found["impossible"]["pidgin"]["why"]
        assert "apt-mark unhold pidgin" in found["impossible"]["pidgin"]["remedy"]
        assert not found["to_install"]
    assert planned("pidgin", "Debian", there, wishes, held=["gajim"])["to_install"]


HOLD = NOTHING._replace(holds={"thunderbird": True, "pidgin": True})
RELEASE = NOTHING._replace(holds={"thunderbird": False, "pidgin": False})


def held(found: dict[str, Any]) -> tuple[list[str], list[str], bool]:
    """What is released first, what is held in the end, whether there is anything to do."""
    return found["to_release"], found["to_hold"], found["to_install"]


@pytest.mark.parametrize(("platform", "manager"), [("Debian", "apt"), ("RedHat", "dnf5"), ("Suse", "zypper")])
def test_a_client_is_held_once_it_is_there_and_released_when_the_site_says_so(platform: str, manager: str) -> None:
    names = CLIENTS["thunderbird"].platforms[platform]["packages"]
    about = host(platform, manager=manager)
    there: dict[str, str | None] = dict.fromkeys(names, "140.5-1")
    missing = planned("thunderbird", platform, wishes=HOLD, about=about)
    assert missing["missing"] == names and held(missing) == ([], names, True)
    assert held(planned("thunderbird", platform, there, HOLD, about=about)) == ([], names, True)
    assert held(planned("thunderbird", platform, there, HOLD, about=about, held=names[:1])) == (
        [],
        names[1:],
        names[1:] != [],
    )
    assert held(planned("thunderbird", platform, there, HOLD, about=about, held=names)) == ([], [], False)
    assert held(planned("thunderbird", platform, there, RELEASE, about=about, held=names)) == (names, [], True)
    assert held(planned("thunderbird", platform, there, RELEASE, about=about)) == ([], [], False)
    assert held(planned("thunderbird", platform, there, about=about, held=names)) == ([], [], False)


def test_a_hold_of_the_site_makes_way_for_the_version_that_the_site_pins_and_comes_back() -> None:
    there: dict[str, str | None] = {"pidgin": "2.14.12-1"}
    found = planned("pidgin", "Debian", there, HOLD._replace(versions={"pidgin": "2.14.14"}), held=["pidgin"])
    assert found["impossible"] == {} and found["missing"] == ["pidgin=2.14.14-*"]
    assert held(found) == (["pidgin"], ["pidgin"], True)
    found = planned("pidgin", "Debian", there, HOLD._replace(versions={"pidgin": "2.14.12"}), held=["pidgin"])
    assert held(found) == ([], [], False)
    found = planned("pidgin", "Debian", there, RELEASE._replace(latest=["pidgin"]), held=["pidgin"])
    assert found["impossible"] == {} and found["latest"] == ["pidgin"] and held(found) == (["pidgin"], [], True)


def test_a_lock_on_a_package_that_somebody_took_away_is_lifted_so_that_it_comes_back() -> None:
    found = planned("pidgin", "Suse", wishes=HOLD, held=["pidgin"])
    assert found["missing"] == ["pidgin"] and held(found) == (["pidgin"], ["pidgin"], True)


@pytest.mark.parametrize(
    ("name", "platform", "manager", "source", "said"),
    [
        ("pidgin", "Darwin", "homebrew", "", "a hold, which homebrew cannot give"),
        ("pidgin", "Windows", "winget", "", "a hold, which winget cannot give"),
        ("pidgin", "RedHat", "yum", "", "a hold, which yum cannot give"),
        ("pidgin", "RedHat", "atomic_container", "", "a hold, which atomic_container cannot give"),
        ("thunderbird", "Debian", "apt", "flatpak", "a hold, which Flatpak cannot give"),
        ("thunderbird", "Debian", "apt", "snap", "a hold, which snap cannot give"),
    ],
)
def test_where_nothing_can_be_held_for_everybody_that_is_said_and_a_release_is_none(
    name: str, platform: str, manager: str, source: str, said: str
) -> None:
    wishes = HOLD._replace(sources={name: source} if source else {})
    answers = with_source(CLIENTS[name], platform, source).platforms[platform]
    there: dict[str, str | None] = dict.fromkeys(answers["packages"], "2.14.14")
    about = host(platform, manager=manager)
    for packages in ({}, there) if manager != "atomic_container" else (there,):
        found = planned(name, platform, packages, wishes, about=about)
        assert said in found["impossible"][name]["why"] and found["impossible"][name]["remedy"]
        assert held(found) == ([], [], False)
    released = planned(name, platform, there, wishes._replace(holds=RELEASE.holds), about=about)
    assert released["impossible"] == {} and held(released) == ([], [], False)


@pytest.mark.parametrize(
    ("platform", "manager", "command"),
    [
        ("Debian", "apt", "apt-mark unhold pidgin"),
        ("RedHat", "dnf", "dnf versionlock delete pidgin"),
        ("Suse", "zypper", "zypper removelock pidgin"),
    ],
)
def test_a_hold_of_somebody_else_is_named_with_the_command_that_ends_it(
    platform: str, manager: str, command: str
) -> None:
    wishes = NOTHING._replace(latest=["pidgin"])
    found = planned(
        "pidgin", platform, {"pidgin": "2.14-1"}, wishes, about=host(platform, manager=manager), held=["pidgin"]
    )
    assert command in found["impossible"]["pidgin"]["remedy"] and not found["to_install"]


@pytest.mark.parametrize(
    ("distribution", "french"),
    [("Debian", "thunderbird-l10n-fr"), ("Ubuntu", "thunderbird-locale-fr"), ("Linuxmint", "thunderbird-locale-fr")],
)
def test_the_french_of_thunderbird_is_called_as_the_distribution_calls_it(distribution: str, french: str) -> None:
    found = planned("thunderbird", "Debian", about=host("Debian", distribution))
    assert found["missing"] == ["thunderbird", french]
    there: dict[str, str | None] = {"thunderbird": "1:140.5", french: "1:140.5"}
    assert not planned("thunderbird", "Debian", there, about=host("Debian", distribution))["to_install"]
    assert french in names_to_ask([CLIENTS["thunderbird"]])
    snap = with_source(on_distribution(CLIENTS["thunderbird"], "Debian", distribution), "Debian", "snap")
    assert snap.platforms["Debian"]["packages"] == ["thunderbird"]  # it has its French in it


@pytest.mark.parametrize(
    ("version", "source", "profile"),
    [
        ("2:1snap1-0ubuntu3", "snap", "~/snap/thunderbird/common/.thunderbird"),
        ("1:140.5.0esr-1~deb12u1", "distribution", "~/.thunderbird"),
        (None, "distribution", "~/.thunderbird"),
    ],
)
def test_ubuntus_thunderbird_is_known_as_a_snap_by_its_version(version: str | None, source: str, profile: str) -> None:
    client = CLIENTS["thunderbird"]
    assert source_of(client, "Debian", {"thunderbird": version}, {}) == source
    answers = with_source(client, "Debian", source).platforms["Debian"]
    assert answers["bases"]["profile"] == profile
    assert answers["bases"]["policies"] == "/etc/thunderbird/policies"


def test_what_the_site_says_of_a_source_stands_above_what_the_version_tells() -> None:
    given = {"thunderbird": "distribution"}
    assert source_of(CLIENTS["thunderbird"], "Debian", {"thunderbird": "2:1snap1-0"}, given) == "distribution"


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (host("Darwin", "MacOSX", None), "no Homebrew"),
        (host("RedHat", "Fedora", "atomic_container"), "image-based"),
        (host("Debian", "Debian", None), "no package manager"),
        (host("Debian", "Debian", "pacman"), "cannot be asked for with 'pacman'"),
    ],
)
def test_a_host_without_a_way_to_packages_says_so(about: dict[str, Any], said: str) -> None:
    found = planned("pidgin", about["os_family"], about=about)
    assert said in found["impossible"]["pidgin"]["why"] and found["impossible"]["pidgin"]["remedy"]


@pytest.mark.parametrize(
    ("owner", "user", "said"),
    [
        ("root", "", "belongs to root, and brew refuses to run as root"),
        (None, "", "a login that does not exist any more"),
        ("admin", "other", "im_client_brew_user is 'other'"),
    ],
)
def test_brew_runs_as_the_owner_of_its_prefix_or_not_at_all(owner: str | None, user: str, said: str) -> None:
    wishes = NOTHING._replace(brew_user=user)
    found = planned("pidgin", "Darwin", wishes=wishes, brew={**BREW, "owner": owner})
    assert said in found["impossible"]["pidgin"]["why"] and found["impossible"]["pidgin"]["remedy"]
    assert found["missing"] == []


@pytest.mark.parametrize(
    ("platform", "pin", "asked"),
    [
        ("Debian", "2.14.12-1", ["pidgin=2.14.12-1"]),
        ("Debian", "2.14.12", ["pidgin=2.14.12-*"]),
        ("RedHat", "2.14.13", ["pidgin-2.14.13-*"]),
        ("RedHat", "2.14.*", ["pidgin-2.14.*"]),
        ("Suse", "2.14.13", ["pidgin=2.14.13"]),
        ("Windows", "2.14.13", ["Pidgin.Pidgin"]),
    ],
)
def test_a_pinned_version_is_asked_for_in_the_words_of_the_package_manager(
    platform: str, pin: str, asked: list[str]
) -> None:
    wishes = NOTHING._replace(versions={"pidgin": pin})
    name = CLIENTS["pidgin"].platforms[platform]["version_package"]
    assert planned("pidgin", platform, wishes=wishes)["missing"] == asked
    other = planned("pidgin", platform, {name: "2.13-1"}, wishes)
    assert other["replaced"] == [name]
    assert other["missing"] == asked and other["lacking"] == {"pidgin": [f"{name} {pin}"]}
    right = {"Debian": "2.14.12-1", "RedHat": "2.14.13-3.fc42", "Suse": "2.14.13-1", "Windows": "2.14.13"}[platform]
    assert planned("pidgin", platform, {name: right}, wishes)["to_install"] is False


def test_what_winget_has_to_know_stands_beside_the_names() -> None:
    clients = [CLIENTS["pidgin"], CLIENTS["gajim"]]
    wishes = NOTHING._replace(versions={"pidgin": "2.14.13"})
    options = options_of(clients, "Windows", wishes)
    assert options["Pidgin.Pidgin"]["version"] == "2.14.13" and options["Pidgin.Pidgin"]["id"] == "Pidgin.Pidgin"
    ours = link_to(CLIENTS["gajim"].platforms["Windows"]["command"])
    assert options["Gajim.Gajim"]["shortcuts_kept"] == [hashlib.sha256(ours).hexdigest()]
    assert "shortcuts_kept" not in options["Pidgin.Pidgin"]
    assert options["Gajim.Gajim"]["shortcuts"] == ["Gajim.lnk"] and "version" not in options["Gajim.Gajim"]
    assert options_of(clients, "Debian", wishes) == {}


def test_the_vendors_installer_needs_no_more_than_its_place_where_the_rest_is_known() -> None:
    mine = {"url": "https://mirror.univ.example/pidgin.exe", "sha256": "0" * 64}
    pidgin = options_of([CLIENTS["pidgin"]], "Windows", NOTHING._replace(installers={"pidgin": mine}))
    usual = {"product_id": "Pidgin", "arguments": ["/S", "/L=1036", "/DS=0"]}
    assert pidgin["Pidgin.Pidgin"]["installer"] == mine | usual
    own = mine | {"product_id": "Mozilla Thunderbird 156.0.1 (x64 fr)", "arguments": ["/S"]}
    known = options_of([CLIENTS["thunderbird"]], "Windows", NOTHING._replace(installers={"thunderbird": own}))
    assert known["Mozilla.Thunderbird.ESR.fr"]["installer"] == own
    assert product_id_of(CLIENTS["thunderbird"]) == ""


def test_an_application_is_known_by_its_bundle_or_by_the_name_that_windows_shows() -> None:
    known = applications_of([CLIENTS["thunderbird"]])
    assert known == {
        "cask/thunderbird": "/Applications/Thunderbird.app",
        "Mozilla.Thunderbird.ESR.fr": "Mozilla Thunderbird*",
    }


@pytest.mark.parametrize(
    ("platform", "pin", "said"),
    [
        ("Darwin", "2.14.13", "only has the newest"),
        ("Suse", "2.*", "has a *, which zypper"),
        ("Windows", "2.*", "has a *, which winget"),
    ],
)
def test_a_version_that_the_package_manager_cannot_give_is_refused(platform: str, pin: str, said: str) -> None:
    wishes = NOTHING._replace(versions={"pidgin": pin})
    assert said in planned("pidgin", platform, wishes=wishes)["impossible"]["pidgin"]["why"]


def test_winget_puts_no_older_version_in_the_place_of_a_newer_one() -> None:
    wishes = NOTHING._replace(versions={"pidgin": "2.14.9"})
    found = planned("pidgin", "Windows", {"Pidgin.Pidgin": "2.14.14"}, wishes)
    assert "2.14.14 is installed, newer than 2.14.9" in found["impossible"]["pidgin"]["why"]
    assert found["impossible"]["pidgin"]["remedy"] and found["missing"] == found["replaced"] == []
    assert found["lacking"] == {"pidgin": ["Pidgin.Pidgin 2.14.9"]}
    assert planned("pidgin", "Windows", {"Pidgin.Pidgin": "2.14.8"}, wishes)["missing"] == ["Pidgin.Pidgin"]


def test_only_what_is_named_is_ever_brought_to_the_newest_version() -> None:
    there: dict[str, str | None] = {"pidgin": "2.14.13-3"}
    assert planned("pidgin", "RedHat", there)["to_install"] is False
    found = planned("pidgin", "RedHat", there, NOTHING._replace(latest=["pidgin"]))
    assert (found["missing"], found["latest"], found["to_install"]) == ([], ["pidgin"], True)
    assert planned("pidgin", "RedHat", there, NOTHING._replace(latest=["gajim"]))["to_install"] is False


@pytest.mark.parametrize(
    ("version", "pin", "right"),
    [
        ("1:140.5.0esr-1~deb12u1", "140.5.0esr", True),
        ("1:140.5.0esr-1~deb12u1", "1:140.5.0esr-1~deb12u1", True),
        ("1:140.5.0esr-1~deb12u1", "140.*", True),
        ("1:140.5.0esr-1~deb12u1", "140", False),
        ("2.14.13-3.fc42", "2.14.13-3.fc42", True),
        ("2.14.13-3.fc42", "2.14.1", False),
        ("153.0", "153.0", True),
    ],
)
def test_as_much_of_a_version_is_compared_as_the_pin_names(version: str, pin: str, right: bool) -> None:
    assert is_version(version, pin) is right


def test_the_sentences_are_in_the_language_of_the_site() -> None:
    about = {"client": "Gajim", "name": "gajim", "distribution": "Redhat", "version": "9"}
    assert "im_package_sources: {gajim: flatpak}" in text("hole.gajim_rhel.remedy", "fr", **about)


PORTABLE = {"url": r"\\server\share\Gajim-Portable.exe", "sha256": "AB" * 32, "version": "2.4.7"}
STORE = "/%ProgramFiles%/im_client/portable/Gajim-2.4.7-abababababab"


def portable(installer: dict[str, Any], pins: dict[str, str] | None = None) -> Wishes:
    return Wishes(pins or {}, [], {"gajim": "portable"}, "", {"gajim": installer})


def test_a_program_for_homes_is_unpacked_once_and_winget_is_asked_nothing() -> None:
    wishes = portable(PORTABLE)
    found = planned("gajim", "Windows", wishes=wishes)
    wanted = {"name": "Gajim", "proof": "bin/is_portable", "folder": STORE, **PORTABLE, "sha256": "ab" * 32}
    assert (found["portables"], found["missing"], found["to_install"]) == ([wanted], [], True)
    assert found["lacking"] == {"gajim": ["portable/Gajim"]}
    there = planned("gajim", "Windows", {"portable/Gajim": "2.4.7"}, wishes)
    assert (there["portables"], there["lacking"], there["to_install"]) == ([], {}, False)
    copy = {"folder": STORE, "proof": "bin/is_portable", "version": "2.4.7"}
    assert copies_of([CLIENTS["gajim"], CLIENTS["pidgin"]], wishes) == {"portable/Gajim": copy}
    assert copies_of([CLIENTS["gajim"]], NOTHING) == {}


def test_a_program_for_homes_lies_where_the_site_says() -> None:
    usual = with_source(CLIENTS["gajim"], "Windows", "portable").platforms["Windows"]
    assert usual["bases"]["profile"] == "~/Gajim/UserData"
    there = with_source(CLIENTS["gajim"], "Windows", "portable", PORTABLE | {"folder": "Programs/Chat"})
    answers = there.platforms["Windows"]
    assert answers["command"] == [r"%USERPROFILE%\Programs\Chat\bin\Gajim.exe"]
    assert answers["bases"]["program"] == "~/Programs/Chat"
    strange = PORTABLE | {"version": r"1/../\x", "sha256": "../../.."}
    store = with_source(CLIENTS["gajim"], "Windows", "portable", strange).platforms["Windows"]["bases"]["program_store"]
    assert store == "/%ProgramFiles%/im_client/portable/Gajim-1_..__x-________"


@pytest.mark.parametrize("lacking", ["url", "sha256", "version"])
def test_a_program_for_homes_of_which_no_file_is_named_is_refused_with_a_remedy(lacking: str) -> None:
    found = planned("gajim", "Windows", wishes=portable(PORTABLE | {lacking: ""}))
    assert "which file" in found["impossible"]["gajim"]["why"]
    assert "{gajim: {url: ..., sha256: ..., version: ...}}" in found["impossible"]["gajim"]["remedy"]
    assert found["portables"] == []


def test_the_version_of_a_program_for_homes_is_that_of_its_file() -> None:
    found = planned("gajim", "Windows", wishes=portable(PORTABLE, {"gajim": "2.5.0"}))
    assert "im_package_installers" in found["impossible"]["gajim"]["why"]


def test_what_winget_is_told_of_an_installer_holds_nothing_of_portable_programs() -> None:
    wishes = Wishes({}, [], {}, "", {"gajim": PORTABLE | {"folder": "x"}})
    (told,) = options_of([CLIENTS["gajim"]], "Windows", wishes).values()
    assert set(told["installer"]) == {"url", "sha256", "product_id", "arguments"}
