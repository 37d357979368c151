"""Documentation of library/winget_package.ps1, which Ansible runs on Windows, and of its action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: winget_package
short_description: Install programs on a Windows PC with winget, without anybody's session
description:
  - Installs all packages of a PC in one call. Whether a package is there is read from the Uninstall keys of both views
    of the registry, so that nothing is started on a PC that has everything.
  - winget is made for people at their screen. Without a session it is run as SYSTEM by its full path (V(system)); if
    that is not possible, through Microsoft's module C(Microsoft.WinGet.Client) in PowerShell 7 (V(client)); if that is
    not possible either, the vendor's own installer is run with C(ansible.windows.win_package), where
    O(packages[].installer) names it. A reason that lies in the package and not in winget ends the search.
  - The module becomes SYSTEM by itself; the connection's account must be an administrator of the PC.
options:
  packages:
    description: The programs.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: The package's id in winget's own source, exact, such as V(Gajim.Gajim).
        type: str
        required: true
      product:
        description: >-
          Name of its Uninstall key, or the name that Windows shows, with V(*) for what differs from version to version.
        type: str
        required: true
      version:
        description: >-
          This version and no other is installed where none or an older one is. A newer one stays, with a warning.
        type: str
      custom:
        description: Options for the installer, in addition to those that winget gives it.
        type: list
        elements: str
        default: []
      shortcuts:
        description: >-
          Shortcuts that the installer leaves in the StartUp folder of the account that ran it, where they are of use to
          nobody. They are removed there, and in no other StartUp folder.
        type: list
        elements: str
        default: []
      shortcuts_kept:
        description: >-
          SHA-256, in small hexadecimal digits, of shortcuts that are somebody's wish: they stay, where the account that
          ran the installer is a person's too.
        type: list
        elements: str
        default: []
      installer:
        description: The vendor's own installer, for PCs where winget does not work.
        type: dict
        suboptions:
          url:
            description: Where it is, on the vendor's site or a mirror of yours.
            type: str
            required: true
          product_id:
            description: Name of its Uninstall key, exact.
            type: str
            required: true
          sha256:
            description: Checksum that the file must have.
            type: str
          arguments:
            description: What makes it silent, and its options.
            type: list
            elements: str
            default: []
  state:
    description: >-
      V(present) leaves what is there, V(latest) asks winget for a newer version at each run, V(absent) removes.
    type: str
    choices: [present, latest, absent]
    default: present
  routes:
    description: The ways of winget to try, in this order. Empty, only the vendors' installers are used.
    type: list
    elements: str
    choices: [system, client]
    default: [system, client]
  retries:
    description: How often winget is asked again while another installation runs.
    type: int
    default: 10
  delay:
    description: Seconds between two such tries.
    type: int
    default: 30
  timeout:
    description: Seconds after which one installation is given up.
    type: int
    default: 1800
  removal_timeout:
    description: Seconds to wait, after a removal that winget calls done, until Windows no longer has the program.
    type: int
    default: 120
  account:
    description: The account of the connection. Set by the action plugin.
    type: str
    default: ""
  language:
    description: Language of warnings and failures.
    type: str
    choices: [fr, en]
    default: fr
attributes:
  check_mode:
    support: partial
    description: With O(state=latest) nothing is foretold of a package that is installed; a warning says so.
  diff_mode:
    support: full
    description: The versions before and after.
notes:
  - Needs Windows PowerShell 5.1.
  - Codes of a package are V(unchanged), V(newer_installed), V(installed), V(reboot), V(foretold) and V(unknown) when it
    is as wished; V(no_route), V(source), V(no_session), V(not_seen), V(unknown_package), V(in_use), V(busy),
    V(agreements), V(technology), V(no_installer), V(hash), V(timeout), V(failed) and V(vendor_failed) when it is not,
    and the task fails.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Install Pidgin in French
  winget_package:
    packages:
      - id: Pidgin.Pidgin
        product: Pidgin
        custom: [/L=1036, /DS=0]

- name: Install Thunderbird, keeping its policies when it is upgraded
  winget_package:
    packages:
      - id: Mozilla.Thunderbird.ESR.fr
        product: Mozilla Thunderbird*
        custom: [/RemoveDistributionDir=false, /DesktopShortcut=false, /MaintenanceService=false]

- name: Install one version of Gajim, by its vendor's installer on PCs where winget does not work
  winget_package:
    packages:
      - id: Gajim.Gajim
        product: Gajim
        version: 2.4.7
        shortcuts: [Gajim.lnk]
        installer:
          url: https://mirror.univ.example/Gajim-2.4.7.exe
          product_id: Gajim
          sha256: "{{ gajim_sha256 }}"
          arguments: [/S]
  register: gajim

- name: Bring Pidgin to the newest version
  winget_package:
    packages:
      - {id: Pidgin.Pidgin, product: Pidgin}
    state: latest

- name: Remove Pidgin; people's profiles stay
  winget_package:
    packages:
      - {id: Pidgin.Pidgin, product: Pidgin}
    state: absent
"""

RETURN = r"""
packages:
  description: One for each package, in their order.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Its id.
      type: str
    before:
      description: Version that was installed, null if none was.
      type: str
    after:
      description: Version that is installed now, or would be; V(newest) if only winget knows which.
      type: str
    changed:
      description: Whether this run changed it.
      type: bool
    code:
      description: What became of it, see the notes.
      type: str
    route:
      description: V(system), V(client), V(vendor), or empty if nothing was run.
      type: str
    exit_code:
      description: What winget ended with, as eight hexadecimal digits.
      type: str
    detail:
      description: The last line that it printed.
      type: str
    shortcuts_removed:
      description: Paths of the shortcuts that were removed, or would be.
      type: list
      elements: str
routes:
  description: The ways that could not be taken, each C(name) and C(why).
  returned: always
  type: list
  elements: dict
reboot_required:
  description: Whether a restart of the PC finishes an installation.
  returned: always
  type: bool
"""
