"""Ask a desk whether it reaches the XMPP service, and say in words for support staff what its answer means.

The remote half is library/xmpp_reach_info.py, which knows codes only.
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

from ansible.module_utils.im_catalogue import LANGUAGES, text
from ansible.module_utils.xmpp.jid import JidError, domain_name


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One remote call."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module answers, and the hint."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        language = arguments.pop("language", None) or "fr"
        if language not in LANGUAGES:
            raise AnsibleActionFail(f"language: no texts in {language!r}; it takes {' or '.join(LANGUAGES)}")
        try:
            # In its normal form, which desks with an old Python need not find themselves.
            arguments["domain"] = domain_name(str(arguments.get("domain", "")))
        except JidError as error:
            raise AnsibleActionFail(f"domain: {error}") from error
        result: dict[str, Any] = self._execute_module(
            module_name="xmpp_reach_info", module_args=arguments, task_vars=task_vars
        )
        if "verdict" in result:
            result["hint"] = hint(result["verdict"], language)
        return result


def hint(verdict: str, language: str) -> str:
    """The sentence of a desk's verdict; that of the accounts' checks where the place makes no difference."""
    key = f"reach.{verdict}"
    return str(text(key if key in LANGUAGES[language] else f"verdict.{verdict}", language))
