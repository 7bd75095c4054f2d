"""The tree that every form of a query becomes. Trees are values: equal when they ask the same in the same way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Resource = Literal["items", "annotations"]
Kind = Literal["text", "number", "bool", "time", "id", "json", "box", "list"]
Comparison = Literal["eq", "gt", "gte", "lt", "lte"]


class Field(NamedTuple):
    """A field of a document. ``path``: names inside a JSON column, for ``json`` alone.

    ``resource`` is ``element`` for the fields of an array's element.
    """

    resource: Resource | Literal["element"]
    name: str
    kind: Kind
    path: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The field as a query spells it."""
        return ".".join((self.name, *self.path)) if self.name else ".".join(self.path)


@dataclass(frozen=True)
class Constant:
    """A value of a query. ``text`` is canonical JSON, or an ISO time: 1 and true differ, 1 and 1.0 do not."""

    kind: Kind
    text: str

    @property
    def value(self) -> Any:
        """The value as JSON's type; of a time its text."""
        return self.text if self.kind == "time" else json.loads(self.text)

    @property
    def is_null(self) -> bool:
        """Whether it is null."""
        return self.kind != "time" and self.text == "null"


@dataclass(frozen=True)
class All:
    """Every part holds; of no part: always."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Either:
    """One part holds at least; of no part: never."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Node


@dataclass(frozen=True)
class Compare:
    """A value of the field compares so with a constant of its type."""

    field: Field
    operator: Comparison
    value: Constant


@dataclass(frozen=True)
class Glob:
    """A text of the field has this pattern, in the syntax of ``$glob``."""

    field: Field
    pattern: str


@dataclass(frozen=True)
class Exists:
    """The field has a value."""

    field: Field


@dataclass(frozen=True)
class Element:
    """One element of the array in a JSON field fulfils a tree about ``element`` fields."""

    field: Field
    part: Node


@dataclass(frozen=True)
class Has:
    """An item has annotations that fulfil the part: one at least, or as many as every comparison says."""

    part: Node
    counts: tuple[tuple[Comparison, int], ...] = ()


@dataclass(frozen=True)
class OfItem:
    """The item of an annotation fulfils the part."""

    part: Node


@dataclass(frozen=True)
class Shape:
    """The box of an annotation: its area, its overlap with another, or whether it lies in one or touches it."""

    measure: Literal["area", "iou", "inside", "overlaps"]
    box: tuple[float, float, float, float] | None = None
    bounds: tuple[tuple[Comparison, float], ...] = ()


@dataclass(frozen=True)
class Changed:
    """The rows of the document differ from those at a revision or time, or are not there."""

    resource: Resource
    since: str


@dataclass(frozen=True)
class ChangedBy:
    """The last author of the document is this; a pattern where ``is_glob``."""

    resource: Resource
    author: str
    is_glob: bool = False


Node = All | Either | Not | Compare | Glob | Exists | Element | Has | OfItem | Shape | Changed | ChangedBy

EVERYTHING = All(())


def both(*parts: Node) -> Node:
    """All of some parts, flat."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, All) else (part,))
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def either(*parts: Node) -> Node:
    """One of some parts, flat."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Either) else (part,))
    return flat[0] if len(flat) == 1 else Either(tuple(flat))


def opposite(part: Node) -> Node:
    """The opposite of a tree."""
    return part.part if isinstance(part, Not) else Not(part)


class Sorting(NamedTuple):
    """A field to sort by."""

    field: Field
    descending: bool = False


@dataclass(frozen=True)
class Query:
    """A whole question: what documents, which of them, in which order, and how many at a time."""

    resource: Resource = "items"
    tree: Node = EVERYTHING
    sort: tuple[Sorting, ...] = ()
    page: int = 0
    page_size: int | None = None
    update: str | None = None
    """What to set in what is found, as canonical JSON."""
    delete: bool = False
