"""Verbs that move the working copy without a commit: checkout, switch, restore; and what they share with merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oxide.errors import AlreadyExists, InConflict, InvalidInput, NotFound, UnknownRevision, WouldOverwrite
from oxide.labels import following
from oxide.labels.schemas import SCHEMAS
from oxide.labels.settling import settle_items, with_item_row
from oxide.labels.settling_tracks import settle_tracks
from oxide.naming import refuse_name_of_tag
from oxide.revisions import check_name, resolve
from oxide.staging import drop_conflicts
from oxide.transactions import (
    checkout_result,
    copy_view,
    expect_workspace,
    finish_interrupted,
    move_files,
    plan_files,
    publish,
)
from oxide.types import CheckoutResult, Progress
from oxide.wording import count
from oxide.workspace import (
    WORKSPACE,
    State,
    Tables,
    base_tables,
    empty_tables,
    file_roots,
    from_tables,
    new_workspace,
    read_state,
    tables_of,
    with_file_roots,
)

if TYPE_CHECKING:
    from oxide._core import Record, Session
    from oxide.repository import Repository


def checkout(
    repository: Repository,
    target: str,
    *,
    create: bool,
    force: bool,
    branch_only: bool,
    dry_run: bool,
    progress: Progress | None,
) -> CheckoutResult:
    """Stand on another branch or commit. Staged changes come along where they touch nothing that differs."""
    with repository.store.begin() as session, repository.working_copy.lock():
        state = read_state(repository.store)
        finish_interrupted(repository, state)
        if create:
            return _checkout_new_branch(repository, session, state, target, dry_run)
        branch, commit = _destination(repository, state, target, branch_only)
        if (state.workspace["merging"] or state.workspace["conflicts"]) and not force:
            raise InConflict(
                "a merge is under way", hint="conclude it with `oxide commit`, or give it up with `oxide merge --abort`"
            )
        tables = tables_of(repository.store, commit)
        if not force:
            tables = carry_over(repository, session, state, tables, target)
        before, after = state.pending["files"][1], tables["files"][1]
        if dry_run:
            session.flush()  # the plan reads what was carried over through the store
            plan = plan_files(
                repository, "checkout", before=before, after=after, force=force, repair=force, progress=progress
            )
            return CheckoutResult(branch, commit, plan.writes, plan.removes, [])

        def change(view: Record) -> None:
            expect_workspace(view, state)
            view["workspaces"][WORKSPACE] = new_workspace(branch, commit, tables)

        return move_files(
            repository,
            session,
            "checkout",
            f"checkout {target}",
            change,
            before=before,
            after=after,
            force=force,
            repair=force,
            progress=progress,
        )[1]


def _destination(repository: Repository, state: State, target: str, branch_only: bool) -> tuple[str | None, str]:
    if target in state.view["branches"]:
        return target, state.view["branches"][target]
    if target == state.branch and state.base is None:
        raise UnknownRevision(
            f"branch '{target}' has no commit yet", hint="make one: oxide add . && oxide commit -m 'first'"
        )
    commit = resolve(repository.store, state, target)
    if branch_only:
        raise UnknownRevision(
            f"'{target}' is no branch",
            hint=f"use `oxide checkout {target}`, or `oxide switch -c NAME` for a new branch",
        )
    return None, commit


def _checkout_new_branch(
    repository: Repository, session: Session, state: State, name: str, dry_run: bool
) -> CheckoutResult:
    check_name(name, "branch")

    def change(view: Record) -> None:
        if name in view["branches"] or (state.base is None and name == state.branch):
            raise AlreadyExists(f"branch '{name}' exists already", hint=f"go to it with `oxide checkout {name}`")
        refuse_name_of_tag(view, name)
        workspace = view["workspaces"][WORKSPACE]
        if workspace["base"] is not None:
            view["branches"][name] = workspace["base"]
        workspace["branch"] = name

    if dry_run:
        change(copy_view(state.view))
        return CheckoutResult(name, state.base, [], [], [])
    after = publish(repository, session, "checkout", f"checkout -b {name}", change)
    return CheckoutResult(name, after.base, [], [], [])


def carry_over(repository: Repository, session: Session, state: State, target: Tables, name: str) -> Tables:
    """``target`` with what is staged on top. Raises WouldOverwrite where both touch the same file or row."""
    base, pending = base_tables(repository.store, state), state.pending
    if pending in (base, target):
        return target
    clashes = clashing_paths(repository, base, pending, target)
    if not clashes:
        merged, conflicts = merge_states(session, base, target, pending)
        if not conflicts:
            return keep_our_items(repository, session, base, target, pending, merged)
        clashes = sorted(conflict["name"] for conflict in conflicts)
    raise WouldOverwrite(
        f"going to {name} would overwrite staged changes of {count(len(clashes), 'file')}",
        hint="commit them, shelve them with `oxide stash`, or give them up with --force",
        paths=clashes,
    )


def clashing_paths(repository: Repository, base: Tables, ours: Tables, theirs: Tables) -> list[str]:
    """Paths that both sides changed against the base, in different ways."""
    touched = _touched_by_both(repository, base, ours, theirs)
    return [path for path, our_row, their_row in touched if not _look_the_same(our_row, their_row)]


def keep_our_items(
    repository: Repository, session: Session, base: Tables, ours: Tables, theirs: Tables, merged: Tables
) -> Tables:
    """``merged`` with our items where both sides added the same file.

    Between commits the smaller id wins, but work that is in no commit yet never changes the item of a committed file.
    """
    twins = [
        path
        for path, our_row, their_row in _touched_by_both(repository, base, ours, theirs)
        if our_row is not None and their_row is not None
        if our_row["item_id"] != their_row["item_id"] and _look_the_same(our_row, their_row)
    ]
    if not twins:
        return merged
    pairs = []
    for path in twins:
        kept, our = session.file_row(merged["files"][1], path), session.file_row(ours["files"][1], path)
        if kept is not None and our is not None and kept["item_id"] != our["item_id"]:
            pairs.append((kept["item_id"], our["item_id"]))
    with_ours = with_file_roots(merged, session.replace_files(file_roots(merged), file_roots(ours), twins))
    return following.rekey(session, with_ours, pairs)


def _touched_by_both(
    repository: Repository, base: Tables, ours: Tables, theirs: Tables
) -> list[tuple[str, Record | None, Record | None]]:
    """(path, our row, their row) of what both sides changed against the base."""
    store = repository.store
    touched = []
    for side in (ours, theirs):
        changes = store.diff_files(base["files"][1], side["files"][1])
        renamed = {path for pair in changes["renamed"] for path in pair}
        touched.append({*changes["added"], *changes["modified"], *changes["removed"], *renamed})
    return [
        (path, store.file_row(ours["files"][1], path), store.file_row(theirs["files"][1], path))
        for path in sorted(touched[0] & touched[1])
    ]


def _look_the_same(one: Record | None, other: Record | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(one[key] == other[key] for key in ("content_id", "type", "executable"))


def merge_states(session: Session, base: Tables, ours: Tables, theirs: Tables) -> tuple[Tables, list[Record]]:
    """Three-way merge of every table. Undecided rows stay as in the base and are listed."""
    from oxide import _core

    merged: Tables = {}
    roots, file_conflicts, rekeyed = session.merge_files(file_roots(base), file_roots(ours), file_roots(theirs))
    ours, theirs = following.rekey(session, ours, rekeyed), following.rekey(session, theirs, rekeyed)
    conflicts: list[Record] = [
        {
            "table": "files",
            "name": entry["path"],
            "reason": entry["reason"],
            "fields": [],
            "base": with_item_row(session, base, entry["base"]),
            "ours": with_item_row(session, ours, entry["ours"]),
            "theirs": with_item_row(session, theirs, entry["theirs"]),
        }
        for entry in file_conflicts
    ]
    for name in sorted({*base, *ours, *theirs} - {"files", "items"}):
        schema = following.schema_of(name, ours, theirs, base)
        ids = [following.root_of(side, name) for side in (base, ours, theirs)]
        root, row_conflicts = session.merge_table(schema, ids[0], ids[1], ids[2])
        if root != _core.EMPTY_ROOT or name not in SCHEMAS:
            merged[name] = (schema, root)
        conflicts += [row_conflict(name, entry) for entry in row_conflicts]
    merged.update(with_file_roots(empty_tables(), roots))
    sides = {"base": base, "ours": ours, "theirs": theirs}
    merged, conflicts = settle_items(session, sides, merged, conflicts)
    return settle_tracks(session, sides, merged, conflicts)


def row_conflict(table: str, entry: Record) -> Record:
    """A conflict about a row as the list keeps it, out of what the core says of it."""
    return {
        "table": table,
        "name": entry["key"],
        "reason": "cells" if entry["fields"] else "removed",
        "fields": entry["fields"],
        **{side: following.stored_side(entry[side]) for side in following.SIDES},
    }


def restore(
    repository: Repository,
    paths: Sequence[str],
    *,
    source: str | None,
    staged: bool,
    force: bool,
    dry_run: bool,
    progress: Progress | None,
) -> CheckoutResult:
    """Bring paths back on disk from what is staged; with ``source`` also staged; with ``staged`` only there."""
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = read_state(store)
        finish_interrupted(repository, state)
        pending = state.pending
        if source is not None:
            origin = tables_of(store, repository.resolve_revision(source))
        else:
            origin = base_tables(store, state) if staged else pending
        _check_paths(repository, paths, [origin, pending] if staged or source else [origin], source)
        whole = [] if "" in paths else list(paths)
        if dry_run:
            if staged:
                return CheckoutResult(state.branch, state.base, [], [], [])
            plan = plan_files(
                repository,
                "restore",
                before=pending["files"][1],
                after=origin["files"][1],
                paths=whole,
                repair=True,
                force=force,
                progress=progress,
            )
            return CheckoutResult(state.branch, state.base, plan.writes, plan.removes, [])
        roots = session.replace_files(file_roots(pending), file_roots(origin), whole)
        labels = origin if source is not None else base_tables(store, state)  # they are pending at once, never on disk
        if "" in paths:
            tables = with_file_roots({**labels, "files": pending["files"], "items": pending["items"]}, roots)
            tables = following.follow(session, labels, labels, tables)
        else:
            tables = following.follow(session, labels, pending, with_file_roots(pending, roots))
            taken = origin["files"][1], roots[0]
            tables = following.restore(session, tables, pending, labels, taken, whole)

        def change(view: Record) -> None:
            workspace = expect_workspace(view, state)
            workspace["pending"] = from_tables(tables)
            drop_conflicts(repository, session, workspace, set())

        what = f"restore {' '.join(path or '.' for path in paths[:3])}{' …' if len(paths) > 3 else ''}"
        if staged:
            after = publish(repository, session, "restore", f"{what} --staged", change) if tables != pending else state
            return CheckoutResult(after.branch, after.base, [], [], [])
        if tables != pending:
            return move_files(
                repository,
                session,
                "restore",
                what,
                change,
                before=pending["files"][1],
                after=roots[0],
                force=force,
                paths=whole,
                repair=True,
                progress=progress,
            )[1]
        files = pending["files"][1]
        plan = plan_files(
            repository,
            "restore",
            before=files,
            after=files,
            paths=whole,
            repair=True,
            force=force,
            progress=progress,
        )
        plan.prepare(progress)
        return checkout_result(state, plan, plan.apply(state.number, files, progress))


def _check_paths(repository: Repository, paths: Sequence[str], states: list[Tables], source: str | None) -> None:
    if not paths:
        raise InvalidInput("restore needs a path", hint="use `oxide restore .` for everything")
    for path in paths:
        known = not path or any(
            repository.store.file_row(tables["files"][1], path) or repository.store.has_folder(tables["files"][1], path)
            for tables in states
        )
        if not known:
            where = f"in {source}" if source else "tracked"
            raise NotFound(f"'{path}' is not {where}", hint="see `oxide ls -r` and `oxide status`", path=path)
