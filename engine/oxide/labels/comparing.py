"""What differs between the annotations of two states: by id, and by place where ids are new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import NotFound
from oxide.labels import geometry, reading
from oxide.labels.following import DEPENDENT, root_of
from oxide.labels.pairing import best_pairs
from oxide.labels.shapes import same_shape
from oxide.types import TableChanges
from oxide.workspace import is_within

if TYPE_CHECKING:
    from oxide._core import Record, Store
    from oxide.labels.annotation import Annotation
    from oxide.workspace import Tables

SAME_OBJECT = 0.5
"""Annotations with other ids are taken for one object when their boxes cover each other at least so much."""

ORIGIN = ("id", "item_id", "run_id", "author", "created", "updated", "updated_by", "source", "foreign")
"""Fields about where an annotation came from: they differ of themselves where it was made anew."""
PLACE = ("type", "box", "geometry")

_ITEMS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class AnnotationChange:
    """An annotation that differs between two states.

    ``path`` is the file's, the newer one where it was renamed. ``before`` is ``None`` for what was added, ``after`` for
    what was removed. ``kinds``: ``added``, ``removed``; or some of ``moved`` (the same shape in another place),
    ``reshaped``, ``relabelled``, ``changed`` (other fields); or ``renumbered`` (nothing but the id and its origin).
    ``fields`` are the names of what differs, ``geometry`` for the place, ``attributes.NAME`` for an attribute. ``iou``
    is how much the boxes cover each other, from 0 to 1, ``None`` where there are no two boxes.
    """

    path: str
    item: str
    before: Annotation | None
    after: Annotation | None
    kinds: tuple[str, ...]
    fields: tuple[str, ...]
    iou: float | None

    @property
    def id(self) -> str:
        """The annotation's id, the newer one where there are two."""
        known = self.after or self.before
        return (known and known.id) or ""


def compare(store: Store, before: Tables, after: Tables, paths: Sequence[str]) -> Iterator[AnnotationChange]:
    """Annotations that differ at and below some paths (empty: everywhere), by path and id.

    Only rows of items that changed are read, some thousand items at a time.
    """
    pictures = [picture for picture in _changed_pictures(store, before, after) if is_within(picture.path, paths)]
    for first in range(0, len(pictures), _ITEMS_AT_ONCE):
        some = pictures[first : first + _ITEMS_AT_ONCE]
        old = _by_item(store, before, [picture.old for picture in some if picture.old])
        new = _by_item(store, after, [picture.new for picture in some if picture.new])
        for picture in some:
            yield from _compare_picture(picture, old.get(picture.old, []), new.get(picture.new, []))


@dataclass(frozen=True, slots=True)
class _Picture:
    """A file whose annotations differ; its item on each side, empty where that side has no such file."""

    path: str
    old: str
    new: str


def _changed_pictures(store: Store, before: Tables, after: Tables) -> list[_Picture]:
    """By path. A file that was removed and added again is another item: both are told together."""
    items = changed_items(store, before, after, ("annotations", "keyframes"))
    old_paths, new_paths = paths_of(store, before, items), paths_of(store, after, items)
    removed = {path: item for item, path in old_paths.items() if item not in new_paths}
    pictures = [
        _Picture(path, item if item in old_paths else removed.pop(path, ""), item) for item, path in new_paths.items()
    ]
    pictures += [_Picture(path, item, "") for path, item in removed.items()]
    return sorted(pictures, key=lambda picture: picture.path)


def changed_items(store: Store, before: Tables, after: Tables, names: Sequence[str] = DEPENDENT) -> list[str]:
    """Items of which any row differs in some tables."""
    found: set[str] = set()
    for name in names:
        old, new = root_of(before, name), root_of(after, name)
        if old != new:
            found.update(_core.changed_items(store, old, new))
    return sorted(found)


def paths_of(store: Store, tables: Tables, items: Sequence[str]) -> dict[str, str]:
    """Item to path of those items that are files of a state."""
    if not items:
        return {}
    rows = _core.files_of(store, tables["files"][1], items)
    return {item: row["path"] for item, row in zip(items, rows, strict=True) if row is not None}


def _by_item(store: Store, tables: Tables, items: Sequence[str]) -> dict[str, list[Annotation]]:
    found: dict[str, list[Annotation]] = {}
    for annotation in reading.annotations_of(store, tables, sorted(items)):
        found.setdefault(annotation.item_id or "", []).append(annotation)
    return found


def _compare_picture(picture: _Picture, old: list[Annotation], new: list[Annotation]) -> Iterator[AnnotationChange]:
    by_id = {annotation.id: annotation for annotation in new}
    pairs = [(before, by_id.pop(before.id)) for before in old if before.id in by_id]
    known = {before.id for before, _ in pairs}
    gone = [before for before in old if before.id not in known]
    fresh = [after for after in new if after.id in by_id]
    for left, right in best_pairs(_worth_of_pairs(gone, fresh)):
        pairs.append((gone[left], fresh[right]))
    paired = {id(annotation) for pair in pairs for annotation in pair}
    sides: list[tuple[Annotation | None, Annotation | None]] = [
        *pairs,
        *((before, None) for before in gone if id(before) not in paired),
        *((None, after) for after in fresh if id(after) not in paired),
    ]
    changes = [_change(picture, before, after) for before, after in sides]
    yield from sorted((change for change in changes if change is not None), key=lambda change: change.id)


def _worth_of_pairs(gone: list[Annotation], fresh: list[Annotation]) -> dict[tuple[int, int], float]:
    """What it is worth to take two annotations for one object: their IoU; of equal ones that with the same label."""
    worth = {}
    for left, before in enumerate(gone):
        for right, after in enumerate(fresh):
            covered = overlap(before, after)
            if covered >= SAME_OBJECT:
                alike = 1e-3 * (before.label == after.label) + 1e-4 * (before.type == after.type)
                worth[left, right] = covered + alike
    return worth


def overlap(before: Annotation, after: Annotation) -> float:
    """How much the boxes of two annotations cover each other, from 0 to 1: of tracks the mean over all frames that
    either has a keyframe at. Without boxes 1 for the same statement, else 0.
    """
    if before.keyframes and after.keyframes:
        boxes = [{keyframe.frame: keyframe.box for keyframe in each.keyframes} for each in (before, after)]
        frames = boxes[0].keys() | boxes[1].keys()
        return sum(_overlap_of_boxes(boxes[0].get(at), boxes[1].get(at)) for at in frames) / len(frames)
    if before.box is None and after.box is None:
        same = (before.type, before.label, before.geometry) == (after.type, after.label, after.geometry)
        return float(same and not (before.keyframes or after.keyframes))
    return _overlap_of_boxes(before.box, after.box)


def _overlap_of_boxes(a: geometry.Box | None, b: geometry.Box | None) -> float:
    return 0.0 if a is None or b is None else geometry.intersection_over_union(a, b)


def _change(picture: _Picture, before: Annotation | None, after: Annotation | None) -> AnnotationChange | None:
    item = picture.new or picture.old
    if before is None or after is None:
        return AnnotationChange(picture.path, item, before, after, ("added" if after else "removed",), (), None)
    names = differing_fields(before, after)
    if not names:
        return None
    boxed = before.box is not None and after.box is not None
    iou = overlap(before, after) if boxed or (before.keyframes and after.keyframes) else None
    return AnnotationChange(picture.path, item, before, after, _kinds(before, after, names), tuple(names), iou)


def differing_fields(before: Annotation, after: Annotation) -> list[str]:
    """Names of what differs: ``geometry``, ``label``, ``attributes.NAME``, ``keyframes``, ``score`` and so on."""
    names = []
    if any(getattr(before, name) != getattr(after, name) for name in PLACE):
        names.append("geometry")
    for field in fields(before):
        if field.name == "attributes":
            names += [f"attributes.{name}" for name in _different_keys(before.attributes, after.attributes)]
        elif field.name not in PLACE and getattr(before, field.name) != getattr(after, field.name):
            names.append(field.name)
    return names


def _different_keys(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(
        name
        for name in before.keys() | after.keys()
        if name not in before or name not in after or before[name] != after[name]
    )


def _kinds(before: Annotation, after: Annotation, names: list[str]) -> tuple[str, ...]:
    kinds = []
    told = {"geometry", "label", "keyframes"}
    if "geometry" in names or "keyframes" in names:
        if _only_said_differently(before, after):
            told -= {"geometry", "keyframes"}
        else:
            kinds.append("moved" if same_shape(before, after) else "reshaped")
    if "label" in names:
        kinds.append("relabelled")
    if set(names) - told - set(ORIGIN):
        kinds.append("changed")
    if not kinds:
        kinds.append("changed" if before.id == after.id else "renumbered")
    return tuple(kinds)


def _only_said_differently(before: Annotation, after: Annotation) -> bool:
    """Whether the shapes are the same, and only what is said or noted of them differs."""

    def place(annotation: Annotation) -> object:
        words = {"text", "messages", "start", "end"}
        shape = {name: part for name, part in (annotation.geometry or {}).items() if name not in words}
        frames = [(each.frame, each.visible, each.box, each.geometry) for each in annotation.keyframes]
        return annotation.type, annotation.box, shape, frames

    return place(before) == place(after)


def differing_rows(
    store: Store, before: Tables, after: Tables, table: str, paths: Sequence[str]
) -> list[dict[str, object]]:
    """Rows of any table that differ: ``{key, before, after}``, and ``path`` of rows that belong to files.

    Raises:
        NotFound: neither state has such a table.
    """
    known = {**before, **after}
    if table not in known:
        raise NotFound(f"there is no table '{table}'", hint=f"tables: {', '.join(sorted(known))}")
    if table in DEPENDENT:
        found = rows_below(store, before, after, table, paths)
        return [{"key": key, "path": path, "before": old, "after": new} for path, key, old, new in found]
    rows = store.diff_rows(known[table][0], root_of(before, table), root_of(after, table))
    if table != "files":
        return list(rows)
    return [row for row in rows if is_within((row["after"] or row["before"])["path"], paths)]


def counts_below(store: Store, before: Tables, after: Tables, paths: Sequence[str]) -> dict[str, TableChanges]:
    """Numbers of rows that differ at and below some paths, for tables whose rows belong to items."""
    counts: dict[str, TableChanges] = {}
    for name in DEPENDENT:
        numbers = {"added": 0, "modified": 0, "removed": 0}
        for _, _, old, new in rows_below(store, before, after, name, paths):
            numbers["added" if old is None else "removed" if new is None else "modified"] += 1
        if any(numbers.values()):
            counts[name] = TableChanges(**numbers)
    return counts


def rows_below(
    store: Store, before: Tables, after: Tables, name: str, paths: Sequence[str]
) -> Iterator[tuple[str, str, Record | None, Record | None]]:
    """(path, key in hex, row before, row after) of the rows of a table of labels that differ, by path and key."""
    schema = next((side[name][0] for side in (after, before) if name in side), None)
    if schema is None:
        return
    items = changed_items(store, before, after, (name,))
    places = paths_of(store, before, items) | paths_of(store, after, items)
    within = sorted((path, item) for item, path in places.items() if is_within(path, paths))
    for first in range(0, len(within), _ITEMS_AT_ONCE):
        some = within[first : first + _ITEMS_AT_ONCE]
        wanted = sorted(item for _, item in some)
        sides = [_by_key(store, (schema, root_of(side, name)), name, wanted) for side in (before, after)]
        for path, item in some:
            old, new = (side.get(item, {}) for side in sides)
            for key in sorted(old.keys() | new.keys()):
                if old.get(key) != new.get(key):
                    yield path, key, old.get(key), new.get(key)


def _by_key(store: Store, table: tuple[str, str], name: str, items: list[str]) -> dict[str, dict[str, Record]]:
    """Item to key to row."""
    found: dict[str, dict[str, Record]] = {}
    for row in _core.item_rows(store, table, items):
        key = row["item_id"] + row.get("ann_id", "")
        if name == "keyframes":
            key += f":{row['frame']}"
        found.setdefault(row["item_id"], {})[key] = row
    return found
