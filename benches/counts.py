"""Instructions of the hot paths, counted by callgrind: they hardly move on a machine whose clock wanders.

Twice: of the whole process without the bare start of Python, and of the core alone, that is, of instructions in the
extension itself on all its threads, not in the libraries that it calls. The processor that valgrind shows to a program
has no AVX-512 and no SHA instructions, so hashing weighs more here than it does in time.
"""

from __future__ import annotations

import random
import re
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from benches.bench import Bench
from benches.process import run
from benches.results import now
from benches.sets import FileSet, make_files, write_random
from benches.tools.base import Tool
from benches.workplace import Workplace

OBJECT = re.compile(r"ob=\((\d+)\)(?: (.*))?")
COST = re.compile(r"[+*\d-]\S* (\d+)")
START = "start"

Counts = dict[str, dict[str, int]]
"""Instructions by hot path: of the `process`, and in the `core`."""

NAMES = {
    START: "the bare start of Python, taken off all others",
    "add": "`add` of 1 000 files of 2 KB",
    "commit": "`commit` of them",
    "status": "`status` of them, unchanged",
    "restore": "`restore` of them all",
    "one file of 32 MB": "`add` of one file of 32 MB: read, cut, hashed, stored",
    "add one of 20 000": "`add` of one named file among 20 000",
    "commit one of 20 000": "`commit` of it",
}


def measure(bench: Bench) -> Counts:
    """All hot paths. Returns instructions by name; they are in the results only after `keep`."""
    tool = bench.oxide
    if tool is None or shutil.which("valgrind") is None:
        print("valgrind is not installed: instructions are not counted")
        return {}
    print("\ninstructions of the hot paths")
    counter = Counter(bench.workplace, tool)
    counter.count(START, bench.workplace.root, "-c", "pass")
    thousand(counter, bench.workplace)
    large_file(counter, bench.workplace)
    among_many(counter, bench.workplace)
    start = counter.found[START]["process"]
    for name, count in counter.found.items():
        if name != START:
            count["process"] -= start
    return counter.found


def keep(bench: Bench, counts: Counts) -> None:
    """Make them the reference that later counts are compared with."""
    bench.results.counts = counts
    bench.results.counted = {"date": now(), "version": bench.versions["oxide"]}


def compare(reference: Counts, counts: Counts) -> list[str]:
    """A line for each hot path: instructions, and the difference to the reference in percent."""
    lines = []
    for name, parts in counts.items():
        for part, count in parts.items():
            before = reference.get(name, {}).get(part)
            change = f"{(count / before - 1) * 100:+7.2f} %" if before else "new" if count else ""
            lines.append(f"{name:22} {part:8} {count / 1e6:12.2f} M  {change}")
    return lines


class Counter:
    """Runs verbs under callgrind."""

    def __init__(self, workplace: Workplace, tool: Tool) -> None:
        self.workplace = workplace
        self.tool = tool
        self.found: Counts = {}

    def count(self, name: str, tree: Path, *words: str) -> None:
        """One run of Python with these arguments."""
        log = self.workplace.root / "callgrind.out"
        callgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={log}"]
        environment = {**self.tool.environment, "PYTHONHASHSEED": "0"}
        run([*callgrind, sys.executable, *words], tree, environment)
        with log.open() as lines:
            process, core = added(lines)
        self.found[name] = {"process": process, "core": core}
        print(f"  {name:22} {process / 1e6:12.2f} M instructions, {core / 1e6:12.2f} M in the core")

    def verb(self, name: str, tree: Path, *words: str) -> None:
        """One verb of oxide."""
        self.count(name, tree, self.tool.program("oxide"), *words)


def added(lines: Iterable[str]) -> tuple[int, int]:
    """All instructions in a file of callgrind's, and those in the core's extension."""
    process = core = 0
    names: dict[str, str] = {}
    within = called = False
    for line in lines:
        if line.startswith(("ob=", "cob=")) and (found := OBJECT.search(line)):
            name = names.setdefault(found[1], found[2] or "")
            if line.startswith("ob="):
                within = Path(name).name.startswith("_core.")
        elif line.startswith("calls="):
            called = True  # the next line has what the callee took, which stands at the callee too
        elif cost := COST.match(line):
            if not called:
                process += int(cost[1])
                core += int(cost[1]) * within
            called = False
    return process, core


def thousand(counter: Counter, workplace: Workplace) -> None:
    tree = workplace.root / "thousand"
    make_files(tree, FileSet("thousand", 1_000, 2_048, 2_048, 0))
    counter.tool.run(tree, "oxide", "init")
    counter.verb("add", tree, "add", ".")
    counter.verb("commit", tree, "commit", "-m", "all")
    time.sleep(1.1)
    counter.tool.status(tree)
    counter.verb("status", tree, "status")
    workplace.put_aside(tree / "data")
    counter.verb("restore", tree, "restore", ".")


def large_file(counter: Counter, workplace: Workplace) -> None:
    tree = workplace.root / "large"
    tree.mkdir()
    counter.tool.run(tree, "oxide", "init")
    write_random(tree / "large.bin", 32 << 20, random.Random("large"))
    counter.verb("one file of 32 MB", tree, "add", ".")


def among_many(counter: Counter, workplace: Workplace) -> None:
    tree = workplace.root / "many"
    make_files(tree, FileSet("many", 20_000, 500, 500, 0))
    counter.tool.first(tree)
    time.sleep(1.1)  # lets the clock pass the second of the writes: files changed within it must be read again
    counter.tool.status(tree)
    (tree / "data" / "new.jpg").write_bytes(random.Random("new").randbytes(2_048))
    counter.verb("add one of 20 000", tree, "add", "data/new.jpg")
    counter.verb("commit one of 20 000", tree, "commit", "-m", "one")
