"""Where a desk keeps what waits for the next login: known to the module that lays it down and to the job that does it.

``PENDING/<login>/`` belongs to the login (0700) and stands in a directory that only root can change (0711).
"""

from __future__ import annotations

STATE_DIR = "/var/lib/im_client"
PENDING = STATE_DIR + "/pending"
#: What is still to be done: {schema, laid, wishes}; absent when nothing is.
WISHES = "wishes.json"
#: What became of it: {schema, groups}, until the next run has read it.
RESULT = "result.json"
#: Held by the one job that works.
LOCK = "lock"
SCHEMA = 1
#: Bytes of either file; more is nobody's honest work.
SIZE_LIMIT = 4 * 1024 * 1024
#: What is done for whoever logs in for the first time (im_first_login.Offer): root's, for all to read. Secrets: none.
OFFER = "/usr/local/lib/im_client/first-login.json"
OFFER_LIMIT = 16 * 1024 * 1024
#: Where a login keeps what came of it, below the home; ``done-<version>`` in it ends the matter for that version.
FIRST_LOGIN = ".local/state/im_client/first-login"
