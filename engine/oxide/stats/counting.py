"""Counting a state. What was counted of a table is kept beside the segments: a table never changes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oxide import _core
from oxide.errors import FileSystemError
from oxide.stats.measures import JOINED, READS, statement

if TYPE_CHECKING:
    from oxide.repository import Repository
    from oxide.workspace import Tables

VERSION = 1
"""Of the measures: results of another one are counted again."""
KEPT = 512
"""Results in the cache, three a state."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of one state. ``counts`` maps a measure to names and numbers; a measure that is cut into ranges has the
    lower ends as names, see :mod:`oxide.stats.measures`. ``by_split`` maps splits to labels and numbers.
    """

    revision: str
    counts: Mapping[str, Mapping[str, float]]
    by_split: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, measure: str) -> dict[str, float]:
        """The names and numbers of a measure; empty where nothing was counted."""
        return dict(self.counts.get(measure, {}))

    def total(self, measure: str, name: str = "all") -> float:
        """One number."""
        return self.of(measure).get(name, 0)


def count(repository: Repository, revision: str | None, tables: Tables, shown: str) -> Stats:
    """Count a state, which ``revision`` names (none: what is pending)."""
    folder = os.path.join(repository.store.control, "cache", "stats")
    rows: list[tuple[str, str | None, str | None, float]] = []
    groups = [((table,), names) for table, names in READS.items()] + list(JOINED.items())
    for read, names in groups:
        if not all(table in tables for table in read):
            continue
        stem = _stem([tables[table][1] for table in read], names)
        path = _core.find_cached(folder, stem)
        rows += _kept(path) if path is not None else _counted(repository, revision, names, folder, stem)
    counts: dict[str, dict[str, float]] = {}
    by_split: dict[str, dict[str, float]] = {}
    for measure, name, part, number in rows:
        place = by_split.setdefault(str(part), {}) if part is not None else counts.setdefault(measure, {})
        place[str(name)] = number
    return Stats(shown, counts, by_split)


def _stem(roots: list[str], names: tuple[str, ...]) -> str:
    return hashlib.sha256(repr((VERSION, roots, names)).encode()).hexdigest()[:32]


def _kept(path: str) -> list[tuple[str, str | None, str | None, float]]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _counted(
    repository: Repository, revision: str | None, names: tuple[str, ...], folder: str, stem: str
) -> list[tuple[str, str | None, str | None, float]]:
    import pyarrow
    import pyarrow.parquet

    result = repository.sql(statement(names), at=revision)
    rows = [(measure, name, part, float(number or 0)) for measure, name, part, number in result]
    table = pyarrow.table(
        {
            "measure": pyarrow.array([row[0] for row in rows], pyarrow.string()),
            "name": pyarrow.array([row[1] for row in rows], pyarrow.string()),
            "part": pyarrow.array([row[2] for row in rows], pyarrow.string()),
            "number": pyarrow.array([row[3] for row in rows], pyarrow.float64()),
        }
    )
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    with contextlib.suppress(OSError, FileSystemError):  # where nothing may be written it is counted each time
        _core.make_folder(folder)
        _core.write_cached(folder, stem, sink.getvalue().to_pybytes())
        _forget_old(folder)
    return rows


def _forget_old(folder: str) -> None:
    kept = sorted(os.scandir(folder), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in kept[KEPT:]:
        _core.remove_file(entry.path)
