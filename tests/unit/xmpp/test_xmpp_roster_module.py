"""The module xmpp_roster: its arguments, its results, and that its documentation tells the truth about both."""

from __future__ import annotations

import json
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.xmpp.problems import WRITING
from xmpp_certificates import DOMAIN, Authority
from xmpp_documented import documented_options, without_no_log
from xmpp_modules import Run, load
from xmpp_peer import Peer
from xmpp_people_peer import ApiServer, PeopleServer, error

PROJECT = Path(__file__).resolve().parents[3]


MODULE = load("xmpp_roster")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(MODULE, capsys)


class Lists:
    """Everybody's contacts as a server keeps them: account -> contact -> its item as XML."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, str]] = {}

    def __call__(self, to: str, kind: str, payload: str) -> str:
        if to.startswith("ghost"):
            return error("service-unavailable")
        mine = self.items.setdefault(to, {})
        if kind == "set":
            item = re.search(r"<item .*(/>|</item>)", payload)
            jid = re.search('jid="([^"]*)"', payload)
            assert item is not None
            assert jid is not None
            mine[jid.group(1)] = item.group()
        return f"<query xmlns='jabber:iq:roster'>{''.join(mine.values())}</query>"


def at(local: str, /, **more: Any) -> dict[str, Any]:
    return {"jid": f"{local}@{DOMAIN}", **more}


def service(port: int) -> dict[str, Any]:
    return at("svc", password="right", host="127.0.0.1", port=port)


def test_each_account_is_worked_through_and_the_task_fails_in_the_end(
    run: Run, good: ssl.SSLContext, authority: Authority
) -> None:
    lists = Lists()
    bob = at("bob", name="Bob", groups=["Équipe"])
    with Peer(PeopleServer(good, lists)) as peer:
        result = run(
            accounts=[
                at("ghost", contacts=[bob]),
                at("alice", contacts=[bob]),
                {"jid": "x@other.example", "contacts": []},
            ],
            service_account=service(peer.port),
            ca_file=str(authority.file),
            language="en",
        )
    assert result["failed"] is True
    assert result["msg"] == (
        f"2 of 3 accounts could not be brought to the wish: ghost@{DOMAIN} (declined: service-unavailable (reading the "
        f"contacts)), x@other.example (no_way: svc@{DOMAIN} writes for accounts of {DOMAIN} only)"
    )
    assert result["changed"] is True
    assert [(a["jid"], a["changed"], a["verdict"]) for a in result["accounts"]] == [
        (f"ghost@{DOMAIN}", False, "declined"),
        (f"alice@{DOMAIN}", True, "in_place"),
        ("x@other.example", False, "no_way"),
    ]
    assert all(a["hint"] == text(f"verdict.{a['verdict']}", "en") for a in result["accounts"])
    assert result["accounts"][1]["changes"] == [f"contact bob@{DOMAIN}: added"]
    assert result["summary"] == {"declined": 1, "in_place": 1, "no_way": 1}
    assert result["all_ok"] is False
    assert result["diff"] == [
        {
            "before_header": f"alice@{DOMAIN}",
            "after_header": f"alice@{DOMAIN}",
            "before": "",
            "after": f'bob@{DOMAIN} "Bob" ["Équipe"] none\n',
        }
    ]


def test_check_mode_tells_the_same_and_writes_nothing_and_the_second_run_is_unchanged(
    run: Run, good: ssl.SSLContext, authority: Authority
) -> None:
    lists = Lists()
    with Peer(PeopleServer(good, lists)) as peer:
        arguments: dict[str, Any] = {
            "accounts": [at("alice", contacts=[at("bob")])],
            "service_account": service(peer.port),
            "ca_file": str(authority.file),
        }
        predicted = run(**arguments, _ansible_check_mode=True)
        assert lists.items == {f"alice@{DOMAIN}": {}}
        done, again = run(**arguments), run(**arguments)
    assert (predicted["changed"], done["changed"], again["changed"]) == (True, True, False)
    assert predicted["accounts"] == done["accounts"]
    assert predicted["diff"] == done["diff"]
    assert again["diff"] == []
    assert again["all_ok"] is True
    assert again["accounts"][0]["hint"] == text("verdict.in_place")


def test_both_sides_are_written_each_list_once_and_unnamed_contacts_have_a_result_too(
    run: Run, good: ssl.SSLContext, authority: Authority
) -> None:
    lists = Lists()
    server = PeopleServer(good, lists)
    with Peer(server) as peer:
        result = run(
            accounts=[
                at("alice", contacts=[at("bob", name="Bob"), at("carol"), {"jid": "far@other.example"}]),
                at("bob", contacts=[at("alice", groups=["G"])]),
            ],
            subscription="both",
            service_account=service(peer.port),
            ca_file=str(authority.file),
        )
    assert [a["jid"] for a in result["accounts"]] == [f"{n}@{DOMAIN}" for n in ("alice", "bob", "carol")]
    assert lists.items == {
        f"alice@{DOMAIN}": {
            f"bob@{DOMAIN}": f"""<item jid="bob@{DOMAIN}" name="Bob" subscription='both'></item>""",
            f"carol@{DOMAIN}": f"""<item jid="carol@{DOMAIN}" subscription='both'></item>""",
            "far@other.example": """<item jid="far@other.example"></item>""",
        },
        f"bob@{DOMAIN}": {
            f"alice@{DOMAIN}": f"""<item jid="alice@{DOMAIN}" subscription='both'><group>G</group></item>"""
        },
        f"carol@{DOMAIN}": {f"alice@{DOMAIN}": f"""<item jid="alice@{DOMAIN}" subscription='both'></item>"""},
    }
    reads = [to for to, kind, _ in server.asked if kind == "get"]
    assert sorted(reads) == sorted(set(reads))


def test_the_api_writes_too_and_its_password_shows_nowhere(
    run: Run, good: ssl.SSLContext, authority: Authority
) -> None:
    with ApiServer(good, lambda command, arguments: (200, [] if command == "get_roster" else 0)) as server:
        result = run(
            accounts=[at("alice", contacts=[at("bob", groups=["B", "A"])])],
            api={
                "url": f"https://{DOMAIN}:{server.port}/api/",
                "jid": f"svc@{DOMAIN}",
                "password": "canary-7f3e9d",
                "host": "127.0.0.1",
            },
            ca_file=str(authority.file),
        )
    assert result["all_ok"] is True
    assert server.called[-1] == (
        "add_rosteritem",
        {
            "localuser": "alice",
            "localhost": DOMAIN,
            "user": "bob",
            "host": DOMAIN,
            "nick": "",
            "group": "A;B",
            "subs": "none",
        },
    )
    assert "7f3e9d" not in json.dumps(result)


def test_nobody_to_write_for_is_fine(run: Run) -> None:
    result = run(accounts=[])
    assert (result["changed"], result["accounts"], result["all_ok"]) == (False, [], True)


A = "a@b.example"
API = {"url": "https://b.example/api", "jid": "svc@b.example", "password": "pw"}


def wish(**contact: Any) -> list[dict[str, Any]]:
    return [{"jid": A, "contacts": [{"jid": "c@b.example", **contact}]}]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"accounts": [{"jid": "zoé", "contacts": []}]}, ["accounts[0]", "'zoé'", "name@domain"]),
        ({"accounts": wish(jid="c")}, [f"accounts[0] ({A}): contacts[0]", "'c'", "name@domain"]),
        ({"accounts": wish(jid=A)}, ["contacts[0]", "is the account itself", "leave it out"]),
        (
            {"accounts": [{"jid": A, "contacts": [{"jid": "c@b.example"}, {"jid": "C@b.example"}]}]},
            ["contacts[1]", "c@b.example was named before", "join them"],
        ),
        ({"accounts": [*wish(), *wish()]}, ["accounts[0] and accounts[1] are both a@b.example", "join them"]),
        ({"accounts": wish(groups=["A", " "])}, ["contacts[0] (c@b.example): groups[1] is empty", "leave it out"]),
        ({"accounts": wish(groups=["A\r", "B\tC"])}, ["groups[1]", "control character", "remove it"]),
        ({"accounts": wish(name="a\nb")}, ["name", "control character"]),
        ({"accounts": wish(name="é" * 600)}, ["name", "longer than 1023 octets", "shorten it"]),
        ({"accounts": wish(message="\x00")}, ["message", "control character"]),
        ({"accounts": [], "service_account": {"jid": "svc", "password": "x"}}, ["service_account", "'svc'"]),
        (
            {"accounts": [], "service_account": {"jid": "svc@b.example", "password": ""}},
            ["service_account (svc@b.example): the password is empty", "leave service_account out"],
        ),
        ({"accounts": [], "api": {**API, "password": ""}}, ["api: the password is empty", "leave api out"]),
        ({"accounts": [], "api": {**API, "jid": "svc"}}, ["api: jid 'svc'", "name@domain"]),
        ({"accounts": [], "api": {**API, "url": "http://b.example/api"}}, ["no https", "https://im.univ.example"]),
        ({"accounts": [], "api": {**API, "url": "b.example"}}, ["no https", "https://im.univ.example"]),
        ({"accounts": [], "api": {**API, "url": "https://"}}, ["must be a host, a port and a path"]),
        ({"accounts": [], "api": {**API, "url": "https://b.example:99999/api"}}, ["out of range", "write it as"]),
        ({"accounts": [], "api": {**API, "url": "https://[b/api"}}, ["api: url", "write it as"]),
        ({"accounts": [], "api": {**API, "url": "https://b.example/api?x=1"}}, ["must be a host"]),
        ({"accounts": [], "api": {**API, "host": "a b"}}, ["api: host 'a b'", "im.univ.example"]),
        ({"accounts": [], "ca_file": "/no/such/file"}, ["ca_file: /no/such/file"]),
        ({"accounts": [], "workers": 100}, ["workers: 100", "1 to 8"]),
        (
            {"accounts": [], "api": API, "service_account": {"jid": A, "password": "pw-1"}},
            ["mutually exclusive", "service_account"],
        ),
        (
            {
                "accounts": wish(jid="c"),
                "subscription": "both",
                "service_account": {"jid": "svc@b.example", "password": "x"},
            },
            ["contacts[0]", "'c'", "name@domain"],
        ),
    ],
)
def test_a_wrong_argument_fails_with_its_place_and_the_remedy(
    arguments: dict[str, Any], parts: list[str], run: Run
) -> None:
    result = run(**arguments)
    assert result["failed"] is True
    assert all(part in result["msg"] for part in parts), result["msg"]


def test_a_password_in_the_address_of_the_api_is_not_repeated(run: Run) -> None:
    result = run(accounts=[], api={**API, "url": "https://svc:canary-7f3e9d@b.example/api"})
    assert "the url holds an account" in result["msg"]
    assert "7f3e9d" not in result["msg"]


def test_the_documented_options_are_the_options() -> None:
    assert documented_options(MODULE) == without_no_log(MODULE.ARGUMENT_SPEC)


def test_every_option_that_is_a_password_is_kept_out_of_logs() -> None:
    spec = MODULE.ARGUMENT_SPEC
    assert all(spec[name]["options"]["password"]["no_log"] is True for name in ("accounts", "service_account", "api"))


def test_the_documentation_names_every_verdict_of_writing() -> None:
    # not_written is of the modules that write profiles.
    assert [verdict for verdict in sorted(WRITING - {"not_written"}) if f"V({verdict})" not in MODULE.RETURN] == []
