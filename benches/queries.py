"""Questions to a repository of very many items, beside the same SQL over one plain Parquet file a table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import oxide

from benches import query_data
from benches.bench import Bench
from benches.label_steps import edit
from benches.process import Cost, run
from benches.sets import QuerySet

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = 50
EDITS = 20
BYTES_OF_AN_ANNOTATION = 120
FEW = 20_000


def measure(bench: Bench, queries: QuerySet) -> None:
    """Oxide alone, all rounds in one process; then the command line on a small repository."""
    tool = bench.oxide
    if tool is None:
        return
    bench.workplace.need(BYTES_OF_AN_ANNOTATION * queries.annotations)
    bench.results.begin(queries, [tool.name])
    print(f"\n{queries.title}: making them")
    root = bench.workplace.root / queries.name
    root.mkdir()
    tree, plain = root / "tree", root / "plain"
    query_data.make(tree, plain, queries.items, queries.annotations)
    repository = oxide.Repository.open(tree)
    for _ in range(VERSIONS):
        edit(repository, EDITS)
    asked = run([sys.executable, "-m", "benches.query_steps", str(tree), str(plain), str(bench.rounds)], ROOT)
    for name, samples in json.loads(asked.said).items():
        for seconds, beside in samples:
            cost = Cost(seconds, asked.processor, asked.memory, 0)
            bench.results.add((queries.name, name, tool.name), bench.versions[tool.name], cost, {"plain": beside})
    for name in ["stats"] + ["stats again"] * bench.rounds:
        cost = tool.run(tree, "oxide", "stats", "--json")
        bench.results.add((queries.name, name, tool.name), bench.versions[tool.name], cost, {})
    few = root / "few"
    query_data.make(few, root / "few plain", min(FEW, queries.items), 10 * min(FEW, queries.items))
    text = "label:cat score>0.5 metadata.foo:bar2"
    tool.run(few, "oxide", "query", text)
    for _ in range(bench.rounds):
        cost = tool.run(few, "oxide", "query", text)
        bench.results.add((queries.name, "first result", tool.name), bench.versions[tool.name], cost, {})
    bench.workplace.put_aside(root)
