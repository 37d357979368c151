"""The job by our client, as the module xmpp_account_info does it, without its ceiling of logins per second."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

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
    serve(work)
