"""git, and git with the large file extension."""

from __future__ import annotations

import os
from pathlib import Path

from benches.process import Cost
from benches.tools.base import BranchingTool

# Background maintenance would run into the next measurement.
OPTIONS = ["gc.auto=0", "maintenance.auto=false", "init.defaultBranch=main", "advice.detachedHead=false"]


def variables() -> dict[str, str]:
    """Settings by the environment: none of the user's, none of the machine's."""
    found = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": str(len(OPTIONS))}
    for number, option in enumerate(OPTIONS):
        key, value = option.split("=")
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    for role in ("AUTHOR", "COMMITTER"):
        found |= {f"GIT_{role}_NAME": "Bench", f"GIT_{role}_EMAIL": "bench@example.org"}
    return found


class Git(BranchingTool):
    """git as it comes."""

    name = "git"
    programs: tuple[str, ...] = ("git",)
    flushes = False

    def settings(self) -> dict[str, str]:
        return variables()

    def first(self, tree: Path) -> Cost:
        return self.run(tree, "git", "init", "-q") + self.everything(tree)

    def status(self, tree: Path) -> Cost:
        return self.run(tree, "git", "status")

    def one(self, tree: Path, name: str) -> Cost:
        return self.runs(tree, ["git", "add", name], ["git", "commit", "-qm", "one more"])

    def everything(self, tree: Path) -> Cost:
        return self.runs(tree, ["git", "add", "."], ["git", "commit", "-qm", "all"])

    def restore(self, tree: Path) -> Cost:
        return self.run(tree, "git", "restore", ".")

    def branch(self, tree: Path, name: str) -> None:
        self.run(tree, "git", "checkout", "-q", "-b", name)

    def switch(self, tree: Path, name: str) -> Cost:
        return self.run(tree, "git", "checkout", "-q", name)

    def stores(self, tree: Path) -> list[Path]:
        return [tree / ".git"]


class GitLfs(Git):
    """git with all of `data` tracked by git-lfs."""

    name = "git-lfs"
    programs: tuple[str, ...] = ("git-lfs", "git")

    def first(self, tree: Path) -> Cost:
        made = self.runs(tree, ["git", "init", "-q"], ["git", "lfs", "install", "--local"])
        return made + self.run(tree, "git", "lfs", "track", "data/**") + self.everything(tree)
