"""mv: tracked files and folders under other names, on disk and in the next commit, as the same items."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oxide import _core
from oxide.errors import InvalidInput, NotFound, WouldOverwrite
from oxide.transactions import finish_interrupted, publish
from oxide.wording import count
from oxide.workspace import WORKSPACE, file_roots, from_tables, read_state, to_tables, with_file_roots

if TYPE_CHECKING:
    from oxide._core import Record
    from oxide.repository import Repository


def move(repository: Repository, sources: Sequence[str], destination: str) -> list[tuple[str, str]]:
    """Rename tracked files or folders, on disk and in the next commit; the items stay the same."""
    store = repository.store
    with store.begin() as session, repository.working_copy.lock():
        state = read_state(store)
        finish_interrupted(repository, state)
        roots = file_roots(state.pending)
        pairs, rows = _plan_moves(repository, roots[0], sources, destination)
        removes, upserts = [old for old, _ in pairs], rows
        disk_moves = _disk_moves(repository, sources, destination)

        def change(view: Record) -> None:
            workspace = view["workspaces"][WORKSPACE]
            tables = to_tables(workspace["pending"])
            workspace["pending"] = from_tables(
                with_file_roots(tables, session.set_files(file_roots(tables), removes, upserts))
            )

        # The names on disk move first: they can be refused, and a crash in between leaves an ordinary rename to add.
        moved: list[tuple[str, str]] = []
        try:
            for old, new in disk_moves:
                _core.move_path(old, new)
                moved.append((old, new))
            after = publish(repository, session, "mv", f"mv {count(len(pairs), 'file')}", change, moves_files=True)
        except BaseException:
            for old, new in reversed(moved):
                _core.move_path(new, old)
                _remove_empty_parents(repository, os.path.dirname(new))
            raise
        repository.working_copy.remember(after.number, after.pending["files"][1])
        for old, _ in disk_moves:
            _remove_empty_parents(repository, os.path.dirname(old))
    return pairs


def _plan_moves(
    repository: Repository, files: str, sources: Sequence[str], destination: str
) -> tuple[list[tuple[str, str]], list[Record]]:
    store = repository.store
    into = os.path.isdir(repository.disk_path(destination)) and not os.path.islink(repository.disk_path(destination))
    if len(sources) > 1 and not into:
        raise NotFound(
            f"'{destination}' is no folder, so {len(sources)} sources cannot move there",
            hint=f"mkdir '{destination}' first",
        )
    pairs: list[tuple[str, str]] = []
    rows: list[Record] = []
    targets: set[str] = set()
    for source in sources:
        tracked = store.file_rows(files, [source])
        if not source or not tracked:
            raise NotFound(f"'{source}' is not tracked", hint="add it first, or move it with your shell", path=source)
        target = _target(source, destination, into)
        if target == source or target.startswith(f"{source}/"):
            raise InvalidInput(f"'{source}' cannot move into itself ('{target}')")
        linked = _linked_parent(repository, target)
        if linked is not None:
            raise InvalidInput(f"'{linked}' is a link, and nothing is moved through a link", path=linked)
        if os.path.lexists(repository.disk_path(target)) or store.file_row(files, target) is not None:
            raise WouldOverwrite(f"'{target}' exists already", hint="move it away or remove it first", paths=[target])
        gone = _tracked_across(repository, files, target)
        if gone is not None:
            raise WouldOverwrite(
                f"'{target}' cannot be tracked while '{gone}' is, which is gone from disk",
                hint=f"stage that it is gone with `oxide rm {gone}`, or bring it back with `oxide restore {gone}`",
                paths=[gone],
            )
        if target in targets:
            raise WouldOverwrite(
                f"two of the sources would become '{target}'",
                hint="move them one by one, each to a name of its own",
                paths=[target],
            )
        if any(source.startswith(f"{other}/") or other.startswith(f"{source}/") for other in sources):
            raise InvalidInput(
                f"'{source}' and another source lie in one another", hint="move them one by one", path=source
            )
        targets.add(target)
        if not os.path.lexists(repository.disk_path(source)):
            raise NotFound(
                f"'{source}' is tracked but not on disk",
                hint=f"bring it back with `oxide restore {source}`",
                path=source,
            )
        for row in tracked:
            new = target + row["path"][len(source) :]
            pairs.append((row["path"], new))
            rows.append({**row, "path": new})
    return pairs, rows


def _linked_parent(repository: Repository, path: str) -> str | None:
    """The first folder above ``path`` that is a symbolic link on disk."""
    names = path.split("/")[:-1]
    folders = ["/".join(names[: depth + 1]) for depth in range(len(names))]
    return next((folder for folder in folders if os.path.islink(repository.disk_path(folder))), None)


def _tracked_across(repository: Repository, files: str, target: str) -> str | None:
    """What is tracked as a file where ``target`` needs a folder, or as a folder where it is a file."""
    if repository.store.has_folder(files, target):
        return target
    parts = target.split("/")
    above = ("/".join(parts[:length]) for length in range(1, len(parts)))
    return next((folder for folder in above if repository.store.file_row(files, folder) is not None), None)


def _target(source: str, destination: str, into: bool) -> str:
    base = source.rsplit("/", 1)[-1]
    if not into:
        return destination
    return f"{destination}/{base}" if destination else base


def _disk_moves(repository: Repository, sources: Sequence[str], destination: str) -> list[tuple[str, str]]:
    target = repository.disk_path(destination)
    into = os.path.isdir(target) and not os.path.islink(target)
    return [
        (repository.disk_path(source), repository.disk_path(_target(source, destination, into))) for source in sources
    ]


def _remove_empty_parents(repository: Repository, folder: str) -> None:
    root = os.fspath(repository.root)
    while len(folder) > len(root) and _core.remove_folder_if_empty(folder):
        folder = os.path.dirname(folder)
