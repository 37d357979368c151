#!/usr/bin/python
"""Documentation of the action im_ticket_ask; its code is action_plugins/im_ticket_ask.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_ticket_ask
short_description: Ask questions at the terminal, and refuse plainly where there is none
description:
  - Unlike C(vars_prompt) it asks only when the task is reached, and unlike C(ansible.builtin.pause) it fails where no
    terminal could answer. It never waits for an answer that cannot come.
  - An answer that is not among the known ones is answered by those that are spelled alike, and asked again, thrice.
options:
  questions:
    description: What to ask, in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the answer.
        type: str
        required: true
      prompt:
        description: The question.
        type: str
        required: true
      known:
        description: Answers that will do, whatever their case. All do when it is empty.
        type: list
        elements: str
        default: []
      aliases:
        description: Other ways to give them, to what they stand for.
        type: dict
        default: {}
      may_be_empty:
        description: Whether no answer is an answer.
        type: bool
        default: false
  remedy:
    description: What the refusal says to do where there is no terminal.
    type: str
    required: true
  language:
    description: Language of what it says itself.
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    description: It asks all the same.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Ask before touching
  im_ticket_ask:
    questions:
      - name: go
        prompt: Continuer ? (oui/non)
        known: [oui, non]
        aliases: {o: oui, n: non}
    remedy: Add -e im_ticket_confirm=false to go on without a question.
  register: asked
"""

RETURN = r"""
answers:
  description: Name to answer, on one line and without control characters; a known one as it is spelled there.
  type: dict
  returned: success
"""
