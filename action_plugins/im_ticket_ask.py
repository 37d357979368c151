"""Ask at the terminal, and refuse plainly where there is none.

Documented in library/im_ticket_ask.py, where ansible-doc looks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleActionFail, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils.im_catalogue import text
from ansible.module_utils.im_preflight import near, visible

#: How often a question is asked before giving up.
_TRIES = 3


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Control node only. The main process owns the terminal; Display carries question and answer."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answers; see RETURN in library/im_ticket_ask.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            argument_spec={
                "questions": {
                    "type": "list",
                    "elements": "dict",
                    "required": True,
                    "options": {
                        "name": {"type": "str", "required": True},
                        "prompt": {"type": "str", "required": True},
                        "known": {"type": "list", "elements": "str", "default": []},
                        "aliases": {"type": "dict", "default": {}},
                        "may_be_empty": {"type": "bool", "default": False},
                    },
                },
                "remedy": {"type": "str", "required": True},
                "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
            }
        )
        self._language, self._remedy = args["language"], args["remedy"]
        answers = {question["name"]: self._answer(question) for question in args["questions"]}
        return result | {"changed": False, "answers": answers}

    def _answer(self, question: dict[str, Any]) -> str:
        """Ask until the answer will do; a known name comes back as it is spelled there."""
        known = {name.casefold(): name for name in question["known"]}
        known |= {alias.casefold(): name for alias, name in question["aliases"].items()}
        told = ""
        for _ in range(_TRIES):
            said = self._prompt(f"{told}{question['prompt']}", question["prompt"])
            if not said and question["may_be_empty"]:
                return ""
            if said and (not known or said.casefold() in known):
                return known.get(said.casefold(), said)
            alike = near(said, question["known"]) or question["known"][:10]
            told = text("ask.again", self._language, said=said, near=", ".join(alike) or "-") + "\n"
        raise AnsibleActionFail(text("ask.given_up", self._language, question=question["prompt"]))

    def _prompt(self, shown: str, question: str) -> str:
        try:
            said: bytes = Display().prompt_until(shown)
        except AnsiblePromptNoninteractive:
            told = text("ask.no_terminal", self._language, question=question, remedy=self._remedy)
            raise AnsibleActionFail(told) from None
        except AnsiblePromptInterrupt:
            raise AnsibleActionFail(text("ask.interrupted", self._language)) from None
        return visible(said.decode("utf-8", "replace"))
