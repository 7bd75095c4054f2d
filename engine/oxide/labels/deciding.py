"""Deciding conflicts about rows by taking a side: what is contested as that side has it, everything else merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oxide.labels import following
from oxide.labels.settling_tracks import take_keyframes
from oxide.workspace import Tables

if TYPE_CHECKING:
    from oxide._core import Record, Session


def set_rows(session: Session, tables: Tables, conflicts: list[Record], side: str) -> Tables:
    """Tables in which the conflicts that are about rows are decided by one side."""
    for name in sorted({conflict["table"] for conflict in conflicts} - {"files"}):
        own = [conflict for conflict in conflicts if conflict["table"] == name]
        schema = following.own_schema(session, tables, name)
        rows = [
            (conflict["name"], _decided(session, schema, conflict, side))
            for conflict in following.without_strays(session, tables, own)
        ]
        root = session.set_rows(schema, following.root_of(tables, name), rows)
        tables = following.with_root(tables, name, schema, root)
    return take_keyframes(session, tables, conflicts, side)


def _decided(session: Session, schema: str, conflict: Record, side: str) -> str | None:
    base, ours, theirs = (conflict[each] and conflict[each]["value"] for each in following.SIDES)
    return session.decide_row(schema, base, ours, theirs, side)
