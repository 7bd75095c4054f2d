"""Conditions on the box of an annotation."""

from __future__ import annotations

import difflib
import math
from typing import Any

from oxide.errors import QueryError
from oxide.query.tree import Shape
from oxide.query.values import LARGEST, shown

OPERATORS = ("$area", "$iou", "$inside", "$overlaps")
_BOUNDS: dict[str, Any] = {"$eq": "eq", "$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}


def read(operator: str, value: Any, place: str) -> Shape:
    """One of the operators with its operand."""
    if operator in ("$inside", "$overlaps"):
        return Shape("inside" if operator == "$inside" else "overlaps", _box(value, place))
    if operator == "$area":
        given = value if isinstance(value, dict) else {"$eq": value}
        return Shape("area", None, _bounds(given, place))
    if not isinstance(value, dict) or "box" not in value:
        hint = '{"$iou": {"box": [0, 0, 10, 10], "$gte": 0.5}}'
        raise QueryError(f"{place}: $iou takes a box and comparisons", hint=hint)
    given = {name: each for name, each in value.items() if name != "box"}
    bounds = _bounds(given, place)
    for _, number in bounds:
        if not 0 <= number <= 1:
            raise QueryError(f"{place}: an overlap is a share from 0 to 1, not {number:g}", hint='as in {"$gte": 0.5}')
    return Shape("iou", _box(value["box"], f"{place}/box"), bounds)


def _box(value: Any, place: str) -> tuple[float, float, float, float]:
    if not isinstance(value, list | tuple) or len(value) != 4 or not all(map(_is_number, value)):
        raise QueryError(f"{place}: a box is [left, top, width, height] in pixels", hint="as in [0, 0, 640, 480]")
    left, top, width, height = map(float, value)
    if width < 0 or height < 0:
        raise QueryError(f"{place}: width and height of a box are not negative", hint="give left, top, width, height")
    return left, top, width, height


def _bounds(given: dict[str, Any], place: str) -> tuple[tuple[Any, float], ...]:
    bounds = []
    for operator, number in given.items():
        if operator not in _BOUNDS:
            close = difflib.get_close_matches(str(operator), list(_BOUNDS), 1, 0.5)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(_BOUNDS)}"
            raise QueryError(f"{place}: unknown operator '{operator}'", hint=hint)
        if not _is_number(number):
            raise QueryError(f"{place}/{operator}: {shown(number)} is no number", hint='as in {"$gte": 0.5}')
        bounds.append((_BOUNDS[operator], float(number)))
    if not bounds:
        raise QueryError(f"{place}: a comparison is missing", hint='as in {"$gte": 0.5}')
    return tuple(bounds)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
