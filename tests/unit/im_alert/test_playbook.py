"""The role and playbooks/alert.yml as Ansible runs them: sent, told when not, and nothing secret shown at -vvvv."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alert_peers import PASSWORD, SEAT, TOKEN, USER, mail_server, web_server
from xmpp_certificates import Authority

PROJECT = Path(__file__).resolve().parents[3]
AT = "2026-11-23T02:00:00Z"


class Site:
    """An inventory whose alerts go to the peers of this test."""

    def __init__(self, place: Path, mail_port: int, web_port: int, ca_file: Path) -> None:
        self.place = place
        self.reports = place / "reports"
        (place / "group_vars").mkdir()
        (place / "hosts").write_text("localhost ansible_connection=local\n")
        mail = {
            "host": "localhost",
            "port": mail_port,
            "username": USER,
            "password": PASSWORD,
            "sender": "im@univ.example",
        }
        variables = {
            "im_service": {"domain": "univ.example"},
            "im_alert_mail": {**mail, "to": ["team@univ.example"], "ca_file": str(ca_file)},
            "im_alert_webhook": {
                "url": f"https://localhost:{web_port}/hooks/CANARY-path",
                "token": TOKEN,
                "ca_file": str(ca_file),
            },
        }
        (place / "group_vars" / "all.json").write_text(json.dumps(variables))

    def run(self, playbook: Path, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run a playbook; what it prints must hold no secret."""
        command: list[str | Path] = [
            Path(sys.executable).with_name("ansible-playbook"),
            "-i",
            self.place / "hosts",
            playbook,
            "-vvvv",
        ]
        done = subprocess.run(
            [*command, *arguments, "-e", json.dumps(variables)],
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "CANARY" not in done.stdout + done.stderr
        return done

    def night(self, items: list[dict[str, Any]], *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run the role as compliance.yml does after a run in which this got worse."""
        play = self.place / "play.yml"
        play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "roles": ["im_alert"]}]))
        report = {
            "worse": {"at": AT, "earlier": "", "items": items},
            "path": str(self.reports / "r.json"),
            "exports": {"html": str(self.reports / "latest.html")},
        }
        found = {"__im_compliance_report": report, "im_compliance_directory": str(self.reports)}
        return self.run(play, *arguments, **found, **more)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


def test_what_got_worse_goes_both_ways_and_a_dry_run_only_says_so(authority: Authority, tmp_path: Path) -> None:
    context = authority.context(["localhost"])
    with mail_server(context) as mail, web_server(context) as web:
        site = Site(tmp_path, mail.port, web.port, authority.file)
        dry = site.night([SEAT], "--check")
        assert dry.returncode == 0 and "Alerte qui serait envoyée" in dry.stdout
        assert mail.letters == web.posts == [] and not site.reports.exists()
        sent = site.night([SEAT])
        assert sent.returncode == 0 and "Alerte envoyée (mail, webhook)" in sent.stdout
        assert (len(mail.letters), len(web.posts)) == (1, 1)
        assert "changed=0" in sent.stdout
        quiet = site.night([])
        assert "aucune alerte" in quiet.stdout and len(mail.letters) == 1


def test_an_alert_that_fails_is_told_hides_nothing_and_is_made_up_for_by_the_next_run(
    authority: Authority, tmp_path: Path
) -> None:
    context = authority.context(["localhost"])
    with mail_server(context) as mail, web_server(authority.context(["elsewhere.example"])) as web:
        site = Site(tmp_path, mail.port, web.port, authority.file)
        mail.answers = ["554 5.7.1 no"]
        failed = site.night([SEAT])
        assert failed.returncode == 0 and failed.stdout.count("Alerte non remise") >= 2
        assert mail.letters == web.posts == []
        later = {**SEAT, "host": "pc-2"}
        assert site.night([later]).returncode == 0
        (letter,) = mail.letters
        body = letter.get_body(("plain",))
        assert body is not None and "pc-1, session" in body.get_content() and "pc-2, session" in body.get_content()
        assert list(site.reports.iterdir()) == []


def test_a_mistake_in_the_settings_shows_no_secret(authority: Authority, tmp_path: Path) -> None:
    site = Site(tmp_path, 1, 1, authority.file)
    settings = tmp_path / "group_vars" / "all.json"
    settings.write_text(settings.read_text().replace('"password"', '"pasword"'))
    wrong = site.night([SEAT])
    assert wrong.returncode == 2 and "pasword" in wrong.stdout


def test_a_broken_night_is_told_and_an_error_if_nobody_could_be(authority: Authority, tmp_path: Path) -> None:
    context = authority.context(["localhost"])
    playbook = PROJECT / "playbooks" / "alert.yml"
    words = {"im_alert_told": "timeout", "im_alert_log": "journalctl -u im-compliance"}
    with mail_server(context) as mail, web_server(context) as web:
        site = Site(tmp_path, mail.port, web.port, authority.file)
        assert site.run(playbook, **words).returncode == 0
        (letter,), ((_, posted),) = mail.letters, web.posts
        assert "n'a pas eu lieu" in letter["Subject"] and posted["event"] == "broken"
        assert "timeout" in posted["text"] and "journalctl -u im-compliance" in posted["text"]
        mail.answers, web.codes = ["554 no"], [404]
        assert site.run(playbook, **words).returncode == 2
