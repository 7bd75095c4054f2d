"""Running queries: ids and sort keys out of DuckDB, and whole records for them out of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from oxide import _core
from oxide.query import cursors, records
from oxide.query.changes import changed_ids, tables_since
from oxide.query.cursors import Key
from oxide.query.explaining import Explanation
from oxide.query.planning import Plan, Scope, base_of
from oxide.query.tree import Query
from oxide.sql.connection import Sandbox
from oxide.sql.relations import ParquetRelation, create
from oxide.sql.sources import RepositoryView, Sources

if TYPE_CHECKING:
    from oxide._core import Hold
    from oxide.repository import Repository
    from oxide.sql.connection import Run
    from oxide.types import Progress
    from oxide.workspace import Tables

AT_ONCE = 1000
"""Rows whose records are read together."""


class Found(NamedTuple):
    """What a statement finds: item and id of each row, of items the same twice.

    ``paths`` are there where rows are in their order. ``cursor`` is behind the last row, where more follow.
    """

    rows: list[tuple[str, str]]
    paths: list[str] | None = None
    cursor: str | None = None


class QueryResult:
    """What a query finds, at one state of the repository. Nothing is asked before it is wanted, nor twice.

    ``items``, ``next`` and ``page_paths`` are about one page; everything else is about all rows.
    """

    def __init__(
        self,
        repository: Repository,
        query: Query,
        at: str | None,
        after: str | None,
        hold: Hold,
        progress: Progress | None = None,
    ) -> None:
        self.query = query
        self._repository = repository
        self._at = at
        self._after = after
        self._hold = hold
        self._engine = Engine(repository, at, progress)

    @property
    def revision(self) -> str | None:
        """The commit that was asked; ``None``: HEAD with what is pending."""
        return self._at

    @cached_property
    def total(self) -> int:
        """How many rows there are in all."""
        return self._engine.count(self.query)

    @cached_property
    def _page(self) -> Found:
        size = self.query.page_size
        if size is None and self._after is None:
            return self._all
        skipped = self.query.page * size if size is not None and self._after is None else 0
        return self._engine.page(self.query, size, skipped, self._after)

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        """The documents of the page; without a page size of all rows."""
        return list(self._records(self._page))

    @property
    def next(self) -> str | None:
        """The cursor of the page behind this one; ``None`` when there is none."""
        return self._page.cursor

    @property
    def page_paths(self) -> list[str]:
        """The paths of the page's items, or of the items of its annotations."""
        return self._paths(self._page)

    @cached_property
    def ids(self) -> list[str]:
        """The ids of all rows, in order."""
        return [identity for _, identity in self._all.rows]

    @property
    def paths(self) -> list[str]:
        """The paths of all items, in order; of annotations those of their items, each once."""
        return self._paths(self._all)

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self._records(self._all)

    @cached_property
    def _all(self) -> Found:
        return self._engine.page(self.query, None, 0, None)

    @cached_property
    def item_ids(self) -> list[str]:
        """The ids of all items, or of the items of all annotations, each once."""
        if self.query.resource == "items":
            return self.ids
        return list(dict.fromkeys(item for item, _ in self._all.rows))

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(item, id) of all annotations; of items their id twice."""
        return self._all.rows

    def _paths(self, found: Found) -> list[str]:
        if found.paths is not None:
            return found.paths
        items = list(dict.fromkeys(item for item, _ in found.rows))
        return [path for part in _parts(items) for path in self._engine.paths(part)]

    def _records(self, found: Found) -> Iterator[dict[str, Any]]:
        for start in range(0, len(found.rows), AT_ONCE):
            rows = found.rows[start : start + AT_ONCE]
            if self.query.resource == "annotations":
                yield from self._engine.annotations(rows)
            elif found.paths is not None:
                yield from self._engine.items_at(found.paths[start : start + AT_ONCE])
            else:
                yield from self._engine.items([item for item, _ in rows])

    def explain(self) -> Explanation:
        """The tree, the SQL, and which segments would be opened. Statistics that are missing are made."""
        return self._engine.explain(self.query)

    def __repr__(self) -> str:
        return f"QueryResult({self.query.resource} of {self._repository.folder!r} at {self._at or 'what is pending'})"


def _parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]


class Engine:
    """Runs the statements of plans over one state."""

    def __init__(
        self,
        repository: Repository,
        at: str | None,
        progress: Progress | None = None,
        *,
        tables: Tables | None = None,
    ) -> None:
        """``tables``: a state that was read before, in place of what the revision has now."""
        self._repository = repository
        self.tables = repository.state_at(at) if tables is None else tables
        self._sources = Sources(RepositoryView(repository, at, self.tables), progress)

    def items(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The documents of items."""
        return records.item_records(self._repository.store, self.tables, self._files(ids))

    def items_at(self, paths: Sequence[str]) -> list[dict[str, Any]]:
        """The documents of the items at paths, which are sorted."""
        files = self._repository.store.file_rows(self.tables["files"][1], paths)
        return records.item_records(self._repository.store, self.tables, files)

    def annotations(self, ids: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """The documents of annotations."""
        files = self._files(list(dict.fromkeys(item for item, _ in ids)))
        paths = {file["item_id"]: file["path"] for file in files}
        return records.annotation_records(self._repository.store, self.tables, ids, paths)

    def _files(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The rows of ``files`` of those items that have one."""
        found = _core.files_of(self._repository.store, self.tables["files"][1], ids) if ids else []
        return [row for row in found if row is not None]

    def count(self, query: Query) -> int:
        """How many rows a query finds."""
        plan = Plan()
        statement = _counted(plan, query)
        return int(self._fetch(plan, statement)[0][0])

    def paths(self, ids: Sequence[str]) -> list[str]:
        """The paths of items."""
        return [row["path"] for row in self._files(ids)]

    def page(self, query: Query, size: int | None, skipped: int, after: str | None) -> Found:
        """The rows of a page: from the cursor ``after`` on, without the first ``skipped``."""
        plan = Plan()
        statement, keys, columns = _ordered(plan, query, size, skipped, after)
        rows = self._fetch(plan, statement)
        cursor = None
        if size is not None and len(rows) > size:
            rows = rows[:size]
            last = dict(zip(columns, rows[-1], strict=True))
            cursor = cursors.encode(query, [last[key.name] for key in keys])
        item, identity = columns.index("item"), columns.index("id" if "id" in columns else "item")
        paths = [row[columns.index("path")] for row in rows] if "path" in columns else None
        return Found([(row[item].hex(), row[identity].hex()) for row in rows], paths, cursor)

    def explain(self, query: Query) -> Explanation:
        """How a query would be answered."""
        plan = Plan()
        statement, _, _ = _ordered(plan, query, query.page_size, 0, None)
        scans = []
        for scan in plan.scans:
            relation = self._sources.scanned(scan)
            opened = relation.segments if isinstance(relation, ParquetRelation) else (0, 0)
            scans.append((scan.name, scan.table, *opened))
        return Explanation(query, statement, plan.parameters, scans)

    def _fetch(self, plan: Plan, statement: str) -> list[tuple[Any, ...]]:
        settings = self._repository.query_limits()
        sandbox = Sandbox(timeout=settings[0], memory_limit=settings[1])
        relations = {scan.name: self._sources.scanned(scan) for scan in plan.scans}
        used = self._sources.files_used(list(relations.values()))
        sandbox.close_to_files(used)
        for name, relation in relations.items():
            create(sandbox, name, relation, hexadecimal=False)
        for name, change in plan.changes.items():
            before = tables_since(self._repository, change.since)
            sandbox.hold_rows(name, changed_ids(self._repository, change.resource, before, self.tables))
        for name, test in plan.tests.items():
            sandbox.add_test(name, test)
        for name, (path, descending) in plan.keys.items():
            sandbox.add_key(name, path, descending)
        sandbox.lock()
        self._sources.trim(used)
        run: Run = sandbox.run()
        try:
            rows: list[tuple[Any, ...]] = run.call(lambda cursor: cursor.execute(statement, plan.parameters).fetchall())
        finally:
            run.close()
            sandbox.answered()
        return rows


def _counted(plan: Plan, query: Query) -> str:
    base = base_of(query.tree) if query.resource == "items" else None
    return Scope(plan, query.resource, base).rows(query.tree, ["count(*)"])


def _ordered(
    plan: Plan, query: Query, size: int | None, skipped: int, after: str | None
) -> tuple[str, list[Key], list[str]]:
    """The statement for a page, the keys that order it, and its columns. One row more tells whether more follow."""
    of_items = query.resource == "items"
    base = base_of(query.tree, query.sort) if of_items and query.sort else None
    scope = Scope(plan, query.resource, base)
    keys = [Key(f"k{at}", sorting.descending) for at, sorting in enumerate(query.sort)]
    columns = {}
    for key, sorting in zip(keys, query.sort, strict=True):
        expression = scope.sort_key(sorting)
        columns[key.name] = f"epoch_us({expression})" if sorting.field.kind == "time" else expression
    if of_items:
        columns["item"] = scope.id
        keys.append(Key("item" if query.sort else "path", False, False))
        if not query.sort:
            columns["path"] = "f.path"
    else:
        columns |= {"item": "a.item_id", "id": "a.ann_id"}
        keys += [Key("id", False, False), Key("item", False, False)]
    statement = scope.rows(query.tree, [f"{expression} AS {name}" for name, expression in columns.items()])
    if after is not None:
        values = cursors.decode(query, after, len(keys))
        statement = f"SELECT * FROM ({statement}) q WHERE {cursors.behind(keys, values, plan.parameter)}"
    statement += f" ORDER BY {cursors.ordering(keys)}"
    if size is not None:
        statement += f" LIMIT {int(size) + 1} OFFSET {int(skipped)}"
    return statement, keys, list(columns)
