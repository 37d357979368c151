"""Log in to a scripted server."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.xmpp.accounts import Account, Result
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.logins import try_login
from ansible.module_utils.xmpp.resolve import Resolver
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from xmpp_certificates import DOMAIN
from xmpp_peer import Peer, Script

GOOD = "right"


class Check:
    """Log in to a script; gives the result and the peer as it was left."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust

    def __call__(self, script: Script, password: str = GOOD, **settings: Any) -> tuple[Result, Peer]:
        """Log in as alice. ``settings``: tls, timeout (seconds), allow_plain."""
        with Peer(script) as peer:
            tls = settings.pop("tls", "starttls")
            account = Account(bare_jid(f"alice@{DOMAIN}"), password, "127.0.0.1", peer.port, tls)
            result = try_login(account, Campaign(self._trust, Resolver(), **{"timeout": 10, **settings}))
        return result, peer
