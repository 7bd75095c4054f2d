"""Taking back what one import or one author did to labels and metadata, wherever in the history; edits of others stay.

Each commit that has a part of it is taken back by a merge of its own, the newest first: its rows as they were before it
are merged with the rows as they are now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from oxide import _core
from oxide.errors import InvalidInput, NotFound
from oxide.history import walk
from oxide.labels.following import DEPENDENT, root_of, with_root
from oxide.labels.ids import DIGITS, checked
from oxide.merging import conclude, ready_to_merge
from oxide.moving import row_conflict, stored_side
from oxide.types import Commit, MergeResult, Progress
from oxide.workspace import Tables, head_commit, tables_of

if TYPE_CHECKING:
    from oxide._core import Record, Session, Store
    from oxide.repository import Repository

Choose = Callable[["Store", Tables, Tables], dict[str, list[str]]]
"""Keys, by table, of the rows that are taken back of what differs between two states."""


def revert_import(repository: Repository, run_id: str, *, progress: Progress | None) -> MergeResult:
    """A commit that takes back what an import did: the annotations that it brought or changed, what it removed from the
    same files to replace them, and the metadata that came to these files with it.

    Raises:
        NotFound: nothing in the history of the branch came from that run.
    """
    run = checked(run_id, "a run")

    def choose(store: Store, before: Tables, after: Tables) -> dict[str, list[str]]:
        return _rows_of_run(store, before, after, run)

    return _take_back(repository, lambda commit: True, choose, f"import {run}", "see `oxide runs list`", progress)


def revert_author(repository: Repository, author: str, *, progress: Progress | None) -> MergeResult:
    """A commit that takes back what an author's commits did to labels and metadata. ``author``: name or address.

    Raises:
        NotFound: the author made no commit of the branch that changed labels or metadata.
    """
    wanted = author.strip().casefold()
    if not wanted:
        raise InvalidInput("the author has no name", hint="give a name or an address as `oxide log` shows it")

    def is_theirs(commit: Commit) -> bool:
        known = (commit.author.name, commit.author.email, str(commit.author))
        return wanted in [name.casefold() for name in known]

    return _take_back(
        repository, is_theirs, _all_rows, f"labels and metadata of {author.strip()}", "see `oxide log`", progress
    )


def _take_back(
    repository: Repository,
    is_part: Callable[[Commit], bool],
    choose: Choose,
    what: str,
    hint: str,
    progress: Progress | None,
) -> MergeResult:
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = ready_to_merge(repository, "revert")
        tables = state.pending
        conflicts: dict[tuple[str, str], Record] = {}
        found = []
        for commit, before in _single_changes(store, head_commit(state)):
            rows = choose(store, before, commit.tables) if is_part(commit) else {}
            if any(rows.values()):
                found.append(commit)
                tables = _undo_rows(store, session, tables, before, commit.tables, rows, conflicts)
        if not found:
            raise NotFound(f"nothing in the history of this branch is {what}", hint=hint)
        listed = "\n".join(commit.id for commit in found)
        return conclude(
            repository,
            session,
            state,
            tables,
            list(conflicts.values()),
            heads=[],
            kind="revert",
            message=f"Revert {what}\n\nThis takes back what these commits did to labels and metadata:\n{listed}",
            progress=progress,
        )


def _single_changes(store: Store, head: str) -> Iterator[tuple[Commit, Tables]]:
    """Commits whose labels or metadata differ from those before, with the tables before, newest first. A merge brings
    nothing of its own but decisions, which stay.
    """
    commits = [commit for commit in walk(store, [head]) if len(commit.parents) < 2]
    for commit in sorted(commits, key=lambda commit: -commit.generation):
        before = tables_of(store, commit.parents[0] if commit.parents else None)
        if any(root_of(before, name) != root_of(commit.tables, name) for name in DEPENDENT):
            yield commit, before


def _changed_rows(store: Store, before: Tables, after: Tables, name: str) -> list[Record]:
    old, new = root_of(before, name), root_of(after, name)
    if old == new:
        return []
    schema = (after if name in after else before)[name][0]
    return store.diff_rows(schema, old, new)


def _all_rows(store: Store, before: Tables, after: Tables) -> dict[str, list[str]]:
    return {name: [row["key"] for row in _changed_rows(store, before, after, name)] for name in DEPENDENT}


def _rows_of_run(store: Store, before: Tables, after: Tables, run: str) -> dict[str, list[str]]:
    changes = _changed_rows(store, before, after, "annotations")
    brought = [row["key"] for row in changes if _run_of(row["after"]) == run and _run_of(row["before"]) != run]
    if not brought:
        return {}
    items = {key[:DIGITS] for key in brought}
    replaced = [row["key"] for row in changes if row["after"] is None and row["key"][:DIGITS] in items]
    whole = {*brought, *replaced}
    frames = [row["key"] for row in _changed_rows(store, before, after, "keyframes")]
    described = [row["key"] for row in _changed_rows(store, before, after, "metadata")]
    return {
        "annotations": sorted(whole),
        "keyframes": [key for key in frames if key[: 2 * DIGITS] in whole],
        "metadata": [key for key in described if key in items],
    }


def _run_of(row: Record | None) -> str | None:
    return None if row is None else row["run_id"]


def _undo_rows(
    store: Store,
    session: Session,
    tables: Tables,
    before: Tables,
    after: Tables,
    rows: dict[str, list[str]],
    conflicts: dict[tuple[str, str], Record],
) -> Tables:
    """``tables`` without what changed some rows between two states. Rows of files that are gone stay gone."""
    for name, keys in rows.items():
        if not keys:
            continue
        items = tables["items"][1]
        present = {item for item in {key[:DIGITS] for key in keys} if session.row_value(items, item) is not None}
        wanted = [key for key in keys if key[:DIGITS] in present and (name, key) not in conflicts]
        old = dict(_core.item_values(session, root_of(before, name), sorted(present)))
        schema = (after if name in after else before)[name][0]
        for key in keys:
            if (name, key) in conflicts:  # a newer change of theirs is contested: how it was before both is their side
                (row,) = store.get_rows((schema, root_of(before, name)), [key])
                side = None if row is None else stored_side({"value": old[key], "row": row})
                conflicts[name, key]["theirs"] = side
        changed = root_of(after, name)
        undone = session.set_rows(schema, changed, [(key, old.get(key)) for key in wanted])
        root, contested = session.merge_table(schema, changed, root_of(tables, name), undone)
        for entry in contested:
            conflict = row_conflict(name, entry)
            conflicts[name, entry["key"]] = conflict
            ours = conflict["ours"]["value"] if conflict["ours"] else None
            root = session.set_rows(schema, root, [(entry["key"], ours)])
        tables = with_root(tables, name, schema, root)
    return tables
