"""Keyframes go and come with the annotation that they belong to, also where a merge is undecided."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from oxide import _core
from oxide.labels.following import (
    ITEM_DIGITS,
    SIDES,
    annotation_of,
    own_schema,
    root_of,
    schema_of,
    stored_side,
    with_root,
)
from oxide.workspace import Tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oxide._core import Record, Session

Values = dict[str, str]
"""Rows by hex key."""


def settle_tracks(
    session: Session, sides: dict[str, Tables], merged: Tables, conflicts: list[Record]
) -> tuple[Tables, list[Record]]:
    """What belongs to annotations, after the rows of each table were merged by themselves.

    An annotation that one side removed while the other changed it, or only its keyframes, is one conflict. It carries
    the keyframes of each side, so that they go and come with the side that is taken.
    """
    if not any("keyframes" in side for side in sides.values()):
        return merged, conflicts
    contested = _contested(session, sides, _decided_items(conflicts))
    if not contested:
        return merged, conflicts
    known = {conflict["name"]: conflict for conflict in conflicts if conflict["table"] == "annotations"}
    added = [_removal(session, sides, key) for key in contested if key not in known]
    tracks = [known[key] for key in contested if key in known] + added
    for conflict in tracks:
        note_keyframes(session, conflict, sides)
    schema = schema_of("annotations", *sides.values())
    back = [(conflict["name"], conflict["base"]["value"]) for conflict in added]
    root = session.set_rows(schema, root_of(merged, "annotations"), back)
    merged = take_keyframes(session, with_root(merged, "annotations", schema, root), tracks, "base")
    return merged, without_keyframes_of(conflicts, contested) + added


def _decided_items(conflicts: list[Record]) -> set[str]:
    """Items whose rows a conflict about their file decides."""
    decided = [conflict for conflict in conflicts if "labels" in conflict]
    return {conflict[side]["item_id"] for conflict in decided for side in SIDES if conflict[side] is not None}


def _contested(session: Session, sides: dict[str, Tables], decided: set[str]) -> set[str]:
    """Keys of annotations that one side removed while the other changed their row or their keyframes."""
    ours, theirs = (
        set[str]().union(
            *(
                _core.changed_items(session, root_of(sides["base"], name), root_of(sides[side], name))
                for name in ("annotations", "keyframes")
            )
        )
        for side in ("ours", "theirs")
    )
    items = sorted((ours & theirs) - decided)
    if not items:
        return set()
    rows = {side: dict(_core.item_values(session, root_of(sides[side], "annotations"), items)) for side in SIDES}
    frames = {side: _by_annotation(session, sides[side], items) for side in SIDES}
    found = set()
    for key, value in rows["base"].items():
        present = [side for side in ("ours", "theirs") if key in rows[side]]
        if len(present) == 1:
            (side,) = present
            if rows[side][key] != value or frames[side].get(key) != frames["base"].get(key):
                found.add(key)
    return found


def _by_annotation(session: Session, tables: Tables, items: list[str]) -> dict[str, Values]:
    found: dict[str, Values] = defaultdict(dict)
    for key, value in _core.item_values(session, root_of(tables, "keyframes"), items):
        found[annotation_of(key)][key] = value
    return found


def _removal(session: Session, sides: dict[str, Tables], key: str) -> Record:
    """The conflict of an annotation whose row one side removed and the other left as it was."""
    found: Record = {"table": "annotations", "name": key, "reason": "removed", "fields": []}
    for side in SIDES:
        value = session.row_value(root_of(sides[side], "annotations"), key)
        if value is None:
            found[side] = None
            continue
        rows = _core.item_rows(session, sides[side]["annotations"], [key[:ITEM_DIGITS]])
        row = next(row for row in rows if row["ann_id"] == key[ITEM_DIGITS:])
        found[side] = stored_side({"value": value, "row": row})
    return found


def note_keyframes(session: Session, conflict: Record, sides: dict[str, Tables]) -> None:
    """Give a conflict about an annotation the keyframes that it has on each side."""
    key = conflict["name"]
    found = {side: _keyframes(session, sides[side], key) for side in SIDES if conflict[side] is not None}
    conflict["keyframes"] = {side: [list(row) for row in rows.items()] for side, rows in found.items() if rows}


def without_keyframes_of(conflicts: Iterable[Record], annotations: Iterable[str]) -> list[Record]:
    """Conflicts but for those about keyframes of some annotations."""
    decided = set(annotations)
    return [
        conflict
        for conflict in conflicts
        if conflict["table"] != "keyframes" or annotation_of(conflict["name"]) not in decided
    ]


def take_keyframes(session: Session, tables: Tables, conflicts: Iterable[Record], side: str) -> Tables:
    """Tables in which the annotations of conflicts were set as one side has them, with their keyframes."""
    changes: dict[str, str | None] = {}
    for conflict in conflicts:
        key = conflict["name"]
        if conflict["table"] != "annotations":
            continue
        is_gone = session.row_value(root_of(tables, "annotations"), key) is None
        if is_gone or "keyframes" in conflict:
            changes |= dict.fromkeys(_keyframes(session, tables, key))
        if not is_gone and "keyframes" in conflict:
            changes |= dict(conflict["keyframes"].get(side, []))
    if not changes:
        return tables
    schema = own_schema(session, tables, "keyframes")
    root = session.set_rows(schema, root_of(tables, "keyframes"), sorted(changes.items()))
    return with_root(tables, "keyframes", schema, root)


def _keyframes(session: Session, tables: Tables, key: str) -> Values:
    """The keyframes of an annotation."""
    rows = _core.item_values(session, root_of(tables, "keyframes"), [key[:ITEM_DIGITS]])
    return {frame: value for frame, value in rows if annotation_of(frame) == key}
