"""Merge, revert, cherry-pick and stash pop: one three-way merge into the workspace. Conflicts live only there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from oxide import _core, clock
from oxide.errors import InConflict, InvalidInput, NotFound, NothingToDo, WouldOverwrite
from oxide.history import is_ancestor, merge_bases
from oxide.labels import following
from oxide.labels.deciding import set_rows
from oxide.labels.settling import set_file_rows, with_item_row
from oxide.moving import merge_states
from oxide.revisions import resolve
from oxide.transactions import expect_workspace, finish_interrupted, move_files
from oxide.types import CheckoutResult, Conflict, MergeResult, Progress, Skipped
from oxide.wording import count
from oxide.workspace import (
    WORKSPACE,
    State,
    Tables,
    base_tables,
    empty_tables,
    from_tables,
    head_commit,
    new_workspace,
    read_commit,
    read_conflicts,
    read_state,
    tables_of,
    to_conflict,
)

if TYPE_CHECKING:
    from oxide._core import Record, Session
    from oxide.repository import Repository


def merge(
    repository: Repository, revision: str, *, no_ff: bool, message: str | None, progress: Progress | None
) -> MergeResult:
    """Merge another revision into the current branch."""
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = ready_to_merge(repository, "merge")
        ours, theirs = head_commit(state), resolve(store, state, revision)
        if is_ancestor(store, theirs, ours):
            return MergeResult("up-to-date", None, [], None)
        if not no_ff and is_ancestor(store, ours, theirs):
            return _fast_forward(repository, session, state, theirs, revision, progress)
        base = _common_base(repository, session, ours, theirs)
        return apply_merge(
            repository,
            session,
            state,
            base=base,
            theirs=tables_of(store, theirs),
            heads=[theirs],
            kind="merge",
            message=message or f"Merge {revision} into {state.branch or ours[:16]}",
            progress=progress,
        )


def ready_to_merge(repository: Repository, verb: str) -> State:
    """The state, which must have no merge under way and nothing staged. Rolls an interrupted checkout forward."""
    state = read_state(repository.store)
    finish_interrupted(repository, state)
    head_commit(state)
    if state.workspace["merging"] or state.workspace["conflicts"]:
        raise InConflict(
            "a merge is under way", hint="conclude it with `oxide commit`, or give it up with `oxide merge --abort`"
        )
    base = base_tables(repository.store, state)
    if state.pending != base:
        changes = repository.store.diff_files(base["files"][1], state.pending["files"][1])
        paths = sorted(
            {*changes["added"], *changes["modified"], *changes["removed"], *(new for _, new in changes["renamed"])}
        )
        raise WouldOverwrite(
            f"{verb} needs a workspace without staged changes",
            hint="commit them, or shelve them with `oxide stash`",
            paths=paths,
        )
    return state


def _fast_forward(
    repository: Repository, session: Session, state: State, commit: str, revision: str, progress: Progress | None
) -> MergeResult:
    tables = tables_of(repository.store, commit)

    def change(view: Record) -> None:
        expect_workspace(view, state)
        if state.branch is not None:
            view["branches"][state.branch] = commit
        view["workspaces"][WORKSPACE] = new_workspace(state.branch, commit, tables)

    _, files = move_files(
        repository,
        session,
        "merge",
        f"merge {revision} (fast-forward)",
        change,
        before=state.pending["files"][1],
        after=tables["files"][1],
        progress=progress,
    )
    return MergeResult("fast-forward", read_commit(repository.store, commit), [], files)


def _common_base(repository: Repository, session: Session, ours: str, theirs: str) -> Tables:
    """The state to merge against. Several bases (criss-cross) are merged into one, as git's recursive strategy does."""
    store = repository.store
    bases = merge_bases(store, ours, theirs)
    if not bases:
        return empty_tables()
    tables = tables_of(store, bases[0])
    for previous, other in pairwise(bases):
        tables, _ = merge_states(
            session, _common_base(repository, session, previous, other), tables, tables_of(store, other)
        )
    return tables


def apply_merge(
    repository: Repository,
    session: Session,
    state: State,
    *,
    base: Tables,
    theirs: Tables,
    heads: list[str],
    kind: str,
    message: str,
    author: Record | None = None,
    progress: Progress | None = None,
) -> MergeResult:
    """Merge into the workspace: a commit when everything could be decided, else the workspace with its conflicts."""
    merged, conflicts = merge_states(session, base, state.pending, theirs)
    return conclude(
        repository,
        session,
        state,
        merged,
        conflicts,
        heads=heads,
        kind=kind,
        message=message,
        author=author,
        progress=progress,
    )


def conclude(
    repository: Repository,
    session: Session,
    state: State,
    merged: Tables,
    conflicts: list[Record],
    *,
    heads: list[str],
    kind: str,
    message: str,
    author: Record | None = None,
    progress: Progress | None = None,
) -> MergeResult:
    """A commit of what was merged, or the workspace with its conflicts."""
    if conflicts:
        return enter_conflicts(
            repository,
            session,
            state,
            merged,
            conflicts,
            {"heads": heads, "message": message, **({"author": author} if author else {})},
            kind=kind,
            progress=progress,
        )
    if not heads and merged == state.pending:
        raise NothingToDo(f"{kind} changes nothing: the branch already is so", hint="see `oxide log`")
    made: list[str] = []

    def change(view: Record) -> None:
        expect_workspace(view, state)
        made.append(_write_commit(repository, session, state, merged, heads, message, author))
        if state.branch is not None:
            view["branches"][state.branch] = made[-1]
        view["workspaces"][WORKSPACE] = new_workspace(state.branch, made[-1], merged)

    _, files = move_files(
        repository,
        session,
        kind,
        message.splitlines()[0],
        change,
        before=state.pending["files"][1],
        after=merged["files"][1],
        progress=progress,
    )
    return MergeResult("merged", read_commit(repository.store, made[-1]), [], files)


def _write_commit(
    repository: Repository,
    session: Session,
    state: State,
    tables: Tables,
    heads: list[str],
    message: str,
    author: Record | None,
) -> str:
    parents = [head_commit(state), *heads]
    committer = repository.settings.author()._asdict()
    generation = 1 + max(repository.store.read_record("commit", parent)["generation"] for parent in parents)
    return session.write_record(
        "commit",
        {
            "author": author or committer,
            "committer": committer,
            "generation": generation,
            "message": message,
            "parents": parents,
            "tables": from_tables(tables),
            "time": clock.now(),
            "zone": clock.zone(),
        },
    )


def enter_conflicts(
    repository: Repository,
    session: Session,
    state: State,
    merged: Tables,
    conflicts: list[Record],
    merging: Record | None,
    *,
    kind: str,
    progress: Progress | None,
) -> MergeResult:
    """Leave the workspace with what could be merged, our version of what is contested, and the list of conflicts."""
    tables, conflicts = _with_our_side(repository, session, merged, conflicts)

    def change(view: Record) -> None:
        workspace = expect_workspace(view, state)
        workspace["pending"] = from_tables(tables)
        workspace["merging"] = merging
        workspace["conflicts"] = session.write_record("list", {"items": conflicts})

    description = f"{kind} with {count(len(conflicts), 'conflict')}"
    _, files = move_files(
        repository,
        session,
        kind,
        description,
        change,
        before=state.pending["files"][1],
        after=tables["files"][1],
        progress=progress,
    )
    return MergeResult("conflicts", None, [to_conflict(conflict) for conflict in conflicts], files)


def _with_our_side(
    repository: Repository, session: Session, merged: Tables, conflicts: list[Record]
) -> tuple[Tables, list[Record]]:
    """The merged tables (base's rows in undecided places) with our rows in those places.

    Our row may need a path that their side gave to another file: that file joins the conflicts.
    """
    store = session
    removes: list[str] = []
    upserts: list[Record] = []
    extra: list[Record] = []
    known = {row["item_id"] for conflict in conflicts if conflict["table"] == "files" for row in _rows(conflict)}
    for conflict in (conflict for conflict in conflicts if conflict["table"] == "files"):
        if conflict["base"] is not None:
            removes.append(conflict["base"]["path"])
        if conflict["ours"] is not None:
            upserts.append(conflict["ours"])
            occupant = store.file_row(merged["files"][1], conflict["ours"]["path"])
            if occupant is not None and occupant["item_id"] not in known:
                joined: Record = {
                    "table": "files",
                    "name": occupant["path"],
                    "reason": "added",
                    "fields": [],
                    "base": None,
                    "ours": None,
                    "theirs": with_item_row(session, merged, occupant),
                }
                following.note_rows(session, joined, {"theirs": merged})
                extra.append(joined)
    tables = following.drop(session, merged, set_file_rows(session, merged, removes, upserts))
    tables = following.take_rows(session, tables, [*conflicts, *extra], "ours")
    tables = set_rows(session, tables, conflicts, "ours")
    conflicts = following.with_paths(session, tables, conflicts)
    return tables, sorted([*conflicts, *extra], key=lambda conflict: (conflict["table"], conflict["name"]))


def _rows(conflict: Record) -> list[Record]:
    return [conflict[side] for side in ("base", "ours", "theirs") if conflict[side] is not None]


def list_conflicts(repository: Repository) -> list[Conflict]:
    """What is left to decide."""
    state = read_state(repository.store)
    return [to_conflict(conflict) for conflict in read_conflicts(repository.store, state.workspace)]


def resolve_conflicts(
    repository: Repository,
    names: Sequence[str],
    side: str,
    *,
    force: bool,
    skipped: list[Skipped] | None,
    progress: Progress | None,
) -> list[Conflict]:
    """Decide conflicts by taking one side where both changed the same. A folder names every conflict below it."""
    if side not in ("ours", "theirs", "base"):
        raise InvalidInput(f"'{side}' is no side of a conflict", hint="use ours, theirs or base")
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = read_state(store)
        finish_interrupted(repository, state)
        conflicts = read_conflicts(store, state.workspace)
        chosen = _choose(conflicts, names)
        tables = _take_side(session, state.pending, chosen, side)
        left = following.without_strays(session, tables, [conflict for conflict in conflicts if conflict not in chosen])

        def change(view: Record) -> None:
            workspace = expect_workspace(view, state)
            workspace["pending"] = from_tables(tables)
            workspace["conflicts"] = session.write_record("list", {"items": left}) if left else None

        _, moved = move_files(
            repository,
            session,
            "resolve",
            f"resolve {len(chosen)} as {side}",
            change,
            before=state.pending["files"][1],
            after=tables["files"][1],
            force=force,
            progress=progress,
        )
        if skipped is not None:
            skipped += moved.failed
    return [to_conflict(conflict) for conflict in left]


def _choose(conflicts: list[Record], names: Sequence[str]) -> list[Record]:
    if not conflicts:
        raise NothingToDo("there is no conflict to resolve", hint="see `oxide status`")
    chosen = []
    for name in names:
        found = [conflict for conflict in conflicts if not name or _is_named(conflict, name)]
        if not found:
            raise NotFound(f"'{name}' is not in conflict", hint="see `oxide conflicts`", path=name)
        chosen += [conflict for conflict in found if conflict not in chosen]
    return chosen


def _is_named(conflict: Record, name: str) -> bool:
    """By the path of its file, a folder above that, its key, or the annotation that the key names."""
    known: str = conflict["name"]
    path = known if conflict["table"] == "files" else conflict.get("path")
    if path is not None and (path == name or path.startswith(f"{name}/")):
        return True
    if conflict["table"] == "files":
        return False
    named = following.ITEM_DIGITS
    return known == name or (len(name) == named and known[named : 2 * named] == name)


def _take_side(session: Session, pending: Tables, chosen: list[Record], side: str) -> Tables:
    files = [conflict for conflict in chosen if conflict["table"] == "files"]
    removes = [conflict["ours"]["path"] for conflict in files if conflict["ours"] is not None]
    removes += _places(session, pending, files)
    upserts = [conflict[side] for conflict in files if conflict[side] is not None]
    upserts = list({row["path"]: row for row in upserts}.values())
    tables = following.drop(session, pending, set_file_rows(session, pending, removes, upserts))
    tables = following.take_rows(session, tables, files, side)
    return set_rows(session, tables, chosen, side)


def _places(session: Session, tables: Tables, conflicts: list[Record]) -> list[str]:
    """Where the items of conflicts are by now: a file may have been renamed since, and is on one path only."""
    items = sorted({row["item_id"] for conflict in conflicts for row in _rows(conflict)})
    found = _core.files_of(session, tables["files"][1], items) if items else []
    return [row["path"] for row in found if row is not None]


def abort(repository: Repository, *, force: bool, progress: Progress | None) -> CheckoutResult:
    """Give up a merge: the workspace as it was before."""
    with repository.store.begin() as session, repository.working_copy.lock():
        state = read_state(repository.store)
        finish_interrupted(repository, state)
        if not state.workspace["merging"] and not state.workspace["conflicts"]:
            raise NothingToDo("no merge is under way", hint="see `oxide status`")
        tables = base_tables(repository.store, state)
        touched = _touched_paths(repository, state, tables)

        def change(view: Record) -> None:
            expect_workspace(view, state)
            view["workspaces"][WORKSPACE] = new_workspace(state.branch, state.base, tables)

        return move_files(
            repository,
            session,
            "merge",
            "merge --abort",
            change,
            before=state.pending["files"][1],
            after=tables["files"][1],
            force=force,
            paths=touched,
            repair=bool(touched),
            progress=progress,
        )[1]


def _touched_paths(repository: Repository, state: State, base: Tables) -> list[str]:
    """Paths that a merge under way may have changed, by itself or by what its user did to the conflicts."""
    changes = repository.store.diff_files(base["files"][1], state.pending["files"][1])
    renamed = {path for pair in changes["renamed"] for path in pair}
    conflicts = {
        entry["name"] for entry in read_conflicts(repository.store, state.workspace) if entry["table"] == "files"
    }
    return sorted({*changes["added"], *changes["modified"], *changes["removed"], *renamed, *conflicts})


def revert(repository: Repository, revision: str, *, progress: Progress | None) -> MergeResult:
    """A new commit that takes back what another one did."""
    return _replay(repository, revision, "revert", progress)


def cherry_pick(repository: Repository, revision: str, *, progress: Progress | None) -> MergeResult:
    """A new commit that does here what another one did there; the author stays."""
    return _replay(repository, revision, "cherry-pick", progress)


def _replay(repository: Repository, revision: str, kind: str, progress: Progress | None) -> MergeResult:
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = ready_to_merge(repository, kind)
        commit = read_commit(store, resolve(store, state, revision))
        if len(commit.parents) > 1:
            raise InvalidInput(
                f"{commit.id[:16]} is a merge, so what it did is not one change",
                hint=f"{kind} the commits of the merged branch instead",
            )
        parent = tables_of(store, commit.parents[0] if commit.parents else None)
        if kind == "revert":
            base, theirs, author = commit.tables, parent, None
            message = f'Revert "{commit.summary}"\n\nThis takes back commit {commit.id}.'
        else:
            base, theirs, author, message = parent, commit.tables, commit.author._asdict(), commit.message
        return apply_merge(
            repository,
            session,
            state,
            base=base,
            theirs=theirs,
            heads=[],
            kind=kind,
            message=message,
            author=author,
            progress=progress,
        )
