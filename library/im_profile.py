#!/usr/bin/python
"""Documentation of the action im_profile; its code is action_plugins/im_profile.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_profile
short_description: Lay accounts and preferences into the living profiles of a host
description:
  - Reads every managed document of every seat of the host in one remote call, merges on the control node, and writes
    in one more call only what differs.
  - What the module does not manage survives byte for byte. A client that runs is never written under; a document
    that cannot be merged without guessing is refused and nothing of that seat and client is written.
  - Clients are found by their roles; see C(roles/) and the README recipe for a new client.
options:
  service:
    description: The institution's XMPP service; see the role C(im_client).
    type: dict
    required: true
  people:
    description: Key C(prenom.nom) to person; see the role C(im_client).
    type: dict
    required: true
  seats:
    description: The seats of this host, each with C(login), C(person) and C(clients).
    type: list
    elements: dict
    required: true
  preferences:
    description: The site's preferences, under those of each person.
    type: dict
    default: {}
  enforced_preferences:
    description: Preferences, or V(rooms), that the site enforces; all others are laid only where the user has none.
    type: list
    elements: str
    default: []
  language:
    description: Language of the clients' user interface where it is a setting.
    type: str
    choices: [fr, en]
    default: fr
  platform:
    description: Name of the answers file of the roles, such as V(Debian).
    type: str
    required: true
  versions:
    description: Package name to installed version, as C(im_host_info) answers.
    type: dict
    default: {}
  sources:
    description: Client to where it comes from, when not from the distribution, as C(im_host_info) answers.
    type: dict
    default: {}
  installers:
    description: Client to the installer of a program that is laid into homes; see C(im_package_installers).
    type: dict
    default: {}
  impossible:
    description: Client to why it cannot be had on this host, as C(im_host_info) answers. Its rows are C(failed).
    type: dict
    default: {}
  rooms_on_server:
    description:
      - Whether the rooms of people stand in their bookmarks on the server. A client without own rooms has them there.
    type: bool
    default: false
  look_only:
    description:
      - Read and compare, and write nothing, not even what the login job noted. What differs is C(drift) then, and told
        in RV(seats[].diff) too; RV(ignore:changed) is never true.
    type: bool
    default: false
  left_alone:
    description: Seats' clients, each C(<login>/<client>), that are only looked at; C(*/<client>) is whoever logs in.
    type: list
    elements: str
    default: []
  first_login:
    description:
      - What is laid down for logins that the inventory does not know, at their first login, as C(im_first_login) of the
        role C(im_client). An empty one takes the job of first logins away; without this option it stays as it is.
    type: dict
attributes:
  check_mode:
    description: Supported; predicts every document and state without writing.
    support: full
  diff_mode:
    description: Supported; SQLite documents are shown as text, secrets are masked.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Lay the profiles of this host
  im_profile:
    service: "{{ im_service }}"
    people: "{{ im_people }}"
    seats: "{{ im_seats }}"
    platform: Debian
  become: true
"""

RETURN = r"""
seats:
  description: One entry for each client of each seat.
  type: list
  elements: dict
  returned: always
  contains:
    login: {description: "The seat's login, V(*) for whoever logs in.", type: str, returned: always}
    person: {description: "Key of the person, V(*) for whoever logs in.", type: str, returned: always}
    client: {description: Name of the client's role., type: str, returned: always}
    version: {description: Installed version, none when unknown., type: str, returned: always}
    state:
      description: V(compliant), V(changed), V(drift), V(deferred), V(refused) or V(failed).
      type: str
      returned: always
    detail: {description: Why it is deferred, refused or failed., type: str, returned: always}
    documents:
      description: Each document with its C(action), one of V(unchanged), V(created), V(changed), V(refused).
      type: list
      elements: dict
      returned: always
    foreign_accounts:
      description: Accounts of other people of O(people) in that profile, each with C(path), C(jid) and C(person).
      type: list
      elements: dict
      returned: always
    running: {description: Whether what differs cannot be written as the client runs., type: bool, returned: always}
    diff:
      description: Where the state is V(drift), each document that differs, C(path), C(before) and C(after).
      type: list
      elements: dict
      returned: always
    warnings: {description: Preferences that the client cannot express., type: list, elements: str, returned: always}
    login_job:
      description: What the login job did since the last run, C(when), C(state) and C(detail), or none.
      type: dict
      returned: always
trust_stale:
  description: Whether the machine's trust store must be refreshed, as the service's CA is new there or never got in.
  type: bool
  returned: always
"""
