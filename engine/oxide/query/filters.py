"""``Filters``: the JSON language by calls, with the names that Dataloop's users know."""

from __future__ import annotations

import copy
import os
from enum import StrEnum
from typing import Any

from oxide.errors import QueryError


class FiltersResource(StrEnum):
    """What is asked for."""

    ITEM = "items"
    ANNOTATION = "annotations"


class FiltersMethod(StrEnum):
    """Whether all conditions must hold, or one."""

    AND = "and"
    OR = "or"


class FiltersOperations(StrEnum):
    """How a field is compared."""

    EQUAL = "eq"
    NOT_EQUAL = "ne"
    GREATER_THAN = "gt"
    GREATER_THAN_EQUAL = "gte"
    LESS_THAN = "lt"
    LESS_THAN_EQUAL = "lte"
    IN = "in"
    NOT_IN = "nin"
    EXISTS = "exists"
    MATCH = "match"
    GLOB = "glob"


class FiltersOrderByDirection(StrEnum):
    """An order."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


_ANNOTATION_TYPES = [
    *("class", "point", "pose", "binary", "box", "cube", "cube_3d", "ellipse", "polyline", "segment"),
    "rotated_box",  # there a box with an angle
    *("comparison", "item_description", "subtitle", "text", "text_mark", "ref_image", "polyline_3d", "semantic_3d"),
]
_UNIQUE = ("type", "hidden")
"""Fields of the defaults, which a condition of one's own replaces."""
_JOINS = {
    "items": {"resource": "annotations", "local": "itemId", "forigen": "id"},
    "annotations": {"resource": "items", "local": "id", "forigen": "itemId"},
}


class Filters:
    """Conditions that :meth:`prepare` makes an envelope of; ``repo.query`` takes it as it is."""

    def __init__(
        self,
        field: str | None = None,
        values: Any = None,
        operator: str | None = None,
        method: str | None = None,
        custom_filter: dict[str, Any] | None = None,
        resource: str = "items",
        use_defaults: bool = True,
        page_size: int | None = None,
        recursive: bool = True,
    ) -> None:
        self.resource = str(resource)
        self.method = str(method or FiltersMethod.AND)
        self.custom_filter = custom_filter
        self.recursive = recursive
        self.page = 0
        self.page_size = page_size
        self.join: dict[str, Any] | None = None
        self._and: list[dict[str, Any]] = []
        self._or: list[dict[str, Any]] = []
        self._sort: dict[str, str] = {}
        self._defaults = _defaults(self.resource) if use_defaults else []
        if field is not None:
            self.add(field, values, operator)

    def add(self, field: str, values: Any, operator: str | None = None, method: str | None = None) -> Filters:
        """Add a condition. Without an operator a value is compared, or is a pattern where it has a ``*``."""
        if field in _UNIQUE:
            self._defaults = [each for each in self._defaults if field not in each]
            self.pop(field)
        chosen = self._or if str(method or self.method) == "or" else self._and
        chosen.append(_condition(self._field(field, values), operator))
        return self

    def _field(self, field: str, values: Any) -> tuple[str, Any]:
        if field != "filename" or not isinstance(values, str) or not self.recursive:
            return field, values
        names_a_folder = not values.endswith("*") and not os.path.splitext(values)[1]
        return field, values.rstrip("/") + "/**" if names_a_folder else values

    def add_join(self, field: str, values: Any, operator: str | None = None, method: str = "and") -> Filters:
        """Add a condition on an annotation of an item, or on the item of an annotation. All are about the same one."""
        if self.resource not in _JOINS:
            raise QueryError(f"nothing is joined to {self.resource}", hint="'items' or 'annotations'")
        if self.join is None:
            self.join = {"on": dict(_JOINS[self.resource]), "filter": {}}
        word = "$or" if str(method) == "or" else "$and"
        self.join["filter"].setdefault(word, []).append(_condition((field, values), operator))
        return self

    def sort_by(self, field: str, value: str = "ascending") -> Filters:
        """Sort by a field, behind those that were given before."""
        self._sort[field] = str(value)
        return self

    def has_field(self, field: str) -> bool:
        """Whether a condition is about a field."""
        return any(field in each for each in (*self._and, *self._or, *self._defaults))

    def pop(self, field: str) -> Filters:
        """Take back the conditions on a field."""
        self._and = [each for each in self._and if field not in each]
        self._or = [each for each in self._or if field not in each]
        self._defaults = [each for each in self._defaults if field not in each]
        return self

    def pop_join(self, field: str) -> Filters:
        """Take back the conditions on a field of the join."""
        if self.join is not None:
            kept = {
                word: [each for each in conditions if field not in each]
                for word, conditions in self.join["filter"].items()
            }
            self.join["filter"] = {word: conditions for word, conditions in kept.items() if conditions}
            if not self.join["filter"]:
                self.join = None
        return self

    def reset(self) -> Filters:
        """Take back everything but what is asked for."""
        self._and, self._or, self._sort, self.join, self.custom_filter = [], [], {}, None, None
        self._defaults = _defaults(self.resource)
        return self

    def prepare(
        self,
        operation: str | None = None,
        update: dict[str, Any] | None = None,
        query_only: bool = False,
    ) -> dict[str, Any]:
        """The envelope. ``operation``: ``update``, with what to set, or ``delete``."""
        if self.custom_filter is not None:
            envelope = copy.deepcopy(self.custom_filter)
            if not {"filter", "join", "resource"} & envelope.keys():
                envelope = {"filter": envelope}
            if "join" in envelope and isinstance(envelope["join"], dict):
                envelope["join"].setdefault("on", dict(_JOINS[self.resource]))
        else:
            envelope = {"filter": self._filter()}
            if self.join is not None:
                envelope["join"] = copy.deepcopy(self.join)
            if self._sort and not query_only:
                envelope["sort"] = dict(self._sort)
        if operation == "update":
            if not update:
                raise QueryError(
                    "an update says what to set", hint='prepare("update", {"metadata": {"user": {"a": 1}}})'
                )
            return envelope | {"resource": self.resource, "update": update}
        if operation == "delete":
            return envelope | {"resource": self.resource, "delete": True}
        if not query_only:
            envelope.setdefault("page", self.page)
            if self.page_size is not None:
                envelope.setdefault("pageSize", self.page_size)
        envelope.setdefault("resource", self.resource)
        return envelope

    def _filter(self) -> dict[str, Any]:
        both = [*self._and, *self._defaults]
        found: dict[str, Any] = {}
        if both:
            found["$and"] = copy.deepcopy(both)
        if self._or:
            found["$or"] = copy.deepcopy(self._or)
        return found

    def __repr__(self) -> str:
        return f"Filters({self.prepare()})"


def _defaults(resource: str) -> list[dict[str, Any]]:
    if resource == "items":
        return [{"hidden": False}, {"type": "file"}]
    return [{"type": {"$in": list(_ANNOTATION_TYPES)}}]


def _condition(named: tuple[str, Any], operator: str | None) -> dict[str, Any]:
    field, values = named
    return {field: values if operator is None else {f"${operator}": values}}
