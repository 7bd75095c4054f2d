"""Rows that belong to items follow them: away with a removed file, back with a restored one, through every merge.

The tables named here have the item as the first part of their key. No state that is published holds a row of an item
that has no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oxide import _core
from oxide.labels import schemas
from oxide.workspace import Tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide._core import Record, Session

DEPENDENT = ("annotations", "keyframes", "metadata")
"""Tables whose rows belong to items."""

SIDES = ("base", "ours", "theirs")
ITEM_DIGITS = 24
"""How many hex digits of a key name the item."""


def root_of(tables: Tables, name: str) -> str:
    """The root of a table; a table that is not there has no rows."""
    return tables[name][1] if name in tables else _core.EMPTY_ROOT


def with_root(tables: Tables, name: str, schema: str, root: str) -> Tables:
    """The tables with another root of one; a table of labels without rows is left out."""
    others = {key: value for key, value in tables.items() if key != name}
    return others if root == _core.EMPTY_ROOT and name in schemas.SCHEMAS else {**others, name: (schema, root)}


def schema_of(name: str, *sides: Tables) -> str:
    """The schema that the first of some states has for a table."""
    return next(side[name][0] for side in sides if name in side)


def own_schema(session: Session, tables: Tables, name: str) -> str:
    """The schema of a table of labels, which is the present one where the table is not there."""
    return tables[name][0] if name in tables else schemas.write(session, name)


def stored_side(row: Record | None) -> Record | None:
    """A conflict's row as the list keeps it. Rows of other tables hold any JSON, records none: kept as text."""
    if row is None or "value" not in row:
        return row
    import json

    return {"value": row["value"], "row": json.dumps(row["row"], sort_keys=True)}


def follow(session: Session, base: Tables, before: Tables, after: Tables) -> Tables:
    """``after``, whose files were changed since ``before``: rows of items that went are gone, and an item that came
    back has the rows that it has in ``base``.
    """
    present = [name for name in DEPENDENT if name in before or name in base]
    if not present or before["items"] == after["items"]:
        return after
    came, went = _core.items_that_differ(session, before["items"][1], after["items"][1])
    for name in present:
        schema = schema_of(name, before, base)
        root = root_of(after, name)
        root = _core.replace_item_rows(session, schema, root, _core.EMPTY_ROOT, went)
        root = _core.replace_item_rows(session, schema, root, root_of(base, name), came)
        after = with_root(after, name, schema, root)
    return after


def drop(session: Session, before: Tables, after: Tables) -> Tables:
    """``after``, whose files were changed since ``before``: rows of items that went are gone."""
    return follow(session, before, before, after)


def restore(
    session: Session, result: Tables, pending: Tables, origin: Tables, files: tuple[str, str], paths: Sequence[str]
) -> Tables:
    """``result`` with the rows of what lies at and below ``paths`` as in ``origin``.

    ``files``: the roots of ``files`` that the paths were taken from, and those that they now are in. Where a file got
    another item there, that one gets copies of the rows.
    """
    present = [name for name in DEPENDENT if name in pending or name in origin]
    if not present:
        return result
    source, target = ({row["path"]: row["item_id"] for row in session.file_rows(root, paths)} for root in files)
    for name in present:
        schema = schema_of(name, origin, pending)
        taken = root_of(origin, name)
        changed = set(_core.changed_items(session, root_of(result, name), taken))
        same = [item for path, item in target.items() if source.get(path, item) == item and item in changed]
        others = [(source[path], item) for path, item in target.items() if source.get(path, item) != item]
        root = _core.replace_item_rows(session, schema, root_of(result, name), taken, same)
        if others:
            copies = _core.replace_item_rows(session, schema, _core.EMPTY_ROOT, taken, [old for old, _ in others])
            copies = _core.rekey_items(session, schema, copies, others)
            root = _core.replace_item_rows(session, schema, root, copies, [new for _, new in others])
        result = with_root(result, name, schema, root)
    return result


def rekey(session: Session, tables: Tables, pairs: Sequence[tuple[str, str]]) -> Tables:
    """The tables with rows of some items handed to others: (old, new)."""
    for name in DEPENDENT:
        if pairs and name in tables:
            schema, root = tables[name]
            tables = with_root(tables, name, schema, _core.rekey_items(session, schema, root, pairs))
    return tables


def rows_of(session: Session, tables: Tables, items: Iterable[str]) -> Record:
    """The rows of some items, as a conflict carries them: table to [(key, value)]."""
    wanted = sorted(items)
    found = {name: _core.item_values(session, root_of(tables, name), wanted) for name in DEPENDENT if name in tables}
    return {name: [list(row) for row in rows] for name, rows in found.items() if rows}


def note_rows(session: Session, conflict: Record, sides: dict[str, Tables]) -> None:
    """Give a conflict about a file the rows of its item on each side, where taking a side takes or drops the item."""
    items = {side: conflict[side]["item_id"] for side in SIDES if conflict[side] is not None}
    if len(items) == len(SIDES) and len(set(items.values())) == 1:
        return
    noted = {side: rows_of(session, sides[side], [item]) for side, item in items.items() if side in sides}
    if any(noted.values()):
        conflict["labels"] = noted


def take_rows(session: Session, tables: Tables, conflicts: Iterable[Record], side: str) -> Tables:
    """Set the rows of each conflict's item as one side of it has them."""
    labelled = [conflict for conflict in conflicts if "labels" in conflict]
    items = {conflict[each]["item_id"] for conflict in labelled for each in SIDES if conflict[each] is not None}
    for name in DEPENDENT if labelled else ():
        noted = (conflict["labels"].get(side, {}).get(name, []) for conflict in labelled)
        rows = [(key, value) for some in noted for key, value in some]
        if name not in tables and not rows:
            continue
        schema = own_schema(session, tables, name)
        root = _core.replace_item_rows(session, schema, root_of(tables, name), _core.EMPTY_ROOT, sorted(items))
        tables = with_root(tables, name, schema, session.set_rows(schema, root, rows))
    return tables


def with_paths(session: Session, tables: Tables, conflicts: list[Record]) -> list[Record]:
    """Conflicts, those about rows of items with the path of the file that they belong to."""
    items = sorted({_item_of(conflict) for conflict in conflicts if conflict["table"] in DEPENDENT})
    if not items:
        return conflicts
    rows = _core.files_of(session, tables["files"][1], items)
    paths = {item: row["path"] for item, row in zip(items, rows, strict=True) if row is not None}
    return [
        {**conflict, "path": paths.get(_item_of(conflict))} if conflict["table"] in DEPENDENT else conflict
        for conflict in conflicts
    ]


def without_strays(session: Session, tables: Tables, conflicts: list[Record]) -> list[Record]:
    """Conflicts but for those about rows of items that are gone, and about keyframes of annotations that are: with the
    file its rows are decided, and with the annotation its keyframes.
    """
    items, annotations = tables["items"][1], root_of(tables, "annotations")

    def is_open(conflict: Record) -> bool:
        if conflict["table"] not in DEPENDENT:
            return True
        if session.row_value(items, _item_of(conflict)) is None:
            return False
        of_track = conflict["table"] == "keyframes"
        return not of_track or session.row_value(annotations, annotation_of(conflict["name"])) is not None

    return [conflict for conflict in conflicts if is_open(conflict)]


def annotation_of(key: str) -> str:
    """The key of the annotation that a keyframe belongs to."""
    return key[: 2 * ITEM_DIGITS]


def _item_of(conflict: Record) -> str:
    name: str = conflict["name"]
    return name[:ITEM_DIGITS]


def contested_items(session: Session, base: Tables, ours: Tables, theirs: Tables) -> list[str]:
    """Items that one side removed while the other changed rows of theirs."""
    names = [name for name in DEPENDENT if any(root_of(side, name) != root_of(base, name) for side in (ours, theirs))]
    if not names:
        return []
    our_removals, their_removals = (
        set(_core.items_that_differ(session, base["items"][1], side["items"][1])[1]) for side in (ours, theirs)
    )
    contested: set[str] = set()
    for other, gone in ((theirs, our_removals - their_removals), (ours, their_removals - our_removals)):
        for name in names if gone else ():
            contested |= gone.intersection(_core.changed_items(session, root_of(base, name), root_of(other, name)))
    return sorted(contested)
