"""What the tests of the tickets share: an authority, and a GLPI that is played by a script."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Certificates are made, and modules run, as in the tests of the XMPP client.
sys.path.append(str(Path(__file__).resolve().parents[1] / "xmpp"))

from glpi_peer import GlpiPeer
from xmpp_certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="session")
def good(authority: Authority) -> ssl.SSLContext:
    """A server's context with nothing wrong, for the name localhost."""
    return authority.context(["localhost"])


@pytest.fixture
def peer(good: ssl.SSLContext) -> Iterator[GlpiPeer]:
    with GlpiPeer(good) as running:
        yield running
