#!/usr/bin/python
"""List the rooms of an XMPP service, from the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_room_info
short_description: List the rooms of an XMPP service and what they are like
description:
  - Gives what the search for rooms in Gajim and Pidgin shows, for people whose client has none, such as Thunderbird,
    and to check the rooms of an inventory.
  - Runs on the control node, over one stream of one account, any account of the server. Hidden rooms are not listed by
    servers; they are described when O(rooms) names them.
  - Bad news is a result and never fails the task; wrong arguments do.
options:
  account:
    description: The account that asks.
    type: dict
    required: true
    suboptions:
      jid:
        description: Its address.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
      host:
        description: Host to connect to. By default what the SRV records of the domain say, else the domain.
        type: str
      port:
        description: Port to connect to. By default 5222, and 5223 when tls is V(direct).
        type: int
      tls:
        description: V(starttls) or V(direct) TLS. By default as for accounts of M(xmpp_account_info).
        type: str
        choices: [starttls, direct]
  service:
    description: The conference service. By default those that the account's domain names.
    type: str
  rooms:
    description: Ask about these rooms only, C(room@conference.domain), hidden ones included, instead of the list.
    type: list
    elements: str
  max_rooms:
    description: Most rooms that are listed and asked, 1 to 10000.
    type: int
    default: 1000
  ca_file:
    description: PEM file of the authorities to trust, instead of the system's.
    type: path
  allow_plain:
    description:
      - Accept the mechanism PLAIN, inside verified TLS, where the server offers no SCRAM. The server then sees the
        password, as it must when it checks passwords against a directory.
    type: bool
    default: false
  timeout:
    description: Seconds for the login, from connecting to its end; after that, for each answer of the server.
    type: float
    default: 15
  language:
    description: Language of the hint.
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    description: The module changes nothing.
    support: full
requirements:
  - Python 3.11
  - dnspython, to look up SRV records
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: List the rooms of the institution
  xmpp_room_info:
    account:
      jid: svc-check@univ.example
      password: "{{ vault_svc_check_password }}"
  delegate_to: localhost
  run_once: true
  register: found

- name: Show those that anybody may enter
  ansible.builtin.debug:
    msg: "{{ item.name }} ({{ item.jid }}): {{ item.occupants }}"
  loop: "{{ found.rooms | rejectattr('members_only') | rejectattr('password_protected') }}"
  loop_control:
    label: "{{ item.jid }}"
"""

RETURN = r"""
verdict:
  description:
    - V(ok), or why there is no list or not all of it, a verdict of M(xmpp_account_info) about the account; or
      V(declined), the server does not tell.
  type: str
  returned: always
  sample: ok
detail:
  description: Technical detail in English, or the server's own words. May be empty.
  type: str
  returned: always
  sample: ""
hint:
  description: What the verdict means and what to do.
  type: str
  returned: always
services:
  description: The conference services that were asked.
  type: list
  elements: dict
  returned: always
  contains:
    jid:
      description: Its address.
      type: str
      returned: always
      sample: conference.univ.example
    name:
      description: Its name. May be empty.
      type: str
      returned: always
      sample: Salons
complete:
  description: Whether these are all the rooms that were asked for. V(false) after a problem, or when there are more.
  type: bool
  returned: always
rooms:
  description: The rooms, by address.
  type: list
  elements: dict
  returned: always
  contains:
    jid:
      description: Its address.
      type: str
      returned: always
      sample: equipe@conference.univ.example
    service:
      description: The conference service that it belongs to.
      type: str
      returned: always
    name:
      description: What people call it. May be empty.
      type: str
      returned: always
      sample: Salon de l'équipe
    description:
      description: What it is for. May be empty.
      type: str
      returned: always
    language:
      description: Language of its conversation. Empty when it does not say.
      type: str
      returned: always
      sample: fr
    occupants:
      description: How many are in it now. None when it does not say.
      type: int
      returned: always
      sample: 3
    members_only:
      description: Whether only members may enter. None when it does not say, here and below.
      type: bool
      returned: always
    password_protected:
      description: Whether it takes a password to enter.
      type: bool
      returned: always
    persistent:
      description: Whether it stays when the last one leaves.
      type: bool
      returned: always
    hidden:
      description: Whether it is left out of the list of rooms.
      type: bool
      returned: always
    moderated:
      description: Whether it takes a voice to speak.
      type: bool
      returned: always
    anonymous:
      description: Whether only moderators see the addresses of the people in it.
      type: bool
      returned: always
    problem:
      description: Why it did not tell, such as V(item-not-found), there is no such room. Empty when it did.
      type: str
      returned: always
      sample: ""
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.arguments import (
    CAMPAIGN_SPEC,
    SERVICE_SPEC,
    BadArgument,
    check_numbers,
    read_address,
    read_campaign,
    read_service_account,
)
from ansible.module_utils.xmpp.connection import Connection
from ansible.module_utils.xmpp.jid import JidError, domain_name
from ansible.module_utils.xmpp.problems import XmppProblem
from ansible.module_utils.xmpp.rooms import (
    MAX_STANZA,
    Room,
    Service,
    conference_services,
    describe_rooms,
    list_rooms,
)
from ansible.module_utils.xmpp.session import Campaign, logged_in

_MAX_ROOMS = 10_000

ARGUMENT_SPEC: dict[str, Any] = {
    "account": {**SERVICE_SPEC, "required": True},
    "service": {"type": "str"},
    "rooms": {"type": "list", "elements": "str"},
    "max_rooms": {"type": "int", "default": 1000},
    **{name: CAMPAIGN_SPEC[name] for name in ("ca_file", "allow_plain", "timeout", "language")},
}

MUTUALLY_EXCLUSIVE = [("service", "rooms")]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True)
    parameters = module.params
    try:
        check_numbers(parameters)
        search = Search(parameters)
        account = read_service_account(parameters["account"], "account")
        campaign = read_campaign(parameters)
    except BadArgument as error:
        module.fail_json(msg=str(error))
    verdict = "ok"
    try:
        search.run(account, campaign)
        detail = search.note
    except XmppProblem as problem:
        verdict, detail = problem.code, problem.detail
    module.exit_json(
        changed=False,
        verdict=verdict,
        detail=detail,
        hint=text(f"verdict.{verdict}", parameters["language"]),
        services=[asdict(service) for service in search.services],
        complete=search.complete and verdict == "ok",
        rooms=[_shown(search.rooms[jid]) for jid in sorted(search.rooms)],
    )


class Search:
    """What is asked for, and what was found so far: it stays when the stream breaks in the middle."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        """Take the arguments.

        Raises:
            BadArgument: one of them is of no use.
        """
        self.limit = parameters["max_rooms"]
        if not 1 <= self.limit <= _MAX_ROOMS:
            raise BadArgument(f"max_rooms: {self.limit} is out of range; it takes 1 to {_MAX_ROOMS}")
        try:
            self.service = domain_name(parameters["service"]) if parameters["service"] else ""
        except JidError as error:
            raise BadArgument(f"service: {error}") from None
        self.named = [
            read_address(room, f"rooms[{index}]") for index, room in enumerate(dict.fromkeys(parameters["rooms"] or []))
        ]
        self.services: list[Service] = []
        self.rooms: dict[str, Room] = {}
        self.complete = True
        self.note = ""

    def run(self, account: Account, campaign: Campaign) -> None:
        """Log in, ask, leave.

        Raises:
            XmppProblem: why it could not be ended.
        """
        with logged_in(account, campaign, MAX_STANZA) as (connection, _):
            if self.named:
                self._describe(connection, {str(jid): "" for jid in self.named[: self.limit]})
                self.complete = len(self.named) <= self.limit
                return
            found = [Service(self.service)] if self.service else conference_services(connection, account.jid.domain)
            if not found:
                self.note = f"{account.jid.domain} names no conference service; name it (service)"
            for service in found:
                self.services.append(service)
                if len(self.rooms) >= self.limit:
                    self.complete = False
                    continue
                listing = list_rooms(connection, service.jid, self.limit - len(self.rooms))
                self.complete = self.complete and listing.complete
                self._describe(connection, listing.rooms)

    def _describe(self, connection: Connection, listed: dict[str, str]) -> None:
        for room in describe_rooms(connection, listed):
            self.rooms[room.jid] = room


def _shown(room: Room) -> dict[str, Any]:
    """A room for Ansible, its properties beside the rest."""
    shown = asdict(room)
    properties = shown.pop("properties")
    problem = shown.pop("problem")
    return {**shown, **properties, "problem": problem}


if __name__ == "__main__":
    main()
