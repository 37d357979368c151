"""Write contacts, rooms and profiles of the inventory's people on the server.

Documented in library/im_provisioning.py, where ansible-doc looks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils import im_provisioning
from ansible.module_utils.im_inventory import InventoryError, complete_people, complete_service

_MODULES = {"contacts": "xmpp_roster", "rooms": "xmpp_bookmark", "profile": "xmpp_vcard"}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One module call for each kind of which something is wished, for all people together."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what became of each wish; see RETURN in library/im_provisioning.py."""
        super().run(tmp, task_vars)
        enforceable = ["autojoin", "nick", "room_name", *im_provisioning.PROFILE_FIELDS]
        _, args = self.validate_argument_spec(
            argument_spec={
                "service": {"type": "dict", "required": True},
                "people": {"type": "dict", "required": True},
                "keys": {"type": "list", "elements": "str"},
                "passwords": {"type": "dict", "default": {}, "no_log": True},
                "reach": {"type": "dict", "default": {}},
                "service_account": {"type": "dict", "no_log": True},
                "api": {"type": "dict", "no_log": True},
                "subscription": {"type": "str", "choices": ["request", "both", "none"], "default": "request"},
                "enforced": {"type": "list", "elements": "str", "choices": enforceable, "default": []},
                "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
            },
            mutually_exclusive=[["service_account", "api"]],
        )
        try:
            service = complete_service(args["service"])
            people = complete_people(args["people"], service)
        except InventoryError as error:
            raise AnsibleActionFail(str(error)) from error
        keys = list(people) if args["keys"] is None else args["keys"]
        if unknown := [key for key in keys if key not in people]:
            raise AnsibleActionFail(f"keys: no person named {unknown[0]!r}; known: {', '.join(sorted(people))}")
        writer = {name: args[name] for name in ("service_account", "api") if args[name]}
        # Who may write for all does so for all: no password of a person is used then.
        passwords = {} if writer else args["passwords"]
        wishes = im_provisioning.wishes_of(args["people"], people, keys, passwords, args["reach"])
        common = {**writer, "ca_file": service["ca_file"], "language": args["language"]}
        own = {
            "contacts": {"subscription": args["subscription"]},
            "rooms": {
                "enforced": _renamed(args["enforced"], {"autojoin": "autojoin", "nick": "nick", "room_name": "name"})
            },
            "profile": {"enforced": [field for field in args["enforced"] if field in im_provisioning.PROFILE_FIELDS]},
        }
        results = {
            kind: self._call(_MODULES[kind], {"accounts": wishes[kind], **own[kind], **common}, task_vars or {})
            for kind in im_provisioning.KINDS
            if wishes[kind]
        }
        rows = im_provisioning.rows_of(results, {key: person["jid"] for key, person in people.items()})
        return {
            "changed": any(row["changed"] for row in rows),
            "rows": rows,
            "lines": im_provisioning.as_lines(rows, args["language"], bool(self._task.check_mode)),
            "all_ok": im_provisioning.all_in_place(rows),
            "diff": [diff for result in results.values() for diff in _listed(result.get("diff"))],
        }

    def _call(self, module: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run a module; it fails when an account could not be brought to the wish, which is a result here."""
        given = {name: value for name, value in arguments.items() if value is not None}
        result: dict[str, Any] = self._execute_module(module_name=module, module_args=given, task_vars=task_vars)
        if "accounts" not in result:
            raise AnsibleActionFail(f"{module}: {result.get('msg') or result.get('module_stderr') or 'no answer'}")
        return result


def _renamed(names: list[str], known: dict[str, str]) -> list[str]:
    return [known[name] for name in names if name in known]


def _listed(diff: Any) -> list[dict[str, str]]:
    return diff if isinstance(diff, list) else [diff] if diff else []
