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
        return {function.__name__: function for function in (im_accounts, im_clients, im_seats_with, im_text)}
