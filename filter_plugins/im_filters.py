"""Filters of the project: pure functions. Each is documented in the sidecar of its name beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleFilterError

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils.im_catalogue import text
from ansible.module_utils.im_clients import load_clients
from ansible.module_utils.im_directory import csv_bytes, people_file, people_from_csv, people_from_ldap
from ansible.module_utils.im_first_login_offer import seats_of
from ansible.module_utils.im_inventory import (
    InventoryError,
    accounts_to_check,
    complete_people,
    complete_service,
)


def im_accounts(
    people: Mapping[str, Any],
    service: Mapping[str, Any],
    keys: list[str],
    passwords: Mapping[str, str],
    reach: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Make the ``accounts`` of xmpp_account_info for the people named by ``keys``."""
    try:
        known = complete_people(people, complete_service(service))
        if unknown := [key for key in keys if key not in known]:
            raise InventoryError([f"no person named {key!r}; known: {', '.join(sorted(known))}" for key in unknown])
    except InventoryError as error:
        raise AnsibleFilterError(str(error)) from error
    return accounts_to_check(known, keys, passwords, reach or {})


def im_people_from_ldap(
    entries: list[dict[str, Any]],
    service: Mapping[str, Any],
    structures: list[dict[str, Any]] | None = None,
    fields: Mapping[str, str | list[str]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Make people of the results of community.general.ldap_search."""
    try:
        return people_from_ldap(entries, complete_service(service), structures or [], fields)
    except InventoryError as error:
        raise AnsibleFilterError(str(error)) from error


def im_people_from_csv(
    content: str, service: Mapping[str, Any], fields: Mapping[str, str | list[str]] | None = None
) -> dict[str, dict[str, Any]]:
    """Make people of a CSV export, as ansible.builtin.slurp read it."""
    try:
        return people_from_csv(csv_bytes(content), complete_service(service), fields)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


def im_people_file(people: Mapping[str, Any]) -> str:
    """YAML text of a variables file with the people."""
    return people_file(people)


def im_has_root(connection: str, shell: str = "") -> bool:
    """Say whether a host that is reached in this way has a root to become; Windows has none, by whatever connection."""
    return connection.rpartition(".")[2] not in ("winrm", "psrp") and shell not in ("powershell", "cmd")


def im_seats_with(seats: list[dict[str, Any]], only: list[str]) -> list[dict[str, Any]]:
    """Keep of each seat the clients named by ``only``, and of the seats those with one left; all when it is empty."""
    if not only:
        return seats
    kept = [seat | {"clients": [client for client in seat["clients"] if client in only]} for seat in seats]
    return [seat for seat in kept if seat["clients"]]


def im_clients(seats: list[dict[str, Any]], state: str) -> list[str]:
    """Names of the clients of a host: those that a present seat wants, or those that only absent seats name."""
    wanted = [client for seat in seats if seat.get("state") != "absent" for client in seat["clients"]]
    named = [client for seat in seats for client in seat["clients"]]
    return list(dict.fromkeys(wanted if state == "present" else [name for name in named if name not in wanted]))


def im_clients_left_alone(seats: list[dict[str, Any]], left_alone: list[str]) -> list[str]:
    """Names of the clients of a host that no seat is to have deployed now."""
    named = [(f"{seat['login']}/{client}", client) for seat in seats for client in seat["clients"]]
    deployed = {client for place, client in named if place not in left_alone}
    return list(dict.fromkeys(client for _, client in named if client not in deployed))


def im_client_names(roles_paths: list[str]) -> list[str]:
    """Names of all clients that there are: the roles that say how they are deployed."""
    return list(load_clients(roles_paths))


def im_first_login_seats(first_login: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Write whoever logs in to a host as a seat whose login is "*"."""
    return seats_of(first_login)


def im_text(key: str, language: str = "fr", **values: Any) -> str:
    """Text of the catalogue for people."""
    try:
        return str(text(key, language, **values))
    except KeyError as error:
        raise AnsibleFilterError(f"the catalogue has no text {key!r} in {language!r}, or lacks {error}") from error


class FilterModule:
    """Names the filters for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return name -> function."""
        functions = (
            im_accounts,
            im_client_names,
            im_clients,
            im_clients_left_alone,
            im_first_login_seats,
            im_has_root,
            im_people_file,
            im_people_from_csv,
            im_people_from_ldap,
            im_seats_with,
            im_text,
        )
        return {function.__name__: function for function in functions}
