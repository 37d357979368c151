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

PROJECT = Path(__file__).resolve().parents[3]
sys.path.append(str(PROJECT / "lab"))

from im_lab.settings import Settings  # noqa: E402 - the lab is no installed package


@pytest.fixture(scope="session")
def server() -> LabServer:
    settings = Settings.from_environment()
    table, lab_server = settings.table, settings.server("xmpp")
    try:
        passwords = json.loads(settings.secrets.read_text(encoding="utf-8"))
        socket.create_connection((HOST, lab_server.port("starttls")), timeout=5).close()
    except OSError as error:
        pytest.skip(f"the lab's server does not run ({error}); start it with: lab/lab up")
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
def campaign(server: LabServer) -> Campaign:
    return Campaign(Trust(str(server.ca_file)), Resolver())
