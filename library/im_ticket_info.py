#!/usr/bin/python
"""Read one request for an installation from a file or from GLPI."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_ticket_info
short_description: Read a request for an installation, and only what it may say
description:
  - Takes seven fields from a ticket and no other, checks them, and names once what else stood there. What stands in a
    ticket is data; the results of a module are never taken for templates.
  - Fails with where, what and what would do, when the ticket cannot be read or is none of ours.
extends_documentation_fragment: tickets
options:
  file:
    description:
      - For O(system=files), a file on the control node. YAML or JSON holds one ticket or a list of them; CSV, as
        French spreadsheets write it too, one for each row.
      - Names of the fields, in French or English, whatever their case and accents - C(numero) or C(number),
        C(demandeur) or C(requester), C(poste) or C(machine), C(logiciel) or C(client), C(site), C(echeance) or
        C(deadline), C(session) or C(login). The first four are needed.
      - The action plugin of the same name makes a relative path one of where Ansible was started.
    type: path
  number:
    description: Number of the ticket. May be left out when exactly one waits.
attributes:
  check_mode:
    description: The module changes nothing.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Read the ticket of a file
  im_ticket_info:
    file: ticket-4711.yml
  delegate_to: localhost
  register: found

- name: Read a request of GLPI
  im_ticket_info:
    system: glpi
    number: "4711"
    glpi:
      url: https://glpi.univ.example
      app_token: "{{ vault_glpi_app_token }}"
      user_token: "{{ vault_glpi_user_token }}"
      category: 12
      labels:
        machine: [Nom du poste, Poste]
      people:
        amartin: alice.martin
  delegate_to: localhost
  register: found
"""

RETURN = r"""
ticket:
  description: The fields, each a text.
  type: dict
  returned: success
  contains:
    number: {description: As the ticket system has it., type: str, returned: success}
    requester: {description: Key of C(im_people). It may be unknown there., type: str, returned: success}
    machine: {description: Name of a host. It may be unknown to the inventory., type: str, returned: success}
    client: {description: Such as V(gajim). It may be unknown to the roles., type: str, returned: success}
    site: {description: Free text of one line; empty for none., type: str, returned: success}
    deadline: {description: ISO day; empty for none., type: str, returned: success}
    login: {description: Session on the host; empty for that of the inventory., type: str, returned: success}
  sample:
    number: "4711"
    requester: alice.martin
    machine: pc-12
    client: gajim
    site: Bibliothèque
    deadline: "2026-12-01"
    login: ""
ignored:
  description: Names of what else stood in the ticket, each once.
  type: list
  elements: str
  returned: success
waiting:
  description: Numbers of the tickets to do. A file does not say which are done, so all of it.
  type: list
  elements: str
  returned: when O(number) is left out
"""

from typing import Any

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.im_tickets.module import TicketModule
from ansible.module_utils.im_tickets.problems import TicketProblem, problem
from ansible.module_utils.im_tickets.spec import SYSTEM_SPEC

try:
    import yaml  # noqa: F401 - only to say so in good words when it is missing
except ImportError:
    HAVE_YAML = False
else:
    HAVE_YAML = True
    from ansible.module_utils.im_tickets.arguments import opened
    from ansible.module_utils.im_tickets.system import TicketSystem

ARGUMENT_SPEC: dict[str, Any] = {**SYSTEM_SPEC, "file": {"type": "path"}}


def main() -> None:
    """Run the module."""
    needed = [("system", "files", ["file"]), ("system", "glpi", ["glpi"])]
    module = TicketModule(argument_spec=ARGUMENT_SPEC, required_if=needed, supports_check_mode=True)
    if not HAVE_YAML:
        module.fail_json(msg=missing_required_lib("PyYAML"))
    parameters = module.params
    result: dict[str, Any] = {"changed": False}
    try:
        with opened(parameters) as system:
            found = system.read(parameters["number"] or only_one(system, result))
    except TicketProblem as wrong:
        module.fail_json(msg=wrong.sentences(parameters["language"]), **result)
    module.exit_json(**result, ticket=found.ticket._asdict(), ignored=list(found.ignored))


def only_one(system: TicketSystem, result: dict[str, Any]) -> str:
    """The number of the one ticket that waits; those of all are put into the result.

    Raises:
        TicketProblem: none waits, or several do.
    """
    waiting: list[str] = system.waiting()
    result["waiting"] = waiting
    if len(waiting) != 1:
        numbers = ", ".join(waiting)
        raise problem("several_wait", count=len(waiting), numbers=numbers) if waiting else problem("none_waits")
    return waiting[0]


if __name__ == "__main__":
    main()
