"""Start the lab with `lab/lab up`; without it these tests are skipped."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest
from ansible.module_utils.xmpp.resolve import Resolver
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from xmpp_lab_server import HOST, LabServer
from xmpp_people_lab import PeopleServer

PROJECT = Path(__file__).resolve().parents[3]
sys.path.append(str(PROJECT / "lab"))

from im_lab.settings import Settings  # noqa: E402 - the lab is no installed package


def _running(name: str) -> LabServer:
    settings = Settings.from_environment()
    table, lab_server = settings.table, settings.server(name)
    try:
        passwords = json.loads(settings.secrets.read_text(encoding="utf-8"))
        socket.create_connection((HOST, lab_server.port("starttls")), timeout=5).close()
    except OSError as error:
        pytest.skip(f"the lab's {name} does not run ({error}); start it with: lab/lab up {name}")
    return LabServer(
        domain=lab_server.domain,
        people=table["people"],
        admin=table["admin"],
        passwords=passwords,
        starttls=lab_server.port("starttls"),
        direct=lab_server.port("direct"),
        ca_file=settings.state / "ca" / "ca.crt",
    )


@pytest.fixture(scope="session")
def server() -> LabServer:
    return _running("xmpp")


@pytest.fixture(scope="session")
def ejabberd() -> LabServer:
    return _running("ejabberd")


@pytest.fixture(scope="session")
def campaign(server: LabServer) -> Campaign:
    return Campaign(Trust(str(server.ca_file)), Resolver())


@pytest.fixture(scope="session", params=["xmpp", "prosody13", "ejabberd"])
def people_server(request: pytest.FixtureRequest) -> PeopleServer:
    """Each of the lab's servers in turn."""
    settings = Settings.from_environment()
    table, lab_server = settings.table, settings.server(request.param)
    try:
        passwords = json.loads(settings.secrets.read_text(encoding="utf-8"))
        socket.create_connection((HOST, lab_server.port("starttls")), timeout=5).close()
    except OSError as error:
        pytest.skip(f"the lab's {request.param} does not run ({error}); start it with: lab/lab up {request.param}")
    return PeopleServer(
        name=lab_server.name,
        domain=lab_server.domain,
        conference=lab_server.conference,
        people=table["people"],
        service=table["provisioner"],
        passwords=passwords,
        port=lab_server.port("starttls"),
        api=lab_server.port("api") if "api" in lab_server.ports else None,
        ca_file=settings.state / "ca" / "ca.crt",
    )
