#!/usr/bin/python
"""Lay contacts into people's contact lists on an XMPP server, from the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_roster
short_description: Add contacts to people's contact lists, or take them out
description:
  - Runs on the control node, once for all people of a play. Each person's list is read, compared, and only the
    difference is written.
  - The list is the person's own. A contact that is missing is added with name and groups. A contact that is there keeps
    the name that the person gave it, and is put into the wished groups besides its own. Nobody is taken out who is not
    named with O(state=absent).
  - For each person it takes the first of these ways that is given. The person's password, on a stream of the person's
    own that nobody sees, as no presence is sent; the privileges of O(service_account); the O(api).
options:
  accounts:
    description: The people whose lists are written, each once.
    type: list
    elements: dict
    required: true
    suboptions:
      jid:
        description: Address of the account, C(name@domain).
        type: str
        required: true
      password:
        description: Its password. Not needed where a service account or the API writes; an empty one counts as none.
        type: str
      host:
        description:
          - Host to connect to. By default what the SRV records of the domain say (RFC 6120, XEP-0368), else the domain.
          - The certificate must be that of the domain in any case.
        type: str
      port:
        description: Port to connect to. By default 5222, and 5223 when O(accounts[].tls) is V(direct).
        type: int
      tls:
        description:
          - V(starttls) or V(direct) TLS. By default what the SRV records offer, V(starttls) when there are none or when
            host or port is given.
        type: str
        choices: [starttls, direct]
      contacts:
        description: The contacts, each once.
        type: list
        elements: dict
        required: true
        suboptions:
          jid:
            description: Address of the contact, C(name@domain).
            type: str
            required: true
          name:
            description: What to call the contact, unless the person already has a name for it.
            type: str
          groups:
            description: Groups to put the contact in. It stays in its others.
            type: list
            elements: str
            default: []
          message:
            description: Words that go with a subscription request.
            type: str
  subscription:
    description:
      - With V(request), each contact is asked to let the person see its presence, unless it does so already or was
        asked before. Only the person's own stream can ask, so this takes O(accounts[].password); elsewhere the contact
        is laid down all the same, and the detail names those whom the person may ask from the client.
      - A contact that declines is asked again at the next run. Take it off the list, or choose V(none).
      - With V(both), person and contact see each other at once and nobody is asked. Both lists are written, so this
        takes a contact of the same domain and a service account or API; the contact's account then has a result too,
        after those of O(accounts). Elsewhere it is as V(request).
      - With V(none), neither.
    type: str
    choices: [request, both, none]
    default: request
extends_documentation_fragment: [xmpp.people]
notes:
  - The API of ejabberd 23.01 has no way to write a group with a semicolon in its name; the account is then V(declined).
  - Ansible blots out every value of a password in the result. A password that is a piece of an address or of a verdict
    makes holes there; the accounts keep their order.
attributes:
  check_mode:
    description: Reads, and tells what would change.
    support: full
  diff_mode:
    description: Shows the named contacts of each account before and after.
    support: full
requirements:
  - Python 3.11
  - dnspython, to look up SRV records
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Give two people their colleagues, without their passwords
  xmpp_roster:
    accounts:
      - jid: alice.martin@univ.example
        contacts:
          - {jid: bruno.lefevre@univ.example, name: Bruno, groups: [Équipe]}
      - jid: dina.haddad@univ.example
        contacts:
          - {jid: bruno.lefevre@univ.example, name: Bruno, groups: [Équipe, Jury]}
    subscription: both
    service_account:
      jid: svc-people@univ.example
      password: "{{ vault_svc_people_password }}"
  delegate_to: localhost
  run_once: true

- name: Ask a contact in the person's own name
  xmpp_roster:
    accounts:
      - jid: alice.martin@univ.example
        password: "{{ vault_im_passwords['alice.martin'] }}"
        contacts:
          - {jid: bruno.lefevre@univ.example, name: Bruno, message: "Bonjour, c'est Alice"}
  delegate_to: localhost
  run_once: true

- name: Take a contact out, by ejabberd's API
  xmpp_roster:
    accounts:
      - jid: alice.martin@univ.example
        contacts:
          - jid: bruno.lefevre@univ.example
    state: absent
    api:
      url: https://im.univ.example:5443/api
      jid: svc-people@univ.example
      password: "{{ vault_svc_people_password }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
accounts:
  description: One result for each account, in the order of the argument.
  type: list
  elements: dict
  returned: always, unless an argument is wrong
  contains:
    jid:
      description: The address, as it was given.
      type: str
      returned: always
      sample: alice.martin@univ.example
    changed:
      description: Whether anything was written for it, or would be in check mode, even if it failed later.
      type: bool
      returned: always
    verdict:
      description:
        - V(in_place), what was wished stands on the server. Otherwise the reason why not.
        - V(no_way), there is neither a password nor anything that writes for others. V(service_failed), the service
          account or the API failed as such. V(privilege_missing), V(api_denied), they may not do this. V(api_error),
          there is no API of ejabberd. V(absent), there is no such account. V(declined), the server says no.
          V(not_checked), the run stopped before.
        - Any other verdict of M(xmpp_account_info), about a login.
      type: str
      returned: always
      sample: in_place
    detail:
      description: Technical detail in English, or the server's own words. May be empty.
      type: str
      returned: always
      sample: ""
    hint:
      description: What the verdict means and what to do.
      type: str
      returned: always
      sample: Ce qui était souhaité est en place sur le serveur.
    changes:
      description: What was done, or would be in check mode.
      type: list
      elements: str
      returned: always
      sample: ["contact bruno.lefevre@univ.example: added"]
summary:
  description: How many accounts have each verdict that occurs.
  type: dict
  returned: always, unless an argument is wrong
  sample: {in_place: 41, no_way: 1}
all_ok:
  description: Whether each account is V(in_place). If not, the task fails, after every account was worked through.
  type: bool
  returned: always, unless an argument is wrong
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.xmpp.arguments import BadArgument, read_address, read_line
from ansible.module_utils.xmpp.jid import Jid
from ansible.module_utils.xmpp.people import MUTUALLY_EXCLUSIVE, people_spec, run
from ansible.module_utils.xmpp.roster import Contact, Wish, roster_work
from ansible.module_utils.xmpp.work import Work

CONTACT_SPEC = {
    "jid": {"type": "str", "required": True},
    "name": {"type": "str"},
    "groups": {"type": "list", "elements": "str", "default": []},
    "message": {"type": "str"},
}

ARGUMENT_SPEC = {
    **people_spec({"contacts": {"type": "list", "elements": "dict", "required": True, "options": CONTACT_SPEC}}),
    "subscription": {"type": "str", "choices": ["request", "both", "none"], "default": "request"},
}

#: Key of an entry for the people who shall see its account ("both"), which no user gives.
_SEEN_BY = "seen_by"

#: An entry of which nothing but the address is known.
_NOBODY = dict.fromkeys(("password", "host", "port", "tls"))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True)
    run(module, read_wish, add_other_sides)


def read_wish(entry: Mapping[str, Any], where: str, parameters: Mapping[str, Any]) -> Work:
    """What is wished for one account (see ``people.ReadWish``)."""
    owner = read_address(entry["jid"], where)
    contacts: dict[Jid, Contact] = {}
    for index, wish in enumerate(entry["contacts"]):
        place = f"{where} ({owner}): contacts[{index}]"
        contact = _contact(wish, place)
        if contact.jid == owner:
            raise BadArgument(f"{place}: is the account itself; leave it out")
        if contact.jid in contacts:
            raise BadArgument(f"{place}: {contact.jid} was named before; join them into one")
        contacts[contact.jid] = contact
    return roster_work(
        Wish(
            list(contacts.values()),
            parameters["state"] == "present",
            parameters["subscription"],
            entry.get(_SEEN_BY, ()),
        )
    )


def add_other_sides(parameters: dict[str, Any]) -> None:
    """With ``subscription: both``, note for each contact who shall see it; contacts without an entry are given one.

    Each list is then written by one work only, so that no two of them overwrite each other.
    """
    if parameters["subscription"] != "both" or parameters["state"] != "present":
        return
    if not (parameters["service_account"] or parameters["api"]):
        return
    entries = {read_address(entry["jid"], f"accounts[{i}]"): entry for i, entry in enumerate(parameters["accounts"])}
    for owner, entry in list(entries.items()):
        if entry["password"]:
            continue
        for index, wish in enumerate(entry["contacts"]):
            jid = read_address(wish["jid"], f"{owner}: contacts[{index}]")
            if jid.domain != owner.domain:
                continue
            if jid not in entries:
                entries[jid] = {**_NOBODY, "jid": str(jid), "contacts": []}
                parameters["accounts"].append(entries[jid])
            entries[jid].setdefault(_SEEN_BY, []).append(owner)


def _contact(wish: Mapping[str, Any], place: str) -> Contact:
    jid = read_address(wish["jid"], place)
    groups = [read_line(group, f"{place} ({jid}): groups[{index}]") for index, group in enumerate(wish["groups"])]
    if "" in groups:
        raise BadArgument(f"{place} ({jid}): groups[{groups.index('')}] is empty; leave it out")
    name = read_line(wish["name"], f"{place} ({jid}): name")
    return Contact(jid, name, frozenset(groups), read_line(wish["message"], f"{place} ({jid}): message"))


if __name__ == "__main__":
    main()
