"""Documentation of library/im_portable_program.ps1, which Ansible runs on Windows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_portable_program
short_description: Unpack a portable program for the homes of a Windows PC (internal use by the role im_client)
description:
  - Fetches an installer of NSIS, compares its checksum, and has it unpack into a folder where only administrators
    write. C(im_profile_files) copies the program from there into homes.
  - The folder's name is that of one version of one file, so nothing is ever unpacked over something else. Folders of
    other versions are removed once the new one is whole.
  - The module becomes SYSTEM by itself, so that a share is read as the PC's own account in the domain; the connection's
    account must be an administrator of the PC.
options:
  name:
    description: Name of the program, with which the names of the folders of all of its versions begin.
    type: str
    required: true
  folder:
    description: The folder, as C(/%ProgramFiles%/...).
    type: str
    required: true
  proof:
    description: The file, below the folder, that the installer makes last.
    type: str
    required: true
  url:
    description: >-
      Where the installer is, a web address, or a share that the PC itself may read. Needed with O(state=present).
    type: str
  sha256:
    description: Checksum of the installer, which is run with all rights of the PC. Needed with O(state=present).
    type: str
  state:
    description: Whether the folder is to be there. With V(absent) the folders of all versions are removed.
    type: str
    choices: [present, absent]
    default: present
  timeout:
    description: Seconds after which the installer is ended.
    type: int
    default: 900
attributes:
  check_mode:
    support: full
    description: It only looks, and fetches nothing.
  diff_mode:
    support: full
    description: Names of folders.
notes:
  - Needs Windows PowerShell 5.1.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Unpack Gajim portable on a PC (only the role im_client does this)
  im_portable_program:
    name: Gajim
    folder: /%ProgramFiles%/im_client/portable/Gajim-2.4.7-0123456789ab
    proof: bin/is_portable
    url: https://mirror.univ.example/Gajim-Portable-2.4.7.exe
    sha256: "{{ gajim_sha256 }}"

- name: Remove what the PC keeps of it (what is in homes stays)
  im_portable_program:
    name: Gajim
    folder: /%ProgramFiles%/im_client/portable/Gajim-2.4.7-0123456789ab
    proof: bin/is_portable
    state: absent
"""

RETURN = r"""
msg:
  description: What is in the way.
  returned: failure
  type: str
"""
