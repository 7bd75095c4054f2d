"""Thousands of commits of one file each: what each adds, and whether the repository grows slow."""

from __future__ import annotations

import sys
from pathlib import Path

from benches import yardsticks
from benches.bench import Bench
from benches.process import Cost, run
from benches.sets import CommitSet, commit_files, make_files
from benches.tools.base import Tool, usage
from benches.workplace import files_below

ROOT = Path(__file__).resolve().parents[1]
EARLY = 10
"""The commit after which the repository counts as young."""
STRIDES = 10
"""How often on the way it is looked at."""
OPENING = """
import time, oxide
start = time.perf_counter()
oxide.Repository.open(".")
print(time.perf_counter() - start)
"""


def measure(bench: Bench, commits: CommitSet) -> None:
    """Oxide alone."""
    tool = bench.oxide
    if tool is None:
        return
    bench.results.begin(commits, [tool.name])
    print(f"\n{commits.title}")
    tree = bench.workplace.root / commits.name
    make_files(tree, commit_files(commits.files))
    tool.first(tree)
    before = usage(tool.stores(tree))[0]
    made = 0
    most = 0
    for until in (EARLY, *(commits.commits * stride // STRIDES for stride in range(1, STRIDES + 1))):
        if until <= made:
            continue
        numbers = [str(number) for number in (commits.files, made, until)]
        cost = run([sys.executable, "-m", "benches.commit_many", str(tree), *numbers], ROOT, tool.environment)
        bench.results.add(
            (commits.name, "stride", tool.name), bench.versions[tool.name], per_commit(cost, until - made), {}
        )
        made = until
        most = max(most, sum(1 for _ in files_below(tree / ".oxide")))
        if made == EARLY:
            verbs(bench, tool, tree, commits, "early")
    verbs(bench, tool, tree, commits, "late")
    grown = usage(tool.stores(tree))[0] - before
    for name, value in (("bytes a commit", grown / made), ("most files below .oxide", most)):
        bench.results.fact((commits.name, name, tool.name), bench.versions[tool.name], value)
    bench.workplace.put_aside(tree)


def per_commit(cost: Cost, commits: int) -> Cost:
    """A process' cost, shared out."""
    written = None if cost.written is None else cost.written // commits
    return Cost(cost.seconds / commits, cost.processor / commits, cost.memory, written)


def verbs(bench: Bench, tool: Tool, tree: Path, commits: CommitSet, age: str) -> None:
    """Status, log and opening, some times each, a walk beside each."""
    bench.workplace.flush()
    tool.status(tree)
    for _ in range(commits.repeats):
        found = {
            "status": tool.run(tree, "oxide", "status"),
            "log": tool.run(tree, "oxide", "log", "-n", str(EARLY)),
            "open": run([sys.executable, "-c", OPENING], tree, tool.environment),
        }
        for verb, cost in found.items():
            if verb == "open":  # the call alone: most of the process is Python's start
                cost = Cost(float(cost.said), cost.processor, cost.memory, cost.written)
            place = (commits.name, f"{verb}, {age}", tool.name)
            bench.results.add(place, bench.versions[tool.name], cost, yardsticks.walk(tree / "data"))
