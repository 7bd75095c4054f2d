"""Trees in the text form. Parsing what is written gives an equal tree."""

from __future__ import annotations

import json
import re
from typing import Any

from oxide.query.fields import ITSELF, SHORT_FOR_ANNOTATIONS
from oxide.query.scanning import quoted
from oxide.query.tree import (
    All,
    Changed,
    ChangedBy,
    Compare,
    Either,
    Element,
    Exists,
    Field,
    Glob,
    Has,
    Node,
    Not,
    OfItem,
    Shape,
)
from oxide.query.values import pattern_of_value, value_of_pattern

_SYMBOLS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_PLAIN = re.compile(r"[^\W\d][\w./@%+-]*")
_PLAIN_PATTERN = re.compile(r"(?!.*\.\.)[\w/*][\w./*@%+-]*")
_NAME = re.compile(r"[\w.@%+/][\w.@%+/-]*")
_WORDS = ("null", "true", "false", "OR", "AND", "NOT")


def to_text(node: Node) -> str:
    """A tree as text."""
    return "" if node == All(()) else _either(node)


def _either(node: Node) -> str:
    if isinstance(node, Either) and node.parts:
        return " OR ".join(_together(part) for part in node.parts)
    return _together(node)


def _together(node: Node) -> str:
    if not isinstance(node, All) or not node.parts:
        return _bare(node) or _term(node)
    has = [part for part in node.parts if isinstance(part, Has) and not part.counts]
    return " ".join((_bare(part) if len(has) == 1 else None) or _term(part) for part in node.parts)


def _bare(node: Node) -> str | None:
    """Tests of one annotation without ``annotation(...)``, where their names stand for annotations anyway."""
    if not isinstance(node, Has) or node.counts:
        return None
    parts = node.part.parts if isinstance(node.part, All) else (node.part,)
    if not parts or not all(_is_short(part) for part in parts) or _is_double(parts):
        return None
    return " ".join(_term(part) for part in parts)


def _is_short(part: Node) -> bool:
    if isinstance(part, Shape):
        return True
    return isinstance(part, Compare | Glob | Exists) and part.field.name in SHORT_FOR_ANNOTATIONS


def _is_double(parts: tuple[Node, ...]) -> bool:
    """Whether two tests are equalities of one field, which are refused side by side."""
    fields = [part.field for part in parts if isinstance(part, Compare) and part.operator == "eq"]
    return len(fields) != len(set(fields))


def _term(node: Node) -> str:
    if isinstance(node, All):
        return f"({_together(node)})" if node.parts else "all()"
    if isinstance(node, Either):
        return f"({_either(node)})" if node.parts else "none()"
    if isinstance(node, Not):
        return f"-{_term(node.part)}"
    if isinstance(node, Has):
        part = "" if node.part == All(()) else _either(node.part)
        if not node.counts:
            return f"annotation({part})"
        return f"count({part}, {_bounds(node.counts)})"
    if isinstance(node, OfItem):
        return f"item({to_text(node.part)})"
    if isinstance(node, Element):
        return f"any({_name(node.field)}, {to_text(node.part)})"
    if isinstance(node, Shape):
        return _shape(node)
    if isinstance(node, Changed):
        return f"changedSince:{_text(node.since)}"
    if isinstance(node, ChangedBy):
        return _changed_by(node)
    if isinstance(node, Exists):
        return f"{_name(node.field)}:*"
    if isinstance(node, Glob):
        return _glob(node)
    return _compare(node)


def _changed_by(node: ChangedBy) -> str:
    value = value_of_pattern(node.author) if node.is_glob else node.author
    return f"changedBy{':' if node.is_glob else '='}{quoted(value)}"


def _glob(node: Glob) -> str:
    value = value_of_pattern(node.pattern)
    if pattern_of_value(value) == node.pattern and value != "*":
        return f"{_name(node.field)}:{value if _PLAIN_PATTERN.fullmatch(value) else quoted(value)}"
    return f"{_name(node.field)}~{quoted(node.pattern)}"


def _compare(node: Compare) -> str:
    value = node.value.value
    symbol = _SYMBOLS[node.operator]
    if node.operator == "eq" and not (isinstance(value, str) and "*" in value):
        symbol = ":"
    return f"{_name(node.field)}{symbol}{_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text not in _WORDS and ".." not in text
    return text if is_plain else quoted(text)


def _name(field: Field) -> str:
    title = field.title or ITSELF
    return title if _NAME.fullmatch(title) and title not in _WORDS else quoted(title)


def _shape(node: Shape) -> str:
    numbers = [_number(number) for number in node.box or ()]
    bounds = [_bounds(node.bounds)] if node.bounds else []
    return f"{node.measure}({', '.join([*numbers, *bounds])})"


def _bounds(bounds: Any) -> str:
    return ", ".join(f"{_SYMBOLS[operator]}{_number(number)}" for operator, number in bounds)


def _number(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 2**53 else repr(number)
