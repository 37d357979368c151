"""What both modules are to Ansible."""

from __future__ import annotations

from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule


class TicketModule(AnsibleModule):  # type: ignore[misc] # ansible ships no types
    """Fails without repeating its arguments: Ansible does not know a secret as one when its name is misspelt."""

    def fail_json(self, msg: str, **kwargs: Any) -> NoReturn:
        """As Ansible's, with no ``invocation``."""
        super().fail_json(msg, **{"invocation": {}, **kwargs})
        raise SystemExit(1)  # for type checkers: Ansible's does not return
