"""Trees about JSON columns as conditions of the core, and what the text of a document must hold to fulfil one."""

from __future__ import annotations

import json
from typing import Any

from oxide.errors import QueryError
from oxide.query.tree import All, Compare, Either, Element, Exists, Field, Glob, Node, Not
from oxide.query.values import Piece, pieces

Condition = dict[str, Any]
_ODD = '"\\\0'
"""Characters that a path of DuckDB's JSON functions cannot hold in a name, or has otherwise."""
_TESTS = {"gt": "above", "gte": "least", "lt": "below", "lte": "most"}


def is_about(node: Node, resource: str, column: str) -> bool:
    """Whether a whole tree is about one JSON column, so that a document alone decides it."""
    if isinstance(node, All | Either):
        return bool(node.parts) and all(is_about(part, resource, column) for part in node.parts)
    if isinstance(node, Not):
        return is_about(node.part, resource, column)
    if isinstance(node, Compare | Glob | Exists | Element):
        return node.field[:3] == (resource, column, "json")
    return False


def condition(node: Node) -> Condition:
    """The condition that a document must fulfil."""
    if isinstance(node, All):
        return {"all": [condition(part) for part in node.parts]}
    if isinstance(node, Either):
        values = _same_field(node)
        if values is not None:
            return _at(values[0], {"among": values[1]})
        return {"any": [condition(part) for part in node.parts]}
    if isinstance(node, Not):
        return {"not": condition(node.part)}
    if isinstance(node, Exists):
        return _at(node.field, "exists")
    if isinstance(node, Glob):
        return _at(node.field, {"glob": [_piece(piece) for piece in pieces(node.pattern)]})
    if isinstance(node, Element):
        return _at(node.field, _element(node.part))
    assert isinstance(node, Compare)
    if node.operator == "eq":
        return _at(node.field, {"among": [node.value.value]})
    return _at(node.field, {_TESTS[node.operator]: node.value.value})


def _at(field: Field, test: Any) -> Condition:
    if field.resource == "items" and field.path == ("user",):
        if test != "exists":
            raise QueryError("'metadata.user' is a whole object", hint="compare a key of it, as in metadata.user.foo")
        return {"at": [[], {"holds": ["system"]}]}
    return {"at": [list(field.path), test]}


def _same_field(node: Either) -> tuple[Field, list[Any]] | None:
    """The values when all parts say that one field equals one."""
    first = node.parts[0] if node.parts else None
    if not isinstance(first, Compare):
        return None
    values = [
        part.value.value
        for part in node.parts
        if isinstance(part, Compare) and part.operator == "eq" and part.field == first.field
    ]
    return (first.field, values) if len(values) == len(node.parts) else None


def _element(part: Node) -> Condition:
    """A test of the elements: of their fields, or of themselves, arrays among them not looked into."""
    parts = part.parts if isinstance(part, All) else (part,)
    own = [each for each in parts if isinstance(each, Compare | Glob | Exists) and not each.field.path]
    if parts and len(own) == len(parts):
        return {"every": [condition(each)["at"][1] for each in own]}
    return {"element": condition(part)}


def _piece(piece: Piece) -> Any:
    if isinstance(piece, tuple):
        return {"set": [piece[0], [list(each) for each in piece[1]]]}
    return {"*": "run", "?": "any"}.get(piece) or {"one": piece[1:]}


def needles(found: Condition) -> list[list[str]]:
    """Texts of which a document that fulfils a condition holds one, list by list."""
    (kind, operand), *_ = found.items()
    if kind == "all":
        return [each for part in operand for each in needles(part)]
    if kind == "any":
        alternatives = [needles(part) for part in operand]
        if not alternatives or not all(alternatives):
            return []
        return [[text for alternative in alternatives for text in alternative[0]]]
    if kind == "not":
        return []
    path, test = operand
    if isinstance(test, dict) and "among" in test:
        values = test["among"]
        if any(value is None for value in values):
            return []
        if values and all(isinstance(value, str) for value in values):
            return [[_text(value) for value in values]]
    names = [name for name in path if not name.isdigit()]
    return [[_text(names[-1]) + ":"]] if names else []


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def plain_equality(found: Condition) -> tuple[list[str], str] | None:
    """Path and canonical text when a condition is that a text stands at a path of plain names."""
    if "at" not in found:
        return None
    path, test = found["at"]
    values = test.get("among", []) if isinstance(test, dict) else []
    if len(values) != 1 or not isinstance(values[0], str) or not path:
        return None
    return None if any(character in name for name in path for character in _ODD) else (path, _text(values[0]))


def as_text(found: Condition) -> str:
    """A condition as the core reads it."""
    return json.dumps(found, ensure_ascii=False)


def opposite(found: Condition) -> Condition:
    """The opposite of a condition."""
    inner: Condition = found.get("not", {"not": found})
    return inner
