"""Put the hosts of a room that answered into an order and into batches.

Documented in library/im_lab_plan.py, where ansible-doc looks.
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

from ansible.module_utils import im_lab, im_report
from ansible.module_utils.im_catalogue import text


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: reads what im_client learned of each host, asks nothing of any host."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return order, sizes, off, stop, why and not_begun; see RETURN in library/im_lab_plan.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            argument_spec={
                "canary": {"type": "str", "default": ""},
                "batch": {"type": "str", "required": True},
                "stop_share": {"type": "str", "required": True},
                "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
            }
        )
        hosts = (task_vars or {})["ansible_play_hosts_all"]
        known = im_report.results_of((task_vars or {})["hostvars"], hosts)
        answered = [host for host, found in known.items() if not found.unreachable]
        try:
            im_lab.share_of(args["stop_share"])
            plan = im_lab.plan(hosts, answered, args["canary"], args["batch"])
        except im_lab.LabMistake as error:
            raise AnsibleActionFail(str(error)) from error
        # A canary that somebody named is there to be looked at first: without it nothing begins.
        stop = bool(args["canary"]) and args["canary"] not in answered
        return result | {
            "changed": False,
            "order": plan.order,
            "sizes": plan.sizes,
            "off": [host for host in hosts if host not in answered],
            "stop": stop,
            "why": text("lab.canary_off", args["language"], host=args["canary"]) if stop else "",
            "not_begun": plan.order if stop else [],
            "language": args["language"],
        }
