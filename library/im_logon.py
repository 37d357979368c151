"""Documentation of library/im_logon.ps1, which Ansible runs on Windows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_logon
short_description: Keep what a Windows PC lays at people's first logon (internal use by the im_profile action)
description:
  - Who never logged on to a PC has no profile there. This module leaves on the PC the documents of an empty profile,
    and a script that lays them as that person at the first logon, where the client has no file yet.
  - All of it stands below C(%ProgramFiles%\\im_client), where only administrators write. What waits for a person is
    C(first-logon\\SID.json), which the person can read and nobody else but administrators; what there is for whoever
    has no seat on the PC is C(first-logon\\anybody.json), which every user can read.
  - The script C(first-logon.ps1) is started at the logon of anybody by the scheduled task C(\\im_client\\First logon),
    with that person's own rights. Script and task go with the last thing that waits.
  - C(im_profile_files) with O(im_profile_files#module:logon) says what stands there.
options:
  waits:
    description: What is to wait. A name that is not given keeps what it has.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The SID of a person, or V(anybody).
        type: str
        required: true
      text:
        description: What waits, JSON of C(im_logon.Wait). Nothing does when it is empty.
        type: str
        default: ""
  script:
    description: The script, as long as anything waits.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: It looks, and says whether anything would change.
notes:
  - Windows, as an administrator. No secret may stand in O(waits[].text), which C(im_logon) sees to.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Let nothing wait for one person any more (only the im_profile action does this)
  im_logon:
    waits:
      - name: S-1-5-21-1004336348-1177238915-682003330-1101
    script: "{{ lookup('ansible.builtin.file', 'module_utils/im_logon_script.ps1', rstrip=false) }}"
"""

RETURN = r"""
changed:
  description: Whether anything was not as asked.
  returned: success
  type: bool
"""
