"""The high-level API of GLPI 11, api.php/v2 (its ITILController.php, CoreController.php and OAuth/Server.php)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .glpi_api import APPROVAL, REQUEST, TO_DO, GlpiTicket, Note, Person, number_of, text_of
from .glpi_http import GlpiConnection, Reply

_TICKETS = "api.php/v2/Assistance/Ticket"
_PAGE = 200
_MOST_PAGES = 25


@dataclass(frozen=True)
class V2Access:
    """The OAuth client of GLPI (with the grant "password" and the scope "api") and the account."""

    client_id: str
    username: str
    client_secret: str = field(repr=False)
    password: str = field(repr=False)


class V2Api:
    """Requests with one bearer token. GLPI has no way to give it back: it ends by itself, after an hour."""

    def __init__(self, connection: GlpiConnection, access: V2Access) -> None:
        """Get a token.

        Raises:
            TicketProblem: GLPI cannot be reached, or refuses.
        """
        self._connection = connection
        asked = {
            "grant_type": "password",
            "client_id": access.client_id,
            "client_secret": access.client_secret,
            "username": access.username,
            "password": access.password,
            "scope": "api",
        }
        given = connection.call("POST", "api.php/token", {}, body=asked).content
        token = given.get("access_token") if isinstance(given, dict) else None
        if not isinstance(token, str) or not token:
            raise connection.unexpected("access_token")
        self._headers = {"Authorization": f"Bearer {token}"}
        # User/Me would want another scope.
        session = self._get("api.php/v2/session").content
        self._me = number_of(session.get("user_id")) if isinstance(session, dict) else 0
        if not self._me:
            raise connection.unexpected("user_id")

    def waiting(self, category: int) -> list[int]:
        states = ",".join(map(str, TO_DO))
        chosen = f"category.id=={category};status.id=in=({states});is_deleted==0"

        def part(start: int) -> Reply:
            query = [("filter", chosen), ("start", str(start)), ("limit", str(_PAGE)), ("sort", "id:asc")]
            return self._get(_TICKETS, query)

        entries = self._connection.pages(part, _PAGE, _MOST_PAGES)
        found = [self._ticket(entry) for entry in entries]
        # Looked at again: a filter that GLPI does not understand must not make every ticket ours.
        return sorted(
            one.number for one in found if one.category == category and one.status in TO_DO and one.type == REQUEST
        )

    def ticket(self, number: int) -> GlpiTicket:
        found = self._ticket(self._get(f"{_TICKETS}/{number}").content)
        if found.number != number:
            raise self._connection.unexpected(f"Ticket {number}")
        return found

    def requesters(self, number: int) -> list[Person]:
        members = self._entries(self._get(f"{_TICKETS}/{number}/TeamMember").content)
        # Groups ask too; only a user's page is user.form.php.
        users = [m for m in members if m.get("role") == "requester" and "/user.form.php" in text_of(m.get("href"))]
        people = [Person(*(text_of(user.get(name)) for name in ("name", "firstname", "realname"))) for user in users]
        return list(dict.fromkeys(people))

    def computers(self, number: int) -> list[str]:
        return []  # this API has no way to the items of a ticket

    def notes(self, number: int) -> list[Note]:
        entries = self._entries(self._get(f"{_TICKETS}/{number}/Timeline/Followup").content)
        return [self._note(entry.get("item") or entry) for entry in entries]

    def add_note(self, number: int, content: str, *, private: bool) -> None:
        self._add(f"{_TICKETS}/{number}/Timeline/Followup", {"content": content, "is_private": private})

    def solve(self, number: int, content: str) -> None:
        self._add(f"{_TICKETS}/{number}/Timeline/Solution", {"content": content})

    def close(self) -> None:
        """There is no session to end."""

    def _ticket(self, entry: Any) -> GlpiTicket:
        if not isinstance(entry, dict):
            raise self._connection.unexpected("Ticket")
        status = _id(entry.get("status"))
        return GlpiTicket(
            number=number_of(entry.get("id")),
            status=status,
            type=number_of(entry.get("type")),
            category=_id(entry.get("category")),
            content=text_of(entry.get("content")),
            deadline="",
            deleted=bool(number_of(entry.get("is_deleted"))),
            approved=status != APPROVAL,
        )

    def _note(self, entry: Mapping[str, Any]) -> Note:
        return Note(
            number=number_of(entry.get("id")),
            content=text_of(entry.get("content")),
            private=bool(number_of(entry.get("is_private"))),
            # The first releases of GLPI 11 do not say who wrote it.
            mine="user" not in entry or _id(entry["user"]) == self._me,
        )

    def _get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Reply:
        return self._connection.call("GET", path, self._headers, query)

    def _entries(self, content: Any) -> list[dict[str, Any]]:
        if not isinstance(content, list):
            raise self._connection.unexpected("a list")
        return [entry for entry in content if isinstance(entry, dict)]

    def _add(self, path: str, fields: Mapping[str, Any]) -> None:
        added = self._connection.call("POST", path, self._headers, body=dict(fields)).content
        if not isinstance(added, dict) or not number_of(added.get("id")):
            raise self._connection.unexpected("id")


def _id(value: Any) -> int:
    """The number of {id, name}; 0 for none."""
    return number_of(value.get("id")) if isinstance(value, dict) else 0
