"""The same login by slixmpp, an independent client, as far as it can tell.

Its stock settings try direct TLS on any port and send a refused password again by PLAIN; both are switched off here.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import slixmpp
from ansible.module_utils.xmpp.accounts import Account


class _Login(slixmpp.ClientXMPP):  # type: ignore[misc] # mypy skips slixmpp
    def __init__(self, account: Account, context: ssl.SSLContext) -> None:
        super().__init__(str(account.jid), account.password, ssl_context=context)
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.enable_direct_tls = account.tls == "direct"
        self.enable_starttls = not self.enable_direct_tls
        self.enable_plaintext = False
        self.plugin["feature_mechanisms"].use_mechs = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"}
        self.add_event_handler("session_start", lambda event: self._end("ok"))
        self.add_event_handler("failed_auth", self._refused)
        self.add_event_handler("connection_failed", self._lost)
        self.add_event_handler("stream_error", lambda event: self._end(f"stream {event['condition']}"))
        self.add_event_handler("disconnected", self._lost)

    def _refused(self, event: object) -> None:
        # Otherwise it goes on to the next mechanism with the same password.
        self.plugin["feature_mechanisms"].mech_list = set()
        self._end("refused")

    def _lost(self, reason: object) -> None:
        self._end("certificate" if isinstance(reason, ssl.SSLCertVerificationError) else "connection")

    def _end(self, outcome: str) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)


def outcome(account: Account, ca_file: Path | None) -> str:
    """Log in once; the authority None stands for the system's.

    Returns:
        "ok", "refused", "certificate", "connection" or "stream <condition>".
    """

    async def run() -> str:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        client = _Login(account, context)
        client.connect(account.host, account.port)
        try:
            return await asyncio.wait_for(asyncio.shield(client.outcome), 20)
        finally:
            client.cancel_connection_attempt()
            client.abort()
            filters = client._run_out_filters
            if filters:
                filters.cancel()
                await asyncio.gather(filters, return_exceptions=True)

    return asyncio.run(run())
