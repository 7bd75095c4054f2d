"""The steps of a view. They are values: two views with equal steps over one state are equal."""

from __future__ import annotations

from dataclasses import dataclass

from oxide.query.tree import Node, Sorting


@dataclass(frozen=True)
class Match:
    """Only items that fulfil a tree."""

    tree: Node


@dataclass(frozen=True)
class Labels:
    """Only annotations that fulfil a tree, and items that have one."""

    tree: Node


@dataclass(frozen=True)
class Sort:
    """Another order."""

    by: tuple[Sorting, ...]


@dataclass(frozen=True)
class Slice:
    """The items from one place to another."""

    skip: int
    take: int | None


@dataclass(frozen=True)
class Sample:
    """So many items, chosen by a seed and their ids alone, in the order that they have."""

    number: int
    seed: int


@dataclass(frozen=True)
class Among:
    """Items that other steps find too, or that they do not find."""

    steps: tuple[Step, ...]
    is_in: bool = True


Step = Match | Labels | Sort | Slice | Sample | Among
