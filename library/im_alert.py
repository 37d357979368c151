#!/usr/bin/python
"""Documentation of the action im_alert; its code is action_plugins/im_alert.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_alert
short_description: Tell the site that its fleet got worse, or that the nightly run broke
description:
  - Runs on the control node. Sends nothing when nothing got worse.
  - A message that could not be delivered is a warning and no failure, as it must not hide the result of the run. What
    it held waits in O(directory) and is told by the next run.
  - Certificates are verified, on the way of the mail as well as of the webhook, and redirections are not followed. Each
    way is tried three times.
options:
  worse:
    description: The C(worse) that C(im_compliance) returned.
    type: dict
  broken:
    description: Tell instead that the run broke.
    type: dict
    suboptions:
      told:
        description: What is known of it.
        type: str
      log:
        description: Where its log is.
        type: str
  site:
    description: The domain of the service, by which readers know what this is about.
    type: str
    required: true
  report:
    description: Path of the report, to be named.
    type: str
    default: ""
  page:
    description: Path of the HTML page, to be attached to a mail when it is not larger than 5 MB.
    type: str
    default: ""
  directory:
    description: Where what could not be told waits, for its owner alone to read. Required with O(worse).
    type: path
  gap_hours:
    description: Tell also when the run before is older than so many hours; V(0) when no run is expected.
    type: float
    default: 0
  mail:
    description: The mail server and who gets the mail.
    type: dict
    suboptions:
      host:
        description: The mail server.
        type: str
        required: true
      to:
        description: Addresses.
        type: list
        elements: str
        required: true
      sender:
        description: Address in the field From.
        type: str
        required: true
      tls:
        description: How the connection is encrypted; V(none) only for the mail server of the control node itself.
        type: str
        choices: [starttls, direct, none]
        default: starttls
      port:
        description: By default 587 with V(starttls), 465 with V(direct), 25 with V(none).
        type: int
      username:
        description: Who sends; anonymous without.
        type: str
      password:
        description: Its password, from the vault.
        type: str
      ca_file:
        description: PEM file of the authorities to trust, instead of the system's.
        type: path
  webhook:
    description: Where a short JSON is posted; its C(text) is what Mattermost and Rocket.Chat show.
    type: dict
    suboptions:
      url:
        description: Begins with C(https://).
        type: str
        required: true
      token:
        description: Sent as C(Authorization) of kind C(Bearer), from the vault.
        type: str
      ca_file:
        description: PEM file of the authorities to trust, instead of the system's.
        type: path
  dry_run:
    description: Only say what would be sent.
    type: bool
    default: false
  language:
    description: Language of the texts.
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    description: Not heeded, as the audit itself runs in check mode; O(dry_run) is for it.
    support: none
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Tell the site what got worse
  im_alert:
    worse: "{{ compliance.worse }}"
    site: univ.example
    report: "{{ compliance.path }}"
    directory: reports/compliance
    mail:
      host: smtp.univ.example
      sender: messagerie@univ.example
      to: [proximite@univ.example]
  run_once: true
"""

RETURN = r"""
sent:
  description: The ways that worked, C(mail) and C(webhook).
  type: list
  elements: str
  returned: always
failures:
  description: Why the others did not.
  type: list
  elements: str
  returned: always
told:
  description: What was done, for people.
  type: str
  returned: always
"""
