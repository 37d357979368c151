"""Look at the certificate that a server shows, also at one that nobody should trust.

THE ONE PLACE WHERE TLS IS NOT VERIFIED. To say of a certificate that it has expired, since when, and for whom it was
made, one must be able to read it; a verified handshake fails before. So, once a verified one has failed, a link is made
that is good for nothing else: the handshake, the certificate, the end. The same goes for asking which old versions
of TLS a server still accepts. No stream is ever opened inside such a link, so neither SASL nor an IQ can be sent there:
nothing in this file writes to it, and what it returns holds no connection. A test keeps it the only such place.
"""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtensionOID, NameOID

from .connection import Connection
from .login import request_tls
from .problems import XmppProblem, one_line, os_problem
from .resolve import Endpoint, Resolver, Server
from .tls import Trust

#: What the library says of octets that it cannot read, besides ValueError; these have no base in common.
_UNREADABLE = (
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    TypeError,
)
#: TLS versions that nobody should offer any more (RFC 8996).
OLD_VERSIONS = {"TLSv1": ssl.TLSVersion.TLSv1, "TLSv1.1": ssl.TLSVersion.TLSv1_1}

#: Reasons of OpenSSL that mean that this machine, not the server, cannot speak the version.
_OUR_INABILITY = frozenset({"NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE", "UNSUPPORTED_PROTOCOL_VERSION"})


@dataclass(frozen=True)
class Certificate:
    """What a certificate says (RFC 5280).

    Attributes:
        names: the DNS names of its subjectAltName, in ASCII, lower case.
        subject: its common name; "" without.
        issuer: the common name of who signed it, else the whole name.
        not_before, not_after: UTC.
        key: kind of the public key: "RSA", "EC", "Ed25519", ...
        bits: size of the key; 0 when the kind has no sizes.
        signature: hash of the signature, such as "sha256"; "" when the kind of signature has none.
    """

    names: tuple[str, ...]
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    key: str
    bits: int
    signature: str

    def carries(self, domain: str) -> bool:
        """Whether it was made for this domain, in ASCII: for itself, or by a wildcard on the left (RFC 9525 6.3)."""
        domain = domain.lower()
        return domain in self.names or f"*.{domain.partition('.')[2]}" in self.names


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate in DER.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        digest = certificate.signature_hash_algorithm
        return Certificate(
            names=_names(certificate),
            subject=_common_name(certificate.subject),
            issuer=_common_name(certificate.issuer) or one_line(certificate.issuer.rfc4514_string()),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            key=_kind(key),
            bits=getattr(key, "key_size", 0),
            signature=digest.name if digest else "",
        )
    except _UNREADABLE as error:
        raise ValueError(str(error)) from None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except x509.ExtensionNotFound:
        return ()
    assert isinstance(extension.value, x509.SubjectAlternativeName)  # noqa: S101 - for the type checker
    return tuple(one_line(name).lower() for name in extension.value.get_values_for_type(x509.DNSName))


def _common_name(name: x509.Name) -> str:
    return next((one_line(str(part.value)) for part in name.get_attributes_for_oid(NameOID.COMMON_NAME)), "")


def _kind(key: object) -> str:
    kinds = {
        "RSA": rsa.RSAPublicKey,
        "EC": ec.EllipticCurvePublicKey,
        "DSA": dsa.DSAPublicKey,
        "Ed25519": ed25519.Ed25519PublicKey,
        "Ed448": ed448.Ed448PublicKey,
    }
    return next((name for name, kind in kinds.items() if isinstance(key, kind)), type(key).__name__)


class Viewer:
    """Makes links whose only use is to be looked at. See the top of this file."""

    def __init__(self, resolver: Resolver, trust: Trust, ca_file: str | None = None, timeout: float = 8.0) -> None:
        """Prepare.

        Args:
            resolver: shared with the survey.
            trust: what the connections would verify with, if they went as far as that.
            ca_file: PEM file of the authorities, instead of the system's; for ``chain_problem``.
            timeout: seconds for each link.
        """
        self._resolver = resolver
        self._trust = trust
        self._ca_file = ca_file
        self._timeout = timeout

    def certificate(self, domain: str, endpoint: Endpoint) -> Certificate:
        """Read the certificate that is shown for the domain, good or bad.

        Raises:
            XmppProblem: there was no handshake.
            ValueError: the certificate cannot be read.
        """
        _, der = self._handshake(domain, endpoint, self._unverified)
        return read_certificate(der)

    def chain_problem(self, domain: str, endpoint: Endpoint) -> XmppProblem | None:
        """Whether the authorities vouch for the certificate, whatever name is in it; None when they do.

        Raises:
            XmppProblem: there was no handshake, for another reason than the certificate.
        """
        try:
            self._handshake(domain, endpoint, self._any_name)
        except XmppProblem as problem:
            if problem.code in ("tls_untrusted", "tls_expired", "tls_not_yet_valid", "tls_revoked"):
                return problem
            raise
        return None

    def accepts(self, domain: str, endpoint: Endpoint, version: ssl.TLSVersion) -> bool | None:
        """Whether the server speaks this version of TLS; None when this machine does not, or nothing can be said."""
        try:
            self._handshake(domain, endpoint, _context_of(version))
        except ValueError:
            return None
        except XmppProblem as problem:
            ours = any(reason in problem.detail for reason in _OUR_INABILITY)
            return False if problem.code in ("tls_error", "connection_lost") and not ours else None
        return True

    def _handshake(self, domain: str, endpoint: Endpoint, context: ssl.SSLContext) -> tuple[str, bytes]:
        """Make a link, negotiate TLS, end it; returns version and certificate. Nothing is written inside TLS."""
        server = Server(domain, endpoint.host, endpoint.port, "direct" if endpoint.direct_tls else "starttls")
        # The steps end before the connection's own TLS would begin.
        with Connection(server, self._resolver, self._trust, timeout=self._timeout) as connection:
            if not endpoint.direct_tls:
                connection.perform(request_tls())
            link = connection.detach()
            try:
                link.settimeout(self._timeout)
                with context.wrap_socket(link, server_hostname=server.ascii_domain) as tls:
                    return tls.version() or "", tls.getpeercert(binary_form=True) or b""
            except OSError as error:
                raise os_problem(error, "negotiating TLS") from None
            finally:
                link.close()

    @cached_property
    def _unverified(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    @cached_property
    def _any_name(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca_file)
        context.check_hostname = False
        return context


def _context_of(version: ssl.TLSVersion) -> ssl.SSLContext:
    """Speaks only this version, with whatever ciphers there are.

    Raises:
        ValueError: this machine's OpenSSL was built without it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # OpenSSL 3 allows the signatures of TLS 1.0 and 1.1 on security level 0 only.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version
        context.maximum_version = version
    return context
