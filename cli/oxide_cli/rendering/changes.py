"""Differences, conflicts and moved files as text."""

from __future__ import annotations

from collections.abc import Iterator

from oxide_cli.rendering.text import LISTED, Painter, columns, count, number, quote_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide.types import CheckoutResult, Conflict, Diff, FileChanges, TableChanges

_SIGNS = ("+", "~", "-", "renamed ")


def more(lines: list[str], everything: bool = False) -> Iterator[str]:
    """The first lines of a long section and how many were left out."""
    if everything or len(lines) <= LISTED:
        yield from lines
        return
    yield from lines[:LISTED]
    yield f"… {number(len(lines) - LISTED)} more (use --all)"


def count_of_files(changes: FileChanges) -> str:
    """``2 files added, 1 modified``, or ``no files changed``."""
    parts = [
        (len(changes.added), "added"),
        (len(changes.modified), "modified"),
        (len(changes.removed), "removed"),
        (len(changes.renamed), "renamed"),
    ]
    said = [(amount, word) for amount, word in parts if amount]
    if not said:
        return "no files changed"
    (first, word), *others = said
    return ", ".join([f"{count(first, 'file')} {word}", *(f"{number(amount)} {word}" for amount, word in others)])


def count_of_rows(changes: TableChanges) -> str:
    """``12 added, 3 modified``."""
    parts = [(changes.added, "added"), (changes.modified, "modified"), (changes.removed, "removed")]
    return ", ".join(f"{number(amount)} {word}" for amount, word in parts if amount) or "unchanged"


def diff_lines(diff: Diff, paint: Painter) -> Iterator[str]:
    """Each file with ``+ ~ -`` or as renamed, by path, then tables and totals."""
    yield from file_lines(diff.files, paint)
    yield from _summary(diff)


def file_lines(files: FileChanges, paint: Painter) -> Iterator[str]:
    """One line a file, by path; a renamed file stands at its new path."""
    entries = [
        *((path, paint(f"+ {quote_path(path)}", "green")) for path in files.added),
        *((path, paint(f"~ {quote_path(path)}", "yellow")) for path in files.modified),
        *((path, paint(f"- {quote_path(path)}", "red")) for path in files.removed),
        *((new, paint(f"renamed {quote_path(old)} -> {quote_path(new)}", "cyan")) for old, new in files.renamed),
    ]
    for _, line in sorted(entries):
        yield line


def stat_lines(diff: Diff) -> Iterator[str]:
    """Numbers of files by folder, then tables and totals."""
    folders: dict[str, list[int]] = {}
    kinds = (diff.files.added, diff.files.modified, diff.files.removed, [new for _, new in diff.files.renamed])
    for kind, paths in enumerate(kinds):
        for path in paths:
            folders.setdefault(path.rpartition("/")[0], [0, 0, 0, 0])[kind] += 1
    rows: list[tuple[str, ...]] = []
    for folder, numbers in sorted(folders.items()):
        signs = [f"{sign}{amount:,}" for sign, amount in zip(_SIGNS, numbers, strict=True) if amount]
        rows.append((quote_path(folder + "/") if folder else "./", " ".join(signs)))
    yield from columns(rows)
    yield from _summary(diff)


def changed_names(diff: Diff) -> list[str]:
    """Paths that differ, a renamed file by its new one."""
    files = diff.files
    return sorted({*files.added, *files.modified, *files.removed, *(new for _, new in files.renamed)})


def _summary(diff: Diff) -> Iterator[str]:
    tables = [(name, changes) for name, changes in sorted(diff.tables.items()) if any(changes)]
    if not diff.files and not tables:
        return
    lists: tuple[list[str] | list[tuple[str, str]], ...] = tuple(diff.files)
    if sum(len(paths) for paths in lists) > 1 or (diff.files and tables):
        yield ""
    if diff.files:
        yield count_of_files(diff.files)
    for name, changes in tables:
        yield f"{name}: {count_of_rows(changes)}"


def row_lines(rows: list[dict[str, object]], paint: Painter, table: str = "") -> Iterator[str]:
    """Rows that differ: added and removed ones whole, of modified ones the cells that changed.

    Files and their metadata are named by their path, rows of other tables by their key.
    """
    for row in rows:
        key, before, after = row.get("key"), row.get("before"), row.get("after")
        old = before if isinstance(before, dict) else None
        new = after if isinstance(after, dict) else None
        if table == "files":
            key = quote_path(str((new or old or {}).get("path")))
            old, new = _without_path(old), _without_path(new)
        elif table == "metadata":
            key = quote_path(str(row.get("path")))
            old, new = _metadata(old), _metadata(new)
        if old is None and new is not None:
            yield paint(f"+ {key}  {_cells(new)}", "green")
        elif new is None and old is not None:
            yield paint(f"- {key}  {_cells(old)}", "red")
        elif old is not None and new is not None:
            changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
            cells = ", ".join(f"{name}: {_cell(old.get(name))} -> {_cell(new.get(name))}" for name in changed)
            yield paint(f"~ {key}  {cells}", "yellow")


def _metadata(row: dict[str, object] | None) -> dict[str, object] | None:
    """Each value below its dotted key."""
    if row is None:
        return None
    value = row.get("value")
    return dict(_leaves(value)) if isinstance(value, dict) else {}


def _without_path(row: dict[str, object] | None) -> dict[str, object] | None:
    return None if row is None else {name: value for name, value in row.items() if name != "path"}


def _cells(row: dict[str, object]) -> str:
    return ", ".join(f"{name}: {_cell(value)}" for name, value in row.items() if value is not None)


def _cell(value: object) -> str:
    text = "none" if value is None else str(value)
    text = quote_path(text)
    return text if len(text) <= 60 else text[:59] + "…"


def name_of_conflict(conflict: Conflict) -> str:
    """The path of a file; of a row that belongs to one also which; ``table:key`` of any other row."""
    if conflict.table == "files":
        return quote_path(conflict.name)
    if conflict.path is None:
        return quote_path(conflict.title)
    if conflict.annotation is None:
        return f"{quote_path(conflict.path)}: {conflict.table}"
    row = conflict.ours or conflict.theirs or conflict.base or {}
    what = "annotation" if conflict.table == "annotations" else f"frame {row.get('frame')} of annotation"
    label = f" ({row['label']})" if row.get("label") else ""
    return f"{quote_path(conflict.path)}: {what} {conflict.annotation}{label}"


def conflict_lines(conflicts: list[Conflict], paint: Painter) -> Iterator[str]:
    """Conflicts with what disagrees: files first."""
    order = sorted(conflicts, key=lambda entry: (entry.table != "files", entry.path or "", entry.table, entry.name))
    for conflict in order:
        yield paint(f"{name_of_conflict(conflict)}: {_reason(conflict)}", "red")
        for field in conflict.fields:
            yield from _contested(field, [conflict.base, conflict.ours, conflict.theirs])


def _contested(field: str, rows: list[dict[str, object] | None]) -> Iterator[str]:
    """What the sides say: of JSON each value that both changed."""
    cells = [None if row is None else place_of(row) if field == "geometry" else row.get(field) for row in rows]
    if all(isinstance(cell, dict) for cell in cells[1:]):
        leaves = [
            dict(_leaves(cell, "" if field == "value" else field)) if isinstance(cell, dict) else {} for cell in cells
        ]
        base, ours, theirs = leaves
        for name in sorted(ours.keys() | theirs.keys() | base.keys()):
            three = [side.get(name) for side in leaves]
            if three[1] != three[2] and three[0] not in three[1:]:
                yield _three(name, [_cell(value) for value in three])
        return
    yield _three(field, ["removed" if row is None else _cell(cell) for row, cell in zip(rows, cells, strict=True)])


def _three(name: str, values: list[str]) -> str:
    return f"  {name}: base {values[0]}, ours {values[1]}, theirs {values[2]}"


def _leaves(value: dict[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    for key, below in sorted(value.items()):
        name = f"{above}.{key}" if above else key
        if isinstance(below, dict) and below:
            yield from _leaves(below, name)
        else:
            yield name, below


def place_of(row: dict[str, object]) -> str:
    """Where an annotation's row lies: its type and its box, or what shape it has."""
    box = [row.get(name) for name in "xywh"]
    numbers = " ".join(f"{number:g}" for number in box if isinstance(number, (int, float)))
    kind = str(row.get("type") or "")
    shape = "" if row.get("geometry") is None else str(row["geometry"])
    return " ".join(word for word in (kind, numbers, shape) if word) or "no place"


_REASONS = {
    "content": "both sides changed its content",
    "executable": "both sides changed whether it is executable",
    "path": "both sides renamed it",
    "removed": "one side removed it, the other changed it",
    "added": "both sides added it",
    "folder": "a file on one side, a folder on the other",
    "labelled": "one side removed it, the other changed its labels",
    "cells": "both sides changed the same cells",
}


def _reason(conflict: Conflict) -> str:
    return _REASONS.get(conflict.reason, conflict.reason)


def moved_line(result: CheckoutResult) -> str:
    """``12 files written, 3 removed``, or nothing when no file moved."""
    parts = []
    if result.written:
        parts.append(f"{count(len(result.written), 'file')} written")
    if result.removed:
        parts.append(
            f"{number(len(result.removed))} removed" if parts else f"{count(len(result.removed), 'file')} removed"
        )
    return ", ".join(parts)
