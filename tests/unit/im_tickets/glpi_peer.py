"""A FAKE of GLPI: a script that answers as its source says it does. It is no GLPI, and no GLPI was ever reached.

What it proves: that we send the requests that GLPI's documentation and source name (apirest.md, src/Api/API.php of 10;
ITILController.php, CoreController.php, OAuth/Server.php of 11), that we understand answers and refusals of the shapes
that stand there, that answers are added once, that sessions are closed, and that nothing of a ticket gets further than
it should.

What it cannot prove: that a real GLPI, with its rights, entities, rules, plugins and versions, answers like this.
"""

from __future__ import annotations

import html
import json
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

APP_TOKEN = "app-token-of-the-peer"
USER_TOKEN = "user-token-of-the-peer"
OAUTH = {"client_id": "client", "client_secret": "secret-of-the-client", "username": "svc", "password": "svc-password"}
#: The account that the tokens belong to.
ME = 99
CATEGORY = 12

FORM = (
    "<h2>Demande</h2><p><b>1) Nom du poste</b>: pc-12<br><b>2) Logiciel</b>: Gajim<br>"
    "<b>3) Site</b>: Biblioth&egrave;que<br><b>4) Commentaire</b>: <p>Merci &amp; bonne journ\u00e9e</p><br></p>"
)

#: Content type and body of an answer that is not GLPI's.
Fault = tuple[int, str, str]


@dataclass
class PeerTicket:
    """A ticket; the fields have the names of GLPI's tables."""

    content: str = FORM
    status: int = 2
    type: int = 2
    itilcategories_id: int = CATEGORY
    is_deleted: int = 0
    global_validation: int = 1
    time_to_resolve: str | None = None
    requesters: tuple[int, ...] = (7,)
    groups: tuple[str, ...] = ()
    computers: tuple[str, ...] = ()


@dataclass
class Asked:
    """One request that came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class GlpiPeer:
    """Serves both APIs over TLS on a port of the loopback.

    Attributes:
        version: 10 encodes contents once more, 11 does not.
        heeds_header: whether version 10 knows X-GLPI-Sanitized-Content.
        sees_private: whether our account may see private follow-ups.
        names_authors: whether v2 says who wrote a follow-up.
        faults: pattern of "METHOD path" -> what is answered instead.
        delay: seconds before each answer.
    """

    context: ssl.SSLContext
    version: int = 11
    heeds_header: bool = True
    sees_private: bool = True
    names_authors: bool = True
    delay: float = 0
    faults: dict[str, Fault] = field(default_factory=dict)
    tickets: dict[int, PeerTicket] = field(default_factory=dict)
    computers: tuple[str, ...] = ("", "pc-1", "pc-12")
    users: dict[int, tuple[str, str, str]] = field(default_factory=lambda: {7: ("zoe.obrien", "Zo\u00eb", "O'Brien")})
    followups: list[dict[str, Any]] = field(default_factory=list)
    solutions: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    opened: int = 0

    def __enter__(self) -> GlpiPeer:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                peer.serve(self)

            def do_POST(self) -> None:
                peer.serve(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Handshakes that fail are part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.socket = self.context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_address[1]}"

    def arguments(self, api: str, **more: Any) -> dict[str, Any]:
        """The argument ``glpi`` of the modules to get here."""
        ways: dict[str, dict[str, Any]] = {
            "legacy": {"app_token": APP_TOKEN, "user_token": USER_TOKEN},
            "v2": dict(OAUTH),
        }
        labels = {"machine": ["Nom du poste", "Poste"]}
        return {"url": self.url, "api": api, "category": CATEGORY, "labels": labels, **ways[api], **more}

    def written(self, private: bool) -> list[str]:
        """Contents of our follow-ups."""
        return [f["content"] for f in self.followups if f["users_id"] == ME and bool(f["is_private"]) == private]

    def say(self, content: str, author: int = 7, private: bool = False, ticket: int = 5) -> None:
        """Somebody adds a follow-up by hand."""
        entry = {"items_id": ticket, "content": content, "is_private": int(private), "users_id": author}
        self.followups.append({"id": len(self.followups) + 1, **entry})

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        time.sleep(self.delay)
        parts = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Asked(handler.command, parts.path, parse_qs(parts.query), headers, body)
        self.asked.append(request)
        place = f"{request.method} {request.path}"
        fault = next((f for pattern, f in self.faults.items() if re.search(pattern, place)), None)
        if fault:
            status, kind, text = fault
            more = {"Location": text, "Retry-After": "30"}
        else:
            status, answer, more = self._answer(request)
            kind, text = "application/json", json.dumps(answer)
        octets = text.encode()
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(octets)), **more}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(octets)

    def _answer(self, request: Asked) -> tuple[int, Any, dict[str, str]]:
        if request.path.startswith("/apirest.php/"):
            return self._legacy(request, request.path.removeprefix("/apirest.php/"))
        return self._token(request) if request.path == "/api.php/token" else self._v2(request)

    # The legacy API.

    def _legacy(self, request: Asked, path: str) -> tuple[int, Any, dict[str, str]]:
        if request.headers.get("app-token") != APP_TOKEN:
            return 400, ["ERROR_WRONG_APP_TOKEN_PARAMETER", "parameter app_token seems wrong"], {}
        if path == "initSession":
            return self._open(request)
        token = request.headers.get("session-token", "")
        if token not in self.sessions:
            return 401, ["ERROR_SESSION_TOKEN_INVALID", "session_token seems invalid"], {}
        if path == "killSession":
            self.sessions.remove(token)
            return 200, True, {}
        if path == "search/Ticket":
            return self._search(request)
        return self._add(path, request.body["input"]) if request.body else self._item(request, path.split("/"))

    def _open(self, request: Asked) -> tuple[int, Any, dict[str, str]]:
        if request.headers.get("authorization") != f"user_token {USER_TOKEN}":
            return 401, ["ERROR_GLPI_LOGIN_USER_TOKEN", "parameter user_token seems invalid"], {}
        self.opened += 1
        token = f"session-{self.opened}"
        self.sessions.add(token)
        return 200, {"session_token": token, "session": {"glpiID": ME, "glpiname": "svc"}}, {}

    def _item(self, request: Asked, parts: list[str]) -> tuple[int, Any, dict[str, str]]:
        kind, number = parts[0], int(parts[1])
        if kind == "User" and number in self.users:
            name, first, last = self.users[number]
            return 200, {"id": number, "name": name, "firstname": first, "realname": last}, {}
        if kind == "Computer":
            return 200, {"id": number, "name": self.computers[number]}, {}
        if kind != "Ticket" or number not in self.tickets:
            return 404, ["ERROR_ITEM_NOT_FOUND", "Item not found"], {}
        if parts[2:]:
            return self._part(request, self._linked(request, number, parts[2]))
        ticket = self.tickets[number]
        names = ("status", "type", "itilcategories_id", "is_deleted", "global_validation", "time_to_resolve")
        fields = {name: getattr(ticket, name) for name in names}
        return 200, {"id": number, "content": self._stored(request, ticket.content), **fields}, {}

    def _linked(self, request: Asked, number: int, kind: str) -> list[dict[str, Any]]:
        ticket = self.tickets[number]
        if kind == "Item_Ticket":
            links = [{"itemtype": "Computer", "items_id": self.computers.index(name)} for name in ticket.computers]
            return [{"itemtype": "Printer", "items_id": 2}, *links]
        if kind == "Ticket_User":
            others = [{"users_id": 8, "type": 3}, {"users_id": ME, "type": 2}]
            return [{"users_id": user, "type": 1} for user in ticket.requesters] + others
        return [{**f, "content": self._stored(request, f["content"])} for f in self._seen(number)]

    def _search(self, request: Asked) -> tuple[int, Any, dict[str, str]]:
        criteria = {
            request.query[f"criteria[{i}][field]"][0]: request.query[f"criteria[{i}][value]"][0] for i in range(2)
        }
        assert criteria["12"] == "notold"
        rows = [
            {"2": number, "12": t.status, "14": t.type, "1": "name"}
            for number, t in sorted(self.tickets.items())
            if str(t.itilcategories_id) == criteria["7"] and t.status not in (5, 6) and not t.is_deleted
        ]
        status, part, headers = self._part(request, rows)
        found: dict[str, Any] = {"totalcount": len(rows), "count": len(part), "sort": [2], "order": ["ASC"]}
        if part:  # seen in API.php: there is no "data" when nothing was found
            found["data"] = part
        return status, found, headers

    def _part(self, request: Asked, entries: list[dict[str, Any]]) -> tuple[int, Any, dict[str, str]]:
        first, last = map(int, request.query["range"][0].split("-"))
        part = entries[first : last + 1]
        headers = {"Content-Range": f"{first}-{first + len(part) - 1}/{len(entries)}"}
        return (200 if len(part) == len(entries) else 206), part, headers

    def _add(self, kind: str, fields: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        assert fields.pop("itemtype") == "Ticket"
        self._keep({"ITILFollowup": "Followup", "ITILSolution": "Solution"}[kind], fields)
        return 201, {"id": 1000, "message": ""}, {}

    def _stored(self, request: Asked, content: str) -> str:
        raw = self.heeds_header and request.headers.get("x-glpi-sanitized-content") == "false"
        if self.version >= 11 or raw:
            return content
        return content.replace("&", "&#38;").replace("<", "&#60;").replace(">", "&#62;")

    # The API of GLPI 11.

    def _token(self, request: Asked) -> tuple[int, Any, dict[str, str]]:
        good = all(request.body.get(name) == value for name, value in OAUTH.items())
        if good and request.body["grant_type"] == "password" and request.body["scope"] == "api":
            return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": "bearer-of-the-peer"}, {}
        return 400, {"error": "invalid_grant", "error_description": "The user credentials were incorrect."}, {}

    def _v2(self, request: Asked) -> tuple[int, Any, dict[str, str]]:
        path = request.path.removeprefix("/api.php/v2/")
        if request.headers.get("authorization") != "Bearer bearer-of-the-peer":
            return 401, {"status": "ERROR_UNAUTHENTICATED", "title": "Not logged in", "detail": None}, {}
        if path == "session":
            return 200, {"user_id": ME, "name": "svc"}, {}
        if path == "Assistance/Ticket":
            return self._filtered(request)
        number, *rest = path.removeprefix("Assistance/Ticket/").split("/")
        if int(number) not in self.tickets:
            return 404, {"status": "ERROR_ITEM_NOT_FOUND", "title": "Not found", "detail": None}, {}
        return 200, self._of_ticket(request, int(number), rest), {}

    def _of_ticket(self, request: Asked, number: int, rest: list[str]) -> Any:
        ticket = self.tickets[number]
        if not rest:
            return self._as_v2(number, ticket)
        if rest == ["TeamMember"]:
            return self._team(ticket)
        if request.method == "POST":
            self._keep(rest[1], {"items_id": number, **request.body})
            return {"id": 1000, "href": f"/Assistance/Ticket/{number}/Timeline/{rest[1]}/1000"}
        return [{"type": "Followup", "item": self._note(f)} for f in self._seen(number)]

    def _filtered(self, request: Asked) -> tuple[int, Any, dict[str, str]]:
        chosen = re.fullmatch(r"category\.id==(\d+);status\.id=in=\(1,2,3\);is_deleted==0", request.query["filter"][0])
        assert chosen
        found = [
            self._as_v2(number, t)
            for number, t in sorted(self.tickets.items())
            if t.itilcategories_id == int(chosen[1]) and t.status in (1, 2, 3) and not t.is_deleted
        ]
        start, limit = (int(request.query[name][0]) for name in ("start", "limit"))
        part = found[start : start + limit]
        return (
            206 if len(part) < len(found) else 200,
            part,
            {"Content-Range": f"{start}-{start + len(part)}/{len(found)}"},
        )

    def _as_v2(self, number: int, ticket: PeerTicket) -> dict[str, Any]:
        category = {"id": ticket.itilcategories_id, "name": "Logiciels"} if ticket.itilcategories_id else None
        # Whoever asked for an approval that is not there yet sees the status of it in GLPI 11.
        status = 10 if ticket.global_validation in (2, 4) else ticket.status
        return {
            "id": number,
            "content": ticket.content,
            "is_deleted": bool(ticket.is_deleted),
            "category": category,
            "type": ticket.type,
            "status": {"id": status, "name": "?"},
        }

    def _team(self, ticket: PeerTicket) -> list[dict[str, Any]]:
        def member(role: str, user: int) -> dict[str, Any]:
            name, first, last = self.users.get(user, (f"user{user}", "", ""))
            names = {"name": name, "firstname": first, "realname": last, "display_name": f"{first} {last}"}
            return {"role": role, **names, "href": f"/front/user.form.php?id={user}"}

        groups = [{"role": "requester", "name": g, "href": "/front/group.form.php?id=1"} for g in ticket.groups]
        return [*(member("requester", user) for user in ticket.requesters), member("assigned", ME), *groups]

    def _note(self, followup: dict[str, Any]) -> dict[str, Any]:
        author = {"user": {"id": followup["users_id"], "name": "?"}} if self.names_authors else {}
        return {
            "id": followup["id"],
            "content": followup["content"],
            "is_private": bool(followup["is_private"]),
            **author,
        }

    # What both share.

    def _seen(self, number: int) -> list[dict[str, Any]]:
        return [f for f in self.followups if f["items_id"] == number and (self.sees_private or not f["is_private"])]

    def _keep(self, kind: str, fields: dict[str, Any]) -> None:
        if kind == "Solution":
            self.solutions.append(fields)
            self.tickets[fields["items_id"]].status = 5
            return
        self.say(fields["content"], ME, bool(fields["is_private"]), fields["items_id"])


def shown(content: str) -> str:
    """What a browser shows of our rich text, roughly: breaks as line breaks, no markup, entities read."""
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br>|</p>", "\n", content))).replace("\xa0", " ")
