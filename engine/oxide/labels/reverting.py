"""Taking back what one import or one author did to labels and metadata, wherever in the history; edits of others stay.

Each commit that has a part of it is taken back by a merge of its own, the newest first: its rows as they were before it
are merged with the rows as they are now.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from oxide import _core
from oxide.errors import InvalidInput, NotFound
from oxide.history import walk
from oxide.labels.deciding import set_rows
from oxide.labels.following import DEPENDENT, SIDES, annotation_of, root_of, schema_of, stored_side, with_root
from oxide.labels.ids import DIGITS, checked
from oxide.labels.runs import OTHER_RUNS
from oxide.labels.settling_tracks import note_keyframes, settle_tracks
from oxide.merging import conclude, ready_to_merge
from oxide.moving import row_conflict
from oxide.types import Commit, MergeResult, Progress
from oxide.workspace import Tables, head_commit, tables_of

if TYPE_CHECKING:
    from oxide._core import Record, Session, Store
    from oxide.repository import Repository

Choose = Callable[["Store", Tables, Tables], dict[str, list[str]]]
"""Keys, by table, of the rows that are taken back of what differs between two states."""

Conflicts = dict[tuple[str, str], "Record"]
"""Conflicts about rows by table and key."""


def revert_import(repository: Repository, run_id: str, *, progress: Progress | None) -> MergeResult:
    """A commit that takes back what an import did: the annotations that it brought or changed, what it removed from the
    same files to replace them, and the metadata that came to these files with it. The run goes too, unless something is
    left that came with it.

    Raises:
        NotFound: nothing in the history of the branch came from that run.
    """
    run = checked(run_id, "a run")

    def choose(store: Store, before: Tables, after: Tables) -> dict[str, list[str]]:
        return _rows_of_run(store, before, after, run)

    return _take_back(
        repository,
        lambda commit: True,
        choose,
        lambda store, commits: set[str]().union(
            *(_runs_of_import(store, _before(store, commit), commit.tables, run) for commit in commits)
        ),
        f"import {run}",
        "see `oxide runs list`",
        progress,
    )


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
        repository,
        is_theirs,
        _all_rows,
        _runs_that_came,
        f"labels and metadata of {author.strip()}",
        "see `oxide log`",
        progress,
    )


def _take_back(
    repository: Repository,
    is_part: Callable[[Commit], bool],
    choose: Choose,
    runs_of: Callable[[Store, list[Commit]], set[str]],
    what: str,
    hint: str,
    progress: Progress | None,
) -> MergeResult:
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = ready_to_merge(repository, "revert")
        tables = state.pending
        conflicts: Conflicts = {}
        found = []
        for commit, before in _single_changes(store, head_commit(state)):
            rows = choose(store, before, commit.tables) if is_part(commit) else {}
            if any(rows.values()):
                found.append(commit)
                tables = _undo_rows(store, session, tables, before, commit.tables, rows, conflicts)
        if not found:
            raise NotFound(f"nothing in the history of this branch is {what}", hint=hint)
        tables = _without_idle_runs(store, session, tables, runs_of(store, found), conflicts.values())
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


def _runs_that_came(store: Store, commits: list[Commit]) -> set[str]:
    """The runs that came with some commits."""
    changes = [row for commit in commits for row in _changed_rows(store, _before(store, commit), commit.tables, "runs")]
    return {row["key"] for row in changes if row["before"] is None}


def _before(store: Store, commit: Commit) -> Tables:
    return tables_of(store, commit.parents[0] if commit.parents else None)


def _without_idle_runs(
    store: Store, session: Session, tables: Tables, runs: set[str], conflicts: Iterable[Record]
) -> Tables:
    """The tables without those of some runs that no annotation came with, nor would by deciding a conflict."""
    import pyarrow
    import pyarrow.compute as compute

    idle = {run for run in runs if session.row_value(root_of(tables, "runs"), run) is not None}
    for conflict in conflicts:
        rows = [json.loads(conflict[side]["row"]) for side in SIDES if conflict[side] is not None]
        idle -= {row.get("run_id") for row in rows}
    if idle and "annotations" in tables:
        session.flush()  # what was merged is read through the store
        wanted = pyarrow.array(map(bytes.fromhex, sorted(idle)), pyarrow.binary(12))
        for batch in pyarrow.RecordBatchReader.from_stream(store.scan(tables["annotations"], ["run_id"])):
            used = batch.column("run_id")
            idle -= {run.hex() for run in used.filter(compute.is_in(used, wanted)).unique().to_pylist()}
    if not idle:
        return tables
    schema, root = tables["runs"]
    return with_root(tables, "runs", schema, session.set_rows(schema, root, [(run, None) for run in sorted(idle)]))


def _single_changes(store: Store, head: str) -> Iterator[tuple[Commit, Tables]]:
    """Commits whose labels or metadata differ from those before, with the tables before, newest first. A merge brings
    nothing of its own but decisions, which stay.
    """
    commits = [commit for commit in walk(store, [head]) if len(commit.parents) < 2]
    for commit in sorted(commits, key=lambda commit: -commit.generation):
        before = _before(store, commit)
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
    runs = _runs_of_import(store, before, after, run)
    brought = [row["key"] for row in changes if _run_of(row["after"]) in runs and _run_of(row["before"]) not in runs]
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


def _runs_of_import(store: Store, before: Tables, after: Tables, run: str) -> set[str]:
    """A run, and those that its annotations kept of their source if this is where it was made."""
    made = [row["after"] for row in _changed_rows(store, before, after, "runs") if row["key"] == run]
    return {run}.union(*((row["configuration"] or {}).get(OTHER_RUNS, []) for row in made if row is not None))


def _run_of(row: Record | None) -> str | None:
    return None if row is None else row["run_id"]


def _undo_rows(
    store: Store,
    session: Session,
    tables: Tables,
    before: Tables,
    after: Tables,
    rows: dict[str, list[str]],
    conflicts: Conflicts,
) -> Tables:
    """``tables`` without what changed some rows between two states. Rows of files that are gone stay gone."""
    _take_older(store, session, {"base": after, "ours": tables, "theirs": before}, rows, conflicts)
    undone, merged = after, tables
    contested: list[Record] = []
    for name, keys in rows.items():
        if not keys:
            continue
        items = tables["items"][1]
        present = {item for item in {key[:DIGITS] for key in keys} if session.row_value(items, item) is not None}
        wanted = [key for key in keys if key[:DIGITS] in present and not _is_contested(conflicts, name, key)]
        old = dict(_core.item_values(session, root_of(before, name), sorted(present)))
        schema, changed = schema_of(name, after, before), root_of(after, name)
        root = session.set_rows(schema, changed, [(key, old.get(key)) for key in wanted])
        undone = with_root(undone, name, schema, root)
        root, entries = session.merge_table(schema, changed, root_of(tables, name), root)
        merged = with_root(merged, name, schema, root)
        contested += [row_conflict(name, entry) for entry in entries]
    sides = {"base": after, "ours": tables, "theirs": undone}
    merged, contested = settle_tracks(session, sides, merged, contested)
    conflicts |= {(conflict["table"], conflict["name"]): conflict for conflict in contested}
    return set_rows(session, merged, contested, "ours")


def _take_older(
    store: Store, session: Session, sides: dict[str, Tables], rows: dict[str, list[str]], conflicts: Conflicts
) -> None:
    """Where an older change of a contested row is taken back too, their side is how the row was before both."""
    before = sides["theirs"]
    for name, keys in rows.items():
        known = [key for key in keys if (name, key) in conflicts]
        if not known:
            continue
        schema = schema_of(name, before, sides["base"])
        for key, row in zip(known, store.get_rows((schema, root_of(before, name)), known), strict=True):
            value = session.row_value(root_of(before, name), key)
            conflict = conflicts[name, key]
            conflict["theirs"] = None if row is None else stored_side({"value": value, "row": row})
            if name == "annotations" and row is None:
                note_keyframes(session, conflict, sides)
                for other in [
                    other for other in conflicts if other[0] == "keyframes" and annotation_of(other[1]) == key
                ]:
                    del conflicts[other]


def _is_contested(conflicts: Conflicts, name: str, key: str) -> bool:
    """Whether a conflict is about a row, or about the annotation whose keyframes it decides."""
    track = conflicts.get(("annotations", annotation_of(key))) if name == "keyframes" else None
    return (name, key) in conflicts or (track is not None and "keyframes" in track)
