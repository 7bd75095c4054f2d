"""Annotations and metadata on their way into tables: in batches, matched with what is there, as far as a mode says."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import AlreadyExists
from oxide.labels import ids, reading, schemas
from oxide.labels import rows as as_rows
from oxide.labels.following import root_of, with_root
from oxide.labels.rows import annotation_row, keyframe_rows

if TYPE_CHECKING:
    import pyarrow

    from oxide._core import Session, Store
    from oxide.labels.annotation import Annotation
    from oxide.labels.rows import Row
    from oxide.workspace import Tables

ADD, REPLACE, UPDATE = "add", "replace", "update"

BATCH = 20_000
"""Annotations held as objects before they become rows."""
HELD_BYTES = 32 << 20
"""Rows held, in Arrow's form, before a table takes them up: each time it is written anew where they belong, so more of
them take less time, and memory that is twice as much.
"""

_RECORDED = ("run_id", "author", "created", "updated", "updated_by", "source", "item_id", "id")
"""Fields that say where an annotation comes from, not what it says."""


class Gathered:
    """Rows to set in the tables, held until they are worth an edit."""

    def __init__(self, session: Session, tables: Tables) -> None:
        self.session = session
        self.tables = tables
        self._held: dict[str, list[pyarrow.Table]] = defaultdict(list)
        self._gone: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._bytes = 0

    def set(self, name: str, rows: Sequence[Row]) -> None:
        """Set rows of a table."""
        if rows:
            table = as_rows.to_arrow(name, rows)
            self._held[name].append(table)
            self._bytes += table.nbytes

    def remove(self, name: str, keys: Sequence[tuple[Any, ...]]) -> None:
        """Remove rows of a table, of which none is set too."""
        self._gone[name] += keys

    @property
    def full(self) -> bool:
        """Whether it is time for :meth:`settle`."""
        return self._bytes > HELD_BYTES

    def settle(self) -> None:
        """Put what is held into the tables."""
        import pyarrow

        for name in sorted({*self._held, *self._gone}):
            schema = schemas.write(self.session, name)
            rows = pyarrow.concat_tables(self._held[name]) if self._held[name] else None
            keys = as_rows.keys_to_arrow(name, self._gone[name]) if self._gone[name] else None
            root = self.session.edit_table(schema, root_of(self.tables, name), rows, keys)
            self.tables = with_root(self.tables, name, schema, root)
        self._held.clear()
        self._gone.clear()
        self._bytes = 0

    def clear_items(self, name: str, items: Sequence[str]) -> None:
        """Remove the rows of some items. What is held for them is set afterwards."""
        if items and name in self.tables:
            schema, root = self.tables[name]
            left = _core.replace_item_rows(self.session, schema, root, _core.EMPTY_ROOT, items)
            self.tables = with_root(self.tables, name, schema, left)


class Annotations:
    """Annotations that a source has, taken into the tables.

    ``ADD`` makes each a new one. ``UPDATE`` changes those that are there, known by their own id or by what the format
    calls them. ``REPLACE`` does so too and removes the others of the same items.
    """

    def __init__(
        self, store: Store, before: Tables, into: Gathered, mode: str, format: str, run: str, author: str, now: datetime
    ) -> None:
        self.added = self.updated = self.unchanged = self.removed = 0
        self._store = store
        self._before = before
        self._into = into
        self._mode = mode
        self._format = format
        self._run = run
        self._author = author
        self._now = now
        self._ids = ids.new_ids()
        self._waiting: list[tuple[str, Annotation, str]] = []
        self._to_clear: list[str] = []
        self.seen = Seen()
        self.other_runs: set[str] = set()
        """Runs that annotations keep from their source."""

    def names_item(self, item: str) -> None:
        """The source names this item: its annotations are replaced where the mode says so."""
        if self._mode == REPLACE:
            self._to_clear.append(item)

    def add(self, item: str, annotation: Annotation, source: str) -> None:
        """An annotation of an item that was checked. ``source``: human, model or import."""
        self.seen.note(annotation.id, self._foreign_id(annotation))
        self._waiting.append((item, annotation, source))
        if len(self._waiting) >= BATCH:
            self.settle()

    def _foreign_id(self, annotation: Annotation) -> Hashable:
        kept = annotation.foreign.get(self._format)
        return kept.get("id") if isinstance(kept, dict) else None

    def settle(self) -> None:
        """Make rows of what waits."""
        self._clear()
        known = self._known()
        rows, frames = [], []
        for item, annotation, source in self._waiting:
            old = known.get((item, annotation.id)) if annotation.id else None
            if old is None and known and self._mode != ADD:
                old = known.get((item, ("foreign", self._foreign_id(annotation))))
            row = self._new(annotation) if old is None else self._changed(old, annotation, source)
            if row is not None:
                row["item_id"], row["source"] = item, source
                rows.append(row)
                if annotation.keyframes:
                    own = {"item_id": item, "ann_id": row["ann_id"]}
                    frames += [frame | own for frame in keyframe_rows(annotation)]
        self._into.set("annotations", rows)
        self._into.set("keyframes", frames)
        self._waiting.clear()
        if self._into.full:
            self._into.settle()

    def _clear(self) -> None:
        if self._to_clear:
            items = sorted(self._to_clear)
            self.removed += len(_core.item_values(self._store, root_of(self._before, "annotations"), items))
            for name in ("annotations", "keyframes"):
                self._into.clear_items(name, items)
            self._to_clear.clear()

    def _known(self) -> dict[Any, Annotation]:
        """Annotations that are there, by item and id, and by item and what the format calls them."""
        if self._mode == ADD:
            items = {item for item, annotation, _ in self._waiting if annotation.id is not None}
        else:
            items = {item for item, _, _ in self._waiting}
        known: dict[Any, Annotation] = {}
        for old in reading.annotations_of(self._store, self._before, sorted(items)):
            known[old.item_id, old.id] = old
            foreign_id = self._foreign_id(old)
            if foreign_id is not None:
                known.setdefault((old.item_id, ("foreign", foreign_id)), old)
        return known

    def _new(self, annotation: Annotation) -> Row:
        self.added += 1
        row = annotation_row(annotation)
        row["ann_id"] = annotation.id or next(self._ids)
        row["run_id"] = annotation.run_id or self._run
        if annotation.run_id is not None:
            self.other_runs.add(annotation.run_id)
        row["author"] = annotation.author or self._author
        row["created"] = annotation.created or self._now
        row["updated"] = annotation.updated or row["created"]
        row["updated_by"] = annotation.updated_by or row["author"]
        return row

    def _changed(self, old: Annotation, annotation: Annotation, source: str) -> Row | None:
        if self._mode == ADD:
            raise AlreadyExists(
                f"there is an annotation {annotation.id} already", hint="use --update to change it, or --replace"
            )
        self.removed -= self._mode == REPLACE
        if _says_the_same(old, annotation) and old.source == source:
            self.unchanged += 1
            return annotation_row(old) if self._mode == REPLACE else None
        self.updated += 1
        if self._mode == UPDATE:
            gone = {each.frame for each in old.keyframes} - {each.frame for each in annotation.keyframes}
            self._into.remove("keyframes", [(old.item_id, old.id, frame) for frame in gone])
        row = annotation_row(annotation)
        row["ann_id"] = old.id
        row["run_id"] = self._run
        row["author"] = old.author
        row["created"] = old.created
        row["updated"] = annotation.updated or self._now
        row["updated_by"] = annotation.updated_by or self._author
        return row


def _says_the_same(old: Annotation, new: Annotation) -> bool:
    blank: dict[str, Any] = {**dict.fromkeys(_RECORDED), "source": "import"}
    return replace(old, **blank) == replace(new, **blank)


class Seen:
    """Which ids a source has used, in eight bytes each."""

    def __init__(self) -> None:
        self._own = array("q")
        self._foreign = array("q")

    def note(self, own: str | None, foreign: Hashable) -> None:
        """Note the ids of an annotation."""
        if own is not None:
            self._own.append(hash(own))
        if foreign is not None:
            self._foreign.append(hash(foreign))

    def repeated(self) -> tuple[set[int], set[int]]:
        """Hashes of own and of foreign ids that came twice: of equal ids, or once in a long time of unequal ones."""
        return _repeated(self._own), _repeated(self._foreign)


def _repeated(hashes: array[int]) -> set[int]:
    import numpy

    values = numpy.sort(numpy.frombuffer(hashes, dtype=numpy.int64)) if hashes else numpy.empty(0, dtype=numpy.int64)
    return set(values[1:][values[1:] == values[:-1]].tolist())


def merged(old: Any, new: dict[str, Any]) -> dict[str, Any]:
    """Metadata with what a source says of it: its values win, what it does not name stays."""
    result = dict(old or {})
    for name, value in new.items():
        there = result.get(name)
        result[name] = merged(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return result


def set_metadata(
    store: Store, before: Tables, into: Gathered, said: Iterable[tuple[str, dict[str, Any]]], author: str, now: datetime
) -> int:
    """Set what a source says of some items. Returns of how many something changed."""
    by_item = dict(said)
    known = reading.metadata_of(store, before, sorted(by_item))
    rows = []
    for item, value in by_item.items():
        new = merged(known.get(item), value)
        if new != known.get(item) and new:
            rows.append({"item_id": item, "value": new, "updated": now, "updated_by": author})
    into.set("metadata", rows)
    return len(rows)
