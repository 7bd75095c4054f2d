"""Sets of files: stored at first, asked for changes, one more, brought back, switched between two branches."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from benches import yardsticks
from benches.bench import Bench
from benches.process import Cost, run
from benches.sets import FileSet, make_files, write_random
from benches.tools.base import BranchingTool, Tool, usage
from benches.verify import WrongResult, holds
from benches.yardsticks import Yardsticks

BLOCK = 4_096
"""What the smallest file takes on a disk."""
QUICK = 3.0
"""Seconds: operations below are run three times in a round."""


def measure(bench: Bench, files: FileSet) -> None:
    """All operations on one set, all rounds."""
    copies = 4 if files.in_place else 6
    bench.workplace.need(copies * files.files * max((files.smallest + files.largest) // 2, BLOCK))
    inputs = Inputs(bench.workplace.root, files)
    bench.take_turns(files, lambda tool: Round(bench, inputs, tool).measure(), files.rounds, files.tools)
    bench.workplace.put_aside(inputs.root)


class Inputs:
    """The set on disk, a few files to add, and both sides of the switch."""

    def __init__(self, work: Path, files: FileSet) -> None:
        self.files = files
        self.root = work / files.name
        self.original = self.root / "original"
        print(f"\n{files.title}: making them")
        make_files(self.original, files)
        self.bytes = usage([self.original])[0]
        source = random.Random("new")
        self.new = self.root / "new"
        (self.new / "data" / "new").mkdir(parents=True)
        self.names = [f"data/new/{number}{files.suffix}" for number in range(3)]
        for name in self.names:
            write_random(self.new / name, files.smallest, source)
        self.main, self.other, self.like = (self.root / name for name in ("main", "other", "like"))
        for number in range(files.differing):
            name = files.name_of(number)
            for side in (self.main, self.other, self.like):
                (side / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.original / name, side / name)
            write_random(self.other / name, (self.original / name).stat().st_size, source)


class Round:
    """One tool, once through all operations, in a tree of its own."""

    def __init__(self, bench: Bench, inputs: Inputs, tool: Tool) -> None:
        self.bench = bench
        self.inputs = inputs
        self.tool = tool
        self.workplace = bench.workplace
        self.tree = inputs.root / tool.name

    def measure(self) -> None:
        """Everything, in the order in which a user would."""
        files = self.inputs.files
        if files.in_place:
            self.inputs.original.rename(self.tree)
        else:
            run(["cp", "-r", str(self.inputs.original), str(self.tree)])
        try:
            self.first()
            self.status()
            self.one()
            if not files.in_place:
                self.restore()
            if files.differing and isinstance(self.tool, BranchingTool):
                self.switch(self.tool)
        finally:
            self.leave()

    def leave(self) -> None:
        """The repository goes; the files too, but for the only copy there is."""
        for store in self.tool.stores(self.tree):
            if store.exists():
                self.workplace.put_aside(store)
        if not self.inputs.files.in_place:
            self.workplace.put_aside(self.tree)
            return
        beside = [path for path in self.tree.iterdir() if path.name != "data"]
        self.workplace.put_aside(*beside, *self.tree.glob("data/new"))
        self.tree.rename(self.inputs.original)
        if usage([self.inputs.original])[0] != self.inputs.bytes:
            raise WrongResult(f"{self.tool.name} changed what it was given to store")

    def record(self, operation: str, cost: Cost, beside: Yardsticks, flush: float = 0.0) -> None:
        place = (self.inputs.files.name, operation, self.tool.name)
        self.bench.results.add(place, self.bench.versions[self.tool.name], cost, beside, flush)

    def first(self) -> None:
        beside = yardsticks.copy(self.workplace, self.tree / "data", flush=True)
        if self.inputs.files.suffix == ".mp4":
            beside |= yardsticks.sha256(self.tree / "data")
        cost = self.tool.first(self.tree)
        left = self.workplace.flush()
        self.record("first", cost, beside, 0.0 if self.tool.flushes else left)
        length, allocated, count = usage(self.tool.stores(self.tree))
        for name, value in (("store", length), ("allocated", allocated)):
            self.fact(f"{name}, x data", value / self.inputs.bytes)
        self.fact("files and folders in the store", count)

    def fact(self, name: str, value: float) -> None:
        place = (self.inputs.files.name, name, self.tool.name)
        self.bench.results.fact(place, self.bench.versions[self.tool.name], value)

    def status(self) -> None:
        time.sleep(1.1)  # lets the clock pass the second of the writes: files changed within it must be read again
        self.tool.status(self.tree)
        self.repeated("status", lambda number: self.tool.status(self.tree))

    def one(self) -> None:
        (self.tree / "data" / "new").mkdir()

        def add(number: int) -> Cost:
            name = self.inputs.names[number]
            shutil.copyfile(self.inputs.new / name, self.tree / name)
            self.workplace.flush()
            return self.tool.one(self.tree, name)

        self.repeated("one", add)

    def repeated(self, operation: str, act: Callable[[int], Cost]) -> None:
        """Up to three times while it is quick, a walk beside each."""
        total = 0.0
        for number in range(3):
            cost = act(number)
            self.record(operation, cost, yardsticks.walk(self.tree / "data"))
            total += cost.seconds
            if total > QUICK:
                return

    def restore(self) -> None:
        added = sorted((self.tree / "data" / "new").iterdir())
        beside = yardsticks.copy(self.workplace, self.tree / "data")
        self.workplace.put_aside(self.tree / "data")
        self.workplace.flush()
        self.record("restore", self.tool.restore(self.tree), beside)
        holds(self.tool.name, self.inputs.original, self.tree)
        assert added == sorted((self.tree / "data" / "new").iterdir())

    def switch(self, tool: BranchingTool) -> None:
        """The changes of the other branch are stored, then there and back; beside it a copy over a like tree."""
        inputs = self.inputs
        tool.branch(self.tree, "other")
        run(["cp", "-r", f"{inputs.other}/.", str(self.tree)])
        beside = yardsticks.copy_over(self.workplace, inputs.other, inputs.like)
        self.workplace.flush()
        self.record("store changes", tool.everything(self.tree), beside)
        for branch, side in (("main", inputs.main), ("other", inputs.other)):
            beside = yardsticks.copy_over(self.workplace, side, inputs.like)
            self.workplace.flush()
            self.record("switch", tool.switch(self.tree, branch), beside)
            holds(tool.name, side, self.tree)
