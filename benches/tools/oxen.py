"""Oxen by its Python package, which brings no command line: a small program calls it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benches.process import Cost, run
from benches.tools.base import BranchingTool

DRIVER = Path(__file__).with_name("oxen_driver.py")


class Oxen(BranchingTool):
    """The package `oxenai` in the first interpreter that has it.

    Counted are the seconds of the calls alone, without Python's start and imports.
    """

    name = "oxen"
    programs: tuple[str, ...] = ("python3",)
    flushes = True

    def call(self, tree: Path, *words: str) -> Cost:
        """One process of the driver, which prints the seconds of its calls as its last line."""
        # -I: the folder of the driver is not to be searched for modules, this one is named like the package
        interpreter = [*self.prefix, self.program("python3"), "-I", str(DRIVER)]
        cost = run([*interpreter, str(tree), *words], tree, self.environment)
        return replace(cost, seconds=float(cost.said.splitlines()[-1]))

    def program(self, name: str) -> str:
        """The first interpreter on the path that has the package: the one that runs the measurement has not."""
        for folder in self.environment["PATH"].split(":"):
            if list(Path(folder).parent.glob("lib/python3*/site-packages/oxen")):
                return str(Path(folder) / name)
        raise FileNotFoundError("the package oxenai")

    def version(self) -> str:
        return (
            "oxenai "
            + self.run(self.workplace.root, "python3", "-c", "import oxen; print(oxen.__version__)").said.strip()
        )

    def first(self, tree: Path) -> Cost:
        return self.call(tree, "init") + self.everything(tree)

    def status(self, tree: Path) -> Cost:
        return self.call(tree, "status")

    def one(self, tree: Path, name: str) -> Cost:
        return self.call(tree, "add", name) + self.call(tree, "commit")

    def everything(self, tree: Path) -> Cost:
        return self.call(tree, "add", "data") + self.call(tree, "commit")

    def restore(self, tree: Path) -> Cost:
        return self.call(tree, "restore", "data")

    def branch(self, tree: Path, name: str) -> None:
        self.call(tree, "branch", name)

    def switch(self, tree: Path, name: str) -> Cost:
        return self.call(tree, "switch", name)

    def stores(self, tree: Path) -> list[Path]:
        return [tree / ".oxen"]
