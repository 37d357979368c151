#!/usr/bin/python
"""Documentation of the action im_ticket_aim; its code is action_plugins/im_ticket_aim.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_ticket_aim
short_description: Find in the inventory whom and what a ticket names
description:
  - Names count when they are equal but for case. Nothing is guessed; what is not found comes with names that are
    spelled alike, and with a remedy. It never fails for that, so that all that is wrong can be told at once.
options:
  ticket:
    description: The fields of a ticket, as C(im_ticket_info) returns them.
    type: dict
    required: true
    suboptions:
      number: {description: Its number., type: str, default: ""}
      requester: {description: Key or JID of the person., type: str, default: ""}
      machine: {description: Name of the host in the inventory., type: str, default: ""}
      client: {description: Name of the client., type: str, default: ""}
      site: {description: For people., type: str, default: ""}
      deadline: {description: For people., type: str, default: ""}
      login: {description: Session; empty for that of the inventory., type: str, default: ""}
  service:
    description: The institution's XMPP service; see the role C(im_client).
    type: dict
    required: true
  people:
    description: Key to person; see the role C(im_client).
    type: dict
    required: true
  language:
    description: Language of the problems.
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    description: It only looks.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Find the person, the desk and the session
  im_ticket_aim:
    ticket: "{{ found.ticket }}"
    service: "{{ im_service }}"
    people: "{{ im_people }}"
  register: aimed
"""

RETURN = r"""
person: {description: Key of the person; empty when there is none of that name., type: str, returned: success}
machine: {description: Name of the host; empty likewise., type: str, returned: success}
login: {description: The session; empty likewise., type: str, returned: success}
client: {description: Name of the client; empty likewise., type: str, returned: success}
case:
  description: What the texts of the ticket are about; what was not found stands there as the ticket has it.
  type: dict
  returned: success
problems:
  description: What was not found, each with C(code), C(text), C(remedy) and C(detail).
  type: list
  elements: dict
  returned: success
"""
