"""From what Python raises to the closed list of verdicts."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest
from ansible.module_utils.xmpp.problems import (
    ACCOUNT,
    GOOD,
    SERVICE,
    UNANSWERED,
    VERDICTS,
    WRITING,
    XmppProblem,
    bind_problem,
    one_line,
    os_problem,
    sasl_problem,
    stream_problem,
)


def refused_certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "the reason of OpenSSL"
    return error


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (OSError(errno.EHOSTUNREACH, "No route to host"), "unreachable"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "unreachable"),
        (PermissionError(errno.EPERM, "Operation not permitted"), "unreachable"),
        (OSError(errno.ECONNREFUSED, "Connection refused"), "refused"),
        (OSError(errno.ECONNRESET, "Connection reset by peer"), "connection_lost"),
        (OSError(errno.EPIPE, "Broken pipe"), "connection_lost"),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), "timeout"),
        (TimeoutError(), "timeout"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "dns"),
        (ssl.SSLEOFError(8, "EOF occurred"), "connection_lost"),
        (ssl.SSLZeroReturnError(6, "TLS connection has been closed"), "connection_lost"),
        (ssl.SSLError(1, "no protocols available"), "tls_error"),
        (refused_certificate(9), "tls_not_yet_valid"),
        (refused_certificate(10), "tls_expired"),
        (refused_certificate(18), "tls_untrusted"),
        (refused_certificate(20), "tls_untrusted"),
        (refused_certificate(23), "tls_revoked"),
        (refused_certificate(62), "tls_name_mismatch"),
        (refused_certificate(64), "tls_name_mismatch"),
        (OSError(), "connection_lost"),
    ],
)
def test_what_python_raises_has_a_verdict_and_a_detail(error: OSError, verdict: str) -> None:
    problem = os_problem(error, "testing")
    assert problem.code == verdict
    assert problem.detail == "the reason of OpenSSL" or problem.detail.endswith(" while testing")


@pytest.mark.parametrize("make", [stream_problem, sasl_problem, bind_problem])
@pytest.mark.parametrize("condition", ["", "undefined", "never-heard-of", "-", "é", "x" * 5000])
def test_a_condition_that_nobody_knows_ends_in_the_closed_list_too(make: type, condition: str) -> None:
    problem = make(condition, "text")
    assert problem.code in ("stream_other", "auth_other", "bind_other")
    assert len(problem.detail) <= 300


def test_the_kinds_of_verdicts_do_not_overlap() -> None:
    kinds = (GOOD, UNANSWERED, SERVICE, ACCOUNT, WRITING)
    assert sum(len(kind) for kind in kinds) == len(VERDICTS)


def test_a_problem_outside_the_closed_list_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="no verdict is named 'oops'"):
        XmppProblem("oops")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        (" a\n\tb\r\n", "a b"),
        ("\x1b[31mred\x07", "[31mred"),
        ("a\u202eb\u200bc\x9bd", "a b c d"),
        ("x" * 301, "x" * 299 + "…"),
    ],
)
def test_foreign_text_becomes_one_printable_line(text: str, line: str) -> None:
    assert one_line(text) == line
