"""The names that docs/queries.md gives to fields, and what they lead to in a document of the oracle."""

from __future__ import annotations

from typing import Any, NamedTuple

from query.mongo_paths import MISSING, reached

ITEM_COLUMNS = {
    "item_id": "id",
    "created": "createdAt",
    "updated": "updatedAt",
    "updated_by": "updatedBy",
    "bit_depth": "bitDepth",
    "content_id": "contentId",
    "source_id": "sourceId",
    "source_item": "sourceItem",
    "frame_index": "frameIndex",
    "frame_time": "frameTime",
}
ANNOTATION_COLUMNS = {
    "item_id": "itemId",
    "run_id": "runId",
    "created": "createdAt",
    "updated": "updatedAt",
    "updated_by": "updatedBy",
    "first_frame": "firstFrame",
    "last_frame": "lastFrame",
}
FACTS = ("width", "height", "size", "mimetype", "channels", "fps", "frames", "duration")
SHORT = ("label", "score", "attributes", "bbox")
TIMES = ("createdAt", "updatedAt")
IDS = ("id", "itemId", "runId", "sourceItem")


class Place(NamedTuple):
    """Where a name leads: a path in the document, and what kind of values stand there."""

    path: tuple[str, ...]
    kind: str


def place_of(resource: str, name: str) -> Place:
    """Where the name of a field leads."""
    path = tuple(name.split("."))
    if resource == "annotations":
        path = (ANNOTATION_COLUMNS.get(path[0], path[0]), *path[1:])
        if path[0] == "item" and len(path) > 1:
            return _below("item", place_of("items", ".".join(path[1:])))
        return Place(path, _kind(path))
    path = (ITEM_COLUMNS.get(path[0], path[0]), *path[1:])
    if path[0] in SHORT:
        return _below("annotations", place_of("annotations", name))
    if path[0] == "annotations" and len(path) > 1:
        return _below("annotations", place_of("annotations", ".".join(path[1:])))
    if path[0] == "split":
        path = ("metadata", *path)
    if path[:2] == ("metadata", "system") and len(path) == 3 and path[2] in FACTS:
        path = path[2:]
    if path[:2] == ("metadata", "user") and len(path) > 2:
        path = ("metadata", *path[2:])
    return Place(path, _kind(path))


def _below(head: str, place: Place) -> Place:
    return Place((head, *place.path), place.kind)


def _kind(path: tuple[str, ...]) -> str:
    if len(path) > 1:
        return "json"
    if path[0] in TIMES:
        return "time"
    if path[0] in IDS:
        return "id"
    return {"bbox": "box", "annotations": "annotations", "item": "item"}.get(path[0], "json")


def values_at(document: Any, place: Place) -> list[Any]:
    """What a place holds. A column without a value has no value, whatever reads it."""
    return list(reached(document, place.path))


def boxes_at(document: Any, place: Place) -> list[Any]:
    """The boxes of all annotations that a place leads to."""
    return [box for box in reached(document, place.path) if box is not MISSING]
