"""Reading a revision: ls, du, and contents as streams."""

from __future__ import annotations

import io
import os
from typing import IO, TYPE_CHECKING

from oxide import _core
from oxide.errors import NotFound
from oxide.types import FileEntry, Usage
from oxide.workspace import tables_of

if TYPE_CHECKING:
    from oxide._core import Record, Store
    from oxide.repository import Repository

_IN_MEMORY = 8 * 1024**2
"""Contents up to this size are held in memory, larger ones in a file without a name."""


def open_content(store: Store, content_id: str, size: int) -> IO[bytes]:
    """A content, open for reading."""
    if size <= _IN_MEMORY:
        return io.BytesIO(store.content(content_id))
    stream = os.fdopen(_core.nameless_file(store.control), "w+b")
    try:
        store.copy_content(content_id, stream.fileno())
        stream.seek(0)
    except BaseException:
        stream.close()
        raise
    return stream


def ls(repository: Repository, revision: str, path: str, *, recursive: bool) -> list[FileEntry]:
    """Files at and below ``path``; without ``recursive`` the folders in it are one entry each. Raises NotFound."""
    commit = repository.resolve_revision(revision)
    rows = repository.store.file_rows(tables_of(repository.store, commit)["files"][1], [path] if path else [])
    if not rows and path:
        raise NotFound(f"'{path}' is not in {revision}", hint=f"see `oxide ls {revision}`", path=path)
    if recursive:
        return [_entry(row) for row in rows]
    prefix = f"{path}/" if path else ""
    entries: dict[str, FileEntry] = {}
    for row in rows:
        name, below, _ = row["path"][len(prefix) :].partition("/")
        if row["path"] == path or not below:
            entries[row["path"]] = _entry(row)
        else:
            folder = entries.get(prefix + name)
            size = row["size"] + (folder.size if folder else 0)
            entries[prefix + name] = FileEntry(prefix + name, "folder", size, False, "", "", "", *[None] * 10)
    return [entries[name] for name in sorted(entries)]


def _entry(row: Record) -> FileEntry:
    return FileEntry(*[row[field] for field in FileEntry._fields])


def du(repository: Repository, revision: str) -> Usage:
    """What a revision weighs, and what the repository takes on disk."""
    commit = repository.resolve_revision(revision)
    rows = repository.store.file_rows(tables_of(repository.store, commit)["files"][1])
    unique = {row["content_id"]: row["size"] for row in rows}
    return Usage(
        commit, len(rows), sum(row["size"] for row in rows), sum(unique.values()), repository.store.disk_usage()
    )
