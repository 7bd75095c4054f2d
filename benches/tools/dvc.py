"""DVC beside git: `data` is one tracked folder, its list is committed with git."""

from __future__ import annotations

from pathlib import Path

from benches.process import Cost
from benches.tools.base import BranchingTool
from benches.tools.git import variables


class Dvc(BranchingTool):
    """DVC with its defaults: files are copied into the cache, and out of it."""

    name = "dvc"
    programs: tuple[str, ...] = ("dvc", "git")
    flushes = False

    def settings(self) -> dict[str, str]:
        home = self.workplace.home
        return {
            **variables(),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(home / "dvc-site"),
            "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc-global"),
            "DVC_SYSTEM_CONFIG_DIR": str(home / "dvc-system"),
        }

    def version(self) -> str:
        return f"dvc {super().version()}"

    def first(self, tree: Path) -> Cost:
        return self.runs(tree, ["git", "init", "-q"], ["dvc", "init", "-q"]) + self.everything(tree)

    def status(self, tree: Path) -> Cost:
        return self.runs(tree, ["dvc", "status", "-q"], ["git", "status"])

    def one(self, tree: Path, name: str) -> Cost:
        return self.everything(tree)  # a folder is tracked as one: there is no adding of one file of it

    def everything(self, tree: Path) -> Cost:
        return self.runs(tree, ["dvc", "add", "-q", "data"], ["git", "add", "."], ["git", "commit", "-qm", "all"])

    def restore(self, tree: Path) -> Cost:
        return self.run(tree, "dvc", "checkout", "-q")

    def branch(self, tree: Path, name: str) -> None:
        self.run(tree, "git", "checkout", "-q", "-b", name)

    def switch(self, tree: Path, name: str) -> Cost:
        return self.runs(tree, ["git", "checkout", "-q", name], ["dvc", "checkout", "-q"])

    def stores(self, tree: Path) -> list[Path]:
        return [tree / ".git", tree / ".dvc"]
