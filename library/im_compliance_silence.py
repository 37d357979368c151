#!/usr/bin/python
"""Documentation of the action im_compliance_silence; its code is action_plugins/im_compliance_silence.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_compliance_silence
short_description: End a host of the play as one that did not answer
description:
  - A host that does not answer is a row of the report, so its silence is passed over until the report is written. This
    says it again at the end, without asking the host anew, and C(ansible-playbook) ends with 4.
attributes:
  check_mode:
    description: Supported; it asks and changes nothing.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Tell of the hosts that did not answer
  im_compliance_silence:
  when: inventory_hostname in report.silent
"""

RETURN = r""" # """
