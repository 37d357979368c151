"""All three servers of the lab run before a test of this directory does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible.module_utils.xmpp.resolve import Resolver
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from lab_servers import RunningServer, lab

sys.path.append(str(Path(__file__).resolve().parents[2] / "lab"))

from im_lab.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def further_servers() -> None:
    """Start the servers that a plain `lab/lab up` leaves out. The first time two images are built: about a minute.

    Nothing is started where there is no lab yet: tests that need one are skipped.
    """
    if Settings.from_environment().secrets.exists():
        lab("up", "prosody13", "ejabberd")


@pytest.fixture(scope="session")
def servers() -> dict[str, RunningServer]:
    """The servers by name."""
    settings = Settings.from_environment()
    if not settings.secrets.exists():
        pytest.skip("the lab does not run; start it with: lab/lab up")
    return {name: RunningServer.of(settings, name) for name in settings.servers}


@pytest.fixture(scope="session")
def campaign(servers: dict[str, RunningServer]) -> Campaign:
    """Our client's way to log in: it trusts the lab's authority."""
    return Campaign(Trust(str(servers["xmpp"].ca_file)), Resolver())
