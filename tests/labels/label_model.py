"""What labels must do when files and branches move, in dicts: the oracle of the state machine of labels.

A state maps ``(table, item, rest of the key)`` to the cells of a row. Which items a state has, and on which path, is
the engine's to say (another machine proves that); what their rows must be is said here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str, str]
Cells = dict[str, Any]
Rows = dict[Key, Cells]
Contested = dict[str, Any]
"""The row on each side, ``None`` where there is none; of an annotation that a side removed its ``keyframes`` too."""
FileKey = tuple[str, frozenset[str]]

PLACE = ("type", "geometry", "x", "y", "w", "h")
CHANGED = ("updated", "updated_by")
LEAVES = ("attributes", "value", "foreign")
MISSING = object()


@dataclass(frozen=True)
class FileConflict:
    """A file that a merge could not decide, with the items that it may come to be and their rows on each side."""

    items: frozenset[str]
    sides: dict[str, Rows]


@dataclass(frozen=True)
class State:
    """What one operation replaces by another. Never changed in place, so undo is taking an old one."""

    pending: Rows = field(default_factory=dict)
    files: dict[FileKey, FileConflict] = field(default_factory=dict)
    """Conflicts of files by path and items: two may have one path."""
    rows: dict[Key, Contested] = field(default_factory=dict)
    """Conflicts of rows, with the row on each side."""


def of_items(rows: Rows, items: Iterable[str]) -> Rows:
    """The rows of some items."""
    wanted = set(items)
    return {key: cells for key, cells in rows.items() if key[1] in wanted}


def without_items(rows: Rows, items: Iterable[str]) -> Rows:
    """The rows of all other items."""
    unwanted = set(items)
    return {key: cells for key, cells in rows.items() if key[1] not in unwanted}


def follow(rows: Rows, base: Rows, before: set[str], after: set[str]) -> Rows:
    """Rows after files came and went: those of an item that is gone go, one that comes back has what the base has."""
    return {**of_items(rows, before & after), **of_items(base, after - before)}


def rekeyed(rows: Rows, pairs: dict[str, str]) -> Rows:
    """Rows of some items handed to others. Rows that are there already stay."""
    moved = {(table, pairs[item], rest): cells for (table, item, rest), cells in rows.items() if item in pairs}
    return {**moved, **without_items(rows, pairs)}


def merge(base: Rows, ours: Rows, theirs: Rows) -> tuple[Rows, dict[Key, Contested]]:
    """Three-way merge by row and cell; what is contested is as in ours, and listed."""
    merged: Rows = {}
    conflicts: dict[Key, Contested] = {}
    for key in base.keys() | ours.keys() | theirs.keys():
        three: Contested = {"base": base.get(key), "ours": ours.get(key), "theirs": theirs.get(key)}
        is_contested, cells = decide(three, "ours")
        if is_contested:
            conflicts[key] = three
        if cells is not None:
            merged[key] = cells
    for track in [key for key in base if key[0] == "annotations" and (key in ours) != (key in theirs)]:
        other = ours if track in ours else theirs
        if other[track] == base[track] and keyframes_of(other, track) == keyframes_of(base, track):
            continue
        sides = {"base": base, "ours": ours, "theirs": theirs}
        conflicts = {key: three for key, three in conflicts.items() if not is_keyframe_of(key, track)}
        conflicts[track] = {side: rows.get(track) for side, rows in sides.items()}
        conflicts[track]["keyframes"] = {side: keyframes_of(rows, track) for side, rows in sides.items()}
        merged = resolved(merged, track, conflicts[track], "ours")
    return merged, conflicts


def is_keyframe_of(key: Key, track: Key) -> bool:
    """Whether a key is that of a keyframe of an annotation."""
    return key[0] == "keyframes" and key[1] == track[1] and key[2].startswith(track[2])


def keyframes_of(rows: Rows, track: Key) -> Rows:
    """The keyframes of an annotation."""
    return {key: cells for key, cells in rows.items() if is_keyframe_of(key, track)}


def is_stray(rows: Rows, key: Key) -> bool:
    """Whether a keyframe has no annotation."""
    return key[0] == "keyframes" and ("annotations", key[1], key[2][:24]) not in rows


def resolved(pending: Rows, key: Key, three: Contested, side: str) -> Rows:
    """Rows after a conflict was decided by a side."""
    if is_stray(pending, key):
        return pending
    _, cells = decide(three, side)
    left = {other: row for other, row in pending.items() if other != key}
    if cells is None or "keyframes" in three:
        left = {other: row for other, row in left.items() if key[0] != "annotations" or not is_keyframe_of(other, key)}
    if cells is not None:
        left |= {key: cells, **three.get("keyframes", {}).get(side, {})}
    return left


def decide(three: Contested, side: str) -> tuple[bool, Cells | None]:
    """(whether something is contested, the row with what is contested as on one side)."""
    base, ours, theirs = three["base"], three["ours"], three["theirs"]
    if theirs in (base, ours):
        return False, ours
    if ours == base:
        return False, theirs
    names = (ours or theirs or {}).keys()
    only_leaves = "value" in names
    if not only_leaves and (ours is None or theirs is None):
        return True, three[side]
    empty = dict.fromkeys(names)
    rows = {"base": base or empty, "ours": ours or empty, "theirs": theirs or empty}
    is_contested, result = False, Cells()
    for group in [PLACE, CHANGED, *((name,) for name in names if name not in PLACE + CHANGED)]:
        cells = {each: {name: row[name] for name in group if name in names} for each, row in rows.items()}
        b, o, t = cells["base"], cells["ours"], cells["theirs"]
        if o == t or t == b:
            result |= o
        elif o == b:
            result |= t
        elif group == CHANGED:
            result |= max(o, t, key=lambda cells: cells["updated"] or "")
        elif group[0] in LEAVES:
            contested, leaves = merge_leaves({each: cells[each][group[0]] or {} for each in cells}, side)
            is_contested |= contested
            result[group[0]] = leaves or None
        else:
            is_contested = True
            result |= cells[side]
    if is_contested and base is None and side == "base" and not only_leaves:
        return True, None
    return is_contested, None if only_leaves and result["value"] is None else result


def merge_leaves(three: dict[str, Cells], side: str) -> tuple[bool, Cells]:
    """Three-way merge of flat objects by name: (whether a name is contested, the object with such as on one side)."""
    merged, is_contested = {}, False
    for name in {name: None for each in three.values() for name in each}:
        b, o, t = (three[each].get(name, MISSING) for each in ("base", "ours", "theirs"))
        value = t if o == b else o
        if o != t and b not in (o, t):
            is_contested = True
            value = three[side].get(name, MISSING)
        if value is not MISSING:
            merged[name] = value
    return is_contested, merged
