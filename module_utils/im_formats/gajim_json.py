"""JSON objects as Gajim writes and reads them: json.dumps with no options."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]

#: Gajim nests four levels (workspaces); far from what the recursion of json.dumps bears.
MAX_DEPTH = 32


def parse_object(text: str) -> Object:
    """Parse one JSON object.

    Raises:
        ValueError: not JSON, not an object, a key twice in one object, or nested deeper than MAX_DEPTH. The message
            never quotes the text, which may hold passwords.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object_without_duplicates)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for node in level if isinstance(node, (dict, list)) for child in _children(node)]
        if not level:
            return value
    raise ValueError("nested too deep")


def write_object(value: Object) -> str:
    """The text that Gajim itself would write for this object."""
    return json.dumps(value)


def _children(node: Any) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> Object:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in the same object")
    return result
