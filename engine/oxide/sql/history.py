"""Derived Parquet copies of commits and operations, ``.oxide/cache/history``, extended by what is new.

``commits-<digest of the heads>`` holds exactly the commits that those heads reach, so an unchanged repository reads
none, and after a commit only the new ones are read. ``operations-<newest number>-<its id>`` works alike. A copy's name
ends in a checksum: a damaged one is written again.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import FileSystemError
from oxide.sql.relations import Column

if TYPE_CHECKING:
    import pyarrow

    from oxide.sql.sources import RepositoryView

_TIME = "TIMESTAMP WITH TIME ZONE"
COMMIT_COLUMNS = [
    Column("id", "VARCHAR"),
    Column("parents", "VARCHAR[]"),
    Column("author_name", "VARCHAR"),
    Column("author_email", "VARCHAR"),
    Column("time", _TIME),
    Column("message", "VARCHAR"),
    Column("generation", "BIGINT"),
]
OPERATION_COLUMNS = [
    Column("number", "BIGINT"),
    Column("id", "VARCHAR"),
    Column("kind", "VARCHAR"),
    Column("description", "VARCHAR"),
    Column("time", _TIME),
    Column("author", "VARCHAR"),
]
_KEPT_COPIES = 4
"""Older copies are kept for other processes that are reading them."""


class History:
    """The copies of one repository."""

    def __init__(self, repository: RepositoryView) -> None:
        self._repository = repository
        self._folder = Path(repository.control) / "cache" / "history"

    def commits(self) -> str | None:
        """Path of the copy with all commits that branches, tags and HEAD reach; ``None`` when there is none."""
        heads = self._heads()
        if not heads:
            return None
        stem = f"commits-{hashlib.blake2b(chr(10).join(heads).encode(), digest_size=16).hexdigest()}"
        path = _core.find_cached(str(self._folder), stem)
        if path is None:
            rows = self._reachable(heads, self._newest("commits-"))
            path = self._write(stem, COMMIT_COLUMNS, rows)
        return path

    def operations(self) -> str | None:
        """Path of the copy with all operations; ``None`` when there is none."""
        head = self._repository.store.head()
        if head is None:
            return None
        newest = next(iter(self._repository.operations(1)))
        stem = f"operations-{newest.number:016}-{newest.id[:16]}"
        path = _core.find_cached(str(self._folder), stem)
        if path is None:
            known = self._known_operations()
            rows: list[Sequence[Any]] = []
            for entry in self._repository.operations():
                known_row = known.get(entry.number)
                if known_row is not None and known_row["id"] == entry.id:
                    # Operations form a chain: below an equal one all are equal.
                    rows.extend(
                        [*row.values()] for number, row in sorted(known.items(), reverse=True) if number <= entry.number
                    )
                    break
                rows.append((entry.number, entry.id, entry.kind, entry.description, entry.time, str(entry.author)))
            path = self._write(stem, OPERATION_COLUMNS, rows[::-1])
        return path

    def _heads(self) -> list[str]:
        heads = {branch.head for branch in self._repository.branches()} | {
            tag.commit for tag in self._repository.tags()
        }
        return sorted({head for head in (*heads, self._repository.head()) if head is not None})

    def _reachable(self, heads: Sequence[str], copy: Path | None) -> list[Sequence[Any]]:
        known = {row["id"]: [*row.values()] for row in _rows(copy)}
        reached: dict[str, Sequence[Any]] = {}
        waiting = list(heads)
        while waiting:
            identity = waiting.pop()
            if identity not in reached:
                reached[identity] = known.get(identity) or _commit_row(
                    identity, self._repository.store.read_record("commit", identity)
                )
                waiting.extend(reached[identity][1])
        return sorted(reached.values(), key=lambda row: (row[6], row[4], row[0]))

    def _known_operations(self) -> dict[int, dict[str, Any]]:
        return {row["number"]: row for row in _rows(self._newest("operations-"))}

    def _newest(self, prefix: str) -> Path | None:
        with contextlib.suppress(OSError):
            copies = sorted(self._folder.glob(f"{prefix}*.parquet"), key=lambda path: (path.stat().st_mtime, path.name))
            stems = [path.stem.rpartition("-")[0] for path in reversed(copies)]
            sound = filter(None, (_core.find_cached(str(self._folder), stem) for stem in stems))
            newest = next(sound, None)
            return None if newest is None else Path(newest)
        return None

    def _write(self, stem: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str:
        import pyarrow
        import pyarrow.parquet

        values: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
        arrays = [pyarrow.array(each, _arrow_type(column.type)) for column, each in zip(columns, values, strict=True)]
        sink = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(
            pyarrow.table(arrays, [column.name for column in columns]), sink, compression="zstd"
        )
        _core.make_folder(str(self._folder))
        path = _core.write_cached(str(self._folder), stem, sink.getvalue().to_pybytes())
        self._forget_old(stem)
        return path

    def _forget_old(self, stem: str) -> None:
        prefix = stem.split("-", 1)[0]
        with contextlib.suppress(OSError, FileSystemError):
            copies = sorted(
                self._folder.glob(f"{prefix}-*.parquet"), key=lambda each: each.stat().st_mtime, reverse=True
            )
            for old in copies[_KEPT_COPIES:]:
                _core.remove_file(str(old))


def _commit_row(identity: str, record: dict[str, Any]) -> Sequence[Any]:
    author = record["author"]
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=record["time"])
    return [identity, record["parents"], author["name"], author["email"], time, record["message"], record["generation"]]


def _rows(copy: Path | None) -> Iterator[dict[str, Any]]:
    """The rows of a copy, or none when it cannot be read: then everything is read again."""
    if copy is None:
        return
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(copy)
    except (OSError, pyarrow.ArrowException):
        return
    yield from table.to_pylist()


def _arrow_type(sql_type: str) -> pyarrow.DataType:
    import pyarrow

    types = {"VARCHAR": pyarrow.string(), "BIGINT": pyarrow.int64(), _TIME: pyarrow.timestamp("us", tz="UTC")}
    listed = re.fullmatch(r"(\w+)\[\]", sql_type)
    return pyarrow.list_(types[listed.group(1)]) if listed else types[sql_type]
