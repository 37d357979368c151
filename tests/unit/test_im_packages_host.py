"""What a host is asked about packages, and what the roles learn from its answers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.im_packages.host import NoAnswersError, Order, meaning, questions
from ansible.module_utils.im_packages.wishes import Wishes
from rendering import CLIENTS, COMMON

NOTHING = Wishes({}, [], {}, "")
BREW = {"path": "/opt/homebrew/bin/brew", "prefix": "/opt/homebrew", "owner": "admin", "has": ["formula/pidgin"]}
MANAGERS = {"Debian": "apt", "RedHat": "dnf", "Darwin": "homebrew", "Windows": "winget"}


def order(*wanted: str, retired: tuple[str, ...] = (), wishes: Wishes = NOTHING, **other: Any) -> Order:
    clients, gone = ([CLIENTS[name] for name in names] for names in (wanted, retired))
    return Order(clients, gone, other.get("left_alone", ()), other.get("least", {}), wishes, "en")


def said(platform: str, packages: dict[str, Any], **other: Any) -> dict[str, Any]:
    """What the module im_host_info answers."""
    host = {"os_family": platform, "distribution": platform, "distribution_version": "13"}
    host["package_manager"] = MANAGERS.get(platform, "pkg")
    return {"host": host, "packages": packages, "older": [], "brew": BREW, "held": [], "flatpak": None, **other}


def test_a_host_is_asked_about_the_packages_of_all_platforms_and_of_flatpak_only_where_the_site_takes_it() -> None:
    asked = questions(order("gajim", retired=("pidgin",), least={"gajim": "1.8"}))
    assert {"gajim", "pidgin", "formula/pidgin", "Gajim.Gajim"} <= set(asked["packages"])
    assert asked["minimum"]["gajim"] == "1.8" and "pidgin" not in asked["minimum"]
    assert not [name for name in asked["packages"] if name.startswith("flatpak/")]
    with_flatpak = questions(order("gajim", wishes=NOTHING._replace(sources={"gajim": "flatpak"})))
    assert [name for name in with_flatpak["packages"] if name.startswith("flatpak/")] == ["flatpak/org.gajim.Gajim"]


def test_a_client_that_windows_has_elsewhere_is_refused_with_what_would_do() -> None:
    asked = questions(order("thunderbird", "gajim"))["commands"]
    assert asked == {
        "Mozilla.Thunderbird.ESR.fr": "%ProgramFiles%\\Mozilla Thunderbird\\thunderbird.exe",
        "Gajim.Gajim": "%ProgramFiles(x86)%\\Gajim\\bin\\Gajim.exe",
    }
    there = {"Mozilla.Thunderbird.ESR.fr": "156.0.1", "Gajim.Gajim": "2.4.7"}
    folder = "C:\\Program Files (x86)\\Mozilla Thunderbird"
    answer = said("Windows", there, elsewhere={"Mozilla.Thunderbird.ESR.fr": folder})
    found = meaning(order("thunderbird", "gajim", wishes=NOTHING._replace(latest=["thunderbird"])), COMMON, answer)
    assert found["impossible"].keys() == {"thunderbird"} and not found["to_install"]
    refused = found["impossible"]["thunderbird"]
    assert folder in refused["why"] and "%ProgramFiles%\\Mozilla Thunderbird." in refused["why"]
    assert "Uninstall" in refused["remedy"]
    gone = meaning(order(retired=("thunderbird",)), COMMON, answer)
    assert gone["impossible"] == {} and gone["removable"] == ["Mozilla.Thunderbird.ESR.fr"]


def test_a_platform_without_answers_is_named_with_those_that_have_some() -> None:
    with pytest.raises(
        NoAnswersError, match=r"Pidgin: FreeBSD \(FreeBSD\) has no answers file; supported: Darwin, Deb"
    ):
        meaning(order("pidgin"), COMMON, said("FreeBSD", {}))
    with pytest.raises(NoAnswersError, match="messaging: FreeBSD"):
        meaning(order(), COMMON, said("FreeBSD", {}))


@pytest.mark.parametrize(
    ("left_alone", "brew"),
    [([], {"has": []}), ([], {"owner": None}), (["pidgin"], {})],
    ids=["not yet there", "nobody's", "left alone"],
)
def test_authorities_are_laid_for_programs_of_brew_that_are_there_and_ours_to_serve(
    left_alone: list[str], brew: dict[str, Any]
) -> None:
    def places(**told: Any) -> Any:
        there = said("Darwin", {"formula/pidgin": "2.14.14"}, brew=BREW | {"prefix": "/usr/local"} | told)
        wanted = order("pidgin", "thunderbird", left_alone=left_alone if told == brew else ())
        return meaning(wanted, COMMON, there)["homebrew"]["authorities"]

    assert places(has=["formula/pidgin"]) == ["/usr/local/opt/pidgin/share/purple/ca-certs"]
    assert places(**brew) == []


def test_the_file_of_the_authority_is_the_one_that_the_trust_command_of_a_mac_names() -> None:
    found = meaning(order("pidgin"), COMMON, said("Darwin", {}))
    assert f"'{found['trust_file']}'" in found["trust_command"][2]


def test_a_source_that_there_is_not_is_named_with_those_that_there_are() -> None:
    wishes = NOTHING._replace(sources={"gajim": "snap"})
    with pytest.raises(
        NoAnswersError, match=r"no such source on Debian \(Gajim: 'snap'\); Gajim: distribution, flatpak"
    ):
        meaning(order("gajim", wishes=wishes), COMMON, said("Debian", {}))


def test_brew_is_told_formulae_and_casks_apart_and_whose_it_is() -> None:
    wishes = NOTHING._replace(latest=["thunderbird"])
    found = meaning(
        order("thunderbird", retired=("pidgin",), wishes=wishes), COMMON, said("Darwin", {"formula/pidgin": "2.14.14"})
    )
    assert found["homebrew"] == {
        "user": "admin",
        "formulae": {"missing": [], "gone": [], "latest": [], "removable": ["pidgin"]},
        "casks": {"missing": ["thunderbird"], "gone": [], "latest": ["thunderbird"], "removable": []},
        "authorities": [],
    }
    assert found["removers"] == ["homebrew"] and found["removable"] == ["formula/pidgin"]
    assert meaning(order("pidgin"), COMMON, said("Debian", {}))["homebrew"] == {}


def test_a_cask_whose_application_somebody_deleted_is_forgotten_before_it_is_installed() -> None:
    deleted = said("Darwin", {"cask/thunderbird": None}, brew=BREW | {"has": ["cask/thunderbird"]})
    casks = meaning(order("thunderbird"), COMMON, deleted)["homebrew"]["casks"]
    assert casks["gone"] == casks["missing"] == ["thunderbird"]


@pytest.mark.parametrize("left_alone", [[], ["gajim", "pidgin"]])
def test_what_is_left_alone_is_neither_installed_nor_removed_and_still_lacks_something(left_alone: list[str]) -> None:
    there = {"pidgin": "2.14.14-1"}
    wanted = order("gajim", retired=("pidgin",), left_alone=left_alone, wishes=NOTHING._replace(holds={"pidgin": True}))
    found = meaning(wanted, COMMON, said("Debian", there, held=["pidgin"]))
    assert found["lacking"].keys() == {"gajim"}
    assert found["to_install"] is not bool(left_alone)
    assert found["removable"] == found["to_release_to_remove"] == ([] if left_alone else ["pidgin"])
    assert found["removers"] == ([] if left_alone else ["apt"])


def test_a_version_below_the_least_is_told_beside_the_least() -> None:
    answer = said("Debian", {"gajim": "1.7.3-1", "pidgin": "2.14.14-1"}, older=["gajim"])
    found = meaning(order("gajim", "pidgin", least={"gajim": "1.8", "pidgin": "2.14"}), COMMON, answer)
    assert found["outdated"] == {"gajim": {"installed": "1.7.3-1", "least": "1.8"}}


def test_flatpak_removes_what_came_from_it() -> None:
    wishes = NOTHING._replace(sources={"gajim": "flatpak"})
    answer = said("Debian", {"flatpak/org.gajim.Gajim": "2.3.4"}, flatpak={"remotes": ["flathub"]})
    found = meaning(order(retired=("gajim",), wishes=wishes), COMMON, answer)
    assert found["flatpaks"]["removable"] == ["flatpak/org.gajim.Gajim"]
    assert found["removable"] == [] and found["removers"] == ["flatpak"] and found["sources"] == {"gajim": "flatpak"}
