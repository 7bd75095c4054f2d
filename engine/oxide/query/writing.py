"""Trees in the JSON language. Reading what is written gives an equal tree."""

from __future__ import annotations

import json
from typing import Any

from oxide.query.fields import ITSELF
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
        metadata = envelope["update"].get("metadata")
        if isinstance(metadata, dict) and "system" in metadata:
            envelope["systemSpace"] = True
    if query.delete:
        envelope["delete"] = True
    return envelope


def _name(field: Field) -> str:
    return field.title or ITSELF


def _operand(node: Compare | Glob | Exists | Element) -> Filter:
    if isinstance(node, Compare):
        return {f"${node.operator}": node.value.value}
    if isinstance(node, Glob):
        return {"$glob": node.pattern}
    if isinstance(node, Exists):
        return {"$exists": True}
    return {"$match": filter_json(node.part)}


def _shape(node: Shape) -> Filter:
    bounds = {f"${operator}": number for operator, number in node.bounds}
    if node.measure == "area":
        return {"$area": bounds}
    box = list(node.box or ())
    if node.measure == "iou":
        return {"$iou": {"box": box, **bounds}}
    return {f"${node.measure}": box}
