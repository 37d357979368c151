"""Let the tests import the project's module_utils under the name that Ansible gives them."""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

PROJECT = Path(__file__).resolve().parents[1]
ansible.module_utils.__path__.append(str(PROJECT / "module_utils"))
