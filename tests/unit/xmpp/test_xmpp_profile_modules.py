"""The modules xmpp_bookmark, xmpp_vcard and xmpp_room_info: arguments, documentation, and results through the core."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml
from ansible.module_utils.im_catalogue import text
from xmpp_documented import documented_options, without_no_log
from xmpp_modules import Run, load

PROJECT = Path(__file__).resolve().parents[3]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


MODULES = {name: load(name) for name in ("xmpp_bookmark", "xmpp_vcard", "xmpp_room_info")}
EACH = pytest.mark.parametrize("name", MODULES)


class RunAny(Protocol):
    """Runs the module of that name."""

    def __call__(self, name: str, **arguments: Any) -> dict[str, Any]: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> RunAny:
    return lambda name, **arguments: Run(MODULES[name], capsys)(**arguments)


def rooms(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"accounts": [{"jid": "zoe@univ.example", "rooms": list(entries)}], **more}


def profile(**fields: str) -> dict[str, Any]:
    return {"accounts": [{"jid": "zoe@univ.example", "profile": fields}]}


@EACH
def test_the_documented_options_are_the_options(name: str) -> None:
    assert documented_options(MODULES[name]) == without_no_log(MODULES[name].ARGUMENT_SPEC)


@EACH
def test_every_password_is_kept_out_of_logs(name: str) -> None:
    def passwords(options: dict[str, Any]) -> list[bool]:
        found = [spec.get("no_log") for key, spec in options.items() if key == "password"]
        return found + [mark for spec in options.values() for mark in passwords(spec.get("options", {}))]

    assert set(passwords(MODULES[name].ARGUMENT_SPEC)) == {True}


@EACH
def test_the_documented_results_are_the_results(name: str, run: RunAny) -> None:
    documented = set(yaml.safe_load(MODULES[name].RETURN))
    # Nobody listens there.
    account = {"jid": "zoe@univ.example", "password": "pw-zoe", "host": "127.0.0.1", "port": 1}
    arguments: dict[str, dict[str, Any]] = {
        "xmpp_bookmark": {"accounts": [{**account, "rooms": []}]},
        "xmpp_vcard": {"accounts": [{**account, "profile": {"name": "Zoë"}}]},
        "xmpp_room_info": {"account": account},
    }
    result = run(name, **arguments[name], language="en")
    ours = set(result) - {"changed", "failed", "msg", "diff", "invocation"}
    assert ours == documented
    assert "pw-zoe" not in json.dumps(result)
    answer = result if name == "xmpp_room_info" else result["accounts"][0]
    assert (answer["verdict"], answer["hint"]) == ("refused", text("verdict.refused", "en"))
    # A question never fails for bad news, what could not be written does.
    assert result.get("failed", False) == (name != "xmpp_room_info")
    assert result["changed"] is False


@pytest.mark.parametrize(
    ("name", "arguments", "parts"),
    [
        ("xmpp_bookmark", rooms({"jid": "équipe"}), ["accounts[0] (zoe@univ.example): rooms[0]", "name@domain"]),
        (
            "xmpp_bookmark",
            rooms({"jid": "a@c.example"}, {"jid": "A@C.example"}),
            ["rooms[1]", "a@c.example", "join them"],
        ),
        ("xmpp_bookmark", rooms({"jid": "a@c.example", "nick": "a\nb"}), ["(a@c.example): nick", "line break"]),
        ("xmpp_bookmark", rooms({"jid": "a@c.example", "name": "\x00"}), ["name", "control character"]),
        ("xmpp_bookmark", rooms({"jid": "a@c.example", "name": "é" * 600}), ["name", "1023 octets"]),
        ("xmpp_bookmark", rooms(enforced=["password"]), ["enforced", "autojoin"]),
        ("xmpp_vcard", profile(phone="poste 12"), ["profile.phone", "'poste 12'", "+33 3 20"]),
        ("xmpp_vcard", profile(unit_phone="-"), ["profile.unit_phone", "is no number"]),
        ("xmpp_vcard", profile(mail="zoe"), ["profile.mail", "'zoe'", "name@univ.example"]),
        ("xmpp_vcard", profile(unit_mail="a b@c"), ["profile.unit_mail"]),
        ("xmpp_vcard", profile(name="a\x1bb"), ["profile.name", "control character"]),
        ("xmpp_vcard", profile(avatar="no/such.png"), ["profile.avatar", "'no/such.png'", "control node"]),
        ("xmpp_vcard", profile(avatar=__file__), ["profile.avatar", "neither PNG nor JPEG"]),
        (
            "xmpp_room_info",
            {"account": {"jid": "zoe@univ.example", "password": "pw-zoe"}, "max_rooms": 0},
            ["max_rooms: 0", "1 to 10000"],
        ),
        (
            "xmpp_room_info",
            {"account": {"jid": "zoe@univ.example", "password": "pw-zoe"}, "service": "a b"},
            ["service", "no domain name"],
        ),
        (
            "xmpp_room_info",
            {"account": {"jid": "zoe@univ.example", "password": "pw-zoe"}, "rooms": ["a@b.example", "b"]},
            ["rooms[1]", "name@domain"],
        ),
        ("xmpp_room_info", {"account": {"jid": "zoe@univ.example", "password": ""}}, ["account", "empty"]),
    ],
)
def test_a_wrong_argument_fails_with_its_place_and_the_remedy(
    name: str, arguments: dict[str, Any], parts: list[str], run: RunAny
) -> None:
    result = run(name, **arguments)
    assert result["failed"] is True
    assert all(part in result["msg"] for part in parts), result["msg"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("xmpp_bookmark", rooms({"jid": "a@c.example", "name": """Zoë O'Brien & "Co" <x> \\"""})),
        ("xmpp_vcard", profile(name="""Zoë O'Brien & "Co" <x> \\""", avatar=PNG, phone="+33 3 20", mail="")),
    ],
)
def test_without_anybody_who_may_write_nothing_is_written(name: str, arguments: dict[str, Any], run: RunAny) -> None:
    result = run(name, **arguments)
    assert result["failed"] is True
    assert result["accounts"][0]["verdict"] == "no_way"
    assert result["all_ok"] is False
