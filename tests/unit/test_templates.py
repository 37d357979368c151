"""Every template of every client survives every person and every wish, and says what the client's own syntax says."""

from __future__ import annotations

import json
import plistlib
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from ansible.module_utils.im_formats import FORMATS
from rendering import CLIENTS, HOSTILE, document_of, fragments

MACHINE = {"policies.json", "im-service.pem"}
DOCUMENTS = [
    (client.name, document.path.rpartition("/")[2]) for client in CLIENTS.values() for document in client.documents
]
PERSONAL = [(client, name) for client, name in DOCUMENTS if name not in MACHINE]
FULL: dict[str, Any] = {
    "start_at_login": True,
    "resource": HOSTILE,
    "alias": HOSTILE,
    "password_policy": "never_stored",
    "auto_away": False,
    "auto_away_minutes": 7,
    "auto_away_message": HOSTILE + " 100 %",
    "auto_reply": "away_or_idle",
    "idle_reporting": False,
    "startup_status": "busy",
    "startup_status_message": HOSTILE,
    "archive": False,
    "archive_format": "text",
    "mail_notifications": False,
    "register_account": False,
    "require_tls": True,
}
ROOMS = [{"room": "equipe", "name": HOSTILE, "nick": HOSTILE}, {"room": "accueil", "autojoin": False}]
MAIL = {"imap": {"host": "imap.univ.example"}, "smtp": {"host": "smtp.univ.example", "tls": "starttls"}}
#: Documents that are only laid down when somebody asks for something.
MAY_BE_BLANK = {"blist.xml", "status.xml", "org.gajim.Gajim.desktop", "pidgin.desktop", "thunderbird.desktop"}
MAY_BE_BLANK |= {f"im-client.{client}.plist" for client in CLIENTS}
MAY_BE_BLANK |= {f"{client.title}.lnk" for client in CLIENTS.values()}
MAY_BE_BLANK |= {"im-client.txt"}  # without a portable program
SERVICES = [{}, {"tls": "direct"}, {"host": "xmpp.univ.example", "port": 5299, "tls": "direct"}, MAIL]


@pytest.mark.parametrize(("client", "name"), PERSONAL)
@pytest.mark.parametrize("enforced", [[], [*FULL, "rooms"]], ids=["initial", "enforced"])
@pytest.mark.parametrize("wishes", [{}, FULL], ids=["no wish", "every wish"])
@pytest.mark.parametrize("service", SERVICES, ids=["srv", "direct", "host", "mail"])
def test_what_a_template_says_is_laid_down_and_laid_down_once(
    client: str, name: str, enforced: list[str], wishes: dict[str, Any], service: dict[str, Any]
) -> None:
    person = {"preferences": wishes, "rooms": ROOMS if wishes else []}
    pair = fragments(client, name, person=person, service=service, enforced=enforced)
    if not any(fragment.strip() for fragment in pair):
        assert name in MAY_BE_BLANK
        return
    merge = FORMATS[document_of(client, name).format].merge
    fresh = merge(None, *pair, {})
    assert merge(fresh, *pair, {}) is fresh


def test_pidgins_fragments_are_xml_and_hold_the_name_as_it_is() -> None:
    for name in ("accounts.xml", "status.xml", "prefs.xml", "blist.xml"):
        for fragment in fragments("pidgin", name, person={"preferences": FULL, "rooms": ROOMS}):
            if fragment.strip():
                ET.fromstring(fragment.strip())
    enforced, initial = fragments("pidgin", "accounts.xml")
    assert ET.fromstring(initial.strip()).findtext("account/alias") == HOSTILE
    assert ET.fromstring(enforced.strip()).findtext("account/alias") is None


def test_gajims_fragments_are_json_with_the_three_names_of_the_account() -> None:
    for fragment in fragments("gajim", "settings.sqlite", person={"preferences": FULL}):
        (account,) = json.loads(fragment)["accounts"].values()
        values = account["account"]
        assert (values["name"], values["hostname"], values["address"]) == (
            "zoe.obrien",
            "univ.example",
            "zoe.obrien@univ.example",
        )


@pytest.mark.parametrize(
    ("client", "name", "text"),
    [
        ("pidgin", "accounts.xml", "require_tls"),
        ("thunderbird", "prefs.js", "require_tls"),
        ("gajim", "settings.sqlite", '"use_plain_connection": false'),
    ],
)
def test_tls_is_required_of_every_client_whatever_the_person_wishes(client: str, name: str, text: str) -> None:
    assert text in fragments(client, name)[0]


PASSWORDS = {"zoe.obrien": "CANARY", "zoe.obrien@univ.example": "CANARY"}


def test_no_template_lays_a_password_down_unless_the_site_says_so_of_the_person() -> None:
    for client, name in PERSONAL:
        for fragment in fragments(client, name, person={"preferences": FULL, "rooms": ROOMS}, passwords=PASSWORDS):
            assert "CANARY" not in fragment
            assert "<password>" not in fragment
            assert '"password"' not in fragment


def test_a_password_that_the_site_wants_kept_is_laid_only_in_a_new_account() -> None:
    enforced, initial = fragments("pidgin", "accounts.xml", person={"store_password": True}, passwords=PASSWORDS)
    assert "<password>CANARY</password>" in initial and "CANARY" not in enforced


@pytest.mark.parametrize("status", ["busy", "away"])
def test_pidgins_startup_status_is_the_one_that_its_preferences_point_at(status: str) -> None:
    wish = {"preferences": {"startup_status": status}}
    saved = ET.fromstring(fragments("pidgin", "status.xml", person=wish)[1].strip())[0]
    wanted = ET.fromstring(fragments("pidgin", "prefs.xml", person=wish)[1].strip())
    startup = next(leaf for leaf in wanted.iter("pref") if leaf.get("name") == "startup")
    assert saved.get("created") == startup.get("value")


def test_every_preference_is_said_by_some_client() -> None:
    said = {word for client in CLIENTS.values() for word in client.expresses}
    assert said == {*FULL, "rooms", "store_password"}


@pytest.mark.parametrize("platform", ["Debian", "RedHat", "Suse", "Windows"])
def test_thunderbird_is_given_the_authority_where_it_cannot_take_the_systems(platform: str) -> None:
    service = {"ca_file": "authority.pem"}
    enforced, initial = fragments("thunderbird", "policies.json", service=service, platform=platform)
    assert not initial.strip()
    given = json.loads(enforced)["policies"]["Certificates"]
    if platform == "Windows":
        assert given == {"ImportEnterpriseRoots": True}
    else:
        assert given["Install"][0].startswith("/") and given["Install"][0].endswith("/im-service.crt")


def test_thunderbird_as_a_snap_is_given_the_authority_where_a_snap_can_read() -> None:
    service = {"ca_file": "authority.pem"}
    enforced, _ = fragments("thunderbird", "policies.json", service=service, source="snap")
    assert json.loads(enforced)["policies"]["Certificates"]["Install"] == ["/etc/thunderbird/policies/im-service.pem"]
    assert fragments("thunderbird", "im-service.pem", service=service, source="snap")[0].strip() == "PEM"


@pytest.mark.parametrize(
    ("platform", "section"),  # as the snap of Ubuntu lists them, in its patch-default-profile.py
    [("Debian", "[InstallFDC34C9F024745EB]"), ("RedHat", "[Install3DDF446CE6CB1A45]")],
)
def test_the_profile_is_named_for_the_directory_where_a_family_has_thunderbird(platform: str, section: str) -> None:
    assert section in fragments("thunderbird", "profiles.ini", platform=platform)[0].splitlines()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("start", [True, False])
def test_on_a_mac_a_client_starts_at_login_by_an_agent_of_launchd(client: str, start: bool) -> None:
    name, site = f"im-client.{client}.plist", {"start_at_login": start}
    enforced, initial = fragments(client, name, site=site, enforced=["start_at_login"], platform="Darwin")
    assert not initial.strip()
    assert plistlib.loads(enforced.encode()) == {
        "Label": f"im-client.{client}",
        "ProgramArguments": CLIENTS[client].platforms["Darwin"]["command"],
        "RunAtLoad": start,
    }
    enforced, initial = fragments(client, name, site=site, platform="Darwin")
    assert not enforced.strip()
    assert bool(initial.strip()) is start, "a user who has no agent is left as they are"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("start", [True, False])
def test_on_windows_a_client_starts_at_login_by_a_shortcut(client: str, start: bool) -> None:
    name, site = f"{CLIENTS[client].title}.lnk", {"start_at_login": start}
    enforced, initial = fragments(client, name, site=site, enforced=["start_at_login"], platform="Windows")
    assert not initial.strip()
    laid = FORMATS["shell_link"].merge(None, enforced, "")
    assert bool(laid) is start
    if start:
        assert CLIENTS[client].platforms["Windows"]["command"][0] in FORMATS["shell_link"].describe(laid)
    enforced, initial = fragments(client, name, site=site, platform="Windows")
    assert not enforced.strip()
    assert bool(initial.strip()) is start, "a user who has no shortcut is left as they are"
