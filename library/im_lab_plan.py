#!/usr/bin/python
"""Documentation of the action im_lab_plan; its code is action_plugins/im_lab_plan.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_lab_plan
short_description: Put the hosts of a room that answered into an order and into batches
description:
  - Runs on the control node, after C(im_client) asked each host what it is, and reads what that role registered. One
    host goes first, the canary; the others follow in batches, in the order of the inventory.
options:
  canary:
    description:
      - The host that goes first; empty for the first that answered. One that is no host of the run is an error, one
        that is named and did not answer keeps all others from beginning (RV(stop)).
    type: str
    default: ""
  batch:
    description: Hosts in a batch, a number such as V(5), or a share of those that answered such as V(25%).
    type: str
    required: true
  stop_share:
    description: Only looked at, so that a mistake is told before any host is touched; see M(im_lab_judge).
    type: str
    required: true
  language:
    description: Language of RV(why).
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    description: Supported; it asks and changes nothing.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Put the hosts that answered into batches
  im_lab_plan:
    batch: 25%
    stop_share: 30%
  register: plan
  run_once: true
"""

RETURN = r"""
order:
  description: The hosts that answered, the canary first.
  type: list
  elements: str
  returned: always
sizes:
  description: How many of them go into each batch; the first is 1, the canary.
  type: list
  elements: int
  returned: always
off:
  description: The hosts that did not answer.
  type: list
  elements: str
  returned: always
stop:
  description: Whether no host may begin, because the named canary did not answer.
  type: bool
  returned: always
why:
  description: Why not, for people; empty when they may.
  type: str
  returned: always
not_begun:
  description: The hosts that answered and do not begin.
  type: list
  elements: str
  returned: always
language:
  description: The language that was asked for.
  type: str
  returned: always
"""
