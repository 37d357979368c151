"""Tell the site by mail or webhook that the fleet got worse, or that the nightly run broke.

Documented in library/im_alert.py, where ansible-doc looks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils.im_alert import (
    Message,
    NotDelivered,
    broken_message,
    gap_of,
    post,
    send_mail,
    take_back,
    withhold,
    worse_message,
)
from ansible.module_utils.im_catalogue import text

_MAIL = {
    "host": {"type": "str", "required": True},
    "to": {"type": "list", "elements": "str", "required": True},
    "sender": {"type": "str", "required": True},
    "tls": {"type": "str", "choices": ["starttls", "direct", "none"], "default": "starttls"},
    "port": {"type": "int"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_file": {"type": "path"},
}
_WEBHOOK = {
    "url": {"type": "str", "required": True, "no_log": True},
    "token": {"type": "str", "no_log": True},
    "ca_file": {"type": "path"},
}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: asks nothing of any host."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return sent, failures and told; see RETURN in library/im_alert.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            argument_spec={
                "worse": {"type": "dict"},
                "broken": {"type": "dict", "options": {name: {"type": "str"} for name in ("told", "log")}},
                "site": {"type": "str", "required": True},
                "report": {"type": "str", "default": ""},
                "page": {"type": "str", "default": ""},
                "directory": {"type": "path"},
                "gap_hours": {"type": "float", "default": 0},
                "mail": {"type": "dict", "options": _MAIL},
                "webhook": {"type": "dict", "options": _WEBHOOK},
                "dry_run": {"type": "bool", "default": False},
                "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
            },
            mutually_exclusive=[["worse", "broken"]],
            required_one_of=[["worse", "broken"], ["mail", "webhook"]],
            required_by={"worse": ["directory"]},
        )
        language = args["language"]
        items: list[dict[str, Any]] = []
        if args["broken"]:
            at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            message = broken_message(args["site"], at, args["broken"]["told"], args["broken"]["log"], language)
        else:
            at, worse = args["worse"]["at"], args["worse"]
            items = _each_once(
                [*take_back(Path(args["directory"])), *gap_of(at, worse["earlier"], args["gap_hours"]), *worse["items"]]
            )
            if not items:
                return result | {"changed": False, "sent": [], "failures": [], "told": text("alert.nothing", language)}
            message = worse_message(items, args["site"], at, args["report"], language)
        if args["dry_run"]:
            told = text("alert.would_send", language, subject=message.subject)
            return result | {"changed": False, "sent": [], "failures": [], "told": told}
        sent, failures = _tell(message, args)
        if not args["broken"]:
            # Whoever got it one way was told.
            withhold(Path(args["directory"]), [] if sent else items)
        lines = [text("alert.sent", language, ways=", ".join(sent), subject=message.subject)] if sent else []
        lines += [text("alert.not_delivered", language, why=why) for why in failures]
        return result | {
            "changed": False,
            "sent": sent,
            "failures": failures,
            "told": "\n".join(lines),
            "warnings": lines[len(lines) - len(failures) :],
        }


def _tell(message: Message, args: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Send by each way of the site; returns the ways that worked, and why the others did not."""
    ways: dict[str, Callable[[], None]] = {
        "mail": lambda: send_mail(message, args["mail"], args["page"]),
        "webhook": lambda: post(message, args["webhook"]),
    }
    sent, failures = [], []
    for way, send in ways.items():
        if not args[way]:
            continue
        try:
            send()
        except NotDelivered as error:
            failures.append(str(error))
        else:
            sent.append(way)
    return sent, failures


def _each_once(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items, of each seat, account and so on the newest: one that could not be told may have got worse again."""
    return list(
        {tuple(item.get(name) for name in ("kind", "host", "login", "client", "jid")): item for item in items}.values()
    )
