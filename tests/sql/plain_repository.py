"""A repository as the query engine asks for it, made of plain Parquet files: proves the sandbox without the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from oxide.errors import UnknownRevision
from oxide.types import Branch, Commit, LogEntry, OperationEntry, Person, Tag

PERSON = Person("Ada", "ada@example.org")
TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)

FILES_SCHEMA = {
    "name": "files",
    "fields": [
        {"id": 1, "name": "path", "type": "text"},
        {"id": 2, "name": "content_id", "type": {"fixed": 32}},
        {"id": 3, "name": "size", "type": "int"},
        {"id": 4, "name": "item_id", "type": {"fixed": 12}},
    ],
    "key": [1],
}
ITEMS_SCHEMA = {
    "name": "items",
    "fields": [
        {"id": 1, "name": "item_id", "type": {"fixed": 12}},
        {"id": 2, "name": "created", "type": "time"},
        {"id": 3, "name": "hidden", "type": "bool"},
        {"id": 4, "name": "score", "type": "float"},
        {"id": 5, "name": "about", "type": "json"},
        {"id": 6, "name": "vector", "type": "vector"},
    ],
    "key": [1],
}


def file_row(path: str, content: int, size: int) -> dict[str, Any]:
    """A row of ``files`` as the store gives it."""
    return {"path": path, "content_id": f"{content:064x}", "size": size, "item_id": f"{content:024x}"}


class PlainStore:
    """Tables are lists of file rows under a root's name; each becomes one Parquet file when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.control = str(folder)
        self.roots: dict[str, list[dict[str, Any]]] = {"empty": []}
        self.exports: list[str] = []

    def hold(self) -> AbstractContextManager[None]:
        return nullcontext()

    def read_record(self, kind: str, identity: str) -> dict[str, Any]:
        return {"files-schema": FILES_SCHEMA, "items-schema": ITEMS_SCHEMA}[identity]

    def export_parquet(
        self,
        table: tuple[str, str],
        folder: str,
        conditions: str = "[]",
        item: str | None = None,
        progress: object = None,
    ) -> dict[str, Any]:
        Path(folder).mkdir(parents=True, exist_ok=True)
        rows = self.roots[table[1]]
        self.exports.append(table[1])
        if not rows:
            return {"files": [], "segments": 0, "opened": 0}
        path = Path(folder) / f"{table[1]}.parquet"
        if not path.exists():
            arrow = pyarrow.table(
                {
                    "path": [row["path"] for row in rows],
                    "content_id": pyarrow.array([bytes.fromhex(row["content_id"]) for row in rows], pyarrow.binary(32)),
                    "size": [row["size"] for row in rows],
                    "item_id": pyarrow.array([bytes.fromhex(row["item_id"]) for row in rows], pyarrow.binary(12)),
                }
            )
            pyarrow.parquet.write_table(arrow, path)
        return {"files": [(str(path), None)], "segments": 1, "opened": 1}

    def restore_parquet(self, schema: str, path: str) -> None:
        self.export_parquet((schema, Path(path).stem), str(Path(path).parent))

    def file_rows(self, root: str, paths: Sequence[str] = ()) -> list[dict[str, Any]]:
        return [row for row in self.roots[root] if not paths or row["path"] in paths]

    def file_row(self, root: str, path: str) -> dict[str, Any] | None:
        return next(iter(self.file_rows(root, [path])), None)

    def diff_stream(self, schema: str, before: str, after: str) -> pyarrow.RecordBatchReader:
        changes = self.diff_files(before, after)
        rows = [
            {"change": change, **row, "content_id": bytes.fromhex(row["content_id"])}
            for change, root in (("added", after), ("modified", after), ("removed", before))
            for row in self.roots[root]
            if row["path"] in changes[change]
        ]
        fields = [("change", pyarrow.string()), ("path", pyarrow.string()), ("content_id", pyarrow.binary(32))]
        fields += [("size", pyarrow.int64()), ("item_id", pyarrow.string())]
        return pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(fields)).to_reader()

    def diff_files(self, before: str, after: str) -> dict[str, Any]:
        old = {row["path"]: row for row in self.roots[before]}
        new = {row["path"]: row for row in self.roots[after]}
        gone = {row["content_id"]: path for path, row in old.items() if path not in new}
        renamed = [
            [gone[row["content_id"]], path]
            for path, row in new.items()
            if path not in old and row["content_id"] in gone
        ]
        return {
            "added": sorted(new.keys() - old.keys() - {each[1] for each in renamed}),
            "removed": sorted(old.keys() - new.keys() - {each[0] for each in renamed}),
            "modified": sorted(path for path in new.keys() & old.keys() if new[path] != old[path]),
            "renamed": renamed,
        }


class PlainRepository:
    """Revisions are the names of commits, ``HEAD`` is the last one."""

    def __init__(self, folder: Path) -> None:
        self.control = folder
        self.store = PlainStore(folder)
        self.history: dict[str, Commit] = {}
        self.pending: dict[str, tuple[str, str]] = {}

    def add_commit(self, name: str, rows: list[dict[str, Any]]) -> None:
        self.store.roots[name] = rows
        parents = (list(self.history)[-1],) if self.history else ()
        tables = {"files": ("files-schema", name), "items": ("items-schema", "empty")}
        self.history[name] = Commit(name, parents, PERSON, PERSON, TIME, f"made {name}", len(parents), tables)

    def read_commit(self, revision: str) -> Commit:
        if revision == "HEAD" and self.history:
            return list(self.history.values())[-1]
        if revision not in self.history:
            raise UnknownRevision(f"There is no revision {revision}.")
        return self.history[revision]

    def staged_tables(self) -> dict[str, tuple[str, str]]:
        committed = self.read_commit("HEAD").tables if self.history else {}
        return {**committed, **self.pending}

    def log(self, revision: str = "HEAD", *, paths: Sequence[Any] = (), limit: int | None = None) -> Iterator[LogEntry]:
        before: dict[str, Any] | None = None
        entries = []
        for commit in self.history.values():
            now = self.store.file_row(commit.id, str(paths[0]))
            if now != before:
                entries.append(LogEntry(commit, [], []))
            before = now
            if commit.id == revision:
                break
        yield from reversed(entries)

    def branches(self) -> list[Branch]:
        return [
            Branch("main", list(self.history)[-1] if self.history else None, True, None),
            Branch("empty", None, False, "hub/x"),
        ]

    def tags(self) -> list[Tag]:
        return []

    def operations(self, limit: int | None = None) -> Iterator[OperationEntry]:
        return iter(())
