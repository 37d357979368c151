"""Every night: the timer and the service on a control node that systemd has booted, and cron's way beside it.

The nightly run is the real one: as an account of its own, with a vault, by SSH to a desk of the lab, asking the lab's
server; what it tells goes to a real SMTP server over TLS.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from email import message_from_string, policy
from pathlib import Path

import guide
import pytest
from ansible.constants import DEFAULT_VAULT_ID_MATCH
from ansible.parsing.vault import VaultLib, VaultSecret
from control_node import ACCOUNT, INVENTORY, PROJECT, SITE, VAULT_PASSWORD, ControlNode, control_node

sys.path.append(str(PROJECT / "tests" / "unit" / "im_alert"))
sys.path.append(str(PROJECT / "tests" / "unit" / "xmpp"))

from alert_peers import PASSWORD, USER
from im_lab.settings import Settings

pytestmark = pytest.mark.lab
MAIL, MAIL_PORT = "/srv/mail", 2587
NAME = "im-compliance"
REPORTS = f"{PROJECT}/reports/compliance"
#: What schedule.yml lays down, for systemd and for cron.
TRACES = (
    "ls -d /etc/systemd/system/*im-* /etc/systemd/system/*/im-* /etc/cron.d/im-* /usr/local/lib/im-* /var/lib/im-*"
    " /var/log/im-* 2> /dev/null; true"
)


def lay_site(node: ControlNode) -> None:
    """What a real site has: an inventory with a vault, the account's SSH key and the service's CA."""
    settings = Settings.from_environment()
    people = json.loads(settings.secrets.read_text(encoding="utf-8"))
    domain = settings.servers["xmpp"].domain
    place = {"host": domain, "port": 5222}
    known = Path(f"{settings.host_key('pc-bib-01')}.pub").read_text(encoding="utf-8")
    desk = {
        "ansible_user": "ansible",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": f"{SITE}/key",
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={SITE}/known_hosts -o StrictHostKeyChecking=yes",
        "im_seats": [{"login": "amartin", "person": "alice.martin", "clients": ["pidgin"]}],
    }
    site = {
        "im_service": {"domain": domain, "ca_file": f"{SITE}/ca.crt"},
        "im_people": {"alice.martin": {}},
        "im_preferences": {},
        "im_enforced_preferences": [],
        "im_accounts_reach": place,
        "im_accounts_admin": {"jid": f"svc-check@{domain}", "password": "{{ vault_im_admin_password }}", **place},
        "im_schedule_vault_password_file": f"{SITE}/vault-password",
        # No desk has this version: the seat is in drift whatever other tests left there.
        "im_minimum_versions": {"pidgin": "99"},
        "im_alert_mail": {
            "host": "localhost",
            "port": MAIL_PORT,
            "username": USER,
            "password": "{{ vault_mail_password }}",
            "sender": "im@univ.example",
            "to": ["proximite@univ.example"],
            "ca_file": f"{MAIL}/authority.pem",
        },
    }
    vault = {"vault_im_admin_password": people[f"svc-check@{domain}"], "vault_mail_password": PASSWORD}
    locked = VaultLib([(DEFAULT_VAULT_ID_MATCH, VaultSecret(VAULT_PASSWORD.encode()))]).encrypt(json.dumps(vault))
    node.write(f"{INVENTORY}/hosts.json", json.dumps({"desks": {"hosts": {"pc-bib-01": desk}}}))
    node.write(f"{INVENTORY}/group_vars/all/site.yml", json.dumps(site))
    node.write(f"{INVENTORY}/group_vars/all/vault.yml", locked.decode())
    node.write(f"{SITE}/vault-password", VAULT_PASSWORD, "600")
    node.write(f"{SITE}/key", settings.key.read_text(encoding="utf-8"), "600", ACCOUNT)
    node.write(f"{SITE}/known_hosts", f"pc-bib-01 {known}")
    node.write(f"{SITE}/ca.crt", (settings.state / "ca" / "ca.crt").read_text(encoding="utf-8"))
    node.sh(f"mkdir -p {MAIL}")
    node.detach(sys.executable, f"{PROJECT}/tests/e2e/mailbox.py", MAIL, str(MAIL_PORT))


@pytest.fixture(scope="module")
def node() -> Iterator[ControlNode]:
    with control_node() as booted:
        lay_site(booted)
        yield booted


def changes(run: object) -> int:
    """Number of changed tasks of a run that must have succeeded."""
    stdout, stderr, code = (getattr(run, name) for name in ("stdout", "stderr", "returncode"))
    assert code == 0, stdout + stderr
    (count,) = re.findall(r"^localhost\s+: ok=\d+\s+changed=(\d+)", stdout, re.MULTILINE)
    return int(count)


def letters(node: ControlNode) -> list[str]:
    """Subjects of the letters that arrived, in their order."""
    found = node.sh(f"for letter in $(ls {MAIL}/*.eml 2> /dev/null); do cat $letter; printf '\\f'; done")
    return [str(message_from_string(one, policy=policy.default)["Subject"]) for one in found.split("\f") if one.strip()]


def test_the_night_is_arranged_run_told_and_taken_away_again(node: ControlNode) -> None:
    dry, lay, gone = guide.commands("Chaque nuit")
    # cron first: it has to wait for its minute, and does beside the rest.
    node.sh(f"install -m 600 -o {ACCOUNT} {SITE}/vault-password {SITE}/own-vault-password")
    by_cron = {"im_schedule_way": "cron", "im_schedule_name": "im-cron", "im_schedule_jitter": 0}
    by_cron |= {"im_schedule_vault_password_file": f"{SITE}/own-vault-password"}
    assert changes(node.schedule(**by_cron, im_schedule_at="03:05")) > 0
    entry = node.sh("grep -v '^#' /etc/cron.d/im-cron")
    assert entry == f"5 3 * * * {ACCOUNT} /usr/local/lib/im-cron/nightly cron"
    # As if that were the next minute but for its last seconds, which cron may not see in time.
    node.sh("sed -i \"s/^5 3 /$(date -d '75 seconds' '+%-M %-H') /\" /etc/cron.d/im-cron")
    before = node.sh(TRACES)

    foretold = node.type(dry)
    assert changes(foretold) > 0 and node.sh(TRACES) == before
    assert "+OnCalendar=*-*-* 02:30:00" in foretold.stdout
    assert changes(node.type(lay)) > 0
    assert changes(node.schedule("--check")) == 0
    assert node.sh(f"systemd-analyze verify /etc/systemd/system/{NAME}*") == ""
    assert node.sh(f"systemctl is-enabled {NAME}.timer; systemctl is-active {NAME}.timer") == "enabled\nactive"
    night = node.sh(f'date -d "$(systemctl show --value -p NextElapseUSecRealtime {NAME}.timer)" +%H:%M')
    assert "02:30" <= night <= "03:00"

    node.sh(f"systemctl start {NAME}.service")
    journal = node.sh(f"journalctl -o cat -u {NAME}.service")
    assert node.sh(f"systemctl show --value -p ExecMainStatus {NAME}.service") == "2"  # drift is a result, no failure
    assert "(2.14.12-1 < 99)" in journal or "(pidgin)" in journal
    node.wait(f"grep -q 'JSON: ' /var/log/im-cron/*.log && ! pgrep -u {ACCOUNT} -f nightly")
    assert "écart : 1" in node.sh("cat /var/log/im-cron/*.log")
    assert node.sh(f"stat -c %U:%a {REPORTS}/*-*.json").splitlines() == [f"{ACCOUNT}:600"] * 2
    # Two runs saw the same drift: it is told once.
    node.wait(f"ls {MAIL}/0.eml")
    (subject,) = letters(node)
    assert "s'est aggravé (installations : 1)" in subject

    # A run that still goes on: the next one does not happen, and the site is told, once.
    holder = f"runuser -u {ACCOUNT} -- flock /var/lib/{NAME}/lock sleep 600"
    node.detach("sh", "-c", f"{holder} & echo $! > /run/holder; wait")
    node.wait("pgrep -f 'slee[p] 600'")
    for _ in range(2):
        node.sh(f"systemctl start {NAME}.service", check=False)
        assert node.sh(f"systemctl show --value -p ExecMainStatus {NAME}.service") == "75"
        node.wait(f"[ $(systemctl show --value -p ActiveState {NAME}-alert.service) = inactive ]")
    assert "Un passage est encore en cours" in node.sh(f"journalctl -o cat -u {NAME}.service")
    node.wait(f"ls {MAIL}/1.eml")
    assert ["n'a pas eu lieu" in one for one in letters(node)] == [False, True]

    places = f"{PROJECT}/reports /etc/systemd /etc/cron.d /usr/local/lib/im-* /var/lib/im-* /var/log/im-* {MAIL}/*.eml"
    secrets = [VAULT_PASSWORD, PASSWORD, *json.loads(Settings.from_environment().secrets.read_text()).values()]
    # The history is no text: what is not ASCII is left out.
    known = node.sh(
        f"{{ journalctl -o cat; systemctl show '{NAME}*'; grep -ra '' {places}; }} | LC_ALL=C tr -d '\\200-\\377'"
    )
    assert NAME in known and not [secret for secret in secrets if secret in known]

    node.sh("pkill -f 'slee[p] 600'")
    assert changes(node.type(gone)) > 0
    assert changes(node.schedule(**by_cron, im_schedule_state="absent")) > 0
    assert node.sh(TRACES) == ""
    assert NAME not in node.sh("systemctl list-timers --all --no-legend; systemctl list-unit-files --no-legend")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"im_schedule_user": "root"}, "n'est pas root"),
        ({"im_schedule_user": "daemon"}, f"w {PROJECT}/reports"),
        ({"im_schedule_vault_password_file": f"{SITE}/known_hosts"}, "chmod 600"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_laid_down(
    node: ControlNode, wrong: dict[str, str], told: str
) -> None:
    before = node.sh(TRACES)
    refused = node.schedule(**wrong)
    assert refused.returncode == 2 and told in " ".join(refused.stdout.split()), refused.stdout
    assert node.sh(TRACES) == before
