"""Who made an annotation, and who changed what of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import NotFound
from oxide.history import walk
from oxide.labels import reading
from oxide.labels.comparing import PLACE, paths_of
from oxide.labels.ids import checked
from oxide.labels.rows import to_annotation
from oxide.types import Commit
from oxide.workspace import read_commit

if TYPE_CHECKING:
    from oxide._core import Store
    from oxide.labels.annotation import Annotation

_NOT_TOLD = ("id", "item_id", "author", "created", "updated", "updated_by", *PLACE)


@dataclass(frozen=True, slots=True)
class Version:
    """How an annotation was after a commit that changed it; ``None`` where that commit removed it."""

    commit: Commit
    annotation: Annotation | None


@dataclass(frozen=True, slots=True)
class FieldBlame:
    """A field with its value, the commit that gave it that value, and who had edited the annotation then.

    ``field`` is ``geometry`` for the place, ``attributes.NAME`` for an attribute, else the name as in
    :class:`oxide.labels.annotation.Annotation`.
    """

    field: str
    value: Any
    commit: Commit
    by: str | None


@dataclass(frozen=True, slots=True)
class AnnotationBlame:
    """An annotation of a revision: its file, the commit that it came with, and each of its fields that has a value."""

    path: str
    annotation: Annotation
    made: Commit
    fields: list[FieldBlame]


def blame_annotation(store: Store, start: str, annotation_id: str) -> AnnotationBlame:
    """The commit that last changed each field of an annotation, followed through merges to the side that changed it.

    A merge is blamed only for what is as on none of its sides. Raises NotFound.
    """
    identifier = checked(annotation_id, "an annotation")
    item = _item_of(store, start, identifier)
    reader = _Reader(store, identifier)
    first = reader.at(read_commit(store, start), item)
    assert first is not None  # it was found there
    final = _cells(first)
    wanted: dict[str, tuple[str, set[str]]] = {start: (item, {"", *final})}
    blamed: dict[str, tuple[Commit, str | None]] = {}
    for commit in walk(store, [start]):
        here, names = wanted.pop(commit.id, ("", set()))
        names -= blamed.keys()
        if not names:
            continue
        known = reader.at(commit, here)
        left = set(names)
        for parent_id in commit.parents:
            parent = read_commit(store, parent_id)
            there = reader.item_in(parent, commit, here)
            before = reader.at(parent, there)
            same = left if _same_tables(parent, commit) else _unchanged(left, before, known)
            if same:
                _, others = wanted.get(parent_id, (there, set()))
                wanted[parent_id] = (there, others | same)
                left = left - same
        by = known.updated_by if known is not None else None
        blamed.update(dict.fromkeys(left, (commit, by)))
    fields = [FieldBlame(name, final[name], *blamed[name]) for name in final]
    return AnnotationBlame(paths_of_one(store, start, item), first, blamed[""][0], fields)


def annotation_history(store: Store, start: str, annotation_id: str) -> list[Version]:
    """Every version of an annotation in the commits up to a revision, newest first, also of one that was removed.

    Raises NotFound.
    """
    identifier = checked(annotation_id, "an annotation")
    reader = _Reader(store, identifier)
    try:
        places = {start: _item_of(store, start, identifier)}
    except NotFound:
        item = _item_that_lost(store, start, identifier)
        if item is None:
            raise
        places = {start: item}
    versions = []
    for commit in walk(store, [start]):
        item = places.pop(commit.id)
        differs = True
        for parent_id in commit.parents:
            parent = read_commit(store, parent_id)
            there = reader.item_in(parent, commit, item)
            places.setdefault(parent_id, there)
            if _same_tables(parent, commit) or _are_same(reader.at(parent, there), reader.at(commit, item)):
                differs = False
        annotation = reader.at(commit, item)
        if differs and (commit.parents or annotation is not None):
            versions.append(Version(commit, annotation))
    return versions


def paths_of_one(store: Store, commit_id: str, item: str) -> str:
    """The path of an item that is a file of a commit."""
    return paths_of(store, read_commit(store, commit_id).tables, [item])[item]


def _item_of(store: Store, commit_id: str, identifier: str) -> str:
    return reading.find_annotations(store, read_commit(store, commit_id).tables, [identifier])[identifier]


def _item_that_lost(store: Store, start: str, identifier: str) -> str | None:
    """The item whose annotation the newest commit removed that removed it. Only rows that differ are read."""
    import pyarrow
    import pyarrow.compute as compute

    wanted = bytes.fromhex(identifier)
    for commit in walk(store, [start]):
        for parent_id in commit.parents:
            before, after = (each.tables.get("annotations") for each in (read_commit(store, parent_id), commit))
            if before is None or before == after:
                continue
            stream = store.diff_stream(before[0], before[1], _core.EMPTY_ROOT if after is None else after[1])
            for batch in pyarrow.RecordBatchReader.from_stream(stream):
                is_it = compute.equal(batch.column("ann_id"), pyarrow.scalar(wanted, batch.column("ann_id").type))
                removed = batch.filter(compute.and_(is_it, compute.equal(batch.column("change"), "removed")))
                if removed.num_rows:
                    return bytes(removed.column("item_id")[0].as_py()).hex()
    return None


def _same_tables(one: Commit, other: Commit) -> bool:
    return all(one.tables.get(name) == other.tables.get(name) for name in ("annotations", "keyframes", "items"))


class _Reader:
    """Reads one annotation in many commits; tables that were seen are not read again."""

    def __init__(self, store: Store, identifier: str) -> None:
        self.store = store
        self.identifier = identifier
        self._seen: dict[tuple[object, object, str], Annotation | None] = {}

    def at(self, commit: Commit, item: str) -> Annotation | None:
        """The annotation as a commit has it."""
        table, frames = commit.tables.get("annotations"), commit.tables.get("keyframes")
        key = (table, frames, item)
        if key not in self._seen:
            (row,) = self.store.get_rows(table, [item + self.identifier]) if table is not None else [None]
            self._seen[key] = None if row is None else to_annotation(row, self._keyframes(frames, item))
        return self._seen[key]

    def _keyframes(self, table: tuple[str, str] | None, item: str) -> Iterator[dict[str, Any]]:
        if table is not None:
            yield from (row for row in _core.item_rows(self.store, table, [item]) if row["ann_id"] == self.identifier)

    def item_in(self, parent: Commit, commit: Commit, item: str) -> str:
        """The item that has the annotation in a parent: where both sides of a merge had added the file another one."""
        if _same_tables(parent, commit) or self.at(parent, item) is not None:
            return item
        (row,) = _core.files_of(self.store, commit.tables["files"][1], [item])
        there = row and self.store.file_row(parent.tables["files"][1], row["path"])
        return str(there["item_id"]) if there else item


def _are_same(before: Annotation | None, after: Annotation | None) -> bool:
    """Whether two versions say the same, be it of the same file under another item."""
    if before is None or after is None:
        return before is after
    return replace(before, item_id=after.item_id) == after


def _unchanged(names: set[str], before: Annotation | None, after: Annotation | None) -> set[str]:
    """Names of fields that are the same; the empty name stands for that there is an annotation."""
    if before is None or after is None:
        return set()
    old, new = _cells(before), _cells(after)
    return {name for name in names if not name or (name in old and name in new and old[name] == new[name])}


def _cells(annotation: Annotation) -> dict[str, Any]:
    """The fields that have a value."""
    place = {name: getattr(annotation, name) for name in PLACE}
    cells: dict[str, Any] = {"geometry": place}
    for name in annotation.__slots__:
        value = getattr(annotation, name)
        if name == "attributes":
            cells.update((f"attributes.{key}", each) for key, each in sorted(value.items()))
        elif name not in _NOT_TOLD and value not in (None, {}, ()):
            cells[name] = value
    return cells
