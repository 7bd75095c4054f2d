"""Trees in the JSON language. Reading what is written gives an equal tree."""

from __future__ import annotations

import json
from typing import Any

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
    Query,
    Shape,
)
from oxide.query.values import value_of_pattern

Filter = dict[str, Any]


def filter_json(node: Node) -> Filter:
    """A tree as a filter."""
    if isinstance(node, All):
        return {"$and": [filter_json(part) for part in node.parts]} if node.parts else {}
    if isinstance(node, Either):
        return {"$or": [filter_json(part) for part in node.parts]}
    if isinstance(node, Not):
        return {"$not": filter_json(node.part)}
    if isinstance(node, Has):
        operand: Filter = {"$match": filter_json(node.part)}
        if node.counts:
            operand["$count"] = {f"${operator}": number for operator, number in node.counts}
        return {"annotations": operand}
    if isinstance(node, OfItem):
        return {"item": filter_json(node.part)}
    if isinstance(node, Shape):
        return {"bbox": _shape(node)}
    if isinstance(node, Changed):
        return {"$changedSince": node.since}
    if isinstance(node, ChangedBy):
        author = value_of_pattern(node.author) if node.is_glob else node.author.replace("*", "\\*")
        return {"$changedBy": author}
    return {_name(node.field): _operand(node)}


def query_json(query: Query) -> Filter:
    """A whole query as an envelope."""
    envelope: Filter = {"resource": query.resource, "filter": filter_json(query.tree)}
    if query.sort:
        envelope["sort"] = [
            {sorting.field.title: "descending" if sorting.descending else "ascending"} for sorting in query.sort
        ]
    if query.page:
        envelope["page"] = query.page
    if query.page_size is not None:
        envelope["pageSize"] = query.page_size
    if query.update is not None:
        envelope["update"] = json.loads(query.update)
    if query.delete:
        envelope["delete"] = True
    return envelope


def _name(field: Field) -> str:
    return field.title


def _operand(node: Compare | Glob | Exists | Element) -> Filter:
    if isinstance(node, Compare):
        return {f"${node.operator}": node.value.value}
    if isinstance(node, Glob):
        return {"$glob": node.pattern}
    if isinstance(node, Exists):
        return {"$exists": True}
    own = _of_elements(node.part)
    return {"$match": own if own is not None else filter_json(node.part)}


def _of_elements(part: Node) -> Filter | None:
    """Tests of the elements themselves, which have no name."""
    parts = part.parts if isinstance(part, All) else (part,)
    tests: Filter = {}
    for each in parts:
        operand = _test_of_element(each)
        if operand is None or operand.keys() & tests.keys():
            return None
        tests |= operand
    return tests or None


def _test_of_element(part: Node) -> Filter | None:
    if isinstance(part, Not):
        inner = _test_of_element(part.part)
        if inner is None:
            return None
        (operator, value), *_ = inner.items()
        return (
            {"$not": inner} if operator not in ("$eq", "$exists") else {_opposite(operator): _opposed(operator, value)}
        )
    if isinstance(part, Compare | Glob | Exists) and not part.field.path and part.field.resource == "element":
        return _operand(part)
    if isinstance(part, Either) and part.parts:
        values = [_test_of_element(each) for each in part.parts]
        if all(value is not None and value.keys() == {"$eq"} for value in values):
            return {"$in": [value["$eq"] for value in values if value is not None]}
    return None


def _opposite(operator: str) -> str:
    return "$ne" if operator == "$eq" else "$exists"


def _opposed(operator: str, value: Any) -> Any:
    return value if operator == "$eq" else False


def _shape(node: Shape) -> Filter:
    bounds = {f"${operator}": number for operator, number in node.bounds}
    if node.measure == "area":
        return {"$area": bounds}
    box = list(node.box or ())
    if node.measure == "iou":
        return {"$iou": {"box": box, **bounds}}
    return {f"${node.measure}": box}
