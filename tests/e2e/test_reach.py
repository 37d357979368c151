"""A desk says itself what is between it and the service: nothing, a firewall, a wrong name, an unknown authority."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from homes import add_login, remove_login
from lab_runs import PROJECT, on_desk, playbook, report_of

pytestmark = pytest.mark.lab
HOST, LOGIN, DOMAIN = "pc-lab-03", "portee", "univ-lille.example"
CA_ON_DESK = "/var/tmp/reach-ca.pem"  # noqa: S108 - a file of the desk, which the test removes
ROLES = {"ANSIBLE_ROLES_PATH": f"{PROJECT / 'roles'}:{PROJECT / 'tests' / 'e2e' / 'new_client'}"}
SEATS = {"im_seats": [{"login": LOGIN, "person": "alice.martin", "clients": ["toychat"]}]}

#: A port whose queue is full: what comes is dropped without a word, as a firewall does. It is there until stdin ends.
SILENT_PORT = """
import socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
full = []
for _ in range(4):
    link = socket.socket()
    link.setblocking(False)
    link.connect_ex(listener.getsockname())
    full.append(link)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def authority() -> Iterator[None]:
    """The lab's authority, laid where only the test looks."""
    on_desk(HOST, f"cat > {CA_ON_DESK}", secret=(PROJECT / ".lab" / "ca" / "ca.crt").read_text(encoding="utf-8"))
    yield
    on_desk(HOST, f"rm -f {CA_ON_DESK}")


@contextmanager
def silent_port() -> Iterator[int]:
    ssh = ["ssh", "-F", str(PROJECT / ".lab" / "ssh_config"), f"root@{HOST}", f"python3 -c '{SILENT_PORT}'"]
    with subprocess.Popen(ssh, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def asked(tmp_path: Path, **arguments: Any) -> dict[str, Any]:
    """Ask the desk."""
    wanted = {"domain": DOMAIN, "ca_file": CA_ON_DESK, "tls": "starttls", **arguments}
    command = [str(Path(sys.executable).with_name("ansible")), HOST, "-m", "xmpp_reach_info", "-t", str(tmp_path)]
    command += ["-a", json.dumps({name: value for name, value in wanted.items() if value is not None})]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (tmp_path / HOST).exists(), done.stdout + done.stderr
    answer: dict[str, Any] = json.loads((tmp_path / HOST).read_text(encoding="utf-8"))
    return answer


@pytest.mark.parametrize("tls", ["starttls", "direct", None])
def test_a_desk_reaches_the_service_by_its_own_name_service(tls: str | None, tmp_path: Path) -> None:
    answer = asked(tmp_path, tls=tls)
    assert (answer["verdict"], answer["detail"]) == ("ok", "")
    (place,) = answer["places"]
    assert (place["host"], place["tls"]) == (DOMAIN, "TLSv1.3")
    assert place["port"] == (5223 if tls == "direct" else 5222)
    assert place["address"]


@pytest.mark.parametrize(
    ("verdict", "arguments"),
    [
        # An authority of the desk that is not ours; the store itself may hold ours, once site.yml ran.
        ("tls_untrusted", {"ca_file": "/usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt"}),
        # Prosody shows no certificate at all for a domain that it does not serve (alert unrecognized_name).
        ("tls_error", {"domain": "other.example", "host": DOMAIN, "tls": "direct"}),
        ("stream_host_unknown", {"domain": "other.example", "host": DOMAIN}),
        ("dns", {"host": "no-such-host.univ-lille.example"}),
        ("dns", {"domain": "no-such-domain.example"}),
        ("refused", {"host": "127.0.0.1", "port": 9}),
        ("unreachable", {"host": "2001:db8::1"}),
        ("not_xmpp", {"host": "127.0.0.1", "port": 22}),
        ("tls_error", {"port": 5222, "tls": "direct"}),
    ],
)
def test_each_obstacle_has_its_word(verdict: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    answer = asked(tmp_path, **arguments)
    assert answer["verdict"] == verdict
    assert answer["hint"].endswith(".")


def test_a_firewall_that_drops_what_comes_is_told_by_the_port(tmp_path: Path) -> None:
    with silent_port() as port:
        answer = asked(tmp_path, host="127.0.0.1", port=port, timeout=1)
    assert answer["verdict"] == "timeout"
    assert f"127.0.0.1:{port}" in answer["detail"]


@pytest.fixture
def login() -> Iterator[None]:
    add_login(HOST, LOGIN)
    yield
    remove_login(HOST, LOGIN)


def site(*arguments: str, not_foretold: str = "", **wishes: Any) -> subprocess.CompletedProcess[str]:
    everything = ("site.yml", "--limit", HOST, *arguments)
    return playbook(*everything, extra={**SEATS, **wishes}, environment=ROLES, not_foretold=not_foretold)


@pytest.mark.usefixtures("login")
def test_site_tells_whether_the_desk_reaches_the_service_where_that_is_asked_for() -> None:
    first = "a dry run lays no CA, so nobody asks the desk what it trusts"
    reached = site(im_client_check_reach=True, not_foretold=first)
    assert reached.returncode == 0, reached.stdout
    (row,) = report_of(reached)["rows"]
    assert (row["reach"]["verdict"], row["state"], row["verdict"]) == ("ok", "changed", "ok")

    service = {"domain": DOMAIN, "host": "127.0.0.1", "port": 9, "ca_file": str(PROJECT / ".lab" / "ca" / "ca.crt")}
    cut_off = site("--check", im_client_check_reach=True, im_service=service)
    assert cut_off.returncode == 2
    (row,) = report_of(cut_off)["rows"]
    assert (row["reach"]["verdict"], row["verdict"]) == ("refused", "ok")
    assert f"service injoignable depuis : {HOST}" in cut_off.stdout
    assert row["reach"]["hint"] in cut_off.stdout

    unasked = site("--check")
    assert unasked.returncode == 0, unasked.stdout
    assert report_of(unasked)["rows"][0]["reach"] is None
