"""Cursors: where a page ended, so that the next one goes on behind it whatever was added or removed meanwhile."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from oxide.errors import InvalidInput
from oxide.query.tree import Query

_VERSION = 1


class Key(NamedTuple):
    """A column of the result that orders it."""

    name: str
    descending: bool
    may_miss: bool = True


def encode(query: Query, values: Sequence[Any]) -> str:
    """The cursor behind a row with these values of the keys."""
    plain = [{"hex": value.hex()} if isinstance(value, bytes) else value for value in values]
    text = json.dumps([_VERSION, _mark(query), plain], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(query: Query, cursor: str, keys: int) -> list[Any]:
    """The values of the keys. Raises InvalidInput for a cursor that is none, or of another query."""
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        version, mark, plain = json.loads(text)
        values = [bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for value in plain]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidInput(f"'{cursor[:40]}' is no cursor", hint="use the 'next' of an earlier page") from None
    if version != _VERSION or mark != _mark(query) or len(values) != keys:
        raise InvalidInput("the cursor is of another query or order", hint="ask for the first page again")
    return values


def _mark(query: Query) -> str:
    asked = repr((query.resource, query.tree, query.sort))
    return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def behind(keys: Sequence[Key], values: Sequence[Any], parameter: Callable[[Any], str]) -> str:
    """A condition for the rows that come behind one. Missing values come first when the order ascends."""
    condition: str | None = None
    for key, value in reversed(list(zip(keys, values, strict=True))):
        further = _further(key, value, parameter)
        if condition is not None:
            same = f"{key.name} IS NULL" if value is None else f"{key.name} = {parameter(value)}"
            condition = f"({same} AND ({condition}))" if further is None else f"({further} OR ({same} AND {condition}))"
        else:
            condition = further
    return condition or "false"


def _further(key: Key, value: Any, parameter: Callable[[Any], str]) -> str | None:
    if value is None:
        return None if key.descending else f"{key.name} IS NOT NULL"
    if key.descending:
        return f"({key.name} < {parameter(value)} OR {key.name} IS NULL)"
    return f"{key.name} > {parameter(value)}"


def ordering(keys: Sequence[Key]) -> str:
    """The same order in SQL."""
    directions = {True: "DESC NULLS LAST", False: "ASC NULLS FIRST"}
    return ", ".join(f"{key.name} {directions[key.descending]}" if key.may_miss else key.name for key in keys)
