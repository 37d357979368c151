#!/usr/bin/python
"""Lay rooms into people's bookmarks on an XMPP server, from the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_bookmark
short_description: Add rooms to people's bookmarks on the server, or take them out
description:
  - Runs on the control node, once for all people of a play. Each person's bookmarks are read, compared, and only the
    difference is written.
  - The bookmarks are the person's own. A room that is missing is added. One that is there keeps the name, the nick and
    the autojoin that it has, unless O(enforced) says otherwise, and in any case its password and its extensions. No
    bookmark is taken out that is not named with O(state=absent).
  - One store is written, the one that the server keeps in step with the others. XEP-0402 where the account announces
    C(urn:xmpp:bookmarks:1#compat), as on Prosody; else XEP-0048 in private XML, as on ejabberd.
  - Gajim reads these bookmarks. Pidgin and Thunderbird do not; their rooms stand in the local profile.
  - For each person it takes the first of these ways that is given. The person's password, on a stream of the person's
    own that nobody sees, as no presence is sent; the privileges of O(service_account); the O(api).
options:
  accounts:
    description: The people whose bookmarks are written, each once.
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
      rooms:
        description: The rooms, each once.
        type: list
        elements: dict
        required: true
        suboptions:
          jid:
            description: Address of the room, C(room@conference.domain).
            type: str
            required: true
          name:
            description: What the list of rooms shows.
            type: str
          nick:
            description: The person's name in the room.
            type: str
          autojoin:
            description: Whether clients enter the room when they connect. Not said, it is no for a new bookmark.
            type: bool
  enforced:
    description: Values that a bookmark that is there must have as wished; a value that is not wished is left alone.
    type: list
    elements: str
    choices: [autojoin, nick, name]
    default: []
extends_documentation_fragment: [xmpp.people]
notes:
  - In private XML all bookmarks are one element, which is read and written back. A change that a client makes in
    between is lost; that is a matter of milliseconds.
  - Prosody keeps 256 bookmarks and would drop the oldest for a new one. Nothing is written then, V(not_written).
  - Ansible blots out every value of a password in the result. A password that is a piece of an address or of a verdict
    makes holes there; the accounts keep their order.
attributes:
  check_mode:
    description: Reads, and tells what would change.
    support: full
  diff_mode:
    description: Shows the bookmarks of each account before and after; of a room's password only that there is one.
    support: full
requirements:
  - Python 3.11
  - dnspython, to look up SRV records
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Give two people the room of their team, without their passwords
  xmpp_bookmark:
    accounts:
      - jid: alice.martin@univ.example
        rooms:
          - {jid: equipe@conference.univ.example, name: Salon de l'équipe, nick: Alice, autojoin: true}
      - jid: dina.haddad@univ.example
        rooms:
          - {jid: equipe@conference.univ.example, name: Salon de l'équipe, nick: Dina, autojoin: true}
    service_account:
      jid: svc-people@univ.example
      password: "{{ vault_svc_people_password }}"
  delegate_to: localhost
  run_once: true

- name: Make everybody enter the room for announcements, whatever they chose
  xmpp_bookmark:
    accounts:
      - jid: alice.martin@univ.example
        password: "{{ vault_im_passwords['alice.martin'] }}"
        rooms:
          - {jid: annonces@conference.univ.example, autojoin: true}
    enforced: [autojoin]
  delegate_to: localhost
  run_once: true

- name: Take a room out that is closed, by ejabberd's API
  xmpp_bookmark:
    accounts:
      - jid: alice.martin@univ.example
        rooms:
          - jid: ancien@conference.univ.example
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
          V(not_written), a bookmark of
          the person's would have been dropped. V(not_checked), the run stopped before.
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
      sample: ["equipe@conference.univ.example: bookmark added"]
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
from ansible.module_utils.xmpp.bookmark_work import bookmark_work
from ansible.module_utils.xmpp.bookmarks import Room
from ansible.module_utils.xmpp.people import MUTUALLY_EXCLUSIVE, people_spec, run
from ansible.module_utils.xmpp.work import Work

ROOM_SPEC = {
    "jid": {"type": "str", "required": True},
    "name": {"type": "str"},
    "nick": {"type": "str"},
    "autojoin": {"type": "bool"},
}

ARGUMENT_SPEC = {
    **people_spec({"rooms": {"type": "list", "elements": "dict", "required": True, "options": ROOM_SPEC}}),
    "enforced": {"type": "list", "elements": "str", "choices": ["autojoin", "nick", "name"], "default": []},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True)
    run(module, read_wish)


def read_wish(entry: Mapping[str, Any], where: str, parameters: Mapping[str, Any]) -> Work:
    """What is wished for one account (see ``people.ReadWish``)."""
    rooms: dict[str, Room] = {}
    for index, wish in enumerate(entry["rooms"]):
        place = f"{where} ({entry['jid']}): rooms[{index}]"
        jid = str(read_address(wish["jid"], place))
        if jid in rooms:
            raise BadArgument(f"{place}: {jid} was named before; join them into one")
        name = read_line(wish["name"], f"{place} ({jid}): name")
        nick = read_line(wish["nick"], f"{place} ({jid}): nick")
        rooms[jid] = Room(jid, name or None, nick or None, wish["autojoin"])
    return bookmark_work(
        list(rooms.values()), present=parameters["state"] == "present", enforced=frozenset(parameters["enforced"])
    )


if __name__ == "__main__":
    main()
