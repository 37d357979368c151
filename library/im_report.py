#!/usr/bin/python
"""Documentation of the action im_report; its code is action_plugins/im_report.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_report
short_description: Report one state for each host, seat and client of the play
description:
  - Runs on the control node, after C(im_client), and reads what that role registered for each host. A host that did not
    answer is reported as unreachable, never as compliant.
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
    description: The C(rows) that C(im_provisioning) returned, where contacts, rooms and profiles were written.
    type: list
    elements: dict
    default: []
  directory:
    description: Directory on the control node for the JSON file.
    type: path
    required: true
  not_begun:
    description: Hosts that answered, but before whose turn the play stopped (C(playbooks/lab.yml)).
    type: list
    elements: str
    default: []
  stopped:
    description: Why it stopped, for the summary; empty when it did not.
    type: str
    default: ""
  history:
    description:
      - Where the history of states is kept, a path or a URL of SQLite or PostgreSQL; empty for none. What was seen is
        recorded there, but for a run in check mode, and the last known state of hosts that did not answer is told.
    type: str
    default: ""
  waivers:
    description: The C(waivers) that C(im_inventory) returned, for the history; the report itself heeds none.
    type: list
    elements: dict
    default: []
  language:
    description: Language of the table.
    type: str
    choices: [fr, en]
    default: fr
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Report what was found and done
  im_report:
    people: {alice.martin: alice.martin@univ.example}
    accounts: "{{ checked.accounts }}"
    directory: reports
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
rows:
  description: One row for each host, seat and client.
  type: list
  elements: dict
  returned: always
  contains:
    host: {description: Inventory name., type: str, returned: always}
    login: {description: The seat's login., type: str, returned: always}
    person: {description: Key of the person., type: str, returned: always}
    client: {description: Name of the client's role., type: str, returned: always}
    version: {description: Installed version, none when unknown., type: str, returned: always}
    documents: {description: Each document and what became of it., type: list, elements: dict, returned: always}
    verdict: {description: The server's answer about the account., type: str, returned: always}
    hint: {description: What the verdict means and what to do., type: str, returned: always}
    state: {description: One of the closed list of states., type: str, returned: always}
    detail: {description: Why, where the state alone does not say., type: str, returned: always}
    reach:
      description: The C(verdict), C(detail) and C(hint) of C(xmpp_reach_info) on that host; none when it was not asked.
      type: dict
      returned: always
table:
  description: The rows as a text for people.
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
all_good:
  description:
    - Whether every seat is compliant (or was just made so), every account verified, and the service reached from each
      host that was asked.
  type: bool
  returned: always
silent:
  description: The hosts that did not answer.
  type: list
  elements: str
  returned: always
exit_code:
  description:
    - What a playbook that heeds it ends with, V(0) when all is good, V(4) when nothing but hosts that did not answer
      keeps it from being so, V(2) otherwise.
  type: int
  returned: always
"""
