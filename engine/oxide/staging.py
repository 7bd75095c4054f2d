"""Verbs that change what the next commit holds: add, rm, mv, commit; and status and diff, which show it."""

from __future__ import annotations

from collections.abc import Sequence

from oxide import clock
from oxide.errors import InConflict, InvalidInput, NotFound, NothingToDo, RefMoved
from oxide.history import count_between
from oxide.labels.following import follow, without_strays
from oxide.transactions import (
    finish_before_reading,
    finish_if_free,
    finish_interrupted,
    move_files,
    plan_files,
    publish,
)
from oxide.types import (
    AddResult,
    Broken,
    Commit,
    Diff,
    FileChanges,
    Person,
    Progress,
    Skipped,
    Status,
    TableChanges,
    Untracked,
)
from oxide.wording import count
from oxide.workspace import (
    WORKSPACE,
    State,
    Tables,
    base_tables,
    empty_tables,
    file_roots,
    from_tables,
    is_within,
    read_commit,
    read_conflicts,
    read_state,
    tables_of,
    to_conflict,
    to_tables,
    with_file_roots,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide._core import Record, Session, Staged
    from oxide.repository import Repository


def add(
    repository: Repository, paths: Sequence[str], *, by_reference: bool = False, progress: Progress | None
) -> AddResult:
    """Stage what is on disk under ``paths``, removals too; ``by_reference``: links, for the files that they lead to."""
    finish_before_reading(repository)
    with repository.store.begin() as session:
        state = read_state(repository.store)
        staged = stage(repository, session, state, paths, by_reference=by_reference, progress=progress)
        resolved = _resolved_by_adding(repository, state, paths, staged)
        if staged.changes or resolved:

            def change(view: Record) -> None:
                workspace = view["workspaces"][WORKSPACE]
                apply_staged(repository, session, staged, workspace)
                drop_conflicts(repository, session, workspace, resolved)

            publish(repository, session, "add", f"add {count(staged.changes, 'file')}", change, staged=staged)
        elif by_reference:
            session.flush()  # the same contents may lie at other places now
    return AddResult(
        staged.added,
        staged.modified,
        staged.removed,
        staged.renamed,
        [Skipped(entry["path"], entry["reason"]) for entry in staged.skipped],
        staged.empty_folders,
        staged.collisions,
        staged.bytes,
        [Broken(path, reason) for path, reason in staged.broken],
    )


def stage(
    repository: Repository,
    session: Session,
    state: State,
    paths: Sequence[str],
    *,
    tracked_only: bool = False,
    by_reference: bool = False,
    progress: Progress | None,
) -> Staged:
    """Read and store what changed on disk under ``paths``."""
    author = repository.settings.author()
    return repository.working_copy.stage(
        session,
        paths,
        base=file_roots(base_tables(repository.store, state)),
        staged=file_roots(state.pending),
        tracked_only=tracked_only,
        now=clock.now(),
        creator=str(author),
        by_reference=by_reference,
        progress=progress,
    )


def apply_staged(repository: Repository, session: Session, staged: Staged, workspace: Record) -> None:
    """Put staged changes into a workspace's pending tables."""
    base, tables = tables_of(repository.store, workspace["base"]), to_tables(workspace["pending"])
    workspace["pending"] = from_tables(with_staged(session, staged, base, tables))


def with_staged(session: Session, staged: Staged, base: Tables, tables: Tables) -> Tables:
    """The tables with staged changes; what belongs to items follows."""
    return follow(session, base, tables, with_file_roots(tables, staged.apply(session, file_roots(tables))))


def _resolved_by_adding(repository: Repository, state: State, paths: Sequence[str], staged: Staged) -> set[str]:
    """Conflicts that adding settles: files named outright, and files whose new content was staged."""
    conflicts = read_conflicts(repository.store, state.workspace)
    if not conflicts:
        return set()
    changed = {*paths, *staged.added, *staged.modified, *staged.removed}
    return {conflict["name"] for conflict in conflicts if conflict["table"] == "files" and conflict["name"] in changed}


def drop_conflicts(repository: Repository, session: Session, workspace: Record, names: set[str]) -> None:
    """Take conflicts off a workspace's list: of files by their paths, and of rows whose files are gone."""
    conflicts = read_conflicts(repository.store, workspace)
    left = [conflict for conflict in conflicts if conflict["table"] != "files" or conflict["name"] not in names]
    left = without_strays(session, to_tables(workspace["pending"]), left)
    if left == conflicts:
        return
    workspace["conflicts"] = session.write_record("list", {"items": left}) if left else None


def remove(
    repository: Repository,
    paths: Sequence[str],
    *,
    cached: bool,
    force: bool,
    dry_run: bool,
    skipped: list[Skipped] | None,
) -> list[str]:
    """Stage the removal of tracked files, and remove them from disk unless ``cached``."""
    from oxide import _core

    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = read_state(store)
        finish_interrupted(repository, state)
        roots = file_roots(state.pending)
        names = _tracked_names(repository, roots[0], paths)
        if dry_run:
            if not cached:
                within = list(paths) if all(paths) else []
                plan_files(repository, "rm", before=roots[0], after=_core.EMPTY_ROOT, paths=within, force=force)
            return names
        after = session.set_files(roots, names, [])

        def change(view: Record) -> None:
            workspace = view["workspaces"][WORKSPACE]
            tables = to_tables(workspace["pending"])
            left = with_file_roots(tables, session.set_files(file_roots(tables), names, []))
            workspace["pending"] = from_tables(follow(session, tables_of(store, workspace["base"]), tables, left))
            drop_conflicts(repository, session, workspace, set(names))

        description = f"rm {count(len(names), 'file')}"
        if cached:
            publish(repository, session, "rm", description, change)
        else:
            _, moved = move_files(
                repository, session, "rm", description, change, before=roots[0], after=after[0], force=force
            )
            if skipped is not None:
                skipped += moved.failed
    return names


def _tracked_names(repository: Repository, files: str, paths: Sequence[str]) -> list[str]:
    """Tracked files at and below ``paths``. Raises NotFound for a path without any."""
    for path in paths:
        if not repository.store.file_rows(files, [path] if path else []):
            raise NotFound(
                f"'{path}' is not tracked, so it cannot be removed from the next commit",
                hint="see `oxide status`",
                path=path,
            )
    return [row["path"] for row in repository.store.file_rows(files, list(paths) if all(paths) else [])]


def commit(
    repository: Repository,
    message: str | None,
    *,
    all: bool,
    amend: bool,
    allow_empty: bool,
    author: Person | None,
    skipped: list[Skipped] | None,
    progress: Progress | None,
) -> Commit:
    """Make a commit of everything that is pending; ``all`` takes changes of tracked files first."""
    store = repository.store
    made: list[str] = []
    with store.begin() as session:
        state = finish_before_reading(repository) if all else read_state(store)
        _refuse_conflicts(repository, state.workspace)
        staged = stage(repository, session, state, [""], tracked_only=True, progress=progress) if all else None
        if staged is not None and skipped is not None:
            skipped += [Skipped(entry["path"], entry["reason"]) for entry in staged.skipped]

        def change(view: Record) -> None:
            workspace = view["workspaces"][WORKSPACE]
            _refuse_conflicts(repository, workspace)  # a merge of another process may have come in between
            if staged is not None and staged.changes:
                apply_staged(repository, session, staged, workspace)
            made.append(
                conclude(repository, session, view, message, amend=amend, allow_empty=allow_empty, author=author)
            )

        kind = "amend" if amend else "commit"
        description = f"{kind}: {(message or 'same message').splitlines()[0][:72]}"
        publish(repository, session, kind, description, change, staged=staged if staged and staged.changes else None)
    return read_commit(store, made[-1])


def conclude(
    repository: Repository,
    session: Session,
    view: Record,
    message: str | None,
    *,
    amend: bool = False,
    allow_empty: bool = False,
    author: Person | None = None,
) -> str:
    """Make what is pending in a view's workspace a commit, and move its branch there. Returns the commit's id."""
    workspace = view["workspaces"][WORKSPACE]
    record = _commit_record(repository, workspace, message, amend=amend, allow_empty=allow_empty, author=author)
    made = session.write_record("commit", record)
    _advance(view, workspace, made)
    return made


def _refuse_conflicts(repository: Repository, workspace: Record) -> None:
    conflicts = read_conflicts(repository.store, workspace)
    if conflicts:
        names = sorted(to_conflict(conflict).title for conflict in conflicts)
        raise InConflict(
            f"{count(len(conflicts), 'conflict')} must be resolved before a commit",
            hint="see `oxide conflicts`, then `oxide resolve PATH --ours|--theirs|--base`",
            paths=names,
        )


def _commit_record(
    repository: Repository,
    workspace: Record,
    message: str | None,
    *,
    amend: bool,
    allow_empty: bool,
    author: Person | None,
) -> Record:
    store = repository.store
    base: str | None = workspace["base"]
    merging = workspace["merging"]
    replaced = store.read_record("commit", base) if amend and base else None
    if amend and replaced is None:
        raise NothingToDo("there is no commit to amend yet", hint="make one with `oxide commit -m TEXT`")
    if replaced is not None:
        parents = list(replaced["parents"])
    else:
        parents = [*([base] if base else []), *(merging["heads"] if merging else [])]
    text = (
        message if message is not None else replaced["message"] if replaced else merging["message"] if merging else None
    )
    if not text or not text.strip():
        raise InvalidInput("a commit needs a message", hint="give one: oxide commit -m 'what changed'")
    if not (amend or allow_empty or merging or to_tables(workspace["pending"]) != tables_of(store, base)):
        raise NothingToDo(
            "nothing to commit: no change is staged", hint="stage with `oxide add PATH`, or use `oxide commit -a`"
        )
    committer = repository.settings.author()
    by = author or (Person(**replaced["author"]) if replaced else _picked_author(merging) or committer)
    generations = [store.read_record("commit", parent)["generation"] for parent in parents]
    return {
        **(replaced or {}),
        "author": by._asdict(),
        "committer": committer._asdict(),
        "generation": 1 + max(generations, default=0),
        "message": text.strip("\n"),
        "parents": parents,
        "tables": workspace["pending"],
        "time": clock.now(),
        "zone": clock.zone(),
    }


def _picked_author(merging: Record | None) -> Person | None:
    return Person(**merging["author"]) if merging and merging.get("author") else None


def _advance(view: Record, workspace: Record, commit_id: str) -> None:
    branch = workspace["branch"]
    if branch is not None:
        if view["branches"].get(branch) != workspace["base"]:
            raise RefMoved(
                f"branch '{branch}' was moved by another process; what you staged is kept",
                hint=f"look at `oxide log {branch}`, then check it out",
            )
        view["branches"][branch] = commit_id
    workspace["base"] = commit_id
    workspace["merging"] = None


def status(repository: Repository, *, progress: Progress | None) -> Status:
    """The workspace at a glance."""
    store = repository.store
    state = read_state(store)
    finish_if_free(repository, state)
    before, pending = base_tables(store, state), state.pending
    disk = repository.working_copy.status(pending["files"][1], progress)
    upstream, ahead, behind = _upstream(repository, state)
    staged = changes(repository, before, pending, [])
    return Status(
        branch=state.branch,
        head=state.base,
        staged=staged.files,
        tables=staged.tables,
        modified=disk["modified"],
        removed=disk["removed"],
        untracked=[Untracked(entry["path"], entry["files"]) for entry in disk["untracked"]],
        skipped=[Skipped(entry["path"], entry["reason"]) for entry in disk["skipped"]],
        empty_folders=disk["empty_folders"],
        conflicts=[to_conflict(conflict) for conflict in read_conflicts(store, state.workspace)],
        merging=state.workspace["merging"]["heads"] if state.workspace["merging"] else [],
        upstream=upstream,
        ahead=ahead,
        behind=behind,
    )


def _upstream(repository: Repository, state: State) -> tuple[str | None, int, int]:
    upstream: str | None = state.view["upstreams"].get(state.branch)
    if upstream is None or state.base is None:
        return upstream, 0, 0
    remote, _, name = upstream.partition("/")
    theirs = state.view["remotes"].get(remote, {}).get(name)
    if theirs is None:
        return upstream, 0, 0
    store = repository.store
    return upstream, count_between(store, theirs, state.base), count_between(store, state.base, theirs)


def changes(repository: Repository, before: Tables, after: Tables, paths: Sequence[str]) -> Diff:
    """Files below ``paths`` (empty: all) that differ between two states, and numbers of rows of the tables that do.

    What is known of media makes no file differ: files with another such fact are rows of the table ``files``.
    """
    tables = _table_changes(repository, before, after, paths)
    if before["files"][1] == after["files"][1]:
        return Diff(FileChanges([], [], [], []), tables)
    found = repository.store.diff_files(before["files"][1], after["files"][1], paths)
    if found["facts"]:
        tables["files"] = TableChanges(0, found["facts"], 0)
    files = FileChanges(
        found["added"], found["modified"], found["removed"], [(old, new) for old, new in found["renamed"]]
    )
    return Diff(files, tables)


def _table_changes(
    repository: Repository, before: Tables, after: Tables, paths: Sequence[str] = ()
) -> dict[str, TableChanges]:
    """Numbers of rows that differ between two states, for tables that differ; ``files`` and ``items`` apart.

    With ``paths`` of rows that belong to files at and below them.
    """
    if paths and any(paths):
        from oxide.labels import comparing

        return comparing.counts_below(repository.store, before, after, paths)
    empty = empty_tables()["files"][1]
    changes: dict[str, TableChanges] = {}
    for name in sorted({*before, *after} - {"files", "items"}):
        old, new = before.get(name, ("", empty))[1], after.get(name, ("", empty))[1]
        if old != new:
            changes[name] = TableChanges(*repository.store.diff_counts(old, new))
    return changes


def diff(
    repository: Repository,
    a: str | None,
    b: str | None,
    *,
    staged: bool,
    paths: Sequence[str],
    progress: Progress | None,
) -> Diff:
    """Differences between two revisions, a revision and what is staged, or a revision and the working copy."""
    store = repository.store
    state = read_state(store)
    before = tables_of(store, repository.resolve_revision(a)) if a else base_tables(store, state)
    after = tables_of(store, repository.resolve_revision(b)) if b else state.pending
    found = changes(repository, before, after, paths)
    files = found.files
    if b is None and not staged:
        finish_if_free(repository, state)
        disk = repository.working_copy.status(state.pending["files"][1], progress)
        files = _with_disk(files, _within(disk["modified"], paths), _within(disk["removed"], paths))
    return Diff(files, found.tables)


def _within(names: list[str], paths: Sequence[str]) -> set[str]:
    return {name for name in names if is_within(name, paths)}


def _with_disk(files: FileChanges, modified: set[str], removed: set[str]) -> FileChanges:
    """Changes to what is staged, followed by changes from there to the disk, as one."""
    renamed = [(old, new) for old, new in files.renamed if new not in removed]
    gone = {old for old, new in files.renamed if new in removed}
    added = set(files.added)
    renamed_to = {new for _, new in files.renamed}
    return FileChanges(
        sorted(added - removed),
        sorted((set(files.modified) | (modified - added)) - removed),
        sorted(set(files.removed) | gone | (removed - added - renamed_to)),
        sorted(renamed),
    )
