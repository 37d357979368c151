#!/usr/bin/python
"""Documentation of the action im_rollback_report; its code is action_plugins/im_rollback_report.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_rollback_report
short_description: Tell what a rollback did on all hosts of the play
description:
  - Runs on the control node, after the role C(im_rollback) asked each host. A host that did not answer is a row.
options:
  language:
    description: Language of the table.
    type: str
    choices: [fr, en]
    default: fr
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Tell what was taken back
  im_rollback_report:
  run_once: true
"""

RETURN = r"""
rows:
  description: >-
    As C(im_rollback) returns them, each with its C(host). The result is also V(none) (no such run on this host) or
    V(unreachable).
  type: list
  elements: dict
  returned: always
table: {description: The rows as a text for people., type: str, returned: always}
summary: {description: One sentence for people., type: str, returned: always}
all_good: {description: Whether all is as it was before the run., type: bool, returned: always}
"""
