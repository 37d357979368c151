#!/usr/bin/python
"""Look at an XMPP service as a stranger, from the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_server_info
short_description: Look at an XMPP service and tell what is wrong with it, rule by rule
description:
  - Looks up the SRV records of a domain and visits each place of the service, by STARTTLS or direct TLS. Reads its
    certificate, the TLS versions it accepts, the login mechanisms it offers, and whether strangers may make accounts.
  - Judges what it saw by a closed list of rules, each with an id, a severity, and a sentence with the remedy for
    support staff. What could not be seen is V(not_checked), never V(ok). Bad news is a result and never fails the task.
  - Runs on the control node and needs no account, but for the conference service, about which servers tell strangers
    nothing.
  - B(TLS without verification.) To describe a certificate that nobody should trust (expired, of another name, of an
    unknown authority), the module makes a handshake without verification, once a verified one has failed. It reads the
    certificate and closes the link. No stream is opened inside it, and neither a login nor anything else is ever sent
    there. The same goes for the handshakes that ask which old versions of TLS are accepted. The mechanisms and all else
    come from a verified stream; without one they are V(not_checked).
  - The action plugin of the same name fills in O(clients).
options:
  domains:
    description: The domains to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      domain:
        description: The domain of the addresses. The certificates must carry it.
        type: str
        required: true
      places:
        description:
          - Where to look, instead of where the SRV records lead. Then these are not looked up and their rules are
            V(not_checked).
        type: list
        elements: dict
        default: []
        suboptions:
          host:
            description: Host to connect to.
            type: str
            required: true
          port:
            description: Port. By default 5222, and 5223 when O(domains[].places[].tls) is V(direct).
            type: int
          tls:
            description: V(starttls) or V(direct) TLS.
            type: str
            choices: [starttls, direct]
            default: starttls
      conference:
        description: Address of the service of rooms that people are sent to.
        type: str
      account:
        description: An ordinary account of the domain, which asks for the service of rooms.
        type: dict
        suboptions:
          jid:
            description: Its address.
            type: str
            required: true
          password:
            description: Its password. Only ever proven by SCRAM inside verified TLS.
            type: str
            required: true
          host:
            description: Host to connect to. By default what the SRV records of its domain say, else the domain.
            type: str
          port:
            description: Port to connect to. By default 5222, and 5223 with direct TLS.
            type: int
          tls:
            description: V(starttls) or V(direct) TLS. By default what the SRV records offer.
            type: str
            choices: [starttls, direct]
  clients:
    description:
      - What each client can do, name to a dictionary with the lists C(mechanisms) (of SASL), C(tls) (V(starttls),
        V(direct)) and C(srv) (the modes whose SRV records it looks up). By default what the roles of the clients say in
        C(connection).
    type: dict
  ca_file:
    description: PEM file of the authorities to trust, instead of the system's.
    type: path
  soon_days:
    description: A certificate that ends in less than so many days is told.
    type: int
    default: 30
  timeout:
    description: Seconds for each connection. The places of a domain are visited at once.
    type: float
    default: 8
  language:
    description: Language of the sentences.
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    description: The module changes nothing.
    support: full
notes:
  - A place takes three to five short connections. The query for a registration form is C(get); no account is made.
  - Python knows no C(tls-exporter), so the mechanisms that end in C(-PLUS) are told and not tried.
requirements:
  - Python 3.11
  - cryptography, which ansible-core requires too
  - dnspython, to look up SRV records
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Look at the service
  xmpp_server_info:
    domains:
      - domain: univ.example
        conference: conference.univ.example
    ca_file: /etc/ssl/institution.pem
  delegate_to: localhost
  run_once: true
  register: looked

- name: Tell what is wrong
  ansible.builtin.debug:
    msg: "{{ item.severity }} {{ item.id }} {{ item.target }}: {{ item.text }} {{ item.remedy }}"
  loop: "{{ looked.domains[0].rules | selectattr('status', 'equalto', 'finding') }}"
  loop_control:
    label: "{{ item.id }}"
"""

RETURN = r"""
domains:
  description: One result for each domain, in the order of the argument.
  type: list
  elements: dict
  returned: always
  contains:
    domain:
      description: The domain in its normal form.
      type: str
      returned: always
    srv:
      description:
        - The answers about SRV records, under C(starttls) (C(_xmpp-client)) and C(direct) (C(_xmpps-client)); empty
          when places were named.
        - C(kind) is V(records), V(none), V(absent) (the domain declares that there is no such service) or V(failed).
      type: dict
      returned: always
      sample: {starttls: {kind: none, reason: "", records: []}}
    places:
      description:
        - What each place showed. None stands for what could not be told.
      type: list
      elements: dict
      returned: always
      contains:
        host: {description: Name of the host., type: str, returned: always}
        port: {description: Port., type: int, returned: always}
        tls_mode: {description: V(starttls) or V(direct)., type: str, returned: always}
        verdict: {description: V(ok) or a word of C(xmpp_account_info)., type: str, returned: always}
        detail: {description: Technical detail., type: str, returned: always}
        address: {description: The address that accepted the connection., type: str, returned: always}
        milliseconds: {description: Time for all that was asked there., type: int, returned: always}
        tls: {description: Version of the verified TLS., type: str, returned: always, sample: TLSv1.3}
        old_tls: {description: Whether C(TLSv1) and C(TLSv1.1) are accepted., type: dict, returned: always}
        starttls_required: {description: Whether STARTTLS is a must., type: bool, returned: always}
        mechanisms: {description: Offered inside verified TLS., type: list, elements: str, returned: always}
        mechanisms_in_clear: {description: Offered before TLS., type: list, elements: str, returned: always}
        registration: {description: "V(open), V(elsewhere) or V(refused).", type: str, returned: always}
        registration_offered: {description: Whether the stream's features offer it., type: bool, returned: always}
        certificate:
          description:
            - What the certificate says, with C(names), C(subject), C(issuer), C(not_before), C(not_after),
              C(days_left), C(key), C(bits) and C(signature). None when there was none to read.
          type: dict
          returned: always
    conference:
      description:
        - The C(verdict) and C(detail) of the account, the C(services) of rooms that the domain lists, and whether the
          one that was named is one (C(wanted), C(wanted_answers)).
      type: dict
      returned: always
    rules:
      description: At least one entry for each rule.
      type: list
      elements: dict
      returned: always
      contains:
        id: {description: Name of the rule., type: str, returned: always, sample: certificate_expires_soon}
        status: {description: "V(ok), V(finding) or V(not_checked).", type: str, returned: always}
        severity: {description: "V(info), V(warning) or V(error).", type: str, returned: always}
        target: {description: "The place, C(host:port); empty for the domain as a whole.", type: str, returned: always}
        client: {description: The client it is about; empty for none., type: str, returned: always}
        text: {description: What is the matter; empty unless it is a finding., type: str, returned: always}
        remedy: {description: What to do; empty unless it is a finding., type: str, returned: always}
        detail: {description: Technical detail in English., type: str, returned: always}
    worst:
      description: The severity of the gravest finding, V(ok) without any.
      type: str
      returned: always
    summary:
      description: One sentence for people.
      type: str
      returned: always
worst:
  description: The worst of all domains.
  type: str
  returned: always
  sample: warning
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.arguments import (
    SERVICE_SPEC,
    BadArgument,
    check_numbers,
    read_account,
    read_service_account,
    read_trust,
)
from ansible.module_utils.xmpp.jid import JidError, domain_name
from ansible.module_utils.xmpp.resolve import Resolver, Server
from ansible.module_utils.xmpp.session import Campaign

try:
    import cryptography  # noqa: F401 - only to say so in good words when it is missing
except ImportError:
    HAVE_CRYPTOGRAPHY = False
else:
    HAVE_CRYPTOGRAPHY = True
    from ansible.module_utils.xmpp.server_rules import ClientAbility, Judgement, days_left, judge, worst
    from ansible.module_utils.xmpp.server_survey import Place, Survey, survey

ARGUMENT_SPEC: dict[str, Any] = {
    "domains": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "domain": {"type": "str", "required": True},
            "places": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "host": {"type": "str", "required": True},
                    "port": {"type": "int"},
                    "tls": {"type": "str", "choices": ["starttls", "direct"], "default": "starttls"},
                },
            },
            "conference": {"type": "str"},
            "account": SERVICE_SPEC,
        },
    },
    "clients": {"type": "dict"},
    "ca_file": {"type": "path"},
    "soon_days": {"type": "int", "default": 30},
    "timeout": {"type": "float", "default": 8},
    "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
}

_SEVERITIES = ("ok", "info", "warning", "error")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    if not HAVE_CRYPTOGRAPHY:
        module.fail_json(msg=missing_required_lib("cryptography"))
    parameters = module.params
    try:
        check_numbers(parameters)
        if not 0 <= parameters["soon_days"] <= 3650:
            raise BadArgument(f"soon_days: {parameters['soon_days']} is out of range; it takes 0 to 3650")
        clients = read_clients(parameters["clients"] or {})
        tasks = [
            read_domain(entry, f"domains[{index}]", parameters) for index, entry in enumerate(parameters["domains"])
        ]
    except BadArgument as error:
        module.fail_json(msg=str(error))
    now, soon = datetime.now(UTC), timedelta(days=parameters["soon_days"])
    domains = []
    for task in tasks:
        seen = task()
        domains.append(as_result(seen, judge(seen, clients, now, soon), now, parameters["language"]))
    module.exit_json(
        changed=False, domains=domains, worst=max((d["worst"] for d in domains), key=_SEVERITIES.index, default="ok")
    )


def read_clients(clients: Mapping[str, Any]) -> dict[str, ClientAbility]:
    """The abilities of the clients by their names.

    Raises:
        BadArgument: one lacks a list, or has a word of no use in it.
    """
    known: dict[str, ClientAbility] = {}
    for name, given in clients.items():
        lists = [given.get(key) if isinstance(given, dict) else None for key in ("mechanisms", "tls", "srv")]
        if not all(isinstance(words, list) and all(isinstance(word, str) for word in words) for words in lists):
            raise BadArgument(f"clients.{name}: it takes the lists of words mechanisms, tls and srv")
        if unknown := {*given["tls"], *given["srv"]} - {"starttls", "direct"}:
            raise BadArgument(f"clients.{name}: tls and srv take starttls and direct, not {', '.join(sorted(unknown))}")
        known[str(name)] = ClientAbility(*(tuple(words) for words in lists if words is not None))
    return known


def read_domain(entry: Mapping[str, Any], where: str, parameters: Mapping[str, Any]) -> partial[Survey]:
    """The survey of one domain, ready to run.

    Raises:
        BadArgument: something of it is of no use.
    """
    domain = read_name(entry["domain"], f"{where}: domain")
    places = [read_place(place, domain, f"{where}.places[{index}]") for index, place in enumerate(entry["places"])]
    account: Account | None = read_service_account(entry["account"], f"{where}.account")
    if account is not None and account.jid.domain != domain:
        raise BadArgument(f"{where}.account: {account.jid} is no account of {domain}; name one of that domain")
    conference = read_name(entry["conference"], f"{where}: conference") if entry["conference"] else ""
    campaign = Campaign(read_trust(parameters["ca_file"]), Resolver(), parameters["timeout"])
    return partial(
        survey,
        domain,
        campaign,
        ca_file=parameters["ca_file"],
        named=places,
        account=account,
        conference=conference,
    )


def read_place(place: Mapping[str, Any], domain: str, where: str) -> Server:
    """A place that was named, checked as that of an account is.

    Raises:
        BadArgument: host or port are of no use.
    """
    if not place["host"]:
        raise BadArgument(f"{where}: host is empty; write it as im.univ.example")
    return read_account({**place, "jid": f"place@{domain}", "password": None}, where).server


def read_name(name: str, where: str) -> str:
    """A domain name in normal form.

    Raises:
        BadArgument: it is none.
    """
    try:
        return str(domain_name(name))
    except JidError as error:
        raise BadArgument(f"{where} {error}") from None


def as_result(seen: Survey, judgements: list[Judgement], now: datetime, language: str) -> dict[str, Any]:
    """One domain as it is returned."""
    rules = [as_rule(judgement, language) for judgement in judgements]
    found = [rule["severity"] for rule in rules if rule["status"] == "finding"]
    return {
        "domain": seen.domain,
        "srv": {mode: asdict(answer) for mode, answer in seen.srv.items()},
        "places": [as_place(place, now) for place in seen.places],
        "conference": asdict(seen.conference),
        "rules": rules,
        "worst": worst(judgements),
        "summary": text(
            "server.summary",
            language,
            domain=seen.domain,
            errors=found.count("error"),
            warnings=found.count("warning"),
            infos=found.count("info"),
            unchecked=len({rule["id"] for rule in rules if rule["status"] == "not_checked"}),
        ),
    }


def as_rule(judgement: Judgement, language: str) -> dict[str, str]:
    """One judgement as it is returned."""
    found = judgement.status == "finding"
    return {
        "id": judgement.rule,
        "status": judgement.status,
        "severity": judgement.severity,
        "target": judgement.target,
        "client": judgement.client,
        "text": text(f"rule.{judgement.rule}", language) if found else "",
        "remedy": text(f"rule.{judgement.rule}.remedy", language) if found else "",
        "detail": judgement.detail,
    }


def as_place(place: Place, now: datetime) -> dict[str, Any]:
    """One place as it is returned."""
    certificate = place.certificate
    return {
        "host": place.endpoint.host,
        "port": place.endpoint.port,
        "tls_mode": "direct" if place.endpoint.direct_tls else "starttls",
        **{
            name: getattr(place, name)
            for name in (
                *("verdict", "detail", "address", "milliseconds", "tls", "starttls_required", "mechanisms"),
                *("mechanisms_in_clear", "registration", "registration_offered"),
            )
        },
        "old_tls": dict(place.old_tls),
        "certificate": certificate
        and {
            **asdict(certificate),
            "not_before": certificate.not_before.isoformat(),
            "not_after": certificate.not_after.isoformat(),
            "days_left": days_left(certificate, now),
        },
    }


if __name__ == "__main__":
    main()
