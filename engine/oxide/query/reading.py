"""Filters in the JSON language as trees. ``place`` is the JSON pointer of what is being read, for errors."""

from __future__ import annotations

import difflib
from typing import Any

from oxide.errors import QueryError
from oxide.query import shapes
from oxide.query.fields import ITSELF, Reached, resolve
from oxide.query.tree import (
    EVERYTHING,
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
    Resource,
    both,
    either,
    opposite,
)
from oxide.query.values import MAXIMUM_DEPTH, constant, equal_to, equality, pattern_of_value, pieces, shown, whole

COMPARISONS = {"$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}
_FIELD_OPERATORS = [
    *("$eq", "$ne", *COMPARISONS, "$in", "$nin", "$exists", "$match", "$glob", "$not", "$count"),
    *("$area", "$iou", "$inside", "$overlaps"),
]
_TOP_OPERATORS = ["$and", "$or", "$not", "$changedSince", "$changedBy"]


class Reader:
    """Reads filters about one kind of documents."""

    def __init__(self, resource: Resource, depth: int = 0) -> None:
        self.resource = resource
        self.depth = depth

    def filter(self, value: Any, place: str) -> Node:
        """A filter: an object, all of which must hold."""
        if not isinstance(value, dict):
            raise QueryError(
                f"{place or '/'}: a filter is an object, not {shown(value)}", hint='as in {"name": "a.jpg"}'
            )
        self._deeper(place)
        parts = []
        for name, operand in value.items():
            here = f"{place}/{escaped(name)}"
            if not isinstance(name, str):
                raise QueryError(f"{place}: names in a filter are texts, not {shown(name)}", hint="quote it")
            parts.append(
                self._special(name, operand, here) if name.startswith("$") else self.field(name, operand, here)
            )
        self.depth -= 1
        return both(*parts) if parts else EVERYTHING

    def _deeper(self, place: str) -> None:
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise QueryError(f"the filter is nested more than {MAXIMUM_DEPTH} deep", hint="make it flatter")

    def _special(self, name: str, operand: Any, place: str) -> Node:
        if name in ("$and", "$or"):
            if not isinstance(operand, list):
                raise QueryError(f"{place}: {name} takes a list of filters", hint=f'{{"{name}": [{{...}}, {{...}}]}}')
            parts = [self.filter(part, f"{place}/{at}") for at, part in enumerate(operand)]
            return both(*parts) if name == "$and" else either(*parts)
        if name == "$not":
            return opposite(self.filter(operand, place))
        if name == "$changedSince":
            if not isinstance(operand, str) or not operand:
                raise QueryError(f"{place}: $changedSince takes a revision or a time", hint='as in "main~3"')
            return Changed(self.resource, operand)
        if name == "$changedBy":
            if not isinstance(operand, str) or not operand:
                raise QueryError(f"{place}: $changedBy takes a name", hint='as in "Ann <ann@example.org>" or "Ann*"')
            whole(operand, place)
            pattern = pattern_of_value(operand) if "*" in operand else None
            return ChangedBy(self.resource, pattern or operand.replace("\\*", "*"), pattern is not None)
        raise unknown_operator(name, place, _TOP_OPERATORS, in_place_of_a_field=name in _FIELD_OPERATORS)

    def field(self, name: str, operand: Any, place: str) -> Node:
        """What one field must be."""
        try:
            field = resolve(self.resource, name, place)
        except Reached as reached:
            other: Resource = "annotations" if self.resource == "items" else "items"
            part = Reader(other, self.depth).field(reached.rest, operand, place)
            return self._across(part)
        if field.kind == "list":
            return self._list(field, operand, place)
        return self.tests(field, operand, place)

    def _across(self, part: Node) -> Node:
        """A condition on another document. A negation is about all of them: no annotation is a cat."""
        if isinstance(part, Not):
            return Not(self._across(part.part))
        if isinstance(part, All):
            return both(*map(self._across, part.parts))
        return Has(part) if self.resource == "items" else OfItem(part)

    def _list(self, field: Field, operand: Any, place: str) -> Node:
        if field.name == "item":
            return OfItem(Reader("items", self.depth).filter(operand, place))
        if not isinstance(operand, dict) or not operand:
            constant(field, operand, place)
        part: Node = EVERYTHING
        counts: list[tuple[Any, int]] = []
        parts: list[Node] = []
        for operator, value in operand.items():
            here = f"{place}/{escaped(operator)}"
            if operator == "$match":
                part = Reader("annotations", self.depth).filter(value, here)
            elif operator == "$count":
                counts += _counts(value, here)
            elif operator == "$exists":
                parts.append(_flag(Has(EVERYTHING), value, here))
            elif operator == "$not":
                parts.append(opposite(self._list(field, value, here)))
            elif operator in _FIELD_OPERATORS:
                raise QueryError(
                    f"{here}: '{field.title}' is a list, which {operator} does not test",
                    hint='{"$match": {...}} tests one element, {"$count": 2} their number',
                )
            else:
                raise unknown_operator(str(operator), here, ["$match", "$count", "$exists", "$not"])
        if not {"$match", "$count"}.isdisjoint(operand):
            parts.append(Has(part, tuple(counts)))
        return both(*parts)

    def tests(self, field: Field, operand: Any, place: str) -> Node:
        """What the values of a field must be."""
        if not isinstance(operand, dict) or not any(str(name).startswith("$") for name in operand):
            if isinstance(operand, list) and field.kind not in ("json", "box"):
                raise QueryError(f"{place}: '{field.title}' is no list", hint='one of some: {"$in": [...]}')
            return equality(field, operand, place)
        self._deeper(place)
        parts = [
            self._test(field, str(name), value, f"{place}/{escaped(str(name))}") for name, value in operand.items()
        ]
        self.depth -= 1
        return both(*parts)

    def _test(self, field: Field, operator: str, value: Any, place: str) -> Node:
        if field.kind == "box":
            return self._box_test(operator, value, place)
        if operator == "$eq":
            return equal_to(field, value, place)
        if operator == "$ne":
            return Not(equal_to(field, value, place))
        if operator in COMPARISONS:
            return self._order(field, operator, value, place)
        if operator in ("$in", "$nin"):
            if not isinstance(value, list):
                raise QueryError(f"{place}: {operator} takes a list", hint=f'{{"{operator}": ["a", "b"]}}')
            equal = [equality(field, each, f"{place}/{at}") for at, each in enumerate(value)]
            among = either(*equal) if equal else _nothing(field)
            return among if operator == "$in" else opposite(among)
        if operator == "$exists":
            return _flag(Exists(field), value, place)
        if operator == "$glob":
            return _glob(field, value, place)
        if operator == "$not":
            if not isinstance(value, dict):
                raise QueryError(f"{place}: $not takes an object of operators", hint='{"$not": {"$gt": 5}}')
            return opposite(self.tests(field, value, place))
        if operator == "$match":
            return self._match(field, value, place)
        if operator in _FIELD_OPERATORS:
            owner = "annotations" if operator == "$count" else "bbox"
            hint = f'as in {{"{owner}": {{"{operator}": ...}}}}'
            raise QueryError(f"{place}: {operator} tests '{owner}', not '{field.title}'", hint=hint)
        raise unknown_operator(operator, place, _FIELD_OPERATORS)

    def _order(self, field: Field, operator: str, value: Any, place: str) -> Node:
        if value is None or isinstance(value, list | dict):
            kinds = "null has" if value is None else "lists and objects have"
            raise QueryError(f"{place}: {kinds} no order", hint="use $eq, $in or $exists")
        return Compare(field, COMPARISONS[operator], constant(field, value, place))  # type: ignore[arg-type]

    def _match(self, field: Field, value: Any, place: str) -> Node:
        if isinstance(value, str):
            return equality(field, value, place)
        if field.kind != "json":
            raise QueryError(
                f"{place}: '{field.title}' is no list whose elements could match", hint="compare it itself"
            )
        if not isinstance(value, dict) or not value:
            raise QueryError(f"{place}: $match takes an object or a text", hint='{"$match": {"id": "T"}}')
        reader = ElementReader(self.depth)
        if all(str(name) in (*COMPARISONS, "$eq", "$ne", "$in", "$nin", "$glob", "$exists") for name in value):
            return Element(field, reader.tests(Field("element", "", "json"), value, place))
        return Element(field, reader.filter(value, place))

    def _box_test(self, operator: str, value: Any, place: str) -> Node:
        if operator == "$not":
            return opposite(self.tests(Field("annotations", "bbox", "box"), value, place))
        if operator == "$exists":
            return _flag(Exists(Field("annotations", "x", "number")), value, place)
        if operator in _FIELD_OPERATORS and operator not in shapes.OPERATORS:
            hint = f"there are {', '.join(shapes.OPERATORS)}"
            raise QueryError(f"{place}: 'bbox' is a box, which {operator} does not test", hint=hint)
        if operator not in shapes.OPERATORS:
            raise unknown_operator(operator, place, [*shapes.OPERATORS, "$exists", "$not"])
        return shapes.read(operator, value, place)


class ElementReader(Reader):
    """Reads filters about elements of an array in JSON: any name is a field."""

    def __init__(self, depth: int) -> None:
        super().__init__("items", depth)

    def field(self, name: str, operand: Any, place: str) -> Node:
        """A field of the element."""
        names = () if name == ITSELF else tuple(whole(name, place).split("."))
        if not all(names):
            raise QueryError(f"{place}: '{name}' has an empty name in it", hint="as in metadata.status")
        return self.tests(Field("element", "", "json", names), operand, place)

    def _special(self, name: str, operand: Any, place: str) -> Node:
        if name.startswith("$changed"):
            raise QueryError(f"{place}: {name} is about rows, not about parts of them", hint="move it to the top")
        return super()._special(name, operand, place)


def _nothing(field: Field) -> Node:
    """What no value is. Of an element's field it still names the field: elements without fields are not considered."""
    if field.resource != "element" or not field.path:
        return Either(())
    return All((Exists(field), Not(Exists(field))))


def _flag(node: Node, value: Any, place: str) -> Node:
    if not isinstance(value, bool):
        raise QueryError(f"{place}: $exists takes true or false, not {shown(value)}", hint='{"$exists": true}')
    return node if value else Not(node)


def _glob(field: Field, value: Any, place: str) -> Node:
    if field.kind not in ("text", "json"):
        raise QueryError(f"{place}: '{field.title}' is no text", hint="patterns are of texts")
    if not isinstance(value, str):
        raise QueryError(f"{place}: $glob takes a pattern, not {shown(value)}", hint='as in "*.jpg"')
    pieces(whole(value, place), place)
    return Glob(field, value)


def _counts(value: Any, place: str) -> list[tuple[Any, int]]:
    names = {"$eq": "eq", **COMPARISONS}
    given = value if isinstance(value, dict) else {"$eq": value}
    counts = []
    for operator, number in given.items():
        if operator not in names:
            raise unknown_operator(str(operator), f"{place}/{operator}", list(names))
        if not isinstance(number, int) or isinstance(number, bool) or abs(number) > 2**62:
            raise QueryError(f"{place}: a count is a whole number, not {shown(number)}", hint='{"$count": {"$gte": 2}}')
        if number < 0:
            raise QueryError(f"{place}: a count is never less than 0, as {number} is", hint='{"$count": {"$gte": 2}}')
        counts.append((names[operator], number))
    if not counts:
        raise QueryError(f"{place}: $count needs a number", hint='{"$count": {"$gte": 2}}')
    return counts


def unknown_operator(name: str, place: str, known: list[str], *, in_place_of_a_field: bool = False) -> QueryError:
    """The failure for an operator that does not exist here."""
    if in_place_of_a_field:
        return QueryError(f"{place}: {name} needs a field", hint=f'{{"field": {{"{name}": ...}}}}')
    if name in ("$or", "$and"):
        return QueryError(f"{place}: {name} stands in place of a field", hint=f'{{"{name}": [{{"field": ...}}]}}')
    if name == "$regex":
        return QueryError(f"{place}: there is no $regex", hint='use $glob, such as {"$glob": "*.jp?g"}')
    close = difflib.get_close_matches(name if name.startswith("$") else f"${name}", known, 1, 0.5)
    suggestion = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return QueryError(f"{place}: unknown operator '{name}'", hint=suggestion)


def escaped(name: object) -> str:
    """A name in a JSON pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")
