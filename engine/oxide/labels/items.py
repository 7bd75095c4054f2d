"""Rows of ``items``: what is known of a file beside its content and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oxide.labels.rows import fields_to_arrow

if TYPE_CHECKING:
    from oxide._core import Session, Store
    from oxide.labels.rows import Row
    from oxide.workspace import Tables


def with_items(store: Store, session: Session, tables: Tables, rows: Sequence[Row]) -> Tables:
    """The tables with these items; a column that a row does not name is null."""
    schema, root = tables["items"]
    fields = store.read_record("schema", schema)["fields"]
    return {**tables, "items": (schema, session.edit_table(schema, root, fields_to_arrow(fields, rows), None))}
