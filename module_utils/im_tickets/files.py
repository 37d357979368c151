"""Tickets in a file, answers in files: for a site whose ticket system we do not speak with."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ..im_catalogue import text
from ..im_directory import csv_table, decoded
from ..im_inventory import InventoryError
from .marker import last_reference, reference
from .problems import TicketProblem, problem, shown
from .system import Addition, Answer, Answered
from .ticket import Found, check_number, field_names, named_once, plain, read_ticket

#: Octets of a file of tickets: some thousand rows of CSV.
_MOST_OCTETS = 1 << 20
#: Of YAML, which is read in Python: some thousand tickets as well.
_MOST_YAML = 1 << 18

_NAMES = {"public": "suivi-public", "private": "suivi-prive"}


class _Row(NamedTuple):
    """One ticket as it stands in the file: where, field -> text, and the names that say nothing to us."""

    where: str
    values: dict[str, str]
    ignored: tuple[str, ...]


class FileTickets:
    """Tickets of one YAML or CSV file; answers below one directory."""

    def __init__(self, file: Path | None, directory: Path, language: str) -> None:
        """Nothing is read yet.

        Args:
            file: YAML (``.yml``, ``.yaml``, ``.json``: one ticket or a list) or CSV (``.csv``) with tickets. None when
                only answers are written.
            directory: where answers go, each ticket in a directory of its number; made when it is missing.
            language: of the line with the reference.
        """
        self._file = file
        self._directory = directory
        self._language = language

    def waiting(self) -> list[str]:
        """Numbers in the order of the file: it does not say which are done."""
        return list(self._rows())

    def read(self, number: str) -> Found:
        """The ticket of this number. Other rows may be wrong: only this one is looked at."""
        rows = self._rows()
        check_number(number)
        if number not in rows:
            raise problem("unknown_number", value=number, known=_some(rows))
        row = rows[number]
        return Found(read_ticket(row.values, row.where), row.ignored)

    def answer(self, number: str, answer: Answer, *, check: bool) -> Answered:
        """Write ``suivi-public.md`` and ``suivi-prive.md``: the newest answer, an earlier one beside it with a number.

        A file knows no state of the ticket, so ``solve`` adds nothing.
        """
        place = self._directory / check_number(number)
        additions = []
        for kind, words in (("public", answer.public), ("private", answer.private)):
            if not words.strip():
                continue
            path = place / f"{_NAMES[kind]}.md"
            before = _read_answer(path)
            mark = reference(number, kind, answer.state or answer.public)
            if last_reference(before, kind) == mark:
                continue
            line = text("tickets.reference", self._language, reference=mark)
            after = f"{words.strip()}\n\n{line}\n"
            additions.append(Addition(kind, str(path), before, after))
            if not check:
                _write_answer(path, after)
        return Answered(tuple(additions))

    def close(self) -> None:
        """Files need none."""

    def _rows(self) -> dict[str, _Row]:
        if self._file is None:
            raise problem("no_file")
        name = str(self._file)
        try:
            content = _read_limited(self._file)
        except OSError as error:
            raise problem("file_unreadable", file=name, reason=error.strerror or "?") from None
        suffix = self._file.suffix.lower()
        if suffix == ".csv":
            rows = _csv_rows(content, name)
        elif suffix in (".yml", ".yaml", ".json"):
            rows = _yaml_rows(content, name)
        else:
            raise problem("file_kind", file=name)
        return _by_number(rows, name)


def _read_limited(path: Path) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(_MOST_OCTETS + 1)
    if len(content) > _MOST_OCTETS:
        raise problem("too_long", where=str(path), most=_MOST_OCTETS)
    return content


def _by_number(rows: list[_Row], file: str) -> dict[str, _Row]:
    found: dict[str, _Row] = {}
    for row in rows:
        number = row.values.get("number", "")
        if not number:
            raise problem("missing", where=row.where, names="numero / number")
        check_number(number)
        if number in found:
            raise problem("number_twice", value=number, first=found[number].where, second=row.where)
        found[number] = row
    if not found:
        raise problem("no_tickets", file=file)
    return found


def _csv_rows(content: bytes, file: str) -> list[_Row]:
    try:
        columns, rows = csv_table(decoded(content))
    except InventoryError as error:
        raise problem("bad_csv", file=file, what=str(error)) from None
    _refuse_twice(columns, file)
    return [_row(f"{file}, {line}", values) for line, values in rows]


def _yaml_rows(content: bytes, file: str) -> list[_Row]:
    if len(content) > _MOST_YAML:
        raise problem("too_long", where=file, most=_MOST_YAML)
    try:
        loaded = yaml.load(decoded(content), Loader=_TextLoader)  # noqa: S506 - makes texts, lists and mappings only
    except InventoryError as error:
        raise problem("bad_yaml", file=file, what=str(error)) from None
    except yaml.YAMLError as error:
        raise problem("bad_yaml", file=file, what=_yaml_words(error)) from None
    except RecursionError:
        raise problem("bad_yaml", file=file, what="nested too deeply") from None
    entries: Iterable[Any] = loaded if isinstance(loaded, list) else [] if loaded in (None, "") else [loaded]
    rows = []
    for position, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or not all(isinstance(name, str) for name in entry):
            raise problem("bad_yaml", file=file, what=f"{position}: no mapping of names to texts")
        _refuse_twice(entry, file)
        # A value that is no text (a list, a mapping) is taken as none: of an ignored name it does not matter.
        texts = {name: value if isinstance(value, str) else "" for name, value in entry.items()}
        rows.append(_row(f"{file}, {position}", texts))
    return rows


def _yaml_words(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return where + str(getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML")


def _refuse_twice(names: Iterable[str], file: str) -> None:
    known = field_names()
    seen: dict[str, str] = {}
    for name in names:
        field = known.get(plain(name))
        if field in seen and field is not None:
            raise problem("name_twice", file=file, first=seen[field], second=name)
        if field is not None:
            seen[field] = name


def _row(where: str, texts: Mapping[str, str]) -> _Row:
    known = field_names()
    values = {known[plain(name)]: value.strip() for name, value in texts.items() if plain(name) in known}
    return _Row(where, values, named_once(name for name in texts if plain(name) not in known))


def _some(numbers: Iterable[str], most: int = 20) -> str:
    known = list(numbers)
    return ", ".join(known[:most]) + (", …" if len(known) > most else "")


def _read_answer(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unwritten(path, error) from None


def _write_answer(path: Path, after: str) -> None:
    """Put the answer there at once, for its owner alone; what stood there gets a numbered name first."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep(path)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(after.encode("utf-8", "replace"))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise _unwritten(path, error) from None


def _keep(path: Path) -> None:
    """Give the present answer a second name that is free: suivi-public.1.md is the oldest."""
    if not path.exists():
        return
    number = 1
    while True:
        try:
            path.with_name(f"{path.stem}.{number}{path.suffix}").hardlink_to(path)
        except FileExistsError:
            number += 1
        else:
            return


def _unwritten(path: Path, error: OSError) -> TicketProblem:
    return problem("answer_unwritten", file=str(path), reason=shown(error.strerror or "?"))


class _TextLoader(yaml.BaseLoader):
    """Every scalar is the text that stands there: 0042 is no octal number, a day no date. A name stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands there twice", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping
