"""Whom we trust: TLS settings, loaded once for a whole campaign."""

from __future__ import annotations

import ssl
from functools import cached_property


class Trust:
    """The authorities that may vouch for a server. Verification cannot be switched off.

    One context is shared by all connections: reading the authorities of the system costs 40 to 70 ms of CPU each time.
    """

    def __init__(self, ca_file: str | None = None) -> None:
        """Load the authorities.

        Args:
            ca_file: PEM file whose authorities are trusted instead of the system's. If it also holds their lists of
                revoked certificates (RFC 5280 5), a server's certificate is looked up there.

        Raises:
            OSError: the file cannot be read, or holds no certificate (``ssl.SSLError`` is an ``OSError``).
        """
        self._ca_file = ca_file
        self.starttls = _context(ca_file)

    @cached_property
    def direct(self) -> ssl.SSLContext:
        """For direct TLS, which names its protocol for servers that share a port (XEP-0368 3)."""
        context = _context(self._ca_file)
        context.set_alpn_protocols(["xmpp-client"])
        return context


def _context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The name must stand in the subjectAltName (RFC 9525 6.3): Thunderbird accepts nothing else either.
    context.hostname_checks_common_name = False
    if context.cert_store_stats()["crl"]:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context
