"""The login job in sessions as desks have them: a display manager with X, and systemd's user manager."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from im_lab.engine import Engine
from im_lab.settings import Settings
from login_desk import LAB, LOGIN, PLACE, PROJECT, SHIFT, Desk, offer_for, wish
from systemd_boot import wait_for_systemd

pytestmark = pytest.mark.lab
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends"
PATIENCE = 300  # seconds

# ---------------------------------------------------------------------------------------------------------------------
# A display manager, an X server, a session that honours autostart
# ---------------------------------------------------------------------------------------------------------------------

LIGHTDM = f"""
[LightDM]
logind-check-graphical=false
[Seat:*]
xserver-command=/usr/local/bin/joblog-x
autologin-user={LOGIN}
autologin-session=openbox
"""
# What a display manager asks of its X server, without the words that need a real screen.
XSERVER = """#!/bin/sh
display=$1
while [ "$1" != -auth ]; do shift; done
exec Xvfb "$display" -auth "$2" -nolisten tcp
"""
#: Seconds between the last change of a file and the start of the login's client; negative if the client was first.
HEAD_START = """
pid=$(pgrep -o -u {login} -x pidgin)
python3 - $pid <<'END'
import os, sys, time
with open(f"/proc/{{sys.argv[1]}}/stat") as stat, open("/proc/uptime") as uptime:
    ticks = int(stat.read().rpartition(")")[2].split()[19])
    age = float(uptime.read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
print(time.time() - age - os.stat("{path}").st_mtime)
END
"""


class XDesk(Desk):  # type: ignore[misc] # mypy does not follow imports of helpers
    """A desk whose display manager logs the person in."""

    def wait(self, condition: str) -> None:
        """Wait until a shell condition holds."""
        self.sh(f"for i in $(seq {5 * PATIENCE}); do ! {{ {condition}; }} || exit 0; sleep 0.2; done; ps axf; exit 1")

    def as_person(self, command: str) -> str:
        """Run a command in the session: no login shell, so nothing of /etc/profile."""
        return self.sh(f"su {LOGIN} -c 'cd; DISPLAY=:0 {command}'")

    def begin_session(self) -> None:
        """Switch on the display manager, which logs the person in."""
        bus = "mkdir -p /run/dbus; rm -f /run/dbus/pid; dbus-daemon --system --fork"
        self.sh(f"pgrep -x dbus-daemon -u messagebus > /dev/null || {{ {bus}; }}")
        # Not by SSH: a process is marked for good with who logged in first, and lightdm's PAM insists on its own mark.
        settings = Settings.from_environment()
        Engine(settings).podman("exec", "--detach", settings.container(self.host), "lightdm")
        self.wait(f"pgrep -u {LOGIN} -x openbox > /dev/null")

    def end_session(self) -> None:
        """Log out as the menu does; whoever still has a window loses it."""
        self.as_person("openbox --exit")
        self.wait(f"! pgrep -u {LOGIN} -x 'openbox|pidgin' > /dev/null")
        self.sh("pkill -x lightdm; true")
        self.wait("! pgrep -x 'lightdm|Xvfb' > /dev/null")

    def deploy(self) -> dict[str, Any]:
        """Run site.yml for the one seat; returns its row of the result."""
        server = {"host": "127.0.0.1", "port": 15222 + SHIFT}
        admin = {"jid": "svc-check@univ-lille.example", "password": "{{ vault_im_admin_password }}"}
        extra = {
            "im_seats": [{"login": LOGIN, "person": "alice.martin", "clients": ["pidgin"]}],
            "im_enforced_preferences": ["auto_away_minutes"],
            "im_accounts_reach": server,
            "im_accounts_admin": {**admin, **server},
        }
        done = self.ansible(PROJECT / "playbooks" / "site.yml", extra)
        found = re.findall(r"JSON: (\S+\.json)", done.stdout)
        assert found, done.stdout + done.stderr
        (row,) = json.loads(Path(found[-1]).read_text(encoding="utf-8"))["rows"]
        assert isinstance(row, dict)
        return row


@pytest.fixture
def x_desk(tmp_path: Path) -> Iterator[XDesk]:
    desk = XDesk("pc-bib-01", tmp_path, 22001 + SHIFT)
    clean = (
        f"pkill -x lightdm; pkill -KILL -u {LOGIN}; userdel -rf {LOGIN} 2>/dev/null; rm -rf"
        f" /var/lib/im_client/*/{LOGIN} /usr/local/bin/joblog-x /etc/lightdm/lightdm.conf.d/joblog.conf; true"
    )
    desk.sh(clean)
    desk.sh(f"apt-get update --quiet=2; {INSTALL} lightdm openbox python3-xdg pidgin")
    desk.sh(f"useradd -ms /bin/bash {LOGIN}; mkdir -p /etc/lightdm/lightdm.conf.d")
    desk.sh(f"cat > /etc/lightdm/lightdm.conf.d/joblog.conf <<'END'\n{LIGHTDM}\nEND")
    desk.sh(f"cat > /usr/local/bin/joblog-x <<'END'\n{XSERVER}\nEND\nchmod 755 /usr/local/bin/joblog-x")
    yield desk
    desk.sh(clean)


def test_in_an_x_session_the_job_is_done_before_the_session_starts_the_client(x_desk: XDesk) -> None:
    desk, prefs = x_desk, f"~{LOGIN}/.purple/prefs.xml"
    desk.begin_session()
    desk.as_person("setsid pidgin > /dev/null 2>&1 < /dev/null &")
    desk.wait(f"grep -q mins_before_away {prefs}")
    assert desk.deploy()["state"] == "deferred"
    assert desk.sh(f"ls {PLACE}") == "wishes.json" and "value='5'" in desk.sh(f"grep mins_before_away {prefs}")
    desk.sh("rm /etc/profile.d/im-client-login.sh")  # not that another hook has the merit
    desk.end_session()

    # The job lays down also the entry by which this same session then starts the client.
    desk.begin_session()
    desk.wait(f"pgrep -u {LOGIN} -x pidgin > /dev/null")
    assert desk.sh(f"ls -A {PLACE}").split() == ["lock", "result.json"]
    assert float(desk.sh(HEAD_START.format(login=LOGIN, path=f"{PLACE}/result.json"))) > 0
    # The client knows the account that waited: it asks for its password. What it writes when it closes is what it read.
    looked = f"DISPLAY=:0 XAUTHORITY=~{LOGIN}/.Xauthority xdotool search --onlyvisible --class pidgin"
    roles = f"for window in $({looked}); do DISPLAY=:0 XAUTHORITY=~{LOGIN}/.Xauthority xprop -id $window; done"
    desk.wait(f"{{ {roles}; }} 2> /dev/null | grep -q 'WM_WINDOW_ROLE.*multifield'")
    desk.sh(f"pkill -u {LOGIN} -x pidgin")
    desk.wait(f"! pgrep -u {LOGIN} -x pidgin > /dev/null")
    assert "value='10'" in desk.sh(f"grep mins_before_away {prefs}")
    assert "alice.martin@univ-lille.example" in desk.sh(f"cat ~{LOGIN}/.purple/accounts.xml")
    desk.end_session()

    stamps = desk.sh(f"stat -c '%n %y %z %i' {PLACE}/*")
    desk.begin_session()
    desk.wait(f"pgrep -u {LOGIN} -x pidgin > /dev/null")
    assert desk.sh(f"stat -c '%n %y %z %i' {PLACE}/*") == stamps
    desk.end_session()

    row = desk.deploy()
    assert row["state"] == "compliant", row
    assert row["login_job"]["state"] == "changed", row
    assert desk.sh(f"ls -d {PLACE} /etc/X11/Xsession.d/*im-client* /usr/local/lib/im_client 2>/dev/null; true") == ""


# ---------------------------------------------------------------------------------------------------------------------
# systemd
# ---------------------------------------------------------------------------------------------------------------------

#: systemd as PID 1, with what Debian's desktops bring for their sessions; 42: the packages could not be had.
BOOT = (
    f"apt-get update --quiet=2 && {INSTALL} systemd-sysv libpam-systemd dbus-user-session || exit 42;"
    " systemd-machine-id-setup; systemctl mask systemd-firstboot; exec /sbin/init"
)
#: What GNOME and Plasma do with systemd: their session is a target that starts the entries of autostart.
SESSION = """
[Unit]
BindsTo=graphical-session.target
Wants=graphical-session-pre.target xdg-desktop-autostart.target
Before=xdg-desktop-autostart.target
"""
#: The client: keeps what it finds when it starts, and when that is.
CLIENT = "#!/bin/sh\ncp ~/.purple/accounts.xml ~/seen.xml\nexec /usr/local/lib/joblog/pidgin 600\n"


@pytest.fixture(scope="module")
def systemd_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of the lab's recipe that systemd has booted, on a port of its own; gone afterwards."""
    settings = Settings.from_environment()
    engine = Engine(settings)
    like, name = settings.container("pc-lab-03"), settings.container("systemd")
    image = engine.podman("inspect", "--format", "{{.ImageName}}", like).strip()
    host_key = settings.host_key("pc-lab-03")
    mounts = {host_key: "ssh_host_ed25519_key", Path(f"{settings.key}.pub"): "lab_authorized_keys"}
    volumes = [word for path, there in mounts.items() for word in ("--volume", f"{path}:/etc/ssh/{there}:ro")]
    engine.podman("rm", "--force", "--ignore", "--time", "0", name)
    engine.podman(
        *("run", "--detach", "--name", name, "--hostname", "systemd", "--label", f"im-lab={settings.prefix}"),
        *("--network", settings.network, "--publish", "127.0.0.1::22", "--systemd=always", *volumes),
        *(image, "sh", "-c", BOOT),
    )
    try:
        wait_for_systemd(engine, name)
        port = int(engine.podman("port", name, "22").strip().rpartition(":")[2])
        directory = tmp_path_factory.mktemp("systemd")
        known = Path(f"{host_key}.pub").read_text(encoding="utf-8")
        (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {known}", encoding="utf-8")
        (directory / "ssh_config").write_text(
            f"Host pc-systemd\n  Port {port}\n  UserKnownHostsFile {directory}/known_hosts\n"
            f"  ControlPath none\nInclude {LAB}/ssh_config\n",
            encoding="utf-8",
        )
        yield Desk("pc-systemd", directory, port, directory / "ssh_config")
    finally:
        engine.podman("rm", "--force", "--time", "0", name)


def test_systemd_runs_the_job_before_a_login_goes_on_and_before_a_session_starts_the_client(systemd_desk: Desk) -> None:
    desk = systemd_desk
    desk.sh(f"useradd -ms /bin/bash {LOGIN}; cat > /etc/systemd/user/joblog-session.target <<'END'\n{SESSION}\nEND")
    desk.sh(f"cat > /usr/local/bin/pidgin <<'END'\n{CLIENT}\nEND\nchmod 755 /usr/local/bin/pidgin")
    desk.sh("mkdir /usr/local/lib/joblog; cp /bin/sleep /usr/local/lib/joblog/pidgin")
    assert desk.pending("settle", [wish()])["logins"][0]["pending"] == [f"{LOGIN}/pidgin"]
    desk.sh("rm /etc/profile.d/im-client-login.sh")
    # A command by SSH: no login shell, no X. PAM has the user manager started, and what it runs comes first.
    assert "zoe.obrien@univ-lille.example" in desk.sh("cat .purple/accounts.xml", LOGIN)
    assert desk.sh("systemctl --user is-system-running", LOGIN) in ("running", "degraded")

    # A session of GNOME's or Plasma's kind, in a user manager that was there before the hook and outlives the session.
    desk.sh(f"loginctl enable-linger {LOGIN}")
    manager = desk.sh(f"systemctl show --value --property MainPID user@$(id -u {LOGIN})")
    desk.sh("systemctl --user daemon-reload; systemctl --user start joblog-session.target", LOGIN)
    desk.sh("until test -e seen.xml; do sleep 0.1; done; pgrep -x pidgin", LOGIN)
    (told,) = desk.pending("settle", [wish("bruno.lefevre@univ-lille.example")])["logins"]
    assert told["result"][f"{LOGIN}/pidgin"]["state"] == "changed"
    desk.sh("rm /etc/profile.d/im-client-login.sh")
    assert "bruno" not in desk.sh("systemctl --user stop joblog-session.target; cat .purple/accounts.xml", LOGIN)
    desk.sh("rm seen.xml; systemctl --user start joblog-session.target", LOGIN)
    seen = desk.sh("until test -e seen.xml; do sleep 0.1; done; cat seen.xml; pgrep -x pidgin", LOGIN)
    assert "zoe.obrien@" in seen and "bruno.lefevre@univ-lille.example" in seen
    assert desk.sh(f"systemctl show --value --property MainPID user@$(id -u {LOGIN})") == manager

    stamps = desk.stamps()
    desk.sh("systemctl --user stop joblog-session.target; systemctl --user start joblog-session.target", LOGIN)
    desk.sh("true", LOGIN)
    assert [line for line in desk.stamps().splitlines() if "seen.xml" not in line] == [
        line for line in stamps.splitlines() if "seen.xml" not in line
    ]
    (told,) = desk.pending("settle")["logins"]
    assert (told["result"][f"{LOGIN}/pidgin"]["state"], told["pending"]) == ("changed", [])
    assert desk.sh("find /etc/systemd/user -name 'im-client*'") == ""


def test_systemd_serves_a_first_login_before_it_goes_on_and_only_the_first(systemd_desk: Desk) -> None:
    desk, login = systemd_desk, "joblog3"
    desk.sh(f"useradd -ms /bin/bash {login}")
    assert desk.offer(offer_for({login: "dina.haddad@univ-lille.example"}))["changed"]
    desk.sh("rm /etc/profile.d/im-client-login.sh")
    assert "dina.haddad@univ-lille.example" in desk.sh("cat .purple/accounts.xml", login)
    stamps = f"find ~{login} -type f -printf '%p %T@ %i\\n' | sort"
    before = desk.sh(stamps)
    desk.sh(f"loginctl terminate-user {login}")
    desk.sh("systemctl --user is-system-running", login)
    assert desk.sh(stamps) == before

    # A mapping that names somebody who is logged in: the running user manager is told, the next session has it.
    other = "joblog4"
    desk.sh(f"useradd -ms /bin/bash {other}; loginctl enable-linger {other}")
    desk.sh("until systemctl --user is-system-running --wait; do sleep 0.2; done", other)
    assert "no account is known" in desk.sh("cat .local/state/im_client/first-login/result.json", other)
    desk.offer(offer_for({login: "dina.haddad@univ-lille.example", other: "alice.martin@univ-lille.example"}))
    desk.sh("rm /etc/profile.d/im-client-login.sh; systemctl --user start joblog-session.target", other)
    assert "alice.martin@univ-lille.example" in desk.sh("cat .purple/accounts.xml", other)
    assert {file["action"] for file in desk.offer("")["files"]} == {"deleted"}
    assert desk.sh("find /etc/systemd/user -name 'im-client*'") == ""
