"""What every tool can be asked to do."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path

from benches.process import CommandFailed, Cost, run
from benches.workplace import Workplace


class Tool(ABC):
    """A tool at work in trees whose files lie in the folder `data`.

    Each verb is whole processes, from start to end, and returns what they took together.
    """

    name: str
    programs: tuple[str, ...] = ()
    """What has to be installed."""
    flushes: bool
    """Whether what it stored is on the disk when it returns; else a flush is added where that is compared."""

    def __init__(self, workplace: Workplace, path: str) -> None:
        self.workplace = workplace
        self.environment = {
            "PATH": path,
            "HOME": str(workplace.home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(workplace.home),
            **self.settings(),
        }
        self.prefix: list[str] = []
        """Words before each command: a tracer."""

    def settings(self) -> dict[str, str]:
        """Variables of its own."""
        return {}

    def program(self, name: str) -> str:
        """Where a program lies."""
        found = shutil.which(name, path=self.environment["PATH"])
        assert found is not None, name
        return found

    def run(self, folder: Path, *words: str) -> Cost:
        """One command."""
        return run([*self.prefix, self.program(words[0]), *words[1:]], folder, self.environment)

    def runs(self, folder: Path, *commands: list[str]) -> Cost:
        """Several commands, one after the other."""
        total = Cost()
        for words in commands:
            total += self.run(folder, *words)
        return total

    def usable(self) -> bool:
        """Whether it starts."""
        try:
            self.version()
        except (CommandFailed, OSError):
            return False
        return True

    def version(self) -> str:
        """As it names itself."""
        return self.run(self.workplace.root, self.programs[0], "--version").said.splitlines()[0]

    # -- verbs ---------------------------------------------------------------------------------------------------
    @abstractmethod
    def first(self, tree: Path) -> Cost:
        """Make a repository and store everything."""

    @abstractmethod
    def status(self, tree: Path) -> Cost:
        """Say what changed."""

    @abstractmethod
    def one(self, tree: Path, name: str) -> Cost:
        """Store one new file, named by its path within the tree."""

    @abstractmethod
    def everything(self, tree: Path) -> Cost:
        """Store all changes."""

    @abstractmethod
    def restore(self, tree: Path) -> Cost:
        """Bring back `data`, which is gone."""

    @abstractmethod
    def stores(self, tree: Path) -> list[Path]:
        """Where the repository's own files lie."""


class BranchingTool(Tool):
    """A tool that knows branches; a backup program does not."""

    @abstractmethod
    def branch(self, tree: Path, name: str) -> None:
        """Make a branch here and work on it."""

    @abstractmethod
    def switch(self, tree: Path, name: str) -> Cost:
        """Make the files those of a branch."""


def usage(stores: list[Path]) -> tuple[int, int, int]:
    """Bytes, bytes as allocated on the disk, and the number of files and folders."""
    length = allocated = count = 0
    for store in stores:
        for folder, folders, files in os.walk(store):
            for name in (*folders, *files):
                facts = os.lstat(os.path.join(folder, name))
                count += 1
                allocated += facts.st_blocks * 512
                length += facts.st_size if name in files else 0
    return length, allocated, count
