"""Options that the modules for XMPP share; their specification is in module_utils/xmpp/arguments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """``xmpp.campaign``: how to get there. ``xmpp.people``: the same, and who writes for people."""

    _CAMPAIGN_OPTIONS = r"""
  ca_file:
    description: PEM file of the authorities to trust, instead of the system's.
    type: path
  allow_plain:
    description:
      - Accept the mechanism PLAIN, inside verified TLS, where the server offers no SCRAM. The server then sees the
        password, as it must when it checks passwords against a directory.
    type: bool
    default: false
  timeout:
    description: Seconds for one login, from connecting to its end; after that, for each answer of the server.
    type: float
    default: 15
  max_failures:
    description:
      - After so many failures without a success between them, the rest of a server's accounts is V(not_checked).
        Servers ban a machine that fails too often, good passwords included.
    type: int
    default: 10
  workers:
    description: Logins at the same time, 1 to 8. More gains nothing, servers are bound by their own CPU.
    type: int
    default: 4
  rate:
    description: Most logins started in a second. V(0) for no ceiling.
    type: float
    default: 20
  language:
    description: Language of the hints.
    type: str
    choices: [fr, en]
    default: fr
"""

    CAMPAIGN = f"options:{_CAMPAIGN_OPTIONS}"

    PEOPLE = rf"""
options:
  state:
    description: Whether what is named shall be there or not. What is not named is left alone.
    type: str
    choices: [present, absent]
    default: present
  service_account:
    description:
      - An account that may write for all accounts of its server, because the server grants it privileges (XEP-0356;
        mod_privilege of Prosody). It is used for people without O(accounts[].password), on one stream for all of them.
      - It has presence on its server while it works, at a priority that no message is delivered to.
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
      host:
        description: Host to connect to. By default what the SRV records of the domain say, else the domain.
        type: str
      port:
        description: Port to connect to. By default 5222, and 5223 when tls is V(direct).
        type: int
      tls:
        description: V(starttls) or V(direct) TLS. By default as for accounts.
        type: str
        choices: [starttls, direct]
  api:
    description:
      - The HTTP API of ejabberd (mod_http_api), instead of O(service_account), for people without
        O(accounts[].password).
    type: dict
    suboptions:
      url:
        description: Its address, such as V(https://im.univ.example:5443/api). TLS is a must.
        type: str
        required: true
      jid:
        description: The account that C(api_permissions) of the server lets run the commands.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
      host:
        description: Host to connect to. By default that of the URL, whose name the certificate must carry in any case.
        type: str
{_CAMPAIGN_OPTIONS}"""
