"""Borg: a backup of the tree into a repository beside it."""

from __future__ import annotations

from pathlib import Path

from benches.process import Cost
from benches.tools.base import Tool


class Borg(Tool):
    """Borg without encryption; each state is an archive. Its status is a backup that finds nothing new."""

    name = "borg"
    programs: tuple[str, ...] = ("borg",)
    flushes = True
    archives = 0
    """How many were made so far: they are named by their number."""

    def settings(self) -> dict[str, str]:
        return {
            "BORG_BASE_DIR": str(self.workplace.home / "borg"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }

    def first(self, tree: Path) -> Cost:
        repository = str(self.stores(tree)[0])
        return self.run(tree, "borg", "init", "--encryption", "none", repository) + self.everything(tree)

    def status(self, tree: Path) -> Cost:
        return self.everything(tree)

    def one(self, tree: Path, name: str) -> Cost:
        return self.everything(tree)

    def everything(self, tree: Path) -> Cost:
        self.archives += 1
        return self.run(tree, "borg", "create", self.latest(tree), "data")

    def restore(self, tree: Path) -> Cost:
        return self.run(tree, "borg", "extract", self.latest(tree))

    def latest(self, tree: Path) -> str:
        """The newest archive as borg's commands name it."""
        return f"{self.stores(tree)[0]}::{self.archives}"

    def stores(self, tree: Path) -> list[Path]:
        return [tree.with_name(f"{tree.name}.borg")]
