"""Publishing: a verb's change to the view becomes the next operation, or is applied again on what another process made.

Order on disk: packs with all new objects, then the operation's name. See ``docs/durability.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from oxide import clock
from oxide.errors import (
    FileSystemError,
    IntegrityError,
    InterruptedAtTheEnd,
    NotFound,
    RefMoved,
    UnknownRevision,
    WouldOverwrite,
)
from oxide.types import CheckoutResult, Progress, Skipped
from oxide.wording import count
from oxide.workspace import WORKSPACE, State, read_state, tables_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oxide._core import CheckoutPlan, Record, Session, Staged, Store
    from oxide.repository import Repository

Change = Callable[["Record"], None]
"""Changes a view in place. Called again with a fresh view when another process published first."""


def copy_view(view: Record) -> Record:
    """A deep copy: views are JSON."""

    def copied(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: copied(part) for key, part in value.items()}
        if isinstance(value, list):
            return [copied(part) for part in value]
        return value

    copy: Record = copied(view)
    return copy


def publish(
    repository: Repository,
    session: Session,
    kind: str,
    description: str,
    change: Change,
    *,
    moves_files: bool = False,
    position: int | None = None,
    redo: Sequence[int] = (),
    staged: Staged | None = None,
) -> State:
    """Publish one operation whose view is the newest one after ``change``. Returns the state that it made.

    ``moves_files``: the operation also changes working files, so undo brings them back and a crash is rolled forward.
    ``position``, ``redo``: where the operation stands in the line of undo; a new change stands at its own number.
    ``staged``: what ``change`` applied, so that the stat index learns how those files look.
    """
    store = repository.store
    while True:
        before = read_state(store)
        view = copy_view(before.view)
        change(view)
        _refuse_what_is_going(repository, session, before, view)
        if view["frozen"] and kind not in ("undo", "redo"):
            _refuse_what_is_held_out(repository, session, before, view)
        number = before.number + 1
        session.write_builtin_schemas()  # a repository of an earlier version has others
        operation: Record = {
            "kind": kind,
            "description": description,
            "view": session.write_record("view", view),
            "time": clock.now(),
            "author": repository.settings.author()._asdict(),
            "moves_files": moves_files,
            "position": number if position is None else position,
            "redo": list(redo),
        }
        session.flush()
        if store.publish(number, operation):
            after = State(number, {**operation, "number": number}, view)
            if not moves_files:
                _keep_up(repository, before, after, staged)
            store.tidy()
            return after


def _refuse_what_is_going(repository: Repository, session: Session, before: State, view: Record) -> None:
    """Refuse to name a commit that nothing reaches while a collector may be removing what it needs.

    Such a commit can only have been found by its id. Everything else that a view comes to name was made by the session,
    or is reached from the newest view or from one that undo can go back to, and stays for that.
    """
    if not session.is_beside_tombstones():
        return
    new = {commit for commit in _commits(view) - _commits(before.view) if not session.has_made(commit)}
    if not new:
        return
    from oxide.history import walk

    store = repository.store
    reached: set[str] = set()
    for heads in _heads_newest_first(store, before):
        for commit in walk(store, sorted(heads - reached)):
            reached.add(commit.id)
            new.discard(commit.id)
            if not new:
                return
    raise UnknownRevision(
        f"nothing reaches the commit {min(new)[:16]} any more, and what it needs is being collected",
        hint="see `oxide log` and `oxide operations` for what is kept",
    )


def _refuse_what_is_held_out(repository: Repository, session: Session, before: State, view: Record) -> None:
    """Refuse to move a branch to a commit, or to make one, in which something uses the files of a frozen split.

    A name for a commit that there is brings nothing new.
    """
    from oxide.splits.freezing import refuse

    store, old = repository.store, before.view["branches"]
    steps = {(old[name], head) for name, head in view["branches"].items() if old.get(name) not in (None, head)}
    named = {*view["branches"].values(), *(workspace["base"] for workspace in view["workspaces"].values())}
    made = [each for each in named - {new for _, new in steps} if each is not None and session.has_made(each)]
    if steps or made:
        session.flush()  # what changed is read through the store
    for commit in made:
        parents = store.read_record("commit", commit)["parents"]
        steps.add((parents[0] if parents else None, commit))
    for base, commit in steps:
        refuse(store, view, tables_of(store, base), tables_of(store, commit))


def _heads_newest_first(store: Store, state: State) -> Iterator[set[str]]:
    """The commits that the view names, then those that each older view names, as far back as operations are kept."""
    yield _commits(state.view)
    for number in range(state.number - 1, 0, -1):
        try:
            view = store.operation(number)["view"]
        except NotFound:
            return
        yield _commits(store.read_record("view", view))


def _commits(view: Record) -> set[str]:
    """Every commit that a view names."""
    named: set[str | None] = {*view["branches"].values()}
    named |= {tag["commit"] for tag in view["tags"].values()} | {stash["commit"] for stash in view["stashes"]}
    for branches in view["remotes"].values():
        named |= {*branches.values()}
    for workspace in view["workspaces"].values():
        named |= {workspace["base"], *(workspace["merging"] or {"heads": []})["heads"]}
    return {commit for commit in named if commit is not None}


def _keep_up(repository: Repository, before: State, after: State, staged: Staged | None) -> None:
    """Move the stat index to the new operation, unless a checkout is still under way below it."""
    remembered = repository.working_copy.remembered()
    current = staged is not None if remembered is None else remembered[0] == before.number
    if current:
        repository.working_copy.remember(after.number, after.pending["files"][1], staged)


def expect_workspace(view: Record, planned: State) -> Record:
    """The view's workspace, which must still be the one that a verb planned with."""
    workspace: Record = view["workspaces"][WORKSPACE]
    if workspace != planned.workspace:
        raise RefMoved(
            "another process changed this workspace meanwhile; nothing was changed here",
            hint="run the same command again",
        )
    return workspace


def move_files(
    repository: Repository,
    session: Session,
    kind: str,
    description: str,
    change: Change,
    *,
    before: str,
    after: str,
    force: bool = False,
    paths: Sequence[str] = (),
    repair: bool = False,
    position: int | None = None,
    redo: Sequence[int] = (),
    progress: Progress | None = None,
) -> tuple[State, CheckoutResult]:
    """Publish an operation and bring the working files from table ``before`` to ``after``.

    The caller holds the working copy's lock. What can fail for want of space or because of unsaved work fails before
    anything is changed. Raises :class:`WouldOverwrite` with the list of paths.
    """
    session.flush()  # the plan reads tables through the store
    plan = plan_files(
        repository, kind, before=before, after=after, paths=paths, repair=repair, force=force, progress=progress
    )
    plan.prepare(progress)
    if repository.working_copy.remembered() is None:
        # What dies half way is finished from what was remembered.
        repository.working_copy.remember(read_state(repository.store).number, before, None)
    state = publish(repository, session, kind, description, change, moves_files=True, position=position, redo=redo)
    # What is staged nowhere could not be brought back by hand.
    insist = after != state.pending["files"][1]
    try:
        failed = plan.apply(state.number, after, progress, insist=insist)
    except KeyboardInterrupt:
        remembered = repository.working_copy.remembered()  # written last
        if remembered is None or remembered[0] < state.number:
            raise
        raise InterruptedAtTheEnd(f"interrupted, but the {kind} was finished", hint="see `oxide status`") from None
    return state, checkout_result(state, plan, failed)


def plan_files(
    repository: Repository,
    verb: str,
    *,
    before: str,
    after: str,
    force: bool = False,
    paths: Sequence[str] = (),
    repair: bool = False,
    progress: Progress | None = None,
) -> CheckoutPlan:
    """What brings the working files from one table to another. Raises :class:`WouldOverwrite`; nothing is changed."""
    plan = repository.working_copy.plan(before, after, paths=paths, repair=repair, force=force, progress=progress)
    if plan.blocked:
        raise WouldOverwrite(
            f"{verb} would overwrite changes that are stored nowhere in {count(len(plan.blocked), 'file')}",
            hint="commit them, shelve them with `oxide stash`, move them away, or give them up with --force",
            paths=plan.blocked,
        )
    return plan


def checkout_result(state: State, plan: CheckoutPlan, failed: list[Record]) -> CheckoutResult:
    """What a finished plan did."""
    skipped = [Skipped(entry["path"], entry["reason"]) for entry in failed]
    return CheckoutResult(state.branch, state.base, plan.writes, plan.removes, skipped)


def finish_interrupted(repository: Repository, state: State) -> None:
    """Bring the working files up to the newest operation when a crash came between publishing and moving them.

    The caller holds the working copy's lock. Raises :class:`FileSystemError` when a file cannot be changed; then the
    next verb tries again.
    """
    working_copy, store = repository.working_copy, repository.store
    remembered = working_copy.remembered()
    if remembered is None or remembered[0] >= state.number:
        return
    first = max(remembered[0] + 1, store.oldest_operation())
    missed = [store.operation(number) for number in range(first, state.number + 1)]
    moving = [operation for operation in missed if operation["moves_files"]]
    if not moving and first == remembered[0] + 1:
        working_copy.remember(state.number, state.pending["files"][1])
        return
    # Of what the collector has forgotten nothing is known: the newest operation says how the files shall be.
    after = files_after(store, (moving or missed)[-1])
    shelved = [pushed for operation in moving if (pushed := _shelved_when(store, operation)) is not None]
    try:
        failed = working_copy.resume(shelved[-1] if shelved else remembered[1], after, state.number)
    except IntegrityError:
        if first == remembered[0] + 1:
            raise
        # A power cut took away what was remembered since, and the collector the table from before: compare anew.
        working_copy.remember(state.number, state.pending["files"][1])
        return
    if failed:
        raise FileSystemError(
            f"an interrupted command could not be finished: '{failed[0]['path']}': {failed[0]['reason']}"
            + (f", and {count(len(failed) - 1, 'more file')}" if len(failed) > 1 else ""),
            hint="remove what is in the way, then run the same command again",
            path=failed[0]["path"],
        )


def files_after(store: Store, operation: Record) -> str:
    """The root of the files that an operation left on disk: the staged ones, but for an undone stash those that it had
    shelved, which were on disk and perhaps not staged."""
    view, before = _views(store, operation)
    oldest = store.oldest_operation()
    if before is not None and operation["kind"] == "undo" and operation["redo"][0] >= oldest:
        shelved = shelved_by(store, store.operation(operation["redo"][0]), before, view)
        if shelved is not None:
            return shelved
    files: str = view["workspaces"][WORKSPACE]["pending"]["files"]["root"]
    return files


def _shelved_when(store: Store, operation: Record) -> str | None:
    """The root of the files that were on disk when an operation shelved them; ``None`` when it did not."""
    view, before = _views(store, operation)
    return None if before is None else shelved_by(store, operation, view, before)


def _views(store: Store, operation: Record) -> tuple[Record, Record | None]:
    """The view of an operation, and that of the one before where it is kept."""
    number = operation["number"]
    before = store.operation(number - 1) if number > store.oldest_operation() else None
    return store.read_record("view", operation["view"]), before and store.read_record("view", before["view"])


def shelved_by(store: Store, pushed: Record, view: Record, past: Record) -> str | None:
    """The root of the files that ``pushed`` shelved when it is a push of a stash; ``view`` has it, ``past`` has not."""
    if pushed["kind"] != "stash" or len(past["stashes"]) >= len(view["stashes"]):
        return None
    tables: Record = store.read_record("commit", view["stashes"][0]["commit"])["tables"]
    root: str = tables["files"]["root"]
    return root


def is_behind(repository: Repository, state: State) -> bool:
    """Whether the working files may not have been brought up to the newest operation."""
    remembered = repository.working_copy.remembered()
    return remembered is not None and remembered[0] < state.number


def finish_before_reading(repository: Repository) -> State:
    """:func:`finish_interrupted` for verbs that take up what is on disk: a checkout that is under way is waited for.

    Returns the state afterwards.
    """
    state = read_state(repository.store)
    if is_behind(repository, state):
        with repository.working_copy.lock():
            state = read_state(repository.store)
            finish_interrupted(repository, state)
    return state


def finish_if_free(repository: Repository, state: State) -> None:
    """:func:`finish_interrupted` for verbs that change no file: without waiting, nor where nothing may be written."""
    if not is_behind(repository, state):
        return
    with suppress(FileSystemError):
        lock = repository.working_copy.try_lock()
        if lock is not None:
            with lock:
                finish_interrupted(repository, read_state(repository.store))
