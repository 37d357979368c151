"""Say after a batch of a room whether the next one may begin.

Documented in library/im_lab_judge.py, where ansible-doc looks.
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


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only: reads what im_client did to the hosts so far, asks nothing of any host."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return bad, stop, why and not_begun; see RETURN in library/im_lab_judge.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            argument_spec={
                "order": {"type": "list", "elements": "str", "required": True},
                "stop_share": {"type": "str", "required": True},
                "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
            }
        )
        task_vars, order = task_vars or {}, args["order"]
        last = max(order.index(host) for host in task_vars["ansible_play_batch"])
        begun, left = order[: last + 1], order[last + 1 :]
        # Whose account it is says nothing about the desk: no people, no accounts.
        rows = im_report.rows_of(im_report.results_of(task_vars["hostvars"], begun), {}, [])
        try:
            share = im_lab.share_of(args["stop_share"])
        except im_lab.LabMistake as error:
            raise AnsibleActionFail(str(error)) from error
        verdict = im_lab.judge(rows, begun, share)
        stop = verdict.stop and bool(left)
        return result | {
            "changed": False,
            "bad": verdict.bad,
            "stop": stop,
            "why": im_lab.why_stopped(verdict, begun, share, args["language"]) if stop else "",
            "not_begun": left if stop else [],
        }
