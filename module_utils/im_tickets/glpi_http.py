"""JSON over verified HTTPS, one request after the other, and GLPI's refusals as problems.

Neither redirects nor proxies are followed: tokens go to the host that the site named, and to no other.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlencode, urlsplit

from ..xmpp.problems import os_problem
from ..xmpp.tls import Trust
from .problems import TicketProblem, problem, shown

#: Octets of one answer: the session of an administrator of many entities is some MiB.
_MAX_ANSWER = 16 << 20
_READ = 65536

#: Error codes (apirest.md and API.php; AbstractController.php; RFC 6749 5.2) -> what we say of them.
_CODES = {
    "ERROR_GLPI_LOGIN_USER_TOKEN": "glpi_login",
    "ERROR_GLPI_LOGIN": "glpi_login",
    "ERROR_LOGIN_PARAMETERS_MISSING": "glpi_login",
    "invalid_grant": "glpi_login",
    "invalid_credentials": "glpi_login",
    "ERROR_WRONG_APP_TOKEN_PARAMETER": "glpi_application",
    "ERROR_APP_TOKEN_PARAMETERS_MISSING": "glpi_application",
    "invalid_client": "glpi_application",
    "unauthorized_client": "glpi_application",
    "invalid_scope": "glpi_application",
    "unsupported_grant_type": "glpi_application",
    "ERROR_NOT_ALLOWED_IP": "glpi_address",
    "ERROR_SESSION_TOKEN_INVALID": "glpi_session",
    "ERROR_SESSION_TOKEN_MISSING": "glpi_session",
    "ERROR_RIGHT_MISSING": "glpi_right",
    "ERROR_ITEM_NOT_FOUND": "glpi_not_found",
}
_STATUSES = {401: "glpi_login", 403: "glpi_right", 404: "glpi_not_found", 429: "glpi_rate"}


class Reply(NamedTuple):
    """An answer of GLPI: its decoded JSON, and how many there are in all when it sent a part of a list."""

    content: Any
    total: int | None


class GlpiConnection:
    """Sends requests to one GLPI. Holds no secret; the headers of a request do."""

    def __init__(self, url: str, ca_file: str | None, timeout: float) -> None:
        """Nothing is sent yet.

        Args:
            url: of GLPI, such as https://glpi.univ.example or https://univ.example/glpi; that of an API will do too.
            ca_file: PEM file of the authorities to trust instead of the system's.
            timeout: seconds for each answer.

        Raises:
            TicketProblem: ``glpi_url``, ``glpi_ca``.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise problem("glpi_url", url="") from None
        extras = (parts.username, parts.password, parts.query, parts.fragment)
        if (
            parts.scheme != "https"
            or not host
            or any(extras)
            or not (url.isascii() and url.isprintable())
            or " " in url
        ):
            # The address is not shown: a site may have written a password into it.
            raise problem("glpi_url", url=host or "")
        path = parts.path.rstrip("/")
        for ending in ("/apirest.php", "/api.php", "/api.php/v1", "/api.php/v2"):
            path = path.removesuffix(ending)
        self._host, self._port, self._path = host, port or 443, path
        self.name = f"{host}:{self._port}{path}" if port else f"{host}{path}"
        self._timeout = timeout
        try:
            self._context = Trust(ca_file).starttls
        except ssl.SSLError:
            raise problem("glpi_ca", file=ca_file or "", reason="no PEM") from None
        except OSError as error:
            raise problem("glpi_ca", file=ca_file or "", reason=error.strerror or "?") from None

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: Sequence[tuple[str, str]] = (),
        body: Any = None,
    ) -> Reply:
        """Send one request.

        Args:
            method: GET or POST.
            path: below the address of GLPI; made of our words and checked numbers only.
            headers: with the tokens.
            query: parameters.
            body: to send as JSON; None for none.

        Raises:
            TicketProblem: network, TLS, no JSON, or what GLPI refused.
        """
        target = f"{self._path}/{path}" + (f"?{urlencode(query)}" if query else "")
        content = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", "Content-Type": "application/json", **headers}
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context)
        try:
            connection.request(method, target, content, sent)
            response = connection.getresponse()
            octets = self._read(response)
        except OSError as error:
            raise self._unreached(error, path) from None
        except UnicodeError:  # of a host with an empty or an endless part
            raise problem("glpi_url", url=self._host) from None
        except http.client.HTTPException as error:
            raise problem("glpi_no_json", name=self.name, doing=path, status=0, kind=type(error).__name__) from None
        finally:
            connection.close()
        return self._reply(response, octets, path)

    def pages(self, fetch: Callable[[int], Reply], size: int, most: int) -> list[Any]:
        """All entries of a list that comes in parts.

        Args:
            fetch: from a first position to a part: a list, or a mapping with it under ``data``.
            size: how many a part holds.
            most: parts, before it is said that there are too many.

        Raises:
            TicketProblem: too many, or no list.
        """
        found: list[Any] = []
        for page in range(most):
            reply = fetch(page * size)
            part = reply.content
            if isinstance(part, dict):
                part = part.get("data", [])
            if not isinstance(part, list):
                raise self.unexpected("a list")
            found += part
            if len(part) < size or (reply.total is not None and len(found) >= reply.total):
                return found
        raise self.unexpected(f"fewer than {most * size} entries")

    def unexpected(self, wanted: str) -> TicketProblem:
        """The problem of an answer that is JSON and not what we know."""
        return problem("glpi_unexpected", name=self.name, wanted=wanted)

    def _unreached(self, error: OSError, doing: str) -> TicketProblem:
        found = os_problem(error, doing)
        code = "glpi_tls" if found.code.startswith("tls") else "glpi_network"
        return problem(code, name=self.name, reason=f"{found.code}: {found.detail}")

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        deadline = time.monotonic() + self._timeout
        pieces = []
        size = 0
        while piece := response.read1(_READ):
            pieces.append(piece)
            size += len(piece)
            if size > _MAX_ANSWER:
                raise problem("too_long", where=self.name, most=_MAX_ANSWER)
            if time.monotonic() > deadline:
                raise TimeoutError
        return b"".join(pieces)

    def _reply(self, response: http.client.HTTPResponse, octets: bytes, path: str) -> Reply:
        status = response.status
        if 300 <= status < 400:
            raise problem("glpi_redirect", name=self.name, doing=path, to=response.getheader("Location") or "?")
        try:
            content = json.loads(octets) if octets.strip() else None
            readable = True
        except (ValueError, RecursionError):
            content, readable = None, False
        if status in (429, 502, 503, 504):
            self._busy(status, response.getheader("Retry-After"))
        if not readable or (content is None and status in (401, 403)):
            kind = response.getheader("Content-Type") or "?"
            raise problem("glpi_no_json", name=self.name, doing=path, status=status, kind=kind)
        if status not in (200, 201, 206):
            self._refuse(status, content, path)
        return Reply(content, _total(response.getheader("Content-Range")))

    def _busy(self, status: int, wait: str | None) -> NoReturn:
        code = "glpi_rate" if status == 429 else "glpi_unavailable"
        raise problem(code, name=self.name, status=status, wait=wait or "?")

    def _refuse(self, status: int, content: Any, path: str) -> NoReturn:
        word, said = _error(content)
        code = _CODES.get(word) or _STATUSES.get(status, "glpi_refused")
        words = shown(" ".join(part for part in (f"HTTP {status}", word, said) if part))
        raise problem(code, name=self.name, doing=path, words=words)


def _error(content: Any) -> tuple[str, str]:
    """The code and the words of a refusal: [code, words] (legacy), {status, title, detail} (v2), or OAuth 2.0's."""
    if isinstance(content, list) and all(isinstance(part, str) for part in content):
        word, said = (*content, "", "")[:2]
        return word, said
    if isinstance(content, dict):
        word = content.get("error") or content.get("status") or ""
        said = content.get("error_description") or content.get("detail") or content.get("title") or ""
        more = content.get("additional_messages")
        if isinstance(more, list):
            said = " ".join([str(said), *(str(m.get("message", "")) for m in more if isinstance(m, dict))])
        return str(word), str(said)
    return "", ""


def _total(content_range: str | None) -> int | None:
    """The number of all entries in "0-99/250"."""
    last = (content_range or "").rpartition("/")[2]
    return int(last) if last.isascii() and last.isdigit() and len(last) < 10 else None
