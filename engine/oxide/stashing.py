"""Stash: what is staged and modified, shelved as a commit that only the view's stash list names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oxide import clock
from oxide.errors import InConflict, NotFound, NothingToDo
from oxide.merging import enter_conflicts
from oxide.moving import keep_our_items, merge_states
from oxide.staging import stage, with_staged
from oxide.transactions import expect_workspace, finish_interrupted, move_files, publish
from oxide.types import MergeResult, Progress, Skipped, StashEntry
from oxide.workspace import (
    State,
    base_tables,
    from_tables,
    head_commit,
    read_commit,
    read_state,
    tables_of,
)

if TYPE_CHECKING:
    from oxide._core import Record
    from oxide.repository import Repository


def push(
    repository: Repository, message: str | None, *, skipped: list[Skipped] | None, progress: Progress | None
) -> StashEntry:
    """Shelve staged changes and changes of tracked files; the workspace is as its commit again."""
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = read_state(store)
        finish_interrupted(repository, state)
        base_id = head_commit(state)
        if state.workspace["merging"] or state.workspace["conflicts"]:
            raise InConflict(
                "a merge is under way, which cannot be shelved",
                hint="conclude it with `oxide commit`, or `oxide merge --abort`",
            )
        base = base_tables(store, state)
        staged = stage(repository, session, state, [""], tracked_only=True, progress=progress)
        shelved = with_staged(session, staged, base, state.pending)
        if shelved == base:
            raise NothingToDo(
                "nothing to stash: no tracked file differs from the last commit",
                hint="untracked files stay where they are",
            )
        author = repository.settings.author()._asdict()
        text = message or f"WIP on {state.branch or 'no branch'}: {read_commit(store, base_id).summary}"
        now = clock.now()
        commit = session.write_record(
            "commit",
            {
                "author": author,
                "committer": author,
                "generation": read_commit(store, base_id).generation + 1,
                "message": text,
                "parents": [base_id],
                "tables": from_tables(shelved),
                "time": now,
                "zone": clock.zone(),
            },
        )
        entry = {"commit": commit, "message": text, "branch": state.branch, "time": now}

        def change(view: Record) -> None:
            expect_workspace(view, state)["pending"] = from_tables(base)
            view["stashes"].insert(0, entry)

        _, moved = move_files(
            repository,
            session,
            "stash",
            f"stash: {text.splitlines()[0]}",
            change,
            before=shelved["files"][1],
            after=base["files"][1],
            progress=progress,
        )
        if skipped is not None:
            skipped += moved.failed
    return _entry(0, entry)


def pop(repository: Repository, index: int, *, progress: Progress | None) -> MergeResult:
    """Merge a shelved state into the workspace, staged. The entry goes unless there are conflicts."""
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = read_state(store)
        finish_interrupted(repository, state)
        if state.workspace["merging"] or state.workspace["conflicts"]:
            raise InConflict("a merge is under way", hint="conclude it with `oxide commit`, or `oxide merge --abort`")
        entry = _find(state, index)
        shelved = read_commit(store, entry["commit"])
        base = tables_of(store, shelved.parents[0])
        merged, conflicts = merge_states(session, base, state.pending, shelved.tables)
        merged = keep_our_items(repository, session, base, state.pending, shelved.tables, merged)
        if conflicts:
            return enter_conflicts(
                repository, session, state, merged, conflicts, None, kind="stash pop", progress=progress
            )

        def change(view: Record) -> None:
            expect_workspace(view, state)["pending"] = from_tables(merged)
            view["stashes"].remove(entry)

        _, files = move_files(
            repository,
            session,
            "stash",
            f"stash pop: {shelved.summary}",
            change,
            before=state.pending["files"][1],
            after=merged["files"][1],
            progress=progress,
        )
    return MergeResult("merged", None, [], files)


def entries(repository: Repository) -> list[StashEntry]:
    """What is shelved, newest first."""
    stashes = read_state(repository.store).view["stashes"]
    return [_entry(index, entry) for index, entry in enumerate(stashes)]


def drop(repository: Repository, index: int) -> StashEntry:
    """Forget a shelved state. ``undo`` brings it back."""
    with repository.store.begin() as session:
        entry = _find(read_state(repository.store), index)

        def change(view: Record) -> None:
            view["stashes"].remove(entry)

        publish(repository, session, "stash", f"stash drop: {entry['message'].splitlines()[0]}", change)
    return _entry(index, entry)


def _find(state: State, index: int) -> Record:
    stashes: list[Record] = state.view["stashes"]
    if not stashes:
        raise NothingToDo("nothing is stashed", hint="shelve changes with `oxide stash`")
    if not 0 <= index < len(stashes):
        raise NotFound(f"there is no stash@{{{index}}}: {len(stashes)} are kept", hint="see `oxide stash list`")
    return stashes[index]


def _entry(index: int, entry: Record) -> StashEntry:
    return StashEntry(index, entry["commit"], entry["branch"], entry["message"], clock.to_datetime(entry["time"]))
