#!/usr/bin/python
"""Documentation of the action im_compliance; its code is action_plugins/im_compliance.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_compliance
short_description: Report whether each seat is as wished, and why not, what mends it, and who excused it
description:
  - Runs on the control node, after C(im_client) has looked at every host of the play. Asks nothing of any host.
  - Writes the report as JSON, schema 1, in a file that only its owner can read. C(docs/states.md) tells the states and
    the causes.
options:
  people:
    description: Key C(prenom.nom) to JID.
    type: dict
    required: true
  accounts:
    description: The C(accounts) that C(xmpp_account_info) returned.
    type: list
    elements: dict
    required: true
  provisioned:
    description: The C(rows) that C(im_provisioning) returned, where contacts, rooms and profiles are looked at.
    type: list
    elements: dict
    default: []
  service:
    description: The C(rules) of a domain that C(xmpp_server_info) returned; its findings are told.
    type: list
    elements: dict
    default: []
  waivers:
    description: The C(waivers) that C(im_inventory) returned.
    type: list
    elements: dict
    default: []
  enforced:
    description: Whether the run mended what it could; otherwise it only looked.
    type: bool
    default: false
  directory:
    description: Directory on the control node for the JSON file.
    type: path
    required: true
  history:
    description:
      - Where the history of states is, a path or a URL of SQLite or PostgreSQL; none is kept when empty. It says since
        when a seat has its state, and what a host that does not answer was when it last did. When it cannot be opened
        or refuses the report, that is a warning.
    type: str
    default: ""
  history_days:
    description:
      - Days after which the history forgets changes and runs, but for what is known of each seat now; V(0) keeps all.
    type: int
    default: 0
  exports:
    description:
      - Other shapes of the report, in files beside the JSON that each run replaces. C(latest.html), one page for a
        browser or a mail; C(latest.csv) for spreadsheets; C(latest.jsonl); C(latest.xml) for JUnit;
        C(im_compliance.prom) for Prometheus.
    type: list
    elements: str
    choices: [html, csv, json_lines, junit, prometheus]
    default: []
  prometheus_directory:
    description: Where C(im_compliance.prom) goes instead, such as the directory of node_exporter's textfile collector.
    type: path
  language:
    description: Language of the texts.
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    description: Supported; the report is written then, too.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Report what is not as wished
  im_compliance:
    people: {alice.martin: alice.martin@univ.example}
    accounts: "{{ checked.accounts }}"
    directory: reports/compliance
  run_once: true
"""

RETURN = r"""
table:
  description: The rows as a text for people, with why and what mends it.
  type: str
  returned: always
summary:
  description: One sentence for people.
  type: str
  returned: always
path:
  description: Where the JSON file is.
  type: str
  returned: always
exports:
  description: Kind of each file of O(exports) and where it is.
  type: dict
  returned: always
silent:
  description: Hosts that did not answer.
  type: list
  elements: str
  returned: always
exit_code:
  description:
    - V(0) when every seat is compliant, was brought there or is waived; V(4) when hosts did not answer and nothing else
      is wrong; V(2) otherwise.
  type: int
  returned: always
worse:
  description:
    - What got worse since the run before, as the history knows it, or else the last report in O(directory).
      C(at) of this run, C(earlier) of the one before (empty when there was none), and C(items), of which
      C(module_utils/im_alert/worse.py) tells.
  type: dict
  returned: always
"""
