"""Scripted servers to write to: one that speaks XMPP, with or without privileges, and one that plays ejabberd's API."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from xmpp_certificates import DOMAIN
from xmpp_peer import BIND, Link, ScramServer, failure, mechanisms, peek_user

#: To whom, "get" or "set", the payload -> the inside of the answer, or a whole error; None for no answer at all.
Answers = Callable[[str, str, str], str | None]

ROSTER_ONLY = "<perm access='roster' type='both'/>"
PRIVATE_ONLY = "<perm access='iq'><namespace ns='jabber:iq:private' type='both'/></perm>"
EVERYTHING = ROSTER_ONLY + PRIVATE_ONLY
_IQ = """<iq type='(get|set)' id="([^"]*)" to="([^"]*)">(.*?)</iq>(?!</privileged_iq>)|<presence[^>]*>.*?</presence>"""
_PRIVILEGE = "urn:xmpp:privilege:2"


def error(condition: str, text: str = "") -> str:
    words = f"<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{text}</text>" if text else ""
    return f"<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{words}</error>"


class PeopleServer:
    """A server on which everybody has one password. Notes what is asked and every presence.

    Attributes:
        asked: (to, kind, payload) of each IQ after the login, wrapped ones unwrapped; disco#info left out.
        presences: as they came.
        last_words: sent instead of the answer number ``stop_after``, before the stream ends.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        answers: Answers,
        granted: str | None = EVERYTHING,
        *,
        password: str = "right",  # noqa: S107 - a test's
    ) -> None:
        self._context, self._answers, self._granted, self._password = context, answers, granted, password
        self.features: str = "<feature var='urn:xmpp:bookmarks:1#compat'/>"
        self.asked: list[tuple[str, str, str]] = []
        self.presences: list[str] = []
        self.most = 0
        self.stop_after = -1
        self.last_words = ""
        self.wrapping = True

    def __call__(self, link: Link) -> None:
        link.secure(self._context, mechanisms("SCRAM-SHA-1"))
        user = peek_user(link)
        server = ScramServer(self._password)
        if not server.run(link):
            link.send(failure("not-authorized"))
            return
        server.success(link)
        link.open(BIND)
        link.expect("<iq [^>]*>.*?</iq>")
        me = f"{user}@{DOMAIN}"
        bound = f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{me}/r</jid></bind>"
        link.send(f"<iq type='result' id='bind'>{bound}</iq>")
        while True:
            self._serve(link, me)

    def _serve(self, link: Link, me: str) -> None:
        stanza = link.expect(_IQ)
        if stanza.group(1) is None:
            self._hello(link, me, stanza.group(0).decode())
            return
        self.most = max(self.most, 1 + link.unread().count(b"<iq type="))
        kind, ident, to, payload = (group.decode() for group in stanza.groups())
        if "disco#info" in payload:
            query = f"<query xmlns='http://jabber.org/protocol/disco#info'>{self.features}</query>"
            self._reply(link, ident, to, error("forbidden") if not self.features else query)
            return
        if "urn:xmpp:ping" in payload:
            self._reply(link, ident, to, "")
            return
        if len(self.asked) == self.stop_after:
            link.send(self.last_words)
            link.wait_for_the_end()
            raise EOFError
        wrapped = re.fullmatch(f"<privileged_iq xmlns='{_PRIVILEGE}'><iq [^>]*>(.*)</iq></privileged_iq>", payload)
        inner = wrapped.group(1) if wrapped else payload
        self.asked.append((to, kind, inner))
        answer = self._answers(to, kind, inner)
        if answer is None:
            return
        if wrapped and self.wrapping:
            kind = "error" if answer.startswith("<error") else "result"
            iq = f"<iq xmlns='jabber:client' type='{kind}' id='w' from='{to}' to='{to}'>{answer}</iq>"
            forwarded = f"<forwarded xmlns='urn:xmpp:forward:0'>{iq}</forwarded>"
            answer = f"<privilege xmlns='{_PRIVILEGE}'>{forwarded}</privilege>"
        self._reply(link, ident, to, answer)

    def _hello(self, link: Link, me: str, presence: str) -> None:
        self.presences.append(presence)
        if "to=" not in presence and self._granted is not None:
            # Noise, then somebody who would like us to believe that nothing is granted, then the truth.
            link.send(f"<message from='{DOMAIN}' to='{me}/r'><body>hello</body></message>")
            link.send(f"<message from='mallory@{DOMAIN}' to='{me}/r'><privilege xmlns='{_PRIVILEGE}'/></message>")
            advert = f"<privilege xmlns='{_PRIVILEGE}'>{self._granted}</privilege>"
            link.send(f"<message from='{DOMAIN}' to='{me}/r'>{advert}</message>")

    def _reply(self, link: Link, ident: str, sender: str, inside: str) -> None:
        kind = "error" if inside.startswith("<error") else "result"
        link.send(f"<iq type='{kind}' id='{ident}' from='{sender}'>{inside}</iq>")


#: Command and arguments -> HTTP status and JSON, or octets as they are.
Commands = Callable[[str, Mapping[str, Any]], tuple[int, Any]]


class ApiServer:
    """An HTTPS server on loopback with a certificate of ``DOMAIN``; a context manager.

    Attributes:
        port: where it listens.
        called: (command, arguments) of each call.
        connections: how many connections were made.
        authorization: the decoded credentials of the last call.
        drop_after: closes a kept connection after so many calls on it; 0 for never.
        trickle: seconds between the octets of a body; 0 for all at once.
    """

    def __init__(self, context: ssl.SSLContext, commands: Commands) -> None:
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.connections = 0
        self.authorization = ""
        self.drop_after = 0
        self.trickle = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20
            calls = 0

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_POST(self) -> None:
                arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                command = self.path.removeprefix("/api/")
                outer.called.append((command, arguments))
                outer.authorization = base64.b64decode(self.headers["Authorization"].split()[1]).decode()
                status, content = commands(command, arguments)
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                for at in range(0, len(body), 1 if outer.trickle else max(1, len(body))):
                    self.wfile.write(body[at : at + 1] if outer.trickle else body)
                    time.sleep(outer.trickle)
                self.calls += 1
                if self.calls == outer.drop_after:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """That the client leaves in the middle is normal."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> ApiServer:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
