"""Run unmodified Ansible against made-up Windows PCs. Without ``pwsh`` on the PATH these tests skip, and say so."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from module_server import PROJECT, ModuleServer, utils_of
from windows_pc import PWSH, WindowsPC
from windows_site import PASSWORD, USER, Site
from winrm_certificates import authority_and_context
from winrm_peer import Peer

# The person on whom the Python half of im_profile_files is tried.
_BESIDE = PROJECT / "tests" / "unit" / "library" / "im_profile_files"
sys.path.append(str(_BESIDE))
sys.path.append(str(PROJECT / "tests" / "unit" / "im_formats"))  # documents of the clients
sys.path.append(str(PROJECT / "tests" / "unit"))  # what waits for first logons
_spec = importlib.util.spec_from_file_location("profile_files_fixtures", _BESIDE / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
login, person = _fixtures.login, _fixtures.person


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if PWSH is None:
        for item in items:
            of_python = getattr(getattr(item, "callspec", None), "params", {}).get("desk") == "python"
            if Path(__file__).parent in item.path.parents and not of_python:
                item.add_marker(pytest.mark.skip(reason="no pwsh on the PATH: nothing of Windows was tried"))


@pytest.fixture
def site_of(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Make a site of PCs with these names."""
    with contextlib.ExitStack() as peers:

        def make(*names: str) -> Site:
            authority, context = authority_and_context(tmp_path)
            pcs = {name: WindowsPC(tmp_path, name) for name in names}
            peer = peers.enter_context(Peer(pcs, USER, PASSWORD, context).serving())
            return Site(tmp_path, pcs, peer, authority)

        yield make


@pytest.fixture
def site(site_of: Callable[..., Site]) -> Site:
    """A site of one PC."""
    return site_of("pc-1")


@pytest.fixture(scope="session")
def modules() -> Iterator[ModuleServer]:
    """Our .ps1 modules without a connection."""
    server = ModuleServer()
    yield server
    server.close()


@pytest.fixture
def pc(tmp_path: Path) -> WindowsPC:
    """A PC that no connection leads to."""
    return WindowsPC(tmp_path)


@pytest.fixture
def run_powershell(pc: WindowsPC) -> Callable[[str], str]:
    """Run lines of PowerShell with our module utilities loaded over the fakes; returns what they print."""

    def run(lines: str) -> str:
        names = [utils_of(PROJECT / "library" / f"{name}.ps1") for name in ("winget_package", "im_profile_files")]
        imports = "; ".join(f"Import-Module '{path}'" for path in dict.fromkeys(itertools.chain(*names)))
        whole = f"{imports}; {lines}"
        done = subprocess.run(
            [PWSH or "pwsh", "-NoProfile", "-NonInteractive", "-Command", whole],
            env=pc.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
