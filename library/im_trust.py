"""Documentation of library/im_trust.ps1, which Ansible runs on Windows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_trust
short_description: Make a Windows PC trust an authority (internal use by the role im_client)
description:
  - Runs the command that puts an authority into the PC's store, and lays a file once that succeeded, so that a run that
    was cut off before is found unfinished by the next one.
  - It never asks whether that is needed, and is always changed; C(im_profile) says it, as C(trust_stale).
options:
  command:
    description: Program and arguments. Variables such as C(%ProgramFiles%) are filled in.
    type: list
    elements: str
    required: true
  proof:
    description: The file, as C(/%ProgramFiles%/...), in a folder that exists.
    type: str
    required: true
  timeout:
    description: Seconds after which the command is ended.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: It does nothing, and says that it would.
notes:
  - Needs Windows PowerShell 5.1, and an administrator of the PC.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Make the PC trust the service's CA (only the role im_client does this)
  im_trust:
    command: [certutil.exe, -f, -addstore, Root, '%ProgramFiles%\im_client\im-service.crt']
    proof: /%ProgramFiles%/im_client/im-service.trusted
"""

RETURN = r"""
msg:
  description: What the command said, or why it does not start.
  returned: failure
  type: str
"""
