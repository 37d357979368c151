"""Lay the wanted documents into the profiles of a host: read once, merge here, write once.

Documented in library/im_profile.py, where ansible-doc looks.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

# Plugins of a project cannot import its module_utils by themselves (modules can).
_UTILS = str(Path(__file__).resolve().parents[1] / "module_utils")
if _UTILS not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_UTILS)

from ansible.module_utils import im_engine, im_first_login_offer, im_logon, im_pending_calls
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.im_clients import load_clients, load_common
from ansible.module_utils.im_first_login import ANYBODY
from ansible.module_utils.im_inventory import (
    InventoryError,
    check_preferences,
    check_seats,
    complete_people,
    complete_service,
)
from ansible.module_utils.im_model import Client
from ansible.module_utils.im_packages.answers import with_source
from ansible.module_utils.im_preferences import not_expressed
from ansible.module_utils.im_templates import Templates
from ansible.module_utils.im_wishes import template_variables, wish_of

# Ansible imports an action in its parent process and then forks a worker for each host: what is read and compiled
# here is done once for all hosts.
CLIENTS = load_clients(C.DEFAULT_ROLES_PATH)
COMMON = load_common(C.DEFAULT_ROLES_PATH)
TEMPLATES = Templates([COMMON, *CLIENTS.values()])


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """One call of im_profile_files to read; a second one only when something must be written."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what became of each seat and client; see RETURN in library/im_profile.py."""
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        _, args = self.validate_argument_spec(
            argument_spec={
                "service": {"type": "dict", "required": True},
                "people": {"type": "dict", "required": True},
                "seats": {"type": "list", "elements": "dict", "required": True},
                "preferences": {"type": "dict", "default": {}},
                "enforced_preferences": {"type": "list", "elements": "str", "default": []},
                "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
                "platform": {"type": "str", "required": True},
                "versions": {"type": "dict", "default": {}},
                "sources": {"type": "dict", "default": {}},
                "installers": {"type": "dict", "default": {}},
                "impossible": {"type": "dict", "default": {}},
                "passwords": {"type": "dict", "default": {}, "no_log": True},
                "rooms_on_server": {"type": "bool", "default": False},
                "look_only": {"type": "bool", "default": False},
                "left_alone": {"type": "list", "elements": "str", "default": []},
                "first_login": {"type": "dict"},
            }
        )
        host = self._task_vars["inventory_hostname"]
        try:
            self._service = self._with_ca(complete_service(args["service"]))
            people = complete_people(args["people"], self._service)
            seats = check_seats(host, args["seats"], people, CLIENTS)
            site, self._enforced = check_preferences(args["preferences"], args["enforced_preferences"])
            self._first_login = im_first_login_offer.check_first_login(
                host, args["first_login"], CLIENTS, self._service
            )
        except InventoryError as error:
            raise AnsibleActionFail(str(error)) from error
        self._language, self._platform = args["language"], args["platform"]
        self._has_login_job: bool = COMMON.platforms[self._platform]["login_job"]
        #: What waits for first logons on a PC, once it was asked; elsewhere the login job does that.
        self._logons: im_logon.Logons | None = None
        self._rooms_on_server = args["rooms_on_server"]
        self._look_only, self._left_alone = args["look_only"], args["left_alone"]
        self._wishes = {seat["login"]: wish_of(seat, people[seat["person"]], site, args["passwords"]) for seat in seats}
        self._wishes[ANYBODY] = im_first_login_offer.wish_of_anybody(site)
        self._seats = seats
        self._asks_of_first_logins = args["first_login"] is not None
        seats = seats + im_first_login_offer.seats_of(self._first_login)
        #: What the login job did since the last run, by group.
        self._noted: dict[str, dict[str, Any]] = {}
        keys = {person["jid"].casefold(): key for key, person in people.items()}
        named = {name for seat in seats for name in seat["clients"]}
        clients = {
            name: with_source(
                CLIENTS[name], self._platform, args["sources"].get(name, ""), args["installers"].get(name)
            )
            for name in named
        }
        # A client that cannot be had is a row of the report; the others of the seat go on.
        barred = [
            im_engine.barred_result(seat, name, text("packages.refused", self._language, **args["impossible"][name]))
            for seat in seats
            for name in seat["clients"]
            if name in args["impossible"]
        ]
        seats = [
            {**seat, "clients": kept}
            for seat in seats
            for kept in [[name for name in seat["clients"] if name not in args["impossible"]]]
            if kept
        ]
        outcomes = self._deploy(im_engine.groups_of(seats, clients, COMMON, self._platform))
        results = barred + [
            im_engine.seat_result(
                seat,
                clients[name],
                outcomes,
                args["versions"].get(clients[name].platforms[self._platform]["version_package"]),
                self._warnings_for(seat, clients[name], outcomes),
                noted=self._noted.get(f"{seat['login']}/{name}"),
                others={jid: key for jid, key in keys.items() if key != seat["person"]},
            )
            | {
                "diff": [
                    told
                    for outcome in im_engine.outcomes_of(seat, name, outcomes)
                    if outcome.state == "drift"
                    for told in im_engine.texts(outcome)
                ]
            }
            for seat in seats
            for name in seat["clients"]
        ]
        stale = any(outcome.stale and outcome.state in ("changed", "compliant") for outcome in outcomes.values())
        return {
            "changed": stale or any(_will_write(outcome) for outcome in outcomes.values()),
            "seats": results,
            "trust_stale": stale,
            "warnings": [warning for result in results for warning in result["warnings"]],
            "diff": [
                diff
                for outcome in outcomes.values()
                # What whoever logs in gets is one file for all clients, told once.
                if self._task.diff and _will_write(outcome) and outcome.group.login != ANYBODY
                for diff in im_engine.diffs(outcome, host)
            ],
        }

    def _with_ca(self, service: dict[str, Any]) -> dict[str, Any]:
        """Add the service's CA itself, which the control node holds as a file."""
        if not service["ca_file"]:
            return service
        try:
            return service | {"ca_pem": self._loader.get_text_file_contents(service["ca_file"]).strip()}
        except AnsibleError as error:
            raise InventoryError([f"im_service: ca_file cannot be read: {error}"]) from error

    def _deploy(self, groups: list[im_engine.Group]) -> dict[str, im_engine.Outcome]:
        """Read, merge and write, or foretell the writing; returns the outcome of each group by its key."""
        anybody = [group for group in groups if group.login == ANYBODY]
        groups = [group for group in groups if group.login != ANYBODY]
        asks = self._asks_of_first_logins and self._has_login_job
        questions = [im_pending_calls.offer_question()] if asks else []
        answers = self._ask(questions + [im_engine.read_request(group) for group in groups], is_first=True)
        waiting = im_pending_calls.logins_waiting(answers)
        noted = self._noted
        if self._logons:
            noted |= self._logons.take_in(answers)
        if waiting:
            told = self._call("im_pending", **im_pending_calls.look_request(waiting))
            noted |= im_pending_calls.take_in(answers, told)
        outcomes = {group.key: self._merge(group, answers) for group in groups}
        if unread := [outcome for outcome in outcomes.values() if outcome.unread]:
            # A profile outside the usual places: one more question, for these groups only.
            answers |= self._ask([im_engine.read_request(outcome.group, outcome.unread) for outcome in unread])
            outcomes |= {outcome.group.key: self._merge(outcome.group, answers) for outcome in unread}
        for outcome in outcomes.values():
            if self._look_only or outcome.group.key in self._left_alone:
                im_engine.only_look(outcome)
        if self._look_only:
            return outcomes | self._offer(anybody, answers)
        # The module knows the check mode: it writes nothing then, and says what would be in the way (a full disk).
        self._write(outcomes, answers, noted)
        asked = im_pending_calls.settle_request(waiting, outcomes.values(), self._render)
        if asked and self._has_login_job and not self._task.check_mode:
            self._call("im_pending", **asked)
        served = self._offer(anybody, answers)
        self._let_wait(outcomes)
        return outcomes | served

    def _offer(self, groups: list[im_engine.Group], answers: dict[str, Any]) -> dict[str, im_engine.Outcome]:
        """Have the host serve first logins, or not any more; one call only where it does or is to."""
        if self._logons:
            return self._offer_at_logon(groups, self._logons)
        if not groups and not im_pending_calls.serves_first_logins(answers):
            return {}
        look_only = self._look_only or any(group.key in self._left_alone for group in groups)
        offer = ""
        if self._first_login:
            offer = im_first_login_offer.offer_of(self._first_login, groups, self._render, self._seats)
        told = self._call("im_pending", **im_pending_calls.offer_request(offer, look_only))
        outcomes = im_first_login_offer.outcomes_of(groups, told, COMMON)
        for outcome in outcomes.values():
            if look_only:
                im_engine.only_look(outcome)
        return outcomes

    def _offer_at_logon(self, groups: list[im_engine.Group], logons: im_logon.Logons) -> dict[str, im_engine.Outcome]:
        """The same for a PC, where _let_wait() lays it down."""
        if not self._asks_of_first_logins:
            return {}
        look_only = self._look_only or any(group.key in self._left_alone for group in groups)
        merged = [logons.merge(group, im_logon.ANYBODY_NAME, self._render(group), self._say) for group in groups]
        rule = im_logon.rule_of(self._first_login, [seat["login"] for seat in self._seats]) if self._first_login else {}
        outcomes = logons.serve_anybody(rule, merged, COMMON, look_only)
        for outcome in outcomes.values():
            if look_only:
                im_engine.only_look(outcome)
        return outcomes

    def _let_wait(self, outcomes: dict[str, im_engine.Outcome]) -> None:
        """Lay down on a PC what waits for first logons, if that is not so already."""
        if not self._logons or self._task.check_mode:
            return
        self._logons.let_wait(outcome for key, outcome in outcomes.items() if key not in self._left_alone)
        if request := self._logons.request():
            self._call("im_logon", **request)

    def _say(self, key: str) -> str:
        return text(key, self._language)

    def _merge(self, group: im_engine.Group, answers: dict[str, Any]) -> im_engine.Outcome:
        if self._logons and (sid := im_logon.never_logged_on(answers[group.key])):
            return self._logons.merge(group, sid, self._render(group), self._say)
        return im_engine.merge_group(group, answers[group.key], self._render(group))

    def _write(
        self, outcomes: dict[str, im_engine.Outcome], answers: dict[str, Any], noted: dict[str, dict[str, Any]]
    ) -> None:
        """Write what differs, and keep what the login job noted; no call when there is neither."""
        run_id = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        waits = self._logons.waits_for if self._logons else lambda outcome: False
        to_write = {key: outcome for key, outcome in outcomes.items() if _will_write(outcome) and not waits(outcome)}
        requests = [im_engine.write_request(outcome, answers[key], run_id) for key, outcome in to_write.items()]
        requests += im_pending_calls.memory_requests(noted, answers, to_write, run_id)
        tidied = [im_engine.tidy_request(outcome, answers[key], run_id) for key, outcome in outcomes.items()]
        requests += [request for request in tidied if request]
        if requests:
            written = {answer["key"]: answer for answer in self._files(action="write", groups=requests)}
            for key, outcome in to_write.items():
                im_engine.apply_answer(outcome, written[key])
                if (written[key]["error"] or {}).get("code") == "foreign_program":
                    folder = outcome.group.bases["program"]
                    outcome.detail = text("portable.foreign_program", self._language, folder=folder)

    def _ask(self, requests: list[dict[str, Any]], is_first: bool = False) -> dict[str, Any]:
        """Read; the answers hold the users' files and must never leave this plugin.

        The first question to a PC is also one for what waits there for first logons.
        """
        logon = is_first and not self._has_login_job and (self._asks_of_first_logins or bool(requests))
        if not requests and not logon:
            return {}
        told = self._call("im_profile_files", action="read", requests=requests, **({"logon": True} if logon else {}))
        if logon:
            self._logons = im_logon.Logons(told["logon"])
        return {answer["key"]: answer for answer in told["answers"]}

    def _files(self, **arguments: Any) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = self._call("im_profile_files", **arguments)["answers"]
        return answers

    def _call(self, module: str, **arguments: Any) -> dict[str, Any]:
        """Run a remote half, with everything that it is told and answers kept out of every log."""
        # Without no_log the ssh connection prints all that a module answers at -vvv (the users' files), and the module
        # names the users' paths in the host's syslog. The connection has a play context of its own.
        context, task = self._connection._play_context, self._task
        before = context.no_log, task.no_log
        context.no_log = task.no_log = True
        try:
            result: dict[str, Any] = self._execute_module(
                module_name=module, module_args=arguments, task_vars=self._task_vars
            )
        finally:
            context.no_log, task.no_log = before
        if result.get("failed"):
            raise AnsibleActionFail(f"{module}: {result.get('msg', 'no answer')}")
        return result

    def _render(self, group: im_engine.Group) -> im_engine.Render:
        """Render the templates of a group, once for what is enforced and once for what is initial."""
        variables = template_variables(
            self._wishes.get(group.login or ""),
            self._service,
            {**group.client.platforms[self._platform], "bases": dict(group.bases)},
            self._language,
            self._enforced,
        )
        return lambda document, part: TEMPLATES.render(document.template, variables[part])

    def _warnings_for(self, seat: dict[str, Any], client: Client, outcomes: dict[str, im_engine.Outcome]) -> list[str]:
        """One sentence for each preference that this client has no setting for, and one for a memory that fails."""
        wish = self._wishes[seat["login"]]
        trouble = outcomes[f"{seat['login']}/{client.name}"].memory_trouble
        forgetful = {"person": seat["person"], "client": client.title, "detail": trouble}
        forgotten = [text("warning.memory", self._language, **forgetful)] if trouble else []
        if seat["state"] == "absent":
            return forgotten
        extra = {"store_password": True} if wish.person["store_password"] else {}
        # A client that keeps no rooms of its own reads the bookmarks of the server.
        local = [] if self._rooms_on_server else wish.person["rooms"]
        rooms = {"rooms": ", ".join(room["jid"] for room in local)} if local else {}
        nowhere = COMMON.platforms[self._platform]["cannot_express"]
        expresses = {word: values for word, values in client.expresses.items() if word not in nowhere}
        return forgotten + [
            text("warning.not_expressed", self._language, person=seat["person"], wish=lost, client=client.title)
            for lost in not_expressed({**wish.preferences, **rooms, **extra}, expresses)
        ]


def _will_write(outcome: im_engine.Outcome) -> bool:
    return outcome.state == "changed"
