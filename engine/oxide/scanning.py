"""scan: facts of pictures and videos, read again for files that are tracked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oxide.errors import NotFound
from oxide.transactions import publish
from oxide.types import Broken, Progress, ScanResult, Skipped
from oxide.wording import count
from oxide.workspace import WORKSPACE, file_roots, from_tables, read_state, to_tables, with_file_roots

if TYPE_CHECKING:
    from oxide._core import Record
    from oxide.repository import Repository


def scan(repository: Repository, paths: Sequence[str], *, every: bool, progress: Progress | None) -> ScanResult:
    """Read facts of tracked files at and below ``paths`` (empty: all) and stage what is new. Raises NotFound."""
    store = repository.store
    with store.begin() as session:
        files, _ = file_roots(read_state(store).pending)
        for path in paths:
            if store.file_row(files, path) is None and not store.has_folder(files, path):
                raise NotFound(
                    f"'{path}' is not tracked", hint="stage it with `oxide add`, which reads it too", path=path
                )
        scanned = session.scan(files, paths, all=every, progress=progress)

        def change(view: Record) -> None:
            workspace = view["workspaces"][WORKSPACE]
            tables = to_tables(workspace["pending"])
            files, items = file_roots(tables)
            workspace["pending"] = from_tables(with_file_roots(tables, (scanned.apply(session, files), items)))

        if scanned.changed:
            publish(repository, session, "scan", f"scan {count(scanned.changed, 'file')}", change)
    return ScanResult(
        scanned.read,
        scanned.changed,
        [Broken(path, reason) for path, reason in scanned.broken],
        [Skipped(entry["path"], entry["reason"]) for entry in scanned.skipped],
    )
