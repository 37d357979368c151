"""The closed list of verdicts: what can be said about an account, and the one exception that carries a bad one.

A verdict is data for a report, never a reason to crash. Each has one sentence for support staff, cause and remedy,
in ``im_catalogue`` under ``verdict.<code>``. Codes come from the conditions of RFC 6120 (streams: 4.9.3, SASL: 6.5,
resource binding: 7.6) and from the failures of the layers below it.
"""

from __future__ import annotations

import errno
import socket
import ssl

#: The account works (a login was proven), or is known to the server (nothing was proven about its password).
GOOD = frozenset({"ok", "exists"})

#: The question was not answered; nothing is known about the account.
UNANSWERED = frozenset({"unknown", "not_checked", "admin_failed"})

#: The service cannot be reached or trusted, or does not speak our language: each of its accounts would fail alike.
SERVICE = frozenset(
    {
        "dns",
        "srv_absent",
        "refused",
        "unreachable",
        "timeout",
        "connection_lost",
        "not_xmpp",
        "protocol",
        "stanza_too_big",
        "no_starttls",
        "starttls_refused",
        "tls_expired",
        "tls_not_yet_valid",
        "tls_name_mismatch",
        "tls_untrusted",
        "tls_revoked",
        "tls_error",
        "stream_host_unknown",
        "stream_host_gone",
        "stream_policy_violation",
        "stream_see_other_host",
        "stream_reset",
        "stream_conflict",
        "stream_not_authorized",
        "stream_resource_constraint",
        "stream_system_shutdown",
        "stream_connection_timeout",
        "stream_internal_server_error",
        "stream_other",
        "no_mechanism",
        "server_signature",
        "server_nonce",
        "scram_iterations",
    }
)

#: About this one account: what the server answered, or why it could not be asked.
ACCOUNT = frozenset(
    {
        "absent",
        "auth_failed",
        "account_disabled",
        "credentials_expired",
        "temporary_failure",
        "auth_aborted",
        "auth_encryption_required",
        "auth_invalid_authzid",
        "auth_invalid_mechanism",
        "auth_mechanism_too_weak",
        "auth_malformed_request",
        "auth_incorrect_encoding",
        "auth_other",
        "bad_password_characters",
        "bind_conflict",
        "bind_resource_constraint",
        "bind_not_allowed",
        "bind_other",
    }
)

#: Only of modules that write: the wish is in place; there is nobody to write; the service account or the API that
#: writes for all failed as such; the server says no to a step, to the privilege, to the command of its API; the API
#: is not as it should be; writing the wish would push out something of the person's.
WRITING = frozenset(
    {"in_place", "no_way", "service_failed", "declined", "privilege_missing", "api_denied", "api_error", "not_written"}
)

VERDICTS = GOOD | UNANSWERED | SERVICE | ACCOUNT | WRITING

#: After one of these the server wants to be left alone: going on gets the control node banned (ejabberd mod_fail2ban).
STOP_AT_ONCE = frozenset({"stream_policy_violation", "temporary_failure"})

#: A few of these are news; many in a row are a mistake (wrong password file, dead server) or look like an attack.
COUNTS_AS_FAILURE = SERVICE | {"auth_failed"}

_SASL = {
    "not-authorized": "auth_failed",
    "account-disabled": "account_disabled",
    "credentials-expired": "credentials_expired",
    "temporary-auth-failure": "temporary_failure",
}

#: X509_V_ERR_* of OpenSSL (x509_vfy.h); every other number means that no trusted chain could be built.
_CERTIFICATE = {
    9: "tls_not_yet_valid",
    10: "tls_expired",
    23: "tls_revoked",
    62: "tls_name_mismatch",
    64: "tls_name_mismatch",
}

#: First match wins.
_KINDS: tuple[tuple[type[OSError], str], ...] = (
    (ssl.SSLEOFError, "connection_lost"),
    (ssl.SSLZeroReturnError, "connection_lost"),
    (ssl.SSLError, "tls_error"),
    (socket.gaierror, "dns"),
    (TimeoutError, "timeout"),
    (socket.timeout, "timeout"),  # another kind of OSError before Python 3.10
    (ConnectionRefusedError, "refused"),
)

#: No route, or a firewall on this side (EPERM, EACCES).
_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM)

_MAX_DETAIL = 300


class XmppProblem(Exception):
    """Why an account cannot be said to work.

    Attributes:
        code: one of ``VERDICTS``.
        detail: short technical text in English, or the server's own words; printable, one line, never a secret.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        if code not in VERDICTS:
            raise ValueError(f"no verdict is named {code!r}")
        self.code = code
        self.detail = one_line(detail)
        super().__init__(f"{code}: {self.detail}" if self.detail else code)


def one_line(text: str) -> str:
    """Make foreign text fit for a report: one printable line (no terminal escapes, no direction marks), not long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _MAX_DETAIL]).split())
    return line if len(line) <= _MAX_DETAIL else line[: _MAX_DETAIL - 1] + "…"


def stream_problem(condition: str, text: str) -> XmppProblem:
    """The problem for a stream error condition (RFC 6120 4.9.3); the server's text may tell when a ban ends."""
    return _from_condition("stream_", condition, text)


def sasl_problem(condition: str, text: str) -> XmppProblem:
    """The problem for a SASL failure condition (RFC 6120 6.5)."""
    if condition in _SASL:
        return XmppProblem(_SASL[condition], text)
    return _from_condition("auth_", condition, text)


def bind_problem(condition: str, text: str) -> XmppProblem:
    """The problem for an error of resource binding (RFC 6120 7.6.2 and 7.7.2); the password was accepted before."""
    return _from_condition("bind_", condition, text)


def os_problem(error: OSError, doing: str) -> XmppProblem:
    """The problem for a failure of the name service, the network or TLS.

    Args:
        error: what the socket raised.
        doing: what was under way, to be read after "while": "connecting to im.univ.example:5222".
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return XmppProblem(_CERTIFICATE.get(error.verify_code, "tls_untrusted"), error.verify_message)
    code = next((code for kind, code in _KINDS if isinstance(error, kind)), "connection_lost")
    if code == "connection_lost" and error.errno in _UNREACHABLE:
        code = "unreachable"
    if code == "timeout":
        words = "no answer in time"
    else:
        # Only an SSLError has a reason, and not even each of them.
        words = getattr(error, "reason", None) or error.strerror or type(error).__name__
    return XmppProblem(code, f"{words} while {doing}")


def _from_condition(prefix: str, condition: str, text: str) -> XmppProblem:
    code = prefix + condition.replace("-", "_")
    if code in VERDICTS:
        return XmppProblem(code, text)
    return XmppProblem(prefix + "other", f"{condition}: {text}" if text else condition)
