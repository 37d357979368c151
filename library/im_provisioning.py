#!/usr/bin/python
"""Documentation of the action im_provisioning; its code is action_plugins/im_provisioning.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_provisioning
short_description: Write contacts, rooms and profiles of people on the server
description:
  - Runs on the control node, once for all people, and hands the wishes of the inventory to C(xmpp_roster),
    C(xmpp_bookmark) and C(xmpp_vcard); one call each, none where nothing is wished. What stands on the server already
    is the person's and stays, see these modules.
  - Where an account could not be brought to the wish, the others are worked through all the same; O(ignore:all_ok) of
    the result is then false.
options:
  service:
    description: The institution's XMPP service; see the role C(im_client).
    type: dict
    required: true
  people:
    description:
      - Key C(prenom.nom) to person; see the role C(im_client). A profile shows what was said of the person and no
        default.
    type: dict
    required: true
  keys:
    description: Keys of the people to write for; all by default.
    type: list
    elements: str
  passwords:
    description: Key or JID to password. Used only without O(service_account) and O(api).
    type: dict
    default: {}
  reach:
    description: Host, port and tls for the control node, when not by SRV.
    type: dict
    default: {}
  service_account:
    description: Account of the server that may write for all, on Prosody; as in C(xmpp_roster).
    type: dict
  api:
    description: HTTP API of the server, on ejabberd; as in C(xmpp_roster).
    type: dict
  subscription:
    description: What becomes of presence between a person and its contacts; as in C(xmpp_roster).
    type: str
    choices: [request, both, none]
    default: request
  enforced:
    description:
      - What is set again where the person has changed it. V(autojoin), V(nick) and V(room_name) of a bookmark, the
        others of the profile.
    type: list
    elements: str
    choices: [autojoin, nick, room_name, nickname, name, mail, phone, unit, unit_mail, unit_phone, avatar]
    default: []
  language:
    description: Language of hints and lines.
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    description: Reads, and tells what would change.
    support: full
  diff_mode:
    description: Shows what is named of each account before and after.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Write for the people of the inventory
  im_provisioning:
    service: {domain: univ.example}
    people:
      alice.martin:
        name: Alice Martin
        rooms: [equipe]
        contacts:
          - {jid: bruno.lefevre@univ.example, name: Bruno, groups: [Équipe]}
    service_account:
      jid: svc-people@univ.example
      password: "{{ vault_svc_people_password }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
rows:
  description: One row for each person and kind of which something was wished.
  type: list
  elements: dict
  returned: always
  contains:
    person: {description: Key of the person., type: str, returned: always}
    jid: {description: Its address., type: str, returned: always}
    kind: {description: "V(contacts), V(rooms) or V(profile).", type: str, returned: always}
    verdict: {description: "V(in_place), or why not; see C(xmpp_roster).", type: str, returned: always}
    detail: {description: Technical detail. May be empty., type: str, returned: always}
    hint: {description: What the verdict means and what to do., type: str, returned: always}
    changed: {description: Whether anything was written, or would be., type: bool, returned: always}
    changes: {description: What., type: list, elements: str, returned: always}
lines:
  description: What changed or failed, and a count, for people to read.
  type: list
  elements: str
  returned: always
all_ok:
  description: Whether everything that was wished stands on the server.
  type: bool
  returned: always
"""
