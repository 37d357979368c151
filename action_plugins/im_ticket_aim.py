"""Find in the inventory what a ticket names.

Documented in library/im_ticket_aim.py, where ansible-doc looks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils.im_clients import load_clients
from ansible.module_utils.im_inventory import InventoryError, complete_people, complete_service
from ansible.module_utils.im_preflight import Wish, aim
from ansible.module_utils.im_tickets.problems import TicketProblem
from ansible.module_utils.im_tickets.ticket import check_number

_FIELDS = ("number", "requester", "machine", "client", "site", "deadline", "login")


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: reads the inventory, asks nothing of any host."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return whom and what the ticket is about; see RETURN in library/im_ticket_aim.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            argument_spec={
                "ticket": {
                    "type": "dict",
                    "required": True,
                    "options": {field: {"type": "str", "default": ""} for field in _FIELDS},
                },
                "service": {"type": "dict", "required": True},
                "people": {"type": "dict", "required": True},
                "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
            }
        )
        ticket, variables = args["ticket"], (task_vars or {})["hostvars"]
        clients = load_clients(C.DEFAULT_ROLES_PATH)
        try:
            if ticket["number"]:
                check_number(ticket["number"])
            people = complete_people(args["people"], complete_service(args["service"]))
        except TicketProblem as wrong:
            raise AnsibleActionFail(wrong.sentences(args["language"])) from wrong
        except InventoryError as error:
            raise AnsibleActionFail(str(error)) from error
        found = aim(
            Wish(ticket["requester"], ticket["machine"], ticket["client"], ticket["login"]),
            people,
            (task_vars or {})["groups"]["all"],
            lambda host: variables[host].get("im_seats") or [],
            clients=clients,
            language=args["language"],
        )
        person = people.get(found.person, {"name": ticket["requester"], "jid": ""})
        case = {field: ticket[field] for field in ("number", "site", "deadline")}
        case |= {"key": found.person or ticket["requester"], "name": person["name"], "jid": person["jid"]}
        case |= {"machine": found.machine or ticket["machine"], "login": found.login or ticket["login"]}
        case |= {"client": found.client or ticket["client"], "listed": found.listed}
        case["title"] = clients[found.client].title if found.client else ticket["client"]
        return result | {
            "changed": False,
            "person": found.person,
            "machine": found.machine,
            "login": found.login,
            "client": found.client,
            "case": case,
            "problems": [problem._asdict() for problem in found.problems],
        }
