"""The folder that everything happens in: below the user's temporary folder or where told, and gone afterwards.

Nothing is removed while times are taken: ext4 refuses to reuse an inode for a minute after its removal and searches
past all of them at every creation, which makes `cp -r` after `rm -r` ten times slower. What a run is done with is moved
aside and its files are cut to nothing, which gives the space back.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benches.process import run

GB = 10**9


class NoSpace(Exception):
    """The disk has too little room for what is to be measured."""


class Workplace:
    """A new folder with a home of its own for the tools, so that no setting of the user's changes a figure."""

    def __init__(self, parent: Path | None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="oxide-bench-", dir=parent))
        self.home = self.root / "home"
        self.aside = self.root / "aside"
        self.home.mkdir()
        self.aside.mkdir()
        self._moved = 0

    def put_aside(self, *paths: Path) -> None:
        """Out of the way and emptied, but not removed."""
        for path in paths:
            self._moved += 1
            target = self.aside / str(self._moved)
            path.rename(target)
            empty(target)

    def flush(self) -> float:
        """Write everything that waits on this file system to the disk. Returns the seconds it took.

        Without `sync -f` (macOS) everything is flushed.
        """
        words = ["sync"] if platform.system() == "Darwin" else ["sync", "-f", str(self.root)]
        return run(words).seconds

    def need(self, space: int) -> None:
        """See whether `space` bytes are free.

        Raises:
            NoSpace: they are not.
        """
        free = shutil.disk_usage(self.root).free
        if free < space:
            raise NoSpace(
                f"{self.root} has {free / GB:.1f} GB free, {space / GB:.1f} GB are needed; --folder names another"
            )

    def remove(self) -> None:
        """Everything, also what tools made read-only."""
        for folder, _, _ in os.walk(self.root):
            os.chmod(folder, 0o700)
        shutil.rmtree(self.root)


def empty(path: Path) -> None:
    """Cut every file below a path to nothing."""
    for file in files_below(path):
        try:
            os.truncate(file, 0)
        except PermissionError:
            os.chmod(file, 0o600)
            os.truncate(file, 0)


def files_below(path: Path) -> Iterator[Path]:
    """All files below a folder, or the file itself; symbolic links are left out.

    One after the other, never as a list: the harness' memory is the floor of what it measures.
    """
    if path.is_file() and not path.is_symlink():
        yield path
    for folder, _, names in os.walk(path):
        for name in names:
            file = Path(folder) / name
            if not file.is_symlink():
                yield file
