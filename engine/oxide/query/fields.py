"""The fields of documents by every name that a query may give them."""

from __future__ import annotations

import difflib

from oxide.errors import QueryError
from oxide.query.tree import Field, Kind, Resource
from oxide.query.values import whole

ITEM_FIELDS: dict[str, Kind] = {
    "id": "id",
    "path": "text",
    "filename": "text",
    "dir": "text",
    "name": "text",
    "type": "text",
    "hidden": "bool",
    "annotated": "bool",
    "executable": "bool",
    "annotationsCount": "number",
    "size": "number",
    "width": "number",
    "height": "number",
    "orientation": "number",
    "channels": "number",
    "bitDepth": "number",
    "frames": "number",
    "fps": "number",
    "duration": "number",
    "frameIndex": "number",
    "frameTime": "number",
    "createdAt": "time",
    "updatedAt": "time",
    "creator": "text",
    "updatedBy": "text",
    "mimetype": "text",
    "broken": "text",
    "contentId": "text",
    "sha256": "text",
    "sourceId": "text",
    "sourceItem": "id",
    "metadata": "json",
    "annotations": "list",
}
ANNOTATION_FIELDS: dict[str, Kind] = {
    "id": "id",
    "itemId": "id",
    "runId": "id",
    "type": "text",
    "label": "text",
    "source": "text",
    "model": "text",
    "track": "text",
    "description": "text",
    "creator": "text",
    "updatedBy": "text",
    "createdAt": "time",
    "updatedAt": "time",
    "score": "number",
    "x": "number",
    "y": "number",
    "w": "number",
    "h": "number",
    "firstFrame": "number",
    "lastFrame": "number",
    "attributes": "json",
    "metadata": "json",
    "bbox": "box",
    "item": "list",
}
FIELDS: dict[str, dict[str, Kind]] = {"items": ITEM_FIELDS, "annotations": ANNOTATION_FIELDS}

_COLUMNS = {
    "items": {
        "item_id": "id",
        "itemId": "id",
        "created": "createdAt",
        "updated": "updatedAt",
        "updated_by": "updatedBy",
        "media": "mimetype",
        "bit_depth": "bitDepth",
        "content_id": "contentId",
        "source_id": "sourceId",
        "source_item": "sourceItem",
        "frame_index": "frameIndex",
        "frame_time": "frameTime",
        "annotations_count": "annotationsCount",
    },
    "annotations": {
        "ann_id": "id",
        "annotationId": "id",
        "item_id": "itemId",
        "run_id": "runId",
        "author": "creator",
        "created": "createdAt",
        "updated": "updatedAt",
        "updated_by": "updatedBy",
        "first_frame": "firstFrame",
        "last_frame": "lastFrame",
        "foreign": "metadata",
        "geometry": "bbox",
    },
}
"""The names of the tables' columns, where they are others."""

SYSTEM_FACTS = {"width", "height", "size", "mimetype", "channels", "fps", "frames", "duration"}
"""Names below ``metadata.system`` that are columns here."""

SHORT_FOR_ANNOTATIONS = {"label", "score", "attributes", "bbox"}
"""Fields of an annotation that a query about items may name alone."""


ITSELF = "@"
"""The name by which an element of an array is itself compared."""


class Reached(Exception):
    """A name that leads into documents of the other kind: ``annotations.label`` of an item."""

    def __init__(self, rest: str) -> None:
        super().__init__(rest)
        self.rest = rest


def resolve(resource: Resource, name: str, place: str) -> Field:
    """The field that a name stands for.

    Raises:
        QueryError: there is none.
        Reached: the name leads on.
    """
    head, _, rest = name.partition(".")
    if name.endswith("."):
        raise _empty_name(name, place)
    if resource == "items" and head in SHORT_FOR_ANNOTATIONS:
        raise Reached(name)
    if resource == "items" and head == "split":
        return Field("items", "metadata", "json", ("split", *_names(rest, name, place)))
    known = FIELDS[resource]
    head = _COLUMNS[resource].get(head, head)
    if head not in known:
        raise unknown(resource, name, place)
    kind = known[head]
    if kind == "list" and rest:
        raise Reached(rest)
    if kind == "json":
        return _json_field(resource, head, _names(rest, name, place), place)
    if rest:
        raise QueryError(f"{place}: '{head}' holds no other fields, so there is no '{name}'", hint=f"use '{head}'")
    return Field(resource, head, kind)


def _names(rest: str, name: str, place: str) -> tuple[str, ...]:
    names = tuple(whole(rest, place).split(".")) if rest else ()
    if not all(names):
        raise _empty_name(name, place)
    return names


def _empty_name(name: str, place: str) -> QueryError:
    return QueryError(f"{place}: '{name}' has an empty name in it", hint="as in metadata.camera.lens")


def _json_field(resource: Resource, head: str, names: tuple[str, ...], place: str) -> Field:
    if resource == "items" and names[:1] == ("system",) and len(names) == 2 and names[1] in SYSTEM_FACTS:
        return resolve("items", names[1], place)
    if resource == "items" and names[:1] == ("user",) and len(names) > 1:
        names = names[1:]
    return Field(resource, head, "json", names)


def unknown(resource: Resource, name: str, place: str) -> QueryError:
    """The failure for a name that no field has."""
    head = name.partition(".")[0]
    other: Resource = "annotations" if resource == "items" else "items"
    way = "annotations." if resource == "items" else "item."
    if head in FIELDS[other] and head not in ("item", "annotations"):
        return QueryError(f"{place}: {resource} have no field '{name}'", hint=f"did you mean '{way}{name}'?")
    if head == "annotations":
        return QueryError(
            f"{place}: annotations have no annotations, so there is no '{name}'",
            hint=f"ask for their own fields, such as 'label', or for those of the same item: 'item.{name}'",
        )
    if head == "item":
        return QueryError(f"{place}: items have no field '{name}'", hint="name their fields alone, such as 'path'")
    names = [*FIELDS[resource], *_COLUMNS[resource]]
    if resource == "items":
        names += [*SHORT_FOR_ANNOTATIONS, "split"]
    close = difflib.get_close_matches(head, names, 1, 0.5) or difflib.get_close_matches(
        head.lower(), [each.lower() for each in names], 1, 0.5
    )
    found = next((each for each in names if each.lower() == close[0].lower()), None) if close else None
    advice = f"did you mean '{found}'?" if found else f"fields: {', '.join(FIELDS[resource])}"
    if resource == "items":
        advice += f" A key of the metadata is 'metadata.{name}'."
    return QueryError(f"{place}: {resource} have no field '{name}'", hint=advice)
