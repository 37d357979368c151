#!/usr/bin/python
"""Read and replace files of people's profiles, each as its owner. Documented below, where Ansible looks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: im_profile_files
short_description: Read or write profile files as their owner (internal use by the im_profile action)
description:
  - Carries bytes between the control node and the profiles of people on one host, all people and all files in one call.
    It knows no format, the merges are made on the control node by the C(im_profile) action.
  - Not meant to be called from a playbook. The answer of O(action=read) carries whole files, which may hold passwords.
  - Everything that concerns a login is done by a forked process that has become that login for good before it touches
    any path of theirs. Paths are walked component by component, a link is followed only while it stays inside the home.
  - A person whose client runs is answered V(deferred) and not touched. All files of a group are compared with what
    was read (O(groups[].files[].before)) before the first of them is replaced. A group is all or nothing, as far as
    possible.
  - What a run replaces, creates or deletes is kept with a manifest, so that O(action=restore) can put it back. A
    rollback is a run of its own and can be rolled back. A file that changed since the run is left as it is.
  - Without Ansible, C(module_utils/im_desk/calls.py) offers the same as C(read_requests), C(write_groups),
    C(list_backups) and C(restore_runs).
notes:
  - "Secrets: O(groups[].files[].content) is no_log. The answer of O(action=read) cannot be, so the C(im_profile) action
    keeps it to itself, never returns it, and must set C(no_log) on the task and on the play context of the connection
    while it runs this module. Without it the ssh connection prints the output of every module at C(-vvv) and the module
    logs its arguments on the host. The contents are compressed and in base64, which is not a protection. Error messages
    never hold contents."
  - "A memory belongs to its login, mode 0600, in directories that the login can walk through but not write in, so
    O(state_dir) gets mode 0711 as soon as root keeps one. The backups stay root's alone."
  - "A deleted or restored file leaves the directories that were made for it, and a link is never deleted."
  - "On Windows C(library/im_profile_files.ps1) answers the same with these differences. A login is an account as
    Windows resolves it (V(name), V(DOMAIN\\name)), its home the profile in the registry; who never logged on has none.
    Files are touched as the administrator who runs it, and no link, junction or placeholder is followed, not even
    inside the profile (C(link)). Paths of the machine begin with /%ProgramData%/, /%ProgramFiles%/,
    /%ProgramFiles(x86)%/ or /%SystemRoot%/. There are no modes, no uid, no O(requests[].open_files) and no
    O(time_limit). New bytes belong to the person before they take the place of the old, whose access list they keep;
    new folders belong to the administrators, and the person may do in them what the folder above hands down. Contents
    come as gzip. The state directory is C(%ProgramData%\\im_client), for administrators alone, memories too."
  - "PowerShell modules mask C(no_log) in C(invocation) and failures only, never in what they return, so that all that
    is said above about O(action=read) holds there without exception."
  - "Python 3.8 or later and its standard library. Linux, macOS, BSD. O(requests[].open_files) needs Linux."
  - "Run unprivileged, it serves the login it runs as and answers C(needs_root) for every other."
  - "On Linux a file that replaces another gets its POSIX ACL, its SELinux label and its C(user.) attributes, as far as
    the login may set them; what the kernel refuses is no reason to fail. The backups keep bytes and mode only."
  - "Codes of a login: C(no_login), C(root_refused), C(needs_root), C(no_home), C(not_owner), C(forbidden), C(timeout),
    C(crashed), C(not_dropped), C(bad_request), C(io). Codes of a path: C(forbidden), C(directory), C(fifo), C(device),
    C(socket), C(not_a_directory), C(link_outside), C(link_dangling), C(link_loop), C(not_owner), C(too_big),
    C(too_many), C(bad_name), C(changing), C(io), C(bad_request). Codes of a write: all of these, C(conflict),
    C(no_space), C(quota), C(read_only), C(backup_failed), C(link), C(foreign_program), C(no_program), and
    C(incomplete) when new bytes could not be taken back. Codes of a memory: those of a path and C(malformed). Codes of
    a backup: C(no_backup), C(no_manifest), C(backup_damaged)."
options:
  action:
    description: What to do. V(read) and V(list_backups) never change anything.
    type: str
    required: true
    choices: [read, write, list_backups, restore]
  requests:
    description: What to read, required with O(action=read).
    type: list
    elements: dict
    suboptions:
      key:
        description: Name of the request, echoed in the answer.
        type: str
        required: true
      login:
        description: Whose files. Null is the machine, read as root on absolute paths.
        type: str
      paths:
        description: >-
          Files, relative to the home (absolute for the machine). A V(*) stands for any part of one component and,
          as in a shell, does not match a leading dot. A pattern that matches nothing adds nothing to the answer.
        type: list
        elements: str
        default: []
      system_paths:
        description: Absolute paths of system files, read with the rights of the login, no pattern.
        type: list
        elements: str
        default: []
      processes: &processes
        description: Names of the processes of the client (name or executable, exact).
        type: list
        elements: str
        default: []
      locks: &locks
        description: Files on which a running client holds a POSIX lock, patterns as in O(requests[].paths).
        type: list
        elements: str
        default: []
      open_files: &open_files
        description: Files that a running client keeps open, patterns as in O(requests[].paths). Linux only.
        type: list
        elements: str
        default: []
      memory:
        description: Whether to answer what O(groups[].memory) kept under the key of this request.
        type: bool
        default: false
  groups:
    description: What to write, required with O(action=write). A group is the files of one client of one login.
    type: list
    elements: dict
    suboptions:
      key:
        description: Name of the group, echoed in the answer.
        type: str
        required: true
      login:
        description: Whose files. Null is the machine.
        type: str
      processes: *processes
      locks: *locks
      open_files: *open_files
      run_id:
        description: Name of this run, under which the previous bytes are kept. Letters, digits, C(._-), at most 100.
        type: str
        required: true
      files:
        description: The files of the group.
        type: list
        elements: dict
        required: true
        suboptions:
          path:
            description: Relative to the home (absolute for the machine). Exact, no pattern.
            type: str
            required: true
          content:
            description: The new bytes, zlib then base64. Null deletes the file, if it is the one that was read.
            type: str
          before:
            description: SHA-256 of the bytes that were read. Null if the file was absent and must still be.
            type: str
          mode:
            description: >-
              Mode in octal. By default the mode is kept, and a new file gets V(0600) (V(0644) for the machine).
            type: str
          dir_mode:
            description: Mode of directories that have to be created, V(0700) by default (V(0755) for the machine).
            type: str
      memory:
        description: >-
          Text to remember for this key, at most 1 MiB, kept once the files are written (or need not be). An empty text
          forgets, null leaves what is remembered. That it cannot be kept does not fail the group.
        type: str
      program:
        description:
          - A program to lay into the home before the files of the group, whichever of its files stand there already.
            What is in the way there is left alone, C(UserData) always. Windows only.
          - C(folder), relative to the home; C(store), the folder of the machine to copy it from; C(proof), a file
            without which the store is not whole; C(signs) and C(marker), files that tell its folder from a
            stranger's, of which the first sign is copied first.
        type: dict
  restores:
    description: What to roll back, required with O(action=restore).
    type: list
    elements: dict
    suboptions:
      login:
        description: Whose files. Null is the machine.
        type: str
      run_id:
        description: The run whose changes are taken back.
        type: str
        required: true
      new_run_id:
        description: Name of the rollback itself, under which what it replaces is kept.
        type: str
        required: true
      paths:
        description: Only these files, null is all that the run changed. What was remembered goes back only with all.
        type: list
        elements: str
      keys:
        description: Only the groups of these keys, null is all.
        type: list
        elements: str
  logins:
    description: With O(action=list_backups) only these (V(_machine) is the machine), null is all.
    type: list
    elements: str
  state_dir:
    description: >-
      Where previous bytes are kept, in C(backups/LOGIN/RUN_ID/PATH) with C(manifest.json), and memories, in
      C(memory/LOGIN). C(_machine) stands for the machine. By default C(/var/lib/im_client) as root, else
      C(~/.local/state/im_client).
    type: path
  keep_runs:
    description: How many runs of each login are kept.
    type: int
    default: 5
  keep_days:
    description: How many days a run is kept. The newest run of a login is always kept.
    type: int
    default: 90
  time_limit:
    description: Seconds after which the process of one login is killed, so that a dead home blocks nobody else.
    type: int
    default: 30
  logon:
    description:
      - With O(action=read) on Windows, answer in RV(logon) what stands there for first logons as well. Elsewhere
        nothing is answered.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: In check mode a write looks at everything, writes nothing and answers what it would have done.
author:
  - the im_client project
"""

EXAMPLES = r"""
- name: Read two files of one person (only the im_profile action does this)
  im_profile_files:
    action: read
    requests:
      - key: pidgin of pnom
        login: pnom
        paths: [.purple/accounts.xml, .purple/prefs.xml]
        system_paths: [/etc/purple/prefs.xml]
        processes: [pidgin, finch]
  no_log: true

- name: Replace one file, if it is still the one that was read and Pidgin does not run
  im_profile_files:
    action: write
    groups:
      - key: pidgin of pnom
        login: pnom
        processes: [pidgin, finch]
        run_id: 20260901T020000
        files:
          - path: .purple/prefs.xml
            content: eJyzsa/IzVEoSy0qzszPs1U31DNQV0jNS85PycxLt1UPDXHTtVBXsLfjsikoSk1DUqeukJeYm2qrrq+ub8cFAPsbFLc=
            before: null
  no_log: true

- name: List what is kept of one person, on Windows as elsewhere
  im_profile_files:
    action: list_backups
    logins: ['UNIV\pnom']
  no_log: true
  register: kept

- name: Take back what a run changed for one person
  im_profile_files:
    action: restore
    restores:
      - login: pnom
        run_id: 20260901T020000
        new_run_id: 20260902T080000-rollback
  no_log: true
"""

RETURN = r"""
answers:
  description: One for each request or group, in their order. A rollback has one for each group that the run wrote.
  returned: with O(action=read), O(action=write) and O(action=restore)
  type: list
  elements: dict
  contains:
    key:
      description: The key of the request or group.
      type: str
    login:
      description: The login of the request or group, null for the machine.
      type: str
    home:
      description: Home directory, null for the machine or when unknown (read only).
      type: str
    uid:
      description: Number of the user, null when unknown (read only).
      type: int
    error:
      description: Null, or C(code) (from the closed list in the notes) and C(message).
      type: dict
    running:
      description: Signs that the client runs, each C(pid) (null when unknown) and C(what). Empty when it does not.
      type: list
      elements: dict
    state:
      description: >-
        V(written), V(unchanged), V(deferred) (the client runs), V(conflict) (changed since it was read, or since the
        run to take back wrote it) or V(failed) (not when reading).
      type: str
    conflicts:
      description: The paths that are the reason of V(conflict) (not when reading).
      type: list
      elements: str
    memory:
      description: What is remembered under the key, null if nothing is or nobody asked (read only).
      type: str
    pending:
      description: Whether something waits for the next login of this login, or was noted then (read only).
      type: bool
    memory_written:
      description: Whether the memory was kept, null if none was given (not when reading).
      type: bool
    memory_error:
      description: C(code) and C(message) if a memory cannot be trusted or kept, else null.
      type: dict
    files:
      description: >-
        By path. Read, a file has C(content) (zlib, base64), C(sha256), C(size), C(mode), C(writable), C(why) if
        it is not writable, C(real_path) if links were followed, and C(strays) if a killed run left temporary
        files beside it (a write of that path, even of the same bytes, removes them). An exact path that does
        not exist has C(absent), C(creatable), C(why). Any other has C(error). Written, each has C(backup)
        (previous bytes are kept) and C(written) (null when the process was killed and nobody knows).
      type: dict
    never_logged_on:
      description: The SID of an account that has no profile on the PC, of whatever state (Windows).
      type: str
    logon:
      description: >-
        Where something waits for the first logon of who has a profile now, C(sid), and C(content) of what that logon
        noted in the profile, null if nothing is known (Windows, with O(logon)).
      type: dict
logon:
  description: >-
    What stands on a PC for first logons, C(script) (SHA-256, null without one), C(task) (V(none), V(wished) or
    V(other)), C(waits) (name, a SID or V(anybody), to content).
  returned: on Windows, with O(action=read) and O(logon)
  type: dict
backups:
  description: What is kept, by login.
  returned: with O(action=list_backups)
  type: list
  elements: dict
  contains:
    login:
      description: The login, null for the machine.
      type: str
    runs:
      description: >-
        The runs, the newest first. Each has C(run_id), C(when) (UTC), C(restores) (the run that it rolled back, null if
        it was no rollback), C(groups) (keys), C(files) (each C(path), C(key), C(before), C(after), C(mode); a checksum
        is null where there was no file) and C(error) (C(code) and C(message) if there is no manifest to go by, else
        null).
      type: list
      elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.im_desk.backups import KEPT_DAYS, KEPT_RUNS
from ansible.module_utils.im_desk.calls import list_backups, read_requests, restore_runs, write_groups
from ansible.module_utils.im_desk.errors import trouble_of


def main() -> None:
    """Run as an Ansible module."""
    strings = {"type": "list", "elements": "str", "default": []}
    some = {"type": "list", "elements": "str"}
    common = {
        "key": {
            "type": "str",
            "required": True,
        },
        "login": {"type": "str"},
        "processes": strings,
        "locks": strings,
        "open_files": strings,
    }
    file = {
        "path": {"type": "str", "required": True},
        "content": {"type": "str", "no_log": True},
        "before": {"type": "str"},
        "mode": {"type": "str"},
        "dir_mode": {"type": "str"},
    }
    group = {
        **common,
        "run_id": {"type": "str", "required": True},
        "files": {"type": "list", "elements": "dict", "required": True, "options": file},
        "memory": {"type": "str", "no_log": True},
        "program": {"type": "dict"},
    }
    restore = {
        "login": {"type": "str"},
        "run_id": {"type": "str", "required": True},
        "new_run_id": {"type": "str", "required": True},
        "paths": some,
        "keys": {**some, "no_log": False},
    }
    module = AnsibleModule(
        argument_spec={
            "action": {"type": "str", "required": True, "choices": ["read", "write", "list_backups", "restore"]},
            "requests": {
                "type": "list",
                "elements": "dict",
                "options": {
                    **common,
                    "paths": strings,
                    "system_paths": strings,
                    "memory": {"type": "bool", "default": False},
                },
            },
            "groups": {"type": "list", "elements": "dict", "options": group},
            "restores": {"type": "list", "elements": "dict", "options": restore},
            "logins": some,
            "state_dir": {"type": "path"},
            "time_limit": {"type": "int", "default": 30},
            "keep_runs": {"type": "int", "default": KEPT_RUNS},
            "keep_days": {"type": "int", "default": KEPT_DAYS},
            "logon": {"type": "bool", "default": False},
        },
        required_if=[
            ("action", "read", ["requests"]),
            ("action", "write", ["groups"]),
            ("action", "restore", ["restores"]),
        ],
        supports_check_mode=True,
    )
    asked = module.params
    for name in ("time_limit", "keep_runs", "keep_days"):
        if asked[name] < 1:
            module.fail_json(msg=f"{name} must be at least 1")
    if asked["action"] == "read":
        answers = read_requests(asked["requests"], asked["state_dir"], asked["time_limit"])
        module.exit_json(changed=False, answers=answers)
    if asked["action"] == "list_backups":
        try:
            module.exit_json(changed=False, backups=list_backups(asked["logins"], asked["state_dir"]))
        except OSError as error:
            module.fail_json(msg=trouble_of(error, "the backups").message)
    for group in asked["groups"] or []:
        if group.pop("program"):  # out of what write_groups() is given: it knows no such thing
            module.fail_json(msg="a program can be laid into homes on Windows only")
    limits = {name: asked[name] for name in ("state_dir", "time_limit", "keep_runs", "keep_days")}
    if asked["action"] == "write":
        answers = write_groups(asked["groups"], check=module.check_mode, **limits)
    else:
        answers = restore_runs(asked["restores"], check=module.check_mode, **limits)
    changed = any(file["written"] is not False for answer in answers for file in answer["files"].values())
    module.exit_json(changed=changed, answers=answers)


if __name__ == "__main__":
    main()
