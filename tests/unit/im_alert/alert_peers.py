"""A real SMTP server (aiosmtpd) with TLS and a real https server, on loopback, both with certificates of our own."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "svc-mail", "CANARY-mail-pass/word"
TOKEN = "CANARY-webhook-token"
#: What got worse, as worse_of() tells it; the detail tries to add a header.
SEAT = {
    "kind": "seat",
    "since": "2026-11-23T02:00:00Z",
    "host": "pc-1",
    "login": "zobrien",
    "person": "zoe.obrien",
    "client": "pidgin",
    "state": "drift",
    "before": "compliant",
    "causes": ["user"],
    "why": ["La personne l'a changé. (accounts.xml)"],
    "detail": "first\r\nBcc: everybody@univ.example",
    "remedy": "Lancez site.yml.",
}


class MailServer:
    """What arrived, and answers to give instead of taking a message."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.answers: list[str] = []
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, RUF100 - aiosmtpd's name
        """Take a message, unless an answer waits."""
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Accept the one account; a wrong password is repeated in the answer, as no server should."""
        assert isinstance(data, LoginPassword)
        if (data.login, data.password) == (USER.encode(), PASSWORD.encode()):
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 {data.password.decode()} is wrong")


@contextmanager
def mail_server(context: ssl.SSLContext | None, tls: str = "starttls", port: int = 0) -> Iterator[MailServer]:
    """Run a server that takes mail only encrypted and from the one account, or plainly without a context.

    ``port`` 0 takes a free one.
    """
    peer = MailServer()
    more: dict[str, Any] = {}
    if context:
        more = {"authenticator": peer.authenticate, "auth_required": True, "auth_require_tls": tls == "starttls"}
        more |= {"tls_context": context, "require_starttls": True} if tls == "starttls" else {"ssl_context": context}
    controller = Controller(peer, hostname="127.0.0.1", port=0, **more)
    # aiosmtpd asks the port of its own settings when it tries itself, so it has to be known beforehand.
    controller.port = port or _free_port()
    peer.port = controller.port
    controller.start()
    try:
        yield peer
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WebServer:
    """What was posted, and codes to answer with first."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.codes: list[int] = []
        self.port = 0


@contextmanager
def web_server(context: ssl.SSLContext) -> Iterator[WebServer]:
    """Run an https server that keeps what is posted."""
    peer = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = peer.codes.pop(0) if peer.codes else 200
            if code == 200:
                peer.posts.append((dict(self.headers), json.loads(body)))
            self.send_response(code)
            if code == 302:
                self.send_header("Location", f"https://localhost:{peer.port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    peer.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
