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
FileKey = tuple[str, frozenset[str]]

PLACE = ("type", "geometry", "x", "y", "w", "h")
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
    rows: dict[Key, dict[str, Cells | None]] = field(default_factory=dict)
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


def merge(base: Rows, ours: Rows, theirs: Rows) -> tuple[Rows, dict[Key, dict[str, Cells | None]]]:
    """Three-way merge by row and cell; undecided rows are as in ours, and listed."""
    merged: Rows = {}
    conflicts: dict[Key, dict[str, Cells | None]] = {}
    for key in base.keys() | ours.keys() | theirs.keys():
        b, o, t = base.get(key), ours.get(key), theirs.get(key)
        decided, cells = merge_row(b, o, t)
        if not decided:
            conflicts[key] = {"base": b, "ours": o, "theirs": t}
        if cells is not None:
            merged[key] = cells
    return merged, conflicts


def merge_row(base: Cells | None, ours: Cells | None, theirs: Cells | None) -> tuple[bool, Cells | None]:
    """(whether it is decided, the row)."""
    if theirs in (base, ours):
        return True, ours
    if ours == base:
        return True, theirs
    if ours is None or theirs is None:
        return False, ours
    old = base or dict.fromkeys(ours)
    result: Cells = {}
    groups = [PLACE, *((name,) for name in ours if name not in PLACE)]
    for names in groups:
        b, o, t = ({name: row.get(name) for name in names if name in ours} for row in (old, ours, theirs))
        if o == t or t == b:
            result.update(o)
        elif o == b:
            result.update(t)
        elif names[0] == "updated":
            result.update(max(o, t, key=lambda cells: cells["updated"]))
        elif names[0] in LEAVES:
            if o[names[0]] is None or t[names[0]] is None:  # the whole value was removed, the other side changed it
                return False, ours
            leaves = merge_leaves(b[names[0]] or {}, o[names[0]], t[names[0]])
            if leaves is None:
                return False, ours
            result[names[0]] = leaves
        else:
            return False, ours
    return True, result


def merge_leaves(base: Cells, ours: Cells, theirs: Cells) -> Cells | None:
    """Three-way merge of flat objects by name; ``None`` when a name is contested."""
    merged = {}
    for name in {**base, **ours, **theirs}:
        b, o, t = (side.get(name, MISSING) for side in (base, ours, theirs))
        if o != t and b not in (o, t):
            return None
        value = t if o == b else o
        if value is not MISSING:
            merged[name] = value
    return merged
