"""Deciding, or finding undecided, what a merge does with the rows of items whose files go on one side."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from oxide import _core
from oxide.labels import following
from oxide.workspace import Tables, file_roots, file_row_of, stored_file_row, with_file_roots

if TYPE_CHECKING:
    from oxide._core import Record, Session


def settle_items(
    session: Session, sides: dict[str, Tables], merged: Tables, conflicts: list[Record]
) -> tuple[Tables, list[Record]]:
    """What belongs to items, after their files and rows were merged each by themselves.

    A file that one side removed while the other changed its labels is a conflict, told once, by its path. Conflicts in
    which an item may go carry its rows, so that they go and come with the side that is taken.
    """
    files = [conflict for conflict in conflicts if conflict["table"] == "files"]
    known = {row["item_id"] for conflict in files for row in _sides_of(conflict)}
    contested = [item for item in following.contested_items(session, *sides.values()) if item not in known]
    labelled = _labelled_conflicts(session, sides, merged, contested, known)
    merged = _with_base_rows(session, merged, labelled)
    for conflict in files + labelled:
        following.note_rows(session, conflict, sides)
    merged = following.take_rows(session, merged, files + labelled, "base")
    decided = {row["item_id"] for conflict in files + labelled if "labels" in conflict for row in _sides_of(conflict)}
    rows = [
        conflict
        for conflict in conflicts
        if conflict["table"] not in following.DEPENDENT or conflict["name"][: following.ITEM_DIGITS] not in decided
    ]
    return merged, rows + labelled


def _sides_of(conflict: Record) -> list[Record]:
    return [conflict[side] for side in following.SIDES if conflict[side] is not None]


def _labelled_conflicts(
    session: Session, sides: dict[str, Tables], merged: Tables, contested: list[str], known: set[str]
) -> list[Record]:
    """A conflict for each item whose file one side removed while the other changed its labels.

    It takes its path back until it is decided. A file that the remover added in its place is that side of the same
    conflict; one that was moved there is in conflict too, and so on. ``known``: items in conflict already.
    """
    found: list[Record] = []
    waiting = deque(_conflicts_of_items(session, sides, contested, "labelled"))
    known = known | set(contested)
    while waiting:
        conflict = waiting.popleft()
        found.append(conflict)
        if conflict["base"] is None:
            continue
        path = conflict["base"]["path"]
        for there in _in_the_way(session, merged, path):
            if there["item_id"] in known:
                continue
            known.add(there["item_id"])
            side = next((side for side in ("ours", "theirs") if conflict[side] is None), None)
            is_new = session.row_value(sides["base"]["items"][1], there["item_id"]) is None
            if is_new and there["path"] == path and side is not None:
                conflict[side] = with_item_row(session, sides[side], there)
            else:
                reason = "path" if there["path"] == path else "folder"
                waiting += _conflicts_of_items(session, sides, [there["item_id"]], reason)
    return found


def _in_the_way(session: Session, tables: Tables, path: str) -> list[Record]:
    """Files at a path and below it, and a file where it has a folder."""
    files = tables["files"][1]
    names = path.split("/")
    above = (session.file_row(files, "/".join(names[:depth])) for depth in range(1, len(names)))
    return session.file_rows(files, [path]) + [row for row in above if row is not None]


def _conflicts_of_items(session: Session, sides: dict[str, Tables], items: list[str], reason: str) -> list[Record]:
    """A conflict for each item. Every row of ``files`` is looked at, so all are asked for together."""
    found = [_core.files_of(session, sides[side]["files"][1], items) if items else [] for side in following.SIDES]
    return [
        _conflict(
            {side: with_item_row(session, sides[side], row) for side, row in zip(following.SIDES, rows, strict=True)},
            reason,
        )
        for rows in zip(*found, strict=True)
    ]


def _conflict(rows: dict[str, Record | None], reason: str) -> Record:
    named = rows["base"] or rows["ours"] or rows["theirs"]
    assert named is not None  # an item is a file of a side
    return {
        "table": "files",
        "name": named["path"],
        "reason": "added" if rows["base"] is None and reason == "path" else reason,
        "fields": [],
        **rows,
    }


def _with_base_rows(session: Session, merged: Tables, conflicts: list[Record]) -> Tables:
    """The files of conflicts as they are in the base, where others may have come in their place."""
    if not conflicts:
        return merged
    items = sorted({row["item_id"] for conflict in conflicts for row in _sides_of(conflict)})
    present = _core.files_of(session, merged["files"][1], items)
    removes = [row["path"] for row in present if row is not None]
    upserts = [conflict["base"] for conflict in conflicts if conflict["base"] is not None]
    return set_file_rows(session, merged, removes, upserts)


def set_file_rows(session: Session, tables: Tables, removes: list[str], upserts: list[Record]) -> Tables:
    """Tables with rows of conflicts set; an item that comes back is as it was."""
    schema, items = tables["items"]
    back = [(row["item_id"], row["item_row"]) for row in upserts if session.row_value(items, row["item_id"]) is None]
    roots = session.set_files(file_roots(tables), removes, [file_row_of(row) for row in upserts])
    return with_file_roots(tables, (roots[0], session.set_rows(schema, roots[1], back)))


def with_item_row(session: Session, tables: Tables, row: Record | None) -> Record | None:
    """A row of ``files`` with that of its item, which a merge drops with the file: to come back as it was."""
    return row and {**stored_file_row(row), "item_row": session.row_value(tables["items"][1], row["item_id"])}
