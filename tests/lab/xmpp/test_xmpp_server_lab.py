"""The survey of the lab's three real servers, with OpenSSL's own client as a witness."""

from __future__ import annotations

import json
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible.module_utils.im_clients import load_connections
from ansible.module_utils.xmpp.resolve import Resolver, Server
from ansible.module_utils.xmpp.server_rules import ClientAbility, judge, worst
from ansible.module_utils.xmpp.server_survey import Survey, survey
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from im_lab.settings import Settings
from xmpp_lab_server import HOST, LabServer

pytestmark = pytest.mark.lab

PROJECT = Path(__file__).resolve().parents[3]
CLIENTS = {
    name: ClientAbility(*(tuple(able[key]) for key in ("mechanisms", "tls", "srv")))
    for name, able in load_connections([str(PROJECT / "roles")]).items()
}
#: Which mechanisms each of them offers besides PLAIN.
OFFERED = {
    "univ-lille.example": {"SCRAM-SHA-1"},
    "prosody13.example": {"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "OAUTHBEARER"},
    "ejabberd.example": {"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"},
}


@pytest.fixture(scope="module", params=["xmpp", "prosody13", "ejabberd"])
def each_server(request: pytest.FixtureRequest) -> LabServer:
    """Each of the lab's servers in turn."""
    settings = Settings.from_environment()
    about = settings.server(request.param)
    try:
        passwords = json.loads(settings.secrets.read_text(encoding="utf-8"))
        socket.create_connection((HOST, about.port("starttls")), timeout=5).close()
    except OSError as error:
        pytest.skip(f"the lab's {request.param} does not run ({error}); start it with: lab/lab up {request.param}")
    return LabServer(
        domain=about.domain,
        people=settings.table["people"],
        admin=settings.table["admin"],
        passwords=passwords,
        starttls=about.port("starttls"),
        direct=about.port("direct"),
        ca_file=settings.state / "ca" / "ca.crt",
    )


def looked_at(server: LabServer, ca_file: Path | None, conference: str = "") -> Survey:
    campaign = Campaign(Trust(str(ca_file) if ca_file else None), Resolver())
    return survey(
        server.domain,
        campaign,
        ca_file=str(ca_file) if ca_file else None,
        named=[Server(server.domain, HOST, server.starttls), Server(server.domain, HOST, server.direct, "direct")],
        account=server.account(server.people[0]),
        conference=conference or f"conference.{server.domain}",
    )


def found(seen: Survey) -> set[str]:
    judgements = judge(seen, CLIENTS, datetime.now(UTC), timedelta(days=30))
    return {judgement.rule for judgement in judgements if judgement.status == "finding"}


def openssl(server: LabServer, port: int, *options: str) -> str:
    """What ``openssl s_client`` says of a place, TLS and nothing more."""
    starttls = ["-starttls", "xmpp", "-xmpphost", server.domain] if port == server.starttls else []
    command = ["openssl", "s_client", "-connect", f"{HOST}:{port}", "-servername", server.domain, *starttls]
    command += ["-verify_hostname", server.domain, "-CAfile", str(server.ca_file), *options]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=300)
    return done.stdout + done.stderr


def test_each_server_is_well_by_both_ways(each_server: LabServer) -> None:
    seen = looked_at(each_server, each_server.ca_file)
    judgements = judge(seen, CLIENTS, datetime.now(UTC), timedelta(days=30))
    assert [judgement for judgement in judgements if judgement.status == "finding"] == []
    assert worst(judgements) == "ok"
    # Only the name service was not asked, as the lab has no zone.
    assert {j.rule.partition("_")[0] for j in judgements if j.status == "not_checked"} == {"srv"}
    for place in seen.places:
        assert (place.verdict, place.tls, place.registration) == ("ok", "TLSv1.3", "refused")
        assert set(place.mechanisms or ()) == {"PLAIN", *OFFERED[each_server.domain]}
    assert seen.conference.services == (f"conference.{each_server.domain}",)


def test_a_conference_that_the_server_does_not_have_is_told(each_server: LabServer) -> None:
    wrong = looked_at(each_server, each_server.ca_file, f"salons.{each_server.domain}")
    assert found(wrong) == {"conference_wrong"}


def test_an_authority_that_we_do_not_trust_is_told_with_the_certificate(each_server: LabServer) -> None:
    seen = looked_at(each_server, None)
    assert found(seen) == {"certificate_chain"}
    for place in seen.places:
        assert (place.verdict, place.mechanisms) == ("tls_untrusted", None)
        assert place.certificate is not None
        assert place.certificate.carries(each_server.domain)


def test_openssl_sees_the_same(each_server: LabServer, tmp_path: Path) -> None:
    seen = looked_at(each_server, each_server.ca_file)
    for place in seen.places:
        certificate = place.certificate
        assert certificate is not None
        said = openssl(each_server, place.endpoint.port)
        assert "Verify return code: 0 (ok)" in said
        assert f"New, {place.tls}" in said
        pem = tmp_path / "server.pem"
        pem.write_text(said, encoding="utf-8")
        dates = ["openssl", "x509", "-in", str(pem), "-noout", "-enddate", "-ext", "subjectAltName"]
        told = subprocess.run(dates, capture_output=True, text=True, check=True).stdout
        assert (
            f"{certificate.not_after:%b} {certificate.not_after.day:2} {certificate.not_after:%H:%M:%S %Y} GMT" in told
        )
        assert all(f"DNS:{name}" in told for name in certificate.names)
        for name, option in (("TLSv1", "-tls1"), ("TLSv1.1", "-tls1_1")):
            taken = "New, TLSv1" in openssl(each_server, place.endpoint.port, option, "-cipher", "ALL:@SECLEVEL=0")
            assert place.old_tls[name] == taken


def test_a_port_of_the_other_tls_mode_is_told(each_server: LabServer) -> None:
    campaign = Campaign(Trust(str(each_server.ca_file)), Resolver())
    swapped = [Server(each_server.domain, HOST, each_server.starttls, "direct")]
    seen = survey(each_server.domain, campaign, named=swapped)
    assert found(seen) == {"tls_failed"}
