"""Whom we trust: TLS settings, loaded once for a whole campaign."""

from __future__ import annotations

import ssl
from functools import cached_property


class Trust:
    """The authorities that may vouch for a server. Verification cannot be switched off.

    One context is shared by all connections: reading the authorities of the system costs 40 to 70 ms of CPU each time.
    """

    def __init__(self, ca_file: str | None = None, added: str | None = None) -> None:
        """Load the authorities.

        Args:
            ca_file: PEM file whose authorities are trusted instead of the system's. If it also holds their lists of
                revoked certificates (RFC 5280 5), a server's certificate is looked up there.
            added: PEM file whose authorities are trusted in addition.

        Raises:
            OSError: the file cannot be read, or holds no certificate (``ssl.SSLError`` is an ``OSError``).
        """
        self._files = ca_file, added
        self.starttls = _context(ca_file, added)

    @cached_property
    def direct(self) -> ssl.SSLContext:
        """For direct TLS, which names its protocol for servers that share a port (XEP-0368 3)."""
        context = _context(*self._files)
        context.set_alpn_protocols(["xmpp-client"])
        return context


def _context(ca_file: str | None, added: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    if added:
        context.load_verify_locations(added)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The name must stand in the subjectAltName (RFC 9525 6.3): Thunderbird accepts nothing else either.
    # The LibreSSL of Apple's Python cannot be told so: without a subjectAltName it takes the common name.
    if ssl.HAS_NEVER_CHECK_COMMON_NAME:
        context.hostname_checks_common_name = False
    if context.cert_store_stats()["crl"]:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context
