"""restic: a backup of the tree into a repository beside it."""

from __future__ import annotations

from pathlib import Path

from benches.process import Cost
from benches.tools.base import Tool


class Restic(Tool):
    """restic with its defaults; each state is a snapshot. Its status is a backup that finds nothing new."""

    name = "restic"
    programs: tuple[str, ...] = ("restic",)
    flushes = True

    def settings(self) -> dict[str, str]:
        return {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(self.workplace.home / "restic")}

    def version(self) -> str:
        return self.run(self.workplace.root, "restic", "version").said.split(" compiled")[0]

    def command(self, tree: Path, *words: str) -> Cost:
        """One command on the tree's repository."""
        return self.run(tree, "restic", "-q", "-r", str(self.stores(tree)[0]), *words)

    def first(self, tree: Path) -> Cost:
        return self.command(tree, "init") + self.everything(tree)

    def status(self, tree: Path) -> Cost:
        return self.everything(tree)

    def one(self, tree: Path, name: str) -> Cost:
        return self.everything(tree)

    def everything(self, tree: Path) -> Cost:
        return self.command(tree, "backup", "data")

    def restore(self, tree: Path) -> Cost:
        return self.command(tree, "restore", "latest", "--target", str(tree))

    def stores(self, tree: Path) -> list[Path]:
        return [tree.with_name(f"{tree.name}.restic")]
