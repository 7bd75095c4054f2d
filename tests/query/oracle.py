"""The JSON language of queries by brute force: each document is tested alone, in plain Python.

Written from docs/queries.md, and from MongoDB's rules where that page refers to them; it shares nothing with the
engine. It takes valid queries only: what is refused is tested elsewhere.

A document is a dict by the names of docs/queries.md. Columns without a value are left out, times are datetimes,
``annotations`` is the list of an item's annotations, and ``item`` is an annotation's item.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from query import patterns
from query.mongo_paths import MISSING, comparable, equal, reached, with_elements
from query.oracle_fields import Place, boxes_at, place_of, values_at

Document = dict[str, Any]
Test = Callable[[Any], bool]

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
NUMBERS = {"$eq": operator.eq, **ORDERS}
OF_VALUES = {"$eq", "$ne", "$in", "$nin", "$exists", "$glob", *ORDERS}
"""Operators that, inside ``$match``, are about an element itself and not about its fields."""


@dataclass
class Oracle:
    """All documents of a revision. ``since`` has by revision the ids of rows that differ from it."""

    items: list[Document]
    since: Mapping[str, set[str]] = field(default_factory=dict)

    @property
    def annotations(self) -> list[Document]:
        """The annotations of all items."""
        return [annotation for item in self.items for annotation in item["annotations"]]

    def documents(self, resource: str) -> list[Document]:
        """All documents of a kind."""
        return self.items if resource == "items" else self.annotations

    def find(self, resource: str, condition: Document) -> list[Document]:
        """The documents that fulfil a filter."""
        return [document for document in self.documents(resource) if self.fulfils(resource, condition, document)]

    def fulfils(self, resource: str, condition: Document, document: Document) -> bool:
        """Whether one document fulfils a filter: each of its members must hold."""
        return all(self._member(resource, name, operand, document) for name, operand in condition.items())

    def _member(self, resource: str, name: str, operand: Any, document: Document) -> bool:
        def part(condition: Document) -> bool:
            return self.fulfils(resource, condition, document)

        if name == "$and":
            return all(map(part, operand))
        if name == "$or":
            return any(map(part, operand))
        if name == "$not":
            return not part(operand)
        if name == "$changedSince":
            return document["id"] in self.since[operand]
        if name == "$changedBy":
            return holds_of_one([document.get("updatedBy", MISSING)], is_value(operand))
        place = place_of(resource, name)
        if place.kind == "annotations":
            owners = [document] if place.path == ("annotations",) else [document["item"]]
            return all(self._of_list(owner["annotations"], operand) for owner in owners)
        if place.kind == "item":
            return self.fulfils("items", operand, document["item"])
        if place.kind == "box":
            return _of_boxes(document, place, operand)
        return of_values(values_at(document, place), operand, place.kind)

    def _of_list(self, annotations: list[Document], operand: Document) -> bool:
        """What a list of annotations must be: how many of them match, or whether there are any."""
        tests = []
        if "$match" in operand or "$count" in operand:
            condition = operand.get("$match", {})
            number = sum(self.fulfils("annotations", condition, annotation) for annotation in annotations)
            tests.append(_is_count(number, operand.get("$count", {"$gte": 1})))
        if "$exists" in operand:
            tests.append(bool(annotations) == operand["$exists"])
        if "$not" in operand:
            tests.append(not self._of_list(annotations, operand["$not"]))
        return all(tests)


def _is_count(number: float, bounds: Any) -> bool:
    given = bounds if isinstance(bounds, dict) else {"$eq": bounds}
    return all(NUMBERS[name](number, bound) for name, bound in given.items())


# -- what the values at a place must be --------------------------------------------------------------------------------
def of_values(values: list[Any], operand: Any, kind: str = "json") -> bool:
    """Whether the values that a path reaches fulfil an operand: a bare value, or an object of operators."""
    if not is_operators(operand):
        return holds_of_one(values, is_value(operand, kind))
    return all(_operator(values, name, value, kind) for name, value in operand.items())


def is_operators(operand: Any) -> bool:
    """Whether an operand is an object of operators, and no object to be equal to."""
    return isinstance(operand, dict) and any(name.startswith("$") for name in operand)


def holds_of_one(values: list[Any], test: Test) -> bool:
    """Whether a test holds of one of some values, or of one element of an array among them."""
    return any(map(test, with_elements(iter(values))))


def _operator(values: list[Any], name: str, operand: Any, kind: str) -> bool:
    if name == "$not":
        return not of_values(values, operand, kind)
    if name == "$exists":
        return any(value is not MISSING for value in values) is bool(operand)
    if name == "$match":
        return of_values(values, operand, kind) if isinstance(operand, str) else _one_element(values, operand)
    if name in ("$ne", "$nin"):
        return not holds_of_one(values, _single("$in" if name == "$nin" else "$eq", operand, kind))
    return holds_of_one(values, _single(name, operand, kind))


def _single(name: str, operand: Any, kind: str) -> Test:
    """The test of a single value that an operator means."""
    if name == "$eq":
        return _equals(operand, kind)
    if name == "$in":
        tests = [is_value(each, kind) for each in operand]
        return lambda value: any(test(value) for test in tests)
    if name == "$glob":
        return lambda value: isinstance(value, str) and patterns.matches_glob(operand, value)
    bound, order = _bound(operand, kind), ORDERS[name]
    return lambda value: comparable(value, bound) and order(value, bound)


def is_value(operand: Any, kind: str = "json") -> Test:
    """The test that a bare value means: equal to it, or of the pattern that it is."""
    if isinstance(operand, str) and "*" in operand and kind == "json":
        if patterns.has_run(operand):
            return lambda value: isinstance(value, str) and patterns.matches_value(operand, value)
        return _is(patterns.unescaped(operand))
    return _equals(operand, kind)


def _equals(operand: Any, kind: str) -> Test:
    if kind == "time" and isinstance(operand, str) and len(operand) == len("2024-03-01"):
        return lambda value: isinstance(value, datetime) and value.astimezone(UTC).date().isoformat() == operand
    return _is(_bound(operand, kind))


def _is(bound: Any) -> Test:
    if bound is None:
        return lambda value: value is None or value is MISSING
    return lambda value: equal(value, bound)


def _bound(operand: Any, kind: str) -> Any:
    """A value of a query as documents hold it."""
    if operand is None or kind == "json":
        return operand
    if kind == "id":
        return operand.lower()
    moment = datetime.fromisoformat(operand)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _one_element(values: list[Any], operand: Document) -> bool:
    arrays = [value for value in values if isinstance(value, list)]
    return any(_element(element, operand) for array in arrays for element in array)


def _element(element: Any, operand: Document) -> bool:
    """Whether an element fulfils all of what ``$match`` says."""
    if OF_VALUES.issuperset(operand):
        return all(_of_element(element, name, value) for name, value in operand.items())
    if isinstance(element, list):
        element = {str(at): value for at, value in enumerate(element)}
    return isinstance(element, dict) and _of_object(element, operand)


def _of_element(element: Any, name: str, operand: Any) -> bool:
    if name in ("$ne", "$nin"):
        return not _single("$eq" if name == "$ne" else "$in", operand, "json")(element)
    return bool(operand) if name == "$exists" else _single(name, operand, "json")(element)


def _of_object(element: Document, condition: Document) -> bool:
    """A filter about an object in JSON: every name is a field of it."""
    for name, operand in condition.items():
        if name == "$and":
            held = all(_of_object(element, part) for part in operand)
        elif name == "$or":
            held = any(_of_object(element, part) for part in operand)
        elif name == "$not":
            held = not _of_object(element, operand)
        else:
            held = of_values(list(reached(element, name.split("."))), operand)
        if not held:
            return False
    return True


# -- geometry ----------------------------------------------------------------------------------------------------------
def _of_boxes(document: Document, place: Place, operand: Document) -> bool:
    return all(_box_operator(boxes_at(document, place), name, value) for name, value in operand.items())


def _box_operator(boxes: list[Any], name: str, operand: Any) -> bool:
    if name == "$not":
        return not all(_box_operator(boxes, inner, value) for inner, value in operand.items())
    if name == "$exists":
        return bool(boxes) is bool(operand)
    return any(_fits(box, name, operand) for box in boxes)


def _fits(box: Any, name: str, operand: Any) -> bool:
    if name == "$area":
        return _is_count(box[2] * box[3], operand)
    if name == "$iou":
        bounds = {bound: value for bound, value in operand.items() if bound != "box"}
        return _is_count(overlap(box, operand["box"]), bounds)
    left, top, width, height = operand
    if name == "$inside":
        fits = box[0] >= left and box[0] + box[2] <= left + width
        return bool(fits and box[1] >= top and box[1] + box[3] <= top + height)
    return common_area(box, operand) > 0


def common_area(one: Any, other: Any) -> float:
    """Square pixels that two boxes share."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return float(width * height) if width > 0 and height > 0 else 0.0


def overlap(one: Any, other: Any) -> float:
    """Intersection over union; of two boxes without an area 0."""
    common = common_area(one, other)
    union = one[2] * one[3] + other[2] * other[3] - common
    return common / union if union else 0.0
