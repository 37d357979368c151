"""im_package_source_info: what apt says, word for word as apt 2.6 and 3.0 said it on Debian 12 and 13."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).resolve().parents[3]

DEAD_PROXY = """Err:1 http://deb.debian.org/debian trixie InRelease
  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)
Reading package lists...
W: Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)
W: Some index files failed to download. They have been ignored, or old ones used instead.
"""  # noqa: E501 - apt's own lines
ASKS_WHO = """E: The repository 'http://deb.debian.org/debian trixie InRelease' is not signed.
E: Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease  407  Proxy Authentication Required [IP: 127.0.0.1 3999]
"""  # noqa: E501 - apt's own lines
POLICY = """gajim:
  Installed: (none)
  Candidate: 2.1.1-2
  Version table:
     2.1.1-2 500
        500 http://deb.debian.org/debian trixie/main amd64 Packages
pidgin:
  Installed: (none)
  Candidate: (none)
  Version table:
     2.14.14-1 -1
"""


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sources", PROJECT / "library" / "im_package_source_info.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_a_source_that_fails_is_told_once_with_the_words_of_apt(module: ModuleType) -> None:
    (told,) = module.failures_of(DEAD_PROXY + DEAD_PROXY)
    assert told["uri"] == "http://deb.debian.org/debian/dists/trixie/InRelease"
    assert told["reason"].startswith("Could not connect to 127.0.0.1:9")
    assert module.failures_of(ASKS_WHO)[0]["reason"].startswith("407  Proxy Authentication Required")
    assert module.failures_of("Hit:1 http://deb.debian.org/debian trixie InRelease\n") == []


def test_a_package_that_is_pinned_away_or_unheard_of_has_no_candidate(module: ModuleType) -> None:
    assert module.without_candidate(POLICY, ["gajim", "pidgin", "nonsuch"]) == ["pidgin", "nonsuch"]


def test_a_proxy_is_named_without_its_password(module: ModuleType) -> None:
    settings = 'Acquire::http::Proxy::mirror.example "DIRECT";\nAcquire::http::Proxy "http://svc:secret@proxy:3128/";\n'
    assert module.proxy_of(settings) == "http://proxy:3128/"
    assert module.proxy_of('Acquire::http::Proxy "DIRECT";\n') == ""
    assert module.proxy_of('Acquire "";\n') == ""
    refused = (
        "W: Failed to fetch http://svc:secret@mirror/dists/x/InRelease  Could not resolve 'http://svc:secret@proxy'"
    )
    assert "secret" not in str(module.failures_of(refused))
