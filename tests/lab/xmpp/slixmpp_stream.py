"""A session of slixmpp, an independent client, on an account of the lab."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import slixmpp
from ansible.module_utils.xmpp.accounts import Account

_T = TypeVar("_T")


def logged_in(account: Account, ca_file: Path, action: Callable[[Any], Awaitable[_T]]) -> _T:
    """Log in by STARTTLS and SCRAM, do something with the client, and leave; no presence is sent."""

    async def run() -> _T:
        context = ssl.create_default_context(cafile=str(ca_file))
        client = slixmpp.ClientXMPP(str(account.jid), account.password, ssl_context=context)
        # As it comes it would try direct TLS on any port.
        client.enable_direct_tls = client.enable_plaintext = client.whitespace_keepalive = False
        client.plugin["feature_mechanisms"].use_mechs = {"SCRAM-SHA-1", "SCRAM-SHA-256"}
        started = asyncio.Event()
        client.add_event_handler("session_start", lambda _: started.set())
        client.connect(account.host, account.port)
        try:
            await asyncio.wait_for(started.wait(), 30)
            return await action(client)
        finally:
            await client.disconnect(wait=1)
            client.abort()
            if client._run_out_filters:
                client._run_out_filters.cancel()
                await asyncio.gather(client._run_out_filters, return_exceptions=True)

    return asyncio.run(run())
