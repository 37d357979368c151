"""The same login by slixmpp, an independent client, in our words as far as it can tell.

slixmpp 1.17 as it comes is no checker: it tries direct TLS on any port, sends a refused password again by PLAIN, takes
a failed binding for a session, and accepts any number of iterations. Each of these is put right here, nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

import slixmpp
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.problems import VERDICTS
from ansible.module_utils.xmpp.scram import HASHES, MAX_ITERATIONS, MIN_ITERATIONS
from ansible.module_utils.xmpp.tls import Trust
from slixmpp.exceptions import IqError
from slixmpp.stanza.stream_error import StreamError
from slixmpp.util.sasl import SASLCancelled, mechanisms
from slixmpp.util.sasl.client import MECHANISMS

_CERTIFICATE = {
    9: "tls_not_yet_valid",
    10: "tls_expired",
    18: "tls_untrusted",
    19: "tls_untrusted",
    20: "tls_untrusted",
    21: "tls_untrusted",
    23: "tls_revoked",
    62: "tls_name_mismatch",
}
_SASL = {
    "not-authorized": "auth_failed",
    "account-disabled": "account_disabled",
    "credentials-expired": "credentials_expired",
    "temporary-auth-failure": "temporary_failure",
}


class _Scram(mechanisms.SCRAM):  # type: ignore[misc] # mypy skips slixmpp
    """SCRAM in C and within bounds, which tells what was wrong: slixmpp only drops the link, or waits for ever."""

    tell: Callable[[str], None]

    def Hi(self, text: bytes, salt: bytes, iterations: int) -> bytes:
        if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
            self.tell("scram_iterations")
            raise SASLCancelled(f"{iterations} iterations")
        return hashlib.pbkdf2_hmac(self.hash().name, bytes(text), bytes(salt), iterations)

    def process_2(self, challenge: bytes) -> Any:
        try:
            return super().process_2(challenge)
        except SASLCancelled as error:
            self.tell("server_nonce" if "nonce" in error.message else "protocol")
            raise
        except (KeyError, ValueError):
            self.tell("protocol")
            raise

    def process_3(self, challenge: bytes) -> Any:
        try:
            return super().process_3(challenge)
        except Exception:
            self.tell("server_signature")
            raise


MECHANISMS.update(dict.fromkeys(HASHES, _Scram))


class _Login(slixmpp.ClientXMPP):  # type: ignore[misc] # mypy skips slixmpp
    def __init__(self, account: Account, context: ssl.SSLContext, allow_plain: bool) -> None:
        super().__init__(str(account.jid), account.password, ssl_context=context)
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.enable_direct_tls = account.tls == "direct"
        self.enable_starttls = not self.enable_direct_tls
        self.enable_plaintext = self.whitespace_keepalive = False
        self.plugin["feature_mechanisms"].use_mechs = {*HASHES, *(["PLAIN"] if allow_plain else [])}
        self.plugin["feature_mechanisms"].encrypted_plain = allow_plain
        self.unregister_feature("bind", 10000)
        self.unregister_feature("session", 10001)
        self.register_feature("bind", self._bind_as_it_should, order=10000)
        for event, handler in {
            "connection_failed": self._not_connected,
            "ssl_invalid_chain": self._lost,
            "failed_auth": self._refused,
            "no_auth": lambda _: self._end("no_mechanism"),
            "stream_error": lambda error: self._end(_of("stream", error["condition"])),
            "disconnected": self._lost,
        }.items():
            self.add_event_handler(event, handler)

    async def _handle_stream_features(self, features: Any) -> Any:
        if self.enable_starttls and "starttls" not in self.features and "starttls" not in features["features"]:
            return self._end("no_starttls")
        return await super()._handle_stream_features(features)

    async def _bind_as_it_should(self, features: object) -> None:
        request = self.Iq()
        request["type"] = "set"
        request.enable("bind")
        try:
            await request.send(timeout=60)
        except IqError as error:
            self._end(_of("bind", error.iq["error"]["condition"]))
        else:
            self._end("ok")

    def reconnect(self, *_: object, **__: object) -> None:
        """Give up instead: its handlers of stream errors go on elsewhere."""
        self.abort()

    def send(self, data: Any, *args: Any, **kwargs: Any) -> None:
        """Its only notice of malformed XML is the stream error that it sends."""
        if isinstance(data, StreamError):
            self._end("not_xmpp")
        super().send(data, *args, **kwargs)

    def _refused(self, failure: Any) -> None:
        # Otherwise it goes on to the next mechanism with the same password. The condition is read from the XML: its own
        # reading makes "not-authorized" of all it does not know.
        self.plugin["feature_mechanisms"].mech_list = set()
        names = [child.tag.partition("}")[2] for child in failure.xml if not child.tag.endswith("}text")]
        condition = names[0] if names else "undefined"
        self._end(_SASL.get(condition) or _of("auth", condition))

    def _not_connected(self, reason: object) -> None:
        self.cancel_connection_attempt()
        self._lost(reason)

    def _lost(self, reason: object) -> None:
        self._end(_verdict(reason))

    def _end(self, outcome: str) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)


def _of(prefix: str, condition: str) -> str:
    verdict = f"{prefix}_{condition.replace('-', '_')}"
    return verdict if verdict in VERDICTS else f"{prefix}_other"


def _verdict(reason: object) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(reason.verify_code, "tls_untrusted")
    kinds = {ssl.SSLError: "tls_error", socket.gaierror: "dns", ConnectionRefusedError: "refused"}
    return next((verdict for kind, verdict in kinds.items() if isinstance(reason, kind)), "connection_lost")


def outcome(account: Account, trust: Trust, *, allow_plain: bool = False, timeout: float = 20) -> str:
    """Log in once; gives a verdict of ``problems.VERDICTS``: "timeout" also when it noticed nothing for so long."""

    async def run() -> str:
        client = _Login(account, trust.starttls, allow_plain)
        _Scram.tell = staticmethod(client._end)
        client.connect(account.host, account.port)
        try:
            return await asyncio.wait_for(asyncio.shield(client.outcome), timeout)
        except TimeoutError:
            return "timeout"
        finally:
            client.cancel_connection_attempt()
            client.abort()
            filters = client._run_out_filters
            if filters:
                filters.cancel()
                await asyncio.gather(filters, return_exceptions=True)

    return asyncio.run(run())
