"""The items of a revision with all that belongs to them, one after the other, in memory that grows with the files only.

The tables of labels are in the order of items, so that they are read side by side; only the files, which are in the
order of paths, are sorted in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from oxide.formats.base import LabelledPicture
from oxide.labels import fitting, ontology, runs
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.ontology import Label, Ontology
from oxide.labels.runs import Run
from oxide.labels.schemas import SCHEMAS

if TYPE_CHECKING:
    import pyarrow

    from oxide._core import Store
    from oxide.query.choosing import Chosen
    from oxide.workspace import Tables

    Row = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_FACTS = ("path", "content_id", "size", "item_id", "sha256", "link", "executable", "width", "height")
_FILES_AT_ONCE = 4_096
_NAMES = {name: [field["name"] for field in schema["fields"]] for name, schema in SCHEMAS.items()}
_JSON = {
    name: {field["name"] for field in schema["fields"] if field["type"] == "json"} for name, schema in SCHEMAS.items()
}


class Outgoing:
    """Files of a state at and below some paths (none: all), with items, annotations and metadata."""

    def __init__(self, store: Store, tables: Tables, paths: Sequence[str], chosen: Chosen | None = None) -> None:
        self._chosen = chosen
        self._store = store
        self._tables = tables
        self._paths = [path for path in paths if path] if all(paths) else []

    @cached_property
    def _files(self) -> pyarrow.Table:
        """Rows of ``files`` in the order of items."""
        import pyarrow
        import pyarrow.compute as compute

        table = pyarrow.RecordBatchReader.from_stream(self._store.scan(self._tables["files"])).read_all()
        table = table.filter(compute.invert(compute.fill_null(table.column("link"), False)))
        if self._paths:
            within = [compute.starts_with(table.column("path"), path + "/") for path in self._paths]
            kept = compute.is_in(table.column("path"), pyarrow.array(self._paths))
            for each in within:
                kept = compute.or_(kept, each)
            table = table.filter(kept)
        if self._chosen is not None:
            items = pyarrow.array(map(bytes.fromhex, sorted(self._chosen.items)), table.column("item_id").type)
            table = table.filter(compute.is_in(table.column("item_id"), items))
        return table.take(compute.sort_indices(table, [("item_id", "ascending"), ("path", "ascending")]))

    def __len__(self) -> int:
        rows: int = self._files.num_rows
        return rows

    @cached_property
    def ontology(self) -> Ontology:
        """The labels, with those in use that it does not know behind the others, by name."""
        known = ontology.read(self._store, self._tables)
        used = {*self._used("annotations"), *self._used("keyframes")} - {None}
        others = sorted(used - set(known.labels))
        return Ontology({**known.labels, **{name: Label(name) for name in others}}, known.closed)

    @cached_property
    def runs(self) -> list[Run]:
        """The runs that annotations of these files came with, oldest first."""
        import pyarrow
        import pyarrow.compute as compute

        known, used = runs.read(self._store, self._tables), set[bytes]()
        if not known or "annotations" not in self._tables:
            return []
        items = compute.unique(self._files.column("item_id").combine_chunks())
        stream = self._store.scan(self._tables["annotations"], ["item_id", "run_id"])
        for batch in pyarrow.RecordBatchReader.from_stream(stream):
            own = batch.filter(compute.is_in(batch.column("item_id"), items))
            used.update(compute.unique(own.column("run_id")).drop_null().to_pylist())
        return [run for run in known if bytes.fromhex(run.id) in used]

    def _used(self, name: str) -> set[str]:
        import pyarrow
        import pyarrow.compute as compute

        found: set[str] = set()
        if name in self._tables:
            for batch in pyarrow.RecordBatchReader.from_stream(self._store.scan(self._tables[name], ["label"])):
                found.update(compute.unique(batch.column("label")).to_pylist())
        return found

    def contents(self) -> Iterator[tuple[str, str]]:
        """(path, content id) of the files."""
        for batch in self._files.to_batches(_FILES_AT_ONCE):
            columns = [batch.column(name).to_pylist() for name in ("path", "content_id")]
            for path, content in zip(*columns, strict=True):
                yield path, content.hex()

    def pictures(self) -> Iterator[LabelledPicture]:
        """The files with all that belongs to them, in the order of items."""
        annotations = _Groups(self._rows("annotations"))
        keyframes = _Groups(self._rows("keyframes"))
        metadata = _Groups(self._rows("metadata"))
        items = _Groups(_rows(self._store.scan(self._tables["items"]), (), None))
        names = self._files.column_names
        facts = [name for name in names if name not in _NOT_FACTS]
        last: tuple[bytes, Any] | None = None
        for batch in self._files.to_batches(_FILES_AT_ONCE):
            for row in batch.to_pylist():
                item = row["item_id"]
                if last is None or last[0] != item:
                    frames = _by_annotation(keyframes.of(item))
                    labels = tuple(_annotation(each, frames) for each in annotations.of(item))
                    if self._chosen is not None and self._chosen.annotations is not None:
                        labels = tuple(each for each in labels if each.id in (self._chosen.annotations or ()))
                    described = metadata.of(item)
                    said = next(iter(items.of(item)), None)
                    last = item, (labels, described[0][1] if described else {}, said)
                labels, value, said = last[1]
                yield LabelledPicture(
                    item.hex(),
                    row["path"],
                    row["sha256"].hex(),
                    row["size"],
                    *fitting.upright(row.get("width"), row.get("height"), row.get("orientation")),
                    labels,
                    value,
                    created=said[1] if said else None,
                    creator=said[2] if said else None,
                    hidden=said[3] if said else None,
                    source_id=said[4] if said else None,
                    facts={name: row[name] for name in facts if row[name] is not None},
                )

    def _rows(self, name: str) -> Iterable[Row]:
        if name not in self._tables:
            return ()
        return _rows(self._store.scan(self._tables[name], _NAMES[name]), _JSON[name], _NAMES[name])


class _Groups:
    """Rows in the order of items, given out item by item; items are asked for in that order."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._next = next(self._rows, None)

    def of(self, item: bytes) -> list[Row]:
        """The rows of an item."""
        found = []
        row = self._next
        while row is not None and row[0] <= item:
            if row[0] == item:
                found.append(row)
            row = next(self._rows, None)
        self._next = row
        return found


def _rows(stream: Any, parsed: Iterable[str], names: Sequence[str] | None) -> Iterator[Row]:
    """Rows as tuples, JSON as values and times as such."""
    import pyarrow

    moments: dict[int, datetime] = {}
    for batch in pyarrow.RecordBatchReader.from_stream(stream):
        wanted = names or batch.schema.names
        for start in range(0, batch.num_rows, _FILES_AT_ONCE):
            part = batch.slice(start, _FILES_AT_ONCE)
            yield from zip(*(_cells(part.column(name), name in parsed, moments) for name in wanted), strict=True)


def _cells(column: pyarrow.Array, is_json: bool, moments: dict[int, datetime]) -> list[Any]:
    import pyarrow

    if column.null_count == len(column):
        return [None] * len(column)
    if pyarrow.types.is_timestamp(column.type):
        # Most annotations of an import have one time, and making a time is slow.
        return [None if cell is None else _moment(cell, moments) for cell in column.cast("int64").to_pylist()]
    cells: list[Any] = column.to_pylist()
    return [None if cell is None else json.loads(cell) for cell in cells] if is_json else cells


def _moment(microseconds: int, moments: dict[int, datetime]) -> datetime:
    found = moments.get(microseconds)
    if found is None:
        if len(moments) > _FILES_AT_ONCE:
            moments.clear()
        found = moments[microseconds] = _EPOCH + timedelta(microseconds=microseconds)
    return found


def _by_annotation(rows: Iterable[Row]) -> dict[bytes, list[Keyframe]]:
    found: dict[bytes, list[Keyframe]] = {}
    for row in rows:
        _, annotation, frame, visible, geometry, x, y, w, h, attributes, label = row
        box = None if x is None else (x, y, w, h)
        found.setdefault(annotation, []).append(Keyframe(frame, box, geometry, visible, attributes, label))
    return found


def _annotation(row: Row, frames: dict[bytes, list[Keyframe]]) -> Annotation:
    (
        item, own, kind, label, geometry, x, y, w, h, attributes, score, source, model, run, author, created, updated,
        updated_by, track, first, last, description, foreign,
    ) = row  # fmt: skip
    return Annotation(
        kind,
        label,
        None if x is None else (x, y, w, h),
        geometry,
        attributes or {},
        score,
        source,
        own.hex(),
        item.hex(),
        model,
        None if run is None else run.hex(),
        author,
        created,
        updated,
        updated_by,
        track,
        None if first is None else (first, last),
        description,
        foreign or {},
        tuple(frames.get(own, ())),
    )
