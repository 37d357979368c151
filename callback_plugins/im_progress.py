"""Ansible's own output, but for playbooks/lab.yml: there one line says how far the room is."""

from __future__ import annotations

DOCUMENTATION = r"""
name: im_progress
type: stdout
short_description: Ansible's own output, and one line of progress for a room
description:
  - Prints what the callback C(default) prints, with the same options, for every playbook but C(lab.yml).
  - There it prints, in a terminal, one line that is drawn anew with hosts done, deferred, failed and off, and the time
    left; elsewhere, such as in a log, one line for each batch and no control character. The table and the summary of
    the end, what differs (C(--diff)) and errors that stop the play are printed as ever. What happens to a single host
    stands in the table.
  - With C(-v) all is printed as ever, for C(lab.yml) too.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in configuration, as this project's ansible.cfg does
"""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.plugins.callback.default import CallbackModule as Default

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils.im_catalogue import LANGUAGES
from ansible.module_utils.im_progress import FAILED, OFF, Progress, kind_of

_PLAYBOOK = "lab.yml"
_CLIENT_ROLE = "im_client"
#: What says once more at the end that a host is off, for the exit code only.
_SILENCE = "im_compliance_silence"
_BACK_AND_ERASE = "\r\x1b[K"


class CallbackModule(Default):  # type: ignore[misc] # ansible ships no types
    """Every event either moves the line, or goes on to Ansible's own output, or is left to the table of the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "im_progress"

    def __init__(self) -> None:
        super().__init__()
        self._quiet = False
        self._live = False
        self._progress = Progress()
        self._shown = ""
        self._asked_language = False
        self._over = False

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Learn whether it is the playbook of a room, and whether anybody watches."""
        self._quiet = Path(playbook._file_name).name == _PLAYBOOK and not self._display.verbosity
        self._live = self._quiet and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._progress, self._asked_language, self._over = Progress(), False, False
        super().v2_playbook_on_start(playbook)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Print no banner; the language is the one of the inventory."""
        if not self._quiet:
            super().v2_playbook_on_play_start(play)
            return
        self._play = play
        if not self._asked_language:
            self._progress.language, self._asked_language = _language(play), True
        if play.serial and not self._over:
            self._progress.begin_batch(time.monotonic())
        self._draw()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Keep the task's name for what may have to be said about it."""
        if self._quiet:
            self._task_type_cache[task._uuid], self._last_task_name = "TASK", task.get_name().strip()
        else:
            super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """Say nothing of what is included."""
        if not self._quiet:
            super().v2_playbook_on_include(included_file)

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        """An error ended the play: it was told."""
        if not self._quiet:
            super().v2_playbook_on_no_hosts_remaining()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count, and print what a debug task of the end prints."""
        if not self._quiet:
            super().v2_runner_on_ok(result)
            return
        action, host = _action(result.task), result.host.get_name()
        if action == "im_host_info":
            self._progress.answered(host)
            self._draw()
        elif action == "im_profile":
            self._progress.went(host, kind_of(str(seat["state"]) for seat in result.result.get("seats", [])))
            self._draw()
        elif action == "im_lab_plan":
            self._tell(self._progress.planned(result.result["order"], result.result["sizes"]))
            self._over = result.result["stop"] or not result.result["order"]
        elif action == "im_lab_judge":
            if not self._live:
                self._tell(self._progress.batch_line(time.monotonic()))
            self._over = result.result["stop"]
        elif action == "debug" and _role(result.task) != _CLIENT_ROLE:
            self._make_room()
            super().v2_runner_on_ok(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Count a host that failed; what fails outside the role of the clients ends the play, and is printed."""
        if self._quiet and _role(result.task) == _CLIENT_ROLE:
            self._progress.went(result.host.get_name(), FAILED)
            self._draw()
        else:
            self._make_room()
            super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Count a host that is off."""
        if self._quiet and (_role(result.task) == _CLIENT_ROLE or _action(result.task) == _SILENCE):
            self._progress.went(result.host.get_name(), OFF)
            self._draw()
        else:
            self._make_room()
            super().v2_runner_on_unreachable(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Say nothing of what there is no need for."""
        if not self._quiet:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Leave it to the result of the whole task."""
        if not self._quiet:
            super().v2_runner_item_on_ok(result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        """Leave it to the result of the whole task."""
        if not self._quiet:
            super().v2_runner_item_on_skipped(result)

    def v2_on_file_diff(self, result: Any) -> None:
        """Print what differs, for whoever asked with --diff."""
        self._make_room()
        super().v2_on_file_diff(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print no recap: the table was it."""
        if self._quiet:
            self._make_room()
        else:
            super().v2_playbook_on_stats(stats)

    def _tell(self, line: str) -> None:
        """Print a line that stays."""
        self._make_room()
        self._display.display(line)

    def _draw(self) -> None:
        """Draw the line anew where it stands, as wide as the terminal is."""
        line = self._progress.line(time.monotonic())[: shutil.get_terminal_size().columns - 1]
        if self._live and line != self._shown:
            sys.stdout.write(_BACK_AND_ERASE + line)
            sys.stdout.flush()
            self._shown = line

    def _make_room(self) -> None:
        """Take the line away before something else is printed."""
        if self._shown:
            sys.stdout.write(_BACK_AND_ERASE)
            sys.stdout.flush()
            self._shown = ""


def _action(task: Any) -> str:
    """The last part of an action's name: ``debug`` of ``ansible.builtin.debug``."""
    return str(task.action).rpartition(".")[2]


def _role(task: Any) -> str:
    return str(task._role.get_name()) if task._role else ""


def _language(play: Any) -> str:
    """The language that the first host's variables name, if it is one of ours."""
    manager = play.get_variable_manager()
    hosts = manager._inventory.get_hosts(play.hosts)
    known = manager.get_vars(play=play, host=hosts[0]) if hosts else {}
    return str(known.get("im_language", "fr")) if known.get("im_language") in LANGUAGES else "fr"
