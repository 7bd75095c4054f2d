"""The schemas of the tables that hold labels and metadata. See ``docs/format.md``, "Tables of labels"."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oxide._core import Record, Session, Store

    Rule = str | dict[str, int]

ITEM_ID = {"fixed": 12}
GEOMETRY = 5
"""The field that leads a shape: it and the box around it are one cell."""
UPDATED = 17
"""The field that a row's last author follows."""


def _field(number: int, name: str, kind: str | dict[str, int], merge: Rule = "conflict") -> dict[str, Any]:
    return {"id": number, "name": name, "type": kind, "merge": merge}


def _box(first: int, leader: int) -> list[dict[str, Any]]:
    return [_field(first + at, name, "float", {"together": leader}) for at, name in enumerate(("x", "y", "w", "h"))]


def _schema(name: str, key: list[int], target_rows: int, fields: list[dict[str, Any]]) -> Record:
    return {"name": name, "fields": fields, "key": key, "target_rows": target_rows}


SCHEMAS: dict[str, Record] = {
    "annotations": _schema(
        "annotations",
        [1, 2],
        8_192,
        [
            _field(1, "item_id", ITEM_ID),
            _field(2, "ann_id", ITEM_ID),
            _field(3, "type", "text", {"together": GEOMETRY}),
            _field(4, "label", "text"),
            _field(GEOMETRY, "geometry", "json"),
            *_box(6, GEOMETRY),
            _field(10, "attributes", "json", "leaves"),
            _field(11, "score", "float"),
            _field(12, "source", "text"),
            _field(13, "model", "text"),
            _field(14, "run_id", ITEM_ID, "derived"),
            _field(15, "author", "text", "derived"),
            _field(16, "created", "time", "derived"),
            _field(UPDATED, "updated", "time", "maximum"),
            _field(18, "updated_by", "text", {"follow": UPDATED}),
            _field(19, "track", "text"),
            _field(20, "first_frame", "int"),
            _field(21, "last_frame", "int"),
            _field(22, "description", "text"),
            _field(23, "foreign", "json", "leaves"),
        ],
    ),
    "keyframes": _schema(
        "keyframes",
        [1, 2, 3],
        8_192,
        [
            _field(1, "item_id", ITEM_ID),
            _field(2, "ann_id", ITEM_ID),
            _field(3, "frame", "int"),
            _field(4, "visible", "bool"),
            _field(5, "geometry", "json"),
            *_box(6, 5),
            _field(10, "attributes", "json", "leaves"),
            _field(11, "label", "text"),
        ],
    ),
    "metadata": _schema(
        "metadata",
        [1],
        32_768,
        [
            _field(1, "item_id", ITEM_ID),
            _field(2, "value", "json", "leaves"),
            _field(3, "updated", "time", "maximum"),
            _field(4, "updated_by", "text", {"follow": 3}),
        ],
    ),
    "ontology": _schema(
        "ontology",
        [1, 2],
        8_192,
        [
            _field(1, "kind", "text"),
            _field(2, "name", "text"),
            _field(3, "parent", "text"),
            _field(4, "color", "text"),
            _field(5, "attributes", "json", "leaves"),
            _field(6, "tools", "json"),
            _field(7, "closed", "bool"),
            _field(8, "description", "text"),
            _field(9, "position", "int"),
            _field(10, "skeleton", "json"),
            _field(11, "foreign", "json", "leaves"),
        ],
    ),
    "views": _schema(
        "views",
        [1],
        8_192,
        [
            _field(1, "name", "text"),
            _field(2, "steps", "json"),
            _field(3, "description", "text"),
            _field(4, "author", "text", "derived"),
            _field(5, "created", "time", "derived"),
        ],
    ),
    "runs": _schema(
        "runs",
        [1],
        8_192,
        [
            _field(1, "run_id", ITEM_ID),
            _field(2, "kind", "text"),
            _field(3, "name", "text"),
            _field(4, "origin", "text"),
            _field(5, "author", "text"),
            _field(6, "created", "time"),
            _field(7, "configuration", "json"),
            _field(8, "counts", "json"),
        ],
    ),
}


IDS = {
    "annotations": "c5d3e82b0c3c20ab6f4fcec080531bd9827cde18c583cb2917be4c43d6a0496f",
    "keyframes": "6e513f065ad2bd839d89e579fd8333d9ba4df9c485d2ca914cf45ac8ce29a60f",
    "metadata": "20fb00566d266ba3e41360ce4b9e1bbc6c42f769e8a467444160edbd9ed23814",
    "ontology": "66766c3e4219b36de15c70a70a8d544ab259ed71b8f63dcb34c9c2ae1f9fd39a",
    "views": "3c1aa4c9239ec23186682a5005f5e9cfcff916ca3a7d27666e354141fcc1c25e",
    "runs": "111c5210dd229f26521e38c8d38b6e29e8a45919e2af07af76a974d843558aa8",
}
"""The ids of the schemas, by which a table that is not there can still be described."""

_NAMES = {schema: name for name, schema in IDS.items()}


def read(store: Store, schema: str) -> Record:
    """The record of any table's schema; of a table of labels also where the store does not hold it yet."""
    return SCHEMAS[_NAMES[schema]] if schema in _NAMES else store.read_record("schema", schema)


def write(session: Session, name: str) -> str:
    """The id of a table's schema, stored for whoever reads the table."""
    return session.write_schema(SCHEMAS[name])
