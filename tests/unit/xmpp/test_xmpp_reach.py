"""How far a desk gets: each obstacle has its own word, and nothing of a login is ever sent."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.xmpp.problems import SERVICE
from ansible.module_utils.xmpp.reach import Reached, overall, reach
from ansible.module_utils.xmpp.resolve import Resolver, Server, SrvAnswer, SrvRecord
from ansible.module_utils.xmpp.tls import Trust
from xmpp_certificates import DOMAIN, Authority
from xmpp_peer import PROCEED, STARTTLS, STREAM, Link, Peer, Script, features, mechanisms, stream_error

PROJECT = Path(__file__).resolve().parents[3]


def honest(context: ssl.SSLContext) -> Script:
    def script(link: Link) -> None:
        link.secure(context, mechanisms("SCRAM-SHA-1"))
        link.wait_for_the_end()

    return script


def direct(context: ssl.SSLContext) -> Script:
    def script(link: Link) -> None:
        link.start_tls(context)
        link.open(mechanisms("SCRAM-SHA-1"))
        link.wait_for_the_end()

    return script


def says(*texts: str) -> Script:
    def script(link: Link) -> None:
        link.expect("<stream:stream [^>]*>")
        link.send(*texts)
        link.wait_for_the_end()

    return script


def cut_off(link: Link) -> None:
    """What a firewall does that knows TLS when it sees it."""
    link.open(STARTTLS)
    link.expect("<starttls [^>]*>")
    link.send(PROCEED)
    link.reset()


def tried(script: Script, trust: Trust, timeout: float = 10, **settings: Any) -> tuple[Reached, Peer]:
    with Peer(script) as peer:
        (one,) = reach(Server(DOMAIN, "127.0.0.1", peer.port, **settings), Resolver(), trust, timeout)
    return one, peer


@pytest.mark.parametrize(("script", "tls"), [(honest, "starttls"), (direct, "direct")])
def test_a_service_that_works_is_reached_and_no_login_is_sent(
    script: Any, tls: str, good: ssl.SSLContext, trust: Trust
) -> None:
    one, peer = tried(script(good), trust, tls=tls)
    assert (one.verdict, one.address, one.tls) == ("ok", "127.0.0.1", "TLSv1.3")
    assert b"<auth" not in peer.heard()
    assert b"<iq" not in peer.heard()


def test_each_obstacle_has_its_word(trust: Trust, authority: Authority, stranger: Authority) -> None:
    cases: dict[str, Script] = {
        "tls_untrusted": honest(stranger.context([DOMAIN])),
        "tls_name_mismatch": honest(authority.context(["portal.example"])),
        "tls_expired": honest(authority.context([DOMAIN], days=(-9, -2))),
        "tls_not_yet_valid": honest(authority.context([DOMAIN], days=(2, 9))),
        "no_starttls": says(STREAM, features(mechanisms("PLAIN"))),
        "not_xmpp": says("HTTP/1.1 302 Found\r\nLocation: https://portal.example/\r\n\r\n"),
        "stream_host_unknown": says(STREAM, stream_error("host-unknown")),
        "connection_lost": cut_off,
    }
    for verdict, script in cases.items():
        one, peer = tried(script, trust)
        assert one.verdict == verdict
        assert b"<auth" not in peer.heard()


def test_a_port_that_swallows_everything_is_given_up(trust: Trust) -> None:
    one, _ = tried(Link.wait_for_the_end, trust, timeout=0.3)
    assert (one.verdict, one.address) == ("timeout", "127.0.0.1")


def test_a_closed_port_is_refused(trust: Trust) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (one,) = reach(Server(DOMAIN, "127.0.0.1", port), Resolver(), trust, 5)
    assert (one.verdict, one.address) == ("refused", "")


def test_a_name_service_that_fails_is_a_result_of_its_own(trust: Trust) -> None:
    resolver = Resolver(srv=lambda name, timeout: SrvAnswer("failed", reason="SERVFAIL"))
    (one,) = reach(Server(DOMAIN), resolver, trust, 5)
    assert (one.endpoint, one.verdict) == (None, "dns")
    assert "SERVFAIL" in one.detail


def test_one_place_that_works_is_enough_and_all_are_told(good: ssl.SSLContext, trust: Trust) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    with Peer(honest(good)) as peer:
        records = (SrvRecord(1, 0, closed, "127.0.0.1"), SrvRecord(2, 0, peer.port, "127.0.0.1"))
        answers = {"_xmpp-client": SrvAnswer("records", records), "_xmpps-client": SrvAnswer("none")}
        resolver = Resolver(srv=lambda name, timeout: answers[name.partition(".")[0]])
        all_of_them = reach(Server(DOMAIN), resolver, trust, 10)
    assert [one.verdict for one in all_of_them] == ["refused", "ok"]
    assert overall(all_of_them) is all_of_them[1]
    assert overall(all_of_them[:1]).verdict == "refused"


def ansible(tmp_path: Path, interpreter: str, **arguments: Any) -> dict[str, Any]:
    """Run the action and the module as Ansible does, with this Python as the desk's."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ansible"),
            *("localhost", "-i", "localhost,", "-c", "local", "-m", "xmpp_reach_info", "-t", str(tmp_path)),
            *("-e", f"ansible_python_interpreter={interpreter}", "-a", json.dumps(arguments)),
        ],
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tmp_path / "localhost").exists(), done.stdout + done.stderr
    answer: dict[str, Any] = json.loads((tmp_path / "localhost").read_text(encoding="utf-8"))
    return answer


def test_it_runs_with_the_oldest_python_that_ansible_supports(
    tmp_path: Path, good: ssl.SSLContext, authority: Authority
) -> None:
    interpreter = shutil.which("python3.8")
    if interpreter is None or subprocess.run([interpreter, "-V"], capture_output=True, check=False).returncode:
        pytest.skip("no python3.8 on this machine")
    with Peer(honest(good)) as peer:
        place = {"domain": DOMAIN.upper(), "host": "127.0.0.1", "port": peer.port}
        trusting = ansible(tmp_path, interpreter, **place, ca_file=str(authority.file))
        stranger = ansible(tmp_path, interpreter, **place, language="en")
    with Peer(Link.wait_for_the_end) as silent:
        swallowed = ansible(tmp_path, interpreter, **{**place, "port": silent.port}, timeout=0.5)
    assert (trusting["verdict"], trusting["places"][0]["tls"]) == ("ok", "TLSv1.3")
    assert trusting["hint"].startswith("Depuis ce poste")
    assert stranger["verdict"] == "tls_untrusted"
    assert stranger["hint"].startswith("This desk does not trust")
    assert swallowed["verdict"] == "timeout"


def test_authorities_of_a_keychain_are_added_once_it_has_them(
    tmp_path: Path, good: ssl.SSLContext, authority: Authority
) -> None:
    proof = tmp_path / "trusted"
    with Peer(honest(good)) as peer:
        asked = {"domain": DOMAIN, "host": "127.0.0.1", "port": peer.port, "added_ca_proof": str(proof)}
        assert (
            ansible(tmp_path, sys.executable, **asked, added_ca_file=str(authority.file))["verdict"] == "tls_untrusted"
        )
        proof.touch()
        assert ansible(tmp_path, sys.executable, **asked, added_ca_file=str(authority.file))["verdict"] == "ok"
        assert ansible(tmp_path, sys.executable, **asked, added_ca_file="/none")["verdict"] == "tls_untrusted"


def test_what_is_added_takes_nothing_from_the_authorities_that_there_are(
    good: ssl.SSLContext, authority: Authority, stranger: Authority
) -> None:
    for both in (Trust(str(authority.file), str(stranger.file)), Trust(str(stranger.file), str(authority.file))):
        assert tried(honest(good), both)[0].verdict == "ok"
        assert tried(direct(good), both, tls="direct")[0].verdict == "ok"
    with_portal = authority.context(["portal.example"])
    assert tried(honest(with_portal), Trust(None, str(authority.file)))[0].verdict == "tls_name_mismatch"


def test_a_library_that_cannot_leave_the_common_name_aside_still_verifies(
    monkeypatch: pytest.MonkeyPatch, trust: Trust, authority: Authority, stranger: Authority
) -> None:
    assert trust.starttls.hostname_checks_common_name is False
    # As ssl.py of Python 3.9 is where _ssl was built with an old LibreSSL.
    monkeypatch.setattr(ssl, "HAS_NEVER_CHECK_COMMON_NAME", False)
    monkeypatch.setattr(ssl.SSLContext, "hostname_checks_common_name", property(lambda _: True))
    old = Trust(str(authority.file))
    assert tried(honest(authority.context([DOMAIN])), old)[0].verdict == "ok"
    assert tried(honest(authority.context(["portal.example"])), old)[0].verdict == "tls_name_mismatch"
    assert tried(honest(stranger.context([DOMAIN])), old)[0].verdict == "tls_untrusted"


def parts_on_the_desk() -> list[Path]:
    """The files that are sent to a desk: the module and all of ours that it imports."""
    folder = PROJECT / "module_utils" / "xmpp"
    found: list[Path] = []
    waiting = ["reach", "srv_query"]
    while waiting:
        path = folder / f"{waiting.pop()}.py"
        if path not in found:
            found.append(path)
            tree = ast.parse(path.read_text(encoding="utf-8"))
            waiting += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    return [PROJECT / "library" / "xmpp_reach_info.py", *found]


@pytest.mark.parametrize("path", parts_on_the_desk(), ids=lambda path: str(path.stem))
def test_what_a_desk_imports_is_python_3_8_and_its_standard_library(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for statement in tree.body
        for node in ([statement] if isinstance(statement, ast.Import | ast.ImportFrom) else [])
        if not (isinstance(node, ast.ImportFrom) and node.level)
        for alias in node.names
    }
    ours = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
    assert all(name.startswith("ansible.module_utils.") for name in ours)
    # What an import evaluates: annotations are not, thanks to the future import, but aliases of types are.
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            # Upper-case constants join sets and flags.
            constant = all(isinstance(target, ast.Name) and target.id.isupper() for target in statement.targets)
            joins = any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) for node in ast.walk(statement))
            assert constant or not joins, ast.unparse(statement)
            subscripted = {
                node.value.id
                for node in ast.walk(statement)
                if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
            }
            assert not subscripted & {"dict", "list", "set", "tuple", "frozenset", "type"}, ast.unparse(statement)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"domain": "-x"}, "no domain name"),
        ({"domain": DOMAIN, "port": 0}, "1 to 65535"),
        ({"domain": DOMAIN, "timeout": "nan"}, "0.1 to 600"),
        ({"domain": DOMAIN, "ca_file": "/none"}, "name a PEM file of this desk"),
        ({"domain": DOMAIN, "language": "de"}, "fr or en"),
    ],
)
def test_wrong_arguments_say_what_would_do(tmp_path: Path, arguments: dict[str, Any], words: str) -> None:
    answer = ansible(tmp_path, sys.executable, **arguments)
    assert "verdict" not in answer
    assert words in answer["msg"]


def test_every_verdict_that_it_can_give_is_explained_in_both_languages_as_a_desk_sees_it() -> None:
    spec = importlib.util.spec_from_file_location("action", PROJECT / "action_plugins" / "xmpp_reach_info.py")
    assert spec is not None
    assert spec.loader is not None
    action = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(action)
    for language in ("fr", "en"):
        for verdict in ("ok", *SERVICE):
            words = action.hint(verdict, language)
            assert words.endswith(".")
            assert "Ansible" not in words, verdict
