"""Values of a query as constants of a field's type, and patterns of texts."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

from oxide.errors import QueryError
from oxide.labels.ids import is_id
from oxide.query.tree import Compare, Constant, Field, Glob, Kind, Node

_TYPES = {"text": "a text", "number": "a number", "bool": "true or false", "time": "a time", "id": "an id"}
_MANY = {"list": "a list", "box": "a box"}
LEAST, LARGEST = -(2**63), 2**63 - 1
MAXIMUM_DEPTH = 100
ANNOTATION_TYPE = Field("annotations", "type", "text")
DATALOOP_TYPES = {"segment": "polygon", "binary": "mask", "cube": "cuboid", "pose": "keypoints"}
"""Types of annotations by the names that Dataloop has for them."""


def constant(field: Field, value: Any, place: str) -> Constant:
    """A value that is compared with a field. Raises QueryError for one of another type."""
    if field.kind == "json":
        return Constant("json", canonical(value, place))
    if field == ANNOTATION_TYPE and isinstance(value, str):
        value = DATALOOP_TYPES.get(value, value)
    if field.kind in _MANY:
        raise QueryError(f"{place}: '{field.title}' is {_MANY[field.kind]}, not {shown(value)}", hint=_advice(field))
    if value is None:
        return Constant(field.kind if field.kind != "time" else "json", "null")
    if field.kind == "time":
        return Constant("time", moment(value, place))
    if field.kind == "id":
        if not isinstance(value, str) or not is_id(value):
            raise QueryError(f"{place}: {shown(value)} is no id", hint="ids are 24 hexadecimal digits")
        return Constant("id", json.dumps(value.lower()))
    if not _is_of(field.kind, value):
        raise QueryError(f"{place}: '{field.title}' is {_TYPES[field.kind]}, not {shown(value)}", hint=_advice(field))
    return Constant(field.kind, canonical(value, place))


def _is_of(kind: Kind, value: Any) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _advice(field: Field) -> str:
    if field.kind == "list":
        return 'ask for one element: {"$match": {...}}, count them: {"$count": 2}, or ask for any: {"$exists": true}'
    if field.kind == "box":
        return "use $area, $iou, $inside, $overlaps or $exists"
    return f"give {_TYPES[field.kind]}"


def canonical(value: Any, place: str) -> str:
    """A JSON value as text: one text for equal values."""
    try:
        return json.dumps(_plain(value, place, 0), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError):
        raise QueryError(f"{place}: {shown(value)} is no JSON", hint="use text, numbers, lists, objects") from None


def _plain(value: Any, place: str, depth: int) -> Any:
    """The value with numbers in one spelling."""
    if depth > MAXIMUM_DEPTH:
        raise QueryError(f"{place}: the value is nested more than {MAXIMUM_DEPTH} deep", hint="make it flatter")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise QueryError(f"{place}: {value} is no number in JSON", hint="use a finite one")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, int) and not isinstance(value, bool) and not LEAST <= value <= LARGEST:
        raise QueryError(f"{place}: {shown(value)} is beyond the integers of 64 bits", hint="write it as 1e20")
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise QueryError(f"{place}: names in an object are texts", hint="quote them")
        return {whole(name, place): _plain(each, place, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, place, depth + 1) for each in value]
    return whole(value, place) if isinstance(value, str) else value


def whole(text: str, place: str) -> str:
    """A text as it is. Raises QueryError for one that is no Unicode, so that nothing could be equal to it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QueryError(f"{place}: the text holds half of a surrogate pair", hint="use whole characters") from None
    return text


def moment(value: Any, place: str) -> str:
    """A time in UTC, ISO 8601 with microseconds."""
    if isinstance(value, datetime):
        found = value
    else:
        try:
            found = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            hint = "write 2026-05-01, or 2026-05-01T12:00:00Z"
            raise QueryError(f"{place}: {shown(value)} is no time", hint=hint) from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    try:
        return found.astimezone(UTC).isoformat(timespec="microseconds")
    except (OverflowError, ValueError):
        raise QueryError(f"{place}: {shown(value)} is beyond the times there are", hint="use years 1 to 9999") from None


def day_of(value: Any) -> str | None:
    """The day that a date without a time names; ``None`` for anything else."""
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        return None


def span(day: str) -> tuple[str, str | None]:
    """The first moment of a day, and that of the day behind it, which the last day that there is lacks."""
    first = datetime.fromisoformat(day).replace(tzinfo=UTC)
    try:
        behind = (first + timedelta(days=1)).isoformat(timespec="microseconds")
    except OverflowError:
        behind = None
    return first.isoformat(timespec="microseconds"), behind


def is_day(node: Node) -> bool:
    """Whether a test is that a time lies within a day: equality with a date alone."""
    return isinstance(node, Compare) and node.value.kind == "time" and len(node.value.text) == len("2026-05-01")


def equal_to(field: Field, value: Any, place: str) -> Compare:
    """``$eq``: the value itself; of a time that is a date alone any time of that day."""
    day = day_of(value) if field.kind == "time" else None
    return Compare(field, "eq", constant(field, value, place) if day is None else Constant("time", day))


def equality(field: Field, value: Any, place: str) -> Node:
    """``field: value``: equal, or of the pattern that a text with ``*`` is."""
    if isinstance(value, str) and field.kind in ("text", "json") and "*" in value:
        pattern = pattern_of_value(whole(value, place))
        if pattern is None:
            return equal_to(field, value.replace("\\*", "*"), place)
        return Glob(field, pattern)
    return equal_to(field, value, place)


def pattern_of_value(value: str) -> str | None:
    r"""The pattern of a value in which only ``*`` is special and ``\*`` is a star; ``None`` when it has no run."""
    pattern, runs, at = [], 0, 0
    while at < len(value):
        if value.startswith("\\*", at):
            pattern.append("[*]")
            at += 2
            continue
        character = value[at]
        runs += character == "*"
        pattern.append(f"[{character}]" if character in "?[" else character)
        at += 1
    return "".join(pattern) if runs else None


def value_of_pattern(pattern: str) -> str:
    r"""The value that stands for a pattern of :func:`pattern_of_value`."""
    return pattern.replace("[*]", "\\*").replace("[?]", "?").replace("[[]", "[")


Piece = str | tuple[bool, tuple[tuple[str, str], ...]]
"""``*``, ``?``, ``=c`` for a character, or whether one of some ranges of characters is meant, or none."""


def pieces(pattern: str, place: str = "$glob") -> list[Piece]:
    r"""A pattern in pieces, ``\*`` being a star. Raises QueryError for a bracket without an end."""
    found: list[Piece] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if pattern.startswith("\\*", at - 1):
            found.append("=*")
            at += 1
        elif character in "*?":
            if character != "*" or found[-1:] != ["*"]:
                found.append(character)
        elif character == "[":
            end = pattern.find("]", at + (pattern[at : at + 1] == "!") + 1)
            if end < 0:
                hint = "close it with ], or write [[] for the character itself"
                raise QueryError(f"{place}: the pattern '{pattern}' has a [ without a ]", hint=hint)
            found.append(_set(pattern[at:end]))
            at = end + 1
        else:
            found.append("=" + character)
    return found


def _set(inside: str) -> Piece:
    within = not inside.startswith("!")
    rest = inside if within else inside[1:]
    ranges: list[tuple[str, str]] = []
    at = 0
    while at < len(rest):
        if rest[at + 1 : at + 2] == "-" and at + 2 < len(rest):
            ranges.append((rest[at], rest[at + 2]))
            at += 3
        else:
            ranges.append((rest[at], rest[at]))
            at += 1
    if within and len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return "=" + ranges[0][0]
    return within, tuple(ranges)


def shown(value: Any) -> str:
    """A value in a message: as JSON where it is, and not all of it where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else text[:59] + "…"
