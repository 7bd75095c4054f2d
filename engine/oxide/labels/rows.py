"""Annotations as rows of their tables, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.schemas import SCHEMAS

if TYPE_CHECKING:
    import pyarrow

    from oxide.labels.geometry import Box

Row = dict[str, Any]

_ARROW_TYPES = {"int": "int64", "float": "float64", "text": "string", "json": "string", "bool": "bool"}


def annotation_row(annotation: Annotation) -> Row:
    """A row of ``annotations``. The annotation has its id and item."""
    return {
        "item_id": annotation.item_id,
        "ann_id": annotation.id,
        "type": annotation.type,
        "label": annotation.label,
        "geometry": annotation.geometry,
        **_box_cells(annotation.box),
        "attributes": annotation.attributes or None,
        "score": annotation.score,
        "source": annotation.source,
        "model": annotation.model,
        "run_id": annotation.run_id,
        "author": annotation.author,
        "created": annotation.created,
        "updated": annotation.updated,
        "updated_by": annotation.updated_by,
        "track": annotation.track,
        "first_frame": annotation.frames[0] if annotation.frames else None,
        "last_frame": annotation.frames[1] if annotation.frames else None,
        "description": annotation.description,
        "foreign": annotation.foreign or None,
    }


def keyframe_rows(annotation: Annotation) -> list[Row]:
    """Rows of ``keyframes``."""
    return [
        {
            "item_id": annotation.item_id,
            "ann_id": annotation.id,
            "frame": keyframe.frame,
            "visible": keyframe.visible,
            "geometry": keyframe.geometry,
            **_box_cells(keyframe.box),
            "attributes": keyframe.attributes,
            "label": keyframe.label,
        }
        for keyframe in annotation.keyframes
    ]


def _box_cells(box: Box | None) -> Row:
    return dict(zip("xywh", box or (None,) * 4, strict=True))


def to_annotation(row: Row, keyframes: Iterable[Row] = ()) -> Annotation:
    """An annotation out of its rows, as the core hands them over."""
    first, last = row["first_frame"], row["last_frame"]
    return Annotation(
        type=row["type"],
        label=row["label"],
        box=_box(row),
        geometry=row["geometry"],
        attributes=row["attributes"] or {},
        score=row["score"],
        source=row["source"],
        id=row["ann_id"],
        item_id=row["item_id"],
        model=row["model"],
        run_id=row["run_id"],
        author=row["author"],
        created=moment(row["created"]),
        updated=moment(row["updated"]),
        updated_by=row["updated_by"],
        track=row["track"],
        frames=None if first is None else (first, last),
        description=row["description"],
        foreign=row["foreign"] or {},
        keyframes=tuple(map(_keyframe, keyframes)),
    )


def _keyframe(row: Row) -> Keyframe:
    return Keyframe(row["frame"], _box(row), row["geometry"], row["visible"], row["attributes"], row["label"])


def _box(row: Row) -> Box | None:
    return None if row["x"] is None else (row["x"], row["y"], row["w"], row["h"])


def moment(value: str | datetime | None) -> datetime | None:
    """A time as the core hands it over, as one."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def to_arrow(name: str, rows: Sequence[Row]) -> pyarrow.Table:
    """Rows of a table of labels, ids in hex and JSON as values, as the core takes them."""
    return fields_to_arrow(SCHEMAS[name]["fields"], rows)


def fields_to_arrow(fields: Sequence[Row], rows: Sequence[Row]) -> pyarrow.Table:
    """Rows of a table with the fields of a schema record."""
    import pyarrow

    columns = {}
    for field, cells in zip(fields, _columns([field["name"] for field in fields], rows), strict=True):
        if isinstance(field["type"], dict):
            cells = [None if cell is None else bytes.fromhex(cell) for cell in cells]
        elif field["type"] == "json":
            cells = [None if cell is None else _core.json_text(cell) for cell in cells]
        columns[field["name"]] = pyarrow.array(cells, _arrow_type(field["type"]))
    return pyarrow.table(columns)


def _columns(names: Sequence[str], rows: Sequence[Row]) -> Iterable[Sequence[Any]]:
    """The cells of rows by column; ``None`` where a row does not name one."""
    try:
        columns: list[Sequence[Any]] = list(zip(*map(itemgetter(*names), rows), strict=True))
    except KeyError:
        columns = []
    return columns or [[row.get(name) for row in rows] for name in names]


def arrow_schema(name: str) -> pyarrow.Schema:
    """The Arrow schema of a table of labels, as the core gives it to the rows that it hands over."""
    import pyarrow

    schema = SCHEMAS[name]
    return pyarrow.schema(
        pyarrow.field(
            field["name"],
            _arrow_type(field["type"]),
            nullable=field["id"] not in schema["key"],
            metadata={"PARQUET:field_id": str(field["id"])},
        )
        for field in schema["fields"]
    )


def _arrow_type(kind: str | dict[str, int]) -> pyarrow.DataType:
    import pyarrow

    if isinstance(kind, dict):
        return pyarrow.binary(kind["fixed"])
    return pyarrow.timestamp("us", "UTC") if kind == "time" else pyarrow.type_for_alias(_ARROW_TYPES[kind])


def keys_to_arrow(name: str, keys: Sequence[tuple[Any, ...]]) -> pyarrow.Table:
    """Keys of rows to remove, as the core takes them."""
    schema = SCHEMAS[name]
    names = [next(field["name"] for field in schema["fields"] if field["id"] == number) for number in schema["key"]]
    return to_arrow(name, [dict(zip(names, key, strict=True)) for key in keys]).select(names)
