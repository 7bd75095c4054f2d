"""Views: immutable, lazy, put together step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput, NotFound
from oxide.labels.ids import is_id
from oxide.labels.reading import annotations_of
from oxide.query.asking import understood
from oxide.query.envelopes import read_sort
from oxide.query.running import AT_ONCE, Engine
from oxide.query.tree import EVERYTHING, Has, Node, either, opposite
from oxide.views.handing_over import Exports
from oxide.views.item import Item
from oxide.views.resolving import Resolver, labels, of_ids, of_paths
from oxide.views.steps import Among, Labels, Match, Sample, Slice, Sort, Step

if TYPE_CHECKING:
    from oxide._core import Hold
    from oxide.repository import Repository
    from oxide.views.grouping import Groups
    from oxide.views.loading import Loader
    from oxide.workspace import Tables

_READ = ("files", "items", "metadata", "annotations", "keyframes")
"""The tables whose rows make up items."""


class View(Exports):
    """Items of one state of a repository. Each step gives another view; nothing is asked before rows are wanted.

    ``revision`` is the commit that is looked at; ``None``: HEAD with what is pending, as it was when the view was made.
    """

    def __init__(
        self, repository: Repository, engine: Engine, revision: str | None, steps: tuple[Step, ...], hold: Hold
    ) -> None:
        self.__dict__.update(repository=repository, engine=engine, revision=revision, steps=steps, _hold=hold)

    repository: Repository
    engine: Engine
    revision: str | None
    steps: tuple[Step, ...]
    _hold: Hold

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a view does not change, so its '{name}' cannot be set: take another step instead")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a view does not change, so its '{name}' cannot be removed")

    def _with(self, *steps: Step) -> View:
        return View(self.repository, self.engine, self.revision, (*self.steps, *steps), self._hold)

    # -- steps -----------------------------------------------------------------------------------------------------

    def match(self, query: Any) -> View:
        """Only the items that a query finds, in any form that ``repo.query`` takes. Raises QueryError."""
        asked = understood(query)
        if asked.update is not None or asked.delete:
            raise InvalidInput("a view changes nothing", hint="give the query to repo.query and repo.apply_query")
        tree: Node = asked.tree
        if asked.resource == "annotations":
            tree = Has(tree)
        steps: list[Step] = [Match(tree)]
        if asked.sort and asked.resource == "items":
            steps.append(Sort(asked.sort))
        return self._with(*steps)

    def filter_labels(self, query: Any) -> View:
        """Only the annotations that a query finds, and the items that have one.

        The query is about annotations: ``{"label": "cat"}``, ``label:cat score>0.5``.
        """
        if isinstance(query, str) and not query.lstrip().startswith("{"):
            from oxide.query.text import parse

            return self._with(Labels(parse(query, "annotations")))
        if isinstance(query, str) or not isinstance(query, dict) or "filter" in query:
            asked = understood(query)
            if asked.resource != "annotations":
                raise InvalidInput("the query is about items", hint='give it "resource": "annotations"')
            return self._with(Labels(asked.tree))
        return self._with(Labels(understood({"resource": "annotations", "filter": query}).tree))

    def sort_by(self, *fields: str, descending: bool = False) -> View:
        """Another order; ``name:desc`` turns one field round, ``descending`` all of them."""
        found = read_sort(list(fields), "items", "sort_by")
        return self._with(Sort(tuple(each._replace(descending=each.descending != descending) for each in found)))

    def take(self, number: int) -> View:
        """The first items."""
        return self._with(Slice(0, _natural(number)))

    def skip(self, number: int) -> View:
        """All but the first items."""
        return self._with(Slice(_natural(number), None))

    def select(self, *names: str) -> View:
        """The items of some ids or paths."""
        return self._with(Match(_named(names)))

    def exclude(self, *names: str) -> View:
        """All but the items of some ids or paths."""
        return self._with(Match(opposite(_named(names))))

    def sample(self, number: int, seed: int = 0) -> View:
        """So many items by chance: the same ones for the same seed, whatever the order and the machine."""
        return self._with(Sample(_natural(number), seed))

    def join(self, other: View) -> View:
        """The items that another view of the same state has too."""
        return self._with(Among(self._same_state(other).steps))

    def minus(self, other: View) -> View:
        """The items that another view of the same state does not have."""
        return self._with(Among(self._same_state(other).steps, False))

    def group_by(self, field: str) -> Groups:
        """The view in parts, one for each value of a field."""
        from oxide.views.grouping import Groups

        return Groups(self, field)

    def _same_state(self, other: View) -> View:
        if not isinstance(other, View):
            raise InvalidInput(f"{other!r} is no view", hint="as in view.join(view.match(...))")
        if self.state != other.state:
            raise InvalidInput("the views look at different states", hint="make both at the same revision")
        return other

    # -- what it holds ---------------------------------------------------------------------------------------------

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the items, in order."""
        return Resolver(self.engine).ids(self.steps)

    @property
    def paths(self) -> list[str]:
        """The paths of the items, in order."""
        return [path for part in parts(self.ids) for path in self.engine.paths(part)]

    @cached_property
    def _count(self) -> int:
        return Resolver(self.engine).count(self.steps)

    def __len__(self) -> int:
        return len(self.ids) if "ids" in self.__dict__ else self._count

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[Item]:
        for part in parts(self.ids):
            yield from self.items_of(part)

    def __getitem__(self, index: int) -> Item:
        if isinstance(index, slice):
            raise InvalidInput(f"{index!r} is no place of an item", hint="some in a row: view.skip(10).take(5)")
        return self.items_of([self.ids[index]])[0]

    def first(self) -> Item:
        """The first item. Raises NotFound."""
        for item in self.take(1):
            return item
        raise NotFound("the view has no items", hint="see how many a step leaves: len(view)")

    def items_of(self, ids: Sequence[str]) -> list[Item]:
        """Items by their ids, with the annotations that the view keeps."""
        store, tables = self.repository.store, self.engine.tables
        records = self.engine.items(ids)
        kept = self._kept_annotations(ids)
        by_item: dict[str, list[Any]] = {}
        for annotation in annotations_of(store, tables, ids):
            if kept is None or annotation.id in kept:
                by_item.setdefault(str(annotation.item_id), []).append(annotation)
        return [Item(store, record, by_item.get(record["id"], [])) for record in records]

    def _kept_annotations(self, ids: Sequence[str]) -> set[str] | None:
        tree = labels(self.steps)
        if tree == EVERYTHING:
            return None
        from oxide.query.fields import resolve
        from oxide.query.tree import Compare, Query, both
        from oxide.query.values import constant

        field = resolve("annotations", "itemId", "")
        of_these = either(*[Compare(field, "eq", constant(field, each, "")) for each in ids])
        rows = self.engine.page(Query("annotations", both(tree, of_these)), None, 0, None).rows
        return {identity for _, identity in rows}

    # -- identity --------------------------------------------------------------------------------------------------

    @property
    def state(self) -> tuple[str, tuple[tuple[str, Any], ...]]:
        """The repository, and what it holds that a view reads."""
        tables = self.engine.tables
        return self.repository.folder, tuple((name, tables.get(name)) for name in _READ)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, View):
            return NotImplemented
        return self.steps == other.steps and self.state == other.state

    def __hash__(self) -> int:
        return hash((self.state, self.steps))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its folder, what it looks at and its steps: opened again in another process, with its own hold."""
        return _opened_again, (self.repository.folder, self.revision, self.engine.tables, self.steps)

    def __repr__(self) -> str:
        at = "what is pending" if self.revision is None else self.revision[:16]
        lines = [f"View of {self.repository.folder} at {at}", *(f"  {step}" for step in map(described, self.steps))]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from oxide.views.thumbnails import html

        return html(self)

    def loader(self, **how: Any) -> Loader:
        """Batches for training: see :class:`oxide.views.loading.Loader`."""
        from oxide.views.loading import Loader

        return Loader(self, **how)


def _opened_again(folder: str, revision: str | None, tables: Tables, steps: tuple[Step, ...]) -> View:
    from oxide.repository import Repository

    repository = Repository.open(folder)
    hold = repository.store.hold()
    return View(repository, Engine(repository, revision, tables=tables), revision, steps, hold)


def described(step: Step) -> str:
    """A step as it is called."""
    from oxide.query.text_writing import to_text

    if isinstance(step, Match):
        return f"match({to_text(step.tree)!r})"
    if isinstance(step, Labels):
        return f"filter_labels({to_text(step.tree)!r})"
    if isinstance(step, Sort):
        fields = [repr(each.field.title + (":desc" if each.descending else "")) for each in step.by]
        return f"sort_by({', '.join(fields)})"
    if isinstance(step, Slice):
        return f"skip({step.skip})" if step.take is None else f"take({step.take})"
    if isinstance(step, Sample):
        return f"sample({step.number}, seed={step.seed})"
    inner = ".".join(map(described, step.steps))
    return f"{'join' if step.is_in else 'minus'}({inner})"


def parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Ids in runs that are read together."""
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def _named(names: Iterable[str]) -> Node:
    given = list(names)
    for name in given:
        if not isinstance(name, str):
            raise InvalidInput(f"{name!r} is neither id nor path", hint="several: view.select(*names)")
    ids = [name.lower() for name in given if is_id(name)]
    paths = [name for name in given if not is_id(name)]
    return either(of_ids(ids), of_paths(paths)) if ids and paths else of_ids(ids) if ids else of_paths(paths)


def _natural(number: int) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise InvalidInput(f"{number!r} is no number of items", hint="give 0 or more")
    return number
