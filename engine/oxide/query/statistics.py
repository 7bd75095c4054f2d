"""What a tree says of single columns, at least: segments whose statistics exclude it are not opened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from oxide.query.columns import EXPRESSIONS
from oxide.query.tree import All, Compare, Either, Exists, Field, Glob, Node, Not
from oxide.query.values import is_day, pieces, span

Condition = dict[str, Any]
_LAST = "\U0010ffff"
_BOUNDS = {"gt": "least", "gte": "least", "lt": "most", "lte": "most"}


def conditions(node: Node) -> dict[str, list[Condition]]:
    """Conditions by the letter of the table, as :meth:`oxide._core.Store.export_parquet` takes them."""
    found: dict[str, list[Condition]] = {}
    for part in node.parts if isinstance(node, All) else (node,):
        if isinstance(part, Not) and isinstance(part.part, Exists):
            named = _column(part.part.field)
            if named is not None:
                found.setdefault(named[0], []).append({"column": named[1], "present": False})
            continue
        for letter, condition in _of_part(part):
            found.setdefault(letter, []).append(condition)
    return found


def _of_part(part: Node) -> list[tuple[str, Condition]]:
    if isinstance(part, Either):
        values = _among(part)
        return [values] if values is not None else []
    if not isinstance(part, Compare | Glob | Exists):
        return []
    if isinstance(part, Glob):
        return _of_glob(part)
    named = _column(part.field)
    if named is None:
        return []
    letter, column = named
    if isinstance(part, Exists):
        return [(letter, {"column": column, "present": True})]
    if part.value.is_null:
        return [(letter, {"column": column, "present": False})]
    if is_day(part):
        first, behind = span(part.value.text)
        found = {"least": _microseconds(first)} | ({} if behind is None else {"most": _microseconds(behind)})
        return [(letter, {"column": column, bound: value}) for bound, value in found.items()]
    value = _known(part)
    if part.operator == "eq":
        return [(letter, {"column": column, "among": [value]})]
    return [(letter, {"column": column, _BOUNDS[part.operator]: value})]


def _of_glob(part: Glob) -> list[tuple[str, Condition]]:
    pattern, field = part.pattern, part.field
    if field.resource == "items" and field.name == "filename" and pattern.startswith("/"):
        pattern, field = pattern[1:], Field("items", "path", "text")
    named = _column(field)
    if named is None:
        return []
    prefix = ""
    for piece in pieces(pattern):
        if not isinstance(piece, str) or not piece.startswith("="):
            break
        prefix += piece[1:]
    letter, column = named
    if not prefix:
        return [(letter, {"column": column, "present": True})]
    return [(letter, {"column": column, "least": prefix}), (letter, {"column": column, "most": prefix + _LAST})]


def _among(part: Either) -> tuple[str, Condition] | None:
    values = []
    for each in part.parts:
        if not isinstance(each, Compare) or each.operator != "eq" or each.value.is_null or is_day(each):
            return None
        values.append((_column(each.field), _known(each)))
    if not values or values[0][0] is None or any(column != values[0][0] for column, _ in values):
        return None
    letter, column = values[0][0]
    return letter, {"column": column, "among": [value for _, value in values]}


def _column(field: Field) -> tuple[str, str] | None:
    if field.resource == "element" or field.kind == "json":
        return None
    expression = EXPRESSIONS[field.resource].get(field.name)
    if expression is None or expression.column is None:
        return None
    return expression.table, expression.column


def _known(part: Compare) -> Any:
    """The constant as statistics hold it."""
    if part.value.kind == "time":
        return _microseconds(part.value.text)
    return part.value.value


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    seconds = int((moment - datetime.fromtimestamp(0, moment.tzinfo)).total_seconds())
    return seconds * 1_000_000 + moment.microsecond
