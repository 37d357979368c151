"""What stands in the way of a ticket: found in the inventory and in what host, sources and server said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.im_catalogue import LANGUAGES
from ansible.module_utils.im_preflight import (
    CODES,
    Aim,
    Wish,
    aim,
    near,
    of_account,
    of_host,
    of_row,
    visible,
)

PEOPLE = {key: {"jid": f"{key}@univ.example"} for key in ("alice.martin", "bruno.lefevre")} | {
    "dina.haddad": {"jid": "d.haddad@univ.example"}
}
SEATS: dict[str, list[dict[str, Any]]] = {
    "bib-012.univ.example": [{"login": "amartin", "person": "alice.martin", "clients": ["gajim"]}],
    "bib-013.univ.example": [
        {"login": "blefevre", "person": "bruno.lefevre", "clients": ["pidgin"]},
        {"login": "bruno2", "person": "bruno.lefevre", "clients": ["pidgin"], "state": "absent"},
    ],
    "sco-01.univ.example": [],
}
HOST = {"os_family": "Debian", "distribution": "Debian", "distribution_version": "12.8"}
FINE: dict[str, Any] = {"host": HOST, "platform": "Debian"}
SOURCES: dict[str, Any] = {"sources": 3, "unknown": [], "failures": [], "proxy": ""}


def find(person: str, machine: str, client: str = "gajim", login: str = "") -> Aim:
    clients = ["gajim", "pidgin", "thunderbird"]
    return aim(Wish(person, machine, client, login), PEOPLE, SEATS, SEATS.__getitem__, clients=clients)


def codes(found: Aim) -> list[str]:
    return [problem.code for problem in found.problems]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_problem_has_a_sentence_and_a_remedy_and_no_sentence_is_left(language: str) -> None:
    of_flow = {"refused", "remedy", "detail"}
    said = {key.split(".")[1] for key in LANGUAGES[language] if key.startswith("preflight.")} - of_flow
    assert said == set(CODES)
    assert all(f"preflight.{code}.remedy" in LANGUAGES[language] for code in CODES)


def test_names_count_when_they_are_equal_but_for_case_and_the_session_is_that_of_the_inventory() -> None:
    found = find(" Alice.Martin ", "BIB-012.univ.example", "Gajim")
    assert found == Aim("alice.martin", "bib-012.univ.example", "gajim", "amartin", True, [])


def test_a_person_may_be_named_by_the_address() -> None:
    assert find("d.haddad@univ.example", "sco-01.univ.example", login="dh").person == "dina.haddad"


def test_all_that_the_inventory_does_not_know_is_told_at_once_with_near_names() -> None:
    found = find("alice.martn", "bib-012", "gajin")
    assert codes(found) == ["person_unknown", "machine_unknown", "client_unknown"]
    assert "Noms proches : alice.martin" in found.problems[0].text
    assert "Noms proches : bib-012.univ.example" in found.problems[1].text
    assert "Noms proches : gajim" in found.problems[2].text
    assert "im_ticket_client" in found.problems[2].remedy


def test_a_session_is_never_guessed() -> None:
    assert codes(find("alice.martin", "sco-01.univ.example")) == ["login_unknown"]
    assert codes(find("bruno.lefevre", "bib-013.univ.example")) == ["login_several"]
    assert find("alice.martin", "sco-01.univ.example", login="amartin").listed is False


def test_nobody_gets_an_account_laid_into_the_session_of_somebody_else() -> None:
    found = find("bruno.lefevre", "bib-012.univ.example", login="amartin")
    assert (codes(found), found.login) == (["login_of_other"], "")
    assert "amartin" in found.problems[0].text
    assert "alice.martin" in found.problems[0].text


def test_an_installation_that_is_to_go_or_of_another_client_is_not_one_that_the_inventory_lists() -> None:
    assert find("bruno.lefevre", "bib-013.univ.example", "pidgin", "blefevre").listed is True
    assert find("bruno.lefevre", "bib-013.univ.example", "pidgin", "bruno2").listed is False
    assert find("bruno.lefevre", "bib-013.univ.example", "gajim", "blefevre").listed is False


def test_text_of_a_ticket_is_shown_on_one_line_and_moves_no_cursor() -> None:
    found = find("x\x1b[2J\nalice\u202e", "sco-01.univ.example")
    assert "« x [2J alice »" in found.problems[0].text
    assert len(visible("x" * 5000)) == 200


def test_near_names_are_few_and_begin_with_those_that_hold_the_word() -> None:
    assert near("bib-013", SEATS) == ["bib-013.univ.example"]
    assert near("martin", PEOPLE) == ["alice.martin"]
    assert near("zzz", PEOPLE) == []
    assert near("", PEOPLE) == []


def test_what_is_fine_is_no_problem() -> None:
    assert of_host("pc", "gajim", FINE, SOURCES) == []
    assert of_host("pc", "gajim", FINE, {"skipped": True}) == []
    assert of_host("pc", "gajim", {"skipped": True}, {"skipped": True}) == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Failed to connect to the host via ssh: ssh: connect to host pc port 22: No route to host", "machine_silent"),
        ("Failed to connect to the host via ssh: deploy@pc: Permission denied (publickey).", "machine_denied"),
        ("@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@", "machine_changed"),
        ("ntlm: the specified credentials were rejected by the server", "machine_denied"),
        ("ntlm: HTTPSConnectionPool(host='pc', port=5986): [SSL: CERTIFICATE_VERIFY_FAILED]", "machine_changed"),
        ("ntlm: HTTPSConnectionPool(host='pc', port=5986): timed out", "machine_silent"),
    ],
)
def test_a_host_that_cannot_be_reached_is_told_apart_by_the_reason(said: str, code: str) -> None:
    (told,) = of_host("pc", "gajim", {"unreachable": True, "msg": said}, {"skipped": True})
    assert (told.code, told.detail) == (code, said)


def test_gajim_on_a_mac_is_refused_with_what_to_offer_instead() -> None:
    about = {**HOST, "os_family": "Darwin", "distribution": "MacOSX"}
    refused = {"why": "Gajim : pas de cask.", "remedy": "Gajim.app."}
    mac = {"host": about, "platform": "Darwin", "impossible": {"gajim": refused}}
    (told,) = of_host("mac", "gajim", mac, {"skipped": True})
    assert told.code == "gajim_on_macos"
    assert "Pidgin ou Thunderbird" in told.remedy
    assert of_host("mac", "pidgin", mac, {"skipped": True}) == []
    assert of_host("mac", "gajim", {**mac, "impossible": {}}, {"skipped": True}) == []  # somebody put it there
    (told,) = of_host("mac", "pidgin", {**mac, "impossible": {"pidgin": refused}}, {"skipped": True})
    assert (told.code, told.text, told.remedy) == ("package_impossible", "mac : Gajim : pas de cask.", "Gajim.app.")
    (told,) = of_host("mac", "pidgin", {"host": about, "msg": "no answers file"}, {"skipped": True})
    assert told.code == "platform_unknown"


def test_a_host_where_nothing_can_be_done_is_told_with_its_own_words() -> None:
    (told,) = of_host("pc", "gajim", {"msg": "Missing sudo password"}, {"skipped": True})
    assert (told.code, told.detail) == ("machine_failed", "Missing sudo password")
    (told,) = of_host("pc", "gajim", FINE, {"msg": "apt is broken"})
    assert (told.code, told.detail) == ("machine_failed", "apt is broken")


@pytest.mark.parametrize(
    ("proxy", "reason", "code"),
    [
        ("http://proxy:3128", "407  Proxy Authentication Required [IP: 10.0.0.1 3128]", "proxy_refused"),
        ("", "407  Proxy Authentication Required [IP: 10.0.0.1 3128]", "proxy_refused"),  # a proxy of the network
        ("http://proxy:3128", "403  Forbidden [IP: 10.0.0.1 3128]", "proxy_refused"),
        ("http://10.0.0.1:3128", "Could not connect to 10.0.0.1:3128 (10.0.0.1). - connect (111)", "proxy_silent"),
        ("http://proxy.univ.example:3128/", "Could not resolve 'proxy.univ.example'", "proxy_silent"),
        ("", "Temporary failure resolving 'deb.debian.org'", "source_silent"),
        ("", "403  Forbidden [IP: 10.0.0.2 80]", "source_silent"),
        ("http://proxy:3128", "404  Not Found [IP: 10.0.0.2 80]", "source_silent"),
    ],
)
def test_a_source_that_fails_is_told_by_what_is_to_be_mended(proxy: str, reason: str, code: str) -> None:
    failures = [{"uri": "http://deb.debian.org/debian/dists/bookworm/InRelease", "reason": reason}]
    (told,) = of_host("pc", "gajim", FINE, {**SOURCES, "failures": failures, "proxy": proxy})
    assert told.code == code
    assert reason in told.detail
    assert "Acquire::http::Proxy" in told.remedy


def test_packages_without_a_source_are_named() -> None:
    (none,) = of_host("pc", "gajim", FINE, {**SOURCES, "sources": 0, "unknown": ["gajim"]})
    (unknown,) = of_host("pc", "gajim", FINE, {**SOURCES, "unknown": ["gajim", "librsvg2-common"]})
    assert none.code == "source_none"
    assert (unknown.code, "gajim, librsvg2-common" in unknown.text) == ("package_unknown", True)


@pytest.mark.parametrize(
    ("verdict", "refused"),
    [
        ("absent", True),
        ("auth_failed", True),
        ("account_disabled", True),
        ("ok", False),
        ("exists", False),
        ("not_checked", False),
        ("unreachable", False),
        ("temporary_failure", False),
    ],
)
def test_only_an_account_that_will_not_work_stands_in_the_way(verdict: str, refused: bool) -> None:
    told = of_account({"jid": "alice@univ.example", "verdict": verdict, "hint": "Do this.", "detail": "why"})
    assert [(problem.code, problem.remedy) for problem in told] == ([("account", "Do this.")] if refused else [])
    assert of_account(None) == []


@pytest.mark.parametrize(("state", "told"), [("refused", 1), ("failed", 1), ("drift", 0), ("compliant", 0)])
def test_a_look_that_foretells_a_refusal_stands_in_the_way(state: str, told: int) -> None:
    row = {"state": state, "login": "amartin", "host": "pc", "client": "pidgin", "detail": ".purple/prefs.xml: line 1"}
    found = of_row(row)
    assert len(found) == told
    assert all(problem.detail == ".purple/prefs.xml: line 1" for problem in found)


@pytest.mark.parametrize("manager", ["dnf", "zypper"])
def test_what_no_repository_offers_is_told_with_the_repositories_that_may(manager: str) -> None:
    host = {**FINE, "manager": manager}
    (told,) = of_host("pc", "pidgin", host, {**SOURCES, "unknown": ["pidgin"]})
    assert told.code == "package_unknown_rpm" and manager in told.text and "epel-release" in told.remedy
    (none,) = of_host("pc", "pidgin", host, {**SOURCES, "sources": 0, "unknown": ["pidgin"]})
    assert none.code == "source_none_rpm"
    failures = [{"uri": "", "reason": "Curl error (7)"}]
    (silent,) = of_host("pc", "pidgin", host, {**SOURCES, "failures": failures})
    assert (silent.code, silent.detail) == ("source_silent_rpm", "Curl error (7)")
    assert "apt" not in none.remedy + silent.remedy + told.remedy
