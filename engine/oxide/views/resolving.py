"""From steps to ids: as many steps as possible in one query, the others on the ids that it found."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oxide.query.fields import resolve
from oxide.query.tree import EVERYTHING, Compare, Has, Node, Query, Sorting, both, either
from oxide.query.values import constant
from oxide.views.steps import Among, Labels, Match, Sample, Slice, Sort, Step

if TYPE_CHECKING:
    from oxide.query.running import Engine


class Resolver:
    """Follows steps over one state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ids(self, steps: Sequence[Step]) -> list[str]:
        """The ids of the items that steps lead to, in their order."""
        tree, sort, rest = combined(steps)
        ids = self._asked(tree, sort)
        for at, step in enumerate(rest):
            if isinstance(step, Slice):
                ids = ids[step.skip :] if step.take is None else ids[step.skip : step.skip + step.take]
            elif isinstance(step, Sample):
                ids = sampled(ids, step)
            elif isinstance(step, Among):
                other = set(self.ids(step.steps))
                ids = [each for each in ids if (each in other) == step.is_in]
            elif isinstance(step, Sort):
                ids = self._asked(of_ids(ids), step.by)
            else:
                part = step.tree if isinstance(step, Match) else Has(labels(steps[: len(steps) - len(rest) + at + 1]))
                found = set(self._asked(both(of_ids(ids), part), ()))
                ids = [each for each in ids if each in found]
        return ids

    def count(self, steps: Sequence[Step]) -> int:
        """How many items steps lead to."""
        tree, _, rest = combined(steps)
        return len(self.ids(steps)) if rest else self._engine.count(Query("items", tree))

    def _asked(self, tree: Node, sort: tuple[Sorting, ...]) -> list[str]:
        return [item for item, _ in self._engine.page(Query("items", tree, sort), None, 0, None).rows]


def combined(steps: Sequence[Step]) -> tuple[Node, tuple[Sorting, ...], Sequence[Step]]:
    """The tree and order of the steps that one query answers, and the steps behind them."""
    tree: Node = EVERYTHING
    kept: Node = EVERYTHING
    sort: tuple[Sorting, ...] = ()
    for at, step in enumerate(steps):
        if isinstance(step, Match):
            tree = both(tree, step.tree)
        elif isinstance(step, Labels):
            kept = both(kept, step.tree)
            tree = both(tree, Has(kept))
        elif isinstance(step, Sort):
            sort = step.by
        else:
            return tree, sort, steps[at:]
    return tree, sort, ()


def labels(steps: Sequence[Step]) -> Node:
    """What the annotations of a view fulfil."""
    return both(*[step.tree for step in steps if isinstance(step, Labels)])


def of_ids(ids: Sequence[str]) -> Node:
    """The tree of some items."""
    field = resolve("items", "id", "")
    return either(*[Compare(field, "eq", constant(field, each, "")) for each in ids])


def of_paths(paths: Sequence[str]) -> Node:
    """The tree of items at some paths."""
    field = resolve("items", "path", "")
    return either(*[Compare(field, "eq", constant(field, each, "")) for each in paths])


def sampled(ids: Sequence[str], step: Sample) -> list[str]:
    """The ids whose digests with the seed are the least: the same ones wherever and in whatever order they stand."""
    if step.number >= len(ids):
        return list(ids)
    chosen = set(sorted(ids, key=lambda each: digest(step.seed, each))[: step.number])
    return [each for each in ids if each in chosen]


def digest(seed: int, identity: str) -> bytes:
    """A number for an id that looks random and is the same everywhere."""
    return hashlib.blake2b(f"{seed}:{identity}".encode(), digest_size=16).digest()
