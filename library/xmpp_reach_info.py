#!/usr/bin/python
"""Tell whether a desk reaches the XMPP service. Documented below, where Ansible looks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_reach_info
short_description: Tell whether a desk reaches the XMPP service, by name, TCP, TLS and XMPP
description:
  - Runs on the desk itself, so that what stands between it and the service is seen, such as a firewall of its network,
    another name service, or a proxy that breaks TLS open.
  - Asks the desk's own name servers for the SRV records, connects, negotiates TLS with the desk's own authorities, and
    waits for the features of the stream. No login is tried and no password is given to it.
  - Bad news is a result and never fails the task.
  - The action plugin of the same name adds the C(hint).
options:
  domain:
    description: The domain of the service. The certificate must be that of this domain.
    type: str
    required: true
  host:
    description: Host to connect to. By default what the SRV records of the domain say, else the domain.
    type: str
  port:
    description: Port to connect to. By default 5222, and 5223 when O(tls) is V(direct).
    type: int
  tls:
    description:
      - V(starttls) or V(direct) TLS. By default what the SRV records offer, V(starttls) when there are none or when
        host or port is given.
    type: str
    choices: [starttls, direct]
  ca_file:
    description: PEM file of the desk with the authorities to trust, instead of the system's.
    type: path
  added_ca_file:
    description:
      - PEM file of the desk with authorities to trust in addition, for a Python that does not read those of the system,
        such as Apple's, which reads no keychain.
      - Passed over unless both it and O(added_ca_proof) are there.
    type: path
  added_ca_proof:
    description: File that is there once the system itself trusts the authorities of O(added_ca_file).
    type: path
  timeout:
    description: Seconds for each place that the service has. All are tried at once.
    type: float
    default: 5
  language:
    description: Language of the hint. Taken by the action plugin.
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    description: The module changes nothing.
    support: full
notes:
  - SRV records are asked from the name servers of F(/etc/resolv.conf), as messaging clients do; addresses come from all
    that the desk knows, F(/etc/hosts) included.
  - The authorities are those of the system, as far as the desk's Python reads them; see O(added_ca_file). Thunderbird
    has its own; there counts what C(im_client) lays into its policies.
requirements:
  - Python 3.8
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Ask each desk whether it reaches the service
  xmpp_reach_info:
    domain: univ.example
    tls: starttls
  register: reached

- name: Tell what is in the way
  ansible.builtin.debug:
    msg: "{{ inventory_hostname }}: {{ reached.hint }} {{ reached.detail }}"
  when: reached.verdict != 'ok'
"""

RETURN = r"""
verdict:
  description:
    - V(ok) when one of the places of the service works. Otherwise the reason why the first one does not, with the words
      of C(xmpp_account_info).
    - The way there, V(dns), V(srv_absent), V(refused), V(unreachable), V(timeout), V(connection_lost), V(not_xmpp),
      V(protocol), V(stanza_too_big).
    - TLS, V(no_starttls), V(starttls_refused), V(tls_expired), V(tls_not_yet_valid), V(tls_name_mismatch),
      V(tls_untrusted), V(tls_revoked), V(tls_error).
    - The stream, V(stream_host_unknown), V(stream_policy_violation) and the other words that begin with C(stream_).
  type: str
  returned: always
  sample: timeout
detail:
  description: Technical detail in English, or the server's own words. May be empty.
  type: str
  returned: always
  sample: no answer in time while connecting to im.univ.example:5222
hint:
  description: What the verdict means and what to do. From the action plugin.
  type: str
  returned: success
  sample: Ce poste atteint la messagerie.
places:
  description: Each place that was tried, in the order of a client.
  type: list
  elements: dict
  returned: always
  contains:
    host: {description: Name of the host; empty when no place was found., type: str, returned: always}
    port: {description: Port; 0 when no place was found., type: int, returned: always}
    tls_mode: {description: V(starttls) or V(direct)., type: str, returned: always}
    verdict: {description: As above., type: str, returned: always}
    detail: {description: As above., type: str, returned: always}
    address: {description: The address that accepted the connection., type: str, returned: always}
    tls: {description: The version of TLS., type: str, returned: always, sample: TLSv1.3}
    milliseconds: {description: How long it took., type: int, returned: always}
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.xmpp.reach import Reached, overall, reach
from ansible.module_utils.xmpp.resolve import Resolver, Server
from ansible.module_utils.xmpp.srv_query import ask_srv
from ansible.module_utils.xmpp.tls import Trust

ARGUMENT_SPEC: dict[str, Any] = {
    "domain": {"type": "str", "required": True},
    "host": {"type": "str"},
    "port": {"type": "int"},
    "tls": {"type": "str", "choices": ["starttls", "direct"]},
    "ca_file": {"type": "path"},
    "added_ca_file": {"type": "path"},
    "added_ca_proof": {"type": "path"},
    "timeout": {"type": "float", "default": 5},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    parameters = module.params
    if mistake := mistake_in(parameters):
        module.fail_json(msg=mistake)
    server = Server(parameters["domain"], parameters["host"] or None, parameters["port"], parameters["tls"])
    try:
        trust = Trust(parameters["ca_file"], added_authorities(parameters))
    except OSError as error:
        module.fail_json(msg=f"ca_file: {parameters['ca_file']}: {error.strerror}; name a PEM file of this desk")
    timeout = parameters["timeout"]
    reached = reach(server, Resolver(timeout, srv=ask_srv), trust, timeout)
    best = overall(reached)
    module.exit_json(changed=False, verdict=best.verdict, detail=best.detail, places=[as_place(one) for one in reached])


def added_authorities(parameters: dict[str, Any]) -> str | None:
    """The file of authorities that the system trusts and Python would not, None if there is none."""
    file, proof = parameters["added_ca_file"], parameters["added_ca_proof"]
    return file if file and proof and Path(file).is_file() and Path(proof).exists() else None


def mistake_in(parameters: dict[str, Any]) -> str:
    """What is wrong with the arguments, and what would do; "" when nothing is."""
    domain, port, timeout = parameters["domain"], parameters["port"], parameters["timeout"]
    try:
        Server(domain).ascii_domain  # noqa: B018 - it raises for what is no domain
    except UnicodeError:
        return f"domain: {domain!r} is no domain name; write it as univ.example"
    if port is not None and not 0 < port < 65536:
        return f"port: {port} is out of range; it takes 1 to 65535"
    # Written so that "not a number" is refused as well.
    if not 0.1 <= timeout <= 600:
        return f"timeout: {timeout:g} is out of range; it takes 0.1 to 600"
    return ""


def as_place(one: Reached) -> dict[str, Any]:
    """One result as it is returned."""
    endpoint = one.endpoint
    return {
        "host": endpoint.host if endpoint else "",
        "port": endpoint.port if endpoint else 0,
        "tls_mode": ("direct" if endpoint.direct_tls else "starttls") if endpoint else "",
        "verdict": one.verdict,
        "detail": one.detail,
        "address": one.address,
        "tls": one.tls,
        "milliseconds": one.milliseconds,
    }


if __name__ == "__main__":
    main()
