"""Reading labels and metadata of a state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import NotFound
from oxide.labels.advancing import Advance
from oxide.labels.rows import to_annotation

if TYPE_CHECKING:
    from oxide._core import Store
    from oxide.labels.annotation import Annotation
    from oxide.types import Progress
    from oxide.workspace import Tables


def item_of(store: Store, tables: Tables, path: str) -> str:
    """The item that a file is. Raises NotFound."""
    row = store.file_row(tables["files"][1], path)
    if row is None:
        folder = store.has_folder(tables["files"][1], path)
        raise NotFound(
            f"'{path}' is a folder" if folder else f"'{path}' is not tracked, so it cannot have labels",
            hint="name a file in it" if folder else f"add it first: oxide add {path}",
            path=path,
        )
    item: str = row["item_id"]
    return item


def items_below(store: Store, tables: Tables, paths: Sequence[str]) -> dict[str, str]:
    """Path to item of every file at and below some paths. Raises NotFound for a path without any."""
    found: dict[str, str] = {}
    for path in paths:
        rows = store.file_rows(tables["files"][1], [path] if path else [])
        if not rows:
            raise NotFound(
                f"'{path}' is not tracked, so it cannot have labels", hint=f"add it first: oxide add {path}", path=path
            )
        found.update((row["path"], row["item_id"]) for row in rows)
    return found


def annotations_of(store: Store, tables: Tables, items: Sequence[str]) -> list[Annotation]:
    """The annotations of some items, by item and id."""
    if "annotations" not in tables:
        return []
    keyframes: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    if "keyframes" in tables:
        for row in _core.item_rows(store, tables["keyframes"], items):
            keyframes[row["item_id"], row["ann_id"]].append(row)
    rows = _core.item_rows(store, tables["annotations"], items)
    return [to_annotation(row, keyframes.get((row["item_id"], row["ann_id"]), ())) for row in rows]


def find_annotations(
    store: Store, tables: Tables, ids: Iterable[str], progress: Progress | None = None
) -> dict[str, str]:
    """Id to item of annotations. The whole table is looked through, as its key begins with the item.

    Raises:
        NotFound: an id names no annotation.
    """
    wanted = {bytes.fromhex(each): each for each in ids}
    found: dict[str, str] = {}
    if "annotations" in tables and wanted:
        import pyarrow
        import pyarrow.compute as compute

        stream = store.scan(tables["annotations"], ["item_id", "ann_id"])
        values = pyarrow.array(list(wanted), pyarrow.binary(12))
        advance = Advance(progress, "looking for annotations", store.count(tables["annotations"][1]))
        for batch in pyarrow.RecordBatchReader.from_stream(stream):
            hits = batch.filter(compute.is_in(batch.column("ann_id"), values))
            for item, annotation in zip(hits.column("item_id"), hits.column("ann_id"), strict=True):
                found[annotation.as_py().hex()] = item.as_py().hex()
            if len(found) == len(wanted):
                break
            advance.by(len(batch))
    missing = sorted(set(wanted.values()) - set(found))
    if missing:
        raise NotFound(f"there is no annotation {missing[0]}", hint="see `oxide annotations PATH` for those of a file")
    return found


def metadata_of(store: Store, tables: Tables, items: Sequence[str]) -> dict[str, Any]:
    """Item to metadata of those items that have any."""
    if "metadata" not in tables:
        return {}
    return {row["item_id"]: row["value"] for row in _core.item_rows(store, tables["metadata"], items)}
