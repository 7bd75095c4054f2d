"""One large CSV in two versions: what the second adds to the store."""

from __future__ import annotations

import shutil

from benches import yardsticks
from benches.bench import Bench
from benches.sets import TableSet, edit_table, make_table
from benches.tools.base import Tool, usage
from benches.verify import holds

BYTES_IN_A_ROW = 60


def measure(bench: Bench, table: TableSet) -> None:
    """Store it, store its second version, bring that back; all rounds."""
    workplace = bench.workplace
    workplace.need(6 * table.rows * BYTES_IN_A_ROW)
    root = workplace.root / table.name
    first, second = (root / version / "data" / "table.csv" for version in ("first", "second"))
    for path in (first, second):
        path.parent.mkdir(parents=True)
    print(f"\n{table.title}: making it")
    make_table(first, table)
    edit_table(first, second, table)

    def one_round(tool: Tool) -> None:
        tree = root / tool.name
        file = tree / "data" / "table.csv"
        file.parent.mkdir(parents=True)
        shutil.copyfile(first, file)
        try:
            beside = yardsticks.copy(workplace, first.parent, flush=True)
            cost = tool.first(tree)
            left = 0.0 if tool.flushes else workplace.flush()
            bench.results.add((table.name, "first", tool.name), bench.versions[tool.name], cost, beside, left)
            before = usage(tool.stores(tree))[0]
            shutil.copyfile(second, file)
            beside = yardsticks.copy(workplace, second.parent, flush=True)
            cost = tool.everything(tree)
            left = 0.0 if tool.flushes else workplace.flush()
            bench.results.add((table.name, "second", tool.name), bench.versions[tool.name], cost, beside, left)
            after = usage(tool.stores(tree))[0]
            size = second.stat().st_size
            for name, value in (("store, x file", before / size), ("growth, x file", (after - before) / size)):
                bench.results.fact((table.name, name, tool.name), bench.versions[tool.name], value)
            workplace.put_aside(file.parent)
            beside = yardsticks.copy(workplace, second.parent)
            workplace.flush()
            cost = tool.restore(tree)
            bench.results.add((table.name, "restore", tool.name), bench.versions[tool.name], cost, beside)
            holds(tool.name, second.parent, tree / "data")
        finally:
            workplace.put_aside(tree, *(store for store in tool.stores(tree) if not store.is_relative_to(tree)))

    bench.take_turns(table, one_round)
    workplace.put_aside(root)
