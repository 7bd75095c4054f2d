"""Instructions of the hot paths, counted by callgrind: they hardly move on a machine whose clock wanders.

Counted is the whole process, with Python's start; that of `oxide version` is taken off. The processor that valgrind
shows to a program has no AVX-512 and no SHA instructions, so hashing weighs more here than it does in time.
"""

from __future__ import annotations

import random
import re
import shutil
import sys
from pathlib import Path

from benches.bench import Bench
from benches.process import run
from benches.results import now
from benches.sets import FileSet, make_files, write_random
from benches.tools.base import Tool
from benches.workplace import Workplace

SUMMARY = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)

NAMES = {
    "version": "`oxide version`, taken off all others",
    "add": "`add` of 1 000 files of 2 KB",
    "commit": "`commit` of them",
    "status": "`status` of them, unchanged",
    "restore": "`restore` of them all",
    "one file of 32 MB": "`add` of one file of 32 MB: read, cut, hashed, stored",
    "add one of 20 000": "`add` of one named file among 20 000",
    "commit one of 20 000": "`commit` of it",
}


def measure(bench: Bench) -> dict[str, int]:
    """All hot paths. Returns instructions by name; they are in the results only after `keep`."""
    tool = next((tool for tool in bench.tools if tool.name == "oxide"), None)
    if tool is None or shutil.which("valgrind") is None:
        print("valgrind is not installed: instructions are not counted")
        return {}
    print("\ninstructions of the hot paths")
    counter = Counter(bench.workplace, tool)
    counter.count("version", bench.workplace.root, "version")
    thousand(counter, bench.workplace)
    large_file(counter, bench.workplace)
    among_many(counter, bench.workplace)
    start = counter.found["version"]
    return {name: count if name == "version" else count - start for name, count in counter.found.items()}


def keep(bench: Bench, counts: dict[str, int]) -> None:
    """Make them the reference that later counts are compared with."""
    bench.results.counts = counts
    bench.results.counted = {"date": now(), "version": bench.versions["oxide"]}


def compare(reference: dict[str, int], counts: dict[str, int]) -> list[str]:
    """A line for each hot path: instructions, and the difference to the reference in percent."""
    lines = []
    for name, count in counts.items():
        before = reference.get(name)
        change = f"{(count / before - 1) * 100:+7.2f} %" if before else "    new"
        lines.append(f"{name:22} {count / 1e6:12.2f} M  {change}")
    return lines


class Counter:
    """Runs verbs under callgrind."""

    def __init__(self, workplace: Workplace, tool: Tool) -> None:
        self.workplace = workplace
        self.tool = tool
        self.found: dict[str, int] = {}

    def count(self, name: str, tree: Path, *words: str) -> None:
        """One verb, whole process, all threads."""
        log = self.workplace.root / "callgrind.out"
        callgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={log}"]
        environment = {**self.tool.environment, "PYTHONHASHSEED": "0"}
        run([*callgrind, sys.executable, self.tool.program("oxide"), *words], tree, environment)
        summary = SUMMARY.search(log.read_text())
        assert summary is not None
        self.found[name] = int(summary[1])
        print(f"  {name:22} {self.found[name] / 1e6:12.2f} M instructions")


def thousand(counter: Counter, workplace: Workplace) -> None:
    tree = workplace.root / "thousand"
    make_files(tree, FileSet("thousand", 1_000, 2_048, 2_048, 0))
    counter.tool.run(tree, "oxide", "init")
    counter.count("add", tree, "add", ".")
    counter.count("commit", tree, "commit", "-m", "all")
    counter.tool.status(tree)
    counter.count("status", tree, "status")
    workplace.put_aside(tree / "data")
    counter.count("restore", tree, "restore", ".")


def large_file(counter: Counter, workplace: Workplace) -> None:
    tree = workplace.root / "large"
    tree.mkdir()
    counter.tool.run(tree, "oxide", "init")
    write_random(tree / "large.bin", 32 << 20, random.Random("large"))
    counter.count("one file of 32 MB", tree, "add", ".")


def among_many(counter: Counter, workplace: Workplace) -> None:
    tree = workplace.root / "many"
    make_files(tree, FileSet("many", 20_000, 500, 500, 0))
    counter.tool.first(tree)
    counter.tool.status(tree)
    (tree / "data" / "new.jpg").write_bytes(random.Random("new").randbytes(2_048))
    counter.count("add one of 20 000", tree, "add", "data/new.jpg")
    counter.count("commit one of 20 000", tree, "commit", "-m", "one")
