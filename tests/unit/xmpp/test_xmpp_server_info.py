"""The module xmpp_server_info: its arguments, its results, and that its documentation tells the truth about both."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.im_clients import load_connections
from ansible.module_utils.xmpp.server_rules import RULES
from rendering import PROJECT
from xmpp_certificates import DOMAIN, Authority
from xmpp_modules import Run, load
from xmpp_peer import Link, Peer, Script, mechanisms

REFUSED = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
CLIENTS = {
    "gajim": {"mechanisms": ["SCRAM-SHA-1", "PLAIN"], "tls": ["starttls", "direct"], "srv": ["starttls", "direct"]},
    "toychat": {"mechanisms": ["GSSAPI"], "tls": ["starttls"], "srv": ["starttls"]},
}


MODULE = load("xmpp_server_info")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(MODULE, capsys)


def serves(context: ssl.SSLContext, *offered: str) -> Script:
    def script(link: Link) -> None:
        link.secure(context, mechanisms(*offered))
        ident = link.expect("<iq [^>]*?id=['\"]([^'\"]*)['\"][^>]*>.*?</iq>").group(1).decode()
        link.send(f"<iq type='error' id='{ident}'>{REFUSED}</iq>")
        link.wait_for_the_end()

    return script


def domain_at(port: int, **more: Any) -> dict[str, Any]:
    return {"domain": DOMAIN.upper(), "places": [{"host": "127.0.0.1", "port": port}], **more}


def test_a_service_is_judged_rule_by_rule_and_bad_news_is_a_result(
    run: Run, good: ssl.SSLContext, authority: Authority
) -> None:
    with Peer(serves(good, "PLAIN", "SCRAM-SHA-1")) as works, Peer(serves(authority.context(["other.example"]))) as bad:
        result = run(
            domains=[domain_at(works.port), domain_at(bad.port)],
            clients=CLIENTS,
            ca_file=str(authority.file),
            soon_days=5,
            language="en",
        )
    first, second = result["domains"]
    assert (result["changed"], result["worst"]) == (False, "error")
    assert first["domain"] == DOMAIN
    findings = {(rule["id"], rule["client"]) for rule in first["rules"] if rule["status"] == "finding"}
    assert findings == {("client_cannot_log_in", "toychat"), ("login_in_clear", "")}
    (rule,) = [rule for rule in first["rules"] if rule["status"] == "finding" and rule["client"]]
    assert rule["text"] == text("rule.client_cannot_log_in", "en")
    assert rule["remedy"] == text("rule.client_cannot_log_in.remedy", "en")
    assert (rule["severity"], rule["target"]) == ("error", f"127.0.0.1:{works.port}")
    assert {rule["id"] for rule in first["rules"]} == set(RULES)
    assert all(not rule["text"] for rule in first["rules"] if rule["status"] != "finding")
    assert first["places"][0]["certificate"]["days_left"] == 29
    assert second["places"][0]["verdict"] == "tls_name_mismatch"
    assert second["places"][0]["certificate"]["names"] == ["other.example"]
    assert "certificate_name" in {rule["id"] for rule in second["rules"] if rule["status"] == "finding"}
    assert second["summary"].startswith(f"{DOMAIN}: ")


def test_a_service_that_is_not_there_is_a_result(run: Run) -> None:
    (domain,) = run(domains=[domain_at(1)])["domains"]
    assert (domain["worst"], domain["places"][0]["verdict"]) == ("error", "refused")
    assert domain["places"][0]["certificate"] is None


def test_no_domain_at_all_is_all_well(run: Run) -> None:
    result = run(domains=[])
    assert (result["domains"], result["worst"]) == ([], "ok")


ACCOUNT = {"jid": f"alice@{DOMAIN}", "password": "s3cret-of-hers"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"domains": [{"domain": "-x"}]}, "domains[0]: domain"),
        ({"domains": [{"domain": DOMAIN, "conference": "a b"}]}, "domains[0]: conference"),
        ({"domains": [domain_at(0)]}, "domains[0].places[0]"),
        ({"domains": [{"domain": DOMAIN, "places": [{"host": ""}]}]}, "host is empty"),
        ({"domains": [{"domain": DOMAIN, "places": [{"host": "a b"}]}]}, "no host name"),
        ({"domains": [{"domain": "other.example", "account": ACCOUNT}]}, "is no account of other.example"),
        ({"domains": [{"domain": DOMAIN, "account": ACCOUNT | {"password": ""}}]}, "password is empty"),
        ({"domains": [], "timeout": "nan"}, "timeout"),
        ({"domains": [], "soon_days": -1}, "soon_days"),
        ({"domains": [], "clients": {"gajim": {"mechanisms": ["PLAIN"]}}}, "clients.gajim"),
        ({"domains": [], "clients": {"x": CLIENTS["toychat"] | {"srv": ["xmpps"]}}}, "not xmpps"),
        ({"domains": [{"domain": DOMAIN}], "ca_file": "/none"}, "name a file of the control node"),
    ],
)
def test_wrong_arguments_say_where_and_what_would_do(run: Run, arguments: dict[str, Any], words: str) -> None:
    result = run(**arguments)
    assert result["failed"]
    assert words in result["msg"]
    assert "s3cret" not in json.dumps(result)


def documented(options: dict[str, Any]) -> dict[str, Any]:
    keys = ("type", "elements", "required", "choices", "default")
    return {
        name: {key: option[key] for key in keys if key in option}
        | ({"options": documented(option["suboptions"])} if "suboptions" in option else {})
        for name, option in options.items()
    }


def specified(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in option.items() if key not in ("no_log", "options")}
        | ({"options": specified(option["options"])} if "options" in option else {})
        for name, option in spec.items()
    }


def test_the_documentation_names_the_options_that_there_are() -> None:
    assert documented(yaml.safe_load(MODULE.DOCUMENTATION)["options"]) == specified(MODULE.ARGUMENT_SPEC)


def test_the_documentation_names_what_is_returned(run: Run, good: ssl.SSLContext, authority: Authority) -> None:
    with Peer(serves(good, "SCRAM-SHA-1")) as peer:
        result = run(domains=[domain_at(peer.port)], ca_file=str(authority.file))
    told = yaml.safe_load(MODULE.RETURN)
    assert set(told) == set(result) - {"changed", "invocation"}
    domain = told["domains"]["contains"]
    assert set(domain) == set(result["domains"][0])
    assert set(domain["places"]["contains"]) == set(result["domains"][0]["places"][0])
    assert set(domain["rules"]["contains"]) == set(result["domains"][0]["rules"][0])
    words = " ".join(domain["places"]["contains"]["certificate"]["description"])
    assert all(f"C({key})" in words for key in result["domains"][0]["places"][0]["certificate"])
    words = " ".join(domain["conference"]["description"])
    assert all(f"C({key})" in words for key in result["domains"][0]["conference"])


def test_the_examples_and_the_roles_of_the_clients_fit_the_arguments(tmp_path: Path) -> None:
    assert [task["name"] for task in yaml.safe_load(MODULE.EXAMPLES)]
    known = load_connections([str(PROJECT / "roles")])
    assert set(known) == {"gajim", "pidgin", "thunderbird"}
    assert set(MODULE.read_clients(known)) == set(known)
    toy = load_connections([str(PROJECT / "tests" / "e2e" / "new_client")])
    assert MODULE.read_clients(toy)["toychat"].mechanisms == ("SCRAM-SHA-1",)
    silent = tmp_path / "mute" / "vars"
    silent.mkdir(parents=True)
    (silent / "main.yml").write_text("__mute_client: {title: Mute, documents: []}\n", encoding="utf-8")
    assert load_connections([str(tmp_path)]) == {}
