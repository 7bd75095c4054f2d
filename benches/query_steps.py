"""Questions to a repository and to plain Parquet files of the same rows, by turns in one process.

``python -m benches.query_steps TREE PLAIN ROUNDS`` prints JSON: question to a list of [seconds, those of plain DuckDB].
The repository is asked at HEAD and fifty versions back; the first asking of each fills caches and is not counted.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import oxide

LABELS = "SELECT label, count(*) FROM annotations GROUP BY label"
JOINED = {"metadata.foo": "bar2", "annotations": {"$match": {"label": "cat", "score": {"$gt": 0.5}}}}
PLAIN_JOINED = """
    SELECT path, item_id FROM files
    WHERE item_id IN (SELECT item_id FROM metadata WHERE value ->> '$.foo' = 'bar2')
      AND item_id IN (SELECT item_id FROM annotations WHERE label = 'cat' AND score > 0.5)
    ORDER BY path
"""
PLAIN_PAGE = "SELECT path, epoch_us(created) FROM files JOIN items USING (item_id) ORDER BY created DESC LIMIT 101"
PAGE = 100

Question = tuple[Callable[[], int], Callable[[], int]]


def plain_tables(folder: Path) -> duckdb.DuckDBPyConnection:
    """A database of views over one Parquet file a table, on as many cores as Oxide."""
    connection = duckdb.connect(":memory:")
    for path in sorted(folder.glob("*.parquet")):
        connection.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM read_parquet('{path}')")
    return connection


def questions(repository: oxide.Repository, plain: duckdb.DuckDBPyConnection, at: str | None) -> dict[str, Question]:
    """Each as Oxide answers it, and as plain DuckDB does; both give how many rows."""
    item = repository.query({}, at=at, limit=1).items[0]["id"]
    of_item = {"resource": "annotations", "filter": {"itemId": item}}
    plain_item = f"SELECT * EXCLUDE (created, updated) FROM annotations WHERE item_id = unhex('{item}')"

    def fetched(text: str) -> Callable[[], int]:
        return lambda: len(plain.execute(text).fetchall())

    return {
        "labels": (lambda: len(repository.sql(LABELS, at=at).fetch_rows()), fetched(LABELS)),
        "joined": (lambda: len(repository.query(JOINED, at=at).ids), fetched(PLAIN_JOINED)),
        "item": (lambda: len(repository.query(of_item, at=at).items), fetched(plain_item)),
        "page": (
            lambda: len(repository.query({}, at=at, sort="createdAt:desc", limit=PAGE).items) + 1,
            fetched(PLAIN_PAGE),
        ),
    }


def timed(work: Callable[[], int]) -> tuple[float, int]:
    """Seconds, and what came of it."""
    start = time.perf_counter()
    rows = work()
    seconds = time.perf_counter() - start
    for thread in threading.enumerate():
        if thread.name == "oxide-spare":  # a database that Oxide opens for its next query; plain DuckDB has one
            thread.join()
    return seconds, rows


def main() -> None:
    """Ask."""
    tree, folder, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    repository = oxide.Repository.open(tree)
    plain = plain_tables(folder)
    samples: dict[str, list[tuple[float, float]]] = {}
    for suffix, at in (("", None), (" back", "HEAD~50")):
        for name, (ours, theirs) in questions(repository, plain, at).items():
            ours(), theirs()
            for _ in range(rounds):
                (seconds, rows), (beside, plain_rows) = timed(ours), timed(theirs)
                assert rows == plain_rows or not suffix, f"{name}: {rows} rows, plain DuckDB finds {plain_rows}"
                samples.setdefault(name + suffix, []).append((seconds, beside))
    print(json.dumps(samples))


if __name__ == "__main__":
    main()
