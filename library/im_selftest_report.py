#!/usr/bin/python
"""Documentation of the action im_selftest_report; its code is action_plugins/im_selftest_report.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_selftest_report
short_description: Write the report of the acceptance kit for one host, to send back
description:
  - Takes what M(im_selftest) answered, adds the lines that nobody answered, and writes one page and one JSON file on
    the control node. Names of hosts and people, SIDs and folders of people are masked in them.
options:
  looks:
    description: The results of M(im_selftest), later ones above earlier ones. One that failed counts for nothing.
    type: list
    elements: dict
    required: true
  packages:
    description: What M(winget_package) said of each package that was installed for a trial.
    type: list
    elements: dict
    default: []
  expected:
    description: Which lines there are when no look succeeded, V(Windows) or V(Darwin).
    type: str
    default: Windows
  change:
    description: Whether the host was allowed to be changed.
    type: bool
    default: false
  directory:
    description: Where to write.
    type: path
    required: true
  language:
    description: V(fr) or V(en).
    type: str
    default: fr
attributes:
  check_mode:
    support: full
    description: The report is written with C(--check) too; it is no part of any host.
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Write the report
  im_selftest_report:
    looks: ["{{ __im_selftest_look }}"]
    directory: reports/selftest
"""

RETURN = r"""
path:
  description: The page. The JSON file is beside it.
  returned: always
  type: str
table:
  description: One row for each line, and how many have each verdict.
  returned: always
  type: str
lines:
  description: C(id), C(verdict), C(reason) and C(seen) of each line.
  returned: always
  type: list
  elements: dict
"""
