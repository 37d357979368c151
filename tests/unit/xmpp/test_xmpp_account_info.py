"""The module xmpp_account_info: its arguments, its results, and that its documentation tells the truth about both."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.xmpp.problems import VERDICTS, WRITING
from xmpp_certificates import DOMAIN, Authority
from xmpp_documented import documented_options, without_no_log
from xmpp_modules import Run, load
from xmpp_peer import Peer, honest

PROJECT = Path(__file__).resolve().parents[3]


MODULE = load("xmpp_account_info")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(MODULE, capsys)


def person(name: str, port: int, **more: Any) -> dict[str, Any]:
    return {"jid": f"{name}@{DOMAIN}", "host": "127.0.0.1", "port": port, **more}


def test_good_and_bad_news_are_results_in_the_order_of_the_question(
    run: Run, good: ssl.SSLContext, authority: Authority
) -> None:
    with Peer(honest(good, {"alice": "pw-a", "bob": "pw-b"})) as peer:
        result = run(
            accounts=[
                person("bob", peer.port, password="not hers"),
                person("alice", peer.port, password="pw-a"),
                person("ghost", peer.port, password="pw-g"),
                {"jid": f"carol@{DOMAIN}"},
                {"jid": f"dave@{DOMAIN}", "password": ""},
            ],
            ca_file=str(authority.file),
            language="en",
        )
    assert "failed" not in result
    assert result["changed"] is False
    assert [a["jid"] for a in result["accounts"]] == [
        f"{n}@{DOMAIN}" for n in ("bob", "alice", "ghost", "carol", "dave")
    ]
    verdicts = [a["verdict"] for a in result["accounts"]]
    assert verdicts == ["auth_failed", "ok", "auth_failed", "not_checked", "not_checked"]
    assert result["summary"] == {"auth_failed": 2, "ok": 1, "not_checked": 2}
    assert result["all_ok"] is False
    assert result["admin"] is None
    assert all(a["hint"] == text(f"verdict.{a['verdict']}", "en") for a in result["accounts"])
    assert "pw-a" not in json.dumps(result)


def test_hints_are_french_by_default(run: Run) -> None:
    (answer,) = run(accounts=[{"jid": f"a@{DOMAIN}"}])["accounts"]
    assert answer["hint"] == text("verdict.not_checked", "fr")


def test_an_account_that_is_named_twice_is_asked_once_and_answered_twice(
    run: Run, good: ssl.SSLContext, authority: Authority
) -> None:
    with Peer(honest(good, {"alice": "right"})) as peer:
        account = person("alice", peer.port, password="right")
        result = run(accounts=[account, account | {"jid": f"ALICE@{DOMAIN}"}], ca_file=str(authority.file))
    assert [a["verdict"] for a in result["accounts"]] == ["ok", "ok"]
    assert [a["jid"] for a in result["accounts"]] == [f"alice@{DOMAIN}", f"ALICE@{DOMAIN}"]
    assert result["all_ok"] is True
    assert len(peer.links) == 1


def test_an_administrator_that_fails_is_told_apart_from_the_accounts(
    run: Run, good: ssl.SSLContext, authority: Authority
) -> None:
    with Peer(honest(good, {"svc": "right"})) as peer:
        admin = person("svc", peer.port, password="wrong")
        result = run(accounts=[{"jid": f"alice@{DOMAIN}"}], admin=admin, ca_file=str(authority.file))
    assert result["accounts"][0]["verdict"] == "admin_failed"
    assert result["admin"]["verdict"] == "auth_failed"
    assert result["admin"]["hint"] == text("verdict.auth_failed")


def test_nobody_is_not_good_news(run: Run) -> None:
    result = run(accounts=[])
    assert (result["accounts"], result["all_ok"]) == ([], False)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"accounts": [{"jid": "a@b.example"}, {"jid": "zoé"}]}, ["accounts[1]", "'zoé'", "name@domain"]),
        ({"accounts": [{"jid": "a@b.example", "port": 70000}]}, ["accounts[0] (a@b.example)", "70000", "1 to 65535"]),
        (
            {"accounts": [{"jid": "a@b.example", "host": "a b"}]},
            ["accounts[0] (a@b.example)", "'a b'", "im.univ.example"],
        ),
        (
            {"accounts": [{"jid": "a@b.example", "password": "pw-1"}, {"jid": "A@b.example", "password": "pw-2"}]},
            ["accounts[0] and accounts[1]", "a@b.example", "leave one of them out"],
        ),
        ({"accounts": [], "method": "exists"}, ["method: exists", "give admin"]),
        ({"accounts": [{"jid": "a@b.example"}], "method": "login"}, ["a@b.example has no password", "method auto"]),
        ({"accounts": [], "admin": {"jid": "svc", "password": "x"}}, ["admin", "'svc'", "name@domain"]),
        ({"accounts": [], "admin": {"jid": "svc@b.example", "password": ""}}, ["admin (svc@b.example)", "empty"]),
        ({"accounts": [], "ca_file": "/no/such/file"}, ["ca_file: /no/such/file", "control node"]),
        ({"accounts": [], "ca_file": __file__}, ["ca_file", "holds no certificate", "PEM"]),
        ({"accounts": [], "timeout": 0}, ["timeout: 0", "0.1 to 600"]),
        ({"accounts": [], "timeout": float("nan")}, ["timeout: nan"]),
        ({"accounts": [], "workers": 100}, ["workers: 100", "1 to 8"]),
        ({"accounts": [], "max_failures": 0}, ["max_failures: 0", "1 to"]),
        ({"accounts": [], "rate": -1}, ["rate: -1", "0 to"]),
    ],
)
def test_a_wrong_argument_fails_with_its_place_and_the_remedy(
    arguments: dict[str, Any], parts: list[str], run: Run
) -> None:
    result = run(**arguments)
    assert result["failed"] is True
    assert all(part in result["msg"] for part in parts), result["msg"]


def test_the_documented_options_are_the_options() -> None:
    assert documented_options(MODULE) == without_no_log(MODULE.ARGUMENT_SPEC)


def test_every_option_that_is_a_password_is_kept_out_of_logs() -> None:
    assert MODULE.ARGUMENT_SPEC["accounts"]["options"]["password"]["no_log"] is True
    assert MODULE.ARGUMENT_SPEC["admin"]["options"]["password"]["no_log"] is True


def test_the_documentation_names_every_verdict() -> None:
    documented = "".join(yaml.safe_load(MODULE.RETURN)["accounts"]["contains"]["verdict"]["description"])
    assert [verdict for verdict in sorted(VERDICTS - WRITING) if f"V({verdict})" not in documented] == []
