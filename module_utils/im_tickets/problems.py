"""The one exception of this package: what is wrong, for support staff, in the language of the site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..im_catalogue import text

#: Characters of foreign text that a sentence shows.
_MOST_SHOWN = 120


class Mistake(NamedTuple):
    """One thing that is wrong: ``tickets.problem.<code>`` of the catalogue and the values of its sentence."""

    code: str
    values: dict[str, object]


class TicketProblem(Exception):
    """A ticket cannot be read or answered. Holds no secret; foreign text in it is one short printable line."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(" ".join(text(f"tickets.problem.{code}", "en", **values) for code, values in mistakes))
        self.mistakes = tuple(mistakes)

    def sentences(self, language: str) -> str:
        """Where, what, and what would do: one line for each mistake."""
        return "\n".join(text(f"tickets.problem.{code}", language, **values) for code, values in self.mistakes)


def problem(code: str, **values: object) -> TicketProblem:
    """A problem of one mistake; texts among the values are made fit to be shown."""
    return TicketProblem([mistake(code, **values)])


def mistake(code: str, **values: object) -> Mistake:
    """One mistake; texts among the values are made fit to be shown."""
    return Mistake(code, {name: shown(v) if isinstance(v, str) else v for name, v in values.items()})


def shown(foreign: str, most: int = _MOST_SHOWN) -> str:
    """Foreign text as one printable line, not long: no line breaks, terminal escapes or direction marks."""
    line = " ".join("".join(c if c.isprintable() else " " for c in foreign[: 4 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"
