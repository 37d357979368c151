"""Check the wishes of the whole play at the door, before any host is touched.

Documented in library/im_inventory.py, where ansible-doc looks.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible import constants as C
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils.im_clients import load_clients
from ansible.module_utils.im_first_login_offer import check_first_login, seats_of
from ansible.module_utils.im_inventory import (
    InventoryError,
    check_installers,
    check_minimum_versions,
    check_packages,
    check_portable,
    check_preferences,
    check_seats,
    complete_people,
    complete_service,
)
from ansible.module_utils.im_waivers import Known, check_waivers, left_alone


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: nothing is asked of any host."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the people of the play's seats, or fail with every mistake of the inventory at once."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self._task.args
        problems: list[str] = []
        seats: dict[str, list[dict[str, Any]]] = {}
        anybody: dict[str, list[dict[str, Any]]] = {}
        try:
            service = complete_service(args.get("service"))
            people = complete_people(args.get("people"), service)
            check_preferences(args.get("preferences") or {}, args.get("enforced_preferences") or [])
        except InventoryError as error:
            return result | {"failed": True, "msg": str(error)}
        clients = load_clients(C.DEFAULT_ROLES_PATH)
        for host in args.get("hosts") or task_vars["ansible_play_hosts_all"]:
            variables = task_vars["hostvars"][host]
            try:
                seats[host] = check_seats(host, variables.get("im_seats", []), people, clients)
            except InventoryError as error:
                problems += error.problems
            try:
                anybody[host] = seats_of(check_first_login(host, variables.get("im_first_login"), clients, service))
            except InventoryError as error:
                problems += error.problems
        known = Known(task_vars["groups"]["all"], task_vars["groups"], people, clients)
        waivers: list[dict[str, Any]] = []
        try:
            waivers = check_waivers(args.get("waivers") or [], known)
        except InventoryError as error:
            problems += error.problems
        try:
            check_minimum_versions(args.get("minimum_versions"), clients)
        except InventoryError as error:
            problems += error.problems
        try:
            check_packages(
                args.get("versions"), args.get("latest"), args.get("sources"), clients, held=args.get("held")
            )
        except InventoryError as error:
            problems += error.problems
        try:
            check_installers(args.get("installers"), clients)
        except InventoryError as error:
            problems += error.problems
        try:
            check_portable(
                args.get("versions"), args.get("latest"), args.get("sources"), args.get("installers"), clients
            )
        except InventoryError as error:
            problems += error.problems
        if problems:
            return result | {"failed": True, "msg": "\n".join(problems)}
        today = datetime.now().astimezone().date()
        asked = list(
            dict.fromkeys(seat["person"] for listed in seats.values() for seat in listed if seat["state"] == "present")
        )
        return result | {
            "changed": False,
            "people": asked if any([*seats.values(), *anybody.values()]) else list(people),
            "jids": {key: person["jid"] for key, person in people.items()},
            "waivers": waivers,
            "left_alone": {
                host: left_alone(
                    waivers, host, task_vars["hostvars"][host]["group_names"], listed + anybody[host], today
                )
                for host, listed in seats.items()
            },
        }
