"""Options that the modules for tickets share; their specification is in module_utils/im_tickets/spec.py."""

from __future__ import annotations


class ModuleDocFragment:
    """``tickets``: which ticket system."""

    DOCUMENTATION = r"""
options:
  system:
    description: Where tickets are, V(files) of this machine or V(glpi).
    type: str
    choices: [files, glpi]
    default: files
  glpi:
    description:
      - How GLPI 10 or 11 is reached, for O(system=glpi). Tokens and passwords belong in a vault.
      - TLS is a must and is verified. Neither proxies nor redirects are followed.
    type: dict
    suboptions:
      url:
        description: Its address, such as V(https://glpi.univ.example); that of an API will do too.
        type: str
        required: true
      api:
        description:
          - V(legacy), apirest.php of GLPI 10 and 11, with O(glpi.app_token) and O(glpi.user_token).
          - V(v2), the high-level API of GLPI 11, with O(glpi.client_id), O(glpi.client_secret), O(glpi.username) and
            O(glpi.password). The OAuth client needs the grant "password" and the scope "api".
        type: str
        choices: [legacy, v2]
        default: legacy
      app_token:
        description: Token of the API client. None when GLPI asks for none.
        type: str
      user_token:
        description: Token of the account that reads and answers, from its preferences, "remote access keys".
        type: str
      client_id:
        description: Identifier of the OAuth client.
        type: str
      client_secret:
        description: Secret of the OAuth client.
        type: str
      username:
        description: Login of the account that reads and answers.
        type: str
      password:
        description: Its password.
        type: str
      category:
        description: Number of the category of the requests. Tickets of another one are refused.
        type: int
        required: true
      labels:
        description:
          - Labels of the lines of a ticket, or questions of the form, that hold a field, where they are others than
            those of a file (see the module C(im_ticket_info)). Field (C(machine), C(client), C(site), C(deadline),
            C(login)) to a label or a list of labels. Case, accents, numbering and marks do not matter.
          - Where no line names the machine, it is the one computer that the ticket is linked to (V(legacy) only).
        type: dict
        default: {}
      people:
        description:
          - Login, or "Firstname Lastname", in GLPI to the key of C(im_people). Without an entry the login is the key.
        type: dict
        default: {}
      ca_file:
        description: PEM file of the authorities to trust, instead of the system's.
        type: path
      timeout:
        description: Seconds for each answer of GLPI, 1 to 600.
        type: float
        default: 20
  number:
    description: Number of the ticket.
    type: str
  language:
    description: Language of the sentences.
    type: str
    choices: [fr, en]
    default: fr
requirements:
  - Python 3.11
  - PyYAML, which ansible-core requires too
notes:
  - Run it on the control node.
  - The account in GLPI needs a profile with the standard interface, in the entity of the tickets, that sees the tickets
    of the category, sees private follow-ups, adds follow-ups to all tickets, and solves; it sees users, and
    computers where tickets are linked to them.
"""
