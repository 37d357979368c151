"""Every family that the lab can show, in one run: Debian, a desk with dnf, one with zypper, one that says it is a Mac.

What the desks are, and what they prove and do not: lab/README.md, "Other families".
"""

from __future__ import annotations

import os
import plistlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from lab_runs import PROJECT, on_desk, playbook, report_of

pytestmark = pytest.mark.lab
INVENTORIES = ("-i", "inventories/demo", "-i", "tests/e2e/platforms")
DEBIAN, FEDORA, SUSE, MAC = "pc-bib-02", "pc-fed-05", "pc-sus-06", "mac-lab-07"
DNF5 = "pc-fed-08"
RPM_DESKS = f"{FEDORA}:{SUSE}"
BREW = "/opt/homebrew"
APPLICATION = "/Applications/Thunderbird.app"
# A lab of another prefix has its server elsewhere. People are written on it by other tests.
SERVER = {"host": "127.0.0.1", "port": 15222 + int(os.environ.get("LAB_PORT_SHIFT", "0"))}
ADMIN = {"jid": "svc-check@univ-lille.example", "password": "{{ vault_im_admin_password }}"}
LEFT_OUT: dict[str, Any] = {
    "im_provisioning_writer": {},
    "im_accounts_reach": SERVER,
    "im_accounts_admin": ADMIN | SERVER,
}


def site(limit: str, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run site.yml over these desks; what --check foretold is held against it."""
    return playbook("site.yml", *INVENTORIES, "--limit", limit, *arguments, extra=LEFT_OUT | variables)


def states(run: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """(host, client) -> state and version, of the table."""
    rows = report_of(run)["rows"]
    return {(row["host"], row["client"]): (row["state"], row["version"] or "") for row in rows}


@pytest.fixture(scope="module", autouse=True)
def untouched_desks() -> None:
    """The desks, with no client and no profile."""
    subprocess.run([PROJECT / "lab" / "lab", "up", DEBIAN, FEDORA, SUSE, MAC], check=True, capture_output=True)
    names = "gajim pidgin thunderbird MozillaThunderbird MozillaThunderbird-translations-common"
    forget = f"for name in {names}; do rpm -q $name >/dev/null && rpm --force-debian -e $name; done; "
    forget += "rm -rf /home/*/.purple /home/*/.thunderbird /home/*/.config /home/*/Library /var/lib/im_client "
    forget += f"{BREW}/Cellar/* {BREW}/Caskroom/* {BREW}/opt/* {BREW}/var.log {BREW}/gone {APPLICATION}"
    for desk in (FEDORA, SUSE, MAC):
        on_desk(desk, forget)


def test_one_run_one_table_and_every_state_right() -> None:
    first = site(f"{DEBIAN}:{FEDORA}:{SUSE}:{MAC}")
    found = states(first)
    assert {place: state for place, (state, _) in found.items() if place[0] != DEBIAN} == {
        (FEDORA, "gajim"): "changed",
        (FEDORA, "pidgin"): "changed",
        (FEDORA, "thunderbird"): "changed",
        (SUSE, "pidgin"): "changed",
        (SUSE, "thunderbird"): "changed",
        (MAC, "gajim"): "failed",
        (MAC, "pidgin"): "changed",
        (MAC, "thunderbird"): "changed",
    }, first.stdout
    assert found[DEBIAN, "pidgin"][0] in ("changed", "compliant")  # other tests work there too
    assert first.returncode == 2 and "Homebrew ne le fournit pas" in first.stdout
    second = site(f"{DEBIAN}:{FEDORA}:{SUSE}:{MAC}")
    assert set(states(second).values()) - {states(second)[DEBIAN, "pidgin"]} == {
        ("compliant", "1.9.5-1"),
        ("compliant", "2.14.14-1"),
        ("compliant", "140.5.0-1"),
        ("compliant", "2.14.14"),
        ("compliant", "153.0"),
        ("failed", ""),
    }, second.stdout


def test_the_packages_of_the_rpm_desks_stand_in_their_own_database() -> None:
    assert on_desk(FEDORA, "rpm -q gajim pidgin thunderbird").split() == [
        "gajim-1.9.5-1.noarch",
        "pidgin-2.14.14-1.noarch",
        "thunderbird-140.5.0-1.noarch",
    ]
    assert "pidgin" in on_desk(FEDORA, "dnf history userinstalled")
    assert "|install|pidgin|2.14.14-1|" in on_desk(SUSE, "cat /var/log/zypp/history")
    assert on_desk(SUSE, "rpm -q MozillaThunderbird") == "MozillaThunderbird-140.5.0-1.noarch\n"
    # The service's authority went where the family keeps such things, and its own command was called.
    for desk, place in ((FEDORA, "/etc/pki/ca-trust/source/anchors"), (SUSE, "/etc/pki/trust/anchors")):
        on_desk(desk, f"cmp {place}/im-service.crt /usr/local/share/ca-certificates/im-service.crt")


def test_brew_was_asked_what_it_needed_and_nothing_else() -> None:
    assert on_desk(MAC, f"cat {BREW}/var.log").splitlines() == [
        # --check
        "info --json=v2 pidgin",
        "--version",
        "list --cask thunderbird",
        # the run
        "info --json=v2 pidgin",
        "install pidgin",
        "--version",
        "list --cask thunderbird",
        "install --cask thunderbird --language=fr",
        "list --cask thunderbird",
    ]
    assert on_desk(MAC, f"stat -c %U {BREW}/Cellar/pidgin/*").split() == ["brewer"]


def test_an_application_that_was_deleted_comes_again_and_one_that_came_by_hand_is_left_to_itself() -> None:
    seats = {"im_seats": [{"login": "dhaddad", "person": "dina.haddad", "clients": ["thunderbird"]}]}
    # The prefix of the Intel Mac that this one was once, which the modules would take.
    on_desk(MAC, f"rm -r {APPLICATION}; ln -s /bin/false /usr/local/bin/brew; : > {BREW}/var.log")
    try:
        done = site(MAC, **seats)
        assert states(done)[MAC, "thunderbird"][1] == "153.0", done.stdout
        asked = on_desk(MAC, f"grep install {BREW}/var.log").splitlines()
        assert asked == ["uninstall --cask thunderbird --force", "install --cask thunderbird --language=fr"]
        on_desk(MAC, f"rm -r {BREW}/Caskroom/thunderbird; : > {BREW}/var.log")
        done = site(MAC, **seats, im_package_latest=["thunderbird"])
        assert states(done)[MAC, "thunderbird"] == ("compliant", "153.0"), done.stdout
        assert on_desk(MAC, f"cat {BREW}/var.log") == ""
    finally:
        on_desk(MAC, "rm -f /usr/local/bin/brew")


def test_a_mac_has_its_profiles_where_macos_has_them() -> None:
    home = "/home/dhaddad"
    listed = on_desk(MAC, f"cd {home} && find .purple Library -type f -printf '%u %m %p\\n' | sort -k3").splitlines()
    assert {line.split()[2] for line in listed} >= {
        ".purple/accounts.xml",
        "Library/LaunchAgents/im-client.pidgin.plist",
        "Library/LaunchAgents/im-client.thunderbird.plist",
        "Library/Thunderbird/profiles.ini",
    }
    assert {tuple(line.split()[:2]) for line in listed} == {("dhaddad", "600")}
    assert on_desk(MAC, f"ls -A {home}/.config 2>/dev/null || true") == ""
    agent = plistlib.loads(on_desk(MAC, f"cat {home}/Library/LaunchAgents/im-client.thunderbird.plist").encode())
    assert agent == {
        "Label": "im-client.thunderbird",
        "ProgramArguments": ["open", "-a", "Thunderbird"],
        "RunAtLoad": True,
    }
    # The hash of the application's directory: Thunderbird looks for this section on a Mac.
    assert "712DAF5A23ABECDC" in on_desk(MAC, f"cat {home}/Library/Thunderbird/profiles.ini")
    assert "add-trusted-cert -d -r trustRoot" in on_desk(MAC, "cat /var/log/lab-security")
    # Pidgin reads no keychain; its directory is brew's owner's.
    link, authority = (
        f"{BREW}/opt/pidgin/share/purple/ca-certs/im-service.pem",
        "/Library/Application Support/im_client",
    )
    assert on_desk(MAC, f"stat -c %U {link}; readlink {link}") == f"brewer\n{authority}/im-service.crt\n"
    on_desk(MAC, f"su dhaddad -c 'grep -q CERTIFICATE {link}'")


def test_a_mac_that_trusts_nobody_without_a_screen_says_what_would_do() -> None:
    seats = {"im_seats": [{"login": "dhaddad", "person": "dina.haddad", "clients": ["pidgin"]}]}
    proof = "'/Library/Application Support/im_client/im-service.trusted'"
    on_desk(MAC, f"rm {proof} /var/log/lab-has-a-screen")
    try:
        done = playbook("site.yml", *INVENTORIES, "--limit", MAC, extra=LEFT_OUT | seats, not_foretold="macOS refuses")
        (row,) = report_of(done)["rows"]
        assert row["state"] == "failed"
        assert "no user interaction was possible" in row["detail"] and "profil de configuration" in row["detail"]
    finally:
        on_desk(MAC, "touch /var/log/lab-has-a-screen")
    on_desk(MAC, f"test ! -e {proof}")  # so that the next run, below, tries again


def test_what_a_running_client_keeps_us_from_is_done_by_the_agent_of_the_next_login_to_a_mac() -> None:
    seats = {"im_seats": [{"login": "dhaddad", "person": "dina.haddad", "clients": ["pidgin"]}]}
    accounts, agent = "/home/dhaddad/.purple/accounts.xml", "/Library/LaunchAgents/im-client.login.plist"
    # Seen by ps, as there is no /proc on a Mac.
    on_desk(MAC, f"rm {accounts}; cp /bin/sleep /usr/local/bin/pidgin")
    start = "setsid /usr/local/bin/pidgin 3600 >/dev/null 2>&1 </dev/null & echo $!"
    pid = on_desk(MAC, f"su dhaddad -c '{start}'").strip()
    try:
        (row,) = report_of(site(MAC, **seats))["rows"]
        assert (row["state"], row["detail"]) == ("deferred", "process pidgin")
    finally:
        on_desk(MAC, f"kill {pid}; rm /usr/local/bin/pidgin")
    on_desk(MAC, f"test ! -e {accounts}; test -e '/Library/Application Support/im_client/im-service.trusted'")
    as_launchd = (
        f"import plistlib, subprocess; agent = plistlib.load(open('{agent}', 'rb')); assert agent['RunAtLoad']; "
        "subprocess.run(agent['ProgramArguments'], check=True, env={'PATH': '/usr/bin:/bin', 'LOGNAME': 'dhaddad'})"
    )
    on_desk(MAC, f'su dhaddad -c "python3 -c \\"{as_launchd}\\""')
    assert "dina.haddad@univ-lille.example" in on_desk(MAC, f"cat {accounts}")
    (row,) = report_of(site(MAC, **seats))["rows"]
    assert (row["state"], row["login_job"]["state"]) == ("compliant", "changed")
    on_desk(MAC, f"test ! -e {agent}")


def test_a_version_is_pinned_and_the_newest_comes_only_when_asked_for() -> None:
    pinned = site(RPM_DESKS, im_package_versions={"pidgin": "2.14.13"})
    for desk in (FEDORA, SUSE):
        assert states(pinned)[desk, "pidgin"][1] == "2.14.13-3", pinned.stdout
    newest = site(RPM_DESKS, im_package_latest=["pidgin"], im_minimum_versions={"pidgin": "2.14.14"})
    for desk in (FEDORA, SUSE):
        assert states(newest)[desk, "pidgin"][1] == "2.14.14-1", newest.stdout


#: How each desk moves all that it has by itself, as its nightly upgrades do.
UPGRADES = {
    FEDORA: "dnf --quiet --assumeyes upgrade",
    DNF5: "dnf5 --quiet --assumeyes upgrade",
    SUSE: "zypper --non-interactive update",
}


def stays_held_until_released(*desks: str, login: str, person: str) -> None:
    """A hold that the site asks for keeps a version against the desk's own upgrade, follows a pin, and ends.

    Args:
        desks: their repositories have 2.14.13 and 2.14.14 of Pidgin.
        login: of the seat on each.
        person: of that seat.
    """
    seats = {"im_seats": [{"login": login, "person": person, "clients": ["pidgin"]}]}
    held, released = seats | {"im_package_held": {"pidgin": True}}, seats | {"im_package_held": {"pidgin": False}}
    old, new = {"im_package_versions": {"pidgin": "2.14.13"}}, {"im_package_versions": {"pidgin": "2.14.14"}}
    limit = ":".join(desks)

    def versions() -> set[str]:
        return {on_desk(desk, "rpm -q --qf '%{EVR}' pidgin") for desk in desks}

    def upgrade() -> None:
        for desk in desks:
            on_desk(desk, UPGRADES[desk])

    done = site(limit, **held, **old)
    upgrade()
    assert versions() == {"2.14.13-3"}, done.stdout
    again = site(limit, **held, **old)
    assert set(states(again).values()) == {("compliant", "2.14.13-3")}, again.stdout
    assert again.stdout.count("changed=0") == len(desks), again.stdout
    # What is ours to move moves, and is held there; somebody else's hold is left, and named.
    site(limit, **held, **new)
    assert versions() == {"2.14.14-1"}
    for row in report_of(site(limit, **seats, **old))["rows"]:
        assert row["state"] == "failed" and "a gelé le paquet pidgin en version 2.14.14-1" in row["detail"], row
    site(limit, **released, **old)
    assert versions() == {"2.14.13-3"}
    upgrade()
    assert versions() == {"2.14.14-1"}
    assert site(limit, **released).stdout.count("changed=0") == len(desks)


def test_what_the_site_holds_stays_until_it_is_released() -> None:
    stays_held_until_released(FEDORA, SUSE, login="zobrien", person="zoe.obrien")


def test_what_the_site_holds_on_a_debian_is_held_by_dpkg_and_what_another_holds_stays_so() -> None:
    seats = {"im_seats": [{"login": "zobrien", "person": "zoe.obrien", "clients": ["pidgin"]}]}
    try:
        wishes: list[tuple[dict[str, bool], str]] = [
            ({"pidgin": True}, "pidgin\n"),
            ({}, "pidgin\n"),
            ({"pidgin": False}, ""),
        ]
        for wish, marked in wishes:
            site(DEBIAN, **seats, im_package_held=wish)
            assert on_desk(DEBIAN, "apt-mark showhold") == marked
            assert "changed=0" in site(DEBIAN, **seats, im_package_held=wish).stdout
    finally:
        on_desk(DEBIAN, "apt-mark unhold pidgin")


def test_the_package_of_a_client_that_nobody_wants_goes() -> None:
    gone = {"im_seats": [{"login": "zobrien", "person": "zoe.obrien", "clients": ["pidgin"], "state": "absent"}]}
    done = site(f"{RPM_DESKS}:{MAC}", **gone, im_client_purge_packages=True)
    assert done.returncode == 0, done.stdout
    for desk in (FEDORA, SUSE):
        assert "not installed" in on_desk(desk, "rpm -q pidgin || true")
    assert on_desk(MAC, f"ls {BREW}/Cellar; tail -1 {BREW}/var.log") == "uninstall --force pidgin\n"


def test_dnf5_installs_pins_upgrades_and_removes() -> None:
    """A desk of its own, as only Debian's unstable has dnf 5. On a day when that cannot be built, nothing is proven."""
    made = subprocess.run([PROJECT / "lab" / "lab", "up", DNF5], check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no desk with dnf 5: {made.stderr.strip()[-500:]}")
    on_desk(
        DNF5, "dnf5 --quiet --assumeyes remove gajim pidgin; rm -rf /home/*/.purple /home/*/.config /var/lib/im_client"
    )
    first = site(DNF5, im_package_versions={"pidgin": "2.14.13"})
    assert states(first) == {(DNF5, "gajim"): ("changed", "1.9.5-1"), (DNF5, "pidgin"): ("changed", "2.14.13-3")}
    second = site(DNF5, im_package_versions={"pidgin": "2.14.13"})
    assert {state for state, _ in states(second).values()} == {"compliant"}, second.stdout
    assert states(site(DNF5, im_package_latest=["pidgin"]))[DNF5, "pidgin"][1] == "2.14.14-1"
    back = site(DNF5, im_package_versions={"pidgin": "2.14.13"})
    assert states(back)[DNF5, "pidgin"] == ("compliant", "2.14.13-3"), back.stdout
    stays_held_until_released(DNF5, login="amartin", person="alice.martin")
    seats = [{"login": "amartin", "person": "alice.martin", "clients": ["gajim", "pidgin"], "state": "absent"}]
    assert site(DNF5, im_seats=seats, im_client_purge_packages=True).returncode == 0
    assert on_desk(DNF5, "rpm -qa").split() == ["ca-certificates-2025.2.80-1.noarch"]
    assert len(on_desk(DNF5, "dnf5 history list | grep -c 'ansible dnf5 module'").split()) == 1


@contextmanager
def alma(version: str, *without: str) -> Iterator[None]:
    """The desk with dnf 4 says that it is this AlmaLinux, and has none of these packages; afterwards Fedora again."""
    said = "/usr/local/share/lab/os-release"
    # One by one: rpm takes none away where one is not there.
    remove = f"for name in {' '.join(without)}; do rpm --force-debian -e $name || true; done"
    on_desk(FEDORA, f"sed 's/9[.]6/{version}/' {said}.almalinux > /etc/os-release; {remove}")
    try:
        yield
    finally:
        on_desk(FEDORA, f"cp {said}.fedora /etc/os-release")


@pytest.fixture
def almalinux8() -> Iterator[None]:
    """Version 8, where dnf's Python is not Ansible's; it cannot hold yet."""
    with alma("8.10", "pidgin", "python3-dnf-plugin-versionlock"):
        yield


def test_where_ansible_has_no_bindings_dnf_is_run_as_a_program(almalinux8: None) -> None:
    seat = {"login": "zobrien", "person": "zoe.obrien", "clients": ["pidgin"]}
    old = {"im_seats": [seat], "im_package_versions": {"pidgin": "2.14.13"}}

    def words() -> str:
        """The last transaction's: what Ansible's module does has no words of dnf's own."""
        return on_desk(FEDORA, "dnf history info last")

    held = site(FEDORA, **old, im_package_held={"pidgin": True})
    assert states(held)[FEDORA, "pidgin"][1] == "2.14.13-3", held.stdout
    assert "--assumeyes install --setopt=install_weak_deps=False python3-dnf-plugin-versionlock" in words()
    on_desk(FEDORA, UPGRADES[FEDORA])
    again = site(FEDORA, **old, im_package_held={"pidgin": True})
    assert states(again) == {(FEDORA, "pidgin"): ("compliant", "2.14.13-3")} and "changed=0" in again.stdout
    newest = site(FEDORA, im_seats=[seat], im_package_latest=["pidgin"], im_package_held={"pidgin": False})
    assert states(newest)[FEDORA, "pidgin"][1] == "2.14.14-1", newest.stdout
    assert "--assumeyes install --best" in words()
    back = site(FEDORA, **old)
    assert states(back)[FEDORA, "pidgin"][1] == "2.14.13-3", back.stdout
    gone = site(FEDORA, im_seats=[{**seat, "state": "absent"}], im_client_purge_packages=True)
    assert gone.returncode == 0, gone.stdout
    assert "not installed" in on_desk(FEDORA, "rpm -q pidgin || true")
    assert "--assumeyes remove --noautoremove" in words()


@pytest.fixture
def almalinux() -> Iterator[None]:
    """Version 9, with no Pidgin in its repositories."""
    with alma("9.6", "gajim", "pidgin"):
        on_desk(FEDORA, "echo excludepkgs=pidgin >> /etc/dnf/dnf.conf")
        yield
        on_desk(FEDORA, "sed -i /excludepkgs/d /etc/dnf/dnf.conf")


def test_where_red_hat_has_no_package_epel_is_named_and_flatpak_serves_as_the_site_allows(almalinux: None) -> None:
    seats = [{"login": "amartin", "person": "alice.martin", "clients": ["pidgin"]}]
    lacking = playbook(
        "site.yml", *INVENTORIES, "--limit", FEDORA, extra=LEFT_OUT | {"im_seats": seats}, not_foretold="dnf's word"
    )
    (row,) = report_of(lacking)["rows"]
    assert row["state"] == "failed" and "dnf install epel-release" in row["detail"]
    seats = [{"login": "amartin", "person": "alice.martin", "clients": ["gajim"]}]
    (row,) = report_of(site(FEDORA, im_seats=seats))["rows"]
    assert row["state"] == "failed" and "ni Almalinux 9.6 ni EPEL" in row["detail"]
    assert "im_package_sources: {gajim: flatpak}" in row["detail"]
    flatpak = {"im_seats": seats, "im_package_sources": {"gajim": "flatpak"}}
    (row,) = report_of(site(FEDORA, **flatpak, im_client_flatpak_remote="site"))["rows"]
    assert row["state"] == "failed" and "pas de dépôt « site » (il a : flathub)" in row["detail"]
    assert states(site(FEDORA, **flatpak)) == {(FEDORA, "gajim"): ("changed", "2.4.7")}
    on_desk(FEDORA, "test -e /home/amartin/.var/app/org.gajim.Gajim/config/gajim/settings.sqlite")
    assert "org.gajim.Gajim" in on_desk(FEDORA, "flatpak list --system --app --columns=application")
    again = site(FEDORA, **flatpak)
    assert states(again) == {(FEDORA, "gajim"): ("compliant", "2.4.7")} and "changed=0" in again.stdout
    retired = flatpak | {"im_seats": [{**seats[0], "state": "absent"}], "im_client_purge_packages": True}
    assert site(FEDORA, **retired).returncode == 0
    assert on_desk(FEDORA, "flatpak list --system --app --columns=application").strip() == ""


@pytest.mark.parametrize(
    ("broken", "mended", "variables", "said"),
    [
        (f"chown root: {BREW}", f"chown brewer: {BREW}", {}, "appartient à root, et brew refuse de travailler en root"),
        ("true", "true", {"im_client_brew_user": "amartin"}, "im_client_brew_user est « amartin »"),
        (f"mv {BREW} {BREW}.away", f"mv {BREW}.away {BREW}", {}, "ce Mac n'a pas Homebrew"),
        (
            f"echo thunderbird > {BREW}/gone",
            f"rm {BREW}/gone",
            {},
            "Cask 'thunderbird' is unavailable: No Cask with this name exists",
        ),
    ],
    ids=["root", "another", "missing", "no cask"],
)
def test_what_is_wrong_with_brew_is_said_with_its_remedy(
    broken: str, mended: str, variables: dict[str, Any], said: str
) -> None:
    seats = {"im_seats": [{"login": "dhaddad", "person": "dina.haddad", "clients": ["thunderbird"]}]}
    on_desk(MAC, f"rm -rf {BREW}/Caskroom/thunderbird {APPLICATION}; {broken}")
    try:
        done = playbook(
            "site.yml",
            *INVENTORIES,
            "--limit",
            MAC,
            extra=LEFT_OUT | seats | variables,
            not_foretold="brew itself says what it does not have, and only when it is asked to install it",
        )
        (row,) = report_of(done)["rows"]
        assert row["state"] == "failed" and said in row["detail"], done.stdout
        assert "Ce qui aiderait : " in row["detail"]
    finally:
        on_desk(MAC, mended)
