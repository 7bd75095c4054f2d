"""Undo and redo: a new operation with an older view. Operations that moved files bring the files back too.

Every operation has a *position*: a new change stands at its own number, undo and redo at that of the operation whose
view they restore. Undo goes to the position before the current one and remembers, in ``redo``, where it came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from oxide import clock
from oxide.errors import NotFound, NothingToDo, RefMoved
from oxide.transactions import copy_view, finish_interrupted, move_files, publish, shelved_by
from oxide.types import CheckoutResult, OperationEntry, Person, Progress
from oxide.workspace import State, read_state

if TYPE_CHECKING:
    from oxide._core import Record, Session
    from oxide.repository import Repository


def undo(
    repository: Repository, *, force: bool, progress: Progress | None
) -> tuple[OperationEntry, CheckoutResult | None]:
    """Go back before the latest change. Returns the operation that was undone."""
    store = repository.store
    # The session comes first: it keeps the collector from what is about to be brought back.
    with store.begin() as session, repository.working_copy.lock():
        state = read_state(store)
        finish_interrupted(repository, state)
        position = state.operation["position"]
        if position <= store.oldest_operation():
            raise NothingToDo(
                "there is nothing to undo: this is the oldest operation that is kept", hint="see `oxide operations`"
            )
        # The operation before has the view to go back to, be it that it is itself an undo or a redo.
        undone, previous = store.operation(position), store.operation(position - 1)
        redo_line = [position, *state.operation["redo"]]
        files = _restore_view(repository, session, state, "undo", undone, previous, redo_line, force, progress)
    return entry(undone, None), files


def redo(
    repository: Repository, *, force: bool, progress: Progress | None
) -> tuple[OperationEntry, CheckoutResult | None]:
    """Do again what was undone last. Returns that operation."""
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = read_state(store)
        finish_interrupted(repository, state)
        line = state.operation["redo"]
        if not line:
            raise NothingToDo("there is nothing to redo", hint="redo works right after `oxide undo`")
        if line[0] < store.oldest_operation():
            raise NothingToDo(
                "what was undone is not kept any more, so it cannot be done again", hint="see `oxide operations`"
            )
        again = store.operation(line[0])
        files = _restore_view(repository, session, state, "redo", again, again, line[1:], force, progress)
    return entry(again, None), files


def _restore_view(
    repository: Repository,
    session: Session,
    state: State,
    kind: str,
    subject: Record,
    target: Record,
    redo_line: Sequence[int],
    force: bool,
    progress: Progress | None,
) -> CheckoutResult | None:
    store = repository.store
    past = State(target["number"], target, store.read_record("view", target["view"]))
    # What a stash shelved was on disk and perhaps not staged: undoing brings the disk to what was shelved.
    after = _files_after(repository, state, past, kind, subject)

    def change(view: Record) -> None:
        if view != state.view:  # the older view would also take back what another process did meanwhile
            raise RefMoved(
                f"another process changed the repository meanwhile; nothing was changed by this {kind}",
                hint="see `oxide operations`, then run the same command again",
            )
        remotes = view["remotes"]
        view.clear()
        view.update(copy_view(past.view))
        view["remotes"] = remotes

    description = f"{kind} {subject['kind']} ({subject['number']})"
    position = target["position"]
    if not subject["moves_files"]:
        publish(repository, session, kind, description, change, position=position, redo=redo_line)
        return None
    return move_files(
        repository,
        session,
        kind,
        description,
        change,
        before=state.pending["files"][1],
        after=after,
        force=force,
        position=position,
        redo=redo_line,
        progress=progress,
    )[1]


def _files_after(repository: Repository, state: State, past: State, kind: str, subject: Record) -> str:
    shelved = shelved_by(repository.store, subject, state.view, past.view) if kind == "undo" else None
    return shelved or past.pending["files"][1]


def operations(repository: Repository, limit: int | None) -> Iterator[OperationEntry]:
    """The operation chain, newest first."""
    store = repository.store
    state = read_state(store)
    lowest = store.oldest_operation()
    if limit is not None:
        lowest = max(lowest, state.number - limit + 1)
    for number in range(state.number, lowest - 1, -1):
        try:
            operation = store.operation(number)
        except NotFound:
            return  # forgotten by a collector meanwhile, and with it all that came before
        yield entry(operation, state.operation["position"])


def entry(operation: Record, position: int | None) -> OperationEntry:
    """An operation record as callers see it."""
    return OperationEntry(
        operation["number"],
        operation.get("id", ""),
        operation["kind"],
        operation["description"],
        clock.to_datetime(operation["time"]),
        Person(operation["author"]["name"], operation["author"]["email"]),
        operation["number"] == position,
    )
