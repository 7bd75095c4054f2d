"""The state that a verb starts from: the newest operation, its view, and the workspace in it."""

from __future__ import annotations

from oxide.errors import IntegrityError, UnknownRevision
from oxide.types import Commit, Conflict, Person

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NamedTuple

    from oxide._core import Record, Store
else:
    from oxide.tuples import NamedTuple

FACTS = (
    "facts_version",
    "media",
    "width",
    "height",
    "orientation",
    "channels",
    "bit_depth",
    "frames",
    "fps",
    "duration",
    "broken",
)
"""Columns of ``files`` that follow from the content of pictures and videos."""

Tables = dict[str, tuple[str, str]]
"""A state of all tables: name to (schema id, root id)."""

WORKSPACE = "default"
"""The name of the working copy's workspace in the view."""


class State(NamedTuple):
    """The newest operation and its view. A snapshot: other processes may publish at any time."""

    number: int
    operation: Record
    view: Record

    @property
    def workspace(self) -> Record:
        workspace: Record = self.view["workspaces"][WORKSPACE]
        return workspace

    @property
    def branch(self) -> str | None:
        branch: str | None = self.workspace["branch"]
        return branch

    @property
    def base(self) -> str | None:
        """The commit that the workspace stands on."""
        base: str | None = self.workspace["base"]
        return base

    @property
    def pending(self) -> Tables:
        """Every table as the next commit would hold it."""
        return to_tables(self.workspace["pending"])


def read_state(store: Store) -> State:
    """The repository now."""
    operation = store.head()
    if operation is None:
        raise IntegrityError(
            f"the repository '{store.control}' has no operation", hint="run `oxide init` again in its folder"
        )
    return State(operation["number"], operation, store.read_record("view", operation["view"]))


def new_workspace(branch: str | None, base: str | None, tables: Tables) -> Record:
    """A workspace with nothing changed."""
    return {"branch": branch, "base": base, "pending": from_tables(tables), "merging": None, "conflicts": None}


def to_tables(record: dict[str, dict[str, str]]) -> Tables:
    """Tables out of a record, to be read and changed as of now."""
    return present({name: (table["schema"], table["root"]) for name, table in record.items()})


def present(tables: Tables) -> Tables:
    """The same tables with the schemas of now: in rows of an earlier version, the columns since then are null."""
    from oxide import _core

    newer = {_core.EARLIER_FILES_SCHEMA: _core.FILES_SCHEMA}
    return {name: (newer.get(schema, schema), root) for name, (schema, root) in tables.items()}


def from_tables(tables: Tables) -> dict[str, dict[str, str]]:
    """Tables as they stand in a record."""
    return {name: {"schema": schema, "root": root} for name, (schema, root) in tables.items()}


def is_within(path: str, paths: Sequence[str]) -> bool:
    """Whether a path is at or below one of some paths; of none, always."""
    return not paths or any(not top or path == top or path.startswith(f"{top}/") for top in paths)


def empty_tables() -> Tables:
    """The state before the first commit."""
    from oxide import _core

    return {"files": (_core.FILES_SCHEMA, _core.EMPTY_ROOT), "items": (_core.ITEMS_SCHEMA, _core.EMPTY_ROOT)}


def read_commit(store: Store, commit_id: str) -> Commit:
    """A commit by its full id."""
    from oxide import clock

    record = store.read_record("commit", commit_id)
    return Commit(
        id=commit_id,
        parents=tuple(record["parents"]),
        author=Person(record["author"]["name"], record["author"]["email"]),
        committer=Person(record["committer"]["name"], record["committer"]["email"]),
        time=clock.to_datetime(record["time"], record["zone"]),
        message=record["message"],
        generation=record["generation"],
        tables={name: (table["schema"], table["root"]) for name, table in record["tables"].items()},
    )


def tables_of(store: Store, commit_id: str | None) -> Tables:
    """The tables of a commit; of no commit, the empty ones."""
    return empty_tables() if commit_id is None else to_tables(store.read_record("commit", commit_id)["tables"])


def base_tables(store: Store, state: State) -> Tables:
    """The tables of the commit that the workspace stands on."""
    return tables_of(store, state.base)


def head_commit(state: State) -> str:
    """The id that ``HEAD`` names."""
    if state.base is None:
        raise UnknownRevision("there is no commit yet", hint="make one: oxide add . && oxide commit -m 'first'")
    return state.base


def file_roots(tables: Tables) -> tuple[str, str]:
    """(root of files, root of items)."""
    return tables["files"][1], tables["items"][1]


def with_file_roots(tables: Tables, roots: tuple[str, str]) -> Tables:
    """The tables with other roots of files and items."""
    return {**tables, "files": (tables["files"][0], roots[0]), "items": (tables["items"][0], roots[1])}


def read_conflicts(store: Store, workspace: Record) -> list[Record]:
    """The workspace's conflicts as stored."""
    if workspace["conflicts"] is None:
        return []
    items: list[Record] = store.read_record("list", workspace["conflicts"])["items"]
    return items


def without_facts(row: Record | None) -> Record | None:
    """A row of ``files`` but for what follows from its content."""
    return row and {name: cell for name, cell in row.items() if name not in FACTS}


def stored_file_row(row: Record) -> Record:
    """A row of ``files`` as a record can hold it, which knows no fractions: its facts are a text."""
    known = {name: row[name] for name in FACTS if row.get(name) is not None}
    stored = without_facts(row) or {}
    if known:
        import json

        stored["facts"] = json.dumps(known, sort_keys=True)
    return stored


def file_row_of(stored: Record) -> Record:
    """The row of :func:`stored_file_row`."""
    row = {name: cell for name, cell in stored.items() if name != "facts"}
    row.update(dict.fromkeys(FACTS))
    if "facts" in stored:
        import json

        row.update(json.loads(stored["facts"]))
    return row


def to_conflict(record: Record) -> Conflict:
    """A stored conflict as callers see it."""

    def row(side: str) -> dict[str, Any] | None:
        value: dict[str, Any] | None = record[side]
        if value is None:
            return None
        if record["table"] == "files":
            return {name: cell for name, cell in file_row_of(value).items() if name != "item_row"}
        import json

        cells: dict[str, Any] = json.loads(value["row"])
        return cells

    return Conflict(
        record["table"],
        record["name"],
        record["reason"],
        tuple(record["fields"]),
        row("base"),
        row("ours"),
        row("theirs"),
        record["name"] if record["table"] == "files" else record.get("path"),
    )
