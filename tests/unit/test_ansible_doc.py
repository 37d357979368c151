"""ansible-doc shows every module, filter and role of the project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rendering import PROJECT

MODULES = sorted(path.stem for path in (PROJECT / "library").glob("*.py"))
FILTERS = sorted(path.stem for path in (PROJECT / "filter_plugins").glob("*.yml"))
ROLES = sorted(path.name for path in (PROJECT / "roles").iterdir())


@pytest.mark.parametrize(("kind", "names"), [("module", MODULES), ("filter", FILTERS), ("role", ROLES)])
def test_ansible_doc_shows_each(kind: str, names: list[str]) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-doc"), "--json", "--type", kind, *names],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert sorted(shown) == names
    for name, entry in shown.items():
        assert "error" not in entry, name
        if kind != "role":
            assert entry["doc"]["short_description"] and entry["examples"], name


def test_every_action_and_every_filter_has_its_page() -> None:
    actions = {path.stem for path in (PROJECT / "action_plugins").glob("*.py")}
    assert actions <= set(MODULES)
