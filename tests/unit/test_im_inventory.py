"""The inventory is checked at the door, with every mistake told at once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.im_inventory import (
    InventoryError,
    accounts_to_check,
    check_installers,
    check_minimum_versions,
    check_packages,
    check_portable,
    check_preferences,
    check_seats,
    complete_people,
    complete_service,
)
from rendering import CLIENTS

SERVICE = complete_service({"domain": "univ.example"})


def problems_of(call: Any, *args: Any) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        call(*args)
    return list(caught.value.problems)


def test_a_service_needs_only_its_domain() -> None:
    assert SERVICE == {
        "domain": "univ.example",
        "conference": "conference.univ.example",
        "host": None,
        "port": None,
        "tls": "starttls",
        "ca_file": None,
        "imap": None,
        "smtp": None,
    }


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        ({}, "im_service: domain is None; it takes the XMPP domain, such as univ.example"),
        ({"domain": "univ.example", "tls": "none"}, "im_service: tls is 'none'; it takes starttls or direct"),
        ({"domain": "univ.example", "port": 5222}, "im_service: port without host"),
        ({"domain": "univ.example", "host": "x", "port": 70000}, "im_service: port is 70000"),
        ({"domain": "univ.example", "imap": {"host": "imap"}}, "im_service: imap and smtp go together"),
        ({"domain": "univ.example", "imap": {"port": 1}, "smtp": {"host": "s"}}, "im_service.imap: no host"),
        ({"domain": "univ.example", "hots": "x"}, "im_service: unknown key 'hots'; known: ca_file, conference"),
        ("univ.example", "im_service: str instead of a mapping"),
    ],
)
def test_a_wrong_service_is_named(service: Any, sentence: str) -> None:
    assert any(problem.startswith(sentence) for problem in problems_of(complete_service, service))


def test_a_person_needs_only_the_key() -> None:
    person = complete_people({"alice.martin": None}, SERVICE)["alice.martin"]
    assert (person["jid"], person["name"], person["mail"]) == ("alice.martin@univ.example",) * 3
    assert person["rooms"] == [] and person["preferences"] == {}


def test_a_room_is_completed_from_the_service_and_the_person() -> None:
    people = {"alice.martin": {"rooms": ["Equipe", {"room": "x@muc.other.example", "nick": "Al", "autojoin": False}]}}
    assert complete_people(people, SERVICE)["alice.martin"]["rooms"] == [
        {
            "jid": "equipe@conference.univ.example",
            "room": "equipe",
            "server": "conference.univ.example",
            "name": "equipe",
            "nick": "alice.martin",
            "autojoin": True,
        },
        {
            "jid": "x@muc.other.example",
            "room": "x",
            "server": "muc.other.example",
            "name": "x",
            "nick": "Al",
            "autojoin": False,
        },
    ]


@pytest.mark.parametrize(
    ("people", "sentence"),
    [
        ({"a b": None}, "person 'a b': 'a b@univ.example' is not a bare JID"),
        ({"a": {"jid": "a@x/y"}}, "person 'a': 'a@x/y' is not a bare JID"),
        ({"a": {"nmae": "A"}}, "person 'a': unknown key 'nmae'; known: avatar, contacts"),
        ({"a": None, "b": {"jid": "A@univ.example"}}, "person 'b': JID A@univ.example is already that of person 'a'"),
        ({"a": {"preferences": {"auto_awya": True}}}, "person 'a': no preference named 'auto_awya'; known: start_at"),
        (
            {"a": {"preferences": {"auto_away_minutes": 0}}},
            "person 'a': preference 'auto_away_minutes' is 0; it takes a",
        ),
        ({"a": {"preferences": {"auto_away_minutes": True}}}, "person 'a': preference 'auto_away_minutes' is True"),
        (
            {"a": {"preferences": {"require_tls": False}}},
            "person 'a': preference 'require_tls' is False; it takes True",
        ),
        (
            {"a": {"preferences": {"archive": "yes"}}},
            "person 'a': preference 'archive' is 'yes'; it takes true or false",
        ),
        ({"a": {"rooms": [{"room": "x", "autojoin": "no"}]}}, "person 'a': room 1: autojoin is 'no'"),
        ({"a": {"rooms": ["x", "X"]}}, "person 'a': room 2: x@conference.univ.example is listed twice"),
        ({"a": {"rooms": [{"nick": "x"}]}}, "person 'a': room 1: room is ''"),
        ({"a": {"store_password": "yes"}}, "person 'a': store_password is 'yes'; it takes true or false"),
        ({"a": {"contacts": [{"jid": "nobody"}]}}, "person 'a': contact 1: 'nobody' is not a bare JID"),
    ],
)
def test_a_wrong_person_is_named(people: Any, sentence: str) -> None:
    assert any(problem.startswith(sentence) for problem in problems_of(complete_people, people, SERVICE))


def test_a_seat_of_an_unknown_person_lists_the_known_people() -> None:
    seats = [{"login": "pnom", "person": "prenom.non", "clients": ["gajim"]}]
    assert problems_of(check_seats, "pc-12", seats, ["prenom.nom", "a.b"], ["gajim"]) == [
        "seat 'pc-12/pnom': no person named 'prenom.non'; known: a.b, prenom.nom"
    ]


def test_all_mistakes_of_the_seats_are_told_at_once() -> None:
    seats = [
        {"login": "root", "person": "a", "clients": ["gajim"]},
        {"login": "x", "person": "a", "clients": ["gajmi"]},
        {"login": "x", "person": "a", "clients": []},
        {"person": "a", "clients": ["gajim"]},
        {"login": "y", "person": "a", "clients": ["gajim"], "cleints": []},
        {"login": "z", "person": "a", "clients": ["gajim"], "state": "gone"},
    ]
    assert problems_of(check_seats, "pc", seats, ["a"], ["gajim"]) == [
        "seat 'pc/root': root is not a person; name the session of a person",
        "seat 'pc/x': no client named 'gajmi'; known: gajim",
        "seat 'pc/x': listed twice; a seat is one login, with all its clients in one list",
        "seat 'pc/x': clients is []; it takes a list of: gajim",
        "host 'pc': seat 4: login is None; it takes the name of the session",
        "seat 'pc/y': unknown key 'cleints'; known: clients, login, person, state",
        "seat 'pc/z': state is 'gone'; it takes present or absent",
    ]


def test_a_long_list_of_known_people_is_cut() -> None:
    (problem,) = problems_of(
        check_seats, "pc", [{"login": "x", "person": "z", "clients": ["g"]}], map(str, range(99)), ["g"]
    )
    assert problem.endswith(", … (99 in all)")


def test_enforced_preferences_must_be_known() -> None:
    assert problems_of(check_preferences, {}, ["auto_replay"])[0].startswith(
        "im_enforced_preferences: no preference named 'auto_replay'; known: start_at_login"
    )
    assert check_preferences({"archive": True}, ["rooms"]) == ({"archive": True}, ["rooms"])


def test_accounts_carry_a_password_only_where_there_is_one() -> None:
    people = complete_people({"a": None, "b": None, "c": None}, SERVICE)
    reach = {"host": "127.0.0.1", "port": None}
    assert accounts_to_check(people, ["a", "b", "a", "c"], {"b": "s1", "c@univ.example": "s2"}, reach) == [
        {"jid": "a@univ.example", "host": "127.0.0.1"},
        {"jid": "b@univ.example", "password": "s1", "host": "127.0.0.1"},
        {"jid": "c@univ.example", "password": "s2", "host": "127.0.0.1"},
    ]


def test_minimum_versions_are_texts_of_known_clients() -> None:
    assert check_minimum_versions(None, ["gajim"]) == {}
    assert check_minimum_versions({"gajim": "1:1.10~rc1-2"}, ["gajim"]) == {"gajim": "1:1.10~rc1-2"}
    assert problems_of(check_minimum_versions, {"gajim": 1.1, "psi": "latest"}, ["gajim"]) == [
        'im_minimum_versions: gajim is 1.1; it takes a version in quotes, such as "1.7"',
        "im_minimum_versions: no client named 'psi'; known: gajim",
        "im_minimum_versions: psi is 'latest'; it takes a version in quotes, such as \"1.7\"",
    ]


def test_what_the_site_says_of_packages_is_checked_at_the_door() -> None:
    check_packages({"pidgin": "2.14.*"}, ["gajim"], {"gajim": "flatpak", "thunderbird": "snap"}, CLIENTS)
    check_packages(None, None, None, CLIENTS)
    told = problems_of(check_packages, {"pidgin": 2.14, "psi": "1"}, ["pidgin", "kopete"], {"gajim": "brew"}, CLIENTS)
    assert told == [
        'im_package_versions: pidgin is 2.14; it takes a version in quotes, such as "2.14.13"',
        "im_package_sources: gajim is 'brew'; it takes one of: distribution, flatpak, portable, snap",
        "im_package_versions: no client named 'psi'; known: gajim, pidgin, thunderbird",
        "im_package_latest: no client named 'kopete'; known: gajim, pidgin, thunderbird",
        "im_package_latest: pidgin is in im_package_versions too; it cannot be both one version and the newest",
    ]
    assert problems_of(check_packages, [], "gajim", None, CLIENTS)


def test_a_client_is_held_or_released_and_cannot_stay_and_be_the_newest() -> None:
    check_packages({"pidgin": "2.14.13"}, ["gajim"], None, CLIENTS, {"pidgin": True, "gajim": False})
    assert problems_of(
        check_packages, None, ["pidgin"], None, CLIENTS, {"pidgin": True, "gajim": "yes", "psi": True}
    ) == [
        "im_package_held: gajim is 'yes'; it takes true (stays at its version) or false (released)",
        "im_package_held: no client named 'psi'; known: gajim, pidgin, thunderbird",
        "im_package_latest: pidgin is held by im_package_held too; it cannot both stay and be the newest",
    ]
    (told,) = problems_of(check_packages, None, None, None, CLIENTS, ["pidgin"])
    assert told.startswith("im_package_held")


def test_an_installer_is_run_only_from_where_and_with_what_the_site_says() -> None:
    gajim = {"url": "https://mirror.univ.example/Gajim.exe", "sha256": "0" * 64}
    check_installers(None, CLIENTS)
    check_installers({"gajim": gajim, "pidgin": gajim | {"url": r"\\server\share\pidgin.exe"}}, CLIENTS)
    wrong = {"gajim": {"url": "http://x.example", "hash": "0"}, "thunderbird": gajim, "psi": gajim, "pidgin": "x"}
    assert problems_of(check_installers, wrong, CLIENTS) == [
        "im_package_installers: gajim: unknown: hash; known: arguments, folder, product_id, sha256, url, version",
        "im_package_installers: gajim: url is 'http://x.example'; it takes https://… or a share, \\\\server\\…",
        "im_package_installers: gajim: sha256 is None; it takes the file's, 64 digits in quotes",
        "im_package_installers: thunderbird: product_id is missing; it takes the name of the Uninstall key that this "
        "installer makes",
        "im_package_installers: psi: no such client; known: gajim, pidgin, thunderbird",
        "im_package_installers: pidgin is 'x'; it takes url, sha256, and if need be product_id and arguments",
    ]
    (told,) = problems_of(check_installers, {"gajim": gajim | {"arguments": "/S"}}, CLIENTS)
    assert "it takes a list of texts" in told


@pytest.mark.parametrize("folder", ["Gajim", "Programs/Gajim portable", "Gajim-2.4"])
def test_a_portable_program_goes_into_a_plain_folder_of_the_home(folder: str) -> None:
    gajim = {"url": "https://mirror.univ.example/Gajim.exe", "sha256": "0" * 64, "version": "2.4.7", "folder": folder}
    check_installers({"gajim": gajim}, CLIENTS)
    check_portable({}, [], {"gajim": "portable"}, {"gajim": gajim}, CLIENTS)


@pytest.mark.parametrize(
    "folder", ["", "..", "a/../b", "/Gajim", "a\\b", "C:", "AppData/x", "appdata", "Gajim.", "{x}"]
)
def test_no_other_folder_is_taken(folder: str) -> None:
    gajim = {"url": "https://mirror.univ.example/Gajim.exe", "sha256": "0" * 64, "folder": folder}
    (told,) = problems_of(check_installers, {"gajim": gajim}, CLIENTS)
    assert "folder is" in told


def test_a_portable_client_takes_its_version_and_file_from_one_place() -> None:
    sources = {"gajim": "portable", "pidgin": "distribution", "psi": "portable"}
    told = problems_of(check_portable, {"gajim": "2.4.7"}, ["gajim"], sources, {}, CLIENTS)
    assert told[0].startswith("im_package_sources: gajim is portable, so im_package_installers takes gajim with url")
    assert [line.partition(":")[0] for line in told[1:]] == ["im_package_versions", "im_package_latest"]
    (told_of_version,) = problems_of(
        check_installers,
        {"gajim": {"url": "https://mirror.univ.example/Gajim.exe", "sha256": "0" * 64, "version": 2.4}},
        CLIENTS,
    )
    assert "version is 2.4; it takes numbers and dots in quotes" in told_of_version
