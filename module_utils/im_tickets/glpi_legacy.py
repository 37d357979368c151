"""The legacy API of GLPI 10 and 11, apirest.php (its apirest.md and src/Api/API.php)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .glpi_api import REQUEST, TO_DO, GlpiTicket, Note, Person, number_of, text_of
from .glpi_http import GlpiConnection, Reply
from .problems import TicketProblem

#: CommonITILActor::REQUESTER.
_REQUESTER = 1
#: CommonITILValidation: waiting, refused.
_NOT_APPROVED = (2, 4)
#: Search options of a ticket: number, category, status, type.
_NUMBER, _CATEGORY, _STATUS, _TYPE = "2", "7", "12", "14"
_PAGE = 200
_MOST_PAGES = 25


@dataclass(frozen=True)
class LegacyAccess:
    """Tokens: of the API client ("" when GLPI asks for none) and of the account. Neither shows in a representation."""

    app_token: str = field(repr=False)
    user_token: str = field(repr=False)


class LegacyApi:
    """One session of apirest.php, from initSession to killSession."""

    def __init__(self, connection: GlpiConnection, access: LegacyAccess) -> None:
        """Log in.

        Raises:
            TicketProblem: GLPI cannot be reached, or refuses.
        """
        self._connection = connection
        # GLPI 10 encodes what it returns once more unless told so; other versions do not know the header.
        self._headers = {"X-GLPI-Sanitized-Content": "false"}
        if access.app_token:
            self._headers["App-Token"] = access.app_token
        login = {**self._headers, "Authorization": f"user_token {access.user_token}"}
        started = connection.call("GET", "apirest.php/initSession", login, [("get_full_session", "true")]).content
        token = started.get("session_token") if isinstance(started, dict) else None
        if not isinstance(token, str) or not token:
            raise connection.unexpected("session_token")
        self._headers["Session-Token"] = token
        session = started.get("session")
        self._me = number_of(session.get("glpiID")) if isinstance(session, dict) else 0
        if not self._me:
            self.close()
            raise connection.unexpected("glpiID")

    def waiting(self, category: int) -> list[int]:
        query = [
            *_criterion(0, _CATEGORY, "equals", str(category)),
            ("criteria[1][link]", "AND"),
            *_criterion(1, _STATUS, "equals", "notold"),
            *((f"forcedisplay[{place}]", option) for place, option in enumerate((_NUMBER, _STATUS, _TYPE))),
            ("sort", _NUMBER),
            ("order", "ASC"),
        ]
        rows = self._all("search/Ticket", query)
        chosen = [r for r in rows if number_of(r.get(_STATUS)) in TO_DO and number_of(r.get(_TYPE)) == REQUEST]
        return sorted(number for row in chosen if (number := number_of(row.get(_NUMBER))))

    def ticket(self, number: int) -> GlpiTicket:
        entry = self._get(f"Ticket/{number}").content
        if not isinstance(entry, dict) or number_of(entry.get("id")) != number:
            raise self._connection.unexpected(f"Ticket {number}")
        return GlpiTicket(
            number=number,
            status=number_of(entry.get("status")),
            type=number_of(entry.get("type")),
            category=number_of(entry.get("itilcategories_id")),
            content=text_of(entry.get("content")),
            deadline=text_of(entry.get("time_to_resolve")),
            deleted=bool(number_of(entry.get("is_deleted"))),
            approved=number_of(entry.get("global_validation")) not in _NOT_APPROVED,
        )

    def requesters(self, number: int) -> list[Person]:
        links = self._all(f"Ticket/{number}/Ticket_User")
        users = [number_of(link.get("users_id")) for link in links if number_of(link.get("type")) == _REQUESTER]
        return [self._person(user) for user in dict.fromkeys(users) if user]

    def computers(self, number: int) -> list[str]:
        links = self._all(f"Ticket/{number}/Item_Ticket")
        linked = [number_of(link.get("items_id")) for link in links if link.get("itemtype") == "Computer"]
        found = [self._get(f"Computer/{computer}").content for computer in dict.fromkeys(linked) if computer]
        return [text_of(entry.get("name")) for entry in found if isinstance(entry, dict)]

    def notes(self, number: int) -> list[Note]:
        return [
            Note(
                number=number_of(entry.get("id")),
                content=text_of(entry.get("content")),
                private=bool(number_of(entry.get("is_private"))),
                mine=number_of(entry.get("users_id")) == self._me,
            )
            for entry in self._all(f"Ticket/{number}/ITILFollowup")
        ]

    def add_note(self, number: int, content: str, *, private: bool) -> None:
        self._add("ITILFollowup", {**_of(number), "content": content, "is_private": int(private)})

    def solve(self, number: int, content: str) -> None:
        self._add("ITILSolution", {**_of(number), "content": content})

    def close(self) -> None:
        # The work is done or has failed already, and GLPI ends an idle session by itself.
        with contextlib.suppress(TicketProblem):
            self._get("killSession")

    def _person(self, user: int) -> Person:
        entry = self._get(f"User/{user}").content
        if not isinstance(entry, dict):
            raise self._connection.unexpected(f"User {user}")
        return Person(*(text_of(entry.get(name)) for name in ("name", "firstname", "realname")))

    def _get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Reply:
        return self._connection.call("GET", f"apirest.php/{path}", self._headers, query)

    def _all(self, path: str, query: Sequence[tuple[str, str]] = ()) -> list[dict[str, Any]]:
        def part(start: int) -> Reply:
            return self._get(path, [*query, ("range", f"{start}-{start + _PAGE - 1}")])

        entries = self._connection.pages(part, _PAGE, _MOST_PAGES)
        return [entry for entry in entries if isinstance(entry, dict)]

    def _add(self, kind: str, fields: dict[str, Any]) -> None:
        added = self._connection.call("POST", f"apirest.php/{kind}", self._headers, body={"input": fields}).content
        if not isinstance(added, dict) or not number_of(added.get("id")):
            raise self._connection.unexpected("id")


def _criterion(place: int, option: str, how: str, value: str) -> list[tuple[str, str]]:
    entry = {"field": option, "searchtype": how, "value": value}
    return [(f"criteria[{place}][{name}]", text) for name, text in entry.items()]


def _of(number: int) -> dict[str, Any]:
    return {"itemtype": "Ticket", "items_id": number}
