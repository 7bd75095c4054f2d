"""Facts of items that sources tell: when and by whom they were made, what they are called there, whether hidden."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oxide import _core

if TYPE_CHECKING:
    from oxide._core import Session
    from oxide.formats.base import Picture
    from oxide.labels.rows import Row
    from oxide.workspace import Tables

NAMES = ("created", "creator", "hidden", "source_id")


def of(picture: Picture) -> dict[str, Any]:
    """What a source says of an item."""
    said = {name: getattr(picture, name) for name in NAMES}
    return {name: value for name, value in said.items() if value is not None}


def set(session: Session, tables: Tables, said: Sequence[tuple[str, Picture]]) -> tuple[Tables, int]:
    """Set the facts of some items. Returns the tables, and of how many items something changed."""
    if not said:
        return tables, 0
    by_item = {item: of(picture) for item, picture in said}
    rows = []
    for row in _core.item_rows(session, tables["items"], sorted(by_item)):
        new = {**row, "created": _moment(row["created"])}
        old = dict(new)
        new.update(by_item[row["item_id"]])
        if new != old:
            rows.append(new)
    if not rows:
        return tables, 0
    schema, root = tables["items"]
    return {**tables, "items": (schema, session.edit_table(schema, root, _to_arrow(rows), None))}, len(rows)


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _to_arrow(rows: Sequence[Row]) -> Any:
    import pyarrow

    types = {
        "item_id": pyarrow.binary(12),
        "created": pyarrow.timestamp("us", "UTC"),
        "creator": pyarrow.string(),
        "hidden": pyarrow.bool_(),
        "source_id": pyarrow.string(),
        "source_item": pyarrow.binary(12),
        "frame_index": pyarrow.int64(),
        "frame_time": pyarrow.float64(),
    }

    def cell(row: Row, name: str) -> Any:
        value = row[name]
        return bytes.fromhex(value) if value is not None and name in ("item_id", "source_item") else value

    return pyarrow.table({name: pyarrow.array([cell(row, name) for row in rows], kind) for name, kind in types.items()})
