"""The capped cache of segments as Parquet, ``.oxide/cache/segments``.

Derived: any file may vanish and is written again.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from oxide import _core
from oxide.errors import FileSystemError

SEGMENT_CAP = 2 * 1024**3
"""Bytes that the cache may hold, besides what was used just now."""
_RECENT = 600.0
"""Seconds for which a used file stays: another process may be about to open it."""
_TOUCH_AGAIN = 60.0


Facts = list[tuple[int, int] | None]


def facts(paths: Iterable[str]) -> Facts:
    """Length and inode of each file, ``None`` of one that is not there: files are only ever replaced whole."""
    found: Facts = []
    for path in paths:
        try:
            state = os.stat(path)
            found.append((state.st_size, state.st_ino))
        except OSError:
            found.append(None)
    return found


def mark_used(paths: Sequence[str]) -> None:
    """Note that files are in use now. One that vanished is left to whoever opens it."""
    now = time.time()
    for path in paths:
        with contextlib.suppress(OSError, FileSystemError):
            if now - os.stat(path).st_mtime > _TOUCH_AGAIN:
                _core.mark_used(path)


def trim(folder: Path, keep: Sequence[str], cap: int = SEGMENT_CAP) -> int:
    """Remove the files that were used longest ago until ``cap`` bytes are left. Returns the bytes removed.

    Never removes one of ``keep`` or one that was used within ten minutes.
    """
    kept = {os.path.basename(path) for path in keep}
    recent = time.time() - _RECENT
    total = 0
    candidates: list[tuple[float, int, str]] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                facts = entry.stat(follow_symlinks=False)
                total += facts.st_size
                if entry.name not in kept and facts.st_mtime < recent:
                    candidates.append((facts.st_mtime, facts.st_size, entry.path))
    removed = 0
    for _, size, path in sorted(candidates):
        if total - removed <= cap:
            break
        with contextlib.suppress(FileSystemError):
            _core.remove_file(path)
            removed += size
    return removed
