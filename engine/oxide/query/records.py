"""Whole documents by their ids, read from the store."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from oxide import _core

if TYPE_CHECKING:
    from oxide._core import Store
    from oxide.workspace import Tables

Record = dict[str, Any]

_FACTS = {
    "size": "size",
    "mimetype": "media",
    "width": "width",
    "height": "height",
    "orientation": "orientation",
    "channels": "channels",
    "bitDepth": "bit_depth",
    "frames": "frames",
    "fps": "fps",
    "duration": "duration",
    "broken": "broken",
    "contentId": "content_id",
    "sha256": "sha256",
}
_OWN = {
    "createdAt": "created",
    "creator": "creator",
    "sourceId": "source_id",
    "sourceItem": "source_item",
    "frameIndex": "frame_index",
    "frameTime": "frame_time",
}
_ANNOTATION = (
    *("type", "label", "geometry", "score", "source", "author", "created", "updated", "updated_by"),
    *("model", "run_id", "track", "first_frame", "last_frame", "description"),
)


def item_records(store: Store, tables: Tables, files: Sequence[Record]) -> list[Record]:
    """The documents of items, in the order of their rows of ``files``."""
    ids = [file["item_id"] for file in files]
    own = _by_item(store, tables, "items", ids)
    metadata = _by_item(store, tables, "metadata", ids)
    return [_item(file, own.get(item, {}), metadata.get(item, {})) for item, file in zip(ids, files, strict=True)]


def _item(file: Record, own: Record, metadata: Record) -> Record:
    path = file["path"]
    record: Record = {
        "id": file["item_id"],
        "path": path,
        "filename": "/" + path,
        "dir": "/" + posixpath.dirname(path),
        "name": posixpath.basename(path),
        "type": "link" if file["type"] == "link" else "file",
        "hidden": bool(own.get("hidden")),
        "metadata": metadata.get("value") or {},
        "updatedAt": _time(metadata.get("updated") or own.get("created")),
        "updatedBy": metadata.get("updated_by") or own.get("creator"),
    }
    record |= {name: file[column] for name, column in _FACTS.items() if file.get(column) is not None}
    record |= {name: _time(own[column]) for name, column in _OWN.items() if own.get(column) is not None}
    return record


def annotation_records(
    store: Store, tables: Tables, ids: Sequence[tuple[str, str]], paths: Mapping[str, str]
) -> list[Record]:
    """The documents of annotations, given as (item, id), in that order, with the path of their item."""
    if "annotations" not in tables:
        return []
    rows = store.get_rows(tables["annotations"], [item + annotation for item, annotation in ids])
    return [_annotation(row, paths.get(row["item_id"])) for row in rows if row is not None]


def _annotation(row: Record, path: str | None) -> Record:
    box = [row[side] for side in "xywh"]
    record: Record = {
        "id": row["ann_id"],
        "item_id": row["item_id"],
        "path": path,
        "bbox": box if box[0] is not None else None,
        "attributes": row["attributes"] or {},
    }
    record |= {name: _time(row[name]) for name in _ANNOTATION if row.get(name) is not None or name in _ANNOTATION[:8]}
    return record | ({"metadata": row["foreign"]} if row.get("foreign") else {})


def _by_item(store: Store, tables: Tables, table: str, ids: Sequence[str]) -> dict[str, Record]:
    if table not in tables:
        return {}
    return {row["item_id"]: row for row in _core.item_rows(store, tables[table], ids)}


def _time(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
