#!/usr/bin/python
"""Lay profiles (vCard, nickname, avatar) onto an XMPP server, from the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_vcard
short_description: Fill in people's profiles on the server, or take out what was filled in
description:
  - Runs on the control node, once for all people of a play. Each person's profile is read, compared, and only the
    difference is written.
  - The profile is the person's own. A field is set where there is none; one that the person has filled in stays, unless
    O(enforced) names it. Other fields, other addresses and numbers, and what nobody knows stay in any case. With
    O(state=absent) a field goes only if it still has the given value.
  - All stores of a server are brought to the same, vCard4 (XEP-0292), vcard-temp (XEP-0054), nickname (XEP-0172) and
    avatar (XEP-0084), except that on Prosody, which keeps one and shows it as all of them, vcard-temp is not written.
  - The person's own mail and phone are of type home, those of the unit of type work, as Gajim has them on the pages
    "Principal" and "Emploi". The unit is the organization, or a part of it where there is one; clients show its first
    part.
  - For each person it takes the first of these ways that is given. The person's password, on a stream of the person's
    own that nobody sees, as no presence is sent; the privileges of O(service_account); the O(api).
options:
  accounts:
    description: The people whose profiles are written, each once.
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
      profile:
        description: The fields. An empty one is not wished.
        type: dict
        required: true
        suboptions:
          nickname:
            description: Name that contacts see.
            type: str
          name:
            description: Full name.
            type: str
          avatar:
            description:
              - Picture, PNG or JPEG of at most 64 KiB. Path of a file on the control node, or its content in base64.
            type: str
          mail:
            description: The person's own mail address.
            type: str
          phone:
            description: The person's own telephone number. Spaces, dots, dashes and brackets do not count.
            type: str
          unit:
            description: Where the person works.
            type: str
          unit_mail:
            description: Mail address of the unit.
            type: str
          unit_phone:
            description: Telephone number of the unit.
            type: str
  enforced:
    description: Fields that replace another value. Of several addresses or numbers of a kind, the first is replaced.
    type: list
    elements: str
    choices: [nickname, name, avatar, mail, phone, unit, unit_mail, unit_phone]
    default: []
extends_documentation_fragment: [xmpp.people]
notes:
  - By O(api), ejabberd's vcard-temp is written and nothing else. Of O(accounts[].profile.mail) and
    O(accounts[].profile.unit_mail) only one is, as the API reaches one mail address; and no telephone of a person who
    has a fax. The detail says what was left out. An enforced telephone replaces all of its type there.
  - Ansible blots out every value of a password in the result. A password that is a piece of an address or of a verdict
    makes holes there; the accounts keep their order.
attributes:
  check_mode:
    description: Reads, and tells what would change.
    support: full
  diff_mode:
    description: Shows the named fields of each account before and after; of a picture its SHA-1.
    support: full
requirements:
  - Python 3.11
  - dnspython, to look up SRV records
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Fill in two profiles, without their passwords
  xmpp_vcard:
    accounts:
      - jid: alice.martin@univ.example
        profile:
          nickname: Alice
          name: Alice Martin
          mail: alice.martin@univ.example
          phone: "+33 3 20 00 00 00"
          unit: Bibliothèque universitaire
          unit_mail: bu@univ.example
          unit_phone: "+33 3 20 00 00 01"
          avatar: "{{ playbook_dir }}/photos/alice.martin.png"
      - jid: dina.haddad@univ.example
        profile: {name: Dina Haddad, unit: Scolarité}
    enforced: [name, unit]
    service_account:
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
      sample: ["nickname 'Alice' added"]
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
from ansible.module_utils.xmpp.arguments import BadArgument, read_line
from ansible.module_utils.xmpp.avatar import AvatarError, load_avatar
from ansible.module_utils.xmpp.people import MUTUALLY_EXCLUSIVE, people_spec, run
from ansible.module_utils.xmpp.profile import Profile
from ansible.module_utils.xmpp.vcard import is_number
from ansible.module_utils.xmpp.vcard_work import vcard_work
from ansible.module_utils.xmpp.work import Work

_FIELDS = ["nickname", "name", "avatar", "mail", "phone", "unit", "unit_mail", "unit_phone"]

ARGUMENT_SPEC = {
    **people_spec(
        {"profile": {"type": "dict", "required": True, "options": {field: {"type": "str"} for field in _FIELDS}}}
    ),
    "enforced": {"type": "list", "elements": "str", "choices": _FIELDS, "default": []},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True)
    run(module, read_wish)


def read_wish(entry: Mapping[str, Any], where: str, parameters: Mapping[str, Any]) -> Work:
    """What is wished for one account (see ``people.ReadWish``)."""
    place = f"{where} ({entry['jid']}): profile"
    fields = entry["profile"]
    texts = {
        field: text for field in _FIELDS if field != "avatar" and (text := read_line(fields[field], f"{place}.{field}"))
    }
    for field in ("phone", "unit_phone"):
        if field in texts and not is_number(texts[field]):
            raise BadArgument(f"{place}.{field}: {texts[field]!r} is no number; write it as +33 3 20 00 00 00")
    for field in ("mail", "unit_mail"):
        if field in texts and ("@" not in texts[field] or " " in texts[field]):
            raise BadArgument(f"{place}.{field}: {texts[field]!r} is no mail address; write it as name@univ.example")
    try:
        avatar = load_avatar(fields["avatar"]) if fields["avatar"] else None
    except AvatarError as error:
        raise BadArgument(f"{place}.avatar: {error}") from None
    profile = Profile(texts, avatar, frozenset(parameters["enforced"]))
    return vcard_work(profile, present=parameters["state"] == "present")


if __name__ == "__main__":
    main()
