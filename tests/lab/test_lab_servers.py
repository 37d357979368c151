"""Each server of the lab keeps what lab/README.md says, seen with our client and with slixmpp."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import socket
import ssl
import stat
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import slixmpp
from ansible.module_utils.xmpp.existence import check_existence
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.logins import check_logins, try_login
from ansible.module_utils.xmpp.session import Campaign
from lab_servers import HOST, LAB, RunningServer, lab
from slixmpp.exceptions import IqError

pytestmark = pytest.mark.lab

NAMES = ["xmpp", "prosody13", "ejabberd"]
PROSODYS = NAMES[:2]
PRIVILEGE = "urn:xmpp:privilege:2"
ROSTER = "jabber:iq:roster"
# The IQs that XEP-0356 lets the service account send, as in lab/prosody/prosody.cfg.lua.
PERMITTED = {
    "http://jabber.org/protocol/pubsub",
    "http://jabber.org/protocol/pubsub#owner",
    "http://jabber.org/protocol/disco#info",
    "jabber:iq:private",
    "vcard-temp",
}
EXTRA = 3


@pytest.fixture(scope="module", autouse=True)
def extra_accounts(servers: dict[str, RunningServer]) -> Iterator[None]:
    """Three accounts on each server that nobody else uses; those that the lab had before are there again afterwards."""
    before = {name: _extra_count(server) for name, server in servers.items()}
    for name in servers:
        lab("accounts", str(EXTRA), "--server", name)
    yield
    for name, count in before.items():
        lab("accounts", str(count), "--server", name)


def _extra_count(server: RunningServer) -> int:
    if not server.accounts.exists():
        return 0
    count: int = json.loads(server.accounts.read_text(encoding="utf-8"))["count"]
    return count


@pytest.fixture(params=NAMES)
def each(request: pytest.FixtureRequest, servers: dict[str, RunningServer]) -> RunningServer:
    return servers[request.param]


@pytest.fixture(params=PROSODYS)
def prosody(request: pytest.FixtureRequest, servers: dict[str, RunningServer]) -> RunningServer:
    return servers[request.param]


@pytest.fixture
def ejabberd(servers: dict[str, RunningServer]) -> RunningServer:
    return servers["ejabberd"]


@pytest.mark.parametrize("tls", ["starttls", "direct"])
def test_every_account_of_each_server_logs_in(tls: str, each: RunningServer, campaign: Campaign) -> None:
    names = [*each.people, each.admin, each.provisioner]
    results = check_logins([each.account(name, tls=tls) for name in names], partial(try_login, campaign=campaign))
    assert {str(r.jid): r.verdict for r in results} == {f"{name}@{each.domain}": "ok" for name in names}


def test_each_server_has_a_certificate_for_its_domain_and_its_conference_service(each: RunningServer) -> None:
    trust = ssl.create_default_context(cafile=str(each.ca_file))
    with (
        socket.create_connection((HOST, each.direct), 10) as plain,
        trust.wrap_socket(plain, server_hostname=each.domain) as secure,
    ):
        certificate = secure.getpeercert()
    assert certificate is not None
    assert set(certificate["subjectAltName"]) == {("DNS", each.domain), ("DNS", each.conference)}


def test_the_administrator_of_each_server_knows_who_exists(each: RunningServer, campaign: Campaign) -> None:
    there = [*each.people, each.admin, each.provisioner, f"u{EXTRA:05d}"]
    ghosts = [f"u{EXTRA + 1:05d}", *(f"nobody-{number}" for number in range(40))]
    jids = [bare_jid(f"{name}@{each.domain}") for name in [*there, *ghosts]]
    existence = check_existence(jids, each.account(each.admin), campaign)
    assert existence.admin.verdict == "ok"
    verdicts = {str(r.jid.local): r.verdict for r in existence.accounts}
    assert verdicts == dict.fromkeys(there, "exists") | dict.fromkeys(ghosts, "absent")


def test_the_account_that_provisions_is_no_administrator(each: RunningServer, campaign: Campaign) -> None:
    jids = [bare_jid(f"{each.people[0]}@{each.domain}")]
    existence = check_existence(jids, each.account(each.provisioner), campaign)
    assert (existence.admin.verdict, existence.accounts[0].verdict) == ("ok", "unknown")


def test_slixmpp_finds_the_rooms_of_each_server(each: RunningServer) -> None:
    rooms = json.loads((LAB.parent / "lab.json").read_text(encoding="utf-8"))["rooms"]

    async def look() -> dict[str, str]:
        async with _online(each, each.people[0]) as client:
            items = await client.plugin["xep_0030"].get_items(each.conference)
            return {str(jid): name for jid, _node, name in items["disco_items"]["items"]}

    # ejabberd adds how many are inside: "Accueil des étudiants (0)".
    found = {jid: name.removesuffix(" (0)") for jid, name in asyncio.run(look()).items()}
    assert found == {f"{name}@{each.conference}": title for name, title in rooms.items()}


def test_the_log_of_each_server_tells_who_logged_in(each: RunningServer, campaign: Campaign) -> None:
    assert try_login(each.account(each.people[1]), campaign).verdict == "ok"
    jid = f"{each.people[1]}@{each.domain}"
    accepted = [line for line in each.log.read_text(encoding="utf-8").splitlines() if jid in line]
    assert [line for line in accepted if "Authenticated as" in line or "Accepted c2s" in line]


def test_each_server_answers_at_its_own_address_where_podman_is_root(each: RunningServer, campaign: Campaign) -> None:
    described = json.loads(lab("servers"))[each.name]
    assert described["running"]
    assert described["ports"]["starttls"] == each.starttls
    assert (described["address"] is not None) == (os.geteuid() == 0)
    if described["address"]:
        account = replace(
            each.account(each.people[0], port=described["inside_ports"]["starttls"]), host=described["address"]
        )
        assert try_login(account, campaign).verdict == "ok"


def test_extra_accounts_share_a_password_and_come_back_with_nothing(each: RunningServer, campaign: Campaign) -> None:
    assert stat.S_IMODE(each.accounts.stat().st_mode) == 0o600
    verdicts = [try_login(each.extra_account(number), campaign).verdict for number in range(1, EXTRA + 2)]
    assert verdicts == [*["ok"] * EXTRA, "auth_failed"]

    async def contacts(add: str | None = None) -> list[str]:
        async with _online(each, f"u{EXTRA:05d}") as client:
            if add:
                await client.update_roster(add, name="Added")
            # By hand: with a version, as slixmpp asks, ejabberd answers nothing when nothing changed.
            roster = await _iq(client, str(client.boundjid.bare), "get", f"<query xmlns='{ROSTER}'/>")
            return [str(item.get("jid")) for item in roster.iter(f"{{{ROSTER}}}item")]

    friend = f"{each.people[0]}@{each.domain}"
    assert asyncio.run(contacts(friend)) == [friend]
    lab("accounts", str(EXTRA - 1), "--server", each.name)
    assert try_login(each.extra_account(EXTRA), campaign).verdict == "auth_failed"
    lab("accounts", str(EXTRA), "--server", each.name)
    assert asyncio.run(contacts()) == []


def test_no_password_shows_in_a_containers_description(servers: dict[str, RunningServer]) -> None:
    prefix = os.environ.get("LAB_PREFIX", "im-lab")
    names = [f"{prefix}-{name}" for name in servers]
    shown = subprocess.run(["podman", "inspect", *names], capture_output=True, text=True, check=True).stdout
    passwords = [*servers["xmpp"].passwords.values(), *(str(s.extra_account(1).password) for s in servers.values())]
    assert not [password for password in passwords if password in shown]


def test_the_privilege_is_announced_to_the_account_that_provisions(prosody: RunningServer) -> None:
    announced = asyncio.run(_announced(prosody, prosody.provisioner))
    assert announced is not None
    roster, iq = announced.findall(f"{{{PRIVILEGE}}}perm")
    assert roster.attrib == {"access": "roster", "type": "both"}
    assert iq.get("access") == "iq"
    # mod_privilege of Debian 12 puts each namespace inside the one before: they are looked for at any depth.
    permissions = {each.get("ns"): each.get("type") for each in iq.iter(f"{{{PRIVILEGE}}}namespace")}
    assert permissions == {name: "get" if name.endswith("disco#info") else "both" for name in PERMITTED}


def test_nobody_else_is_told_of_a_privilege(prosody: RunningServer) -> None:
    # An ordinary account's announcement has no permission in it.
    announced = asyncio.run(_announced(prosody, prosody.people[0]))
    assert announced is None or list(announced) == []


def test_the_privilege_writes_contacts_bookmarks_and_profile_of_another_account(prosody: RunningServer) -> None:
    asyncio.run(_write_for(prosody, f"u00001@{prosody.domain}"))


async def _write_for(server: RunningServer, person: str) -> None:
    friend = f"{server.people[0]}@{server.domain}"
    async with _online(server, server.provisioner) as client:
        await _iq(client, person, "set", f"<query xmlns='{ROSTER}'><item jid='{friend}' subscription='both'/></query>")
        roster = await _iq(client, person, "get", f"<query xmlns='{ROSTER}'/>")
        assert [item.get("jid") for item in roster.iter(f"{{{ROSTER}}}item")] == [friend]

        profile = "<vCard xmlns='vcard-temp'><FN>Zoë &amp; Co</FN></vCard>"
        await _privileged(client, person, "set", profile)
        read = await _privileged(client, person, "get", "<vCard xmlns='vcard-temp'/>")
        assert [name.text for name in read.iter("{vcard-temp}FN")] == ["Zoë & Co"]

        room = "<conference xmlns='urn:xmpp:bookmarks:1' name='Équipe' autojoin='true'/>"
        items = "<items node='urn:xmpp:bookmarks:1'/>"
        publish = f"<publish node='urn:xmpp:bookmarks:1'><item id='equipe@{server.conference}'>{room}</item></publish>"
        await _privileged(
            client, person, "set", f"<pubsub xmlns='http://jabber.org/protocol/pubsub'>{publish}</pubsub>"
        )
        read = await _privileged(
            client, person, "get", f"<pubsub xmlns='http://jabber.org/protocol/pubsub'>{items}</pubsub>"
        )
        assert [each.get("name") for each in read.iter("{urn:xmpp:bookmarks:1}conference")] == ["Équipe"]


def test_an_ordinary_account_writes_for_nobody(prosody: RunningServer) -> None:
    person = f"u00002@{prosody.domain}"

    async def try_it() -> str:
        async with _online(prosody, prosody.people[0]) as client:
            with pytest.raises(IqError) as refused:
                await _iq(client, person, "get", f"<query xmlns='{ROSTER}'/>")
            return str(refused.value.condition)

    assert asyncio.run(try_it()) in ("forbidden", "service-unavailable")


def test_the_api_tells_the_account_that_provisions_who_exists(ejabberd: RunningServer) -> None:
    status, names = _api(ejabberd, ejabberd.provisioner, "registered_users", host=ejabberd.domain)
    assert status == 200
    assert {*ejabberd.people, ejabberd.admin, ejabberd.provisioner, "u00001"} <= set(names)
    for name, answer in ((ejabberd.people[0], 0), ("nobody-at-all", 1)):
        asked = _api(ejabberd, ejabberd.provisioner, "check_account", user=name, host=ejabberd.domain)
        assert asked == (200, answer)


def test_the_api_writes_contacts_bookmarks_and_profile_of_another_account(ejabberd: RunningServer) -> None:
    person = {"user": "u00001", "host": ejabberd.domain}
    friend = {"localuser": "u00001", "localhost": ejabberd.domain, "user": "u00002", "host": ejabberd.domain}
    ask = partial(_api, ejabberd, ejabberd.provisioner)
    assert ask("add_rosteritem", **friend, nick="Zoë", group="Équipe", subs="both") == (200, 0)
    status, roster = ask("get_roster", user="u00001", server=ejabberd.domain)
    assert (status, [(item["jid"], item["nick"]) for item in roster]) == (200, [(f"u00002@{ejabberd.domain}", "Zoë")])
    storage = "<storage xmlns='storage:bookmarks'><conference jid='equipe@c' name='Équipe'/></storage>"
    assert ask("private_set", **person, element=storage) == (200, 0)
    status, kept = ask("private_get", **person, element="storage", ns="storage:bookmarks")
    assert (status, "name='Équipe'" in kept["res"]) == (200, True)
    assert ask("set_vcard", **person, name="FN", content="Zoë & Co") == (200, 0)
    assert ask("get_vcard", **person, name="FN") == (200, {"content": "Zoë & Co"})


@pytest.mark.parametrize(
    ("asker", "command", "arguments"),
    [
        ("svc-people", "unregister", {"user": "u00002"}),
        ("svc-people", "change_password", {"user": "u00002", "newpass": "x"}),
        ("svc-people", "stop", {}),
        ("alice.martin", "check_account", {"user": "u00002"}),
        ("alice.martin", "get_roster", {"user": "u00002"}),
        ("svc-check", "check_account", {"user": "u00002"}),
    ],
)
def test_the_api_does_nothing_else_and_obeys_nobody_else(
    asker: str, command: str, arguments: dict[str, str], ejabberd: RunningServer
) -> None:
    host = {} if command == "stop" else {"host": ejabberd.domain}
    assert _api(ejabberd, asker, command, **arguments, **host)[0] == 403


def test_the_api_refuses_a_wrong_password(ejabberd: RunningServer) -> None:
    wrong = replace(ejabberd, passwords={f"{ejabberd.provisioner}@{ejabberd.domain}": "wrong"})
    assert _api(wrong, ejabberd.provisioner, "status")[0] == 401


def test_the_api_proves_its_name(ejabberd: RunningServer) -> None:
    trust = ssl.create_default_context(cafile=str(ejabberd.ca_file))
    with socket.create_connection((HOST, ejabberd.api), 10) as plain, pytest.raises(ssl.SSLCertVerificationError):
        trust.wrap_socket(plain, server_hostname="other.example")


def test_ejabberd_bans_who_fails_too_often_until_it_is_told_to_forgive(
    ejabberd: RunningServer, campaign: Campaign
) -> None:
    wrong = ejabberd.account(ejabberd.people[0], "wrong")
    try:
        verdicts = [try_login(wrong, campaign).verdict for _ in range(25)]
        assert verdicts[0] == "auth_failed"
        assert verdicts[-1] == "stream_policy_violation"
        assert try_login(ejabberd.account(ejabberd.people[0]), campaign).verdict == "stream_policy_violation"
    finally:
        ejabberd.unban()
    assert try_login(ejabberd.account(ejabberd.people[0]), campaign).verdict == "ok"


@asynccontextmanager
async def _online(server: RunningServer, name: str) -> AsyncIterator[Any]:
    """A slixmpp client that is logged in and has sent no presence."""
    extra = name.startswith("u0")
    password = (server.extra_account(1) if extra else server.account(name)).password
    client = slixmpp.ClientXMPP(f"{name}@{server.domain}", password)
    client.ca_certs = str(server.ca_file)
    client.enable_direct_tls = False
    client.register_plugin("xep_0030")
    online = asyncio.Event()
    client.add_event_handler("session_start", lambda _event: online.set())
    client.connect(HOST, server.starttls)
    await asyncio.wait_for(online.wait(), 30)
    try:
        yield client
    finally:
        await client.disconnect(wait=0.1)


async def _announced(server: RunningServer, name: str) -> ET.Element | None:
    """The privilege that a server tells an account of after its first presence, None if it tells of none."""
    async with _online(server, name) as client:
        told: list[ET.Element] = []

        def listen(stanza: Any) -> Any:
            told.extend(stanza.xml.iter(f"{{{PRIVILEGE}}}privilege"))
            return stanza

        client.add_filter("in", listen)
        client.send_presence()
        # Answered after whatever the presence set off.
        await _iq(client, server.domain, "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
        return told[0] if told else None


async def _iq(client: Any, to: str, kind: str, payload: str) -> ET.Element:
    iq = client.make_iq(ito=to, itype=kind)
    iq.append(ET.fromstring(payload))
    answer: ET.Element = (await iq.send(timeout=120)).xml
    return answer


async def _privileged(client: Any, person: str, kind: str, payload: str) -> ET.Element:
    """Send an IQ in the name of a person (XEP-0356, 6.4); returns the answer that the person would have had."""
    inner = f"<iq xmlns='jabber:client' type='{kind}' id='inner' from='{person}' to='{person}'>{payload}</iq>"
    return await _iq(client, person, kind, f"<privileged_iq xmlns='{PRIVILEGE}'>{inner}</privileged_iq>")


def _api(server: RunningServer, asker: str, command: str, /, **arguments: str) -> tuple[int, Any]:
    """Call a command of ejabberd's HTTP API over verified TLS; returns HTTP's status and the decoded answer."""
    trust = ssl.create_default_context(cafile=str(server.ca_file))
    jid = f"{asker}@{server.domain}"
    credentials = base64.b64encode(f"{jid}:{server.passwords[jid]}".encode()).decode()
    connection = http.client.HTTPSConnection(server.domain, server.api, timeout=120)
    connection.sock = trust.wrap_socket(socket.create_connection((HOST, server.api), 15), server_hostname=server.domain)
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    connection.request("POST", f"/api/{command}", json.dumps(arguments), headers)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer
