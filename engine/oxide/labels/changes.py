"""Changes of labels and metadata on their way into the workspace: pending at once, one operation, undone as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import InConflict, NotFound
from oxide.labels import rows as as_rows
from oxide.labels import schemas
from oxide.labels.advancing import Advance
from oxide.labels.following import root_of, with_root, without_strays
from oxide.transactions import Change, publish
from oxide.workspace import WORKSPACE, State, Tables, from_tables, read_conflicts, to_tables

if TYPE_CHECKING:
    from oxide._core import Record, Session, Staged
    from oxide.labels.rows import Row
    from oxide.repository import Repository
    from oxide.types import Progress

Edit = Callable[[Tables], Tables]
"""Changes pending tables. Called again on what another process published first."""


class Changes:
    """Rows to set and keys to remove, by table. They are given to the core in batches, between which is told how far
    it is: best in the order of keys.
    """

    BATCH = 20_000

    def __init__(self, session: Session, progress: Progress | None = None) -> None:
        self.session = session
        self._progress = progress
        self._upserts: dict[str, list[Row]] = {}
        self._removals: dict[str, list[tuple[Any, ...]]] = {}

    def upsert(self, table: str, rows: Sequence[Row]) -> None:
        """Set rows."""
        self._upserts.setdefault(table, []).extend(rows)

    def remove(self, table: str, keys: Sequence[tuple[Any, ...]]) -> None:
        """Remove rows."""
        self._removals.setdefault(table, []).extend(keys)

    def apply(self, tables: Tables) -> Tables:
        """The tables with these changes, which stay: another process may have changed what they were applied to."""
        waiting = sum(map(len, self._upserts.values())) + sum(map(len, self._removals.values()))
        advance = Advance(self._progress, "storing labels", waiting)
        for name in sorted({*self._upserts, *self._removals}):
            for rows, keys in self._batches(name):
                schema = schemas.write(self.session, name)
                root = self.session.edit_table(
                    schema,
                    root_of(tables, name),
                    as_rows.to_arrow(name, rows) if rows else None,
                    as_rows.keys_to_arrow(name, keys) if keys else None,
                )
                tables = with_root(tables, name, schema, root)
                advance.by(len(rows) + len(keys))
        return tables

    def _batches(self, name: str) -> Iterator[tuple[list[Row], list[tuple[Any, ...]]]]:
        """Rows to set with keys to remove; these come first, as a row may be set anew that is among them."""
        rows, keys = self._upserts.get(name, []), self._removals.get(name, [])
        for start in range(0, max(len(rows), 1 if keys else 0), self.BATCH):
            yield rows[start : start + self.BATCH], [] if start else keys

    def clear(self) -> None:
        """Forget what was applied."""
        self._upserts.clear()
        self._removals.clear()


def publish_edit(
    repository: Repository,
    session: Session,
    planned: State,
    kind: str,
    description: str,
    edit: Edit,
    *,
    staged: Staged | None = None,
    also: Change | None = None,
) -> State:
    """One operation that changes pending tables; ``planned`` is the state in which the items were looked up.

    ``staged``: files that ``edit`` adds. ``also``: what else changes in the view.

    Raises:
        NotFound: an item that the change is about was removed by another process meanwhile.
    """

    def change(view: Record) -> None:
        workspace = view["workspaces"][WORKSPACE]
        tables = to_tables(workspace["pending"])
        edited = edit(tables)
        if tables["items"] != planned.pending["items"]:
            _refuse_strays(session, tables, edited)
        workspace["pending"] = from_tables(edited)
        _settle(repository, session, workspace, tables, edited)
        if also is not None:
            also(view)

    return publish(repository, session, kind, description, change, staged=staged)


def _settle(repository: Repository, session: Session, workspace: Record, tables: Tables, edited: Tables) -> None:
    """Take conflicts about annotations off the list that the edit decided: neither side was right."""
    conflicts = read_conflicts(repository.store, workspace)

    def is_open(conflict: Record) -> bool:
        name, key = conflict["table"], conflict["name"]
        if name not in ("annotations", "keyframes"):
            return True
        if not without_strays(session, edited, [conflict]):
            return False
        return session.row_value(root_of(tables, name), key) == session.row_value(root_of(edited, name), key)

    left = [conflict for conflict in conflicts if is_open(conflict)]
    if left != conflicts:
        workspace["conflicts"] = session.write_record("list", {"items": left}) if left else None


def _refuse_strays(session: Session, tables: Tables, edited: Tables) -> None:
    """Raise when rows were changed of an item that is gone."""
    from oxide.labels.following import DEPENDENT

    for name in DEPENDENT:
        for item in _core.changed_items(session, root_of(tables, name), root_of(edited, name)):
            gone = session.row_value(edited["items"][1], item) is None
            if gone and _core.item_values(session, root_of(edited, name), [item]):
                raise NotFound(
                    "another process removed a file that these labels belong to; nothing was changed here",
                    hint="run the same command again",
                )


def refuse_undecided(repository: Repository, state: State, items: Sequence[str]) -> None:
    """Raise InConflict when a merge has not decided yet whether an item stays."""
    conflicts = read_conflicts(repository.store, state.workspace)
    undecided = {
        conflict[side]["item_id"]
        for conflict in conflicts
        if "labels" in conflict
        for side in ("base", "ours", "theirs")
        if conflict[side] is not None
    }
    if undecided & set(items):
        raise InConflict(
            "a merge has not decided yet about files that these labels belong to",
            hint="see `oxide conflicts`, then `oxide resolve PATH --ours|--theirs|--base`",
        )
