#!/usr/bin/python
"""Answer a request for an installation, once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_ticket_followup
short_description: Add what a run has to say to a ticket, once
description:
  - Adds a public and a private follow-up, and the solution when told to. Each carries a reference made of the ticket
    and of O(state); what the last run said already is not said again.
  - A ticket of GLPI that is solved or closed is left alone.
extends_documentation_fragment: tickets
options:
  number:
    description: Number of the ticket.
    required: true
  directory:
    description:
      - For O(system=files), where answers go, for their owner alone. C(<number>/suivi-public.md) and
        C(<number>/suivi-prive.md) hold the newest; earlier ones stay beside them as C(suivi-public.1.md) and so on.
        Required then. A relative path is one of the playbook's directory.
    type: path
  public:
    description: Plain text for the requester. Empty adds none.
    type: str
    default: ""
  private:
    description: Plain text for support staff. Empty adds none.
    type: str
    default: ""
  state:
    description:
      - What the run came to, such as V(gajim compliant ok), without dates or durations. Another state than that of the
        last answer is worth another answer. Without it O(public) itself stands for the state.
    type: str
    default: ""
  solve:
    description:
      - Whether the request is fulfilled and verified. GLPI gets a solution, which sets the ticket to solved; a file
        knows no state.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says what would be added. GLPI is only read.
    support: full
  diff_mode:
    description: Shows what is added.
    support: full
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Write the answers
  im_ticket_followup:
    number: "4711"
    directory: "{{ playbook_dir }}/../reports/tickets"
    public: "{{ public }}"
    private: "{{ private }}"
    state: "{{ row.state }} {{ row.verdict }}"
  delegate_to: localhost

- name: Answer in GLPI, and solve the ticket when all is proven
  im_ticket_followup:
    system: glpi
    glpi: "{{ im_ticket_glpi }}"
    number: "4711"
    public: "{{ public }}"
    private: "{{ private }}"
    state: "{{ row.state }} {{ row.verdict }}"
    solve: "{{ all_good }}"
  delegate_to: localhost
"""

RETURN = r"""
added:
  description: What was added, or would be in check mode, among V(public), V(private) and V(solution).
  type: list
  elements: str
  returned: success
places:
  description: Where each of O(added) is, in the same order; a file, or the ticket.
  type: list
  elements: str
  returned: success
left_alone:
  description: V(solved) or V(closed) when the ticket needs no answer any more; empty otherwise.
  type: str
  returned: success
message:
  description: One sentence for people.
  type: str
  returned: success
"""

from typing import Any

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.im_catalogue import text
from ansible.module_utils.im_tickets.module import TicketModule
from ansible.module_utils.im_tickets.problems import TicketProblem
from ansible.module_utils.im_tickets.spec import SYSTEM_SPEC
from ansible.module_utils.im_tickets.system import Answer, Answered

try:
    import yaml  # noqa: F401 - only to say so in good words when it is missing
except ImportError:
    HAVE_YAML = False
else:
    HAVE_YAML = True
    from ansible.module_utils.im_tickets.arguments import opened

ARGUMENT_SPEC: dict[str, Any] = {
    **SYSTEM_SPEC,
    "number": {"type": "str", "required": True},
    "directory": {"type": "path"},
    "public": {"type": "str", "default": ""},
    "private": {"type": "str", "default": ""},
    "state": {"type": "str", "default": ""},
    "solve": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    needed = [("system", "files", ["directory"]), ("system", "glpi", ["glpi"])]
    module = TicketModule(argument_spec=ARGUMENT_SPEC, required_if=needed, supports_check_mode=True)
    if not HAVE_YAML:
        module.fail_json(msg=missing_required_lib("PyYAML"))
    parameters = module.params
    answer = Answer(*(parameters[name] for name in ("public", "private", "state", "solve")))
    try:
        with opened(parameters) as system:
            done = system.answer(parameters["number"], answer, check=module.check_mode)
    except TicketProblem as wrong:
        module.fail_json(msg=wrong.sentences(parameters["language"]))
    module.exit_json(
        changed=bool(done.additions),
        added=[addition.kind for addition in done.additions],
        places=[addition.place for addition in done.additions],
        left_alone=done.left_alone,
        message=sentence(parameters["number"], done, module.check_mode, parameters["language"]),
        diff=[
            {"before_header": a.place, "after_header": f"{a.place} ({a.kind})", "before": a.before, "after": a.after}
            for a in done.additions
        ],
    )


def sentence(number: str, done: Answered, check: bool, language: str) -> str:
    """One sentence for people about what was done."""
    if done.left_alone:
        key = f"tickets.left_{done.left_alone}"
    elif not done.additions:
        key = "tickets.nothing_new"
    else:
        key = "tickets.would_add" if check else "tickets.added"
    kinds = ", ".join(text(f"tickets.{addition.kind}", language) for addition in done.additions)
    return str(text(key, language, number=number, kinds=kinds))


if __name__ == "__main__":
    main()
