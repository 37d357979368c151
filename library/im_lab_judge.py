#!/usr/bin/python
"""Documentation of the action im_lab_judge; its code is action_plugins/im_lab_judge.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_lab_judge
short_description: Say after a batch of a room whether the next one may begin
description:
  - Runs on the control node, once after each batch, and reads what C(im_client) registered for the hosts so far. A host
    with a row that failed or was refused counts against going on; one whose client runs, or that went silent, does not.
options:
  order:
    description: All hosts that answered, as M(im_lab_plan) put them.
    type: list
    elements: str
    required: true
  stop_share:
    description: Stop when more than this share of the hosts that were begun went wrong, such as V(30%).
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
- name: Judge the hosts so far
  im_lab_judge:
    order: "{{ plan.order }}"
    stop_share: 30%
  register: judged
  run_once: true
"""

RETURN = r"""
bad:
  description: The hosts so far that failed or were refused.
  type: list
  elements: str
  returned: always
stop:
  description: Whether these are too many for the next batch to begin; never after the last batch.
  type: bool
  returned: always
why:
  description: Why not, for people; empty when it may.
  type: str
  returned: always
not_begun:
  description: The hosts that answered and do not begin any more.
  type: list
  elements: str
  returned: always
"""
