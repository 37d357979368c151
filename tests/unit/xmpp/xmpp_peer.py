"""A server on loopback that follows a script, honest or not: what a real one would never do on request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType

STREAM = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>"
STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
PROCEED = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
BOUND = "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@b/c</jid></bind></iq>"


def features(*inside: str) -> str:
    return f"<stream:features>{''.join(inside)}</stream:features>"


def mechanisms(*names: str) -> str:
    return f"<mechanisms xmlns='{SASL}'>{''.join(f'<mechanism>{n}</mechanism>' for n in names)}</mechanisms>"


def stream_error(condition: str, text: str = "") -> str:
    words = f"<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{text}</text>" if text else ""
    return f"<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>{words}</stream:error>"


class Link:
    """The server's end of one connection. ``heard`` is everything that the client has sent, decrypted."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._unread = b""
        self.heard = b""

    def send(self, *texts: str | bytes) -> None:
        for text in texts:
            self._link.sendall(text.encode() if isinstance(text, str) else text)

    def expect(self, pattern: str) -> re.Match[bytes]:
        """Read until the pattern is there, and past it. EOFError when the client leaves first."""
        while not (match := re.search(pattern.encode(), self._unread, re.DOTALL)):
            data = self._link.recv(65536)
            if not data:
                raise EOFError
            self.heard += data
            self._unread += data
        self._unread = self._unread[match.end() :]
        return match

    def unread(self) -> bytes:
        """What came and was not expected yet."""
        return self._unread

    def protocol(self) -> str | None:
        """The application protocol that TLS agreed on (ALPN)."""
        return self._link.selected_alpn_protocol() if isinstance(self._link, ssl.SSLSocket) else None

    def wait_for_the_end(self) -> None:
        """Read until the client leaves."""
        while data := self._link.recv(65536):
            self.heard += data

    def open(self, *inside: str) -> None:
        """Answer a client's stream header with ours and these features."""
        self.expect("<stream:stream [^>]*>")
        self.send(STREAM, features(*inside))

    def answer_iq(self, answer: str) -> None:
        """Answer the request that comes next with this, which calls itself 'bind' as our client's request does."""
        ident = self.expect("<iq [^>]*?id=['\"]([^'\"]*)['\"][^>]*>.*?</iq>").group(1).decode()
        self.send(answer.replace("id='bind'", f"id='{ident}'"))

    def start_tls(self, context: ssl.SSLContext) -> None:
        self._link = context.wrap_socket(self._link, server_side=True)

    def secure(self, context: ssl.SSLContext, *inside: str) -> None:
        """Be a normal server as far as the features inside TLS."""
        self.open(STARTTLS, mechanisms("PLAIN"))
        self.expect("<starttls [^>]*>")
        self.send(PROCEED)
        self.start_tls(context)
        self.open(*inside)

    def reset(self) -> None:
        """End with a TCP reset instead of a close."""
        self._link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._link.close()

    def close(self) -> None:
        self._link.close()


Script = Callable[[Link], None]


class Peer:
    """Listens on a port of its own; each connection runs the script in a thread of its own.

    Leaving the ``with`` block joins the threads and raises what a script itself did wrong; that the client leaves in
    the middle of a script is normal.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.links: list[Link] = []
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def __enter__(self) -> Peer:
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A thread in accept() does not notice that its socket is closed; shutdown wakes it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()
        if self._failures and error is None:
            raise self._failures[0]

    def heard(self) -> bytes:
        """Everything that all clients have sent."""
        return b"".join(link.heard for link in self.links)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(20)
            link = Link(connection)
            self.links.append(link)
            thread = threading.Thread(target=self._run, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, link: Link) -> None:
        try:
            self._script(link)
        except (OSError, EOFError):
            pass
        except BaseException as error:  # noqa: BLE001 - carried over to the thread of the test
            self._failures.append(error)
        finally:
            link.close()


class ScramServer:
    """The server's side of SCRAM (RFC 5802), with every number open to tampering.

    nonce, salt, iterations, first: replace what the server would send; ``first`` is the whole first message.
    signature: replaces the final message ``v=...``; None leaves it out.
    """

    def __init__(
        self,
        password: str,
        mechanism: str = "SCRAM-SHA-1",
        *,
        nonce: Callable[[str], str] = lambda client: client + "server",
        salt: bytes = b"saltsaltsalt",
        iterations: str = "4096",
        first: str | None = None,
        final: str | None = "",
        tail: str = "",
    ) -> None:
        self.hash = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}[mechanism]
        self.password, self.nonce, self.salt, self.iterations = password, nonce, salt, iterations
        self.first, self.final, self.tail = first, final, tail

    def run(self, link: Link) -> bool:
        """Challenge a client that has sent <auth>; True if its password is right. Sends neither success nor failure."""
        auth = link.expect("<auth [^>]*>([^<]*)</auth>")
        bare = base64.b64decode(auth.group(1)).decode().split(",", 2)[2]
        nonce = self.nonce(bare.partition("r=")[2])
        first = self.first
        if first is None:
            first = f"r={nonce},s={base64.b64encode(self.salt).decode()},i={self.iterations}{self.tail}"
        link.send(f"<challenge xmlns='{SASL}'>{base64.b64encode(first.encode()).decode()}</challenge>")
        response = base64.b64decode(link.expect("<response [^>]*>([^<]*)</response>").group(1)).decode()
        without, _, proof = response.rpartition(",p=")
        salted = hashlib.pbkdf2_hmac(self.hash, self.password.encode(), self.salt, int(self.iterations))
        message = f"{bare},{first},{without}".encode()
        client_key = hmac.digest(salted, b"Client Key", self.hash)
        mask = hmac.digest(hashlib.new(self.hash, client_key).digest(), message, self.hash)
        server_key = hmac.digest(salted, b"Server Key", self.hash)
        self.signature = "v=" + base64.b64encode(hmac.digest(server_key, message, self.hash)).decode()
        return base64.b64decode(proof) == bytes(a ^ b for a, b in zip(client_key, mask, strict=True))

    def success(self, link: Link) -> None:
        """Accept, with the final message."""
        final = self.signature if self.final == "" else self.final
        data = base64.b64encode(final.encode()).decode() if final is not None else ""
        link.send(f"<success xmlns='{SASL}'>{data}</success>")


def failure(condition: str, text: str = "") -> str:
    words = f"<text>{text}</text>" if text else ""
    return f"<failure xmlns='{SASL}'><{condition}/>{words}</failure>"


def honest(context: ssl.SSLContext, passwords: dict[str, str], mechanism: str = "SCRAM-SHA-1") -> Script:
    """A server that does everything right, for accounts with these passwords (local part -> password)."""

    def script(link: Link) -> None:
        link.secure(context, mechanisms(mechanism))
        user = peek_user(link)
        if user not in passwords:
            link.send(failure("not-authorized"))
            return
        server = ScramServer(passwords[user], mechanism)
        if not server.run(link):
            link.send(failure("not-authorized", "no match"))
            return
        server.success(link)
        link.open(BIND)
        link.answer_iq(BOUND)
        link.wait_for_the_end()

    return script


def peek_user(link: Link) -> str:
    """The name in the <auth> that comes next, without taking it."""
    match = link.expect("(?=<auth [^>]*>([^<]*)</auth>)")
    return base64.b64decode(match.group(1)).decode().split(",")[2].removeprefix("n=")
