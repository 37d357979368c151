"""ansible-runner, which AWX uses, runs the project as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from rendering import PROJECT

CANARY = "CANARY-admin-password"
BIN = Path(sys.executable).parent


def test_a_run_of_ansible_runner_leaves_the_report_in_its_artifacts_and_no_secret(tmp_path: Path) -> None:
    """A desk that is off and a service that does not answer: no lab is needed, and the report says both."""
    nowhere = {"host": "127.0.0.1", "port": 9}
    variables = {
        "im_service": {"domain": "univ.example"},
        "im_people": {"alice.martin": {}},
        "im_preferences": {},
        "im_enforced_preferences": [],
        "im_accounts_reach": nowhere,
        "im_accounts_admin": {"jid": "svc@univ.example", "password": "{{ vault_im_admin_password }}", **nowhere},
        "vault_im_admin_password": CANARY,
    }
    seat = {"login": "amartin", "person": "alice.martin", "clients": ["pidgin"]}
    desk = {"ansible_host": "127.0.0.1", "ansible_port": 9, "im_seats": [seat]}
    inventory = tmp_path / "inventory"
    (inventory / "group_vars").mkdir(parents=True)
    (inventory / "hosts.json").write_text(json.dumps({"desks": {"hosts": {"pc-1": desk}}}))
    (inventory / "group_vars" / "all.json").write_text(json.dumps(variables))
    (tmp_path / "env").mkdir()
    artifacts = tmp_path / "artifacts" / "night"
    places = {"im_compliance_directory": str(artifacts / "reports"), "im_history_url": str(tmp_path / "history.sqlite")}
    (tmp_path / "env" / "extravars").write_text(json.dumps(places))
    (tmp_path / "project").symlink_to(PROJECT)
    done = subprocess.run(
        [BIN / "ansible-runner", "run", tmp_path, "--playbook", "playbooks/compliance.yml", "--ident", "night", "-vvv"],
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads((artifacts / "reports" / "latest.json").read_text(encoding="utf-8"))
    (row,) = report["rows"]
    assert (row["host"], row["state"]) == ("pc-1", "unreachable"), done.stdout
    assert (artifacts / "rc").read_text() == str(done.returncode)
    assert done.returncode in (2, 4)
    assert "installation(s) regardée(s) ; injoignable : 1" in (artifacts / "stdout").read_text(encoding="utf-8")
    files = [path for path in artifacts.rglob("*") if path.is_file()]
    assert any(path.parent.name == "job_events" for path in files)
    assert not [path for path in files if CANARY in path.read_text(encoding="utf-8", errors="replace")]
    assert CANARY not in done.stdout + done.stderr
