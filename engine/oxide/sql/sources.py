"""Where relations come from: the only part of the query engine that asks a repository for anything."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from oxide._core import EMPTY_ROOT
from oxide.errors import FileSystemError, QueryError, UnknownRevision
from oxide.labels import schemas
from oxide.labels.schemas import SCHEMAS
from oxide.sql import cache
from oxide.sql.history import COMMIT_COLUMNS, OPERATION_COLUMNS, History
from oxide.sql.relations import (
    Column,
    DerivedRelation,
    ParquetRelation,
    Relation,
    RowsRelation,
    StreamRelation,
    parquet_of,
    schema_columns,
)
from oxide.sql.statement import Reference
from oxide.workspace import present, without_facts

if TYPE_CHECKING:
    from oxide._core import Store
    from oxide.labels.history import Version
    from oxide.query.planning import Scan
    from oxide.types import Branch, Commit, LogEntry, OperationEntry, Progress, Tag

Tables = dict[str, tuple[str, str]]

_TIME = "TIMESTAMP WITH TIME ZONE"
_BRANCH_COLUMNS = [
    Column("name", "VARCHAR"),
    Column("head", "VARCHAR"),
    Column("current", "BOOLEAN"),
    Column("upstream", "VARCHAR"),
]
_TAG_COLUMNS = [Column("name", "VARCHAR"), Column("commit", "VARCHAR")]
_DIFF_COLUMNS = [
    Column("change", "VARCHAR"),
    Column("path", "VARCHAR"),
    Column("old_path", "VARCHAR"),
    Column("item_id", "VARCHAR"),
    Column("content_id_before", "VARCHAR"),
    Column("content_id_after", "VARCHAR"),
    Column("size_before", "BIGINT"),
    Column("size_after", "BIGINT"),
]
_HISTORY_COLUMNS = [
    Column("commit", "VARCHAR"),
    Column("time", _TIME),
    Column("author", "VARCHAR"),
    Column("message", "VARCHAR"),
    Column("change", "VARCHAR"),
    Column("content_id", "VARCHAR"),
    Column("size", "BIGINT"),
]
_ANNOTATION_CELLS = ("type", "label", "score", "source", "updated_by")
_ANNOTATION_HISTORY_COLUMNS = [
    *_HISTORY_COLUMNS[:5],
    *(Column(name, "DOUBLE" if name == "score" else "VARCHAR") for name in _ANNOTATION_CELLS),
    *(Column(name, "DOUBLE") for name in "xywh"),
    Column("attributes", "VARCHAR"),
    Column("geometry", "VARCHAR"),
]
_SPLIT_COLUMNS = [
    Column("path", "VARCHAR"),
    Column("item_id", "VARCHAR"),
    Column("split", "VARCHAR"),
    Column("frozen", "BOOLEAN"),
]
_SPLITS = """
    SELECT f.path, f.item_id, m.value ->> '$.split' AS split, f.item_id IN (SELECT item_id FROM {frozen}) AS frozen
    FROM {files} f JOIN {metadata} m ON m.item_id = f.item_id
    WHERE json_type(m.value, '$.split') = 'VARCHAR'
"""
_EXPORTED: dict[tuple[Path, tuple[str, str], str, str | None], tuple[dict[str, Any], cache.Facts]] = {}
_MOST_EXPORTED = 256
_UNVERSIONED = ("commits", "branches", "tags", "operations")


class RepositoryLike(Protocol):
    """What a query needs of a repository."""

    @property
    def store(self) -> Store: ...
    @property
    def control(self) -> Path: ...
    def read_commit(self, revision: str) -> Commit: ...
    def staged_tables(self) -> Tables: ...
    def log(
        self, revision: str = "HEAD", *, paths: Sequence[str | os.PathLike[str]] = (), limit: int | None = None
    ) -> Iterator[LogEntry]: ...
    def branches(self) -> list[Branch]: ...
    def tags(self) -> list[Tag]: ...
    def operations(self, limit: int | None = None) -> Iterator[OperationEntry]: ...


class RepositoryView:
    """A repository as one query sees it: at a revision, or HEAD with what is pending in the workspace."""

    def __init__(self, repository: RepositoryLike, at: str | None, tables: Tables | None = None) -> None:
        self._repository = repository
        self._at = at
        self._tables: dict[str | None, Tables] = {} if tables is None else {at: present(tables)}
        self.store = repository.store
        self.control = repository.control

    def head(self) -> str | None:
        """The commit that HEAD names, or ``None`` before the first."""
        try:
            return self._repository.read_commit("HEAD").id
        except UnknownRevision:
            return None

    def branches(self) -> list[Branch]:
        """All branches."""
        return self._repository.branches()

    def tags(self) -> list[Tag]:
        """All tags."""
        return self._repository.tags()

    def operations(self, limit: int | None = None) -> Iterable[OperationEntry]:
        """The operations, newest first."""
        return self._repository.operations(limit)

    def commit(self, revision: str) -> Commit:
        """The commit that a revision names."""
        return self._repository.read_commit(revision)

    def log(self, path: str) -> Iterable[LogEntry]:
        """The commits that changed a path, newest first."""
        start = self._at or "HEAD"
        if start == "HEAD" and self.head() is None:
            return ()
        return self._repository.log(start, paths=[path])

    def held_out(self) -> Iterable[str]:
        """The items that frozen splits hold out."""
        from oxide.splits.freezing import held
        from oxide.workspace import read_state

        return held(self.store, read_state(self.store).view).items

    def annotation_history(self, identity: str) -> list[Version]:
        """Every version of an annotation up to what the query looks at, newest first."""
        from oxide.labels.history import annotation_history

        return annotation_history(self.store, self._repository.read_commit(self._at or "HEAD").id, identity)

    def tables(self, revision: str | None) -> Tables:
        """Table name to (schema id, root id); without a revision: as the query was asked to look."""
        revision = revision if revision is not None else self._at
        if revision not in self._tables:
            if revision is not None:
                self._tables[revision] = present(self.commit(revision).tables)
            else:
                self._tables[None] = self._repository.staged_tables()
        return self._tables[revision]


class Sources:
    """Turns references into relations."""

    def __init__(self, repository: RepositoryView, progress: Progress | None = None) -> None:
        self._progress = progress
        self._repository = repository
        self._cache = Path(repository.control) / "cache" / "segments"

    def relation(self, reference: Reference) -> Relation | None:
        """The relation that a query reads; ``None`` for a table that does not exist."""
        if reference.function == "diff":
            return self._diff(*reference.arguments)
        if reference.function == "annotation_history":
            return self._annotation_history(reference.arguments[0])
        if reference.function == "history":
            return self._history(reference.arguments[0])
        if reference.name in _UNVERSIONED:
            if reference.revision is not None:
                raise QueryError(f"{reference.name} has no versions", hint="leave out AT")
            return self._unversioned(reference.name)
        return self._table(reference.name, reference.revision)

    def unknown(self, reference: Reference) -> QueryError:
        """The failure for a table that does not exist, with the ones that do."""
        names = sorted({*self._repository.tables(reference.revision), *SCHEMAS, *_UNVERSIONED, "splits"})
        close = difflib.get_close_matches(reference.name, names, 1)
        place = f" at {reference.revision}" if reference.revision else ""
        suggestion = f"did you mean {close[0]}? " if close else ""
        return QueryError(
            f"there is no table {reference.name}{place}", hint=f"{suggestion}tables: {', '.join(sorted(names))}"
        )

    def files_used(self, relations: Sequence[Relation]) -> list[str]:
        """All Parquet files of the relations, written again when they left the cache meanwhile."""
        stored = parquet_of(relations)
        paths = [path for relation in stored for path in relation.paths]
        for relation in stored:
            for path in relation.paths:
                if not os.path.exists(path):
                    relation.restore(path)
        cache.mark_used(paths)
        return paths

    def trim(self, used: Sequence[str]) -> None:
        """Keep the cache within its size."""
        cache.trim(self._cache, used)

    def _table(self, name: str, revision: str | None) -> Relation | None:
        tables = self._repository.tables(revision)
        if name == "splits":
            return self._splits(revision)
        found = next((each for each in tables if each.lower() == name), None)
        if found is not None:
            return self.stored(tables[found])
        return RowsRelation(schema_columns(SCHEMAS[name]), []) if name in SCHEMAS else None

    def stored(
        self, table: tuple[str, str], conditions: Sequence[dict[str, Any]] = (), item: str | None = None
    ) -> Relation:
        """Any table of the store. Where nothing can be written, its rows come from memory instead of the cache.

        Rows that do not fulfil the conditions, or are not of the item, may be left out.
        """
        store = self._repository.store
        columns = schema_columns(schemas.read(store, table[0]))
        if table[1] == EMPTY_ROOT:
            return RowsRelation(columns, [])
        try:
            exported = self._exported(table, json.dumps(conditions), item)
        except (FileSystemError, OSError):
            return StreamRelation(columns, store.scan(table))
        segments = (exported["segments"], exported["opened"])
        restore = partial(store.restore_parquet, table[0])
        return ParquetRelation(columns, exported["files"], restore, segments=segments)

    def _exported(self, table: tuple[str, str], conditions: str, item: str | None) -> dict[str, Any]:
        """Files that hold the rows of a table: those found last time, where all of them are there as they were."""
        key = (self._cache, table, conditions, item)
        known = _EXPORTED.get(key)
        if known is not None and known[1] == cache.facts(path for path, _ in known[0]["files"]):
            return known[0]
        found = self._repository.store.export_parquet(table, str(self._cache), conditions, item, self._progress)
        if len(_EXPORTED) >= _MOST_EXPORTED:
            _EXPORTED.clear()
        _EXPORTED[key] = (found, cache.facts(path for path, _ in found["files"]))
        return found

    def scanned(self, scan: Scan) -> Relation:
        """The rows that a planned query reads under one name."""
        table = self._repository.tables(None).get(scan.table)
        if table is None:
            return RowsRelation(schema_columns(SCHEMAS[scan.table]), [])
        return self.stored(table, scan.conditions, scan.item)

    def _unversioned(self, name: str) -> Relation:
        history = History(self._repository)
        if name == "branches":
            return RowsRelation(_BRANCH_COLUMNS, [tuple(branch) for branch in self._repository.branches()])
        if name == "tags":
            return RowsRelation(_TAG_COLUMNS, [tuple(tag) for tag in self._repository.tags()])
        if name == "commits":
            path = history.commits()
            return ParquetRelation(COMMIT_COLUMNS, [(path, None)] if path else [], lambda _: history.commits())
        path = history.operations()
        oldest = f"number >= {self._repository.store.oldest_operation()}" if path else ""
        files = [(path, None)] if path else []
        return ParquetRelation(OPERATION_COLUMNS, files, lambda _: history.operations(), oldest)

    def _diff(self, before: str, after: str | None = None, table: str = "files") -> Relation:
        old, new = self._repository.tables(before), self._repository.tables(after)
        if table == "files":
            return RowsRelation(_DIFF_COLUMNS, self._file_changes(self._root(old, "files"), self._root(new, "files")))
        present = new.get(table) or old.get(table)
        if present is None and table in SCHEMAS:
            return RowsRelation([Column("change", "VARCHAR"), *schema_columns(SCHEMAS[table])], [])
        if present is None:
            raise self.unknown(Reference("table", table, revision=before))
        columns = schema_columns(schemas.read(self._repository.store, present[0]))
        stream = self._repository.store.diff_stream(present[0], self._root(old, table), self._root(new, table))
        return StreamRelation([Column("change", "VARCHAR"), *columns], stream)

    def _root(self, tables: Tables, name: str) -> str:
        """The root of a table; a table that is not there is one without rows."""
        return tables[name][1] if name in tables else EMPTY_ROOT

    def _file_changes(self, before: str, after: str) -> list[Sequence[object]]:
        store = self._repository.store
        changes = store.diff_files(before, after)
        renamed = {new: old for old, new in changes["renamed"]}
        modified = [path for path in changes["modified"] if path not in renamed]
        old_rows = self._file_rows(before, [*modified, *changes["removed"], *renamed.values()])
        new_rows = self._file_rows(after, [*modified, *changes["added"], *renamed])
        rows: list[Sequence[object]] = [_diff_row("added", None, new_rows[path]) for path in changes["added"]]
        rows += [_diff_row("modified", old_rows[path], new_rows[path]) for path in modified]
        rows += [_diff_row("renamed", old_rows[old], new_rows[new]) for new, old in renamed.items()]
        rows += [_diff_row("removed", old_rows[path], None) for path in changes["removed"]]
        return sorted(rows, key=lambda row: str(row[1]))

    def _file_rows(self, root: str, paths: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {row["path"]: row for row in self._repository.store.file_rows(root, paths)} if paths else {}

    def _splits(self, revision: str | None) -> Relation:
        held = self._repository.held_out()
        inputs: dict[str, Relation] = {
            "frozen": RowsRelation([Column("item_id", "VARCHAR")], [(item,) for item in held]),
            **{name: self._table(name, revision) or RowsRelation([], []) for name in ("files", "metadata")},
        }
        return DerivedRelation(_SPLIT_COLUMNS, _SPLITS, inputs)

    def _annotation_history(self, identity: str) -> RowsRelation:
        versions = self._repository.annotation_history(identity)
        rows: list[Sequence[object]] = []
        for at, version in enumerate(versions):
            commit, now = version.commit, version.annotation
            is_new = at + 1 == len(versions) or versions[at + 1].annotation is None
            change = "removed" if now is None else "added" if is_new else "modified"
            cells = [getattr(now, name) if now is not None else None for name in _ANNOTATION_CELLS]
            box = now.box if now is not None and now.box is not None else (None,) * 4
            texts = [
                None if now is None else json.dumps(each) for each in (now and now.attributes, now and now.geometry)
            ]
            rows.append((commit.id, commit.time, str(commit.author), commit.message, change, *cells, *box, *texts))
        return RowsRelation(_ANNOTATION_HISTORY_COLUMNS, rows)

    def _history(self, path: str) -> RowsRelation:
        rows: list[Sequence[object]] = []
        for entry in self._repository.log(path):
            commit = entry.commit
            now = self._file_row(commit.id, path)
            before = self._file_row(commit.parents[0], path) if commit.parents else None
            if without_facts(now) == without_facts(before):
                continue  # a folder, which has no row of its own, or a merge that took the first parent's side
            change = "added" if before is None else "removed" if now is None else "modified"
            state = (now["content_id"], now["size"]) if now is not None else (None, None)
            rows.append((commit.id, commit.time, str(commit.author), commit.message, change, *state))
        return RowsRelation(_HISTORY_COLUMNS, rows)

    def _file_row(self, commit: str, path: str) -> dict[str, Any] | None:
        tables = self._repository.tables(commit)
        return self._repository.store.file_row(tables["files"][1], path) if "files" in tables else None


def _diff_row(change: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Sequence[object]:
    shown = after if after is not None else before
    assert shown is not None
    return (
        change,
        shown["path"],
        before["path"] if change == "renamed" and before is not None else None,
        shown["item_id"],
        before["content_id"] if before is not None else None,
        after["content_id"] if after is not None else None,
        before["size"] if before is not None else None,
        after["size"] if after is not None else None,
    )
