"""The repository: every verb of the command line as a method. The modules beside this one do the work."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from oxide import _core, clock, locating
from oxide.errors import AlreadyExists, FileSystemError, InvalidInput, NotARepository, Unsupported
from oxide.holding import held_by, holding
from oxide.labels.verbs import LabelVerbs
from oxide.locating import CONTROL
from oxide.query.verbs import QueryVerbs
from oxide.settings import Settings
from oxide.splits.verbs import SplitVerbs
from oxide.stats.verbs import StatsVerbs
from oxide.video.verbs import VideoVerbs
from oxide.workspace import (
    WORKSPACE,
    Tables,
    base_tables,
    empty_tables,
    new_workspace,
    present,
    read_commit,
    read_state,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from oxide.snapshot import Snapshot
    from oxide.types import (
        AddResult,
        BlameEntry,
        Branch,
        CheckoutResult,
        Commit,
        Conflict,
        Diff,
        FileEntry,
        FsckResult,
        GcResult,
        IgnoredPath,
        LogEntry,
        MergeResult,
        OperationEntry,
        Person,
        Progress,
        ScanResult,
        Skipped,
        StashEntry,
        Status,
        Tag,
        Usage,
    )

PathLike = str | os.PathLike[str]
DEFAULT_BRANCH = "main"


class Repository(LabelVerbs, QueryVerbs, SplitVerbs, StatsVerbs, VideoVerbs):
    """A working copy with its history.

    Paths given to methods are relative to :attr:`root` (``/`` between names) or absolute below it; results hold paths
    relative to the root. ``progress`` is called from long work; nothing is ever printed. Every method raises
    :class:`oxide.errors.OxideError`.
    """

    def __init__(self, root: PathLike, store: _core.Store, settings: Settings) -> None:
        self.folder = os.fspath(root)
        """:attr:`root` as text."""
        self.store = store
        self.settings = settings.for_repository(os.path.join(self.folder, CONTROL))
        self.working_copy = _core.WorkingCopy(store, self.folder)

    @property
    def root(self) -> Path:
        """The tree's folder."""
        from pathlib import Path

        return Path(self.folder)

    @property
    def control(self) -> Path:
        """The control folder."""
        return self.root / CONTROL

    def __repr__(self) -> str:
        return f"Repository({self.folder!r})"

    @holding
    def _repr_html_(self) -> str:
        from html import escape

        state = read_state(self.store)
        where = escape(state.branch or "no branch")
        head = f"<code>{state.base[:16]}</code>" if state.base else "no commit yet"
        files = self.store.count(state.pending["files"][1])
        return f"<b>Oxide</b> {escape(self.folder)}<br>on <b>{where}</b> &rarr; {head}, {files} files"

    # -- opening ---------------------------------------------------------------------------------------------------

    @classmethod
    def init(cls, path: PathLike = ".", *, settings: Settings | None = None) -> Repository:
        """Make ``path`` (created when missing) a repository. Raises AlreadyExists."""
        _check_platform()
        folder = os.path.realpath(path)
        control = os.path.join(folder, CONTROL)
        if os.path.exists(os.path.join(control, "repository")) and _core.Store.open(control).head() is not None:
            raise AlreadyExists(f"'{folder}' is a repository already", hint="see `oxide status`", path=folder)
        try:
            _core.make_folder(folder)
        except FileSystemError as error:
            raise InvalidInput(error.message, hint=error.hint, path=folder) from error
        if os.path.exists(os.path.join(control, "repository")):
            store = _core.Store.open(control)  # an init that was interrupted before its first operation
        else:
            store = _core.Store.create(control)
        # Git leaves out a folder that ignores itself, so no file of the user's has to be edited.
        _core.write_file_atomic(os.path.join(control, ".gitignore"), b"*\n")
        repository = cls(folder, store, settings or Settings())
        repository._first_operation()
        return repository

    def _first_operation(self) -> None:
        with self.store.begin() as session:
            session.write_builtin_schemas()
            session.empty_table()
            workspace = new_workspace(DEFAULT_BRANCH, None, empty_tables())
            view: _core.Record = {
                "branches": {},
                "frozen": {},
                "remotes": {},
                "stashes": [],
                "tags": {},
                "upstreams": {},
                "workspaces": {WORKSPACE: workspace},
            }
            operation: _core.Record = {
                "kind": "init",
                "description": "init",
                "view": session.write_record("view", view),
                "time": clock.now(),
                "author": self.settings.author()._asdict(),
                "moves_files": False,
                "position": 1,
                "redo": [],
            }
            session.flush()
            self.store.publish(1, operation)

    @classmethod
    def open(cls, path: PathLike = ".", *, settings: Settings | None = None) -> Repository:
        """The repository that ``path`` lies in. Raises NotARepository, or Unsupported for one of a newer version."""
        _check_platform()
        start = os.path.abspath(path)
        root = _core.discover(start)
        if root is None:
            raise NotARepository(
                f"'{start}' is in no Oxide repository", hint="make one here with `oxide init`", path=start
            )
        root = os.path.realpath(root)
        return cls(root, _core.Store.open(os.path.join(root, CONTROL)), settings or Settings())

    def to_path(self, path: PathLike) -> str:
        """A path as the repository knows it. Raises InvalidInput when it lies outside the tree, or can be no file's."""
        return locating.to_path(self.folder, path)

    def to_paths(self, paths: Sequence[PathLike]) -> list[str]:
        """:meth:`to_path` of each; a lone string is refused, since it would be taken letter by letter."""
        if isinstance(paths, (str, bytes, os.PathLike)):
            paths = [paths]
        return [self.to_path(path) for path in paths]

    def disk_path(self, path: str) -> str:
        """Where a path of the repository lies on disk."""
        return locating.on_disk(self.folder, path)

    @holding
    def staged_tables(self) -> Tables:
        """Every table as the next commit would hold it: name to (schema id, root id)."""
        return read_state(self.store).pending

    # -- changes ---------------------------------------------------------------------------------------------------

    def add(
        self,
        paths: Sequence[PathLike],
        *,
        reference: bool = False,
        into: PathLike = "",
        progress: Progress | None = None,
    ) -> AddResult:
        """Stage what is on disk under ``paths``: new and changed files, and removals. Raises NotFound.

        ``reference``: the files stay outside the tree and are read but not copied into the store. Each path is a link
        in the tree to a file outside, or a file or folder outside (also as ``file://`` URI), for which links are made
        in the folder ``into``.
        """
        if reference:
            from oxide import referring

            outside = [paths] if isinstance(paths, (str, os.PathLike)) else paths
            names = [os.fspath(path) for path in outside]
            return referring.add(self, names, self.to_path(into), progress=progress)
        from oxide import staging

        return staging.add(self, self.to_paths(paths), progress=progress)

    def scan(
        self, paths: Sequence[PathLike] = (), *, all: bool = False, progress: Progress | None = None
    ) -> ScanResult:
        """Read facts of pictures and videos again, of tracked files at and below ``paths`` (empty: everywhere).

        Only of files of which nothing is known, or what an earlier version knew; ``all``: of every one. What is new is
        pending as after :meth:`add`. Contents are read from the store. Raises NotFound.
        """
        from oxide import scanning

        return scanning.scan(self, self.path_filter(paths), every=all, progress=progress)

    def remove(
        self,
        paths: Sequence[PathLike],
        *,
        cached: bool = False,
        force: bool = False,
        dry_run: bool = False,
        skipped: list[Skipped] | None = None,
    ) -> list[str]:
        """Stage the removal of tracked files and remove them from disk, unless ``cached``. Returns their paths.

        Files that could not be removed from disk are appended to ``skipped``.
        """
        from oxide import staging

        return staging.remove(self, self.to_paths(paths), cached=cached, force=force, dry_run=dry_run, skipped=skipped)

    def move(self, sources: Sequence[PathLike], destination: PathLike) -> list[tuple[str, str]]:
        """Rename tracked files or folders; items stay the same. Returns (old, new) for each file."""
        from oxide import renaming

        return renaming.move(self, self.to_paths(sources), self.to_path(destination))

    @holding
    def status(self, *, progress: Progress | None = None) -> Status:
        """The workspace at a glance: staged, modified, removed, untracked, conflicts."""
        from oxide import staging

        return staging.status(self, progress=progress)

    def commit(
        self,
        message: str | None,
        *,
        all: bool = False,
        amend: bool = False,
        allow_empty: bool = False,
        author: Person | None = None,
        skipped: list[Skipped] | None = None,
        progress: Progress | None = None,
    ) -> Commit:
        """Commit everything that is pending; ``all`` stages changes of tracked files first.

        ``message`` may be ``None`` only with ``amend`` (which keeps the old one) or to conclude a merge. Files that
        ``all`` could not stage are appended to ``skipped``.
        """
        from oxide import staging

        return staging.commit(
            self,
            message,
            all=all,
            amend=amend,
            allow_empty=allow_empty,
            author=author,
            skipped=skipped,
            progress=progress,
        )

    @holding
    def diff(
        self,
        a: str | None = None,
        b: str | None = None,
        *,
        staged: bool = False,
        paths: Sequence[PathLike] = (),
        progress: Progress | None = None,
    ) -> Diff:
        """No revision: HEAD to working copy; one: that to working copy; ``staged``: HEAD or ``a`` to what is staged."""
        from oxide import staging

        return staging.diff(self, a, b, staged=staged, paths=self.path_filter(paths), progress=progress)

    @holding
    def two_states(self, a: str | None, b: str | None) -> tuple[Tables, Tables]:
        """The tables of two revisions. No ``a``: of HEAD; no ``b``: as the next commit would hold them."""
        state = read_state(self.store)
        before = present(self.read_commit(a).tables) if a else base_tables(self.store, state)
        return before, present(self.read_commit(b).tables) if b else state.pending

    @holding
    def diff_rows(
        self, table: str, a: str | None = None, b: str | None = None, *, paths: Sequence[PathLike] = ()
    ) -> list[dict[str, object]]:
        """Rows of one table that differ: ``{key, before, after}``, a row being a dict or ``None``. No ``b``: staged.

        Of tables whose rows belong to files also ``path``; with ``paths`` only rows of files at and below them.
        """
        from oxide.labels import comparing

        return comparing.differing_rows(self.store, *self.two_states(a, b), table, self.path_filter(paths))

    def path_filter(self, paths: Sequence[PathLike]) -> list[str]:
        """:meth:`to_paths`, and none of them where the whole tree is meant."""
        relative = self.to_paths(paths)
        return [] if "" in relative else relative

    # -- history ---------------------------------------------------------------------------------------------------

    def resolve_revision(self, revision: str) -> str:
        """The commit id that a revision names. Raises UnknownRevision or AmbiguousRevision."""
        from oxide import revisions

        return revisions.resolve(self.store, read_state(self.store), revision)

    @holding
    def read_commit(self, revision: str) -> Commit:
        """The commit that a revision names."""
        return read_commit(self.store, self.resolve_revision(revision))

    def log(
        self, revision: str = "HEAD", *, paths: Sequence[PathLike] = (), limit: int | None = None
    ) -> Iterator[LogEntry]:
        """Commits reachable from a revision, newest first; with ``paths`` only those that change something there."""
        from oxide import history, revisions

        hold = self.store.hold()
        state = read_state(self.store)
        if revision == "HEAD" and state.base is None:
            return iter(())
        start = revisions.resolve(self.store, state, revision)
        return held_by(hold, history.log(self.store, state, start, self.path_filter(paths), limit))

    @holding
    def show(self, revision: str) -> tuple[LogEntry, Diff]:
        """A commit and what it changed against its first parent."""
        from oxide import history, staging
        from oxide.workspace import tables_of

        commit = self.read_commit(revision)
        before = tables_of(self.store, commit.parents[0] if commit.parents else None)
        changes = staging.changes(self, before, commit.tables, [])
        return history.entry(read_state(self.store), commit), changes

    @holding
    def blame(self, path: PathLike, revision: str = "HEAD") -> list[BlameEntry]:
        """The commit that last changed a file, or each file below a folder."""
        from oxide import history

        return history.blame(self.store, self.resolve_revision(revision), self.to_path(path))

    @holding
    def current_branch(self) -> str | None:
        """The branch that the workspace stands on; ``None`` when it is detached."""
        return read_state(self.store).branch

    @holding
    def branches(self) -> list[Branch]:
        """All branches by name. The current one is listed even before its first commit."""
        from oxide import naming

        return naming.branches(self)

    def create_branch(self, name: str, revision: str = "HEAD") -> Branch:
        """A new branch at a revision. Raises AlreadyExists."""
        from oxide import naming

        return naming.create_branch(self, name, revision)

    def delete_branch(self, name: str) -> None:
        """Forget a branch; ``undo`` brings it back. The current one is refused."""
        from oxide import naming

        naming.delete_branch(self, name)

    @holding
    def tags(self) -> list[Tag]:
        """All tags by name."""
        from oxide import naming

        return naming.tags(self)

    def create_tag(self, name: str, revision: str = "HEAD") -> Tag:
        """A new tag at a revision. Raises AlreadyExists."""
        from oxide import naming

        return naming.create_tag(self, name, revision)

    def delete_tag(self, name: str) -> None:
        """Forget a tag; ``undo`` brings it back."""
        from oxide import naming

        naming.delete_tag(self, name)

    # -- moving the working copy -----------------------------------------------------------------------------------

    def checkout(
        self,
        target: str,
        *,
        create: bool = False,
        force: bool = False,
        branch_only: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> CheckoutResult:
        """Stand on a branch or commit. ``create``: a new branch at HEAD. ``branch_only``: refuse what is no branch.

        Raises WouldOverwrite when unsaved or staged work would be lost; ``force`` gives it up. ``dry_run``: returns or
        raises the same, and changes nothing.
        """
        from oxide import moving

        return moving.checkout(
            self,
            target,
            create=create,
            force=force,
            branch_only=branch_only,
            dry_run=dry_run,
            progress=progress,
        )

    def restore(
        self,
        paths: Sequence[PathLike],
        *,
        source: str | None = None,
        staged: bool = False,
        force: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> CheckoutResult:
        """Bring paths back on disk as they are staged; with ``source`` as in that revision, on disk and staged; with
        ``staged`` only what is staged changes, to HEAD or ``source``. Modified files need ``force``.
        ``dry_run``: returns or raises the same, and changes nothing.
        """
        from oxide import moving

        return moving.restore(
            self,
            self.to_paths(paths),
            source=source,
            staged=staged,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )

    def merge(
        self, revision: str, *, no_ff: bool = False, message: str | None = None, progress: Progress | None = None
    ) -> MergeResult:
        """Merge a revision into the current branch. Conflicts are left in the workspace."""
        from oxide import merging

        return merging.merge(self, revision, no_ff=no_ff, message=message, progress=progress)

    def merge_abort(self, *, force: bool = False, progress: Progress | None = None) -> CheckoutResult:
        """Give up a merge under way."""
        from oxide import merging

        return merging.abort(self, force=force, progress=progress)

    def merge_continue(self, message: str | None = None) -> Commit:
        """Conclude a merge whose conflicts are resolved."""
        from oxide.errors import NothingToDo

        if not read_state(self.store).workspace["merging"]:
            raise NothingToDo("no merge is under way", hint="see `oxide status`")
        return self.commit(message)

    @holding
    def conflicts(self) -> list[Conflict]:
        """What a merge could not decide and is not resolved yet."""
        from oxide import merging

        return merging.list_conflicts(self)

    def resolve(
        self,
        names: Sequence[PathLike],
        side: str,
        *,
        force: bool = False,
        skipped: list[Skipped] | None = None,
        progress: Progress | None = None,
    ) -> list[Conflict]:
        """Decide conflicts as ``ours``, ``theirs`` or ``base``. ``names``: paths, folders, keys, titles
        such as ``views:NAME``. Returns the rest.

        Files that could not be changed on disk are appended to ``skipped``.
        """
        from oxide import merging

        rows = [conflict for conflict in self.conflicts() if conflict.table != "files"]
        known = {conflict.title: conflict.name for conflict in rows} | {each.name: each.name for each in rows}
        wanted = [known.get(os.fspath(name)) or self.to_path(name) for name in names]
        return merging.resolve_conflicts(self, wanted, side, force=force, skipped=skipped, progress=progress)

    def revert(self, revision: str, *, progress: Progress | None = None) -> MergeResult:
        """A new commit that takes back what another did."""
        from oxide import merging

        return merging.revert(self, revision, progress=progress)

    def cherry_pick(self, revision: str, *, progress: Progress | None = None) -> MergeResult:
        """A new commit that does here what another did there."""
        from oxide import merging

        return merging.cherry_pick(self, revision, progress=progress)

    def stash_push(
        self,
        message: str | None = None,
        *,
        skipped: list[Skipped] | None = None,
        progress: Progress | None = None,
    ) -> StashEntry:
        """Shelve staged and modified files. Untracked files stay.

        Files that could not be changed on disk are appended to ``skipped``.
        """
        from oxide import stashing

        return stashing.push(self, message, skipped=skipped, progress=progress)

    def stash_pop(self, index: int = 0, *, progress: Progress | None = None) -> MergeResult:
        """Bring a shelved state back, staged."""
        from oxide import stashing

        return stashing.pop(self, index, progress=progress)

    @holding
    def stash_list(self) -> list[StashEntry]:
        """What is shelved, newest first."""
        from oxide import stashing

        return stashing.entries(self)

    def stash_drop(self, index: int = 0) -> StashEntry:
        """Forget a shelved state; ``undo`` brings it back."""
        from oxide import stashing

        return stashing.drop(self, index)

    def undo(
        self, *, force: bool = False, progress: Progress | None = None
    ) -> tuple[OperationEntry, CheckoutResult | None]:
        """Go back before the latest operation. Returns it, and what moved on disk."""
        from oxide import undoing

        return undoing.undo(self, force=force, progress=progress)

    def redo(
        self, *, force: bool = False, progress: Progress | None = None
    ) -> tuple[OperationEntry, CheckoutResult | None]:
        """Do again what was undone last."""
        from oxide import undoing

        return undoing.redo(self, force=force, progress=progress)

    def operations(self, limit: int | None = None) -> Iterator[OperationEntry]:
        """The operation chain, newest first."""
        from oxide import undoing

        return undoing.operations(self, limit)

    # -- reading ---------------------------------------------------------------------------------------------------

    def at(self, revision: str = "HEAD") -> Snapshot:
        """A revision, read only. What it needs is not collected as long as it, or a view of it, is in use."""
        from oxide.snapshot import Snapshot

        hold = self.store.hold()
        return Snapshot(self, self.read_commit(revision), hold)

    @holding
    def ls(self, revision: str = "HEAD", path: PathLike = "", *, recursive: bool = False) -> list[FileEntry]:
        """Files of a revision; folders are one entry each unless ``recursive``."""
        from oxide import reading

        return reading.ls(self, revision, self.to_path(path) if os.fspath(path) else "", recursive=recursive)

    @holding
    def du(self, revision: str = "HEAD") -> Usage:
        """What a revision weighs, and what the repository takes on disk."""
        from oxide import reading

        return reading.du(self, revision)

    # -- care ------------------------------------------------------------------------------------------------------

    def gc(
        self, *, keep: float = 14 * 86400, now: bool = False, dry_run: bool = False, progress: Progress | None = None
    ) -> GcResult:
        """Give back the space of what nothing reaches. ``keep``: seconds for which operations can still be undone."""
        from oxide import care

        return care.gc(self, keep=keep, now=now, dry_run=dry_run, progress=progress)

    @holding
    def fsck(self, *, data: bool = False, repair: bool = False, progress: Progress | None = None) -> FsckResult:
        """Check everything stored; ``data``: hash every content; ``repair``: rebuild what can be rebuilt."""
        from oxide import care

        return care.fsck(self, data=data, repair=repair, progress=progress)

    @holding
    def doctor(self) -> dict[str, object]:
        """What a bug report needs."""
        from oxide import care

        return care.doctor(self)

    def check_ignore(self, paths: Sequence[PathLike]) -> list[IgnoredPath]:
        """Which paths are ignored, and by which rule."""
        from oxide import care

        return care.check_ignore(self, self.to_paths(paths))


def _check_platform() -> None:
    if sys.platform not in ("linux", "darwin"):
        raise Unsupported(f"Oxide runs on Linux and macOS, not on {sys.platform}", hint="use a Linux machine or WSL")
