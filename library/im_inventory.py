#!/usr/bin/python
"""Documentation of the action im_inventory; its code is action_plugins/im_inventory.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_inventory
short_description: Check the service, the people and the seats before any host is touched
description:
  - Reads the wishes of all hosts of the play on the control node and fails with every mistake at once. Each sentence
    names the place, the mistake and what would do.
options:
  service:
    description: The institution's XMPP service; see the role C(im_client).
    type: dict
    required: true
  people:
    description: Key C(prenom.nom) to person; see the role C(im_client).
    type: dict
    required: true
  preferences:
    description: The site's own preferences.
    type: dict
    default: {}
  enforced_preferences:
    description: Preferences, or V(rooms), that the site enforces.
    type: list
    elements: str
    default: []
  waivers:
    description: The site's recorded exceptions; C(docs/inventory.md) tells what one takes.
    type: list
    elements: dict
    default: []
  minimum_versions:
    description: Client to the least version of its package that will do.
    type: dict
    default: {}
  versions:
    description: Client to the one version that it is to have.
    type: dict
    default: {}
  latest:
    description: Clients that are kept the newest.
    type: list
    elements: str
    default: []
  held:
    description: Client to whether its packages are held at the version that is there.
    type: dict
    default: {}
  sources:
    description: Client to where it comes from.
    type: dict
    default: {}
  installers:
    description: Client to the vendor's installer, for Windows PCs without winget.
    type: dict
    default: {}
  hosts:
    description: Hosts whose O(ignore:im_seats) and O(ignore:im_first_login) are checked; all of the play by default.
    type: list
    elements: str
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Check the wishes at the door
  im_inventory:
    service: "{{ im_service }}"
    people: "{{ im_people }}"
  run_once: true
"""

RETURN = r"""
people:
  description:
    - Keys of the people who have a seat in the play, each once; all people when the play has no seat, and no host that
      serves first logins.
  type: list
  elements: str
  returned: success
jids:
  description: Key of each person to the person's JID.
  type: dict
  returned: success
waivers:
  description: The waivers with all their selectors and the last day as text.
  type: list
  elements: dict
  returned: success
left_alone:
  description: Host to the seats' clients for which a waiver holds today, each C(<login>/<client>).
  type: dict
  returned: success
"""
