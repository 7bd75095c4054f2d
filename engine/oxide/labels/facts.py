"""Facts of items that sources tell: when and by whom they were made, what they are called there, whether hidden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.labels.rows import fields_to_arrow, moment

if TYPE_CHECKING:
    from oxide._core import Session, Store
    from oxide.formats.base import Picture
    from oxide.workspace import Tables

NAMES = ("created", "creator", "hidden", "source_id")


def of(picture: Picture) -> dict[str, Any]:
    """What a source says of an item."""
    said = {name: getattr(picture, name) for name in NAMES}
    return {name: value for name, value in said.items() if value is not None}


def set(store: Store, session: Session, tables: Tables, said: Sequence[tuple[str, Picture]]) -> tuple[Tables, int]:
    """Set the facts of some items. Returns the tables, and of how many items something changed."""
    if not said:
        return tables, 0
    by_item = {item: of(picture) for item, picture in said}
    rows = []
    for row in _core.item_rows(session, tables["items"], sorted(by_item)):
        new = {**row, "created": moment(row["created"])}
        old = dict(new)
        new.update(by_item[row["item_id"]])
        if new != old:
            rows.append(new)
    if not rows:
        return tables, 0
    schema, root = tables["items"]
    changed = fields_to_arrow(store.read_record("schema", schema)["fields"], rows)
    return {**tables, "items": (schema, session.edit_table(schema, root, changed, None))}, len(rows)
