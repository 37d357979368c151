"""What the tests of the XMPP client share: authorities, contexts of servers, and a way to log in to a script."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest
from ansible.module_utils.xmpp.resolve import Resolver
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from xmpp_cases import World
from xmpp_certificates import DOMAIN, Authority
from xmpp_check import Check

# slixmpp's judgement serves the tests in the lab and these.
sys.path.append(str(Path(__file__).resolve().parents[2] / "lab" / "xmpp"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="session")
def good(authority: Authority) -> ssl.SSLContext:
    """A server's context with nothing wrong."""
    return authority.context([DOMAIN])


@pytest.fixture(scope="session")
def trust(authority: Authority) -> Trust:
    return Trust(str(authority.file))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that we do not trust."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="session")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    stranger: Authority,
    good: ssl.SSLContext,
    trust: Trust,
) -> World:
    return World(tmp_path_factory.mktemp("world"), authority, stranger, good, trust)


@pytest.fixture
def campaign(trust: Trust) -> Campaign:
    return Campaign(trust, Resolver(), timeout=10)


@pytest.fixture
def check(trust: Trust) -> Check:
    return Check(trust)
