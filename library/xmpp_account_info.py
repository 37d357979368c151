#!/usr/bin/python
"""Ask an XMPP service about accounts, from the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_account_info
short_description: Ask an XMPP service whether accounts work or exist
description:
  - Answers for each account with one verdict of a closed list, and a sentence for support staff, cause and remedy. Bad
    news is a result and never fails the task; wrong arguments do.
  - Runs on the control node, once for all accounts of a play.
  - A login is tried once per account. TLS 1.2 or later with a verified certificate of the JID's domain comes before
    any of it, the password is proven by SCRAM (RFC 5802), and the server must prove that it knows it too.
  - No presence is sent and the server chooses the resource; no message is swallowed, no session displaced.
options:
  accounts:
    description:
      - The accounts to ask about. An account that is named several times is asked about once.
    type: list
    elements: dict
    required: true
    suboptions:
      jid:
        description: Address of the account, C(name@domain).
        type: str
        required: true
      password:
        description: Its password. An empty one counts as none.
        type: str
      host: &host
        description:
          - Host to connect to. By default what the SRV records of the domain say (RFC 6120, XEP-0368), else the domain.
          - The certificate must be that of the domain in any case.
        type: str
      port: &port
        description: Port to connect to. By default 5222, and 5223 when O(accounts[].tls) is V(direct).
        type: int
      tls: &tls
        description:
          - V(starttls) or V(direct) TLS. By default what the SRV records offer, V(starttls) when there are none or when
            host or port is given.
        type: str
        choices: [starttls, direct]
  method:
    description:
      - V(login) logs in with each account's password.
      - V(exists) asks O(admin)'s server which accounts exist, without their passwords, by the commands of XEP-0133. All
        accounts must be of the administration account's domain. The answer is V(unknown) where the server has no
        reliable way to tell; an error is never taken for an absence.
      - Where the server offers O(admin) the command to disable accounts (Prosody 13), V(exists) also tells which are
        disabled, V(account_disabled). No command answers that, so a login of each account is begun and given up before
        any password; the server counts a failed login of the disabled ones only. An account that ejabberd 23.01 banned
        looks like any other here, and like one with a wrong password to V(login).
      - V(auto) is V(login) for the accounts with a password, and V(exists) for the others if there is an O(admin).
    type: str
    choices: [auto, login, exists]
    default: auto
  admin:
    description: An account that the server knows as an administrator. Only used to ask which accounts exist.
    type: dict
    suboptions:
      jid:
        description: Its address.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
      host: *host
      port: *port
      tls: *tls
extends_documentation_fragment: [xmpp.campaign]
notes:
  - Some servers record the time of a login as the account's last use.
  - Ansible blots out every value of a password in the result. A password that is a piece of an address or of a verdict
    makes holes there; the accounts keep their order.
attributes:
  check_mode:
    description: The module changes nothing.
    support: full
requirements:
  - Python 3.11
  - dnspython, to look up SRV records
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Ask the server about three people
  xmpp_account_info:
    accounts:
      - jid: alice.martin@univ.example
        password: "{{ vault_passwords['alice.martin'] }}"
      - jid: bruno.lefevre@univ.example
      - jid: dina.haddad@univ.example
    admin:
      jid: svc-check@univ.example
      password: "{{ vault_svc_check_password }}"
  delegate_to: localhost
  run_once: true
  register: checked

- name: Tell what is wrong
  ansible.builtin.debug:
    msg: "{{ item.jid }}: {{ item.hint }}"
  loop: "{{ checked.accounts | rejectattr('verdict', 'in', ['ok', 'exists']) }}"
  loop_control:
    label: "{{ item.jid }}"
"""

RETURN = r"""
accounts:
  description: One result for each account, in the order of the argument.
  type: list
  elements: dict
  returned: always
  contains:
    jid:
      description: The address, as it was given.
      type: str
      returned: always
      sample: alice.martin@univ.example
    verdict:
      description:
        - V(ok), the login succeeded; V(exists) and V(absent), the server knows the account or does not; V(unknown),
          there is no reliable way to tell; V(not_checked) and V(admin_failed), the question was not asked.
        - Otherwise the reason why it does not work, by what was in the way.
        - The way there, V(dns), V(srv_absent), V(refused), V(unreachable), V(timeout), V(connection_lost), V(not_xmpp),
          V(protocol), V(stanza_too_big).
        - TLS, V(no_starttls), V(starttls_refused), V(tls_expired), V(tls_not_yet_valid), V(tls_name_mismatch),
          V(tls_untrusted), V(tls_revoked), V(tls_error).
        - The stream, V(stream_host_unknown), V(stream_host_gone), V(stream_policy_violation), V(stream_see_other_host),
          V(stream_reset), V(stream_conflict), V(stream_not_authorized), V(stream_resource_constraint),
          V(stream_system_shutdown), V(stream_connection_timeout), V(stream_internal_server_error), V(stream_other).
        - The login, V(no_mechanism), V(auth_failed), V(account_disabled), V(credentials_expired), V(temporary_failure),
          V(auth_aborted), V(auth_encryption_required), V(auth_invalid_authzid), V(auth_invalid_mechanism),
          V(auth_mechanism_too_weak), V(auth_malformed_request), V(auth_incorrect_encoding), V(auth_other),
          V(bad_password_characters), V(server_signature), V(server_nonce), V(scram_iterations).
        - The session, V(bind_conflict), V(bind_resource_constraint), V(bind_not_allowed), V(bind_other).
      type: str
      returned: always
      sample: auth_failed
    detail:
      description: Technical detail in English, or the server's own words. May be empty.
      type: str
      returned: always
      sample: ""
    hint:
      description: What the verdict means and what to do.
      type: str
      returned: always
      sample: Le mot de passe a expiré ; faites-le renouveler.
summary:
  description: How many accounts have each verdict that occurs. An account that was named twice counts twice.
  type: dict
  returned: always
  sample: {ok: 41, auth_failed: 1}
all_ok:
  description: Whether there is at least one account and each one is V(ok) or V(exists).
  type: bool
  returned: always
admin:
  description: The same four values about the administration account. None when it was not used.
  type: dict
  returned: always
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.xmpp.accounts import Account, Result
from ansible.module_utils.xmpp.arguments import (
    CAMPAIGN_SPEC,
    SERVICE_SPEC,
    BadArgument,
    accounts_spec,
    check_numbers,
    read_account,
    read_campaign,
    read_service_account,
)
from ansible.module_utils.xmpp.existence import check_existence
from ansible.module_utils.xmpp.jid import Jid
from ansible.module_utils.xmpp.logins import check_logins, try_login
from ansible.module_utils.xmpp.problems import GOOD

ARGUMENT_SPEC = {
    "accounts": accounts_spec(),
    "method": {"type": "str", "choices": ["auto", "login", "exists"], "default": "auto"},
    "admin": SERVICE_SPEC,
    **CAMPAIGN_SPEC,
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    parameters = module.params
    try:
        check_numbers(parameters)
        accounts = [read_account(entry, f"accounts[{index}]") for index, entry in enumerate(parameters["accounts"])]
        unique = _unique(accounts)
        admin = read_service_account(parameters["admin"], "admin")
        to_log_in, to_look_up, unasked = _by_method(unique, parameters["method"], admin is not None)
        campaign = read_campaign(parameters)
    except BadArgument as error:
        module.fail_json(msg=str(error))
    logins = check_logins(
        to_log_in,
        partial(try_login, campaign=campaign),
        workers=parameters["workers"],
        rate=parameters["rate"],
        max_failures=parameters["max_failures"],
    )
    results = {result.jid: result for result in [*logins, *unasked]}
    admin_result = None
    if to_look_up and admin:
        existence = check_existence([account.jid for account in to_look_up], admin, campaign)
        admin_result = existence.admin
        results.update((result.jid, result) for result in existence.accounts)
    language = parameters["language"]
    answers = [
        _answer(entry["jid"], results[account.jid], language)
        for entry, account in zip(parameters["accounts"], accounts, strict=True)
    ]
    module.exit_json(
        changed=False,
        accounts=answers,
        summary=dict(Counter(answer["verdict"] for answer in answers)),
        all_ok=bool(answers) and all(answer["verdict"] in GOOD for answer in answers),
        admin=_answer(parameters["admin"]["jid"], admin_result, language) if admin_result else None,
    )


def _unique(accounts: Sequence[Account]) -> list[Account]:
    """Each account once, in order; two entries of one account must agree, as it is asked once."""
    first: dict[Jid, int] = {}
    for index, account in enumerate(accounts):
        earlier = first.setdefault(account.jid, index)
        if accounts[earlier] != account:
            raise BadArgument(
                f"accounts[{earlier}] and accounts[{index}] are both {account.jid} but differ in password, host, port "
                "or tls: leave one of them out"
            )
    return [accounts[index] for index in first.values()]


def _by_method(
    accounts: Sequence[Account], method: str, has_admin: bool
) -> tuple[list[Account], list[Account], list[Result]]:
    """Split accounts into those to log in, those to look up, and the results of those that cannot be asked about."""
    if method == "exists":
        if not has_admin:
            raise BadArgument("method: exists needs an administration account; give admin, or choose login")
        return [], list(accounts), []
    with_password = [account for account in accounts if account.password is not None]
    without = [account for account in accounts if account.password is None]
    if method == "login" and without:
        raise BadArgument(
            f"accounts: {without[0].jid} has no password and method is login; give its password, or choose method auto"
        )
    if has_admin:
        return with_password, without, []
    reason = "neither a password nor an administration account was given"
    return with_password, [], [Result(account.jid, "not_checked", reason) for account in without]


def _answer(given: str, result: Result, language: str) -> dict[str, str]:
    return {
        "jid": given,
        "verdict": result.verdict,
        "detail": result.detail,
        "hint": text(f"verdict.{result.verdict}", language),
    }


if __name__ == "__main__":
    main()
