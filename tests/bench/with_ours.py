"""The job by our client, as the module xmpp_account_info does it, without its ceiling of logins per second."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import ansible.module_utils
from account_job import Job, serve

ansible.module_utils.__path__.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from ansible.module_utils.xmpp.accounts import Account  # noqa: E402 - the path is extended above
from ansible.module_utils.xmpp.existence import check_existence  # noqa: E402
from ansible.module_utils.xmpp.jid import bare_jid  # noqa: E402
from ansible.module_utils.xmpp.logins import check_logins, try_login  # noqa: E402
from ansible.module_utils.xmpp.resolve import Resolver  # noqa: E402
from ansible.module_utils.xmpp.session import Campaign  # noqa: E402
from ansible.module_utils.xmpp.tls import Trust  # noqa: E402

#: CPU seconds of each derivation of a key, as the logins made them: what no client can do without.
DERIVED: list[float] = []
_derive = hashlib.pbkdf2_hmac


def timed_derivation(*arguments: Any, **more: Any) -> bytes:
    """Derive a key, and note what it cost here and now: a busy neighbour slows it as it slows all else."""
    start = time.thread_time()
    try:
        return _derive(*arguments, **more)
    finally:
        DERIVED.append(time.thread_time() - start)


def work(job: Job) -> Iterable[str]:
    campaign = Campaign(Trust(job.ca_file), Resolver(), timeout=60)
    jids = [bare_jid(f"{name}@{job.domain}") for name in job.names()]
    if job.kind == "exists":
        admin = Account(bare_jid(job.admin), job.admin_password, job.host, job.port)
        return (r.verdict for r in check_existence(jids, admin, campaign, window=job.at_once).accounts)
    accounts = [Account(jid, job.password, job.host, job.port) for jid in jids]
    results = check_logins(accounts, partial(try_login, campaign=campaign), workers=job.at_once, rate=0)
    return (r.verdict for r in results)


if __name__ == "__main__":
    hashlib.pbkdf2_hmac = timed_derivation
    serve(work, DERIVED)
