"""The third way to write for people: ejabberd's HTTP API (mod_http_api), one connection that is kept open."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .accounts import Result
from .jid import Jid
from .problems import XmppProblem, one_line, os_problem
from .tls import Trust
from .work import Call, Declined, Done, Person, Step, Work, drive

#: Octets of one answer: a contact list of some 100,000 people.
_MAX_ANSWER = 16 << 20

_READ = 65536

#: What a server does that closed a kept connection just before we used it again.
_STALE = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


@dataclass(frozen=True)
class Api:
    """Where the API is and who asks. The password shows in no representation.

    Attributes:
        name: host name that the certificate must carry.
        port: of the listener with TLS.
        path: of mod_http_api, without a slash at the end: "/api".
        jid: the account that asks.
        password: its password.
        host: host to connect to; None: ``name``.
    """

    name: str
    port: int
    path: str
    jid: Jid
    password: str = field(repr=False)
    host: str | None = None


def write_by_api(people: Sequence[tuple[Person, Work]], api: Api, trust: Trust, timeout: float) -> Iterator[Done]:
    """Do the works one after the other; yields their outcomes as they come.

    Never raises for what server or network do: when the API as such fails, that person and the rest are
    ``service_failed``.

    Args:
        people: each once.
        api: where and who.
        trust: the authorities.
        timeout: seconds for each answer.
    """
    failed: tuple[str, str] | None = None
    with contextlib.closing(ApiConnection(api, trust, timeout)) as connection:
        for person, work in people:
            if failed:
                yield Done(Result(person.jid, *failed))
                continue
            try:
                _require_account(connection, person.jid)
                drive(person, work, _Steps(connection, person.jid).perform)
            except Declined as declined:
                yield Done(Result(person.jid, declined.code, declined.detail), person)
            except XmppProblem as problem:
                failed = ("service_failed", f"{problem.code}: {problem.detail}")
                yield Done(Result(person.jid, *failed), person)
            else:
                yield Done(Result(person.jid, "in_place", person.detail), person)


def _require_account(connection: ApiConnection, jid: Jid) -> None:
    """Make sure that the account exists: ejabberd 23.01 reads and writes lists of accounts that do not."""
    doing = "check_account"
    if connection.call(doing, {"user": jid.local, "host": jid.domain}) != 0:
        raise Declined("item-not-found", "the server does not know the account", f"calling {doing}", "absent")


class _Steps:
    """Performs the steps of a person's work."""

    def __init__(self, connection: ApiConnection, jid: Jid) -> None:
        self._connection = connection
        self._jid = jid

    def perform(self, step: Step) -> Any:
        if not isinstance(step, Call):
            raise TypeError(f"no step of the API: {step}")
        user, host = step.names
        arguments = {user: self._jid.local, host: self._jid.domain, **step.arguments}
        return self._connection.call(step.command, arguments)


class ApiConnection:
    """Calls commands, over a connection that is opened when it is needed."""

    def __init__(self, api: Api, trust: Trust, timeout: float) -> None:
        self._api = api
        self._timeout = timeout
        self._connection = _Tls(api, trust, timeout)
        self._used = False
        token = base64.b64encode(f"{api.jid}:{api.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def close(self) -> None:
        """Close. Never raises."""
        self._connection.close()

    def call(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Run a command; returns its decoded JSON.

        Raises:
            Declined: ``declined``, ejabberd knows no such command or does not carry it out; ``api_denied``, the account
                may not run this command.
            XmppProblem: ``api_denied``, the account or its password is not accepted; ``api_error``, no API of ejabberd;
                what is in the way there (``refused``, ``timeout``, ``tls_untrusted``, ...).
        """
        try:
            try:
                status, body = self._exchange(command, arguments)
            except _STALE:
                # Each command that we use may be repeated: it sets, and does not count.
                if not self._used:
                    raise
                self._used = False
                status, body = self._exchange(command, arguments)
        except OSError as error:
            self._connection.close()
            raise os_problem(error, f"calling {command} at {self._api.name}:{self._api.port}") from None
        except http.client.HTTPException as error:
            self._connection.close()
            raise XmppProblem("api_error", f"no HTTP in answer to {command} ({type(error).__name__})") from None
        return _read(command, status, body, self._api.jid)

    def _exchange(self, command: str, arguments: Mapping[str, Any]) -> tuple[int, bytes]:
        if not self._used:
            self._connection.close()
        deadline = time.monotonic() + self._timeout
        body = json.dumps(arguments).encode()
        self._connection.request("POST", f"{self._api.path}/{quote(command)}", body, self._headers)
        response = self._connection.getresponse()
        pieces = []
        size = 0
        while piece := response.read1(_READ):
            pieces.append(piece)
            size += len(piece)
            if size > _MAX_ANSWER:
                self._connection.close()
                raise XmppProblem("api_error", f"more than {_MAX_ANSWER} octets in answer to {command}")
            if time.monotonic() > deadline:
                raise TimeoutError
        # Read to its end, which read1 does not notice: without this the connection is not free for the next request.
        response.close()
        self._used = not response.will_close
        return response.status, b"".join(pieces)


class _Tls(http.client.HTTPSConnection):
    """HTTPS to a host that need not be the one that the certificate names."""

    def __init__(self, api: Api, trust: Trust, timeout: float) -> None:
        super().__init__(api.name, api.port, timeout=timeout, context=trust.starttls)
        self._place = (api.host or api.name, api.port)
        self._trust = trust

    def connect(self) -> None:
        link = socket.create_connection(self._place, self.timeout)
        try:
            # A request leaves as two pieces: with Nagle's algorithm the second would wait for an acknowledgement.
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = self._trust.starttls.wrap_socket(link, server_hostname=self.host)
        except OSError:
            link.close()
            raise


def _read(command: str, status: int, body: bytes, asker: Jid) -> Any:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    said = content.get("message", "") if isinstance(content, dict) else content
    words = one_line(said) if isinstance(said, str) else ""
    if status == 401:
        raise XmppProblem("api_denied", f"{asker} and its password are not accepted: {words or 'HTTP 401'}")
    if status == 403:
        raise Declined("403", words, f"calling {command} as {asker}", "api_denied")
    refused = isinstance(content, dict) and content.get("status") == "error"
    if refused or status == 400 or (status != 200 and isinstance(content, str)):
        # Seen with ejabberd 23.01: no JSON when an argument is not what the command takes; a string when there is no
        # such value, with "internal_error" (HTTP 500) for a telephone.
        raise Declined(str(status), words, f"calling {command}")
    if status != 200 or (content is None and body.strip() != b"null"):
        raise XmppProblem("api_error", f"HTTP {status} and no JSON in answer to {command}")
    return content
