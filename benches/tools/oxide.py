"""Oxide's command line."""

from __future__ import annotations

from pathlib import Path

from benches.process import CommandFailed, Cost, run
from benches.tools.base import BranchingTool


class Oxide(BranchingTool):
    """`oxide`, from the environment that runs the measurement."""

    name = "oxide"
    programs: tuple[str, ...] = ("oxide",)
    flushes = True

    def settings(self) -> dict[str, str]:
        return {"OXIDE_USER_NAME": "Bench", "OXIDE_USER_EMAIL": "bench@example.org"}

    def version(self) -> str:
        """With the commit that it was built from, where that can be told."""
        try:
            described = run(["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"])
        except (CommandFailed, OSError):
            return super().version()
        return f"{super().version()} ({described.said.strip()})"

    def first(self, tree: Path) -> Cost:
        return self.run(tree, "oxide", "init") + self.everything(tree)

    def status(self, tree: Path) -> Cost:
        return self.run(tree, "oxide", "status")

    def one(self, tree: Path, name: str) -> Cost:
        return self.runs(tree, ["oxide", "add", name], ["oxide", "commit", "-m", "one more"])

    def everything(self, tree: Path) -> Cost:
        return self.runs(tree, ["oxide", "add", "."], ["oxide", "commit", "-m", "all"])

    def restore(self, tree: Path) -> Cost:
        return self.run(tree, "oxide", "restore", ".")

    def branch(self, tree: Path, name: str) -> None:
        self.run(tree, "oxide", "checkout", "-b", name)

    def switch(self, tree: Path, name: str) -> Cost:
        return self.run(tree, "oxide", "checkout", name)

    def stores(self, tree: Path) -> list[Path]:
        return [tree / ".oxide"]
