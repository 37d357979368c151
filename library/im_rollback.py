#!/usr/bin/python
"""Documentation of the action im_rollback; its code is action_plugins/im_rollback.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_rollback
short_description: Take back what one run changed in the profiles of a host
description:
  - Lists the backups of the host in one remote call, and puts back in one more what the chosen run replaced, deleted or
    created. The bytes never leave the host.
  - A document that changed since the run, and all others of the same client and login, are left as they are. So are
    those of a client that runs. The documents of the machine are left, as every seat of the host needs them.
  - The rollback is a run of its own and can be rolled back by its name.
options:
  run:
    description: The run to take back, or V(last), the newest one that was no rollback.
    type: str
    default: last
  login:
    description: Only this login, all when empty.
    type: str
    default: ""
  client:
    description: Only this client (the name of its role), all when empty.
    type: str
    default: ""
attributes:
  check_mode:
    description: Supported; predicts every document without writing.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Take back the last run for one login
  im_rollback:
    login: amartin
  become: true
"""

RETURN = r"""
run_id: {description: The run that was chosen, empty when the host has none of that name., type: str, returned: always}
rows:
  description: One for each document that the run wrote.
  type: list
  elements: dict
  returned: always
  contains:
    login: {description: The login, empty for the machine., type: str, returned: always}
    document: {description: The path., type: str, returned: always}
    result:
      description: >-
        V(restored), V(deleted) (the run had created it), V(unchanged) (as before the run already), V(shared) (of the
        machine, left), V(conflict) (changed since the run, left), V(held) (left with one that changed), V(deferred)
        (the client runs) or V(failed).
      type: str
      returned: always
    detail: {description: Why it was left., type: str, returned: always}
known: {description: The runs that could be taken back., type: list, elements: str, returned: always}
"""
